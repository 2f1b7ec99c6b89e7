"""Feature matrices with few entries that are not zero, such as bags of words: a linear layer reads those alone."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...errors import InputError
from ...graph.adjacency import Adjacency
from .sums import neighbor_sum

__all__ = ["SparseRows", "linear"]

#: A product over nonzeros gathers a row of the weights for each: it pays below this share of nonzeros.
_SPARSE = 0.08
#: Narrower matrices gain nothing.
_WIDE = 64


class SparseRows:
    """The nonzeros of a matrix ``(N, F)``, by row, for products with a dense matrix and their gradients.

    Attributes:
        graph: Row ``n`` holds the columns of its nonzeros: :class:`Adjacency` with F sources and N destinations.
        values: The nonzeros, ``(nnz,)``; None when all are 1.
        dtype: dtype of the matrix.

    Example:
        >>> rows = SparseRows.of(torch.tensor([[0.0, 2.0], [0.0, 0.0]]))
        >>> linear(rows, torch.tensor([[1.0, 3.0]]), torch.tensor([1.0]))
        tensor([[7.], [1.]])
    """

    def __init__(self, graph: Adjacency, values: Tensor | None, dtype: torch.dtype) -> None:
        self.graph, self.values, self.dtype = graph, values, dtype

    @classmethod
    def of(cls, x: Tensor) -> SparseRows:
        """From a dense matrix, or a sparse one of torch's (COO or CSR)."""
        if x.dim() != 2:
            raise InputError("x", f"shape {tuple(x.shape)}", "shape (num_nodes, num_features)")
        if x.layout == torch.strided:
            rows, columns = x.nonzero(as_tuple=True)
            values = x[rows, columns]
        else:
            found = x.to_sparse(layout=torch.sparse_coo).coalesce()
            (rows, columns), values = found.indices(), found.values()
        graph = Adjacency.from_edges(columns, rows, x.size(1), x.size(0))
        return cls(graph, None if bool((values == 1).all()) else values, x.dtype)

    @classmethod
    def pays(cls, x: Tensor) -> bool:
        """Whether a dense matrix has so few nonzeros that this form is the faster one."""
        if x.device.type != "cpu" or x.dim() != 2 or x.size(1) < _WIDE or x.requires_grad or x.numel() == 0:
            return False
        sample = x[:: max(1, len(x) // 256)]  # a dense matrix is told by a look at some of its rows
        return bool(sample.count_nonzero() <= _SPARSE * sample.numel()) and bool(
            x.count_nonzero() <= _SPARSE * x.numel()
        )

    def dense(self) -> Tensor:
        """The matrix itself."""
        graph = self.graph
        out = torch.zeros(self.shape, dtype=self.dtype, device=graph.indptr.device)
        values = torch.ones((), dtype=self.dtype) if self.values is None else self.values[graph.edge_ids]
        out[graph.destinations(), graph.indices] = values.to(out)
        return out

    @property
    def shape(self) -> tuple[int, int]:
        """``(N, F)``."""
        return self.graph.num_dst, self.graph.num_src

    def size(self, dim: int) -> int:
        """Length of one dimension."""
        return self.shape[dim]

    def __len__(self) -> int:
        return self.graph.num_dst

    def dim(self) -> int:
        """2, as of any matrix."""
        return 2


def linear(x: Any, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``x @ weight.T + bias`` for a dense or a sparse ``x``."""
    if not isinstance(x, SparseRows):
        if x.layout != torch.strided and x.size(-1) != weight.size(1):
            raise InputError("x", f"shape {tuple(x.shape)}", f"shape ({len(x)}, {weight.size(1)})")
        return torch.nn.functional.linear(x, weight, bias)
    if weight.size(1) != x.size(1):
        raise InputError("x", f"shape {x.shape}", f"shape ({len(x)}, {weight.size(1)})")
    out = neighbor_sum(x.graph, weight.t(), None if x.values is None else x.values.to(weight.dtype))
    return out if bias is None else out + bias
