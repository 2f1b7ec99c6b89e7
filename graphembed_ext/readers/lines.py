"""The lines of an edge list, kept as they are: what a list is parted by, and written from again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from .._core.files import whole
from ..errors import FileFormatError, InputError
from ..graph.view import NODE_TYPE, EdgeType
from .columns import Roles, says_ends
from .edge_lists import one_column
from .edge_roles import roles_of, two_kinds
from .edge_weights import weights_of
from .graph_file import GraphFile
from .graphs import read_graph, table_source
from .options import Reading
from .skipping import read_without
from .tables import Table, open_table

__all__ = ["Lines", "lines_of"]

#: Titles by which every column is known again, by its role.
_TITLES = {"weight": "weight", "relation": "relation", "source_type": "source_type", "target_type": "target_type"}
_TITLES |= {"time": "time"}
#: Stands between joined cells; no name has it.
_APART = "\n"
#: Arguments of the reader that tables have.
_OF_TABLES = ("columns", "delimiter", "comment", "encoding", "header", "weight", "skip_bad")


@dataclass(frozen=True)
class Lines:
    """The lines of an edge list.

    Attributes:
        titles: Titles of the columns, by which their roles are known.
        columns: Their cells, Arrow arrays of text.
        roles: Which column is what.
        bipartite: Whether the ends are users and items.
        name: The file.
        table: The table; None for the edges of another graph.
        notes: What was left out, one sentence each.
    """

    titles: list[str]
    columns: list[Any]
    roles: Roles
    bipartite: bool
    name: str
    table: Table | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.columns[0])

    def ends(self) -> tuple[np.ndarray, np.ndarray]:
        """Both ends as numbers, int64; nodes of different types have different ones."""
        sides = [self.columns[self.roles.source], self.columns[self.roles.target]]
        kinds = [self.roles.source_type, self.roles.target_type]
        if self.bipartite or None not in kinds:
            words = [pa.scalar(text, pa.large_string()) for text in ("first", "second")]
            apart = [word if kind is None else self.columns[kind] for kind, word in zip(kinds, words, strict=True)]
            sides = [_joined(*both) for both in zip(apart, sides, strict=True)]
        codes = pa.chunked_array(sides).combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
        return codes[: len(self)], codes[len(self) :]

    def relation(self) -> np.ndarray | None:
        """The number of each line's relation, types included; None for one relation."""
        places = [self.roles.relation, self.roles.source_type, self.roles.target_type]
        columns = [self.columns[place] for place in places if place is not None]
        if not columns:
            return None
        joined = columns[0] if len(columns) == 1 else _joined(*columns)
        found: np.ndarray = joined.dictionary_encode().indices.to_numpy().astype(np.int64)
        return found

    def ratings(self) -> np.ndarray:
        """The number in the column of weights or ratings, float64.

        Raises:
            InputError: There is no such column.
            FileFormatError: What is no number.
        """
        place = self.roles.weight
        if place is None or self.table is None:
            raise InputError("min_rating", self.name, "an edge list with a column of ratings", "--columns weight=TITLE")
        return weights_of(self.columns[place], 0, self.table, place)

    def times(self, column: str | None = None) -> np.ndarray | None:
        """The time of each line: seconds, years or any numbers, or dates such as ``2024-01-31``; None without any.

        Args:
            column: Title or number (from 1) of the column; None for the one that its title or its cells tell.

        Raises:
            InputError: No such column.
            FileFormatError: A cell that is no time; names its line.
        """
        place = self._timed(column)
        if place is None:
            return None
        cells = self.columns[place]
        for read in (_numbers, _dates):
            found = read(cells)
            if found is not None:
                return found
        raise self._no_time(cells, place)

    def timed_by(self, column: str | None = None) -> str | None:
        """The title of the column that :meth:`times` reads; None without any."""
        place = self._timed(column)
        return None if place is None else self.titles[place]

    def _timed(self, column: str | None) -> int | None:
        return self.roles.time if column is None else self._place(column)

    def _no_time(self, cells: Any, place: int) -> FileFormatError:
        row = next(row for row, text in enumerate(cells.to_pylist()) if not _is_time(text))
        where = self.name if self.table is None else self.table.where(row)
        return FileFormatError(
            where, f"{cells[row].as_py()!r} in column {self.titles[place]!r}", "a number, or a date such as 2024-01-31"
        )

    def _place(self, column: str) -> int:
        low = [title.lower() for title in self.titles]
        if column.lower() in low:
            return low.index(column.lower())
        if column.isdigit() and 0 < int(column) <= len(self.titles):
            return int(column) - 1
        raise InputError("time", column, f"a column: {', '.join(self.titles)}")

    def chosen(self, rows: np.ndarray) -> Lines:
        """Some of the lines."""
        columns = [column.take(pa.array(rows)) for column in self.columns]
        return replace(self, columns=columns)

    def write(self, path: Path) -> Path:
        """Write them as CSV, titles first; the old file stays in place until the new one is whole."""
        names = [f"f{place}" for place in range(len(self.columns))]
        special = any(pc.any(pc.match_substring_regex(cells, '[,"\r\n]')).as_py() for cells in self.columns)
        # Arrow's "needed" quotes every text
        options = pa.csv.WriteOptions(include_header=False, quoting_style="needed" if special else "none")

        def write(part: Path) -> None:
            with part.open("wb") as file:
                file.write((",".join(map(_quoted, self.titles)) + "\n").encode())
                pa.csv.write_csv(pa.table(self.columns, names=names), file, options)

        return whole(path, write)


