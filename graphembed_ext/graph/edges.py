"""Ends of edges, whatever form PyG's users give them in."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .adjacency import Adjacency

__all__ = ["ends"]


def ends(edges: Any) -> tuple[Tensor, Tensor]:
    """Sources and destinations of edges that were not typed, in their order."""
    if isinstance(edges, Adjacency):
        place = torch.argsort(edges.edge_ids)
        return edges.indices[place], edges.destinations()[place]
    if not isinstance(edges, Tensor):
        row, col, _ = edges.coo()
        return col, row
    if edges.layout != torch.strided:
        row, col = edges.to_sparse(layout=torch.sparse_coo).coalesce().indices()
        return col, row
    source, target = edges
    return source, target
