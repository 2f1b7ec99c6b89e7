"""What a run trains on: the graph, and tables of its nodes put onto it: labels, splits, features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ...errors import FileFormatError, InputError
from ...graph.view import EdgeType
from ...readers.declared import opened_tables, with_columns, with_names
from ...readers.graph_file import GraphFile
from ...readers.graphs import read_graph
from ...readers.node_features import read_features
from ...readers.node_masks import put_masks
from ...readers.node_tables import Labels, as_sparse, names_of, of_type, read_labels
from ...readers.numbering import with_nodes
from ...readers.options import Reading
from ...readers.pairs import pairs_of_names
from ...readers.targets import read_targets
from .lists import in_time, rated

if TYPE_CHECKING:
    from .job import Job

__all__ = ["check_column", "held_out", "of_nodes", "prepared", "validation_pairs"]

#: Options of reading that hold for held-out pairs as for the edges.
_OF_PAIRS = ("input_format", "columns", "delimiter", "comment", "encoding", "header")

_INSTEAD = ", in place of those of the tables of nodes"

#: Part of the names of users or of items from which on names that stand in both columns are no chance.
_MANY_SHARED = 0.2


def prepared(job: Job, task: str) -> GraphFile:
    """The graph of a job. For a model that is trained on nodes, it has features ``x``, labels ``y`` and masks."""
    check_column(job.label_column, [*job.labels, *job.reading.get("nodes", ())])
    source = _read(job, task)
    tables = opened_tables(source, job.reading.get("nodes", ()), _of_tables(job))
    source = with_columns(_with_labelled(job, with_names(source, tables)), tables)
    view = source.view
    features: dict[str, dict[str, Tensor]] = {kind: dict(values) for kind, values in view.features.items()}
    labels, classes, notes = dict(source.labels), dict(source.classes), list(source.notes)
    _put_features(job, source, features, notes)
    numbers = _of_numbers(job)
    parts: dict[str, dict[str, Tensor]] = {}
    for text in job.labels:
        kind, file = of_type(text, view.node_types, "labels")
        if tables and kind in labels:
            notes.append(f"labels of {file}{_INSTEAD}")
        found = (_targets if numbers else _labels)(job, source, kind, file, notes)
        labels[kind] = _judged(found.y)
        features[kind]["y"], parts[kind], classes[kind] = found.y, found.parts, found.classes
        for part in ("train", "val", "test"):  # those of the graph were made for other labels
            features[kind].pop(f"{part}_mask", None)
    if task == "nodes":
        _put_masks(job, source, features, labels, parts, notes)
    view = view.with_features(features)
    return replace(source, view=view, labels=labels, classes=classes, notes=tuple(notes))


def _put_features(job: Job, source: GraphFile, features: dict[str, dict[str, Tensor]], notes: list[str]) -> None:
    """Put features of the files of ``--features`` among those of their node types."""
    for text in job.features:
        kind, file = of_type(text, source.view.node_types, "features")
        known, count = (source.names or {}).get(kind), source.view.num_nodes[kind]
        if "nodes" in job.reading and "x" in features[kind]:
            notes.append(f"features of {file}{_INSTEAD}")
        features[kind]["x"] = read_features(file, known, count, of_nodes(job), notes)


def _labels(job: Job, source: GraphFile, kind: str, file: str, notes: list[str]) -> Labels:
    """The labels of a node type in a file of ``--labels``."""
    known, count = (source.names or {}).get(kind), source.view.num_nodes[kind]
    found = read_labels(Path(file), known, count, job.label_column, of_nodes(job), notes)
    notes.append(f"{len(found.classes)} classes in {file}")
    return found


def _of_numbers(job: Job) -> bool:
    """Whether the labels of a job are numbers to predict.

    Raises:
        InputError: They are to be, and there are none.
    """
    if job.settings.get("task", job.settings.get("fit.task")) != "regression":
        return False
    if not job.labels:
        hint = "--labels FILE names a table with a node and a number on each line"
        raise InputError("labels", "nothing", "numbers to predict", hint)
    return True


def _targets(job: Job, source: GraphFile, kind: str, file: str, notes: list[str]) -> Labels:
    """The numbers to predict of a node type in a file of ``--labels``."""
    known, count = (source.names or {}).get(kind), source.view.num_nodes[kind]
    return Labels(read_targets(Path(file), known, count, job.label_column, of_nodes(job), notes), [], {})


def _judged(y: Tensor) -> Any:
    """Labels as judges take them; of numbers, they say no more than which nodes have one."""
    if y.is_floating_point() and y.dim() == 1:
        return torch.where(torch.isfinite(y), 0, -1)
    return y if y.dim() == 1 else as_sparse(y)


def check_column(column: str | None, files: Sequence[str]) -> None:
    """Raise for a column of classes where no table is named that has it."""
    if column is not None and not files:
        raise InputError("label_column", column, "a table that has this column", "--labels FILE or --nodes FILE")


def validation_pairs(job: Job, source: GraphFile, kinds: tuple[str, str], notes: list[str]) -> Tensor:
    """The pairs of ``--validation`` by id, ``(2, V)``, of nodes of these types; ``notes`` are told how many are left
    out.
    """
    names = [(source.names or {}).get(kind) for kind in kinds]
    counts = [source.view.num_nodes[kind] for kind in kinds]
    how = {name: job.reading[name] for name in _OF_PAIRS if name in job.reading}
    return pairs_of_names(Path(str(job.validation)), names, counts, notes=notes, **how)


def held_out(job: Job, source: GraphFile, notes: list[str]) -> dict[EdgeType, Tensor]:
    """The edges of ``--validation``, for a model that is trained without labels, by their type.

    Raises:
        InputError: A graph of several edge types, beside those that lead back.
    """
    types = [kind for kind in source.view.edge_types if not kind[1].startswith("rev_")]
    if len(types) != 1:
        got = f"{job.validation} for a graph with {len(types)} types of edges"
        raise InputError("validation", got, "a graph whose edges are of one type", "ge.fit(validation=) takes several")
    return {types[0]: validation_pairs(job, source, (types[0][0], types[0][2]), notes)}


def _with_labelled(job: Job, source: GraphFile) -> GraphFile:
    """The graph with the nodes that a table of labels names and no edge does."""
    for text in job.labels:
        kind, file = of_type(text, source.view.node_types, "labels")
        known = (source.names or {}).get(kind)
        if known is None or Path(file).suffix == ".npy":
            continue
        there = set(known)
        names = names_of(file, there, of_nodes(job))
        if not there.intersection(names):
            raise FileFormatError(
                file, f"no node of the graph (but {names[0]!r})", f"nodes of the graph, such as {known[0]!r}"
            )
        source = with_nodes(source, kind, names)
    return source


def of_nodes(job: Job) -> Reading:
    """How tables of nodes are to be read."""
    names = ("columns", "comment", "encoding", "header", "skip_bad")
    how = {name: job.reading[name] for name in names if name in job.reading}
    return Reading.of(**how).of_nodes()


def _of_tables(job: Job) -> Reading:
    """How tables of ``--nodes`` are to be read: their classes are in the column that a person named for classes."""
    how = of_nodes(job)
    if job.label_column is None or job.labels:
        return how
    return replace(how, columns={**how.columns, "label": job.label_column})


def _read(job: Job, task: str) -> GraphFile:
    """The graph as it is in its file, its edges chosen by rating and with their times where that was asked for."""
    with rated(job) as (files, how, notes, lines):
        reading = {name: value for name, value in how.items() if name not in ("no_weight", "nodes")}
        reading["weight"] = not how.get("no_weight", False)
        unasked = task == "recommendation" and "bipartite" not in job.reading
        if unasked:
            reading["bipartite"] = True  # a list for a recommender names users and items
        source = read_graph(files, **reading)
    note = _shared_names(job, source) if unasked else ""
    return in_time(job, replace(source, notes=(*source.notes, *notes, *([note] if note else []))), lines)


def _shared_names(job: Job, source: GraphFile) -> str:
    """What to say of names that stand in both columns of a list which was taken for users and items unasked.

    Raises:
        InputError: They are many and no numbers, which users and items may well have from 0 each.
    """
    names = source.names or {}
    users, items = names.get("user", []), names.get("item", [])
    shared = set(users) & set(items)
    if not shared:
        return ""
    example = next(name for name in users if name in shared)
    apart = "a user and an item of their own (--bipartite says so, too)"
    numbers = all(name.lstrip("-").isdigit() for name in shared)
    if numbers or len(shared) < _MANY_SHARED * min(len(users), len(items)):
        return f"ATTENTION: {len(shared)} names, such as {example!r}, stand in both columns and are taken for {apart}"
    raise InputError(
        "input",
        f"{job.source}, where {len(shared)} names, such as {example!r}, stand in both columns",
        f"users in the first column and items in the second, which {job.model} is for",
        "--bipartite takes them for users and items all the same; deepwalk is for nodes of one kind",
    )


def _put_masks(
    job: Job,
    source: GraphFile,
    features: dict[str, dict[str, Tensor]],
    labels: Mapping[str, Any],
    parts: Mapping[str, Mapping[str, Tensor]],
    notes: list[str],
) -> None:
    for kind, y in labels.items():
        put_masks(
            features[kind],
            kind,
            y,
            source.view.num_nodes[kind],
            parts=parts.get(kind, {}),
            shares=job.split,
            seed=job.seed,
            notes=notes,
        )
