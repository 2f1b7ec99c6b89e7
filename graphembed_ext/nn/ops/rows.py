"""Rows of a matrix that a layer reads where they are: features of a mini-batch's nodes, without a copy of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numba import njit
from torch import Tensor

from ...graph.adjacency import Adjacency
from .blocks import sum_row
from .products import over_blocks, summed

__all__ = ["Rows", "projected"]


class Rows(NamedTuple):
    """Some rows of a matrix, on the CPU.

    Attributes:
        x: The matrix, ``(N, F)``.
        nodes: Which rows, int64, ``(M,)``.
    """

    x: Tensor
    nodes: Tensor

    def sources_of(self, graph: Adjacency) -> Adjacency:
        """Edges between these rows as edges from rows of the whole matrix."""
        return Adjacency(graph.indptr, self.nodes[graph.indices], graph.edge_ids, len(self.x))


def projected(
    rows: Rows,
    graph: Adjacency,
    of_neighbors: Tensor,
    of_targets: Tensor,
    bias: Tensor | None,
    *,
    mean: bool,
    relu: bool = False,
) -> Tensor:
    """The sum or mean of every target's neighbours and the target itself, each times a weight, as one product.

    A block of targets is gathered, multiplied and rectified while it is in the caches. No gradient goes to the rows.

    Args:
        rows: The rows; targets are the first of them.
        graph: Edges between the rows.
        of_neighbors: Weight of what the neighbours sum up to, ``(C, F)``.
        of_targets: Weight of the target itself, ``(C, F)``.
        bias: ``(C,)``, or None.
        mean: Whether to divide by the number of neighbours.
        relu: Whether ReLU follows.

    Returns:
        ``(num_dst, C)``.

    Example:
        >>> graph = Adjacency.from_edges(torch.tensor([1, 2]), torch.tensor([0, 0]), 3, 1)
        >>> rows = Rows(torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([2, 1, 0]))
        >>> projected(rows, graph, torch.ones(1, 1), torch.ones(1, 1), None, mean=True)  # (2 + 1) / 2 + 4
        tensor([[5.5000]])
    """
    return _Projected.apply(of_neighbors, of_targets, bias, rows, graph, mean, relu)  # type: ignore[no-untyped-call]


class _Projected(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        of_neighbors: Tensor,
        of_targets: Tensor,
        bias: Tensor | None,
        rows: Rows,
        graph: Adjacency,
        mean: bool,
        relu: bool,
    ) -> Tensor:
        x = rows.x.detach().contiguous()
        joined = x.new_empty(graph.num_dst, 2 * x.size(1))
        out = x.new_empty(graph.num_dst, len(of_neighbors))
        arrays = graph.indptr.numpy(), graph.indices.numpy(), rows.nodes.numpy(), x.numpy(), mean
        halves = joined.view(-1, x.size(1)).numpy()  # a target's two halves are rows that follow each other
        weight = torch.cat([of_neighbors.detach(), of_targets.detach()], dim=1).t()
        offset = None if bias is None else bias.detach()

        def work(part: slice) -> None:
            _joined(part.start, part.stop, *arrays, halves)
            if offset is None:
                found = torch.mm(joined[part], weight, out=out[part])
            else:
                found = torch.addmm(offset, joined[part], weight, out=out[part])
            if relu:
                found.relu_()

        over_blocks(work, graph.num_dst)
        ctx.save_for_backward(joined, out if relu else None)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        joined, out = ctx.saved_tensors
        if torch.is_grad_enabled():  # the gradient is to be differentiated again
            given = grad if out is None else grad * (out > 0)
            return *(given.t() @ joined).chunk(2, dim=1), given.sum(0), None, None, None, None
        grad, out = grad.detach().contiguous(), None if out is None else out.detach()

        def work(part: slice, of_both: Tensor, of_bias: Tensor) -> None:
            given = grad[part]
            if out is not None:
                given = torch.ops.aten.threshold_backward(given, out[part], 0)
            torch.mm(given.t(), joined[part], out=of_both)
            torch.sum(given, 0, out=of_bias)

        wide = grad.size(1)
        of_both, of_bias = summed(work, len(grad), grad, (wide, joined.size(1)), (wide,))
        of_neighbors, of_targets = (part.contiguous() for part in of_both.chunk(2, dim=1))
        return of_neighbors, of_targets, of_bias if ctx.needs_input_grad[2] else None, None, None, None, None


@njit(cache=True, nogil=True)
def _joined(first, last, indptr, indices, nodes, x, mean, out):
    low = indptr[first]
    ids = np.empty(indptr[last] - low, nodes.dtype)
    for entry in range(len(ids)):
        ids[entry] = nodes[indices[low + entry]]
    for row in range(first, last):
        sum_row(x, ids, None, indptr[row] - low, indptr[row + 1] - low, out, 2 * row)
        if mean and indptr[row + 1] > indptr[row] + 1:
            factor = x.dtype.type(1) / x.dtype.type(indptr[row + 1] - indptr[row])
            for k in range(x.shape[1]):
                out[2 * row, k] *= factor
        node = nodes[row]
        for k in range(x.shape[1]):
            out[2 * row + 1, k] = x[node, k]
