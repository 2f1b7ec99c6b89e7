"""LightGCN beside PyG's class, on graphs of either host, and as a module among others."""

from __future__ import annotations

import copy
from typing import ClassVar

import pytest
import torch
from torch_geometric.nn import LightGCN as Peer

import graphembed_ext as ge
from graphembed_ext.errors import InputError
from tests.cases import Variant
from tests.graphs import Spec, build_dgl, build_pyg, camps
from tests.model_cases import RecommenderCase

# Of torch, when PyG's class makes a matrix in its own sparse format.
pytestmark = pytest.mark.filterwarnings("ignore:Sparse:UserWarning")

NODES = 20


def random_edges(seed=0, count=60):
    return torch.randint(0, NODES - 1, (2, count), generator=torch.Generator().manual_seed(seed))


EDGES, WEIGHT = random_edges(), torch.rand(60, generator=torch.Generator().manual_seed(1)).double()
LABELS, NODE_ID = random_edges(2, 8), torch.tensor([3, 5, 7])


def sparse(weight):
    SparseTensor = pytest.importorskip("torch_sparse").SparseTensor
    return SparseTensor.from_edge_index(EDGES, weight, sparse_sizes=(NODES, NODES)).t()


#: Edges in every form, and the weights given beside them.
FORMS = {
    "edge_index": lambda: (EDGES, None),
    "edge_weight": lambda: (EDGES, WEIGHT),
    "SparseTensor": lambda: (sparse(torch.ones(60).double()), None),
    "SparseTensor with values": lambda: (sparse(WEIGHT), None),
}


class TestLightGCN(RecommenderCase):
    """The contracts of a model and of a recommender, see tests/model_cases.py."""

    models = (ge.LightGCN,)
    name = "lightgcn"
    created_with: ClassVar = {"embedding_dim": 8, "num_layers": 2}
    training: ClassVar = {"epochs": 4, "batch_size": 8, "lr": 0.05}
    rows: ClassVar = {"item": 7, "user": 6}
    columns = 8
    variants_that_learn: ClassVar = [
        Variant("bpr", {}, {"epochs": 40}),
        Variant("recbole", {"init": "recbole"}, {"epochs": 40, "loss": "recbole", "sampling": "users"}),
    ]
    variants_alike: ClassVar = [
        Variant("whole"),
        Variant("validated", {}, {"validation": torch.tensor([[0], [6]]), "k": 2}),
        Variant("weight decay", {"alpha": 0.3}, {"weight_decay": 0.1, "loss": "lightgcn-pytorch"}),
    ]
    refused_arguments: ClassVar = [
        ({"alpha": torch.ones(2)}, r"alpha: got shape \(2,\); expected shape \(3,\)"),
        ({"init": "glorot"}, "init: got glorot; expected one of 'pyg'"),
        ({"embedding_dim": 0}, "embedding_dim: got 0"),
        ({"num_layers": -1}, "num_layers: got -1"),
        ({"seed": -1}, "seed: got -1"),
        ({"user_type": "tag"}, "user_type: got tag"),
    ]
    bad_calls: ClassVar = [
        (lambda model, g: model.recommend(g, src_index=[6]), "src_index: got user id 6; expected .* from 0 to 5"),
        (lambda model, g: model.recommend(g, src_index=[-1]), "src_index: got user id -1"),
        (lambda model, g: model(g, torch.tensor([[0], [7]])), "edge_label_index: got item id 7"),
        (
            lambda model, g: model(g, edge_weight=torch.ones(5)),
            r"edge_weight: got 5 weights; expected 18, one an inter",
        ),
    ]

    def spec(self):
        return camps()

    def make(self, graph, **config):
        return ge.create("lightgcn", graph, **{**self.created_with, "seed": 0, **config})

    def check_structure(self, model, graph, result):
        lists = model.recommend(graph, k=3)
        assert bool((lists % 2 == torch.arange(6)[:, None] % 2).all())


