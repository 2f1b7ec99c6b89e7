"""GraphML, GEXF, GML and Pajek against networkx, and against text written by hand."""

import random

import networkx as nx
import pytest

import graphembed_ext as ge
from graphembed_ext.errors import FileFormatError, MissingDependencyError
from graphembed_ext.readers.graph_file import WEIGHT
from graphembed_ext.readers.pajek import read_pajek

NODE, EDGE = "_N", ("_N", "_E", "_N")
WRITERS = {"graphml": nx.write_graphml, "gexf": nx.write_gexf, "gml": nx.write_gml}


def edges(graph):
    names = graph.names[NODE]
    src, dst = graph.view.edges[EDGE]
    pairs = [(names[u], names[v]) for u, v in zip(src.tolist(), dst.tolist(), strict=True)]
    if graph.weight is None:
        return dict.fromkeys(pairs)
    return dict(zip(pairs, graph.view.edge_features[EDGE][WEIGHT].tolist(), strict=True))


def sample(kind, weighted):
    draw = random.Random(7)
    graph = kind()
    graph.add_nodes_from(["Zoë", "a, b", "7", "<x>", "O'Brien", "alone"])
    for _ in range(9):
        first, second = draw.sample(["Zoë", "a, b", "7", "<x>", "O'Brien"], 2)
        graph.add_edge(first, second, **({"weight": draw.randint(2, 9) / 4} if weighted else {}))
    return graph


@pytest.mark.parametrize("ending", WRITERS)
@pytest.mark.parametrize("kind", [nx.Graph, nx.DiGraph, nx.MultiGraph, nx.MultiDiGraph])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("directed", [False, True])
def test_what_networkx_wrote_is_read(tmp_path, ending, kind, weighted, directed):
    network = sample(kind, weighted)
    WRITERS[ending](network, tmp_path / f"g.{ending}")
    graph = ge.readers.read_graph(tmp_path / f"g.{ending}", directed=directed)
    total = {}
    for first, second, weight in network.edges(data="weight"):
        total[first, second] = total.get((first, second), 0) + (weight or 0)
    if not (directed and network.is_directed()):
        if not network.is_directed():  # one end of an undirected edge stands first here and there
            joined = {}
            for (first, second), weight in total.items():
                key = tuple(sorted((first, second)))
                joined[key] = joined.get(key, 0) + weight
            total = joined
        total = {pair: max(total.get((a, b), 0), total.get((b, a), 0)) for a, b in total for pair in ((a, b), (b, a))}
    assert sorted(graph.names[NODE]) == sorted(network)
    assert edges(graph) == (pytest.approx(total) if weighted else dict.fromkeys(total))
    told = any("direction" in note for note in graph.notes)
    assert told == (directed != network.is_directed())


def test_attributes_are_left_out_with_a_word(tmp_path):
    network = nx.Graph()
    network.add_node("a", size=3, colour="red")
    network.add_edge("a", "b", since=1999)
    nx.write_graphml(network, tmp_path / "g.graphml")
    notes = ge.readers.read_graph(tmp_path / "g.graphml").notes
    assert "node attributes that are left out: colour, size" in notes
    assert "edge attributes that are left out: since" in notes


def test_some_edges_without_a_weight_weigh_one(tmp_path):
    network = nx.Graph([("a", "b"), ("b", "c")])
    network["a"]["b"]["weight"] = 3.0
    nx.write_graphml(network, tmp_path / "g.graphml")
    graph = ge.readers.read_graph(tmp_path / "g.graphml", directed=False)
    assert edges(graph) == {("a", "b"): 3, ("b", "a"): 3, ("b", "c"): 1, ("c", "b"): 1}
    assert any("1 edges without one weigh 1" in note for note in graph.notes)


