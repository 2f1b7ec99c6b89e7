"""When trainings without labels end: by held-out edges, by a loss that falls no more; and with which weights."""

from __future__ import annotations

import math

import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score
from torch import nn

import graphembed_ext as ge
from graphembed_ext.errors import FileFormatError, InputError
from graphembed_ext.training import watching
from graphembed_ext.training.run import Early, Plan, run
from graphembed_ext.training.watching import Watch
from tests.graphs import agree, build_pyg, cliques

QUICK = {"progress": False, "seed": 1}


def parted():
    return ge.split(build_pyg(cliques(size=8)), seed=0)


def walks(graph):
    return ge.DeepWalk(graph, emb_dim=8, walk_length=10, window_size=2, seed=0)


def own_loop(graph):
    return ge.pyg.Node2Vec(graph.edge_index(), 8, 10, 4, num_nodes=graph.total_nodes, seed=0)


def sage(graph):
    return ge.GraphSAGE(6, 8, 2, seed=0)


def fit(make, parts, **options):
    model = make(parts.train)
    if make is sage:
        options |= {"graph": parts.train, "task": "links"}
    return model, ge.fit(model, **(QUICK | options))


class Scripted:
    """A trainer whose losses are written down."""

    name = "torch"

    def __init__(self, model, losses):
        self._model, self._losses = model, losses

    def epoch(self, number, bar):
        with torch.no_grad():
            self._model.weight.fill_(number + 1)
        return {"loss": self._losses[number], "samples": 1}

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass


@pytest.mark.parametrize(
    ("losses", "ended"),
    [
        ([4.0, 3.0, 2.9999, 2.9998, 1.0, 1.0], 4),  # two falls by less than a thousandth
        ([4.0, 3.0, 2.9985, 2.9960, 2.9945, 2.99], 6),  # two small ones that add up to more
        ([4.0, 3.0, 3.5, 2.5, 2.6, 2.7], 6),
        ([-1.0, -2.0, -2.0001, -2.0002, -3.0, -3.0], 4),  # losses below 0 fall, too
        ([math.nan, 3.0, 2.0, 1.0, 0.5, 0.4], 6),
    ],
)
def test_a_loss_that_falls_no_more_ends_a_training(losses, ended):
    model = nn.Linear(1, 1)
    early = Early("loss", 2, larger=False, keep=False, least=1e-3)
    result = run(
        Scripted(model, losses),
        model,
        Plan(progress=False),
        epochs=len(losses),
        batches=1,
        config={},
        belongs_to=dict,
        early=early,
    )
    assert len(result.history) == ended
    assert model.weight.item() == ended  # those of the last epoch, not of the best
    assert (result.best_epoch, result.monitor, result.stopped_early) == (0, "", ended < len(losses))


@pytest.mark.parametrize("make", [walks, own_loop, sage])
def test_held_out_edges_are_told_from_pairs_that_are_none(make):
    parts = parted()
    held = parts.pairs("valid")
    model, result = fit(make, parts, epochs=5, validation=held, validate_every=2)
    assert [epoch["epoch"] for epoch in result.history if "val_auc" in epoch] == [2, 4, 5]
    assert result.monitor == "val_auc"
    best = max((entry for entry in result.history if "val_auc" in entry), key=lambda entry: entry["val_auc"])
    assert result.best_epoch == best["epoch"]
    watch = Watch(model, parts.train if make is sage else None, parts.train, Plan(seed=1), validation=held)
    ((positive, negative),) = watch._pairs.values()
    assert torch.equal(positive, held)
    known = {frozenset(pair) for pair in torch.cat([parts.train.edge_index(), held], 1).t().tolist()}
    assert negative.shape == held.shape
    assert not known & {frozenset(pair) for pair in negative.t().tolist()}
    vectors = ge.embed(model, parts.train if make is sage else None).tensor
    pairs = torch.cat([positive, negative], 1).t().tolist()
    cosines = [float(torch.cosine_similarity(vectors[a], vectors[b], dim=0)) for a, b in pairs]
    truth = [1] * len(positive[0]) + [0] * len(positive[0])
    assert best["val_auc"] == pytest.approx(roc_auc_score(truth, cosines))
    assert best["val_ap"] == pytest.approx(average_precision_score(truth, cosines))


