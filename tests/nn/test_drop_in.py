"""Layers and models as PyG's users build on them: scripted, exported, packed, turned into typed ones, looked into."""

from __future__ import annotations

import functools
import types

import pytest
import torch
import torch_geometric.nn as peers
from torch import nn
from torch_geometric.data import Data
from torch_geometric.loader import NeighborLoader
from torch_geometric.nn.models.basic_gnn import BasicGNN
from torch_geometric.typing import SparseTensor

import graphembed_ext as ge
from graphembed_ext.errors import InputError
from graphembed_ext.nn.lgconv import LGConv
from graphembed_ext.nn.sage import SAGEConv
from tests.nn.of_tensors import METADATA, OfTensors

NODES, WIDE = 6, 5
EDGES = torch.tensor([[0, 1, 2, 3, 5, 1, 1, 4], [3, 2, 1, 0, 5, 0, 4, 3]])
TYPED = dict.fromkeys(METADATA[1], EDGES)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def twins(ours, peer):
    ours.load_state_dict(peer.state_dict())
    return ours.eval(), peer.eval()


def matrices(num=NODES):
    """Edges as matrices of every kind, transposed as PyG takes them."""
    coo = torch.sparse_coo_tensor(EDGES.flip(0), torch.ones(EDGES.size(1)), (num, num)).coalesce()
    yield from (coo, coo.to_sparse_csr(), coo.to_sparse_csc())
    yield SparseTensor.from_edge_index(EDGES, sparse_sizes=(num, num)).t()


# TorchScript

SCRIPTED = [
    {},
    {"aggr": "sum", "project": True},
    {"aggr": "max", "normalize": True},
    {"root_weight": False},
    {"aggr": "lstm"},
    {"aggr": "gcn"},
    {"aggr": "pool"},
]


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize("options", SCRIPTED, ids=str)
def test_sageconv_is_scripted(options):
    conv, x, weight = SAGEConv(WIDE, 3, **options), draw(NODES, WIDE), draw(EDGES.size(1)).abs()
    edges = EDGES[:, EDGES[1].argsort(stable=True)]  # PyG's lstm takes them sorted alone
    scripted = torch.jit.script(conv)
    torch.testing.assert_close(scripted(x, edges), conv(x, edges))
    torch.testing.assert_close(scripted(x, edges, edge_weight=weight), conv(x, edges, edge_weight=weight))
    if options.get("aggr") not in ("gcn", "lstm"):
        torch.testing.assert_close(scripted((x, x[:4]), edges[:, :2]), conv((x, x[:4]), edges[:, :2]))
        matrix = SparseTensor.from_edge_index(edges, sparse_sizes=(NODES, NODES)).t()
        torch.testing.assert_close(scripted(x, matrix), conv(x, edges))


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize("normalize", [True, False])
def test_lgconv_is_scripted(normalize):
    conv, peer, weight = LGConv(normalize), peers.LGConv(normalize), draw(EDGES.size(1)).abs()
    scripted = torch.jit.script(conv)
    for more in ((), (weight,)):
        torch.testing.assert_close(scripted(draw(NODES, WIDE), EDGES, *more), peer(draw(NODES, WIDE), EDGES, *more))


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize("options", [{}, {"jk": "cat", "norm": "graph_norm"}, {"norm": "batch_norm", "aggr": "max"}])
def test_graphsage_is_scripted(options):
    ours, peer = twins(ge.GraphSAGE(WIDE, 8, 2, 3, **options), peers.GraphSAGE(WIDE, 8, 2, 3, **options))
    x, weight = draw(NODES, WIDE), draw(EDGES.size(1)).abs()
    scripted = torch.jit.script(ours)
    torch.testing.assert_close(scripted(x, EDGES), peer(x, EDGES))
    torch.testing.assert_close(scripted(x, EDGES, weight), ours(x, EDGES, weight))


# Exported and compiled programs, for graphs of any size


def programs():
    torch.manual_seed(0)
    yield "SAGEConv", SAGEConv(WIDE, 3)
    yield "LGConv", LGConv()
    yield "GraphSAGE", ge.GraphSAGE(WIDE, 8, 2, 3, jk="cat")
    yield "HANConv", OfTensors(ge.HANConv(WIDE, 8, METADATA, heads=2))
    yield "HAN", OfTensors(ge.HAN(WIDE, 8, 3, METADATA, num_layers=2, heads=2, target=["a", "b"]))


PROGRAMS = dict(programs())


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_hold_for_graphs_of_other_sizes(name):
    module, x = PROGRAMS[name].eval(), draw(NODES, WIDE)
    larger = draw(11, WIDE), torch.cat([EDGES, EDGES.flip(0) + 5], 1)
    nodes, edges = torch.export.Dim("nodes", min=2, max=1000), torch.export.Dim("edges", min=2, max=1000)
    exported = torch.export.export(module, (x, EDGES), dynamic_shapes=({0: nodes}, {1: edges})).module()
    torch._dynamo.reset()
    compiled = torch.compile(module, fullgraph=True, dynamic=True, backend="eager")
    for given in ((x, EDGES), larger):
        expected = module(*given)
        torch.testing.assert_close(exported(*given), expected)
        torch.testing.assert_close(compiled(*given), expected)


