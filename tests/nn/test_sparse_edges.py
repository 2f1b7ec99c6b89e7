"""Sparse matrices, the transposed adjacency, wherever an ``edge_index`` may stand: the same answer from every form, and
PyG's class's where that reads the form, too.
"""

from __future__ import annotations

import pytest
import torch
from torch_geometric import nn as pyg
from torch_geometric.nn import to_hetero

import graphembed_ext as ge
from graphembed_ext.nn.lgconv import LGConv
from graphembed_ext.nn.sage import SAGEConv

SparseTensor = pytest.importorskip("torch_sparse", reason="torch_sparse is not installed").SparseTensor
pytestmark = pytest.mark.filterwarnings("ignore:Sparse:UserWarning")

NODES, WIDE = 9, 6
EDGES = torch.tensor([[0, 1, 2, 3, 6, 5, 1, 1, 4, 8, 7, 2], [3, 2, 1, 0, 5, 6, 6, 0, 3, 7, 8, 4]])
METADATA = ["a", "b"], [("a", "to", "b"), ("b", "to", "a"), ("a", "with", "a")]
COUNTS = {"a": NODES, "b": 11}
TYPED = {
    METADATA[1][0]: torch.tensor([[0, 1, 2, 3, 8], [10, 2, 2, 0, 9]]),
    METADATA[1][1]: torch.tensor([[10, 2, 3, 0, 9], [0, 1, 1, 3, 8]]),
    METADATA[1][2]: EDGES,
}


def matrix(edges, num_src, num_dst, value=None):
    value = torch.ones(edges.size(1), dtype=torch.float64) if value is None else value
    return torch.sparse_coo_tensor(edges.flip(0), value, (num_dst, num_src)).coalesce()


FORMS = {
    "coo": matrix,
    "csr": lambda *given: matrix(*given).to_sparse_csr(),
    "csc": lambda *given: matrix(*given).to_sparse_csc(),
    "SparseTensor": lambda edges, num_src, num_dst, value=None: SparseTensor(
        row=edges[1], col=edges[0], value=value, sparse_sizes=(num_dst, num_src)
    ),
}


@pytest.fixture(params=FORMS)
def form(request):
    return FORMS[request.param]


