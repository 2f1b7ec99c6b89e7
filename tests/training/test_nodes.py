"""Supervised training on nodes: what it learns, keeps, measures and refuses; with the smallest model that can."""

from __future__ import annotations

import math

import pytest
import torch

import graphembed_ext as ge
from graphembed_ext import losses
from graphembed_ext.errors import InputError
from graphembed_ext.evaluate.metrics import classification_metrics
from graphembed_ext.graph.features import features_of
from graphembed_ext.nn.ops.sums import neighbor_sum
from graphembed_ext.training import TrainingError
from graphembed_ext.training.splits import splits_of
from tests.graphs import RING_CLASSES as Y
from tests.graphs import RING_NODES as NODES
from tests.graphs import Spec, agree, build_dgl, build_pyg, labelled_rings
from tests.trained import Mean

QUICK = {"epochs": 30, "lr": 0.1, "progress": False}


class BatchMean(Mean):
    def logits(self, inputs):
        x, graph = inputs
        return {"_N": self.linear(self.dropout(x if graph is None else neighbor_sum(graph, x)))}

    def loader(self, view, nodes, *, batch_size, seed, epoch=0, shuffle=True, fanouts=None):
        ids = nodes["_N"]
        if shuffle:
            ids = ids[torch.randperm(len(ids), generator=torch.Generator().manual_seed(seed % 1000 + epoch))]
        x, graph = self.inputs(view)
        summed = neighbor_sum(graph, x)
        return [((summed[part], None), {"_N": part}) for part in ids.split(batch_size)]


def test_learns_and_measures(build):
    graph, model = build(labelled_rings()), Mean()
    result = ge.fit(model, graph, **QUICK)
    assert result.metrics["test_accuracy"] == 1.0
    assert result.history[0]["loss"] > result.history[-1]["loss"]
    assert {"epoch", "loss", "seconds", "samples", "val_loss", "val_macro_f1"} <= set(result.history[0])
    assert result.history[0]["samples"] == 7
    assert result.samples == 7 * 30
    assert result.monitor == "val_loss"
    best = min(result.history, key=lambda entry: entry["val_loss"])
    assert result.best_epoch == best["epoch"]
    with torch.no_grad():
        scores = model.eval().logits(model.inputs(ge.view(graph)))["_N"]
    val = torch.arange(1, NODES, 3)
    assert float(losses.classification_loss(scores[val], torch.tensor(Y)[val])) == pytest.approx(best["val_loss"])


@pytest.mark.usefixtures("one_thread", "global_state_untouched")
@pytest.mark.parametrize("batch_size", [None, 3])
def test_both_hosts_and_a_resumed_run_give_the_same(batch_size, tmp_path):
    settings = QUICK | {"epochs": 6, "batch_size": batch_size, "seed": 4}
    models = [BatchMean(dropout=0.4) for _ in range(4)]
    histories = [
        ge.fit(model, make(labelled_rings()), **settings).history
        for model, make in zip(models[:2], (build_dgl, build_pyg), strict=True)
    ]
    assert agree(models[0], models[1])
    assert [e["loss"] for e in histories[0]] == [e["loss"] for e in histories[1]]

    def stop(entry):
        if entry["epoch"] == 3:
            raise KeyboardInterrupt

    path = tmp_path / "state.pt"
    with pytest.warns(UserWarning, match="interrupted in epoch 4 of 6"):
        ge.fit(models[2], build_pyg(labelled_rings()), **settings, checkpoint=path, on_epoch=stop)
    ge.fit(models[3], build_pyg(labelled_rings()), **settings, checkpoint=path)
    assert agree(models[0], models[3])
    other = BatchMean(dropout=0.4)
    ge.fit(other, build_pyg(labelled_rings()), **(settings | {"seed": 5}))
    assert not agree(models[0], other)


def test_stops_early_and_keeps_the_best():
    result = ge.fit(Mean(), build_pyg(labelled_rings()), **(QUICK | {"epochs": 200, "lr": 3.0}), patience=4)
    assert result.stopped_early
    assert len(result.history) == result.best_epoch + 4 < 200


