"""Link prediction: edges told from pairs that are none."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .._core import checks
from .._core.doors import as_pairs
from .._core.optional import optional
from ..embeddings.vectors import Embeddings
from ..errors import InputError
from .vectors import matrix_of

__all__ = ["link_prediction", "ranked"]


def link_prediction(
    emb: Embeddings | Tensor,
    positive: Any,
    negative: Any,
    *,
    score: str = "dot",
    train: tuple[Any, Any] | None = None,
) -> dict[str, float]:
    """Tell edges from non-edges by their ends' vectors.

    With ``"hadamard"`` this is the protocol by which node2vec was judged (Grover and Leskovec 2016, arXiv:1607.00653,
    section 4.4): the vectors of both ends are multiplied entry by entry, and a logistic regression on these products,
    brought to mean 0 and variance 1, learns from other pairs what an edge looks like.

    Args:
        emb: Vectors, rows by global node id, ``(N, d)``.
        positive: Edges, node ids, shape ``(2, P)``; training must not have seen them.
        negative: Pairs that are no edges, shape ``(2, M)``.
        score: What tells them apart: ``"dot"``, the dot product of both vectors; ``"cosine"``, that of vectors of
            length 1; or ``"hadamard"``.
        train: For hadamard: pairs to train the regression on, edges ``(2, P')`` and pairs that are none ``(2, M')``,
            usually the edges that the vectors were trained on and as many drawn pairs.

    Returns:
        ``auc``: area under the ROC curve; ``ap``: average precision.

    Raises:
        InputError: Ids out of range, no pairs, ``train`` missing or not wanted, or pairs of ``train`` among those that
            are judged.

    Example:
        >>> vectors = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]])
        >>> link_prediction(vectors, torch.tensor([[0], [1]]), torch.tensor([[0], [2]]))
        {'auc': 1.0, 'ap': 1.0}
    """
    optional("sklearn", "ge.evaluate")
    checks.choice("score", score, ("dot", "cosine", "hadamard"))
    if (train is not None) != (score == "hadamard"):
        got = "nothing" if train is None else "pairs to train on"
        expected = "two tensors, edges and pairs that are none" if train is None else f"None: {score} learns nothing"
        raise InputError("train", got, expected)
    vectors = torch.from_numpy(matrix_of(emb))
    judged = [_checked("positive", positive, len(vectors)), _checked("negative", negative, len(vectors))]
    if train is None:
        vectors = F.normalize(vectors, dim=1) if score == "cosine" else vectors
        sides = [(vectors[pairs[0]] * vectors[pairs[1]]).sum(1).numpy() for pairs in judged]
    else:
        sides = checks.several("train", train, "two tensors, edges and pairs that are none")
        if len(sides) != 2:
            raise InputError("train", f"{len(sides)} parts", "two tensors, edges and pairs that are none")
        learned = [_checked(f"train[{side}]", pairs, len(vectors)) for side, pairs in enumerate(sides)]
        _check_apart(judged[0], learned[0], len(vectors))
        sides = np.split(_by_regression(vectors, learned, judged), [judged[0].size(1)])
    return ranked(*sides)


def ranked(positive: np.ndarray, negative: np.ndarray) -> dict[str, float]:
    """``auc`` and ``ap`` of scores of edges, ``(P,)``, and of pairs that are none, ``(M,)``."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    scores, truth = np.concatenate([positive, negative]), np.repeat([1, 0], [len(positive), len(negative)])
    return {"auc": float(roc_auc_score(truth, scores)), "ap": float(average_precision_score(truth, scores))}


def _checked(name: str, pairs: Any, count: int) -> Tensor:
    ids = as_pairs(pairs, name, "node ids, shape (2, number of pairs), at least one pair").cpu()
    if ids.size(1) == 0:
        raise InputError(name, f"shape {tuple(ids.shape)}", "shape (2, number of pairs), at least one pair")
    least, most = (int(end) for end in torch.aminmax(ids))
    if least < 0 or most >= count:
        got = f"the node id {least}" if least < 0 else f"node ids up to {most}"
        raise InputError(name, got, f"ids from 0 to {count - 1}")
    return ids


def _check_apart(positive: Tensor, learned: Tensor, count: int) -> None:
    """Raise for edges that are judged and learned from; a product knows no direction."""
    keys = [low * count + high for low, high in (torch.sort(pairs, 0).values for pairs in (positive, learned))]
    again = int(torch.isin(*keys).sum())
    if again:
        raise InputError("positive", f"{again} pairs that are among train's", "pairs that training did not see")


def _by_regression(vectors: Tensor, learned: list[Tensor], judged: list[Tensor]) -> np.ndarray:
    """Log odds of the judged pairs by a logistic regression on the learned ones."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def features(sides: list[Tensor]) -> np.ndarray:
        pairs = torch.cat(sides, 1)
        return (vectors[pairs[0]] * vectors[pairs[1]]).numpy()

    truth = np.repeat([1, 0], [pairs.size(1) for pairs in learned])
    regression = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    found: np.ndarray = regression.fit(features(learned), truth).decision_function(features(judged))
    return found
