"""GraphSAGE beside PyG's class and DGL's layer, on both hosts, trained, embedded, copied; and what it refuses."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch_geometric.nn import GraphSAGE as PeerGraphSAGE

import graphembed_ext as ge
from graphembed_ext.errors import InputError
from tests.graphs import Spec, agree, build_dgl, build_pyg, rings

NODES, WIDE = 12, 6


def draw(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def some_edges(nodes=NODES, edges=40):
    """Sorted by target, as PyG's LSTM needs them; the last two nodes get none."""
    generator = torch.Generator().manual_seed(1)
    src = torch.randint(nodes, (edges,), generator=generator)
    return torch.stack([src, torch.randint(nodes - 2, (edges,), generator=generator).sort().values])


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


def test_lazy_input():
    model = ge.GraphSAGE(-1, 8, 2, out_channels=2)
    ge.fit(model, build_pyg(rings()), epochs=1, progress=False)
    assert model.convs[0].lin_l.weight.shape == (8, 4)


def test_edge_weights_count():
    model = ge.GraphSAGE(WIDE, 8, 2, seed=0).double()
    x, edges = draw(NODES, WIDE), some_edges()
    keep = torch.arange(edges.size(1)) % 3 != 0
    torch.testing.assert_close(model(x, edges, keep.double()), model(x, edges[:, keep]), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    "config",
    [{}, {"weight": "edge_weight"}, {"aggr": "gcn"}, {"aggr": "pool"}, {"aggr": "dgl_lstm"}, {"aggr": "lstm"}],
    ids=str,
)
@pytest.mark.parametrize("wide", [4, 100], ids=["dense", "sparse"])
def test_hosts_train_and_embed_alike(config, wide):
    found = []
    for graph in (build_dgl(rings(wide=wide)), build_pyg(rings(wide=wide, order=3))):
        model = ge.create("graphsage", graph, hidden_channels=8, out_channels=2, dropout=0.3, seed=0, **config)
        result = ge.fit(model, graph, epochs=4, lr=0.05, progress=False, seed=1)
        found.append((model, result, ge.embed(model, graph).tensor))
    (first, one, emb), (second, two, other) = found
    assert agree(first, second)
    assert [entry["loss"] for entry in one.history] == [entry["loss"] for entry in two.history]
    assert one.metrics == two.metrics
    assert torch.equal(emb, other)


def test_learns_and_embeds_unseen_graphs(build, global_state_untouched):
    graph = build(rings())
    model = ge.create("graphsage", graph, hidden_channels=16, out_channels=2, seed=0)
    result = ge.fit(model, graph, epochs=40, lr=0.05, progress=False)
    assert result.metrics["test_accuracy"] > 0.9
    unseen = build(rings(30))
    emb = ge.embed(model.train(), unseen)
    assert model.training
    assert not emb.tensor.requires_grad
    labels = torch.tensor(rings(30).features["_N"]["label"])
    assert (emb.tensor.argmax(1) == labels).double().mean() > 0.85
    x = torch.tensor(rings(30).features["_N"]["x"])
    edges = ge.view(unseen).edge_index()
    torch.testing.assert_close(emb.tensor, ge.GraphSAGE.forward(model.eval(), x, edges), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "config", [{}, {"weight": "edge_weight", "norm": "batch_norm"}, {"aggr": "pool", "jk": "cat"}], ids=str
)
def test_mini_batches_train_alike_on_both_hosts(config, global_state_untouched):
    found = []
    for graph in (build_dgl(rings()), build_pyg(rings(order=3))):
        model = ge.create("graphsage", graph, hidden_channels=8, out_channels=2, dropout=0.3, seed=0, **config)
        result = ge.fit(model, graph, epochs=4, batch_size=3, fanouts=[2, 1], lr=0.05, progress=False, seed=1)
        found.append((model, result))
    (first, one), (second, two) = found
    assert agree(first, second)
    assert [entry["loss"] for entry in one.history] == [entry["loss"] for entry in two.history]
    assert one.metrics == two.metrics
    assert one.history[0]["samples"] == 7


