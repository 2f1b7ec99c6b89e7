"""ge.grow: old nodes keep their vectors wherever they stand now, new ones get the model's first ones."""

from __future__ import annotations

import copy
import functools

import pytest
import torch
from torch_geometric.data import Data, HeteroData
from torch_geometric.datasets import KarateClub

import graphembed_ext as ge
from graphembed_ext.errors import InputError
from tests.graphs import agree

RING = torch.stack([torch.arange(12), (torch.arange(12) + 1) % 12])
EDGES = torch.cat([RING, RING.flip(0)], 1)
MORE = torch.cat([EDGES, torch.tensor([[12, 0, 13, 5], [0, 12, 5, 13]])], 1)
PATH = [("b", "to", "c"), ("c", "of", "b")]


def typed(b=4, c=3, extra=0):
    """Types a, b and c: when a and b grow, the rows of b and c move."""
    edges = torch.tensor([[n for n in range(b) for _ in (0, 1)], [(n + k) % c for n in range(b) for k in (0, 1)]])
    a = ("a", "off", "b"), torch.tensor([[0, 1 + extra], [0, 1]])
    return {a[0]: a[1], PATH[0]: edges, PATH[1]: edges.flip(0)}


#: How each is made, its graph before and after, and the tables that grow.
WALKS = {
    "DeepWalk": (lambda g: ge.DeepWalk(g, 8, walk_length=6, seed=0), EDGES, MORE),
    "MetaPath2Vec": (lambda g: ge.MetaPath2Vec(g, PATH, 2, 8, seed=0), typed(), typed(6, 5, extra=2)),
    "Node2Vec": (lambda g: ge.pyg.Node2Vec(g, 8, 4, 3, seed=0), EDGES, MORE),
    "pyg.MetaPath2Vec": (lambda g: ge.pyg.MetaPath2Vec(g, 8, PATH, 4, 3, seed=0), typed(), typed(6, 5, extra=2)),
}


@pytest.mark.parametrize("name", WALKS)
def test_rows_of_old_nodes_are_kept_and_new_ones_are_first_ones(name):
    make, before, after = WALKS[name]
    model = make(before)
    ge.fit(model, epochs=2, progress=False)
    kept = copy.deepcopy(model.state_dict())
    grown, fresh = ge.grow(model, after), make(after)
    old, new, first = ge.embed(model), ge.embed(grown), ge.embed(fresh)
    assert type(grown) is type(model)
    assert all(torch.equal(model.state_dict()[key], value) for key, value in kept.items())
    for node_type in old:
        count = old.num_nodes[node_type]
        assert torch.equal(new[node_type][:count], old[node_type])
        assert torch.equal(new[node_type][count:], first[node_type][count:])
    assert new.num_nodes == first.num_nodes
    assert agree(ge.grow(model, after), grown)
    result = ge.fit(grown, epochs=2, progress=False)
    assert result.history
    assert not torch.equal(ge.embed(grown).tensor, new.tensor)


def test_context_rows_move_with_their_nodes():
    model = WALKS["MetaPath2Vec"][0](typed())
    ge.fit(model, epochs=2, progress=False)
    grown = ge.grow(model, typed(6, 5, extra=2))
    (old, new) = (m.local_to_global_nid for m in (model, grown))
    for node_type, rows in old.items():
        moved = grown.context_embed.weight[new[node_type][: len(rows)]]
        assert torch.equal(moved, model.context_embed.weight[rows])
        assert not grown.context_embed.weight[new[node_type][len(rows) :]].any()


def test_nodes_are_told_by_name():
    model = ge.DeepWalk(RING, 4, walk_length=6, seed=0)
    names = [f"n{k}" for k in range(12)]
    now = ["new", *reversed(names)]
    grown = ge.grow(model, torch.cat([RING, torch.tensor([[12], [0]])], 1), old_names=names, new_names=now)
    for row, name in enumerate(now[1:], 1):
        assert torch.equal(grown.node_embed.weight[row], model.node_embed.weight[names.index(name)])
    with pytest.raises(InputError, match="graph: got a graph without 1 nodes of the model's, such as 'n3'"):
        ge.grow(model, RING, old_names=names, new_names=["m" if name == "n3" else name for name in names])
    with pytest.raises(InputError, match="without 9 nodes of the model's, such as 3"):
        ge.grow(model, RING[:, :2])
    assert len(ge.grow(model, RING[:, :2], drop=True).node_embed.weight) == 3
    with pytest.raises(InputError, match="old_names, new_names: got names of one graph"):
        ge.grow(model, RING, old_names=names)
    with pytest.raises(InputError, match="new_names: got 12 names, 11 different"):
        ge.grow(model, RING, old_names=names, new_names=["n0", *names[:-1]])


