"""LLVM vectors against NumPy; a numba that no longer takes them is named as the cause."""

from __future__ import annotations

import re
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import numba
import numpy as np
import pytest
from numba import njit

import graphembed_ext as ge
from graphembed_ext._core.vectors import INDEX, Vectors, intrinsic, ir, types

PACKAGE = Path(ge.__file__).parent


@contextmanager
def numba_takes_them():
    try:
        yield
    except AssertionError:
        raise
    except Exception as error:
        pytest.fail(
            f"numba {numba.__version__} does not take what graphembed_ext/_core/vectors.py builds on its internals "
            f"({type(error).__name__}: {error}). Mend that module, or lower numba's upper bound in pyproject.toml."
        )


@intrinsic
def polynomial(typing, x, factor, out):
    """``out[:8] = factor * x[:8] + 2``, then turned end to end; ``out[8:16]`` = ``x`` summed over its vectors."""

    def generate(context, builder, signature, arguments):
        v = Vectors(context, builder, signature, arguments, x.dtype, 8)
        zero, first = ir.Constant(INDEX, 0), v.data(0)
        v.prefetch(first, write=False)
        value = v.fma(v.load(first), v.spread(arguments[1]), v.filled(2.0))
        v.store(v.shuffle(value, value, list(range(7, -1, -1))), v.data(2))
        total = v.cell()
        builder.store(v.filled(0.0), total)
        with v.steps(zero, v.length(0), 8) as (k, _):
            builder.store(builder.fadd(builder.load(total), v.load(v.address(first, k))), total)
        v.store(builder.load(total), v.address(v.data(2), ir.Constant(INDEX, 8)))
        return v.nothing()

    return types.void(x, factor, out), generate


@intrinsic
def counted(typing, out, rounds):
    """``out[:4]`` = 0, 1, 0, 1 added up so many times."""

    def generate(context, builder, signature, arguments):
        v = Vectors(context, builder, signature, arguments, types.float64, 4)
        target = v.address(v.data(0), ir.Constant(INDEX, 0), INDEX)
        kind = ir.VectorType(INDEX, 4)
        with v.repeat(arguments[1]):
            v.store(builder.add(v.load(target, kind), v.whole(0, 1)), target)
        return v.nothing()

    return types.void(out, rounds), generate


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_vectors_equal_numpy(dtype):
    run = njit(lambda x, factor, out: polynomial(x, factor, out))
    x, out = np.arange(24, dtype=dtype), np.zeros(16, dtype)
    with numba_takes_them():
        run(x, dtype(3), out)
    np.testing.assert_array_equal(out[:8], (3 * x[:8] + 2)[::-1])
    np.testing.assert_array_equal(out[8:], x.reshape(3, 8).sum(0))


def test_whole_numbers():
    run, out = njit(lambda out, rounds: counted(out, rounds)), np.zeros(4, np.int64)
    with numba_takes_them():
        run(out, 5)
    assert out.tolist() == [0, 5, 0, 5]


def test_a_numba_that_has_changed_is_named(monkeypatch):
    from numba.core import cgutils

    monkeypatch.delattr(cgutils, "for_range_slice")
    run = njit(lambda x, factor, out: polynomial(x, factor, out))
    expected = r"numba .* does not take .*vectors\.py .*for_range_slice"
    with pytest.raises(pytest.fail.Exception, match=expected), numba_takes_them():
        run(np.zeros(8), 1.0, np.zeros(16))


def test_numba_is_bounded_and_only_one_module_is_on_its_internals():
    bound = re.search(r'"numba>=[\d.]+,<(\d+)\.(\d+)"', (PACKAGE.parent / "pyproject.toml").read_text())
    assert tuple(map(int, version("numba").split(".")[:2])) < tuple(map(int, bound.groups()))
    internals = re.compile(r"^\s*(from|import) (llvmlite|numba\.(core|extending|np))", re.MULTILINE)
    users = [str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py") if internals.search(path.read_text())]
    assert users == ["_core/vectors.py"]
