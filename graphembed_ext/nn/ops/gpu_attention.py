"""Attention over in-neighbours on a GPU, without a tensor of the size of the edges times the vectors.

A program goes along the edges of one row for one head, once, the sum scaled anew where a higher score comes; so that no
two write to one place. Imported only where there is Triton.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..._core import rng
from ..._core.gpu import next_power_of_2, on_device_of
from ..._core.gpu_bits import bits
from ...graph.adjacency import Adjacency
from .attention_plain import ONE, gradients_plainly
from .gpu_sums import longest_first

__all__ = ["attend_on_gpu", "attention", "attention_gradients"]

#: Numbers of an edge's vector that a program has at once, and edges, at least and at most.
_NUMBERS, _FEW, _MANY = 512, 16, 64
_ONE = tl.constexpr(float(ONE))

#: Threshold and key of dropout, see :func:`graphembed_ext.nn.ops.attention_plain.keep_factors`.
Draws = tuple[int, int]


def attend_on_gpu(*given: Any) -> Tensor:
    """What :func:`graphembed_ext.nn.ops.attention.attend` returns, of arguments that it has checked.

    Args:
        *given: Vectors, halves of the scores and weights, then graph, slope, and threshold and key of dropout.
    """
    return _Attention.apply(*given)  # type: ignore[no-untyped-call]


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        alpha_src: Tensor,
        alpha_dst: Tensor,
        weight: Tensor | None,
        graph: Adjacency,
        slope: float,
        threshold: int,
        key: int,
    ) -> Tensor:
        ctx.graph, ctx.slope, ctx.draws = graph, slope, (threshold, key)
        factors = None if weight is None else weight.to(x.dtype)[graph.edge_ids]
        out, total = attention(graph, x, alpha_src, alpha_dst, factors, slope, ctx.draws)
        ctx.save_for_backward(x, alpha_src, alpha_dst, weight, out, total)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        x, alpha_src, alpha_dst, weight, out, total = ctx.saved_tensors
        given, graph = (x, alpha_src, alpha_dst), ctx.graph
        if torch.is_grad_enabled() or ctx.needs_input_grad[3]:
            return gradients_plainly(ctx, (*given, weight), grad)
        both = None
        if weight is not None:
            both = tuple(weight.to(x.dtype)[edges.edge_ids] for edges in (graph, graph.transposed()))
        found = attention_gradients(graph, *given, both, ctx.slope, ctx.draws, total, (grad * out).sum(2), grad)
        return *found, None, None, None, None, None


def attention(
    graph: Adjacency, x: Tensor, alpha_src: Tensor, alpha_dst: Tensor, weight: Tensor | None, slope: float, draws: Draws
) -> tuple[Tensor, Tensor]:
    """Sums of vectors by attention, and what undoes the softmax.

    Args:
        graph: The edges.
        x: ``(num_src, H, D)``.
        alpha_src, alpha_dst: Halves of the scores, ``(num_src, H)`` and ``(num_dst, H)``.
        weight: Factor of each entry of the graph after the softmax, ``(E,)``.
        slope: Of the scores below 0.
        draws: Of the dropout.

    Returns:
        ``(num_dst, H, D)``; and the log of the sum of the exponentials of the scores, ``(num_dst, H)``.
    """
    x, alpha_src, alpha_dst = x.contiguous(), alpha_src.contiguous(), alpha_dst.contiguous()
    out, total = x.new_empty(graph.num_dst, *x.shape[1:]), x.new_empty(graph.num_dst, x.size(1))
    with on_device_of(x):
        _attend[(graph.num_dst, x.size(1))](
            *_rows(graph), x, alpha_src, alpha_dst, total, out, graph.num_src, **_common(x, weight, slope, draws)
        )
    return out, total


def attention_gradients(
    graph: Adjacency,
    x: Tensor,
    alpha_src: Tensor,
    alpha_dst: Tensor,
    weight: tuple[Tensor, Tensor] | None,
    slope: float,
    draws: Draws,
    total: Tensor,
    mean: Tensor,
    grad: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of ``x`` and of both halves of the scores.

    Args:
        graph, x, alpha_src, alpha_dst, slope, draws, total: As for :func:`attention`.
        weight: Factors of the entries of the graph and of the transposed one.
        mean: The gradient of the output times the output, summed over its vectors, ``(num_dst, H)``.
        grad: The gradient of the output, ``(num_dst, H, D)``.
    """
    x, alpha_src, alpha_dst, grad = (part.contiguous() for part in (x, alpha_src, alpha_dst, grad))
    grad_x, grad_src, grad_dst = torch.empty_like(x), torch.empty_like(alpha_src), torch.empty_like(alpha_dst)
    turned, given = graph.transposed(), (x, alpha_src, alpha_dst, total, mean, grad)
    common, common_turned = (_common(x, part, slope, draws) for part in weight or (None, None))
    with on_device_of(x):
        _to_destinations[(graph.num_dst, x.size(1))](*_rows(graph), *given, grad_dst, graph.num_src, **common)
        _to_sources[(graph.num_src, x.size(1))](
            *_rows(turned), *given, grad_x, grad_src, graph.num_src, **common_turned
        )
    return grad_x, grad_src, grad_dst


