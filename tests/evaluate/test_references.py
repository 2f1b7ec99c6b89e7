"""What every embedding must beat, against plain loops and scikit-learn's dummies."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.dummy import DummyClassifier
from sklearn.metrics import roc_auc_score

import graphembed_ext as ge
from graphembed_ext.evaluate.classification import _random_split


def a_graph(seed=0, nodes=60):
    draws = torch.Generator().manual_seed(seed)
    edges = torch.randint(nodes, (2, 300), generator=draws)
    return ge.view(edges, num_nodes=nodes), draws


def test_the_majority_class_is_that_of_the_training_nodes():
    _, draws = a_graph()
    y = torch.randint(3, (60,), generator=draws).clamp(max=1)
    found = ge.evaluate.classification_references(None, "_N", y, repeats=4)
    assert list(found) == ["majority class"]
    expected = []
    for seed in range(4):
        train, test = _random_split(np.arange(60), y.numpy(), 0.5, seed)
        dummy = DummyClassifier(strategy="most_frequent").fit(np.zeros((len(train), 1)), y[train])
        expected.append(dummy.score(np.zeros((len(test), 1)), y[test]))
    assert [run["accuracy"] for run in found["majority class"].runs] == expected
    assert found["majority class"].spread["accuracy"] == pytest.approx(np.std(expected, ddof=1))


def test_with_several_labels_the_commonest_ones():
    labels = np.zeros((40, 3), dtype=int)
    labels[:, 0], labels[::2, 1], labels[::5, 2] = 1, 1, 1
    found = ge.evaluate.classification_references(None, "_N", sp.csr_matrix(labels), repeats=2)
    right = wrong = 0
    for seed in range(2):
        _, test = _random_split(np.arange(40), labels, 0.5, seed)
        for row in labels[test]:
            guess = np.array([1, 1, 1] if row.sum() == 3 else [1, 1, 0] if row.sum() == 2 else [1, 0, 0])
            right, wrong = right + (guess & row).sum(), wrong + (guess & ~row & 1).sum()
    assert found["majority class"]["micro_f1"] == pytest.approx(right / (right + wrong), abs=1e-2)


def test_degrees_and_features_are_those_of_the_graph():
    view, draws = a_graph()
    y = torch.randint(2, (60,), generator=draws)
    x = torch.randn(60, 5, generator=draws)
    view = ge.GraphView(view.num_nodes, view.edges, {"_N": {"x": x}})
    src, dst = next(iter(view.edges.values()))
    degrees = torch.tensor([[(src == node).sum(), (dst == node).sum()] for node in range(60)])
    found = ge.evaluate.classification_references(view, "_N", y, repeats=3, seed=1)
    assert found["degrees"] == ge.evaluate.node_classification(torch.log1p(degrees), y, repeats=3, seed=1)
    assert found["features"] == ge.evaluate.node_classification(x, y, repeats=3, seed=1)
    one_hot = ge.GraphView(view.num_nodes, view.edges, {"_N": {"x": torch.eye(60)}})
    assert "features" not in ge.evaluate.classification_references(one_hot, "_N", y, repeats=1)


def test_neighbours_are_counted_by_hand():
    view, draws = a_graph(1)
    src, dst = (ends.tolist() for ends in next(iter(view.edges.values())))
    beside = {node: set() for node in range(60)}
    for a, b in zip(src, dst, strict=True):
        beside[a].add(b)
        beside[b].add(a)
    positive, negative = torch.randint(60, (2, 2, 40), generator=draws)
    found = ge.evaluate.link_references(view, ("_N", "_N"), positive, negative)

    def auc(score):
        scores = [score(int(a), int(b)) for pairs in (positive, negative) for a, b in pairs.t()]
        return roc_auc_score([1] * 40 + [0] * 40, scores)

    assert found["common neighbours"]["auc"] == pytest.approx(auc(lambda a, b: len(beside[a] & beside[b])))
    attached = auc(lambda a, b: len(beside[a]) * len(beside[b]))
    assert found["preferential attachment"]["auc"] == pytest.approx(attached)
    assert set(found) == {"common neighbours", "preferential attachment"}


def test_between_two_types_paths_of_length_3_are_counted():
    draws = torch.Generator().manual_seed(2)
    edges = torch.unique(torch.randint(12, (2, 50), generator=draws), dim=1)
    view = ge.view({("user", "buys", "item"): edges}, num_nodes={"user": 12, "item": 12})
    positive, negative = torch.randint(12, (2, 2, 30), generator=draws)
    bought = set(map(tuple, edges.t().tolist()))

    def paths(user, item):
        return sum(
            (user, one) in bought and (other, one) in bought and (other, item) in bought
            for one in range(12)
            for other in range(12)
        )

    found = ge.evaluate.link_references(view, ("user", "item"), positive, negative)
    scores = [paths(int(a), int(b)) for pairs in (positive, negative) for a, b in pairs.t()]
    assert found["paths of length 3"]["auc"] == pytest.approx(roc_auc_score([1] * 30 + [0] * 30, scores))


def test_one_repetition_has_no_spread():
    assert ge.evaluate.Scores([{"auc": 0.5}]).spread == {}
