"""The layer of HAN: attention over the neighbours along each metapath, then over the metapaths."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch_geometric.nn.conv import MessagePassing
from torch_geometric.utils import softmax

from .._core import checks, rng
from .._core.overrides import remembered
from ..errors import InputError
from ..graph.adjacency import Adjacency, adjacency
from ..graph.edges import ends
from ..graph.view import EdgeType
from .arguments import check_room, features_given, sides_of
from .han_architectures import ARCHITECTURES, Architecture, Halves
from .ops.attention import attend, serves
from .ops.attention_plain import keep_factors
from .unchanged import STEPS, aggregates, asked_as_pygs, eager, own_propagate, unchanged

__all__ = ["HANConv", "attended"]

#: Edges in any of PyG's forms, or grouped already.
Edges = Any


@remembered(*STEPS)
class HANConv(MessagePassing):
    """The layer of the heterogeneous graph attention network, over metapath neighbours of typed nodes.

    A drop-in for ``torch_geometric.nn.HANConv``: the same arguments, ``state_dict`` and outputs. On the CPU attention
    is computed without a tensor of the size of the edges times the channels
    (:func:`graphembed_ext.nn.ops.attention.attend`); elsewhere, and once a step of the message passing was overridden,
    hooked or explained, or is traced, by :meth:`message`: see :mod:`graphembed_ext.nn.unchanged`.

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
        own_propagate(self)
        if self.flow != "source_to_target":
            raise InputError("flow", self.flow, "'source_to_target', as an edge type leads to its last node type")
        self.architecture = checks.choice("architecture", architecture, tuple(ARCHITECTURES))
        self.heads = checks.integer("heads", heads)
        self.out_channels = checks.integer("out_channels", out_channels)
        if self.out_channels % self.heads:
            near = max(1, round(out_channels / heads)) * heads
            raise InputError(
                "heads", heads, f"a divisor of out_channels = {out_channels}", f"out_channels={near} would do"
            )
        self.negative_slope = negative_slope
        self.dropout = _probability("dropout", dropout)
        if feature_dropout is None:
            feature_dropout = dropout if self._own.drops_features else 0.0
        self.feature_dropout = _probability("feature_dropout", feature_dropout)
        self.metadata = metadata
        self.in_channels = _sizes(in_channels, metadata)
        check_room(("in_channels", "out_channels"), max(self.in_channels.values(), default=1), self.out_channels)
        check_room(("out_channels", "out_channels"), self.out_channels, self.out_channels)
        self._own.build(self)
        self.reset_parameters()

    @property
    def _own(self) -> Architecture:
        return ARCHITECTURES[self.architecture]

    def reset_parameters(self) -> None:
        """Draw new parameters, as the peer does."""
        super().reset_parameters()
        self._own.reset_parameters(self)

    def forward(
        self,
        x_dict: Mapping[str, Tensor],
        edge_index_dict: Mapping[EdgeType, Edges],
        return_semantic_attention_weights: bool = False,
        *,
        edge_weight_dict: Mapping[EdgeType, Tensor] | None = None,
        return_attention_weights: bool = False,
        num_dst_nodes: Mapping[str, int] | None = None,
        mean_over: Mapping[str, Callable[[Tensor], Tensor]] | None = None,
    ) -> Any:
        """Outputs of every node type.

        Args:
            x_dict: Features by node type, floats, ``(num_nodes, in_channels)``.
            edge_index_dict: Edges by edge type, those of the metadata or some of them, each in any form that
                :func:`~graphembed_ext.graph.edges.read_edges` takes, such as an ``edge_index`` of shape
                ``(2, num_edges)`` or a sparse matrix, the transposed adjacency.
            return_semantic_attention_weights: Whether to return the attention over the metapaths, too.
            edge_weight_dict: Factor of each edge, after the softmax, in the order of the edges; edge types may be
                missing.
            return_attention_weights: Whether to return the attention over the neighbours, too, as it is before
                dropout and weights.
            num_dst_nodes: How many of the nodes, the first ones of their type, are destinations, for mini-batches; a
                type that is missing has all its nodes.
            mean_over: What takes the mean over the destinations of a type, ``(..., num_nodes, columns)`` to
                ``(..., columns)``, where some of them are elsewhere; a type that is missing has them all here.

        Returns:
            ``{node type: (num_dst_nodes, out_channels)}``, None for a type into which no edge type leads. If asked
            for, next ``{node type: (num_edge_types,)}``, in the order of ``edge_index_dict``, and last
            ``{edge type: (num_edges, heads)}``.

        Raises:
            InputError: A node or edge type that is not in the metadata; features that are missing or of the wrong
                shape; edges beyond the nodes.
        """
        x_dict = self._check(x_dict, edge_index_dict)
        by_type = {"edge_weight_dict": edge_weight_dict, "num_dst_nodes": num_dst_nodes}
        for name, mapping in by_type.items():
            checks.mapping(name, {} if mapping is None else mapping, "a dict by type, or None")
        if mean_over is not None and not isinstance(mean_over, Mapping):
            raise InputError("mean_over", type(mean_over).__name__, "a function by node type, or None")
        semantics = _switched("return_semantic_attention_weights", return_semantic_attention_weights)
        attentions = _switched("return_attention_weights", return_attention_weights)
        counts = {name: x.size(0) for name, x in x_dict.items()} | dict(num_dst_nodes or {})
        outs: dict[str, list[Tensor]] = {name: [] for name in x_dict}
        attention: dict[EdgeType, Tensor] = {}
        halves_of = self._own.halves(self, x_dict)
        for edge_type, edges in edge_index_dict.items():
            dst = edge_type[2]
            x_src, x_dst, alpha_src, alpha_dst = halves_of(edge_type)
            halves = Halves(x_src, x_dst[: counts[dst]], alpha_src, alpha_dst[: counts[dst]])
            out = self._attended(edge_type, edges, halves, (edge_weight_dict or {}).get(edge_type), x_dict)
            outs[dst].append(self._own.activated(self, edge_type, out))
            if attentions:
                attention[edge_type] = self._attention(edges, alpha_src, halves.alpha_dst)
        found, semantic = {}, {}
        for name, parts in outs.items():
            found[name], semantic[name] = self._fused(parts, (mean_over or {}).get(name))
        more = [semantic] * semantics + [attention] * attentions
        return (found, *more) if more else found

    def _attended(
        self, edge_type: EdgeType, edges: Edges, halves: Halves, weight: Tensor | None, x_dict: Mapping[str, Tensor]
    ) -> Tensor:
        """Sums over the neighbours, ``(num_dst, out_channels)``."""
        x, x_dst, alpha_src, alpha_dst = halves
        dropout = self.dropout if self.training else 0.0
        key = rng.fresh_seed() if dropout > 0 else 0
        if eager(x, weight) and self.serves():
            graph = _named(edge_type, edges, len(x), len(alpha_dst))
            if weight is not None and weight.shape != (graph.num_edges,):
                raise InputError(
                    f"edge_weight_dict[{edge_type}]", f"shape {tuple(weight.shape)}", f"shape ({graph.num_edges},)"
                )
            if serves(x, alpha_src, self.negative_slope, graph):
                options: dict[str, Any] = {"dropout": dropout, "key": key, "weight": weight}
                slope = self.negative_slope
                return attend(graph, x, alpha_src, alpha_dst, negative_slope=slope, **options).flatten(1)
            _check_finite(edge_type, x_dict)
        if isinstance(edges, Adjacency) or getattr(edges, "layout", None) == torch.sparse_csc:
            edges = torch.stack(ends(edges))  # of torch's matrices, PyG takes csr and coo alone
        size = x.size(0), alpha_dst.size(0)  # a number that may vary, where a program is exported
        with asked_as_pygs(self, "weight", "key", "size_j", "edge_index_j"):
            return self.propagate(edges, x=(x, x_dst), alpha=(alpha_src, alpha_dst), weight=weight, key=key, size=size)

    def serves(self) -> bool:
        """Whether the fast path may serve this layer, as it is now."""
        return self.node_dim == 0 and aggregates(self) and unchanged(self, HANConv)

    def message(
        self,
        x_j: Tensor,
        alpha_i: Tensor,
        alpha_j: Tensor,
        index: Tensor,
        ptr: Tensor | None,
        size_i: int | None,
        weight: Tensor | None = None,
        key: int = 0,
        size_j: int | None = None,
        edge_index_j: Tensor | None = None,
    ) -> Tensor:
        """What an edge carries, ``(num_edges, out_channels)``: the plain way, a row for each edge.

        The first arguments are those of PyG's class; given no more, dropout is PyG's, too.
        """
        alpha = softmax(F.leaky_relu(alpha_j + alpha_i, self.negative_slope), index, ptr, size_i)
        if self.training and 0 < self.dropout < 1 and edge_index_j is not None:
            kept = keep_factors(edge_index_j, index, size_j or 0, self.heads, self.dropout, key)
            alpha = alpha * kept.to(alpha.dtype)
        else:
            alpha = F.dropout(alpha, self.dropout, self.training)
        if weight is not None:
            alpha = alpha * weight.to(alpha.dtype).unsqueeze(1)
        return (x_j * alpha.view(-1, self.heads, 1)).view(-1, self.out_channels)

    def _attention(self, edges: Edges, alpha_src: Tensor, alpha_dst: Tensor) -> Tensor:
        """Attention of each edge and head, ``(num_edges, heads)``, in the order of the edges."""
        src, dst = ends(edges)
        scores = F.leaky_relu(alpha_src[src] + alpha_dst[dst], self.negative_slope)
        return softmax(scores, dst, num_nodes=len(alpha_dst))

    def _fused(
        self, outs: list[Tensor], mean: Callable[[Tensor], Tensor] | None
    ) -> tuple[Tensor | None, Tensor | None]:
        """The attention over metapaths, and their sum: nothing for a type that no edge leads to, as in PyG."""
        if not outs:
            return None, None
        out = torch.stack(outs)
        if out.numel() == 0 and mean is None:
            return out.view(0, out.size(-1)), None
        weights = F.softmax(self._own.scores(self, out, mean or _mean), dim=0)
        return torch.sum(weights.view(-1, 1, 1) * out, dim=0), weights

    def dropped(self, x: Tensor) -> Tensor:
        """Features after dropout."""
        return F.dropout(x, self.feature_dropout, self.training)

    def _check(self, x_dict: Mapping[str, Tensor], edge_index_dict: Mapping[EdgeType, Edges]) -> Mapping[str, Tensor]:
        """Features by node type as tensors, checked, and so are the edge types."""
        checks.mapping("x_dict", x_dict, "features by node type")
        x_dict = {name: features_given(x, f"x_dict[{name!r}]") for name, x in x_dict.items()}
        for name, x in x_dict.items():
            self._check_features(name, x)
        for edge_type in checks.mapping("edge_index_dict", edge_index_dict, "edges by edge type"):
            if edge_type not in self.metadata[1]:
                raise InputError(
                    "edge_index_dict", f"edge type {edge_type}", f"edge types of the metadata: {self.metadata[1]}"
                )
            for name in (edge_type[0], edge_type[2]):
                if name not in x_dict:
                    there = ", ".join(f"{t!r} {tuple(x.shape)}" for t, x in x_dict.items()) or "nothing"
                    wanted = f"features of {name!r}, too, as {edge_type} has edges in edge_index_dict"
                    raise InputError("x_dict", f"features of {there}", wanted)
        return x_dict

    def _check_features(self, name: str, x: Tensor) -> None:
        size = self.in_channels.get(name)
        if size is None:
            raise InputError("x_dict", f"node type {name!r}", f"node types of the metadata: {[*self.in_channels]}")
        if x.dim() != 2 or (size >= 0 and x.size(1) != size):
            wanted = f"({'num_nodes' if x.dim() != 2 else len(x)}, {size if size >= 0 else 'channels'})"
            raise InputError(f"x_dict[{name!r}]", f"shape {tuple(x.shape)}", f"shape {wanted}")

    def __repr__(self) -> str:
        more = "" if self.architecture == "pyg" else f", architecture={self.architecture!r}"
        return f"{type(self).__name__}({self.out_channels}, heads={self.heads}{more})"


