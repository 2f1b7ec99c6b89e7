"""GraphSAGE on typed graphs, beside what PyG's to_hetero makes of its class; on both hosts, whole and in batches."""

from __future__ import annotations

import warnings
from typing import ClassVar

import pytest
import torch

import graphembed_ext as ge
from graphembed_ext.errors import InputError
from tests import peers
from tests.cases import Variant
from tests.graphs import BUILDERS, LIKED_BY, LIKES, OF, build_dgl, build_pyg, tagged_camps
from tests.model_cases import FreeModelCase


class TestTypedGraphSAGE(FreeModelCase):
    """The contract of a model, see tests/model_cases.py."""

    models = (ge.TypedGraphSAGE, ge.dgl.TypedGraphSAGE)
    name = "graphsage"
    created_with: ClassVar = {"hidden_channels": 8, "out_channels": 2, "dropout": 0.2, "target": "user"}
    copied_with: ClassVar = {"dropout": 0.5, "norm": "layer_norm", "jk": "cat", "target": None}
    training: ClassVar = {"epochs": 4, "lr": 0.05}
    rows: ClassVar = {"user": 12}
    columns = 2
    reset_repeats = False
    variants_that_learn: ClassVar = [
        Variant(name, {"hidden_channels": 16, "dropout": 0.0}, {"epochs": 20, **batches}, {"users": 30})
        for name, batches in (("whole", {}), ("batches", {"batch_size": 4}))
    ]
    variants_alike: ClassVar = [
        Variant(f"{config}-{name}-{width}", config, batches, {"wide": wide})
        for config in ({}, {"weight": "edge_weight"})
        for name, batches in (("whole", {}), ("batches", {"batch_size": 3, "fanouts": [2, 3]}))
        for width, wide in (("dense", 3), ("sparse", 100))
    ]
    refused_arguments: ClassVar = [
        ({"target": "tag"}, r"target: got tag; expected a node type that edges lead to in every layer: \['item', 'us"),
        ({"jk": "first"}, "jk: got first"),
        ({"num_layers": 0}, "num_layers: got 0"),
        ({"hidden_channels": 0}, "hidden_channels: got 0"),
        ({"seed": -1}, "seed: got -1"),
    ]
    bad_calls: ClassVar = [
        (lambda model, g: ge.fit(model, g, batch_size=4, fanouts=[2], progress=False), "fanouts: got"),
        (lambda model, g: ge.embed(model, ge.view(torch.tensor([[0], [1]]))), "got"),
    ]

    def spec(self, **graph):
        return tagged_camps(**graph)

    def make(self, graph, **config):
        return ge.create("graphsage", graph, **{**self.created_with, "seed": 0, **config})

    def check_structure(self, model, graph, result):
        assert result.metrics["test_accuracy"] == 1.0
        unseen = BUILDERS[ge.view(graph).host](tagged_camps(users=18))
        assert ge.embed(model, unseen)["user"].argmax(1).tolist() == [u % 2 for u in range(18)]


def two_way():
    """The same with edges into tags, so that PyG's to_hetero can make two layers of it."""
    spec = tagged_camps()
    src, dst = spec.edges[OF]
    spec.edges["item", "has", "tag"] = dst, src
    return spec


