"""What is asked of numbers from a file before anything is made of them: compiled code and memory trust what follows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._core.memory import check_file_room
from ..errors import FileFormatError

__all__ = ["check_compressed", "check_count", "check_ids", "check_weights"]

#: Nodes up to which a pair of ids fits into an int64.
_MOST_NODES = 3_037_000_499
#: Largest weight that is still a number in float32.
_LARGEST = float(np.finfo(np.float32).max)


def check_count(count: Any, place: str, what: str = "nodes") -> int:
    """A number of nodes that can be had, as an int.

    Raises:
        FileFormatError: Below 0, or more than the memory or pairs of int64 have room for.
    """
    number = int(count)
    if number < 0 or number != count:
        raise FileFormatError(place, f"{count} {what}", "a whole number of at least 0")
    if number > _MOST_NODES:
        raise FileFormatError(place, f"{count} {what}", f"at most {_MOST_NODES}")
    check_file_room(8 * number, place, f"{number} {what}")
    return number


def check_ids(ids: np.ndarray, count: int, place: str, what: str = "node") -> None:
    """Raise :class:`FileFormatError` for the first id that is not in ``[0, count)``."""
    if len(ids) and (int(ids.min()) < 0 or int(ids.max()) >= count):
        wrong = int(ids[np.argmax((ids < 0) | (ids >= count))])
        raise FileFormatError(
            place, f"the {what} {wrong}", f"a number from 0 to {count - 1}" if count else f"no {what}"
        )


def check_compressed(indptr: np.ndarray, indices: np.ndarray, rows: int, columns: int, place: str) -> None:
    """Raise :class:`FileFormatError` for compressed rows that contradict themselves.

    Args:
        indptr: Where each row begins, and after it where the last one ends.
        indices: Column of each entry.
        rows, columns: Shape of the matrix.
        place: File, and what in it.
    """
    for name, part in (("indptr", indptr), ("indices", indices)):
        if part.ndim != 1 or part.dtype.kind not in "iu":
            raise FileFormatError(f"{place}, {name}", f"{part.dtype} of shape {part.shape}", "a row of integers")
    if len(indptr) != rows + 1:
        raise FileFormatError(f"{place}, indptr", f"{len(indptr)} entries", f"{rows + 1}, one more than rows")
    if indptr[0] != 0 or indptr[-1] != len(indices) or bool((indptr[1:] < indptr[:-1]).any()):
        raise FileFormatError(
            f"{place}, indptr", "numbers that do not ascend to the number of entries", f"0 to {len(indices)}, ascending"
        )
    check_ids(indices, columns, f"{place}, indices", "column")


def check_weights(weight: np.ndarray, where: Callable[[int], str]) -> None:
    """Raise :class:`FileFormatError` for the first weight that is negative, NaN, infinite, or that in float32.

    Args:
        weight: Weights, in any type of numbers.
        where: The place of an entry by its position.
    """
    wrong = ~((weight >= 0) & (weight <= _LARGEST))  # NaN is neither
    if wrong.any():
        row = int(np.argmax(wrong))
        raise FileFormatError(where(row), f"the edge weight {weight[row]:g}", "a finite number of at least 0")
