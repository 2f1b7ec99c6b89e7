"""Pairs of nodes out of edge lists and matrices: by name, or by the ids that a graph has for the names."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch
from torch import Tensor

from .._core import checks
from ..errors import FileFormatError
from . import matrices as matrix_files
from .edge_lists import Part
from .graphs import KNOWN, MATRICES, TABLES, open_source, part_of
from .judging import kind_of
from .node_rows import as_set
from .options import Reading, check_words
from .sources import Source

__all__ = ["pairs_of_names", "read_pairs"]


def read_pairs(
    path: str | Path,
    *,
    header: bool | None = None,
    input_format: str | None = None,
    known: Collection[str] = (),
    **reading: Any,
) -> list[list[str]]:
    """Names of both ends of the edges of a list, line by line: first ends, second ends. Nothing is joined or turned.

    Args:
        path: File of edges, or a matrix whose entries are pairs of row and column; ``"-"`` for standard input.
        header: As for :func:`read_graph`.
        input_format: As for :func:`read_graph`.
        known: Names of nodes that are known, which are no titles.
        **reading: ``columns``, ``delimiter``, ``comment`` and ``encoding``, as for :func:`read_graph`.

    Raises:
        FileFormatError: Not such a file.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "test.csv"
        >>> _ = path.write_text("user,item\\nAnn,tea\\nBen,jam\\n")
        >>> read_pairs(path)
        [['Ann', 'Ben'], ['tea', 'jam']]
    """
    how = Reading.of(header=header, weight=False, **reading)
    check_words(input_format=input_format)
    checks.path("path", path)
    known = known if isinstance(known, (set, frozenset)) else set(map(str, checks.several("known", known, "names")))
    source = open_source(path, how, input_format)
    kind = kind_of(source, KNOWN, input_format is not None)
    if kind in MATRICES:
        return _pairs_of_matrix(source, kind)
    if kind not in TABLES:
        got = f"a file ending in {source.path.suffix or 'nothing'}"
        raise FileFormatError(source.name, got, "an edge list, or a matrix of users and items")
    part = part_of(source, kind, how, None, False, known=known)
    assert isinstance(part, Part)
    return [part.names.take(pa.array(end)).to_pylist() for end in part.ends]


def _pairs_of_matrix(source: Source, kind: str) -> list[list[str]]:
    """Row and column of each entry of a matrix, as text, row by row."""
    view = matrix_files.read_matrix(source.path, kind, None, True, True).view
    src, dst = view.edges.get(matrix_files.SIDES) or next(iter(view.edges.values()))
    return [list(map(str, end.tolist())) for end in (src, dst)]


def pairs_of_names(
    path: Path,
    names: Sequence[Sequence[str] | None],
    counts: Sequence[int],
    input_format: str | None = None,
    *,
    notes: list[str] | None = None,
    **reading: Any,
) -> Tensor:
    """Pairs of nodes from an edge list, as ids ``(2, P)``; nothing is joined or turned.

    Args:
        path: File, as :func:`graphembed_ext.readers.read_pairs` takes it.
        names: Names of the nodes that stand first, and of those that stand second; None where they have ids only.
        counts: Numbers of these nodes.
        input_format: Ending to read the file by; its own where it has one of an edge list.
        notes: Told how many pairs are left out as the graph lacks a node of theirs; None refuses such pairs.
        **reading: As for :func:`graphembed_ext.readers.read_pairs`.

    Raises:
        FileFormatError: Not such a file, or no pair of nodes that the graph has.
    """
    places = [as_set(known, count) for known, count in zip(names, counts, strict=True)]
    own = input_format if Path(path).suffix != ".parquet" else None
    lists = read_pairs(path, input_format=own, known=places[0].keys() | places[1].keys(), **reading)
    columns = zip(lists, places, strict=True)
    pairs = torch.tensor([[place.get(name, -1) for name in column] for column, place in columns])
    absent = _first_absent(lists, places)
    if absent is None:
        return pairs
    if notes is None:
        raise FileFormatError(str(path), f"the node {absent!r}", "pairs of nodes that the graph has")
    unknown = (pairs < 0).any(0)
    if bool(unknown.all()):
        raise FileFormatError(
            str(path), f"no pair of which the graph has both nodes (such as {absent!r})", "pairs of its nodes"
        )
    count = int(unknown.sum())
    notes.append(f"{count} of {pairs.size(1)} pairs in {path} left out, as the graph lacks a node of theirs")
    return pairs[:, ~unknown]


def _first_absent(lists: Sequence[Sequence[str]], places: Sequence[Mapping[str, int]]) -> str | None:
    """The first name that the graph lacks, first ends before second ones; None where it has all."""
    columns = zip(lists, places, strict=True)
    return next((name for column, place in columns for name in column if name not in place), None)
