"""Histories for ranking: users with everything they interacted with, and negatives for all of them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .._core import checks, rng
from ..errors import InputError
from ..graph.interactions import Interactions

__all__ = ["Histories", "HistoryBatch"]


class HistoryBatch(NamedTuple):
    """Some users, all their interactions, and items that each of these is ranked above.

    Attributes:
        users: Rows of distinct users, ``(U,)``.
        owner: Whose each interaction is, as a place in ``users``, ``(B,)``.
        items: Rows of the items, ``(B,)``.
        negatives: Rows of items for all of them, ``(N,)``.
    """

    users: Tensor
    owner: Tensor
    items: Tensor
    negatives: Tensor


class Histories:
    """Draws users without return and takes all their interactions, with negatives that the whole batch shares.

    A user's negatives then have to be scored once, not once for each of its interactions: a step over thousands of
    interactions costs little more than one over as many users.

    The negatives are uniform and drawn with return. A user's own items are not kept out of them: among many items they
    are rare. Where there are no more items than negatives wanted, they are all items, each once. A user who has every
    item is passed over.

    Args:
        known: The interactions. Repeated pairs count as often as they occur.
        num_negatives: Negatives of a batch.
        seed: Fixes the draws.

    Attributes:
        num_negatives: Negatives of a batch: at most the number of items.
        exhaustive: Whether they are all items.

    Raises:
        InputError: Every user has every item.

    Example:
        >>> from graphembed_ext.graph.interactions import Sides
        >>> known = Interactions(Sides(range(2), range(2, 5)), torch.tensor([0, 0, 1]), torch.tensor([2, 4, 3]))
        >>> batch = Histories(known, num_negatives=10).draw(epoch=0, first=0, last=2)
        >>> sorted(zip(batch.users[batch.owner].tolist(), batch.items.tolist())), batch.negatives
        ([(0, 2), (0, 4), (1, 3)], tensor([2, 3, 4]))
    """

    def __init__(self, known: Interactions, num_negatives: int, seed: int = 0) -> None:
        self._seed, self._first_user, self._all_items = seed, known.sides.users.start, known.sides.items
        self.exhaustive = checks.integer("num_negatives", num_negatives) >= len(self._all_items)
        self.num_negatives = min(num_negatives, len(self._all_items))
        self._bounds, self._items = known.by_user()
        self._users = self._able().nonzero().view(-1)
        if not len(self._users):
            raise InputError("graph", "users who have every item", "a user with an item left that can rank below")

    def _able(self) -> Tensor:
        """Whether each user has some items, and not all."""
        amount = self._bounds.diff()
        owner = torch.repeat_interleave(torch.arange(len(amount), device=amount.device), amount)
        new = torch.ones_like(owner, dtype=torch.bool)
        new[1:] = (owner[1:] != owner[:-1]) | (self._items[1:] != self._items[:-1])
        distinct = torch.bincount(owner[new], minlength=len(amount))
        return (distinct > 0) & (distinct < len(self._all_items))

    def __len__(self) -> int:
        """Users in an epoch: those with interactions, but not with every item."""
        return len(self._users)

    def draw(self, epoch: int, first: int, last: int) -> HistoryBatch:
        """The users from ``first`` to ``last`` of an epoch's order; by seed, epoch and these alone."""
        users = self._order(epoch)[first:last]
        amount = self._bounds[users + 1] - self._bounds[users]
        owner = torch.repeat_interleave(torch.arange(len(users), device=users.device), amount)
        shift = self._bounds[users] - torch.cumsum(amount, 0) + amount
        items = self._items[torch.arange(len(owner), device=users.device) + shift[owner]]
        return HistoryBatch(users + self._first_user, owner, items, self._negatives(epoch, first))

    def _negatives(self, epoch: int, first: int) -> Tensor:
        start, device = self._all_items.start, self._items.device
        if self.exhaustive:
            return torch.arange(start, self._all_items.stop, device=device)
        drawn = rng.bits(
            rng.key(self._seed, "histories", "negatives", epoch, first), torch.arange(self.num_negatives, device=device)
        )
        return rng.below(torch.tensor(len(self._all_items)), drawn) + start

    def _order(self, epoch: int) -> Tensor:
        if getattr(self, "_ordered", None) != epoch:
            order = torch.randperm(len(self), generator=rng.generator(rng.key(self._seed, "histories", "order", epoch)))
            self._shuffled, self._ordered = self._users[order.to(self._users.device)], epoch
        return self._shuffled
