"""Features of nodes, from files beside the graph's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..errors import FileFormatError, InputError
from .node_rows import NodeRows, array_in, as_set, id_of, read_rows
from .options import Reading

__all__ = ["read_features"]

#: Nodes up to which a one-hot vector for each is reasonable: 400 MB of features.
_MOST_ONE_HOT = 10_000


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

    def read(rows: NodeRows) -> tuple[Tensor, list[str]]:
        columns = _feature_columns(rows)
        values = rows.numbers(columns)
        x = torch.full((count, len(columns)), torch.nan)
        hint = "--nodes FILE declares nodes without edges"
        ids = [id_of(name, place, rows, number, hint) for number, (name,) in rows.cells([rows.node])]
        x[torch.tensor(ids, dtype=torch.int64)] = torch.from_numpy(values)
        _refuse_absent(x, names, path)
        spare = [rows.called(i) for i in range(rows.width) if i not in columns and i != rows.node]
        return x, [f"{path}: {', '.join(spare[:6])} left out of the features"] if spare else []

    (x, told), left_out = read_rows(path, reading, place, read, "a node and its features")
    if notes is not None:
        notes += [*told, *left_out]
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
    values = array_in(path)
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
