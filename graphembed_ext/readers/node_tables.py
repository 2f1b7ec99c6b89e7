"""Labels, splits and features of nodes, from files beside the graph's."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .._core import rng
from ..errors import FileFormatError, InputError
from ..graph.features import LABEL_NAMES
from ..graph.view import GraphView
from .arrays import read_dense
from .checks import check_room
from .columns import chosen
from .node_rows import NO_LABEL, NodeRows, as_set, named, node_rows
from .options import Reading

__all__ = ["Labels", "as_sparse", "of_type", "put_masks", "names_of", "read_features", "read_labels"]

_PARTS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
#: Nodes up to which a one-hot vector for each is reasonable: 400 MB of features.
_MOST_ONE_HOT = 10_000


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

    Raises:
        FileFormatError: Not such a file, or a node that the graph lacks.
    """
    if Path(path).suffix == ".npy":
        return _from_array(path, count)
    place = as_set(names, count)
    rows = node_rows(path, reading or Reading(), place, "a node and its class")
    if rows.width < 2:
        raise FileFormatError(rows.table.where(0), "1 column", "a node and its class")
    split = rows.split()
    given = _named_column(rows, column, reading)
    columns, binary = ([given], False) if given is not None else _label_columns(rows, split)
    if notes is not None:
        notes.append(f"{path}: {_taken_for(rows, columns)}")
    pairs, parts, unlabelled = _label_pairs(rows, place, columns, binary, split)
    if not pairs and not unlabelled:
        raise FileFormatError(str(path), "no labels", "a node and its class on each line")
    if notes is not None and unlabelled:
        notes.append(f"{unlabelled} line{'s' * (unlabelled != 1)} of {path} without a label")
    return _labels(pairs, parts, count)


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


def _label_pairs(
    rows: NodeRows, place: Mapping[str, int], columns: list[int], binary: bool, split: int | None
) -> tuple[list[tuple[int, str]], dict[str, list[int]], int]:
    """Nodes with their classes, nodes by part, and the number of lines without a class."""
    pairs: list[tuple[int, str]] = []
    parts: dict[str, list[int]] = {}
    unlabelled = 0
    classes = [str(number) if rows.titles is None else rows.titles[i] for number, i in enumerate(columns)]
    for number, (name, *cells) in rows.cells([rows.node, *columns, *([] if split is None else [split])]):
        node = _id_of(name, place, rows, number, "--nodes FILE declares nodes")
        part = "" if split is None else _part_in(cells.pop().lower(), rows, number)
        if part:
            parts.setdefault(part, []).append(node)
        found = _set_flags(classes, cells) if binary else _classes_in(cells)
        unlabelled += not found
        pairs += [(node, label) for label in found]
    return pairs, parts, unlabelled


def _id_of(name: str, place: Mapping[str, int], rows: NodeRows, number: int, hint: str) -> int:
    """The id of the node of a row."""
    if name not in place:
        raise FileFormatError(rows.table.where(number), f"the node {name!r}", "a node of the graph", hint)
    return place[name]


def _part_in(cell: str, rows: NodeRows, number: int) -> str:
    """``train``, ``val`` or ``test``, by the cell of a row; empty for an empty one."""
    if cell and cell not in _PARTS:
        raise FileFormatError(rows.table.where(number), f"the split {cell!r}", "train, val or test")
    return _PARTS.get(cell, "")


def _set_flags(classes: Sequence[str], cells: Sequence[str]) -> list[str]:
    """The classes that have a 1, or true, in their column."""
    return [kind for kind, cell in zip(classes, cells, strict=True) if cell.startswith(("1", "T", "t"))]


def _classes_in(cells: Sequence[str]) -> list[str]:
    """The classes in some cells, each of which may have several, as ``Action|Drama``."""
    words = [word.strip() for cell in cells for word in cell.split("|")]
    return [word for word in words if word not in NO_LABEL]