def draw(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


X = draw(NODES, WIDE)
XS = {"a": X, "b": draw(COUNTS["b"], WIDE, seed=1)}
WEIGHTS = draw(EDGES.size(1), seed=2).abs()


def typed(form):
    return {t: form(edges, COUNTS[t[0]], COUNTS[t[2]]) for t, edges in TYPED.items()}


def twins(ours, peer):
    torch.manual_seed(0)
    peer, ours = peer.double().eval(), ours.double().eval()
    ours.load_state_dict(peer.state_dict())
    return ours, peer


def agree(model, *calls):
    """Outputs of calls, and gradients of all parameters."""
    results = []
    for call in calls:
        out = call(model)
        parts = [out[name] for name in sorted(out)] if isinstance(out, dict) else [out]
        given = [p for p in model.parameters() if p.requires_grad]
        loss = sum((part * draw(*part.shape, seed=3)).sum() for part in parts if part is not None)
        results.append((parts, torch.autograd.grad(loss, given, allow_unused=True) if given else ()))
    torch.testing.assert_close(*results, rtol=1e-10, atol=1e-10)


LAYERS = {
    **{
        f"SAGEConv {aggr}": lambda own, aggr=aggr: (own or pyg.SAGEConv)(WIDE, 4, aggr)
        for aggr in ("mean", "sum", "max")
    },
    "SAGEConv project": lambda own: (own or pyg.SAGEConv)(WIDE, 4, project=True),
    "SAGEConv lstm": lambda own: (own or pyg.SAGEConv)(WIDE, 4, "lstm"),
    "GraphSAGE": lambda own: (ge.pyg.GraphSAGE if own else pyg.GraphSAGE)(WIDE, 8, 2, 3),
    "LGConv": lambda own: LGConv() if own else pyg.LGConv(),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers(form, name):
    make = LAYERS[name]
    ours, peer = twins(make(SAGEConv), make(None))
    edges = form(EDGES, NODES, NODES)
    ordered = EDGES[:, torch.argsort(EDGES[1] * NODES + EDGES[0])]  # as a matrix has them
    agree(ours, lambda model: model(X, edges), lambda _: ours(X, ordered))
    torch.testing.assert_close(ours(X, edges), peer(X, ordered), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", ["SAGEConv mean", "SAGEConv sum", "LGConv", "GraphSAGE"])
def test_values_weigh_as_in_pyg(name):
    make = LAYERS[name]
    ours, peer = twins(make(SAGEConv), make(None))
    for edges in (FORMS["csr"](EDGES, NODES, NODES, WEIGHTS), FORMS["SparseTensor"](EDGES, NODES, NODES, WEIGHTS)):
        torch.testing.assert_close(ours(X, edges), peer(X, edges), rtol=1e-10, atol=1e-10)


def test_bipartite(form):
    ours, peer = twins(SAGEConv((WIDE, WIDE), 4), pyg.SAGEConv((WIDE, WIDE), 4))
    edges = TYPED[METADATA[1][0]]
    given = form(edges, COUNTS["a"], COUNTS["b"])
    agree(ours, lambda model: model((X, XS["b"]), given), lambda model: model((X, XS["b"]), edges))
    torch.testing.assert_close(ours((X, XS["b"]), given), peer((X, XS["b"]), edges))


@pytest.mark.parametrize("options", [{}, {"heads": 2, "negative_slope": 0.3}], ids=str)
def test_hanconv(form, options):
    sizes = dict.fromkeys(COUNTS, WIDE)
    ours, peer = twins(ge.HANConv(sizes, 8, METADATA, **options), pyg.HANConv(sizes, 8, METADATA, **options))
    agree(ours, lambda model: model(XS, typed(form)), lambda model: model(XS, TYPED))
    for name, expected in peer(XS, TYPED).items():
        torch.testing.assert_close(ours(XS, typed(form))[name], expected)


def test_han(form):
    model = ge.HAN(dict.fromkeys(COUNTS, WIDE), 8, 3, METADATA, heads=2, target="a", num_layers=2, seed=0)
    agree(model.double().eval(), lambda model: model(XS, typed(form)), lambda model: model(XS, TYPED))


def test_typed_graphsage(form):
    model = ge.TypedGraphSAGE(dict.fromkeys(COUNTS, WIDE), 8, 2, 3, metadata=METADATA, seed=0).double().eval()
    agree(model, lambda model: model(XS, typed(form)), lambda model: model(XS, TYPED))


def test_to_hetero(form):
    model = to_hetero(ge.pyg.GraphSAGE((-1, -1), 8, 2, 3).double(), METADATA)
    model(XS, TYPED)
    agree(model, lambda model: model(XS, typed(form)), lambda model: model(XS, TYPED))


def both_ways(users, items):
    pairs = torch.tensor([[0, 0, 1, 2, 3, 3], [0, 1, 1, 2, 0, 3]])
    there = torch.stack([pairs[0], pairs[1] + users])
    return torch.cat([there, there.flip(0)], 1), users + items


def test_lightgcn(form):
    edges, count = both_ways(4, 4)
    ours, peer = twins(ge.LightGCN(count, 5, 2), pyg.LightGCN(count, 5, 2))
    given, labels = form(edges, count, count), edges[:, :6]
    calls = [
        lambda model, edges: model.get_embedding(edges),
        lambda model, edges: model(edges, labels),
        lambda model, edges: model.recommendation_loss(model(edges, labels), model(edges, labels.flip(1))),
        lambda model, edges: model.predict_link(edges, labels, prob=True),
    ]
    for call in calls:
        agree(ours, lambda model, call=call: call(model, given), lambda model, call=call: call(model, edges))
        torch.testing.assert_close(call(ours, given), call(peer, edges))
    assert torch.equal(ours.recommend(given, k=3), ours.recommend(edges, k=3))


METAPATH = METADATA[1][:2]
WALKS = {
    "DeepWalk": lambda edges: ge.DeepWalk(edges, emb_dim=4, walk_length=6, window_size=2, seed=0),
    "pyg.DeepWalk": lambda edges: ge.pyg.DeepWalk(edges, emb_dim=4, walk_length=6, window_size=2, seed=0),
    "pyg.Node2Vec": lambda edges: ge.pyg.Node2Vec(edges, 4, 5, 3, num_nodes=NODES, p=0.5, q=2.0, seed=0),
}

TYPED_WALKS = {
    "MetaPath2Vec": lambda edges: ge.MetaPath2Vec(edges, METAPATH, 1, emb_dim=4, seed=0),
    "pyg.MetaPath2Vec": lambda edges: ge.pyg.MetaPath2Vec(edges, 4, METAPATH, 5, 3, num_nodes_dict=COUNTS, seed=0),
}


def trained(model):
    engine = {} if isinstance(model, (ge.pyg.Node2Vec, ge.pyg.MetaPath2Vec)) else {"engine": "torch"}
    ge.fit(model, epochs=2, batch_size=4, seed=0, progress=False, **engine)
    found = ge.embed(model)
    return {name: found[name] for name in found.node_types}


@pytest.mark.parametrize("name", WALKS)
def test_walks(form, name):
    expected = trained(WALKS[name](EDGES))
    torch.testing.assert_close(trained(WALKS[name](form(EDGES, NODES, NODES))), expected, rtol=0, atol=0)


@pytest.mark.parametrize("name", TYPED_WALKS)
def test_typed_walks(form, name):
    ours, expected = (trained(TYPED_WALKS[name](edges)) for edges in (typed(form), TYPED))
    torch.testing.assert_close(ours, expected, rtol=0, atol=0)
