"""Sums of gathered rows, a block of columns at a time, written as LLVM vectors.

A loop over rows that adds them to an array makes LLVM load and store that array for every row, as it cannot tell
whether the arrays overlap. Here a block of the sum stays in registers, and the rows needed shortly are fetched ahead:
on a graph that does not fit into the caches this is most of the time of a sum over neighbours.
"""

from __future__ import annotations

from typing import Any

from numba import njit

from ..._core.vectors import INDEX, Vectors, intrinsic, ir, types

__all__ = ["sum_row"]

#: Rows fetched ahead of the one being added. Measured on Gowalla (1.6 M edges) at 64 columns: 16 takes two thirds of
#: the time of none, 8 four fifths.
_AHEAD = 16
_LINE = 64


def _block(lanes: int) -> Any:
    @intrinsic
    def block(typing, x, indices, weight, first, last, column, stride, out, place):
        """``lanes`` numbers of ``out`` from ``place`` on, both arrays taken as flat; see :func:`sum_row`."""
        weighted = not isinstance(weight, types.NoneType)

        def generate(context, builder, signature, arguments):
            v = Vectors(context, builder, signature, arguments, x.dtype, lanes)
            rows, sources, target = v.data(0), v.data(1), v.data(7)
            factors = v.data(2) if weighted else None
            begin, end, start, width = arguments[3:7]
            final = builder.sub(v.length(1), ir.Constant(INDEX, 1))

            def offset(entry: Any) -> Any:
                source = builder.load(builder.gep(sources, [entry]))
                if source.type != INDEX:
                    source = builder.sext(source, INDEX)
                return builder.add(builder.mul(source, width), start)

            total = v.cell()
            builder.store(v.filled(0.0), total)
            with v.steps(begin, end, 1) as (at, _):
                values = v.load(v.address(rows, offset(at)))
                if weighted:
                    values = builder.fmul(values, v.spread(builder.load(builder.gep(factors, [at]))))
                builder.store(builder.fadd(builder.load(total), values), total)
                later = builder.add(at, ir.Constant(INDEX, _AHEAD))
                later = builder.select(builder.icmp_signed("<", later, final), later, final)
                ahead = offset(later)
                for line in range(0, lanes, max(_LINE // v.size, 1)):
                    v.prefetch(v.address(rows, builder.add(ahead, ir.Constant(INDEX, line))), write=False)
            v.store(builder.load(total), v.address(target, arguments[8]))
            return v.nothing()

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
