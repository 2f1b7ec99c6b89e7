"""Graphs of NetworkX: each kind against plain loops over its own nodes and edges."""

from __future__ import annotations

import math
from datetime import datetime, timezone

import networkx as nx
import pytest
import torch

import graphembed_ext as ge
from graphembed_ext.errors import InputError
from graphembed_ext.graph.view import EDGE_TYPE, NODE_TYPE

KINDS = [nx.Graph, nx.DiGraph, nx.MultiGraph, nx.MultiDiGraph]


def listed(view, edge_type=EDGE_TYPE, feature=None):
    """Edges of a view by the names of their ends, with a feature, in order."""
    src, dst = (ids.tolist() for ids in view.edges[edge_type])
    values = [None] * len(src) if feature is None else view.edge_features[edge_type][feature].tolist()
    a, b = view.names[edge_type[0]], view.names[edge_type[2]]
    return [(a[s], b[d], v) for s, d, v in zip(src, dst, values, strict=True)]


def expected(graph, feature):
    """What a view must list: a loop over the adjacency, edge by edge."""
    edges = []
    for u, neighbours in graph.adjacency():
        for v, data in neighbours.items():
            for attributes in data.values() if graph.is_multigraph() else [data]:
                edges.append((str(u), str(v), attributes[feature]))
    return edges


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_lists_the_edges_of_its_adjacency(kind):
    graph = kind()
    graph.add_node("alone")
    for u, v, weight in [("b", "a", 2.0), ("a", "c", 0.5), ("c", "c", 4.0), ("a", "b", 3.0), ("a", "c", 1.5)]:
        graph.add_edge(u, v, weight=weight)
    view = ge.view(graph)
    assert list(view.names[NODE_TYPE]) == ["alone", "b", "a", "c"]
    assert sorted(listed(view, feature="weight")) == sorted(expected(graph, "weight"))
    assert view.host == "networkx"
    assert view.source is graph


def test_names_come_with_the_vectors():
    graph = nx.Graph([("Ada", "Bob"), ("Bob", "Cleo"), ("Cleo", "Ada")])
    model = ge.DeepWalk(graph, emb_dim=4, walk_length=6, seed=0)
    emb = ge.embed(model)
    assert torch.equal(emb["Cleo"], model.node_embed.weight[2])
    assert torch.equal(ge.embed(model, nodes=["Bob", "Ada"]).tensor, model.node_embed.weight[[1, 0]])
    assert ge.embed(model, nodes=["Bob"]).names == {NODE_TYPE: ["Bob"]}
    assert ge.split(graph, strategy="random", seed=0, allow_isolated=True).train.names == {
        NODE_TYPE: ["Ada", "Bob", "Cleo"]
    }


def shop():
    graph = nx.Graph()
    for name, age in [("Ada", 30), ("Bob", 40)]:
        graph.add_node(name, kind="user", age=age)
    for name, price in [("tea", 2.5), ("cup", 4.0), ("pot", 9.0)]:
        graph.add_node(name, kind="item", price=price, size=[1.0, price])
    graph.add_edge("Ada", "tea", times=3)
    graph.add_edge("cup", "Bob", times=1)
    graph.add_edge("Ada", "Bob", times=7)
    return graph


def test_types_by_an_attribute():
    view = ge.view(shop(), node_type="kind")
    assert dict(view.num_nodes) == {"item": 3, "user": 2}
    assert {kind: list(names) for kind, names in view.names.items()} == {
        "item": ["tea", "cup", "pot"],
        "user": ["Ada", "Bob"],
    }
    assert sorted(listed(view, ("user", "to", "item"), "times")) == [("Ada", "tea", 3), ("Bob", "cup", 1)]
    assert sorted(listed(view, ("item", "to", "user"), "times")) == [("cup", "Bob", 1), ("tea", "Ada", 3)]
    assert sorted(listed(view, ("user", "to", "user"), "times")) == [("Ada", "Bob", 7), ("Bob", "Ada", 7)]
    assert view.features["user"]["age"].tolist() == [30, 40]
    assert view.features["item"]["size"].tolist() == [[1, 2.5], [1, 4], [1, 9]]


def test_relations_by_an_attribute():
    graph = nx.MultiDiGraph()
    graph.add_edge("a", "b", how="likes")
    graph.add_edge("a", "b", how="knows")
    view = ge.view(graph, relation="how")
    assert view.edge_types == [(NODE_TYPE, "knows", NODE_TYPE), (NODE_TYPE, "likes", NODE_TYPE)]


def test_recommender_of_a_bipartite_graph_knows_its_names():
    bipartite = nx.algorithms.bipartite.random_graph(4, 5, 0.8, seed=1)
    view = ge.view(nx.relabel_nodes(bipartite, {node: f"n{node}" for node in bipartite}), node_type="bipartite")
    model = ge.LightGCN.for_graph(view, embedding_dim=4, num_layers=1, user_type="0", seed=0)
    assert ge.embed(model).names == {"0": ["n0", "n1", "n2", "n3"], "1": [f"n{node}" for node in range(4, 9)]}