def lines_of(
    source: str | Path,
    *,
    bipartite: bool | None = None,
    input_format: str | None = None,
    **how: Any,
) -> Lines:
    """The edges of a file or dataset line by line, all columns of a table kept.

    Args:
        source: One file, or the name of a dataset.
        bipartite, input_format: As for :func:`graphembed_ext.readers.read_graph`.
        **how: Its further arguments.

    Raises:
        FileFormatError: A file that it refuses.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "shop.csv"
        >>> _ = path.write_text("user,item,price\\nAnn,tea,3\\nBen,jam,4\\n")
        >>> lines = lines_of(path)
        >>> lines.titles, lines.bipartite, len(lines)
        (['user', 'item', 'price'], True, 2)
    """
    reading = Reading.of(**{name: value for name, value in how.items() if name in _OF_TABLES})
    opened = table_source(source, reading, input_format)
    if opened is not None:

        def read() -> Lines:
            return _of_table(open_table(opened, reading), reading.of_edges(), bipartite)

        lines, notes = read_without(opened, reading.skip_bad, read)
        return replace(lines, notes=tuple(notes))
    graph = read_graph(source, bipartite=bipartite, input_format=input_format, **how)
    return _of_graph(graph, str(source))


def _of_table(table: Table, reading: Reading, bipartite: bool | None = None) -> Lines:
    """The lines of a table, and which column is what, as :func:`graphembed_ext.readers.read_graph` sees it."""
    if table.width < 2:
        raise one_column(table)
    table.decide()
    if not table.rows:
        raise FileFormatError(table.name, "no edges", "at least one edge")
    roles = roles_of(table, reading)
    marks = " ".join(table.comments[:1]).lower().split()
    kinds = two_kinds(table, roles, marks) if bipartite is None else bipartite
    chunks = list(table.chunks(range(table.width), progress=True))
    columns = [pa.chunked_array(list(parts)).combine_chunks() for parts in zip(*chunks, strict=True)]
    for place in (roles.source, roles.target):
        empty = pc.index(columns[place], "").as_py()
        if empty >= 0:
            raise table.bad(empty, "an edge without a node at one end", "two node names")
    titles = _titles(table, roles, kinds, bipartite is not None or bool(reading.columns))
    return Lines(titles, columns, roles, kinds, table.name, table)


def _titles(table: Table, roles: Roles, bipartite: bool, told: bool) -> list[str]:
    """The titles of the table, but for those that do not say by themselves which columns are what."""
    titles = [f"column_{place + 1}" for place in range(table.width)] if table.titles is None else list(table.titles)
    if table.titles is not None and not told and says_ends(titles):
        return titles
    fresh = _by_role(roles, bipartite)
    taken = set(fresh.values())
    return [
        fresh.get(place, f"{title}_{place + 1}" if title.lower() in taken else title)
        for place, title in enumerate(titles)
    ]


def _by_role(roles: Roles, bipartite: bool) -> dict[int, str]:
    """Titles of columns by position."""
    ends = ("user", "item") if bipartite else ("source", "target")
    others = {place: title for role, title in _TITLES.items() if (place := getattr(roles, role)) is not None}
    return {roles.source: ends[0], roles.target: ends[1], **others}


def _of_graph(graph: GraphFile, name: str) -> Lines:
    """The edges of a graph, each of both directions once, its nodes by their names or else their ids."""
    typed = graph.view.is_typed
    columns = [_cells(graph, edge_type) for edge_type in graph.view.edges]
    titles = ["source", "target", *(["relation", "source_type", "target_type"] if typed else [])]
    roles = Roles(0, 1, relation=2, source_type=3, target_type=4) if typed else Roles(0, 1)
    titles += ["weight"] if graph.weight is not None else []
    joined = [pa.chunked_array(list(parts)).combine_chunks() for parts in zip(*columns, strict=True)]
    return Lines(titles, joined, roles, False, name)


def _cells(graph: GraphFile, edge_type: EdgeType) -> list[Any]:
    """The columns of the edges of a type; none of what only leads back."""
    view, (source, relation, target) = graph.view, edge_type
    src, dst = (end.numpy() for end in view.edges[edge_type])
    kept = np.ones(len(src), dtype=bool)
    if graph.directed is False:
        kept = src <= dst if source == target else kept & (not relation.startswith("rev_"))
    cells = [_named(graph, source, src[kept]), _named(graph, target, dst[kept])]
    if view.is_typed:
        cells += [pa.array([word] * int(kept.sum()), pa.large_string()) for word in (relation, source, target)]
    if graph.weight is not None:
        weights = view.edge_features[edge_type][graph.weight].numpy()[kept]
        cells.append(pa.array(weights).cast(pa.large_string()))
    return cells


def _named(graph: GraphFile, kind: str, ids: np.ndarray) -> Any:
    names = (graph.names or {}).get(kind if graph.view.is_typed else NODE_TYPE)
    if names is None:
        return pa.array(ids).cast(pa.large_string())
    return pa.array(names, pa.large_string()).take(pa.array(ids))


def _numbers(cells: Any) -> np.ndarray | None:
    try:
        found: np.ndarray = cells.cast(pa.float64()).to_numpy()
    except pa.ArrowException:
        return None
    return found if np.isfinite(found).all() else None


def _joined(*columns: Any) -> Any:
    return pc.binary_join_element_wise(*columns, pa.scalar(_APART, pa.large_string()))


def _dates(cells: Any) -> np.ndarray | None:
    try:
        return cells.cast(pa.timestamp("us")).cast(pa.int64()).to_numpy().astype(np.float64) / 1e6
    except pa.ArrowException:
        return None


def _is_time(text: str) -> bool:
    cell = pa.array([text], pa.large_string())
    return _numbers(cell) is not None or _dates(cell) is not None


def _quoted(title: str) -> str:
    return '"' + title.replace('"', '""') + '"' if set(title) & set(',"\n\r') else title
