"""Neo4j's tables: those of ``neo4j-admin import``, their titles in files of their own or not, and APOC's exports."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import FileFormatError
from ..graph.view import NODE_TYPE
from .declared import NodeTable, space_in, with_columns
from .edge_lists import Names, Part, read_edges
from .edge_weights import usable, weights_of
from .graph_file import GraphFile
from .node_rows import NodeRows
from .numbering import assembled, with_nodes
from .options import Reading
from .sources import PACKED, Source
from .tables import Table, open_table
from .titles import WEIGHTS, words_of

__all__ = ["from_apoc", "neo4j_folder", "table_in"]

_TITLE = re.compile(r"(?:[^:]*:(?:ID|START_ID|END_ID)(?:\([^)]*\))?|:(?:LABEL|TYPE))")


def table_in(file: Path, reading: Reading) -> Table:
    """A table of a folder, whatever its name ends in."""
    source = Source(file, reading.encoding)
    source.kind = source.kind if source.kind in (".csv", ".tsv", ".parquet") else ".txt"
    return open_table(source, reading, padded=False)


@dataclass(frozen=True)
class _File:
    """A file of rows, whose titles may stand in another file."""

    path: Path
    reading: Reading
    titles: list[str] | None = None

    def open(self, decided: bool = False) -> Table:
        """The table; ``decided`` has it tell whether its first row has titles, which is to be asked once."""
        if self.titles is None:
            table = table_in(self.path, self.reading)
            if decided:
                table.decide()
            return table
        table = table_in(self.path, replace(self.reading, header=False))
        table.decide()
        if table.width != len(self.titles):
            got = f"{table.width} columns"
            raise FileFormatError(table.where(0), got, f"{len(self.titles)}, as its header file has titles")
        table.titles = list(self.titles)
        return table


def neo4j_folder(files: list[Path], reading: Reading, directed: bool) -> GraphFile | None:
    """The graph of the files of ``neo4j-admin import``; None of other files.

    Titles may stand apart from their rows, as in ``movies-header.csv`` and ``movies.csv`` or ``movies-part1.csv``.

    Raises:
        FileFormatError: Rows without titles, titles without rows, nodes that no table has.
    """
    firsts = {file: _first(file, reading) for file in files}
    if not any(_says(first, ":START_ID") for first in firsts.values()):
        return None
    nodes, edges, others = _sorted(firsts, reading)
    declared = _declared([file.open(decided=True) for file in nodes])
    tables = [file.open() for file in edges]
    parts = [_typed_part(file, table, declared.kinds) for file, table in zip(edges, tables, strict=True)]
    typed = parts[0].types is not None
    graph = declared.added_to(assembled(parts, directed), typed)
    shown = f", {others} left out" if others else ""
    note = f"{len(edges)} table{'s' * (len(edges) != 1)} of relationships, {len(nodes)} of nodes{shown}"
    graph = replace(graph, notes=(note, *graph.notes))
    return with_columns(graph, _with_kinds(nodes, reading, typed))


def _first(file: Path, reading: Reading) -> tuple[list[str], bool]:
    """The first line of a file, and whether it has no more."""
    table = table_in(file, reading)
    return (table.rows[0] if table.rows else []), bool(getattr(table, "whole", False)) and len(table.rows) == 1


def _says(first: tuple[Sequence[str], bool], part: str) -> bool:
    """Whether the first line of a table has a cell with this in it."""
    return any(part in cell for cell in first[0])


def _sorted(firsts: Mapping[Path, tuple[list[str], bool]], reading: Reading) -> tuple[list[_File], list[_File], int]:
    """Files of nodes, files of relationships, and how many are left out."""
    heads = _heads(firsts)
    edges, nodes = ([_File(file, reading) for file in _saying(firsts, mark, heads)] for mark in (":START_ID", ":ID"))
    without = set(firsts) - set(heads) - {file.path for file in (*edges, *nodes)}
    for head, titles in heads.items():
        rows = _rows_of(head, without)
        without -= set(rows)
        there = edges if any(":START_ID" in title for title in titles) else nodes
        there += [_File(file, reading, titles) for file in rows]
    return nodes, edges, len(without)


def _saying(firsts: Mapping[Path, tuple[list[str], bool]], mark: str, but: Collection[Path]) -> list[Path]:
    """The files, but for some, whose first line has a cell with a mark in it."""
    return [file for file, first in firsts.items() if file not in but and _says(first, mark)]


def _heads(firsts: Mapping[Path, tuple[list[str], bool]]) -> dict[Path, list[str]]:
    """The files of nothing but titles."""
    return {file: titles for file, (titles, alone) in firsts.items() if alone and any(map(_TITLE.fullmatch, titles))}


def _rows_of(head: Path, files: set[Path]) -> list[Path]:
    """The files of rows that are called after a file of titles."""
    rows = sorted(file for file in files if _belongs(file, head))
    if not rows:
        raise FileFormatError(
            str(head),
            "column titles apart from their rows",
            f"files of rows that are called after it, such as {_core(head)}.csv or {_core(head)}-part1.csv",
            "put both into one file, titles first",
        )
    return rows


def _stem(file: Path) -> str:
    """A file's name without its endings, in lower case."""
    name = file.name.lower()
    for ending in (*PACKED, ".csv", ".tsv"):
        name = name.removesuffix(ending)
    return name


