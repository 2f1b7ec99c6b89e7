"""Start nodes that are ranges of ids: any of them can be named without a number for each being kept."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["Starts"]


class Starts:
    """Ranges of ids, one after another.

    Args:
        ranges: The first id of each and the one after its last.
        device: Where ids are given.

    Example:
        >>> starts = Starts([(0, 3), (10, 12)], torch.device("cpu"))
        >>> len(starts), starts.whole().tolist(), starts.at(torch.tensor([4, 0])).tolist()
        (5, [0, 1, 2, 10, 11], [11, 0])
    """

    def __init__(self, ranges: Sequence[tuple[int, int]], device: torch.device) -> None:
        self._ranges, self._device = ranges, device
        firsts = torch.tensor([first for first, _ in ranges])
        self._ends = torch.tensor([last - first for first, last in ranges]).cumsum(0)
        #: What is added to a place in each range for the id there.
        self._shift = firsts - torch.cat([self._ends.new_zeros(1), self._ends[:-1]])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def whole(self) -> Tensor:
        """All ids, int64, ``(len(self),)``."""
        return torch.cat([torch.arange(*ends, device=self._device) for ends in self._ranges])

    def at(self, places: Tensor) -> Tensor:
        """The ids at some places from 0 to ``len(self) - 1``: int64, of their shape."""
        found = places + self._shift[torch.bucketize(places, self._ends, right=True)]
        return found.to(self._device)