def _rows(graph: Adjacency) -> tuple[Tensor, Tensor, Tensor]:
    return longest_first(graph)[0], graph.indptr, graph.indices


def _common(x: Tensor, weight: Tensor | None, slope: float, draws: Draws) -> dict[str, Any]:
    threshold, key = draws
    return {
        "weight": x if weight is None else weight,
        "heads": x.size(1),
        "dim": x.size(2),
        "threshold": threshold,
        "key": rng.signed(key),
        "SLOPE": slope,
        "WEIGHTED": weight is not None,
        "DROPS": threshold > 0,
        "DIM": next_power_of_2(x.size(2)),
        "EDGES": min(_MANY, max(_FEW, _NUMBERS // next_power_of_2(x.size(2)))),
        "WIDE": tl.float64 if x.dtype == torch.float64 else tl.float32,
        "num_warps": 1,
    }


@triton.jit
def _own_part(order, indptr, heads, DIM: tl.constexpr):
    """What a program is for: a row and a head, their place among all, the columns of a vector, the row's entries."""
    row, head = tl.load(order + tl.program_id(0)), tl.program_id(1)
    begin, end = tl.load(indptr + row), tl.load(indptr + row + 1)
    return row, head, row * heads + head, tl.arange(0, DIM), begin, end


@triton.jit
def _scores(source, destination, there, SLOPE: tl.constexpr, WIDE: tl.constexpr):
    """The score of each edge, and its slope."""
    score = source + destination
    steep = tl.where(score > 0, tl.full([1], 1.0, WIDE), tl.full([1], SLOPE, WIDE))
    return tl.where(there, score * steep, float("-inf")), steep


@triton.jit
def _kept(edge, weight, entry, there, threshold, key, WEIGHTED: tl.constexpr, DROPS: tl.constexpr, WIDE: tl.constexpr):
    """What an edge's attention is multiplied by: its weight, and 0 or more where it is dropped or stays."""
    factor = tl.where(there, 1.0, 0.0).to(WIDE)
    if WEIGHTED:
        factor *= tl.load(weight + entry, mask=there, other=0).to(WIDE)
    if DROPS:
        drawn = bits(key.to(tl.uint64), edge.to(tl.uint64)) >> 32
        factor *= tl.where(drawn < threshold.to(tl.uint64), _ONE / threshold.to(WIDE), 0.0)
    return factor


@triton.jit(do_not_specialize=["num_src", "threshold", "key"])
def _attend(
    order, indptr, indices, x, alpha_src, alpha_dst, total, out, num_src, weight, heads, dim, threshold, key,
    SLOPE: tl.constexpr, WEIGHTED: tl.constexpr, DROPS: tl.constexpr, DIM: tl.constexpr, EDGES: tl.constexpr,
    WIDE: tl.constexpr,
):  # fmt: skip
    row, head, place, column, begin, end = _own_part(order, indptr, heads, DIM)
    inside = column < dim
    own = tl.load(alpha_dst + place).to(WIDE)
    largest = tl.full([1], float("-inf"), WIDE)
    summed = tl.zeros([1], WIDE)
    sums = tl.zeros([DIM], WIDE)
    for first in range(begin, end, EDGES):
        entry = first + tl.arange(0, EDGES)
        there = entry < end
        source = tl.load(indices + entry, mask=there, other=0).to(tl.int64)
        half = tl.load(alpha_src + source * heads + head, mask=there, other=0).to(WIDE)
        score, _ = _scores(half, own, there, SLOPE, WIDE)
        higher = tl.maximum(largest, tl.max(score, 0))
        before = tl.exp(largest - higher)
        part = tl.exp(score - higher)
        summed = summed * before + tl.sum(part, 0)
        part *= _kept(
            (row * num_src + source) * heads + head, weight, entry, there, threshold, key, WEIGHTED, DROPS, WIDE
        )
        at = x + (source * heads + head)[:, None] * dim + column[None, :]
        vector = tl.load(at, mask=there[:, None] & inside[None, :], other=0).to(WIDE)
        sums = sums * before + tl.sum(part[:, None] * vector, 0)
        largest = higher
    empty = begin == end
    sums = tl.where(empty, 0.0, sums / tl.where(empty, 1.0, summed))
    tl.store(out + place * dim + column, sums.to(out.dtype.element_ty), mask=inside)
    log = tl.where(empty, 0.0, largest + tl.log(tl.where(empty, 1.0, summed)))
    tl.store(total + place + tl.arange(0, 1), log.to(total.dtype.element_ty))


@triton.jit(do_not_specialize=["num_src", "threshold", "key"])
def _to_destinations(
    order, indptr, indices, x, alpha_src, alpha_dst, total, mean, grad, grad_dst, num_src, weight, heads, dim,
    threshold, key, SLOPE: tl.constexpr,
    WEIGHTED: tl.constexpr, DROPS: tl.constexpr, DIM: tl.constexpr, EDGES: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    row, head, place, column, begin, end = _own_part(order, indptr, heads, DIM)
    inside = column < dim
    own, log = tl.load(alpha_dst + place).to(WIDE), tl.load(total + place).to(WIDE)
    middle = tl.load(mean + place).to(WIDE)
    arriving = tl.load(grad + place * dim + column, mask=inside, other=0).to(WIDE)
    found = tl.zeros([1], WIDE)
    for first in range(begin, end, EDGES):
        entry = first + tl.arange(0, EDGES)
        there = entry < end
        source = tl.load(indices + entry, mask=there, other=0).to(tl.int64)
        half = tl.load(alpha_src + source * heads + head, mask=there, other=0).to(WIDE)
        score, steep = _scores(half, own, there, SLOPE, WIDE)
        kept = _kept(
            (row * num_src + source) * heads + head, weight, entry, there, threshold, key, WEIGHTED, DROPS, WIDE
        )
        at = x + (source * heads + head)[:, None] * dim + column[None, :]
        vector = tl.load(at, mask=there[:, None] & inside[None, :], other=0).to(WIDE)
        product = tl.sum(vector * arriving[None, :], 1)
        found += tl.sum(tl.exp(score - log) * (kept * product - middle) * steep, 0)
    tl.store(grad_dst + place + tl.arange(0, 1), found.to(grad_dst.dtype.element_ty))


@triton.jit(do_not_specialize=["num_src", "threshold", "key"])
def _to_sources(
    order, indptr, indices, x, alpha_src, alpha_dst, total, mean, grad, grad_x, grad_src, num_src, weight, heads, dim,
    threshold, key, SLOPE: tl.constexpr,
    WEIGHTED: tl.constexpr, DROPS: tl.constexpr, DIM: tl.constexpr, EDGES: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    row, head, place, column, begin, end = _own_part(order, indptr, heads, DIM)
    inside = column < dim
    own = tl.load(alpha_src + place).to(WIDE)
    vector = tl.load(x + place * dim + column, mask=inside, other=0).to(WIDE)
    sums, found = tl.zeros([DIM], WIDE), tl.zeros([1], WIDE)
    for first in range(begin, end, EDGES):
        entry = first + tl.arange(0, EDGES)
        there = entry < end
        to = tl.load(indices + entry, mask=there, other=0).to(tl.int64)
        half = tl.load(alpha_dst + to * heads + head, mask=there, other=0).to(WIDE)
        log = tl.load(total + to * heads + head, mask=there, other=0).to(WIDE)
        middle = tl.load(mean + to * heads + head, mask=there, other=0).to(WIDE)
        score, steep = _scores(own, half, there, SLOPE, WIDE)
        edge = (to * num_src + row) * heads + head
        kept = _kept(edge, weight, entry, there, threshold, key, WEIGHTED, DROPS, WIDE)
        at = grad + (to * heads + head)[:, None] * dim + column[None, :]
        arriving = tl.load(at, mask=there[:, None] & inside[None, :], other=0).to(WIDE)
        attention = tl.exp(score - log)
        product = tl.sum(arriving * vector[None, :], 1)
        sums += tl.sum((attention * kept)[:, None] * arriving, 0)
        found += tl.sum(attention * (kept * product - middle) * steep, 0)
    tl.store(grad_x + place * dim + column, sums.to(grad_x.dtype.element_ty), mask=inside)
    tl.store(grad_src + place + tl.arange(0, 1), found.to(grad_src.dtype.element_ty))
