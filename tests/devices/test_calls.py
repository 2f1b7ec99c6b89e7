"""Layers, models, samplers and figures, given what is on another device than the CPU: the same as on the CPU."""

from __future__ import annotations

import copy

import pytest
import torch

import graphembed_ext as ge
from graphembed_ext.nn.lgconv import LGConv
from graphembed_ext.pyg import HANConv, SAGEConv
from tests.graphs import build_pyg, labelled_rings

GENERATOR = torch.Generator().manual_seed(0)
X = torch.rand(7, 6, generator=GENERATOR)
EDGES = torch.tensor([[0, 1, 2, 3, 4, 5, 6, 0, 2, 2], [1, 2, 3, 4, 5, 6, 0, 2, 2, 5]])
WEIGHT = torch.rand(10, generator=GENERATOR)
STEPS = {
    ("a", "to", "b"): torch.tensor([[0, 1, 2, 3, 3], [0, 0, 1, 1, 2]]),
    ("b", "of", "a"): torch.tensor([[0, 0, 1, 1, 2], [0, 1, 2, 3, 3]]),
}
SHOP = {("user", "buys", "item"): torch.tensor([[0, 0, 1, 1, 2, 2, 3, 3], [0, 1, 1, 2, 2, 3, 3, 4]])}


def moved(value, device):
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {name: moved(part, device) for name, part in value.items()}
    return tuple(moved(part, device) for part in value) if isinstance(value, tuple) else value


def close(found, wanted, **tolerance):
    if isinstance(wanted, dict):
        assert set(found) == set(wanted)
        for name in wanted:
            close(found[name], wanted[name], **tolerance)
    elif isinstance(wanted, (list, tuple)):
        for one, other in zip(found, wanted, strict=True):
            close(one, other, **tolerance)
    elif wanted is not None:
        torch.testing.assert_close(found.cpu(), wanted, **({"rtol": 1e-4, "atol": 1e-6} | tolerance))


def seeded(make):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return make().eval()


class Propagated(torch.nn.Module):
    """LightGCN's layer, which has no weights of its own, behind one that has."""

    def __init__(self):
        super().__init__()
        self.linear, self.conv = torch.nn.Linear(6, 4), LGConv()

    def forward(self, x, *edges):
        return self.conv(self.linear(x), *edges)


LAYERS = {
    "SAGEConv": (lambda: SAGEConv(6, 4), (X, EDGES)),
    "SAGEConv, max": (lambda: SAGEConv(6, 4, aggr="max"), (X, EDGES)),
    "SAGEConv, sum, project": (lambda: SAGEConv(6, 4, aggr="sum", project=True), (X, EDGES)),
    "SAGEConv, bipartite": (lambda: SAGEConv(6, 4), ((X, X[:3]), EDGES.clamp(max=2))),
    "SAGEConv, lstm": (lambda: SAGEConv(6, 4, aggr="lstm"), (X, EDGES[:, EDGES[1].argsort(stable=True)])),
    "LGConv": (Propagated, (X, EDGES)),
    "LGConv, weights": (Propagated, (X, EDGES, WEIGHT)),
    "HANConv": (
        lambda: HANConv(6, 4, (["a", "b"], list(STEPS)), heads=2),
        ({"a": X[:4], "b": X[:3]}, STEPS),
    ),
    "GraphSAGE": (lambda: ge.GraphSAGE(6, 4, 2, seed=0), (X, EDGES)),
    "GraphSAGE, weights": (lambda: ge.GraphSAGE(6, 4, 2, seed=0), (X, EDGES, WEIGHT)),
    "LightGCN": (lambda: ge.LightGCN(7, 4, 2, seed=0), (EDGES,)),
}


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_and_its_gradients(layer, device):
    if "lstm" in layer and not torch.cuda.is_available():
        pytest.skip("no GPU here, and the make-believe device does not sort")
    make, given = LAYERS[layer]
    here = seeded(make)
    there = copy.deepcopy(here).to(device).train("lstm" in layer)  # cuDNN has no gradients for scoring
    wanted, found = here(*given), there(*moved(given, device))
    # cuDNN's LSTM has numbers of 10 bits unless it is told otherwise.
    loose = {"rtol": 0.02, "atol": 1e-3} if "lstm" in layer else {}
    close(found, wanted, **loose)
    for out in (wanted, found):
        parts = out.values() if isinstance(out, dict) else [out]
        sum(part.square().sum() for part in parts if part is not None).backward()
    for ours, theirs in zip(there.parameters(), here.parameters(), strict=True):
        assert ours.device == device
        close(ours.grad, theirs.grad, **({"rtol": 1e-3, "atol": 1e-5} | loose))


