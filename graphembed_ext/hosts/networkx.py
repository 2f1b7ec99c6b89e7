"""NetworkX's graphs, read and written. A view is a copy: what is done to the graph later, it does not see."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .._core import checks
from .._core.optional import optional
from ..errors import InputError
from ..graph.features import dense_features
from ..graph.view import EDGE_TYPE, NODE_TYPE, EdgeType, GraphView
from .columns import as_numbers, chosen, names_of, way_of

__all__ = ["attach", "to_graph", "token", "view"]

#: Relation of edges between nodes of several types, where no attribute names one.
_TO = "to"


def view(
    graph: Any,
    node_type: str | None = None,
    relation: str | None = None,
    features: str | Sequence[str] | None = None,
) -> GraphView:
    """The view of a NetworkX graph. See :func:`graphembed_ext.view`.

    Nodes are numbered in the graph's own order and keep their names, as text. An undirected edge stands in both
    directions, a self-loop once; parallel edges of a multigraph stay. Attributes that are numbers, or vectors of one
    length, become features under their own names; NaN where an edge or a node lacks one that others have.

    Args:
        graph: ``Graph``, ``DiGraph``, ``MultiGraph`` or ``MultiDiGraph``.
        node_type: Node attribute that holds the type of each node, such as ``"bipartite"``.
        relation: Edge attribute that holds the relation of each edge; None for one relation.
        features: Node attributes that make up the feature matrix ``x``, float32.

    Raises:
        InputError: A node or an edge without its type; two nodes with the same name as text.

    Example:
        >>> import networkx as nx, graphembed_ext as ge
        >>> ge.view(nx.Graph([("Ada", "Bob"), ("Bob", "Cleo")])).names["_N"]
        ['Ada', 'Bob', 'Cleo']
    """
    _check_attributes(node_type, relation)
    kinds = {node: _kind(node, data, node_type) for node, data in graph.nodes(data=True)}
    members = _members(kinds)
    number = {node: place for nodes in members.values() for place, node in enumerate(nodes)}
    plain = EDGE_TYPE[1] if node_type is None else _TO
    columns: dict[EdgeType, tuple[list[int], list[int], list[Any]]] = {}
    for source, target, data in _ways(graph):
        edge_type = kinds[source], _relation(source, target, data, relation, plain), kinds[target]
        sources, targets, attributes = columns.setdefault(edge_type, ([], [], []))
        sources.append(number[source])
        targets.append(number[target])
        attributes.append(data)
    return GraphView(
        num_nodes={kind: len(nodes) for kind, nodes in members.items()},
        edges={kind: (torch.tensor(src), torch.tensor(dst)) for kind, (src, dst, _) in columns.items()},
        features=_features(graph, members, features),
        edge_features={kind: _tensors(attributes) for kind, (_, _, attributes) in columns.items()},
        names={kind: names_of(nodes, "graph") for kind, nodes in members.items()},
        host="networkx",
        source=graph,
        options={"node_type": node_type, "relation": relation, "features": features},
    )


def token(graph: Any) -> Hashable:
    """Always the same, as to compare a graph with its copy would take as long as to read it."""
    return None


def attach(graph: Any, values: Mapping[str, Tensor], name: str) -> None:
    """Set the attribute ``graph.nodes[node][name]``, an array. See :func:`graphembed_ext.attach`."""
    for tensor in values.values():
        rows = tensor.detach().cpu().numpy()
        for node, row in zip(graph.nodes, rows, strict=True):
            graph.nodes[node][name] = row


def to_graph(view: GraphView) -> Any:
    """A DiGraph, or a MultiDiGraph where edges are parallel, with the nodes, edges and features of a view.

    Nodes are called by their names, or else their ids; those of a typed graph are pairs of type and name, with the
    attribute ``node_type``, and their edges have ``relation``.
    """
    nx = optional("networkx", "a NetworkX graph")
    nodes = {kind: _called(view, kind) for kind in view.num_nodes}
    pairs = {kind: _pairs(nodes[kind[0]], nodes[kind[2]], ends) for kind, ends in way_of(view).items()}
    every = list(itertools.chain.from_iterable(pairs.values()))
    graph = nx.MultiDiGraph() if len(set(every)) < len(every) else nx.DiGraph()
    for kind, of_kind in nodes.items():
        typed = {"node_type": kind} if view.is_typed else {}
        graph.add_nodes_from(zip(of_kind, _rows(dense_features(view, kind), len(of_kind), typed), strict=True))
    for edge_type, ends in pairs.items():
        typed = {"relation": edge_type[1]} if view.is_typed else {}
        rows = _rows(view.edge_features.get(edge_type, {}), len(ends), typed)
        graph.add_edges_from((*pair, data) for pair, data in zip(ends, rows, strict=True))
    return graph


def _ways(graph: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Every edge in the direction that it is stored in; those of an undirected graph then in the other."""
    yield from graph.edges(data=True)
    if not graph.is_directed():
        yield from ((target, source, data) for source, target, data in graph.edges(data=True) if source != target)


