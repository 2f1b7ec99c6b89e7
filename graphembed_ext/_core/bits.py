"""SplitMix64 in compiled code; :func:`graphembed_ext._core.rng.bits` gives the same stream in torch.

These functions are inlined into the kernels that call them. Streams and counters are uint64.
"""

from __future__ import annotations

import numba
import numpy as np

from .rng import GOLDEN, MIX_1, MIX_2, SHIFTS

__all__ = ["U64", "below", "bits", "lower", "mix", "unit"]

U64 = np.uint64

_GOLDEN, _MIX_1, _MIX_2 = U64(GOLDEN), U64(MIX_1), U64(MIX_2)
_SHIFT_1, _SHIFT_2, _SHIFT_3 = (U64(shift) for shift in SHIFTS)
_S11, _S32, _ONE, _LOW_32 = U64(11), U64(32), U64(1), U64(0xFFFFFFFF)


@numba.njit(cache=True, nogil=True, inline="always")
def mix(value):  # type: ignore[no-untyped-def]
    """The finaliser: every bit of the result depends on every bit of ``value``."""
    value = (value ^ (value >> _SHIFT_1)) * _MIX_1
    value = (value ^ (value >> _SHIFT_2)) * _MIX_2
    return value ^ (value >> _SHIFT_3)


@numba.njit(cache=True, nogil=True, inline="always")
def bits(stream, counter):  # type: ignore[no-untyped-def]
    """64 random bits: output ``counter`` of the generator whose seed is ``stream``."""
    return mix((counter + _ONE) * _GOLDEN + stream)


@numba.njit(cache=True, nogil=True, inline="always")
def below(bound, random):  # type: ignore[no-untyped-def]
    """A uniform int64 from 0 to ``bound - 1`` out of the upper 32 of the random bits."""
    return np.int64(((random >> _S32) * U64(bound)) >> _S32)


@numba.njit(cache=True, nogil=True, inline="always")
def lower(random):  # type: ignore[no-untyped-def]
    """The lower 32 of the random bits, which :func:`below` leaves over, as uint64."""
    return random & _LOW_32


@numba.njit(cache=True, nogil=True, inline="always")
def unit(random):  # type: ignore[no-untyped-def]
    """A uniform float64 from 0 up to, and without, 1."""
    return np.float64(random >> _S11) / 9007199254740992.0
