"""What a run trains on: the graph, with labels, splits and features put onto it, and metapaths read off it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..._core import rng
from ...errors import FileFormatError, InputError
from ...graph.features import LABEL_NAMES
from ...graph.interactions import Sides
from ...graph.view import NODE_TYPE, EdgeType, GraphView
from ...readers.graphs import GraphFile, read_graph, read_pairs
from ...readers.node_tables import read_features, read_labels

if TYPE_CHECKING:
    from .train import Job

__all__ = ["metapath_of", "pairs_of_names", "prepared", "validation_pairs"]

_SPLIT = (0.6, 0.2, 0.2)


def prepared(job: Job, task: str) -> GraphFile:
    """The graph of a job. For a model that is trained on nodes, it has features ``x``, labels ``y`` and masks."""
    reading = dict(job.reading)
    if task == "recommendation" and "bipartite" not in reading:
        reading["bipartite"] = True  # an edge list for a recommender names users and items
    source = read_graph(job.input, **reading)
    features: dict[str, dict[str, Tensor]] = {kind: dict(values) for kind, values in source.view.features.items()}
    labels, notes = dict(source.labels), list(source.notes)
    for text in job.features:
        kind, file = _of_type(text, source.view, "features")
        features[kind]["x"] = read_features(file, (source.names or {}).get(kind), source.view.num_nodes[kind])
    parts: dict[str, dict[str, Tensor]] = {}
    for text in job.labels:
        kind, file = _of_type(text, source.view, "labels")
        count = source.view.num_nodes[kind]
        found = read_labels(Path(file), (source.names or {}).get(kind), count, job.label_column)
        labels[kind] = found.y if found.y.dim() == 1 else _sparse(found.y)
        features[kind]["y"], parts[kind] = found.y, found.parts
        notes.append(f"{len(found.classes)} classes in {file}")
        for part in ("train", "val", "test"):  # those of the graph were made for other labels
            features[kind].pop(f"{part}_mask", None)
    if task == "nodes":
        for kind, y in labels.items():
            _split(job, kind, y, features[kind], parts.get(kind, {}), source.view.num_nodes[kind], notes)
    view = GraphView(source.view.num_nodes, source.view.edges, features, source.view.edge_features)
    return replace(source, view=view, labels=labels, notes=tuple(notes))


def _split(
    job: Job, kind: str, y: Any, features: dict[str, Tensor], parts: Mapping[str, Tensor], count: int, notes: list[str]
) -> None:
    """Put the masks of a node type among its features, unless they are there."""
    if not any(name in features for name in LABEL_NAMES):
        features["y"] = torch.from_numpy(y.toarray()).float() if hasattr(y, "toarray") else y
    if job.split is None and not parts and "train_mask" in features:
        return
    if not parts:
        labelled = torch.from_numpy(y.getnnz(1)) > 0 if hasattr(y, "getnnz") else y >= 0
        ids = labelled.nonzero().squeeze(1)
        shares = _SPLIT if job.split is None else job.split
        order = ids[torch.randperm(len(ids), generator=rng.generator(rng.key(job.seed, "split", kind)))]
        first, second = (round(len(ids) * sum(shares[:end])) for end in (1, 2))
        last = round(len(ids) * min(1.0, sum(shares)))
        parts = {"train": order[:first], "val": order[first:second], "test": order[second:last]}
        shown = ", ".join(f"{len(part)} {name}" for name, part in parts.items())
        notes.append(f"labelled nodes split at random into {shown}")
    for part in ("train", "val", "test"):
        mask = torch.zeros(count, dtype=torch.bool)
        mask[parts.get(part, torch.empty(0, dtype=torch.int64))] = True
        features[f"{part}_mask"] = mask


def _of_type(text: str, view: GraphView, argument: str) -> tuple[str, str]:
    """``TYPE=FILE`` as a pair; the only type where there is one."""
    kind, equals, file = text.partition("=")
    if equals and kind in view.num_nodes:
        return kind, file
    if equals and not Path(text).exists():
        raise InputError(argument, text, "TYPE=FILE, with one of the node types " + ", ".join(view.node_types))
    if len(view.node_types) == 1:
        return view.node_types[0], text
    raise InputError(argument, text, "TYPE=FILE, with one of the node types " + ", ".join(view.node_types))


def _sparse(y: Tensor) -> Any:
    import scipy.sparse

    return scipy.sparse.csr_matrix(y.to(torch.int8).numpy())


def metapath_of(view: GraphView, text: Any) -> list[EdgeType]:
    """A metapath as words: node types joined by ``-``, or relations (names, or ``source:name:target``) by ``,``.

    Raises:
        InputError: Node types that no edge type, or several, lead from one to the next.

    Example:
        >>> import graphembed_ext as ge
        >>> edges = torch.tensor([[0], [0]])
        >>> view = ge.view({("user", "buys", "item"): edges, ("item", "bought_by", "user"): edges})
        >>> metapath_of(view, "user-item-user")
        [('user', 'buys', 'item'), ('item', 'bought_by', 'user')]
    """
    from ...graph.metapaths import read_metapaths

    if not isinstance(text, str):
        steps = [tuple(step) if isinstance(step, list) else step for step in text]
        return list(read_metapaths(view, steps)[0])
    types = text.split("-")
    if len(types) > 1 and all(kind in view.num_nodes for kind in types):
        path = []
        for source, target in pairwise(types):
            found = [edge_type for edge_type in view.edge_types if (edge_type[0], edge_type[2]) == (source, target)]
            if len(found) != 1:
                offered = ", ".join(":".join(edge_type) for edge_type in found or view.edge_types)
                raise InputError(
                    "metapath",
                    f"{text}, with {len(found) or 'no'} edge types from {source!r} to {target!r}",
                    "one edge type for each step",
                    f"name relations, as in source:relation:target,... ({offered})",
                )
            path.append(found[0])
        return path
    steps = [tuple(step.split(":")) if step.count(":") == 2 else step for step in text.split(",")]
    return list(read_metapaths(view, steps)[0])


def named_metapath(text: str) -> tuple[str, str]:
    """``NAME=PATH`` as a pair; a path without a name is its own."""
    name, equals, path = text.partition("=")
    return (name, path) if equals else (text, text)


def validation_pairs(job: Job, source: GraphFile, sides: Sides) -> Tensor:
    """The pairs of ``--validation`` by id, ``(2, V)``, users above."""
    kinds = (sides.user_type or NODE_TYPE, sides.item_type or NODE_TYPE)
    names = [(source.names or {}).get(kind) for kind in kinds]
    counts = [source.view.num_nodes[kind] for kind in kinds]
    return pairs_of_names(Path(str(job.validation)), names, counts, job.reading.get("input_format"))


def pairs_of_names(
    path: Path, names: Sequence[Sequence[str] | None], counts: Sequence[int], input_format: str | None = None
) -> Tensor:
    """Pairs of nodes from an edge list, as ids ``(2, P)``; nothing is joined or turned.

    Args:
        path: File, as :func:`graphembed_ext.readers.read_pairs` takes it.
        names: Names of the nodes that stand first, and of those that stand second; None where they have ids only.
        counts: Numbers of these nodes.
        input_format: Ending to read the file by; its own where it has one of an edge list.

    Raises:
        FileFormatError: Not such a file, or a node that the graph lacks.
    """
    columns = read_pairs(path, input_format=input_format if path.suffix != ".parquet" else None)
    ends = []
    for column, known, count in zip(columns, names, counts, strict=True):
        place = {str(name): i for i, name in enumerate(known if known is not None else range(count))}
        absent = next((name for name in column if name not in place), None)
        if absent is not None:
            raise FileFormatError(str(path), f"the node {absent!r}", "pairs of nodes that the graph has")
        ends.append([place[name] for name in column])
    return torch.tensor(ends)
