"""Weights of edges out of a column of text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import FileFormatError
from .checks import check_weights
from .tables import Table

__all__ = ["usable", "weights_of"]

_LARGEST = float(np.finfo(np.float32).max)
#: Weights that are looked at at a time.
_SLICE = 1 << 20
#: What stands for no weight.
_BLANK = ("", "NA", "NaN", "nan", "NULL", "null", "None")


def weights_of(column: Any, start: int, table: Table, place: int) -> np.ndarray:
    """Weights, NaN where there is none.

    Raises:
        FileFormatError: One that is no number, or larger than float32 holds.
    """
    blank = pc.is_in(column, value_set=pa.array(_BLANK, column.type))
    kept = pc.if_else(blank, pa.scalar(None, column.type), column)
    try:
        values = kept.cast(pa.float64())
    except pa.ArrowException:
        parted = pc.match_substring(kept, ",")
        thousands = pc.match_substring_regex(kept, r"^-?[1-9]\d{0,2}(,\d{3})+$")
        row = pc.index(parted, True).as_py()
        if row >= 0 and pc.all(pc.equal(parted, thousands)).as_py():  # 1,200 may be 1200 or 1.2
            raise _no_weight(start + row, repr(column[row].as_py()), table, place) from None
        pointed = pc.replace_substring(kept, ",", ".")  # decimal commas
        try:
            values = pointed.cast(pa.float64())
        except pa.ArrowException:
            return _word(column, start, table, place)
    numbers = pc.fill_null(values, float("nan")).to_numpy(zero_copy_only=False)
    wrong = np.abs(numbers) > _LARGEST
    if wrong.any():
        row = int(np.argmax(wrong))
        raise _no_weight(start + row, f"{numbers[row]:g}", table, place)
    return numbers


def _word(column: Any, start: int, table: Table, place: int) -> np.ndarray:
    for row, text in enumerate(column.to_pylist()):
        try:
            float(text.replace(",", ".") or "nan")
        except ValueError:
            if text not in _BLANK:
                raise _no_weight(start + row, repr(text), table, place) from None
    return np.array([float(text.replace(",", ".") or "nan") for text in column.to_pylist()])


def _no_weight(row: int, got: str, table: Table, place: int) -> FileFormatError:
    called = f"column {place + 1}" if table.titles is None else f"column {table.titles[place]!r}"
    return table.bad(
        row,
        f"the edge weight {got} in {called}",
        "a finite number of at least 0",
        "--no-weight reads no weights, --columns weight=TITLE those of another column",
    )


def usable(
    weight: np.ndarray, where: Callable[[int], str]
) -> tuple[np.ndarray | None, list[str], FileFormatError | None]:
    """Weights, or none where some are negative or absent: they matter to models that go by them alone.

    Args:
        weight: float64, NaN where there is none.
        where: File and line of a row.

    Returns:
        The weights or None; a note on what was left out; and what is to be raised where weights are needed.

    Raises:
        FileFormatError: A weight that is infinite, or is in float32.
    """
    first, count = None, 0
    for low in range(0, len(weight), _SLICE):
        part = weight[low : low + _SLICE]
        check_weights(np.where(part >= 0, part, 0), lambda row, low=low: where(low + row))  # type: ignore[misc]
        wrong = ~(part >= 0)
        if first is None and wrong.any():
            first = low + int(np.argmax(wrong))
        count += int(wrong.sum())
    if first is None:
        return weight, [], None
    what = "a blank" if np.isnan(weight[first]) else f"{weight[first]:g}"
    place = re.sub(r"^.*, (line \d+|row \d+)$", r"\1", where(first), flags=re.DOTALL)
    there = f"{count} {'is' if count == 1 else 'are'} blank or negative ({place}: {what})"
    trouble = FileFormatError(
        where(first),
        f"the edge weight {what.removeprefix('a ')}",
        "a finite number of at least 0, as the model is told to go by the weights",
        "mend the line, or leave out --weight, as --no-weight does: all edges then count alike",
    )
    return None, [f"no weights are read, as {there}"], trouble
