"""GraphSAGE beside PyG's class and DGL's layer, on both hosts, trained, embedded, copied; and what it refuses."""

from __future__ import annotations

from typing import ClassVar

import pytest
import torch
from torch_geometric.nn import GraphSAGE as PeerGraphSAGE

import graphembed_ext as ge
from graphembed_ext.errors import InputError
from tests.cases import Variant
from tests.graphs import BUILDERS, Spec, build_dgl, build_pyg, rings
from tests.model_cases import FreeModelCase

NODES, WIDE = 12, 6


def draw(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def some_edges(nodes=NODES, edges=40):
    """Sorted by target, as PyG's LSTM needs them; the last two nodes get none."""
    generator = torch.Generator().manual_seed(1)
    src = torch.randint(nodes, (edges,), generator=generator)
    return torch.stack([src, torch.randint(nodes - 2, (edges,), generator=generator).sort().values])


EDGE = torch.tensor([[1], [1]])


def plain(model, *given):
    """A call with tensors, which a model of either host takes."""
    return ge.GraphSAGE.forward(model, *given)


class TestGraphSAGE(FreeModelCase):
    """The contract of a model, see tests/model_cases.py."""

    models = (ge.GraphSAGE, ge.dgl.GraphSAGE)
    name = "graphsage"
    created_with: ClassVar = {"hidden_channels": 8, "out_channels": 2, "dropout": 0.3}
    copied_with: ClassVar = {"dropout": 0.5, "norm": "batch_norm", "jk": "cat"}
    training: ClassVar = {"epochs": 4, "lr": 0.05}
    rows: ClassVar = {"_N": 20}
    columns = 2
    reset_repeats = False
    variants_that_learn: ClassVar = [
        Variant("whole", {"hidden_channels": 16, "dropout": 0.0}, {"epochs": 40}),
        Variant("batches", {"hidden_channels": 16, "dropout": 0.0}, {"epochs": 30, "batch_size": 4}),
    ]
    variants_alike: ClassVar = [
        *(
            Variant(f"{config}-{width}", config, graph={"wide": wide})
            for config in (
                {},
                {"weight": "edge_weight"},
                {"aggr": "gcn"},
                {"aggr": "pool"},
                {"aggr": "dgl_lstm"},
                {"aggr": "lstm"},
            )
            for width, wide in (("dense", 4), ("sparse", 100))
        ),
        *(
            Variant(f"{config}-batches", config, {"batch_size": 3, "fanouts": [2, 1]})
            for config in ({}, {"weight": "edge_weight", "norm": "batch_norm"}, {"aggr": "pool", "jk": "cat"})
        ),
    ]
    refused_arguments: ClassVar = [
        ({"num_layers": 0}, "num_layers: got 0"),
        ({"hidden_channels": 0}, "hidden_channels: got 0"),
        ({"out_channels": -1}, "out_channels: got -1"),
        ({"jk": "first"}, "jk: got first"),
        ({"seed": -1}, "seed: got -1"),
        ({"target": "user"}, "target: got user; expected None for a graph without types"),
    ]
    bad_calls: ClassVar = [
        (lambda model, g: plain(model, torch.ones(20, 5), EDGE), r"x.*shape \(20, 5\).*in_channels=4"),
        (
            lambda model, g: plain(model, torch.ones(20, 4), 20 * EDGE),
            "edge_index: got source id 20; expected .* 0 to 19",
        ),
        (lambda model, g: plain(model, torch.ones(20, 4), -EDGE), "edge_index: got source id -1"),
        (lambda model, g: ge.embed(ge.GraphSAGE(5, 8, 2), g), r"features: got shape \(20, 4\).*shape \(20, 5\)"),
        (lambda model, g: ge.embed(ge.GraphSAGE(4, 8, 2, weight="wait"), g), "weight: got wait.*'edge_weight'"),
        *(
            (lambda model, g, fanouts=fanouts: ge.fit(model, g, batch_size=4, fanouts=fanouts), "fanouts: got")
            for fanouts in ([5], [5, 5, 5], [5, -3], 5, {("_N", "_E", "_N"): [5]})
        ),
    ]

    def spec(self, **graph):
        return rings(**graph)

    def make(self, graph, **config):
        return ge.create("graphsage", graph, **{**self.created_with, "seed": 0, **config})

    def check_structure(self, model, graph, result):
        assert result.metrics["test_accuracy"] > 0.9
        unseen = rings(30)
        emb = ge.embed(model, BUILDERS[ge.view(graph).host](unseen))
        assert (emb.tensor.argmax(1) == torch.tensor(unseen.features["_N"]["label"])).double().mean() > 0.85


CONFIGS = {
    "default": {"out_channels": 3},
    "no out_channels": {},
    "one layer": {"num_layers": 1, "out_channels": 3},
    "three layers": {"num_layers": 3, "out_channels": 3, "dropout": 0.0, "act": "elu", "act_kwargs": {"alpha": 0.5}},
    "no activation": {"act": None},
    "project": {"out_channels": 3, "project": True},
    "lstm": {"out_channels": 3, "aggr": "lstm"},
    "max": {"out_channels": 3, "aggr": "max"},
    "jk last": {"out_channels": 3, "jk": "last"},
    "jk cat": {"out_channels": 3, "jk": "cat"},
    "jk max": {"jk": "max", "norm": "layer_norm"},
    "jk lstm": {"out_channels": 3, "jk": "lstm"},
    "batch norm": {"out_channels": 3, "norm": "batch_norm", "norm_kwargs": {"momentum": 0.3}, "act_first": True},
    "graph norm": {"out_channels": 3, "norm": "graph_norm"},
    "normalize": {"out_channels": 3, "normalize": True, "bias": False},
    "no root": {"out_channels": 3, "root_weight": False},
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_equals_pygs_class(config):
    config = {"num_layers": 2, **config}
    ours, peer = ge.GraphSAGE(WIDE, 8, **config).double(), PeerGraphSAGE(WIDE, 8, **config).double()
    assert {k: v.shape for k, v in ours.state_dict().items()} == {k: v.shape for k, v in peer.state_dict().items()}
    peer.load_state_dict(ours.state_dict(), strict=True)
    assert ours.out_channels == peer.out_channels
    x, edges = draw(NODES, WIDE), some_edges()
    for mode in (True, False):  # batch norm changes its state in between
        found, wanted = ours.train(mode)(x, edges), peer.train(mode)(x, edges)
        torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-10)
    pairs = (found, ours), (wanted, peer)
    torch.testing.assert_close(
        *(torch.autograd.grad(out.square().sum(), model.parameters()) for out, model in pairs), rtol=1e-9, atol=1e-9
    )


def test_trims_layers_as_pyg_does():
    ours, peer = ge.GraphSAGE(WIDE, 8, 2).double(), PeerGraphSAGE(WIDE, 8, 2).double()
    peer.load_state_dict(ours.state_dict())
    edges = torch.tensor([[1, 2, 3, 4, 5], [0, 0, 1, 1, 2]])  # hops: two nodes around 0, then three around those
    hops = {"num_sampled_nodes_per_hop": [1, 2, 3], "num_sampled_edges_per_hop": [2, 3]}
    x = draw(6, WIDE)
    torch.testing.assert_close(ours(x, edges, **hops), peer(x, edges, **hops), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(ours(x, edges, **hops)[:1], ours(x, edges)[:1], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("config", [{}, {"aggr": "max"}, {"aggr": "max", "project": True}, {"aggr": "gcn"}], ids=str)
@pytest.mark.filterwarnings("ignore:Sparse:UserWarning")
def test_sparse_features(config):
    model, x, edges = ge.GraphSAGE(WIDE, 8, 2, 3, seed=0, **config).double(), draw(NODES, WIDE).relu(), some_edges()
    expected = model(x, edges)
    grads = torch.autograd.grad(expected.square().sum(), model.parameters())
    for sparse in (x.to_sparse(), x.to_sparse_csr(), x.to_sparse_csc()):
        found = model(sparse, edges)
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
        again = torch.autograd.grad(found.square().sum(), model.parameters())
        torch.testing.assert_close(again, grads, rtol=1e-9, atol=1e-9)
    pair = model.convs[0]((x.to_sparse(), x[:4]), edges[:, edges[1] < 4])
    torch.testing.assert_close(pair, model.convs[0]((x, x[:4]), edges[:, edges[1] < 4]), rtol=1e-10, atol=1e-10)


def test_lazy_input():
    model = ge.GraphSAGE(-1, 8, 2, out_channels=2)
    ge.fit(model, build_pyg(rings()), epochs=1, progress=False)
    assert model.convs[0].lin_l.weight.shape == (8, 4)


def test_edge_weights_count():
    model = ge.GraphSAGE(WIDE, 8, 2, seed=0).double()
    x, edges = draw(NODES, WIDE), some_edges()
    keep = torch.arange(edges.size(1)) % 3 != 0
    torch.testing.assert_close(model(x, edges, keep.double()), model(x, edges[:, keep]), rtol=1e-10, atol=1e-10)


def test_embeds_unseen_graphs_by_its_forward(build):
    model = ge.create("graphsage", build(rings()), hidden_channels=16, out_channels=2, seed=0)
    unseen = build(rings(30))
    emb = ge.embed(model, unseen)
    x = torch.tensor(rings(30).features["_N"]["x"])
    edges = ge.view(unseen).edge_index()
    torch.testing.assert_close(emb.tensor, ge.GraphSAGE.forward(model.eval(), x, edges), rtol=1e-5, atol=1e-5)


def test_mini_batches_are_validated_on_the_whole_graph(build):
    graph = build(rings())
    model = ge.create("graphsage", graph, hidden_channels=16, out_channels=2, seed=0)
    result = ge.fit(model, graph, epochs=5, batch_size=4, lr=0.05, progress=False)
    assert result.history[0]["samples"] == 7
    with torch.no_grad():  # what validates is the whole graph, with all neighbours
        scores = model.eval().logits(model.inputs(ge.view(graph)))["_N"]
    val = torch.arange(1, 20, 3)
    best = result.history[result.best_epoch - 1]["val_loss"]
    labels = torch.tensor(rings().features["_N"]["label"])
    assert float(torch.nn.functional.cross_entropy(scores[val], labels[val])) == pytest.approx(best, rel=1e-5)


@pytest.mark.parametrize(
    "config",
    [*CONFIGS.values(), {"aggr": "gcn"}, {"aggr": "dgl_lstm"}, {"aggr": "gcn", "weight": "edge_weight"}],
    ids=str,
)
@pytest.mark.parametrize("wide", [4, 100], ids=["dense", "sparse"])
def test_layer_by_layer_gives_the_output_of_the_whole_graph(config, wide):
    graph = build_pyg(rings(wide=wide))
    model = ge.GraphSAGE(wide, 8, **{"num_layers": 2, "dropout": 0.5, **config}, seed=0).double()
    view = ge.view(graph)
    found = model.inference(graph, chunk=3)
    assert model.training
    with torch.no_grad():
        wanted = model.eval().logits(model.inputs(view))["_N"]
    torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(model.full_logits(view)["_N"].detach(), wanted, rtol=1e-10, atol=1e-10)


def test_repr():
    model = ge.GraphSAGE(4, 8, 2, seed=0)
    assert repr(model) == "GraphSAGE(4, 8, num_layers=2)"


def test_refuses_what_does_not_fit(build, camps):
    model = ge.GraphSAGE(5, 8, 2)
    typed = ge.create("graphsage", build(camps))  # which learns vectors for types without features
    assert {name: len(typed.learned[name].weight) for name in typed.learned} == camps.num_nodes
    with pytest.raises(InputError, match=r"graph.*typed graph.*one node type"):
        ge.embed(model, build(camps))
    with pytest.raises(InputError, match="a node feature 'x' or 'feat'"):
        ge.create("graphsage", build(Spec.untyped(3, [(0, 1)])))


def test_refuses_bad_weights(build):
    spec = rings()
    spec.edge_features[next(iter(spec.edges))]["edge_weight"][2] = -1.0
    with pytest.raises(InputError, match=r"edge_weight.*-1\.0 at edge 2"):
        ge.embed(ge.GraphSAGE(4, 8, 2, weight="edge_weight"), build(spec))


@pytest.mark.parametrize("options", [{}, {"bias": False, "activation": torch.tanh, "norm": torch.nn.Softmax(1)}])
@pytest.mark.parametrize("wide", [3, 9], ids=["wider", "narrower"])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("aggregator", ["mean", "gcn", "pool", "lstm"])
def test_equals_dgls_layer(aggregator, weighted, wide, options):
    import dgl

    ours = ge.dgl.SAGEConv(wide, 5, aggregator, **options).double()
    peer = dgl.nn.SAGEConv(wide, 5, aggregator, **options).double()
    assert list(ours.state_dict()) == list(peer.state_dict())
    peer.load_state_dict(ours.state_dict(), strict=True)
    src, dst = some_edges()[:, torch.randperm(40, generator=torch.Generator().manual_seed(2))]
    weight = draw(40, seed=3).abs() if weighted else None
    graph, block = dgl.graph((src, dst), num_nodes=NODES), dgl.create_block((src, dst % 5), NODES, 5)
    x = draw(NODES, wide)
    for g, feat in ((graph, x), (block, x), (block, (x, draw(5, wide, seed=4)))):
        torch.testing.assert_close(ours(g, feat, weight), peer(g, feat, weight), rtol=1e-10, atol=1e-10)


def test_dgls_layer_follows_the_graph_and_refuses_what_does_not_fit():
    import dgl

    conv, graph = ge.dgl.SAGEConv((3, 2), 4, "mean"), dgl.heterograph({("a", "to", "b"): ([0, 1], [0, 0])})
    first = conv(graph, (torch.ones(2, 3), torch.ones(1, 2)))
    assert first.shape == (1, 4)
    graph.add_edges(0, 0)
    assert conv(graph, (torch.tensor([[1.0] * 3, [4.0] * 3]), torch.ones(1, 2))).shape == (1, 4)
    with pytest.raises(InputError, match=r"feat.*\(2, 2\) for source nodes.*\(2, 3\)"):
        conv(graph, (torch.ones(2, 2), torch.ones(1, 2)))
    with pytest.raises(InputError, match=r"edge_weight.*2 weights.*3"):
        conv(graph, (torch.ones(2, 3), torch.ones(1, 2)), torch.ones(2))
    with pytest.raises(InputError, match="aggregator_type"):
        ge.dgl.SAGEConv(3, 4, "max")
    with pytest.raises(InputError, match="in_feats"):
        ge.dgl.SAGEConv((3, 2), 4, "gcn")
    with pytest.raises(InputError, match=r"graph.*2 edge types"):
        conv(build_dgl(Spec({"a": 1}, {("a", "r", "a"): ([0], [0]), ("a", "s", "a"): ([0], [0])})), torch.ones(1, 3))


def test_dgls_model_takes_a_graph():
    graph, x = build_dgl(rings()), torch.tensor(rings().features["_N"]["x"])
    model = ge.dgl.GraphSAGE(4, 8, 2, seed=0)
    weight = graph.edata["edge_weight"]
    data, same = build_pyg(rings(order=1)), ge.GraphSAGE(4, 8, 2, seed=0)
    assert torch.equal(model(graph, x), same(x, data.edge_index))
    torch.testing.assert_close(model(graph, x, weight), same(x, data.edge_index, data.edge_weight))
    assert torch.equal(ge.embed(model, graph).tensor, ge.embed(same, data).tensor)
    with pytest.raises(InputError, match=r"x: got shape \(19, 4\); expected 20 rows"):
        model(graph, x[1:])


def test_cora(cora):
    graph = ge.to_host(cora, "dgl")
    results = []
    for host_graph in (cora, graph):
        model = ge.create("graphsage", host_graph, hidden_channels=64, out_channels=7, dropout=0.5, seed=0)
        results.append(ge.fit(model, host_graph, epochs=30, progress=False))
    assert results[0].metrics["test_accuracy"] > 0.75
    assert results[0].metrics == results[1].metrics
    assert [entry["loss"] for entry in results[0].history] == [entry["loss"] for entry in results[1].history]


def test_an_output_that_a_hook_has_seen_is_not_written_over():
    seen = []
    model = ge.GraphSAGE(4, 8, num_layers=2, out_channels=3, seed=0)
    x, edges = torch.randn(6, 4), torch.tensor([[0, 1, 2, 3], [1, 2, 3, 4]])
    plain = model(x, edges)
    model.convs[0].register_forward_hook(lambda module, given, out: seen.append(out))
    assert torch.equal(model(x, edges), plain)
    assert (seen[0] < 0).any()
