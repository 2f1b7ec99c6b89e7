"""Linear propagation over a normalised graph: ``out = sum over l of alpha[l] * P^l x`` with ``P = S A S``.

``S`` is the diagonal matrix of in-degrees ** -0.5, 0 for a node that no edge enters. For edges without weights the
polynomial is evaluated by Horner's rule: one compiled pass a layer sums rows that are scaled by ``S`` already, scales
the sum twice and adds the next term while the row is in the nearest cache. Edges are never multiplied by anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numba import njit
from torch import Tensor

from ..._core.gpu import kernels_serve
from ..._core.parallel import over_rows
from ...errors import InputError
from ...graph.adjacency import Adjacency, adjacency
from ...graph.edges import is_sparse, read_edges
from ..unchanged import eager
from .blocks import sum_row
from .sums import neighbor_sum

__all__ = ["edges_and_weights", "propagate", "propagate_rows", "propagate_to_new"]

_COMPILED = (torch.float32, torch.float64)


def edges_and_weights(
    edges: Any, weight: Tensor | None, num_nodes: int, flow: str = "source_to_target"
) -> tuple[Adjacency, Tensor | None]:
    """Edges of any form grouped by where they end, and their weights: given beside them, or a sparse matrix's values.

    Raises:
        InputError: Weights given twice, or of another number than the edges.
    """
    graph = adjacency(edges, num_nodes, num_nodes)
    values = read_edges(edges).weight if is_sparse(edges) else None
    if values is not None:
        if weight is not None:
            raise InputError("edge_weight", "a tensor", "None with a sparse matrix that has values of its own")
        weight = values
    if weight is not None:
        if weight.layout != torch.strided:
            raise InputError("edge_weight", f"a tensor of layout {weight.layout}", "a number for each edge")
        weight = weight.view(-1)
        if len(weight) != graph.num_edges:
            raise InputError("edge_weight", f"shape {tuple(weight.shape)}", f"shape ({graph.num_edges},): one an edge")
    return (graph if flow == "source_to_target" else graph.transposed()), weight


def propagate(
    graph: Adjacency,
    x: Tensor,
    alpha: Sequence[float] | Tensor,
    weight: Tensor | None = None,
    *,
    normalize: bool = True,
) -> Tensor:
    """``sum over l of alpha[l] * P^l x``, differentiable in ``x``, ``weight`` and, as a tensor, ``alpha``.

    Args:
        graph: The edges; as many sources as destinations.
        x: ``(N, d)``.
        alpha: Coefficient of each power, the 0th first; ``L + 1`` of them for ``L`` layers.
        weight: Weight of each edge, in the order of the list that ``graph`` was made from, ``(E,)``; None for 1.
        normalize: Whether ``P`` is ``S A S``; otherwise it is ``A``.

    Returns:
        ``(N, d)``.

    Example:
        >>> pair = Adjacency.from_edges(torch.tensor([0, 1]), torch.tensor([1, 0]), 2, 2)
        >>> propagate(pair, torch.tensor([[1.0], [3.0]]), (0.5, 0.5)).flatten()
        tensor([2., 2.])
    """
    if _compiles(x, alpha, weight):
        return _Propagation.apply(x, graph, _scale(graph, x.dtype, normalize), _numbers(alpha))  # type: ignore[no-untyped-call]
    if not normalize:
        scale = None
    elif weight is None:
        scale = _scale(graph, x.dtype)[:, None]
    else:
        degree = neighbor_sum(graph, weight.new_ones(graph.num_src, 1), weight)
        scale = degree.pow(-0.5)
        scale = scale.masked_fill(scale == torch.inf, 0).to(x.dtype)
    total = x * alpha[0]
    for factor in alpha[1:]:
        x = neighbor_sum(graph, x, weight) if scale is None else scale * neighbor_sum(graph, scale * x, weight)
        total = total + x * factor
    return total


def propagate_rows(
    graph: Adjacency,
    x: Tensor,
    rows: Tensor,
    alpha: Sequence[float] | Tensor,
    weight: Tensor | None = None,
    *,
    normalize: bool = True,
) -> tuple[Tensor, Tensor]:
    """Some rows of :func:`propagate` and of ``x``, for a loss that looks at no others.

    The last layer is computed for these rows alone, and the first layer of the way back reads no others.

    Args:
        graph: The edges.
        x: ``(N, d)``.
        rows: Distinct row numbers, int64, ``(R,)``.
        alpha, weight, normalize: As for :func:`propagate`.

    Returns:
        ``propagate(...)[rows]`` and ``x[rows]``, both ``(R, d)``.
    """
    if x.device.type == "cpu" and _compiles(x, alpha, weight) and len(alpha) > 1:
        scale = _scale(graph, x.dtype, normalize)
        return _RowPropagation.apply(x, graph, rows, scale, _numbers(alpha))  # type: ignore[no-untyped-call]
    return propagate(graph, x, alpha, weight, normalize=normalize)[rows], x[rows]


def propagate_to_new(
    graph: Adjacency,
    x: Tensor,
    new: Tensor,
    neighbors: Tensor,
    alpha: Sequence[float] | Tensor,
    *,
    normalize: bool = True,
) -> Tensor:
    """What :func:`propagate` would give to new nodes without vectors of their own, if nobody else's degree changed.

    Args:
        graph: The edges of the known nodes.
        x: Vectors of the known nodes, ``(N, d)``.
        new: Number of a new node from 0, for each of its edges, int64, ``(E,)``.
        neighbors: The known node that each edge comes from, int64, ``(E,)``.
        alpha, normalize: As for :func:`propagate`.

    Returns:
        ``(largest number + 1, d)``; zeros for a number that does not occur.
    """
    count = int(new.max()) + 1
    out = x.new_zeros(count, x.size(1))
    if len(alpha) == 1:
        return out
    # A new node's vector at layer l + 1 is made of the known ones' at layer l.
    carried = propagate(graph, x, alpha[1:], normalize=normalize)[neighbors]
    if normalize:
        carried = carried * graph.degrees[neighbors].clamp(min=1).to(x.dtype).rsqrt()[:, None]
    order = torch.argsort(new * graph.num_src + neighbors, stable=True)
    out = out.index_add(0, new[order], carried[order])
    if normalize:
        out = out * torch.bincount(new, minlength=count).clamp(min=1).to(x.dtype).rsqrt()[:, None]
    return out


def _compiles(x: Tensor, alpha: Sequence[float] | Tensor, weight: Tensor | None) -> bool:
    learned = isinstance(alpha, Tensor) and alpha.requires_grad
    there = x.device.type == "cpu" or kernels_serve(x)
    return weight is None and there and x.dtype in _COMPILED and not learned and eager(x)


def _numbers(alpha: Sequence[float] | Tensor) -> list[float]:
    return alpha.tolist() if isinstance(alpha, Tensor) else list(alpha)


class _Propagation(torch.autograd.Function):
    """Linear in ``x``, so that its gradient is a propagation again: along the transposed edges, by the same scale."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, graph: Adjacency, scale: Tensor, alpha: list[float]) -> Tensor:
        ctx.given = graph, scale, alpha
        return _polynomial(graph, scale, x, alpha)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        graph, scale, alpha = ctx.given
        return _Propagation.apply(grad, graph.transposed(), scale, alpha), None, None, None  # type: ignore[no-untyped-call]


