import gzip
import os
import pickle
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.io
import scipy.sparse as sp
import torch
from torch_geometric.data import Data, HeteroData

import graphembed_ext as ge
from graphembed_ext._core.optional import import_dgl, installed
from graphembed_ext.errors import FileFormatError, InputError
from graphembed_ext.graph.simple_edges import simple_edges
from graphembed_ext.readers.graph_file import WEIGHT
from graphembed_ext.readers.graphs import read_graph
from graphembed_ext.readers.pairs import read_pairs

NODE, EDGE = "_N", ("_N", "_E", "_N")
needs_dgl = pytest.mark.skipif(not installed("dgl"), reason="DGL is not installed: pip install 'graphembed_ext[dgl]'")


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def named_edges(graph):
    """Edges as pairs of names, with weights where there are any."""
    names = graph.names[NODE]
    src, dst = graph.view.edges[EDGE]
    pairs = [(names[u], names[v]) for u, v in zip(src.tolist(), dst.tolist(), strict=True)]
    if graph.weight is None:
        return set(pairs)
    return dict(zip(pairs, graph.view.edge_features[EDGE][graph.weight].tolist(), strict=True))


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


def matrix(*entries, size=5, kind=float):
    rows, columns, values = zip(*entries, strict=True)
    return sp.csc_matrix((np.array(values, dtype=kind), (rows, columns)), (size, size))


def test_mat_keeps_isolated_nodes_weights_and_labels(tmp_path):
    group = np.array([[1, 0], [0, 1], [1, 1], [0, 0], [1, 0]])
    network = matrix((0, 1, 2.0), (1, 0, 2.0), (1, 2, 0.5))
    scipy.io.savemat(tmp_path / "graph.mat", {"network": network, "group": sp.csc_matrix(group.astype(float))})
    graph = read_graph(tmp_path / "graph.mat")
    assert graph.view.total_nodes == 5
    assert graph.names is None
    assert graph.view.edge_index().tolist() == [[0, 1, 1, 2], [1, 0, 2, 1]]
    assert graph.view.edge_features[EDGE][WEIGHT].tolist() == [2, 2, 0.5, 0.5]
    assert graph.labels[NODE].todense().tolist() == group.tolist()
    assert read_graph(tmp_path / "graph.mat", directed=True).view.total_edges == 3


def test_mat_finds_the_only_sparse_square_matrix_and_a_vector_of_labels(tmp_path):
    content = {"A": matrix((0, 1, 1), (1, 0, 1)), "group": np.array([[3, 1, 2, 0, 0]]), "x": np.ones((5, 5))}
    scipy.io.savemat(tmp_path / "graph.mat", content)
    graph = read_graph(tmp_path / "graph.mat")
    assert graph.weight is None
    assert graph.view.total_edges == 2
    assert graph.labels[NODE].tolist() == [3, 1, 2, 0, 0]
    assert read_graph(tmp_path / "graph.mat", mat_key="x").view.total_edges == 25


def test_bad_mat_is_refused(tmp_path):
    path = tmp_path / "graph.mat"
    scipy.io.savemat(path, {"features": np.ones((3, 4))})
    with pytest.raises(FileFormatError, match=r"no square sparse matrices \(in it: features \(3, 4\)\)"):
        read_graph(path)
    scipy.io.savemat(path, {"PAP": matrix((0, 1, 1)), "PLP": matrix((0, 1, 1))})
    with pytest.raises(FileFormatError, match="mat_key names the matrix"):
        read_graph(path)
    with pytest.raises(InputError, match="mat_key: got PXP"):
        read_graph(path, mat_key="PXP")
    assert read_graph(path, mat_key="PLP").view.total_edges == 2
    scipy.io.savemat(path, {"network": matrix((0, 1, 1), (3, 2, -4.0))})
    negative = read_graph(path)  # refused by models that go by weights alone
    assert negative.weight is None
    assert "'network' at (3, 2): got the edge weight -4" in str(negative.trouble)
    scipy.io.savemat(path, {"network": matrix((0, 1, 1), (3, 2, np.nan))})
    with pytest.raises(FileFormatError, match=r"'network' at \(3, 2\): got the edge weight nan"):
        read_graph(path)
    scipy.io.savemat(path, {"network": sp.csc_matrix((4, 4))})
    with pytest.raises(FileFormatError, match="a matrix of zeros"):
        read_graph(path)


def test_saved_data_keeps_isolated_nodes_weights_and_labels(tmp_path):
    data = Data(edge_index=torch.tensor([[0, 1], [1, 2]]), edge_weight=torch.tensor([0.5, 2.0]), num_nodes=5)
    data.y = torch.tensor([0, 1, 0, 1, -1])
    torch.save(data, tmp_path / "graph.pt")
    graph = read_graph(tmp_path / "graph.pt")
    assert graph.view.total_nodes == 5
    assert graph.weight == WEIGHT
    assert graph.labels[NODE].tolist() == [0, 1, 0, 1, -1]


