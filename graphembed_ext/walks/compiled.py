"""The walks of :class:`~graphembed_ext.walks.vectorised.TorchWalker` as a compiled CPU loop, bit for bit the same.

Walks are made in blocks, each block one step at a time: the memory accesses of a block's walks do not wait for
one another, as they would along a single walk.
"""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np
import torch
from torch import Tensor

from .._core.alias import alias_table
from .._core.bits import U64, below, bits, lower, unit
from .._core.parallel import share
from .._core.search import first_at
from ..graph.csr import CSR, spans
from .tables import ENDED, RESTART_DRAW

__all__ = ["CompiledWalks", "exact_steps", "table_of"]

#: Steps that are worth a part of their own, and how many parts there are at most.
_STEPS_OF_PART = 1 << 16
_PARTS = 64
_BLOCK = 128
_MOST = (1 << 32) - 1
_ONE = U64(1)
#: Draws that one step may need, as a shift; a restart has the last of them.
_DRAWS, _RESTART = U64(32), U64(RESTART_DRAW)
_NO_PLAN, _NO_NUMBERS = np.zeros((1, 0), np.int64), np.zeros(0, np.int64)


class CompiledWalks:
    """Walks over one CSR on the CPU; the arguments are those that TorchWalker derives from its own.

    Args:
        csr: Canonical CSR.
        weight: Weight of each entry, float64; None for uniform steps.
        bias: Factors of node2vec for the previous node, its neighbours, and others.
        keep: Chances to accept these as candidates, in units of 2**-32.
        restart: Chance of a jump to the start, in units of 2**-32.
        num_nodes: Number of nodes.
        room: Makes the tensors with a row for each entry; None makes them in memory.
    """

    def __init__(
        self,
        csr: CSR,
        weight: Tensor | None,
        bias: tuple[float, ...],
        keep: tuple[int, ...],
        restart: int,
        num_nodes: int,
        room: Callable[..., Tensor] | None = None,
    ) -> None:
        self._indptr, self._indices = csr.indptr.numpy(), csr.indices.numpy()
        self._weight = np.empty(0) if weight is None else weight.numpy()
        self._table = np.empty((0, 3), np.uint32) if weight is None else table_of(csr, weight, room or torch.empty)
        self._bias = np.array(bias)
        self._keep = np.array(keep, np.int64)
        self._restart, self._num_nodes = restart, num_nodes

    def walk(
        self,
        starts: Tensor,
        walk_length: int,
        stream: int,
        first: int | Tensor,
        plan: Tensor | None,
        max_rejections: int,
    ) -> Tensor:
        """As :meth:`TorchWalker.walk`."""
        walks = torch.empty(len(starts), walk_length, dtype=torch.int64)
        out, begin = walks.numpy(), starts.contiguous().numpy()
        steps = _NO_PLAN if plan is None else plan.numpy()
        numbers, begin_at = (first.numpy(), 0) if isinstance(first, Tensor) else (_NO_NUMBERS, first)
        parts = min(_PARTS, max(1, walks.numel() // _STEPS_OF_PART))

        def part(number: int) -> None:
            low, high = (len(out) * end // parts for end in (number, number + 1))
            _walk(
                out[low:high],
                begin[low:high],
                steps,
                self._indptr,
                self._indices,
                self._table,
                self._weight,
                self._bias,
                self._keep,
                self._restart,
                self._num_nodes,
                max_rejections,
                U64(stream),
                numbers[low:high],
                U64(begin_at + low),
            )

        share(part, parts)
        return walks


def table_of(csr: CSR, weight: Tensor, room: Callable[..., Tensor]) -> np.ndarray:
    """What a weighted draw reads at one place: how often to keep an entry, its node, and that to take instead."""
    found = room((len(csr.indices), 3), dtype=torch.int32).numpy().view(np.uint32)
    for first, last in spans(csr.indptr):
        bounds = csr.indptr[first : last + 1]
        part = slice(int(bounds[0]), int(bounds[-1]))
        indices, alias = csr.indices[part], alias_table(bounds - bounds[0], weight[part])
        # 2**32, always to keep, does not fit: there, both choices are the same.
        always = alias.threshold > _MOST
        found[part, 0] = alias.threshold.clamp(max=_MOST)
        found[part, 1] = indices
        found[part, 2] = torch.where(always, indices, indices[alias.other])
    return found


def exact_steps(
    csr: CSR, weight: Tensor | None, bias: tuple[float, ...], row: Tensor, previous: Tensor, random: Tensor
) -> Tensor:
    """node2vec steps by adding up the weights of a whole row, for the few walks that rejection takes too long for.

    Args:
        csr, weight, bias: As for :class:`CompiledWalks`.
        row: Current node of each walk, int64, shape ``(B,)``.
        previous: Node before it.
        random: 64 random bits each, int64.

    Returns:
        Next node of each walk, int64, shape ``(B,)``.
    """
    weights = np.empty(0) if weight is None else weight.cpu().numpy()
    arrays = [part.cpu().numpy() for part in (csr.indptr, csr.indices, row, previous, random)]
    return torch.from_numpy(_exact_steps(*arrays, weights, np.array(bias))).to(row.device)


@numba.njit(cache=True)
def _has_edge(indptr, indices, source, destination):  # type: ignore[no-untyped-def]
    end = indptr[source + 1]
    place = first_at(indices, indptr[source], end, destination)
    return place < end and indices[place] == destination


@numba.njit(cache=True)
def _exact(indptr, indices, weight, bias, row, previous, random):  # type: ignore[no-untyped-def]
    start, end = indptr[row], indptr[row + 1]
    share = np.empty(end - start)
    total = 0.0
    for entry in range(start, end):
        candidate = indices[entry]
        if candidate == previous:
            factor = bias[0]
        elif _has_edge(indptr, indices, candidate, previous):
            factor = bias[1]
        else:
            factor = bias[2]
        share[entry - start] = factor * (weight[entry] if weight.size else 1.0)
        total += share[entry - start]
    left = unit(random) * total
    chosen = -1
    for k in range(end - start):
        if share[k] > 0:
            chosen = k
            left -= share[k]
            if left < 0:
                break
    return indices[start + chosen]


@numba.njit(cache=True)
def _exact_steps(indptr, indices, row, previous, random, weight, bias):  # type: ignore[no-untyped-def]
    following = np.empty_like(row)
    for i in range(row.size):
        following[i] = _exact(indptr, indices, weight, bias, row[i], previous[i], U64(random[i]))
    return following


@numba.njit(cache=True, inline="always")
def _candidate(indptr, indices, table, row, random):  # type: ignore[no-untyped-def]
    start = indptr[row]
    entry = start + below(indptr[row + 1] - start, random)
    if table.shape[0] == 0:
        return indices[entry]
    keep = lower(random) < U64(table[entry, 0])
    return np.int64(table[entry, 1] if keep else table[entry, 2])


@numba.njit(cache=True)
def _second_order(  # type: ignore[no-untyped-def]
    indptr, indices, table, weight, bias, keep, row, previous, key, draw, max_rejections
):
    always = min(keep[0], keep[1], keep[2])
    for attempt in range(max_rejections):
        counter = draw + U64(2 * attempt)
        candidate = _candidate(indptr, indices, table, row, bits(key, counter))
        chance = np.int64(lower(bits(key, counter + _ONE)))
        if chance < always:
            return candidate
        if candidate == previous:
            if chance < keep[0]:
                return candidate
        # The search for the edge is the costly part; it is left out where its outcome would not matter.
        elif chance < max(keep[1], keep[2]) and chance < (
            keep[1] if _has_edge(indptr, indices, candidate, previous) else keep[2]
        ):
            return candidate
    random = bits(key, draw + U64(2 * max_rejections))
    return _exact(indptr, indices, weight, bias, row, previous, random)


@numba.njit(cache=True, nogil=True)
def _walk(  # type: ignore[no-untyped-def]
    out,
    starts,
    plan,
    indptr,
    indices,
    table,
    weight,
    bias,
    keep,
    restart,
    num_nodes,
    max_rejections,
    stream,
    numbers,
    first,
):
    length = out.shape[1]
    second_order = bias[0] != 1.0 or bias[2] != 1.0
    planned = plan.shape[1] > 0
    keys = np.empty(_BLOCK, np.uint64)
    current, previous, path = np.empty(_BLOCK, np.int64), np.empty(_BLOCK, np.int64), np.empty(_BLOCK, np.int64)
    for low in range(0, starts.size, _BLOCK):
        size = min(_BLOCK, starts.size - low)
        for i in range(size):
            keys[i] = bits(stream, U64(numbers[low + i]) if numbers.size else first + U64(low + i))
            path[i] = starts[low + i] // num_nodes if planned else 0
            current[i] = starts[low + i] % num_nodes if planned else starts[low + i]
            previous[i] = -1
            out[low + i, 0] = current[i]
        for step in range(1, length):
            draw = U64(step) << _DRAWS
            for i in range(size):
                if current[i] < 0:
                    out[low + i, step] = -1
                    continue
                if restart > 0 and np.int64(lower(bits(keys[i], draw + _RESTART))) < restart:
                    previous[i] = -1
                    current[i] = out[low + i, 0]
                    out[low + i, step] = current[i]
                    continue
                row = current[i]
                if planned:
                    base = plan[path[i], step - 1]
                    if base == ENDED:
                        current[i] = -1
                        out[low + i, step] = -1
                        continue
                    row += base
                if indptr[row + 1] == indptr[row]:
                    following = np.int64(-1)
                elif second_order and previous[i] >= 0:
                    following = _second_order(
                        indptr, indices, table, weight, bias, keep, row, previous[i], keys[i], draw, max_rejections
                    )
                else:
                    following = _candidate(indptr, indices, table, row, bits(keys[i], draw))
                previous[i] = current[i]
                current[i] = following
                out[low + i, step] = following
    return out