@pytest.mark.parametrize("make", [walks, own_loop, sage])
def test_training_ends_where_validation_no_longer_improves(make, monkeypatch):
    """And the weights are those of the best epoch, bit by bit."""
    scripted = iter([0.5, 0.8, 0.7, 0.8, 0.9])
    monkeypatch.setattr(watching, "ranked", lambda *_: {"auc": next(scripted), "ap": 0.5})
    parts = parted()
    options = {"deterministic": True} if make is walks else {}
    model, result = fit(make, parts, epochs=30, lr=0.01, validation=parts.valid, patience=2, **options)
    assert [entry["val_auc"] for entry in result.history] == [0.5, 0.8, 0.7, 0.8]
    assert (result.best_epoch, result.stopped_early) == (2, True)
    seen = []

    def keep(entry):
        seen.append({name: value.clone() for name, value in twin.state_dict().items()})
        return entry["epoch"] == 2

    twin = make(parts.train)
    if make is sage:
        options |= {"graph": parts.train, "task": "links"}
    ge.fit(twin, epochs=30, lr=0.01, on_epoch=keep, **(QUICK | options))
    assert agree(model, twin)


@pytest.mark.parametrize("make", [walks, own_loop, sage])
def test_patience_alone_goes_by_the_loss(make):
    _, result = fit(make, parted(), epochs=400, lr=1e-6, patience=3)
    assert result.stopped_early
    assert len(result.history) < 60
    assert result.monitor == ""


def test_pairs_of_a_typed_graph_come_by_edge_type():
    edges = {("author", "writes", "paper"): torch.tensor([[0, 1, 2, 3, 0], [0, 0, 1, 1, 2]])}
    edges["paper", "by", "author"] = edges["author", "writes", "paper"].flip(0)
    model = ge.MetaPath2Vec(edges, ["writes", "by"], 2, 4, seed=0)
    held = {("author", "writes", "paper"): torch.tensor([[1, 2], [2, 0]])}
    result = ge.fit(model, epochs=2, validation=held, **QUICK)
    assert 0 <= result.history[-1]["val_auc"] <= 1
    with pytest.raises(InputError, match="validation: got edges of no type; expected a dict by edge type"):
        ge.fit(model, epochs=2, validation=torch.tensor([[1, 2], [2, 0]]), **QUICK)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"validation": torch.tensor([[0], [1]])},
            "validation: got 1 of 1 pairs that are edges of the graph; expected",
        ),
        ({"validation": torch.tensor([[0], [99]])}, "validation: got node 99; expected ids of '_N' from 0 to 16"),
        ({"validation": torch.tensor([0, 1])}, r"validation: got shape \(2,\) of int64; expected edges"),
        ({"validation": torch.empty(2, 0, dtype=torch.int64)}, "validation: got no edges; expected at least one"),
        ({"validation": {("a", "b", "c"): torch.tensor([[0], [1]])}}, "validation: got the edge type"),
        ({"monitor": "val_auc"}, "monitor: got val_auc; expected 'loss' without held-out edges"),
        ({"monitor": "recall"}, "monitor: got recall; expected one of 'loss', 'val_auc', 'val_ap'"),
        ({"patience": 0}, "patience: got 0; expected an integer of at least 1"),
        ({"validate_every": 0}, "validate_every: got 0"),
    ],
)
def test_what_cannot_be_watched_is_refused_before_any_work(options, message):
    graph = build_pyg(cliques(size=8))
    with pytest.raises(InputError, match=message):
        ge.fit(walks(graph), **QUICK, **options)


def test_a_state_belongs_to_what_was_watched(tmp_path):
    parts, path = parted(), tmp_path / "state.pt"
    options = {"deterministic": True, "validation": parts.valid, "patience": 50}
    whole, expected = fit(walks, parts, epochs=4, **options)
    fit(walks, parts, epochs=4, checkpoint=path, on_epoch=lambda entry: entry["epoch"] == 2, **options)
    resumed, found = fit(walks, parts, epochs=4, checkpoint=path, **options)
    assert agree(whole, resumed)
    assert [entry["val_auc"] for entry in found.history] == [entry["val_auc"] for entry in expected.history]
    with pytest.raises(FileFormatError, match="patience"):
        fit(walks, parts, epochs=4, checkpoint=path, **(options | {"patience": 3}))


@pytest.mark.parametrize("make", [walks, own_loop, sage])
def test_a_finished_training_goes_on_for_more_epochs(make, tmp_path):
    path, parts = tmp_path / "state.pt", parted()
    _, first = fit(make, parts, epochs=3, checkpoint=path)
    _, again = fit(make, parts, epochs=5, checkpoint=path)
    assert [entry["epoch"] for entry in again.history] == [1, 2, 3, 4, 5]
    assert again.history[:3] == first.history
