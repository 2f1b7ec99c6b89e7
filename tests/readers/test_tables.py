"""One reader for tables of edges and of nodes: what a person says of them, several files, labels, features, folders."""

import contextlib
import gzip
import io
import sys
import time

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from graphembed_ext.errors import FileFormatError, InputError
from graphembed_ext.graph.simple_edges import simple_edges
from graphembed_ext.readers import text
from graphembed_ext.readers.graphs import read_graph
from graphembed_ext.readers.node_features import read_features
from graphembed_ext.readers.node_tables import names_of, read_labels
from graphembed_ext.readers.options import Reading
from graphembed_ext.readers.pairs import pairs_of_names, read_pairs

NODE, EDGE = "_N", ("_N", "_E", "_N")
PATH = {("Ada", "Bob"), ("Bob", "Cleo")}


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def edges(graph, edge_type=EDGE):
    src, dst = graph.view.edges[edge_type]
    names = graph.names
    return {(names[edge_type[0]][u], names[edge_type[2]][v]) for u, v in zip(src.tolist(), dst.tolist(), strict=True)}


BY_HAND = {
    "columns by title": ("when,who,whom\n1,Ada,Bob\n2,Bob,Cleo\n", {"columns": "source=who,target=whom"}),
    "columns by number": ("1,Ada,Bob\n2,Bob,Cleo\n", {"columns": {"source": 2, "target": 3}}),
    "columns by title, in large letters": (
        "a,Who,Whom\n1,Ada,Bob\n2,Bob,Cleo\n",
        {"columns": "source=WHO,target=whom"},
    ),
    "delimiter": ("Ada|Bob\nBob|Cleo\n", {"delimiter": "|"}),
    "delimiter by name": ("Ada,x\tBob,y\nBob,y\tCleo\n".replace(",x", "").replace(",y", ""), {"delimiter": "tab"}),
    "delimiter of two characters": ("Ada--Bob\nBob--Cleo\n", {"delimiter": "--"}),
    "comment": ("// who\nAda,Bob\n// pause\nBob,Cleo\n", {"comment": "//"}),
    "encoding": ("source,target\nAda,Bob\nBob,Cleo\n".encode("utf-16"), {"encoding": "utf-16"}),
    "header": ("x,y\nAda,Bob\nBob,Cleo\n", {"header": True}),
    "no header": ("Ada,Bob\nBob,Cleo\n", {"header": False}),
}


@pytest.mark.parametrize("case", BY_HAND)
def test_what_a_person_says_settles_it(tmp_path, case):
    content, options = BY_HAND[case]
    graph = read_graph(write(tmp_path / "edges.csv", content), directed=True, **options)
    assert edges(graph) == PATH
    assert graph.weight is None
    assert graph.directed is True


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"columns": "source=nobody,target=whom"}, "columns: got source=nobody; expected .* one of who, whom"),
        ({"columns": "source=who"}, "columns: got source; expected both source and target"),
        ({"columns": "source=1,target=1"}, "two columns"),
        ({"columns": "king=1"}, "columns: got king; expected one of source, target, weight"),
        ({"columns": "source"}, "expected ROLE=COLUMN"),
        ({"columns": {"source": 1, "target": 9}}, "target=9; expected a number from 1 to 2"),
        ({"encoding": "klingon"}, "encoding: got klingon"),
        ({"delimiter": '"'}, "delimiter: got"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path, options, words):
    path = write(tmp_path / "edges.csv", "who,whom\nAda,Bob\nBob,Cleo\n")
    with pytest.raises(InputError, match=words):
        read_graph(path, **options)


def test_quotation_marks_within_a_name_keep_the_space_before_them(tmp_path):
    path = tmp_path / "edges.csv"
    path.write_text('source,target\n"u1, ""the 1th""",b\nc, "b, ""2"""\nb,c\n')
    assert sorted(read_graph(path).names["_N"]) == sorted(['u1, "the 1th"', "b", "c", 'b, "2"'])


