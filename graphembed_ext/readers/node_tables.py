"""Labels and splits of nodes, from files beside the graph's."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .._core.memory import check_file_room
from ..errors import FileFormatError, InputError
from .node_rows import NO_LABEL, NodeRows, array_in, as_set, id_of, named, read_rows
from .options import Reading, chosen

__all__ = ["Labels", "as_sparse", "label_pairs", "labels_of_pairs", "names_of", "of_type", "part_in", "read_labels"]

#: What stands between the classes of a cell, by the kind that a title names: Neo4j's lists, RecBole's sequences.
_MARKS = {"string[]": ";", "token_seq": " "}
_PARTS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


@dataclass(frozen=True)
class Labels:
    """Classes of the nodes of a type.

    Attributes:
        y: int64 ``(N,)``, -1 for none; or 0/1 ``(N, C)`` where a node has several.
        classes: Name of each class.
        parts: Node ids of ``train``, ``val`` and ``test`` where the file has them.
    """

    y: Tensor
    classes: list[str]
    parts: dict[str, Tensor]


def read_labels(
    path: Path,
    names: Sequence[str] | None,
    count: int,
    column: str | None = None,
    reading: Reading | None = None,
    notes: list[str] | None = None,
    leave_out: bool = False,
) -> Labels:
    """Labels of the nodes of a type.

    A table (``.csv``, ``.tsv``, ``.txt``, ``.parquet``, text also packed) has the node in its first column, or in the
    one titled ``node`` or ``id``, and the class in the column ``column``, in one titled ``label`` or ``class``, or in
    the only other one; a column titled ``split`` may say train, val or test. A node on several lines, cells such as
    ``Action|Drama``, and several columns of classes or of 0 and 1 give several labels. Empty cells, ``-1`` and ``NA``
    are no label. An array (``.npy``) has an integer for each node, negative for none, or 0/1 for each class.

    Args:
        path: File.
        names: Names of the nodes; None where they have ids only.
        count: Number of nodes.
        column: Title, or number from 1, of the column with the class; None finds it.
        reading: How the table is to be read, where a person says so.
        notes: Told which columns were taken for what.
        leave_out: Whether rows of nodes that are not among these are left out, which ``notes`` are told, and refused
            only where no other row is left.

    Raises:
        FileFormatError: Not such a file, or a node that the graph lacks.
    """
    if Path(path).suffix == ".npy":
        return _from_array(path, count)
    place = as_set(names, count)

    def read(rows: NodeRows) -> tuple[Labels, list[str]]:
        return _labels_in(rows, place, count, column, reading, leave_out)

    (found, told), left_out = read_rows(path, reading, place, read, "a node and its class")
    if notes is not None:
        notes += [*told, *left_out]
    return found


def _labels_in(
    rows: NodeRows, place: Mapping[str, int], count: int, column: str | None, reading: Reading | None, leave_out: bool
) -> tuple[Labels, list[str]]:
    """The labels in a table, and what a person is told; arguments as for :func:`read_labels`."""
    path = rows.table.name
    if rows.width < 2:
        raise FileFormatError(rows.table.where(0), "1 column", "a node and its class")
    split = rows.split()
    given = _named_column(rows, column, reading)
    columns, binary = ([given], False) if given is not None else _label_columns(rows, split)
    notes = [f"{path}: {_taken_for(rows, columns)}"]
    absent: list[str] | None = [] if leave_out else None
    pairs, parts, unlabelled = label_pairs(rows, place, columns, binary, split, absent)
    if absent:
        _note_absent(path, absent, next(iter(place), None), bool(pairs or unlabelled), notes)
    if not pairs and not unlabelled:
        raise FileFormatError(path, "no labels", "a node and its class on each line")
    if unlabelled:
        notes.append(f"{unlabelled} line{'s' * (unlabelled != 1)} of {path} without a label")
    return labels_of_pairs(pairs, parts, count), notes


def _named_column(rows: NodeRows, column: str | None, reading: Reading | None) -> int | None:
    """Position of the column with the class that a person named."""
    given = named(column, rows, "label_column")
    if given is None and reading is not None:
        return chosen(reading.columns, rows.titles, rows.width).get("label")
    return given


def _taken_for(rows: NodeRows, columns: Sequence[int]) -> str:
    """What a person is told of the columns of a table of labels."""
    shown = ", ".join(rows.called(i) for i in columns[:6])
    first = "" if rows.titles is None else "; the first line is taken for column titles"
    return f"{rows.called(rows.node)} names nodes, {shown} has their classes{first}"


def _label_columns(rows: NodeRows, split: int | None) -> tuple[list[int], bool]:
    """Positions of the columns with classes, and whether these are columns of 0 and 1, one for each class."""
    others = [i for i in range(rows.width) if i not in (rows.node, split)]
    flags = _flags_at_the_end(rows, others)
    titled = _titled(rows, others, flags)
    if titled:
        return titled, False
    if len(others) == 1:
        return others, False
    if flags and (flags == others or rows.titles is None):
        return flags, True
    found = _untitled(rows, others)
    if found:
        return found, False
    titles = "" if rows.titles is None else f" ({', '.join(rows.titles[:8])})"
    raise FileFormatError(
        rows.table.where(0),
        f"{rows.width} columns, any of which may have the class{titles}",
        "a node and its class",
        "--label-column names the column with the class",
    )


def _flags_at_the_end(rows: NodeRows, others: list[int]) -> list[int]:
    """The columns of 0 and 1 where these are several and the last ones; otherwise none."""
    flags = [i for i in others if rows.binary(i)]
    return flags if len(flags) > 1 and flags == others[-len(flags) :] else []


def _titled(rows: NodeRows, others: list[int], flags: list[int]) -> list[int]:
    """Columns of classes by their titles; none where these are the columns of 0 and 1, or a ``y`` that is one more."""
    titled = [i for i in rows.label_titles() if i in others]
    titled = [i for i in titled if not rows.each_once(i)] or titled  # Gephi's Label has names
    return [] if flags and (titled == flags or _only_y(rows, titled)) else titled


def _untitled(rows: NodeRows, others: list[int]) -> list[int]:
    """Columns of classes by what stands in them: all of lines of several lengths, or words behind numbers."""
    if rows.titles is not None:
        return []
    if rows.uneven:
        return others
    return others[-1:] if all(map(rows.numeric, others[:-1])) and not rows.numeric(others[-1]) else []


def _only_y(rows: NodeRows, places: Sequence[int]) -> bool:
    """Whether ``y`` is all that tells a column of classes, which may be the name of one of several."""
    return [(rows.titles or [])[place].lower() for place in places] == ["y"]


def label_pairs(
    rows: NodeRows,
    place: Mapping[str, int],
    columns: list[int],
    binary: bool,
    split: int | None,
    absent: list[str] | None = None,
) -> tuple[list[tuple[int, str]], dict[str, list[int]], int]:
    """Nodes with their classes, nodes by part, and the number of lines without a class.

    ``absent`` is told the nodes that are unknown; None refuses these.
    """
    pairs: list[tuple[int, str]] = []
    parts: dict[str, list[int]] = {}
    unlabelled = 0
    marks = [_MARKS.get(rows.kind_in_title(i), "|") for i in columns]
    classes = [str(number) if rows.titles is None else rows.titles[i] for number, i in enumerate(columns)]
    there = [] if split is None else [split]
    for number, (name, *cells) in rows.cells([rows.node, *columns, *there]):
        if absent is not None and name not in place:
            absent.append(name)
            continue
        node = id_of(name, place, rows, number, "--nodes FILE declares nodes")
        for cell in cells[len(columns) :]:
            _note_part(parts, node, cell, rows, number)
        cells = cells[: len(columns)]
        found = _set_flags(classes, cells) if binary else _classes_in(cells, marks)
        unlabelled += not found
        pairs += [(node, label) for label in found]
    return pairs, parts, unlabelled


def _note_absent(path: str, absent: Sequence[str], known: str | None, others: bool, notes: list[str]) -> None:
    """Say how many rows of unknown nodes were left out, or refuse a table of nothing else."""
    if not others:
        there = "" if known is None else f", such as {known!r}"
        raise FileFormatError(path, f"no node that is known (but {absent[0]!r})", f"nodes with a vector{there}")
    count = f"{len(absent)} row{'s' * (len(absent) != 1)}"
    notes.append(f"{count} of {path} left out, of nodes without a vector, such as {absent[0]!r}")


def _note_part(parts: dict[str, list[int]], node: int, cell: str, rows: NodeRows, number: int) -> None:
    """Note a node in the part that the cell of its row says, if any."""
    part = part_in(cell, rows, number)
    if part is not None:
        parts.setdefault(part, []).append(node)


def part_in(cell: str, rows: NodeRows, number: int) -> str | None:
    """``train``, ``val`` or ``test``, by the cell of a row; None for an empty one."""
    cell = cell.lower()
    if cell and cell not in _PARTS:
        raise rows.table.bad(number, f"the split {cell!r}", "train, val or test")
    return _PARTS[cell] if cell else None


def _set_flags(classes: Sequence[str], cells: Sequence[str]) -> list[str]:
    """The classes that have a 1, or true, in their column."""
    return [kind for kind, cell in zip(classes, cells, strict=True) if cell.startswith(("1", "T", "t"))]


def _classes_in(cells: Sequence[str], marks: Sequence[str]) -> list[str]:
    """The classes in some cells, each of which may have several, as ``Action|Drama``."""
    words = [word.strip() for cell, mark in zip(cells, marks, strict=True) for word in cell.split(mark)]
    return [word for word in words if word not in NO_LABEL]


def labels_of_pairs(pairs: Sequence[tuple[int, str]], parts: Mapping[str, Sequence[int]], count: int) -> Labels:
    """Labels of nodes by the names of their classes, in numerical order where these are numbers."""
    found = {label for _, label in pairs}
    whole = all(label.isdecimal() for label in found)
    classes = sorted(found, key=Decimal) if whole else sorted(found)
    number_of = {label: number for number, label in enumerate(classes)}
    several = len({node for node, _ in pairs}) < len(set(pairs))
    y = torch.zeros(count, len(classes)) if several else torch.full((count,), -1)
    for node, label in pairs:
        if several:
            y[node, number_of[label]] = 1
        else:
            y[node] = number_of[label]
    return Labels(y, classes, {part: torch.tensor(sorted(set(ids))) for part, ids in parts.items()})


def _from_array(path: Path, count: int) -> Labels:
    values = array_in(path)
    if values.ndim not in (1, 2) or len(values) != count or values.dtype.kind not in "iub":
        raise FileFormatError(
            str(path), f"{values.dtype} of shape {values.shape}", f"integers of shape ({count},) or ({count}, C)"
        )
    if values.ndim == 2:
        return Labels(torch.from_numpy(values).float(), [str(i) for i in range(values.shape[1])], {})
    y = torch.from_numpy(values.astype(np.int64))
    check_file_room(64 * (int(y.max()) + 1), str(path), f"{int(y.max()) + 1} classes")
    most = max(1_000_000, 10 * count)
    if int(y.max()) >= most:
        raise FileFormatError(
            str(path), f"the class {int(y.max())}", f"classes numbered from 0, at most {most} of them"
        )
    return Labels(y, [str(i) for i in range(int(y.max()) + 1)], {})


def names_of(path: str | Path, known: Collection[str], reading: Reading | None = None) -> list[str]:
    """The names of the nodes in a table, each once, in its order; without rows that are wrong, as far as allowed.

    Raises:
        FileFormatError: Not such a file.
    """
    found, _ = read_rows(path, reading, known, lambda rows: list(dict.fromkeys(rows.names())))
    return found


def of_type(text: str, types: Sequence[str], argument: str) -> tuple[str, str]:
    """``TYPE=FILE`` as a pair; the only type where there is one."""
    kind, equals, file = text.partition("=")
    if equals and kind in types:
        return kind, file
    if len(types) != 1 or (equals and not Path(text).exists()):
        raise InputError(argument, text, "TYPE=FILE, with one of the node types " + ", ".join(types))
    return types[0], text


def as_sparse(y: Tensor) -> Any:
    """A 0/1 matrix as ``ge.evaluate`` takes it."""
    import scipy.sparse

    return scipy.sparse.csr_matrix(y.to(torch.int8).numpy())
