"""The loss core against plain loops, finite differences, and what each preset is known for."""

from __future__ import annotations

import math
from typing import ClassVar

import pytest
import torch

from graphembed_ext import losses
from graphembed_ext.errors import InputError
from graphembed_ext.losses import (
    BPR_PRESETS,
    PRESETS,
    REGRESSION_PRESETS,
    alignment_uniformity_loss,
    bpr_loss,
    classification_loss,
    link_loss,
    regression_loss,
    sampled_softmax_loss,
    skip_gram_loss,
)
from tests.cases import LossCase


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


class TestSkipGram(LossCase):
    loss = staticmethod(skip_gram_loss)
    variants: ClassVar = [{"preset": preset, "neg_weight": weight} for preset in PRESETS for weight in (1.0, 1.3)]
    margin = 0.5

    def scores(self, dtype=torch.float64):
        return list(scores(pairs=4, noise=2, dtype=dtype))


class TestBPR(LossCase):
    loss = staticmethod(bpr_loss)
    variants: ClassVar = [{"preset": preset} for preset in BPR_PRESETS]

    def scores(self, dtype=torch.float64):
        draw = torch.Generator().manual_seed(0)
        return [3 * torch.randn(7, generator=draw, dtype=dtype) for _ in range(2)]


class TestSampledSoftmax(LossCase):
    loss = staticmethod(sampled_softmax_loss)
    variants: ClassVar = [
        {"temperature": t, "correction": c} for t in (1.0, 0.2) for c in (None, torch.tensor([0.5, 0.1, 0.9]))
    ]

    def scores(self, dtype=torch.float64):
        return list(scores(dtype=dtype))

    def call(self, scores, options):
        given = options["correction"]
        return super().call(scores, options | {"correction": None if given is None else given.to(scores[0].dtype)})


class TestAlignmentUniformity(LossCase):
    """Vectors go in: a pair's own cosine should rise above those of two users, and of two items."""

    loss = staticmethod(alignment_uniformity_loss)
    variants: ClassVar = [{"gamma": 0.5}, {"gamma": 2.0}]

    def scores(self, dtype=torch.float64):
        draw = torch.Generator().manual_seed(0)
        return [torch.randn(4, 6, generator=draw, dtype=torch.float64).to(dtype) for _ in range(2)]

    def test_ten_steps_lift_positives_above_negatives(self, options):
        users, items = ((vectors / 4).requires_grad_() for vectors in self.scores())  # shorter ones turn faster
        optimizer = torch.optim.SGD([users, items], lr=1.0)
        for _ in range(10):
            optimizer.zero_grad()
            self.call([users, items], options).backward()
            optimizer.step()
        cosine = torch.nn.functional.normalize(users, dim=1) @ torch.nn.functional.normalize(items, dim=1).t()
        own = torch.eye(4, dtype=torch.bool)
        assert cosine[own].min() > cosine[~own].max()


class TestLinks(LossCase):
    loss = staticmethod(link_loss)
    variants: ClassVar = [{}, {"pos_weight": torch.tensor(2.0)}]
    LABELS = torch.tensor([1, 0, 1, 0, 0, 1, 0])

    def scores(self, dtype=torch.float64):
        return [scores(dtype=dtype)[0]]

    def others(self):
        return (self.LABELS,)

    def sides(self, given):
        return given[self.LABELS == 1], given[self.LABELS == 0]


class TestClassification(LossCase):
    loss = staticmethod(classification_loss)
    variants: ClassVar = [{}]
    CLASSES = torch.tensor([0, 2, 1, 1, 2, 0, 0])

    def scores(self, dtype=torch.float64):
        return [scores(dtype=dtype)[1]]

    def others(self):
        return (self.CLASSES,)

    def sides(self, given):
        theirs = torch.nn.functional.one_hot(self.CLASSES, 3) == 1
        return given[theirs], given[~theirs]


class TestRegression(LossCase):
    """Numbers go towards their targets: here 1 and -1."""

    loss = staticmethod(regression_loss)
    variants: ClassVar = [{"preset": preset} for preset in REGRESSION_PRESETS]
    ABOVE = torch.tensor([True, False, True, False, False, True, False])

    def scores(self, dtype=torch.float64):
        return [scores(dtype=dtype)[0].unsqueeze(1)]

    def others(self):
        return (torch.where(self.ABOVE, 1.0, -1.0),)

    def sides(self, given):
        return given[self.ABOVE], given[~self.ABOVE]


class TestSeveralLabels(TestClassification):
    def others(self):
        return (torch.nn.functional.one_hot(self.CLASSES, 3),)


