"""Sums over neighbours on a GPU: a program for each row, so that no two write to one place and no bit depends on luck.

Rows of many edges come first and are read in larger pieces, so that no program is left over when all others are done.
Imported only where there is Triton.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..._core.gpu import next_power_of_2, on_device_of
from ...graph.adjacency import Adjacency

__all__ = ["Layer", "longest_first", "sum_rows"]

#: Columns that a program sums up, at most; edges that it reads at once, of a short row and of a long one.
_WIDEST, _FEW, _MANY = 128, 8, 64
#: Edges of a long row, at least.
_LONG = 256


def longest_first(graph: Adjacency) -> tuple[Tensor, int]:
    """Rows by their number of edges, the most first, int64; and how many are long. Made once."""
    order = graph.keep("longest first", lambda: torch.argsort(graph.degrees, descending=True, stable=True))
    if "long rows" not in graph.kept:
        graph.kept["long rows"] = int((graph.degrees >= _LONG).sum())
    return order, graph.kept["long rows"]


class Layer(NamedTuple):
    """What a layer of a propagation makes of the sum ``a`` of row ``v``: ``s * a + factor * x[v]``; of an inner one,
    ``s`` times that, as the next layer wants it.

    Attributes:
        scale: ``s`` of each row, ``(num_dst,)``.
        x: ``(num_dst, d)``.
        factor: Of ``x``.
        inner: Whether another layer follows.
    """

    scale: Tensor
    x: Tensor
    factor: float
    inner: bool


def sum_rows(graph: Adjacency, weight: Tensor | None, x: Tensor, layer: Layer | None = None) -> Tensor:
    """``out[v] = sum of weight[e] * x[u]`` over the edges ``e`` from ``u`` to ``v``, added up in one order.

    Args:
        graph: The edges.
        weight: Factor of each entry of the graph, ``(E,)``, of the type of ``x``; None for 1.
        x: ``(num_src, d)``.
        layer: What becomes of the sums; None leaves them as they are.

    Returns:
        ``(R, d)``, of the type of ``x``; sums are of 32 bits at least.
    """
    x = x.contiguous()
    width = x.size(1)
    out = x.new_empty(graph.num_dst, width)
    columns = min(_WIDEST, next_power_of_2(width))
    order, long = longest_first(graph)
    for first, last, edges, warps in ((0, long, _MANY, 4), (long, graph.num_dst, _FEW, 1)):
        if first == last or not width:
            continue
        with on_device_of(x):
            _sum_rows[(last - first, triton.cdiv(width, columns))](
                order[first:],
                graph.indptr,
                graph.indices,
                x if weight is None else weight,
                x,
                out,
                width,
                *((x, x) if layer is None else layer[:2]),
                FACTOR=0.0 if layer is None else layer.factor,
                LAYER=layer is not None,
                INNER=layer is not None and layer.inner,
                WEIGHTED=weight is not None,
                COLUMNS=columns,
                EDGES=edges,
                WIDE=tl.float64 if x.dtype == torch.float64 else tl.float32,
                num_warps=warps,
            )
    return out


@triton.jit
def _sum_rows(
    order,
    indptr,
    indices,
    weight,
    x,
    out,
    width,
    scale,
    own,
    FACTOR: tl.constexpr,
    LAYER: tl.constexpr,
    INNER: tl.constexpr,
    WEIGHTED: tl.constexpr,
    COLUMNS: tl.constexpr,
    EDGES: tl.constexpr,
    WIDE: tl.constexpr,
):
    row = tl.load(order + tl.program_id(0))
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    inside = column < width
    begin, end = tl.load(indptr + row), tl.load(indptr + row + 1)
    total = tl.zeros([COLUMNS], WIDE)
    for first in range(begin, end, EDGES):
        entry = first + tl.arange(0, EDGES)
        there = entry < end
        source = tl.load(indices + entry, mask=there, other=0).to(tl.int64)
        carried = tl.load(x + source[:, None] * width + column[None, :], mask=there[:, None] & inside[None, :], other=0)
        carried = carried.to(WIDE)
        if WEIGHTED:
            carried *= tl.load(weight + entry, mask=there, other=0).to(WIDE)[:, None]
        total += tl.sum(carried, 0)
    if LAYER:
        by = tl.load(scale + row).to(WIDE)
        mine = tl.load(own + row * width + column, mask=inside, other=0).to(WIDE)
        total = by * total + tl.full([1], FACTOR, WIDE) * mine
        if INNER:
            total *= by
    tl.store(out + row * width + column, total.to(out.dtype.element_ty), mask=inside)
