"""Where models are trained, and in which precision."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F

import graphembed_ext as ge
from graphembed_ext.errors import EngineError, FileFormatError, InputError
from graphembed_ext.training import placing
from tests.graphs import RING_CLASSES, RING_NODES, build_pyg, labelled_rings
from tests.trained import Mean

RING = torch.stack([torch.arange(12), (torch.arange(12) + 1) % 12])
SHOP = {("user", "buys", "item"): torch.tensor([[0, 0, 1, 1, 2, 2, 3, 3], [0, 1, 1, 2, 2, 3, 3, 4]])}
QUICK = {"epochs": 6, "progress": False}


def deepwalk(**options):
    return ge.fit(ge.DeepWalk(RING, emb_dim=4, walk_length=8, seed=0), **QUICK, **options)


def own_loop(**options):
    return ge.fit(ge.pyg.Node2Vec(RING, 4, 8, 4, seed=0), **QUICK, **options)


def sage(**options):
    model = ge.GraphSAGE(3, 8, 2, out_channels=2, seed=0)
    return ge.fit(model, build_pyg(labelled_rings()), **QUICK, **options)


def batches(**options):
    return sage(batch_size=4, **options)


def han(**options):
    model = ge.HAN.for_graph(build_pyg(labelled_rings()), hidden_channels=4, heads=2, out_channels=2, seed=0)
    return ge.fit(model, build_pyg(labelled_rings()), **QUICK, **options)


def links(**options):
    model = ge.GraphSAGE(3, 8, 2, seed=0)
    return ge.fit(model, build_pyg(labelled_rings()), task="links", **QUICK, **options)


def softmax(**options):
    return ge.fit(ge.LightGCN.for_graph(SHOP, 4, seed=0), **QUICK, **options)


def triplets(**options):
    return softmax(loss="pyg", batch_size=4, **options)


TASKS = [deepwalk, own_loop, sage, batches, links, softmax, triplets]


@pytest.mark.parametrize("task", TASKS)
def test_every_task_trains_in_half_precision(task):
    """Nearly as in full precision: weights, sums and losses are not rounded."""
    halved, whole = task(precision="bf16"), task(**({"engine": "torch"} if task is deepwalk else {}))
    assert halved.settings["precision"] == "bf16"
    assert "precision" not in whole.settings
    assert halved.loss == pytest.approx(whole.loss, rel=0.05)
    assert halved.history[0]["loss"] == pytest.approx(whole.history[0]["loss"], rel=0.02)


@pytest.mark.parametrize("task", TASKS)
def test_every_task_trains_where_it_is_told(task):
    torch.testing.assert_close(
        [entry["loss"] for entry in task(device="cpu", **one(task)).history],
        [entry["loss"] for entry in task(**one(task)).history],
        rtol=0,
        atol=0,
    )


def one(task):
    return {"deterministic": True} if task is deepwalk else {}


def test_half_precision_is_torchs_autocast():
    """Against a loop by hand."""
    graph, model = build_pyg(labelled_rings()), Mean()
    twin, y, train = copy.deepcopy(model), torch.tensor(RING_CLASSES), torch.arange(0, RING_NODES, 3)
    optimizer, wanted = torch.optim.Adam(twin.parameters(), lr=0.1), []
    inputs = twin.inputs(ge.view(graph))
    for _ in range(6):
        with torch.autocast("cpu", torch.bfloat16):
            scores = twin.logits(inputs)["_N"]
        assert scores.dtype == torch.bfloat16
        loss = F.cross_entropy(scores[train].float(), y[train])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        wanted.append(float(loss.detach()))
    result = ge.fit(model, graph, **QUICK, lr=0.1, weight_decay=0.0, patience=None, precision="bf16")
    assert [entry["loss"] for entry in result.history] == wanted
    assert next(model.parameters()).dtype == torch.float32


def test_a_state_of_another_precision_is_refused(tmp_path):
    path = tmp_path / "state.pt"
    sage(precision="bf16", checkpoint=path)
    with pytest.raises(FileFormatError, match="precision='bf16'"):
        sage(checkpoint=path)


def test_fp32_is_the_usual():
    assert "precision" not in sage(precision="fp32").settings
    assert deepwalk(precision="fp32").engine == "numba"


def test_the_compiled_engine_has_no_half_precision():
    result = deepwalk(precision="bf16")
    assert (result.engine, result.fallback) == ("torch", "it computes in fp32, not bf16")
    with pytest.raises(EngineError, match="it computes in fp32, not bf16"):
        deepwalk(precision="bf16", engine="numba")


@pytest.mark.parametrize("device", ["meta", "nowhere", "cuda:99", 3.5, "", torch.device("meta")])
def test_a_device_that_is_not_here_is_refused_by_what_is(device):
    with pytest.raises(InputError, match=r"device: got .*; expected one of 'cpu'.*, which are here"):
        sage(device=device)


def test_a_device_by_any_of_its_names(monkeypatch):
    monkeypatch.setattr(placing, "devices", lambda: ["cpu", "cuda:0", "cuda:1"])
    for name in ("cpu", "cuda", "cuda:0", "cuda:1", torch.device("cuda", 1)):
        assert placing.device_of(name) == torch.device(name)
    for name in ("cuda:2", "mps", "meta"):
        with pytest.raises(InputError, match="expected one of 'cpu', 'cuda:0', 'cuda:1', which are here"):
            placing.device_of(name)


def test_a_model_without_memory_is_not_moved():
    model = ge.DeepWalk(RING, emb_dim=4, walk_length=8, seed=0, device="meta")
    with pytest.raises(InputError, match="device: got cpu; expected None for a model made with device='meta'"):
        ge.fit(model, device="cpu", progress=False)


def test_an_unknown_precision_is_refused():
    with pytest.raises(InputError, match="precision: got fp8; expected one of 'fp32', 'bf16'"):
        sage(precision="fp8")