class _RowPropagation(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, graph: Adjacency, rows: Tensor, scale: Tensor, alpha: list[float]
    ) -> tuple[Tensor, Tensor]:
        ctx.given = graph, rows, scale, alpha
        return _polynomial(graph, scale, x, alpha, rows), x[rows]

    @staticmethod
    def backward(ctx: Any, grad: Tensor, initial: Tensor) -> tuple[Tensor | None, ...]:
        graph, rows, scale, alpha = ctx.given
        if torch.is_grad_enabled():  # the gradient is to be differentiated again
            spread = grad.new_zeros(graph.num_dst, grad.size(1)).index_add(0, rows, grad)
            found = _Propagation.apply(spread, graph.transposed(), scale, alpha)  # type: ignore[no-untyped-call]
            return found.index_add(0, rows, initial), None, None, None, None
        found = _polynomial_of_rows(graph.transposed(), scale, grad, rows, alpha)
        return found.index_add_(0, rows, initial), None, None, None, None


def _scale(graph: Adjacency, dtype: torch.dtype, normalize: bool = True) -> Tensor:
    """Diagonal of ``S``; ones where it is to be left out."""
    if not normalize:
        return torch.ones(graph.num_dst, dtype=dtype, device=graph.indptr.device)

    def make() -> Tensor:
        scale = graph.degrees.to(dtype).pow(-0.5)
        return scale.masked_fill_(scale == torch.inf, 0)

    return graph.keep(("scale", dtype), make)


def _polynomial(graph: Adjacency, scale: Tensor, x: Tensor, alpha: list[float], rows: Tensor | None = None) -> Tensor:
    """Horner's rule from the highest power down: ``h = P h + alpha[l] x``, with ``S h`` kept in place of ``h``."""
    x = x.detach().contiguous()
    width = x.size(1)
    if len(alpha) == 1:
        return x * alpha[0]
    if x.device.type != "cpu":
        return _polynomial_on_gpu(graph, scale, x, alpha)
    with _buffers(graph, x) as (now, after):
        over_rows(_begin, graph.indptr, width, scale.numpy(), x.numpy(), alpha[-1], now.numpy())
        for factor in alpha[-2:0:-1]:
            _layer(graph, scale, now, x, factor, after, True)
            now, after = after, now
        if rows is None:
            out = torch.empty_like(x)
            _layer(graph, scale, now, x, alpha[0], out, False)
            return out
        out = x.new_empty(len(rows), width)
        indptr = torch.zeros(len(rows) + 1, dtype=torch.int64)
        torch.cumsum(graph.degrees[rows], 0, out=indptr[1:])
        arrays = graph.indptr.numpy(), graph.narrow_indices.numpy(), scale.numpy(), now.numpy(), x.numpy(), alpha[0]
        over_rows(_some_rows, indptr, width, rows.numpy(), *arrays, out.numpy())
        return out


