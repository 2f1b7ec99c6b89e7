"""Register tiles of the CPU kernel, written as LLVM vectors because loops over short windows do not vectorise.

A tile works on rows of float32 that are a multiple of 16 long, 16 lanes at a time: one AVX-512 register. LLVM
splits the lanes for narrower machines. Rows are named by the offset of their first element in a flat array.

With one window's inputs ``x`` (context positions) and outputs ``o`` (the centre and its negatives):

* :func:`score_tile` takes the dot products of two inputs with up to six outputs in registers, and turns them
  into the gradients ``rate * e / (1 + e)``, with ``e = exp(-s)`` for the centre and ``exp(s)`` for negatives;
* :func:`update_tile` moves all inputs by the outputs and all outputs by the inputs, both as they were before.

Lanes of a gradient are ``[first input: up to 8 outputs | second input: up to 8 outputs]``.
"""

from __future__ import annotations

from typing import Any

from ..._core.vectors import INDEX, INT, Vectors, intrinsic, ir, types

__all__ = ["LANES", "SIDE", "copy_row", "move_row", "prefetch_row", "score_tile", "update_tile"]

#: Elements of a vector.
LANES = 16
#: Gradients kept for each input.
SIDE = LANES // 2

#: exp(r) on [-ln 2 / 2, ln 2 / 2] as a polynomial, highest power first; relative error below 2e-7.
_EXP = (1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1.0, 1.0)
#: Adding it rounds a small float32 to an integer, which then stands in the low bits.
_ROUND = 12582912.0