def shop(users, items):
    pairs = [(u, i) for u in range(users) for i in range(items) if (u + i) % 2 == 0]
    return {("user", "buys", "item"): torch.tensor(pairs).t().contiguous()}


def test_users_and_items_of_lightgcn_grow():
    """Items stand before users in the table of a typed graph, users before items in an untyped one: rows move."""
    model = ge.LightGCN.for_graph(shop(4, 5), 4, 2, seed=0)
    ge.fit(model, shop(4, 5), epochs=2, progress=False)
    grown = ge.grow(model, shop(6, 8))
    assert torch.equal(grown.embedding.weight[:5], model.embedding.weight[:5])
    assert torch.equal(grown.embedding.weight[8:12], model.embedding.weight[5:9])
    fresh = ge.LightGCN.for_graph(shop(6, 8), 4, 2, seed=0).embedding.weight
    assert torch.equal(grown.embedding.weight[12:], fresh[12:])
    assert torch.equal(grown.embedding.weight[5:8], fresh[5:8])
    ge.fit(grown, epochs=1, progress=False)
    assert grown.recommend(k=2).shape == (6, 2)

    pairs = shop(4, 5)["user", "buys", "item"] + torch.tensor([[0], [4]])
    model = ge.LightGCN.for_graph(pairs, 4, 2, num_users=4, seed=0)
    more = shop(6, 8)["user", "buys", "item"] + torch.tensor([[0], [6]])
    grown = ge.grow(model, more, num_users=6)
    assert torch.equal(grown.embedding.weight[:4], model.embedding.weight[:4])
    assert torch.equal(grown.embedding.weight[6:11], model.embedding.weight[4:])
    with pytest.raises(InputError, match="num_users: got None; expected the number of users now"):
        ge.grow(model, more)
    bare = ge.LightGCN(9, 4, 2, seed=0)
    assert torch.equal(ge.grow(bare, more).embedding.weight[:9], bare.embedding.weight)


@pytest.mark.parametrize("kind", ["DeepWalk", "Adam", "Node2Vec", "LightGCN"])
def test_a_state_grows_and_training_goes_on(kind, tmp_path):
    options = {"progress": False, "seed": 1}
    if kind == "LightGCN":
        model, before, after = ge.LightGCN.for_graph(shop(4, 5), 4, 2, seed=0), shop(4, 5), shop(6, 8)
        name, options = "embedding.weight", options | {"validation": torch.tensor([[0], [1]]), "k": 2}
        rows = torch.cat([torch.arange(5), torch.arange(8, 12)])
    else:
        make, before, after = WALKS[kind if kind != "Adam" else "DeepWalk"]
        model, before, rows = make(before), None, torch.arange(12)
        name = "embedding.weight" if kind == "Node2Vec" else "node_embed.weight"
        options |= {"engine": "torch"} if kind == "Adam" else {}
    ge.fit(model, before, epochs=3, checkpoint=tmp_path / "old.pt", **options)
    grown = ge.grow(model, after, checkpoint=tmp_path / "old.pt", into=tmp_path / "new.pt")
    old, new = (torch.load(tmp_path / f"{part}.pt", weights_only=True) for part in ("old", "new"))
    assert torch.equal(new["model"][name][rows], old["model"][name])
    if kind != "DeepWalk":  # whose kernel keeps no moments
        pick = {"Node2Vec": lambda s: s["optimizer"]["optimizers"][0], "Adam": lambda s: s["optimizer"]}
        moments = [pick.get(kind, lambda s: s["optimizer"])(state)["state"][0] for state in (old, new)]
        for key in ("exp_avg", "exp_avg_sq"):
            assert torch.equal(moments[1][key][rows], moments[0][key])
            others = torch.ones(len(moments[1][key]), dtype=torch.bool)
            others[rows] = False
            assert others.any()
            assert not moments[1][key][others].any()
    result = ge.fit(grown, epochs=5, checkpoint=tmp_path / "new.pt", resume="force", **options)
    assert [entry["epoch"] for entry in result.history] == [1, 2, 3, 4, 5]
    with pytest.raises(InputError, match="checkpoint, into"):
        ge.grow(model, after, checkpoint=tmp_path / "old.pt")


