"""Graph attention over in-neighbours, forward and backward, without any tensor of the size of edges times ``d``.

The score of an edge from u to v is ``leaky_relu(a[u] + b[v])``, its attention the softmax over the edges into v.
Two identities leave nothing to be computed for an edge but one product for each head, one comparison, and the sum:

* With ``A`` the largest ``a`` of a head and ``s`` the negative slope, ``exp(score - m[v])`` is a product of a number
  of u and a number of v: ``exp(a[u] - A) * exp(A + b[v] - m[v])`` where ``a[u] + b[v] > 0``, and
  ``exp(s * (a[u] - A)) * exp(s * (A + b[v]) - m[v])`` elsewhere, ``m[v] = leaky_relu(A + b[v])``. Exponentials are
  taken of nodes, not of edges. Nothing overflows; nothing that matters underflows while the ``a`` of a head are not
  further apart than :data:`_SPREAD`.
* The slope of a score is 1 or ``s``. So every gradient is made of sums over the edges of either side of the kink,
  and the backward pass is the forward's kernel along the transposed edges, with gradients in place of features.

Sums go through neighbours in ascending order: neither the order of the edges nor the number of threads changes a bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numba import njit
from torch import Tensor

from ..._core.gpu import kernels_serve
from ..._core.parallel import over_rows
from ...errors import InputError
from ...graph.adjacency import Adjacency
from ..unchanged import eager
from .attention_plain import ONE, gradients_plainly, threshold_of
from .lanes import LANES, add_scaled, drop_factors, signed_factors

__all__ = ["attend", "serves"]

#: How far apart the scores of the sources may be: ``exp(-spread)`` must stay well within the normal numbers.
_SPREAD = {torch.float32: 40.0, torch.float64: 300.0}


def serves(x: Tensor, alpha_src: Tensor, negative_slope: float, graph: Adjacency | None = None) -> bool:
    """Whether :func:`attend` can work on such values: on a GPU that has the edges, too, or on the CPU where scores are
    finite and not too far apart; and where nothing traces or transforms operators.
    """
    if not x.is_floating_point() or not 0 <= negative_slope <= 1 or not eager(x, alpha_src):
        return False
    if x.device.type != "cpu":
        return kernels_serve(x, alpha_src, None if graph is None else graph.indptr)
    if not alpha_src.numel():
        return True
    low, high = torch.aminmax(alpha_src.detach(), dim=0)
    spread = float((high - low).max())
    # Not the other way round: NaN must not pass.
    return spread <= _SPREAD.get(alpha_src.dtype, _SPREAD[torch.float32])


def attend(
    graph: Adjacency,
    x: Tensor,
    alpha_src: Tensor,
    alpha_dst: Tensor,
    *,
    negative_slope: float = 0.2,
    dropout: float = 0.0,
    key: int = 0,
    weight: Tensor | None = None,
) -> Tensor:
    """Sums of the in-neighbours' vectors, weighted by attention; gradients flow to all four tensors.

    Args:
        graph: The edges.
        x: Vectors of the sources by head, ``(num_src, H, D)``.
        alpha_src: The sources' halves of the scores, ``(num_src, H)``.
        alpha_dst: The destinations' halves, ``(num_dst, H)``.
        negative_slope: Slope of the scores below 0, from 0 to 1.
        dropout: Chance to leave out an edge in a head; what stays is scaled up. Edges between the same two nodes
            are left out together.
        key: Key of the random stream of dropout; see :func:`~graphembed_ext.nn.ops.attention_plain.keep_factors`.
        weight: Factor of each edge, after the softmax, in the order of the list of edges that ``graph`` was made
            from, ``(num_edges,)``.

    Returns:
        ``(num_dst, H, D)``; zeros where nothing comes in.

    Raises:
        InputError: Shapes that do not match.

    Reference:
        Velickovic et al. 2018, "Graph Attention Networks", arXiv:1710.10903.

    Example:
        >>> graph = Adjacency.from_edges(torch.tensor([0, 1]), torch.tensor([0, 0]), 2, 1)
        >>> x, scores = torch.tensor([[[1.0]], [[4.0]]]), torch.tensor([[0.0], [2.0]]).log1p()
        >>> attend(graph, x, scores, torch.zeros(1, 1))  # (1 * 1 + 3 * 4) / 4
        tensor([[[3.2500]]])
    """
    _check(graph, x, alpha_src, alpha_dst, weight)
    if x.numel() == 0 or graph.num_edges == 0 or dropout >= 1:
        return x.new_zeros(graph.num_dst, *x.shape[1:]) + 0 * (x.sum() + alpha_src.sum() + alpha_dst.sum())
    if x.dtype not in _SPREAD:
        exact = attend(
            graph,
            x.float(),
            alpha_src.float(),
            alpha_dst.float(),
            negative_slope=negative_slope,
            dropout=dropout,
            key=key,
            weight=weight,
        )
        return exact.to(x.dtype)
    threshold = 0 if dropout <= 0 else threshold_of(dropout)
    halves = alpha_src.to(x.dtype), alpha_dst.to(x.dtype)
    if kernels_serve(x):
        from .gpu_attention import attend_on_gpu

        return attend_on_gpu(x, *halves, weight, graph, negative_slope, threshold, key)
    return _Attention.apply(x, *halves, weight, graph, negative_slope, threshold, key)  # type: ignore[no-untyped-call]


def _check(graph: Adjacency, x: Tensor, alpha_src: Tensor, alpha_dst: Tensor, weight: Tensor | None) -> None:
    if x.dim() != 3 or len(x) != graph.num_src:
        raise InputError("x", f"shape {tuple(x.shape)}", f"shape ({graph.num_src}, heads, dim)")
    for name, alpha, rows in (("alpha_src", alpha_src, graph.num_src), ("alpha_dst", alpha_dst, graph.num_dst)):
        if alpha.shape != (rows, x.size(1)):
            raise InputError(name, f"shape {tuple(alpha.shape)}", f"shape ({rows}, {x.size(1)})")
    if weight is not None and weight.shape != (graph.num_edges,):
        raise InputError("edge_weight", f"shape {tuple(weight.shape)}", f"shape ({graph.num_edges},)")


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
        source, destination = _exponentials(alpha_src, alpha_dst, slope)
        ctx.graph, ctx.slope, ctx.draws = graph, slope, (threshold, key, graph.num_src, 1)
        sides, counts = _sums(graph, x, destination, source, torch.ones_like(alpha_src), weight, ctx.draws)
        total = counts.sum(0)
        # PyG adds 1e-16 to a denominator of at least 1, which changes nothing; here only empty rows need care.
        inverse = torch.where(total > 0, total.reciprocal(), 0)
        out = (sides[0] + sides[1]) * inverse.unsqueeze(2)
        below = sides[1] * inverse.unsqueeze(2), counts[1] * inverse
        ctx.save_for_backward(x, alpha_src, alpha_dst, weight, inverse, out, *below)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        x, alpha_src, alpha_dst, weight, inverse, out, out_below, part_below = ctx.saved_tensors
        graph: Adjacency = ctx.graph
        if torch.is_grad_enabled():  # the gradient is to be differentiated again
            return gradients_plainly(ctx, (x, alpha_src, alpha_dst, weight), grad)
        source, (half, up, down) = _exponentials(alpha_src, alpha_dst, ctx.slope)
        destination = half, up * inverse, down * inverse
        # Softmax: the gradient of a score is attention * (gradient of attention - their mean); it sums to 0 in a row.
        mean = (grad * out).sum(2)
        grad_dst = (ctx.slope - 1) * ((grad * out_below).sum(2) - part_below * mean)
        grad_x = grad_src = grad_weight = None
        if ctx.needs_input_grad[0] or ctx.needs_input_grad[1]:
            threshold, key, src_step, dst_step = ctx.draws
            draws = threshold, key, dst_step, src_step
            sides, means = _sums(graph.transposed(), grad, source, destination, mean, weight, draws)
            grad_x = sides[0] + sides[1]
            grad_src = (x * sides[0].add_(sides[1], alpha=ctx.slope)).sum(2)
            grad_src -= means[0] + ctx.slope * means[1]
        if ctx.needs_input_grad[3]:
            grad_weight = _weight_gradients(graph, x, grad, source, destination, ctx.draws).to(weight.dtype)
        return grad_x, grad_src, grad_dst, grad_weight, None, None, None, None


def _exponentials(alpha_src: Tensor, alpha_dst: Tensor, slope: float) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """For either end: half of the score, and the factors of ``exp(score)`` above and below the kink."""
    top = alpha_src.amax(0)
    largest = F.leaky_relu(top + alpha_dst, slope)
    source = alpha_src, (alpha_src - top).exp(), (slope * (alpha_src - top)).exp()
    up = (top + alpha_dst - largest).exp()
    return source, (alpha_dst, up, (slope * (top + alpha_dst) - largest).exp())


def _sums(
    graph: Adjacency,
    x: Tensor,
    mine: tuple[Tensor, ...],
    theirs: tuple[Tensor, ...],
    extra: Tensor,
    weight: Tensor | None,
    draws: tuple[int, int, int, int],
) -> tuple[Tensor, Tensor]:
    """Along the rows of a graph, sums of attention times vectors, and of attention times ``extra``.

    Args:
        graph: Rows, and the others that each row sums up.
        x: Vectors of the others, ``(num_src, H, D)``.
        mine, theirs: Half and factors of the rows and of the others.
        extra: ``(num_src, H)``.
        weight: Factor of each edge.
        draws: Threshold and key of dropout, and what a row and another count in the number of an edge.

    Returns:
        Each split into the part above the kink and the part below: ``(2, num_dst, H, D)`` and ``(2, num_dst, H)``.
    """
    heads, dim = x.shape[1:]
    more, wider = -heads % LANES, -dim % LANES
    halves = [F.pad(part.detach(), (0, more)).contiguous().view(-1).numpy() for part in (*mine, *theirs, extra)]
    vectors = F.pad(x.detach(), (0, wider)).contiguous().view(-1).numpy()
    sides = x.new_empty(2, graph.num_dst, heads, dim + wider)
    sums = x.new_empty(2, graph.num_dst, heads + more)
    weights = x.new_empty(0) if weight is None else weight.detach().to(x.dtype)[graph.edge_ids]
    threshold, key, row_step, other_step = draws
    over_rows(
        _attention_sums,
        graph.indptr,
        heads * dim,
        graph.indptr.numpy(),
        graph.indices.numpy(),
        vectors,
        *halves,
        weights.numpy(),
        np.uint64(threshold),
        np.uint64(key),
        vectors.dtype.type(ONE / max(threshold, 1)),
        row_step,
        other_step,
        sides.view(2, -1).numpy(),
        sums.view(2, -1).numpy(),
        heads,
        dim + wider,
    )
    return sides[..., :dim], sums[..., :heads]


@njit(cache=True, nogil=True)
def _attention_sums(
    first,
    last,
    indptr,
    indices,
    x,
    row_half,
    row_up,
    row_down,
    half,
    up,
    down,
    extra,
    weight,
    threshold,
    key,
    scale,
    row_step,
    other_step,
    sides,
    sums,
    heads,
    dim,
):
    padded = (heads + LANES - 1) // LANES * LANES
    width = heads * dim
    factor, side = np.empty(padded, x.dtype), np.empty(padded, np.int64)
    both, counts = np.empty(2 * width, x.dtype), np.empty(2 * padded, x.dtype)
    for row in range(first, last):
        both[:] = 0
        counts[:] = 0
        for entry in range(indptr[row], indptr[row + 1]):
            other = indices[entry]
            for block in range(0, padded, LANES):
                signed_factors(
                    row_half,
                    row_up,
                    row_down,
                    half,
                    up,
                    down,
                    extra,
                    row * padded,
                    other * padded,
                    block,
                    width,
                    padded,
                    factor,
                    side,
                    counts,
                )
            if threshold > 0:
                number = (row * row_step + other * other_step) * heads
                for block in range(0, padded, LANES):
                    drop_factors(factor, block, key, number + block, threshold, scale)
            if weight.size > 0:
                for head in range(heads):
                    factor[head] *= weight[entry]
            for head in range(heads):
                start = head * dim
                add_scaled(both, side[head] + start, x, other * width + start, dim, factor[head])
        for k in range(width):
            sides[0, row * width + k] = both[k]
            sides[1, row * width + k] = both[width + k]
        for head in range(padded):
            sums[0, row * padded + head] = counts[head]
            sums[1, row * padded + head] = counts[padded + head]


def _weight_gradients(
    graph: Adjacency,
    x: Tensor,
    grad: Tensor,
    source: tuple[Tensor, ...],
    destination: tuple[Tensor, ...],
    draws: tuple[int, int, int, int],
) -> Tensor:
    """For each edge, attention times the product of what it carries and of the gradient where it arrives."""
    found = x.new_empty(graph.num_edges)
    arrays = [part.detach().contiguous().numpy() for part in (x, grad, *source, *destination)]
    threshold, key, row_step, other_step = draws
    over_rows(
        _products,
        graph.indptr,
        x[0].numel(),
        graph.indptr.numpy(),
        graph.indices.numpy(),
        graph.edge_ids.numpy(),
        *arrays,
        np.uint64(threshold),
        np.uint64(key),
        row_step,
        other_step,
        found.numpy(),
    )
    return found


@njit(cache=True, nogil=True)
def _products(
    first,
    last,
    indptr,
    indices,
    edge_ids,
    x,
    grad,
    half,
    up,
    down,
    row_half,
    row_up,
    row_down,
    threshold,
    key,
    row_step,
    other_step,
    out,
):
    heads, dim = x.shape[1:]
    factor = np.empty((heads + LANES - 1) // LANES * LANES, x.dtype)
    scale = x.dtype.type(4294967296.0 / max(threshold, 1))
    for row in range(first, last):
        for entry in range(indptr[row], indptr[row + 1]):
            other = indices[entry]
            for head in range(heads):
                above = row_half[row, head] + half[other, head] > 0
                factor[head] = row_up[row, head] * up[other, head] if above else row_down[row, head] * down[other, head]
            if threshold > 0:
                number = (row * row_step + other * other_step) * heads
                for block in range(0, factor.size, LANES):
                    drop_factors(factor, block, key, number + block, threshold, scale)
            total = x.dtype.type(0)
            for head in range(heads):
                product = x.dtype.type(0)
                for k in range(dim):
                    product += x[other, head, k] * grad[row, head, k]
                total += factor[head] * product
            out[edge_ids[entry]] = total
