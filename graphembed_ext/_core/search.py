"""Binary search, in compiled code and for tensors."""

from __future__ import annotations

import numba
import torch
from torch import Tensor

__all__ = ["first_at", "found"]


@numba.njit(cache=True, nogil=True, inline="always")
def first_at(values, low, high, wanted):  # type: ignore[no-untyped-def]
    """First place from ``low`` to ``high`` whose value is not below ``wanted``; ``values`` ascend between the two."""
    while low < high:
        middle = (low + high) >> 1
        if values[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low


def found(values: Tensor, wanted: Tensor) -> Tensor:
    """Which of some numbers are among others.

    Args:
        values: Ascending, ``(N,)``, on the device of ``wanted``.
        wanted: Of any shape.

    Returns:
        bool, of the shape of ``wanted``.

    Example:
        >>> found(torch.tensor([1, 4, 4, 9]), torch.tensor([[4, 5], [0, 9]]))
        tensor([[ True, False],
                [False,  True]])
    """
    if not len(values):
        return torch.zeros_like(wanted, dtype=torch.bool)
    return values[torch.searchsorted(values, wanted).clamp(max=len(values) - 1)] == wanted
