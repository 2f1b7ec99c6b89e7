"""Matrices in the text form of MatrixMarket, read without SciPy, whose compiled reader trusts what the file says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from .._core.memory import check_file_room
from ..errors import FileFormatError
from .arrays import Entries
from .checks import check_count
from .dialects import one_space
from .packed import unpacked

__all__ = ["read_matrix_market"]

_FIELDS = ("real", "double", "integer", "unsigned-integer", "pattern")
_FORMAT = "%%MatrixMarket matrix coordinate real general, or the like"


@dataclass(frozen=True)
class _Head:
    dense: bool
    pattern: bool
    symmetric: bool
    shape: tuple[int, int]
    entries: int

    @property
    def width(self) -> int:
        """Numbers on a line."""
        return 1 if self.dense else 2 if self.pattern else 3


def read_matrix_market(path: Path) -> Entries:
    """The matrix of a ``.mtx`` file, perhaps compressed; of a symmetric one both halves.

    Raises:
        FileFormatError: No MatrixMarket, or numbers that contradict what its head says; names the line.
    """
    content = unpacked(path)
    head, begin = _head(content, path)
    check_file_room(8 * head.width * head.entries, str(path), f"a matrix of {head.entries} entries")
    if head.entries * head.width > len(content):  # each number takes a digit and a space
        raise FileFormatError(
            str(path), f"{head.entries} entries in {len(content)} bytes", "as many lines as the second line says"
        )
    parts = _columns(content, begin, head, path)
    if head.dense:
        values = _square(parts[0], head, path) if head.symmetric else parts[0].reshape(head.shape, order="F")
        rows, columns = np.nonzero(values)
        return Entries(head.shape, rows, columns, values[rows, columns])
    for end, size in zip(parts, head.shape, strict=False):
        _check_places(end, size, content, begin, path)
    rows, columns = parts[0] - 1, parts[1] - 1
    weights = None if head.pattern else parts[2]
    if head.symmetric:
        off = rows != columns
        rows, columns = np.concatenate([rows, columns[off]]), np.concatenate([columns, rows[off]])
        weights = None if weights is None else np.concatenate([weights, weights[off]])
    return Entries(head.shape, rows, columns, weights)


def _head(content: bytes, path: Path) -> tuple[_Head, int]:
    """What the first lines say, and where the numbers begin."""
    end = content.find(b"\n")
    words = content[: end if end >= 0 else None].decode("latin-1").lower().split()
    _check_banner(words, f"{path}, line 1")
    number, start = 1, end + 1
    while end >= 0 and start < len(content):
        end, number = content.find(b"\n", start), number + 1
        line = content[start : end if end >= 0 else None].strip()
        start = end + 1 if end >= 0 else len(content)
        if line and not line.startswith(b"%"):
            return _sizes(line, words, f"{path}, line {number}"), start
    raise FileFormatError(str(path), "a file without a line of sizes", "rows, columns and entries on the second line")


def _check_banner(words: list[str], place: str) -> None:
    if len(words) != 5 or words[:2] != ["%%matrixmarket", "matrix"] or words[2] not in ("coordinate", "array"):
        raise FileFormatError(place, f"a file that is damaged or no MatrixMarket ({' '.join(words)[:60]!r})", _FORMAT)
    if words[3] not in _FIELDS:
        raise FileFormatError(place, f"entries that are {words[3]}", "real numbers")
    if words[4] not in ("general", "symmetric"):
        raise FileFormatError(place, f"a {words[4]} matrix", "a general or a symmetric one")


def _sizes(line: bytes, words: list[str], place: str) -> _Head:
    dense, symmetric = words[2] == "array", words[4] == "symmetric"
    parts = line.split()
    if len(parts) != 3 - dense or not all(map(_is_size, parts)):
        raise FileFormatError(
            place, f"the sizes {line[:60].decode('latin-1')!r}", "rows, columns" + ("" if dense else " and entries")
        )
    rows, columns = (
        check_count(int(part), place, what) for part, what in zip(parts, ("rows", "columns"), strict=False)
    )
    if symmetric and rows != columns:
        raise FileFormatError(place, f"a symmetric matrix of shape ({rows}, {columns})", "as many rows as columns")
    entries = (rows * (rows + 1) // 2 if symmetric else rows * columns) if dense else int(parts[2])
    return _Head(dense, words[3] == "pattern", symmetric, (rows, columns), entries)


def _columns(content: bytes, begin: int, head: _Head, path: Path) -> list[np.ndarray]:
    """The numbers below the head, column by column; those of places count from 1."""
    body = content[begin:]
    if not head.entries and not body.strip():
        return [np.empty(0, np.int64 if i < 2 and not head.dense else np.float64) for i in range(head.width)]
    found = _parsed(body, head)
    if found is None:  # more than one space between two numbers, or around them
        found = _parsed(one_space(body), head)
    if found is not None and len(found[0]) == head.entries:
        return found
    raise _wrong_line(body, content.count(b"\n", 0, begin), head, path)


def _wrong_line(body: bytes, before: int, head: _Head, path: Path) -> FileFormatError:
    """What is wrong below the head, ``before`` lines of the file."""
    lines = [(number, line.split()) for number, line in enumerate(body.split(b"\n"), before + 1) if line.strip()]
    places = 0 if head.dense else 2
    for number, words in lines:
        right = len(words) == head.width and all(map(_is_place, words[:places]))
        if not (right and all(map(_is_number, words[places:]))):
            expected = "a number" if head.dense else "a row, a column" + ("" if head.pattern else " and a number")
            return FileFormatError(f"{path}, line {number}", repr(b" ".join(words)[:60].decode("latin-1")), expected)
    return FileFormatError(str(path), f"{len(lines)} entries", f"the {head.entries} that the line of sizes says")


def _parsed(body: bytes, head: _Head) -> list[np.ndarray] | None:
    """Columns of lines whose numbers are parted by one space; None where they are not all so."""
    kinds = [pa.float64()] if head.dense else [pa.int64(), pa.int64(), pa.float64()][: head.width]
    names = [str(i) for i in range(head.width)]
    try:
        table = pa.csv.read_csv(
            pa.BufferReader(body),
            read_options=pa.csv.ReadOptions(column_names=names),
            parse_options=pa.csv.ParseOptions(delimiter=" ", quote_char=False),
            convert_options=pa.csv.ConvertOptions(column_types=dict(zip(names, kinds, strict=True)), null_values=[]),
        )
    except pa.ArrowException:
        return None
    return [column.to_numpy() for column in table.columns]


def _is_size(text: bytes) -> bool:
    return text.isdigit() and len(text) < 20


def _is_place(text: bytes) -> bool:
    return text.isdigit() and len(text) < 19


def _is_number(text: bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _check_places(ids: np.ndarray, size: int, content: bytes, begin: int, path: Path) -> None:
    wrong = (ids < 1) | (ids > size)
    if wrong.any():
        entry = int(np.argmax(wrong))
        lines = content.split(b"\n")
        numbers = [i for i in range(content.count(b"\n", 0, begin), len(lines)) if lines[i].strip()]
        raise FileFormatError(
            f"{path}, line {numbers[entry] + 1}", f"the place {ids[entry]}", f"a whole number from 1 to {size}"
        )


def _square(numbers: np.ndarray, head: _Head, path: Path) -> np.ndarray:
    """A symmetric matrix out of its lower half, column by column."""
    size = head.shape[0]
    check_file_room(8 * size * size, str(path), f"a matrix of shape {head.shape}")
    values = np.zeros((size, size))
    values[np.triu_indices(size)[::-1]] = numbers
    return np.maximum(values, values.T) if (numbers >= 0).all() else values + values.T - np.diag(values.diagonal())