def test_each_run_says_which_columns_it_took(tmp_path):
    path = write(tmp_path / "edges.csv", "target,weight,source,time,mood\nBob,2,Ada,7,good\nCleo,1,Bob,8,bad\n")
    notes = " | ".join(read_graph(path).notes)
    assert "the first line, target, weight, source, is taken for column titles" in notes
    assert "columns 'source' (source), 'target' (target), 'weight' (weight)" in notes
    assert "column 'time' has times, left out" in notes
    assert "column 'mood' left out" in notes
    bare = write(tmp_path / "bare.csv", "a,b\nb,c\n")
    assert "the first line, a, b, is taken for an edge" in read_graph(bare).notes


def test_a_first_line_that_may_be_either_is_refused_with_both_ways_out(tmp_path):
    path = write(tmp_path / "edges.csv", "Kunde,Ware\nAda,Brot\nBob,Wein\n")
    with pytest.raises(FileFormatError, match=r"edges\.csv, line 1: got 'Kunde, Ware', .*--header .*--no-header"):
        read_graph(path)


@pytest.mark.parametrize(
    "content",
    [
        "id,days,mature,views,partner\n1,7,True,3,False\n2,9,False,4,False\n3,7,True,5,True\n",
        "org_id remap_id\n" + "".join(f"{7 * i} {i}\n" for i in range(60)),
        "user_id,age\n1,24\n2,53\n",
    ],
)
def test_tables_of_nodes_are_no_edges(tmp_path, content):
    with pytest.raises(FileFormatError, match="a table of nodes goes with --nodes"):
        read_graph(write(tmp_path / "nodes.txt", content))


def test_several_files_of_one_relation_and_of_several(tmp_path):
    first = write(tmp_path / "a.csv", "source,target\nAda,Bob\n")
    second = write(tmp_path / "b.txt", "Bob Cleo\nCleo Ada\n")
    graph = read_graph([first, second], directed=True)
    assert edges(graph) == {*PATH, ("Cleo", "Ada")}
    assert graph.names[NODE] == ["Ada", "Bob", "Cleo"]
    write(tmp_path / "orders.csv", "1,1\n1,2\n2,1\n")
    write(tmp_path / "follows.csv", "1,2\n2,3\n")
    inputs = [f"user,buys,item={tmp_path}/orders.csv", f"user,follows,user={tmp_path}/follows.csv"]
    typed = read_graph(inputs, directed=True)
    assert typed.names == {"item": ["1", "2"], "user": ["1", "2", "3"]}
    assert edges(typed, ("user", "buys", "item")) == {("1", "1"), ("1", "2"), ("2", "1")}
    assert edges(typed, ("user", "follows", "user")) == {("1", "2"), ("2", "3")}
    with pytest.raises(InputError, match="types for all"):
        read_graph([inputs[0], first])


def test_nodes_without_edges_are_declared_by_tables(tmp_path):
    write(tmp_path / "edges.csv", "1,2\n2,10\n")
    write(tmp_path / "nodes.csv", "node,age\n2,40\n3,50\n1,60\n10,70\n")
    graph = read_graph(tmp_path / "edges.csv", nodes=tmp_path / "nodes.csv")
    assert graph.names[NODE] == ["1", "2", "3", "10"]
    assert edges(graph) == {("1", "2"), ("2", "1"), ("2", "10"), ("10", "2")}
    assert "1 node without edges" in graph.notes
    typed = read_graph(f"user,buys,item={tmp_path}/edges.csv", nodes=[f"item={tmp_path}/nodes.csv"])
    assert typed.names == {"item": ["1", "2", "3", "10"], "user": ["1", "2"]}
    with pytest.raises(InputError, match=r"nodes: got .* expected TYPE=FILE"):
        read_graph(f"user,buys,item={tmp_path}/edges.csv", nodes=tmp_path / "nodes.csv")


def test_standard_input(monkeypatch):
    class Standard:
        buffer = io.BytesIO(b"source,target\nAda,Bob\nBob,Cleo\n")

    monkeypatch.setattr(sys, "stdin", Standard)
    assert edges(read_graph("-", directed=True)) == PATH


