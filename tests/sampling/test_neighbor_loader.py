"""The neighbour sampler against plain sets, its chances, its batches on both hosts, and what it refuses."""

from __future__ import annotations

import pytest
import torch

import graphembed_ext as ge
from graphembed_ext._core import rng
from graphembed_ext.errors import InputError
from graphembed_ext.graph.in_edges import in_edges
from graphembed_ext.graph.view import EDGE_TYPE
from graphembed_ext.sampling import compiled as compiled_neighbors
from graphembed_ext.sampling import neighbor_loader as neighbors
from graphembed_ext.sampling.neighbor_sampler import NeighborSampler, check_fanouts
from tests.graphs import Spec, build_dgl, build_pyg

NODES = 30


def some_graph(order=None):
    """Edges with parallel ones, self-loops and weights, some 0; node 29 is isolated. Edges in any order."""
    draw = torch.Generator().manual_seed(0)
    pairs = torch.randint(NODES - 1, (150, 2), generator=draw).tolist() + [[3, 4]] * 3 + [[k, 7] for k in range(20)]
    weights = [float(k % 4) for k in range(len(pairs))]
    if order is not None:
        shuffled = torch.randperm(len(pairs), generator=torch.Generator().manual_seed(order)).tolist()
        pairs, weights = [pairs[k] for k in shuffled], [weights[k] for k in shuffled]
    spec = Spec.untyped(NODES, pairs, edge_weight=weights)
    x = torch.randn(NODES, 5, generator=draw)
    spec.features = {"_N": {"x": x.tolist(), "y": [node % 3 for node in range(NODES)]}}
    return spec


TYPED = Spec(
    {"item": 9, "tag": 3, "user": 6},
    {
        ("user", "likes", "item"): ([0, 1, 2, 3, 4, 5, 0, 1], [0, 1, 2, 3, 4, 5, 6, 0]),
        ("item", "liked_by", "user"): ([0, 1, 2, 3, 4, 5, 6, 0], [0, 1, 2, 3, 4, 5, 0, 1]),
        ("tag", "of", "item"): ([0, 1, 2, 0], [0, 1, 2, 3]),
    },
    features={
        name: {"x": [[float(k)] for k in range(count)]} for name, count in (("item", 9), ("tag", 3), ("user", 6))
    },
)


def same(first, second):
    """Whether two batches are equal but for host edge ids."""
    assert torch.equal(first.seeds, second.seeds)
    assert torch.equal(first.nodes, second.nodes)
    for one, other in zip(first.blocks, second.blocks, strict=True):
        assert torch.equal(one.indptr, other.indptr)
        assert torch.equal(one.indices, other.indices)


@pytest.mark.parametrize("config", [{}, {"weight": "edge_weight"}, {"replace": True}], ids=str)
def test_blocks_hold_true_edges_and_no_more_than_asked_for(build, config):
    graph = build(some_graph())
    src, dst = ge.view(graph).edge_index()
    weight = ge.view(graph).edge_features[EDGE_TYPE]["edge_weight"]
    pair, count = torch.unique(src * NODES + dst, return_inverse=True, return_counts=True)[1:]
    single = count[pair] == 1
    allowed = weight > 0 if "weight" in config else weight >= 0
    loader = ge.neighbor_loader(graph, [4, 2], 7, edge_weight="edge_weight", seed=1, **config)
    seen = []
    for number, batch in enumerate(loader):
        seen.append(batch.seeds)
        assert batch.number == number
        assert torch.equal(batch.x, torch.tensor(some_graph().features["_N"]["x"])[batch.nodes])
        assert torch.equal(batch.y, batch.seeds % 3)
        assert torch.equal(batch.nodes[: len(batch.seeds)], batch.seeds)
        assert len(batch.nodes.unique()) == len(batch.nodes)
        assert [block.num_src for block in batch.blocks] == batch.counts[:-1]
        assert [block.num_dst for block in batch.blocks] == batch.counts[1:]
        for block, ids, values, fanout in zip(batch.blocks, batch.edge_ids, batch.edge_weights, (2, 4), strict=True):
            assert torch.equal(src[ids], batch.nodes[block.indices])
            assert torch.equal(dst[ids], batch.nodes[block.destinations()])
            assert torch.equal(values[single[ids]], weight[ids][single[ids]])
            for node, amount in zip(batch.nodes.tolist(), block.degrees.tolist(), strict=False):
                there = int((allowed & (dst == node)).sum())
                wanted = min(there, fanout)
                if "replace" in config:
                    wanted = fanout if there else 0
                assert amount == wanted
            if "replace" not in config:
                assert len(ids.unique()) == len(ids)
            assert bool(allowed[ids[single[ids]]].all())
    assert torch.equal(torch.cat(seen), torch.arange(NODES))


