"""The CPU kernel: skip-gram with negative sampling over a batch of walks, on one thread and without the GIL.

Every node of a walk is once a centre. The nodes within its window are the inputs (rows of ``node_embed``), the
centre and its negatives the outputs (rows of ``context_embed``); all pairs of the two form one step of SGD on::

    -log sigmoid(node[j] . context[centre]) - neg_weight * sum over negatives n of log sigmoid(-node[j] . context[n])

summed over the window's nodes ``j``. The negatives are shared within a window and drawn anew for the next one.
With more than :data:`BLOCK` outputs, blocks of that many are trained one after another.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from ..._core.bits import U64, below, bits, lower, mix
from .tiles import LANES, SIDE, copy_row, move_row, prefetch_row, score_tile, update_tile

__all__ = ["BLOCK", "train_walks", "window_size"]

#: Outputs that are trained at once: the centre and five negatives.
BLOCK = 6
_NARROW = 3


@numba.njit(inline="always")
def _negative(walks, alias, low, high, stream, counter):
    random = bits(stream, U64(counter))
    if alias.shape[0] > 0:
        slot = low + below(high - low, random)
        return slot if lower(random) < U64(alias[slot, 0]) else np.int64(alias[slot, 1])
    while True:
        place = below(walks.size, random)
        node = walks[place // walks.shape[1], place % walks.shape[1]]
        if node >= 0:
            return node
        random = bits(random, U64(0))


@numba.njit(inline="always")
def window_size(window, stream, centre):
    """A window from 1 to ``window`` for one centre of a walk; its bits are none of the negatives'."""
    return 1 + below(window, bits(~stream, U64(centre)))


