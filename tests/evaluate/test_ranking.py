"""Top-k lists and ranking metrics against plain loops and PyG's metrics."""

from __future__ import annotations

import math

import pytest
import torch
from torch_geometric import metrics as peer

import graphembed_ext as ge
from graphembed_ext.errors import InputError
from graphembed_ext.evaluate.ranking import ranking_metrics
from graphembed_ext.nn.ops import top_k as recommending
from graphembed_ext.nn.ops.top_k import top_k


def vectors(count, seed, dtype=torch.float32):
    """Small whole numbers: many scores tie, and are exact."""
    return torch.randint(-2, 3, (count, 3), generator=torch.Generator().manual_seed(seed)).to(dtype)


def plain(users, items, k, banned):
    found = []
    for user, without in zip(users, banned, strict=True):
        scores = [float(user @ item) for item in items]
        order = sorted((i for i in range(len(items)) if i not in without), key=lambda i: (-scores[i], i))
        found.append((order[:k] + [-1] * k)[:k])
    return found


def compressed(banned):
    bounds = torch.tensor([0, *map(len, banned)]).cumsum(0)
    return bounds, torch.tensor([i for without in banned for i in without], dtype=torch.int64)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("k", [1, 5, 40])
@pytest.mark.parametrize("scores", [recommending._SCORES, 100])
@pytest.mark.parametrize("inserted", [256, 3])
def test_ties_exclusion_and_padding(monkeypatch, dtype, k, scores, inserted):
    """In chunks of any size, by insertion or by sorting: the same lists as plain loops."""
    monkeypatch.setattr(recommending, "_SCORES", scores)
    monkeypatch.setattr(recommending, "_SORTED", scores)
    monkeypatch.setattr(recommending, "_USERS", min(scores // 20, 128))
    monkeypatch.setattr(recommending, "_INSERTED", inserted)
    users, items = vectors(9, 0, dtype), vectors(40, 1, dtype)
    banned = [list(range(u * 5)) for u in range(9)]
    banned[3] = []
    found = top_k(users, items, k, compressed(banned))
    assert found.items.tolist() == plain(users.float(), items.float(), k, banned)
    assert torch.equal(found.items < 0, found.scores == -torch.inf)
    assert top_k(users, items, k).items.tolist() == plain(users.float(), items.float(), k, [[]] * 9)


def test_memory_is_bounded_and_threads_change_nothing():
    users, items = torch.randn(300, 8), torch.randn(5000, 8)
    before, found = torch.get_num_threads(), []
    for threads in (1, 3):
        torch.set_num_threads(threads)
        found.append(top_k(users, items, 20))
    torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_not_a_number_is_never_chosen():
    items = torch.tensor([[1.0], [math.nan], [2.0]])
    assert top_k(torch.ones(1, 1), items, 3).items.tolist() == [[2, 0, -1]]


def test_k_above_the_candidates():
    with pytest.raises(InputError, match=r"k: got 4; expected at most 3, the number of candidates"):
        top_k(torch.ones(1, 1), torch.ones(3, 1), 4)
    assert top_k(torch.ones(0, 1), torch.ones(3, 1), 2).items.shape == (0, 2)


FOUND = torch.tensor([[4, 2, 0], [1, 3, 7], [5, 6, 0], [0, 1, 2]])
TRUTH = torch.tensor([[0, 0, 1, 1, 1, 1, 3], [2, 5, 7, 1, 0, 6, 2]])  # user 2 has nothing to find


def test_metrics_equal_plain_loops_and_the_peers():
    ours = ranking_metrics(FOUND, TRUTH, 9)
    kinds = {
        "recall": peer.LinkPredRecall,
        "precision": peer.LinkPredPrecision,
        "ndcg": peer.LinkPredNDCG,
        "mrr": peer.LinkPredMRR,
        "hit_rate": peer.LinkPredHitRatio,
    }
    for name, kind in kinds.items():
        theirs = kind(k=3)
        theirs.update(FOUND, TRUTH)
        assert ours[f"{name}@3"] == pytest.approx(float(theirs.compute()), rel=1e-6), name
    coverage = peer.LinkPredCoverage(k=3, num_dst_nodes=9)
    coverage.update(FOUND, TRUTH)
    assert ours["coverage@3"] == pytest.approx(float(coverage.compute()), rel=1e-6)

    wanted = [{2, 5}, {7, 1, 0, 6}, set(), {2}]
    recall = ndcg = 0.0
    for row, items in zip(FOUND.tolist(), wanted, strict=True):
        if items:
            recall += sum(item in items for item in row) / len(items)
            gain = sum(1 / math.log2(place + 2) for place, item in enumerate(row) if item in items)
            ndcg += gain / sum(1 / math.log2(place + 2) for place in range(min(3, len(items))))
    assert ours["recall@3"] == pytest.approx(recall / 3)
    assert ours["ndcg@3"] == pytest.approx(ndcg / 3)


def test_padding_is_no_hit():
    found = ranking_metrics(torch.tensor([[-1, -1]]), torch.tensor([[0], [0]]), 4)
    assert set(found.values()) == {0.0}


def test_evaluation_equals_plain_loops(camps, build):
    graph = build(camps)
    model = ge.LightGCN.for_graph(graph, 4, 2, seed=0)
    test = torch.tensor([[0, 0, 5], [6, 1, 6]])
    ours = ge.evaluate.recommendation(model, graph, test, k=3)
    out = ge.embed(model, graph)
    hits, recall = {0: {6, 1}, 5: {6}}, 0.0
    for user, items in hits.items():
        scores = out["user"][user] @ out["item"].t()
        order = sorted((i for i in range(7) if i == 6 or i % 2 != user % 2), key=lambda i: (-scores[i].item(), i))
        recall += len(items & set(order[:3])) / len(items)
    assert ours["recall@3"] == pytest.approx(recall / 2)


def test_evaluation_propagates_once(camps, build, monkeypatch):
    from graphembed_ext.models import lightgcn

    model, calls, propagate = ge.LightGCN.for_graph(build(camps), 4, 2, seed=0), [], lightgcn.propagate
    monkeypatch.setattr(lightgcn, "propagate", lambda *a, **k: calls.append(1) or propagate(*a, **k))
    ge.evaluate.recommendation(model, None, torch.tensor([[0, 5], [6, 6]]), k=3)
    assert calls == [1]


@pytest.mark.parametrize(
    ("test", "config", "message"),
    [
        (torch.tensor([[0], [0]]), {}, "1 pairs that are among train_edges"),
        (torch.tensor([[6], [0]]), {}, r"test_edges: got user id 6; expected ids of users, from 0 to 5"),
        (torch.tensor([[0], [7]]), {}, r"test_edges: got item id 7"),
        (torch.empty(2, 0), {}, "at least one pair"),
        (torch.tensor([0, 1]), {}, r"test_edges: got shape \(2,\)"),
        (torch.tensor([[0], [6]]), {"k": 8}, "k: got 8; expected at most 7"),
    ],
)
def test_bad_evaluations(camps, build, test, config, message):
    model = ge.LightGCN.for_graph(build(camps), 4, 2, seed=0)
    with pytest.raises(InputError, match=message):
        ge.evaluate.recommendation(model, None, test, **config)


@pytest.mark.parametrize(
    ("found", "truth", "items", "message"),
    [
        ([[2, 2]], [[0], [2]], 4, r"found: got an item twice in list 0, \[2, 2\]; expected lists of distinct items"),
        ([[2, 9]], [[0], [2]], 4, "found: got item 9; expected ids from -1 to 3"),
        ([[2, -2]], [[0], [2]], 4, "found: got item -2"),
        ([[2, 1]], [[0], [7]], 4, "truth: got item 7; expected items from 0 to 3"),
        ([[2, 1]], [[3], [1]], 4, "truth: got row 3"),
        ([[2, 1]], [[0, 0], [1, 1]], 4, "truth: got a pair twice"),
        ([[2.5, 1]], [[0], [1]], 4, "found: got"),
        ([[2, 1]], [[0], [1]], 0, "num_items: got 0"),
        ([2, 1], [[0], [1]], 4, "found: got"),
    ],
)
def test_metrics_refuse_what_makes_them_meaningless(found, truth, items, message):
    with pytest.raises(InputError, match=message):
        ranking_metrics(torch.tensor(found), torch.tensor(truth), items)


def test_lists_filled_up_with_none_are_fine():
    found = ranking_metrics([[2, -1, -1]], [[0, 0], [2, 3]], 4)  # lists will do
    assert (found["recall@3"], found["precision@3"]) == (0.5, pytest.approx(1 / 3))


def test_an_untyped_model_whose_items_come_after_its_users():
    """Item ids are rows of the joint table there, beyond the number of items."""
    pairs = torch.tensor([[0, 0, 1, 1, 2], [3, 4, 4, 5, 3]])
    model = ge.LightGCN.for_graph(pairs, 4, 2, num_users=3, seed=0)
    held_out = torch.tensor([[0, 2], [5, 4]])
    found = ge.evaluate.recommendation(model, pairs, held_out, k=2)
    lists = model.recommend(pairs, src_index=[0, 2], dst_index=[3, 4, 5], k=2, exclude=pairs).tolist()
    hits = [item in own for item, own in zip([5, 4], lists, strict=True)]
    assert found["recall@2"] == sum(hits) / 2
    assert found["coverage@2"] == len({item for own in lists for item in own if item >= 0}) / 3