def test_hosts_threads_and_prefetching_change_nothing(global_state_untouched):
    before, found = torch.get_num_threads(), []
    for graph, threads, prefetch in (
        (build_dgl(some_graph()), 1, 0),
        (build_pyg(some_graph(order=4)), 3, 0),
        (build_pyg(some_graph(order=5)), 2, 3),
    ):
        torch.set_num_threads(threads)
        loader = ge.neighbor_loader(
            graph, [3, -1], 8, shuffle=True, seed=5, prefetch=prefetch, weight="edge_weight", edge_weight="edge_weight"
        )
        found.append([*loader, *loader])
    torch.set_num_threads(before)
    for other in found[1:]:
        for one, two in zip(found[0], other, strict=True):
            same(one, two)
            assert all(map(torch.equal, one.edge_weights, two.edge_weights))
    first, later = found[0][0], found[0][4]
    assert not torch.equal(first.seeds, later.seeds)  # another epoch, another order
    resumed = ge.neighbor_loader(build_dgl(some_graph()), [3, -1], 8, shuffle=True, seed=5, weight="edge_weight")
    resumed.epoch = 1
    same(next(iter(resumed)), later)


def test_large_rows_are_drawn_by_the_same_rules_on_several_threads():
    count = 3000
    graph = torch.stack([torch.arange(count), torch.arange(count) % 4])
    graph = torch.cat([graph, torch.stack([torch.arange(count), torch.arange(count)])], 1)
    for fanout in (50, 200):
        batch = next(iter(ge.neighbor_loader(graph, [fanout], count, seed=0)))
        (block,), (ids,) = batch.blocks, batch.edge_ids
        assert block.degrees[:4].tolist() == [fanout] * 4
        assert len(ids.unique()) == len(ids) == 4 * fanout + count - 4
        assert bool((graph[1, ids] == batch.nodes[block.destinations()]).all())


def chances(spec, fanout, node, seeds=3000, **options):
    """How often each edge is drawn for one node, and how many edges it has."""
    view = ge.view(build_pyg(spec))
    sampler = NeighborSampler(view, check_fanouts([fanout], view.edge_types), **options)
    counts = torch.zeros(view.total_edges)
    for seed in range(seeds):
        found = sampler.sample({"_N": torch.tensor([node])}, rng.key(seed))
        ids = in_edges(view, view.edge_types[0]).edge_ids[found.entries[0]["_N", "_E", "_N"]]
        counts += torch.bincount(ids, minlength=len(counts))
    return counts / seeds


def star(degree, **features):
    return Spec.untyped(degree + 1, [(k + 1, 0) for k in range(degree)], **features)


@pytest.mark.parametrize(("degree", "fanout"), [(8, 3), (80, 70)])
def test_uniform_draws_are_fair(degree, fanout):
    found = chances(star(degree), fanout, 0)
    wanted = fanout / degree
    assert float((found - wanted).abs().max()) < 4.5 * (wanted * (1 - wanted) / 3000) ** 0.5