def test_mini_batches_learn(build):
    graph = build(rings())
    model = ge.create("graphsage", graph, hidden_channels=16, out_channels=2, seed=0)
    result = ge.fit(model, graph, epochs=30, batch_size=4, lr=0.05, progress=False)
    assert result.metrics["test_accuracy"] > 0.9
    with torch.no_grad():  # what validates is the whole graph, with all neighbours
        scores = model.eval().logits(model.inputs(ge.view(graph)))["_N"]
    val = torch.arange(1, 20, 3)
    best = result.history[result.best_epoch - 1]["val_loss"]
    labels = torch.tensor(rings().features["_N"]["label"])
    assert float(torch.nn.functional.cross_entropy(scores[val], labels[val])) == pytest.approx(best, rel=1e-5)


@pytest.mark.parametrize(
    "fanouts", [[5], [5, 5, 5], [5, -3], 5, {("_N", "_E", "_N"): [5]}], ids=["short", "long", "negative", "int", "dict"]
)
def test_fanouts_that_do_not_fit_are_refused(build, fanouts):
    model = ge.GraphSAGE(4, 8, 2, out_channels=2)
    before = copy.deepcopy(model)
    with pytest.raises(InputError, match="fanouts: got"):
        ge.fit(model, build(rings()), epochs=1, batch_size=4, fanouts=fanouts, progress=False)
    assert agree(model, before)


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


def test_seed_fixes_weights_and_leaves_torch_alone(global_state_untouched):
    assert agree(ge.GraphSAGE(4, 8, 2, seed=3), ge.GraphSAGE(4, 8, 2, seed=3))
    assert not agree(ge.GraphSAGE(4, 8, 2, seed=3), ge.GraphSAGE(4, 8, 2, seed=4))


def test_is_an_ordinary_module():
    graph, model = build_pyg(rings()), ge.GraphSAGE(4, 8, 2, dropout=0.5, norm="batch_norm", jk="cat", seed=0).double()
    emb = ge.embed(model, graph).tensor  # in the model's dtype, whatever that of the features
    assert emb.dtype == torch.float64
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(ge.embed(other, graph).tensor, emb)
    before = model.convs[0].lin_l.weight.clone()
    model.reset_parameters()
    assert not torch.equal(before, model.convs[0].lin_l.weight)
    assert repr(model) == "GraphSAGE(4, 8, num_layers=2)"


def test_refuses_what_does_not_fit(build, camps):
    graph = build(rings())
    model = ge.GraphSAGE(5, 8, 2)
    with pytest.raises(InputError, match=r"features.*shape \(20, 4\).*shape \(20, 5\)"):
        ge.embed(model, graph)
    with pytest.raises(InputError, match=r"x.*shape \(20, 4\).*in_channels=5"):
        model(torch.ones(20, 4), torch.tensor([[0], [1]]))
    with pytest.raises(InputError, match=r"edge_index.*20"):
        model(torch.ones(20, 5), torch.tensor([[0], [20]]))
    with pytest.raises(InputError, match="features of 'item'"):
        ge.create("graphsage", build(camps))
    with pytest.raises(InputError, match="target: got user; expected None for a graph without types"):
        ge.create("graphsage", graph, target="user")
    with pytest.raises(InputError, match=r"graph.*typed graph.*one node type"):
        ge.embed(model, build(camps))
    with pytest.raises(InputError, match="graph"):
        ge.embed(model)
    with pytest.raises(InputError, match="a node feature 'x' or 'feat'"):
        ge.create("graphsage", build(Spec.untyped(3, [(0, 1)])))
    with pytest.raises(InputError, match=r"weight: got wait.*'edge_weight'"):
        ge.embed(ge.GraphSAGE(4, 8, 2, weight="wait"), graph)


def test_refuses_bad_weights_and_sizes(build):
    spec = rings()
    spec.edge_features[next(iter(spec.edges))]["edge_weight"][2] = -1.0
    with pytest.raises(InputError, match=r"edge_weight.*-1\.0 at edge 2"):
        ge.embed(ge.GraphSAGE(4, 8, 2, weight="edge_weight"), build(spec))
    for argument, config in {
        "num_layers": {"num_layers": 0},
        "hidden_channels": {"hidden_channels": 0},
        "out_channels": {"out_channels": -1},
        "jk": {"jk": "first"},
        "seed": {"seed": -1},
    }.items():
        with pytest.raises(InputError, match=argument):
            ge.GraphSAGE(4, **{"hidden_channels": 8, "num_layers": 2, **config})


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
    with pytest.raises(InputError, match=r"x: got 19 rows.*20"):
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
