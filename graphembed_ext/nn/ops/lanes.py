"""Eight numbers at a time: the inner steps of the attention kernel, written as LLVM vectors.

Loops over eight heads, or over the eight numbers of a head, are too short for LLVM to vectorise by itself. Arrays
are flat and contiguous; an offset names the first of eight lanes. float32 and float64 both serve; LLVM splits the
lanes for machines with narrower registers.
"""

from __future__ import annotations

from typing import Any

from ..._core import rng
from ..._core.vectors import INDEX, Vectors, intrinsic, ir, types

__all__ = ["LANES", "add_scaled", "drop_factors", "signed_factors"]

#: Numbers in a vector.
LANES = 8


class _Lanes(Vectors):
    """Eight lanes of the array arguments, named by position and offset."""

    def __init__(self, context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any, element: Any) -> None:
        super().__init__(context, builder, signature, arguments, element, LANES)
        self.zeros = self.filled(0.0)

    def take(self, array: int, offset: ir.Value) -> ir.Value:
        """Lanes of the argument at a position, from an offset on."""
        return self.load(self.address(self.data(array), offset))

    def put(self, value: ir.Value, array: int, offset: ir.Value) -> None:
        """Write lanes to the argument at a position, from an offset on."""
        self.store(value, self.address(self.data(array), offset, value.type.element))


@intrinsic
def signed_factors(
    typing, row_half, row_up, row_down, half, up, down, extra, row, other, block, width, padded, factor, side, sums
):
    """Attention of eight heads on one edge, up to the row's denominator.

    With ``z = row_half + half``, the factor is ``row_up * up`` where z is above 0, ``row_down * down`` elsewhere; its
    side is 0 or ``width``. ``extra`` times the factor is added to the first ``padded`` sums or to the others.

    Args:
        row_half, row_up, row_down: Of the row's heads, read at ``row + block``.
        half, up, down, extra: Of the other node's heads, read at ``other + block``.
        block: First of the heads.
        factor, side: Written at ``block``.
        sums: Added to at ``block`` and at ``padded + block``.
    """
    signature = types.void(
        row_half, row_up, row_down, half, up, down, extra, row, other, block, width, padded, factor, side, sums
    )

    def generate(context, builder, signature, arguments):
        lanes = _Lanes(context, builder, signature, arguments, row_half.dtype)
        row, other, block, width, padded = arguments[7:12]
        mine, theirs = builder.add(row, block), builder.add(other, block)
        above = builder.fcmp_ordered(">", builder.fadd(lanes.take(0, mine), lanes.take(3, theirs)), lanes.zeros)
        factors = builder.select(
            above,
            builder.fmul(lanes.take(1, mine), lanes.take(4, theirs)),
            builder.fmul(lanes.take(2, mine), lanes.take(5, theirs)),
        )
        lanes.put(factors, 12, block)
        lanes.put(builder.select(above, lanes.whole(0), lanes.spread(width)), 13, block)
        counted = builder.fmul(factors, lanes.take(6, theirs))
        for offset, part in ((block, (counted, lanes.zeros)), (builder.add(padded, block), (lanes.zeros, counted))):
            lanes.put(builder.fadd(lanes.take(14, offset), builder.select(above, *part)), 14, offset)
        return lanes.nothing()

    return signature, generate


@intrinsic
def drop_factors(typing, factor, block, stream, counter, threshold, scale):
    """Set each of eight factors to 0, or multiply it by ``scale`` where its random number stays below ``threshold``.

    Random numbers are the upper 32 of ``rng.bits(stream, counter + lane)``.
    """
    signature = types.void(factor, block, stream, counter, threshold, scale)

    def generate(context, builder, signature, arguments):
        lanes = _Lanes(context, builder, signature, arguments, factor.dtype)
        _, block, stream, counter, threshold, scale = arguments
        count = builder.add(lanes.spread(counter), lanes.whole(*range(1, LANES + 1)))
        value = builder.add(builder.mul(count, lanes.whole(rng.GOLDEN)), lanes.spread(stream))
        for shift, mix in zip(rng.SHIFTS, (rng.MIX_1, rng.MIX_2, None), strict=True):
            value = builder.xor(value, builder.lshr(value, lanes.whole(shift)))
            if mix is not None:
                value = builder.mul(value, lanes.whole(mix))
        kept = builder.icmp_unsigned("<", builder.lshr(value, lanes.whole(32)), lanes.spread(threshold))
        scaled = builder.fmul(lanes.take(0, block), lanes.spread(scale))
        lanes.put(builder.select(kept, scaled, lanes.zeros), 0, block)
        return lanes.nothing()

    return signature, generate


@intrinsic
def add_scaled(typing, out, start, x, first, size, factor):
    """``out[start:start + size] += factor * x[first:first + size]``, with ``size`` a multiple of eight."""
    signature = types.void(out, start, x, first, size, factor)

    def generate(context, builder, signature, arguments):
        lanes = _Lanes(context, builder, signature, arguments, out.dtype)
        _, start, _, first, size, factor = arguments
        factors = lanes.spread(factor)
        with lanes.steps(ir.Constant(INDEX, 0), size, LANES) as (k, _):
            to = builder.add(start, k)
            lanes.put(lanes.fma(factors, lanes.take(2, builder.add(first, k)), lanes.take(0, to)), 0, to)
        return lanes.nothing()

    return signature, generate