def both(**config):
    """PyG's class and ours with its weights, in float64."""
    peer = Peer(NODES, 6, 3, **config).double()
    ours = ge.LightGCN(NODES, 6, 3, **config).double()
    ours.load_state_dict(peer.state_dict())
    return peer, ours


def same(ours, peers):
    torch.testing.assert_close(ours, peers, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("alpha", [None, 0.5, torch.tensor([0.1, 0.2, 0.3, 0.4])])
@pytest.mark.parametrize("normalize", [True, False])
def test_outputs_losses_and_gradients_are_pygs(form, alpha, normalize):
    models, (edges, weight) = both(alpha=alpha, normalize=normalize), FORMS[form]()
    found = []
    for model in models:
        out = model(edges, LABELS, weight)
        ranking = model.recommendation_loss(out[:4], out[4:], NODE_ID, 0.1)
        linking = model.link_pred_loss(out, torch.tensor([0, 1] * 4), pos_weight=torch.tensor(2.0))
        grads = [torch.autograd.grad(loss, model.embedding.weight, retain_graph=True)[0] for loss in (ranking, linking)]
        every = model(edges, edge_weight=weight), model.get_embedding(edges, weight)
        found.append((out, ranking, linking, *grads, *every, model.predict_link(edges, LABELS, weight, prob=True)))
    for peers, ours in zip(*found, strict=True):
        same(ours, peers)
    peer, ours = models
    assert torch.equal(ours.recommend(edges, weight, k=4), peer.recommend(edges, weight, k=4))
    users, items = torch.tensor([1, 2]), torch.tensor([9, 4, 12, 15])
    assert torch.equal(ours.recommend(edges, weight, users, items, 2), peer.recommend(edges, weight, users, items, 2))
    assert torch.equal(ours.predict_link(edges, LABELS, weight), peer.predict_link(edges, LABELS, weight))


def test_initial_weights_are_pygs():
    weights = []
    for model in (Peer, ge.LightGCN):
        torch.manual_seed(5)
        weights.append(model(NODES, 6, 3).embedding.weight)
    assert torch.equal(*weights)


def test_arguments_of_both_of_pygs_signatures():
    _, model = both()
    users, items = torch.tensor([1, 2]), torch.tensor([9, 4, 12, 15])
    expected = model.recommend(EDGES, src_index=users, dst_index=items, k=3)
    assert torch.equal(model.recommend(EDGES, users, items, 3), expected)
    assert torch.equal(model.recommend(EDGES, None, users, items, 3), expected)
    assert torch.equal(model.recommend(EDGES, users, items, k=3), expected)
    assert torch.equal(model.recommend(EDGES, users, dst_index=items, k=3), expected)
    assert torch.equal(model.recommend(EDGES, None, items, 3), model.recommend(EDGES, dst_index=items, k=3))
    same(model.recommend(EDGES, WEIGHT, users, items, 3, False), model.recommend(EDGES, WEIGHT, users, items, 3))
    assert torch.equal(model.predict_link(EDGES, LABELS, True), model.predict_link(EDGES, LABELS, prob=True))
    pos, neg = model(EDGES, LABELS).chunk(2)
    whole = model.recommendation_loss(pos, neg, None, 0.5)
    assert torch.equal(model.recommendation_loss(pos, neg, 0.5), whole)
    assert torch.equal(model.recommendation_loss(pos, neg, lambda_reg=0.5), whole)


def test_hooked_layers_are_called_one_after_another():
    peer, ours = both()
    seen = []
    for conv in ours.convs:
        conv.register_forward_hook(lambda *args: seen.append(1))
    same(ours.get_embedding(EDGES), peer.get_embedding(EDGES))
    assert len(seen) == 3


def test_edges_changed_in_place():
    peer, ours = both()
    edges = EDGES.clone()
    ours(edges)
    edges[0, :10] = 3
    same(ours(edges), peer(edges))


ITEMS, USERS = 5, 4
PAIRS = ([0, 0, 1, 2, 3, 3], [0, 1, 1, 2, 0, 2])  # nobody touches items 3 and 4
ONE_WAY = Spec({"user": USERS, "item": ITEMS}, {("user", "buys", "item"): PAIRS})
BOTH_WAYS = Spec(ONE_WAY.num_nodes, {**ONE_WAY.edges, ("item", "bought_by", "user"): (PAIRS[1][::-1], PAIRS[0][::-1])})
SHUFFLED = Spec(
    ONE_WAY.num_nodes, {("user", "buys", "item"): tuple([ends[i] for i in (3, 1, 5, 0, 4, 2)] for ends in PAIRS)}
)


def for_graph(graph, **config):
    return ge.LightGCN.for_graph(graph, 6, 2, **({"seed": 0} | config))


def test_hosts_directions_and_order_of_edges_change_no_bit():
    found = []
    for spec in (ONE_WAY, BOTH_WAYS, SHUFFLED):
        for make in (build_dgl, build_pyg):
            graph = make(spec)
            model = for_graph(graph)
            lists = model.recommend(graph, k=3, exclude=True)
            found.append((ge.embed(model, graph).tensor, lists, model.top(graph, k=3, exclude=True).scores))
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


def test_typed_graphs_keep_node_types_apart(build):
    graph = build(ONE_WAY)
    model = for_graph(graph)
    assert (model.num_nodes, model.sides.items, model.sides.users) == (9, range(5), range(5, 9))
    joint = torch.tensor([[u + ITEMS for u in PAIRS[0]], PAIRS[1]])
    plain = ge.LightGCN(9, 6, 2)
    plain.load_state_dict(model.state_dict())
    symmetric = torch.cat([joint, joint.flip(0)], 1)
    assert torch.equal(model(graph), plain(symmetric, joint))
    assert torch.equal(model(), model(graph))
    assert torch.equal(model(graph, torch.tensor([[3], [4]])), plain(symmetric, torch.tensor([[8], [4]])))
    weight = torch.arange(1.0, 7)
    same(model.get_embedding(graph, weight), plain.get_embedding(symmetric, weight.repeat(2)))
    emb = ge.embed(model, graph)
    assert (emb["user"].shape, emb["item"].shape) == ((4, 6), (5, 6))
    # Pairs alone mean the same to a model that knows its sides, and so does the graph to one that does not.
    assert torch.equal(model(torch.tensor(PAIRS)), model(graph))
    assert torch.equal(plain(graph), model(graph))
    assert torch.equal(plain.recommend(graph, k=2), model.recommend(graph, k=2))


def test_exclusion(build):
    graph = build(ONE_WAY)
    model = for_graph(graph)
    lists = model.recommend(graph, k=5, exclude=True)
    for user, row in enumerate(lists.tolist()):
        touched = {item for who, item in zip(*PAIRS, strict=True) if who == user}
        assert sorted(row) == [-1] * len(touched) + sorted(set(range(5)) - touched)
    assert torch.equal(model.recommend(graph, k=5, exclude=torch.tensor(PAIRS)), lists)
    assert torch.equal(model.recommend(graph, src_index=[3, 0], k=5, exclude=True), lists[[3, 0]])
    every = model.recommend(graph, k=5)
    for nothing in (None, False, torch.empty(2, 0), torch.empty(2, 0, dtype=torch.int64)):
        assert torch.equal(model.recommend(graph, k=5, exclude=nothing), every)
    some = model.recommend(graph, src_index=[0], dst_index=[4, 1], k=2, exclude=True)
    assert some.tolist() == [[4, -1]]


def test_new_users_by_their_interactions(build):
    """A new user gets what a known one without an initial vector and with the same items has."""
    graph = build(ONE_WAY)
    model = for_graph(graph).double()
    history = torch.tensor([[0, 0, 2], [1, 0, 2]])
    vectors = model.embed_new_users(graph, history)
    layer = [model.embedding.weight.detach()[:ITEMS]]
    degree = torch.bincount(torch.tensor(PAIRS[1]), minlength=ITEMS).clamp(min=1).double()
    users = model.embedding.weight.detach()[ITEMS:]
    touched = torch.zeros(USERS, ITEMS, dtype=torch.float64)
    touched[PAIRS] = 1
    normed = touched / touched.sum(1, keepdim=True).sqrt() / degree.sqrt()
    layer.append(normed.t() @ users)
    expected = torch.zeros(3, 6, dtype=torch.float64)
    for user, items in ((0, [0, 1]), (2, [2])):
        for values in layer:
            carried = sum(values[i] / degree[i].sqrt() for i in items) / len(items) ** 0.5
            expected[user] += carried * model.alpha[1]
    same(vectors, expected)
    lists = model.recommend_new(graph, history, 4)
    assert lists[0, 3] == -1
    assert set(lists[0, :3].tolist()) == {2, 3, 4}
    assert set(lists[2].tolist()) == {0, 1, 3, 4}
    assert set(model.recommend_new(graph, history, 5, repeat=True)[0].tolist()) == set(range(5))


@pytest.mark.parametrize("init", ["pyg", "lightgcn-pytorch", "recbole"])
@pytest.mark.usefixtures("global_state_untouched")
def test_initial_weights_by_seed(build, init):
    graph = build(Spec({"user": 300, "item": 40}, {("user", "buys", "item"): ([0], [0])}))
    model, again = (ge.LightGCN.for_graph(graph, 20, 1, init=init, seed=3) for _ in range(2))
    table = model.embedding.weight.detach()
    assert torch.equal(table, again.embedding.weight)
    largest = {
        name: float(table[rows.start : rows.stop].abs().max())
        for name, rows in vars(model.sides).items()
        if isinstance(rows, range)
    }
    if init == "lightgcn-pytorch":
        assert float(table.std()) == pytest.approx(0.1, rel=0.05)
    elif init == "pyg":
        assert max(largest.values()) == pytest.approx((6 / 360) ** 0.5, rel=0.01)
    else:
        assert largest == {
            "users": pytest.approx((6 / 320) ** 0.5, rel=0.01),
            "items": pytest.approx((6 / 60) ** 0.5, rel=0.02),
        }


def test_precisions_repr_and_gradients(build):
    graph = build(ONE_WAY)
    model = for_graph(graph)
    expected = model(graph)
    assert model.double()(graph).dtype == torch.float64
    torch.testing.assert_close(model(graph).float(), expected)
    assert torch.isfinite(copy.deepcopy(model).bfloat16()(graph)).all()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.isfinite(model(graph)).all()
    assert repr(model) == "LightGCN(9, 6, num_layers=2)"
    table = model.embedding.weight
    assert torch.autograd.gradcheck(
        lambda x: (
            torch.func.functional_call(model, {"embedding.weight": x}, (EDGES[:, :0],)).sum()
            + torch.func.functional_call(model, {"embedding.weight": x}, (graph,))
        ),
        (table.detach().clone().requires_grad_(),),
    )


def test_homogeneous_graphs(build):
    pairs = list(zip(*EDGES.tolist(), strict=True))
    graph = build(Spec.untyped(NODES, pairs))
    peer, model = both()
    same(model(graph), peer(EDGES))
    assert torch.equal(model.recommend(graph, k=3), peer.recommend(EDGES, k=3))


NOT_BIPARTITE = Spec(
    {"user": 3, "item": 3, "tag": 1}, {("user", "buys", "item"): ([0], [0]), ("item", "has", "tag"): ([0], [0])}
)
TWO_RELATIONS = Spec(
    {"user": 3, "item": 3}, {("user", "buys", "item"): ([0], [0]), ("user", "views", "item"): ([0], [1])}
)
DISAGREE = Spec({"user": 3, "item": 3}, {("user", "buys", "item"): ([0], [0]), ("item", "back", "user"): ([0], [1])})
NAMELESS = Spec({"a": 3, "b": 3}, {("a", "to", "b"): ([0], [0]), ("b", "back", "a"): ([0], [0])})
EMPTY = Spec({"user": 3, "item": 3}, {("user", "buys", "item"): ([], [])})


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (NOT_BIPARTITE, r"graph: got node types \['item', 'tag', 'user'\].*expected two node types joined by one"),
        (TWO_RELATIONS, r"expected two node types joined by one edge type.*Hint: pick one relation"),
        (DISAGREE, r"not the same pairs; expected the same interactions in both directions"),
        (NAMELESS, r"user_type: got None; expected one of the node types \['a', 'b'\]"),
        (EMPTY, r"no edges between users and items"),
    ],
)
def test_graphs_that_are_not_bipartite(build, spec, message):
    with pytest.raises(InputError, match=message):
        for_graph(build(spec))


