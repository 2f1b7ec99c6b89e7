"""The layer of HAN: attention over the neighbours along each metapath, then over the metapaths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.nn.conv import MessagePassing
from torch_geometric.nn.dense import Linear
from torch_geometric.nn.inits import glorot, reset
from torch_geometric.utils import softmax

from .._core import checks as _checks
from .._core import rng
from ..errors import InputError
from ..graph.adjacency import Adjacency, adjacency
from ..graph.view import EdgeType
from .gat import GATLayer, SemanticAttention
from .ops.attention import attend, keep_factors, serves

__all__ = ["ARCHITECTURES", "HANConv"]

ARCHITECTURES = ("pyg", "dgl")

#: Edges in any of PyG's forms, or grouped already.
Edges = Any
#: Vectors of the sources by head, and both halves of the scores.
Halves = tuple[Tensor, Tensor, Tensor]


class HANConv(MessagePassing):
    """The layer of the heterogeneous graph attention network, over metapath neighbours of typed nodes.

    A drop-in for ``torch_geometric.nn.HANConv``: the same arguments, ``state_dict`` and outputs. On the CPU attention
    is computed without a tensor of the size of the edges times the channels
    (:func:`graphembed_ext.nn.ops.attention.attend`); elsewhere, and under hooks, explainers and ``torch.compile``,
    by :meth:`message`.

    ``architecture="dgl"`` makes it the layer of DGL's HAN example instead. What differs:

    ==================  ====================================  ===================================================
    \\                   ``"pyg"``                             ``"dgl"``
    ==================  ====================================  ===================================================
    projection          one for each node type, with bias     one for each metapath, without
    after attention     ReLU                                  a bias, ELU
    semantic attention  hidden size ``out_channels``          hidden size 128
    dropout             of attention                          of attention and of the features
    ``state_dict``      ``proj.{type}``, ``lin_src``, ``q``   ``gat_layers.{m}``, ``semantic_attention.project``
    ==================  ====================================  ===================================================

    Args:
        in_channels: Size of the features of every node type, or a dict by node type; -1 to take it from the first
            input.
        out_channels: Size of the output, all heads together.
        metadata: Node types, and edge types as triples ``(source type, relation, destination type)``; each edge type
            is a metapath. See :func:`graphembed_ext.metapath_edges`.
        heads: Number of heads; must divide ``out_channels``.
        negative_slope: Slope of the attention scores below 0.
        dropout: Chance to leave out an edge in a head, after the softmax, while training. It depends on torch's
            default generator and on the two nodes, not on the order of the edges.
        architecture: ``"pyg"`` or ``"dgl"``.
        feature_dropout: Dropout of the features; None for that of the architecture.
        **kwargs: Further arguments of :class:`torch_geometric.nn.conv.MessagePassing`.

    Raises:
        InputError: Heads that do not divide ``out_channels``; metadata that does not fit together.

    Reference:
        Wang et al. 2019, "Heterogeneous Graph Attention Network", arXiv:1903.07293.

    Example:
        >>> metadata = ["paper"], [("paper", "PAP", "paper"), ("paper", "PSP", "paper")]
        >>> conv = HANConv(-1, 8, metadata, heads=2)
        >>> edges = {edge_type: torch.tensor([[0, 1, 2], [1, 0, 2]]) for edge_type in metadata[1]}
        >>> out, weights = conv({"paper": torch.ones(3, 4)}, edges, return_semantic_attention_weights=True)
        >>> out["paper"].shape, weights["paper"].shape
        (torch.Size([3, 8]), torch.Size([2]))
    """

    def __init__(
        self,
        in_channels: int | Mapping[str, int],
        out_channels: int,
        metadata: tuple[list[str], list[EdgeType]],
        heads: int = 1,
        negative_slope: float = 0.2,
        dropout: float = 0.0,
        *,
        architecture: str = "pyg",
        feature_dropout: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(aggr="add", node_dim=0, **kwargs)
        if self.flow != "source_to_target":
            raise InputError("flow", self.flow, "'source_to_target', as an edge type leads to its last node type")
        self.architecture = _checks.choice("architecture", architecture, ARCHITECTURES)
        self.heads = _checks.integer("heads", heads)
        self.out_channels = _checks.integer("out_channels", out_channels)
        if self.out_channels % self.heads:
            near = max(1, round(out_channels / heads)) * heads
            raise InputError(
                "heads", heads, f"a divisor of out_channels = {out_channels}", f"out_channels={near} would do"
            )
        self.negative_slope = negative_slope
        self.dropout = _probability("dropout", dropout)
        given = (dropout if architecture == "dgl" else 0.0) if feature_dropout is None else feature_dropout
        self.feature_dropout = _probability("feature_dropout", given)
        self.metadata = metadata
        self.in_channels = _sizes(in_channels, metadata)
        if architecture == "pyg":
            self._build_pyg()
        else:
            self._build_dgl()
        self.reset_parameters()

    def _build_pyg(self) -> None:
        channels, dim = self.out_channels, self.out_channels // self.heads
        self.k_lin = nn.Linear(channels, channels)
        self.q = nn.Parameter(torch.empty(1, channels))
        self.proj = nn.ModuleDict({name: Linear(size, channels) for name, size in self.in_channels.items()})
        self.lin_src, self.lin_dst = nn.ParameterDict(), nn.ParameterDict()
        for edge_type in self.metadata[1]:
            for half in (self.lin_src, self.lin_dst):
                half["__".join(edge_type)] = nn.Parameter(torch.empty(1, self.heads, dim))

    def _build_dgl(self) -> None:
        self.gat_layers = nn.ModuleList(
            GATLayer(
                self.in_channels[src] if src == dst else (self.in_channels[src], self.in_channels[dst]),
                self.heads,
                self.out_channels // self.heads,
            )
            for src, _, dst in self.metadata[1]
        )
        self.semantic_attention = SemanticAttention(self.out_channels)

    def reset_parameters(self) -> None:
        """Draw new parameters, as the peer does."""
        super().reset_parameters()
        if self.architecture == "dgl":
            reset(self.gat_layers)
            self.semantic_attention.reset_parameters()
            return
        reset(self.proj)
        glorot(self.lin_src)
        glorot(self.lin_dst)
        self.k_lin.reset_parameters()
        glorot(self.q)

    def forward(
        self,
        x_dict: Mapping[str, Tensor],
        edge_index_dict: Mapping[EdgeType, Edges],
        return_semantic_attention_weights: bool = False,
        *,
        edge_weight_dict: Mapping[EdgeType, Tensor] | None = None,
        return_attention_weights: bool = False,
        num_dst_nodes: Mapping[str, int] | None = None,
    ) -> Any:
        """Outputs of every node type.

        Args:
            x_dict: Features by node type, floats, ``(num_nodes, in_channels)``.
            edge_index_dict: Edges by edge type, those of the metadata or some of them: ``edge_index`` of shape
                ``(2, num_edges)``, or ``torch_sparse.SparseTensor``, the transposed adjacency.
            return_semantic_attention_weights: Whether to return the attention over the metapaths, too.
            edge_weight_dict: Factor of each edge, after the softmax, in the order of the edges; edge types may be
                missing.
            return_attention_weights: Whether to return the attention over the neighbours, too, as it is before
                dropout and weights.
            num_dst_nodes: How many of the nodes, the first ones of their type, are destinations, for mini-batches; a
                type that is missing has all its nodes.

        Returns:
            ``{node type: (num_dst_nodes, out_channels)}``, None for a type into which no edge type leads. If asked
            for, next ``{node type: (num_edge_types,)}``, in the order of ``edge_index_dict``, and last
            ``{edge type: (num_edges, heads)}``.

        Raises:
            InputError: A node or edge type that is not in the metadata; features that are missing or of the wrong
                shape; edges beyond the nodes.
        """
        self._check(x_dict, edge_index_dict)
        counts = {name: len(x) for name, x in x_dict.items()} | dict(num_dst_nodes or {})
        outs: dict[str, list[Tensor]] = {name: [] for name in x_dict}
        attention: dict[EdgeType, Tensor] = {}
        projected = self._projected(x_dict)
        for edge_type, edges in edge_index_dict.items():
            dst = edge_type[2]
            vectors, alpha_src, alpha_dst = self._halves(edge_type, x_dict, projected)
            halves = vectors, alpha_src, alpha_dst[: counts[dst]]
            weight = None if edge_weight_dict is None else edge_weight_dict.get(edge_type)
            out = self._attended(edge_type, edges, halves, weight, x_dict)
            outs[dst].append(self._activated(edge_type, out))
            if return_attention_weights:
                attention[edge_type] = self._attention(edges, *halves[1:])
        found, semantic = {}, {}
        for name, parts in outs.items():
            found[name], semantic[name] = self._fused(parts)
        more = [semantic] * return_semantic_attention_weights + [attention] * return_attention_weights
        return (found, *more) if more else found

    def _projected(self, x_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
        if self.architecture == "dgl":
            return {}
        shape = -1, self.heads, self.out_channels // self.heads
        return {name: self.proj[name](self._dropped(x)).view(shape) for name, x in x_dict.items()}

    def _halves(self, edge_type: EdgeType, x_dict: Mapping[str, Tensor], projected: Mapping[str, Tensor]) -> Halves:
        src, _, dst = edge_type
        if self.architecture == "dgl":
            layer = self.gat_layers[self.metadata[1].index(edge_type)]
            x = self._dropped(x_dict[src])
            return layer(x, x if src == dst else self._dropped(x_dict[dst]))
        name = "__".join(edge_type)
        alpha_src = (projected[src] * self.lin_src[name]).sum(dim=-1)
        return projected[src], alpha_src, (projected[dst] * self.lin_dst[name]).sum(dim=-1)

    def _attended(
        self, edge_type: EdgeType, edges: Edges, halves: Halves, weight: Tensor | None, x_dict: Mapping[str, Tensor]
    ) -> Tensor:
        """Sums over the neighbours, ``(num_dst, out_channels)``."""
        x, alpha_src, alpha_dst = halves
        dropout = self.dropout if self.training else 0.0
        key = rng.fresh_seed() if dropout > 0 else 0
        if self._may_fuse(edges):
            graph = _named(edge_type, edges, len(x), len(alpha_dst))
            if weight is not None and weight.shape != (graph.num_edges,):
                raise InputError(
                    f"edge_weight_dict[{edge_type}]", f"shape {tuple(weight.shape)}", f"shape ({graph.num_edges},)"
                )
            if serves(x, alpha_src, self.negative_slope):
                options: dict[str, Any] = {"dropout": dropout, "key": key, "weight": weight}
                return attend(graph, *halves, negative_slope=self.negative_slope, **options).flatten(1)
            _check_finite(edge_type, x_dict)
        edges = edges.edge_index() if isinstance(edges, Adjacency) else edges
        return self.propagate(
            edges, x=(x, None), alpha=(alpha_src, alpha_dst), weight=weight, key=key, size=(len(x), len(alpha_dst))
        )

    def message(
        self,
        x_j: Tensor,
        alpha_i: Tensor,
        alpha_j: Tensor,
        weight: Tensor | None,
        key: int,
        index: Tensor,
        ptr: Tensor | None,
        size_i: int | None,
        size_j: int | None,
        edge_index_j: Tensor,
    ) -> Tensor:
        """What an edge carries, ``(num_edges, out_channels)``: the plain way, a row for each edge."""
        alpha = softmax(F.leaky_relu(alpha_j + alpha_i, self.negative_slope), index, ptr, size_i)
        if self.training and self.dropout > 0:
            if self.dropout >= 1:
                alpha = alpha * 0
            else:
                kept = keep_factors(edge_index_j, index, size_j or 0, self.heads, self.dropout, key)
                alpha = alpha * kept.to(alpha.dtype)
        if weight is not None:
            alpha = alpha * weight.to(alpha.dtype).unsqueeze(1)
        return (x_j * alpha.unsqueeze(-1)).view(-1, self.out_channels)

    def _attention(self, edges: Edges, alpha_src: Tensor, alpha_dst: Tensor) -> Tensor:
        """Attention of each edge and head, ``(num_edges, heads)``, in the order of the edges."""
        src, dst = _ends(edges)
        scores = F.leaky_relu(alpha_src[src] + alpha_dst[dst], self.negative_slope)
        return softmax(scores, dst, num_nodes=len(alpha_dst))

    def _activated(self, edge_type: EdgeType, out: Tensor) -> Tensor:
        if self.architecture == "pyg":
            return F.relu(out)
        bias: Any = self.gat_layers[self.metadata[1].index(edge_type)].bias
        return F.elu(out + bias)

    def _fused(self, outs: list[Tensor]) -> tuple[Tensor | None, Tensor | None]:
        """The attention over metapaths, and their sum: nothing for a type that no edge leads to, as in PyG."""
        if not outs:
            return None, None
        out = torch.stack(outs)
        if out.numel() == 0:
            return out.view(0, out.size(-1)), None
        if self.architecture == "dgl":
            scores = self.semantic_attention(out)
        else:
            scores = (self.q * torch.tanh(self.k_lin(out)).mean(1)).sum(-1)
        weights = F.softmax(scores, dim=0)
        return torch.sum(weights.view(-1, 1, 1) * out, dim=0), weights

    def _dropped(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.feature_dropout, self.training)

    def _may_fuse(self, edges: Edges) -> bool:
        """Whether nothing wants to see messages: no hook, explainer, compiler or subclass."""
        if isinstance(edges, Tensor) and (edges.layout != torch.strided or edges.dim() != 2):
            return False
        steps = ("propagate", "message", "aggregate")
        hooks = (f"_{step}_forward_{kind}" for step in steps for kind in ("hooks", "pre_hooks"))
        watched = any(getattr(self, hook) for hook in hooks)
        return (
            not watched
            and not self.explain
            and self.decomposed_layers == 1
            and type(self).message is HANConv.message
            and not torch.compiler.is_compiling()
        )

    def _check(self, x_dict: Mapping[str, Tensor], edge_index_dict: Mapping[EdgeType, Edges]) -> None:
        for name, x in x_dict.items():
            size = self.in_channels.get(name)
            if size is None:
                raise InputError("x_dict", f"node type {name!r}", f"node types of the metadata: {[*self.in_channels]}")
            if x.dim() != 2 or (size >= 0 and x.size(1) != size):
                wanted = f"({'num_nodes' if x.dim() != 2 else len(x)}, {size if size >= 0 else 'channels'})"
                raise InputError(f"x_dict[{name!r}]", f"shape {tuple(x.shape)}", f"shape {wanted}")
        for edge_type in edge_index_dict:
            if edge_type not in self.metadata[1]:
                raise InputError(
                    "edge_index_dict", f"edge type {edge_type}", f"edge types of the metadata: {self.metadata[1]}"
                )
            for name in (edge_type[0], edge_type[2]):
                if name not in x_dict:
                    raise InputError(
                        "x_dict",
                        "features of " + (", ".join(f"{t!r} {tuple(x.shape)}" for t, x in x_dict.items()) or "nothing"),
                        f"features of {name!r}, too, as {edge_type} has edges in edge_index_dict",
                    )

    def __repr__(self) -> str:
        more = "" if self.architecture == "pyg" else f", architecture={self.architecture!r}"
        return f"{type(self).__name__}({self.out_channels}, heads={self.heads}{more})"


def _probability(argument: str, value: Any) -> float:
    number = _checks.number(argument, value, minimum=0)
    if number > 1:
        raise InputError(argument, value, "a probability, from 0 to 1")
    return number


def _sizes(in_channels: int | Mapping[str, int], metadata: Any) -> dict[str, int]:
    """Size of each node type's features, the metadata being checked."""
    wanted = "node types and edge types: (['paper'], [('paper', 'PAP', 'paper')])"
    if not isinstance(metadata, (tuple, list)) or len(metadata) != 2:
        raise InputError("metadata", metadata, wanted)
    node_types, edge_types = metadata
    sizes = in_channels if isinstance(in_channels, Mapping) else dict.fromkeys(node_types, in_channels)
    for edge_type in edge_types:
        if not isinstance(edge_type, tuple) or len(edge_type) != 3:
            raise InputError("metadata", f"edge type {edge_type!r}", wanted)
        for name in (edge_type[0], edge_type[2]):
            if name not in node_types:
                raise InputError(
                    "metadata", f"edge type {edge_type}", f"edges between its node types {list(node_types)}"
                )
            if name not in sizes:
                raise InputError(
                    "in_channels", f"sizes of {list(sizes)}", f"a size for {name!r}, too, an end of {edge_type}"
                )
    return dict(sizes)


