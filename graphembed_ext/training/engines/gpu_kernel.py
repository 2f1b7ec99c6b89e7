"""The GPU kernel: what :mod:`.kernel` does on the CPU, by many programs at once. Imported only where there is Triton.

A program takes every so-many-th walk and goes along it, one window after another. All pairs of a window are one step:
its rows are read, scored against one another, and their changes added to the tables by atomic additions, in which
programs at work on other walks do not wait for one another (Hogwild, arXiv:1106.5730).
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..._core import rng
from ..._core.gpu import next_power_of_2, on_device_of
from ..._core.gpu_bits import below, bits, lower
from ...errors import InputError

__all__ = ["train_walks"]

#: Numbers of a window's rows for each warp: with one warp, nothing that a program adds up waits for another.
_NUMBERS, _WARPS = 2048, 8
#: Columns that lie side by side in the lanes of a warp. A row lies in a few lanes, so that sums over it and the scores,
#: which each of its lanes works out, cost little; the rest of its columns come after one another.
_WIDTH = 64
#: Numbers in a batch of walks, at most: the kernel counts them in 32 bits.
_MOST = (1 << 31) - 1


def train_walks(
    nodes: Tensor,
    contexts: Tensor,
    walks: Tensor,
    window: int,
    shrink: bool,
    negatives: int,
    alias: Tensor,
    groups: Tensor,
    rate: float,
    weight: float,
    key: int,
    first: int,
    programs: int,
) -> Tensor:
    """Train on a batch of walks.

    Args:
        nodes, contexts: The tables, float32, ``(N, d)``; updated.
        walks: Node ids, -1 after a walk's end, int64, ``(B, walk_length)``.
        window, shrink, negatives, rate, weight, key, first: As for :func:`.kernel.train_walks`.
        alias: The table of negatives as that reads it, its bits as int32, ``(N, 2)`` or of length 0.
        groups: Bounds of the groups of nodes, int64.
        programs: How many walks are trained at the same time. One takes them in order.

    Returns:
        For each program, the sum of the losses of its pairs before each step, and their number, float64,
        ``(programs, 2)``.

    Raises:
        InputError: More walks than the kernel can count the nodes of.
    """
    count, length = walks.shape
    inputs, columns = next_power_of_2(2 * window), next_power_of_2(nodes.size(1))
    if walks.numel() > _MOST:
        expected = f"at most {_MOST // length}, of walks of {length} nodes with the engine 'triton'"
        raise InputError("batch_size", count, expected)
    found = torch.zeros(programs, 2, dtype=torch.float64, device=nodes.device)
    with on_device_of(nodes):
        _train[(programs,)](
            nodes,
            contexts,
            walks.contiguous(),
            alias if alias.numel() else walks,
            groups,
            found,
            rng.signed(key),
            first,
            count,
            rate,
            weight,
            LENGTH=length,
            SIZE=nodes.size(1),
            WINDOW=window,
            SHRINKS=shrink,
            NEGATIVES=negatives,
            GROUPS=len(groups) - 1,
            DRAWN=alias.numel() > 0,
            INPUTS=inputs,
            OUTPUTS=next_power_of_2(1 + negatives),
            PARTS=max(1, columns // _WIDTH),
            WIDTH=min(_WIDTH, columns),
            num_warps=min(_WARPS, next_power_of_2(inputs * columns // _NUMBERS)),
        )
    return found


@triton.jit
def _negatives(walks, alias, low, high, stream, counter, wanted, count, LENGTH: tl.constexpr, DRAWN: tl.constexpr):
    random = bits(stream, counter.to(tl.uint64))
    if DRAWN:
        slot = low + below(high - low, random)
        threshold = tl.load(alias + 2 * slot, mask=wanted, other=0).to(tl.uint32, bitcast=True).to(tl.uint64)
        other = tl.load(alias + 2 * slot + 1, mask=wanted, other=0).to(tl.uint32, bitcast=True).to(tl.int64)
        found = tl.where(lower(random) < threshold, slot, other)
    else:
        size = tl.zeros_like(counter) + count * LENGTH
        found = tl.load(walks + below(size, random), mask=wanted, other=0)
        while tl.min(found, 0) < 0:
            random = tl.where(found < 0, bits(random, tl.zeros_like(random)), random)
            found = tl.load(walks + below(size, random), mask=wanted, other=0)
    return found


@triton.jit(do_not_specialize=["key", "first", "count", "rate", "weight"])
def _train(
    nodes,
    contexts,
    walks,
    alias,
    groups,
    found,
    key,
    first,
    count,
    rate,
    weight,
    LENGTH: tl.constexpr,
    SIZE: tl.constexpr,
    WINDOW: tl.constexpr,
    SHRINKS: tl.constexpr,
    NEGATIVES: tl.constexpr,
    GROUPS: tl.constexpr,
    DRAWN: tl.constexpr,
    INPUTS: tl.constexpr,
    OUTPUTS: tl.constexpr,
    PARTS: tl.constexpr,
    WIDTH: tl.constexpr,
):
    program = tl.program_id(0)
    place, output = tl.arange(0, INPUTS), tl.arange(0, OUTPUTS)
    column = tl.arange(0, PARTS)[:, None, None] * WIDTH + tl.arange(0, WIDTH)[None, None, :]
    inside = column < SIZE
    wanted = output <= NEGATIVES
    total, pairs = tl.zeros([1], tl.float64), tl.zeros([1], tl.float64)
    for row in range(program, count, tl.num_programs(0)):
        walk = walks + row * LENGTH
        number = tl.zeros([OUTPUTS], tl.uint64) + first.to(tl.uint64) + row
        stream = bits(tl.zeros_like(number) + key.to(tl.uint64), number)
        for i in range(LENGTH):
            centre = tl.load(walk + i)
            if centre >= 0:
                # The positions before and after the centre.
                at = i - WINDOW + place
                at = tl.where(at >= i, at + 1, at)
                near = (at >= 0) & (at < LENGTH) & (place < 2 * WINDOW)
                if SHRINKS:
                    random = bits(~stream, tl.zeros_like(stream) + i)
                    reach = tl.max(1 + below(tl.full([OUTPUTS], WINDOW, tl.int64), random), 0)
                    near = near & (tl.abs(at - i) <= reach)
                inputs = tl.load(walk + at, mask=near, other=-1)
                near = near & (inputs >= 0)
                met = tl.sum(near.to(tl.int32), 0)
                if met > 0:
                    low, high = tl.full([OUTPUTS], 0, tl.int64), tl.full([OUTPUTS], 0, tl.int64)
                    high += tl.load(groups + GROUPS)
                    for group in range(1, GROUPS):
                        bound = tl.load(groups + group)
                        low = tl.where(bound <= centre, bound, low)
                        high = tl.where((bound > centre) & (bound < high), bound, high)
                    counter = tl.maximum(i * NEGATIVES + output - 1, 0)
                    others = _negatives(
                        walks, alias, low, high, stream, counter, wanted & (output >= 1), count, LENGTH, DRAWN
                    )
                    outputs = tl.where(output == 0, centre, others)
                    from_nodes = inputs[None, :, None] * SIZE + column
                    there = near[None, :, None] & inside
                    # Past the first cache, which does not see what is added to the tables.
                    x = tl.load(nodes + from_nodes, mask=there, other=0, cache_modifier=".cg")
                    from_contexts = outputs[None, :, None] * SIZE + column
                    those = wanted[None, :, None] & inside
                    every = tl.load(contexts + from_contexts, mask=those, other=0, cache_modifier=".cg")
                    to_nodes = tl.zeros([PARTS, INPUTS, WIDTH], tl.float32)
                    for k in range(NEGATIVES + 1):
                        mine = output == k
                        y = tl.expand_dims(tl.sum(tl.where(mine[None, :, None], every, 0.0), 1), 1)
                        score = tl.sum(tl.sum(x * y, 0), 1)
                        # How much the score should rise, of the centre, or fall, of its negatives.
                        wrong = tl.where(k == 0, -score, score)
                        small = tl.exp(-tl.abs(wrong))
                        chance = tl.where(wrong > 0, 1.0, small) / (1 + small)
                        factor = tl.where(near, chance * tl.where(k == 0, rate, -rate * weight), 0.0)
                        lost = tl.where(near, tl.maximum(wrong, 0.0) + tl.log(1 + small), 0.0)
                        total += (tl.sum(lost, 0) * tl.where(k == 0, 1.0, weight)).to(tl.float64)
                        spread = factor[None, :, None]
                        to_nodes += spread * y
                        to_context = tl.expand_dims(tl.sum(spread * x, 1), 1)
                        row_of = tl.sum(tl.where(mine, outputs, 0), 0)
                        tl.atomic_add(contexts + row_of * SIZE + column, to_context, mask=inside, sem="relaxed")
                    pairs += met.to(tl.float64)
                    tl.atomic_add(nodes + from_nodes, to_nodes, mask=there, sem="relaxed")
                    tl.debug_barrier()  # what is added is there before the next window reads it
    tl.store(found + 2 * program + tl.arange(0, 1), total)
    tl.store(found + 2 * program + 1 + tl.arange(0, 1), pairs)
