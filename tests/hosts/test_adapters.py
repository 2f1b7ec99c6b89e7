"""The two adapters: what each host's graph becomes, and the way back."""

from __future__ import annotations

import pytest
import torch
from torch_geometric import EdgeIndex
from torch_geometric.data import Data, HeteroData
from torch_sparse import SparseTensor

import graphembed_ext as ge
from graphembed_ext.errors import GraphChangedError, GraphTypeError, InputError
from graphembed_ext.graph.view import EDGE_TYPE, NODE_TYPE
from graphembed_ext.hosts import registry
from graphembed_ext.hosts.registry import refreshed
from tests.graphs import BUILDERS, Spec, build_dgl, build_pyg

LIKES, LIKED_BY = ("user", "likes", "item"), ("item", "liked_by", "user")

FEATURED = Spec(
    {"user": 3, "item": 4},
    {LIKES: ([2, 0, 1], [3, 0, 0]), LIKED_BY: ([0, 1], [0, 2])},
    features={"user": {"age": [3, 1, 2]}, "item": {"x": [[1.0], [2.0], [3.0], [4.0]]}},
    edge_features={LIKES: {"weight": [0.5, 1.5, 2.5]}, LIKED_BY: {"weight": [1.0, 2.0]}},
)
UNTYPED = Spec.untyped(6, [(4, 0), (0, 1), (1, 0), (0, 4)], weight=[1.0, 2.0, 3.0, 4.0])
UNTYPED.features = {NODE_TYPE: {"x": [[float(i)] for i in range(6)], "label": list(range(6))}}


def check(view, spec):
    assert dict(view.num_nodes) == dict(sorted(spec.num_nodes.items()))
    assert view.edge_types == sorted(spec.edges)
    for edge_type, edges in spec.edges.items():
        assert tuple(ids.tolist() for ids in view.edges[edge_type]) == tuple(map(list, edges))
    for wanted, found in ((spec.features, view.features), (spec.edge_features, view.edge_features)):
        for key, features in wanted.items():
            assert {name: value.tolist() for name, value in found[key].items()} == features


@pytest.mark.parametrize("spec", [FEATURED, UNTYPED], ids=["typed", "untyped"])
def test_view_holds_everything(build, spec):
    check(ge.view(build(spec)), spec)


@pytest.mark.parametrize("spec", [FEATURED, UNTYPED], ids=["typed", "untyped"])
@pytest.mark.parametrize("target", BUILDERS)
def test_conversion_keeps_everything(build, spec, target):
    converted = ge.to_host(build(spec), target)
    assert ge.view(converted).host == target
    check(ge.view(converted), spec)
    check(ge.view(ge.to_host(converted, {"dgl": "pyg", "pyg": "dgl"}[target])), spec)


def test_isolated_item_survives(build, camps):
    assert dict(ge.view(build(camps)).num_nodes) == {"item": 7, "user": 6}


def test_edges_are_not_copied():
    import dgl

    src, dst = torch.tensor([3, 0, 1]), torch.tensor([0, 1, 2])
    graph = dgl.graph((src, dst))
    assert [ids.data_ptr() for ids in ge.view(graph).edges[EDGE_TYPE]] == [src.data_ptr(), dst.data_ptr()]
    typed = dgl.heterograph({LIKES: (src, dst)})
    assert [ids.data_ptr() for ids in ge.view(typed).edges[LIKES]] == [src.data_ptr(), dst.data_ptr()]
    edge_index = torch.tensor([[3, 0, 1], [0, 1, 2]])
    rows = [row.data_ptr() for row in edge_index]
    hetero = HeteroData()
    hetero[LIKES].edge_index = edge_index
    for graph in (edge_index, Data(edge_index=edge_index), {LIKES: edge_index}, hetero, EdgeIndex(edge_index)):
        assert [ids.data_ptr() for ids in next(iter(ge.view(graph).edges.values()))] == rows


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta")
def test_sparse_tensor_is_the_transposed_adjacency():
    adj_t = SparseTensor(
        row=torch.tensor([1, 2]), col=torch.tensor([0, 0]), value=torch.tensor([5.0, 6.0]), sparse_sizes=(4, 4)
    )
    view = ge.view(adj_t)
    assert view.edge_index().tolist() == [[0, 0], [1, 2]]
    assert view.num_nodes[NODE_TYPE] == 4
    assert view.edge_features[EDGE_TYPE]["edge_weight"].tolist() == [5, 6]
    check_same(view, ge.view(Data(adj_t=adj_t)))
    with torch.sparse.check_sparse_tensor_invariants():
        torch_adj = torch.sparse_coo_tensor(torch.tensor([[1, 2], [0, 0]]), torch.tensor([5.0, 6.0]), (4, 4))
        check_same(view, ge.view(torch_adj))
        check_same(view, ge.view(torch_adj.to_sparse_csr()))


def check_same(first, second):
    assert first.num_nodes == second.num_nodes
    assert torch.equal(first.edge_index(), second.edge_index())


