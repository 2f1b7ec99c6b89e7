"""Eight numbers at a time: the inner steps of the attention kernel, written as LLVM vectors.

Loops over eight heads, or over the eight numbers of a head, are too short for LLVM to vectorise by itself. Arrays
are flat and contiguous; an offset names the first of eight lanes. float32 and float64 both serve; LLVM splits the
lanes for machines with narrower registers.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ..._core import rng

__all__ = ["LANES", "add_scaled", "drop_factors", "signed_factors"]

#: Numbers in a vector.
LANES = 8

_INDEX, _INT = ir.IntType(64), ir.IntType(32)
_INDICES = ir.VectorType(_INDEX, LANES)


class _Lanes:
    """Loads, stores and arithmetic of eight lanes, for one call of an intrinsic."""

    def __init__(self, context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any, element: Any) -> None:
        self.context, self.builder = context, builder
        self._types, self._arguments = signature.args, arguments
        single = element is types.float32
        self.element, self._align = (ir.FloatType(), 4) if single else (ir.DoubleType(), 8)
        self.vector = ir.VectorType(self.element, LANES)
        self._fma = f"llvm.fmuladd.v{LANES}f{32 if single else 64}"

    def _address(self, array: int, offset: ir.Value, kind: ir.VectorType) -> ir.Value:
        made = self.context.make_array(self._types[array])(self.context, self.builder, self._arguments[array])
        first = self.builder.gep(self.builder.bitcast(made.data, kind.element.as_pointer()), [offset])
        return self.builder.bitcast(first, kind.as_pointer())

    def load(self, array: int, offset: ir.Value) -> ir.Value:
        """Lanes of the argument at a position, from an offset on."""
        return self.builder.load(self._address(array, offset, self.vector), align=self._align)

    def store(self, value: ir.Value, array: int, offset: ir.Value) -> None:
        self.builder.store(value, self._address(array, offset, value.type), align=8 if value.type == _INDICES else 4)

    def splat(self, value: ir.Value) -> ir.Value:
        kind, lanes = ir.VectorType(value.type, LANES), ir.VectorType(_INT, LANES)
        single = self.builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(_INT, 0))
        return self.builder.shuffle_vector(single, ir.Constant(kind, ir.Undefined), ir.Constant(lanes, [0] * LANES))

    def zeros(self) -> ir.Constant:
        return ir.Constant(self.vector, [0.0] * LANES)

    def indices(self, *values: int) -> ir.Constant:
        return ir.Constant(_INDICES, list(values) * (LANES // len(values)))

    def fma(self, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
        # fmuladd, unlike fma, never becomes a call of libm on a machine without the instruction.
        kind = ir.FunctionType(self.vector, [self.vector] * 3)
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, self._fma), [a, b, c])


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
        above = builder.fcmp_ordered(">", builder.fadd(lanes.load(0, mine), lanes.load(3, theirs)), lanes.zeros())
        factors = builder.select(
            above,
            builder.fmul(lanes.load(1, mine), lanes.load(4, theirs)),
            builder.fmul(lanes.load(2, mine), lanes.load(5, theirs)),
        )
        lanes.store(factors, 12, block)
        lanes.store(builder.select(above, lanes.indices(0), lanes.splat(width)), 13, block)
        counted = builder.fmul(factors, lanes.load(6, theirs))
        for offset, part in ((block, (counted, lanes.zeros())), (builder.add(padded, block), (lanes.zeros(), counted))):
            lanes.store(builder.fadd(lanes.load(14, offset), builder.select(above, *part)), 14, offset)
        return context.get_dummy_value()

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
        count = builder.add(lanes.splat(counter), lanes.indices(*range(1, LANES + 1)))
        value = builder.add(builder.mul(count, lanes.indices(rng.GOLDEN)), lanes.splat(stream))
        for shift, mix in zip(rng.SHIFTS, (rng.MIX_1, rng.MIX_2, None), strict=True):
            value = builder.xor(value, builder.lshr(value, lanes.indices(shift)))
            if mix is not None:
                value = builder.mul(value, lanes.indices(mix))
        kept = builder.icmp_unsigned("<", builder.lshr(value, lanes.indices(32)), lanes.splat(threshold))
        scaled = builder.fmul(lanes.load(0, block), lanes.splat(scale))
        lanes.store(builder.select(kept, scaled, lanes.zeros()), 0, block)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def add_scaled(typing, out, start, x, first, size, factor):
    """``out[start:start + size] += factor * x[first:first + size]``, with ``size`` a multiple of eight."""
    signature = types.void(out, start, x, first, size, factor)

    def generate(context, builder, signature, arguments):
        lanes = _Lanes(context, builder, signature, arguments, out.dtype)
        _, start, _, first, size, factor = arguments
        factors = lanes.splat(factor)
        zero = ir.Constant(_INDEX, 0)
        with cgutils.for_range_slice(builder, zero, size, ir.Constant(_INDEX, LANES), intp=_INDEX, inc=True) as (
            k,
            _count,
        ):
            to = builder.add(start, k)
            lanes.store(lanes.fma(factors, lanes.load(2, builder.add(first, k)), lanes.load(0, to)), 0, to)
        return context.get_dummy_value()

    return signature, generate