def test_names_of_igraph(tmp_path):
    lines = (
        '<graphml xmlns="http://graphml.graphdrawing.org/xmlns"><key id="v" for="node" attr.name="name" '
        'attr.type="string"/><graph edgedefault="undirected"><node id="n0"><data key="v">Ada</data></node>'
        '<node id="n1"><data key="v">Bob</data></node><edge source="n0" target="n1"/></graph></graphml>'
    )
    (tmp_path / "g.graphml").write_text(lines)
    assert ge.readers.read_graph(tmp_path / "g.graphml").names == {NODE: ["Ada", "Bob"]}


def test_users_and_items(tmp_path):
    network = nx.Graph()
    network.add_nodes_from(["i1", "i2"], bipartite=1)
    network.add_nodes_from(["u1", "u2"], bipartite=0)
    network.add_weighted_edges_from([("i1", "u1", 2.0), ("u2", "i1", 5.0), ("u2", "i2", 1.0)])
    nx.write_graphml(network, tmp_path / "g.graphml")
    graph = ge.readers.read_graph(tmp_path / "g.graphml", bipartite=True)
    assert graph.names == {"user": ["u1", "u2"], "item": ["i1", "i2"]}
    kind = ("user", "to", "item")
    assert graph.view.edge_index(kind).tolist() == [[0, 1, 1], [0, 0, 1]]
    assert graph.view.edge_features[kind][WEIGHT].tolist() == [2, 5, 1]
    nx.write_graphml(nx.DiGraph([("u", "i"), ("u", "j")]), tmp_path / "d.graphml")
    found = ge.readers.read_graph(tmp_path / "d.graphml", bipartite=True)
    assert found.names == {"user": ["u"], "item": ["i", "j"]}
    nx.write_graphml(nx.path_graph(3), tmp_path / "p.graphml")
    with pytest.raises(FileFormatError, match=r"not told apart as users and items.*node attribute bipartite"):
        ge.readers.read_graph(tmp_path / "p.graphml", bipartite=True)


def test_pajek_in_all_its_sections():
    text = (
        '% by hand\r\n*Network friends\r\n*Vertices 4 2\r\n1 "Ada L" 0.1 0.2\r\n2 Bob ic Red\r\n3 "Zoë"\r\n'
        '*Arcs :1 "likes"\r\n1 3 0.5\r\n*Edges\r\n2 3 2 c Blue\r\n*Arcslist\r\n1 3 4\r\n*Edgeslist\r\n2 4\r\n'
    )
    network = read_pajek(text)
    assert [values.get("label") for _, values in network.nodes] == ["Ada L", "Bob", "Zoë", None]
    assert [values["bipartite"] for _, values in network.nodes] == [0, 0, 1, 1]
    assert network.directed
    assert network.edges == [
        (1, 3, {"weight": 0.5}),
        (1, 3, {}),
        (1, 4, {}),
        (2, 3, {"weight": 2.0}),
        (2, 4, {}),
        (3, 2, {"weight": 2.0}),
        (4, 2, {}),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("*Vertices 2\n*Edges\n1 5\n", "line 3: vertex 5 of 2"),
        ("*Vertices 2\n*Matrix\n0 1\n1 0\n", r"line 2: the section \*Matrix is not read"),
        ("1 2\n", "line 1: text before"),
        ("*Edges\n1 2\n", "line 2: vertex 1 of 0"),
        ("*Vertices 2\n1 Ada\n2 Bob\n", "no edges"),
    ],
)
def test_pajek_that_is_wrong(tmp_path, text, words):
    (tmp_path / "g.net").write_text(text)
    with pytest.raises(FileFormatError, match=words):
        ge.readers.read_graph(tmp_path / "g.net")


def test_without_networkx_pajek_alone_is_read(tmp_path, monkeypatch):
    nx.write_graphml(nx.path_graph(3), tmp_path / "g.graphml")
    (tmp_path / "g.net").write_text("*Vertices 2\n*Edges\n1 2\n")
    monkeypatch.setattr("graphembed_ext._core.optional.installed", lambda package: package != "networkx")
    assert ge.readers.read_graph(tmp_path / "g.net").view.total_edges == 2
    with pytest.raises(MissingDependencyError, match=r"g\.graphml, a file of GraphML"):
        ge.readers.read_graph(tmp_path / "g.graphml")