class _Tile(Vectors):
    """What the tiles share, for one call of an intrinsic."""

    def __init__(self, context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> None:
        super().__init__(context, builder, signature, arguments, types.float32, LANES)
        self.bits = ir.VectorType(INT, LANES)

    def index(self, base: ir.Value, position: int) -> ir.Value:
        """Entry of an int64 array."""
        return self.load(self.address(base, ir.Constant(INDEX, position), INDEX), INDEX)

    def chunks(self, length: ir.Value) -> Any:
        """A loop over the first elements of all vectors of a row."""
        return self.steps(ir.Constant(INDEX, 0), length, LANES)

    def cells(self, count: int) -> list[ir.Value]:
        """Vectors set to zero here, kept in registers from here on."""
        cells = [self.cell() for _ in range(count)]
        for cell in cells:
            self.builder.store(self.filled(0.0), cell)
        return cells

    def sums(self, vectors: list[ir.Value]) -> ir.Value:
        """One vector whose lane ``l`` is the sum of the lanes of ``vectors[l]``: a tree of halving steps."""
        width = LANES
        while width > 1:
            width //= 2
            merged = []
            for k in range(width):
                a, b = vectors[k], vectors[k + width]
                # Of every 2 * width lanes, the first half goes to a and the second to b.
                first = [
                    g * 2 * width + lane + side * LANES
                    for g in range(SIDE // width)
                    for side in (0, 1)
                    for lane in range(width)
                ]
                second = [lane + width for lane in first]
                merged.append(self.builder.fadd(self.shuffle(a, b, first), self.shuffle(a, b, second)))
            vectors = merged
        return vectors[0]

    def exp(self, x: ir.Value) -> ir.Value:
        """exp of every lane, of at most exp(80); NaN stays NaN."""
        b = self.builder
        for bound, order in ((80.0, ">"), (-80.0, "<")):
            x = b.select(b.fcmp_ordered(order, x, self.filled(bound)), self.filled(bound), x)
        shifted = self.fma(x, self.filled(1.4426950408889634), self.filled(_ROUND))
        whole = b.fsub(shifted, self.filled(_ROUND))
        rest = self.fma(whole, self.filled(-0.693145751953125), x)
        rest = self.fma(whole, self.filled(-1.428606765330187e-06), rest)
        value: ir.Value = self.filled(_EXP[0])
        for coefficient in _EXP[1:]:
            value = self.fma(value, rest, self.filled(coefficient))
        power = b.add(b.bitcast(shifted, self.bits), self.whole(127 - 0x4B400000, kind=INT))
        return b.fmul(value, b.bitcast(b.shl(power, self.whole(23, kind=INT)), self.vector))


@intrinsic(prefer_literal=True)
def score_tile(
    typing: Any, size, x, positions, first, outs, rows, length, block, coefficient, gradient, loss, exponent
):
    """Gradients of two inputs against ``size`` outputs.

    Args:
        size: Outputs, a literal from 1 to 6.
        x: Flat inputs, float32.
        positions: Offsets of all inputs, int64.
        first: Number of the first of the two inputs; the other one follows it.
        outs: Flat outputs, float32.
        rows: Offsets of the outputs, int64.
        length: Elements of a row, a multiple of 16.
        block: Number of this block of outputs.
        coefficient: For each block 16 signs (-1 where the score should rise, 1 where it should fall), then 16 rates.
        gradient: Takes 8 gradients for each input.
        loss: Mantissas of the product of all ``1 + e``, per block and lane; updated.
        exponent: Its exponents, int32, 127 too high for each call; updated.
    """
    signature = types.void(size, x, positions, first, outs, rows, length, block, coefficient, gradient, loss, exponent)
    count = size.literal_value

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        tile = _Tile(context, builder, signature, arguments)
        near = tile.address(tile.data(2), arguments[3], INDEX)
        inputs = [tile.address(tile.data(1), tile.index(near, k)) for k in range(2)]
        outputs = [tile.address(tile.data(4), tile.index(tile.data(5), k)) for k in range(count)]
        sums = tile.cells(2 * count)
        with tile.chunks(arguments[6]) as (chunk, _):
            pair_values = [tile.load(tile.address(row, chunk)) for row in inputs]
            for o, row in enumerate(outputs):
                value = tile.load(tile.address(row, chunk))
                for k, pair_value in enumerate(pair_values):
                    cell = sums[k * count + o]
                    builder.store(tile.fma(pair_value, value, builder.load(cell)), cell)
        totals = [builder.load(cell) for cell in sums]
        nothing = [tile.filled(0.0)] * (SIDE - count)
        scores = tile.sums(totals[:count] + nothing + totals[count:] + nothing)
        lanes = builder.mul(arguments[7], ir.Constant(INDEX, LANES))
        constants = tile.address(tile.data(8), builder.mul(lanes, ir.Constant(INDEX, 2)))
        sign, rate = (tile.load(tile.address(constants, ir.Constant(INDEX, k * LANES))) for k in range(2))
        target = tile.address(tile.data(9), builder.mul(arguments[3], ir.Constant(INDEX, SIDE)))
        loss, exponent = tile.address(tile.data(10), lanes), tile.address(tile.data(11), lanes, INT)
        e = tile.exp(builder.fmul(sign, scores))
        whole = builder.fadd(e, tile.filled(1.0))
        tile.store(builder.fdiv(builder.fmul(rate, e), whole), target)
        product = builder.bitcast(builder.fmul(tile.load(loss), whole), tile.bits)
        mantissa = builder.or_(
            builder.and_(product, tile.whole(0x007FFFFF, kind=INT)), tile.whole(0x3F800000, kind=INT)
        )
        tile.store(builder.bitcast(mantissa, tile.vector), loss)
        power = builder.add(tile.load(exponent, tile.bits), builder.lshr(product, tile.whole(23, kind=INT)))
        tile.store(power, exponent)
        return tile.nothing()

    return signature, generate


@intrinsic(prefer_literal=True)
def update_tile(typing: Any, size, x, positions, count, outs, rows, length, gradient):
    """Move ``count`` inputs and ``size`` outputs along the gradients of :func:`score_tile`.

    Args:
        size: Outputs, a literal from 1 to 6.
        x: Flat inputs, float32; updated.
        positions: Offsets of the inputs, int64.
        count: Number of inputs.
        outs: Flat outputs, float32; updated.
        rows: Offsets of the outputs, int64.
        length: Elements of a row, a multiple of 16.
        gradient: 8 gradients for each input, float32.
    """
    signature = types.void(size, x, positions, count, outs, rows, length, gradient)
    number = size.literal_value

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        tile = _Tile(context, builder, signature, arguments)
        inputs, positions, gradients = tile.data(1), tile.data(2), tile.data(7)
        outputs = [tile.address(tile.data(4), tile.index(tile.data(5), k)) for k in range(number)]
        moves = [tile.cell() for _ in range(number)]
        with tile.chunks(arguments[6]) as (chunk, _):
            old = [tile.load(tile.address(row, chunk)) for row in outputs]
            for move in moves:
                builder.store(tile.filled(0.0), move)
            with tile.repeat(arguments[3]) as loop:
                offset = tile.load(tile.address(positions, loop.index, INDEX), INDEX)
                place = tile.address(tile.address(inputs, offset), chunk)
                before = after = tile.load(place)
                weights = tile.address(gradients, builder.mul(loop.index, ir.Constant(INDEX, SIDE)))
                for k in range(number):
                    weight = tile.spread(tile.load(tile.address(weights, ir.Constant(INDEX, k)), tile.element))
                    builder.store(tile.fma(weight, before, builder.load(moves[k])), moves[k])
                    after = tile.fma(weight, old[k], after)
                tile.store(after, place)
            for row, move in zip(outputs, moves, strict=True):
                # Read again: a node may stand among the outputs twice.
                place = tile.address(row, chunk)
                tile.store(builder.fadd(tile.load(place), builder.load(move)), place)
        return tile.nothing()

    return signature, generate


@intrinsic
def prefetch_row(typing: Any, table, offset, length):
    """Ask for a row of a flat float32 array ahead of its use."""
    signature = types.void(table, offset, length)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        tile = _Tile(context, builder, signature, arguments)
        row = tile.address(tile.data(0), arguments[1])
        with tile.chunks(arguments[2]) as (chunk, _):
            tile.prefetch(tile.address(row, chunk), write=True)
        return tile.nothing()

    return signature, generate


@intrinsic
def copy_row(typing: Any, source, offset, target, place, length):
    """Copy a row between flat float32 arrays; its length is a multiple of 16."""
    signature = types.void(source, offset, target, place, length)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        tile = _Tile(context, builder, signature, arguments)
        source, target = tile.address(tile.data(0), arguments[1]), tile.address(tile.data(2), arguments[3])
        with tile.chunks(arguments[4]) as (chunk, _):
            tile.store(tile.load(tile.address(source, chunk)), tile.address(target, chunk))
        return tile.nothing()

    return signature, generate


@intrinsic
def move_row(typing: Any, table, offset, new, old, place, length):
    """Add the difference between two versions of a row, at the same place of two arrays, to a row of a table."""
    signature = types.void(table, offset, new, old, place, length)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        tile = _Tile(context, builder, signature, arguments)
        row = tile.address(tile.data(0), arguments[1])
        new, old = (tile.address(tile.data(k), arguments[4]) for k in (2, 3))
        with tile.chunks(arguments[5]) as (chunk, _):
            change = builder.fsub(tile.load(tile.address(new, chunk)), tile.load(tile.address(old, chunk)))
            place = tile.address(row, chunk)
            tile.store(builder.fadd(tile.load(place), change), place)
        return tile.nothing()

    return signature, generate
