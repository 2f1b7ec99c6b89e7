"""Files of other programs on networks: SNAP, KONECT, networkx, igraph, Cytoscape, Gephi, Pajek."""

from __future__ import annotations

import gzip
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx as nx

from .case import Answer, case, edges

ABC = Answer(edges("Ada Bob, Bob Cleo"))
ONE_WAY = Answer(edges("Ada Bob, Bob Cleo"), one_way=True)
HEAVY = Answer(edges("Ada Bob, Bob Cleo"), (0.5, 2.0))
NUMBERS = Answer(edges("0 1, 1 2"))
FOUR = Answer(edges("Ada Bob, Bob Cleo"), alone=("Dan",))
FOUR_HEAVY = Answer(edges("Ada Bob, Bob Cleo"), (0.5, 2.0), alone=("Dan",))

_SNAP = (
    "# Directed graph (each unordered pair of nodes is saved once): x.txt\n# Nodes: 3 Edges: 2\n"
    "# FromNodeId\tToNodeId\n0\t1\n1\t2\n"
)
_BIP = "% bip unweighted\n% 3 2 2\n1 1\n1 2\n2 1\n"
_SIF = "Ada pp Bob\nBob pd Cleo Dan\nEve\n"
_LGL = "# Ada\nBob 0.5\n# Bob\nCleo 2\n"


def _graph(kind: Any = nx.Graph, weighted: bool = False) -> Any:
    graph = kind()
    graph.add_edge("Ada", "Bob", **({"weight": 0.5} if weighted else {}))
    graph.add_edge("Bob", "Cleo", **({"weight": 2.0} if weighted else {}))
    graph.add_node("Dan")
    return graph


def _nx(writer: str, kind: Any = nx.Graph, weighted: bool = False, **options: Any) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        graph = _graph(kind, weighted)
        if writer == "pajek":
            nx.write_pajek(graph, path)
        else:
            getattr(nx, f"write_{writer}")(graph, path, **options)

    return write


def _pickled(path: Path) -> None:
    path.write_bytes(pickle.dumps(_graph()))


def _linked(key: str) -> bytes:
    """What ``json.dump(networkx.node_link_data(graph), file)`` writes; ``key`` has changed with its versions."""
    nodes = [{"id": name} for name in ("Ada", "Bob", "Cleo", "Dan")]
    links = [{"source": "Ada", "target": "Bob"}, {"source": "Bob", "target": "Cleo"}]
    return json.dumps({"directed": False, "multigraph": False, "graph": {}, "nodes": nodes, key: links}).encode()


def _adjacent(path: Path) -> None:
    path.write_text(json.dumps(nx.adjacency_data(_graph())))


_GEPHI_GEXF = """<?xml version='1.0' encoding='UTF-8'?>
<gexf xmlns="http://gexf.net/1.3" version="1.3"><meta lastmodifieddate="2024-01-05"><creator>Gephi 0.10</creator></meta>
<graph defaultedgetype="undirected" mode="static"><attributes class="node" mode="static">
<attribute id="modularity_class" title="Modularity Class" type="integer"/></attributes><nodes>
<node id="0" label="Ada"><attvalues><attvalue for="modularity_class" value="1"/></attvalues></node>
<node id="1" label="Bob"/><node id="2" label="Cleo"/></nodes><edges>
<edge id="0" source="0" target="1" weight="0.5"/>
<edge id="1" source="1" target="2" weight="2.0"/></edges></graph></gexf>
"""
_GEPHI_GRAPHML = """<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
<key attr.name="label" attr.type="string" for="node" id="label"/>
<key attr.name="weight" attr.type="double" for="edge" id="weight"/>
<graph edgedefault="undirected"><node id="0"><data key="label">Ada</data></node>
<node id="1"><data key="label">Bob</data></node>
<node id="2"><data key="label">Cleo</data></node>
<edge id="0" source="0" target="1"><data key="weight">0.5</data></edge>
<edge id="1" source="1" target="2"><data key="weight">2.0</data></edge></graph></graphml>
"""
_SAME_LABELS = _GEPHI_GRAPHML.replace(">Cleo<", ">Ada<")
_GML = (
    'graph [\n directed 0\n node [ id 1 label "Ada" ]\n node [ id 2 label "Bob" ]\n node [ id 3 label "Cleo" ]\n'
    " edge [ source 1 target 2 value 0.5 ]\n edge [ source 2 target 3 value 2 ]\n]\n"
)
_PAJEK = '*Vertices 3\n1 "Ada"\n2 "Bob"\n3 "Cleo"\n*Edges\n1 2 0.5\n2 3 2\n'

