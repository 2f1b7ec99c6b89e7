"""Link prediction: edges told from pairs that are none."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .._core.optional import optional
from ..embeddings.vectors import Embeddings
from ..errors import InputError
from .vectors import matrix_of

__all__ = ["link_prediction"]


def link_prediction(emb: Embeddings | Tensor, positive: Tensor, negative: Tensor) -> dict[str, float]:
    """Tell edges from non-edges by the dot product of their ends' vectors.

    Args:
        emb: Vectors, rows by global node id, ``(N, d)``.
        positive: Edges, node ids, shape ``(2, P)``.
        negative: Pairs that are no edges, shape ``(2, M)``.

    Returns:
        ``auc``: area under the ROC curve; ``ap``: average precision.

    Example:
        >>> vectors = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]])
        >>> link_prediction(vectors, torch.tensor([[0], [1]]), torch.tensor([[0], [2]]))
        {'auc': 1.0, 'ap': 1.0}
    """
    optional("sklearn", "ge.evaluate")
    from sklearn.metrics import average_precision_score, roc_auc_score

    vectors = torch.from_numpy(matrix_of(emb))
    scores = []
    for name, pairs in (("positive", positive), ("negative", negative)):
        if pairs.dim() != 2 or pairs.size(0) != 2 or pairs.size(1) == 0:
            raise InputError(name, f"shape {tuple(pairs.shape)}", "shape (2, number of pairs), at least one pair")
        if int(pairs.min()) < 0 or int(pairs.max()) >= len(vectors):
            raise InputError(name, f"node ids up to {int(pairs.max())}", f"ids from 0 to {len(vectors) - 1}")
        scores.append((vectors[pairs[0]] * vectors[pairs[1]]).sum(1))
    truth = np.repeat([1, 0], [len(score) for score in scores])
    score = torch.cat(scores).numpy()
    return {"auc": float(roc_auc_score(truth, score)), "ap": float(average_precision_score(truth, score))}
