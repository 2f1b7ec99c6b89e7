"""DGL's graph objects, read and written."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from torch import Tensor

from .._core.optional import import_dgl, require
from ..errors import GraphTypeError
from ..graph.features import dense_features
from ..graph.view import EDGE_TYPE, NODE_TYPE, GraphView, Same, tensor_token

__all__ = ["attach", "to_graph", "token", "view"]

require("dgl", "graphembed_ext.dgl")


def view(graph: Any) -> GraphView:
    """The view of a DGLGraph, over DGL's own edge tensors. See :func:`graphembed_ext.view`."""
    if getattr(graph, "is_block", False):
        raise GraphTypeError(
            "graph",
            "a block (message flow graph)",
            "a DGLGraph with one set of node ids per type",
            "dgl.block_to_graph converts it",
        )
    if not hasattr(graph, "canonical_etypes"):
        raise GraphTypeError("graph", f"an object of type {type(graph).__qualname__}", "a dgl.DGLGraph")
    return GraphView(
        num_nodes={t: graph.num_nodes(t) for t in graph.ntypes},
        edges={t: graph.edges(etype=t, order="eid") for t in graph.canonical_etypes},
        features={t: dict(graph.nodes[t].data) for t in graph.ntypes},
        edge_features={t: dict(graph.edges[t].data) for t in graph.canonical_etypes},
        host="dgl",
        source=graph,
        token=token(graph),
    )


def token(graph: Any) -> Hashable:
    """Changes when edges are added or removed, or an edge feature is replaced or written to."""
    columns = (graph.edges[t].data for t in graph.canonical_etypes)
    features = (tensor_token(data[name]) for data in columns for name in data)
    # DGL mutates a graph by giving it another index object.
    return Same(graph._graph), *features


def attach(graph: Any, values: Mapping[str, Tensor], name: str) -> None:
    """Set ``graph.nodes[type].data[name]``. See :func:`graphembed_ext.attach`."""
    for node_type, tensor in values.items():
        graph.nodes[node_type].data[name] = tensor.to(graph.device)


def to_graph(view: GraphView) -> Any:
    """A DGLGraph with the nodes, edges and features of a view."""
    dgl = import_dgl("a DGL graph")
    if view.is_typed:
        graph = dgl.heterograph(dict(view.edges), num_nodes_dict=dict(view.num_nodes))
    else:
        graph = dgl.graph(view.edges.get(EDGE_TYPE, ([], [])), num_nodes=view.num_nodes[NODE_TYPE])
    for node_type in view.features:
        graph.nodes[node_type].data.update(dense_features(view, node_type))
    for edge_type, features in view.edge_features.items():
        graph.edges[edge_type].data.update(features)
    return graph
