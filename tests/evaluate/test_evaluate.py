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
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InputError, match=message):
        call()