CONFIGS = {
    "default": {},
    "max": {"aggr": "max"},
    "normalize": {"normalize": True},
    "norm": {"norm": "batch_norm", "act": "elu", "act_first": True},
    "jk cat": {"jk": "cat"},
    "jk max": {"jk": "max"},
    "jk last": {"jk": "last", "norm": "layer_norm"},
    "no root": {"root_weight": False, "bias": False},
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_equals_what_to_hetero_makes(config):
    data = build_pyg(two_way())
    view = ge.view(data)
    sizes = {name: x.size(1) for name, x in data.x_dict.items()}
    ours = ge.TypedGraphSAGE(sizes, 8, 2, 3, metadata=(view.node_types, view.edge_types), seed=0, **config).double()
    peer = peers.to_hetero((view.node_types, view.edge_types), (-1, -1), 8, 2, 3, **config).double()
    x = {name: rows.double() for name, rows in data.x_dict.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch.fx
        peer(x, data.edge_index_dict)  # lazy sizes
    assert {k: v.shape for k, v in ours.state_dict().items()} == {k: v.shape for k, v in peer.state_dict().items()}
    peer.load_state_dict(ours.state_dict(), strict=True)
    for mode in (True, False):
        found, wanted = ours.train(mode)(x, data.edge_index_dict), peer.train(mode)(x, data.edge_index_dict)
        assert set(found) == set(wanted)
        for name, rows in wanted.items():
            torch.testing.assert_close(found[name], rows, rtol=1e-10, atol=1e-10)
    embedded = ge.embed(ours, data)
    for name, rows in wanted.items():
        torch.testing.assert_close(embedded[name], rows, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("config", [{}, {"aggr": "pool", "jk": "cat"}, {"weight": "edge_weight"}], ids=str)
@pytest.mark.parametrize("target", ["user", None])
def test_batches_with_all_neighbours_and_parts_give_the_output_of_the_whole_graph(build, config, target):
    graph = build(tagged_camps())
    view = ge.view(graph)
    model = ge.create("graphsage", graph, hidden_channels=8, out_channels=3, target=target, seed=0, **config).eval()
    assert model.targets == (["user"] if target else ["item", "user"])
    with torch.no_grad():
        whole = model.logits(model.inputs(view))
    parts = model.inference(graph, chunk=3)
    nodes = {name: torch.arange(view.num_nodes[name]) for name in model.targets}
    loader = model.loader(view, nodes, batch_size=5, seed=0, fanouts={t: [-1, -1] for t in view.edge_types})
    for name in model.targets:
        torch.testing.assert_close(parts[name], whole[name], rtol=1e-5, atol=1e-5)
    seen = 0
    for batch, seeds in loader:
        found = model.logits(batch)
        assert set(found) == set(seeds)
        for name, ids in seeds.items():
            torch.testing.assert_close(found[name], whole[name][ids], rtol=1e-5, atol=1e-5)
            seen += len(ids)
    assert seen == sum(map(len, nodes.values()))


@pytest.mark.filterwarnings("ignore:Dataloader CPU affinity")
def test_dgl_users_call_it_with_graphs_and_blocks():
    import dgl

    graph = build_dgl(tagged_camps())
    model = ge.create("graphsage", graph, hidden_channels=8, out_channels=2, target="user", seed=0)
    assert isinstance(model, ge.dgl.TypedGraphSAGE)
    x = {name: graph.nodes[name].data["x"] for name in graph.ntypes}
    whole = model(graph, x)["user"]
    torch.testing.assert_close(whole, ge.embed(model, graph).tensor, rtol=1e-5, atol=1e-5)
    sampler = dgl.dataloading.MultiLayerFullNeighborSampler(2)
    loader = dgl.dataloading.DataLoader(graph, {"user": torch.arange(12)}, sampler, batch_size=5)
    for inputs, outputs, blocks in loader:
        found = model(blocks, {name: x[name][ids] for name, ids in inputs.items()})
        torch.testing.assert_close(found["user"], whole[outputs["user"]], rtol=1e-5, atol=1e-5)


def test_repr():
    model = TestTypedGraphSAGE().make(build_pyg(tagged_camps()), target=None)
    assert "targets=['item', 'user']" in repr(model)


def test_refuses_what_does_not_fit(build):
    graph = build(tagged_camps())
    model = ge.create("graphsage", graph, hidden_channels=8, target="user", out_channels=2)
    spec = tagged_camps()
    del spec.edges[LIKED_BY], spec.edge_features[LIKED_BY]
    with pytest.raises(InputError, match=r"graph: got .*'item', 'liked_by', 'user'\) among them"):
        ge.embed(model, build(spec))
    spec = tagged_camps()
    spec.features["item"]["x"] = [row[:2] for row in spec.features["item"]["x"]]
    with pytest.raises(InputError, match=r"features of 'item': got shape \(8, 2\); expected shape \(8, 3\)"):
        ge.embed(model, build(spec))
    with pytest.raises(InputError, match=r"in_channels.*for 'user', too"):
        ge.TypedGraphSAGE({"item": 2}, 8, 2, metadata=([], [LIKES, LIKED_BY]))
    plain = ge.TypedGraphSAGE({"item": 2, "user": 3}, 8, 2, metadata=([], [LIKES, LIKED_BY]))
    x, edges = {"item": torch.ones(2, 2), "user": torch.ones(1, 3)}, torch.zeros(2, 1, dtype=torch.int64)
    both = {LIKES: edges, LIKED_BY: edges}
    with pytest.raises(InputError, match=r"x_dict\['item'\]: got shape \(2, 3\)"):
        plain(x | {"item": torch.ones(2, 3)}, both)
    with pytest.raises(InputError, match=r"x_dict: got.*'user', too"):
        plain({"item": x["item"]}, both)
    with pytest.raises(InputError, match="edge_index_dict"):
        plain(x, {LIKES: edges})
    with pytest.raises(InputError, match="fanouts: got 1 blocks"):
        plain(x, [both])
