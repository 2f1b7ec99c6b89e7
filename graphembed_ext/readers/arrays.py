"""Sparse matrices from ``.npy`` and ``.npz`` files, checked before memory is taken or SciPy sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .._core.arrays import read_archive, read_array
from .._core.memory import check_file_room
from ..errors import FileFormatError
from .checks import check_compressed, check_count, check_ids

__all__ = ["Entries", "dense_of", "read_dense", "sparse_of"]


@dataclass(frozen=True)
class Entries:
    """The entries of a sparse matrix.

    Attributes:
        shape: Rows and columns.
        rows, columns: Place of each entry, int64, shape ``(entries,)``.
        values: Its value, same shape; None where all are 1.
    """

    shape: tuple[int, int]
    rows: np.ndarray
    columns: np.ndarray
    values: np.ndarray | None


def read_dense(path: Path) -> np.ndarray:
    """The one array of a ``.npy`` or ``.npz`` file; a matrix of ``scipy.sparse.save_npz`` is made dense.

    Raises:
        FileFormatError: Not such a file, parts that contradict each other, or a matrix that the memory has no room for.
    """
    if path.suffix.lower() == ".npy":
        return read_array(path)
    arrays = read_archive(path)
    if "format" in arrays:
        return dense_of(sparse_of(arrays, str(path)), str(path))
    if len(arrays) != 1:
        raise FileFormatError(str(path), f"the arrays {sorted(arrays)}", "one array of numbers")
    return next(iter(arrays.values()))


def dense_of(entries: Entries, place: str) -> np.ndarray:
    """A matrix whose repeated entries are added up.

    Raises:
        FileFormatError: The memory has no room for it.
    """
    kind = np.dtype(np.int8) if entries.values is None else entries.values.dtype
    kind = np.dtype(np.int8) if kind.kind == "b" else kind
    check_file_room(
        kind.itemsize * entries.shape[0] * entries.shape[1], place, f"a matrix of shape {entries.shape}, dense"
    )
    found = np.zeros(entries.shape, kind)
    np.add.at(found, (entries.rows, entries.columns), 1 if entries.values is None else entries.values)
    return found


def sparse_of(arrays: Mapping[str, np.ndarray], place: str, prefix: str = "", form: str | None = None) -> Entries:
    """The entries of a sparse matrix out of its parts.

    Args:
        arrays: Parts by name, as ``scipy.sparse.save_npz`` names them, behind ``prefix``.
        place: File.
        prefix: What stands before each name, such as ``"adj_"``.
        form: ``"csr"`` and its like; None reads it from the part ``format``.

    Raises:
        FileFormatError: Parts that are missing or contradict each other.
    """

    def part(name: str, kinds: str) -> np.ndarray:
        array = arrays.get(prefix + name)
        if array is None or array.dtype.kind not in kinds:
            got = "nothing" if array is None else f"{array.dtype}"
            raise FileFormatError(
                f"{place}, {prefix + name!r}", got, "an array of integers" if kinds == "iu" else "numbers"
            )
        return array

    form = form or _text(arrays.get("format"), place)
    shape = part("shape", "iu").reshape(-1)
    if len(shape) != 2:
        raise FileFormatError(f"{place}, {prefix}shape", f"{len(shape)} dimensions", "two")
    rows, columns = (check_count(size, place, what) for size, what in zip(shape, ("rows", "columns"), strict=True))
    values = part("data", "biufc")
    if form == "coo":
        ends = part("row", "iu"), part("col", "iu")
        return _of_pairs(*ends, values, (rows, columns), place)
    if form in ("csr", "csc"):
        indptr, indices = part("indptr", "iu"), part("indices", "iu")
        size, width = (rows, columns) if form == "csr" else (columns, rows)
        check_compressed(indptr, indices, size, width, place)
        _same_length(values, indices, place)
        along = _rows_of(indptr)
        across = indices.astype(np.int64)
        first, second = (along, across) if form == "csr" else (across, along)
        return Entries((rows, columns), first, second, values)
    if form == "dia":
        return _of_diagonals(part("offsets", "iu"), values, (rows, columns), place)
    if form == "bsr":
        return _of_blocks(part("indptr", "iu"), part("indices", "iu"), values, (rows, columns), place)
    raise FileFormatError(
        place, f"a sparse matrix in the form {form!r}", "csr, csc or coo", "save what its method tocsr() gives"
    )


def _rows_of(indptr: np.ndarray) -> np.ndarray:
    """The row of each entry of compressed rows."""
    ends = indptr.astype(np.int64)
    return np.repeat(np.arange(len(ends) - 1), ends[1:] - ends[:-1])


def _of_diagonals(offsets: np.ndarray, values: np.ndarray, shape: tuple[int, int], place: str) -> Entries:
    if offsets.ndim != 1 or values.ndim != 2 or len(values) != len(offsets):
        raise FileFormatError(place, f"{values.shape} values on {offsets.shape} diagonals", "a row for each diagonal")
    columns = np.broadcast_to(np.arange(values.shape[1]), values.shape)
    rows = columns - offsets.astype(np.int64)[:, None]
    inside = (rows >= 0) & (rows < shape[0]) & (columns < shape[1])
    return Entries(shape, rows[inside], columns[inside], values[inside])


def _of_blocks(
    indptr: np.ndarray, indices: np.ndarray, values: np.ndarray, shape: tuple[int, int], place: str
) -> Entries:
    if (
        values.ndim != 3
        or 0 in values.shape[1:]
        or any(size % part for size, part in zip(shape, values.shape[1:], strict=True))
    ):
        raise FileFormatError(
            place, f"blocks of shape {values.shape}", f"blocks that make up a matrix of shape {shape}"
        )
    high, wide = values.shape[1:]
    check_compressed(indptr, indices, shape[0] // high, shape[1] // wide, place)
    if len(values) != len(indices):
        raise FileFormatError(place, f"{len(values)} blocks at {len(indices)} places", "as many blocks as places")
    along = _rows_of(indptr)
    rows = along[:, None, None] * high + np.arange(high)[:, None]
    columns = indices.astype(np.int64)[:, None, None] * wide + np.arange(wide)
    rows, columns = (np.broadcast_to(ids, values.shape).reshape(-1) for ids in (rows, columns))
    return Entries(shape, rows, columns, values.reshape(-1))


def _of_pairs(rows: np.ndarray, columns: np.ndarray, values: np.ndarray, shape: tuple[int, int], place: str) -> Entries:
    for name, ids, size in (("row", rows, shape[0]), ("column", columns, shape[1])):
        if ids.ndim != 1:
            raise FileFormatError(place, f"{name}s of shape {ids.shape}", "a row of integers")
        check_ids(ids, size, place, name)
        _same_length(values, ids, place)
    return Entries(shape, rows.astype(np.int64), columns.astype(np.int64), values)


def _same_length(values: np.ndarray, ids: np.ndarray, place: str) -> None:
    if values.shape != ids.shape:
        raise FileFormatError(place, f"{values.shape} values at {ids.shape} places", "as many values as places")


def _text(value: np.ndarray | None, place: str) -> str:
    if value is None or value.dtype.kind not in "SU" or value.size != 1:
        raise FileFormatError(place, "no form of a sparse matrix", "a file of scipy.sparse.save_npz")
    found = value.reshape(-1)[0]
    return found.decode("ascii", "replace") if isinstance(found, bytes) else str(found)
