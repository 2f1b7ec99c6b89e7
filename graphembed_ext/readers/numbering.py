"""Edges by name made a graph by number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch import Tensor

from ..errors import InputError
from ..graph.simple_edges import edges_of_keys
from ..graph.view import EDGE_TYPE, EdgeType, GraphView
from .checks import check_weights
from .edge_lists import Part
from .graph_file import WEIGHT, GraphFile

__all__ = ["Segment", "assembled", "notes_of", "numbered", "segments_of", "with_nodes"]

#: No row stands so far down.
_NEVER = np.iinfo(np.int64).max
_SLICE = 1 << 18


@dataclass
class Segment:
    """Lines of one edge type: the names of their ends by number, their rows (None for all of a file), their weights."""

    edge_type: EdgeType
    ends: tuple[np.ndarray, np.ndarray]
    weight: np.ndarray | None
    start: int
    rows: np.ndarray | None = None


def assembled(parts: Sequence[Part], directed: bool) -> GraphFile:
    """The graph of the edges of some files.

    Nodes are numbered in numerical order where all names of their type are whole numbers, otherwise as they
    come, line by line. ``1.0`` and ``1e0`` are ``1`` where all are numbers.

    Args:
        parts: Edges, file by file.
        directed: Whether edges have a direction.

    Raises:
        InputError: Files with types and files without.
    """
    typed = {part.types is not None for part in parts}
    if len(typed) > 1:
        raise InputError(
            "input",
            "files with types of nodes and files without",
            "types for all",
            "-i author,writes,paper=FILE says them",
        )
    if any(part.trouble is not None for part in parts):  # weights of some edges would be compared with ones
        for part in parts:
            part.weight = None
    names, ends = _joined(parts)
    segments, start = list[Segment](), 0
    for part, pair in zip(parts, ends, strict=True):
        segments += segments_of(part, pair, start)
        start += 2 * len(pair[0])
    lines = sum(len(segment.ends[0]) for segment in segments)
    del ends
    ordered, tables = numbered(segments, names)
    counts = {kind: len(found) for kind, found in ordered.items()}
    listed = {kind: found.to_pylist() for kind, found in ordered.items()}
    edges = _simple(segments, tables, counts, directed)
    return _graph(edges, counts, listed, parts, lines, directed)


def _joined(parts: Sequence[Part]) -> tuple[Any, list[tuple[np.ndarray, np.ndarray]]]:
    """The names of all files, and the ends of each as numbers of these; the files give theirs away."""
    names, maps = parts[0].names, [None]
    if len(parts) > 1:
        whole = [pa.DictionaryArray.from_arrays(pa.array(np.arange(len(p.names)), pa.int32()), p.names) for p in parts]
        joined = pa.chunked_array(whole).unify_dictionaries().chunks
        names, maps = joined[0].dictionary, [chunk.indices.to_numpy() for chunk in joined]
    ends = []
    for part, table in zip(parts, maps, strict=True):
        first, second = part.ends
        ends.append((first, second) if table is None else (table[first], table[second]))
        part.ends, part.names = [], None
    return names, ends


def segments_of(part: Part, ends: tuple[np.ndarray, np.ndarray], start: int) -> list[Segment]:
    """The lines of a file by edge type; ``start`` ends come before them."""
    types = EDGE_TYPE if part.types is None else part.types
    if all(isinstance(kind, str) for kind in types):
        return [Segment(types, ends, part.weight, start)]
    codes, words = [], []
    for kind in types:
        if isinstance(kind, str):
            codes.append(np.zeros(len(ends[0]), dtype=np.int64))
            words.append([kind])
        else:
            codes.append(kind[0].astype(np.int64))
            words.append(kind[1])
    joint = (codes[0] * len(words[1]) + codes[1]) * len(words[2]) + codes[2]
    found = []
    for code in np.unique(joint).tolist():
        rows = np.flatnonzero(joint == code)
        rest, target = divmod(code, len(words[2]))
        source, relation = divmod(rest, len(words[1]))
        edge_type = (words[0][source], words[1][relation], words[2][target])
        weight = None if part.weight is None else part.weight[rows]
        found.append(Segment(edge_type, (ends[0][rows], ends[1][rows]), weight, start, rows))
    return found


def numbered(segments: Sequence[Segment], names: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Names of the nodes of each type in the order of their numbers, an Arrow array, and the number of every name in
    each type.
    """
    first: dict[str, np.ndarray] = {}

    def of(kind: str) -> np.ndarray:
        return first.setdefault(kind, np.full(len(names), _NEVER, dtype=np.int64))

    for segment in segments:
        rows = segment.rows
        for side, kind in ((0, segment.edge_type[0]), (1, segment.edge_type[2])):
            ends = segment.ends[side]
            for low in range(0, len(ends), _SLICE):
                part = ends[low : low + _SLICE]
                here = np.arange(low, low + len(part)) if rows is None else rows[low : low + len(part)]
                _note_first(of(kind), part, segment.start + 2 * here + side)
    ordered: dict[str, Any] = {}
    tables: dict[str, np.ndarray] = {}
    for kind in sorted(first):
        there = np.flatnonzero(first[kind] != _NEVER)
        whole = len(there) == len(names)
        rank, ordered[kind] = _ranked(names if whole else names.take(pa.array(there)), first[kind][there])
        if whole:
            tables[kind] = rank
        else:
            tables[kind] = np.full(len(names), -1, dtype=np.int64)
            tables[kind][there] = rank
    return ordered, tables