def test_a_monitor_where_larger_is_better():
    result = ge.fit(Mean(), build_pyg(labelled_rings()), **QUICK, monitor="val_micro_f1", weight_decay=0)
    figures = [entry["val_micro_f1"] for entry in result.history]
    assert figures[result.best_epoch - 1] == max(figures)
    assert figures.index(max(figures)) == result.best_epoch - 1


def test_validation_now_and_then():
    result = ge.fit(Mean(), build_pyg(labelled_rings()), **(QUICK | {"epochs": 5}), validate_every=2)
    assert ["val_loss" in entry for entry in result.history] == [False, True, False, True, False]
    assert result.best_epoch in (2, 4)


def test_labels_and_masks_as_arguments():
    graph = build_pyg(labelled_rings())
    del graph.label, graph.train_mask, graph.val_mask, graph.test_mask
    masks = {"train": torch.arange(0, NODES, 2), "test": torch.arange(NODES) % 2 == 1}
    result = ge.fit(Mean(), graph, y=torch.tensor(Y), masks=masks, **QUICK)
    assert result.best_epoch == 0
    assert result.monitor == ""
    assert set(result.metrics) == {
        f"test_{n}" for n in ("loss", "accuracy", "precision", "recall", "macro_f1", "micro_f1")
    }
    graph.kind = torch.tensor(Y)
    again = ge.fit(Mean(), graph, y="kind", masks=masks, **QUICK)
    assert again.metrics == result.metrics


def test_several_labels_a_node():
    y = torch.nn.functional.one_hot(torch.tensor(Y), 2)
    result = ge.fit(Mean(), build_pyg(labelled_rings()), y=y, **QUICK)
    assert result.metrics["test_micro_f1"] == 1.0


def test_a_lazy_model():
    assert ge.fit(Mean(lazy=True), build_pyg(labelled_rings()), **QUICK).metrics["test_accuracy"] == 1.0


def test_mini_batches_see_every_training_node_once():
    assert ge.fit(BatchMean(), build_pyg(labelled_rings()), **(QUICK | {"epochs": 2}), batch_size=2).samples == 14


ALL = torch.arange(NODES)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"masks": {"train": ALL[:5], "val": ALL[4:8]}},
            r"masks\['val'\]: got 1 nodes of another mask, such as node 4",
        ),
        ({"masks": {"train": ALL[:0]}}, "masks: got no training nodes"),
        ({"masks": {"train": ALL > 30}}, "masks: got no training nodes"),
        ({"masks": {"train": torch.ones(3) > 0}}, r"masks\['train'\]: got shape \(3,\); expected \(20,\)"),
        ({"masks": {"train": torch.tensor([0, 20])}}, "got node id 20; expected ids from 0 to 19"),
        ({"masks": {"train": torch.tensor([3, 3])}}, "every node once"),
        ({"masks": {"training": ALL}}, "got the key 'training'"),
        ({"masks": ALL}, "masks: got a Tensor; expected a dict"),
        ({"masks": {"train": {"author": ALL}}}, "got node type 'author'"),
        ({"y": torch.tensor(Y) * 2}, "y: got class 2 at node 12 of the train mask; expected classes from 0 to 1"),
        ({"y": torch.tensor(Y) - 1}, "y: got class -1 at node 0 of the train mask"),
        ({"y": torch.tensor(Y)[:5]}, r"y: got shape \(5,\)"),
        ({"y": torch.tensor(Y) / 2}, "y: got dtype torch.float32"),
        ({"y": "kind"}, "no node feature 'kind'"),
        ({"monitor": "loss"}, "monitor: got loss; expected one of 'val_loss'"),
        ({"patience": 0}, "patience: got 0"),
        ({"fanouts": [5, 5]}, r"fanouts: got \[5, 5\]; expected None without batch_size"),
        ({"shrink_window": True}, "shrink_window: got True; expected an option of Mean's training: y, masks"),
        ({"patiense": 3}, "did you mean 'patience'"),
    ],
)
def test_bad_input_is_refused_before_any_work(options, message):
    model = Mean()
    before = model.linear.weight.clone()
    with pytest.raises(InputError, match=message):
        ge.fit(model, build_pyg(labelled_rings()), **QUICK, **options)
    assert torch.equal(model.linear.weight, before)


