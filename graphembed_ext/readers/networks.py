"""Graphs in the files of programs on networks: GraphML, GEXF and GML by networkx, Pajek, JSON of nodes and links."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .._core.optional import require
from ..errors import FileFormatError
from ..graph.view import NODE_TYPE
from .edge_weights import usable
from .graph_file import WEIGHT, GraphFile, simple_view
from .json_files import node_link
from .matrices import SIDES, sides_view
from .packed import unpacked
from .pajek import Network, read_pajek

__all__ = ["NETWORKS", "read_network"]

#: What each ending is called, and the attributes of edges that are weights in it.
NETWORKS = {".graphml": "GraphML", ".gexf": "GEXF", ".gml": "GML", ".net": "Pajek", ".json": "JSON"}
_WEIGHTS = ("weight", "value")
#: Attributes of nodes that may hold their names, before their ids.
_NAMES = ("label", "name")


def read_network(path: Path, kind: str, directed: bool = False, bipartite: bool = False) -> GraphFile:
    """Read a file of GraphML, GEXF, GML or Pajek, or of JSON as networkx's ``node_link_data`` and D3 have it.

    Nodes are named by their labels where each has one of its own, otherwise by their ids. Edges weigh what their
    attribute ``weight`` (in GML ``value`` too) says. Other attributes are left out, which a note says.

    Args:
        path: File, perhaps compressed.
        kind: ``".graphml"``, ``".gexf"``, ``".gml"``, ``".net"`` or ``".json"``.
        directed: Whether edges lead one way; those that have no direction in the file then lead both ways.
        bipartite: Whether nodes are users and items, told apart by networkx's attribute ``bipartite`` (0 and 1) or,
            where edges have a direction, by it.

    Raises:
        FileFormatError: Not such a file, or weights that are none.
        MissingDependencyError: networkx is not installed.
    """
    name = NETWORKS[kind]
    if kind not in (".net", ".json"):
        require("networkx", f"reading {path.name}, a file of {name},")
    content = unpacked(path)
    try:
        graph = _READERS[kind](content)
    except FileFormatError:
        raise
    except Exception as error:  # networkx raises whatever its parsers stumble over
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise FileFormatError(
            str(path), f"a file that is damaged or no {name} ({reason})", f"a file of {name}, as its ending says"
        ) from error
    if not graph.edges:
        raise FileFormatError(str(path), "no edges", "at least one edge")
    return _graph_file(graph, path, directed, bipartite)


def _graph_file(graph: Network, path: Path, directed: bool, bipartite: bool) -> GraphFile:
    nodes, lists = graph.nodes, graph.edges
    place = {node: i for i, (node, _) in enumerate(nodes)}
    names, notes = _names(nodes)
    src = np.array([place[u] for u, _, _ in lists], np.int64)
    dst = np.array([place[v] for _, v, _ in lists], np.int64)
    weight, more, trouble = _weights(lists, path)
    notes += more
    used = {*_NAMES, "id", "bipartite"} if bipartite else {*_NAMES, "id"}
    notes += _left_out("node", (values for _, values in nodes), used)
    notes += _left_out("edge", (values for _, _, values in lists), {*_WEIGHTS, "id"})
    if bipartite:
        return replace(_of_sides(src, dst, weight, names, _users(graph, src, dst, path), notes), trouble=trouble)
    notes += _of_direction(graph.directed, directed)
    view = simple_view(src, dst, weight, len(names), directed and graph.directed)
    weight_name = None if weight is None else WEIGHT
    return GraphFile(view, {NODE_TYPE: names}, {}, weight_name, tuple(notes), trouble=trouble)


def _of_direction(there: bool, wanted: bool) -> list[str]:
    """What is to be said where edges have a direction in the file and nobody wants it, or the other way round."""
    if there and not wanted:
        return ["edges have a direction in the file; directed=True keeps it"]
    if wanted and not there:
        return ["edges have no direction in the file, so each leads both ways"]
    return []


def _names(nodes: list[tuple[Any, dict[str, Any]]]) -> tuple[list[str], list[str]]:
    """The names of nodes, and what is to be said about them."""
    there = [title for title in _NAMES if any(title in values for _, values in nodes)]
    for title in there:
        names = [str(values.get(title, "")).strip() for _, values in nodes]
        if all(names) and len(set(names)) == len(names):
            return names, [f"nodes are named by their {title}"]
    notes = [f"nodes are named by their ids, as not each has a {there[0]} of its own"] if there else []
    return [str(node) for node, _ in nodes], notes


def _weights(
    lists: list[tuple[Any, Any, dict[str, Any]]], path: Path
) -> tuple[np.ndarray | None, list[str], FileFormatError | None]:
    title = next((title for title in _WEIGHTS if any(title in values for _, _, values in lists)), None)
    if title is None:
        return None, [], None
    found = np.empty(len(lists))
    for i, (first, second, values) in enumerate(lists):
        try:
            found[i] = float(values.get(title, 1))
        except (TypeError, ValueError, OverflowError):
            raise FileFormatError(
                f"{path}, the edge from {first} to {second}",
                f"the edge weight {values[title]!r:.60}",
                "a finite number of at least 0",
            ) from None
    good, notes, trouble = usable(found, lambda i: f"{path}, the edge from {lists[i][0]} to {lists[i][1]}")
    if good is None:
        return None, notes, trouble
    without = sum(title not in values for _, _, values in lists)
    notes = [f"the edge attribute {title!r} has the weights"]
    if bool((found == 1).all()):
        return None, [f"the edge attribute {title!r} is 1 everywhere"], None
    return found, notes + ([f"{without} edges without one weigh 1"] if without else []), None


def _left_out(what: str, attributes: Iterable[dict[str, Any]], used: set[str]) -> list[str]:
    titles = sorted({str(title) for values in attributes for title in values} - used)
    shown = ", ".join(titles[:8]) + (" ..." if len(titles) > 8 else "")
    return [f"{what} attributes that are left out: {shown}"] if titles else []


def _users(graph: Network, src: np.ndarray, dst: np.ndarray, path: Path) -> np.ndarray:
    """Which nodes are users."""
    said = [str(values.get("bipartite")) for _, values in graph.nodes]
    users = np.array([word == "0" for word in said])
    if not {"0", "1"} >= set(said):
        users = np.zeros(len(said), bool)
        if graph.directed:
            users[src] = True
    if bool((users[src] == users[dst]).any()):
        raise FileFormatError(
            str(path),
            "nodes that are not told apart as users and items",
            "a node attribute bipartite, 0 for users and 1 for items, or edges that all lead from a user to an item",
            "without bipartite=True all nodes are of one kind",
        )
    return users


def _of_sides(
    src: np.ndarray,
    dst: np.ndarray,
    weight: np.ndarray | None,
    names: list[str],
    users: np.ndarray,
    notes: list[str],
) -> GraphFile:
    swap = ~users[src]
    first, second = np.where(swap, dst, src), np.where(swap, src, dst)
    number = np.where(users, np.cumsum(users) - 1, np.cumsum(~users) - 1)
    counts = int(users.sum()), int((~users).sum())
    view = sides_view(number[first], number[second], weight, counts)
    named = {
        SIDES[0]: [name for name, user in zip(names, users, strict=True) if user],
        SIDES[2]: [name for name, user in zip(names, users, strict=True) if not user],
    }
    return GraphFile(view, named, {}, None if weight is None else WEIGHT, tuple(notes))


def _network(graph: Any) -> Network:
    return Network(list(graph.nodes(data=True)), list(graph.edges(data=True)), graph.is_directed())


def _graphml(content: bytes) -> Network:
    import networkx as nx

    return _network(nx.read_graphml(io.BytesIO(content)))


def _gexf(content: bytes) -> Network:
    import networkx as nx

    return _network(nx.read_gexf(io.BytesIO(content)))


def _gml(content: bytes) -> Network:
    import networkx as nx

    text = _decoded(content)
    if "multigraph" not in text:  # edges that are listed twice are no error here
        text = re.sub(r"\bgraph\s*\[", "graph [ multigraph 1 ", text, count=1)
    return _network(nx.parse_gml(text, label=None))


def _pajek(content: bytes) -> Network:
    return read_pajek(_decoded(content))


def _decoded(content: bytes) -> str:
    """Text of GML and Pajek, which were Latin-1 before they were UTF-8."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


_READERS: dict[str, Callable[[bytes], Network]] = {
    ".graphml": _graphml,
    ".gexf": _gexf,
    ".gml": _gml,
    ".net": _pajek,
    ".json": node_link,
}