def _core(head: Path) -> str:
    """What a file of titles is called but for the word ``header``."""
    return re.sub(r"[-_. ]*headers?[-_. ]*", "", _stem(head))


def _belongs(file: Path, head: Path) -> bool:
    """Whether a file of rows is called after a file of titles: by the same name, or with a number behind it."""
    core = _core(head)
    rest = _stem(file).removeprefix(core) if core and _stem(file).startswith(core) else None
    return rest is not None and re.fullmatch(r"[-_. ]*(part|data|rows|file|chunk)?s?[-_. ]*\d*", rest) is not None


@dataclass
class _Declared:
    """What the tables of nodes say.

    Attributes:
        kinds: Type of each node whose id is of the one space that all share.
        names: Nodes of each type.
    """

    kinds: dict[str, str] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)

    def add(self, name: str, space: str, labels: str = "") -> None:
        """Note a node of a space of ids, which is its type; in the one without a name, its first label is."""
        kind = space or _first_label(labels)
        if not space:
            self.kinds[name] = kind
        self.names.setdefault(kind, []).append(name)

    def added_to(self, graph: GraphFile, typed: bool) -> GraphFile:
        """A graph with these nodes, of their types where it has types."""
        for kind, names in self.names.items():
            graph = with_nodes(graph, kind if typed else NODE_TYPE, names)
        return graph


def _first_label(labels: str) -> str:
    """The first of the labels of a node, ``Person;Actor`` or ``:Person:Actor``."""
    return re.split("[;:]", labels.strip(":"))[0] or "node"


def _declared(tables: list[Table]) -> _Declared:
    found = _Declared()
    for table in tables:
        place, labels = _places(table)
        space = space_in((table.titles or [])[place])
        number = 0
        for chunk in table.chunks([place, *labels]):
            for name, *of_node in zip(*(column.to_pylist() for column in chunk), strict=True):
                if not name:
                    raise FileFormatError(table.where(number), "a node without an id", "an id in each line")
                found.add(name, space, *of_node)
                number += 1
    return found


def _places(table: Table) -> tuple[int, list[int]]:
    """Positions of the ids of nodes and, in a list, of their labels."""
    titles = table.titles or []
    place = next(i for i, title in enumerate(titles) if ":ID" in title)
    return place, [i for i, title in enumerate(titles) if title.endswith(":LABEL")][:1]


def _with_kinds(files: list[_File], reading: Reading, typed: bool) -> list[NodeTable]:
    """The tables of nodes that are of one type each, opened once more."""
    found = []
    for file in files:
        table = file.open(decided=True)
        place, labels = _places(table)
        kinds = {space_in((table.titles or [])[place])} - {""} or _kinds_by(table, labels)
        kind = NODE_TYPE if not typed else next(iter(kinds), "node")
        if not typed or len(kinds) < 2:
            rows = NodeRows(file.open(decided=True), place, table.width)
            found.append(NodeTable(kind, rows, reading.of_nodes()).checked())
    return found


def _kinds_by(table: Table, labels: list[int]) -> set[str]:
    """The types of nodes by a column of labels, if there is one."""
    chunks = table.chunks(labels) if labels else iter([])
    return {_first_label(cell) for chunk in chunks for cell in chunk[0].unique().to_pylist()}


def _typed_part(file: _File, table: Table, kinds: Mapping[str, str]) -> Part:
    """The edges of a table; types of nodes, where the titles name none, are those of the tables of nodes."""
    part = read_edges(table, file.reading.of_edges())
    if part.types is not None or not kinds:
        return part
    by_type = next((title for title in table.titles or [] if title.endswith(":TYPE")), None)
    if by_type is not None:
        part = read_edges(file.open(), replace(file.reading, columns={"relation": by_type}))
        assert part.types is not None
    relation = "to" if part.types is None else part.types[1]
    part.types = _typed_ends(part, kinds, relation, table.name)
    return part


def _typed_ends(part: Part, kinds: Mapping[str, str], relation: Any, place: str) -> tuple[Any, Any, Any]:
    """The types of the edges of a part, by those of the nodes at their ends."""
    of_name, words = _types_of(part.names.to_pylist(), kinds, place)
    return (of_name[part.ends[0]], words), relation, (of_name[part.ends[1]], words)


