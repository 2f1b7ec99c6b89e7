"""Layers: those of DGL and PyG, and none that knows how nodes are numbered."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import graphembed_ext as ge
import graphembed_ext.dgl
import graphembed_ext.pyg
from graphembed_ext._core.optional import installed
from tests.graphs import build_dgl

from .graphs import examples, hosts, plain, renamed, seeds, shops

needs_dgl = pytest.mark.skipif(not installed("dgl"), reason="DGL's layers are compared with")


def rows(count, width, seed):
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


def close(found, wanted):
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def alike(ours, theirs):
    theirs.load_state_dict(ours.state_dict())
    return ours.eval(), theirs.eval()


@pytest.mark.parametrize("aggr", ["mean", "sum", "max"])
@examples(8)
@given(spec=plain(), seed=seeds)
def test_graphsage_is_pygs(aggr, spec, seed):
    from torch_geometric.nn import GraphSAGE

    x, edges = rows(spec.num_nodes["_N"], 3, seed), torch.tensor(spec.edges["_N", "_E", "_N"]).long()
    ours, theirs = alike(ge.pyg.GraphSAGE(3, 4, 2, 2, aggr=aggr), GraphSAGE(3, 4, 2, 2, aggr=aggr))
    close(ours(x, edges), theirs(x, edges))


@needs_dgl
@pytest.mark.parametrize("aggr", ["mean", "gcn", "pool", "lstm"])
@examples(8)
@given(spec=plain(), seed=seeds)
def test_sageconv_is_dgls(aggr, spec, seed):
    from dgl.nn import SAGEConv

    graph, x = build_dgl(spec), rows(spec.num_nodes["_N"], 3, seed)
    ours, theirs = alike(ge.dgl.SAGEConv(3, 2, aggr), SAGEConv(3, 2, aggr))
    close(ours(graph, x), theirs(graph, x))


@examples(8)
@given(spec=shops(least=0), seed=st.integers(0, 99))
def test_lightgcn_is_pygs(spec, seed):
    from torch_geometric.nn import LightGCN

    total = sum(spec.num_nodes.values())
    users, items = (torch.tensor(ends).long() for ends in spec.edges["user", "buys", "item"])
    pairs = torch.stack([users, items + spec.num_nodes["user"]])
    edges = torch.cat([pairs, pairs.flip(0)], 1)
    ours, theirs = alike(ge.pyg.LightGCN(total, 4, 2, seed=seed), LightGCN(total, 4, 2))
    close(ours.get_embedding(edges), theirs.get_embedding(edges))
    if pairs.numel():
        close(ours(edges, pairs), theirs(edges, pairs))


@examples(8)
@given(spec=shops(least=0), seed=seeds)
def test_hanconv_is_pygs(spec, seed):
    from torch_geometric.nn import HANConv

    metadata = (list(spec.num_nodes), list(spec.edges))
    x = {kind: rows(count, 3, seed) for kind, count in spec.num_nodes.items()}
    edges = {kind: torch.tensor(ends).long() for kind, ends in spec.edges.items()}
    ours, theirs = alike(ge.pyg.HANConv(3, 4, metadata, heads=2), HANConv(3, 4, metadata, heads=2))
    found, wanted = ours(x, edges), theirs(x, edges)
    assert list(found) == list(wanted)
    for kind, value in wanted.items():
        close(found[kind], value)


@hosts
@examples(8)
@given(spec=plain(), seed=seeds, data=st.data())
def test_renumbered_nodes_have_their_outputs_elsewhere(build, spec, seed, data):
    count = spec.num_nodes["_N"]
    order = data.draw(st.permutations(range(count)))
    x = rows(count, 3, seed)
    model = ge.GraphSAGE(3, 4, 2, 2, seed=0).eval()
    graphs = []
    for one, places in ((spec, list(range(count))), (renamed(spec, {"_N": order}), order)):
        own = torch.empty_like(x)
        own[torch.tensor(places)] = x
        one.features = {"_N": {"x": own.tolist()}}
        graphs.append(build(one))
    first, second = (ge.embed(model, graph).tensor for graph in graphs)
    close(second[torch.tensor(order)], first)


@hosts
@examples(8)
@given(spec=shops(), data=st.data())
def test_those_of_recommenders_too(build, spec, data):
    orders = {kind: data.draw(st.permutations(range(count))) for kind, count in spec.num_nodes.items()}
    model = ge.LightGCN.for_graph(build(spec), 4, 2, user_type="user", seed=0)
    other = ge.LightGCN.for_graph(build(renamed(spec, orders)), 4, 2, user_type="user", seed=0)
    start = ge.view(build(spec)).offsets
    with torch.no_grad():
        for kind, order in orders.items():
            other.embedding.weight[start[kind] + torch.tensor(order)] = model.embedding.weight[
                start[kind] : start[kind] + len(order)
            ]
    for kind, order in orders.items():
        close(other.embeddings()[kind][torch.tensor(order)], model.embeddings()[kind])