def test_rows_are_the_same_however_the_file_is_cut_into_blocks(tmp_path, monkeypatch):
    draw = np.random.default_rng(0).integers(0, 300, (3000, 2))
    rows = [f'n{u},"m{v}","a note\nof two lines, {u}"' for u, v in draw]
    path = write(tmp_path / "edges.csv", "source,target,note\n" + "\n\n".join(rows) + "\n")
    whole = read_graph(path)
    monkeypatch.setattr(text, "_BLOCKS", (64, 512, 1 << 16))
    monkeypatch.setattr(text, "_HEAD", 256)
    parts = read_graph(path)
    assert parts.names == whole.names
    assert torch.equal(parts.view.edge_index(), whole.view.edge_index())
    assert edges(whole) == {pair for u, v in draw for pair in ((f"n{u}", f"m{v}"), (f"m{v}", f"n{u}"))}
    wrong = write(tmp_path / "wrong.csv", "source,target,note\n" + "\n\n".join(rows) + "\na,b\n")
    with pytest.raises(FileFormatError, match=r"wrong\.csv, line 9001: got 2 columns, 'a,b'"):
        read_graph(wrong)


def test_edges_without_weights_are_those_of_scipy():
    src, dst = np.random.default_rng(1).integers(0, 40, (2, 500))
    matrix = sp.coo_matrix((np.ones(500), (src, dst)), (40, 40)).tocsr()
    for directed, expected in ((True, matrix), (False, matrix + matrix.T)):
        rows, columns, weight = simple_edges(src, dst, None, 40, directed)
        assert weight is None
        assert list(zip(rows, columns, strict=True)) == sorted(zip(*expected.nonzero(), strict=True))


def test_pairs_of_nodes_that_the_graph_lacks_are_counted_and_left_out(tmp_path):
    path = write(tmp_path / "held_out.csv", "u1,i1\nu2,i9\nu9,i2\n")
    notes = []
    found = pairs_of_names(path, [["u1", "u2"], ["i1", "i2"]][::1], [2, 2], notes=notes)
    assert found.tolist() == [[0], [0]]
    assert notes == [f"2 of 3 pairs in {path} left out, as the graph lacks a node of theirs"]
    with pytest.raises(FileFormatError, match="the node 'u9'"):
        pairs_of_names(path, [["u1", "u2"], ["i1", "i2"]], [2, 2])
    with pytest.raises(FileFormatError, match="no pair of which the graph has both nodes"):
        pairs_of_names(path, [["a"], ["b"]], [1, 1], notes=[])
    turned = write(tmp_path / "turned.csv", "item_id,user_id\ni1,u1\n")
    assert read_pairs(turned) == [["u1"], ["i1"]]


LABELS = {
    "second column": ("a,x\nb,y\nc,x\n", [0, 1, 0]),
    "titles": ("node,label\na,x\nb,y\nc,x\n", [0, 1, 0]),
    "class found by its title": ("id,year,label,name\na,1,x,p\nb,2,y,q\nc,3,x,r\n", [0, 1, 0]),
    "node found by its title": ("label,node\nx,a\ny,b\nx,c\n", [0, 1, 0]),
    "no label": ("node,label\na,1\nb,-1\nc,NA\n", [0, -1, -1]),
    "empty": ("node,label\na,1\nb,\nc,1\n", [0, -1, 0]),
    "cora.content": ("a\t0\t1\t1\tx\nb\t1\t1\t0\ty\nc\t0\t0\t0\tx\n", [0, 1, 0]),
    "several in a cell": ("movieId,title,genres\na,p,x|y\nb,q,y\nc,r,x\n", [[1, 1], [0, 1], [1, 0]]),
    "columns of 0 and 1": ("node,x,y\na,1,1\nb,0,1\nc,1,0\n", [[1, 1], [0, 1], [1, 0]]),
    "u.item": ("a|P (1995)|01-Jan-1995||1|1\nb|Q|02-Jan-1995||0|1\nc|R|03-Jan-1995||1|0\n", [[1, 1], [0, 1], [1, 0]]),
    "several classes in a row": ("a 1 2\nb 2\nc 1\n", [[1, 1], [0, 1], [1, 0]]),
    "several lines": ("a,x\na,y\nb,y\nc,x\n", [[1, 1], [0, 1], [1, 0]]),
}