def test_saved_hetero_data_keeps_its_types(tmp_path):
    data = HeteroData()
    data["user"].num_nodes = 3
    data["item"].y = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    data["item"].num_nodes = 2
    data["user", "buys", "item"].edge_index = torch.tensor([[0, 2], [1, 0]])
    torch.save(data, tmp_path / "graph.pt")
    graph = read_graph(tmp_path / "graph.pt")
    assert dict(graph.view.num_nodes) == {"item": 2, "user": 3}
    assert graph.labels["item"].todense().tolist() == [[1, 0], [1, 1]]
    assert "user" not in graph.labels


class Mine:
    def __reduce__(self):
        return os.mkdir, (os.environ["GRAPHEMBED_TEST_TRAP"],)


def test_a_saved_graph_cannot_run_code(tmp_path, monkeypatch):
    trap = tmp_path / "trap"
    monkeypatch.setenv("GRAPHEMBED_TEST_TRAP", str(trap))
    torch.save(Mine(), tmp_path / "mine.pt")
    (tmp_path / "pickle.pt").write_bytes(pickle.dumps(Mine()))
    for name in ("mine.pt", "pickle.pt"):
        with pytest.raises(FileFormatError, match="could run code from the file"):
            read_graph(tmp_path / name)
    assert not trap.exists()
    torch.save({"a": torch.ones(2)}, tmp_path / "dict.pt")
    with pytest.raises(FileFormatError, match="an object of type dict"):
        read_graph(tmp_path / "dict.pt")


def test_reading_leaves_the_list_of_safe_classes_as_it_was(tmp_path):
    before = set(torch.serialization.get_safe_globals())
    torch.save(Data(edge_index=torch.tensor([[0], [1]])), tmp_path / "graph.pt")
    read_graph(tmp_path / "graph.pt")
    assert set(torch.serialization.get_safe_globals()) == before


@needs_dgl
def test_saved_dgl_graphs(tmp_path):
    dgl = import_dgl()
    first = dgl.graph(([0, 1], [1, 2]), num_nodes=6)
    first.ndata["label"] = torch.tensor([0, 1, 0, 1, 0, 1])
    first.edata[WEIGHT] = torch.tensor([1.0, 3.0])
    path = str(tmp_path / "graph.bin")
    dgl.save_graphs(path, [first])
    graph = read_graph(path)
    assert graph.view.total_nodes == 6
    assert graph.weight == WEIGHT
    assert graph.labels[NODE].tolist() == [0, 1, 0, 1, 0, 1]
    dgl.save_graphs(path, [first, first])
    with pytest.raises(FileFormatError, match="2 graphs"):
        read_graph(path)
    write(tmp_path / "graph.bin", b"not at all a graph" * 20)
    with pytest.raises(FileFormatError, match="Invalid DGL files"):
        read_graph(path)


@needs_dgl
def test_both_hosts_are_given_the_same_graph(tmp_path):
    scipy.io.savemat(tmp_path / "graph.mat", {"network": matrix((0, 1, 2.0), (3, 1, 0.5))})
    graph = read_graph(tmp_path / "graph.mat")
    dgl_view, pyg_view = (ge.view(graph.build(host)) for host in ("dgl", "pyg"))
    assert (dgl_view.host, pyg_view.host) == ("dgl", "pyg")
    assert dgl_view.num_nodes == pyg_view.num_nodes == {NODE: 5}
    assert torch.equal(dgl_view.edge_index(), pyg_view.edge_index())
    for edge_type, features in pyg_view.edge_features.items():
        assert torch.equal(dgl_view.edge_features[edge_type][WEIGHT], features[WEIGHT])


def test_datasets_that_ship_with_pyg_need_no_root():
    graph = read_graph("KarateClub")
    assert (graph.view.total_nodes, graph.view.total_edges) == (34, 156)
    assert len(graph.labels[NODE]) == 34


@pytest.mark.parametrize(
    ("name", "root", "words"),
    [
        ("Planetoid/Cora", None, "root: got nothing; expected the folder"),
        ("Planetoid/Cora", "absent", "root: got .*absent; expected an existing folder"),
        ("Planetoid/Cora", ".", "nothing is downloaded here"),
        ("Planetoid", ".", "Planetoid: got no variant"),
        ("KarateClub/big", None, "has no variants"),
        ("Planetoyd/Cora", ".", "closest by name are Planetoid"),
    ],
)
def test_datasets_that_cannot_be_read(tmp_path, name, root, words):
    with pytest.raises(InputError, match=words):
        read_graph(name, root=None if root is None else tmp_path / root)
    assert not list(tmp_path.iterdir())


