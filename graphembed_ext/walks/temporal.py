"""Walks in the order of time (CTDNE): an edge is followed only after one that is earlier.

The entries of each row are sorted by time once; a step finds the first later one by binary search and draws among those
from there on. On the CPU a compiled loop makes the very same walks as vectorised torch does, bit for bit.

Nguyen et al. 2018, "Continuous-Time Dynamic Network Embeddings", https://doi.org/10.1145/3184558.3191526: the temporal
neighbours of a node at a time are those whose edges are later, so of edges at one time a walk follows one at most.
"""

from __future__ import annotations

import numba
import numpy as np
import torch
from torch import Tensor

from .._core import rng
from .._core.bits import U64, below, bits
from .._core.parallel import share
from .._core.search import first_at
from ..graph.csr import CSR
from .tables import ENDED, numbers_of

__all__ = ["TemporalWalker"]

#: Steps that are worth a part of their own, and how many parts there are at most.
_STEPS_OF_PART = 1 << 16
_PARTS = 64
#: The random bits of step ``k`` of a walk are those of this counter, as in the walks without time.
_STEP = 1 << 32
_SHIFT = U64(32)
_NO_PLAN = np.zeros((1, 0), np.int64)


class TemporalWalker:
    """Walks over one CSR along which time goes on; each step takes one of the later edges alike.

    Args:
        csr: Canonical CSR, or the stack of the CSRs of a metapath's edge types.
        rank: Place of the time of each entry among all times, int64, shape ``(E,)``.
        num_nodes: Number of nodes. With a plan, start ``k * num_nodes + v`` is node ``v`` on metapath ``k``.
    """

    def __init__(self, csr: CSR, rank: Tensor, num_nodes: int) -> None:
        rows = torch.repeat_interleave(torch.arange(len(csr.degrees), device=rank.device), csr.degrees)
        #: More than any rank, so that row and rank make one number; the CSR is sorted by neighbour before.
        self._times = int(rank.max()) + 2 if rank.numel() else 2
        key = rows * self._times + rank
        order = torch.argsort(key, stable=True)
        self._indptr, self._indices = csr.indptr, csr.indices[order].contiguous()
        self._rank, self._key = rank[order].contiguous(), key[order].contiguous()
        self._num_nodes = num_nodes

    def walk(
        self, starts: Tensor, walk_length: int, stream: int, first: int | Tensor = 0, plan: Tensor | None = None
    ) -> Tensor:
        """Walks of ``walk_length`` nodes, -1 after a walk's end.

        Args:
            starts: First node of each walk, int64, shape ``(B,)``. The first step takes any of its edges.
            walk_length: Nodes in a walk, the first one included.
            stream: Key of the random stream.
            first: Number of the first walk; walks ``first`` to ``first + B - 1`` of the stream are made. Or a number
                for each, int64, ``(B,)``.
            plan: For metapaths, see :func:`graphembed_ext.walks.tables.plan`.

        Returns:
            int64, shape ``(B, walk_length)``.
        """
        if starts.device.type != "cpu":
            return self.walk_vectorised(starts, walk_length, stream, first, plan)
        walks = torch.empty(len(starts), walk_length, dtype=torch.int64)
        out, begin = walks.numpy(), starts.contiguous().numpy()
        numbers = numbers_of(first, len(starts), starts.device).contiguous().numpy()
        steps = _NO_PLAN if plan is None else plan.numpy()
        tables = [table.numpy() for table in (self._indptr, self._indices, self._rank)]
        parts = min(_PARTS, max(1, walks.numel() // _STEPS_OF_PART))

        def part(number: int) -> None:
            low, high = (len(out) * end // parts for end in (number, number + 1))
            mine = out[low:high], begin[low:high], numbers[low:high]
            _walk_in_time(*mine, steps, *tables, self._num_nodes, U64(stream))

        share(part, parts)
        return walks

    def walk_vectorised(
        self, starts: Tensor, walk_length: int, stream: int, first: int | Tensor = 0, plan: Tensor | None = None
    ) -> Tensor:
        """What :meth:`walk` does, without the compiled loop."""
        device = starts.device
        current = starts if plan is None else starts % self._num_nodes
        plan = None if plan is None else plan.to(device)[starts // self._num_nodes]
        walks = torch.full((len(starts), walk_length), -1, dtype=torch.int64, device=device)
        walks[:, 0] = current
        keys = rng.bits(stream, numbers_of(first, len(starts), device))
        alive = torch.arange(len(starts), device=device)
        earliest = torch.zeros_like(current)
        for step in range(1, walk_length):
            base = torch.zeros_like(current) if plan is None else plan[alive, step - 1]
            row = torch.where(base == ENDED, 0, base + current)
            low = torch.searchsorted(self._key, row * self._times + earliest)
            later = torch.where(base == ENDED, 0, self._indptr[row + 1] - low)
            going = later > 0
            alive, low, later = alive[going], low[going], later[going]
            if not len(alive):
                break
            entry = low + rng.below(later, rng.bits(keys[alive], step * _STEP))
            current, earliest = self._indices[entry].long(), self._rank[entry] + 1
            walks[alive, step] = current
        return walks


@numba.njit(cache=True, nogil=True)
def _walk_in_time(out, starts, numbers, plan, indptr, indices, rank, num_nodes, stream):  # type: ignore[no-untyped-def]
    length = out.shape[1]
    planned = plan.shape[1] > 0
    for i in range(starts.size):
        key = bits(stream, U64(numbers[i]))
        path = starts[i] // num_nodes if planned else 0
        current = starts[i] % num_nodes if planned else starts[i]
        earliest = 0
        out[i, 0] = current
        for step in range(1, length):
            if current >= 0:
                base = plan[path, step - 1] if planned else 0
                if base == ENDED:
                    current = np.int64(-1)
                else:
                    end = indptr[base + current + 1]
                    low = first_at(rank, indptr[base + current], end, earliest)
                    if low == end:
                        current = np.int64(-1)
                    else:
                        entry = low + below(end - low, bits(key, U64(step) << _SHIFT))
                        current = indices[entry]
                        earliest = rank[entry] + 1
            out[i, step] = current
    return out
