"""Labels, splits and features of nodes, from files beside the graph's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

__all__ = ["Labels", "as_sparse", "of_type", "put_masks", "read_features", "read_labels"]

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


def read_labels(path: Path, names: Sequence[str] | None, count: int, column: str | None = None) -> Labels:
    """Labels of the nodes of a type.

    A table (``.csv``, ``.tsv``, ``.txt``, ``.parquet``) has the node in its first column and the class in the second,
    or in the one titled ``column``; a column titled ``split`` may say train, val or test. A node on several lines has
    several labels. An array (``.npy``) has an integer for each node, negative for none, or 0/1 for each class.

    Args:
        path: File.
        names: Names of the nodes; None where they have ids only.
        count: Number of nodes.
        column: Title of the column with the class; None for the second.

    Raises:
        FileFormatError: Not such a file, or a node that the graph lacks.
    """
    if path.suffix == ".npy":
        return _from_array(path, count)
    rows = _table(path)
    place = _places(names, count)
    titles = None
    if rows[0][0] not in place or column is not None:
        titles, rows = [title.strip().lower() for title in rows[0]], rows[1:]
    position = 1
    if column is not None:
        if titles is None or column.lower() not in titles:
            raise InputError("label_column", column, f"one of the titles {titles}")
        position = titles.index(column.lower())
    split = None if titles is None or "split" not in titles else titles.index("split")
    pairs: list[tuple[int, str]] = []
    parts: dict[str, list[int]] = {}
    for number, row in enumerate(rows, 1 + (titles is not None)):
        where = f"{path}, row {number}"
        if len(row) <= position:
            raise FileFormatError(where, f"{len(row)} columns", "a node and its class")
        if row[0] not in place:
            raise FileFormatError(where, f"the node {row[0]!r}", "a node of the graph")
        pairs.append((place[row[0]], row[position]))
        if split is not None and row[split]:
            if row[split].lower() not in _PARTS:
                raise FileFormatError(where, f"the split {row[split]!r}", "train, val or test")
            parts.setdefault(_PARTS[row[split].lower()], []).append(place[row[0]])
    if not pairs:
        raise FileFormatError(str(path), "no labels", "a node and its class on each line")
    found = {label for _, label in pairs if label}
    whole = all(label.isdigit() for label in found)
    classes = sorted(found, key=int) if whole else sorted(found)
    number_of = {label: number for number, label in enumerate(classes)}
    several = len({node for node, _ in pairs}) < len(set(pairs))
    y = torch.zeros(count, len(classes)) if several else torch.full((count,), -1)
    for node, label in pairs:
        if label and several:
            y[node, number_of[label]] = 1
        elif label:
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
    return Labels(y, [str(i) for i in range(int(y.max()) + 1)], {})


def read_features(source: str, names: Sequence[str] | None, count: int) -> Tensor:
    """Features of the nodes of a type, float32 ``(N, C)``.

    Args:
        source: ``"one-hot"`` for a feature of its own for every node, as a graph without features has; otherwise a
            file: an array (``.npy``), a SciPy matrix (``.npz``), or a table (``.csv``, ``.tsv``, ``.txt``,
            ``.parquet``) with the node in its first column and numbers in the others.
        names: Names of the nodes; None where they have ids only.
        count: Number of nodes.

    Raises:
        FileFormatError: Not such a file, a node that the graph lacks, or nodes without features.
    """
    if source == "one-hot":
        if count > _MOST_ONE_HOT:
            raise InputError("features", f"one-hot for {count} nodes", f"at most {_MOST_ONE_HOT} nodes", "name a file")
        return torch.eye(count)
    path = Path(source)
    if path.suffix in (".npy", ".npz"):
        values = _loaded(path)
        if values.ndim != 2 or len(values) != count or values.dtype.kind not in "iufb":
            raise FileFormatError(
                str(path), f"{values.dtype} of shape {values.shape}", f"numbers of shape ({count}, C)"
            )
        return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
    rows = _table(path)
    place = _places(names, count)
    titled = rows[0][0] not in place
    width = len(rows[0]) - 1
    x = torch.full((count, width), torch.nan)
    for number, row in enumerate(rows[titled:], 1 + titled):
        if row[0] not in place:
            raise FileFormatError(f"{path}, row {number}", f"the node {row[0]!r}", "a node of the graph")
        try:
            x[place[row[0]]] = torch.tensor([float(value) for value in row[1:]])
        except (ValueError, RuntimeError) as error:
            raise FileFormatError(f"{path}, row {number}", f"{row[1:4]} ...", f"{width} numbers") from error
    absent = torch.isnan(x).any(1).nonzero()
    if len(absent):
        node = int(absent[0])
        raise FileFormatError(
            str(path),
            f"nothing for {len(absent)} nodes, such as {names[node] if names else node!r}",
            "features of every node",
        )
    return x


def _places(names: Sequence[str] | None, count: int) -> Mapping[str, int]:
    return {str(name): i for i, name in enumerate(names if names is not None else range(count))}


def _loaded(path: Path) -> np.ndarray:
    import scipy.sparse

    _exists(path)
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as file:
                if "format" not in file.files:
                    if len(file.files) != 1:
                        raise ValueError(f"it has the arrays {file.files}")
                    return np.asarray(file[file.files[0]])
            return np.asarray(scipy.sparse.load_npz(path).toarray())
        return np.asarray(np.load(path, allow_pickle=False))
    except (ValueError, OSError, EOFError) as error:
        raise FileFormatError(str(path), f"a file that cannot be read ({error})", "one array of numbers") from error


def _table(path: Path) -> list[list[str]]:
    """All fields of a table as text."""
    import csv

    _exists(path)
    try:
        if path.suffix == ".parquet":
            import pyarrow.parquet as pq

            table = pq.read_table(path)
            columns: list[list[Any]] = [column.to_pylist() for column in table.columns]
            body = [["" if value is None else str(value) for value in row] for row in zip(*columns, strict=True)]
            return [list(table.column_names), *body]
        if path.suffix not in (".csv", ".tsv", ".txt"):
            raise FileFormatError(
                str(path), f"a file ending in {path.suffix or 'nothing'}", ".csv, .tsv, .txt, .parquet, .npy or .npz"
            )
        text = path.read_text(encoding="utf-8-sig")
        lines = [line for line in text.splitlines() if line.strip() and line.lstrip()[0] != "#"]
        if not lines:
            raise FileFormatError(str(path), "an empty file", "a node on each line")
        most = max(",;\t", key=lines[0].count)
        if not lines[0].count(most):
            return [line.split() for line in lines]
        return [[field.strip() for field in row] for row in csv.reader(lines, delimiter=most)]
    except (OSError, UnicodeDecodeError) as error:
        raise FileFormatError(str(path), f"a file that cannot be read ({error})", "a table") from error


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
    if not any(name in features for name in LABEL_NAMES):
        features["y"] = torch.from_numpy(y.toarray()).float() if hasattr(y, "toarray") else y
    if shares is None and not parts and "train_mask" in features:
        return
    if not parts:
        labelled = torch.from_numpy(y.getnnz(1)) > 0 if hasattr(y, "getnnz") else y >= 0
        ids = labelled.nonzero().squeeze(1)
        shares = _SPLIT if shares is None else shares
        order = ids[torch.randperm(len(ids), generator=rng.generator(rng.key(seed, "split", kind)))]
        first, second = (round(len(ids) * sum(shares[:end])) for end in (1, 2))
        last = round(len(ids) * min(1.0, sum(shares)))
        parts = {"train": order[:first], "val": order[first:second], "test": order[second:last]}
        shown = ", ".join(f"{len(part)} {name}" for name, part in parts.items())
        notes.append(f"labelled nodes split at random into {shown}")
    for part in ("train", "val", "test"):
        mask = torch.zeros(count, dtype=torch.bool)
        mask[parts.get(part, torch.empty(0, dtype=torch.int64))] = True
        features[f"{part}_mask"] = mask


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
