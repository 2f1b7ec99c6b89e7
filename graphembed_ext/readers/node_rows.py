"""Tables with a node on each line: which column names it, what the others hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from ..errors import FileFormatError, InputError
from .arrays import read_dense
from .options import Reading, chosen
from .skipping import read_without
from .sources import STDIN, Source
from .tables import Table, open_table
from .titles import is_number, words_of

__all__ = ["NO_LABEL", "NodeRows", "read_rows"]

#: What stands for "no label".
NO_LABEL = frozenset(
    ("", "-1", "-1.0", "NA", "N/A", "n/a", "nan", "NaN", "NULL", "null", "<NA>", "?", "(no genres listed)")
)

_NODE_TITLES = (["node"], ["id"], ["node", "id"], ["vertex"], ["name"], ["node", "name"])
#: Rows up to which each may well be of a class of its own.
_FEW = 5
#: Titles of the column with nodes, whatever stands in it.
_SURE_TITLES = (["node"], ["node", "id"], ["vertex"])
_LABEL_TITLES = {"label", "labels", "class", "classes", "category", "y", "target", "genres", "subject", "genre"}
Found = TypeVar("Found")

_SPLITS = {"train", "val", "valid", "validation", "test"}


@dataclass
class NodeRows:
    """A table of nodes.

    Attributes:
        table: The table; its titles are known.
        node: Position of the column that names the nodes.
        width: Number of columns.
    """

    table: Table
    node: int
    width: int

    @property
    def titles(self) -> list[str] | None:
        """Titles of the columns; None where there are none."""
        return self.table.titles

    @property
    def uneven(self) -> bool:
        """Whether lines are of several lengths."""
        return getattr(self.table, "ragged", False)

    def place(self, title: str) -> int | None:
        """Position of the column of a title."""
        low = [] if self.titles is None else [text.strip().lower() for text in self.titles]
        return low.index(title.lower()) if title.lower() in low else None

    def called(self, place: int) -> str:
        """What messages call a column."""
        return f"column {place + 1}" if self.titles is None else f"column {self.titles[place]!r}"

    def kind_in_title(self, place: int) -> str:
        """What a title such as ``born:int`` of Neo4j or RecBole says of its cells, in lower case; empty for nothing."""
        found = None if self.titles is None else re.fullmatch(r"[^:]*:([a-z_]+(?:\[\])?)", self.titles[place].strip())
        return "" if found is None else found[1]

    def column(self, place: int) -> list[str]:
        """Cells of a column among the first rows."""
        return [row[place] for row in self.table.rows]

    def numeric(self, place: int) -> bool:
        """Whether the first rows have numbers in a column, or most of them."""
        cells = [cell for cell in self.column(place) if cell not in NO_LABEL]
        return bool(cells) and 2 * sum(map(is_number, cells)) >= len(cells)

    def binary(self, place: int) -> bool:
        """Whether the first rows have 0 and 1 in a column."""
        return all(cell in ("0", "1", "0.0", "1.0", "True", "False", "true", "false") for cell in self.column(place))

    def each_once(self, place: int) -> bool:
        """Whether the first rows have something else each in a column, as names are and classes are not."""
        cells = self.column(place)
        return len(cells) >= _FEW and len({*cells}) == len(cells)

    def split(self) -> int | None:
        """Position of the column that says train, val or test."""
        titled = self.place("split")
        if titled is not None:
            return titled
        for place in range(self.width):
            if place != self.node and {cell.lower() for cell in self.column(place) if cell} <= _SPLITS:
                return place if any(self.column(place)) and self.titles is None else None
        return None

    def label_titles(self) -> list[int]:
        """Positions of the columns that are titled as classes are."""
        found = []
        for place, title in enumerate(self.titles or ()):
            words = [word for word in words_of(title) if not word.isdigit()]
            if place != self.node and words and (words[-1] in _LABEL_TITLES or words[0] in ("label", "class")):
                found.append(place)
        return found

    def cells(self, places: list[int]) -> Iterator[tuple[int, list[str]]]:
        """Number of every row, and its cells in some columns."""
        start = 0
        for chunk in self.table.chunks(places):
            for row, cells in enumerate(zip(*(column.to_pylist() for column in chunk), strict=True)):
                yield start + row, list(cells)
            start += len(chunk[0])

    def names(self) -> list[str]:
        """The node of each row.

        Raises:
            FileFormatError: A row without a node.
        """
        found = []
        for number, (name,) in self.cells([self.node]):
            if not name:
                raise self.table.bad(number, "a line without a node", "a node on each line")
            found.append(name)
        return found

    def numbers(self, places: list[int]) -> np.ndarray:
        """Columns of numbers as float32 ``(rows, columns)``.

        Raises:
            FileFormatError: A cell that is none.
        """
        blocks, start = [], 0
        for chunk in self.table.chunks(places):
            block = np.empty((len(chunk[0]), len(places)), dtype=np.float32)
            for number, column in enumerate(chunk):
                try:
                    block[:, number] = column.cast(pa.float32()).to_numpy(zero_copy_only=False)
                except pa.ArrowException as error:
                    cells = column.to_pylist()
                    row = next((i for i, cell in enumerate(cells) if not is_number(cell)), 0)
                    got = f"{cells[row][:40]!r} in {self.called(places[number])}"
                    raise self.table.bad(start + row, got, f"{len(places)} numbers") from error
            blocks.append(block)
            start += len(chunk[0])
        return np.concatenate(blocks) if blocks else np.empty((0, len(places)), dtype=np.float32)


def read_rows(
    path: str | Path,
    reading: Reading | None,
    known: Collection[str],
    read: Callable[[NodeRows], Found],
    kind: str = "a node",
) -> tuple[Found, list[str]]:
    """Read a table of nodes, if need be without rows that are wrong where a person allows so many; and say which.

    Args:
        path: File; ``"-"`` for standard input.
        reading: What a person said of it.
        known: Names of the nodes that are known.
        read: What becomes of its rows.
        kind: What a line has, for messages.

    Raises:
        FileFormatError: Not such a file.
    """
    reading = reading or Reading()
    if str(path) != STDIN and not Path(path).is_file():
        raise FileFormatError(str(path), "the name of a file that does not exist", "an existing file")
    try:
        source = Source(path, reading.encoding)
        return read_without(source, reading.skip_bad, lambda: read(_opened(source, reading, known, kind)), beside=True)
    except OSError as error:
        raise FileFormatError(str(path), f"a file that cannot be read ({error})", "a table") from error


def _opened(source: Source, reading: Reading, known: Collection[str], kind: str) -> NodeRows:
    """The rows of a table of nodes; which column names these is told."""
    _check_kind(source)
    table = open_table(source, reading, "a node on each line", padded=True)
    table.decide(known, kind)
    given = chosen(reading.columns, table.titles, table.width) if reading.columns else {}
    node = given.get("node", None)
    if node is None:
        node = _node_column(table, known)
    return NodeRows(table, node, table.width)


def _check_kind(source: Source) -> None:
    start = source.start(4)
    if start.startswith((b"PK", b"PAR1")) and source.kind != ".parquet":
        raise FileFormatError(
            source.name, f"a file ending in {source.kind or 'nothing'}", ".csv, .tsv, .txt, .parquet, .npy or .npz"
        )


def _node_column(table: Table, known: Collection[str]) -> int:
    titles = table.titles or ()
    sure = next(filter(lambda place: _surely(titles[place]), range(len(titles))), None)
    if sure is not None:
        return sure
    likely = _titled_places(titles)
    shares = [sum(row[i] in known for row in table.rows) for i in range(table.width)]
    if not known or not max(shares, default=0):
        return [*likely, 0][0]
    return next((place for place in [*likely, 0] if shares[place]), int(np.argmax(shares)))


def _surely(title: str) -> bool:
    """Whether a title is of the column that names nodes, whatever stands in it."""
    return ":ID" in title or words_of(title) in _SURE_TITLES


def _titled_places(titles: Sequence[str]) -> list[int]:
    """Positions of the columns that have nodes by their titles, the surest first."""
    words = [words_of(title) for title in titles]
    likely = [words.index(known) for known in _NODE_TITLES if known in words]
    return likely + [i for i, title in enumerate(titles) if ":ID" in title]


def named(column: str | None, rows: NodeRows, argument: str) -> int | None:
    """Position of the column that a person named, by title or number.

    Raises:
        InputError: No such column.
    """
    if column is None:
        return None
    place = rows.place(column)
    if place is None and column.isdigit() and 0 < int(column) <= rows.width:
        place = int(column) - 1
    if place is None:
        low = None if rows.titles is None else [title.strip().lower() for title in rows.titles]
        raise InputError(argument, column, f"one of the titles {low}")
    return place


def as_set(names: Any, count: int) -> dict[str, int]:
    """The number of every name; ids as text where there are no names."""
    return {str(name): i for i, name in enumerate(names if names is not None else range(count))}


def id_of(name: str, place: Mapping[str, int], rows: NodeRows, number: int, hint: str) -> int:
    """The id of the node of a row."""
    if name not in place:
        raise rows.table.bad(number, f"the node {name!r}", "a node of the graph", hint)
    return place[name]


def array_in(path: Path) -> np.ndarray:
    """The one array of a file that has something of each node.

    Raises:
        FileFormatError: Not such a file.
    """
    if not path.is_file():
        raise FileFormatError(str(path), "the name of a file that does not exist", "an existing file")
    return read_dense(path)
