"""Features and edges as GraphSAGE takes them from a graph."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..graph.adjacency import Adjacency
from ..graph.features import FEATURE_NAMES, as_held, features_of
from ..graph.view import GraphView, tensor_token
from ..nn.ops.sparse import SparseRows
from ..nn.sage import is_native

__all__ = ["Inputs", "kept_features"]


class Inputs(NamedTuple):
    """What the layers need of a graph.

    Attributes:
        x: Features, ``(N, in_channels)``.
        graph: The edges, in an order that does not depend on the host's.
        edge_weight: Weight of each edge, in the order of the list that ``graph`` was made from; or None.
    """

    x: Tensor | SparseRows
    graph: Adjacency
    edge_weight: Tensor | None


def kept_features(view: GraphView, node_type: str, channels: int | None, like: Tensor, readers: Any = None) -> Any:
    """Features of a node type, checked and in the form of the weights; kept with the view while they stay as they are.

    Args:
        view: The graph.
        node_type: Whose features.
        channels: How many there must be; None for any number.
        like: Weights, whose device and dtype the features get.
        readers: Layers that read them, where all nodes are read at once: they get the nonzeros alone, where that is
            faster or the graph holds no more.

    Returns:
        A tensor, or :class:`~graphembed_ext.nn.ops.sparse.SparseRows`.

    Raises:
        InputError: Features that are missing, of another width, NaN or infinite.
    """
    held = as_held(view, node_type, FEATURE_NAMES) if node_type in view.features else None
    name = "features", node_type, channels, like.dtype, like.device
    token = None if held is None else tensor_token(held)
    read = readers is not None and all(_reads_nonzeros(conv) for conv in readers)
    if read and held is not None and held.layout != torch.strided:
        return view.cached(("nonzeros", *name), lambda: SparseRows.of(_checked(view, *name[1:], dense=False)), token)
    x = view.cached(name, lambda: _checked(view, *name[1:]), token)
    if not read:
        return x
    return view.cached(("nonzeros", node_type), lambda: SparseRows.of(x) if SparseRows.pays(x) else x, tensor_token(x))


def _checked(
    view: GraphView, node_type: str, channels: int | None, dtype: torch.dtype, device: torch.device, dense: bool = True
) -> Tensor:
    return features_of(view, node_type, channels=channels, dense=dense).to(device, dtype)


def _reads_nonzeros(conv: Any) -> bool:
    lazy = any(isinstance(p, nn.parameter.UninitializedParameter) for p in conv.parameters())
    return not lazy and is_native(conv) and (conv.is_linear or conv.project)


def _untyped(view: GraphView) -> GraphView:
    if view.is_typed:
        raise InputError(
            "graph",
            f"a typed graph with node types {view.node_types}",
            "a graph with one node type and one edge type",
            "GraphSAGE.for_graph makes a model for a typed graph; to_homogeneous of either host makes an untyped one",
        )
    return view
