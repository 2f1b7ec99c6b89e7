"""DGL's SAGEConv: its arguments, its ``state_dict`` and its output, from the fused aggregations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from .._core import checks
from .._core.optional import import_dgl
from .._core.overrides import remembered, rewritten
from ..errors import InputError
from ..graph.adjacency import Adjacency
from .arguments import check_like, check_room, features_given, sides_of, weights_given
from .dgl_edges import grouped
from .lstm import last_states
from .ops.maxima import neighbor_max
from .ops.means import neighbor_mean, neighbor_mean_with_self

__all__ = ["SAGEConv"]


@remembered("_lstm_reducer")
class SAGEConv(nn.Module):
    """The GraphSAGE layer of DGL: ``fc_neigh · aggregate of the neighbours + fc_self · the node itself``.

    A drop-in for ``dgl.nn.SAGEConv``: the same arguments, the same ``state_dict``, and with equal weights the same
    output. With ``edge_weight`` messages are multiplied by it, and means divide by the number of edges, as DGL's do;
    :class:`graphembed_ext.nn.sage.SAGEConv` divides by the sum of the weights. ``lstm`` reads neighbours in the
    order of edge ids.

    Args:
        in_feats: Size of the input, or of sources and destinations.
        out_feats: Size of the output.
        aggregator_type: ``"mean"``, ``"gcn"``, ``"pool"`` or ``"lstm"``.
        feat_drop: Share of the input's numbers set to 0 in training.
        bias: Whether there is a bias.
        norm: Called on the output, last.
        activation: Called on the output.

    Raises:
        InputError: Another aggregator; with ``gcn``, sources and destinations of unequal size.

    Reference:
        Hamilton, Ying and Leskovec 2017, "Inductive Representation Learning on Large Graphs", arXiv:1706.02216.

    Example:
        >>> import graphembed_ext as ge
        >>> g = ge.to_host(torch.tensor([[0, 1], [2, 2]]), "dgl")
        >>> SAGEConv(4, 3, "mean")(g, torch.ones(3, 4)).shape
        torch.Size([3, 3])
        >>> conv = SAGEConv(4, 3, "gcn")
        >>> conv(g, torch.ones(3, 4)).shape
        torch.Size([3, 3])
    """

    def __init__(
        self,
        in_feats: int | tuple[int, int],
        out_feats: int,
        aggregator_type: str,
        feat_drop: float = 0.0,
        bias: bool = True,
        norm: Callable[[Tensor], Tensor] | None = None,
        activation: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.aggregator_type = checks.choice("aggregator_type", aggregator_type, ("mean", "gcn", "pool", "lstm"))
        source, target = sides_of("in_feats", in_feats)
        if min(source, target) < 0:
            raise InputError("in_feats", in_feats, "numbers of features, of at least 0")
        check_room(("in_feats", "out_feats"), max(source, target), checks.integer("out_feats", out_feats))
        feat_drop, bias = checks.share("feat_drop", feat_drop), checks.switch("bias", bias)
        if aggregator_type == "gcn" and source != target:
            raise InputError("in_feats", in_feats, "one size for sources and destinations with 'gcn'")
        self.in_feats, self.out_feats = (source, target), out_feats
        # What DGL calls them, whose subclasses read them.
        self._in_src_feats, self._in_dst_feats, self._out_feats = source, target, out_feats
        self._aggre_type = aggregator_type
        self.norm, self.activation = norm, activation
        self.feat_drop = nn.Dropout(feat_drop)
        if aggregator_type == "pool":
            self.fc_pool = nn.Linear(source, source)
        if aggregator_type == "lstm":
            self.lstm = nn.LSTM(source, source, batch_first=True)
        self.fc_neigh = nn.Linear(source, out_feats, bias=False)
        if aggregator_type != "gcn":
            self.fc_self = nn.Linear(target, out_feats, bias=bias)
        else:
            self.bias = nn.Parameter(torch.zeros(out_feats)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights anew, from Glorot's uniform distribution as DGL does."""
        gain = nn.init.calculate_gain("relu")
        for name in ("fc_pool", "fc_self", "fc_neigh"):
            if hasattr(self, name):
                nn.init.xavier_uniform_(getattr(self, name).weight, gain=gain)
        if self.aggregator_type == "lstm":
            self.lstm.reset_parameters()

    def forward(self, graph: Any, feat: Tensor | tuple[Tensor, Tensor], edge_weight: Tensor | None = None) -> Tensor:
        """One layer.

        Args:
            graph: A DGLGraph or a block, of one edge type.
            feat: Features ``(N, in_feats)``, or with more axes between, as ``mean`` and ``pool`` take them; or those
                of sources and destinations. A block's destinations are the first of its sources.
            edge_weight: Factor of each edge, ``(E,)`` or ``(E, 1)``, in the order of edge ids.

        Returns:
            ``(N_dst, out_feats)``.

        Raises:
            InputError: Rows or weights whose number does not match the graph; several edge types.
        """
        edges = grouped(graph)
        source, target = self._sides(graph, edges, check_like(features_given(feat, "feat"), self, "feat"))
        edge_weight = weights_given(edge_weight)
        if edge_weight is not None and edge_weight.shape[:1] != (edges.num_edges,):
            given = f"{len(edge_weight)} weights" if edge_weight.dim() else "one number"
            raise InputError("edge_weight", given, f"{edges.num_edges}, one for each edge")
        if self._serves(graph, source, edge_weight):
            weight = None if edge_weight is None else edge_weight.reshape(-1)
            out = self._neighbours(edges, source, target, weight)
        else:
            out = self._by_messages(graph, source, target, edge_weight)
        if self.aggregator_type != "gcn":
            out = self.fc_self(target) + out
        elif self.bias is not None:
            out = out + self.bias
        if self.activation is not None:
            out = self.activation(out)
        return out if self.norm is None else self.norm(out)

    def _sides(self, graph: Any, edges: Adjacency, feat: Any) -> tuple[Tensor, Tensor]:
        """Features of sources and destinations, after dropout."""
        if isinstance(feat, tuple):
            source, target = self.feat_drop(feat[0]), self.feat_drop(feat[1])
        else:
            source = target = self.feat_drop(feat)
            if edges.num_dst < len(source) and graph.is_block:
                target = source[: edges.num_dst]
        sides = (source, edges.num_src, self.in_feats[0]), (target, edges.num_dst, self.in_feats[1])
        for side, (x, count, wide) in zip(("source", "destination"), sides, strict=True):
            if x.dim() < 2 or len(x) != count or x.size(-1) != wide:
                raise InputError("feat", f"shape {tuple(x.shape)} for {side} nodes", f"shape ({count}, {wide})")
        return source, target

    def _neighbours(self, edges: Adjacency, source: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
        """What comes from the neighbours, ``(N_dst, out_feats)``."""
        if self.aggregator_type == "pool":
            found = neighbor_max(edges, self.fc_pool(source).relu(), weight)
        elif self.aggregator_type == "lstm":
            found = self._lstm_over(edges, source, weight)
        else:
            first = self.in_feats[0] > self.out_feats  # the narrower side is cheaper to gather
            x = self.fc_neigh(source) if first else source
            if self.aggregator_type == "mean":
                found = neighbor_mean(edges, x, weight, by="count")
            else:
                itself = self.fc_neigh(target) if first else target
                found = neighbor_mean_with_self(edges, x, itself, weight, by="count")
            if first:
                return found
        out: Tensor = self.fc_neigh(found)
        return out

    def _lstm_over(self, edges: Adjacency, source: Tensor, weight: Tensor | None) -> Tensor:
        destination = edges.destinations()
        order = torch.argsort(edges.edge_ids)
        order = order[torch.argsort(destination[order], stable=True)]  # by destination, then by edge id
        carried = source[edges.indices[order]]
        if weight is not None:
            carried = carried * weight.to(carried.dtype)[edges.edge_ids[order]].unsqueeze(1)
        return last_states(self.lstm, carried, edges.degrees)

    def _lstm_reducer(self, nodes: Any) -> dict[str, Tensor]:
        """The same for nodes with as many neighbours each, as DGL's ``update_all`` asks for it; under DGL's name, so
        that a subclass may override it.
        """
        return {"neigh": self.lstm(nodes.mailbox["m"])[1][0].squeeze(0)}

    def _serves(self, graph: Any, source: Tensor, weight: Tensor | None) -> bool:
        """Whether edges may be read instead of asking the graph to pass messages, as DGL's layer does."""
        if source.dim() != 2 or (weight is not None and weight.numel() != len(weight)):
            return False
        if self.aggregator_type == "lstm" and rewritten(self, SAGEConv):
            return False
        passes = type(graph).update_all
        own = passes.__module__ == "dgl.heterograph" and not hasattr(passes, "__wrapped__")
        return own and "update_all" not in graph.__dict__

    def _by_messages(self, graph: Any, source: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
        """:meth:`_neighbours` in DGL's own way: for graphs and reducers of a user's own, and features of more axes."""
        function = import_dgl("a graph that passes messages").function
        kind = self.aggregator_type
        first = kind in ("mean", "gcn") and self.in_feats[0] > self.out_feats
        if first:
            source, target = self.fc_neigh(source), self.fc_neigh(target) if kind == "gcn" else target
        elif kind == "pool":
            source = self.fc_pool(source).relu()
        reduce = self._lstm_reducer
        if kind != "lstm":
            reduce = {"mean": function.mean, "gcn": function.sum, "pool": function.max}[kind]("m", "neigh")
        with graph.local_scope():
            graph.srcdata["h"] = source
            carried = function.copy_u("h", "m")
            if weight is not None:
                graph.edata["_edge_weight"] = weight.unsqueeze(1) if weight.dim() == 1 else weight
                carried = function.u_mul_e("h", "_edge_weight", "m")
            graph.dstdata["neigh"] = source.new_zeros(graph.num_dst_nodes(), *source.shape[1:])
            if graph.num_edges():
                graph.update_all(carried, reduce)
            found: Tensor = graph.dstdata["neigh"]
            if kind == "gcn":
                degrees = graph.in_degrees().to(source).view(-1, *[1] * (source.dim() - 1))
                found = (found + target) / (degrees + 1)
        out: Tensor = found if first else self.fc_neigh(found)
        return out

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.in_feats[0]}, {self.out_feats}, {self.aggregator_type!r})"
