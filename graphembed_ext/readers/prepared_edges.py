"""The edges of a prepared graph: each once, in order, from lines on the disk that may be any number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .._core.external_sort import ExternalSort
from ..graph.folder import PreparedWriter
from ..graph.folder_files import edge_blocks
from ..graph.view import EdgeType
from .checks import check_weights
from .graph_file import WEIGHT
from .numbering import Segment
from .spill import SLICE, Work

__all__ = ["write_edges"]

_KINDS = {WEIGHT: (np.float32, ())}


def write_edges(
    edge_type: EdgeType, segments: Sequence[Segment], tables: Mapping[str, np.ndarray], writer: PreparedWriter,
    work: Work, directed: bool, memory: int, say: Any,
) -> int:  # fmt: skip
    """Write an edge type and, where edges between two types have no direction, the one back; returns its edges, each
    once. Two sorts go on at a time, each of which, the writer's as well, may use ``memory``.
    """
    source, relation, target = edge_type
    weighted = any(segment.weight is not None for segment in segments)
    kinds: dict[str, Any] = _KINDS if weighted else {}
    loops = [0]
    both = not directed and source == target

    def blocks() -> Iterator[Any]:
        for src, dst, values in _simple(segments, tables, writer.nodes, both, weighted, work, memory):
            loops[0] += int((src == dst).sum()) if both else 0
            yield src, dst, values

    place, entry = _step(edge_type, blocks, kinds, writer, work, loops, say)
    if not directed and not both:
        rows = max(writer.nodes[source], 1)

        def turned() -> Iterator[Any]:
            order = ExternalSort(work.room("turned"), memory, np.float64)
            for src, dst, values in edge_blocks(place, kinds):
                order.add(dst * rows + src, values[WEIGHT] if weighted else np.zeros(len(src)))
            for keys, weight in order.blocks():
                dst, src = np.divmod(keys, rows)
                yield dst, src, {WEIGHT: weight.astype(np.float32)} if weighted and weight is not None else {}

        _step((target, f"rev_{relation}", source), turned, kinds, writer, work, [0], say)
    return (entry["edges"] + entry["loops"]) // 2 if both else entry["edges"]


def _step(
    edge_type: EdgeType, blocks: Any, kinds: Mapping[str, Any], writer: PreparedWriter, work: Work, loops: list[int],
    say: Any,
) -> tuple[Path, dict[str, Any]]:  # fmt: skip
    """Write an edge type, unless that is done already; its folder, and what is known of it."""
    step = "edges " + "-".join(edge_type)
    if step in work.done:
        entry = work.done[step]
        writer.relations.append({name: value for name, value in entry.items() if name != "loops"})
        return work.folder / entry["folder"], entry
    place = writer.relation(edge_type, blocks(), kinds)
    entry = work.finish(step, {**writer.relations[-1], "loops": loops[0]})
    say(f"wrote {entry['edges']} edges" + ("" if place == work.folder else f" of {'-'.join(edge_type)}"))
    return place, entry


def _simple(
    segments: Sequence[Segment], tables: Mapping[str, np.ndarray], counts: Mapping[str, int], both: bool,
    weighted: bool, work: Work, memory: int,
) -> Iterator[Any]:  # fmt: skip
    """Each edge once, as :func:`graphembed_ext.graph.simple_edges.edges_of_keys` has it, in ascending order."""
    width = max(counts[kind] for kind in segments[0].edge_type[::2])
    if not weighted:
        order = ExternalSort(work.room("keys"), memory)
        for key, _ in _keys(segments, tables, width):
            order.add(key)
            if both:
                order.add(_turned(key, width))
        for keys, _ in order.blocks():
            yield *np.divmod(keys, width), {}
        return
    yield from _weighted(segments, tables, width, both, work, memory)


def _weighted(
    segments: Sequence[Segment], tables: Mapping[str, np.ndarray], width: int, both: bool, work: Work, memory: int
) -> Iterator[Any]:
    """As :func:`_simple`, with weights."""
    edge_type = segments[0].edge_type
    listed = ExternalSort(work.room("keys"), memory, np.float64)
    for key, weight in _keys(segments, tables, width):
        listed.add(key, weight)
    sums = _checked(_joined(listed, _sums), edge_type)
    if both:
        turned = ExternalSort(work.room("both"), memory, np.float64)
        for keys, weight in sums:
            turned.add(keys, weight)
            turned.add(_turned(keys, width), weight)
        sums = _joined(turned, _largest)
    for keys, weight in sums:
        yield *np.divmod(keys, width), {WEIGHT: weight.astype(np.float32)}


def _checked(sums: Iterator[Any], edge_type: EdgeType) -> Iterator[Any]:
    for keys, weight in sums:
        check_weights(weight, lambda _: f"edges of {'-'.join(edge_type)} that are listed several times, together")
        yield keys, weight


def _keys(
    segments: Sequence[Segment], tables: Mapping[str, np.ndarray], width: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The lines of an edge type as numbers, source times ``width`` plus target, and their weights, 1 where there is
    none.
    """
    for segment in segments:
        first, second = (tables[kind] for kind in segment.edge_type[::2])
        for low in range(0, len(segment.ends[0]), SLICE):
            part = slice(low, low + SLICE)
            key = first[segment.ends[0][part]] * width + second[segment.ends[1][part]]
            yield key, np.ones(len(key)) if segment.weight is None else np.asarray(segment.weight[part])


def _turned(key: np.ndarray, width: int) -> np.ndarray:
    src, dst = np.divmod(key, width)
    return dst * width + src


def _joined(order: ExternalSort, join: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Iterator[Any]:
    """Each key once, with what its payloads make together."""
    for keys, payload in order.blocks():
        if len(keys):
            fresh = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
            yield keys[fresh], join(payload, fresh)  # type: ignore[arg-type]


def _sums(weight: np.ndarray, starts: np.ndarray) -> np.ndarray:
    # Added up one by one, as those of a graph in memory are: pairwise sums would differ in the last bit.
    group = np.zeros(len(weight), np.int64)
    group[starts[1:]] = 1
    return np.bincount(np.cumsum(group), weight)


def _largest(weight: np.ndarray, starts: np.ndarray) -> np.ndarray:
    return np.maximum(np.maximum.reduceat(weight, starts), 0)