def test_lightgcn_as_a_program():
    module = ge.LightGCN(NODES, 4, 2)
    edges = torch.export.Dim("edges", min=2, max=1000)
    exported = torch.export.export(module, (EDGES,), dynamic_shapes=({1: edges},)).module()
    torch._dynamo.reset()
    compiled = torch.compile(module, fullgraph=True, dynamic=True, backend="eager")
    for given in (EDGES, torch.cat([EDGES, EDGES.flip(0)], 1)):
        torch.testing.assert_close(exported(given), module(given))
        torch.testing.assert_close(compiled(given), module(given))


def test_a_package_of_torch_holds_a_model(tmp_path):
    model = ge.GraphSAGE(WIDE, 8, 2)
    with torch.package.PackageExporter(tmp_path / "model.pt") as package:
        package.extern(["torch_geometric.**", "graphembed_ext.**", "_operator"])
        package.save_pickle("models", "model.pkl", model)
    loaded = torch.package.PackageImporter(tmp_path / "model.pt").load_pickle("models", "model.pkl")
    assert torch.equal(loaded(draw(NODES, WIDE), EDGES), model(draw(NODES, WIDE), EDGES))


# PyG's BasicGNN


def test_to_hetero():
    x = {"a": draw(NODES, WIDE), "b": draw(NODES, 7)}
    out = []
    for cls in (ge.GraphSAGE, peers.GraphSAGE):
        model = peers.to_hetero(cls((-1, -1), 8, 2, 3, norm="layer_norm"), METADATA).eval()
        model(x, TYPED)  # sizes are known from here on
        out.append(model)
    out[0].load_state_dict(out[1].state_dict())
    torch.testing.assert_close(*(model(x, TYPED) for model in out))


