"""HANConv as DGL users call a layer: with a graph and its features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from ..errors import InputError
from ..graph.adjacency import Adjacency
from ..graph.view import EdgeType
from .dgl_edges import grouped
from .han import HANConv as _HANConv

__all__ = ["HANConv"]


class HANConv(_HANConv):
    """The layer of HAN on a DGL graph whose edge types are metapaths.

    As :class:`graphembed_ext.HANConv`, but for the arguments of ``forward``. With ``architecture="dgl"`` it is the
    layer of DGL's HAN example, under the same ``state_dict``.

    Example:
        >>> import torch, graphembed_ext as ge
        >>> from graphembed_ext._core.optional import import_dgl
        >>> edges = torch.tensor([0, 1, 2]), torch.tensor([1, 0, 2])
        >>> dgl = import_dgl("this example")
        >>> g = dgl.heterograph({("paper", "PAP", "paper"): edges})
        >>> conv = ge.dgl.HANConv(4, 8, (g.ntypes, g.canonical_etypes), heads=2)
        >>> conv(g, torch.ones(3, 4)).shape
        torch.Size([3, 8])
    """

    def forward(  # type: ignore[override]
        self,
        g: Any,
        feats: Tensor | Mapping[str, Tensor],
        return_semantic_attention_weights: bool = False,
        *,
        edge_weight: str | Mapping[EdgeType, Tensor] | None = None,
        return_attention_weights: bool = False,
    ) -> Any:
        """Outputs of every node type.

        Args:
            g: A graph with the edge types of the metadata, or a block, whose destinations are its first sources; or
                a list of graphs of one node type, one for each edge type of the metadata in its order, as DGL's
                example has it.
            feats: Features by node type; or one tensor, where there is one node type.
            return_semantic_attention_weights: As for :meth:`graphembed_ext.HANConv.forward`.
            edge_weight: Factor of each edge: name of an edge feature, or tensors by edge type.
            return_attention_weights: As for :meth:`graphembed_ext.HANConv.forward`.

        Returns:
            As :meth:`graphembed_ext.HANConv.forward`; for one tensor, the tensor of its type.
        """
        places = self._places(g)
        single = isinstance(feats, Tensor)
        if single and len(self.in_channels) != 1:
            raise InputError("feats", "one tensor", f"a dict with a tensor for each of {list(self.in_channels)}")
        x_dict = {next(iter(self.in_channels)): feats} if isinstance(feats, Tensor) else feats
        weights = edge_weight
        if isinstance(edge_weight, str):
            weights = {edge_type: graph.edges[place].data[edge_weight] for edge_type, (graph, place) in places.items()}
        counts: dict[str, int] = {}
        edges = {}
        for (src, name, dst), place in places.items():
            made = edges[src, name, dst] = _edges(*place)
            counts[dst] = made.num_dst
            if src in x_dict and len(x_dict[src]) != made.num_src:
                argument, shape = "feats" if single else f"feats[{src!r}]", tuple(x_dict[src].shape)
                raise InputError(argument, f"shape {shape}", f"{made.num_src} rows, one for each node of the graph")
        found = super().forward(
            x_dict,
            edges,
            return_semantic_attention_weights,
            edge_weight_dict=weights,  # type: ignore[arg-type]
            return_attention_weights=return_attention_weights,
            num_dst_nodes=counts,
        )
        if not single:
            return found
        name = next(iter(x_dict))
        return (found[0][name], *found[1:]) if isinstance(found, tuple) else found[name]

    def _places(self, g: Any) -> dict[EdgeType, tuple[Any, EdgeType]]:
        """For each edge type of the metadata, the graph that has it, and its name there."""
        edge_types = self.metadata[1]
        if not isinstance(g, Sequence):
            return {edge_type: (g, edge_type) for edge_type in edge_types}
        if len(g) != len(edge_types):
            raise InputError("g", f"{len(g)} graphs", f"{len(edge_types)}, one for each of {edge_types}")
        return {edge_type: (graph, graph.canonical_etypes[0]) for edge_type, graph in zip(edge_types, g, strict=True)}


def _edges(graph: Any, edge_type: EdgeType) -> Adjacency:
    if edge_type not in graph.canonical_etypes:
        raise InputError(
            "g", f"a graph with the edge types {graph.canonical_etypes}", f"the metadata's, {edge_type} among them"
        )
    return grouped(graph, edge_type)