def test_rectangular_sparse_tensor():
    adj_t = SparseTensor(row=torch.tensor([1]), col=torch.tensor([0]), sparse_sizes=(7, 5))
    view = ge.view({LIKES: adj_t})
    assert dict(view.num_nodes) == {"item": 7, "user": 5}
    assert view.edge_index(LIKES).tolist() == [[0], [1]]


def test_edge_index_class_brings_its_size():
    view = ge.view(EdgeIndex([[0, 1], [1, 0]], sparse_size=(5, 5)))
    assert (view.total_nodes, view.edge_index().tolist()) == (5, [[0, 1], [1, 0]])


def test_number_of_nodes():
    edges = torch.tensor([[0, 1], [1, 2]])
    assert ge.view(edges).total_nodes == 3
    assert ge.view(edges, num_nodes=9).total_nodes == 9
    assert ge.view(Data(edge_index=edges, x=torch.zeros(5, 2))).total_nodes == 5
    assert ge.view(Data(edge_index=edges)).total_nodes == 3
    assert ge.view(Data(edge_index=edges), num_nodes=8).total_nodes == 8
    assert dict(ge.view({LIKES: edges}, num_nodes={"user": 5, "tag": 2}).num_nodes) == {"item": 3, "tag": 2, "user": 5}


def test_int32_graphs(build):
    import dgl

    graph = dgl.graph(([0, 1], [1, 2]), idtype=torch.int32)
    view = ge.view(graph)
    assert view.edges[EDGE_TYPE][0].dtype == torch.int32
    assert view.csr().indices.dtype == torch.int64
    walks = ge.DeepWalk(graph, walk_length=6, seed=0).sample(torch.tensor([0]))
    assert walks.tolist() == [[0, 1, 2, -1, -1, -1]]


def test_blocks_are_refused():
    import dgl

    block = dgl.to_block(dgl.graph(([0, 1], [1, 2])))
    with pytest.raises(GraphTypeError, match=r"got a block.*block_to_graph"):
        ge.view(block)


def test_features_do_not_mix_when_nodes_are_as_many_as_edges():
    edges = torch.tensor([[0, 1, 2], [1, 2, 0]])
    data = Data(edge_index=edges, num_nodes=3, x=torch.zeros(3, 1), edge_attr=torch.ones(3, 1), weight=torch.ones(3))
    view = ge.view(data)
    assert list(view.features[NODE_TYPE]) == ["x"]
    assert list(view.edge_features[EDGE_TYPE]) == ["edge_attr", "weight"]


# --- changes in place ----------------------------------------------------------------------------------------------


def change_dgl(graph):
    graph.add_edges([3], [4])


def change_pyg(graph):
    graph.edge_index = torch.cat([graph.edge_index, torch.tensor([[3], [4]])], 1)


def change_pyg_in_place(graph):
    graph.edge_index[:, 0] = torch.tensor([3, 4])


@pytest.mark.parametrize(
    ("builder", "change"), [(build_dgl, change_dgl), (build_pyg, change_pyg), (build_pyg, change_pyg_in_place)]
)
def test_a_changed_graph_is_noticed(chain, builder, change):
    graph = builder(chain)
    model = ge.DeepWalk(graph, walk_length=6, seed=0)
    assert model.sample(torch.tensor([3])).tolist() == [[3, -1, -1, -1, -1, -1]]
    assert refreshed(model.view) is model.view
    change(graph)
    assert model.sample(torch.tensor([3])).tolist() == [[3, 4, -1, -1, -1, -1]]


def test_changed_weights_are_noticed(build):
    spec = Spec.untyped(3, [(0, 1), (0, 2)], weight=[1.0, 0.0])
    graph = build(spec)
    model = ge.DeepWalk(graph, walk_length=6, weight="weight", seed=0)
    starts = torch.zeros(20, dtype=torch.int64)
    assert model.sample(starts)[:, 1].unique().tolist() == [1]
    weight = graph.edata["weight"] if hasattr(graph, "edata") else graph.weight
    weight[:] = torch.tensor([0.0, 1.0])
    assert model.sample(starts)[:, 1].unique().tolist() == [2]


def test_a_sparse_tensor_changed_in_place():
    adj_t = SparseTensor(row=torch.tensor([1, 2]), col=torch.tensor([0, 0]), value=torch.tensor([1.0, 0.0]))
    model = ge.DeepWalk(adj_t, walk_length=6, weight="edge_weight", num_nodes=3, seed=0)
    assert model.sample(torch.tensor([0]))[0, 1] == 1
    adj_t.set_value_(torch.tensor([0.0, 1.0]), layout="coo")
    assert model.sample(torch.tensor([0]))[0, 1] == 2


def test_a_graph_that_outgrew_its_tables():
    import dgl

    graph = dgl.graph(([0, 1], [1, 0]))
    model = ge.DeepWalk(graph, walk_length=6, seed=0)
    graph.add_nodes(2)
    with pytest.raises(GraphChangedError, match=r"4 nodes now.*made for 2.*new model"):
        model.sample(torch.tensor([0]))


