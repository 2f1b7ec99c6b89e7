"""Typed graphs: Neo4j, Gephi, OGB, triples, citation data, edge files of heterogeneous models."""

from __future__ import annotations

import gzip

from .case import Answer, case, edges

ABC = Answer(edges("Ada Bob, Bob Cleo"))
_TRIPLES = Answer(
    edges("/m/027rn /m/06cx9, /m/017dcd /m/06v8s0, /m/06cx9 /m/017dcd"),
    relations=("/location/form", "/tv/cast", "/tv/cast"),
)
_FB = "/m/027rn\t/location/form\t/m/06cx9\n/m/017dcd\t/tv/cast\t/m/06v8s0\n/m/06cx9\t/tv/cast\t/m/017dcd\n"
_KNOWS = Answer(edges("1 2, 2 3"), relations=("KNOWS", "LIKES"))
_NEO_NODES = "personId:ID(Person),name,:LABEL\n1,Ada,Person\n2,Bob,Person\n3,Cleo,Person\n"
_NEO_MOVIES = "movieId:ID(Movie),title,:LABEL\n1,Alien,Movie\n2,Heat,Movie\n"
_NEO_EDGES = ":START_ID(Person),role,:END_ID(Movie),:TYPE\n1,Ripley,1,ACTED_IN\n2,Neil,2,ACTED_IN\n3,x,2,SAW\n"
_NEO = Answer(
    edges("1 1, 2 2, 3 2"),
    types=[("Person", "ACTED_IN", "Movie"), ("Person", "ACTED_IN", "Movie"), ("Person", "SAW", "Movie")],
)
_APOC = (
    '"_id","_labels","name","_start","_end","_type","since"\n'
    '"0",":Person","Ada",,,,\n"1",":Person","Bob",,,,\n"2",":Person","Cleo",,,,\n'
    ',,,"0","1","KNOWS","1999"\n,,,"1","2","KNOWS","2001"\n'
)
_OGB = {
    "raw/edge.csv.gz": gzip.compress(b"0,1\n1,2\n2,0\n"),
    "raw/num-node-list.csv.gz": gzip.compress(b"5\n"),
    "raw/num-edge-list.csv.gz": gzip.compress(b"3\n"),
}
_TYPES = "source_type,relation,target_type,source,target\n"

NEO4J = [
    case(
        "Neo4j relationships",
        "knows.csv",
        ":START_ID,since:int,:END_ID,:TYPE\n1,1999,2,KNOWS\n2,2001,3,LIKES\n",
        _KNOWS,
    ),
    case(
        "Neo4j relationships, end first",
        "knows.csv",
        ":TYPE,:END_ID,:START_ID\nKNOWS,2,1\nKNOWS,3,2\n",
        Answer(edges("1 2, 2 3"), one_way=True, relations=("KNOWS", "KNOWS")),
        directed=True,
    ),
    case("Neo4j relationships between spaces of ids", "acted.csv", _NEO_EDGES, _NEO),
    case("Neo4j nodes are no graph", "people.csv", _NEO_NODES, None, "nodes|columns"),
    case(
        "Neo4j folder",
        "neo",
        {"people.csv": _NEO_NODES, "movies.csv": _NEO_MOVIES, "acted.csv": _NEO_EDGES},
        _NEO,
        "folder",
    ),
    case(
        "Neo4j by a query",
        "query.csv",
        '"source","type(r)","target"\n"Ada","KNOWS","Bob"\n"Bob","LIKES","Cleo"\n',
        Answer(edges("Ada Bob, Bob Cleo"), relations=("KNOWS", "LIKES")),
    ),
    case(
        "Neo4j by a query of properties", "query.csv", '"a.name","b.name"\n"Ada","Bob"\n"Bob","Cleo"\n', ABC, "header"
    ),
    case("apoc.export.csv.all", "all.csv", _APOC, Answer(edges("0 1, 1 2")), "columns|line"),
    case(
        "apoc relationships",
        "rels.csv",
        '"_start","_end","_type"\n"0","1","KNOWS"\n"1","2","KNOWS"\n',
        Answer(edges("0 1, 1 2"), relations=("KNOWS", "KNOWS")),
    ),
]