def test_weighted_draws_follow_the_weights():
    weights = [1.0, 2.0, 3.0, 0.0]
    spec = star(4, w=weights)
    single = chances(spec, 1, 0, weight="w")
    assert float((single - torch.tensor(weights) / 6).abs().max()) < 0.04
    again = chances(spec, 4, 0, weight="w", replace=True, seeds=1000)
    assert float((again / 4 - torch.tensor(weights) / 6).abs().max()) < 0.04
    # Two of three, one after the other: the last is left out as plain enumeration tells.
    pairs = torch.zeros(4)
    for a in range(3):
        for b in range(3):
            if a != b:
                chance = weights[a] / 6 * weights[b] / (6 - weights[a])
                pairs[a] += chance
                pairs[b] += chance
    assert float((chances(spec, 2, 0, weight="w") - pairs).abs().max()) < 0.04


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("weight", [None, "weight"])
def test_excluded_edges_are_never_drawn(weight, replace):
    spec = star(9, weight=[1.0] * 9)
    spec.edges["_N", "_E", "_N"][0].append(2)  # a parallel edge
    spec.edges["_N", "_E", "_N"][1].append(0)
    spec.edge_features["_N", "_E", "_N"]["weight"].append(1.0)
    view = ge.view(build_pyg(spec))
    sampler = NeighborSampler(view, check_fanouts([4], view.edge_types), weight=weight, replace=replace)
    (table,) = sampler.tables.values()
    barred = compiled_neighbors.entries_between(table, torch.tensor([2, 9, 7, 2]), torch.tensor([0, 0, 4, 0]))
    assert len(barred) == 3
    counts = torch.zeros(10)
    for seed in range(600):
        found = sampler.sample({"_N": torch.tensor([0])}, seed, {view.edge_types[0]: barred})
        picked = found.nodes["_N"][found.blocks[0][view.edge_types[0]].indices]
        assert len(picked) == 4
        counts += torch.bincount(picked, minlength=10)
    assert counts[2] == counts[9] == 0
    wanted = 600 * 4 / 7
    assert float((counts[[1, 3, 4, 5, 6, 7, 8]] - wanted).abs().max()) < 5 * wanted**0.5
    most = NeighborSampler(view, check_fanouts([-1], view.edge_types)).sample(
        {"_N": torch.tensor([0])}, 0, {view.edge_types[0]: barred}
    )
    assert most.nodes["_N"].tolist() == [0, 1, 3, 4, 5, 6, 7, 8]


def test_isolated_nodes_alone(build):
    model = ge.GraphSAGE(5, 8, 2, out_channels=3, seed=0)
    (batch,) = ge.neighbor_loader(build(some_graph()), [4, 4], nodes=torch.tensor([29]), seed=0)
    assert batch.nodes.tolist() == [29]
    wanted = ge.embed(model, build(some_graph())).tensor[29:]
    torch.testing.assert_close(model(batch.x, batch.blocks), wanted)
    torch.testing.assert_close(model.logits(batch)["_N"], wanted)


@pytest.mark.parametrize("config", [{}, {"aggr": "max"}, {"aggr": "gcn"}, {"aggr": "pool"}, {"jk": "cat"}], ids=str)
@pytest.mark.parametrize("hidden", [2, 9], ids=["narrower", "wider"])
def test_all_neighbours_give_the_output_of_the_whole_graph(build, config, hidden):
    graph = build(some_graph())
    model = ge.GraphSAGE(5, hidden, 2, out_channels=3, seed=0, weight="edge_weight", **config)
    whole = ge.embed(model, graph).tensor
    for batch in ge.neighbor_loader(graph, [-1, -1], 11, edge_weight="edge_weight", shuffle=True, seed=0):
        for found in (model.logits(batch)["_N"], model(batch.x, batch.blocks, batch.edge_weights)):
            torch.testing.assert_close(found, whole[batch.seeds], rtol=1e-5, atol=1e-5)
    moved = batch.to("cpu")
    torch.testing.assert_close(model.logits(moved)["_N"], whole[batch.seeds], rtol=1e-5, atol=1e-5)
    assert torch.equal(moved.y, batch.y)


@pytest.mark.parametrize("config", [{}, {"aggr": "sum", "normalize": True}, {"bias": False}, {"aggr": "max"}], ids=str)
@pytest.mark.parametrize("weight", [None, "edge_weight"])
def test_features_read_in_place_train_as_sliced_ones_do(config, weight):
    spec = some_graph()
    model = ge.GraphSAGE(5, 9, 2, out_channels=3, seed=0, **config).double()
    data = build_pyg(spec)
    data.x = data.x.double()
    (batch,) = ge.neighbor_loader(data, [3, 2], 30, edge_weight=weight, seed=0)
    assert model.convs[0].reads_in_place(batch.blocks[0], batch.features)
    found = model.logits(batch)["_N"]
    wanted = model(batch.x, batch.blocks, batch.edge_weights)
    torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-10)
    gradients = (torch.autograd.grad(out.square().sum(), model.parameters()) for out in (found, wanted))
    torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("layer", ["lin_l", "lin_r"])