@pytest.mark.parametrize("case", LABELS)
def test_labels(tmp_path, case):
    content, expected = LABELS[case]
    path = write(tmp_path / "labels.txt", content)
    assert read_labels(path, ["a", "b", "c"], 3).y.tolist() == expected


def test_labels_that_leave_doubt_are_refused(tmp_path):
    path = write(tmp_path / "labels.csv", "node,height,depth\na,1,2\nb,3,4\n")
    with pytest.raises(FileFormatError, match="--label-column names the column"):
        read_labels(path, ["a", "b"], 2)
    assert read_labels(path, ["a", "b"], 2, "depth").classes == ["2", "4"]
    unknown = write(tmp_path / "unknown.csv", "z,w\na,y\nb,x\n")
    with pytest.raises(FileFormatError, match="column titles or a node and its class"):
        read_labels(unknown, ["a", "b"], 2)
    with pytest.raises(FileFormatError, match=r"unknown\.csv, line 1: got the node 'z'"):
        read_labels(unknown, ["a", "b"], 2, reading=Reading(otherwise=False))
    assert names_of(unknown, {"a", "b"}, Reading(otherwise=False)) == ["z", "a", "b"]
    later = write(tmp_path / "later.csv", "a,x\n\n\nz,y\n")
    with pytest.raises(FileFormatError, match=r"later\.csv, line 4: got the node 'z'.*--nodes FILE"):
        read_labels(later, ["a", "b"], 2)


FEATURES = {
    "table": "node,first,second\nb,3,4\na,1,2\n",
    "no titles": "b,3,4\na,1,2\n",
    "class at the end": "b,3,4,blue\na,1,2,red\n",
    "label by its title": "node,label,first,second\nb,blue,3,4\na,red,1,2\n",
    "word2vec": "2 2\nb 3 4\na 1 2\n",
}


@pytest.mark.parametrize("case", FEATURES)
def test_features(tmp_path, case):
    path = write(tmp_path / "x.txt", FEATURES[case])
    assert read_features(str(path), ["a", "b"], 2).tolist() == [[1, 2], [3, 4]]


def test_features_that_are_none(tmp_path):
    path = write(tmp_path / "x.csv", "a,1,2\nb,3,much\n")
    with pytest.raises(FileFormatError, match=r"'.*' in column 3|line 2"):
        read_features(str(path), ["a", "b"], 2)
    path = write(tmp_path / "x.csv", "node,p,q\na,1,2\n")
    with pytest.raises(FileFormatError, match="nothing for 1 nodes, such as 'b'"):
        read_features(str(path), ["a", "b"], 2)


def test_a_folder_of_neo4j_with_one_space_of_ids(tmp_path):
    write(tmp_path / "people.csv", ":ID,name,:LABEL\n1,Ada,Person\n2,Bob,Person\n3,Cleo,Person\n")
    write(tmp_path / "films.csv", ":ID,title,:LABEL\n7,Alien,Film\n")
    write(tmp_path / "saw.csv", ":START_ID,:END_ID,:TYPE\n1,7,SAW\n2,1,KNOWS\n")
    graph = read_graph(tmp_path, directed=True)
    assert graph.names == {"Film": ["7"], "Person": ["1", "2", "3"]}
    assert edges(graph, ("Person", "SAW", "Film")) == {("1", "7")}
    assert edges(graph, ("Person", "KNOWS", "Person")) == {("2", "1")}


