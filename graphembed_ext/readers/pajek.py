"""Pajek's ``.net`` files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

__all__ = ["Network", "read_pajek"]

_LINES = ("*arcs", "*edges", "*arcslist", "*edgeslist")
#: Number of a vertex, and its label with quotes or without.
_VERTEX = re.compile(r'\s*(\d+)(?:\s+(?:"([^"]*)"|(\S+)))?')


@dataclass
class Network:
    """Nodes and edges with their attributes, as the files of programs on networks hold them.

    Attributes:
        nodes: Id of each node, and its attributes.
        edges: Ids of both ends of each edge, and its attributes.
        directed: Whether edges lead one way.
    """

    nodes: list[tuple[Any, dict[str, Any]]]
    edges: list[tuple[Any, Any, dict[str, Any]]]
    directed: bool


def read_pajek(text: str) -> Network:
    """The network of Pajek's text: sections ``*Vertices``, ``*Arcs``, ``*Edges`` and their lists.

    An undirected edge beside arcs leads both ways.

    Raises:
        ValueError: Another section, or a line that has no place in its own; names the line.

    Example:
        >>> network = read_pajek('*Vertices 2\\n1 "Ada"\\n2 "Bob"\\n*Edges\\n1 2 0.5')
        >>> network.nodes, network.edges
        ([(1, {'label': 'Ada'}), (2, {'label': 'Bob'})], [(1, 2, {'weight': 0.5})])
    """
    reader = _Reader(len(text))
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("%"):
            try:
                reader.take(line)
            except (ValueError, IndexError) as error:
                raise ValueError(f"line {number}: {error}") from error
    return reader.network()


class _Reader:
    """What was read so far."""

    def __init__(self, size: int) -> None:
        self._size, self._section, self._declared = size, "", 0
        self._nodes: dict[int, dict[str, Any]] = {}
        self._arcs: list[tuple[Any, Any, dict[str, Any]]] = []
        self._edges: list[tuple[Any, Any, dict[str, Any]]] = []

    def take(self, line: str) -> None:
        words = line.split()
        if words[0].startswith("*"):
            self._begin(words)
        elif self._section == "*vertices":
            found = _VERTEX.match(line)
            if not found:
                raise ValueError(f"{line.strip()[:60]!r} is no vertex")
            self._nodes[_known(found[1], self._declared)]["label"] = found[2] or found[3] or ""
        elif self._section in _LINES:
            into = self._arcs if self._section.startswith("*arcs") else self._edges
            into.extend(_edges(words, self._section.endswith("list"), self._declared))
        elif self._section != "*network":
            raise ValueError("text before *Vertices")

    def _begin(self, words: list[str]) -> None:
        self._section = words[0].lower()
        if self._section == "*vertices":
            self._declared, self._nodes = int(words[1]), _vertices(words, self._size)
        elif self._section not in ("*network", *_LINES):
            raise ValueError(f"the section {words[0]} is not read; *Arcs and *Edges are")

    def network(self) -> Network:
        if not self._declared:
            raise ValueError("no line of *Vertices")
        back = [(second, first, values) for first, second, values in self._edges if first != second]
        edges = self._arcs + self._edges + (back if self._arcs else [])
        return Network(list(self._nodes.items()), edges, bool(self._arcs))


def _vertices(words: list[str], size: int) -> dict[int, dict[str, Any]]:
    """The nodes that a line ``*Vertices count [first mode]`` declares."""
    count, users = int(words[1]), int(words[2]) if len(words) > 2 else 0
    if not 0 < count <= max(size, 100_000):
        raise ValueError(f"{count} vertices in a file of {size} letters")
    return {i: {"bipartite": int(i > users)} if users else {} for i in range(1, count + 1)}


def _known(word: str, declared: int) -> int:
    vertex = int(word)
    if not 1 <= vertex <= declared:
        raise ValueError(f"vertex {vertex} of {declared}")
    return vertex


def _edges(words: list[str], is_list: bool, declared: int) -> list[tuple[Any, Any, dict[str, Any]]]:
    first, second, *more = words
    if is_list:
        return [(_known(first, declared), _known(word, declared), {}) for word in (second, *more)]
    values = {"weight": float(more[0])} if more and _is_number(more[0]) else {}
    return [(_known(first, declared), _known(second, declared), values)]


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