def _named(edge_type: EdgeType, edges: Edges, num_src: int, num_dst: int) -> Adjacency:
    try:
        return adjacency(edges, num_src, num_dst)
    except InputError as error:
        raise InputError(f"edge_index_dict[{edge_type}]", error.got, error.expected, error.hint) from None


def _ends(edges: Edges) -> tuple[Tensor, Tensor]:
    """Sources and destinations, in the order of the edges."""
    if isinstance(edges, Adjacency):
        edges = edges.edge_index()
    if not isinstance(edges, Tensor):
        dst, src, _ = edges.coo()
        return src, dst
    if edges.layout != torch.strided:
        dst, src = edges.to_sparse(layout=torch.sparse_coo).coalesce().indices()
        return src, dst
    return edges[0], edges[1]


def _check_finite(edge_type: EdgeType, x_dict: Mapping[str, Tensor]) -> None:
    """Say so when scores are not finite because features are not."""
    for name in (edge_type[0], edge_type[2]):
        finite = torch.isfinite(x_dict[name])
        if not bool(finite.all()):
            row = int((~finite).any(1).nonzero()[0])
            raise InputError(
                f"x_dict[{name!r}]",
                f"shape {tuple(finite.shape)} with NaN or infinite entries, first in row {row}",
                "finite numbers",
            )
