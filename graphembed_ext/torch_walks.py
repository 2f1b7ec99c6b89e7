"""Random walks in vectorised torch, on any device: all walks of a batch move one step at a time.

The random bits of a walk depend on the seed, the walk's number and the step alone, so the same walks come out
for every batch size, thread, worker and device.
"""

from __future__ import annotations

import torch
from torch import Tensor

from . import rng
from .alias import alias_table
from .graph import CSR

__all__ = ["TorchWalker"]

#: Draws that one step may need; node2vec's rejections share a step's counters.
_DRAWS_PER_STEP = 1 << 32
_LOW_32 = (1 << 32) - 1


class TorchWalker:
    """Walks over one CSR: uniform, weighted, or node2vec's second-order walks.

    Args:
        csr: Canonical CSR.
        weight: Weight of each entry of the CSR; None for uniform steps.
        p: Return parameter of node2vec (arXiv:1607.00653).
        q: In-out parameter of node2vec.
    """

    def __init__(self, csr: CSR, weight: Tensor | None = None, p: float = 1.0, q: float = 1.0) -> None:
        self._csr = csr
        self._alias = None if weight is None else alias_table(csr.indptr, weight)
        self._degrees = csr.degrees if self._alias is None else self._alias.degrees
        self._never_ends = bool((self._degrees > 0).all())
        self._second_order = (p, q) != (1.0, 1.0)
        if self._second_order:
            self._num_nodes = csr.indptr.numel() - 1
            rows = torch.repeat_interleave(torch.arange(self._num_nodes, device=csr.indptr.device), csr.degrees)
            self._edge_keys = rows * self._num_nodes + csr.indices  # sorted, as the CSR is canonical
            highest = max(1.0, 1 / p, 1 / q)
            self._keep_return, self._keep_near, self._keep_far = (
                int(chance / highest * (1 << 32)) for chance in (1 / p, 1.0, 1 / q)
            )

    def walk(self, starts: Tensor, walk_length: int, stream: int, first: int = 0) -> Tensor:
        """Walks of ``walk_length`` nodes, -1 after a walk's end.

        Args:
            starts: First node of each walk, int64, shape ``(B,)``.
            walk_length: Nodes in a walk, the first one included.
            stream: Key of the random stream.
            first: Number of the first walk; walks ``first`` to ``first + B - 1`` of the stream are made.

        Returns:
            int64, shape ``(B, walk_length)``.
        """
        walks = torch.full((walk_length, len(starts)), -1, dtype=torch.int64, device=starts.device)
        walks[0] = starts
        keys = rng.bits(stream, torch.arange(first, first + len(starts), device=starts.device))
        alive: Tensor | None = None  # indices of the walks still going; None while all are
        current, previous = starts, None
        for step in range(1, walk_length):
            if not self._never_ends:
                going = self._degrees[current] > 0
                if not bool(going.all()):
                    alive = going.nonzero().squeeze(1) if alive is None else alive[going]
                    current, keys = current[going], keys[going]
                    previous = None if previous is None else previous[going]
                    if not len(current):
                        break
            following = self._step(current, previous, keys, step)
            if alive is None:
                walks[step] = following
            else:
                walks[step, alive] = following
            current, previous = following, current if self._second_order else None
        return walks.t().contiguous()

    def _step(self, current: Tensor, previous: Tensor | None, keys: Tensor, step: int) -> Tensor:
        draw = step * _DRAWS_PER_STEP
        if previous is None:
            return self._candidate(current, rng.bits(keys, draw))
        following = torch.empty_like(current)
        pending = torch.arange(len(current), device=current.device)
        while len(pending):
            random = rng.bits(keys[pending], draw)
            candidate = self._candidate(current[pending], random)
            kept = (rng.bits(keys[pending], draw + 1) & _LOW_32) < self._chance(previous[pending], candidate)
            following[pending[kept]] = candidate[kept]
            pending = pending[~kept]
            draw += 2
        return following

    def _candidate(self, current: Tensor, random: Tensor) -> Tensor:
        entry = self._csr.indptr[current] + rng.below(self._degrees[current], random)
        if self._alias is not None:
            entry = torch.where((random & _LOW_32) < self._alias.threshold[entry], entry, self._alias.other[entry])
        return self._csr.indices[entry]

    def _chance(self, previous: Tensor, candidate: Tensor) -> Tensor:
        """Chance, in units of 2**-32, to accept a candidate: by its distance 0, 1 or 2 from the previous node."""
        edge = previous * self._num_nodes + candidate
        position = torch.searchsorted(self._edge_keys, edge).clamp(max=len(self._edge_keys) - 1)
        chance = torch.where(self._edge_keys[position] == edge, self._keep_near, self._keep_far)
        return torch.where(candidate == previous, self._keep_return, chance)