def _labels(pairs: Sequence[tuple[int, str]], parts: Mapping[str, Sequence[int]], count: int) -> Labels:
    found = {label for _, label in pairs}
    whole = all(label.isdigit() for label in found)
    classes = sorted(found, key=int) if whole else sorted(found)
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
    values = _loaded(path)
    if values.ndim not in (1, 2) or len(values) != count or values.dtype.kind not in "iub":
        raise FileFormatError(
            str(path), f"{values.dtype} of shape {values.shape}", f"integers of shape ({count},) or ({count}, C)"
        )
    if values.ndim == 2:
        return Labels(torch.from_numpy(values).float(), [str(i) for i in range(values.shape[1])], {})
    y = torch.from_numpy(values.astype(np.int64))
    check_room(64 * (int(y.max()) + 1), str(path), f"{int(y.max()) + 1} classes")
    return Labels(y, [str(i) for i in range(int(y.max()) + 1)], {})


def read_features(
    source: str, names: Sequence[str] | None, count: int, reading: Reading | None = None, notes: list[str] | None = None
) -> Tensor:
    """Features of the nodes of a type, float32 ``(N, C)``.

    Args:
        source: ``"one-hot"`` for a feature of its own for every node, as a graph without features has; otherwise a
            file: an array (``.npy``), a SciPy matrix (``.npz``), a word2vec file of text, or a table (``.csv``,
            ``.tsv``, ``.txt``, ``.parquet``) with the node in its first column, or in the one titled ``node`` or
            ``id``, and numbers in the others.
        names: Names of the nodes; None where they have ids only.
        count: Number of nodes.
        reading: How the table is to be read, where a person says so.
        notes: Told which columns were left out.

    Raises:
        FileFormatError: Not such a file, a node that the graph lacks, or nodes without features.
    """
    if source == "one-hot":
        return _one_hot(count)
    path = Path(source)
    if path.suffix in (".npy", ".npz"):
        return _features_of_array(path, count)
    place = as_set(names, count)
    rows = node_rows(path, reading or Reading(), place, "a node and its features")
    columns = _feature_columns(rows)
    if notes is not None and len(columns) + 1 < rows.width:
        spare = [rows.called(i) for i in range(rows.width) if i not in columns and i != rows.node]
        notes.append(f"{path}: {', '.join(spare[:6])} left out of the features")
    values = rows.numbers(columns)
    x = torch.full((count, len(columns)), torch.nan)
    hint = "--nodes FILE declares nodes without edges"
    ids = [_id_of(name, place, rows, number, hint) for number, (name,) in rows.cells([rows.node])]
    x[torch.tensor(ids, dtype=torch.int64)] = torch.from_numpy(values)
    _refuse_absent(x, names, path)
    return x


def _refuse_absent(x: Tensor, names: Sequence[str] | None, path: Path) -> None:
    absent = torch.isnan(x).any(1).nonzero()
    if len(absent):
        node = int(absent[0])
        raise FileFormatError(
            str(path),
            f"nothing for {len(absent)} nodes, such as {names[node] if names else node!r}",
            "features of every node",
        )


def _one_hot(count: int) -> Tensor:
    if count > _MOST_ONE_HOT:
        raise InputError("features", f"one-hot for {count} nodes", f"at most {_MOST_ONE_HOT} nodes", "name a file")
    return torch.eye(count)


def _features_of_array(path: Path, count: int) -> Tensor:
    values = _loaded(path)
    if values.ndim != 2 or len(values) != count or values.dtype.kind not in "iufb":
        raise FileFormatError(str(path), f"{values.dtype} of shape {values.shape}", f"numbers of shape ({count}, C)")
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))


def _feature_columns(rows: NodeRows) -> list[int]:
    """Positions of the columns of numbers; columns of words are left out where their titles or places say why."""
    free = sorted(set(range(rows.width)) - {rows.node, rows.split(), *rows.label_titles()})
    columns = [i for i in free if rows.numeric(i)]
    words = [i for i in free if i not in columns]
    if not columns or (words and rows.titles is None and words != [rows.width - 1]):
        place = words[0] if words else 0
        cell = rows.column(place)[0]
        raise FileFormatError(
            rows.table.where(0), f"{cell[:40]!r} in {rows.called(place)}", f"{max(rows.width - 1, 1)} numbers"
        )
    return columns


