"""Numbers instead of classes, labels (N, 1), and masks with several splits, on both hosts."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from sklearn import metrics
from torch_geometric.data import Data

import graphembed_ext as ge
from graphembed_ext.errors import InputError
from graphembed_ext.evaluate.metrics import regression_metrics
from graphembed_ext.losses import regression_loss
from tests.trained import Mean

NODES = 24
SRC = torch.arange(NODES)
EDGES = torch.stack([torch.cat([SRC, SRC]), torch.cat([(SRC + 1) % NODES, (SRC + 5) % NODES])])
MASKS = {"train": torch.arange(0, NODES, 2), "val": torch.arange(1, NODES, 4), "test": torch.arange(3, NODES, 4)}


def numbers(targets=1):
    x = torch.randn(NODES, 3, generator=torch.Generator().manual_seed(0))
    around = torch.zeros(NODES, 3).index_add_(0, EDGES[1], x[EDGES[0]])
    y = around @ torch.tensor([[1.0, 0.5], [-2.0, 0.0], [0.5, 1.0]])[:, :targets] + 0.5
    return Data(x=x, edge_index=EDGES, y=y)


@pytest.mark.parametrize("targets", [1, 2])
def test_losses_and_metrics_equal_plain_loops(targets):
    draw = torch.Generator().manual_seed(1)
    predicted, y = (torch.randn(7, targets, generator=draw, dtype=torch.float64) for _ in range(2))
    errors = [p - t for row, truth in zip(predicted.tolist(), y.tolist(), strict=True) for p, t in zip(row, truth)]  # noqa: B905
    mse, mae = sum(e * e for e in errors) / len(errors), sum(map(abs, errors)) / len(errors)
    given = y.squeeze(1) if targets == 1 else y
    assert regression_loss(predicted, given).item() == pytest.approx(mse, rel=1e-12)
    assert regression_loss(predicted, given, preset="l1").item() == pytest.approx(mae, rel=1e-12)
    found = regression_metrics(predicted, given)
    assert found["mae"] == pytest.approx(mae)
    assert found["rmse"] == pytest.approx(math.sqrt(mse))
    assert found["r2"] == pytest.approx(metrics.r2_score(y, predicted))


@pytest.mark.parametrize("loss", [None, "mse", "l1"])
@pytest.mark.parametrize("host", ["dgl", "pyg"])
@pytest.mark.parametrize("form", ["(N,)", "(N, 1)", "(N, 2)"])
def test_a_step_is_autograds(loss, host, form):
    data = numbers(2 if form == "(N, 2)" else 1)
    targets = data.y.size(1)
    y = data.y.squeeze(1) if form == "(N,)" else data.y
    graph = ge.to_host(data, host)
    model, twin = Mean(targets), Mean(targets)
    config = {"epochs": 3, "lr": 0.1, "weight_decay": 0.0, "progress": False}
    result = ge.fit(model, graph, y=y, masks=MASKS, loss=loss, **config)
    optimizer = torch.optim.Adam(twin.parameters(), lr=0.1)
    for epoch in range(3):
        optimizer.zero_grad()
        out = twin.logits(twin.inputs(ge.view(graph)))["_N"][MASKS["train"]]
        lost = (F.l1_loss if loss == "l1" else F.mse_loss)(out, data.y[MASKS["train"]])
        lost.backward()
        optimizer.step()
        assert result.history[epoch]["loss"] == pytest.approx(lost.item(), rel=1e-5)
    assert set(result.metrics) == {"test_loss", "test_mae", "test_rmse", "test_r2"}
    torch.testing.assert_close(model.linear.weight, twin.linear.weight)


@pytest.mark.parametrize("host", ["dgl", "pyg"])
@pytest.mark.parametrize("batch_size", [None, 4])
def test_graphsage_and_han_learn_numbers(host, batch_size):
    data = numbers()
    graph = ge.to_host(data, host)
    model = ge.GraphSAGE(3, 16, 1, 1, aggr="sum", seed=0)  # numbers are linear in the neighbours
    result = ge.fit(model, graph, masks=MASKS, epochs=150, lr=0.05, batch_size=batch_size, progress=False)
    assert result.metrics["test_r2"] > 0.8
    assert "rmse" in repr(result)
    typed = ge.to_host({("n", "to", "n"): EDGES}, host)
    if host == "dgl":
        typed.ndata["x"], typed.ndata["y"] = data.x, data.y
    else:
        typed["n"].x, typed["n"].y = data.x, data.y
    model = ge.HAN.for_graph(typed, 16, heads=2, dropout=0.0, seed=0)
    assert model.out_channels == 1
    result = ge.fit(model, typed, masks=MASKS, epochs=60, batch_size=batch_size, monitor="val_mae", progress=False)
    assert result.history[-1]["loss"] < 0.7 * result.history[0]["loss"]
    assert result.monitor == "val_mae"


@pytest.mark.parametrize("host", ["dgl", "pyg"])
def test_classes_in_a_column_and_splits_in_columns(host):
    data = numbers()
    data.y = (data.y > 0).long()
    parts = torch.arange(NODES * 3).view(3, NODES).t() * 7 % 3
    for number, part in enumerate(("train", "val", "test")):
        data[f"{part}_mask"] = parts == number
    graph = ge.to_host(data, host)
    for split in range(3):
        found = []
        for y, masks, options in (
            (None, None, {"split": split}),
            (data.y.squeeze(1), {p: parts[:, split] == n for n, p in enumerate(("train", "val", "test"))}, {}),
        ):
            model = ge.GraphSAGE(3, 4, 2, 2, seed=0)
            found.append(ge.fit(model, graph, y=y, masks=masks, epochs=3, progress=False, **options).metrics)
        assert found[0] == found[1]
    for wrong in (None, 3, -1):
        with pytest.raises(InputError, match=rf"split: got {wrong}; expected .*(from 0 to 2|at least 0)"):
            ge.fit(ge.GraphSAGE(3, 4, 2, 2, seed=0), graph, split=wrong, progress=False)
    assert ge.HAN.for_graph(ge.to_host(data, host), 4, heads=2).out_channels == 2


def test_refusals():
    data = numbers()
    model = ge.GraphSAGE(3, 4, 2, 2, seed=0)
    with pytest.raises(
        InputError, match=r"y: got dtype torch.float32, numbers of shape \(24,\).*out_channels=1 .*convert with .long"
    ):
        ge.fit(model, data, masks=MASKS, progress=False)
    one = ge.GraphSAGE(3, 4, 2, 1, seed=0)
    y = data.y.clone()
    y[2] = torch.nan
    with pytest.raises(InputError, match="y: got NaN or infinity at node 2 of the train mask"):
        ge.fit(one, data, y=y, masks=MASKS, progress=False)
    ge.fit(one, data, y=y, masks={"train": torch.tensor([0, 1])}, epochs=1, progress=False)
    with pytest.raises(InputError, match="monitor: got val_accuracy; expected one of 'val_loss', 'val_mae'"):
        ge.fit(one, data, masks=MASKS, monitor="val_accuracy", progress=False)
    with pytest.raises(InputError, match=r"loss: got cross_entropy; expected 'mse' or 'l1'"):
        ge.fit(one, data, masks=MASKS, task="regression", loss="cross_entropy", progress=False)
    whole = torch.arange(NODES)
    result = ge.fit(one, data, y=whole, masks=MASKS, task="regression", epochs=1, progress=False)
    assert "test_mae" in result.metrics
    for labels, message in (
        (data.y.flatten(), "fractions"),
        (torch.full((NODES,), torch.nan), "NaN or infinity, first"),
    ):
        with pytest.raises(InputError, match=message):
            ge.evaluate.node_classification(torch.eye(NODES), labels)
