"""Edge lists from text and Parquet files: two columns of names, and perhaps columns of weights and types."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from ..errors import FileFormatError
from .columns import _is_number, _type_positions, _weight_position
from .text import _content, _Text

__all__ = ["EdgeList", "Types", "TypedEdgeList", "read_adjacency", "read_parquet", "read_text"]

#: Node types of the first and the second column, and the relation from one to the other.
Types = tuple[str, str, str]

_RELATION = "to"


@dataclass
class EdgeList:
    """What an edge list holds, lines in the file's order.

    Attributes:
        src: Number of each line's first node, int64, shape ``(lines,)``.
        dst: Number of each line's second node, same shape.
        weight: Weight of each line, float64, same shape; None where the file has none.
        names: Name of each node: whole numbers in numerical order, other names in order of first appearance.
        notes: How the file was understood, one sentence each.
    """

    src: np.ndarray
    dst: np.ndarray
    weight: np.ndarray | None
    names: list[str]
    notes: list[str] = field(default_factory=list)


@dataclass
class TypedEdgeList:
    """What an edge list with node types holds.

    Attributes:
        edges: Numbers of each line's nodes within their types, and its weight or None, by edge type.
        names: Names of the nodes of each type, ordered as for :class:`EdgeList`.
        notes: As for :class:`EdgeList`.
    """

    edges: dict[Types, tuple[np.ndarray, np.ndarray, np.ndarray | None]]
    names: dict[str, list[str]]
    notes: list[str] = field(default_factory=list)


def read_text(path: Path, header: bool | None = None, types: Types | None = None) -> EdgeList | TypedEdgeList:
    """Read a text file with an edge on each line.

    Fields are separated by commas, semicolons or tabs, whichever the first line has; in ``.txt`` and ``.edgelist``
    files that have none of these, by spaces. Lines that begin with ``#`` or ``%`` are comments: anywhere where
    spaces separate, elsewhere only before the first edge, as a name may begin so. Blank lines are skipped.

    Args:
        path: File, UTF-8; compressed when its name ends in ``.gz``.
        header: Whether the first line has column titles. None finds out: it has when it calls its columns
            "source" and "target" or the like, or has words where the next line has numbers.
        types: Source type, relation and target type of all lines, as of a list of users and items, whose names
            are apart. None takes the columns titled "source_type", "target_type" and "relation", or the like.

    Raises:
        FileFormatError: Not such a file; names the line.
    """
    text = _Text(path, _content(path))
    titled = text.has_header() if header is None else header
    rows = text.table(titled)
    weight = None if rows.weight is None else _numbers(rows.weight, rows.where)
    return _edge_list(rows.first, rows.second, weight, rows.where, [*text.notes, *rows.notes], rows.types or types)


def read_adjacency(path: Path, types: Types | None = None) -> EdgeList | TypedEdgeList:
    """Read adjacency lists: on each line a node and its neighbours, separated by white space.

    Args:
        path: File, UTF-8; compressed when its name ends in ``.gz``.
        types: As for :func:`read_text`.

    Raises:
        FileFormatError: Not such a file.
    """
    try:
        lines = [line.split() for line in _content(path).decode().splitlines() if line.lstrip()[:1] not in ("#", "%")]
    except UnicodeDecodeError as error:
        raise FileFormatError(str(path), f"bytes that are not UTF-8 ({error})", "UTF-8 text") from error
    lines = [line for line in lines if line]
    first = pa.array([line[0] for line in lines for _ in line[1:]], pa.large_string())
    second = pa.array([name for line in lines for name in line[1:]], pa.large_string())
    alone = {line[0] for line in lines if len(line) == 1} - set(first.to_pylist()) - set(second.to_pylist())
    notes = [f"{len(alone)} nodes without neighbours are left out"] if alone else []
    columns = (pa.chunked_array([first]), pa.chunked_array([second]))
    return _edge_list(*columns, None, lambda row: str(path), notes, types)


def read_parquet(path: Path, types: Types | None = None) -> EdgeList | TypedEdgeList:
    """Read a Parquet file whose first two columns name the ends of edges; ``types`` as for :func:`read_text`.

    Raises:
        FileFormatError: Not such a file.
    """
    try:
        with pa.parquet.ParquetFile(path) as file:
            schema = file.schema_arrow
            if len(schema) < 2:
                raise FileFormatError(
                    str(path), f"{len(schema)} column{'s' * (len(schema) != 1)}", "at least two, the ends of edges"
                )
            numeric = [pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in schema.types]
            third = len(schema) > 2 and numeric[2]
            position = _weight_position(schema.names, third)
            kinds = _type_positions(schema.names)
            wanted = [schema.names[i] for i in (0, 1, position, *kinds) if i is not None]
            table = file.read(list(dict.fromkeys(wanted)))
        given = [None if i is None else table.column(schema.names[i]).cast(pa.large_string()) for i in kinds]
        first, second = (column.cast(pa.large_string()) for column in table.columns[:2])
        weight = None if position is None else table.column(2).cast(pa.float64())
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise FileFormatError(str(path), f"a file that is damaged or no Parquet ({error})", "a Parquet file") from error

    def where(row: int) -> str:
        return f"{path}, row {row + 1}"

    for position_of_ids, column in enumerate((first, second)):
        absent = column.is_null()
        if numeric[position_of_ids]:
            absent = pc.or_(absent, pc.equal(column, "nan"))
        if pc.any(absent).as_py():
            raise FileFormatError(where(_first(absent)), "an edge without a node at one end", "two node names")
    values = None if weight is None else weight.to_numpy()
    note = f"columns {schema.names[0]!r} and {schema.names[1]!r} name the ends of edges"
    weights = [] if position is None else [f"column {schema.names[position]!r} has the edge weights"]
    return _edge_list(first, second, values, where, [note, *weights], (given if kinds else None) or types)


def check_weights(weight: np.ndarray, where: Callable[[int], str]) -> None:
    """Raise :class:`FileFormatError` for the first weight that is negative, NaN or infinite."""
    wrong = ~(np.isfinite(weight) & (weight >= 0))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise FileFormatError(where(row), f"the edge weight {weight[row]:g}", "a finite number of at least 0")


def _numbers(column: Any, where: Callable[[int], str]) -> np.ndarray:
    try:
        return column.cast(pa.float64()).to_numpy()
    except pa.ArrowException:
        texts = column.to_pylist()
        row = next(row for row, text in enumerate(texts) if not _is_number(text) or not math.isfinite(float(text)))
        raise FileFormatError(where(row), f"the edge weight {texts[row]!r}", "a finite number of at least 0") from None


def _edge_list(
    first: Any,
    second: Any,
    weight: np.ndarray | None,
    where: Callable[[int], str],
    notes: list[str],
    types: Any = None,
) -> EdgeList | TypedEdgeList:
    """``types``: None, three words for all lines, or columns of source type, target type and relation or None."""
    if not len(first):
        raise FileFormatError(where(0).partition(", ")[0], "no edges", "at least one edge")
    for column in (first, second):
        nameless = pc.equal(column, "")
        if pc.any(nameless).as_py():
            raise FileFormatError(where(_first(nameless)), "an edge without a node at one end", "two node names")
    if weight is not None:
        check_weights(weight, where)
    if types is not None:
        return _typed_edge_list(first, second, weight, where, notes, types)
    codes, names = _numbered(pa.concat_arrays([*first.chunks, *second.chunks]), where, first, second)
    src, dst = codes.reshape(2, -1)
    return EdgeList(src, dst, weight, names, notes)


def _typed_edge_list(
    first: Any, second: Any, weight: np.ndarray | None, where: Callable[[int], str], notes: list[str], types: Any
) -> TypedEdgeList:
    if isinstance(types[0], str):
        source, relation, target = (np.full(len(first), name, dtype=object) for name in types)
    else:
        source, target = (np.asarray(column.to_pylist(), dtype=object) for column in types[:2])
        relation = np.full(len(first), _RELATION, dtype=object)
        if types[2] is not None:
            relation = np.asarray(types[2].to_pylist(), dtype=object)
        for column in (source, target, relation):
            absent = column == ""
            if absent.any():
                raise FileFormatError(where(int(np.argmax(absent))), "an edge without a type", "a type in each column")
    ends = [np.asarray(column.to_pylist(), dtype=object) for column in (first, second)]
    numbers = [np.zeros(len(first), dtype=np.int64) for _ in ends]
    names: dict[str, list[str]] = {}
    for kind in sorted({*source, *target}):
        here = [source == kind, target == kind]
        parts = [pa.array(end[mask], pa.large_string()) for end, mask in zip(ends, here, strict=True)]
        codes, names[kind] = _numbered(pa.concat_arrays(parts), where, first, second)
        split = int(here[0].sum())
        numbers[0][here[0]], numbers[1][here[1]] = codes[:split], codes[split:]
    edges = {}
    for edge_type in sorted(set(zip(source, relation, target, strict=True))):
        rows = (source == edge_type[0]) & (relation == edge_type[1]) & (target == edge_type[2])
        edges[edge_type] = numbers[0][rows], numbers[1][rows], None if weight is None else weight[rows]
    return TypedEdgeList(edges, names, notes)


def _numbered(column: Any, where: Callable[[int], str], first: Any, second: Any) -> tuple[np.ndarray, list[str]]:
    """The number of every entry, and the names in the order of their numbers; the first half came as ``first``."""
    encoded = column.dictionary_encode()
    codes, names = encoded.indices.to_numpy().astype(np.int64), encoded.dictionary.to_pylist()
    broken = next((name for name in names if "\n" in name), None)
    if broken is not None:
        raise FileFormatError(
            where(_first(pc.or_(pc.equal(first, broken), pc.equal(second, broken)))),
            f"a name that runs over lines, {broken[:40]!r}",
            "a name on one line",
            "a quotation mark may lack its other end",
        )
    if all(re.fullmatch(r"-?[0-9]+", name) for name in names):
        order = np.array(sorted(range(len(names)), key=lambda code: int(names[code])), dtype=np.int64)
    else:
        half = len(codes) // 2 if len(codes) == 2 * len(first) else len(codes)
        in_reading_order = codes.reshape(-1, half).T.reshape(-1)
        _, appearance = np.unique(in_reading_order, return_index=True)
        order = np.argsort(appearance)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank[codes], [names[code] for code in order]


def _first(mask: Any) -> int:
    return int(pc.index(mask, True).as_py())