def _check_attributes(node_type: Any, relation: Any) -> None:
    for argument, given in (("node_type", node_type), ("relation", relation)):
        if given is not None:
            checks.text(argument, given, "the name of an attribute, or None")


def _kind(node: Any, data: Mapping[str, Any], attribute: str | None) -> str:
    if attribute is None:
        return NODE_TYPE
    if data.get(attribute) is None:
        raise InputError("node_type", f"node {node!r} without {attribute!r}", "an attribute that every node has")
    return str(data[attribute])


def _relation(source: Any, target: Any, data: Mapping[str, Any], attribute: str | None, plain: str) -> str:
    if attribute is None:
        return plain
    if data.get(attribute) is None:
        got = f"the edge {source!r} - {target!r} without {attribute!r}"
        raise InputError("relation", got, "an attribute that every edge has")
    return str(data[attribute])


def _members(kinds: Mapping[Any, str]) -> dict[str, list[Any]]:
    """The nodes of each type, in the graph's order."""
    found: dict[str, list[Any]] = {} if kinds else {NODE_TYPE: []}
    for node, kind in kinds.items():
        found.setdefault(kind, []).append(node)
    return found


def _features(
    graph: Any, members: Mapping[str, list[Any]], features: str | Sequence[str] | None
) -> dict[str, dict[str, Tensor]]:
    found = {}
    for kind, nodes in members.items():
        where = f"the {len(nodes)} nodes" + ("" if kind == NODE_TYPE else f" of type {kind!r}")
        found[kind] = chosen(_tensors([graph.nodes[node] for node in nodes]), features, where)
    return found


def _tensors(attributes: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
    """The attributes of nodes or edges that are numbers, by name."""
    names = dict.fromkeys(str(name) for data in attributes for name in data)
    tensors = {name: as_numbers([data.get(name) for data in attributes]) for name in names}
    return {name: values for name, values in tensors.items() if values is not None}


def _called(view: GraphView, kind: str) -> list[Any]:
    names = view.names.get(kind, range(view.num_nodes[kind]))
    return [(kind, name) for name in names] if view.is_typed else list(names)


def _pairs(sources: Sequence[Any], targets: Sequence[Any], ends: Sequence[Any]) -> list[tuple[Any, Any]]:
    return [(sources[source], targets[target]) for source, target in zip(*ends, strict=True)]


def _rows(features: Mapping[str, Tensor], count: int, typed: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The attributes of each node or edge: its type, and numbers or arrays."""
    columns = {name: _cells(values.detach().cpu().numpy()) for name, values in features.items()}
    return ({**typed, **{name: column[place] for name, column in columns.items()}} for place in range(count))


def _cells(values: np.ndarray) -> list[Any]:
    return values.tolist() if values.ndim == 1 else list(values)
