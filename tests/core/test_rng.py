"""Random streams: the published mixing function, independence, and even spread."""

from __future__ import annotations

import pytest
import torch

from graphembed_ext._core import rng


def test_splitmix64_known_answers():
    # First outputs of SplitMix64 for seed 1234567, as printed by the reference C program
    # (Rosetta Code, "Pseudo-random numbers/Splitmix64").
    expected = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    found = rng.bits(1234567, torch.arange(5))
    assert [value % 2**64 for value in found.tolist()] == expected


def test_counters_and_streams_broadcast():
    counters = torch.arange(4)
    streams = rng.bits(rng.key(1), counters)
    grid = rng.bits(streams[:, None], counters[None, :])
    for i in range(4):
        assert torch.equal(grid[i], rng.bits(int(streams[i]), counters))
        assert torch.equal(grid[:, i], rng.bits(streams, i))


def test_keys_differ_by_seed_and_purpose():
    keys = {
        rng.key(seed, *purpose)
        for seed in range(20)
        for purpose in ((), ("a",), ("b",), (0,), (1,), ("a", 1), (1, "a"))
    }
    assert len(keys) == 20 * 7
    assert all(0 <= key < 2**64 for key in keys)
    assert rng.key(0, "a purpose longer than eight bytes") != rng.key(0, "a purpose longer than eight")
    assert rng.key(0, -1) != rng.key(0, 1)


@pytest.mark.parametrize("bound", [1, 3, 10, 1000])
def test_below_is_uniform(bound):
    draws = rng.below(torch.full((200_000,), bound), rng.bits(rng.key(7, bound), torch.arange(200_000)))
    assert 0 <= draws.min() <= draws.max() == bound - 1
    expected = 200_000 / bound
    chi2 = ((torch.bincount(draws, minlength=bound) - expected) ** 2 / expected).sum()
    assert chi2 < bound + 5 * (2 * bound) ** 0.5 + 5


def test_bits_are_balanced():
    draws = rng.bits(rng.key(0), torch.arange(100_000))
    for bit in range(64):
        assert ((draws >> bit) & 1).double().mean().item() == pytest.approx(0.5, abs=0.01)


def test_generators_of_one_key_agree():
    first, second = (torch.rand(3, generator=rng.generator(rng.key(5, "x"))) for _ in range(2))
    assert torch.equal(first, second)
