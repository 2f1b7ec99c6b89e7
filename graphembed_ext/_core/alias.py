"""Alias tables: weighted choice among a node's edges in constant time (Walker 1977, Vose 1991)."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
import torch
from torch import Tensor

from .doors import ascending

__all__ = ["AliasTable", "alias_table"]

_ONE = 1 << 32


class AliasTable(NamedTuple):
    """For each entry of a CSR: keep it when 32 random bits fall below ``threshold``, else take entry ``other``.

    Attributes:
        threshold: int64 from 0 to 2**32, shape ``(num_edges,)``.
        other: Position in the CSR, int64, shape ``(num_edges,)``.
        degrees: Row lengths, 0 for rows whose weights are all zero, int64, shape ``(num_rows,)``.
    """

    threshold: Tensor
    other: Tensor
    degrees: Tensor


def alias_table(indptr: Tensor, weight: Tensor) -> AliasTable:
    """Build the table of every row in one pass.

    Args:
        indptr: CSR row pointers, int64, shape ``(num_rows + 1,)``.
        weight: Weight of each entry, at least 0 and finite, shape ``(num_edges,)``.

    Raises:
        InputError: Row pointers that are not of so many entries.

    Example:
        >>> table = alias_table(torch.tensor([0, 2]), torch.tensor([1.0, 3.0]))
        >>> table.threshold / 2**32  # the first edge keeps half of its slot: 1/2 of 1/2 is 1/4
        tensor([0.5000, 1.0000])
        >>> table.other
        tensor([1, 1])
    """
    ascending("indptr", indptr, weight.numel())
    threshold, other, degrees = _build(indptr.cpu().numpy(), weight.detach().cpu().double().numpy())
    return AliasTable(*(torch.from_numpy(part).to(indptr.device) for part in (threshold, other, degrees)))


@numba.njit(cache=True)
def _build(indptr, weight):  # type: ignore[no-untyped-def]
    rows = indptr.size - 1
    threshold = np.empty(weight.size, np.int64)
    other = np.arange(weight.size)
    degrees = np.zeros(rows, np.int64)
    longest = 0
    for row in range(rows):
        longest = max(longest, indptr[row + 1] - indptr[row])
    scaled, light, heavy = np.empty(longest), np.empty(longest, np.int64), np.empty(longest, np.int64)
    for row in range(rows):
        start, size = indptr[row], indptr[row + 1] - indptr[row]
        total = 0.0
        for k in range(size):
            total += weight[start + k]
        if not total > 0:
            threshold[start : start + size] = _ONE
            continue
        degrees[row] = size
        lights = heavies = 0
        for k in range(size):
            scaled[k] = weight[start + k] / total * size
            if scaled[k] < 1:
                light[lights] = k
                lights += 1
            else:
                heavy[heavies] = k
                heavies += 1
        while lights > 0 and heavies > 0:
            lights -= 1
            small, large = light[lights], heavy[heavies - 1]
            threshold[start + small] = np.int64(scaled[small] * _ONE)
            other[start + small] = start + large
            scaled[large] -= 1 - scaled[small]
            if scaled[large] < 1:
                heavies -= 1
                light[lights] = large
                lights += 1
        # What is left over is 1 but for rounding, except for weights of zero, which must never be drawn.
        for k in range(heavies):
            threshold[start + heavy[k]] = _ONE
        for k in range(lights):
            threshold[start + light[k]] = _ONE
            if weight[start + light[k]] == 0:
                threshold[start + light[k]] = 0
                other[start + light[k]] = start + np.argmax(weight[start : start + size])
    return threshold, other, degrees
