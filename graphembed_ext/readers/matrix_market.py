"""Matrices in the text form of MatrixMarket, read without SciPy, whose compiled reader trusts what the file says."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import FileFormatError
from .arrays import Entries
from .checks import check_count, check_room
from .packed import unpacked

__all__ = ["read_matrix_market"]

_FIELDS = ("real", "double", "integer", "unsigned-integer", "pattern")
_SYMMETRIES = ("general", "symmetric", "skew-symmetric", "hermitian")
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
    check_room(8 * head.width * head.entries, str(path), f"a matrix of {head.entries} entries")
    if head.entries * head.width > len(content):  # each number takes a digit and a space
        raise FileFormatError(
            str(path), f"{head.entries} entries in {len(content)} bytes", "as many lines as the second line says"
        )
    numbers = _numbers(content, begin, head, path)
    if head.dense:
        values = _square(numbers, head, path) if head.symmetric else numbers.reshape(head.shape, order="F")
        rows, columns = np.nonzero(values)
        return Entries(head.shape, rows, columns, values[rows, columns])
    table = numbers.reshape(-1, head.width)
    ends = [table[:, i] - 1 for i in range(2)]
    for end, size in zip(ends, head.shape, strict=True):
        _check_places(end, size, content, begin, path)
    rows, columns = (end.astype(np.int64) for end in ends)
    weights = None if head.pattern else np.ascontiguousarray(table[:, 2])
    if head.symmetric:
        off = rows != columns
        rows, columns = np.concatenate([rows, columns[off]]), np.concatenate([columns, rows[off]])
        weights = None if weights is None else np.concatenate([weights, weights[off]])
    return Entries(head.shape, rows, columns, weights)


def _head(content: bytes, path: Path) -> tuple[_Head, int]:
    """What the first lines say, and where the numbers begin."""
    end = content.find(b"\n")
    words = content[: end if end >= 0 else None].decode("latin-1").lower().split()
    known = len(words) == 5 and words[0] == "%%matrixmarket" and words[1] == "matrix"
    if not known or words[2] not in ("coordinate", "array") or words[4] not in _SYMMETRIES:
        raise FileFormatError(
            f"{path}, line 1", f"a file that is damaged or no MatrixMarket ({' '.join(words)[:60]!r})", _FORMAT
        )
    if words[3] not in _FIELDS or words[4] in ("skew-symmetric", "hermitian"):
        got = f"entries that are {words[3]}" if words[3] not in _FIELDS else f"a {words[4]} matrix"
        raise FileFormatError(f"{path}, line 1", got, "real numbers, general or symmetric")
    number, start = 1, end + 1
    while end >= 0 and start < len(content):
        end, number = content.find(b"\n", start), number + 1
        line = content[start : end if end >= 0 else None].strip()
        start = end + 1 if end >= 0 else len(content)
        if line and not line.startswith(b"%"):
            return _sizes(line, words, f"{path}, line {number}"), start
    raise FileFormatError(str(path), "a file without a line of sizes", "rows, columns and entries on the second line")


def _sizes(line: bytes, words: list[str], place: str) -> _Head:
    dense, symmetric = words[2] == "array", words[4] == "symmetric"
    parts = line.split()
    if len(parts) != 3 - dense or not all(part.isdigit() and len(part) < 20 for part in parts):
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


def _numbers(content: bytes, begin: int, head: _Head, path: Path) -> np.ndarray:
    expected = head.entries * head.width
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # NumPy warns of text that is no number
        try:
            found = np.fromstring(content[begin:], sep=" ") if content[begin:].strip() else np.empty(0)
        except (ValueError, DeprecationWarning):
            found = None
    if found is not None and len(found) == expected:
        return found
    seen = 0
    for number, line in enumerate(content[begin:].split(b"\n"), content.count(b"\n", 0, begin) + 1):
        if not line.strip():
            continue
        parts = line.split()
        if not (head.dense or len(parts) == head.width) or not all(map(_is_number, parts)):
            text = line[:60].decode("latin-1").strip()
            raise FileFormatError(f"{path}, line {number}", f"{text!r}", f"{head.width} numbers")
        seen += len(parts)
    raise FileFormatError(str(path), f"{seen // head.width} entries", f"the {head.entries} that the line of sizes says")


def _is_number(text: bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _check_places(ids: np.ndarray, size: int, content: bytes, begin: int, path: Path) -> None:
    wrong = ~((ids >= 0) & (ids < size) & (ids == np.floor(ids)))
    if wrong.any():
        entry = int(np.argmax(wrong))
        lines = content.split(b"\n")
        numbers = [i for i in range(content.count(b"\n", 0, begin), len(lines)) if lines[i].strip()]
        raise FileFormatError(
            f"{path}, line {numbers[entry] + 1}", f"the place {ids[entry] + 1:g}", f"a whole number from 1 to {size}"
        )


def _square(numbers: np.ndarray, head: _Head, path: Path) -> np.ndarray:
    """A symmetric matrix out of its lower half, column by column."""
    size = head.shape[0]
    check_room(8 * size * size, str(path), f"a matrix of shape {head.shape}")
    values = np.zeros((size, size))
    values[np.triu_indices(size)[::-1]] = numbers
    return np.maximum(values, values.T) if (numbers >= 0).all() else values + values.T - np.diag(values.diagonal())
