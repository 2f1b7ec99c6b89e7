"""The pictures of ``graphembed plot``: from embeddings and the record beside them to a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ... import plots
from ..._core import checks as _checks
from ...embeddings.vectors import Embeddings
from ...errors import InputError
from ...graph.view import NODE_TYPE
from .evaluate import class_names, labels_of
from .inputs import prepared
from .job import Job
from .records import read_record, record_path

__all__ = ["KINDS", "draw"]

_SUFFIXES = (".png", ".svg", ".pdf")


def draw(
    emb: Embeddings,
    path: Path,
    kind: str,
    output: Path,
    *,
    labels: Sequence[str] = (),
    label_column: str | None = None,
    node_type: str | None = None,
    method: str = "auto",
    seed: int = 0,
) -> Path:
    """Draw one of :data:`KINDS`.

    Args:
        emb: The embeddings.
        path: Their file; the record stands beside it.
        kind: What to draw.
        output: Picture to write.
        labels, label_column: Labels to colour a map by, as for :func:`graphembed_ext.cli.runs.evaluate.labels_of`.
        node_type: Type to draw a map of; None for all.
        method, seed: As for :func:`graphembed_ext.plots.project`.

    Raises:
        InputError: A picture that this run has no figures for.
    """
    _checks.choice("kind", kind, KINDS)
    if output.suffix not in _SUFFIXES:
        raise InputError("output", str(output), "a name ending in " + ", ".join(_SUFFIXES))
    if kind != "map":
        figure = KINDS[kind](emb, read_record(path))
    else:
        figure = _map(emb, path, labels, label_column, node_type, method, seed)
    return plots.save(figure, output)


def _title(record: dict[str, Any]) -> str:
    return f"{record['model']} on {Path(record['input']['source']).name}"


def _loss(emb: Embeddings, record: dict[str, Any]) -> Any:
    return plots.loss_curve(record["history"], title=_title(record), best_epoch=record.get("best_epoch", 0))


def _recall(emb: Embeddings, record: dict[str, Any]) -> Any:
    return plots.recall_curve(record["history"], title=_title(record), best_epoch=record.get("best_epoch", 0))


def _attention(emb: Embeddings, record: dict[str, Any]) -> Any:
    if not record.get("attention"):
        raise InputError("kind", f"attention, of {record['model']}", "embeddings trained by han")
    return plots.attention(record["attention"], title=_title(record))


def _degree(emb: Embeddings, record: dict[str, Any]) -> Any:
    job = Job.of_options(record["job"])
    view = prepared(job, "recommendation" if job.model.lower() == "lightgcn" else "").view
    degrees: dict[str, Tensor] = {name: torch.zeros(count) for name, count in view.num_nodes.items()}
    for (source, _, target), (src, dst) in view.edges.items():
        degrees[source] += torch.bincount(src.long(), minlength=view.num_nodes[source])
        if source != target and (target, source) not in {(a, b) for a, _, b in view.edges}:
            degrees[target] += torch.bincount(dst.long(), minlength=view.num_nodes[target])
    groups = {name: (degrees[name], emb[name].norm(dim=1)) for name in emb}
    return plots.degree_against_norm(groups, title=_title(record))


def _map(
    emb: Embeddings,
    path: Path,
    labels: Sequence[str],
    label_column: str | None,
    node_type: str | None,
    method: str,
    seed: int,
) -> Any:
    types = emb.node_types if node_type is None else [emb.type_of(0, node_type)]
    try:
        known = labels_of(emb, path, labels, label_column)
    except InputError:
        if labels:
            raise
        known = {}
    labelled = [name for name in types if name in known]
    if labelled:  # nodes of other types say little beside these
        vectors = torch.cat([emb[name] for name in labelled])
        groups = [group for name in labelled for group in class_names(*known[name])]
    else:
        vectors = torch.cat([emb[name] for name in types])
        groups = ["" if name == NODE_TYPE else name for name in types for _ in range(emb.num_nodes[name])]
    names = [name for kind in labelled or types for name in emb.labels_of(kind)]
    title = path.name
    if record_path(path).exists():
        title = _title(read_record(path))
    return plots.embedding_map(vectors, groups, names, title=title, method=method, seed=seed)


#: What can be drawn.
KINDS: dict[str, Callable[..., Any]] = {
    "loss": _loss,
    "map": _map,
    "degree": _degree,
    "attention": _attention,
    "recall": _recall,
}
