"""The denominator of a sampled softmax: against plain loops, finite differences, and any number of threads."""

from __future__ import annotations

import math

import pytest
import torch

from graphembed_ext.nn.ops import log_sum_exp as module
from graphembed_ext.nn.ops.log_sum_exp import log_sum_exp


def draw(*size, seed=0, dtype=torch.float64):
    return torch.randn(size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def test_equals_plain_loops():
    x, y = draw(5, 3) * 4, draw(7, 3, seed=1) * 4
    expected = [
        math.log(sum(math.exp(sum(a * b for a, b in zip(row, other, strict=True))) for other in y.tolist()))
        for row in x.tolist()
    ]
    assert log_sum_exp(x, y).tolist() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("rows", [1, 3, 256])
def test_gradients_in_parts_of_any_size(monkeypatch, rows):
    monkeypatch.setattr(module, "_ROWS", rows)
    x, y = draw(8, 3).requires_grad_(), draw(6, 3, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(log_sum_exp, (x, y))
    assert torch.autograd.gradgradcheck(log_sum_exp, (x, y))


def test_large_scores_overflow_nothing():
    found = log_sum_exp(torch.full((1, 1), 1000.0), torch.tensor([[1.0], [-1.0]]))
    assert found.item() == pytest.approx(1000)


def test_threads_change_no_bit():
    x, y = draw(3000, 16, dtype=torch.float32), draw(500, 16, seed=1, dtype=torch.float32)
    before, found = torch.get_num_threads(), []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        ours = [given.clone().requires_grad_() for given in (x, y)]
        out = log_sum_exp(*ours)
        found.append((out, *torch.autograd.grad(out.sin().sum(), ours)))
    torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_other_types(dtype):
    x, y = draw(4, 3, dtype=dtype), draw(5, 3, seed=1, dtype=dtype)
    torch.testing.assert_close(log_sum_exp(x, y), torch.logsumexp(x @ y.t(), 1))
