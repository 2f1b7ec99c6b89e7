"""How good are embeddings: the field's usual protocols. All but recommendation need scikit-learn (extra ``eval``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor

from .._core import checks
from .._core.checks import as_tensor, described
from .._core.optional import optional
from ..embeddings.vectors import Embeddings
from ..errors import InputError
from ..graph.features import node_ids
from .ranking import recommendation
from .scores import Scores
from .vectors import matrix_of

__all__ = ["labels_of", "node_classification", "recommendation"]


def node_classification(
    emb: Embeddings | Tensor,
    y: Any,
    *,
    train_ratio: float = 0.5,
    repeats: int = 10,
    seed: int = 0,
    masks: Mapping[str, Tensor] | None = None,
) -> Scores:
    """Classify nodes by logistic regression on their vectors, over random splits or on a given one.

    Labels of one class a node are split at random, stratified by class. With several labels a node (DeepWalk's
    protocol, arXiv:1403.6652, section 6) one regression is trained for each label, and each test node is
    given as many labels as it has in truth, those of the highest probability.

    Vectors that were trained on labels, as those of GraphSAGE and HAN, know the labels of their training nodes: judge
    them by ``masks`` with a test part that training did not see.

    Args:
        emb: Vectors of the labelled type, ``(N, d)``: a tensor, or embeddings of one node type.
        y: Classes, integers ``(N,)``, negative for nodes without a label, or a list of their names, ``""`` for none;
            or a 0/1 matrix ``(N, C)``, dense or scipy sparse, for several labels a node.
        train_ratio: Part of the labelled nodes to train on, between 0 and 1.
        repeats: Number of random splits.
        seed: Fixes the splits.
        masks: ``{"train": ..., "test": ...}``, each a boolean mask ``(N,)`` or node ids: the one split to judge on;
            what else the dict has, such as ``"val"``, is left alone, and so are nodes without a label. None splits at
            random.

    Returns:
        Means over the splits: ``micro_f1``, ``macro_f1``, ``accuracy`` (for several labels: of exact label sets);
        ``.spread`` has their standard deviations, ``.runs`` the figures of each split.

    Raises:
        InputError: Shapes that do not match, fewer than two classes, a class that is too rare to split, masks without
            labelled nodes or with nodes in both parts.

    Example:
        >>> import torch
        >>> vectors = torch.tensor([[0.0], [0.1], [0.2], [5.0], [5.1], [5.2]])
        >>> node_classification(vectors, torch.tensor([0, 0, 0, 1, 1, 1]), repeats=2)
        {'micro_f1': 1.0, 'macro_f1': 1.0, 'accuracy': 1.0}
        >>> masks = {"train": torch.tensor([0, 3]), "test": torch.tensor([2, 5])}
        >>> node_classification(vectors, torch.tensor([0, 0, 1, 1, 1, 1]), masks=masks)["accuracy"]
        0.5
    """
    optional("sklearn", "ge.evaluate")
    vectors, labels = matrix_of(emb), labels_of(y)
    if labels.ndim not in (1, 2) or len(labels) != len(vectors):
        raise InputError("y", f"shape {labels.shape}", f"({len(vectors)},) or ({len(vectors)}, C): a row for each node")
    ratio = checks.number("train_ratio", train_ratio, above=0)
    if ratio >= 1:
        raise InputError("train_ratio", train_ratio, "a number between 0 and 1")
    checks.integer("repeats", repeats)
    if checks.seed(seed) is None:
        raise InputError("seed", None, "an integer from 0 to 2**63 - 1")
    labelled = np.asarray(labels.any(1) if labels.ndim == 2 else labels >= 0)
    if masks is not None:
        splits = [_given_split(masks, labelled)]
    else:
        ids = np.flatnonzero(labelled)
        splits = [_random_split(ids, labels[ids], ratio, (seed + repeat) % 2**32) for repeat in range(repeats)]
    return Scores([_judged(vectors, labels, train, test) for train, test in splits])


def _numbered(y: Any) -> Any:
    """Names of classes as numbers in the order of the names, -1 for an empty one; anything else as it is."""
    if not len(y) or not all(isinstance(name, str) for name in y):
        return y
    names = np.asarray(y)
    numbers = np.unique(names, return_inverse=True)[1]
    return np.where(names == "", -1, numbers)


def labels_of(y: Any) -> np.ndarray:
    """Classes, int64 ``(N,)``; or labels 0 and 1, int64 ``(N, C)``."""
    expected = "classes, whole numbers (N,); or labels 0 and 1, (N, C)"
    if isinstance(y, (list, tuple)) or (isinstance(y, np.ndarray) and y.ndim == 1):
        y = _numbered(y)
    found = as_tensor("y", y.toarray() if hasattr(y, "toarray") else y, expected).detach().cpu()
    if not found.dim():
        raise InputError("y", described(found), expected)
    if found.is_floating_point() and not bool((found.isfinite() & (found == found.floor())).all()):
        lost = (~found.isfinite()).nonzero()
        wrong = f"NaN or infinity, first at node {int(lost[0, 0])}" if len(lost) else "fractions"
        raise InputError("y", f"{described(found)} with {wrong}: entries that are no whole numbers", expected)
    labels: np.ndarray = found.long().numpy()
    if labels.ndim == 2 and labels.size and (labels.min() < 0 or labels.max() > 1):
        raise InputError("y", f"{described(found)} with entries from {labels.min()} to {labels.max()}", expected)
    return labels


def _given_split(masks: Mapping[str, Tensor], labelled: np.ndarray) -> list[np.ndarray]:
    """Ids of the labelled nodes to train and to judge on."""
    found = []
    checks.mapping("masks", masks, "a dict: masks or node ids under 'train' and 'test'")
    for part in ("train", "test"):
        if masks.get(part) is None:
            raise InputError("masks", f"the keys {list(masks)}", "the keys 'train' and 'test'")
        ids = node_ids(f"masks[{part!r}]", masks[part], len(labelled), "labelled").numpy()
        ids = ids[labelled[ids]]
        if not len(ids):
            raise InputError(f"masks[{part!r}]", "no nodes with a label", "at least one")
        found.append(ids)
    again = len(np.intersect1d(*found))
    if again:
        raise InputError("masks", f"{again} nodes in both train and test", "nodes in one of them alone")
    return found


def _random_split(ids: np.ndarray, labels: np.ndarray, ratio: float, seed: int) -> list[np.ndarray]:
    """Ids of nodes to train and to judge on, stratified where a node has one class."""
    from sklearn.model_selection import train_test_split

    several = labels.ndim == 2
    if not several and len(np.unique(labels)) < 2:
        raise InputError("y", f"{len(np.unique(labels))} classes", "at least two")
    try:
        found: list[np.ndarray] = train_test_split(
            ids, train_size=ratio, random_state=seed, stratify=None if several else labels
        )
    except ValueError as error:
        raise InputError(
            "y",
            f"{len(labels)} labelled nodes that cannot be split with train_ratio={ratio:g} ({error})",
            "a node of every class on either side",
            "merge rare classes, or mark their nodes as unlabelled",
        ) from error
    return found


def _judged(vectors: np.ndarray, labels: np.ndarray, train: np.ndarray, test: np.ndarray) -> dict[str, float]:
    """Scores on some nodes of a regression that was trained on others."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    known, truth = labels[train].astype(np.int64), labels[test].astype(np.int64)
    if labels.ndim == 2:
        model = OneVsRestClassifier(LogisticRegression(max_iter=1000, solver="liblinear"))
        seen = known.any(0)  # a label without an example cannot be learned, nor predicted
        model.fit(vectors[train], known[:, seen])
        chance = np.full(truth.shape, -1.0)
        # of one label, scikit-learn tells the chance that it is not there as well
        chance[:, seen] = model.predict_proba(vectors[test])[:, -int(seen.sum()) :]
        return _f1(truth, _most_probable(chance, truth.sum(1)))
    if len(np.unique(known)) < 2:
        raise InputError("y", f"{len(np.unique(known))} classes among the training nodes", "at least two")
    regression = LogisticRegression(max_iter=1000, solver="lbfgs")
    return _f1(truth, regression.fit(vectors[train], known).predict(vectors[test]))


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
