"""SplitMix64 in plain Python: the oracle for every place that draws from it."""

from __future__ import annotations

MASK = (1 << 64) - 1


def splitmix(seed: int, counter: int) -> int:
    """Output ``counter``, from 0, of the generator that starts from ``seed``."""
    value = (seed + 0x9E3779B97F4A7C15 * (counter + 1)) & MASK
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & MASK
    return value ^ (value >> 31)


def below(bound: int, random: int) -> int:
    """A number below ``bound`` out of the upper 32 of 64 random bits."""
    return (random >> 32) * bound >> 32
