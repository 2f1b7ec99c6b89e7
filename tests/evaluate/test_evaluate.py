"""Evaluation protocols against hand-made answers and plain definitions."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import torch

import graphembed_ext as ge
from graphembed_ext.errors import InputError
from graphembed_ext.evaluate.classification import _most_probable

#: Three classes far apart, four nodes each.
Y = torch.arange(12) % 3
VECTORS = torch.nn.functional.one_hot(Y, 3).float() * 5


def test_separable_classes_are_told_apart():
    for emb in (VECTORS, ge.Embeddings(VECTORS)):
        result = ge.evaluate.node_classification(emb, Y)
        assert result == {"micro_f1": 1.0, "macro_f1": 1.0, "accuracy": 1.0}


def test_unlabelled_nodes_are_left_out():
    vectors, y = torch.cat([VECTORS, torch.randn(5, 3)]), torch.cat([Y, torch.full((5,), -1)])
    assert ge.evaluate.node_classification(vectors, y)["accuracy"] == 1.0


def test_noise_is_not_learned():
    generator = torch.Generator().manual_seed(0)
    vectors, y = torch.randn(300, 4, generator=generator), torch.randint(2, (300,), generator=generator)
    assert 0.4 < ge.evaluate.node_classification(vectors, y)["accuracy"] < 0.6


def test_splits_depend_on_the_seed_alone():
    generator = torch.Generator().manual_seed(0)
    vectors = VECTORS + 4 * torch.randn(12, 3, generator=generator)
    first, second, other = (ge.evaluate.node_classification(vectors, Y, seed=seed) for seed in (0, 0, 100))
    assert first == second != other


@pytest.mark.parametrize("form", [np.asarray, sp.csr_matrix, torch.tensor])
def test_several_labels_a_node(form):
    labels = np.zeros((40, 3), dtype=int)
    labels[::2, 0] = labels[1::2, 1] = labels[::4, 2] = 1
    vectors = torch.from_numpy(labels).float() * 4
    result = ge.evaluate.node_classification(vectors, form(labels), repeats=3)
    assert result == {"micro_f1": 1.0, "macro_f1": 1.0, "accuracy": 1.0}


def test_each_node_gets_as_many_labels_as_it_has():
    chance = np.array([[0.1, 0.9, 0.5], [0.2, 0.2, 0.2], [0.3, 0.2, 0.1]])
    assert _most_probable(chance, np.array([2, 1, 0])).tolist() == [[0, 1, 1], [1, 0, 0], [0, 0, 0]]


def test_link_prediction_equals_its_definition():
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(30, 4, generator=generator)
    positive, negative = torch.randint(30, (2, 2, 25), generator=generator)
    score = lambda pairs: [float(vectors[a] @ vectors[b]) for a, b in pairs.t()]  # noqa: E731
    wins = [(p > n) + 0.5 * (p == n) for p in score(positive) for n in score(negative)]
    result = ge.evaluate.link_prediction(vectors, positive, negative)
    assert result["auc"] == pytest.approx(sum(wins) / len(wins))
    assert 0 < result["ap"] <= 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ge.evaluate.node_classification(VECTORS, Y[:5]), r"y: got shape \(5,\); expected \(12,\)"),
        (lambda: ge.evaluate.node_classification(VECTORS, Y, train_ratio=1.0), r"train_ratio: got 1.0"),
        (lambda: ge.evaluate.node_classification(VECTORS, Y, train_ratio=0), r"train_ratio: got 0"),
        (lambda: ge.evaluate.node_classification(VECTORS, Y, repeats=0), r"repeats: got 0"),
        (lambda: ge.evaluate.node_classification(VECTORS, Y * 0), r"y: got 1 classes; expected at least two"),
        (
            lambda: ge.evaluate.node_classification(VECTORS, Y.clamp(min=1).index_fill(0, torch.tensor(0), 7)),
            r"y: got 12 ",
        ),
        (lambda: ge.evaluate.node_classification(VECTORS * torch.nan, Y), r"emb: got vectors with NaN"),
        (lambda: ge.evaluate.link_prediction(VECTORS, Y.view(2, 6), Y.view(2, 6) + 20), r"negative: got node ids up"),
        (lambda: ge.evaluate.link_prediction(VECTORS, Y, Y), r"positive: got shape \(12,\)"),
        (lambda: ge.evaluate.link_prediction(VECTORS, Y.view(2, 6) / 2, Y.view(2, 6)), r"positive: got shape"),
        (lambda: ge.evaluate.node_classification(VECTORS, Y + 0.5), r"y: got .* that are no whole numbers"),
        (lambda: ge.evaluate.node_classification(VECTORS, Y * torch.nan), r"y: got .* that are no whole numbers"),
        (lambda: ge.evaluate.node_classification(VECTORS, VECTORS.long()), r"y: got .* entries from 0 to 5"),
        (lambda: ge.evaluate.node_classification(VECTORS, "y"), r"y: got 'y'"),
        (lambda: ge.evaluate.node_classification(VECTORS, Y, masks=[1]), r"masks: got \[1\]; expected a dict"),
        (lambda: ge.evaluate.node_classification(VECTORS, Y, seed=None), r"seed: got None"),
        (lambda: ge.evaluate.recommendation(VECTORS, None, Y.view(2, 6)), r"model: got shape"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_cosine_is_the_dot_product_of_vectors_of_length_one():
    generator = torch.Generator().manual_seed(2)
    vectors = torch.randn(30, 4, generator=generator) * torch.rand(30, 1, generator=generator)
    positive, negative = torch.randint(30, (2, 2, 25), generator=generator)
    unit = vectors / vectors.norm(dim=1, keepdim=True)
    expected = ge.evaluate.link_prediction(unit, positive, negative)
    assert ge.evaluate.link_prediction(vectors, positive, negative, score="cosine") == pytest.approx(expected)


def test_hadamard_is_a_regression_on_products():
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    generator = torch.Generator().manual_seed(3)
    vectors = torch.randn(40, 4, generator=generator)
    ids = torch.randperm(40 * 39, generator=generator)
    pairs = torch.tensor([(u, v) for u in range(40) for v in range(40) if u < v])[ids[:400] % 780].unique(dim=0).t()
    # an edge joins nodes that agree in the first entry and disagree in the second: no dot product sees that
    edge = (vectors[pairs[0], 0] * vectors[pairs[1], 0] > 0) & (vectors[pairs[0], 1] * vectors[pairs[1], 1] < 0)
    half = torch.arange(pairs.size(1)) % 2 == 0
    train = pairs[:, half & edge], pairs[:, half & ~edge]
    positive, negative = pairs[:, ~half & edge], pairs[:, ~half & ~edge]
    found = ge.evaluate.link_prediction(vectors, positive, negative, score="hadamard", train=train)

    def features(pairs):
        return np.array([[float(vectors[u, i] * vectors[v, i]) for i in range(4)] for u, v in pairs.t().tolist()])

    x, y = features(torch.cat(train, 1)), [1] * train[0].size(1) + [0] * train[1].size(1)
    mean, spread = x.mean(0), x.std(0)
    regression = LogisticRegression(max_iter=1000).fit((x - mean) / spread, y)
    score = regression.predict_proba((features(torch.cat([positive, negative], 1)) - mean) / spread)[:, 1]
    truth = [1] * positive.size(1) + [0] * negative.size(1)
    assert found["auc"] == pytest.approx(roc_auc_score(truth, score), abs=2e-3)
    assert found["auc"] > ge.evaluate.link_prediction(vectors, positive, negative)["auc"] + 0.2


def test_a_given_split_is_judged_as_it_is():
    vectors = torch.tensor([[0.0], [0.2], [5.0], [5.2], [0.1], [5.1], [0.3]])
    y = torch.tensor([0, 0, 1, 1, 0, 0, -1])  # node 5 looks like a 1, node 6 has no label
    ids = {"train": torch.tensor([0, 1, 2, 3]), "val": torch.tensor([6]), "test": torch.tensor([4, 5, 6])}
    masks = {part: torch.zeros(7, dtype=torch.bool).index_fill_(0, nodes, True) for part, nodes in ids.items()}
    for given in (ids, masks):
        assert ge.evaluate.node_classification(vectors, y, masks=given)["accuracy"] == 0.5
    several = torch.nn.functional.one_hot(y.clamp(min=0), 2) * (y >= 0)[:, None]
    assert ge.evaluate.node_classification(vectors, several, masks=ids)["micro_f1"] == 0.5


SPLIT = {"train": torch.tensor([0, 6]), "test": torch.tensor([1])}
PAIR = torch.tensor([[0], [1]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ge.evaluate.node_classification(VECTORS, Y, masks={"train": SPLIT["train"]}), r"the keys \['train'\]"),
        (lambda: ge.evaluate.node_classification(VECTORS, Y, masks=SPLIT | {"test": SPLIT["train"]}), "in both train"),
        (lambda: ge.evaluate.node_classification(VECTORS, Y, masks=SPLIT | {"test": Y > 9}), "no nodes with a label"),
        (
            lambda: ge.evaluate.link_prediction(VECTORS, PAIR, PAIR, score="hadamard"),
            "train: got nothing; expected",
        ),
        (
            lambda: ge.evaluate.link_prediction(VECTORS, PAIR, PAIR, train=(PAIR, PAIR)),
            "None: dot learns noth",
        ),
        (lambda: ge.evaluate.link_prediction(VECTORS, PAIR, PAIR, score="l2"), "score: got l2; expected one of 'dot'"),
        (
            lambda: ge.evaluate.link_prediction(
                VECTORS, PAIR, PAIR + 2, score="hadamard", train=(PAIR.flip(0), PAIR + 1)
            ),
            "1 pairs that are among train's; expected pairs that training did not see",
        ),
    ],
)
def test_what_was_trained_on_is_not_judged(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_arrays_and_lists_will_do():
    vectors, y = VECTORS.tolist(), Y.numpy()
    assert ge.evaluate.node_classification(vectors, y.tolist(), repeats=2)["accuracy"] == 1.0
    assert ge.evaluate.node_classification(VECTORS.numpy(), y.astype(np.float64), repeats=2)["accuracy"] == 1.0
    masks = {"train": [0, 1, 2], "test": np.array([3, 4, 5])}
    assert ge.evaluate.node_classification(vectors, y, masks=masks)["accuracy"] == 1.0
    pairs = [[0, 1], [3, 4]], np.array([[0, 1], [4, 5]])
    assert ge.evaluate.link_prediction(vectors, *pairs)["auc"] == 1.0
