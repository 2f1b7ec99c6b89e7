"""Random walks of this package's own, on any device; named ``torch`` among the engines.

All walks of a batch move one step at a time in vectorised torch. On the CPU a compiled loop
(:mod:`graphembed_ext.walks.compiled`) makes the very same walks, bit for bit, several times as fast.

The random bits of a walk depend on the seed, the walk's number and the step alone, so the same walks come out
for every batch size, thread, worker and device.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy

import numpy as np
import torch
from torch import Tensor

from .._core import rng
from .._core.alias import AliasTable, alias_table
from .._core.gpu import kernels_serve
from .._core.search import found
from ..graph.csr import CSR, OrderedCSR
from .compiled import CompiledWalks, exact_steps, table_of
from .tables import ENDED, RESTART_DRAW, numbers_of

__all__ = ["TorchWalker"]

#: Draws that one step may need; node2vec's rejections share a step's counters, a restart has the last.
_DRAWS_PER_STEP = 1 << 32
_LOW_32 = (1 << 32) - 1
#: Candidates that may be rejected before node2vec's distribution is worked out in full; with p and q far from 1
#: nearly all may be.
_MAX_REJECTIONS = 64


class TorchWalker:
    """Walks over one CSR: uniform or weighted, node2vec's second-order ones, with restart, along metapaths.

    Args:
        csr: Canonical CSR, or the stack of the CSRs of a metapath's edge types.
        weight: Weight of each entry of the CSR; None for uniform steps.
        p: Return parameter of node2vec (arXiv:1607.00653).
        q: In-out parameter of node2vec.
        restart: Chance to jump back to the walk's start instead of a step.
        plan: For metapaths, what each walk's node id is moved by at each step for its row in the CSR, int64,
            shape ``(num_metapaths, walk_length - 1)``; see :func:`graphembed_ext.graph.metapaths.plan`.
        num_nodes: Number of nodes. With a plan, start ``k * num_nodes + v`` is node ``v`` on metapath ``k``.
        room: Makes the tensors with a row for each entry; None makes them in memory.
        device: Where to walk; None is where the CSR is.
    """

    def __init__(
        self,
        csr: CSR,
        weight: Tensor | None = None,
        p: float = 1.0,
        q: float = 1.0,
        restart: float = 0.0,
        plan: Tensor | None = None,
        num_nodes: int | None = None,
        room: Callable[..., Tensor] | None = None,
        device: torch.device | None = None,
    ) -> None:
        device = csr.indptr.device if device is None else device
        self._given = csr
        self._csr = csr if device == csr.indptr.device else _moved(csr, device)
        self._weight = weight
        self._room = room
        self._built: tuple[AliasTable | None, Tensor, bool] | None = None
        self._num_nodes = csr.indptr.numel() - 1 if num_nodes is None else num_nodes
        self._plan = None if plan is None else plan.to(device)
        self._restart = int(restart * (1 << 32))
        self._second_order = (p, q) != (1.0, 1.0)
        self._bias = (1 / p, 1.0, 1 / q)
        self._keep = tuple(int(chance / max(self._bias) * (1 << 32)) for chance in self._bias)
        self._edge_keys: Tensor | None = None
        self._compiled: CompiledWalks | None = None
        self._gpu_table: Tensor | None = None

    def walk(self, starts: Tensor, walk_length: int, stream: int, first: int | Tensor = 0) -> Tensor:
        """Walks of ``walk_length`` nodes, -1 after a walk's end.

        Args:
            starts: First node of each walk, int64, shape ``(B,)``.
            walk_length: Nodes in a walk, the first one included.
            stream: Key of the random stream.
            first: Number of the first walk; walks ``first`` to ``first + B - 1`` of the stream are made. Or a number
                for each, int64, ``(B,)``.

        Returns:
            int64, shape ``(B, walk_length)``.
        """
        if kernels_serve(starts) and not self._second_order and not isinstance(first, Tensor):
            return self._walk_on_gpu(starts, walk_length, stream, first)
        if starts.device.type != "cpu":
            return self.walk_vectorised(starts, walk_length, stream, first)
        if self._compiled is None:
            self._compiled = CompiledWalks(
                self._csr, self._weight, self._bias, self._keep, self._restart, self._num_nodes, self._room
            )
        return self._compiled.walk(starts, walk_length, stream, first, self._plan, _MAX_REJECTIONS)

    def walk_vectorised(self, starts: Tensor, walk_length: int, stream: int, first: int | Tensor = 0) -> Tensor:
        """What :meth:`walk` does, without the compiled loop."""
        device = starts.device
        _, degrees, never_ends = self._tables()
        path = None if self._plan is None else starts // self._num_nodes
        home = starts if path is None else starts % self._num_nodes
        walks = torch.full((walk_length, len(starts)), -1, dtype=torch.int64, device=device)
        walks[0] = home
        keys = rng.bits(stream, numbers_of(first, len(starts), device))
        alive: Tensor | None = None  # indices of the walks still going; None while all are
        current, previous = home, torch.full_like(home, -1)
        for step in range(1, walk_length):
            draw = step * _DRAWS_PER_STEP
            base = None if self._plan is None or path is None else self._plan[path, step - 1]
            row = current if base is None else torch.where(base == ENDED, 0, base + current)
            jump = None
            if self._restart:
                jump = (rng.bits(keys, draw + RESTART_DRAW) & _LOW_32) < self._restart
            if not never_ends:
                going = degrees[row] > 0
                if base is not None:
                    going &= base != ENDED
                if jump is not None:
                    going |= jump
                if not bool(going.all()):
                    alive = going.nonzero().squeeze(1) if alive is None else alive[going]
                    row, current, previous, home, keys = (x[going] for x in (row, current, previous, home, keys))
                    path = None if path is None else path[going]
                    jump = None if jump is None else jump[going]
                    if not len(row):
                        break
            if jump is None:
                following = self._step(row, previous, keys, draw)
            else:
                following, moving = home.clone(), ~jump
                following[moving] = self._step(row[moving], previous[moving], keys[moving], draw)
                current = torch.where(jump, -1, current)  # after a jump there is no previous node
            if alive is None:
                walks[step] = following
            else:
                walks[step, alive] = following
            current, previous = following, current
        return walks.t().contiguous()

    def _walk_on_gpu(self, starts: Tensor, walk_length: int, stream: int, first: int) -> Tensor:
        from .gpu import walk

        csr = self._csr
        if self._weight is not None and self._gpu_table is None:
            table = table_of(_moved(self._given, torch.device("cpu")), self._weight.cpu(), torch.empty)
            self._gpu_table = torch.from_numpy(table.view(np.int32)).to(csr.indptr.device)
        means = self._gpu_table, self._restart, starts, walk_length, stream, first, self._plan, self._num_nodes
        return walk(csr.indptr, csr.indices, *means)

    def replanned(self, plan: Tensor | None) -> TorchWalker:
        """The same walker with another plan, over the same tables."""
        other = copy(self)
        other._plan = None if plan is None else plan.to(self._csr.indptr.device)
        return other

    def _tables(self) -> tuple[AliasTable | None, Tensor, bool]:
        """The alias table of the weights, how many edges a step chooses from, and whether there always is one."""
        if self._built is None:
            alias = None if self._weight is None else alias_table(self._csr.indptr, self._weight)
            degrees = self._csr.degrees if alias is None else alias.degrees
            self._built = alias, degrees, bool((degrees > 0).all()) and self._plan is None
        return self._built

    def _step(self, row: Tensor, previous: Tensor, keys: Tensor, draw: int) -> Tensor:
        if not self._second_order:
            return self._candidate(row, rng.bits(keys, draw))
        following = torch.empty_like(row)
        pending = torch.arange(len(row), device=row.device)
        for attempt in range(_MAX_REJECTIONS):
            random = rng.bits(keys[pending], draw + 2 * attempt)
            candidate = self._candidate(row[pending], random)
            chance = rng.bits(keys[pending], draw + 2 * attempt + 1) & _LOW_32
            kept = (chance < self._chance(previous[pending], candidate)) | (previous[pending] < 0)
            following[pending[kept]] = candidate[kept]
            pending = pending[~kept]
            if not len(pending):
                return following
        random = rng.bits(keys[pending], draw + 2 * _MAX_REJECTIONS)
        following[pending] = exact_steps(self._csr, self._weight, self._bias, row[pending], previous[pending], random)
        return following

    def _candidate(self, row: Tensor, random: Tensor) -> Tensor:
        alias, degrees, _ = self._tables()
        entry = self._csr.indptr[row] + rng.below(degrees[row], random)
        if alias is not None:
            entry = torch.where((random & _LOW_32) < alias.threshold[entry], entry, alias.other[entry])
        return self._csr.indices[entry].long()

    def _chance(self, previous: Tensor, candidate: Tensor) -> Tensor:
        """Chance, in units of 2**-32, to accept a candidate: by its distance 0, 1 or 2 from the previous node.

        On a directed graph distance 1 means an edge from the candidate to the previous node, as in node2vec's
        own program and in DGL.
        """
        if self._edge_keys is None:
            rows = torch.repeat_interleave(
                torch.arange(self._num_nodes, device=self._csr.indptr.device), self._csr.degrees
            )
            self._edge_keys = rows * self._num_nodes + self._csr.indices  # sorted, as the CSR is canonical
        edge = candidate * self._num_nodes + previous
        keep_return, keep_near, keep_far = self._keep
        chance = torch.where(found(self._edge_keys, edge), keep_near, keep_far)
        return torch.where(candidate == previous, keep_return, chance)


def _moved(csr: CSR, device: torch.device) -> CSR:
    """Rows on a device, without the ids of edges, which no walk asks for."""
    return OrderedCSR(csr.indptr.to(device), csr.indices.to(device))
