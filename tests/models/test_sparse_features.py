"""Sparse node features (torch's layouts and torch_sparse's), as ``Data`` holds them: what their dense form gives."""

from __future__ import annotations

import pytest
import torch
from torch_geometric.data import Data, HeteroData
from torch_geometric.typing import SparseTensor

import graphembed_ext as ge
from graphembed_ext.errors import InputError

NODES, WIDE = 20, 7
FORMS = {
    "coo": lambda x: x.to_sparse(),
    "csr": lambda x: x.to_sparse_csr(),
    "csc": lambda x: x.to_sparse_csc(),
    "SparseTensor": SparseTensor.from_dense,
}
pytestmark = pytest.mark.filterwarnings("ignore:Sparse:UserWarning")


def draw(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


X = draw(NODES, WIDE).relu()
EDGES = torch.cat([torch.arange(NODES).repeat(2), torch.arange(NODES).roll(1), torch.arange(NODES).roll(7)]).view(2, -1)


def untyped(x, **more):
    return Data(x=x, edge_index=EDGES, y=torch.arange(NODES) % 3, **more)


def typed(x):
    graph = HeteroData()
    graph["a"].x, graph["b"].x = x, draw(NODES, 5, seed=1)
    graph["a"].y, graph["a"].train_mask = torch.arange(NODES) % 3, torch.arange(NODES) < 15
    graph["a", "to", "b"].edge_index, graph["b", "to", "a"].edge_index = EDGES, EDGES.flip(0)
    return graph


def learned(model, graph, **options):
    ge.fit(model, graph, epochs=3, seed=0, progress=False, **options)
    found = ge.embed(model, graph)
    return {name: found[name] for name in found.node_types}


@pytest.fixture(params=FORMS)
def sparse(request):
    return FORMS[request.param](X)


@pytest.mark.parametrize("options", [{}, {"aggr": "gcn"}, {"aggr": "max"}, {"aggr": "max", "project": True}], ids=str)
def test_graphsage(sparse, options):
    graphs = untyped(X), untyped(sparse)
    ours = [learned(ge.GraphSAGE.for_graph(graph, hidden_channels=8, seed=0, **options), graph) for graph in graphs]
    torch.testing.assert_close(*ours)


def test_graphsage_in_mini_batches(sparse):
    graphs, batches = (untyped(X), untyped(sparse)), {"batch_size": 6, "fanouts": [2, 2]}
    ours = [learned(ge.GraphSAGE.for_graph(graph, hidden_channels=8, seed=0), graph, **batches) for graph in graphs]
    torch.testing.assert_close(*ours)


def test_typed_graphsage(sparse):
    ours = [learned(ge.GraphSAGE.for_graph(g, hidden_channels=8, seed=0), g) for g in (typed(X), typed(sparse))]
    torch.testing.assert_close(*ours)


def test_han(sparse):
    config = {"hidden_channels": 8, "heads": 2, "target": "a", "seed": 0}
    ours = [learned(ge.HAN.for_graph(graph, **config), graph) for graph in (typed(X), typed(sparse))]
    torch.testing.assert_close(*ours)


def test_what_is_written_down_is_dense(sparse, tmp_path):
    view = ge.view(untyped(sparse))
    for host in ("dgl", "networkx"):
        if host == "dgl":
            pytest.importorskip("dgl", reason="DGL is not installed")
        again = ge.view(ge.to_host(view, host), **({"features": "x"} if host == "networkx" else {}))
        torch.testing.assert_close(again.features["_N"]["x"], X)
    torch.testing.assert_close(ge.view(ge.to_host(view, "pyg")).features["_N"]["x"].to_dense(), X)


def test_features_keep_their_form_until_they_are_read():
    many = 200_000  # 160 GB if they were dense
    nonzeros = torch.stack([torch.arange(many), torch.arange(many).flip(0)])
    wide = torch.sparse_coo_tensor(nonzeros, torch.ones(many), (many, many)).coalesce()
    for x in (wide, wide.to_sparse_csr()):
        graph = Data(x=x, edge_index=EDGES, y=torch.arange(many) % 2, train_mask=torch.arange(many) < NODES)
        assert ge.DeepWalk(graph, emb_dim=2, seed=0).node_embed.weight.shape == (many, 2)
        model = ge.GraphSAGE.for_graph(graph, hidden_channels=2, seed=0)
        assert len(ge.fit(model, graph, epochs=1, progress=False).history) == 1
        with pytest.raises(InputError, match=r"x: got sparse \(200000, 200000\), for which the dense form would take"):
            ge.fit(model, graph, epochs=1, batch_size=4, progress=False)


def test_adjacencies_are_no_features():
    adjacency = torch.eye(NODES).to_sparse_csr()
    assert list(ge.view(untyped(X, other=adjacency)).features["_N"]) == ["x", "y"]
    assert ge.view(untyped(adjacency)).features["_N"]["x"].layout == torch.sparse_csr


@pytest.mark.parametrize("wrong", [torch.nan, torch.inf])
def test_bad_numbers_are_named(wrong):
    x = X.clone()
    x[3, 4] = wrong
    for form in FORMS.values():
        with pytest.raises(InputError, match="sparse, with NaN or infinite entries"):
            ge.GraphSAGE.for_graph(untyped(form(x)), hidden_channels=8)


def test_values_that_change_are_seen():
    x = X.to_sparse_csr()
    graph, model = untyped(x), ge.GraphSAGE(WIDE, 8, 2, 3, seed=0)
    before = ge.embed(model, graph).tensor
    x.values().mul_(2)
    torch.testing.assert_close(ge.embed(model, graph).tensor, ge.embed(model, untyped(2 * X)).tensor)
    assert not torch.equal(before, ge.embed(model, graph).tensor)