def _note_first(first: np.ndarray, codes: np.ndarray, places: np.ndarray) -> None:
    """Lower the place of each name to where it comes first; of equal names the last assignment counts."""
    before = first[codes]
    first[codes[::-1]] = places[::-1]
    first[codes] = np.minimum(first[codes], before)


def _ranked(names: Any, first: np.ndarray) -> tuple[np.ndarray, Any]:
    """The number of each name, and the names in this order; ``first`` has the place where each comes first."""
    if pc.all(pc.match_substring_regex(names, r"^-?[0-9]+$")).as_py():
        try:
            order = np.lexsort((first, names.cast(pa.int64()).to_numpy()))
        except pa.ArrowException:  # beyond 64 bits
            texts = names.to_pylist()
            order = np.array(sorted(range(len(texts)), key=lambda i: (Decimal(texts[i]), first[i])), dtype=np.int64)
    elif pc.all(pc.match_substring_regex(names, r"^[+-]?[0-9]+(\.0*)?([eE]\+?[0-9]{1,2})?$")).as_py():
        encoded = pa.array([_whole(text) for text in names.to_pylist()], pa.large_string()).dictionary_encode()
        group = encoded.indices.to_numpy()
        earliest = np.full(len(encoded.dictionary), _NEVER, dtype=np.int64)
        np.minimum.at(earliest, group, first)
        rank, found = _ranked(encoded.dictionary, earliest)
        return rank[group], found
    else:
        order = np.argsort(first, kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank, names.take(pa.array(order))


def _whole(text: str) -> str:
    """``1.0`` and ``1e+05`` as whole numbers; others as they are."""
    if text.lstrip("+-").isdigit() and not text.startswith("+"):
        return text
    number = Decimal(text)  # no limit of digits, as Python's int has one
    return "0" if number == 0 else f"{number:.0f}"


def _simple(
    segments: list[Segment], tables: Mapping[str, np.ndarray], counts: Mapping[str, int], directed: bool
) -> dict[EdgeType, tuple[np.ndarray, np.ndarray, np.ndarray | None]]:
    """Each edge once, by edge type; files of one type are joined."""
    grouped: dict[EdgeType, list[Segment]] = {}
    for segment in segments:
        grouped.setdefault(segment.edge_type, []).append(segment)
    segments.clear()
    found = {}
    for edge_type in sorted(grouped):
        here, kinds = grouped.pop(edge_type), (edge_type[0], edge_type[2])
        width = max(counts[kind] for kind in kinds)
        weight = None
        if any(segment.weight is not None for segment in here):
            weight = np.concatenate([np.ones(len(s.ends[0])) if s.weight is None else s.weight for s in here])
        key = _keys(here, tables[kinds[0]], tables[kinds[1]], width)
        found[edge_type] = edges_of_keys(key, weight, width, directed or kinds[0] != kinds[1])
    return found


def _keys(segments: list[Segment], sources: np.ndarray, targets: np.ndarray, width: int) -> np.ndarray:
    """The edges of segments as numbers, source times ``width`` plus target; the segments are used up."""
    keys = []
    while segments:  # each file's names go as soon as its edges are numbered
        first, second = segments.pop(0).ends
        key = sources[first]
        key *= width
        for low in range(0, len(key), _SLICE):
            key[low : low + _SLICE] += targets[second[low : low + _SLICE]]
        keys.append(key)
    return keys.pop() if len(keys) == 1 else np.concatenate(keys)


def _graph(
    edges: Mapping[EdgeType, tuple[np.ndarray, np.ndarray, np.ndarray | None]],
    counts: Mapping[str, int],
    names: Mapping[str, list[str]],
    parts: Sequence[Part],
    lines: int,
    directed: bool,
) -> GraphFile:
    found: dict[EdgeType, tuple[Tensor, Tensor]] = {}
    features: dict[EdgeType, dict[str, Tensor]] = {}
    once = 0
    for (source, relation, target), (src, dst, weight) in edges.items():
        there = torch.from_numpy(src), torch.from_numpy(dst)
        found[source, relation, target] = there
        kinds = [(source, relation, target)]
        within = source == target
        once += len(src) if directed or not within else (len(src) + int((src == dst).sum())) // 2
        if not directed and not within:
            kinds.append((target, f"rev_{relation}", source))
            found[kinds[1]] = there[1], there[0]
        if weight is not None:
            check_weights(weight, _place(names, (source, target), src, dst))
            features |= {kind: {WEIGHT: torch.from_numpy(weight).float()} for kind in kinds}
    view = GraphView(counts, found, edge_features=features)
    weight_name = WEIGHT if features else None
    trouble = next((part.trouble for part in parts if part.trouble is not None), None)
    return GraphFile(view, dict(names), {}, weight_name, notes_of(parts, lines - once), directed, trouble=trouble)


def _place(
    names: Mapping[str, list[str]], kinds: tuple[str, str], src: np.ndarray, dst: np.ndarray
) -> Callable[[int], str]:
    """What messages call an edge whose lines add up to no weight."""
    return lambda i: f"the edges from {names[kinds[0]][src[i]]} to {names[kinds[1]][dst[i]]} together"


def notes_of(parts: Sequence[Part], repeated: int) -> tuple[str, ...]:
    """What the files say, each thing once, and how many of their lines repeat an edge."""
    notes = dict.fromkeys(note for part in parts for note in part.notes)
    if not repeated:
        return tuple(notes)
    return (*notes, f"{repeated} line{'s repeat' if repeated > 1 else ' repeats'} an edge")


def with_nodes(graph: GraphFile, kind: str, names: Sequence[str]) -> GraphFile:
    """A graph with nodes of a type that it may lack, in numerical order or behind its own; they have no edges.

    Raises:
        InputError: A graph whose nodes have ids alone, or features that new nodes would lack.
    """
    known = dict(graph.names or {})
    old = known.get(kind, [])
    there = set(old) if graph.names is not None else set(map(str, range(graph.view.num_nodes.get(kind, 0))))
    fresh = [name for name in dict.fromkeys(names) if name not in there]
    if not fresh:
        return graph
    if graph.view.mapped:
        hint = "graphembed prepare --nodes FILE declares nodes without edges"
        raise InputError("nodes", fresh[0], "nodes of the prepared graph", hint)
    if graph.names is None or graph.view.features.get(kind):
        raise InputError("nodes", fresh[0], "nodes of the graph, as only those of edge lists can be added to")
    joined = pa.array([*old, *fresh], pa.large_string())
    rank, ordered = _ranked(joined, np.arange(len(joined)))
    known[kind] = ordered.to_pylist()
    if len(known[kind]) != len(joined):  # spellings of one number
        raise InputError("nodes", f"{fresh[0]!r}", "names spelt as in the edges")
    edges = _renumbered(graph.view.edges, kind, torch.from_numpy(rank))
    counts = {**graph.view.num_nodes, kind: len(joined)}
    view = GraphView(counts, edges, graph.view.features, graph.view.edge_features)
    note = f"{len(fresh)} node{'s' * (len(fresh) != 1)} without edges"
    return replace(graph, view=view, names=known, notes=(*graph.notes, note))


def _renumbered(
    edges: Mapping[EdgeType, tuple[Tensor, Tensor]], kind: str, number: Tensor
) -> dict[EdgeType, tuple[Tensor, Tensor]]:
    """Edges after the nodes of a type were given other numbers."""
    return {
        edge_type: (
            number[src] if edge_type[0] == kind else src,
            number[dst] if edge_type[2] == kind else dst,
        )
        for edge_type, (src, dst) in edges.items()
    }