def test_no_graph_and_no_features():
    with pytest.raises(InputError, match="graph: got None"):
        ge.fit(Mean(), **QUICK)
    graph = build_pyg(labelled_rings())
    graph.x[3, 1] = math.nan
    with pytest.raises(InputError, match=r"features: got shape \(20, 3\) with NaN or infinite entries, first in row 3"):
        ge.fit(Mean(), graph, **QUICK)
    del graph.x
    with pytest.raises(InputError, match="expected a node feature 'x' or 'feat' with a row for each of the 20 nodes"):
        ge.fit(Mean(), graph, **QUICK)


def test_feature_checks():
    view = ge.view(build_pyg(labelled_rings()))
    with pytest.raises(InputError, match=r"features: got shape \(20, 3\); expected shape \(20, 5\)"):
        features_of(view, "_N", channels=5)
    with pytest.raises(InputError, match="no node type 'author'"):
        features_of(view, "author")
    with pytest.raises(InputError, match=r"got shape \(20,\)"):
        features_of(view, "_N", name="label")


def test_a_nan_loss_stops_the_training():
    model = Mean()
    with torch.no_grad():
        model.linear.weight.fill_(math.inf)
    with pytest.raises(TrainingError, match="epoch 1"):
        ge.fit(model, build_pyg(labelled_rings()), **QUICK)


def test_splits_skip_types_without_labels():
    class Two(Mean):
        targets = ("a", "b")

    spec = Spec({"a": 2, "b": 3}, {("a", "to", "b"): ([0], [1])}, {"b": {"y": [0, 1, 0], "train_mask": [True] * 3}})
    split = splits_of(Two(), ge.view(build_pyg(spec)))
    assert split.parts["train"]["b"].tolist() == [0, 1, 2]
    assert list(split.y) == ["b"]


@pytest.mark.parametrize("several", [False, True])
def test_metrics_are_those_of_scikit_learn(several):
    metrics = pytest.importorskip("sklearn.metrics")
    draw = torch.Generator().manual_seed(0)
    for _ in range(5):
        scores = torch.randn(30, 6, generator=draw)
        y = torch.randint(5, (30,), generator=draw)
        guess = scores.argmax(1)
        if several:
            y, guess = (torch.rand(30, 6, generator=draw) < 0.3).long(), (scores > 0).long()
        found = classification_metrics(scores, y)
        options = {"average": "macro", "zero_division": 0}
        assert found["accuracy"] == pytest.approx(metrics.accuracy_score(y, guess))
        assert found["precision"] == pytest.approx(metrics.precision_score(y, guess, **options))
        assert found["recall"] == pytest.approx(metrics.recall_score(y, guess, **options))
        assert found["macro_f1"] == pytest.approx(metrics.f1_score(y, guess, **options))
        assert found["micro_f1"] == pytest.approx(metrics.f1_score(y, guess, average="micro", zero_division=0))


def test_classification_loss_by_plain_loops():
    scores, y = torch.tensor([[1.0, 2.0], [0.5, -1.0]]), [1, 0]
    expected = (
        -sum(math.log(math.exp(s[c]) / sum(map(math.exp, s))) for s, c in zip(scores.tolist(), y, strict=True)) / 2
    )
    assert float(losses.classification_loss(scores, torch.tensor(y))) == pytest.approx(expected, rel=1e-6)
    with pytest.raises(InputError, match=r"y: got shape \(3,\)"):
        losses.classification_loss(scores, torch.tensor([0, 1, 0]))
    with pytest.raises(InputError, match="scores"):
        losses.classification_loss(scores[:0], torch.tensor([]))


def test_a_model_without_mini_batches_says_so(build):
    with pytest.raises(InputError, match=r"batch_size: got 4.*Mean has no mini-batches"):
        ge.fit(Mean(), build(labelled_rings()), batch_size=4, progress=False)
