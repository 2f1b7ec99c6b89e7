"""The maximum over neighbours: ``out[v, k] = max of w[e] * x[u, k] over the edges e = (u, v)``, with its gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import njit
from torch import Tensor

from ..._core.parallel import over_rows
from ...graph.adjacency import Adjacency
from ..unchanged import eager
from .sums import check_carried

__all__ = ["neighbor_max"]

_COMPILED = (torch.float32, torch.float64)


def neighbor_max(graph: Adjacency, x: Tensor, weight: Tensor | None = None) -> Tensor:
    """Elementwise maximum over every node's in-neighbours, without a tensor of the size of the edges times ``d``.

    Of equal largest ones the first source gets the whole gradient, as in DGL; PyG shares it among them.

    Args:
        graph: The edges.
        x: Vectors of the sources, ``(num_src, d)``.
        weight: Factor of each edge, in the order of the list of edges that ``graph`` was made from, ``(num_edges,)``;
            None for 1.

    Returns:
        ``(num_dst, d)``; zeros where nothing comes in.

    Raises:
        InputError: Shapes that do not match the graph.

    Example:
        >>> graph = Adjacency.from_edges(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]), 2, 3)
        >>> neighbor_max(graph, torch.tensor([[1.0], [-2.0]]))
        tensor([[ 1.],
                [-2.],
                [ 0.]])
    """
    check_carried(graph, x, weight)
    if x.device.type != "cpu" or not eager(x, weight):
        return _by_scatter(graph, x, weight)
    if x.dtype not in _COMPILED:
        return neighbor_max(graph, x.float(), None if weight is None else weight.float()).to(x.dtype)
    return _NeighborMax.apply(x, None if weight is None else weight.to(x.dtype), graph)  # type: ignore[no-untyped-call]


def _by_scatter(graph: Adjacency, x: Tensor, weight: Tensor | None) -> Tensor:
    carried = x[graph.indices]
    if weight is not None:
        carried = carried * weight[graph.edge_ids].to(x.dtype).unsqueeze(1)
    out = x.new_zeros(graph.num_dst, x.size(1))
    index = graph.destinations().unsqueeze(1).expand_as(carried)
    return out.scatter_reduce(0, index, carried, "amax", include_self=False)


class _NeighborMax(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor | None, graph: Adjacency) -> Tensor:
        out = x.new_empty(graph.num_dst, x.size(1))
        tracked = x.requires_grad or (weight is not None and weight.requires_grad)
        small = graph.num_edges <= np.iinfo(np.int32).max
        shape = tuple(out.shape) if tracked else (0, 0)
        chosen = torch.empty(shape, dtype=torch.int32 if small else torch.int64)
        over_rows(
            _largest,
            graph.indptr,
            x.size(1),
            graph.indptr.numpy(),
            graph.indices.numpy(),
            graph.edge_ids.numpy(),
            x.detach().contiguous().numpy(),
            _entries(graph, weight, x.dtype),
            out.numpy(),
            chosen.numpy(),
        )
        ctx.graph = graph
        ctx.save_for_backward(x if weight is not None and weight.requires_grad else None, weight, chosen)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, weight, chosen = ctx.saved_tensors
        graph: Adjacency = ctx.graph
        if torch.is_grad_enabled():  # the gradient is to be differentiated again
            return *_plain_gradients(graph, x, weight, chosen.long(), grad, ctx.needs_input_grad), None
        grad, grad_x, grad_weight = grad.contiguous(), None, None
        if ctx.needs_input_grad[0]:
            back = graph.transposed()
            grad_x = grad.new_empty(graph.num_src, grad.size(1))
            edges = back.indptr.numpy(), back.indices.numpy(), back.edge_ids.numpy()
            factors = _entries(back, weight, grad.dtype)
            arrays = grad.numpy(), factors, chosen.numpy(), grad_x.numpy()
            over_rows(_returned, back.indptr, grad.size(1), *edges, *arrays)
        if ctx.needs_input_grad[1]:
            grad_weight = grad.new_zeros(graph.num_edges)
            edges = graph.indptr.numpy(), graph.indices.numpy(), graph.edge_ids.numpy()
            values = x.detach().contiguous().numpy(), grad.numpy(), chosen.numpy(), grad_weight.numpy()
            over_rows(_weight_gradient, graph.indptr, grad.size(1), *edges, *values)
        return grad_x, grad_weight, None


def _plain_gradients(
    graph: Adjacency, x: Tensor | None, weight: Tensor | None, chosen: Tensor, grad: Tensor, wanted: tuple[bool, ...]
) -> tuple[Tensor | None, Tensor | None]:
    """What the kernels compute, by operators that can be differentiated."""
    edge, grad = chosen.clamp(min=0), grad * (chosen >= 0)
    source = graph.edge_list().src[edge] if graph.num_edges else edge
    grad_x = grad_weight = None
    if wanted[0]:
        carried = grad if weight is None else grad * weight[edge]
        grad_x = grad.new_zeros(graph.num_src, grad.size(1)).scatter_add(0, source, carried)
    if wanted[1]:
        assert x is not None
        products = (grad * x.gather(0, source)).flatten()
        grad_weight = grad.new_zeros(graph.num_edges).index_add(0, edge.flatten(), products)
    return grad_x, grad_weight


def _entries(graph: Adjacency, weight: Tensor | None, dtype: torch.dtype) -> np.ndarray:
    """Weight of each entry of ``graph``; empty for none."""
    return (torch.empty(0, dtype=dtype) if weight is None else weight.detach()[graph.edge_ids]).numpy()


@njit(cache=True, nogil=True)
def _largest(first, last, indptr, indices, edge_ids, x, weight, out, chosen):
    width, weighted, tracked = x.shape[1], len(weight) > 0, chosen.shape[0] > 0
    for row in range(first, last):
        start, end = indptr[row], indptr[row + 1]
        if start == end:
            for k in range(width):
                out[row, k] = 0
            if tracked:
                for k in range(width):
                    chosen[row, k] = -1
            continue
        for entry in range(start, end):
            source, edge = indices[entry], edge_ids[entry]
            factor = weight[entry] if weighted else x.dtype.type(1)
            if entry == start:
                for k in range(width):
                    out[row, k] = factor * x[source, k]
                if tracked:
                    for k in range(width):
                        chosen[row, k] = edge
            elif tracked:
                for k in range(width):
                    value = factor * x[source, k]
                    # NaN is larger than nothing and equal to nothing, not even to itself; it must not be lost.
                    larger = value > out[row, k] or value != value
                    out[row, k] = value if larger else out[row, k]
                    chosen[row, k] = edge if larger else chosen[row, k]
            else:
                for k in range(width):
                    value = factor * x[source, k]
                    out[row, k] = value if value > out[row, k] or value != value else out[row, k]


@njit(cache=True, nogil=True)
def _returned(first, last, indptr, indices, edge_ids, grad, weight, chosen, out):
    """Rows are sources: each collects the gradients of the entries that it supplied."""
    width, weighted = grad.shape[1], len(weight) > 0
    for row in range(first, last):
        for k in range(width):
            out[row, k] = 0
        for entry in range(indptr[row], indptr[row + 1]):
            target, edge = indices[entry], edge_ids[entry]
            factor = weight[entry] if weighted else grad.dtype.type(1)
            for k in range(width):
                out[row, k] += factor * grad[target, k] if chosen[target, k] == edge else grad.dtype.type(0)


@njit(cache=True, nogil=True)
def _weight_gradient(first, last, indptr, indices, edge_ids, x, grad, chosen, out):
    width = x.shape[1]
    for row in range(first, last):
        for entry in range(indptr[row], indptr[row + 1]):
            source, edge = indices[entry], edge_ids[entry]
            total = x.dtype.type(0)
            for k in range(width):
                if chosen[row, k] == edge:
                    total += x[source, k] * grad[row, k]
            out[edge] = total
