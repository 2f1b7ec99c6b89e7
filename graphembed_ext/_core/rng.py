"""Random streams that depend on a seed and on nothing else.

Global generators (torch's, NumPy's, Python's) are never read or moved, but torch's while :func:`torch_seeded` lasts. A
*key* is a 64-bit integer derived from a seed and the purpose of the draws; :func:`bits` turns a key and a tensor of
counters into random bits with pure integer arithmetic, so that every element has its own stream: the result depends on
no batch size, thread count, number of workers or device.

The mixing function is the finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from . import checks, rng

__all__ = [
    "below",
    "bits",
    "fresh_seed",
    "generator",
    "key",
    "seed_or_fresh",
    "signed",
    "stream_of_call",
    "torch_seeded",
]

_MASK = (1 << 64) - 1
#: SplitMix64: the step from one state to the next, and the factors and shifts of its finaliser. Compiled code reads
#: them here, so that it draws from the same streams.
GOLDEN = 0x9E3779B97F4A7C15
MIX_1 = 0xBF58476D1CE4E5B9
MIX_2 = 0x94D049BB133111EB
SHIFTS = (30, 27, 31)


def _mix(value: int) -> int:
    value = (value ^ (value >> SHIFTS[0])) * MIX_1 & _MASK
    value = (value ^ (value >> SHIFTS[1])) * MIX_2 & _MASK
    return value ^ (value >> SHIFTS[2])


def key(seed: int, *purpose: int | str) -> int:
    """A 64-bit key for one seed and purpose; other purposes give independent keys.

    Example:
        >>> key(0, "walks", 1) == key(0, "walks", 1), key(0, "walks", 1) == key(0, "walks", 2)
        (True, False)
    """
    state = _mix((seed + GOLDEN) & _MASK)
    for part in purpose:
        number = int.from_bytes(part.encode(), "little") if isinstance(part, str) else part
        while True:
            state = _mix((state ^ (number & _MASK)) + GOLDEN & _MASK)
            number >>= 64
            if number in (0, -1):
                break
    return state


def signed(value: int) -> int:
    """The int64 of the same 64 bits, as torch and the kernels on a GPU take a key.

    Example:
        >>> signed((1 << 64) - 1), signed(7)
        (-1, 7)
    """
    value &= _MASK
    return value - (1 << 64) if value >> 63 else value


def bits(stream: int | Tensor, counters: int | Tensor) -> Tensor:
    """Random 64-bit integers (as int64), one for each stream and counter; the same on every device.

    Args:
        stream: A key, or one stream per element as an earlier call of this function returned it.
        counters: int64. Broadcast against ``stream``; one of the two must be a tensor.

    Returns:
        int64 of the broadcast shape.

    Example:
        >>> walks = bits(key(0), torch.arange(3))
        >>> bool((bits(walks, 7)[1:] == bits(walks[1:], 7)).all())
        True
    """
    step = signed(GOLDEN * (counters + 1)) if isinstance(counters, int) else (counters + 1) * signed(GOLDEN)
    return _mix_tensor(torch.as_tensor(step + (signed(stream) if isinstance(stream, int) else stream)))


def _mix_tensor(value: Tensor) -> Tensor:
    """:func:`_mix` for every element, in place; int64 wraps around as uint64 does."""
    for shift, factor in zip(SHIFTS, (MIX_1, MIX_2, 0), strict=True):
        # ">>" of int64 drags the sign along; the mask makes it the logical shift.
        value ^= (value >> shift) & ((1 << (64 - shift)) - 1)
        if factor:
            value *= signed(factor)
    return value


def below(bound: Tensor, random: Tensor) -> Tensor:
    """Uniform integers from 0 to ``bound - 1`` out of the upper 32 of the random bits.

    Exact to a bias of at most ``bound / 2**32``.
    """
    return (((random >> 32) & 0xFFFFFFFF) * bound) >> 32


def generator(stream: int) -> torch.Generator:
    """A CPU generator positioned at the start of a key's stream."""
    return torch.Generator().manual_seed(stream >> 1)


def fresh_seed() -> int:
    """A new seed from torch's default generator, as for any module built after ``torch.manual_seed``."""
    return int(torch.randint(2**62, ()))


def seed_or_fresh(seed: Any) -> int:
    """A seed as users give it, checked; a new one for None."""
    given = checks.seed(seed)
    return fresh_seed() if given is None else given


@contextmanager
def torch_seeded(number: int | None, device: torch.device | None = None) -> Iterator[None]:
    """Let torch's default generators start from a number; afterwards they are as they were. None leaves them alone.

    For what takes no generator of its own, such as dropout and the initial weights of torch's layers.

    Args:
        number: From 0 to ``2**63 - 1``; a key is one shifted right by a bit.
        device: The one whose generator is drawn from, beside the CPU's.
    """
    if number is None:
        yield
        return
    devices = [device.index or 0] if device is not None and device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(number)
        yield


def stream_of_call(seed: int, purpose: str, call: int) -> int:
    """Key for the ``call``-th use of a model's own stream, another one in each DataLoader worker and epoch."""
    worker = torch.utils.data.get_worker_info()
    if worker is None:
        return rng.key(seed, purpose, call)
    return rng.key(seed, purpose, call, worker.seed)