class TwoLayers(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.first, self.second = layer((WIDE, WIDE), 8), layer((8, 8), 3)

    def forward(self, x, edge_index):
        return self.second(self.first(x, edge_index).relu(), edge_index)


def test_to_hetero_with_bases():
    x, out = {name: draw(NODES, WIDE) for name in METADATA[0]}, []
    for layer in (SAGEConv, peers.SAGEConv):
        model = peers.to_hetero_with_bases(TwoLayers(layer), METADATA, 3, in_channels={"x": WIDE}).eval()
        model(x, TYPED)
        out.append(model)
    out[0].load_state_dict(out[1].state_dict())
    torch.testing.assert_close(*(model(x, TYPED) for model in out))


@pytest.mark.parametrize("jk", [None, "last"])
def test_inference_by_a_loader_of_pyg(jk):
    data = Data(x=draw(NODES, WIDE), edge_index=EDGES)
    ours, peer = twins(ge.GraphSAGE(WIDE, 8, 2, 3, jk=jk), peers.GraphSAGE(WIDE, 8, 2, 3, jk=jk))
    loader = NeighborLoader(data, [-1], batch_size=4)
    assert isinstance(ours, BasicGNN)
    expected = peer.inference(loader)
    torch.testing.assert_close(ours.inference(loader, device="cpu", progress_bar=False), expected)
    torch.testing.assert_close(ours.inference(loader, cache=True), expected)
    torch.testing.assert_close(ours.inference(data), expected)
    found = ours.inference_per_layer(0, data.x, EDGES, 4)
    torch.testing.assert_close(found, peer.inference_per_layer(0, data.x, EDGES, 4))


@pytest.mark.parametrize("norm", ["BatchNorm", "GraphNorm", "InstanceNorm", "LayerNorm"])
def test_normalisations_of_several_graphs(norm):
    ours, peer = twins(ge.GraphSAGE(WIDE, 8, 2, norm=norm), peers.GraphSAGE(WIDE, 8, 2, norm=norm))
    batch = torch.tensor([0, 0, 0, 1, 1, 1])
    assert ours.supports_norm_batch is peer.supports_norm_batch is (norm != "BatchNorm")
    assert (ours.supports_edge_weight, ours.supports_edge_attr) == (True, False)
    torch.testing.assert_close(ours(draw(NODES, WIDE), EDGES, batch=batch), peer(draw(NODES, WIDE), EDGES, batch=batch))


def test_a_gps_layer_around_ours():
    torch.manual_seed(0)
    layers = [peers.GPSConv(8, conv=cls(8, 8), heads=2) for cls in (SAGEConv, peers.SAGEConv)]
    twins(*layers)
    torch.testing.assert_close(*(layer(draw(NODES, 8), EDGES) for layer in layers))


@pytest.mark.parametrize("options", [{}, {"aggr_kwargs": {"mode": "sum"}}], ids=str)
def test_several_aggregations_at_once(options):
    options = {"aggr": ["mean", "max", "std"], **options}
    ours, peer = twins(SAGEConv((WIDE, 4), 3, **options), peers.SAGEConv((WIDE, 4), 3, **options))
    x = draw(NODES, WIDE), draw(NODES, 4)
    torch.testing.assert_close(ours(x, EDGES), peer(x, EDGES))
    assert repr(ours) == repr(peer)


# Edges as sparse matrices


@pytest.mark.filterwarnings("ignore:Sparse:UserWarning", "ignore:Converting sparse:UserWarning")
@pytest.mark.parametrize("name", ["SAGEConv", "LGConv", "GraphSAGE", "HANConv", "HAN", "LightGCN", "hooked"])
def test_edges_as_matrices_of_every_kind(name):
    if name == "LightGCN":  # whose scores are in the order of the entries
        model = ge.LightGCN(NODES, 4, 2)
        call = model.get_embedding
    else:
        module = SAGEConv(WIDE, 3) if name == "hooked" else PROGRAMS[name].eval()
        if name == "hooked":
            module.register_propagate_forward_hook(lambda *given: None)
        call = functools.partial(module, draw(NODES, WIDE))
    expected = call(EDGES)
    for matrix in matrices():
        torch.testing.assert_close(call(matrix), expected)


# Methods set on one object


def of_one_object(x_j):
    return 2 * x_j + 1


def test_a_function_in_the_place_of_message():
    ours, peer = twins(SAGEConv(WIDE, 3), peers.SAGEConv(WIDE, 3))
    for layer in (ours, peer):
        layer.message = of_one_object
    x, weight = draw(NODES, WIDE), draw(EDGES.size(1)).abs()
    torch.testing.assert_close(ours(x, EDGES), peer(x, EDGES))
    assert ours.message is of_one_object
    ours.message = lambda x_j, edge_weight: x_j * edge_weight.view(-1, 1)
    plain = SAGEConv(WIDE, 3)
    plain.load_state_dict(ours.state_dict())
    torch.testing.assert_close(ours(x, EDGES, edge_weight=weight), plain(x, EDGES, edge_weight=weight))


def test_a_function_in_the_place_of_hans_message():
    layers = twins(*(cls(WIDE, 8, METADATA, heads=2) for cls in (ge.HANConv, peers.HANConv)))

    def message(self, x_j, alpha_i, alpha_j, index, ptr, size_i):
        return (x_j * alpha_j.unsqueeze(-1)).flatten(1)

    x = {name: draw(NODES, WIDE) for name in METADATA[0]}
    for layer in layers:
        layer.message = types.MethodType(message, layer)
    torch.testing.assert_close(*(layer(x, TYPED) for layer in layers))


def test_weights_are_not_dropped_by_a_message_that_knows_none():
    class Doubled(SAGEConv):
        def message(self, x_j):
            return 2 * x_j

    with pytest.raises(InputError, match=r"edge_weight: got weights; expected None, as Doubled.message takes none"):
        Doubled(WIDE, 3)(draw(NODES, WIDE), EDGES, edge_weight=torch.ones(EDGES.size(1)))


# HAN


def test_a_layer_of_pygs_in_han():
    torch.manual_seed(0)
    model = ge.HAN(WIDE, 8, 3, METADATA, num_layers=2, heads=2, target=["a", "b"], dropout=0.0).eval()
    x = {name: draw(NODES, WIDE) for name in METADATA[0]}
    expected = model(x, TYPED)
    for number, layer in enumerate(model.layers):
        peer = peers.HANConv(dict(layer.in_channels), 8, layer.metadata, heads=2)
        peer.load_state_dict(layer.state_dict())
        model.layers[number] = peer
    torch.testing.assert_close(model(x, TYPED), expected)
    with pytest.raises(InputError, match=r"edge_weight_dict: got weights; expected None, as HANConv takes none"):
        model(x, TYPED, edge_weight_dict={METADATA[1][0]: torch.ones(EDGES.size(1))})


# Inference mode


@pytest.mark.parametrize("name", [*PROGRAMS, "LightGCN"])
def test_edges_scored_in_inference_mode_train(name):
    module = ge.LightGCN(NODES, 4, 2) if name == "LightGCN" else PROGRAMS[name].eval()
    x = () if name == "LightGCN" else (draw(NODES, WIDE),)
    edges = EDGES.clone()
    with torch.inference_mode():
        scored = module(*x, edges)
    trained = module(*[part.requires_grad_() for part in x], edges)
    trained.sum().backward()
    torch.testing.assert_close(trained.detach(), scored.clone())


def test_meta_and_fake_tensors_have_shapes_alone():
    from torch._subclasses.fake_tensor import FakeTensorMode

    with torch.device("meta"):
        assert SAGEConv(WIDE, 3)(torch.empty(NODES, WIDE), torch.empty(2, 8, dtype=torch.int64)).shape == (NODES, 3)
    with FakeTensorMode():
        model = ge.GraphSAGE(WIDE, 8, 2, 3)
        assert model(torch.empty(NODES, WIDE), torch.empty(2, 8, dtype=torch.int64)).shape == (NODES, 3)
