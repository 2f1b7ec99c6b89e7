"""Edge lists by their lines: those rated high enough, and the time of each edge."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch import Tensor

from ...errors import InputError
from ...graph.view import NODE_TYPE, GraphView
from ...readers.graph_file import GraphFile
from ...readers.graphs import relation_of
from ...readers.lines import Lines, lines_of

if TYPE_CHECKING:
    from .job import Job

__all__ = ["TIME", "high_enough", "in_time", "rated"]

#: The lines of a file, and the places of those that are rated high enough; None for all.
Rated = tuple[Lines, np.ndarray | None]
#: Edge feature with the times of ``--time-column``.
TIME = "time"
#: Options of reading that the lines of a list are read by; what is written of them says it by its titles.
_OF_LINES = ("bipartite", "input_format", "columns", "delimiter", "comment", "encoding", "header", "skip_bad")
#: What notes say of a list whose times are not read.
_UNTIMED = ("has times, left out", "kept as edge weights", "repeats an edge", "repeat an edge", "repeat edges")


def high_enough(lines: Lines, least: float) -> tuple[np.ndarray, str]:
    """Places of the lines whose rating is not below the least, and what to say of the others."""
    kept = np.flatnonzero(lines.ratings() >= least)
    return kept, f"{len(lines) - len(kept)} of {len(lines)} lines have a rating below {least:g}"


@contextmanager
def rated(job: Job) -> Iterator[tuple[Any, Mapping[str, Any], list[str], list[Rated]]]:
    """The input of a job without the edges of a lower rating than ``--min-rating``, how it is to be read, notes, and
    the lines that were read for it.

    Raises:
        InputError: A list without ratings, or without one high enough.
    """
    if job.min_rating is None:
        yield job.input, job.reading, [], []
        return
    with tempfile.TemporaryDirectory() as folder:
        files: list[str] = []
        notes: list[str] = []
        read: list[Rated] = []
        two_kinds: list[bool] = []
        for number, given in enumerate(job.files):
            relation, file = relation_of(given)
            lines = _lines(job, file)
            kept, note = high_enough(lines, job.min_rating)
            if not len(kept):
                got = f"{job.min_rating:g}, below which all ratings of {file} are"
                raise InputError("min_rating", got, f"at most {lines.ratings().max():g}")
            notes += [*lines.notes, note]
            path = lines.chosen(kept).write(Path(folder) / f"{number}-{Path(file).name}.csv")
            files.append(f"{','.join(relation)}={path}" if relation else str(path))
            read.append((lines, kept))
            two_kinds.append(lines.bipartite)
        reading = {name: value for name, value in job.reading.items() if name not in _OF_LINES or name == "bipartite"}
        if all(two_kinds):
            reading["bipartite"] = True
        yield files[0] if len(files) == 1 else files, reading, notes, read


def in_time(job: Job, source: GraphFile, read: Sequence[Rated]) -> GraphFile:
    """The graph with an edge for each line of its lists, also where several join the same nodes, and its time; ``read``
    has the lines that :func:`rated` read.

    Raises:
        InputError: An input that is no list of one relation, or has no such column.
    """
    if job.time_column is None:
        return source
    read = _of_one_relation(job, read)
    found = [_edges(source, *_timed(lines, kept, job.time_column)) for lines, kept in read]
    edges, features = {}, {}
    for kind in source.view.edge_types:
        src, dst, when = map(torch.cat, zip(*(part[kind] for part in found), strict=True))
        edges[kind], features[kind] = (src, dst), {TIME: when}
    view = source.view
    view = GraphView(view.num_nodes, edges, view.features, features, names=view.names)
    notes = [note for note in source.notes if not any(word in note for word in _UNTIMED)]
    notes.append(f"column {job.time_column} has the times, in whose order walks follow each line's edge")
    return replace(source, view=view, weight=None, trouble=None, notes=tuple(notes))


def _of_one_relation(job: Job, read: Sequence[Rated]) -> Sequence[Rated]:
    """The lines of the lists of a job, those that are read already or else read now.

    Raises:
        InputError: They are of several relations, or no lists.
    """
    untyped = all(relation_of(file)[0] is None for file in job.files)
    read = read or ([(_lines(job, file), None) for file in job.files] if untyped else [])
    relations = {(lines.bipartite, lines.table is None or lines.relation() is not None) for lines, _ in read}
    if not untyped or relations not in ({(True, False)}, {(False, False)}):
        expected = "edge lists of one relation, with a column of times"
        raise InputError("time_column", f"{job.time_column} of {job.source}", expected)
    return read


def _timed(lines: Lines, kept: np.ndarray | None, column: str) -> tuple[Lines, Tensor]:
    """The lines that are kept, and their times."""
    times = lines.times(column)
    assert times is not None  # a column was named
    return (lines, torch.tensor(times)) if kept is None else (lines.chosen(kept), torch.from_numpy(times[kept]))


def _lines(job: Job, file: str | Path) -> Lines:
    how = {name: job.reading[name] for name in _OF_LINES if name in job.reading}
    return lines_of(file, **how)


def _edges(source: GraphFile, lines: Lines, times: Tensor) -> dict[Any, tuple[Tensor, Tensor, Tensor]]:
    """Both ends of edges and their times, by edge type, in both directions where the graph has them so."""
    kinds = ("user", "item") if "user" in source.view.num_nodes else (NODE_TYPE, NODE_TYPE)
    sides = (lines.columns[lines.roles.source], lines.columns[lines.roles.target])
    src, dst = (_ids(source, kind, cells) for kind, cells in zip(kinds, sides, strict=True))
    found = {}
    for edge_type in source.view.edge_types:
        there = edge_type[0] == kinds[0]
        ends, when = (src, dst) if there else (dst, src), times
        if kinds[0] == kinds[1] and not source.directed:
            back = src != dst  # a loop leads back by itself
            ends = torch.cat([src, dst[back]]), torch.cat([dst, src[back]])
            when = torch.cat([times, times[back]])
        found[edge_type] = (*ends, when)
    return found


def _ids(source: GraphFile, kind: str, cells: Any) -> Tensor:
    """Ids of nodes by their names."""
    names = pa.array((source.names or {})[kind], cells.type)
    return torch.from_numpy(pc.index_in(cells, names).to_numpy(zero_copy_only=False).astype(np.int64))