def _polynomial_on_gpu(graph: Adjacency, scale: Tensor, x: Tensor, alpha: list[float]) -> Tensor:
    from .gpu_sums import Layer, sum_rows

    now = x * (scale * alpha[-1])[:, None]
    for factor in alpha[-2:0:-1]:
        now = sum_rows(graph, None, now, Layer(scale, x, factor, True))
    return sum_rows(graph, None, now, Layer(scale, x, alpha[0], False))


def _polynomial_of_rows(graph: Adjacency, scale: Tensor, x: Tensor, rows: Tensor, alpha: list[float]) -> Tensor:
    """The same for an ``x`` that is 0 but for the rows given."""
    x = x.contiguous()
    width = x.size(1)
    slot = torch.full((graph.num_src,), -1, dtype=torch.int32)
    slot[rows] = torch.arange(len(rows), dtype=torch.int32)
    first = x * (scale[rows] * alpha[-1])[:, None]
    out = x.new_empty(graph.num_dst, width)
    with _buffers(graph, out) as (now, after):
        for step, factor in enumerate(alpha[-2::-1]):
            inner = step < len(alpha) - 2
            target = after if inner else out
            if step == 0:
                longest = int(graph.degrees.max()) if graph.num_dst else 0
                arrays = graph.indptr.numpy(), graph.narrow_indices.numpy(), slot.numpy(), longest
                numbers = scale.numpy(), first.numpy(), x.numpy(), factor
                over_rows(_from_rows, graph.indptr, width, *arrays, *numbers, target.numpy(), inner)
            else:
                _layer(graph, scale, now, x, factor, target, inner, slot.numpy())
            now, after = target, now
    return out


def _layer(
    graph: Adjacency,
    scale: Tensor,
    now: Tensor,
    x: Tensor,
    factor: float,
    out: Tensor,
    inner: bool,
    slot: np.ndarray | None = None,
) -> None:
    arrays = graph.indptr.numpy(), graph.narrow_indices.numpy(), slot, scale.numpy(), now.numpy(), x.numpy()
    over_rows(_all_rows, graph.indptr, x.size(1), *arrays, factor, out.numpy(), inner)


@contextmanager
def _buffers(graph: Adjacency, like: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Two tensors of the shape of ``like``, lent by the graph: pages that are new each time cost more than the sums."""
    name = "buffers", like.dtype, like.size(1)
    pool = graph.kept.setdefault(name, [])
    try:
        pair = pool.pop()
    except IndexError:
        pair = torch.empty_like(like, requires_grad=False), torch.empty_like(like, requires_grad=False)
    try:
        yield pair
    finally:
        pool.append(pair)


@njit(cache=True, nogil=True)
def _begin(first, last, scale, x, factor, out):
    for row in range(first, last):
        s = x.dtype.type(factor) * scale[row]
        for k in range(x.shape[1]):
            out[row, k] = s * x[row, k]


@njit(inline="always")
def _finish(scale, x, origin, factor, out, row, inner):
    """Turn a sum of scaled rows into ``P h + factor * x``, scaled for the next layer where there is one."""
    s = scale
    a = x.dtype.type(factor)
    if inner:
        a *= scale
        s *= scale
    if origin < 0:
        for k in range(x.shape[1]):
            out[row, k] *= s
    else:
        for k in range(x.shape[1]):
            out[row, k] = s * out[row, k] + a * x[origin, k]


@njit(cache=True, nogil=True)
def _all_rows(first, last, indptr, indices, slot, scale, now, x, factor, out, inner):
    for row in range(first, last):
        sum_row(now, indices, None, indptr[row], indptr[row + 1], out, row)
        origin = row
        if slot is not None:
            origin = np.int64(slot[row])
        _finish(scale[row], x, origin, factor, out, row, inner)


@njit(cache=True, nogil=True)
def _some_rows(first, last, rows, indptr, indices, scale, now, x, factor, out):
    for number in range(first, last):
        row = rows[number]
        sum_row(now, indices, None, indptr[row], indptr[row + 1], out, number)
        _finish(scale[row], x, row, factor, out, number, False)


@njit(cache=True, nogil=True)
def _from_rows(first, last, indptr, indices, slot, longest, scale, now, x, factor, out, inner):
    """The rows of ``now`` and ``x`` are some only, those with a slot."""
    found = np.zeros(longest + 1, np.int32)
    for row in range(first, last):
        count = np.uint64(0)  # an unsigned index is spared the test for one counted from the end
        for entry in range(np.uint64(indptr[row]), np.uint64(indptr[row + 1])):
            there = slot[np.uint32(indices[entry])]
            found[count] = there
            count += np.uint64(there >= 0)  # no branch to mispredict
        sum_row(now, found, None, 0, np.int64(count), out, row)
        _finish(scale[row], x, np.int64(slot[row]), factor, out, row, inner)
