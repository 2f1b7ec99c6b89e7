"""How good embeddings in a file are, by labels and pairs in files: what ``graphembed evaluate`` does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..._core import rng
from ...embeddings.vectors import Embeddings
from ...errors import FileFormatError, InputError
from ...evaluate.classification import node_classification
from ...evaluate.links import link_prediction
from ...readers.graphs import pairs_of_names
from ...readers.node_tables import read_labels
from .inputs import prepared
from .job import Job
from .records import read_record, record_path

__all__ = ["class_names", "classification", "labels_of", "links"]


def labels_of(
    emb: Embeddings, path: Path, files: Sequence[str], column: str | None = None
) -> dict[str, tuple[Any, list[str]]]:
    """Labels by node type, and the names of their classes: from files, or else from the input of the run.

    Raises:
        InputError: There are none.
    """
    found: dict[str, tuple[Any, list[str]]] = {}
    for text in files:
        kind, equals, file = text.partition("=")
        if not equals or kind not in emb:
            kind, file = emb.type_of(0), text
        read = read_labels(Path(file), emb.names.get(kind), emb.num_nodes[kind], column)
        found[kind] = read.y.numpy(), read.classes
    if found:
        return found
    if not record_path(path).exists():
        raise InputError("labels", "nothing", "a file of labels", "there is no record of a run to take them from")
    job = Job.of_options(read_record(path)["job"])
    if job.labels:
        return labels_of(emb, path, job.labels, job.label_column)
    source = prepared(job, "")
    for kind, y in source.labels.items():
        if kind in emb:
            count = y.shape[1] if y.ndim == 2 else int(y.max()) + 1
            found[kind] = y, [str(number) for number in range(count)]
    if not found:
        raise InputError("labels", "nothing", "a file of labels", f"{job.input} has none")
    return found


def class_names(y: Any, classes: Sequence[str]) -> list[str]:
    """The class of each node by name; empty for none, the first for several."""
    if y.ndim == 2:
        dense = y.toarray() if hasattr(y, "toarray") else y
        y = [int(row.argmax()) if row.any() else -1 for row in dense]
    return [classes[int(label)] if int(label) >= 0 else "" for label in y]


def classification(
    emb: Embeddings, path: Path, files: Sequence[str], column: str | None = None, **protocol: Any
) -> dict[str, dict[str, float]]:
    """Node classification for each node type that has labels."""
    found = labels_of(emb, path, files, column)
    return {
        ("" if len(emb.node_types) == 1 else kind): node_classification(emb[kind], y, **protocol)
        for kind, (y, _) in found.items()
    }


def links(
    emb: Embeddings,
    path: Path,
    positive: Path,
    negative: Path | None = None,
    *,
    input_format: str | None = None,
    seed: int = 0,
) -> dict[str, float]:
    """Link prediction by pairs of a file, and pairs that are no edges: of another file, or drawn.

    Drawn pairs join nodes of the types of the given ones, uniformly, and are neither edges of the run's input nor
    among the given pairs.
    """
    kinds, pairs = _pairs(emb, positive, input_format)
    starts = [emb.start_of(kind) for kind in kinds]
    if negative is not None:
        absent = pairs_of_names(negative, [emb.names.get(kind) for kind in kinds], _counts(emb, kinds), input_format)
    else:
        absent = _drawn(emb, path, kinds, pairs, seed)
    shift = torch.tensor(starts)[:, None]
    return link_prediction(emb, pairs + shift, absent + shift)


def _pairs(emb: Embeddings, path: Path, input_format: str | None) -> tuple[tuple[str, str], Tensor]:
    """Pairs of a file, and the node types of their ends: the first types that have all the names."""
    trouble: Exception | None = None
    for first in emb.node_types:
        for second in emb.node_types:
            kinds = first, second
            try:
                names = [emb.names.get(kind) for kind in kinds]
                return kinds, pairs_of_names(path, names, _counts(emb, kinds), input_format)
            except FileFormatError as error:
                trouble = error
    assert trouble is not None
    raise trouble


def _counts(emb: Embeddings, kinds: Sequence[str]) -> list[int]:
    return [emb.num_nodes[kind] for kind in kinds]


def _drawn(emb: Embeddings, path: Path, kinds: tuple[str, str], pairs: Tensor, seed: int) -> Tensor:
    rows, columns = _counts(emb, kinds)
    taken = [pairs[0] * columns + pairs[1]]
    if kinds[0] == kinds[1]:
        taken.append(pairs[1] * columns + pairs[0])
        taken.append(torch.arange(rows) * (columns + 1))  # a node is no neighbour of its own
    if record_path(path).exists():
        job = Job.of_options(read_record(path)["job"])
        task = "recommendation" if job.model.lower() == "lightgcn" else ""
        for (source, _, target), (src, dst) in prepared(job, task).view.edges.items():
            if (source, target) == kinds:
                taken.append(src.long() * columns + dst.long())
            if (target, source) == kinds:
                taken.append(dst.long() * columns + src.long())
    known = torch.unique(torch.cat(taken))
    count, free = pairs.size(1), rows * columns - len(known)
    if free < count:
        raise InputError("test", f"{count} pairs", f"at most {free}, the number of pairs that are no edges")
    generator = rng.generator(rng.key(seed, "links"))
    found = torch.empty(0, dtype=torch.int64)
    while len(found) < count:
        drawn = torch.randint(rows * columns, (2 * count,), generator=generator)
        place = torch.searchsorted(known, drawn).clamp(max=len(known) - 1)
        fresh = drawn[known[place] != drawn]
        joined = torch.cat([found, fresh])
        _, first = torch.unique(joined, return_inverse=True)
        seen: Tensor = torch.full((int(first.max()) + 1,), len(joined)).scatter_reduce(
            0, first, torch.arange(len(joined)), "amin"
        )
        found = joined[torch.sort(seen).values]
    found = found[:count]
    return torch.stack([found // columns, found % columns])
