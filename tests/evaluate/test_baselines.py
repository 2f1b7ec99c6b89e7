"""Baselines of recommendation against dense matrices and plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import graphembed_ext as ge
from graphembed_ext._core import memory
from graphembed_ext.errors import InputError
from graphembed_ext.evaluate import baselines
from graphembed_ext.evaluate.baselines import BASELINES, recommendation_baselines, recommended_by
from graphembed_ext.graph.interactions import Interactions, Sides
from tests.graphs import Spec


def drawn(users=12, items=9):
    """Interactions of a typed graph, items first, some pairs twice, item 8 with nobody."""
    draw = np.random.default_rng(3)
    dense = (draw.random((users, items)) < 0.35).astype(float)
    dense[:, 8] = 0
    dense[0, 1] = 1
    rows, columns = (torch.from_numpy(np.append(ends, ends[:2])) for ends in np.nonzero(dense))
    sides = Sides(range(items, items + users), range(items), "user", "item")
    return dense, Interactions(sides, rows + items, columns)


def plain_scores(name, dense):
    users, items = dense.shape
    if name == "popularity":
        return [[sum(dense[u][i] for u in range(users)) for i in range(items)] for _ in range(users)]
    weight = [[0.0] * items for _ in range(items)]
    if name == "item-kNN":
        for i in range(items):
            for j in range(items):
                both = sum(dense[u][i] * dense[u][j] for u in range(users))
                size = math.sqrt(sum(dense[u][i] for u in range(users)) * sum(dense[u][j] for u in range(users)))
                weight[i][j] = both / size if size and i != j else 0.0
    else:
        for j in range(items):  # the regression of one item on all others, which is what EASE is
            others = [i for i in range(items) if i != j]
            x, y = dense[:, others], dense[:, j]
            found = np.linalg.solve(x.T @ x + 250.0 * np.eye(len(others)), x.T @ y)
            for i, value in zip(others, found, strict=True):
                weight[i][j] = value
    return [[sum(dense[u][i] * weight[i][j] for i in range(items)) for j in range(items)] for u in range(users)]


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("scores", [baselines._SCORES, 20])
def test_lists_equal_plain_loops(monkeypatch, name, scores):
    monkeypatch.setattr(baselines, "_SCORES", scores)
    dense, known = drawn()
    expected = plain_scores(name, dense)
    found = recommended_by(name, known, torch.arange(9, 21), 9)
    for user, row in enumerate(found.tolist()):
        left = [item for item in range(9) if not dense[user][item]]
        assert sorted(item for item in row if item >= 0) == left
        values = [expected[user][item] for item in row if item >= 0]
        assert values == pytest.approx(sorted((expected[user][item] for item in left), reverse=True), abs=1e-12)


def test_an_item_keeps_its_nearest_alone(monkeypatch):
    monkeypatch.setattr(baselines, "_NEIGHBORS", 2)
    dense, known = drawn()
    full = np.array(plain_scores("item-kNN", dense))
    cosine = (dense.T @ dense) / np.sqrt(np.maximum(1, np.outer(dense.sum(0), dense.sum(0))))
    np.fill_diagonal(cosine, 0)
    kept = np.zeros_like(cosine)
    for item in range(9):
        for other in sorted(range(9), key=lambda j: (-cosine[item][j], j))[:2]:
            kept[other][item] = cosine[item][other]
    scores = BASELINES["item-kNN"](baselines._matrix(known))(baselines._matrix(known))
    np.testing.assert_allclose(scores, dense @ kept)
    assert not np.allclose(scores, full)


def test_two_camps(camps, build):
    """Neighbours and EASE know a camp's items; popularity does not."""
    found = recommendation_baselines(build(camps), torch.tensor([[0], [6]]), k=1)
    assert list(found) == ["popularity", "item-kNN", "EASE"]
    assert all(set(figures) >= {"recall@1", "ndcg@1"} for figures in found.values())


def test_users_first_and_untyped(build):
    pairs = [(u, 4 + i) for u in range(4) for i in range(4) if u % 2 == i % 2 and (u, i) != (3, 3)]
    graph = build(Spec.untyped(8, pairs))
    found = recommendation_baselines(graph, torch.tensor([[3], [7]]), k=1, num_users=4)
    assert found["item-kNN"]["recall@1"] == found["EASE"]["recall@1"] == 1


def test_ease_is_left_out_where_it_does_not_fit(monkeypatch, camps, build):
    graph, test = build(camps), torch.tensor([[0], [6]])
    monkeypatch.setattr(baselines, "_EASE_ITEMS", 3)
    assert "EASE" not in recommendation_baselines(graph, test, k=1)
    assert "EASE" in recommendation_baselines(graph, test, k=1, names=("EASE",))
    monkeypatch.setattr(memory, "available", lambda: 0)
    monkeypatch.setattr(memory, "_SMALL", 0)
    with pytest.raises(InputError, match="EASE, for which a matrix of 7 x 7 items would take"):
        recommendation_baselines(graph, test, k=1, names=("EASE",))


def test_bad_arguments(camps, build):
    graph = build(camps)
    with pytest.raises(InputError, match="names: got bpr; expected one of 'popularity'"):
        recommendation_baselines(graph, torch.tensor([[0], [6]]), k=1, names=("bpr",))
    with pytest.raises(InputError, match="k: got 8; expected at most 7"):
        ge.evaluate.recommendation_baselines(graph, torch.tensor([[0], [6]]), k=8)
    with pytest.raises(InputError, match="among train_edges"):
        recommendation_baselines(graph, torch.tensor([[0], [0]]), k=1)
