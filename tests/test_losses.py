"""The loss core against plain loops, finite differences, and what each preset is known for."""

from __future__ import annotations

import math

import pytest
import torch

from graphembed_ext.errors import InputError
from graphembed_ext.losses import PRESETS, skip_gram_loss


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def plain_loops(pos, neg, preset, neg_weight, clamp=6.0):
    """The formulas of the module's table, one pair at a time in double precision."""
    if preset == "pyg":
        observed = [-math.log(sigmoid(s) + 1e-15) for s in pos]
        noise = [-math.log(1 - sigmoid(s) + 1e-15) for row in neg for s in row]
        return sum(observed) / len(observed) + neg_weight * sum(noise) / len(noise)
    bound = clamp if preset == "dgl" else math.inf
    total = 0.0
    for s, row in zip(pos, neg, strict=True):
        total -= math.log(sigmoid(min(max(s, -bound), bound)))
        total -= neg_weight * sum(math.log(sigmoid(-min(max(n, -bound), bound))) for n in row)
    return total / len(pos)


def scores(spread=2.0, pairs=7, noise=3, dtype=torch.float64):
    generator = torch.Generator().manual_seed(1)
    pos = torch.randn(pairs, generator=generator, dtype=dtype) * spread
    neg = torch.randn(pairs, noise, generator=generator, dtype=dtype) * spread
    return pos, neg


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("neg_weight", [1.0, 0.25, 0.0])
@pytest.mark.parametrize("spread", [0.5, 6.0])
def test_equals_plain_loops(preset, neg_weight, spread):
    pos, neg = scores(spread)
    expected = plain_loops(pos.tolist(), neg.tolist(), preset, neg_weight)
    assert skip_gram_loss(pos, neg, preset=preset, neg_weight=neg_weight).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("preset", PRESETS)
def test_gradient_by_finite_differences(preset):
    pos, neg = (tensor.requires_grad_() for tensor in scores())
    assert torch.autograd.gradcheck(lambda p, n: skip_gram_loss(p, n, preset=preset, neg_weight=0.7), (pos, neg))


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_scalar_finite_and_of_the_scores_type(preset, dtype):
    loss = skip_gram_loss(*scores(dtype=dtype), preset=preset)
    assert (loss.shape, loss.dtype, bool(torch.isfinite(loss))) == ((), dtype, True)


@pytest.mark.parametrize("preset", PRESETS)
def test_ten_steps_lift_pairs_above_noise(preset):
    pos, neg = torch.zeros(4, requires_grad=True), torch.zeros(4, 2, requires_grad=True)
    optimizer = torch.optim.SGD([pos, neg], lr=1.0)
    for _ in range(10):
        optimizer.zero_grad()
        skip_gram_loss(pos, neg, preset=preset).backward()
        optimizer.step()
    assert pos.min() > 0.5 > -0.5 > neg.max()


@pytest.mark.parametrize("preset", PRESETS)
def test_zero_scores(preset):
    noise = 1 if preset == "pyg" else 5  # pyg averages the noise, the others sum it
    loss = skip_gram_loss(torch.zeros(3), torch.zeros(3, 5), preset=preset)
    assert loss.item() == pytest.approx((1 + noise) * math.log(2), rel=1e-6)


def test_only_stable_corrects_the_worst_pairs():
    def gradients(preset):
        pos, neg = torch.tensor([-20.0], requires_grad=True), torch.tensor([[20.0]], requires_grad=True)
        skip_gram_loss(pos, neg, preset=preset).backward()
        return pos.grad.item(), neg.grad.item()

    assert gradients("stable") == pytest.approx((-1.0, 1.0), abs=1e-6)
    assert gradients("dgl") == (0.0, 0.0)
    assert gradients("pyg")[1] == 0.0


def test_dgl_clamp_bound():
    pos, neg = torch.tensor([8.0]), torch.tensor([[8.0]])
    at_10 = skip_gram_loss(pos, neg, preset="dgl", clamp=10)
    assert at_10.item() == pytest.approx(plain_loops([8.0], [[8.0]], "dgl", 1.0, clamp=10), rel=1e-6)
    assert at_10 > skip_gram_loss(pos, neg, preset="dgl") + 1


@pytest.mark.parametrize(
    ("pos", "neg", "preset", "message"),
    [
        (torch.zeros(0), torch.zeros(0, 5), "stable", r"pos: got shape \(0,\); expected scores of at least one pair"),
        (torch.zeros(2, 1), torch.zeros(2, 5), "dgl", r"pos: got shape \(2, 1\)"),
        (torch.zeros(2), torch.zeros(3, 5), "stable", r"neg: got shape \(3, 5\); expected shape \(2, K\)"),
        (torch.zeros(2), torch.zeros(2, 0), "stable", r"neg: got shape \(2, 0\)"),
        (torch.zeros(2), torch.zeros(0), "pyg", r"neg: got shape \(0,\)"),
        (torch.zeros(2), torch.zeros(2, 1), "gensim", r"preset: got gensim; expected one of 'stable', 'dgl', 'pyg'"),
    ],
)
def test_bad_scores(pos, neg, preset, message):
    with pytest.raises(InputError, match=message):
        skip_gram_loss(pos, neg, preset=preset)
