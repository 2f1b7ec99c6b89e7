"""Metrics: scikit-learn's, and plain loops over lists; what makes them meaningless is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

import graphembed_ext as ge
from graphembed_ext.errors import InputError
from graphembed_ext.evaluate.metrics import classification_metrics, regression_metrics
from graphembed_ext.evaluate.ranking import ranking_metrics

from .graphs import examples

sklearn = pytest.importorskip("sklearn.metrics")
figures = st.sampled_from([-2.0, -0.5, 0.0, 0.25, 1.0, 3.0])


@examples(15)
@given(data=st.data(), nodes=st.integers(1, 8), classes=st.integers(1, 4))
def test_classification(data, nodes, classes):
    scores = torch.tensor(data.draw(st.lists(st.lists(figures, min_size=classes, max_size=classes), min_size=nodes,
                                             max_size=nodes)))  # fmt: skip
    y = data.draw(st.lists(st.integers(0, classes - 1), min_size=nodes, max_size=nodes))
    guess, found = scores.argmax(1).tolist(), classification_metrics(scores, torch.tensor(y))
    wanted = {
        "accuracy": sklearn.accuracy_score(y, guess),
        "micro_f1": sklearn.f1_score(y, guess, average="micro"),
        "macro_f1": sklearn.f1_score(y, guess, average="macro", zero_division=0),
        "precision": sklearn.precision_score(y, guess, average="macro", zero_division=0),
        "recall": sklearn.recall_score(y, guess, average="macro", zero_division=0),
    }
    assert found == pytest.approx(wanted)


@examples(12)
@given(data=st.data(), nodes=st.integers(2, 8))
def test_regression(data, nodes):
    column = st.lists(figures, min_size=nodes, max_size=nodes)
    guess, y = data.draw(column), data.draw(column)
    found = regression_metrics(torch.tensor(guess).unsqueeze(1), torch.tensor(y))
    assert found["mae"] == pytest.approx(sklearn.mean_absolute_error(y, guess))
    assert found["rmse"] == pytest.approx(math.sqrt(sklearn.mean_squared_error(y, guess)))
    assert found["r2"] == pytest.approx(sklearn.r2_score(y, guess))


@examples(12)
@given(data=st.data(), nodes=st.integers(2, 6), score=st.sampled_from(["dot", "cosine"]))
def test_link_prediction(data, nodes, score):
    vectors = np.array(data.draw(st.lists(st.tuples(figures, figures), min_size=nodes, max_size=nodes)), np.float32)
    node = st.integers(0, nodes - 1)
    sides = [data.draw(st.lists(st.tuples(node, node), min_size=1, max_size=6)) for _ in range(2)]
    found = ge.evaluate.link_prediction(torch.from_numpy(vectors), *(torch.tensor(s).t() for s in sides), score=score)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.maximum(length, 1e-12) if score == "cosine" else vectors
    given_scores = [float((unit[a] * unit[b]).sum()) for pairs in sides for a, b in pairs]
    truth = [1] * len(sides[0]) + [0] * len(sides[1])
    exact = {round(value, 5) for value in given_scores}
    assume(score == "dot" or len(exact) == len(given_scores))  # whether cosines are equal is a matter of rounding
    assert found["auc"] == pytest.approx(sklearn.roc_auc_score(truth, np.round(given_scores, 5)), abs=1e-9)


@examples(15)
@given(data=st.data(), users=st.integers(1, 4), items=st.integers(2, 7))
def test_rankings(data, users, items):
    k = data.draw(st.integers(1, items))
    lists = [data.draw(st.permutations(range(items)))[:k] for _ in range(users)]
    ends = [data.draw(st.integers(0, k)) for _ in range(users)]
    lists = [row[:end] + [-1] * (k - end) for row, end in zip(lists, ends, strict=True)]
    truth = [data.draw(st.sets(st.integers(0, items - 1), min_size=1)) for _ in range(users)]
    pairs = torch.tensor([(u, i) for u, wanted in enumerate(truth) for i in wanted]).t()
    found = ranking_metrics(torch.tensor(lists), pairs, items)
    recall, precision, ndcg, hit, mrr = [], [], [], [], []
    for row, wanted in zip(lists, truth, strict=True):
        right = [item in wanted for item in row]
        recall.append(sum(right) / len(wanted))
        precision.append(sum(right) / k)
        ideal = sum(1 / math.log2(place + 2) for place in range(min(len(wanted), k)))
        ndcg.append(sum(1 / math.log2(place + 2) for place, is_right in enumerate(right) if is_right) / ideal)
        hit.append(float(any(right)))
        mrr.append(1 / (right.index(True) + 1) if any(right) else 0.0)
    wanted = {"recall": recall, "precision": precision, "ndcg": ndcg, "hit_rate": hit, "mrr": mrr}
    for name, values in wanted.items():
        assert found[f"{name}@{k}"] == pytest.approx(sum(values) / users, abs=1e-6)
    assert found[f"coverage@{k}"] == pytest.approx(len({i for row in lists for i in row if i >= 0}) / items)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, 0.5, -1.0, 3.0])
@examples(10)
@given(nodes=st.integers(1, 5), place=st.integers(0, 4))
def test_labels_that_are_no_classes_are_refused(wrong, nodes, place):
    y = torch.zeros(nodes)
    y[place % nodes] = wrong
    with pytest.raises(InputError, match="y: got"):
        classification_metrics(torch.zeros(nodes, 3), y)


@examples(8)
@given(users=st.integers(1, 4), items=st.integers(2, 6), data=st.data())
def test_lists_that_mean_nothing_are_refused(users, items, data):
    truth = torch.tensor([[0], [0]])
    rows = torch.zeros(users, 2, dtype=torch.int64)
    rows[:, 1] = 1
    wrong = rows.clone()
    wrong[data.draw(st.integers(0, users - 1))] = data.draw(st.integers(0, items - 1))
    with pytest.raises(InputError, match="twice"):
        ranking_metrics(wrong, truth, items)
    for beyond in (items, -2):
        wrong = rows.clone()
        wrong[data.draw(st.integers(0, users - 1)), 1] = beyond
        with pytest.raises(InputError):
            ranking_metrics(wrong, truth, items)
    with pytest.raises(InputError):
        ranking_metrics(rows, torch.tensor([[0], [items]]), items)
    with pytest.raises(InputError, match="twice"):
        ranking_metrics(rows, torch.tensor([[0, 0], [1, 1]]), items)
