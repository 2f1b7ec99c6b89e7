"""One stream everywhere: SplitMix64 in torch, in compiled loops and in LLVM vectors, against plain Python."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numba import njit

from graphembed_ext._core import bits, rng
from graphembed_ext.nn.ops.lanes import LANES, drop_factors
from tests.splitmix import MASK, below, splitmix

#: First outputs for the seed 1234567, as the authors' C program prints them (Vigna, prng.di.unimi.it/splitmix64.c;
#: Rosetta Code, "Pseudo-random numbers/Splitmix64").
PUBLISHED = [
    6457827717110365317,
    3203168211198807973,
    9817491932198370423,
    4593380528125082431,
    16408922859458223821,
]
SEEDS = [0, 1, 1234567, 2**63, MASK]


@njit
def compiled(seed, count):
    out = np.empty(count, np.uint64)
    for k in range(count):
        out[k] = bits.bits(seed, np.uint64(k))
    return out


@njit
def compiled_parts(random, bound):
    return bits.below(bound, random), bits.lower(random), bits.unit(random), bits.mix(random)


@njit
def kept_by_lanes(seed, counter, threshold):
    factor = np.ones(LANES)
    drop_factors(factor, 0, seed, counter, threshold, 2.0)
    return factor


def test_published_outputs():
    assert [splitmix(1234567, k) for k in range(5)] == PUBLISHED
    assert [value & MASK for value in rng.bits(1234567, torch.arange(5)).tolist()] == PUBLISHED
    assert compiled(np.uint64(1234567), 5).tolist() == PUBLISHED


@pytest.mark.parametrize("seed", SEEDS)
def test_torch_and_compiled_code_give_the_same_stream(seed):
    expected = [splitmix(seed, k) for k in range(100)]
    assert [value & MASK for value in rng.bits(seed, torch.arange(100)).tolist()] == expected
    assert compiled(np.uint64(seed), 100).tolist() == expected


@pytest.mark.parametrize("seed", SEEDS)
def test_vectors_draw_from_the_same_stream(seed):
    """A factor is kept where the upper half of its bits is below the threshold: a search finds these bits."""
    for counter in (0, 7, 10**6):
        for lane in range(LANES):
            upper = splitmix(seed, counter + lane) >> 32
            arguments = np.uint64(seed).astype(np.int64), np.int64(counter)
            assert kept_by_lanes(*arguments, np.int64(upper))[lane] == 0
            assert kept_by_lanes(*arguments, np.int64(upper + 1))[lane] == 2


def test_parts_of_the_bits():
    for random in PUBLISHED:
        number, low, share, mixed = compiled_parts(np.uint64(random), 1000)
        assert number == below(1000, random)
        assert low == random % 2**32
        assert share == (random >> 11) / 2**53
        assert mixed == splitmix((random - 0x9E3779B97F4A7C15) & MASK, 0)
