"""DGL graphs as the layers take them, their edges grouped once."""

from __future__ import annotations

import weakref
from typing import Any

import torch

from ..errors import GraphTypeError, InputError
from ..graph.adjacency import Adjacency, outside
from ..graph.view import EdgeType

__all__ = ["grouped"]


#: Of each graph: the index object it had, and its edges by edge type. DGL changes a graph by giving it another index
#: object.
_grouped: weakref.WeakKeyDictionary[Any, tuple[Any, dict[EdgeType, Adjacency]]] = weakref.WeakKeyDictionary()


@torch.compiler.disable  # a compiled program reads what is kept; to group is compiled code of another kind
def grouped(graph: Any, edge_type: EdgeType | None = None) -> Adjacency:
    """The edges of a DGLGraph or block, grouped by destination; kept while the graph stays as it is.

    Args:
        graph: The graph.
        edge_type: Canonical edge type; None for the only one.

    Raises:
        InputError: Several edge types, and none is named.
    """
    if not hasattr(graph, "canonical_etypes"):
        raise GraphTypeError("graph", f"a {type(graph).__name__}", "a DGLGraph, or a block of one")
    there = graph.canonical_etypes
    if edge_type is None:
        if len(there) != 1:
            hint = "graph[edge_type] is the part of one"
            raise InputError("graph", f"{len(there)} edge types", "a graph with one edge type", hint)
        edge_type = there[0]
    index, kept = _grouped.get(graph, (None, {}))
    if index is not graph._graph:
        kept = {}
        _grouped[graph] = graph._graph, kept
    if edge_type not in kept:
        with outside():
            src, dst = graph.edges(etype=edge_type, order="eid")
            counts = graph.num_src_nodes(edge_type[0]), graph.num_dst_nodes(edge_type[2])
            kept[edge_type] = Adjacency.from_edges(src, dst, *counts)
    return kept[edge_type]
