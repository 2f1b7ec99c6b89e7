"""Features and edges as GraphSAGE takes them from a graph."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor, nn

from ..errors import InputError
from ..graph.adjacency import Adjacency
from ..graph.features import FEATURE_NAMES, features_of, find
from ..graph.view import GraphView, tensor_token
from ..nn.ops.sparse import SparseRows
from ..nn.sage import is_native

__all__ = ["Inputs", "compact", "kept_features"]


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


def kept_features(view: GraphView, node_type: str, channels: int | None, like: Tensor) -> Tensor:
    """Features of a node type, checked and in the form of the weights; kept with the view while they stay as they are.

    Raises:
        InputError: Features that are missing, of another width, NaN or infinite.
    """
    raw = find(view, node_type, FEATURE_NAMES) if node_type in view.features else None
    token = None if raw is None else tensor_token(raw)
    name = "features", node_type, channels, like.dtype, like.device
    return view.cached(name, lambda: features_of(view, node_type, channels=channels).to(like), token)


def compact(view: GraphView, x: Tensor, first: Any) -> Tensor | SparseRows:
    """The features as the first layer reads them fastest: their nonzeros alone, where these are few."""
    lazy = any(isinstance(p, nn.parameter.UninitializedParameter) for p in first.parameters())
    if lazy or not is_native(first) or not (first.is_linear or first.project):
        return x
    return view.cached("sparse features", lambda: SparseRows.of(x) if SparseRows.pays(x) else x, tensor_token(x))


def _untyped(view: GraphView) -> GraphView:
    if view.is_typed:
        raise InputError(
            "graph",
            f"a typed graph with node types {view.node_types}",
            "a graph with one node type and one edge type",
            "GraphSAGE.for_graph makes a model for a typed graph; to_homogeneous of either host makes an untyped one",
        )
    return view
