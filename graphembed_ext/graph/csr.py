"""Compressed rows of a graph, in the order that every host's edges are brought into."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from .._core.mapped import narrow_dtype

__all__ = ["CSR", "OrderedCSR", "bounds_of", "canonical_csr", "spans"]

#: Edges from which on a compiled sort is worth its loading, and that are looked at a time.
_MANY = 1 << 16


class CSR(NamedTuple):
    """Compressed rows of a graph: row ``v`` is ``indices[indptr[v]:indptr[v + 1]]``, sorted.

    Attributes:
        indptr: int64, shape ``(num_rows + 1,)``.
        indices: Neighbour of each entry, shape ``(num_edges,)``: int64, or int32 in the narrow form.
        edge_ids: Position of each entry in the host's edge list, likewise.
    """

    indptr: Tensor
    indices: Tensor
    edge_ids: Tensor

    @property
    def degrees(self) -> Tensor:
        """Out-degree of every row, int64, shape ``(num_rows,)``."""
        return self.indptr[1:] - self.indptr[:-1]


class OrderedCSR(CSR):
    """Rows of a graph whose edges are in the order of its entries: their ids are counted when they are asked for."""

    __slots__ = ()

    def __new__(cls, indptr: Tensor, indices: Tensor) -> OrderedCSR:
        """Of bounds and neighbours alone."""
        return super().__new__(cls, indptr, indices, indices[:0])

    @property
    def edge_ids(self) -> Tensor:
        """0, 1, 2, ...: int64, shape ``(num_edges,)``."""
        return torch.arange(len(self.indices), device=self.indices.device)

    def __iter__(self) -> Iterator[Tensor]:
        return iter((self.indptr, self.indices, self.edge_ids))


def canonical_csr(src: Tensor, dst: Tensor, rows: int, columns: int) -> CSR:
    """Rows of edges: by source, then by destination, then as they come; ids are int32 where that is wide enough.

    Args:
        src, dst: int64 or int32, ``(E,)``.
        rows, columns: How many sources and destinations there are.
    """
    if _in_order(src, dst):
        return OrderedCSR(bounds_of(src, rows), dst.to(narrow_dtype(columns), copy=True))
    if src.device.type == "cpu" and max(rows, columns, _MANY) <= len(src):
        from .._core.grouping import grouped, taken  # compiled code, which small graphs do without

        bounds, order = grouped(src, rows, grouped(dst, columns)[1])
        return CSR(bounds, taken(dst, order, narrow_dtype(columns)), order)
    if rows * columns < 1 << 63:
        order = torch.argsort(src.long() * max(columns, 1) + dst, stable=True)
    else:  # a pair does not fit into one number
        order = torch.argsort(dst, stable=True)
        order = order[torch.argsort(src[order], stable=True)]
    return CSR(bounds_of(src, rows), dst[order].to(narrow_dtype(columns)), order.to(narrow_dtype(len(order))))


def bounds_of(keys: Tensor, rows: int) -> Tensor:
    """Where the entries of each row begin and end once they are grouped by these keys: int64, ``(rows + 1,)``."""
    bounds = torch.zeros(rows + 1, dtype=torch.int64, device=keys.device)
    torch.cumsum(torch.bincount(keys, minlength=rows), 0, out=bounds[1:])
    return bounds


def spans(indptr: Tensor) -> Iterator[tuple[int, int]]:
    """Rows from a first to a last one, in turn, with so many entries as are looked at a time, or one row with more; all
    rows at once on another device.

    Example:
        >>> list(spans(torch.tensor([0, 2, 2, 70_000, 70_001])))
        [(0, 2), (2, 3), (3, 4)]
    """
    rows, first = len(indptr) - 1, 0
    while first < rows:
        last = rows
        if indptr.device.type == "cpu":
            end = torch.searchsorted(indptr, int(indptr[first]) + _MANY, right=True)
            last = min(max(int(end) - 1, first + 1), rows)
        yield first, last
        first = last


def _in_order(src: Tensor, dst: Tensor) -> bool:
    """Whether edges ascend by source and destination."""
    each = _MANY if src.device.type == "cpu" else max(len(src), 1)  # one question to another device
    for low in range(0, len(src) - 1, each):
        here, following = slice(low, low + each), slice(low + 1, low + each + 1)
        count = len(src[following])
        before, after = src[here][:count], src[following]
        there = (before < after) | ((before == after) & (dst[here][:count] <= dst[following]))
        if not bool(there.all()):
            return False
    return True
