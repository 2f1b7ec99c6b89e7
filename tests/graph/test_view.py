"""GraphView and its canonical CSR, apart from any host."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch_geometric.data import Data

import graphembed_ext as ge
from graphembed_ext.errors import GraphEmbedError, InputError
from graphembed_ext.graph.csr import canonical_csr
from graphembed_ext.graph.in_edges import entry_values, in_edges, message_edges
from graphembed_ext.graph.view import EDGE_TYPE, NODE_TYPE, GraphView
from graphembed_ext.hosts.registry import refreshed

TYPED = {
    ("b", "to", "a"): (torch.tensor([1, 0, 1]), torch.tensor([0, 2, 0])),
    ("a", "to", "a"): (torch.tensor([2, 0]), torch.tensor([1, 2])),
}


def plain_csr(rows, src, dst):
    """Rows sorted by neighbour, then edge id: the definition in plain loops."""
    indptr, indices, edge_ids = [0], [], []
    for row in range(rows):
        entries = sorted((d, e) for e, (s, d) in enumerate(zip(src, dst, strict=True)) if s == row)
        indices += [d for d, _ in entries]
        edge_ids += [e for _, e in entries]
        indptr.append(len(indices))
    return indptr, indices, edge_ids


def test_csr_equals_plain_loops():
    generator = torch.Generator().manual_seed(0)
    src, dst = torch.randint(9, (2, 60), generator=generator)  # with self-loops and repeated edges
    csr = ge.view(torch.stack([src, dst]), num_nodes=11).csr()
    assert tuple(part.tolist() for part in csr) == plain_csr(11, src.tolist(), dst.tolist())


def test_csr_of_sorted_edges_equals_plain_loops():
    src, dst = torch.tensor([0, 0, 1, 3]), torch.tensor([1, 2, 0, 3])
    csr = ge.view(torch.stack([src, dst])).csr()
    assert tuple(part.tolist() for part in csr) == plain_csr(4, src.tolist(), dst.tolist())


def test_edge_order_changes_neighbours_not_at_all():
    edges = torch.tensor([[2, 0, 1, 0], [0, 2, 2, 1]])
    order = torch.tensor([3, 1, 0, 2])
    first, second = ge.view(edges).csr(), ge.view(edges[:, order]).csr()
    assert torch.equal(first.indptr, second.indptr)
    assert torch.equal(first.indices, second.indices)
    assert torch.equal(first.edge_ids, order[second.edge_ids])


def test_types_are_alphabetical_and_joined_over_global_ids():
    view = GraphView({"b": 2, "a": 3}, TYPED)
    assert view.node_types == ["a", "b"]
    assert view.edge_types == [("a", "to", "a"), ("b", "to", "a")]
    assert view.offsets == {"a": 0, "b": 3}
    assert (view.total_nodes, view.total_edges) == (5, 5)
    # a-a edges first, then b-a with the sources moved up by the three nodes of type a
    joined = plain_csr(5, [2, 0, 4, 3, 4], [1, 2, 0, 2, 0])
    assert tuple(part.tolist() for part in view.csr()) == joined
    one = plain_csr(2, [1, 0, 1], [0, 2, 0])
    assert tuple(part.tolist() for part in view.csr(("b", "to", "a"))) == one


def test_what_a_view_keeps_is_made_once_and_with_its_own_token():
    view, made = ge.view(torch.tensor([[0, 1], [1, 2]])), []

    def make():
        made.append(len(made))
        return made[-1]

    assert [view.cached("a", make), view.cached("a", make), view.cached(("a", 1), make)] == [0, 0, 1]
    assert [view.cached("a", make, "new"), view.cached("a", make, "new"), view.cached("a", make)] == [2, 2, 3]
    nothing = view.cached("none", lambda: None), view.cached("none", make)
    assert nothing == (None, None)
    assert pickle.loads(pickle.dumps(view)).cached("a", make) == 4  # not sent along
    with pytest.raises(ValueError, match="no"):
        view.cached("fails", lambda: (_ for _ in ()).throw(ValueError("no")))
    assert view.cached("fails", make) == 5


@pytest.mark.parametrize("change", ["replaced", "in place"])
def test_a_changed_graph_is_served_nothing_that_was_made_before(change):
    graph = Data(edge_index=torch.tensor([[0, 1, 2], [1, 2, 0]]), num_nodes=4, w=torch.ones(3))
    kinds = [
        lambda view: view.csr().indices.tolist(),
        lambda view: in_edges(view, EDGE_TYPE).indices.tolist(),
        lambda view: entry_values(view, EDGE_TYPE, "w").tolist(),
        lambda view: message_edges(view, EDGE_TYPE, torch.device("cpu")).indices.tolist(),
        lambda view: next(iter(ge.neighbor_loader(view, [-1], nodes=torch.tensor([0]), seed=0))).nodes.tolist(),
    ]
    before = ge.view(graph)
    old = [kind(before) for kind in kinds]
    if change == "replaced":
        graph.edge_index = torch.tensor([[3, 1, 2], [0, 2, 0]])
    else:
        graph.edge_index[:, 0] = torch.tensor([3, 0])
        graph.w[:] = 2
    after = refreshed(before)
    assert after is not before
    fresh = ge.view(graph)
    assert [kind(after) for kind in kinds] == [kind(fresh) for kind in kinds] != old
    assert [kind(before) for kind in kinds] == old  # a copy of what was there, whatever became of the tensors


def test_rows_of_more_pairs_than_a_number_counts():
    view = GraphView({"a": 2**33, "b": 2**33}, {("a", "to", "b"): (torch.tensor([0]), torch.tensor([2**33 - 1]))})
    with pytest.raises(InputError, match=r"num_nodes: got 8589934592, for which the bounds of their rows .* GiB"):
        view.csr(("a", "to", "b"))
    src, dst = torch.tensor([2, 0, 2, 0]), torch.tensor([5, 2**61, 1, 7])
    csr = canonical_csr(src, dst, 3, 2**62)
    assert [part.tolist() for part in csr] == [[0, 2, 2, 4], [7, 2**61, 1, 5], [3, 1, 2, 0]]


@pytest.mark.parametrize("count", [-5, 2.0, True, None])
def test_numbers_of_nodes_are_whole(count):
    with pytest.raises(InputError, match="num_nodes"):
        GraphView({NODE_TYPE: count}, {})


def test_isolated_nodes_have_empty_rows():
    csr = ge.view(torch.tensor([[0], [1]]), num_nodes=4).csr()
    assert csr.indptr.tolist() == [0, 1, 1, 1, 1]
    assert csr.degrees.tolist() == [1, 0, 0, 0]


def test_a_graph_without_edges():
    view = ge.view(torch.empty(2, 0, dtype=torch.int64), num_nodes=3)
    assert view.csr().indptr.tolist() == [0, 0, 0, 0]
    assert (view.total_nodes, view.total_edges) == (3, 0)


def test_copies_share_and_pickles_survive():
    view = ge.view(torch.tensor([[0, 1], [1, 2]]), num_nodes=5)
    assert copy.deepcopy(view) is view
    loaded = pickle.loads(pickle.dumps(view))
    assert repr(loaded) == repr(view)
    assert torch.equal(loaded.csr().indices, view.csr().indices)
    with pytest.raises(TypeError):
        loaded.num_nodes[NODE_TYPE] = 9


@pytest.mark.parametrize(
    ("edges", "num_nodes", "message"),
    [
        (torch.tensor([[0, 5], [1, 0]]), 3, r"edge_index: got source id 5; expected ids below 3.*raise num_nodes"),
        (torch.tensor([[0, 1], [1, 7]]), 3, r"edge_index: got destination id 7; expected ids below 3"),
        (torch.tensor([[0, -1], [1, 0]]), None, r"edge_index: got source id -1; expected ids of at least 0"),
        (torch.tensor([[0.0, 0.5], [1, 0]]), None, r"got source ids of dtype torch.float32; expected int64 or int32"),
        (torch.tensor([[True], [False]]), None, r"ids of dtype torch.bool"),
        (torch.zeros(3, 2, dtype=torch.int64), None, r"edge_index: got a tensor of shape \(3, 2\).*transpose"),
        (torch.zeros(4, dtype=torch.int64), None, r"expected shape \(2, num_edges\)"),
        (torch.tensor([[0], [1]]), -1, r"num_nodes: got -1; expected an integer of at least 0"),
        (torch.tensor([[0], [1]]), 2.5, r"num_nodes: got 2.5"),
        (torch.tensor([[0], [1]]), {"a": 2}, r"num_nodes: got {'a': 2}"),
    ],
)
def test_bad_edges(edges, num_nodes, message):
    options = {} if num_nodes is None else {"num_nodes": num_nodes}
    with pytest.raises(InputError, match=message):
        ge.view(edges, **options)


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ({"follows": torch.tensor([[0], [1]])}, r"graph: got key 'follows'; expected edge types as triples"),
        ({("a", "to", "b"): torch.tensor([[0], [-2]])}, r"edge_index of \('a', 'to', 'b'\): got destination id -2"),
        ({("a", "to", "b"): [[0], [1]]}, r"edge_index of \('a', 'to', 'b'\): got an object of type list"),
    ],
)
def test_bad_typed_edges(edges, message):
    with pytest.raises(InputError, match=message):
        ge.view(edges)


def test_an_object_of_neither_host():
    with pytest.raises(GraphEmbedError, match=r"graph: got an object of type builtins.list; expected a dgl.DGLGraph"):
        ge.view([[0, 1], [1, 0]])
    with pytest.raises(TypeError, match=r"a networkx.Graph, a SciPy sparse matrix, a data frame of edges"):
        ge.view(object())


def test_untyped_names_are_those_of_dgl():
    view = ge.view(torch.tensor([[0], [1]]))
    assert (view.node_types, view.edge_types, view.is_typed) == ([NODE_TYPE], [EDGE_TYPE], False)


def test_other_features_leave_the_names_of_nodes():
    view = GraphView({"_N": 2}, {EDGE_TYPE: (torch.tensor([0]), torch.tensor([1]))}, names={"_N": ["Ada", "Bob"]})
    assert view.with_features({"_N": {"x": torch.ones(2, 1)}}).names == {"_N": ["Ada", "Bob"]}


@pytest.mark.parametrize("ends", [3, None, "ab", (torch.tensor([0]),), ([0], [1])])
def test_ends_of_edges_are_a_pair_of_tensors(ends):
    with pytest.raises(InputError, match=r"edges: got .*; expected a pair of tensors of ids"):
        GraphView({"_N": 2}, {EDGE_TYPE: ends})


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32])
@pytest.mark.parametrize("nodes", [700, 200_000])
def test_rows_of_many_edges_are_sorted_by_neighbour_and_place(dtype, nodes):
    """Oracle: Python's own sort; 700 nodes take the compiled sort, 200,000 outnumber the edges."""
    draw = torch.Generator().manual_seed(nodes)
    src, dst = (torch.randint(0, min(nodes, 900), (70_000,), generator=draw) for _ in range(2))
    places = sorted(range(len(src)), key=lambda place: (int(src[place]), int(dst[place])))
    view = GraphView({"_N": nodes}, {EDGE_TYPE: (src.to(dtype), dst.to(dtype))})
    csr, narrow = view.csr(), view.narrow_csr()
    assert csr.edge_ids.tolist() == places
    assert csr.indices.tolist() == dst[places].tolist()
    assert csr.indptr.tolist() == [0, *torch.cumsum(torch.bincount(src, minlength=nodes), 0).tolist()]
    assert (csr.indices.dtype, csr.edge_ids.dtype) == (torch.int64, torch.int64)
    assert (narrow.indices.dtype, narrow.edge_ids.dtype) == (torch.int32, torch.int32)
    for mine, theirs in zip(narrow, csr, strict=True):
        assert torch.equal(mine.long(), theirs)


def test_rows_of_edges_in_order_are_a_copy_of_them():
    src, dst = torch.arange(300).repeat_interleave(300), torch.arange(300).repeat(300)
    view = ge.view(torch.stack([src, dst]))
    narrow = view.narrow_csr()
    dst.zero_()
    view.edges[EDGE_TYPE][1].zero_()
    assert narrow.indices.tolist() == list(range(300)) * 300
    assert narrow.edge_ids.tolist() == list(range(90_000))
