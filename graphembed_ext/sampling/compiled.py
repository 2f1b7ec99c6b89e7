"""Sampling of neighbours as compiled loops that release the GIL.

Every draw is a function of a key, of the node whose neighbours are drawn and of the number of the draw: neither the
batch's other nodes nor the number of threads change it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numba import njit
from torch import Tensor

from .._core.bits import U64, below, bits, unit
from .._core.parallel import over_rows
from .._core.search import first_at

__all__ = ["Table", "entries_between", "number", "sample"]

#: Up to so many, the positions drawn are searched one by one for what is taken already; above, a pass over the row.
_FEW = 64


class Table(NamedTuple):
    """The neighbours that draws are made from, on the CPU.

    Attributes:
        indptr: Bounds of the row of each node, int64, ``(num_dst + 1,)``.
        indices: Neighbours, ascending within a row, int32 or int64, ``(num_entries,)``.
        weight: Draws are in proportion to it, above 0, float64, ``(num_entries,)``; None for alike.
    """

    indptr: Tensor
    indices: Tensor
    weight: Tensor | None


def sample(
    table: Table, nodes: Tensor, fanout: int, replace: bool, key: int, excluded: Tensor
) -> tuple[Tensor, Tensor]:
    """Draw from the neighbours of each of some nodes.

    Args:
        table: The neighbours.
        nodes: int64, ``(B,)``, each once.
        fanout: How many for each; -1 for all, and all where there are fewer (but with ``replace``).
        replace: Whether a neighbour may be drawn again.
        key: Of these draws.
        excluded: Entries that must not be drawn, ascending, int64.

    Returns:
        Bounds of each node's part, ``(B + 1,)``, and entries of the table, one for each draw; both int64.
    """
    indptr = torch.zeros(len(nodes) + 1, dtype=torch.int64)
    rows = nodes.numpy(), table.indptr.numpy(), excluded.numpy()
    _count(*rows, fanout, replace, indptr.numpy())
    drawn = torch.empty(int(indptr[-1]), dtype=torch.int64)
    weight = None if table.weight is None else table.weight.numpy()
    # A draw costs some twenty numbers' worth of work.
    over_rows(_draw, indptr, 20, indptr.numpy(), *rows, weight, replace, U64(key), drawn.numpy())
    return indptr, drawn


def number(indices: Tensor, entries: Tensor, place: Tensor, nodes: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Number the nodes at some entries in the order in which they first come, on from those numbered already.

    Args:
        indices: Node of each entry of a table.
        entries: Entries, int64, ``(E,)``.
        place: Number of each node, -1 for none yet, int32 or int64; written to.
        nodes: Nodes by number; the first ``count`` have theirs.
        count: How many.

    Returns:
        Number of the node of each entry, int64, ``(E,)``; and all nodes numbered by now.
    """
    room = torch.empty(count + len(entries), dtype=torch.int64)
    room[:count] = nodes[:count]
    found = torch.empty(len(entries), dtype=torch.int64)
    count = _number(indices.numpy(), entries.numpy(), place.numpy(), room.numpy(), count, found.numpy())
    return found, room[:count]


def entries_between(table: Table, sources: Tensor, destinations: Tensor) -> Tensor:
    """Entries of the edges between pairs of nodes, parallel ones included, ascending; int64."""
    pairs = torch.unique(torch.stack([destinations, sources], 1), dim=0)
    arrays = table.indptr.numpy(), table.indices.numpy(), pairs.numpy()
    bounds = np.zeros((len(pairs), 2), np.int64)
    total = _find(*arrays, bounds)
    found = torch.empty(total, dtype=torch.int64)
    _list(bounds, found.numpy())
    return found


@njit(cache=True, nogil=True)
def _count(nodes, indptr, excluded, fanout, replace, out):
    total = 0
    for row in range(len(nodes)):
        start, end = indptr[nodes[row]], indptr[nodes[row] + 1]
        amount = end - start
        if excluded.size:
            amount -= first_at(excluded, 0, excluded.size, end) - first_at(excluded, 0, excluded.size, start)
        if replace:
            amount = fanout if amount > 0 else 0
        elif fanout >= 0:
            amount = min(amount, fanout)
        total += amount
        out[row + 1] = total