def names_of(path: str | Path, known: Collection[str], reading: Reading | None = None) -> list[str]:
    """The names of the nodes in a table, each once, in its order.

    Raises:
        FileFormatError: Not such a file.
    """
    rows = node_rows(path, reading or Reading(), known)
    found = dict.fromkeys(name for _, (name,) in rows.cells([rows.node]))
    if "" in found:
        raise FileFormatError(str(path), "a line without a node", "a node on each line")
    return list(found)


def _loaded(path: Path) -> np.ndarray:
    _exists(path)
    return read_dense(path)


def _exists(path: Path) -> None:
    if not path.is_file():
        raise FileFormatError(str(path), "the name of a file that does not exist", "an existing file")


_SPLIT = (0.6, 0.2, 0.2)


def put_masks(
    features: dict[str, Tensor],
    kind: str,
    y: Any,
    count: int,
    *,
    parts: Mapping[str, Tensor],
    shares: Sequence[float] | None,
    seed: int,
    notes: list[str],
) -> None:
    """Put labels and masks of a node type among its features, unless they are there.

    Args:
        features: Features of the type, added to.
        kind: The node type.
        y: Classes, ``(N,)``, or a sparse 0/1 matrix.
        count: Number of nodes.
        parts: Ids of ``train``, ``val`` and ``test`` where a file has them.
        shares: Parts of the labelled nodes; None keeps masks that are there, or splits 60, 20 and 20 %.
        seed: Fixes the split.
        notes: Told how the nodes were split.
    """
    if features.keys().isdisjoint(LABEL_NAMES):
        features["y"] = torch.from_numpy(y.toarray()).float() if hasattr(y, "toarray") else y
    if shares is None and not parts and "train_mask" in features:
        return
    if not parts:
        parts = _random_parts(kind, y, _SPLIT if shares is None else shares, seed)
        shown = ", ".join(f"{len(part)} {name}" for name, part in parts.items())
        notes.append(f"labelled nodes split at random into {shown}")
    for part in ("train", "val", "test"):
        mask = torch.zeros(count, dtype=torch.bool)
        mask[parts.get(part, torch.empty(0, dtype=torch.int64))] = True
        features[f"{part}_mask"] = mask


def _random_parts(kind: str, y: Any, shares: Sequence[float], seed: int) -> dict[str, Tensor]:
    """The labelled nodes of a type, in parts of the given shares."""
    labelled = torch.from_numpy(y.getnnz(1)) > 0 if hasattr(y, "getnnz") else y >= 0
    ids = labelled.nonzero().squeeze(1)
    order = ids[torch.randperm(len(ids), generator=rng.generator(rng.key(seed, "split", kind)))]
    first, second = (round(len(ids) * sum(shares[:end])) for end in (1, 2))
    last = round(len(ids) * min(1.0, sum(shares)))
    return {"train": order[:first], "val": order[first:second], "test": order[second:last]}


def of_type(text: str, view: GraphView, argument: str) -> tuple[str, str]:
    """``TYPE=FILE`` as a pair; the only type where there is one."""
    kind, equals, file = text.partition("=")
    if equals and kind in view.num_nodes:
        return kind, file
    if equals and not Path(text).exists():
        raise InputError(argument, text, "TYPE=FILE, with one of the node types " + ", ".join(view.node_types))
    if len(view.node_types) == 1:
        return view.node_types[0], text
    raise InputError(argument, text, "TYPE=FILE, with one of the node types " + ", ".join(view.node_types))


def as_sparse(y: Tensor) -> Any:
    """A 0/1 matrix as ``ge.evaluate`` takes it."""
    import scipy.sparse

    return scipy.sparse.csr_matrix(y.to(torch.int8).numpy())
