"""The highest-scoring items of each user, without ever holding users x items."""

from __future__ import annotations

from threading import local
from typing import NamedTuple

import numpy as np
import torch
from numba import njit
from torch import Tensor

from ..._core import checks
from ..._core.parallel import share, threads_to_ourselves
from ...errors import InputError

__all__ = ["TopK", "keep_best", "top_k"]

#: Scores held at once by each thread: 2 MiB of float32, that no memory but the nearest caches sees them.
_SCORES = 1 << 19
#: Users whose scores are made together: a matrix product of fewer rows costs more for each.
_USERS = 256
#: Scores held at once where whole rows are sorted.
_SORTED = 1 << 22
#: Places that insertion keeps sorted; beyond, a sort of the whole row costs less.
_INSERTED = 256


class TopK(NamedTuple):
    """Items of each user, best first.

    Attributes:
        items: Positions among the candidates, int64, ``(U, k)``; -1 where a user has no candidate left.
        scores: Their scores, ``(U, k)``; minus infinity there.
    """

    items: Tensor
    scores: Tensor


def top_k(users: Tensor, items: Tensor, k: int, exclude: tuple[Tensor, Tensor] | None = None) -> TopK:
    """The ``k`` items with the highest dot product for each user.

    Scores are made for some users and items at a time, in a buffer of bounded size. Equal scores keep the order of the
    items. A score that is not a number is never chosen. On the CPU each thread takes chunks of its own, so that the
    number of threads changes no bit.

    Args:
        users: Vectors, ``(U, d)``.
        items: Vectors of the candidates, ``(I, d)``.
        k: How many; at most ``I``.
        exclude: Candidates that each user must not get, as compressed rows: bounds int64 ``(U + 1,)`` and
            positions int64; None for none.

    Raises:
        InputError: ``k`` above the number of candidates.

    Example:
        >>> items = torch.tensor([[1.0], [3.0], [3.0], [2.0]])
        >>> top_k(torch.tensor([[1.0]]), items, 3, (torch.tensor([0, 1]), torch.tensor([1]))).items
        tensor([[2, 3, 0]])
    """
    if checks.integer("k", k) > len(items):
        raise InputError("k", k, f"at most {len(items)}, the number of candidates")
    users, items = users.detach(), items.detach()
    found = torch.empty(len(users), k, dtype=torch.int64, device=users.device)
    scores = users.new_empty(len(users), k)
    compiled = users.device.type == "cpu" and users.dtype in (torch.float32, torch.float64) and k <= _INSERTED
    size = min(_USERS, _SCORES) if compiled else max(1, _SORTED // max(1, len(items)))
    columns, buffers = items.t(), local()

    def insert(number: int) -> None:
        rows = slice(number * size, (number + 1) * size)
        best = found[rows].numpy(), scores[rows].numpy()
        best[0].fill(-1)
        best[1].fill(-np.inf)
        banned = None if exclude is None else (exclude[0][rows.start : rows.stop + 1].numpy(), exclude[1].numpy())
        count, width = len(best[0]), max(1, _SCORES // size)
        if not hasattr(buffers, "scores"):  # fresh memory for each product would cost more than the product
            buffers.scores = users.new_empty(size * width)
        for first in range(0, len(items), width):
            block = columns[:, first : first + width]
            score = buffers.scores[: count * block.size(1)].view(count, block.size(1))
            torch.mm(users[rows], block, out=score)
            keep_best(score.numpy(), first, banned, *best)

    def sort(number: int) -> None:
        rows = slice(number * size, (number + 1) * size)
        score = users[rows] @ columns
        score.masked_fill_(score.isnan(), -torch.inf)
        if exclude is not None:
            bounds = exclude[0][rows.start : rows.stop + 1]
            row = torch.repeat_interleave(torch.arange(len(score), device=score.device), bounds.diff())
            score[row, exclude[1][bounds[0] : bounds[-1]]] = -torch.inf
        best = score.sort(dim=1, descending=True, stable=True)
        scores[rows] = best.values[:, :k]
        found[rows] = best.indices[:, :k].masked_fill(best.values[:, :k] == -torch.inf, -1)

    # A view into an inference tensor, or a graph of gradients, is of no use here.
    with torch.no_grad(), threads_to_ourselves():
        share(insert if compiled else sort, -(-len(users) // size))
    return TopK(found, scores)


@njit(cache=True, nogil=True)
def keep_best(score, start, banned, found, best):
    """Keep the highest scores of each row sorted, and insert into them what passes the lowest one.

    ``score`` has the candidates from ``start`` on; ``found`` and ``best`` hold what the earlier ones left.
    """
    width, k = score.shape[1], found.shape[1]
    for row in range(score.shape[0]):
        if banned is not None:
            bounds, places = banned
            for entry in range(bounds[row], bounds[row + 1]):
                place = places[entry] - start
                if 0 <= place < width:
                    score[row, place] = -np.inf
        lowest = best[row, k - 1]
        for begin in range(0, width, 32):
            end = min(begin + 32, width)
            passes = 0
            for item in range(begin, end):
                passes += score[row, item] > lowest
            if passes == 0:
                continue
            for item in range(begin, end):
                value = score[row, item]
                if value > lowest:
                    place = k - 1
                    while place > 0 and best[row, place - 1] < value:
                        best[row, place] = best[row, place - 1]
                        found[row, place] = found[row, place - 1]
                        place -= 1
                    best[row, place] = value
                    found[row, place] = start + item
                    lowest = best[row, k - 1]
