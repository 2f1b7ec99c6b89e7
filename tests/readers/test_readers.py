import gzip

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.sparse as sp

from graphembed_ext.errors import FileFormatError
from graphembed_ext.graph.simple_edges import simple_edges
from graphembed_ext.readers.graph_file import WEIGHT
from graphembed_ext.readers.graphs import read_graph
from graphembed_ext.readers.pairs import read_pairs
from tests.readers.edges import EDGE, NODE, named_edges, write

BOTH_WAYS = {("Ada", "Bob"), ("Bob", "Ada"), ("Bob", "Cleo"), ("Cleo", "Bob")}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("plain.csv", "Ada,Bob\nBob,Cleo\n"),
        ("no_end_of_line.csv", "Ada,Bob\nBob,Cleo"),
        ("titled.csv", "source,target\nAda,Bob\nBob,Cleo\n"),
        ("windows.csv", b"\xef\xbb\xbfSource,Target\r\nAda,Bob\r\n\r\nBob,Cleo\r\n"),
        ("semicolons.csv", "from;to\nAda;Bob\nBob;Cleo\n"),
        ("tabs.tsv", "Ada\tBob\nBob\tCleo\n"),
        ("spaces.txt", "# who knows whom\n%%\n Ada   Bob\n# more\nBob \t Cleo  \n"),
        ("tabs.txt", "Ada\tBob\nBob\tCleo\n"),
        ("networkx.edgelist", "Ada Bob {}\nBob Cleo {}\n"),
        ("comment.csv", "# who, whom\nAda,Bob\nBob,Cleo\n"),
        ("quoted.csv", '"Ada","Bob"\n"Bob",Cleo\n'),
        ("packed.csv.gz", gzip.compress(b"Ada,Bob\nBob,Cleo\n", mtime=0)),
        ("relation.csv", "source,target,kind\nAda,Bob,likes\nBob,Cleo,hates\n"),
        ("repeated.csv", "Ada,Bob\nBob,Cleo\nBob,Ada\nAda,Bob\n"),
    ],
)
def test_every_kind_of_edge_list_gives_the_same_graph(tmp_path, name, content):
    graph = read_graph(write(tmp_path / name, content))
    assert graph.names == {NODE: ["Ada", "Bob", "Cleo"]}
    assert named_edges(graph) == BOTH_WAYS
    assert graph.view.total_edges == 4
    assert graph.weight is None
    assert graph.labels == {}


def test_parquet_gives_the_same_graph(tmp_path):
    table = pa.table({"who": ["Ada", "Bob"], "whom": pa.array(["Bob", "Cleo"]).dictionary_encode(), "n": [2, 5]})
    pq.write_table(table, tmp_path / "edges.parquet")
    graph = read_graph(tmp_path / "edges.parquet")
    assert graph.names == {NODE: ["Ada", "Bob", "Cleo"]}
    assert named_edges(graph) == {("Ada", "Bob"): 2, ("Bob", "Ada"): 2, ("Bob", "Cleo"): 5, ("Cleo", "Bob"): 5}


def test_numeric_names_are_sorted_and_kept_as_written(tmp_path):
    graph = read_graph(write(tmp_path / "edges.txt", "10 9\n9 007\n-1 10\n"))
    assert graph.names[NODE] == ["-1", "007", "9", "10"]
    columns = {"a": np.array([10, 9, 5]), "b": np.array([9, 5, 10])}
    pq.write_table(pa.table(columns), tmp_path / "edges.parquet")
    assert read_graph(tmp_path / "edges.parquet").names[NODE] == ["5", "9", "10"]


def test_other_names_come_in_order_of_appearance(tmp_path):
    graph = read_graph(write(tmp_path / "edges.csv", "z,10\n9,z\na b,Zürich\n"))
    assert graph.names[NODE] == ["z", "10", "9", "a b", "Zürich"]


def test_directed_edges_keep_their_direction(tmp_path):
    path = write(tmp_path / "edges.csv", "a,b\nb,c\na,b\nc,c\n")
    assert named_edges(read_graph(path, directed=True)) == {("a", "b"), ("b", "c"), ("c", "c")}
    undirected = read_graph(path)
    assert undirected.view.total_edges == 5
    assert ("c", "c") in named_edges(undirected)
    assert any("1 line repeats an edge" in note for note in undirected.notes)


def test_weights_of_repeated_lines_add_up_and_directions_take_the_larger(tmp_path):
    path = write(tmp_path / "edges.csv", "source,target,weight\na,b,1\na,b,2\nb,a,2.5\nb,c,0.5\nc,c,4\n")
    assert named_edges(read_graph(path)) == {
        ("a", "b"): 3,
        ("b", "a"): 3,
        ("b", "c"): 0.5,
        ("c", "b"): 0.5,
        ("c", "c"): 4,
    }
    assert named_edges(read_graph(path, directed=True)) == {
        ("a", "b"): 3,
        ("b", "a"): 2.5,
        ("b", "c"): 0.5,
        ("c", "c"): 4,
    }


