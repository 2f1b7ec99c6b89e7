"""Tables of nodes beside the edges: they declare nodes that may have none, and bring features, labels and splits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from .._core.memory import check_file_room
from ..errors import FileFormatError, InputError
from ..graph.features import FEATURE_NAMES, LABEL_NAMES
from ..graph.view import NODE_TYPE
from .graph_file import GraphFile
from .node_roles import NodeRoles, node_roles
from .node_rows import NodeRows, as_set, id_of, read_rows
from .node_tables import as_sparse, label_pairs, labels_of_pairs, part_in
from .numbering import with_nodes
from .options import Reading, files_given
from .sources import STDIN

__all__ = ["NodeTable", "opened_tables", "read_table", "space_in", "with_columns", "with_names", "with_tables"]

Found = TypeVar("Found")


@dataclass
class NodeTable:
    """A table of the nodes of a type.

    Attributes:
        kind: The node type.
        rows: The table.
        reading: What a person said of it.
        left_out: Which rows are left out as wrong, in a sentence; none where all are right.
    """

    kind: str
    rows: NodeRows
    reading: Reading
    left_out: list[str] = field(default_factory=list)

    @cached_property
    def names(self) -> list[str]:
        """The node of each row."""
        return self.rows.names()

    @cached_property
    def roles(self) -> NodeRoles:
        """Which columns are what."""
        return node_roles(self.rows, self.reading)

    def checked(self) -> NodeTable:
        """This table, where no row of it is wrong by itself.

        Raises:
            FileFormatError: A row without a node, a node with features on two rows, or a part that is none.
        """
        if self.roles.split is not None:
            for number, (cell,) in self.rows.cells([self.roles.split]):
                part_in(cell, self.rows, number)
        again = _first_again(self.names)
        if again is not None and self.roles.features:
            raise self.twice(again)
        return self

    def twice(self, row: int) -> FileFormatError:
        """The refusal of a row whose node has features already."""
        return self.rows.table.bad(
            row,
            f"the node {self.names[row]!r} a second time",
            "the features of a node on one line",
            "a table of classes alone, with --labels, may have several lines for a node",
        )


def _first_again(names: Sequence[str]) -> int | None:
    """The first position of a name that stands before it already; None where each stands once."""
    seen = set[str]()
    for place, name in enumerate(names):
        if name in seen:
            return place
        seen.add(name)
    return None


def with_tables(graph: GraphFile, files: str | Path | Sequence[str | Path], reading: Reading) -> GraphFile:
    """A graph with the nodes of some tables, and with their features, labels and splits.

    Args:
        graph: The graph.
        files: Tables, each perhaps with ``TYPE=`` before its name.
        reading: What a person said of them.

    Raises:
        FileFormatError: Not such a file.
        InputError: A table that leaves open of which type its nodes are.
    """
    tables = opened_tables(graph, files, reading)
    return with_columns(with_names(graph, tables), tables)


def opened_tables(graph: GraphFile, files: str | Path | Sequence[str | Path], reading: Reading) -> list[NodeTable]:
    """The tables of nodes, opened, and read without rows that are wrong; arguments as for :func:`with_tables`."""
    found = []
    for text in files_given("nodes", files):
        table, left_out = read_table(graph, str(text), reading, NodeTable.checked)
        table.left_out = left_out
        found.append(table)
    return found


def read_table(
    graph: GraphFile, text: str, reading: Reading, read: Callable[[NodeTable], Found]
) -> tuple[Found, list[str]]:
    """Read a table of nodes, if need be without rows that are wrong; and say which these are.

    Args:
        graph: The graph.
        text: The table, perhaps with ``TYPE=`` before its name.
        reading: What a person said of it.
        read: What becomes of it.

    Raises:
        FileFormatError: Not such a file.
        InputError: A table that leaves open of which type its nodes are.
    """
    kind, file = _of_kind(text, graph.view.node_types)
    if not graph.view.is_typed and kind != NODE_TYPE:
        raise InputError(
            "nodes",
            text,
            "FILE alone, as the nodes of the graph are of one kind",
            "--bipartite tells users and items apart, -i user,buys,item=FILE names the types of edges",
        )
    names = graph.names or {}
    known = set[str]().union(*(names.get(of_type, ()) for of_type in ([kind] if kind else graph.view.node_types)))
    of_nodes = reading.of_nodes()

    def opened(rows: NodeRows) -> Found:
        return read(NodeTable(kind or _kind_by_title(graph, rows, text), rows, of_nodes))

    return read_rows(file if file == STDIN else Path(file).expanduser(), of_nodes, known, opened)


def _kind_by_title(graph: GraphFile, rows: NodeRows, text: str) -> str:
    """The type that the title of the column of nodes names.

    Raises:
        InputError: It names none.
    """
    kind = "" if rows.titles is None else space_in(rows.titles[rows.node])
    if kind not in graph.view.node_types:
        types = ", ".join(graph.view.node_types)
        raise InputError("nodes", text, f"TYPE=FILE, with one of the node types {types}, or a new one")
    return kind


def _of_kind(text: str, types: Sequence[str]) -> tuple[str, str]:
    """``TYPE=FILE`` as a pair; the only type where there is one, and an empty one where there are several."""
    kind, equals, file = text.partition("=")
    if equals and not Path(text).expanduser().exists():
        return kind, file
    return types[0] if len(types) == 1 else "", text


def space_in(title: str) -> str:
    """The space of ids that a title such as ``personId:ID(Person)`` names; empty for none."""
    _, _, after = title.partition(":ID(")
    return after[:-1] if after.endswith(")") else ""


def with_names(graph: GraphFile, tables: Sequence[NodeTable]) -> GraphFile:
    """A graph with the nodes that tables name."""
    for table in tables:
        graph = with_nodes(graph, table.kind, table.names)
    return graph


def with_columns(graph: GraphFile, tables: Sequence[NodeTable]) -> GraphFile:
    """A graph whose nodes have the features ``x``, the labels ``y`` and the masks that tables of its nodes have.

    Raises:
        FileFormatError: A node that the graph lacks, or one with features on two lines.
    """
    found: dict[str, _Columns] = {}
    notes = list(graph.notes)
    for table in tables:
        of_kind = found.setdefault(table.kind, _Columns(graph, table.kind))
        notes += [table.roles.in_words(table.rows), *table.left_out]
        of_kind.add(table)
    features = {kind: dict(values) for kind, values in graph.view.features.items()}
    labels, classes = dict(graph.labels), dict(graph.classes)
    for kind, of_kind in found.items():
        features[kind] = of_kind.put(features.get(kind, {}), notes)
        if of_kind.pairs:
            y = features[kind]["y"]
            labels[kind] = y if y.dim() == 1 else as_sparse(y)
            classes[kind] = of_kind.classes
    view = graph.view.with_features(features)
    return replace(graph, view=view, labels=labels, classes=classes, notes=tuple(notes))


@dataclass
class _Block:
    """Columns of numbers with the same titles, perhaps of several tables.

    Attributes:
        x: float32 ``(N, C)``, NaN where a node has no number.
        there: Which nodes have a row.
        wrong: What stood in a cell that is no number, by position of its column.
    """

    x: Tensor
    there: Tensor
    wrong: dict[int, str] = field(default_factory=dict)


class _Columns:
    """What tables say of the nodes of a type."""

    def __init__(self, graph: GraphFile, kind: str) -> None:
        self._of_kind = f" of {kind}" if len(graph.view.node_types) > 1 else ""
        self._names = (graph.names or {}).get(kind)
        self._count = graph.view.num_nodes[kind]
        self._place = as_set(self._names, self._count)
        self._blocks: dict[tuple[str, ...], _Block] = {}
        self._parts: dict[str, list[int]] = {}
        self.pairs: list[tuple[int, str]] = []
        self.classes: list[str] = []

    def add(self, table: NodeTable) -> None:
        """Take in a table."""
        rows, roles = table.rows, table.roles
        if roles.features:
            self._add_features(table)
        if roles.labels or roles.split is not None:
            pairs, parts, _ = label_pairs(rows, self._place, roles.labels, roles.binary, roles.split)
            self.pairs += pairs
            for part, ids in parts.items():
                self._parts.setdefault(part, []).extend(ids)
        if roles.masks:
            self._add_masks(rows, roles.masks)

    def _add_masks(self, rows: NodeRows, masks: dict[str, int]) -> None:
        for number, (name, *cells) in rows.cells([rows.node, *masks.values()]):
            node = id_of(name, self._place, rows, number, "")
            for part, cell in zip(masks, cells, strict=True):
                if cell.startswith(("1", "T", "t")):
                    self._parts.setdefault(part, []).append(node)

    def _add_features(self, table: NodeTable) -> None:
        rows, places = table.rows, table.roles.features
        ids = self._ids(table)
        key = tuple(rows.called(place) for place in places)
        if key not in self._blocks:
            check_file_room(4 * self._count * len(key), rows.table.name, f"{len(key)} columns of features")
            nothing = torch.full((self._count, len(key)), torch.nan)
            self._blocks[key] = _Block(nothing, torch.zeros(self._count, dtype=torch.bool))
        block = self._blocks[key]
        again = block.there[ids]
        if bool(again.any()):
            raise table.twice(int(again.nonzero()[0]))
        block.there[ids] = True
        start = 0
        for chunk in rows.table.chunks(places):
            here = ids[start : start + len(chunk[0])]
            for number, column in enumerate(chunk):
                if number not in block.wrong:
                    block.x[here, number] = _numbers(column, start, rows, number, block)
            start += len(chunk[0])

    def _ids(self, table: NodeTable) -> Tensor:
        """The node of each row."""
        rows = enumerate(table.names)
        ids = [id_of(name, self._place, table.rows, number, "") for number, name in rows]
        return torch.tensor(ids, dtype=torch.int64)

    def put(self, features: dict[str, Tensor], notes: list[str]) -> dict[str, Tensor]:
        """Features of the type, those of the tables among them; ``notes`` are told what was not taken, or replaced."""
        x = self._x(notes)
        if x is not None:
            features = {**_without(features, FEATURE_NAMES, notes, "features"), "x": x}
        if self.pairs:
            found = labels_of_pairs(self.pairs, {}, self._count)
            features = {**_without(features, LABEL_NAMES, notes, "labels"), "y": found.y}
            features = {name: value for name, value in features.items() if not name.endswith("_mask")}
            self.classes = found.classes
            notes.append(f"{len(found.classes)} classes{self._of_kind}")
        if self._parts:
            for part in ("train", "val", "test"):
                mask = torch.zeros(self._count, dtype=torch.bool)
                mask[torch.tensor(self._parts.get(part, []), dtype=torch.int64)] = True
                features = {**features, f"{part}_mask": mask}
        return features

    def _x(self, notes: list[str]) -> Tensor | None:
        """The columns in which each node has a number; ``notes`` are told of the others."""
        found = [self._whole(key, block, notes) for key, block in self._blocks.items()]
        x = torch.cat(found, 1) if found else torch.empty(0, 0)
        if not x.size(1):
            return None
        notes.append(f"{x.size(1)} column{'s' * (x.size(1) != 1)} of features{self._of_kind}")
        return x

    def _whole(self, key: tuple[str, ...], block: _Block, notes: list[str]) -> Tensor:
        """The columns of a block in which each node has a number, perhaps none."""
        notes += [f"{key[place]} is no feature ({why})" for place, why in block.wrong.items()]
        absent = (~block.there).nonzero()
        if not len(absent):
            return block.x[:, [place for place in range(len(key)) if place not in block.wrong]]
        node = int(absent[0])
        name = repr(self._names[node]) if self._names else str(node)
        count = f"{len(absent)} node{'s have' if len(absent) > 1 else ' has'} none"
        columns = f"{key[0]}{' and the others' if len(key) > 1 else ''}"
        notes.append(f"the numbers of {columns} are no features, as {count}, such as {name}")
        return block.x[:, :0]


def _without(features: dict[str, Tensor], names: Sequence[str], notes: list[str], what: str) -> dict[str, Tensor]:
    """Features but for those of some names, which are replaced."""
    there = [name for name in names if name in features]
    if there:
        notes.append(f"{what} of the table of nodes stand in place of the input's {there[0]!r}")
    return {name: value for name, value in features.items() if name not in there}


def _numbers(column: pa.Array, start: int, rows: NodeRows, number: int, block: _Block) -> Tensor:
    """A column as float32, NaN for what is no number, which the block is told."""
    try:
        values = column.cast(pa.float32()).to_numpy(zero_copy_only=False)
    except pa.ArrowException:
        values = np.array([_number(cell) for cell in column.to_pylist()], dtype=np.float32)
    wrong = ~np.isfinite(values)
    if wrong.any():
        row = int(np.argmax(wrong))
        cell = column[row].as_py()
        line = rows.table.where(start + row).rpartition(", ")[2]
        block.wrong[number] = f"{cell[:40]!r} on {line}" if cell else f"a blank on {line}"
    return torch.from_numpy(values.copy())


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")
