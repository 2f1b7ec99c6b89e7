"""LightGCN's layer."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch_geometric.nn.conv import MessagePassing
from torch_geometric.nn.conv.gcn_conv import gcn_norm
from torch_geometric.typing import Adj, SparseTensor
from torch_geometric.utils import spmm

from .._core.overrides import remembered
from ..graph.adjacency import Adjacency
from ..graph.edges import read_edges
from .arguments import features_given, weights_given
from .ops.propagation import edges_and_weights, propagate
from .unchanged import STEPS, aggregates, eager, own_propagate, plainly, unchanged

__all__ = ["LGConv", "is_native"]


@remembered(*STEPS)
class LGConv(MessagePassing):
    r"""The propagation of LightGCN, without parameters: ``out[v] = sum of w[e] / sqrt(deg(u) deg(v)) * x[u]``.

    A drop-in for PyG's class of that name. Edges in any form take the fused path: no tensor of the size of the edges
    times ``F`` is made, and the order of the edges changes no bit. The plain path, PyG's own, serves the other
    aggregations, and layers that were overridden, hooked, explained or traced: see
    :mod:`graphembed_ext.nn.unchanged`.

    Args:
        normalize: Whether to divide by the root of the degrees. Degrees count weights, self-loops and repeated edges;
            no self-loops are added.
        **kwargs: Of :class:`torch_geometric.nn.MessagePassing`.

    Shapes:
        ``x`` (N, F), ``edge_index`` (2, E), ``edge_weight`` (E,); returns (N, F).

    Reference:
        He et al. 2020, "LightGCN: Simplifying and Powering Graph Convolution Network for Recommendation",
        arXiv:2002.02126, eq. 3.

    Example:
        >>> star = torch.tensor([[0, 0, 1, 2], [1, 2, 0, 0]])
        >>> LGConv()(torch.tensor([[1.0], [2.0], [4.0]]), star).flatten()  # 6 / sqrt(2), 1 / sqrt(2), 1 / sqrt(2)
        tensor([4.2426, 0.7071, 0.7071])
    """

    def __init__(self, normalize: bool = True, **kwargs: Any) -> None:
        kwargs.setdefault("aggr", "add")
        super().__init__(**kwargs)
        own_propagate(self)
        self.normalize = normalize

    def forward(self, x: Tensor, edge_index: Adj, edge_weight: Tensor | None = None) -> Tensor:
        """One step of propagation.

        Raises:
            InputError: Ids out of range, or weights that do not match the edges.
        """
        if not torch.jit.is_scripting():  # type: ignore[attr-defined]
            return self._called(x, edge_index, edge_weight)
        return self._plainly(x, edge_index, edge_weight)

    def _called(self, x: Tensor, edge_index: Any, edge_weight: Tensor | None) -> Tensor:
        """:meth:`forward`, by the fast path where it serves."""
        x, edge_weight = features_given(x), weights_given(edge_weight)
        if x.dim() == 2 and x.layout == torch.strided and eager(x, edge_weight) and self.serves():
            graph, weight = edges_and_weights(edge_index, edge_weight, len(x), self.flow)
            return propagate(graph, x, (0.0, 1.0), weight, normalize=self.normalize)
        if isinstance(edge_index, Adjacency) or getattr(edge_index, "layout", None) == torch.sparse_csc:
            found = read_edges(edge_index)  # of torch's matrices, PyG takes csr and coo alone
            edge_index = torch.stack(found[:2])
            edge_weight = edge_weight if found.values is None else found.values
        return self._plainly(x, edge_index, edge_weight)

    def _plainly(self, x: Tensor, edge_index: Adj, edge_weight: Tensor | None) -> Tensor:
        """PyG's own path."""
        if self.normalize:
            shape, flow = x.size(self.node_dim), self.flow
            if isinstance(edge_index, Tensor):
                normed = gcn_norm(edge_index, edge_weight, shape, add_self_loops=False, flow=flow, dtype=x.dtype)
                edge_index, edge_weight = normed
            elif isinstance(edge_index, SparseTensor):
                edge_index = gcn_norm(edge_index, edge_weight, shape, add_self_loops=False, flow=flow, dtype=x.dtype)
        # propagate_type: (x: Tensor, edge_weight: Tensor | None)
        return self.propagate(edge_index, x=x, edge_weight=edge_weight)

    def serves(self) -> bool:
        """Whether the fast path may serve this layer, as it is now."""
        return self.aggr in ("add", "sum") and self.node_dim == -2 and aggregates(self) and unchanged(self, LGConv)

    def message(self, x_j: Tensor, edge_weight: Tensor | None) -> Tensor:
        """What goes along an edge, on the plain path."""
        return x_j if edge_weight is None else edge_weight.view(-1, 1) * x_j

    def message_and_aggregate(self, adj_t: Adj, x: Tensor) -> Tensor:
        """The plain path of sparse matrices."""
        return spmm(adj_t, x, reduce=self.aggr)


def is_native(conv: Any) -> bool:
    """Whether calling a layer is :meth:`LGConv.forward` on its fast path and no more, so that a model may take several
    layers together.
    """
    return type(conv).forward is LGConv.forward and plainly(conv, type(conv)) and conv.serves()
