"""Scores of pairs of rows without a copy of the rows for each pair."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..unchanged import eager

__all__ = ["pair_scores", "rows_of"]

#: Rows of a table for each id, from which on sorting the ids takes less than going through all rows.
_MANY = 32


def rows_of(table: nn.Embedding, ids: Tensor) -> tuple[Tensor, Tensor]:
    """The rows of a table that some ids need, and the place of each id among them.

    A sparse gradient then holds every row once, however often it is used: an optimiser for sparse gradients would
    sort and sum the repeated rows anew.

    Example:
        >>> table = nn.Embedding(9, 2, sparse=True)
        >>> rows, places = rows_of(table, torch.tensor([[7, 3], [7, 7]]))
        >>> rows.shape, places.tolist()
        (torch.Size([2, 2]), [[1, 0], [1, 1]])
    """
    if not table.sparse:
        return table.weight, ids
    if table.num_embeddings > _MANY * ids.numel():
        unique, places = torch.unique(ids, return_inverse=True)
        return table(unique), places
    used = torch.zeros(table.num_embeddings, dtype=torch.bool, device=ids.device)
    used[ids.reshape(-1)] = True
    return table(used.nonzero().squeeze(1)), (used.cumsum(0) - 1)[ids]


@torch.compiler.disable
def pair_scores(first: Tensor, second: Tensor, i: Tensor, j: Tensor) -> Tensor:
    """Dot products of rows: ``scores[p, k] = first[i[p]] . second[j[p, k]]``.

    Compiled for float32 and float64 on the CPU, where gathering the rows would move a hundred times the memory.

    Args:
        first, second: Rows, ``(N, d)`` and ``(M, d)``; may be one and the same.
        i: Row of ``first`` for each pair, int64, ``(P,)``.
        j: Rows of ``second``, int64, ``(P, K)``.

    Returns:
        ``(P, K)``, differentiable in ``first`` and ``second``.

    Example:
        >>> rows = torch.tensor([[1.0, 0.0], [1.0, 2.0]])
        >>> pair_scores(rows, rows, torch.tensor([0, 1]), torch.tensor([[0, 1], [1, 1]]))
        tensor([[1., 1.],
                [5., 5.]])
    """
    compiled = first.device.type == "cpu" and first.dtype == second.dtype and first.dtype in _COMPILED
    if compiled and not torch.is_autocast_enabled("cpu") and eager(first, second, i, j):
        given = (tensor.contiguous() for tensor in (first, second, i, j))
        return _PairScores.apply(*given)  # type: ignore[no-untyped-call]
    return (F.embedding(i, first).unsqueeze(1) * F.embedding(j, second)).sum(2)


_COMPILED = (torch.float32, torch.float64)


class _PairScores(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, first: Tensor, second: Tensor, i: Tensor, j: Tensor) -> Tensor:
        ctx.save_for_backward(first, second, i, j)
        scores = first.new_empty(j.shape)
        _score(*(tensor.detach().numpy() for tensor in (first, second, i, j, scores)))
        return scores

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:
        first, second, i, j = ctx.saved_tensors
        if torch.is_grad_enabled():  # the gradient is to be differentiated again
            wide = gradient.unsqueeze(2)
            moved = (wide * second[j]).sum(1), (wide * first[i].unsqueeze(1)).flatten(0, 1)
            of_first = torch.zeros_like(first).index_add(0, i, moved[0])
            return of_first, torch.zeros_like(second).index_add(0, j.flatten(), moved[1]), None, None
        of_first, of_second = torch.zeros_like(first), torch.zeros_like(second)
        given = (first, second, i, j, gradient.contiguous(), of_first, of_second)
        _spread(*(tensor.detach().numpy() for tensor in given))
        return of_first, of_second, None, None


@numba.njit(nogil=True, cache=True, fastmath={"reassoc", "contract"}, error_model="numpy")
def _score(first, second, i, j, scores):
    for p in range(j.shape[0]):
        row = first[i[p]]
        for k in range(j.shape[1]):
            other = second[j[p, k]]
            total = scores.dtype.type(0)
            for c in range(row.size):
                total += row[c] * other[c]
            scores[p, k] = total


@numba.njit(nogil=True, cache=True, fastmath={"reassoc", "contract"}, error_model="numpy")
def _spread(first, second, i, j, gradient, of_first, of_second):
    moved = np.empty(first.shape[1], first.dtype)
    for p in range(j.shape[0]):
        row = first[i[p]]
        moved[:] = 0
        for k in range(j.shape[1]):
            g, other, of_other = gradient[p, k], second[j[p, k]], of_second[j[p, k]]
            for c in range(row.size):
                moved[c] += g * other[c]
                of_other[c] += g * row[c]
        of_row = of_first[i[p]]
        for c in range(row.size):
            of_row[c] += moved[c]
