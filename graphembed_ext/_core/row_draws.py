"""Draws in proportion to weights that are asked for where they are needed, so that few of them are kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

__all__ = ["RowDraws"]

#: Rows whose weights are added up again when one of them is drawn; of so many, one sum is kept.
_BLOCK = 16
#: Rows that are asked for at a time when the sums are made.
_CHUNK = 1 << 16


class RowDraws:
    """Draws rows in proportion to their weights, within groups of rows.

    Which row is drawn is what a search in the running sums of all weights would find, to the bit.

    Args:
        count: Number of rows.
        weights_of: The weights of some rows, for their numbers ``(R,)``: finite, not negative, ``(R,)``.
        bounds: Where groups begin and end, ``[0, ..., count]``.

    Example:
        >>> weights = torch.tensor([1.0, 0.0, 2.0, 5.0])
        >>> draws = RowDraws(4, weights.__getitem__, [0, 3, 4])
        >>> draws.at(torch.tensor([0.0, 0.3, 0.4, 0.0]), torch.tensor([0, 0, 0, 1])).tolist()
        [0, 0, 2, 3]
    """

    def __init__(self, count: int, weights_of: Callable[[Tensor], Tensor], bounds: Sequence[int]) -> None:
        self._count, self._weights_of = count, weights_of
        self._bounds = torch.as_tensor(bounds)
        #: The sum of all weights before each block, and of all.
        self._before = torch.zeros(-(-count // _BLOCK) + 1, dtype=torch.float64)
        #: The sum of all weights before each bound.
        self._ends = torch.zeros(len(self._bounds), dtype=torch.float64)
        total = torch.zeros(1, dtype=torch.float64)
        for low in range(0, count, _CHUNK):
            high = min(count, low + _CHUNK)
            sums = torch.cumsum(torch.cat([total, weights_of(torch.arange(low, high)).double()]), 0)
            first = low // _BLOCK
            self._before[first : first + -(-(high - low) // _BLOCK)] = sums[:-1:_BLOCK]
            here = (self._bounds > low) & (self._bounds <= high)
            self._ends[here] = sums[self._bounds[here] - low]
            total = sums[-1:]
        self._before[-1:] = total

    def at(self, shares: Tensor, groups: Tensor) -> Tensor:
        """Rows, one for each share.

        Args:
            shares: From 0 to below 1, float64: how far into the weights of its group a row stands.
            groups: The group of each.

        Returns:
            int64, of the shape of ``shares``.
        """
        low, high = self._ends[groups], self._ends[groups + 1]
        wanted = (low + shares * (high - low)).flatten()
        block = torch.searchsorted(self._before[1:-1], wanted, right=True)
        blocks, place = torch.unique(block, return_inverse=True)
        sums = self._sums(blocks)[place]
        found = block * _BLOCK + torch.searchsorted(sums, wanted.unsqueeze(1), right=True).squeeze(1)
        return torch.minimum(found.view(shares.shape), self._bounds[groups + 1] - 1)

    def _sums(self, blocks: Tensor) -> Tensor:
        """The running sums of some blocks, ``(R, _BLOCK)``, added up from the sum before each as all in a row are."""
        rows = blocks.unsqueeze(1) * _BLOCK + torch.arange(_BLOCK)
        weights = self._weights_of(rows.clamp(max=self._count - 1).flatten()).double().view(rows.shape)
        weights = weights.masked_fill(rows >= self._count, 0)
        return torch.cumsum(torch.cat([self._before[blocks].unsqueeze(1), weights], 1), 1)[:, 1:].contiguous()