def test_a_column_titled_weight_is_found_wherever_it_stands(tmp_path):
    graph = read_graph(write(tmp_path / "edges.csv", "source,target,year,Weight\na,b,1999,7\n"))
    assert named_edges(graph) == {("a", "b"): 7, ("b", "a"): 7}


def test_header_can_be_told(tmp_path):
    path = write(tmp_path / "edges.csv", "person,friend\na,b\n")
    assert read_graph(path).names[NODE] == ["a", "b"]
    assert "person" in read_graph(path, header=False).names[NODE]
    assert read_graph(path, header=True).names[NODE] == ["a", "b"]
    titled = write(tmp_path / "titled.csv", "source,target\na,b\n")
    assert read_graph(titled, header=False).names[NODE] == ["source", "target", "a", "b"]


def test_simple_edges_agree_with_scipy():
    draw = np.random.default_rng(0)
    src, dst = draw.integers(0, 30, (2, 400))
    weight = draw.integers(1, 9, 400).astype(float)
    matrix = sp.coo_matrix((weight, (src, dst)), (30, 30)).tocsr()
    for directed, expected in ((True, matrix), (False, matrix.maximum(matrix.T))):
        rows, columns, values = simple_edges(src, dst, weight, 30, directed)
        got = sp.coo_matrix((values, (rows, columns)), (30, 30)).tocsr()
        assert (got != expected).nnz == 0
        assert len(rows) == expected.nnz


BAD_TEXT = {
    "empty.csv": ("", ["empty.csv", "an empty file"]),
    "blank.txt": ("\n\n", ["an empty file"]),
    "comments.txt": ("# nothing\n", ["an empty file"]),
    "titles.csv": ("source,target\n", ["nothing but a header"]),
    "one.csv": ("a\nb\n", ["one.csv, line 1", "one column, 'a'", "commas"]),
    "ragged.csv": ("# top\na,b\n\nc,d\ne\n", ["ragged.csv, line 5", "1 column, 'e'", "2 columns"]),
    "nameless.csv": ("a,b\n\n,b\n", ["nameless.csv, line 3", "without a node at one end"]),
    "infinite.tsv": ("a\tb\tinf\n", ["line 1", "weight inf"]),
    "word.csv": ("a,b,1\nb,c,much\n", ["word.csv, line 2", "'much'"]),
    "dict.edgelist": ("1 2 {'weight': 3}\n", ["dict.edgelist, line 1", "write_weighted_edgelist"]),
    "latin.csv": (b"a,b\nb,\xe9\n", ["latin.csv", "UTF-8"]),
    "quote.csv": ('a,b\n"c,d\ne,f\n', ["quote.csv, line 2"]),
    "broken.csv.gz": (gzip.compress(b"a,b\n", mtime=0)[:-6], ["broken.csv.gz", "decompressed"]),
    "broken.parquet": (b"PAR1 and then something else PAR1", ["broken.parquet", "no Parquet"]),
    "broken.mat": (b"MATLAB 5.0, says who?", ["broken.mat", "no MATLAB file"]),
    "broken.pt": (b"no graph", ["broken.pt", "torch.save"]),
    "empty.pt": (b"", ["empty.pt", "torch.save"]),
    "graph.docx": ("graph []", ["graph.docx", "ending in .docx", ".edgelist"]),
    "graph.mat.gz": (b"", ["graph.mat.gz", "ending in .gz"]),
}


@pytest.mark.parametrize("name", BAD_TEXT)
def test_bad_files_are_refused_with_the_place_and_the_way_out(tmp_path, name):
    content, words = BAD_TEXT[name]
    with pytest.raises(FileFormatError) as caught:
        read_graph(write(tmp_path / name, content))
    for word in [*words, "expected"]:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("nan.csv", "source,target,weight\na,b,1\nb,c,NaN\n", "1 is blank or negative (line 3: a blank)"),
        ("negative.txt", "# w\n1 2 0.5\n2 3 -2\n", "1 is blank or negative (line 3: -2)"),
        ("gap.csv", "a,b,1\nb,c,\n", "1 is blank or negative (line 2: a blank)"),
    ],
)
def test_weights_that_only_some_models_could_use_are_left_out_with_a_word(tmp_path, name, content, words):
    graph = read_graph(write(tmp_path / name, content))
    assert graph.weight is None
    assert len(graph.view.edges[EDGE][0]) == 4
    assert any(words in note for note in graph.notes)
    pq.write_table(pa.table({"a": ["x", "y"], "b": ["y", "z"], "weight": [1.0, -0.5]}), tmp_path / "edges.parquet")
    assert read_graph(tmp_path / "edges.parquet").weight is None