LISTS = [
    case("SNAP", "ca-GrQc.txt", _SNAP, NUMBERS),
    case("SNAP, one way", "ca-GrQc.txt", _SNAP, Answer(edges("0 1, 1 2"), one_way=True), directed=True),
    case(
        "SNAP with times",
        "CollegeMsg.txt",
        "1 2 1082040961\n3 4 1082155839\n5 2 1082414391\n",
        Answer(edges("1 2, 3 4, 5 2")),
        "weight|columns",
    ),
    case(
        "SNAP signed",
        "wiki.csv",
        "7188,1,10,1407470400\n430,1,10,1376539200\n",
        Answer(edges("7188 1, 430 1"), (10, 10)),
    ),
    case("KONECT sym", "out.zachary", "% sym unweighted\n% 2 3 3\n1 2\n2 3\n", Answer(edges("1 2, 2 3"))),
    case(
        "KONECT sym with weights", "out.moreno", "% sym weighted\n1 2 0.5\n2 3 2\n", Answer(edges("1 2, 2 3"), (0.5, 2))
    ),
    case(
        "KONECT asym",
        "out.links",
        "% asym unweighted\n1 2\n2 3\n",
        Answer(edges("1 2, 2 3"), one_way=True),
        directed=True,
    ),
    case(
        "KONECT asym with times",
        "out.links",
        "% asym positive\n1 2 1 1082040961\n2 3 1 1082155839\n",
        Answer(edges("1 2, 2 3"), (1, 1), rated=True),
    ),
    case("KONECT bip", "out.crime", _BIP, Answer(edges("1 1, 1 2, 2 1"), sides=True)),
    case(
        "KONECT bip with ratings",
        "out.movielens",
        "% bip weighted\n1 1 5 881250949\n1 2 3 891717742\n2 1 1 878887116\n",
        Answer(edges("1 1, 1 2, 2 1"), (5, 3, 1), rated=True, sides=True),
    ),
    case("Network Repository", "soc.edges", "% sym unweighted\n1 2\n2 3\n", Answer(edges("1 2, 2 3"))),
    case("networkx edge list", "g.edgelist", _nx("edgelist"), ABC),
    case("networkx edge list without data", "g.edgelist", _nx("edgelist", data=False), ABC),
    case(
        "networkx edge list with a dict",
        "g.edgelist",
        _nx("edgelist", weighted=True),
        HEAVY,
        "write_weighted_edgelist|dict",
    ),
    case("networkx weighted edge list", "g.edgelist", _nx("weighted_edgelist", weighted=True), HEAVY),
    case("networkx edge list of tabs", "g.edgelist", _nx("edgelist", delimiter="\t", data=False), ABC),
    case("networkx adjacency lists", "g.adjlist", _nx("adjlist"), FOUR),
    case("networkx adjacency lists, packed", "g.adjlist.gz", _nx("adjlist"), FOUR),
    case("networkx adjacency lists named .txt", "g.txt", _nx("adjlist"), FOUR, "adjlist|line"),
    case(
        "networkx multiline adjacency lists",
        "g.txt",
        _nx("multiline_adjlist"),
        FOUR,
        "line|columns|write_|input.format",
    ),
    case(
        "networkx multiline adjacency lists by their name",
        "g.adjlist",
        _nx("multiline_adjlist"),
        FOUR,
        "multiline|write_|line|dict",
    ),
    case("adjacency lists with weights", "g.adjlist", "Ada Bob:0.5\nBob Cleo:2\n", None, "weight|line|Bob:0.5"),
    case("METIS", "g.graph", "3 2\n2\n1 3\n2\n", None, "edge list|input.format"),
    case("igraph ncol", "g.ncol", "Ada Bob 0.5\nBob Cleo 2\n", HEAVY, "input.format"),
    case("igraph ncol by hand", "g.ncol", "Ada Bob 0.5\nBob Cleo 2\n", HEAVY, input_format="edgelist"),
    case("igraph lgl", "g.lgl", _LGL, HEAVY, "input.format|edge list"),
    case("igraph lgl named .txt", "g.txt", _LGL, None, "line|columns|one|number"),
    case(
        "Cytoscape .sif",
        "g.sif",
        _SIF,
        Answer(edges("Ada Bob, Bob Cleo, Bob Dan"), alone=("Eve",), relations=("pp", "pd", "pd")),
    ),
    case(
        "Cytoscape .sif of three words",
        "g.sif",
        "Ada\tpp\tBob\nBob\tpp\tCleo\n",
        Answer(edges("Ada Bob, Bob Cleo"), relations=("pp", "pp")),
    ),
    case(
        "Cytoscape .sif of names with spaces",
        "g.sif",
        "Ada Lovelace\tpp\tBob\tCleo\n\nBob\tpd\tCleo\n",
        Answer([("Ada Lovelace", "Bob"), ("Ada Lovelace", "Cleo"), ("Bob", "Cleo")], relations=("pp", "pp", "pd")),
    ),
    case(
        "Cytoscape .sif, relations apart",
        "g.sif",
        "Ada pp Bob Cleo\nBob pd Cleo\n",
        Answer(edges("Ada Bob, Ada Cleo, Bob Cleo"), relations=("pp", "pp", "pd")),
        columns={"source": 1, "relation": 2, "target": 3},
    ),
    case("Cytoscape .sif, a line of two words", "g.sif", "Ada pp Bob Cleo\nBob pd\n", None, "line 2.*target"),
    case("dot", "g.dot", "graph { Ada -- Bob; Bob -- Cleo; }\n", None, "edge list|graphml"),
    case(
        "UCINET dl",
        "g.dl",
        "dl n=3 format=edgelist1\nlabels:\nAda,Bob,Cleo\ndata:\n1 2\n2 3\n",
        None,
        "edge list|input.format",
    ),
]

