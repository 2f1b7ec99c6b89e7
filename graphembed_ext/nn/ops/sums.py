"""The sum over neighbours: ``out[v] = sum of w[e] * x[u] over the edges e = (u, v)``, with its gradients."""

from __future__ import annotations

from typing import Any

import torch
from numba import njit
from torch import Tensor

from ..._core.gpu import kernels_serve
from ..._core.parallel import over_rows
from ...errors import InputError
from ...graph.adjacency import Adjacency
from ..unchanged import eager
from .blocks import sum_row

__all__ = ["check_carried", "neighbor_sum"]

_COMPILED = (torch.float32, torch.float64)


def neighbor_sum(graph: Adjacency, x: Tensor, weight: Tensor | None = None) -> Tensor:
    """Sum the vectors of every node's in-neighbours, without a tensor of the size of the edges times ``d``.

    The backward pass is the same sum along the transposed edges. Sums go through sources in ascending order, so that
    neither the order of the edges nor the number of threads changes a bit.

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
        >>> neighbor_sum(graph, torch.tensor([[1.0], [2.0]]))
        tensor([[3.], [2.], [0.]])
    """
    check_carried(graph, x, weight)
    if not eager(x, weight):
        return _plainly(graph, x, weight)
    return _NeighborSum.apply(x, weight, graph)  # type: ignore[no-untyped-call]


def check_carried(graph: Adjacency, x: Tensor, weight: Tensor | None) -> None:
    """Refuse vectors that are not one for each source, and weights that are not one for each edge."""
    if x.dim() != 2 or len(x) != graph.num_src:
        raise InputError("x", f"shape {tuple(x.shape)}", f"shape ({graph.num_src}, d): a row for each source node")
    if weight is not None and weight.shape != (graph.num_edges,):
        raise InputError("edge_weight", f"shape {tuple(weight.shape)}", f"shape ({graph.num_edges},)")


class _NeighborSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor | None, graph: Adjacency) -> Tensor:
        ctx.graph = graph
        ctx.save_for_backward(x if weight is not None and weight.requires_grad else None, weight)
        return _sum(graph, x, weight)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, weight = ctx.saved_tensors
        graph: Adjacency = ctx.graph
        grad_x = grad_weight = None
        if ctx.needs_input_grad[0]:
            grad_x = _NeighborSum.apply(grad, weight, graph.transposed())  # type: ignore[no-untyped-call]
        if ctx.needs_input_grad[1]:
            grad_weight = _EdgeProducts.apply(x, grad, graph).to(weight.dtype)  # type: ignore[no-untyped-call]
        return grad_x, grad_weight, None


class _EdgeProducts(torch.autograd.Function):
    """The gradient of the weights: the product of what an edge carries and of the gradient where it arrives."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, grad: Tensor, graph: Adjacency) -> Tensor:
        ctx.graph = graph
        ctx.save_for_backward(x, grad)
        return _products(graph, x, grad)

    @staticmethod
    def backward(ctx: Any, weight: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, grad = ctx.saved_tensors
        graph: Adjacency = ctx.graph
        wants_x, wants_grad, _ = ctx.needs_input_grad
        grad_x = neighbor_sum(graph.transposed(), grad, weight) if wants_x else None
        return grad_x, neighbor_sum(graph, x, weight) if wants_grad else None, None


def _plainly(graph: Adjacency, x: Tensor, weight: Tensor | None) -> Tensor:
    carried = x[graph.indices]
    if weight is not None:
        carried = carried * weight[graph.edge_ids].to(x.dtype).unsqueeze(1)
    return x.new_zeros(graph.num_dst, x.size(1)).index_add(0, graph.destinations(), carried)


def _sum(graph: Adjacency, x: Tensor, weight: Tensor | None) -> Tensor:
    if x.device.type == "cpu" and x.dtype not in _COMPILED:
        return _sum(graph, x.float(), weight).to(x.dtype)
    weight = None if weight is None else weight.to(x.dtype)[graph.edge_ids]
    if kernels_serve(x, graph.indptr):
        from .gpu_sums import sum_rows

        return sum_rows(graph, weight, x)
    if x.device.type != "cpu":
        values = torch.ones_like(graph.indices, dtype=x.dtype) if weight is None else weight
        size, ids = (graph.num_dst, graph.num_src), graph.indices.to(graph.indptr.dtype)
        return torch.sparse_csr_tensor(graph.indptr, ids, values, size, check_invariants=False) @ x
    out = x.new_empty(graph.num_dst, x.size(1))
    factors = None if weight is None else weight.detach().numpy()
    arrays = graph.indptr.numpy(), graph.narrow_indices.numpy(), factors, x.detach().contiguous().numpy()
    over_rows(_rows, graph.indptr, x.size(1), *arrays, out.numpy())
    return out


def _products(graph: Adjacency, x: Tensor, grad: Tensor) -> Tensor:
    found = grad.new_empty(graph.num_edges)
    if x.device.type != "cpu" or x.dtype not in _COMPILED:
        found[graph.edge_ids] = (x[graph.indices] * grad[graph.destinations()]).sum(1)
        return found
    arrays = graph.indptr.numpy(), graph.indices.numpy(), graph.edge_ids.numpy()
    x, grad = x.detach().contiguous(), grad.detach().contiguous()
    over_rows(_dots, graph.indptr, x.size(1), *arrays, x.numpy(), grad.numpy(), found.numpy())
    return found


@njit(cache=True, nogil=True)
def _rows(first, last, indptr, indices, weight, x, out):
    for row in range(first, last):
        sum_row(x, indices, weight, indptr[row], indptr[row + 1], out, row)


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc"})
def _dots(first, last, indptr, indices, edge_ids, x, grad, out):
    width = x.shape[1]
    for row in range(first, last):
        for entry in range(indptr[row], indptr[row + 1]):
            source = indices[entry]
            total = x.dtype.type(0)
            for k in range(width):
                total += x[source, k] * grad[row, k]
            out[edge_ids[entry]] = total