@pytest.mark.parametrize("kind", ["register_forward_hook", "register_forward_pre_hook"])
def test_hooks_see_features_that_are_read_in_place(layer, kind):
    data, seen = build_pyg(some_graph()), []
    model = ge.GraphSAGE(5, 9, 2, out_channels=3, seed=0)
    (batch,) = ge.neighbor_loader(data, [3, 2], 30, seed=0)
    getattr(getattr(model.convs[0], layer), kind)(lambda *given: seen.append(len(given)))
    model.logits(batch)
    assert len(seen) == 1


@pytest.mark.filterwarnings("ignore:Using .NeighborSampler. without", "ignore:Dataloader CPU affinity")
def test_peers_own_loaders_feed_the_model():
    import dgl
    from torch_geometric.loader import NeighborLoader

    spec = some_graph()
    data, graph = build_pyg(spec), build_dgl(spec)
    model = ge.GraphSAGE(5, 8, 2, out_channels=3, seed=0)
    whole = ge.embed(model, data).tensor
    seeds = torch.arange(0, NODES, 2)
    for batch in NeighborLoader(data, [-1, -1], input_nodes=seeds, batch_size=6):
        found = model(batch.x, batch.edge_index)[: batch.batch_size]
        torch.testing.assert_close(found, whole[batch.n_id[: batch.batch_size]], rtol=1e-5, atol=1e-5)
    twin = ge.dgl.GraphSAGE(5, 8, 2, out_channels=3)
    twin.load_state_dict(model.state_dict())
    sampler = dgl.dataloading.MultiLayerFullNeighborSampler(2)
    for inputs, outputs, blocks in dgl.dataloading.DataLoader(graph, seeds, sampler, batch_size=6):
        found = twin(blocks, graph.ndata["x"][inputs])
        torch.testing.assert_close(found, whole[outputs], rtol=1e-5, atol=1e-5)
    with pytest.raises(InputError, match=r"x: got 2 rows; expected \d+, one for each source"):
        twin(blocks, torch.ones(2, 5))
    with pytest.raises(InputError, match="edge_index: got 1 blocks; expected a list of 2, one for each layer"):
        twin(blocks[:1], graph.ndata["x"][blocks[0].srcdata[dgl.NID]])


@pytest.mark.parametrize("large", [1, neighbors._LARGE])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.int64, torch.bool], ids=str)
def test_slices_of_all_kinds(monkeypatch, large, dtype):
    monkeypatch.setattr(neighbors, "_LARGE", large)
    x, ids = torch.randint(2, (7, 3), generator=torch.Generator().manual_seed(0)).to(dtype), torch.tensor([3, 1, 1])
    for whole in (x, x[:, 0], x.t().contiguous().t(), x[:, :0], x.unsqueeze(2), x[::2]):
        for some in (ids, ids[:0]):
            assert torch.equal(neighbors._sliced(whole, some), whole[some])


def test_features_that_are_trained_get_gradients_from_a_slice():
    data = build_pyg(some_graph())
    data.x.requires_grad_()
    (batch,) = ge.neighbor_loader(data, [2, 2], 100, seed=0)
    batch.x.sum().backward()
    assert torch.equal(data.x.grad.sum(1) > 0, torch.isin(torch.arange(len(data.x)), batch.nodes))