def test_missing_files_and_folders_are_refused(tmp_path):
    with pytest.raises(FileFormatError, match=r"nowhere\.csv: got the name of a file that does not exist"):
        read_graph(tmp_path / "nowhere.csv")
    with pytest.raises(FileFormatError, match="a folder"):
        read_graph(tmp_path)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"a": ["x"]}, "1 column;"),
        ({"a": ["x", None], "b": ["y", "z"]}, "row 2: got an edge without a node"),
        ({"a": [1.0, float("nan")], "b": [2.0, 3.0]}, "row 2: got an edge without a node"),
        ({"a": ["x"], "b": ["y"], "weight": ["heavy"]}, "heavy"),
        ({"a": pa.array([], pa.string()), "b": pa.array([], pa.string())}, "no edges"),
        ({"a": [["x"]], "b": [["y"]]}, "a file that is damaged or no Parquet"),
    ],
)
def test_bad_parquet_is_refused(tmp_path, table, words):
    pq.write_table(pa.table(table), tmp_path / "edges.parquet")
    with pytest.raises(FileFormatError, match=words):
        read_graph(tmp_path / "edges.parquet")


def test_truncated_parquet_is_refused(tmp_path):
    path = tmp_path / "edges.parquet"
    pq.write_table(pa.table({"a": ["x"] * 100, "b": ["y"] * 100}), path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(FileFormatError, match=r"edges\.parquet: got a file that is damaged"):
        read_graph(path)


def test_adjacency_lists(tmp_path):
    content = "# a comment\nAda Bob Cleo\nBob Ada\nDan\n"
    graph = read_graph(write(tmp_path / "friends.adjlist", content))
    assert graph.names == {NODE: ["Ada", "Bob", "Cleo"]}
    assert named_edges(graph) == {("Ada", "Bob"), ("Bob", "Ada"), ("Ada", "Cleo"), ("Cleo", "Ada")}
    assert graph.notes[0] == "1 nodes without neighbours are left out"
    other = read_graph(write(tmp_path / "friends.txt", content), input_format="adjlist")
    assert named_edges(other) == named_edges(graph)


def test_users_and_items_are_apart(tmp_path):
    graph = read_graph(write(tmp_path / "likes.csv", "0,0,2\n0,1,1\n2,1,5\n"), bipartite=True)
    assert graph.names == {"item": ["0", "1"], "user": ["0", "2"]}
    assert graph.view.edge_types == [("item", "rev_to", "user"), ("user", "to", "item")]
    assert graph.view.edge_index(("user", "to", "item")).tolist() == [[0, 0, 1], [0, 1, 1]]
    assert graph.view.edge_features["user", "to", "item"][WEIGHT].tolist() == [2, 1, 5]


TYPED = [
    ("Ada", "P1", "author", "paper", "writes"),
    ("Bob", "P1", "author", "paper", "writes"),
    ("P1", "P2", "paper", "paper", "cites"),
    ("Ada", "VLDB", "author", "venue", "attends"),
]


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet"])
@pytest.mark.parametrize("directed", [False, True])
def test_columns_of_types_make_a_typed_graph(tmp_path, kind, directed):
    titles = ["source", "target", "source_type", "target_type", "relation"]
    path = tmp_path / f"graph.{kind}"
    if kind == "parquet":
        pq.write_table(pa.table(dict(zip(titles, map(list, zip(*TYPED, strict=True)), strict=True))), path)
    else:
        separator = {"csv": ",", "tsv": "\t"}[kind]
        path.write_text("\n".join(separator.join(row) for row in [titles, *TYPED]) + "\n")
    graph = read_graph(path, directed=directed)
    assert graph.names == {"author": ["Ada", "Bob"], "paper": ["P1", "P2"], "venue": ["VLDB"]}
    forward = [("author", "attends", "venue"), ("author", "writes", "paper"), ("paper", "cites", "paper")]
    back = [("paper", "rev_writes", "author"), ("venue", "rev_attends", "author")]
    assert graph.view.edge_types == sorted(forward + ([] if directed else back))
    assert graph.view.edge_index(forward[1]).tolist() == [[0, 1], [0, 0]]
    assert graph.view.edges["paper", "cites", "paper"][0].numel() == (1 if directed else 2)
    assert graph.weight is None


def test_a_missing_type_names_its_line(tmp_path):
    write(tmp_path / "graph.csv", "source,target,source_type,target_type\na,b,x,y\nc,d,,y\n")
    with pytest.raises(FileFormatError, match=r"graph\.csv, line 3: got an edge without a type"):
        read_graph(tmp_path / "graph.csv")


def test_pairs_are_not_turned_or_joined(tmp_path):
    write(tmp_path / "pairs.csv", "b,a\na,b\nb,a\n")
    assert read_pairs(tmp_path / "pairs.csv") == [["b", "a", "b"], ["a", "b", "a"]]
