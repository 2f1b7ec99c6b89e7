"""Vectors as the classifiers of scikit-learn take them."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from ..embeddings.vectors import Embeddings
from ..errors import InputError


def matrix_of(emb: Embeddings | Tensor) -> np.ndarray:
    """Finite float32 rows."""
    tensor = emb.tensor if isinstance(emb, Embeddings) else emb
    vectors = tensor.detach().cpu().float().numpy()
    if not np.isfinite(vectors).all():
        raise InputError("emb", "vectors with NaN or infinite entries", "finite vectors")
    return vectors