def hetero(authors, relations=("writes",)):
    data = HeteroData()
    data["author"].x, data["paper"].x = torch.randn(authors, 3), torch.randn(5, 4)
    data["author"].y = torch.arange(authors) % 2
    for relation in relations:
        edges = torch.stack([torch.arange(authors), torch.arange(authors) % 5])
        data["author", relation, "paper"].edge_index = edges
        data["paper", f"rev_{relation}", "author"].edge_index = edges.flip(0)
    return data


def test_inductive_models_serve_the_new_graph_or_say_why_not():
    for make in (
        lambda: ge.GraphSAGE.for_graph(hetero(6), 4, out_channels=2, target="author", seed=0),
        lambda: ge.HAN.for_graph(hetero(6), 4, 2, metapaths={"APA": ["writes", "rev_writes"]}, heads=2, seed=0),
    ):
        model = make()
        grown = ge.grow(model, hetero(9))
        assert agree(model, grown)
        assert grown is not model
        assert len(ge.embed(grown, hetero(9))["author"]) == 9
    model = ge.GraphSAGE.for_graph(hetero(6), 4, out_channels=2, target="author", seed=0)
    with pytest.raises(InputError, match=r"graph: got the new edge type .*edits.*for_graph makes a model"):
        ge.grow(model, hetero(6, ("writes", "edits")))
    plain = ge.GraphSAGE(3, 4, 2, seed=0)
    assert agree(ge.grow(plain, Data(x=torch.ones(4, 3), edge_index=EDGES[:, :2])), plain)
    with pytest.raises(InputError, match=r"features: got shape \(4, 5\)"):
        ge.grow(plain, Data(x=torch.ones(4, 5), edge_index=EDGES[:, :2]))


def test_weights_of_edges_that_came_as_a_tensor_must_come_anew():
    model = ge.DeepWalk(RING, 4, walk_length=6, weight=torch.ones(12), seed=0)
    with pytest.raises(InputError, match="weight: got None; expected weights of the new graph's edges"):
        ge.grow(model, EDGES)
    assert ge.grow(model, EDGES, weight=torch.ones(24)).walker.weight.shape == (24,)


def test_a_grown_model_keeps_its_quality_and_places_new_nodes():
    """Zachary's club without its last three members (9 %), who join later."""
    data = KarateClub()[0]
    there = data.edge_index[:, (data.edge_index < 31).all(0)]
    model = ge.DeepWalk(there, 16, walk_length=20, seed=0)
    ge.fit(model, epochs=60, deterministic=True, progress=False)

    def faction(emb, nodes):
        """Part of some nodes whose nearest five members of the first 31 are mostly of their own community."""
        right = 0
        for node in nodes:
            near = [n for n, _ in emb.most_similar(node, k=12) if n < 31][:5]
            right += int(torch.bincount(data.y[near], minlength=4).argmax() == data.y[node])
        return right / len(nodes)

    old = faction(ge.embed(model), range(31))
    grown = ge.grow(model, data.edge_index)
    lost = faction(ge.embed(grown), range(31, 34))
    ge.fit(grown, epochs=15, deterministic=True, progress=False)
    emb = ge.embed(grown)
    print(
        f"old nodes {old:.2f} -> {faction(emb, range(31)):.2f}, new nodes {lost:.2f} -> {faction(emb, range(31, 34))}"
    )
    assert faction(emb, range(31)) >= old - 0.07
    assert faction(emb, range(31, 34)) == 1.0


def test_the_momentum_of_an_optimiser_of_ones_own_grows(tmp_path):
    model = ge.LightGCN.for_graph(shop(4, 5), 4, 2, seed=0)
    options = {"optimizer": functools.partial(torch.optim.SGD, lr=0.01, momentum=0.9), "progress": False, "seed": 1}
    ge.fit(model, shop(4, 5), epochs=3, checkpoint=tmp_path / "old.pt", **options)
    grown = ge.grow(model, shop(6, 8), checkpoint=tmp_path / "old.pt", into=tmp_path / "new.pt")
    old, new = (
        torch.load(tmp_path / f"{part}.pt", weights_only=True)["optimizer"]["state"][0] for part in ("old", "new")
    )
    rows = torch.cat([torch.arange(5), torch.arange(8, 12)])
    rest = torch.ones(len(new["momentum_buffer"]), dtype=torch.bool)
    rest[rows] = False
    assert old["momentum_buffer"].any()
    assert torch.equal(new["momentum_buffer"][rows], old["momentum_buffer"])
    assert not new["momentum_buffer"][rest].any()
    result = ge.fit(grown, epochs=5, checkpoint=tmp_path / "new.pt", resume="force", **options)
    assert len(result.history) == 5
