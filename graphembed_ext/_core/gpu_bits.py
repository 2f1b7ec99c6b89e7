"""SplitMix64 in Triton's kernels: the streams of :func:`graphembed_ext._core.rng.bits`, bit for bit.

Streams and counters are uint64. Imported only where there is Triton.
"""

from __future__ import annotations

import triton
import triton.language as tl

from . import rng

__all__ = ["below", "bits", "lower"]

GOLDEN = tl.constexpr(rng.GOLDEN)
MIX_1 = tl.constexpr(rng.MIX_1)
MIX_2 = tl.constexpr(rng.MIX_2)
SHIFT_1, SHIFT_2, SHIFT_3 = (tl.constexpr(shift) for shift in rng.SHIFTS)


@triton.jit
def bits(stream, counter):
    """64 random bits: output ``counter`` of the generator whose seed is ``stream``."""
    value = (counter + 1) * GOLDEN + stream
    value = (value ^ (value >> SHIFT_1)) * MIX_1
    value = (value ^ (value >> SHIFT_2)) * MIX_2
    return value ^ (value >> SHIFT_3)


@triton.jit
def below(bound, random):
    """A uniform int64 from 0 to ``bound - 1`` out of the upper 32 of the random bits."""
    return (((random >> 32) * bound.to(tl.uint64)) >> 32).to(tl.int64)


@triton.jit
def lower(random):
    """The lower 32 of the random bits, which :func:`below` leaves over, as uint64."""
    return random & 0xFFFFFFFF
