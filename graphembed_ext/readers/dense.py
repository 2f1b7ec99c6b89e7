"""Dense matrices among text tables: names along both sides or one, or numbers alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .arrays import Entries
from .columns import says_ends
from .matrices import Matrix, matrix_of

__all__ = ["from_dense", "may_be_dense"]


def may_be_dense(lines: int, width: int) -> bool:
    """Whether a table of so many lines and columns can be a square matrix, with names or without.

    Example:
        >>> may_be_dense(4, 4), may_be_dense(4, 3), may_be_dense(100, 3)
        (True, True, False)
    """
    return width >= 3 and lines in (width, width + 1)


def from_dense(
    table: Sequence[Sequence[str]], place: str, directed: bool = False, bipartite: bool = False
) -> tuple[Matrix, list[str]] | None:
    """The graph of a table that is a square adjacency matrix, with the names of its nodes; None for any other table.

    It is one where the first line and the first column have the same names in the same order and all else is numbers.
    Without names at the side, as many lines of numbers as columns are one if they are the same both ways or, from four
    on, have nothing but 0 in the diagonal: three lines of three numbers are more often three edges with weights.

    Args:
        table: All cells as text, the first line among them.
        place: File, for errors.
        directed: Whether edges lead one way, from row to column.
        bipartite: Whether users and items are asked for, which a square matrix has not.

    Raises:
        FileFormatError: A matrix of zeros, or entries that are no weights.

    Example:
        >>> matrix, names = from_dense([["", "Ada", "Bob"], ["Ada", "0", "2"], ["Bob", "2", "0"]], "a.csv")
        >>> names, matrix.view.edge_index().tolist()
        (['Ada', 'Bob'], [[0, 1], [1, 0]])
    """
    if bipartite or not table or not may_be_dense(len(table), len(table[0])):
        return None
    found = _labelled(table) or _titled(table) or _bare(table)
    if found is None:
        return None
    names, values, how = found
    rows, columns = np.nonzero(values)
    entries = Entries((len(names), len(names)), rows, columns, values[rows, columns])
    matrix = matrix_of(entries, place, directed)
    return Matrix(matrix.view, {}, matrix.weight, (f"a matrix of {len(names)} nodes, {how}",)), names


def _labelled(table: Sequence[Sequence[str]]) -> tuple[list[str], np.ndarray, str] | None:
    names = [cell.strip() for cell in table[0][1:]]
    if _numbers([table[0]]) is not None:  # a corner of the matrix itself
        return None
    if [row[0].strip() for row in table[1:]] != names or len(set(names)) != len(names):
        return None
    values = _numbers([row[1:] for row in table[1:]])
    return None if values is None else (names, values, "named by the first line and the first column")


def _titled(table: Sequence[Sequence[str]]) -> tuple[list[str], np.ndarray, str] | None:
    names = [cell.strip() for cell in table[0]]
    if len(table) != len(names) + 1 or len(set(names)) != len(names) or _numbers([names]) is not None:
        return None
    values = None if says_ends(names) else _numbers(table[1:])
    return None if values is None or not _adjacent(values) else (names, values, "named by the first line")


def _bare(table: Sequence[Sequence[str]]) -> tuple[list[str], np.ndarray, str] | None:
    values = _numbers(table) if len(table) == len(table[0]) else None
    if values is None or not _adjacent(values):
        return None
    return [str(i) for i in range(len(table))], values, "numbered from 0"


def _adjacent(values: np.ndarray) -> bool:
    """Whether numbers look like an adjacency matrix rather than like edges with what belongs to them."""
    return np.array_equal(values, values.T) or (len(values) > 3 and not values.diagonal().any())


def _numbers(rows: Sequence[Sequence[str]]) -> np.ndarray | None:
    if len({len(row) for row in rows}) != 1:
        return None
    try:
        return np.array([[float(cell) for cell in row] for row in rows])
    except ValueError:
        return None
