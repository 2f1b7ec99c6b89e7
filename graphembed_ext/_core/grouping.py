"""Numbers grouped by what they are, in one pass over them: a counting sort, which takes no memory but its result."""

from __future__ import annotations

import numpy as np
import torch
from numba import njit
from torch import Tensor

from .mapped import narrow, slices

__all__ = ["gathered", "grouped", "taken"]

#: Up to so many numbers are sorted by putting each in its place among those before it.
_FEW = 24


def grouped(keys: Tensor, groups: int, order: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Places of keys, by key.

    Args:
        keys: Numbers from 0 to ``groups - 1``, int64 or int32, ``(E,)``, on the CPU.
        groups: How many there are.
        order: Places in the order that those of equal keys are to keep; None takes them as they come.

    Returns:
        Bounds of the groups, int64, ``(groups + 1,)``; and the places, int32 where that is wide enough, ``(E,)``.

    Example:
        >>> import torch
        >>> grouped(torch.tensor([1, 0, 1]), 3)
        (tensor([0, 1, 3, 3]), tensor([1, 0, 2], dtype=torch.int32))
    """
    bounds = np.zeros(groups + 1, np.int64)
    places = np.empty(len(keys), narrow(len(keys)))
    before = places[:0] if order is None else order.numpy()
    _group(keys.contiguous().numpy(), before, bounds, places)
    return torch.from_numpy(bounds), torch.from_numpy(places)


def gathered(keys: Tensor, groups: int, values: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Values by their key, ascending among those of one, as another dtype: without the order in which they came.

    Args:
        keys: As for :func:`grouped`.
        groups: How many there are.
        values: int64 or int32, ``(E,)``, on the CPU.
        dtype: int32 or int64, wide enough for the values.

    Returns:
        Bounds of the groups, int64, ``(groups + 1,)``; and the values, ``(E,)``.

    Example:
        >>> import torch
        >>> gathered(torch.tensor([1, 0, 1]), 2, torch.tensor([7, 5, 6]), torch.int64)
        (tensor([0, 1, 3]), tensor([5, 6, 7]))
    """
    bounds = np.zeros(groups + 1, np.int64)
    found = torch.empty(len(keys), dtype=dtype)
    _gather(keys.contiguous().numpy(), values.contiguous().numpy(), bounds, found.numpy())
    return torch.from_numpy(bounds), found


def taken(values: Tensor, places: Tensor, dtype: torch.dtype) -> Tensor:
    """``values[places]`` as another dtype, without a copy of all of it in the one that it has."""
    found = torch.empty(len(places), dtype=dtype)
    for part in slices(len(places)):
        found[part] = values[places[part]]
    return found


@njit(cache=True, nogil=True)
def _count(keys, bounds):
    # While places are given out, the bound of a group is the next one that is free; afterwards that is the group's end.
    for key in keys:
        if key + 2 < len(bounds):
            bounds[key + 2] += 1
    for group in range(2, len(bounds)):
        bounds[group] += bounds[group - 1]


@njit(cache=True, nogil=True)
def _group(keys, order, bounds, places):
    _count(keys, bounds)
    for rank in range(len(keys)):
        place = order[rank] if len(order) else rank
        key = keys[place]
        places[bounds[key + 1]] = place
        bounds[key + 1] += 1


@njit(cache=True, nogil=True)
def _gather(keys, values, bounds, found):
    _count(keys, bounds)
    for place in range(len(keys)):
        key = keys[place]
        found[bounds[key + 1]] = values[place]
        bounds[key + 1] += 1
    for group in range(len(bounds) - 1):
        first, last = bounds[group], bounds[group + 1]
        if last - first > _FEW:
            found[first:last].sort()
            continue
        for place in range(first + 1, last):
            value, free = found[place], place
            while free > first and found[free - 1] > value:
                found[free] = found[free - 1]
                free -= 1
            found[free] = value