def test_planetoid_from_its_raw_files(data_root, tmp_path):
    folder = tmp_path / "Cora"
    shutil.copytree(data_root / "Planetoid" / "Cora" / "raw", folder / "raw", copy_function=shutil.copyfile)
    folder.chmod(0o555)
    graph = read_graph("Planetoid/Cora", root=tmp_path)
    assert [path.name for path in folder.iterdir()] == ["raw"], "written to a folder that is read-only"
    folder.chmod(0o755)
    again = read_graph("Planetoid/Cora", root=tmp_path)
    assert (folder / "processed").exists()
    for found in (graph, again):
        assert (found.view.total_nodes, found.view.total_edges) == (2708, 10556)
        assert found.labels[NODE].bincount().tolist() == [351, 217, 418, 818, 426, 298, 180]


def test_real_edge_lists_and_matrices(data_root):
    folder = data_root / "deepwalk"
    blog = read_graph(folder / "blogcatalog.mat")
    assert (blog.view.total_nodes, blog.view.total_edges) == (10312, 2 * 333983)
    assert blog.labels[NODE].shape == (10312, 39)
    assert blog.labels[NODE].sum() == 14476
    assert blog.weight is None
    physics = read_graph(folder / "ca-AstroPh.txt.gz")
    assert (physics.view.total_nodes, physics.view.total_edges) == (18772, 2 * 198050 + 60)
    gnutella = read_graph(folder / "p2p-Gnutella08.edgelist", directed=True)
    assert (gnutella.view.total_nodes, gnutella.view.total_edges) == (6301, 20777)


def small_matrix():
    return sp.csr_matrix(np.array([[0, 2, 0], [0, 0, 1], [0, 0, 0]], dtype=np.float64))


@pytest.mark.parametrize("name", ["graph.mtx", "graph.mtx.gz", "graph.npz"])
def test_matrices_of_other_programs(tmp_path, name):
    path = tmp_path / name
    if name.endswith(".npz"):
        sp.save_npz(path, small_matrix())
    else:
        scipy.io.mmwrite(tmp_path / "plain.mtx", small_matrix())
        content = (tmp_path / "plain.mtx").read_bytes()
        path.write_bytes(gzip.compress(content, mtime=0) if name.endswith(".gz") else content)
    graph = read_graph(path, directed=True)
    assert graph.view.edge_index().tolist() == [[0, 1], [1, 2]]
    assert graph.view.edge_features[EDGE][WEIGHT].tolist() == [2, 1]
    assert graph.weight == WEIGHT
    assert read_graph(path).view.total_edges == 4


def test_arrays_with_features_and_labels(tmp_path):
    arrays = {"edge_index": np.array([[0, 1], [1, 2]]), "x": np.eye(4, dtype=np.float32), "y": np.array([0, 1, 1, 0])}
    np.savez(tmp_path / "graph.npz", **arrays)
    graph = read_graph(tmp_path / "graph.npz")
    assert dict(graph.view.num_nodes) == {NODE: 4}
    assert graph.view.edge_index().tolist() == [[0, 1], [1, 2]]
    assert graph.view.features[NODE]["x"].shape == (4, 4)
    assert graph.labels[NODE].tolist() == [0, 1, 1, 0]


def test_archives_of_gnn_benchmark(tmp_path):
    adjacency, attributes = small_matrix(), sp.csr_matrix(np.eye(3))
    parts = {
        f"{name}_{part}": np.array(getattr(matrix, part))
        for name, matrix in (("adj", adjacency), ("attr", attributes))
        for part in ("data", "indices", "indptr", "shape")
    }
    np.savez(tmp_path / "graph.npz", **parts, labels=np.array([1, 0, 1]))
    graph = read_graph(tmp_path / "graph.npz")
    assert graph.view.total_edges == 4
    assert torch.equal(graph.view.features[NODE]["x"], torch.eye(3))
    assert graph.labels[NODE].tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("name", "make", "words"),
    [
        ("graph.mtx", lambda path: path.write_text("nothing"), "damaged or no MatrixMarket"),
        ("graph.mtx", lambda path: scipy.io.mmwrite(path, sp.eye(2, 3).tocsr()), r"a matrix of shape \(2, 3\)"),
        ("graph.npz", lambda path: path.write_text("nothing"), "damaged or no .npz"),
        (
            "graph.npz",
            lambda path: np.savez(path, a=np.eye(2), b=np.eye(2)),
            r"got the arrays \['a', 'b'\]; expected a square sparse",
        ),
        ("graph.npz", lambda path: np.savez(path, edge_index=np.eye(3)), r"got float64 of shape \(3, 3\)"),
    ],
)
def test_matrices_that_are_none(tmp_path, name, make, words):
    make(tmp_path / name)
    with pytest.raises(FileFormatError, match=words):
        read_graph(tmp_path / name)


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
