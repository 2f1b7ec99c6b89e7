"""The walks of :class:`~graphembed_ext.walks.vectorised.TorchWalker` on a GPU, bit for bit the same.

Each lane of a program makes a walk. Imported only where there is Triton.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from .._core import rng
from .._core.gpu import on_device_of
from .._core.gpu_bits import below, bits, lower
from .tables import ENDED, RESTART_DRAW

__all__ = ["walk"]

_BLOCK = 64
_ENDED = tl.constexpr(ENDED)
_RESTART = tl.constexpr(RESTART_DRAW)


def walk(
    indptr: Tensor,
    indices: Tensor,
    table: Tensor | None,
    restart: int,
    starts: Tensor,
    walk_length: int,
    stream: int,
    first: int,
    plan: Tensor | None,
    num_nodes: int,
) -> Tensor:
    """First-order walks; the arguments are those that TorchWalker derives from its own.

    Args:
        indptr, indices: The CSR.
        table: For weighted steps, what one reads at one place, as :func:`graphembed_ext.walks.compiled.table_of` makes
            it, of 32 bits, ``(entries, 3)``.
        restart: Chance of a jump to the start, in units of 2**-32.
        starts, walk_length, stream, first: As for :meth:`TorchWalker.walk`.
        plan: As for TorchWalker.
        num_nodes: Number of nodes.

    Returns:
        int64, ``(B, walk_length)``.
    """
    out = torch.empty(len(starts), walk_length, dtype=torch.int64, device=starts.device)
    with on_device_of(out):
        _walk[(triton.cdiv(len(starts), _BLOCK),)](
            out,
            starts.contiguous(),
            indptr,
            indices,
            indices if table is None else table,
            indices if plan is None else plan.contiguous(),
            restart,
            num_nodes,
            rng.signed(stream),
            first,
            len(starts),
            walk_length,
            WEIGHTED=table is not None,
            PLANNED=plan is not None,
            RESTARTS=restart > 0,
            BLOCK=_BLOCK,
            num_warps=2,
        )
    return out


@triton.jit(do_not_specialize=["restart", "num_nodes", "stream", "first", "count", "length"])
def _walk(
    out,
    starts,
    indptr,
    indices,
    table,
    plan,
    restart,
    num_nodes,
    stream,
    first,
    count,
    length,
    WEIGHTED: tl.constexpr,
    PLANNED: tl.constexpr,
    RESTARTS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    lane = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = lane < count
    home = tl.load(starts + lane, mask=there, other=0)
    path = home // num_nodes
    if PLANNED:
        home = home % num_nodes
    keys = bits(stream.to(tl.uint64), first.to(tl.uint64) + lane.to(tl.uint64))
    place = out + lane * length
    tl.store(place, home, mask=there)
    current = tl.where(there, home, -1)
    for step in range(1, length):
        draw = (tl.zeros_like(keys) + step) << 32
        row = current
        going = current >= 0
        if PLANNED:
            base = tl.load(plan + path * (length - 1) + step - 1, mask=going, other=_ENDED)
            going = going & (base != _ENDED)
            row = tl.where(going, row + base, 0)
        begin = tl.load(indptr + row, mask=going, other=0).to(tl.int64)
        degree = tl.load(indptr + row + 1, mask=going, other=0).to(tl.int64) - begin
        going = going & (degree > 0)
        random = bits(keys, draw)
        entry = begin + below(degree, random)
        if WEIGHTED:
            threshold = tl.load(table + 3 * entry, mask=going, other=0).to(tl.uint32, bitcast=True).to(tl.uint64)
            kept = (lower(random) >= threshold).to(tl.int64)
            following = (
                tl.load(table + 3 * entry + 1 + kept, mask=going, other=0).to(tl.uint32, bitcast=True).to(tl.int64)
            )
        else:
            following = tl.load(indices + entry, mask=going, other=0).to(tl.int64)
        following = tl.where(going, following, -1)
        if RESTARTS:
            jump = (lower(bits(keys, draw + _RESTART)).to(tl.int64) < restart) & (current >= 0)
            following = tl.where(jump, home, following)
        tl.store(place + step, following, mask=there)
        current = following