MARKED_UP = [
    case("GraphML of networkx", "g.graphml", _nx("graphml"), FOUR),
    case("GraphML of networkx with weights", "g.graphml", _nx("graphml", weighted=True), FOUR_HEAVY),
    case(
        "GraphML, one way",
        "g.graphml",
        _nx("graphml", nx.DiGraph),
        Answer(edges("Ada Bob, Bob Cleo"), alone=("Dan",), one_way=True),
        directed=True,
    ),
    case(
        "GraphML, both ways though one way was asked for",
        "g.graphml",
        _nx("graphml"),
        Answer(edges("Ada Bob, Bob Ada, Bob Cleo, Cleo Bob"), alone=("Dan",), one_way=True),
        directed=True,
    ),
    case("GraphML of a multigraph", "g.graphml", _nx("graphml", nx.MultiGraph), FOUR),
    case("GraphML, packed", "g.graphml.gz", _nx("graphml"), FOUR),
    case("GraphML of Gephi", "g.graphml", _GEPHI_GRAPHML, HEAVY),
    case("GraphML with equal labels", "g.graphml", _SAME_LABELS, Answer(edges("0 1, 1 2"), (0.5, 2.0))),
    case("GraphML named .xml", "g.xml", _nx("graphml"), FOUR, "graphml"),
    case("GEXF of networkx", "g.gexf", _nx("gexf"), FOUR),
    case("GEXF of Gephi", "g.gexf", _GEPHI_GEXF, HEAVY),
    case("GML of networkx", "g.gml", _nx("gml"), FOUR),
    case("GML of networkx with weights", "g.gml", _nx("gml", weighted=True), FOUR_HEAVY),
    case("GML of Newman", "g.gml", _GML, HEAVY),
    case(
        "GML without labels",
        "g.gml",
        "graph [ node [ id 7 ] node [ id 8 ] edge [ source 7 target 8 ] ]\n",
        Answer(edges("7 8")),
    ),
    case("Pajek", "g.net", _PAJEK, HEAVY),
    case("Pajek with CRLF", "g.net", _PAJEK.replace("\n", "\r\n"), HEAVY),
    case("Pajek of networkx", "g.net", _nx("pajek"), FOUR),
    case(
        "Pajek arcs",
        "g.net",
        _PAJEK.replace("*Edges", "*Arcs"),
        Answer(edges("Ada Bob, Bob Cleo"), (0.5, 2.0), one_way=True),
        directed=True,
    ),
    case("GraphML cut off", "g.graphml", _GEPHI_GRAPHML[:400], None, "damaged|GraphML"),
    case("GraphML that is a page", "g.graphml", "<html><body>404</body></html>", None, "GraphML"),
    case("GEXF that is none", "g.gexf", "nothing", None, "GEXF"),
    case("GML that is none", "g.gml", "nothing", None, "GML"),
    case("Pajek that is none", "g.net", "nothing", None, "Pajek"),
    case(
        "GraphML without edges",
        "g.graphml",
        _GEPHI_GRAPHML.partition("<edge id")[0] + "</graph></graphml>",
        None,
        "edge",
    ),
    case("GraphML with a negative weight", "g.graphml", _GEPHI_GRAPHML.replace("2.0", "-2.0"), ABC),
    case("networkx pickle", "g.pickle", _pickled, None, "write_graphml"),
    case("networkx pickle of old", "g.gpickle", _pickled, None, "write_graphml"),
    case("networkx pickle named .pkl", "g.pkl", _pickled, None, "write_graphml"),
    case("networkx pickle named .pt", "g.pt", _pickled, None, "write_graphml|torch.save"),
    case("node-link JSON without links", "g.json", '{"nodes": [{"id": "Ada"}], "links": []}', None, "no edges"),
    case("node_link_data of networkx 2", "g.json", _linked("links"), FOUR),
    case("node_link_data of networkx 3", "g.json", _linked("edges"), FOUR),
    case("node_link_data, packed", "g.json.gz", gzip.compress(_linked("edges")), FOUR),
    case(
        "D3: ends are places, weights are values",
        "miserables.json",
        '{"nodes": [{"name": "Ada", "group": 1}, {"name": "Bob"}, {"name": "Cleo"}],\n'
        '"links": [{"source": 0, "target": 1, "value": 0.5}, {"source": 1, "target": 2, "value": 2}]}\n',
        HEAVY,
    ),
    case(
        "Cytoscape.js",
        "g.json",
        '{"elements": {"nodes": [{"data": {"id": "Ada"}}, {"data": {"id": "Bob"}}, {"data": {"id": "Cleo"}}],'
        '"edges": [{"data": {"source": "Ada", "target": "Bob", "weight": 0.5}},'
        '{"data": {"source": "Bob", "target": "Cleo", "weight": 2}}]}}',
        HEAVY,
    ),
    case(
        "Sigma's graphology",
        "g.json",
        '{"nodes": [{"key": "Ada", "attributes": {}}, {"key": "Bob"}, {"key": "Cleo"}], "edges": ['
        '{"key": "e0", "source": "Ada", "target": "Bob", "attributes": {"weight": 0.5}},'
        '{"key": "e1", "source": "Bob", "target": "Cleo", "attributes": {"weight": 2}}]}',
        HEAVY,
    ),
    case("adjacency_data of networkx", "g.json", _adjacent, None, "node_link_data"),
    case("JSON of pairs", "e.json", '[["Ada", "Bob"], ["Bob", "Cleo"]]', Answer(edges("Ada Bob, Bob Cleo"))),
    case("JSON of pairs, one of three", "e.json", '[["Ada", "Bob"], ["Bob", "Cleo", 1]]', None, "row 2"),
    case(
        "JSON of records",
        "e.json",
        '[{"weight": 0.5, "source": "Ada", "target": "Bob"}, {"source": "Bob", "target": "Cleo", "weight": 2}]',
        HEAVY,
    ),
    case("JSON lines, one damaged", "e.jsonl", '{"source": "Ada", "target": "Bob"}\n{"source": ', None, "line 2"),
    case("JSON lines without an end", "e.ndjson", '{"source": 1, "target": 2}\n{"source": 3}\n', None, "line 2"),
]

CASES = [*LISTS, *MARKED_UP]
