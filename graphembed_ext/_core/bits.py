"""SplitMix64 in compiled code."""

from __future__ import annotations

import numba
import numpy as np

_U = np.uint64


_GOLDEN, _MIX_1, _MIX_2 = _U(0x9E3779B97F4A7C15), _U(0xBF58476D1CE4E5B9), _U(0x94D049BB133111EB)


_S27, _S30, _S31, _S32, _S11, _ONE = _U(27), _U(30), _U(31), _U(32), _U(11), _U(1)


@numba.njit(cache=True, inline="always")
def _bits(stream, counter):  # type: ignore[no-untyped-def]
    value = (counter + _ONE) * _GOLDEN + stream
    value = (value ^ (value >> _S30)) * _MIX_1
    value = (value ^ (value >> _S27)) * _MIX_2
    return value ^ (value >> _S31)
