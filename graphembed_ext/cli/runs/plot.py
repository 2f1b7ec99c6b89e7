"""The pictures of ``graphembed plot``: from embeddings and the record beside them to a file."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ... import plots
from ..._core import checks
from ..._core.files import whole
from ...embeddings.vectors import Embeddings
from ...errors import InputError
from ...graph.view import NODE_TYPE
from ...plots.maps import FEW
from ...readers.options import Reading
from .evaluate import class_names, labels_of
from .inputs import check_column
from .records import Run

__all__ = ["KINDS", "draw"]

_SUFFIXES = (".png", ".svg", ".pdf")
_PAGES = (".html", ".htm")


def draw(
    emb: Embeddings,
    path: Path,
    kind: str,
    output: Path,
    *,
    labels: Sequence[str] = (),
    label_column: str | None = None,
    reading: Reading | None = None,
    node_type: str | None = None,
    method: str = "auto",
    seed: int = 0,
    mark: Sequence[str] = (),
    notes: list[str] | None = None,
) -> Path:
    """Draw one of :data:`KINDS`.

    Args:
        emb: The embeddings.
        path: Their file; the record stands beside it.
        kind: What to draw.
        output: Picture to write; a map may be an interactive page, ``.html``.
        labels, label_column: Labels to colour a map by, as for :func:`graphembed_ext.cli.runs.evaluate.labels_of`.
        reading: How the tables of labels are to be read, where a person says so.
        node_type: Type to draw a map of; None for all.
        method, seed, mark: As for :func:`graphembed_ext.plots.embedding_map`.
        notes: Told how these tables were understood, and what a map leaves out.

    Raises:
        InputError: A picture that this run has no figures for.
    """
    checks.choice("kind", kind, KINDS)
    endings = (*_SUFFIXES, ".csv", *_PAGES) if kind == "map" else _SUFFIXES
    if output.suffix not in endings:
        raise InputError("output", str(output), "a name ending in " + ", ".join(endings))
    if mark and (kind != "map" or output.suffix not in _SUFFIXES):
        raise InputError(
            "mark", f"{mark[0]!r} for {output.name}", "a map as a picture; a page finds names by its search"
        )
    if kind != "map":
        figure = KINDS[kind](emb, Run.of(path))
    else:
        types = emb.node_types if node_type is None else [emb.type_of(node_type=node_type)]
        known = _known_labels(emb, path, labels, label_column, reading, notes)
        if output.suffix == ".csv":
            return _write_places(emb, types, known, output, method, seed)
        options: dict[str, Any] = {"method": method, "seed": seed}
        page = output.suffix in _PAGES
        if not page:
            options["mark"] = mark
        figure = _map(plots.interactive_map if page else plots.embedding_map, emb, path, types, known, notes, **options)
    return plots.save(figure, output)


def _loss(emb: Embeddings, run: Run) -> Any:
    return plots.loss_curve(run.record["history"], title=run.title, best_epoch=run.record.get("best_epoch", 0))


def _recall(emb: Embeddings, run: Run) -> Any:
    return plots.recall_curve(run.record["history"], title=run.title, best_epoch=run.record.get("best_epoch", 0))


def _attention(emb: Embeddings, run: Run) -> Any:
    if not run.record.get("attention"):
        raise InputError("kind", f"attention, of {run.record['model']}", "embeddings trained by han")
    return plots.attention(run.record["attention"], title=run.title)


def _degree(emb: Embeddings, run: Run) -> Any:
    view = run.graph.view
    degrees: dict[str, Tensor] = {name: torch.zeros(count) for name, count in view.num_nodes.items()}
    for (source, _, target), (src, dst) in view.edges.items():
        degrees[source] += torch.bincount(src.long(), minlength=view.num_nodes[source])
        if source != target and (target, source) not in {(a, b) for a, _, b in view.edges}:
            degrees[target] += torch.bincount(dst.long(), minlength=view.num_nodes[target])
    groups = {name: (degrees[name], emb[name].norm(dim=1)) for name in emb}
    return plots.degree_against_norm(groups, title=run.title)


def _known_labels(
    emb: Embeddings,
    path: Path,
    files: Sequence[str],
    column: str | None,
    reading: Reading | None,
    notes: list[str] | None,
) -> dict[str, tuple[Any, list[str]]]:
    """Labels to colour by; none where the run's input has none."""
    check_column(column, files)
    try:
        return labels_of(emb, path, files, column, reading, notes)
    except InputError:
        if files:
            raise
        return {}


def _map(
    draw_map: Callable[..., Any],
    emb: Embeddings,
    path: Path,
    types: Sequence[str],
    known: Mapping[str, Any],
    notes: list[str] | None,
    **options: Any,
) -> Any:
    # nodes of types without labels say little beside those with some
    drawn = [name for name in types if name in known] or list(types)
    if notes is not None and len(drawn) < len(types):
        rest = ", ".join(f"{name} ({emb.num_nodes[name]:,})" for name in types if name not in drawn)
        notes.append(f"map: left out are nodes of types without labels: {rest}; -t TYPE draws those of one type")
    vectors = torch.cat([emb[name] for name in drawn])
    groups = [group for name in drawn for group in _groups_of(emb, name, known)]
    names = [name for kind in drawn for name in emb.labels_of(kind)]
    if notes is not None and len(names) > FEW and not options.get("mark") and draw_map is plots.embedding_map:
        way = "--mark NAME writes some, and --interactive draws a page that is searched by name"
        notes.append(f"map: no names are written, as there are more than {FEW}; {way}")
    run = Run.found(path)
    title = path.name if run is None else run.title
    return draw_map(vectors, groups, names, title=title, **options)


def _write_places(
    emb: Embeddings, types: Sequence[str], known: Mapping[str, Any], output: Path, method: str, seed: int
) -> Path:
    """The places of a map as a table: type, name, group, x, y."""
    places = plots.map_places(torch.cat([emb[name] for name in types]), method=method, seed=seed).tolist()
    nodes = [
        (kind, name, group)
        for kind in types
        for name, group in zip(emb.labels_of(kind), _groups_of(emb, kind, known), strict=True)
    ]

    def write(part: Path) -> None:
        with part.open("w", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(["type", "name", "group", "x", "y"])
            table.writerows([*node, *place] for node, place in zip(nodes, places, strict=True))

    return whole(output, write)


def _groups_of(emb: Embeddings, node_type: str, known: Mapping[str, Any]) -> list[str]:
    """The class of each node of a type; the type itself where there are none."""
    if node_type in known:
        return class_names(*known[node_type])
    return ["" if node_type == NODE_TYPE else node_type] * emb.num_nodes[node_type]


#: What can be drawn.
KINDS: dict[str, Callable[..., Any]] = {
    "loss": _loss,
    "map": _map,
    "degree": _degree,
    "attention": _attention,
    "recall": _recall,
}
