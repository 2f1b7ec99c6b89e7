"""Every form of edges, wherever edges are read: views, layers, models; and groupings made while nothing is recorded."""

from __future__ import annotations

import pytest
import torch
import torch_geometric.nn as peers
from torch_geometric import EdgeIndex
from torch_geometric.data import Data
from torch_geometric.transforms import ToSparseTensor

import graphembed_ext as ge
from graphembed_ext.graph.adjacency import Adjacency
from graphembed_ext.graph.edges import ends, read_edges
from graphembed_ext.nn.lgconv import LGConv
from graphembed_ext.nn.sage import SAGEConv

pytestmark = pytest.mark.filterwarnings("ignore:Sparse", "ignore:Converting sparse")

NODES = 5
EDGES = torch.tensor([[3, 0, 2, 1, 4, 3], [1, 2, 1, 0, 3, 0]])
WEIGHT = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])


def matrix(layout, weight=None):
    values = torch.ones(EDGES.size(1)) if weight is None else weight
    return torch.sparse_coo_tensor(EDGES.flip(0), values, (NODES, NODES)).coalesce().to_sparse(layout=layout)


def sparse_tensor(weight=None):
    SparseTensor = pytest.importorskip("torch_sparse").SparseTensor
    return SparseTensor(row=EDGES[1], col=EDGES[0], value=weight, sparse_sizes=(NODES, NODES))


FORMS = {
    "edge_index": lambda: EDGES.clone(),
    "EdgeIndex": lambda: EdgeIndex(EDGES.clone(), sparse_size=(NODES, NODES)),
    "csr": lambda: matrix(torch.sparse_csr),
    "csc": lambda: matrix(torch.sparse_csc),
    "coo": lambda: matrix(torch.sparse_coo),
    "SparseTensor": sparse_tensor,
    "Adjacency": lambda: Adjacency.from_edges(*EDGES, NODES, NODES),
}
forms = pytest.mark.parametrize("form", FORMS)


def pairs(src, dst):
    return sorted(zip(src.tolist(), dst.tolist(), strict=True))


@forms
def test_ends(form):
    assert pairs(*ends(FORMS[form]())) == pairs(*EDGES)


@pytest.mark.parametrize("layout", [torch.sparse_csr, torch.sparse_csc, torch.sparse_coo])
def test_the_order_is_that_of_pygs_own_reader(layout):
    from torch_geometric.utils import to_edge_index

    found = read_edges(matrix(layout, WEIGHT))
    (rows, columns), values = to_edge_index(matrix(layout, WEIGHT))
    assert torch.equal(found.src, columns)
    assert torch.equal(found.dst, rows)
    assert torch.equal(found.values, values)
    assert found.weight is found.values
    assert read_edges(matrix(layout)).weight is None


@forms
def test_views(form):
    if form == "Adjacency":
        pytest.skip("no form of PyG's")
    view = ge.view(FORMS[form]())
    assert pairs(*next(iter(view.edges.values()))) == pairs(*EDGES)
    assert view.total_nodes == NODES


@forms
@pytest.mark.parametrize("aggr", ["mean", "max", "lstm", "gcn"])
@pytest.mark.parametrize("plain", [False, True], ids=["fused", "plain"])
def test_layers_take_every_form(form, aggr, plain):
    x = torch.randn(NODES, 4, generator=torch.Generator().manual_seed(0))
    for conv in (SAGEConv(4, 3, aggr), LGConv(), ge.HANConv(4, 4, (["n"], [("n", "to", "n")]), 2)):
        if plain:
            conv.register_propagate_forward_hook(lambda *_: None)
        typed = isinstance(conv, ge.HANConv)

        def call(edges, conv=conv, typed=typed):
            return conv({"n": x}, {("n", "to", "n"): edges})["n"] if typed else conv(x, edges)

        if aggr == "lstm":  # which depends on the order of a node's edges
            order = torch.argsort(EDGES[1] * NODES + EDGES[0])
            wanted = call(EDGES[:, order])
            if form in ("edge_index", "EdgeIndex", "Adjacency"):
                continue
        else:
            wanted = call(EDGES)
        torch.testing.assert_close(call(FORMS[form]()), wanted)


@pytest.mark.parametrize("layout", [torch.sparse_csr, torch.sparse_csc, torch.sparse_coo])
def test_values_of_matrices_weigh_as_pygs_layers_let_them(layout):
    x = torch.randn(NODES, 4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(LGConv()(x, matrix(layout, WEIGHT)), peers.LGConv()(x, EDGES, WEIGHT))
    ours, peer = SAGEConv(4, 3, "sum"), peers.SAGEConv(4, 3, "sum")
    peer.load_state_dict(ours.state_dict())
    torch.testing.assert_close(ours(x, matrix(layout, WEIGHT)), peer(x, matrix(layout, WEIGHT)))


@forms
def test_lightgcn(form):
    if form == "Adjacency":
        pytest.skip("no form of PyG's")
    model = ge.LightGCN(NODES, 4, 2, seed=0)
    torch.testing.assert_close(model.get_embedding(FORMS[form]()), model.get_embedding(EDGES))


def test_matrices_of_pygs_transform():
    """ToSparseTensor makes csr where torch_sparse is missing."""
    data = ToSparseTensor(layout=torch.sparse_csr)(Data(x=torch.eye(NODES), edge_index=EDGES))
    model = ge.GraphSAGE(NODES, 4, 2, seed=0)
    torch.testing.assert_close(model(data.x, data.adj_t), model(data.x, EDGES))
    torch.testing.assert_close(ge.embed(model, data).tensor, model(data.x, EDGES).detach())


@pytest.mark.parametrize("make", [lambda: SAGEConv(4, 3), lambda: SAGEConv(4, 3, "max"), lambda: LGConv()])
def test_scoring_in_inference_mode_then_training_on_the_same_edges(make):
    edges, x, conv = EDGES.clone(), torch.ones(NODES, 4), make()
    with torch.inference_mode():
        scored = conv(x, edges)
    x.requires_grad_()
    out = conv(x, edges)
    out.sum().backward()
    assert torch.equal(out, scored)
    assert x.grad is not None
    with torch.inference_mode():
        edges[1, 0] = 4  # and what was changed then is noticed
    assert not torch.equal(conv(x, edges), out)


def test_lightgcn_scores_in_inference_mode_then_trains():
    model, edges = ge.LightGCN(NODES, 4, 2, seed=0), EDGES.clone()
    with torch.inference_mode():
        model.recommend(edges, k=2)
        model.get_embedding(edges, WEIGHT)
    model(edges).sum().backward()
    model(edges, edge_weight=WEIGHT).sum().backward()