def attended(
    conv: Any,
    x_dict: Mapping[str, Tensor],
    edges: Mapping[EdgeType, Edges],
    weights: Mapping[EdgeType, Tensor] | None,
    num_dst_nodes: Mapping[str, int] | None,
    mean_over: Mapping[str, Callable[[Tensor], Tensor]] | None = None,
) -> tuple[dict[str, Tensor | None], dict[str, Tensor]]:
    """Call a layer of a model: one of ours with all there is, any other as PyG's is called.

    Raises:
        InputError: Weights, or nodes that are elsewhere in part, and a layer that is none of ours.
    """
    if isinstance(conv, HANConv):
        more = {"edge_weight_dict": weights, "num_dst_nodes": num_dst_nodes, "mean_over": mean_over}
        found: Any = conv(x_dict, edges, True, **more)
        return found
    if mean_over is not None:
        raise InputError(
            "strategy", "'ddp'", f"None, as {type(conv).__qualname__} takes means over its own nodes alone"
        )
    if weights is not None:
        raise InputError("edge_weight_dict", "weights", f"None, as {type(conv).__qualname__} takes none")
    plain = {name: torch.stack(ends(of)) if isinstance(of, Adjacency) else of for name, of in edges.items()}
    out, semantic = conv(x_dict, plain, True)
    counts = num_dst_nodes or {}
    return {name: x if x is None else x[: counts.get(name, len(x))] for name, x in out.items()}, semantic