def test_features_by_attributes_and_what_a_graphsage_makes_of_them():
    graph = nx.Graph([("a", "b"), ("b", "c")])
    for place, node in enumerate(graph):
        graph.nodes[node].update(age=10 + place, place=[float(place), 1.0], note="text")
    view = ge.view(graph, features=["age", "place"])
    assert view.features[NODE_TYPE]["x"].tolist() == [[10, 0, 1], [11, 1, 1], [12, 2, 1]]
    assert view.features[NODE_TYPE]["x"].dtype == torch.float32
    assert "note" not in view.features[NODE_TYPE]
    emb = ge.embed(ge.GraphSAGE(3, 4, 1), view)
    assert emb.names == {NODE_TYPE: ["a", "b", "c"]}
    with pytest.raises(InputError, match=r"features: got note; expected names .* the 3 nodes: 'age', 'place'"):
        ge.view(graph, features="note")


def test_an_attribute_that_some_edges_lack():
    graph = nx.DiGraph([("a", "b"), ("b", "c")])
    graph["a"]["b"]["weight"] = 2.0
    first, second = ge.view(graph).edge_features[EDGE_TYPE]["weight"].tolist()
    assert first == 2
    assert math.isnan(second)
    with pytest.raises(InputError, match="nan at edge 1"):
        ge.DeepWalk(graph, emb_dim=2, weight="weight")


def test_dates_and_large_numbers_keep_their_order():
    graph = nx.DiGraph()
    days = [datetime(2020, 1, 1, tzinfo=timezone.utc), datetime(2020, 1, 1, 0, 0, 1, tzinfo=timezone.utc)]
    graph.add_edge("a", "b", when=days[0], stamp=1577836800.0)
    graph.add_edge("b", "c", when=days[1], stamp=1577836801.0)
    features = ge.view(graph).edge_features[EDGE_TYPE]
    assert features["when"].tolist() == [int(day.timestamp()) * 10**6 for day in days]
    assert features["stamp"].tolist() == [1577836800, 1577836801]


def test_what_is_refused():
    with pytest.raises(InputError, match=r"nodes 1 and '1'; expected nodes whose names differ"):
        ge.view(nx.Graph([(1, "1")]))
    graph = shop()
    graph.add_node("Eve")
    with pytest.raises(InputError, match=r"node_type: got node 'Eve' without 'kind'"):
        ge.view(graph, node_type="kind")
    with pytest.raises(InputError, match=r"relation: got the edge 'Ada' - 'tea' without 'how'"):
        ge.view(graph, relation="how")
    with pytest.raises(InputError, match="did you mean 'node_type'"):
        ge.view(graph, node_typ="kind")
    with pytest.raises(InputError, match="nothing to walk on"):
        ge.DeepWalk(nx.Graph())


def test_attach_writes_attributes():
    graph = nx.Graph([("a", "b")])
    ge.attach(graph, torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert graph.nodes["b"]["emb"].tolist() == [3, 4]


@pytest.mark.parametrize("kind", KINDS)
def test_there_and_back(kind):
    graph = kind()
    graph.add_node("z")
    graph.add_edge("a", "b", weight=2.0)
    graph.add_edge("b", "a", weight=0.5)
    view = ge.view(graph)
    back = ge.to_host(graph, "networkx")
    assert list(back) == ["z", "a", "b"]
    assert sorted(listed(ge.view(back), feature="weight")) == sorted(listed(view, feature="weight"))


def test_typed_there_and_back():
    view = ge.view(shop(), node_type="kind")
    back = ge.view(ge.to_host(view, "networkx"), node_type="node_type", relation="relation")
    assert back.edge_types == view.edge_types
    for edge_type in view.edge_types:
        assert torch.equal(back.edge_index(edge_type), view.edge_index(edge_type))
    assert torch.equal(back.features["item"]["size"], view.features["item"]["size"])


@pytest.mark.parametrize("host", ["dgl", "pyg"])
def test_the_other_hosts_walk_alike(host):
    graph = nx.karate_club_graph()
    starts = torch.arange(34)
    walks = [ge.walks.random_walk(g, starts, 8, engine="torch", seed=3).nodes for g in (graph, ge.to_host(graph, host))]
    assert torch.equal(*walks)


def test_a_grown_graph_is_told_by_its_names():
    graph = nx.Graph([("Bob", "Cleo"), ("Cleo", "Dan")])
    model = ge.DeepWalk(graph, emb_dim=4, walk_length=6, seed=0)
    grown = ge.grow(model, nx.Graph([("Ada", "Dan"), ("Dan", "Cleo"), ("Cleo", "Bob")]))
    old, new = ge.embed(model), ge.embed(grown)
    assert all(torch.equal(old[name], new[name]) for name in ("Bob", "Cleo", "Dan"))
