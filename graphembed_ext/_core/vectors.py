"""Vectors of numbers in compiled code, written as LLVM instructions: the one module on numba's internals.

Loops over a few numbers, and sums that must stay in registers, are nothing that LLVM vectorises by itself. An intrinsic
is such a piece of code by hand::

    @intrinsic
    def double(typing, x, place):
        def generate(context, builder, signature, arguments):
            v = Vectors(context, builder, signature, arguments, x.dtype, lanes=8)
            first = v.address(v.data(0), arguments[1])
            v.store(builder.fmul(v.load(first), v.filled(2.0)), first)
            return v.nothing()

        return types.void(x, place), generate

What it takes of numba (``cgutils``, ``make_array``, ``get_value_type``, ``get_dummy_value``, ``FunctionCache``) is no
public interface, so ``pyproject.toml`` bounds numba's version from above and ``tests/core/test_vectors.py`` tells when
a new one has changed it. Arrays are flat and contiguous; vectors need no more alignment than their elements. LLVM
splits the lanes for machines with narrower registers.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import caching, cgutils, dispatcher
from numba.extending import intrinsic

__all__ = ["INDEX", "INT", "Vectors", "intrinsic", "ir", "keep_nothing", "types"]

INDEX, INT = ir.IntType(64), ir.IntType(32)
_BYTE = ir.IntType(8)
_PREFETCH = ir.FunctionType(ir.VoidType(), [_BYTE.as_pointer(), INT, INT, INT])
_BYTES = {ir.FloatType(): 4, ir.DoubleType(): 8, INT: 4, INDEX: 8}


class Vectors:
    """Memory and arithmetic on vectors, for one call of an intrinsic.

    Args:
        context, builder, signature, arguments: What numba hands to the generator of an intrinsic.
        element: numba's type of the numbers, ``types.float32`` or ``types.float64``.
        lanes: Numbers in a vector.

    Attributes:
        element: LLVM's type of the numbers.
        vector: LLVM's type of the vectors.
        size: Bytes of a number.
    """

    def __init__(
        self, context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any, element: Any, lanes: int
    ) -> None:
        self.context, self.builder, self.lanes = context, builder, lanes
        self._types, self._arguments = signature.args, arguments
        self.element = context.get_value_type(element)
        self.vector = ir.VectorType(self.element, lanes)
        self.size = _BYTES[self.element]

    def data(self, position: int) -> ir.Value:
        """First element of an array argument."""
        return self._array(position).data

    def length(self, position: int) -> ir.Value:
        """Number of elements of an array argument."""
        return self._array(position).nitems

    def _array(self, position: int) -> Any:
        kind = self._types[position]
        return self.context.make_array(kind)(self.context, self.builder, self._arguments[position])

    def address(self, base: ir.Value, offset: ir.Value, element: ir.Type | None = None) -> ir.Value:
        """Where the element at an offset is; ``base`` is taken as elements of that type."""
        kind = self.element if element is None else element
        return self.builder.gep(self.builder.bitcast(base, kind.as_pointer()), [offset])

    def load(self, address: ir.Value, kind: ir.Type | None = None) -> ir.Value:
        """A vector from there on; or what else ``kind`` says."""
        kind = self.vector if kind is None else kind
        return self.builder.load(self.builder.bitcast(address, kind.as_pointer()), align=_align(kind))

    def store(self, value: ir.Value, address: ir.Value) -> None:
        """Write a vector, or a number, from there on."""
        self.builder.store(value, self.builder.bitcast(address, value.type.as_pointer()), align=_align(value.type))

    def filled(self, value: float) -> ir.Constant:
        """A vector of a number known now."""
        return ir.Constant(self.vector, [ir.Constant(self.element, value)] * self.lanes)

    def whole(self, *values: int, kind: ir.Type = INDEX) -> ir.Constant:
        """A vector of whole numbers known now, repeated as often as it takes."""
        numbers = list(values) * (self.lanes // len(values))
        return ir.Constant(ir.VectorType(kind, self.lanes), [ir.Constant(kind, number) for number in numbers])

    def spread(self, value: ir.Value) -> ir.Value:
        """A vector of a number, of any type, that is known when the code runs."""
        kind = ir.VectorType(value.type, self.lanes)
        single = self.builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(INT, 0))
        return self.shuffle(single, single, [0] * self.lanes)

    def shuffle(self, a: ir.Value, b: ir.Value, lanes: list[int]) -> ir.Value:
        """Some lanes of two vectors; those of the second count on from the first's."""
        chosen = ir.Constant(ir.VectorType(INT, len(lanes)), [ir.Constant(INT, lane) for lane in lanes])
        return self.builder.shuffle_vector(a, b, chosen)

    def fma(self, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
        """``a * b + c``."""
        # fmuladd, unlike fma, never becomes a call of libm on a machine without the instruction.
        kind = ir.FunctionType(self.vector, [self.vector] * 3)
        name = f"llvm.fmuladd.v{self.lanes}f{8 * self.size}"
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, name), [a, b, c])

    def prefetch(self, address: ir.Value, *, write: bool) -> None:
        """Ask for a cache line ahead of its use, into the nearest cache, as data."""
        function = cgutils.get_or_insert_function(self.builder.module, _PREFETCH, "llvm.prefetch.p0")
        hints = [ir.Constant(INT, hint) for hint in (int(write), 3, 1)]
        self.builder.call(function, [self.builder.bitcast(address, _BYTE.as_pointer()), *hints])

    def cell(self) -> ir.Value:
        """A vector that a loop changes, kept in registers: loaded and stored by the builder."""
        return cgutils.alloca_once(self.builder, self.vector)

    def steps(self, first: ir.Value, last: ir.Value, step: int) -> Any:
        """A loop from ``first`` up to, and without, ``last``; as a context it gives the counter, and its own count."""
        return cgutils.for_range_slice(self.builder, first, last, ir.Constant(INDEX, step), intp=INDEX, inc=True)

    def repeat(self, count: ir.Value) -> Any:
        """A loop of so many rounds; as a context it gives an object with the ``index``."""
        return cgutils.for_range(self.builder, count, intp=INDEX)

    def nothing(self) -> Any:
        """What an intrinsic returns that returns nothing."""
        return self.context.get_dummy_value()


def _align(kind: ir.Type) -> int:
    return _BYTES[kind.element if isinstance(kind, ir.VectorType) else kind]


def keep_nothing() -> None:
    """Let numba compile for this process alone, where it would refuse for want of a cache."""
    dispatcher.FunctionCache = lambda function: caching.NullCache()  # type: ignore[attr-defined]
