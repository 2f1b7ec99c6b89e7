"""Numbers to predict of nodes, out of tables and arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from .._core.near import did_you_mean
from ..errors import FileFormatError
from .node_rows import NodeRows, array_in, as_set, named, read_rows
from .options import Reading

__all__ = ["read_targets"]


def read_targets(
    path: Path,
    names: Sequence[str] | None,
    count: int,
    column: str | None = None,
    reading: Reading | None = None,
    notes: list[str] | None = None,
) -> Tensor:
    """A number for each node of a type, float32 ``(N,)``; NaN where the file has none.

    Args:
        path: A table with a node on each line and a number beside it, or an array (``.npy``) ``(N,)`` or ``(N, 1)``.
        names: Names of the nodes; None where they have ids only.
        count: Number of nodes.
        column: Title, or number from 1, of the column; None takes the first column of numbers.
        reading: How the table is to be read, where a person says so.
        notes: Told which column was taken.

    Raises:
        FileFormatError: Not such a file, a cell that is no number, a node that the graph lacks.
    """
    if path.suffix == ".npy":
        return _of_array(path, count)
    place = as_set(names, count)

    def read(rows: NodeRows) -> tuple[Tensor, str]:
        chosen = _column(rows, column)
        y = torch.full((count,), torch.nan)
        y[torch.tensor(_ids(rows, place), dtype=torch.int64)] = torch.from_numpy(rows.numbers([chosen])[:, 0])
        return y, f"{path}: {rows.called(rows.node)} names nodes, {rows.called(chosen)} is to be predicted"

    (y, told), left_out = read_rows(path, reading, place, read, "a node and a number")
    if notes is not None:
        notes += [told, *left_out]
    return y


def _column(rows: NodeRows, column: str | None) -> int:
    """Position of the column of numbers: the one that a person named, or the first."""
    chosen = named(column, rows, "label_column")
    if chosen is not None:
        return chosen
    found = (i for i in range(rows.width) if i not in (rows.node, rows.split()) and rows.numeric(i))
    chosen = next(found, None)
    if chosen is None:
        raise FileFormatError(rows.table.name, "no column of numbers", "a node and a number on each line")
    return chosen


def _ids(rows: NodeRows, place: Mapping[str, int]) -> list[int]:
    """The node of each row."""
    found = []
    for number, (name,) in rows.cells([rows.node]):
        if name not in place:
            got = f"{name!r}, which is no node of the graph"
            raise rows.table.bad(number, got, "a node of the graph", did_you_mean(name, place))
        found.append(place[name])
    return found


def _of_array(path: Path, count: int) -> Tensor:
    found = array_in(path)
    if found.shape not in ((count,), (count, 1)) or found.dtype.kind not in "fiu":
        raise FileFormatError(str(path), f"{found.dtype} of shape {found.shape}", f"numbers of shape ({count},)")
    return torch.from_numpy(found.reshape(count)).float()