@njit(cache=True, nogil=True)
def _draw(first, last, bounds, nodes, indptr, excluded, weight, replace, key, out):
    longest = 0
    for row in range(first, last):
        longest = max(longest, bounds[row + 1] - bounds[row])
    times = np.empty(longest if weight is not None else 0)
    none = excluded.size
    for row in range(first, last):
        begin, amount = bounds[row], bounds[row + 1] - bounds[row]
        if amount == 0:
            continue
        node = nodes[row]
        start, end = indptr[node], indptr[node + 1]
        low = high = none
        if none:
            low = first_at(excluded, 0, none, start)
            high = first_at(excluded, low, none, end)
        there = end - start - (high - low)
        stream = bits(key, U64(node))
        if amount == there and not replace:
            _all(start, end, excluded, low, high, out, begin)
        elif weight is not None:
            if replace:
                _weighted_again(start, end, excluded, low, high, weight, stream, times, out, begin, amount)
            else:
                _weighted(start, end, excluded, low, high, weight, stream, times, out, begin, amount)
        else:
            _alike(there, replace, stream, out, begin, amount)
            for k in range(begin, begin + amount):
                entry = start + out[k]
                for skip in range(low, high):
                    if entry >= excluded[skip]:
                        entry += 1
                out[k] = entry


@njit(cache=True, nogil=True)
def _all(start, end, excluded, low, high, out, begin):
    for entry in range(start, end):
        if low < high and excluded[low] == entry:
            low += 1
        else:
            out[begin] = entry
            begin += 1


#: The smallest step of :func:`~graphembed_ext._core.bits.unit`: added to it, it gives a number above 0 and up to 1.
_STEP = 1.0 / 9007199254740992.0


@njit(cache=True, nogil=True)
def _alike(there, replace, stream, out, begin, amount):
    """``amount`` of the numbers below ``there``."""
    if replace:
        for k in range(amount):
            out[begin + k] = below(there, bits(stream, U64(k)))
    elif amount <= _FEW:
        for k in range(amount):  # Floyd's: of two places one is free
            top = there - amount + k
            chosen = below(top + 1, bits(stream, U64(k)))
            for other in range(begin, begin + k):
                if out[other] == chosen:
                    chosen = top
                    break
            out[begin + k] = chosen
    else:
        taken = 0
        for place in range(there):  # each with the chance that what is left to take bears to what is left
            if below(there - place, bits(stream, U64(place))) < amount - taken:
                out[begin + taken] = place
                taken += 1
                if taken == amount:
                    break


@njit(cache=True, nogil=True)
def _weighted(start, end, excluded, low, high, weight, stream, times, out, begin, amount):
    """Clocks that ring at a rate equal to the weight: the first ``amount`` to ring (Efraimidis and Spirakis 2006)."""
    taken, latest = 0, 0
    for entry in range(start, end):
        if low < high and excluded[low] == entry:
            low += 1
            continue
        time = -np.log(unit(bits(stream, U64(entry - start))) + _STEP) / weight[entry]
        if taken < amount:
            place = taken
            taken += 1
        elif time < times[latest]:
            place = latest
        else:
            continue
        times[place], out[begin + place] = time, entry
        if taken == amount:
            latest = 0
            for k in range(1, amount):
                if times[k] > times[latest]:
                    latest = k


@njit(cache=True, nogil=True)
def _weighted_again(start, end, excluded, low, high, weight, stream, times, out, begin, amount):
    """Independent draws: points of the line of all weights, sorted, are found in one pass over the row."""
    total, skip = 0.0, low
    for entry in range(start, end):
        if skip < high and excluded[skip] == entry:
            skip += 1
        else:
            total += weight[entry]
    for k in range(amount):
        point, place = total * (1.0 - (unit(bits(stream, U64(k))) + _STEP)), k
        while place > 0 and times[place - 1] > point:
            times[place] = times[place - 1]
            place -= 1
        times[place] = point
    passed, taken, latest = 0.0, 0, start
    for entry in range(start, end):
        if low < high and excluded[low] == entry:
            low += 1
            continue
        latest = entry
        passed += weight[entry]
        while taken < amount and times[taken] < passed:
            out[begin + taken] = entry
            taken += 1
    while taken < amount:  # rounding of the sum
        out[begin + taken] = latest
        taken += 1


@njit(cache=True, nogil=True)
def _number(indices, entries, place, nodes, count, found):
    for k in range(len(entries)):
        node = indices[entries[k]]
        mine = place[node]
        new = mine < 0  # as likely as not: without a branch that would be guessed wrongly half of the time
        mine = count if new else mine
        place[node] = mine
        nodes[count] = node
        count += new
        found[k] = mine
    return count


@njit(cache=True, nogil=True)
def _find(indptr, indices, pairs, bounds):
    total = 0
    for k in range(len(pairs)):
        start, end = indptr[pairs[k, 0]], indptr[pairs[k, 0] + 1]
        low = first_at(indices, start, end, pairs[k, 1])
        high = low
        while high < end and indices[high] == pairs[k, 1]:
            high += 1
        bounds[k, 0], bounds[k, 1] = low, high
        total += high - low
    return total


@njit(cache=True, nogil=True)
def _list(bounds, out):
    place = 0
    for k in range(len(bounds)):
        for entry in range(bounds[k, 0], bounds[k, 1]):
            out[place] = entry
            place += 1
