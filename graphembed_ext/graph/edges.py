"""Edges, whatever form PyG's users give them in: the one reader of all forms.

A form is an ``edge_index`` of shape ``(2, E)``, PyG's ``EdgeIndex``, ``torch_sparse.SparseTensor``, a sparse tensor of
torch's (csr, csc or coo), or an object of ours that reads itself by a method ``edge_list``. PyG takes sparse matrices
for the transposed adjacency: rows are destinations.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..errors import GraphTypeError, InputError

__all__ = ["SPARSE", "EdgeList", "ends", "is_sparse", "read_edges"]

#: Layouts of torch's sparse matrices that are read.
SPARSE = (torch.sparse_coo, torch.sparse_csr, torch.sparse_csc)
_EXPECTED = "a tensor of shape (2, num_edges) or a torch_sparse.SparseTensor"


class EdgeList(NamedTuple):
    """Edges in their own order, that of PyG's ``to_edge_index`` for a sparse matrix.

    Attributes:
        src: Source of each edge, ``(E,)``.
        dst: Destination of each edge, ``(E,)``.
        values: Entries of a sparse matrix that has some, ``(E,)`` or ``(E, ...)``; None otherwise.
        num_src: Number of sources, where the form states it.
        num_dst: Number of destinations, likewise.
    """

    src: Tensor
    dst: Tensor
    values: Tensor | None = None
    num_src: int | None = None
    num_dst: int | None = None

    @property
    def weight(self) -> Tensor | None:
        """The values; None where all are 1, as those of a matrix made without weights are."""
        values = self.values
        if values is None or values.requires_grad or values.dim() != 1:
            return values
        return None if bool((values == 1).all()) else values


def read_edges(edges: Any, argument: str = "edge_index") -> EdgeList:
    """Sources, destinations and values of edges in any form.

    Args:
        edges: The edges.
        argument: What the caller named them, for errors.

    Raises:
        InputError: A tensor of another shape than ``(2, E)``.
        GraphTypeError: No form of edges.

    Example:
        >>> matrix = torch.tensor([[0.0, 2.0], [0.0, 0.0]]).to_sparse_csr()  # from node 1 to node 0
        >>> found = read_edges(matrix)
        >>> found.src, found.dst, found.values
        (tensor([1]), tensor([0]), tensor([2.]))
    """
    if hasattr(edges, "edge_list"):
        found: EdgeList = edges.edge_list()
        return found
    if _is_sparse_tensor(edges):
        dst, src, values = edges.coo()
        num_dst, num_src = edges.sizes()[:2]
        return EdgeList(src, dst, values, num_src, num_dst)
    if not isinstance(edges, Tensor):
        raise GraphTypeError(argument, f"an object of type {type(edges).__qualname__}", _EXPECTED)
    if edges.layout != torch.strided:
        return _of_matrix(edges, argument)
    if edges.dim() != 2 or edges.size(0) != 2:
        near = edges.dim() == 2 and edges.size(1) == 2
        hint = "transpose a list of pairs with .t()" if near else ""
        raise InputError(argument, f"a tensor of shape {tuple(edges.shape)}", "shape (2, num_edges)", hint)
    if not hasattr(edges, "sparse_size"):
        return EdgeList(edges[0], edges[1])
    plain = edges.as_tensor()  # type: ignore[attr-defined]  # EdgeIndex indexes its rows otherwise
    return EdgeList(plain[0], plain[1], None, *edges.sparse_size())


def is_sparse(edges: Any) -> bool:
    """Whether edges come as a sparse matrix, torch_sparse's or torch's."""
    return _is_sparse_tensor(edges) or (isinstance(edges, Tensor) and edges.layout != torch.strided)


def ends(edges: Any) -> tuple[Tensor, Tensor]:
    """Sources and destinations of edges in any form, in their order."""
    return read_edges(edges)[:2]


def _is_sparse_tensor(edges: Any) -> bool:
    return type(edges).__name__ == "SparseTensor" and hasattr(edges, "coo") and hasattr(edges, "sizes")


def _of_matrix(edges: Tensor, argument: str) -> EdgeList:
    num_dst, num_src = edges.shape[:2]
    if edges.layout == torch.sparse_coo:
        edges = edges.coalesce()
        dst, src = edges.indices().detach()
    elif edges.layout == torch.sparse_csr:
        dst, src = _spread(edges.crow_indices()), edges.col_indices().detach()
    elif edges.layout == torch.sparse_csc:
        dst, src = edges.row_indices().detach(), _spread(edges.ccol_indices())
    else:
        raise InputError(argument, f"a tensor of layout {edges.layout}", "torch.sparse_csr, sparse_csc or sparse_coo")
    return EdgeList(src.long(), dst.long(), edges.values(), num_src, num_dst)


def _spread(bounds: Tensor) -> Tensor:
    """The row of each entry of a compressed matrix."""
    bounds = bounds.detach()
    return torch.repeat_interleave(torch.arange(len(bounds) - 1, device=bounds.device), bounds.diff())
