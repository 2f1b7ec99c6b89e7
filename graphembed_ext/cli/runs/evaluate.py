"""How well vectors in a file tell the classes of nodes: what ``graphembed evaluate`` does for classification."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...embeddings.vectors import Embeddings
from ...errors import InputError
from ...evaluate.classification import node_classification
from ...evaluate.references import classification_references
from ...evaluate.scores import Scores
from ...graph.view import GraphView
from ...readers.node_tables import of_type, read_labels
from ...readers.options import Reading
from .arguments import supervised
from .inputs import check_column, of_nodes
from .records import Run

__all__ = ["class_names", "classification", "classify", "labels_of"]


def labels_of(
    emb: Embeddings,
    path: Path,
    files: Sequence[str],
    column: str | None = None,
    reading: Reading | None = None,
    notes: list[str] | None = None,
) -> dict[str, tuple[Any, list[str]]]:
    """Labels by node type, and the names of their classes: from files, or else from the input of the run.

    Nodes in a file that the embeddings lack are left out; ``notes`` are told how many.

    Raises:
        InputError: There are none.
    """
    check_column(column, files)
    if files:
        return _labels_in(emb, files, column, reading, notes)
    run = Run.found(path)
    if run is None:
        raise InputError("labels", "nothing", "a file of labels", "there is no record of a run to take them from")
    if run.job.labels:
        return _labels_in(emb, run.job.labels, run.job.label_column, of_nodes(run.job), None)
    found = {
        kind: (y, run.graph.classes.get(kind) or _numbers(y)) for kind, y in run.graph.labels.items() if kind in emb
    }
    if not found:
        raise InputError("labels", "nothing", "a file of labels", f"{run.job.source} has none")
    return found


def _labels_in(
    emb: Embeddings, files: Sequence[str], column: str | None, reading: Reading | None, notes: list[str] | None
) -> dict[str, tuple[Any, list[str]]]:
    """Labels from files, each perhaps with ``TYPE=`` before its name."""
    found: dict[str, tuple[Any, list[str]]] = {}
    for text in files:
        kind, file = of_type(text, emb.node_types, "labels")
        told: list[str] = []
        read = read_labels(Path(file), emb.names.get(kind), emb.num_nodes[kind], column, reading, told, leave_out=True)
        if notes is not None:
            notes += told
        found[kind] = read.y.numpy(), read.classes
    return found


def _numbers(y: Any) -> list[str]:
    """Classes that have no names but their numbers."""
    return [str(number) for number in range(y.shape[1] if y.ndim == 2 else int(y.max()) + 1)]


def class_names(y: Any, classes: Sequence[str]) -> list[str]:
    """The class of each node by name; empty for none, the first for several."""
    if y.ndim == 2:
        dense = y.toarray() if hasattr(y, "toarray") else y
        y = [int(row.argmax()) if row.any() else -1 for row in dense]
    return [classes[int(label)] if int(label) >= 0 else "" for label in y]


def classification(
    emb: Embeddings,
    path: Path,
    files: Sequence[str],
    column: str | None = None,
    reading: Reading | None = None,
    notes: list[str] | None = None,
    *,
    references: bool = False,
    given_masks: bool = False,
    **protocol: Any,
) -> dict[str, tuple[Scores, str]]:
    """Node classification for each node type that has labels, as :func:`classify` does it; the type of embeddings that
    have one only goes without its name.

    Where labels were trained on, those of a file are judged on all nodes that the run neither trained nor validated on;
    those of the run on its test part. With ``references`` the scores have those of what is trivial beside them; with
    ``given_masks`` nodes are split as the masks of the run's input say, whatever the run learned from.

    Raises:
        InputError: No labels, or no such masks.
    """
    labels = {kind: y for kind, (y, _) in labels_of(emb, path, files, column, reading, notes).items()}
    run = Run.found(path)
    view = None if run is None else run.graph.view
    split = view if given_masks or _on_labels(run) else None
    if given_masks:
        _check_masks(split, labels, path)
    others = bool(files) and not given_masks
    found = classify(emb, labels, split, others=others, public=given_masks, **protocol)
    for kind in found if references else ():
        masks = _masks_of(split, kind, labels[kind], others)
        found[kind][0].references = classification_references(view, kind, labels[kind], masks=masks, **protocol)
    return found if len(emb.node_types) > 1 else dict(zip([""], found.values(), strict=False))


def classify(
    emb: Embeddings,
    labels: Mapping[str, Any],
    trained: GraphView | None = None,
    *,
    others: bool = False,
    public: bool = False,
    train_ratio: float = 0.5,
    repeats: int = 10,
    seed: int = 0,
) -> dict[str, tuple[Scores, str]]:
    """Scores and protocol for each node type that has labels.

    Args:
        emb: The embeddings.
        labels: Classes by node type.
        trained: The graph with the masks of a training on labels; None where no labels were trained on. Vectors know
            the labels that they were trained on: the regression learns from the same nodes and is judged on others.
        others: Whether these are other labels than those of the training, so that all nodes that are in neither its
            training nor its validation part may be judged.
        public: Whether the masks are those of the graph, and no training went by them.
        train_ratio, repeats, seed: Of random splits, see :func:`graphembed_ext.evaluate.node_classification`.

    Raises:
        InputError: The training left no nodes with labels to judge on.
    """
    found: dict[str, tuple[Scores, str]] = {}
    for kind, y in labels.items():
        if kind not in emb:
            continue
        masks = _masks_of(trained, kind, y, others)
        scores = node_classification(emb[kind], y, train_ratio=train_ratio, repeats=repeats, seed=seed, masks=masks)
        found[kind] = scores, _protocol(masks, train_ratio, repeats, public)
    return found


def _on_labels(run: Run | None) -> bool:
    return run is not None and supervised(run.job, run.task)


def _check_masks(view: GraphView | None, labels: Mapping[str, Any], path: Path) -> None:
    """Raise where no type has a split of its own."""
    features = {} if view is None else view.features
    if not any({"train_mask", "test_mask"} <= features.get(kind, {}).keys() for kind in labels):
        raise InputError(
            "public_split",
            f"{path}, whose input has no masks",
            "an input with train_mask and test_mask, such as Planetoid/Cora, or labels with a column split",
        )


def _protocol(masks: Mapping[str, Tensor] | None, train_ratio: float, repeats: int, public: bool) -> str:
    if masks is None:
        part = "half" if train_ratio == 0.5 else f"{train_ratio:.0%}"
        return f"{part} of the labels for training, {repeats} splits"
    train, test = (int(masks[part].sum()) for part in ("train", "test"))
    if public:
        return f"on the {test} test nodes of the input's own split, by a regression on its {train} training nodes"
    return f"on the {test} test nodes of the run, by a regression on the {train} nodes that it was trained on"


def _masks_of(trained: GraphView | None, kind: str, y: Any, others: bool) -> dict[str, Tensor] | None:
    return None if trained is None else _masks(trained.features[kind], y, others)


def _masks(features: Mapping[str, Tensor], y: Any, others: bool) -> dict[str, Tensor] | None:
    """Nodes to train a regression on, and to judge it on; None for a type of which no labels were trained on."""
    if "train_mask" not in features:
        return None
    labelled = torch.as_tensor(y.getnnz(1) > 0 if hasattr(y, "getnnz") else _labelled(torch.as_tensor(y)))
    nothing = torch.zeros_like(labelled)
    train, val = (features.get(f"{part}_mask", nothing).bool() for part in ("train", "val"))
    test = ~(train | val) if others else features.get("test_mask", nothing).bool()
    masks = {"train": train & labelled, "test": test & labelled}
    if not masks["test"].any():
        raise InputError(
            "labels",
            "labels of nodes that the model was trained on alone",
            "a test part, which training did not see",
            "train again with --split 0.6,0.2,0.2, or with labels whose column split says test",
        )
    return masks


def _labelled(y: Tensor) -> Tensor:
    return y.bool().any(1) if y.dim() == 2 else y >= 0
