"""Vectors of pairs of nodes, for classifiers of edges."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .._core import checks
from .._core.checks import as_floats
from .._core.doors import as_pairs
from ..embeddings.vectors import Embeddings
from ..errors import InputError

__all__ = ["edge_features"]

_OPERATORS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "hadamard": lambda first, second: first * second,
    "mean": lambda first, second: (first + second) / 2,
    "l1": lambda first, second: (first - second).abs(),
    "l2": lambda first, second: (first - second) ** 2,
    "concatenation": lambda first, second: torch.cat([first, second], 1),
}


def edge_features(emb: Embeddings | Tensor, pairs: Tensor, operator: str = "hadamard") -> Tensor:
    """A vector for each pair of nodes, from the vectors of both.

    The first four are those of node2vec (Grover and Leskovec 2016, arXiv:1607.00653, table 1) and do not depend on the
    order of a pair.

    =================  =======================================
    ``hadamard``       ``u * v``, entry by entry
    ``mean``           ``(u + v) / 2``
    ``l1``             ``|u - v|``
    ``l2``             ``(u - v) ** 2``
    ``concatenation``  ``u`` and ``v`` one behind the other
    =================  =======================================

    Args:
        emb: Vectors, rows by global node id, ``(N, d)``.
        pairs: Node ids, ``(2, E)``.
        operator: One of the above.

    Returns:
        ``(E, d)``, or ``(E, 2 d)`` for a concatenation.

    Raises:
        InputError: Another operator; ids out of range.

    Example:
        >>> vectors = torch.tensor([[1.0, 2.0], [3.0, 5.0]])
        >>> edge_features(vectors, torch.tensor([[0], [1]]), "l1")
        tensor([[2., 3.]])
    """
    checks.choice("operator", operator, _OPERATORS)
    given = emb.tensor if isinstance(emb, Embeddings) else emb
    vectors = as_floats("emb", given, "embeddings or a tensor (N, d)", dims=2)
    pairs = as_pairs(pairs, "pairs", "node ids, shape (2, number of pairs)")
    if pairs.numel() and (int(pairs.min()) < 0 or int(pairs.max()) >= len(vectors)):
        got = f"ids from {int(pairs.min())} to {int(pairs.max())}"
        raise InputError("pairs", got, f"ids from 0 to {len(vectors) - 1}")
    ids = pairs.to(vectors.device)
    return _OPERATORS[operator](vectors[ids[0]], vectors[ids[1]])