def test_a_folder_of_ogb_with_types(tmp_path):
    raw = tmp_path / "raw"
    for name, content in {
        "num-node-dict.csv.gz": "author,paper\n2,3\n",
        "relations/author___writes___paper/edge.csv.gz": "0,0\n1,2\n",
        "node-feat/paper/node-feat.csv.gz": "0.5,1\n0,1\n2,2\n",
        "node-label/paper/node-label.csv.gz": "0\n1\n0\n",
    }.items():
        (raw / name).parent.mkdir(parents=True, exist_ok=True)
        write(raw / name, gzip.compress(content.encode()))
    split = tmp_path / "split" / "time" / "paper"
    split.mkdir(parents=True)
    write(split / "train.csv.gz", gzip.compress(b"0\n2\n"))
    graph = read_graph(tmp_path)
    assert dict(graph.view.num_nodes) == {"author": 2, "paper": 3}
    assert graph.view.edge_index(("author", "writes", "paper")).tolist() == [[0, 1], [0, 2]]
    assert graph.view.features["paper"]["x"].tolist() == [[0.5, 1], [0, 1], [2, 2]]
    assert graph.labels["paper"].tolist() == [0, 1, 0]
    assert graph.view.features["paper"]["train_mask"].tolist() == [True, False, True]
    write(raw / "relations/author___writes___paper/edge.csv.gz", gzip.compress(b"0,9\n"))
    with pytest.raises(FileFormatError, match="the node 9; expected a number from 0 to 2"):
        read_graph(tmp_path)


def test_a_folder_of_part_files(tmp_path):
    write(tmp_path / "part-0000.csv", "source,target\nAda,Bob\n")
    write(tmp_path / "part-0001.csv", "source,target\nBob,Cleo\n")
    write(tmp_path / "_SUCCESS", "")
    assert edges(read_graph(tmp_path, directed=True)) == PATH


@pytest.mark.parametrize(
    ("name", "blank", "mark", "line"),
    [("g.csv", "  ", ",", 4), ("g.tsv", "\t", "\t", 4), ("g.tsv", "\t\t", "\t", 2), ("g.dat", "::::", "::", 2)],
)
def test_lines_of_blanks_do_not_move_the_line_of_what_is_wrong(tmp_path, name, blank, mark, line):
    """Blank cells, as many as columns, are an edge without ends, fewer are passed over: both stand on a line."""
    lines = [mark.join("123"), blank, mark.join("456"), mark.join("12")]
    with pytest.raises(FileFormatError, match=f"{name}, line (4: got 2 columns|{line}: got an edge without)"):
        read_graph(write(tmp_path / name, "\n".join(lines)))
    lines[3] = mark.join("45x")
    with pytest.raises(FileFormatError, match=f"{name}, line {line}: got (the edge weight 'x'|an edge without a node)"):
        read_graph(write(tmp_path / name, "\n".join(lines)), columns="source=1,target=2,weight=3")


@pytest.mark.parametrize("more", ["", "7"])
def test_a_table_without_titles_has_as_many_columns_as_it_likes(tmp_path, more):
    """Arrow was told the type of 64 columns; numbers and blanks beyond them came as what they looked like."""
    row = ",".join([more] * 90)
    path = write(tmp_path / "g.csv", f"Ada,Bob,{row}\nBob,Cleo,{row}\n")
    assert edges(read_graph(path, header=False, columns="source=1,target=2", directed=True)) == PATH


def test_a_row_of_several_lines_has_more_columns_than_any_of_them(tmp_path):
    """Columns beyond those of the longest line came as what they looked like, 007 as 7, or not at all."""
    path = write(tmp_path / "g.csv", '007,"x\ny",008,"x\ny",1.5\n008,"x\ny",009,"x\ny",2.5\n')
    graph = read_graph(path, header=False, columns="source=1,target=3,weight=5", directed=True)
    assert edges(graph) == {("007", "008"), ("008", "009")}
    assert sorted(graph.view.edge_features[EDGE][graph.weight].tolist()) == [1.5, 2.5]


@pytest.mark.parametrize(
    "content",
    [
        "node,a\n0," + "9" * 300_000 + "x\n1,2\n",
        "node," + "(" * 300_000 + "\n0,1\n",
        ";" * 100_000 + "\n" + ";" * 100_000,
        ",".join(["source", "target"] * 5000) + "\n" + ",".join(["1"] * 10_000),
    ],
    ids=["digits", "brackets", "no titles", "titles of ends"],
)
def test_long_cells_and_many_columns_are_read_in_time_that_grows_with_them(tmp_path, content):
    begun = time.process_time()
    with pytest.raises(FileFormatError):
        read_features(str(write(tmp_path / "x.csv", content)), None, 2)
    with contextlib.suppress(FileFormatError):
        read_graph(tmp_path / "x.csv")
    assert time.process_time() - begun < 10
