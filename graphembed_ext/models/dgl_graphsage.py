"""GraphSAGE as DGL users call a model: with a graph and its features."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..errors import InputError
from ..graph.view import GraphView
from ..nn.arguments import check_like, features_given
from ..nn.dgl_edges import grouped
from .graphsage import GraphSAGE as _GraphSAGE
from .own_forward import refuse_graph_forward
from .typed_graphsage import TypedGraphSAGE as _TypedGraphSAGE

__all__ = ["GraphSAGE", "TypedGraphSAGE"]


class GraphSAGE(_GraphSAGE):
    """:class:`graphembed_ext.GraphSAGE`, whose ``forward`` takes a DGLGraph, or the blocks of DGL's samplers.

    Example:
        >>> import torch, graphembed_ext as ge
        >>> g = ge.to_host(torch.tensor([[0, 1], [2, 2]]), "dgl")
        >>> GraphSAGE(4, 8, num_layers=2)(g, torch.ones(3, 4)).shape
        torch.Size([3, 8])
        >>> model = GraphSAGE(4, 8, num_layers=2)
        >>> model(g, torch.ones(3, 4)).shape
        torch.Size([3, 8])
    """

    def forward(self, g: Any, x: Tensor, edge_weight: Any = None) -> Tensor:  # type: ignore[override]
        """All layers.

        Args:
            g: A DGLGraph of one node type and one edge type; or a list of blocks, one for each layer, as DGL's
                ``DataLoader`` yields them.
            x: Features, ``(N, in_channels)``; with blocks those of the first one's sources.
            edge_weight: Weight of each edge, ``(E,)``, in the order of edge ids; with blocks a list.

        Returns:
            ``(N, out_channels)``; with blocks a row for each destination of the last.

        Raises:
            InputError: Rows or columns of features that do not match; several edge types; blocks that are not as many
                as the layers.
        """
        x = check_like(features_given(x), self)
        if isinstance(g, (list, tuple)):
            blocks = [grouped(block) for block in g]
            if blocks and len(x) != blocks[0].num_src:
                raise InputError("x", f"{len(x)} rows", f"{blocks[0].num_src}, one for each source of the first block")
            return self._layers(x, blocks, edge_weight)
        edges = grouped(g)
        if edges.num_src != edges.num_dst or x.ndim == 0 or len(x) != edges.num_src:
            raise InputError("x", f"shape {tuple(x.shape)}", f"{edges.num_src} rows, one for each node of g")
        return self._layers(x, edges, edge_weight)

    def logits(self, inputs: Any) -> dict[str, Tensor]:
        """See :meth:`graphembed_ext.GraphSAGE.logits`."""
        refuse_graph_forward(self)
        return super().logits(inputs)

    @classmethod
    def _for_typed(cls, view: GraphView, shape: tuple[Any, ...], target: Any, config: dict[str, Any]) -> Any:
        return TypedGraphSAGE.of_view(view, *shape, target=target, **config)


class TypedGraphSAGE(_TypedGraphSAGE):
    """:class:`graphembed_ext.TypedGraphSAGE`, whose ``forward`` takes a DGL heterograph, or the blocks of a sampler.

    Example:
        >>> import torch, graphembed_ext as ge
        >>> writes = torch.tensor([[0, 1, 1, 2], [0, 0, 1, 1]])
        >>> g = ge.to_host({("author", "writes", "paper"): writes, ("paper", "by", "author"): writes.flip(0)}, "dgl")
        >>> x = {"author": torch.eye(3), "paper": torch.eye(2)}
        >>> model = TypedGraphSAGE({"author": 3, "paper": 2}, 8, 2, metadata=(g.ntypes, g.canonical_etypes))
        >>> model(g, x)["author"].shape
        torch.Size([3, 8])
    """

    def forward(self, g: Any, x: Any, edge_weight: Any = None) -> dict[str, Tensor]:
        """All layers.

        Args:
            g: A DGL heterograph, or a list of blocks, one for each layer.
            x: Features by node type; with blocks those of the first one's sources.
            edge_weight: Weights by canonical edge type, in the order of edge ids; with blocks a list of such dicts.
        """
        if isinstance(g, (list, tuple)):
            return super().forward(x, [_by_type(block) for block in g], edge_weight)
        return super().forward(x, _by_type(g), edge_weight)

    def logits(self, inputs: Any) -> dict[str, Tensor]:
        """See :meth:`graphembed_ext.TypedGraphSAGE.logits`."""
        refuse_graph_forward(self)
        return self._logits(inputs, super().forward)


def _by_type(graph: Any) -> dict[Any, Any]:
    return {edge_type: grouped(graph[edge_type]) for edge_type in graph.canonical_etypes}
