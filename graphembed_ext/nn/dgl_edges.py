"""DGL graphs as the layers take them, their edges grouped once."""

from __future__ import annotations

import weakref
from typing import Any

from ..errors import InputError
from ..graph.adjacency import Adjacency

__all__ = ["grouped"]


#: Of each graph: the index object it had, and its edges. DGL changes a graph by giving it another index object.
_grouped: weakref.WeakKeyDictionary[Any, tuple[Any, Adjacency]] = weakref.WeakKeyDictionary()


def grouped(graph: Any) -> Adjacency:
    """The edges of a DGLGraph or block of one edge type, grouped by destination; kept while the graph stays as it is.

    Raises:
        InputError: Several edge types.
    """
    found = _grouped.get(graph)
    if found is not None and found[0] is graph._graph:
        return found[1]
    if len(graph.canonical_etypes) != 1:
        raise InputError(
            "graph",
            f"{len(graph.canonical_etypes)} edge types",
            "a graph with one edge type",
            "graph[edge_type] is the part of one",
        )
    src, dst = graph.edges(order="eid")
    made = Adjacency.from_edges(src, dst, graph.num_src_nodes(), graph.num_dst_nodes())
    _grouped[graph] = graph._graph, made
    return made
