"""GraphSAGE as DGL users call a model: with a graph and its features."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..errors import InputError
from ..messages.dgl_sage import grouped
from .graphsage import GraphSAGE as _GraphSAGE

__all__ = ["GraphSAGE"]


class GraphSAGE(_GraphSAGE):
    """:class:`graphembed_ext.GraphSAGE`, whose ``forward`` takes a DGLGraph, or the blocks of DGL's samplers.

    Example:
        >>> import torch, graphembed_ext as ge
        >>> g = ge.to_host(torch.tensor([[0, 1], [2, 2]]), "dgl")
        >>> GraphSAGE(4, 8, num_layers=2)(g, torch.ones(3, 4)).shape
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
        if isinstance(g, (list, tuple)):
            blocks = [grouped(block) for block in g]
            if blocks and len(x) != blocks[0].num_src:
                raise InputError("x", f"{len(x)} rows", f"{blocks[0].num_src}, one for each source of the first block")
            return self._layers(x, blocks, edge_weight)
        edges = grouped(g)
        if edges.num_src != edges.num_dst or len(x) != edges.num_src:
            raise InputError("x", f"{len(x)} rows", f"{edges.num_src}, one for each node of g")
        return self._layers(x, edges, edge_weight)
