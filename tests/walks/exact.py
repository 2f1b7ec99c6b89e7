"""Probabilities of walks by plain recursion, and whether walks follow them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import scipy.stats
import torch


def exact(start: int, length: int, steps, p=1.0, q=1.0, restart=0.0) -> dict[tuple[int, ...], float]:
    """Probability of every walk. ``steps(position, node)``: the (neighbour, weight) pairs of that step."""
    found: Counter[tuple[int, ...]] = Counter()

    def go(walk: tuple[int, ...], previous: int | None, chance: float) -> None:
        if len(walk) == length:
            found[walk] += chance
            return
        if walk[-1] < 0:
            go((*walk, -1), None, chance)
            return
        if restart:
            go((*walk, start), None, chance * restart)
        options = steps(len(walk), walk[-1])
        shares = []
        for node, weight in options:
            bias = 1.0
            if previous is not None:
                near = any(n == previous for n, _ in steps(len(walk), node))
                bias = 1 / p if node == previous else 1.0 if near else 1 / q
            shares.append(bias * weight)
        if not options:
            go((*walk, -1), None, chance * (1 - restart))
        for (node, _), share in zip(options, shares, strict=True):
            if share > 0:
                go((*walk, node), walk[-1], chance * (1 - restart) * share / sum(shares))

    go((start,), None, 1.0)
    return found


def assert_follows(walks: torch.Tensor, expected: dict[tuple[int, ...], float]) -> None:
    counts = Counter(map(tuple, walks.tolist()))
    impossible = set(counts) - {walk for walk, chance in expected.items() if chance > 1e-7}
    assert not impossible
    total = len(walks)
    frequent = [walk for walk, chance in expected.items() if chance * total >= 5]
    observed = [counts[walk] for walk in frequent]
    wanted = [expected[walk] * total for walk in frequent]
    rest = total - sum(wanted)
    if rest > 1:
        observed.append(total - sum(observed))
        wanted.append(rest)
    scale = sum(observed) / sum(wanted)
    if len(wanted) > 1:
        assert scipy.stats.chisquare(observed, np.array(wanted) * scale).pvalue > 1e-4