@numba.njit(nogil=True, cache=True, error_model="numpy")
def train_walks(nodes, contexts, size, walks, window, shrink, negatives, alias, groups, rate, weight, key, first):
    """Train on a batch of walks, one after another.

    A walk's rows of ``nodes`` are trained in a copy of their own and the changes then added to the table, so that
    threads at work on other walks neither wait for its cache lines nor are overwritten.

    Args:
        nodes: ``node_embed``, float32, flat; updated.
        contexts: ``context_embed``, float32, flat; updated.
        size: Elements of a row of the two.
        walks: Node ids, -1 after a walk's end, int64, shape ``(B, walk_length)``.
        window: Largest distance of a pair within a walk.
        shrink: Whether every centre draws a window of its own, from 1 to ``window``, as word2vec does.
        negatives: How many for each window.
        alias: Alias table, uint32, shape ``(num_nodes, 2)``: chance of keeping a slot in units of 2**-32, and the
            node to take else. Of length 0: negatives come from the nodes of the batch.
        groups: Bounds of the groups of nodes, int64: negatives come from the group of the centre.
        rate: Learning rate, float32.
        weight: Weight of the negatives' term, float32.
        key: Key of the negatives, uint64.
        first: Number of the first walk; a walk's negatives depend on ``key`` and its number.

    Returns:
        Nodes visited, pairs trained, and the sum of the pairs' losses before each step, NaN when a row that was
        trained is not finite any more.
    """
    length, direct = walks.shape[1], size % LANES == 0
    row_size = -(-size // LANES) * LANES
    outputs = 1 + negatives
    blocks = -(-outputs // BLOCK)
    x = np.zeros((length + 1) * row_size, np.float32)  # its last row stays 0 and fills up a pair of inputs
    start = np.zeros(length * row_size, np.float32)
    spare = np.zeros(2 * BLOCK * row_size, np.float32)
    spare_rows = np.arange(BLOCK) * row_size
    mask = 1
    while mask < 2 * length:
        mask *= 2
    mask -= 1
    table = np.full(mask + 1, -1, np.int64)
    slots, unique, places = np.empty(length, np.int64), np.empty(length, np.int64), np.empty(length, np.int64)
    drawn = np.empty(length * outputs, np.int64)
    positions = np.empty(2 * window + 1, np.int64)
    rows = np.empty(BLOCK, np.int64)
    gradient = np.zeros((2 * window + 1) * SIDE, np.float32)
    signs_and_rates = np.zeros(blocks * 2 * LANES, np.float32)
    for k in range(outputs):
        for lane in (k % BLOCK, k % BLOCK + SIDE):
            signs_and_rates[k // BLOCK * 2 * LANES + lane] = -1 if k == 0 else 1
            signs_and_rates[k // BLOCK * 2 * LANES + LANES + lane] = rate if k == 0 else -rate * weight
    mantissa, exponent = np.ones(blocks * LANES, np.float32), np.zeros(blocks * LANES, np.int32)
    tokens = pairs = tiles = odd = group = 0
    total, finite = 0.0, True
    for row in range(walks.shape[0]):
        end = 0
        while end < length and walks[row, end] >= 0:
            end += 1
        tokens += end
        if end < 2:
            continue
        stream = bits(key, U64(first + row))
        count = 0
        for i in range(end):
            node = walks[row, i]
            if groups.size > 2:
                group = 0
                while groups[group + 1] <= node:
                    group += 1
            drawn[i * outputs] = node * size
            for k in range(negatives):
                other = _negative(walks, alias, groups[group], groups[group + 1], stream, i * negatives + k)
                drawn[i * outputs + 1 + k] = other * size
            place = np.int64(mix(U64(node)) & U64(mask))
            while table[place] >= 0 and unique[table[place]] != node:
                place = (place + 1) & mask
            if table[place] < 0:
                table[place] = count
                unique[count], places[count] = node, place
                if direct:
                    copy_row(nodes, node * size, x, count * row_size, row_size)
                    copy_row(nodes, node * size, start, count * row_size, row_size)
                else:
                    for c in range(size):
                        x[count * row_size + c] = start[count * row_size + c] = nodes[node * size + c]
                count += 1
            slots[i] = table[place] * row_size
        for k in range(count):
            table[places[k]] = -1
        for i in range(end):
            # What the next window and the next walk will read: on large graphs it is in no cache.
            if i + 1 < end:
                for k in range(outputs):
                    prefetch_row(contexts, drawn[(i + 1) * outputs + k], size)
            if row + 1 < walks.shape[0] and walks[row + 1, i] >= 0:
                prefetch_row(nodes, walks[row + 1, i] * size, size)
            near, reach = 0, window
            if shrink:
                reach = window_size(window, stream, i)
            for j in range(max(0, i - reach), min(end, i + reach + 1)):
                if j != i:
                    positions[near] = slots[j]
                    near += 1
            positions[near] = length * row_size
            pairs += near
            tiles += (near + 1) // 2
            odd += near % 2
            for block in range(blocks):
                width = min(BLOCK, outputs - block * BLOCK)
                for k in range(BLOCK):
                    # A place to spare takes the last output again, at a rate of 0.
                    rows[k] = drawn[i * outputs + block * BLOCK + min(k, width - 1)]
                if direct:
                    if width > _NARROW:
                        for j in range(0, near, 2):
                            score_tile(
                                6, x, positions, j, contexts, rows, row_size, block, signs_and_rates, gradient,
                                mantissa, exponent,
                            )  # fmt: skip
                        update_tile(6, x, positions, near, contexts, rows, row_size, gradient)
                    else:
                        for j in range(0, near, 2):
                            score_tile(
                                3, x, positions, j, contexts, rows, row_size, block, signs_and_rates, gradient,
                                mantissa, exponent,
                            )  # fmt: skip
                        update_tile(3, x, positions, near, contexts, rows, row_size, gradient)
                else:
                    # Rows of any other length are trained in a copy that is filled up with zeros.
                    for k in range(width):
                        for c in range(size):
                            value = contexts[rows[k] + c]
                            spare[k * row_size + c] = spare[(BLOCK + k) * row_size + c] = value
                    for j in range(0, near, 2):
                        score_tile(
                            6, x, positions, j, spare, spare_rows, row_size, block, signs_and_rates, gradient,
                            mantissa, exponent,
                        )  # fmt: skip
                    update_tile(6, x, positions, near, spare, spare_rows, row_size, gradient)
                    for k in range(width):
                        for c in range(size):
                            contexts[rows[k] + c] += spare[k * row_size + c] - spare[(BLOCK + k) * row_size + c]
        for k in range(count):
            # One gradient that is not finite spoils the whole row.
            finite = finite and abs(x[k * row_size]) < np.inf
            if direct:
                move_row(nodes, unique[k] * size, x, start, k * row_size, row_size)
            else:
                for c in range(size):
                    nodes[unique[k] * size + c] += x[k * row_size + c] - start[k * row_size + c]
        if tiles > 1 << 22 or row + 1 == walks.shape[0]:  # before the exponents overflow
            total += _losses(mantissa, exponent, signs_and_rates, rate, tiles, odd)
            mantissa[:], exponent[:] = 1, 0
            tiles = odd = 0
    if tiles > 0:
        total += _losses(mantissa, exponent, signs_and_rates, rate, tiles, odd)
    return tokens, pairs, total if finite else np.nan


@numba.njit
def _losses(mantissa, exponent, signs_and_rates, rate, tiles, odd):
    """Sum of the pairs' losses, log(1 + e), out of the products that the tiles have kept."""
    total = 0.0
    for lane in range(mantissa.size):
        block, side = lane // LANES, lane % LANES
        weight = abs(signs_and_rates[block * 2 * LANES + LANES + side]) / rate
        if weight > 0:
            loss = math.log(mantissa[lane]) + (exponent[lane] - 127 * tiles) * math.log(2.0)
            # An odd window was filled up with an input of zeros, whose every loss is log(1 + 1).
            total += weight * (loss - (odd * math.log(2.0) if side >= SIDE else 0.0))
    return total
