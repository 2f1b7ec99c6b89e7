"""Adjacency lists: on each line a node and its neighbours."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pyarrow as pa

from ..errors import FileFormatError
from .edge_lists import Names, Part, Types

__all__ = ["read_adjacency"]


def read_adjacency(lines: Sequence[str], name: str, types: Types | None = None) -> Part:
    """Read adjacency lists: on each line a node and its neighbours, separated by white space.

    Raises:
        FileFormatError: No such lists.
    """
    split = _rows(lines)
    for number, words in split:
        _refuse_data(words, f"{name}, line {number}")
    first = pa.array([words[0] for _, words in split for _ in words[1:]], pa.large_string())
    second = pa.array([other for _, words in split for other in words[1:]], pa.large_string())
    if not len(first):
        raise FileFormatError(name, "no edges", "at least one edge")
    alone = {words[0] for _, words in split if len(words) == 1} - set(first.to_pylist()) - set(second.to_pylist())
    notes = [f"{len(alone)} nodes without neighbours are left out"] if alone else []
    names = Names(2)
    names.add([first.dictionary_encode(), second.dictionary_encode()])
    return Part(*names.finish(), types, None, lambda row: name, notes)


def _rows(lines: Sequence[str]) -> list[tuple[int, list[str]]]:
    """The number and the words of each line that is not blank and no comment."""
    split = ((number, line.split()) for number, line in enumerate(lines, 1) if line.lstrip()[:1] not in ("#", "%"))
    return [(number, words) for number, words in split if words]


def _refuse_data(words: Sequence[str], where: str) -> None:
    """Lines of other formats that have weights or data of edges among the names."""
    weighted = len(words) > 1 and all(re.fullmatch(r".+:[\d.]+", word) for word in words[1:])
    found = words[1:2] if weighted else [word for word in words[1:] if word.endswith("}")]
    if found:
        raise FileFormatError(
            where,
            f"{found[0]!r}, a weight or data of an edge",
            "a node and the names of its neighbours",
            "networkx.write_adjlist writes such lists, write_weighted_edgelist edges with weights",
        )
