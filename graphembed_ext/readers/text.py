"""Text tables of every kind: edges, labels, features, splits and pairs are read by this one reader.

Arrow's streaming CSV reader splits the rows of the whole file, the first as the last. Tried beside it on hard files:
DuckDB's sniffer takes a table with one row too long for a table of one column, without a word, and refuses cells of
2 MB; polars stops at such a row without saying where it stands; both read ``007`` as 7 unless told every column's type.
clevercsv splits in Python. Arrow says the row, hands out chunks as it reads, and takes cells of any size once its
blocks are larger than they; it is here already, and the others would be new dependencies. What it lacks (comments,
white space or ``::`` between cells, other encodings than UTF-8) is mended in the bytes on their way to it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from ..errors import FileFormatError
from .columns import says_ends
from .dialects import Dialect, dialect_of, refuse_other_text, spaced, without_lines
from .headers import has_sizes, is_header, is_uneven, undecided
from .options import Reading
from .quotes import goes_on, lame_quote, without_space_before
from .sources import BadLine, Source, Stream

__all__ = ["TextTable"]

#: Bytes that the dialect and the header are told from.
_HEAD = 1 << 18
#: Rows that are looked at to tell what the columns are.
_ROWS = 2000
_BLOCKS = (1 << 20, 1 << 23, 1 << 26)
#: Bytes that a row may have, so that a mark without its other end takes no more memory.
_LARGEST = _BLOCKS[-1]
_UNCLOSED = "a quotation mark may lack its other end"


class _Straddling(Exception):
    """A row that is larger than a block."""


@dataclass
class TextTable:
    """A text table: its titles, its first rows, and its columns in chunks.

    Args:
        source: The file.
        reading: What a person said of it.
        what: What each line should have, for messages.
        padded: Whether rows may be short.

    Attributes:
        titles: Titles of the columns; None until :meth:`decide`, or without a header.
        rows: First rows, the header among them until :meth:`decide`.
        comments: Comments before the first row.

    Raises:
        FileFormatError: A file that is empty or no table.
    """

    source: Source
    reading: Reading
    what: str = "an edge on each line"
    padded: bool = False
    titles: list[str] | None = field(default=None, init=False)
    rows: list[list[str]] = field(default_factory=list, init=False)
    _decided: bool | None = field(default=None, init=False)
    _wrong: list[Any] = field(default_factory=list, init=False)
    _blank: set[int] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        head, self._whole = self._head()
        refuse_other_text(self.source.name, head)
        self.dialect: Dialect = dialect_of(self.source.name, self.source.kind, head, self.reading, self.what)
        self._glued = self.dialect.delimiter in (",", ";") and f'{self.dialect.delimiter} "' in head
        self._uneven, self._width, self._quoted = False, 0, False
        self._columns = 1 + max(line.count(self.dialect.delimiter) for line in head.split("\n"))
        if self.padded:
            self._pad(head)
        self.rows = self._sample()

    @property
    def name(self) -> str:
        """Name of the file, for messages."""
        return self.source.name

    @property
    def comments(self) -> list[str]:
        """Comments before the first row."""
        return self.dialect.comments

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.rows[0]) if self.rows else len(self.titles or ())

    @property
    def whole(self) -> bool:
        """Whether :attr:`rows` are all there are."""
        return self._whole and len(self.rows) < _ROWS - 1

    @property
    def ragged(self) -> bool:
        """Whether rows of the head are of several widths; only a table that is padded can be."""
        return self._uneven

    def decide(self, known: Collection[str] = (), kind: str = "an edge") -> None:
        """Tell whether the first row has titles, and take it off the rows if so.

        Args:
            known: Names of nodes that are known already.
            kind: What the first row is otherwise, for the message.

        Raises:
            FileFormatError: Nothing tells.
        """
        first = self.rows[0]
        behind = self._titles_behind_mark()
        if behind is not None and self.reading.header is not True:
            self.titles, self._decided = behind, False
            return
        told = self.reading.header
        if told is None and self.reading.names_titles(first):
            told = True
        if told is None:
            told = is_header(self.rows, known)
            told = self.reading.otherwise if told is None else told
            if told is None:
                raise undecided(self.where(0), first, kind)
        self._decided = told
        if told:
            self.titles, self.rows = self.rows[0], self.rows[1:]

    def notes(self) -> list[str]:
        """What was passed over, one sentence each."""
        found = []
        if self.comments and not self._decided and self.titles is not None:
            found.append("column titles stand in the last comment")
        elif self.comments:
            found.append(f"{len(self.comments)} comment line{'s' * (len(self.comments) != 1)} skipped")
        return found

    def where(self, row: int) -> str:
        """The file and the line on which a row stands, the header counting as a row until it is taken off."""
        number = self._line(row)
        return f"{self.name}, line {number}" if number else self.name

    def bad(self, row: int, got: str, expected: str, hint: str = "") -> FileFormatError:
        """The refusal of a row, without which the others are a table."""
        number = self._line(row)
        return BadLine(f"{self.name}, line {number}", got, expected, hint, {number: got})

    def _line(self, row: int) -> int:
        """The line on which a row stands; 0 for none."""
        gone = {each.number - 1 for each in self._wrong} | self._blank
        rows = (number for place, (number, _) in enumerate(self._records()) if place not in gone)
        return next((self.source.line(number) for number in islice(rows, row + bool(self._decided), None)), 0)

    def chunks(self, places: Sequence[int], progress: bool = False) -> Iterator[list[Any]]:
        """Chunks of columns, each a list of Arrow arrays of strings without space around them, without the header.

        Raises:
            FileFormatError: A row of another width than the first; names its line.
        """
        done, skip = 0, int(bool(self._decided))
        for block in _BLOCKS:
            try:
                seen = -skip
                for batch in self._batches(places, block, progress):
                    first, seen = seen, seen + batch.num_rows
                    if seen <= done:
                        continue
                    batch = batch.slice(max(done - first, 0))
                    done = seen
                    yield [pc.utf8_trim_whitespace(batch.column(str(f"f{place}"))) for place in places]
                self._refuse_lame_quotes(done + skip)
                return
            except _Straddling:
                continue
        self._refuse_lame_quotes(0)
        raise self._too_large()

    def _head(self) -> tuple[str, bool]:
        parts, size, lines, ended = [], 0, 0, True
        for chunk in self.source.chunks(_HEAD):
            parts.append(chunk)
            size, lines = size + len(chunk), lines + chunk.count(b"\n")
            if size >= _HEAD and lines > 2:
                ended = False
                break
            if size > _LARGEST:
                raise self._too_large()
        head = b"".join(parts)
        if not ended:
            head = head[: head.rindex(b"\n")]
        return head.decode(errors="replace"), ended

    def _too_large(self) -> FileFormatError:
        return FileFormatError(self.name, f"a row of more than {_LARGEST >> 20} MB", "shorter rows", _UNCLOSED)

    def _refuse_lame_quotes(self, rows: int) -> None:
        """Refuse a text with more lines than so many rows if a cell in it that runs over lines has no proper end."""
        if not (self._quoted and self.dialect.quotes):
            return
        if sum(part.count(b"\n") for part in self._body()) > rows:
            line = lame_quote(self._body(), self.dialect.separator)
            if line is not None:
                place = f"{self.name}, line {self.source.line(self.dialect.preamble + line)}"
                got = "a cell in quotation marks that has no end, or text behind it"
                raise FileFormatError(place, got, "a mark at both ends of a cell, those inside it doubled", _UNCLOSED)

    def _pad(self, head: str) -> None:
        """Have short rows filled up, as those of nodes with several classes are, and skip the sizes of word2vec."""
        lines = [line for line in head.split("\n")[self.dialect.preamble :] if line.strip()]
        cells = [self.dialect.cells(line) for line in lines]
        if has_sizes(cells):
            self.dialect.preamble = head.split("\n").index(lines[0], self.dialect.preamble) + 1
            return
        uneven = is_uneven(cells, self.reading.skip_bad or 0)
        self._uneven = uneven and '"' not in head and not self.dialect.before and not self.dialect.behind
        self._width = max(map(len, cells)) if self._uneven else 0

    def _sample(self) -> list[list[str]]:
        rows: list[list[str]] = []
        for block in (_HEAD, *_BLOCKS):
            try:
                for few in (batch.slice(0, _ROWS) for batch in self._batches(None, block)):
                    cells = pc.utf8_trim_whitespace(pa.concat_arrays(few.columns)).to_pylist()
                    rows += [cells[row :: few.num_rows] for row in range(few.num_rows)]
                    if len(rows) > 1:
                        self._whole = self._whole and len(rows) < _ROWS
                        return rows[:_ROWS]
                break
            except _Straddling:
                continue
        return rows

    def _titles_behind_mark(self) -> list[str] | None:
        """Titles in the last comment, such as ``# FromNodeId ToNodeId``."""
        if not self.comments or self.reading.header is False:
            return None
        text = self.comments[-1].lstrip("#% \t")
        titles = [cell.strip() for cell in self.dialect.cells(text)]
        return titles if len(titles) == len(self.rows[0]) and says_ends(titles) else None

    def _batches(self, places: Sequence[int] | None, block: int, progress: bool = False) -> Iterator[Any]:
        wanted = None if places is None else [f"f{place}" for place in dict.fromkeys(places)]
        wrong, blank = self._wrong, self._blank = list[Any](), set[int]()

        def note(row: Any) -> str:
            if not row.text.strip():
                blank.add(row.number - 1)
                return "skip"
            wrong.append(row)
            return "skip" if len(wrong) <= (self.reading.skip_bad or 0) else "error"

        names = wanted or [f"f{i}" for i in range(max(self._columns, self._width))]
        types = dict.fromkeys(names, pa.large_string())
        try:
            # one thread, as only then rows that are wrong have a number
            reader = pa.csv.open_csv(
                pa.PythonFile(Stream(self._body(progress)), mode="r"),
                read_options=pa.csv.ReadOptions(autogenerate_column_names=True, use_threads=False, block_size=block),
                parse_options=pa.csv.ParseOptions(
                    delimiter=self.dialect.separator,
                    quote_char='"' if self.dialect.quotes else False,
                    newlines_in_values=self.dialect.quotes,
                    invalid_row_handler=note,
                ),
                convert_options=pa.csv.ConvertOptions(
                    include_columns=wanted, column_types=types, strings_can_be_null=False
                ),
            )
            if wanted is None and len(reader.schema) > len(names):  # a row of several lines has more than any of them
                self._columns = len(reader.schema)
                yield from self._batches(None, block, progress)
                return
            yield from reader
        except pa.ArrowException as error:
            if wrong:
                raise self._ragged(wrong) from error
            if "straddl" in str(error) or "out of sync" in str(error):
                raise _Straddling from error
            raise FileFormatError(self.name, f"a file that cannot be read ({error})", "a table of text") from error
        if wrong:
            raise self._ragged(wrong)

    def _ragged(self, rows: Sequence[Any]) -> FileFormatError:
        """The refusal of rows of another width than the first."""
        row, text, taken = rows[0], rows[0].text.strip(), rows[0].expected_columns
        beginnings = [self.source.line(number) for number, _ in islice(self._records(), rows[-1].number or 1)]
        number = (row.number or 1) - 1
        lines = {beginnings[(each.number or 1) - 1]: _width_of(each) for each in rows}
        expected = f"{taken} column{'s' * (taken != 1)} as in the first line, separated by {self.dialect.name}"
        if text.startswith('"') and "\n" in text:
            hint = _UNCLOSED
        elif text[:1] in "#%/":
            hint = f"--comment '{text[:2] if text[:1] == '/' else text[0]}' passes over lines that begin so"
        elif self.dialect.delimiter == " ":
            hint = "--input-format adjlist reads a node and its neighbours on each line, --delimiter names another mark"
        else:
            hint = "--delimiter names another mark between cells, --comment what lines to pass over begin with"
        if number == 1:
            hint = f"line {beginnings[bool(self._decided)]} may be a comment or a heading; {hint}"
        return BadLine(f"{self.name}, line {beginnings[number]}", _width_of(row), expected, hint, lines)

    def _records(self) -> Iterator[tuple[int, str]]:
        """The line on which each row begins, and this line: what Arrow counts as rows, blank cells included."""
        inside, number, held = False, 0, b""

        def lines() -> Iterator[bytes]:
            nonlocal held
            for chunk in self.source.chunks():
                *whole, held = (held + chunk).split(b"\n")
                yield from whole
            yield held

        for raw in lines():
            number += 1
            if number <= self.dialect.preamble:
                continue
            line = self._mended(raw).decode(errors="replace")
            fresh = not inside
            if self.dialect.quotes:
                inside = goes_on(line, inside, self.dialect.separator)
            if fresh and line.strip("\r"):
                yield number, line

    def _body(self, progress: bool = False) -> Iterator[bytes]:
        """The bytes that Arrow is given: rows alone, one character between cells."""
        skip, held, plain = self.dialect.preamble, b"", self._is_plain()
        first = True
        for chunk in self.source.chunks(progress=progress):
            self._quoted = self._quoted or b'"' in chunk
            while skip and chunk:
                end = chunk.find(b"\n")
                if end < 0:
                    chunk = b""
                else:
                    chunk, skip = chunk[end + 1 :], skip - 1
            if plain and not first:
                yield chunk
                continue
            end = chunk.rfind(b"\n")
            if end < 0:
                held += chunk
                continue
            text, held = held + chunk[: end + 1], chunk[end + 1 :]
            if first:
                text = text.lstrip(b"\n")
                first = not text
                text = self._headed(text)
            yield self._mended(text)
            if plain:
                yield held
                held = b""
        if held:
            yield self._mended(self._headed(held) if first else held)

    def _is_plain(self) -> bool:
        dialect = self.dialect
        spaces = dialect.delimiter == " " or len(dialect.delimiter) > 1
        return not (spaces or self.reading.comment or self._width or self._glued)

    def _headed(self, text: bytes) -> bytes:
        if not text or not (self.dialect.before or self.dialect.behind):
            return text
        line, end, rest = text.partition(b"\n")
        return self.dialect.before.encode() + line.rstrip() + self.dialect.behind.encode() + end + rest

    def _mended(self, text: bytes) -> bytes:
        """Lines with comments left out, white space made one space, long delimiters one character."""
        dialect, mark = self.dialect, self.reading.comment
        if mark:
            text = without_lines(text, mark.encode(), alone=False)
        if dialect.delimiter == " ":
            if mark is None:
                text = without_lines(text, b"#", alone=True)
            text = spaced(text)
        elif len(dialect.delimiter) > 1:
            text = text.replace(dialect.delimiter.encode(), b"\x1f")
        if self._glued:
            text = without_space_before(text, dialect.delimiter)
        if self._width:
            text = b"\n".join(self._filled(line) for line in text.split(b"\n"))
        return text

    def _filled(self, line: bytes) -> bytes:
        mark = self.dialect.separator.encode()
        return line + mark * max(self._width - 1 - line.count(mark), 0) if line.strip() else line


def _width_of(row: Any) -> str:
    """What is wrong with a row of another width."""
    return f"{row.actual_columns} column{'s' * (row.actual_columns != 1)}, {row.text.strip()[:60]!r}"