GEPHI = [
    case(
        "Gephi edges",
        "edges.csv",
        "Source,Target,Type,Id,Label,timeset,Weight\n0,1,Undirected,0,,,0.5\n1,2,Undirected,1,,,2.0\n",
        Answer(edges("0 1, 1 2"), (0.5, 2.0)),
    ),
    case(
        "Gephi edges, one direction",
        "edges.csv",
        "Source,Target,Type,Id,Label,timeset,Weight\n0,1,Directed,0,,,0.5\n1,2,Directed,1,,,2.0\n",
        Answer(edges("0 1, 1 2"), (0.5, 2.0), one_way=True),
        directed=True,
    ),
    case(
        "Gephi edges with semicolons",
        "edges.csv",
        '"Source";"Target";"Type";"Weight"\n"Ada";"Bob";"Undirected";"0.5"\n"Bob";"Cleo";"Undirected";"2.0"\n',
        Answer(edges("Ada Bob, Bob Cleo"), (0.5, 2.0)),
    ),
    case(
        "Gephi nodes are no graph",
        "nodes.csv",
        "Id,Label,timeset,modularity_class\n0,Ada,,1\n1,Bob,,2\n",
        None,
        "nodes|columns",
    ),
    case(
        "Gephi nodes of two columns are no graph", "nodes.csv", "Id,Label\n0,Ada\n1,Bob\n", None, "nodes|columns|header"
    ),
    case(
        "Cytoscape edge table",
        "edges.csv",
        '"SUID","interaction","name","shared name"\n"72","pp","Ada (pp) Bob","Ada (pp) Bob"\n',
        None,
        "columns",
    ),
]

TRIPLES = [
    case("FB15k train.txt", "train.txt", _FB, _TRIPLES, "columns"),
    case(
        "FB15k train.txt by hand",
        "train.txt",
        _FB,
        _TRIPLES,
        columns={"source": 1, "relation": 2, "target": 3},
        header=False,
    ),
    case(
        "head, relation, tail",
        "kg.csv",
        "head,relation,tail\nAda,knows,Bob\nBob,likes,Cleo\n",
        Answer(edges("Ada Bob, Bob Cleo"), relations=("knows", "likes")),
    ),
    case(
        "subject, predicate, object",
        "kg.tsv",
        "subject\tpredicate\tobject\nAda\tknows\tBob\nBob\tlikes\tCleo\n",
        Answer(edges("Ada Bob, Bob Cleo"), relations=("knows", "likes")),
    ),
    case(
        "KGTK",
        "kg.tsv",
        "id\tnode1\tlabel\tnode2\ne1\tAda\tknows\tBob\ne2\tBob\tlikes\tCleo\n",
        Answer(edges("Ada Bob, Bob Cleo"), relations=("knows", "likes")),
    ),
    case("numbers of triples", "train2id.txt", "3\n0 1 0\n1 2 1\n2 0 1\n", None, "line|columns"),
    case(
        "PrimeKG",
        "kg.csv",
        "relation,display_relation,x_index,x_id,x_type,y_index,y_id,y_type\n"
        "ppi,ppi,0,9796,gene,8889,56992,gene\ntreats,treats,14012,DB1,drug,0,9796,gene\n",
        Answer(edges("0 8889, 14012 0"), types=[("gene", "ppi", "gene"), ("drug", "treats", "gene")]),
        "columns",
    ),
    case(
        "Hetionet",
        "hetionet.sif",
        "source\tmetaedge\ttarget\n"
        "Gene::9021\tGpBP\tBiological Process::GO:1\nGene::51676\tGpBP\tBiological Process::GO:1\n",
        Answer(
            [("Gene::9021", "Biological Process::GO:1"), ("Gene::51676", "Biological Process::GO:1")],
            relations=("GpBP", "GpBP"),
        ),
        "columns|input.format",
    ),
    case("N-Triples", "graph.nt", "<http://x/a> <http://x/knows> <http://x/b> .\n", None, "edge list|input.format"),
    case(
        "ogbl-biokg triples by type",
        "kg.csv",
        _TYPES + "drug,treats,disease,1,1\ndrug,treats,disease,2,1\n",
        Answer(edges("1 1, 2 1"), types=[("drug", "treats", "disease")] * 2),
    ),
]