def _mean(rows: Tensor) -> Tensor:
    return rows.mean(-2)


def _switched(argument: str, value: Any) -> bool:
    return value if isinstance(value, bool) else checks.switch(argument, value)


def _probability(argument: str, value: Any) -> float:
    number = checks.number(argument, value, minimum=0)
    if number > 1:
        raise InputError(argument, value, "a probability, from 0 to 1")
    return number


def _sizes(in_channels: int | Mapping[str, int], metadata: Any) -> dict[str, int]:
    """Size of each node type's features, the metadata being checked."""
    wanted = "node types and edge types: (['paper'], [('paper', 'PAP', 'paper')])"
    if not isinstance(metadata, (tuple, list)) or len(metadata) != 2:
        raise InputError("metadata", metadata, wanted)
    node_types, edge_types = (checks.several("metadata", part, wanted) for part in metadata)
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
    for size in sizes.values():
        first = sides_of("in_channels", size)[0]
        if getattr(size, "ndim", 0) or first != size:
            raise InputError("in_channels", size, "a number of features, by node type where they differ")
    return dict(sizes)


def _named(edge_type: EdgeType, edges: Edges, num_src: int, num_dst: int) -> Adjacency:
    try:
        return adjacency(edges, num_src, num_dst)
    except InputError as error:
        raise InputError(f"edge_index_dict[{edge_type}]", error.got, error.expected, error.hint) from None


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
