"""Tables of all kinds, text, Parquet and JSON, behind one interface."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from ..errors import FileFormatError
from .json_files import as_records, columns_of_records
from .options import Reading
from .sources import BadLine, Source
from .text import TextTable

__all__ = ["JsonTable", "ParquetTable", "Table", "open_table"]

_ROWS = 2000


class TitledTable(ABC):
    """A table whose columns are known from the start; the interface is that of a text table.

    Attributes:
        name: Of the file.
        titles: Titles of the columns; None where they have none.
        rows: First rows, cells as text.
    """

    comments: tuple[str, ...] = ()
    whole = False

    def __init__(self, source: Source) -> None:
        self.source, self.name = source, source.name
        self.titles: list[str] | None = None
        self.rows: list[list[str]] = []

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.titles or (self.rows[0] if self.rows else ()))

    def decide(self, known: Collection[str] = (), kind: str = "") -> None:  # noqa: B027
        """Nothing: whether there are titles is known."""

    def notes(self) -> list[str]:
        """Nothing."""
        return []

    def where(self, row: int) -> str:
        """The file and the line, or the row."""
        return f"{self.name}, {self.source.unit} {self.number(row)}"

    def bad(self, row: int, got: str, expected: str, hint: str = "") -> FileFormatError:
        """The refusal of a row, without which the others are a table."""
        return BadLine(self.where(row), got, expected, hint, {self.number(row): got})

    @abstractmethod
    def number(self, row: int) -> int:
        """The number of a row in the file, by which it is left out."""

    @abstractmethod
    def chunks(self, places: Sequence[int], progress: bool = False) -> Iterator[list[Any]]:
        """Chunks of columns, as of a text table."""


class JsonTable(TitledTable):
    """Records of JSON, in a list or line by line, cells as text.

    Raises:
        FileFormatError: Not such a file.
    """

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        records, self._numbers = as_records(source)
        self.titles, self._columns = columns_of_records(records, self.bad)
        head = (column.slice(0, _ROWS).to_pylist() for column in self._columns)
        self.rows = [list(row) for row in zip(*head, strict=True)]

    def number(self, row: int) -> int:
        """The line, or the place in a list, counted from 1."""
        return self._numbers[max(row, 0)]

    def chunks(self, places: Sequence[int], progress: bool = False) -> Iterator[list[Any]]:
        """All rows at once."""
        yield [pc.utf8_trim_whitespace(self._columns[place]) for place in places]


class ParquetTable(TitledTable):
    """A Parquet file, cells as text.

    Raises:
        FileFormatError: Not such a file.
    """

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        source.unit = "row"
        try:
            # Not whole columns of a group of rows at once.
            self._file = pa.parquet.ParquetFile(source.path, buffer_size=1 << 20, pre_buffer=False)
            self.titles = list(self._file.schema_arrow.names)
            batch = next(self._file.iter_batches(_ROWS), None)
            kept = None if batch is None else self._kept(0, batch.num_rows)
            columns = [] if batch is None else [_as_text(column).filter(kept) for column in batch.columns]
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise self._damaged(error) from error
        self.rows = [list(row) for row in zip(*(column.to_pylist() for column in columns), strict=True)]

    def chunks(self, places: Sequence[int], progress: bool = False) -> Iterator[list[Any]]:
        """Chunks of columns, as of a text table."""
        titles, done = self.titles or [], 0
        try:
            for batch in self._file.iter_batches(1 << 18, columns=[titles[place] for place in dict.fromkeys(places)]):
                kept = self._kept(done, batch.num_rows) if self.source.without else None
                columns = [_as_text(batch.column(titles[place])) for place in places]
                yield columns if kept is None else [column.filter(kept) for column in columns]
                done += batch.num_rows
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise self._damaged(error) from error

    def number(self, row: int) -> int:
        """The row, counted from 1, among all rows of the file."""
        return self.source.line(row + 1)

    def _kept(self, start: int, count: int) -> Any:
        """Which of some rows are not left out."""
        kept = np.ones(count, dtype=bool)
        kept[[gone - 1 - start for gone in self.source.without if start < gone <= start + count]] = False
        return pa.array(kept)

    def _damaged(self, error: Exception) -> Exception:
        if isinstance(error, FileFormatError) or (isinstance(error, OSError) and error.errno is not None):
            return error
        why = " ".join(str(error).split())[:160]
        return FileFormatError(
            self.name, f"a file that is damaged or no Parquet ({why})", "a Parquet file of text and numbers"
        )


def _as_text(column: Any) -> Any:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    text = pc.fill_null(column.cast(pa.large_string()), "")
    text.validate(full=True)  # a damaged file may hold what is no UTF-8
    return text


Table = TextTable | ParquetTable | JsonTable


def open_table(source: Source, reading: Reading, what: str = "an edge on each line", *, padded: bool = False) -> Table:
    """A table of any kind; ``what`` and ``padded`` as for :class:`graphembed_ext.readers.text.TextTable`."""
    if source.kind in (".parquet", ".jsonl"):
        return ParquetTable(source) if source.kind == ".parquet" else JsonTable(source)
    return TextTable(source, reading, what, padded)