WALKS = {
    "uniform": {},
    "weighted": {"weight": WEIGHT},
    "second order": {"p": 0.5, "q": 2.0},
    "second order, weighted": {"p": 4.0, "q": 0.25, "weight": WEIGHT},
    "restart": {"restart": 0.3},
    "time": {"time": torch.arange(10)},
}


@pytest.mark.parametrize("kind", WALKS)
def test_walks_over_a_graph_that_is_there_are_the_same_bits(kind, device):
    options = {"engine": "torch", "seed": 3} | WALKS[kind]
    starts = torch.arange(7).repeat(20)
    wanted = ge.walks.random_walk(EDGES, starts, 12, **options)
    found = ge.walks.random_walk(EDGES.to(device), starts.to(device), 12, **moved(options, device))
    assert found.nodes.device == device
    assert torch.equal(found.nodes.cpu(), wanted.nodes)


def test_walks_along_a_metapath_are_the_same_bits(device):
    options = {"metapath": ["to", "of"], "engine": "torch", "seed": 3}
    starts = torch.arange(4).repeat(20)
    wanted = ge.walks.random_walk(STEPS, starts, 9, **options)
    found = ge.walks.random_walk(moved(STEPS, device), starts.to(device), 9, **options)
    assert torch.equal(found.nodes.cpu(), wanted.nodes)


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (lambda edges: ge.DeepWalk(edges, emb_dim=4, walk_length=8, sparse=False, seed=0), {"engine": "torch"}),
        (lambda edges: ge.pyg.Node2Vec(edges, 4, 8, 4, seed=0), {}),
    ],
)
def test_models_over_a_graph_that_is_there(make, options, device):
    """Trained on a graph whose edges are on the device, and read back."""
    here, there = make(EDGES), make(EDGES.to(device))
    ge.fit(here, epochs=2, progress=False, device="cpu", **options)
    result = ge.fit(there, epochs=2, progress=False, device=device, **options)
    assert result.loss < 10
    assert ge.embed(there).numpy().shape == ge.embed(here).numpy().shape


def test_batches_of_neighbors_go_there(device):
    graph = build_pyg(labelled_rings())
    for batch in ge.neighbor_loader(graph, [2, 2], batch_size=4, seed=0):
        there = batch.to(device)
        assert there.x.device == there.seeds.device == device
        close([there.x, there.nodes, there.seeds], [batch.x, batch.nodes, batch.seeds])
        model = seeded(lambda: ge.GraphSAGE(3, 4, 2, seed=0))
        close(copy.deepcopy(model).to(device).logits(there), model.logits(batch))


def test_recommendations_and_their_figures(device):
    model = ge.LightGCN.for_graph(SHOP, 8, seed=0)
    ge.fit(model, epochs=3, progress=False)
    there = copy.deepcopy(model).to(device)
    pairs = torch.tensor([[0, 1, 2, 3], [2, 3, 4, 0]])
    for exclude in (None, True):
        close(there.recommend(k=2, exclude=exclude), model.recommend(k=2, exclude=exclude))
    ours, theirs = (ge.evaluate.recommendation(each, SHOP, pairs, k=2) for each in (there, model))
    assert ours == pytest.approx(theirs, abs=1e-6)


def test_a_checkpoint_made_there_is_read_here(tmp_path, device):
    model = ge.GraphSAGE(3, 4, 2, out_channels=2, seed=0).to(device)
    path = tmp_path / "model.pt"
    ge.checkpoint.save(model, path)
    again = ge.GraphSAGE(3, 4, 2, out_channels=2, seed=1)
    ge.checkpoint.load(again, path)
    close(dict(model.state_dict()), dict(again.state_dict()))


def test_predictions_are_those_of_the_cpu(device):
    graph = build_pyg(labelled_rings())
    model = ge.GraphSAGE(3, 8, 2, out_channels=2, seed=0)
    ge.fit(model, graph, epochs=5, progress=False)
    close(ge.predict_proba(copy.deepcopy(model).to(device), graph), ge.predict_proba(model, graph))
