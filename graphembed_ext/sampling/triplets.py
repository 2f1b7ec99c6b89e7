"""Triplets for ranking: a user, an item it interacted with, and one it did not."""

from __future__ import annotations

import torch
from torch import Tensor

from .._core import checks, rng
from ..errors import InputError
from ..graph.interactions import Interactions

__all__ = ["SAMPLINGS", "Triplets"]

SAMPLINGS = ("interactions", "users")


class Triplets:
    """Draws triplets; the negatives are uniform, and no known positive is among them.

    They are found without trial and error: a uniform number ``r`` below the count of the items that a user has not
    interacted with names the ``r``-th of these, found by bisection among those it has. A user who has every item can
    stand in no triplet and is passed over.

    Args:
        known: The interactions. Repeated pairs count as often as they occur.
        sampling: ``"interactions"``: every interaction once an epoch, in random order. ``"users"``: a uniform user and
            then a uniform one of its interactions, as LightGCN-PyTorch draws; active users then count no more than
            others.
        seed: Fixes the draws.
        num_negatives: Negatives for each observed item, K, each drawn on its own.

    Raises:
        InputError: Every user has every item.

    Example:
        >>> from graphembed_ext.graph.interactions import Sides
        >>> known = Interactions(Sides(range(2), range(2, 5)), torch.tensor([0, 0, 1]), torch.tensor([2, 4, 3]))
        >>> triplets = Triplets(known, seed=0)
        >>> users, items, negatives = triplets.draw(epoch=0, first=0, last=len(triplets))
        >>> negatives[users == 0]  # the only item that user 0 does not have
        tensor([3, 3])
    """

    def __init__(
        self, known: Interactions, sampling: str = "interactions", seed: int = 0, num_negatives: int = 1
    ) -> None:
        self._negatives = num_negatives
        self._sampling, self._seed = checks.choice("sampling", sampling, SAMPLINGS), seed
        sides = known.sides
        self._first_user, self._first_item, self._num_items = sides.users.start, sides.items.start, len(sides.items)
        self._bounds, items = known.by_user()
        self._items = items - sides.items.start
        count = len(sides.users)
        owner = torch.repeat_interleave(torch.arange(count, device=items.device), self._bounds.diff())
        new = torch.ones_like(owner, dtype=torch.bool)
        new[1:] = (owner[1:] != owner[:-1]) | (self._items[1:] != self._items[:-1])
        distinct, users = self._items[new], owner[new]
        self._taken = torch.bincount(users, minlength=count)
        self._starts = torch.cumsum(self._taken, 0) - self._taken
        # How many items that a user lacks lie before each that it has, users one after another: ascending.
        before = distinct - (torch.arange(len(users), device=users.device) - self._starts[users])
        self._before = users * (self._num_items + 1) + before
        able = self._taken < self._num_items
        self._entries = (able[owner]).nonzero().view(-1)
        self._users = (able & (self._taken > 0)).nonzero().view(-1)
        self._owner = owner
        if not len(self._users):
            raise InputError("graph", "users who have every item", "a user with an item left that can rank below")

    def __len__(self) -> int:
        """Triplets in an epoch: as many as interactions of users who do not have everything."""
        return len(self._entries)

    def draw(self, epoch: int, first: int, last: int) -> tuple[Tensor, Tensor, Tensor]:
        """Rows of users, items and negatives, each ``(last - first,)``; by seed, epoch and number alone. With several
        negatives, these are ``(last - first, K)``."""
        numbers = torch.arange(first, last, device=self._items.device)
        if self._sampling == "users":
            user = self._users[rng.below(torch.tensor(len(self._users)), self._bits(epoch, "user", numbers))]
            amount = self._bounds[user + 1] - self._bounds[user]
            item = self._items[self._bounds[user] + rng.below(amount, self._bits(epoch, "touched", numbers))]
        else:
            entry = self._order(epoch)[first:last]
            user, item = self._owner[entry], self._items[entry]
        others = self._lacking(epoch, user, numbers)
        return user + self._first_user, item + self._first_item, others + self._first_item

    def _lacking(self, epoch: int, user: Tensor, numbers: Tensor) -> Tensor:
        """Items that users lack, by their places among the items."""
        if self._negatives > 1:
            user = user.unsqueeze(1)
            numbers = numbers.unsqueeze(1) * self._negatives + torch.arange(self._negatives, device=numbers.device)
        rank = rng.below(self._num_items - self._taken[user], self._bits(epoch, "other", numbers))
        keys = user * (self._num_items + 1) + rank
        return rank + torch.searchsorted(self._before, keys, right=True) - self._starts[user]

    def _bits(self, epoch: int, purpose: str, numbers: Tensor) -> Tensor:
        return rng.bits(rng.key(self._seed, "triplets", purpose, epoch), numbers)

    def _order(self, epoch: int) -> Tensor:
        if getattr(self, "_ordered", None) != epoch:
            order = torch.randperm(len(self), generator=rng.generator(rng.key(self._seed, "triplets", "order", epoch)))
            self._shuffled, self._ordered = self._entries[order.to(self._entries.device)], epoch
        return self._shuffled
