"""A ``forward`` of a user's own in place of ours: how training and :func:`graphembed_ext.embed` call it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from .._core.overrides import overridden
from ..errors import InputError
from ..graph.adjacency import Adjacency
from ..graph.edges import ends
from ..nn.ops.sparse import SparseRows

__all__ = ["by_forward", "edges_as_tensors", "has_own", "refuse_graph_forward"]

_OWN = ("forward", "logits")


def has_own(model: Any) -> bool:
    """Whether a model computes its output by methods of a subclass's own, which no other road may lead past."""
    return bool(overridden(model, *_OWN))


def by_forward(model: Any, whole: tuple[Any, Any, Any] | None, batch: Any) -> Tensor | None:
    """What a ``forward`` of GraphSAGE that a subclass overrides returns; None where none is overridden.

    It is called as PyG's users call a model: with features and ``edge_index``, and with the weights where the model has
    any; of a mini-batch with :attr:`~graphembed_ext.NeighborBatch.x` and its blocks.

    Args:
        model: The model.
        whole: Features, edges and weights of a graph; None for a batch.
        batch: The batch.
    """
    if not overridden(model, "forward"):
        return None
    if whole is None:
        like = next(model.parameters())
        batch = batch.beside(like)
        x, edges, weight = batch.x.to(like), batch.blocks, batch.edge_weights
    else:
        x, graph, weight = whole
        x, edges = x.dense() if isinstance(x, SparseRows) else x, edges_as_tensors(graph)
    found: Tensor = model(x, edges) if weight is None else model(x, edges, weight)
    return found


def edges_as_tensors(edges: Any) -> Any:
    """Edges as plain ``edge_index`` tensors, ``(2, E)``; a dict of these where they are typed."""
    if isinstance(edges, Mapping):
        return {edge_type: edges_as_tensors(part) for edge_type, part in edges.items()}
    return torch.stack(ends(edges)) if isinstance(edges, Adjacency) else edges


def refuse_graph_forward(model: Any) -> None:
    """Raise where a subclass overrides a ``forward`` that takes a DGLGraph, which training has none of.

    Raises:
        InputError: With the way out.
    """
    if overridden(model, "forward") and not overridden(model, "logits"):
        raise InputError(
            "model",
            f"a {type(model).__name__} that overrides forward(g, x)",
            "the forward of the class: ge.fit and ge.embed work on edges, and have no DGLGraph to call it with",
            "override forward(x, edge_index) of graphembed_ext's own class of that name, which is called; or train in "
            "a loop of your own",
        )
