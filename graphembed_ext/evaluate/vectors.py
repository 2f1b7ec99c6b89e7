"""Vectors as the classifiers of scikit-learn take them."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from .._core.checks import as_floats
from ..embeddings.vectors import Embeddings
from ..errors import InputError


def matrix_of(emb: Embeddings | Tensor) -> np.ndarray:
    """Finite float32 rows."""
    expected = "finite vectors, embeddings or a tensor (N, d)"
    tensor = as_floats("emb", emb.tensor if isinstance(emb, Embeddings) else emb, expected, dims=2)
    vectors = tensor.detach().cpu().float().numpy()
    if not np.isfinite(vectors).all():
        raise InputError("emb", "vectors with NaN or infinite entries", expected)
    if not vectors.size:
        raise InputError("emb", f"shape {vectors.shape}", expected)
    return vectors