def test_every_loss_and_preset_has_a_case():
    cases = [
        case
        for case in globals().values()
        if isinstance(case, type) and issubclass(case, LossCase) and case is not LossCase
    ]
    functions = {getattr(losses, name) for name in losses.__all__ if callable(getattr(losses, name))}
    assert {case.loss for case in cases} == functions
    assert {options["preset"] for options in TestSkipGram.variants} == set(PRESETS)
    assert {options["preset"] for options in TestBPR.variants} == set(BPR_PRESETS)


@pytest.mark.parametrize("temperature", [1.0, 0.1])
def test_sampled_softmax_equals_plain_loops(temperature):
    pos, neg = scores()
    rates = torch.tensor([0.1, 0.7, 0.2], dtype=torch.float64)
    total = 0.0
    for p, row in zip(pos.tolist(), neg.tolist(), strict=True):
        p = math.exp(p / temperature)
        total -= math.log(
            p / (p + sum(math.exp(n / temperature) / q for n, q in zip(row, rates.tolist(), strict=True)))
        )
    options = {"temperature": temperature}
    found = sampled_softmax_loss(pos, neg, correction=rates.log(), **options)
    assert found.item() == pytest.approx(total / len(pos), rel=1e-12)
    summed = torch.logsumexp(neg / temperature - rates.log(), 1)
    torch.testing.assert_close(sampled_softmax_loss(pos, summed, **options), found)


def test_weights_of_pairs_and_the_positive_among_the_negatives():
    pos, neg = scores()
    neg[:, 0] = pos
    weight = torch.tensor([1.0, 2, 3, 0, 1, 1, 5], dtype=torch.float64)
    total = sum(
        w * -math.log(math.exp(p) / sum(math.exp(n) for n in row))
        for p, row, w in zip(pos.tolist(), neg.tolist(), weight.tolist(), strict=True)
    )
    found = sampled_softmax_loss(pos, neg, whole=True, weight=weight)
    assert found.item() == pytest.approx(total / 13, rel=1e-12)


def test_sampled_softmax_over_the_batch_is_cross_entropy():
    """In-batch negatives: every other pair's item, the own one in the place of the positive."""
    draw = torch.randn(5, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    others = draw[~torch.eye(5, dtype=torch.bool)].view(5, 4)
    wanted = torch.nn.functional.cross_entropy(draw / 0.3, torch.arange(5))
    torch.testing.assert_close(sampled_softmax_loss(draw.diagonal(), others, temperature=0.3), wanted)


def test_alignment_and_uniformity_equal_plain_loops():
    users, items = TestAlignmentUniformity().scores()
    unit = [[[v / math.hypot(*row) for v in row] for row in side.tolist()] for side in (users, items)]

    def apart(a, b):
        return sum((x - y) ** 2 for x, y in zip(a, b, strict=True))

    expected = sum(apart(u, i) for u, i in zip(*unit, strict=True)) / 4
    for side in unit:
        near = [math.exp(-2 * apart(a, b)) for n, a in enumerate(side) for m, b in enumerate(side) if n != m]
        expected += 0.7 / 2 * math.log(sum(near) / len(near))
    assert alignment_uniformity_loss(users, items, gamma=0.7).item() == pytest.approx(expected, rel=1e-12)


def test_bad_softmax():
    with pytest.raises(InputError, match="temperature: got 0"):
        sampled_softmax_loss(torch.zeros(2), torch.zeros(2, 3), temperature=0)
    with pytest.raises(InputError, match=r"neg: got shape \(3, 3\)"):
        sampled_softmax_loss(torch.zeros(2), torch.zeros(3, 3))
    with pytest.raises(InputError, match="correction: got a tensor; expected None"):
        sampled_softmax_loss(torch.zeros(2), torch.zeros(2), correction=torch.zeros(2))
    with pytest.raises(InputError, match="at least one pair"):
        sampled_softmax_loss(torch.zeros(0), torch.zeros(0))
    with pytest.raises(InputError, match="at least two pairs"):
        alignment_uniformity_loss(torch.zeros(1, 2), torch.zeros(1, 2))
    with pytest.raises(InputError, match=r"items: got shape \(2, 3\)"):
        alignment_uniformity_loss(torch.zeros(2, 2), torch.zeros(2, 3))


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("neg_weight", [1.0, 0.25, 0.0])
@pytest.mark.parametrize("spread", [0.5, 6.0])
def test_equals_plain_loops(preset, neg_weight, spread):
    pos, neg = scores(spread)
    expected = plain_loops(pos.tolist(), neg.tolist(), preset, neg_weight)
    assert skip_gram_loss(pos, neg, preset=preset, neg_weight=neg_weight).item() == pytest.approx(expected, rel=1e-12)


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
