"""An order whose places are worked out one by one is an order of all, and as random as one that is drawn."""

from __future__ import annotations

import pytest
import torch

from graphembed_ext._core.shuffle import Shuffle


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 16, 17, 63, 255, 256, 257, 1000, 65_537])
def test_every_number_stands_at_one_place(size):
    order = Shuffle(size, 7).at(torch.arange(size))
    assert order.dtype == torch.int64
    assert torch.equal(order.sort().values, torch.arange(size))


def test_a_place_is_the_same_whoever_asks_for_it():
    shuffle = Shuffle(10_007, 3)
    order = shuffle.at(torch.arange(10_007))
    assert torch.equal(
        torch.cat([shuffle.at(torch.arange(low, min(low + 512, 10_007))) for low in range(0, 10_007, 512)]), order
    )
    assert torch.equal(shuffle.at(torch.tensor([[5, 9], [0, 1]])), order[torch.tensor([[5, 9], [0, 1]])])
    assert not torch.equal(Shuffle(10_007, 4).at(torch.arange(10_007)), order)
    assert Shuffle(1 << 40, 0).at(torch.arange(10)).unique().numel() == 10


def test_orders_are_uniform():
    """Each number at each place alike, over keys; and no run of neighbours beyond chance."""
    size, keys = 20, 4000
    orders = torch.stack([Shuffle(size, key).at(torch.arange(size)) for key in range(keys)])
    counts = torch.stack([torch.bincount(orders[:, place], minlength=size) for place in range(size)]).double()
    expected = keys / size
    chi = float(((counts - expected) ** 2 / expected).sum())
    freedom = (size - 1) ** 2
    assert abs(chi - freedom) < 5 * (2 * freedom) ** 0.5
    steps = float((orders[:, 1:] - orders[:, :-1] == 1).double().mean())
    chance = 1 / size
    assert abs(steps - chance) < 5 * (chance / (keys * (size - 1))) ** 0.5