# --- attach --------------------------------------------------------------------------------------------------------


def node_feature(graph, node_type, name):
    if hasattr(graph, "ntypes"):
        return graph.nodes[node_type].data[name]
    return graph[name] if isinstance(graph, Data) else graph[node_type][name]


def test_attach_untyped(build):
    graph = build(UNTYPED)
    model = ge.DeepWalk(graph, emb_dim=4, walk_length=6, seed=0)
    assert ge.attach(graph, ge.embed(model)) is graph
    assert torch.equal(node_feature(graph, NODE_TYPE, "emb"), model.node_embed.weight)
    ge.attach(graph, torch.ones(6, 2), name="ones")
    assert node_feature(graph, NODE_TYPE, "ones").sum() == 12


def test_attach_typed(build):
    graph = build(FEATURED)
    emb = ge.Embeddings(torch.arange(7.0).view(7, 1), {"item": 4, "user": 3})
    ge.attach(graph, emb)
    assert node_feature(graph, "item", "emb").view(-1).tolist() == [0, 1, 2, 3]
    assert node_feature(graph, "user", "emb").view(-1).tolist() == [4, 5, 6]
    ge.attach(graph, {"user": torch.zeros(3, 2)}, name="z")
    assert node_feature(graph, "user", "z").shape == (3, 2)


def test_attach_refuses_what_does_not_fit(build):
    graph = build(FEATURED)
    with pytest.raises(InputError, match=r"got 9 rows for node type 'user'; expected 3 rows"):
        ge.attach(graph, {"user": torch.zeros(9, 2)})
    with pytest.raises(InputError, match=r"got node type 'tag'"):
        ge.attach(graph, {"tag": torch.zeros(9, 2)})
    with pytest.raises(InputError, match=r"got one tensor; expected a dict"):
        ge.attach(graph, torch.zeros(7, 2))
    with pytest.raises(GraphTypeError, match=r"no place for node features"):
        ge.attach(torch.tensor([[0], [1]]), torch.zeros(2, 2))


# --- models by name ------------------------------------------------------------------------------------------------


def test_create_on_either_host(build):
    model = ge.create("DeepWalk", build(UNTYPED), emb_dim=8, walk_length=6, seed=0)
    assert isinstance(model, ge.DeepWalk)
    assert model.node_embed.weight.shape == (6, 8)


def test_every_model_is_registered_for_both_hosts():
    assert ge.available_models("dgl") == ge.available_models("pyg") == ge.available_models()
    import graphembed_ext.dgl
    import graphembed_ext.pyg

    for host in (graphembed_ext.dgl, graphembed_ext.pyg):
        assert set(host.models()) == {"deepwalk", "graphsage", "han", "lightgcn", "metapath2vec"}
        for model in host.models().values():
            assert model.__name__ in host.__all__


def test_create_refuses_what_it_does_not_know(build):
    graph = build(UNTYPED)
    with pytest.raises(InputError, match=r"name: got deepwlak; expected one of 'deepwalk'"):
        ge.create("deepwlak", graph)
    with pytest.raises(InputError, match=r"walk_len: got 3; expected an argument of DeepWalk: emb_dim, walk_length"):
        ge.create("deepwalk", graph, walk_len=3)
    with pytest.raises(
        InputError, match=r"host: got jraph; expected one of 'dgl', 'frames', 'networkx', 'pyg', 'scipy'"
    ):
        ge.to_host(graph, "jraph")
    with pytest.raises(InputError, match=r"host: got jraph"):
        ge.available_models("jraph")


def test_a_third_host_is_one_more_module(monkeypatch, tmp_path):
    (tmp_path / "edgelists.py").write_text("class EdgeList:\n    def __init__(self, pairs): self.pairs = pairs\n")
    (tmp_path / "edgelist_adapter.py").write_text(
        "import torch\nfrom graphembed_ext.graph.view import EDGE_TYPE, NODE_TYPE, GraphView\n"
        "from graphembed_ext.models.deepwalk import DeepWalk\n"
        "def view(graph):\n"
        "    src, dst = torch.tensor(graph.pairs).t()\n"
        "    edges = {EDGE_TYPE: (src, dst)}\n"
        "    return GraphView({NODE_TYPE: int(max(src.max(), dst.max())) + 1}, edges, host='list', source=graph,"
        " token=token(graph))\n"
        "def token(graph): return tuple(graph.pairs)\n"
        "def models(): return {'deepwalk': DeepWalk}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("graphembed_ext.hosts.registry._ADAPTERS", dict(registry._ADAPTERS))
    ge.register_host("list", "edgelist_adapter", ("edgelists",))
    from edgelists import EdgeList

    graph = EdgeList([(0, 1), (1, 2)])
    model = ge.create("deepwalk", graph, walk_length=6, seed=0)
    assert model.sample(torch.tensor([0])).tolist() == [[0, 1, 2, -1, -1, -1]]
    graph.pairs.append((2, 0))
    assert model.sample(torch.tensor([0])).tolist() == [[0, 1, 2, 0, 1, 2]]
