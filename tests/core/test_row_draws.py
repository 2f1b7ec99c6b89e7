"""Draws whose sums are not kept are those of a search in all sums."""

from __future__ import annotations

import pytest
import torch

from graphembed_ext._core.row_draws import RowDraws


@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 33, 1000, 70_000])
@pytest.mark.parametrize("bounds", ["one", "several"])
def test_draws_are_those_of_a_search_in_all_sums(count, bounds):
    generator = torch.Generator().manual_seed(count)
    weights = torch.rand(count, generator=generator, dtype=torch.float64) ** 4
    weights[torch.rand(count, generator=generator) < 0.3] = 0
    weights[-1] = 1e-300
    inner = sorted({int(count * share) for share in (0.001, 0.3, 0.31, 0.9)} - {0, count})
    ends = torch.tensor([0, *(inner if bounds == "several" else []), count])
    groups = torch.randint(len(ends) - 1, (500, 3), generator=generator)
    shares = torch.rand((500, 3), generator=generator, dtype=torch.float64)
    shares[0], shares[1] = 0, 1 - 2**-53
    sums = weights.cumsum(0)
    before = torch.cat([sums.new_zeros(1), sums])[ends]
    wanted = before[groups] + shares * (before[groups + 1] - before[groups])
    expected = torch.minimum(torch.searchsorted(sums, wanted, right=True), ends[groups + 1] - 1)
    found = RowDraws(count, weights.__getitem__, ends.tolist()).at(shares, groups)
    assert torch.equal(found, expected)


def test_few_weights_are_asked_for():
    asked = []

    def weights_of(rows):
        asked.append(len(rows))
        return torch.ones(len(rows))

    draws = RowDraws(1_000_000, weights_of, [0, 1_000_000])
    assert sum(asked) == 1_000_000
    assert max(asked) <= 1 << 16
    asked.clear()
    shares = torch.arange(100).double() / 100
    assert torch.equal(draws.at(shares, torch.zeros(100, dtype=torch.int64)), (shares * 1_000_000).long())
    assert sum(asked) <= 100 * 16