def test_user_type_settles_it(build):
    assert for_graph(build(NAMELESS), user_type="b").sides.users == range(3, 6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: ge.LightGCN(9, 6, 2).reset_parameters() or ge.LightGCN(9, 6, 2)(), "edge_index: got None"),
        (lambda m: ge.LightGCN(9, 6, 2, init="recbole").reset_parameters(), "init: got recbole.*for_graph"),
        (lambda m: m(EDGES, torch.tensor([[0], [20]])), r"edge_label_index: got id 20; expected ids from 0 to 19"),
        (lambda m: m(EDGES, torch.tensor([0, 1])), r"edge_label_index: got shape \(2,\)"),
        (lambda m: m(EDGES + 5), "edge_index: got source id 2.; expected ids from 0 to 19"),
        (lambda m: m(EDGES, edge_weight=WEIGHT[:3]), r"edge_weight: got shape \(3,\)"),
        (lambda m: m.recommend(EDGES, k=21), "k: got 21; expected at most 20, the number of candidates"),
        (lambda m: m.recommend(EDGES, src_index=[-1]), "src_index: got id -1"),
        (lambda m: m.recommend(EDGES, dst_index=[3, 3], exclude=True), "candidates that occur twice"),
        (lambda m: m.link_pred_loss(torch.zeros(2), torch.tensor([0, 2])), "edge_label: got labels from 0 to 2"),
        (lambda m: m.link_pred_loss(torch.zeros(2), torch.ones(3)), r"edge_label: got shape \(3,\)"),
        (lambda m: m.recommendation_loss(torch.zeros(2), torch.zeros(3)), r"neg: got shape \(3,\)"),
        (lambda m: m.recommendation_loss(torch.zeros(2), torch.zeros(2), reduction="sum"), "no further argument"),
        (lambda m: m.recommend_new(EDGES, torch.tensor([[0], [20]])), "got id 20"),
        (lambda m: m.recommend_new(EDGES, torch.tensor([0, 1])), r"history: got shape \(2,\)"),
        (lambda m: m.interactions(EDGES), "num_users: got None; expected the number of users"),
        (lambda m: m.interactions(EDGES, num_users=10), r"edge_index: got edge \(\d+, \d+\) between two"),
        (lambda m: m.interactions(EDGES, num_users=20), "num_users: got 20; expected a number below 20"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InputError, match=message):
        call(ge.LightGCN(NODES, 6, 2, seed=0))


def test_bad_typed_input(build):
    graph = build(ONE_WAY)
    model = for_graph(graph)
    with pytest.raises(InputError, match=r"src_index: got user id 4; expected ids of users, from 0 to 3"):
        model.recommend(graph, src_index=[4])
    with pytest.raises(InputError, match=r"edge_index: got 7 nodes; expected 9, as the model has"):
        model(build(Spec({"user": 3, "item": 4}, {("user", "buys", "item"): ([0], [0])})))
    with pytest.raises(InputError, match=r"edge_weight: got 5 weights; expected 6, one an interaction"):
        model(graph, edge_weight=torch.ones(5))