def _types_of(names: list[str], kinds: Mapping[str, str], place: str) -> tuple[np.ndarray, list[str]]:
    """The type of each name as a number, int32, and the types."""
    words = sorted({kinds[name] for name in names if name in kinds})
    number = {word: i for i, word in enumerate(words)}
    of_name = np.array([number[kinds[name]] if name in kinds else -1 for name in names], dtype=np.int32)
    if (of_name < 0).any():
        name = names[int(np.argmax(of_name < 0))]
        raise FileFormatError(place, f"the node {name!r}", "one of the nodes that the tables list")
    return of_name, words


_APOC = ("_id", "_labels", "_start", "_end", "_type")


def from_apoc(table: Table, reading: Reading, directed: bool) -> GraphFile | None:
    """The graph of what APOC's ``apoc.export.csv.all`` writes; None of another table.

    Nodes and relationships stand in one table: a node's row has ``_id`` and ``_labels``, a relationship's ``_start``,
    ``_end`` and ``_type``. A node is of the type that its first label names.

    Raises:
        FileFormatError: A relationship to a node that the table lacks, or no relationship.
    """
    if not table.rows or not {*_APOC} <= {cell.strip() for cell in table.rows[0]}:
        return None
    table.decide()
    titles = [title.strip() for title in table.titles or ()]
    place = {title: titles.index(title) for title in _APOC}
    weight = _weight_of_apoc(titles, max(place.values()) + 1) if reading.weight else None
    declared, part = _rows_of_apoc(table, place, weight)
    assert part.types is not None
    part.types = _typed_ends(part, declared.kinds, part.types[1], table.name)
    spare = sorted({*range(len(titles))} - {*place.values(), weight})
    left_out = f"; left out {', '.join(repr(titles[i]) for i in spare[:8])}" if spare else ""
    counts = f"{sum(map(len, declared.names.values()))} nodes and {len(part.ends[0])} relationships"
    part.notes.insert(0, f"{counts} of APOC's export, by the columns {', '.join(map(repr, _APOC))}{left_out}")
    return declared.added_to(assembled([part], directed), True)


def _weight_of_apoc(titles: Sequence[str], start: int) -> int | None:
    """Position of the weights among the properties of relationships, which stand last."""
    return next((i for i in range(start, len(titles)) if {*words_of(titles[i])} & WEIGHTS), None)


def _rows_of_apoc(table: Table, place: Mapping[str, int], weight: int | None) -> tuple[_Declared, Part]:
    """The nodes of the table, and its relationships, which have no types of ends yet."""
    declared, names, kinds = _Declared(), Names(2), Names(1)
    weights: list[np.ndarray] = [np.empty(0)]
    rows: list[np.ndarray] = [np.empty(0, dtype=np.int64)]
    start = 0
    for chunk in table.chunks([*(place[title] for title in _APOC), *([] if weight is None else [weight])]):
        edge = pc.not_equal(chunk[2], "")
        node = pc.and_(pc.invert(edge), pc.not_equal(chunk[0], ""))
        for name, labels in zip(chunk[0].filter(node).to_pylist(), chunk[1].filter(node).to_pylist(), strict=True):
            declared.add(name, "", labels)
        here = start + np.flatnonzero(edge.to_numpy(zero_copy_only=False))
        rows.append(here)
        ends = [_filled(column.filter(edge), here, table).dictionary_encode() for column in chunk[2:5]]
        names.add(ends[:2])
        kinds.add(ends[2:])
        if weight is not None:
            cells = pc.if_else(edge, chunk[5], pa.scalar("1", chunk[5].type))  # nodes have none
            weights.append(weights_of(cells, start, table, weight)[here - start])
        start += len(chunk[0])
    lines = np.concatenate(rows)
    if not len(lines):
        raise FileFormatError(table.name, "no relationships", "rows with _start, _end and _type")

    def where(row: int) -> str:
        return table.where(int(lines[row]))

    found = np.concatenate(weights)
    values, notes, trouble = (None, [], None) if np.isnan(found).all() else usable(found, where)
    codes, words = kinds.finish()
    return declared, Part(*names.finish(), ("", (codes[0], words.to_pylist()), ""), values, where, notes, trouble)


def _filled(column: pa.Array, rows: np.ndarray, table: Table) -> pa.Array:
    """A column of relationships, each with something in it; ``rows`` has their rows in the table."""
    blank = pc.index(column, "").as_py()
    if blank >= 0:
        raise FileFormatError(table.where(int(rows[blank])), "a blank", "_start, _end and _type")
    return column
