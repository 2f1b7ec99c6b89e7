"""Rows of a matrix that a layer reads where they are: features of a mini-batch's nodes, without a copy of them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from numba import njit
from torch import Tensor

from .adjacency import Adjacency
from .blocks import sum_row
from .parallel import over_rows

__all__ = ["Rows", "joined"]


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


def joined(rows: Rows, graph: Adjacency, mean: bool) -> Tensor:
    """The sum or mean of every target's neighbours, and beside it the target itself: ``(num_dst, 2 F)``.

    One product with both weights of a layer follows; no gradient goes to the rows.

    Example:
        >>> graph = Adjacency.from_edges(torch.tensor([1, 2]), torch.tensor([0, 0]), 3, 1)
        >>> joined(Rows(torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([2, 1, 0])), graph, mean=True)
        tensor([[1.5000, 4.0000]])
    """
    x = rows.x.detach().contiguous()
    out = torch.empty(
        2 * graph.num_dst, x.size(1), dtype=x.dtype
    )  # a target's two halves are rows that follow each other
    arrays = graph.indptr.numpy(), rows.sources_of(graph).narrow_indices.numpy(), rows.nodes.numpy()
    over_rows(_joined, graph.indptr, x.size(1), *arrays, x.numpy(), mean, out.numpy())
    return out.view(graph.num_dst, -1)


@njit(cache=True, nogil=True)
def _joined(first, last, indptr, indices, nodes, x, mean, out):
    for row in range(first, last):
        sum_row(x, indices, None, indptr[row], indptr[row + 1], out, 2 * row)
        if mean and indptr[row + 1] > indptr[row] + 1:
            factor = x.dtype.type(1) / x.dtype.type(indptr[row + 1] - indptr[row])
            for k in range(x.shape[1]):
                out[2 * row, k] *= factor
        node = nodes[row]
        for k in range(x.shape[1]):
            out[2 * row + 1, k] = x[node, k]
