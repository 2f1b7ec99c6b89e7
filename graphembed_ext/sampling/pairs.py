"""Pairs of near nodes and negatives as compiled CPU loops: many small results, for which tensor calls are slow."""

from __future__ import annotations

import numba
import numpy as np
import torch
from torch import Tensor

from .._core.alias import AliasTable
from .._core.bits import U64, below, bits, lower
from .._core.doors import ascending, within
from ..errors import InputError

__all__ = ["draw_entries", "near_pairs"]


def near_pairs(walks: Tensor, window: int) -> tuple[Tensor, Tensor]:
    """All pairs of nodes at most ``window`` apart in some walks.

    Args:
        walks: Node ids, -1 after a walk's end, int64, shape ``(B, L)``.
        window: Farthest distance.

    Returns:
        Centres and contexts, int64, ``(P,)`` each, ordered by walk, centre and context.

    Example:
        >>> near_pairs(torch.tensor([[7, 8, 9], [5, -1, -1]]), 1)
        (tensor([7, 8, 8, 9]), tensor([8, 7, 9, 8]))
    """
    centres, contexts = _near_pairs(walks.cpu().contiguous().numpy(), window)
    return torch.from_numpy(centres).to(walks.device), torch.from_numpy(contexts).to(walks.device)


def draw_entries(table: AliasTable, indptr: Tensor, rows: Tensor | None, count: int, stream: int) -> Tensor:
    """Entries of a CSR drawn by its alias table, from row 0 or from given rows.

    Args:
        table: The alias table.
        indptr: Row pointers, int64.
        rows: Row for each draw, int64, shape ``(count,)``; None for row 0.
        count: Number of draws.
        stream: Key of the random stream; the ``k``-th draw depends on it and ``k`` alone.

    Returns:
        Positions, int64, shape ``(count,)``.

    Raises:
        InputError: A row that there is not, or that has no entries.
    """
    ascending("indptr", indptr, table.threshold.numel())
    row_of = np.empty(0, np.int64)
    if rows is not None:
        if rows.numel() < count:
            raise InputError("rows", f"{rows.numel()} rows", f"one for each of {count} draws")
        row_of = within("rows", rows.cpu().contiguous(), len(indptr) - 1, got="row", expected="rows").numpy()
    drawn = _draw(table.threshold.numpy(), table.other.numpy(), indptr.numpy(), row_of, count, np.uint64(stream))
    if count and drawn[-1] < 0:
        raise InputError("rows", "a row without entries", "rows that have some")
    return torch.from_numpy(drawn)


@numba.njit(cache=True, nogil=True)
def _near_pairs(walks, window):  # type: ignore[no-untyped-def]
    total = 0
    lengths = np.empty(len(walks), np.int64)
    for b in range(len(walks)):
        length = 0
        while length < walks.shape[1] and walks[b, length] >= 0:
            length += 1
        lengths[b] = length
        for i in range(length):
            total += min(length - 1, i + window) - max(0, i - window)
    centres, contexts = np.empty(total, np.int64), np.empty(total, np.int64)
    place = 0
    for b in range(len(walks)):
        for i in range(lengths[b]):
            for j in range(max(0, i - window), min(lengths[b], i + window + 1)):
                if i != j:
                    centres[place] = walks[b, i]
                    contexts[place] = walks[b, j]
                    place += 1
    return centres, contexts


@numba.njit(cache=True, nogil=True)
def _draw(threshold, other, indptr, rows, count, stream):  # type: ignore[no-untyped-def]
    drawn = np.empty(count, np.int64)
    for k in range(count):
        row = rows[k] if rows.size else 0
        random = bits(stream, U64(k))
        if indptr[row + 1] == indptr[row]:
            drawn[count - 1] = -1
            break
        entry = indptr[row] + below(indptr[row + 1] - indptr[row], random)
        drawn[k] = entry if np.int64(lower(random)) < threshold[entry] else other[entry]
    return drawn