def test_typed_graphs(build):
    graph = build(TYPED)
    view = ge.view(graph)
    fanouts = {t: [-1, -1] if t[1] != "of" else [0, 1] for t in view.edge_types}
    batches = list(ge.neighbor_loader(graph, fanouts, 2, nodes=("user", None), seed=0))
    assert len(batches) == 3
    batch = batches[0]
    assert batch.seeds["user"].tolist() == [0, 1]
    assert batch.counts[-1] == {"user": 2}
    assert batch.x["tag"].shape == (batch.counts[0]["tag"], 1)
    assert set(batch.blocks[1]) == {("item", "liked_by", "user")}
    assert set(batch.blocks[0]) == {("item", "liked_by", "user"), ("user", "likes", "item"), ("tag", "of", "item")}
    for block, ids in zip(batch.blocks, batch.edge_ids, strict=True):
        for edge_type, edges in block.items():
            src, dst = view.edges[edge_type]
            assert torch.equal(src[ids[edge_type]], batch.nodes[edge_type[0]][edges.indices])
            assert torch.equal(dst[ids[edge_type]], batch.nodes[edge_type[2]][edges.destinations()])
    mixed = list(ge.neighbor_loader(graph, [2], 4, nodes={"user": torch.tensor([5, 1]), "tag": None}, seed=0))
    assert sum(sum(b.counts[-1].values()) for b in mixed) == 5


def test_options():
    graph = build_pyg(some_graph())
    loader = ge.neighbor_loader(graph, [2], 8, drop_last=True, nodes=torch.arange(NODES) % 2 == 0)
    assert len(loader) == len(list(loader)) == 1
    graph.kind = torch.arange(NODES)
    batch = next(iter(ge.neighbor_loader(graph, [2], 8, y="kind", features="x")))
    assert torch.equal(batch.y, batch.seeds)
    bare = next(iter(ge.neighbor_loader(graph.edge_index, [2], 8)))
    assert bare.x is None
    assert bare.y is None
    assert repr(bare).startswith("NeighborBatch(8 seeds, ")
    assert list(ge.neighbor_loader(graph, [2], nodes=torch.empty(0, dtype=torch.int64))) == []


def test_refuses_what_does_not_fit(build):
    graph = build(some_graph())
    for options, message in (
        ({"fanouts": 5}, "fanouts: got 5; expected a list"),
        ({"fanouts": []}, "fanouts"),
        ({"fanouts": [3, -2]}, "fanouts: got -2"),
        ({"fanouts": [3, 2.5]}, "fanouts: got 2.5"),
        ({"fanouts": [-1], "replace": True}, "replace=True"),
        ({"nodes": torch.tensor([3, 30])}, "nodes: got node id 30; expected ids from 0 to 29"),
        ({"nodes": torch.tensor([-1])}, "nodes: got node id -1"),
        ({"nodes": torch.tensor([3, 3])}, "every node once"),
        ({"nodes": torch.ones(4) > 0}, r"nodes: got shape \(4,\)"),
        ({"nodes": ("author", None)}, "nodes: got node type 'author'"),
        ({"batch_size": 0}, "batch_size: got 0"),
        ({"prefetch": -1}, "prefetch: got -1"),
        ({"weight": "wait"}, "weight: got wait"),
        ({"features": "feet"}, "features: got 'feet'"),
        ({"y": torch.ones(3)}, "y: got 3 labels"),
        ({"seed": -1}, "seed: got -1"),
    ):
        with pytest.raises(InputError, match=message):
            ge.neighbor_loader(graph, **{"fanouts": [2, 2], **options})
    model = ge.GraphSAGE(5, 8, 3)
    batch = next(iter(ge.neighbor_loader(graph, [2, 2])))
    with pytest.raises(InputError, match="edge_index: got 2 blocks; expected a list of 3"):
        model(batch.x, batch.blocks)
    with pytest.raises(InputError, match="fanouts: got 2 blocks; expected a list of 3"):
        model.logits(batch)
    typed = build(TYPED)
    with pytest.raises(InputError, match=r"nodes: got None; expected the node type to take.*\('item', None\)"):
        ge.neighbor_loader(typed, [2])
    with pytest.raises(InputError, match="fanouts: got nothing for"):
        ge.neighbor_loader(typed, {("user", "likes", "item"): [2]}, nodes=("user", None))
    lists = {t: [2, 2] for t in ge.view(typed).edge_types} | {("tag", "of", "item"): [1]}
    with pytest.raises(InputError, match=r"fanouts: got \[1\]; expected 2 numbers, as many for every edge type"):
        ge.neighbor_loader(typed, lists, nodes=("user", None))