FOLDERS = [
    case("OGB raw folder", "ogbn", _OGB, Answer(edges("0 1, 1 2, 2 0"), alone=("3", "4")), "folder"),
    case("OGB edge.csv.gz", "edge.csv.gz", _OGB["raw/edge.csv.gz"], Answer(edges("0 1, 1 2, 2 0"))),
    case("OGB num-node-list.csv.gz is no graph", "num-node-list.csv.gz", gzip.compress(b"5\n"), None, "one column|two"),
    case(
        "cora.cites",
        "cora.cites",
        "35\t1033\n35\t103482\n1033\t103482\n",
        Answer(edges("35 1033, 35 103482, 1033 103482")),
        "input.format",
    ),
    case(
        "cora.cites by hand",
        "cora.cites",
        "35\t1033\n35\t103482\n1033\t103482\n",
        Answer(edges("35 1033, 35 103482, 1033 103482")),
        input_format="tsv",
    ),
    case(
        "cora.content is no graph",
        "cora.content",
        "31336\t0\t1\t0\tNeural_Networks\n1061127\t0\t0\t1\tRule_Learning\n",
        None,
        "nodes|features|columns|input.format",
    ),
    case("folder of anything", "stuff", {"a.docx": b"x", "b.png": b"y"}, None, "folder"),
    case("empty folder", "stuff", {}, None, "folder"),
]

MODELS = [
    case(
        "hin2vec",
        "edges.txt",
        "#source_node\tsource_class\tdest_node\tdest_class\tedge_class\n1\tU\t2\tB\tU-B\n2\tB\t3\tC\tB-C\n",
        Answer(edges("1 2, 2 3"), types=[("U", "U-B", "B"), ("B", "B-C", "C")]),
        "columns|comment",
    ),
    case(
        "hin2vec by hand",
        "edges.txt",
        "1\tU\t2\tB\tU-B\n2\tB\t3\tC\tB-C\n",
        Answer(edges("1 2, 2 3"), types=[("U", "U-B", "B"), ("B", "B-C", "C")]),
        columns={"source": 1, "source-type": 2, "target": 3, "target-type": 4, "relation": 5},
        header=False,
    ),
    case(
        "OpenHINE relation", "pa.txt", "0\t0\n0\t1\n1\t1\n", Answer(edges("0 0, 0 1, 1 1"), sides=True), bipartite=True
    ),
    case(
        "OpenHINE combined",
        "edge.txt",
        "p0\ta0\tpa\t1\np1\ta0\tpa\t1\n",
        Answer(edges("p0 a0, p1 a0"), relations=("pa", "pa")),
        "columns",
    ),
    case("HGB link.dat", "link.dat", "0\t1\t0\t1.0\n1\t2\t1\t1.0\n", None, "columns|input.format|relation"),
    case(
        "PyTorch-BigGraph",
        "edges.tsv",
        "Ada\tfollow\tBob\nBob\tfollow\tCleo\n",
        Answer(edges("Ada Bob, Bob Cleo"), relations=("follow", "follow")),
        "columns",
    ),
    case(
        "types of nodes without relation",
        "e.csv",
        "source,target,source_type,target_type\nAda,P1,author,paper\nBob,P1,author,paper\n",
        Answer(edges("Ada P1, Bob P1"), types=[("author", "to", "paper")] * 2),
    ),
]

CASES = [*NEO4J, *GEPHI, *TRIPLES, *FOLDERS, *MODELS]
