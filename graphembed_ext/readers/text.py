"""Text tables: encoding, comments, delimiter and header, told from the file."""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from ..errors import FileFormatError
from .columns import _is_number, _type_positions, _weight_position

#: First two column titles by which a header is known when numbers do not tell it from the edges.
_TITLES = {
    *("source", "src", "from", "start", "tail", "u", "id1", "id_1", "node1", "node_1", "source_id", "follower"),
    *("target", "dst", "dest", "destination", "to", "end", "head", "v", "id2", "id_2", "node2", "node_2"),
    *("target_id", "followee", "user", "user_id", "item", "item_id"),
}


_NAMES_OF_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", " ": "spaces or tabs"}


@dataclass
class _Rows:
    first: Any
    second: Any
    weight: Any
    where: Callable[[int], str]
    notes: list[str]
    types: Any = None


class _Text:
    """A text file on its way to a table."""

    def __init__(self, path: Path, content: bytes) -> None:
        self.path, self.notes = path, list[str]()
        self._original = content
        body, comments = _skip_comments(content)
        first = body.partition(b"\n")[0]
        if not first.strip():
            raise FileFormatError(str(path), "an empty file", "an edge on each line")
        self._delimiter = _sniff(self._decode(first), path)
        self._spaced = self._delimiter == " "
        if self._spaced:
            body, more = re.subn(rb"(?m)^[ \t]*[#%].*\n?", b"", body)
            body = re.sub(rb"[ \t]+", b" ", body)
            body = re.sub(rb"(?m)^ +| (?:\{\})?$", b"", body)  # networkx ends lines with {}
            comments += more
        self._body = body
        if comments:
            self.notes.append(f"{comments} comment line{'s' * (comments != 1)} skipped")
        self._head = [self._fields(line) for line in body.lstrip(b"\n").split(b"\n", 3)[:3] if line.strip()]

    def has_header(self) -> bool:
        """Whether the first line has titles rather than an edge."""
        first = self._head[0]
        if len(first) < 2:
            return False
        if all(field.lower() in _TITLES for field in first[:2]) or (len(first) > 2 and first[2].lower() == "weight"):
            return True
        if len(self._head) < 2 or len(self._head[1]) < 2:
            return False
        second = self._head[1]
        if not any(map(_is_number, first[:2])) and all(map(_is_number, second[:2])):
            return True
        return len(first) > 2 and len(second) > 2 and not _is_number(first[2]) and _is_number(second[2])

    def table(self, titled: bool) -> _Rows:
        """The columns of names, and that of weights as text."""
        fields = self._head[0]
        if len(fields) < 2:
            raise FileFormatError(
                self.where(0),
                f"one column, {self._head[0][0]!r}",
                f"at least two, separated by {_NAMES_OF_DELIMITERS[self._delimiter]}",
                "each line names the two ends of an edge",
            )
        if titled and len(self._head) < 2:
            raise FileFormatError(str(self.path), f"nothing but a header, {', '.join(fields)}", "an edge on each line")
        example = self._head[1] if titled else fields
        third = len(example) > 2 and _is_number(example[2])
        if len(example) > 2 and example[2].startswith("{"):
            raise FileFormatError(
                self.where(int(titled)),
                f"a Python dict, {example[2]}",
                "a number as the third column",
                "networkx.write_weighted_edgelist writes weights so",
            )
        position = _weight_position(fields if titled else [], third)
        kinds = _type_positions(fields if titled else [])
        wanted = [i for i in (0, 1, position, *kinds) if i is not None]
        columns = dict(zip(wanted, self._read(wanted, len(fields), titled), strict=True))
        notes = [f"the first line, {', '.join(fields[:2])}, is taken for {'column titles' if titled else 'an edge'}"]
        if position is not None:
            notes.append(f"column {position + 1} has the edge weights")
        elif len(fields) > 2 and not kinds:
            notes.append(f"columns from 3 on are ignored, as column 3 has no numbers (first: {example[2]!r})")
        weight = None if position is None else columns[position]
        types = [None if i is None else columns[i] for i in kinds] or None
        return _Rows(columns[0], columns[1], weight, lambda row: self.where(row + titled), notes, types)

    def where(self, row: int) -> str:
        """The file and the line on which a row of it stands, the header counting as a row."""
        started = False
        for number, line in enumerate(self._original.splitlines(), 1):
            if not line.strip() or (line.lstrip()[:1] in (b"#", b"%") and (self._spaced or not started)):
                continue
            started = True
            if row == 0:
                return f"{self.path}, line {number}"
            row -= 1
        return str(self.path)

    def _read(self, columns: list[int], width: int, titled: bool) -> list[Any]:
        wanted = [f"f{i}" for i in columns]
        ragged: list[Any] = []

        def note_ragged(row: Any) -> str:
            ragged.append(row)
            return "error"

        try:
            table = pa.csv.read_csv(
                pa.BufferReader(self._body),
                # one thread, as only then rows that are wrong have a number
                read_options=pa.csv.ReadOptions(autogenerate_column_names=True, use_threads=False),
                parse_options=pa.csv.ParseOptions(
                    delimiter=self._delimiter, invalid_row_handler=note_ragged, newlines_in_values=False
                ),
                convert_options=pa.csv.ConvertOptions(
                    include_columns=wanted, column_types=dict.fromkeys(wanted, pa.large_string())
                ),
            )
        except pa.ArrowException as error:
            if ragged:
                row = ragged[0]
                place = str(self.path) if row.number is None else self.where(row.number - 1)
                got = f"{row.actual_columns} column{'s' * (row.actual_columns != 1)}, {row.text.strip()!r}"
                raise FileFormatError(place, got, f"{width} columns as in the first line") from error
            raise FileFormatError(str(self.path), f"a file that cannot be read ({error})", "UTF-8 text") from error
        return [pc.utf8_trim_whitespace(table.column(name)).slice(int(titled)) for name in wanted]

    def _fields(self, line: bytes) -> list[str]:
        fields = next(csv.reader([self._decode(line)], delimiter=self._delimiter), [])
        return [field.strip() for field in fields]

    def _decode(self, line: bytes) -> str:
        try:
            return line.decode()
        except UnicodeDecodeError as error:
            raise FileFormatError(str(self.path), f"bytes that are not UTF-8 ({error})", "UTF-8 text") from error


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    if path.suffix == ".gz":
        try:
            content = gzip.decompress(content)
        except (EOFError, OSError, zlib.error) as error:
            raise FileFormatError(str(path), f"a file that cannot be decompressed ({error})", "gzip") from error
    return content.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")


def _skip_comments(content: bytes) -> tuple[bytes, int]:
    """What follows the blank and comment lines at the top, and how many comments there were."""
    start, comments = 0, 0
    while start < len(content):
        end = content.find(b"\n", start)
        end = len(content) if end < 0 else end
        line = content[start:end].strip()
        if line and line[:1] not in (b"#", b"%"):
            break
        comments += bool(line)
        start = end + 1
    return content[start:], comments


def _sniff(line: str, path: Path) -> str:
    kind = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    if kind == ".tsv":
        return "\t"
    most = max(",;\t", key=line.count)
    if line.count(most):
        return most
    return "," if kind == ".csv" else " "
