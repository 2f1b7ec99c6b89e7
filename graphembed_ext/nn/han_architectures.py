"""The two architectures of HAN's layer, PyG's and that of DGL's example: what either does between the same steps.

The parameters stand in the layer itself, under the names that either peer's ``state_dict`` has.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.nn.dense import Linear
from torch_geometric.nn.inits import glorot, reset

from ..graph.view import EdgeType
from .gat import GATLayer, SemanticAttention

__all__ = ["ARCHITECTURES", "Architecture", "Halves"]


class Halves(NamedTuple):
    """What attention along one edge type is made of.

    Attributes:
        x_src, x_dst: Vectors of either end by head, ``(num_nodes, heads, dim)``.
        alpha_src, alpha_dst: Either end's half of the scores, ``(num_nodes, heads)``.
    """

    x_src: Tensor
    x_dst: Tensor
    alpha_src: Tensor
    alpha_dst: Tensor


class Architecture(abc.ABC):
    """What the architectures differ in; the layer is the first argument of all."""

    #: Whether ``dropout`` is that of the features, too, where nothing else is said.
    drops_features: bool

    @abc.abstractmethod
    def build(self, conv: Any) -> None:
        """Give a layer its parameters."""

    @abc.abstractmethod
    def reset_parameters(self, conv: Any) -> None:
        """Draw them."""

    @abc.abstractmethod
    def halves(self, conv: Any, x_dict: Mapping[str, Tensor]) -> Any:
        """What turns an edge type into its :class:`Halves`, for these features."""

    @abc.abstractmethod
    def activated(self, conv: Any, edge_type: EdgeType, out: Tensor) -> Tensor:
        """Sums over the neighbours after the activation."""

    @abc.abstractmethod
    def scores(self, conv: Any, out: Tensor, mean: Callable[[Tensor], Tensor]) -> Tensor:
        """Scores ``(num_metapaths,)`` of vectors ``(num_metapaths, num_nodes, out_channels)``, by a mean over nodes."""


class _PyG(Architecture):
    drops_features = False

    def build(self, conv: Any) -> None:
        channels, dim = conv.out_channels, conv.out_channels // conv.heads
        conv.k_lin = nn.Linear(channels, channels)
        conv.q = nn.Parameter(torch.empty(1, channels))
        conv.proj = nn.ModuleDict({name: Linear(size, channels) for name, size in conv.in_channels.items()})
        conv.lin_src, conv.lin_dst = nn.ParameterDict(), nn.ParameterDict()
        for edge_type in conv.metadata[1]:
            for half in (conv.lin_src, conv.lin_dst):
                half["__".join(edge_type)] = nn.Parameter(torch.empty(1, conv.heads, dim))

    def reset_parameters(self, conv: Any) -> None:
        reset(conv.proj)
        glorot(conv.lin_src)
        glorot(conv.lin_dst)
        conv.k_lin.reset_parameters()
        glorot(conv.q)

    def halves(self, conv: Any, x_dict: Mapping[str, Tensor]) -> Any:
        shape = -1, conv.heads, conv.out_channels // conv.heads
        projected = {name: conv.proj[name](conv.dropped(x)).view(shape) for name, x in x_dict.items()}

        def of(edge_type: EdgeType) -> Halves:
            name, src, dst = "__".join(edge_type), projected[edge_type[0]], projected[edge_type[2]]
            return Halves(src, dst, (src * conv.lin_src[name]).sum(dim=-1), (dst * conv.lin_dst[name]).sum(dim=-1))

        return of

    def activated(self, conv: Any, edge_type: EdgeType, out: Tensor) -> Tensor:
        return F.relu(out)

    def scores(self, conv: Any, out: Tensor, mean: Callable[[Tensor], Tensor]) -> Tensor:
        found: Tensor = (conv.q * mean(torch.tanh(conv.k_lin(out)))).sum(-1)
        return found


class _DGL(Architecture):
    drops_features = True

    def build(self, conv: Any) -> None:
        sizes, dim = conv.in_channels, conv.out_channels // conv.heads
        conv.gat_layers = nn.ModuleList(
            GATLayer(sizes[src] if src == dst else (sizes[src], sizes[dst]), conv.heads, dim)
            for src, _, dst in conv.metadata[1]
        )
        conv.semantic_attention = SemanticAttention(conv.out_channels)

    def reset_parameters(self, conv: Any) -> None:
        reset(conv.gat_layers)
        conv.semantic_attention.reset_parameters()

    def halves(self, conv: Any, x_dict: Mapping[str, Tensor]) -> Any:
        def of(edge_type: EdgeType) -> Halves:
            src, _, dst = edge_type
            x = conv.dropped(x_dict[src])
            return Halves(*self._layer(conv, edge_type)(x, x if src == dst else conv.dropped(x_dict[dst])))

        return of

    def activated(self, conv: Any, edge_type: EdgeType, out: Tensor) -> Tensor:
        return F.elu(out + self._layer(conv, edge_type).bias)

    def scores(self, conv: Any, out: Tensor, mean: Callable[[Tensor], Tensor]) -> Tensor:
        found: Tensor = conv.semantic_attention(out, mean)
        return found

    def _layer(self, conv: Any, edge_type: EdgeType) -> Any:
        return conv.gat_layers[conv.metadata[1].index(edge_type)]


#: By the name that the layer's argument ``architecture`` takes.
ARCHITECTURES: dict[str, Architecture] = {"pyg": _PyG(), "dgl": _DGL()}
