"""Sums of gathered rows, a block of columns at a time, written as LLVM vectors.

A loop over rows that adds them to an array makes LLVM load and store that array for every row, as it cannot tell
whether the arrays overlap. Here a block of the sum stays in registers, and the rows needed shortly are fetched ahead:
on a graph that does not fit into the caches this is most of the time of a sum over neighbours.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["sum_row"]

#: Rows fetched ahead of the one being added. Measured on Gowalla (1.6 M edges) at 64 columns: 16 takes two thirds of
#: the time of none, 8 four fifths.
_AHEAD = 16
_LINE = 64
_INDEX, _INT, _BYTE = ir.IntType(64), ir.IntType(32), ir.IntType(8)
_PREFETCH = ir.FunctionType(ir.VoidType(), [_BYTE.as_pointer(), _INT, _INT, _INT])


def _block(lanes: int) -> Any:
    @intrinsic
    def block(typing, x, indices, weight, first, last, column, stride, out, place):
        """``lanes`` numbers of ``out`` from ``place`` on, both arrays taken as flat; see :func:`sum_row`."""
        weighted = not isinstance(weight, types.NoneType)

        def generate(context, builder, signature, arguments):
            element = context.get_value_type(x.dtype)
            size = context.get_abi_sizeof(element)
            vector = ir.VectorType(element, lanes)

            def data(position: int) -> Any:
                kind = signature.args[position]
                return context.make_array(kind)(context, builder, arguments[position]).data

            rows, sources, target = data(0), data(1), data(7)
            factors = data(2) if weighted else None
            begin, end, start, width = arguments[3:7]
            entries = context.make_array(indices)(context, builder, arguments[1]).nitems
            final = builder.sub(entries, ir.Constant(_INDEX, 1))
            prefetch = cgutils.get_or_insert_function(builder.module, _PREFETCH, "llvm.prefetch.p0")

            def offset(entry: Any) -> Any:
                source = builder.load(builder.gep(sources, [entry]))
                if source.type != _INDEX:
                    source = builder.sext(source, _INDEX)
                return builder.add(builder.mul(source, width), start)

            total = cgutils.alloca_once(builder, vector)
            builder.store(ir.Constant(vector, [ir.Constant(element, 0.0)] * lanes), total)
            with cgutils.for_range_slice(builder, begin, end, ir.Constant(_INDEX, 1), intp=_INDEX, inc=True) as (at, _):
                row = builder.bitcast(builder.gep(rows, [offset(at)]), vector.as_pointer())
                values = builder.load(row, align=size)
                if weighted:
                    factor = builder.load(builder.gep(factors, [at]))
                    single = builder.insert_element(ir.Constant(vector, ir.Undefined), factor, ir.Constant(_INT, 0))
                    spread = ir.Constant(ir.VectorType(_INT, lanes), [ir.Constant(_INT, 0)] * lanes)
                    values = builder.fmul(values, builder.shuffle_vector(single, single, spread))
                builder.store(builder.fadd(builder.load(total), values), total)
                later = builder.add(at, ir.Constant(_INDEX, _AHEAD))
                later = builder.select(builder.icmp_signed("<", later, final), later, final)
                ahead = offset(later)
                for line in range(0, lanes, max(_LINE // size, 1)):
                    place = builder.gep(rows, [builder.add(ahead, ir.Constant(_INDEX, line))])
                    hints = [ir.Constant(_INT, hint) for hint in (0, 3, 1)]  # for reading, into the nearest cache, data
                    builder.call(prefetch, [builder.bitcast(place, _BYTE.as_pointer()), *hints])
            where = builder.bitcast(builder.gep(target, [arguments[8]]), vector.as_pointer())
            builder.store(builder.load(total), where, align=size)
            return context.get_dummy_value()

        long = types.int64
        return types.none(x, indices, weight, long, long, long, long, out, long), generate

    return block


_wide, _narrow = _block(64), _block(16)


@njit(inline="always")
def sum_row(x, indices, weight, first, last, out, row):
    """``out[row]`` = sum of ``weight[e] * x[indices[e]]`` for the entries ``e`` from ``first`` to ``last``.

    ``x`` and ``out`` are contiguous matrices; ``weight`` is an array with a factor for each entry, or None for 1.
    Every column is summed in the order of the entries, whichever block it falls into.
    """
    column, width = 0, x.shape[1]
    while column + 64 <= width:
        _wide(x, indices, weight, first, last, column, width, out, row * width + column)
        column += 64
    while column + 16 <= width:
        _narrow(x, indices, weight, first, last, column, width, out, row * width + column)
        column += 16
    for k in range(column, width):
        total = x.dtype.type(0)
        for entry in range(first, last):
            if weight is None:
                total += x[indices[entry], k]
            else:
                total += weight[entry] * x[indices[entry], k]
        out[row, k] = total
