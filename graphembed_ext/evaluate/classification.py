"""How good are embeddings: the field's usual protocols. All but recommendation need scikit-learn (extra ``eval``)."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from .._core import checks as _checks
from .._core.optional import optional
from ..embeddings.vectors import Embeddings
from ..errors import InputError
from .ranking import recommendation
from .vectors import matrix_of

__all__ = ["node_classification", "recommendation"]


def node_classification(
    emb: Embeddings | Tensor, y: Any, *, train_ratio: float = 0.5, repeats: int = 10, seed: int = 0
) -> dict[str, float]:
    """Classify nodes by logistic regression on their vectors, over random splits.

    Labels of one class a node are split at random, stratified by class. With several labels a node (DeepWalk's
    protocol, arXiv:1403.6652, section 6) one regression is trained for each label, and each test node is
    given as many labels as it has in truth, those of the highest probability.

    Args:
        emb: Vectors of the labelled type, ``(N, d)``: a tensor, or embeddings of one node type.
        y: Classes, integers ``(N,)``, negative for nodes without a label; or a 0/1 matrix ``(N, C)``, dense or
            scipy sparse, for several labels a node.
        train_ratio: Part of the labelled nodes to train on, between 0 and 1.
        repeats: Number of random splits.
        seed: Fixes the splits.

    Returns:
        Means over the splits: ``micro_f1``, ``macro_f1``, ``accuracy`` (for several labels: of exact label sets).

    Example:
        >>> import torch
        >>> vectors = torch.tensor([[0.0], [0.1], [0.2], [5.0], [5.1], [5.2]])
        >>> node_classification(vectors, torch.tensor([0, 0, 0, 1, 1, 1]), repeats=2)
        {'micro_f1': 1.0, 'macro_f1': 1.0, 'accuracy': 1.0}
    """
    optional("sklearn", "ge.evaluate")
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split
    from sklearn.multiclass import OneVsRestClassifier

    vectors = matrix_of(emb)
    labels = np.asarray(y.todense()) if hasattr(y, "todense") else np.asarray(y)
    if labels.ndim not in (1, 2) or len(labels) != len(vectors):
        raise InputError("y", f"shape {labels.shape}", f"({len(vectors)},) or ({len(vectors)}, C): a row for each node")
    ratio = _checks.number("train_ratio", train_ratio, above=0)
    if ratio >= 1:
        raise InputError("train_ratio", train_ratio, "a number between 0 and 1")
    several = labels.ndim == 2
    labelled = labels.any(1) if several else labels >= 0
    vectors, labels = vectors[labelled], labels[labelled].astype(np.int64)
    if not several and len(np.unique(labels)) < 2:
        raise InputError("y", f"{len(np.unique(labels))} classes", "at least two")
    scores = []
    for repeat in range(_checks.integer("repeats", repeats)):
        try:
            train, test = train_test_split(
                np.arange(len(labels)),
                train_size=ratio,
                random_state=seed + repeat,
                stratify=None if several else labels,
            )
        except ValueError as error:
            raise InputError(
                "y",
                f"{len(labels)} labelled nodes that cannot be split with train_ratio={ratio:g} ({error})",
                "a node of every class on either side",
                "merge rare classes, or mark their nodes as unlabelled",
            ) from error
        regression = LogisticRegression(max_iter=1000, solver="liblinear" if several else "lbfgs")
        if several:
            model = OneVsRestClassifier(regression)
            seen = labels[train].any(0)  # a label without an example cannot be learned, nor predicted
            model.fit(vectors[train], labels[train][:, seen])
            chance = np.full(labels[test].shape, -1.0)
            chance[:, seen] = model.predict_proba(vectors[test])
            predicted = _most_probable(chance, labels[test].sum(1))
        else:
            predicted = regression.fit(vectors[train], labels[train]).predict(vectors[test])
        scores.append(_f1(labels[test], predicted))
    return {name: float(np.mean([score[name] for score in scores])) for name in scores[0]}


def _most_probable(chance: np.ndarray, count: np.ndarray) -> np.ndarray:
    """For each row, 1 at as many of its highest entries as ``count`` says."""
    rank = np.argsort(np.argsort(-chance, axis=1, kind="stable"), axis=1, kind="stable")
    return (rank < count[:, None]).astype(np.int64)


def _f1(truth: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    from sklearn.metrics import accuracy_score, f1_score

    return {
        "micro_f1": f1_score(truth, predicted, average="micro"),
        "macro_f1": f1_score(truth, predicted, average="macro", zero_division=0),
        "accuracy": accuracy_score(truth, predicted),
    }
