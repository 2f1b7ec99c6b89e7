"""What a run trains on: the graph, with labels, splits and features put onto it, and metapaths read off it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from ...graph.interactions import Sides
from ...graph.view import NODE_TYPE, GraphView
from ...readers.graph_file import GraphFile
from ...readers.graphs import pairs_of_names, read_graph
from ...readers.node_tables import as_sparse, of_type, put_masks, read_features, read_labels

if TYPE_CHECKING:
    from .job import Job

__all__ = ["prepared", "validation_pairs"]


def prepared(job: Job, task: str) -> GraphFile:
    """The graph of a job. For a model that is trained on nodes, it has features ``x``, labels ``y`` and masks."""
    reading = dict(job.reading)
    if task == "recommendation" and "bipartite" not in reading:
        reading["bipartite"] = True  # an edge list for a recommender names users and items
    source = read_graph(job.input, **reading)
    features: dict[str, dict[str, Tensor]] = {kind: dict(values) for kind, values in source.view.features.items()}
    labels, notes = dict(source.labels), list(source.notes)
    for text in job.features:
        kind, file = of_type(text, source.view, "features")
        features[kind]["x"] = read_features(file, (source.names or {}).get(kind), source.view.num_nodes[kind])
    parts: dict[str, dict[str, Tensor]] = {}
    for text in job.labels:
        kind, file = of_type(text, source.view, "labels")
        count = source.view.num_nodes[kind]
        found = read_labels(Path(file), (source.names or {}).get(kind), count, job.label_column)
        labels[kind] = found.y if found.y.dim() == 1 else as_sparse(found.y)
        features[kind]["y"], parts[kind] = found.y, found.parts
        notes.append(f"{len(found.classes)} classes in {file}")
        for part in ("train", "val", "test"):  # those of the graph were made for other labels
            features[kind].pop(f"{part}_mask", None)
    if task == "nodes":
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
    view = GraphView(source.view.num_nodes, source.view.edges, features, source.view.edge_features)
    return replace(source, view=view, labels=labels, notes=tuple(notes))


def validation_pairs(job: Job, source: GraphFile, sides: Sides) -> Tensor:
    """The pairs of ``--validation`` by id, ``(2, V)``, users above."""
    kinds = (sides.user_type or NODE_TYPE, sides.item_type or NODE_TYPE)
    names = [(source.names or {}).get(kind) for kind in kinds]
    counts = [source.view.num_nodes[kind] for kind in kinds]
    return pairs_of_names(Path(str(job.validation)), names, counts, job.reading.get("input_format"))
