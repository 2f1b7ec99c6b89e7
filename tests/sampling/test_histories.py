"""Users with all their items, and the negatives of a batch."""

from __future__ import annotations

import pytest
import torch

from graphembed_ext.errors import InputError
from graphembed_ext.graph.interactions import Interactions, Sides
from graphembed_ext.sampling.histories import Histories

PAIRS = [(0, 1), (0, 3), (1, 0), (1, 0), (2, 0), (2, 1), (2, 2), (2, 3), (4, 2)]  # user 2 has all, user 3 nothing


def known(order=None):
    """Items first, as a typed graph has them."""
    pairs = torch.tensor(PAIRS)[order if order is not None else slice(None)]
    return Interactions(Sides(range(4, 9), range(4), "user", "item"), pairs[:, 0] + 4, pairs[:, 1])


def pairs_of(batch):
    return sorted(zip((batch.users[batch.owner] - 4).tolist(), batch.items.tolist(), strict=True))


def test_every_interaction_of_every_user_with_an_item_left():
    histories = Histories(known(), 10)
    assert (len(histories), histories.exhaustive, histories.num_negatives) == (3, True, 4)
    seen = []
    for first in range(0, 3, 2):
        batch = histories.draw(5, first, min(first + 2, 3))
        assert batch.negatives.tolist() == [0, 1, 2, 3]
        assert len(set(batch.users.tolist())) == len(batch.users)
        seen += pairs_of(batch)
    assert sorted(seen) == [pair for pair in PAIRS if pair[0] != 2]
    orders = {tuple(histories.draw(epoch, 0, 3).users.tolist()) for epoch in range(20)}
    assert len(orders) > 3


def test_negatives_are_uniform_and_go_by_seed_and_epoch():
    sides = Sides(range(2), range(2, 12))
    few = Interactions(sides, torch.tensor([0, 1]), torch.tensor([2, 3]))
    histories = Histories(few, 9)
    assert not histories.exhaustive
    drawn = torch.cat([histories.draw(epoch, 0, 2).negatives for epoch in range(2000)])
    counts = torch.bincount(drawn - 2, minlength=10).double()
    assert len(counts) == 10
    assert float(((counts - 1800) ** 2 / 1800).sum()) < 28  # chi-square with 9 degrees, p = 0.001
    again = Histories(few, 9)
    assert torch.equal(histories.draw(3, 0, 2).negatives, again.draw(3, 0, 2).negatives)
    assert not torch.equal(histories.draw(3, 0, 2).negatives, histories.draw(4, 0, 2).negatives)
    assert not torch.equal(histories.draw(3, 0, 2).negatives, Histories(few, 9, seed=1).draw(3, 0, 2).negatives)


def test_the_order_of_edges_changes_nothing():
    one, other = (Histories(known(order), 3, seed=2).draw(0, 0, 3) for order in (None, [8, 3, 0, 5, 2, 7, 1, 6, 4]))
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_users_who_have_everything():
    sides = Sides(range(2), range(2, 4))
    full = Interactions(sides, torch.tensor([0, 0, 1, 1]), torch.tensor([2, 3, 2, 3]))
    with pytest.raises(InputError, match="users who have every item"):
        Histories(full, 5)
