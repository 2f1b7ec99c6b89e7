"""Matrices and arrays against SciPy's own reading of the same files."""

import gzip
import warnings

import networkx as nx
import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp
import torch

import graphembed_ext as ge
from graphembed_ext.errors import FileFormatError
from graphembed_ext.readers import arrays, checks, packed
from graphembed_ext.readers.dense import from_dense
from graphembed_ext.readers.graph_file import WEIGHT
from graphembed_ext.readers.matlab import Other, read_matlab
from graphembed_ext.readers.matrix_market import read_matrix_market

SIDES, BACK = ("user", "to", "item"), ("item", "rev_to", "user")


def random_matrix(rows=7, columns=7, seed=0):
    return sp.random(rows, columns, 0.3, random_state=np.random.default_rng(seed), format="csr")


def dense(entries):
    found = np.zeros(entries.shape)
    for row, column, value in zip(
        entries.rows,
        entries.columns,
        np.ones(len(entries.rows)) if entries.values is None else entries.values,
        strict=True,
    ):
        found[row, column] += value
    return found


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "dia", "bsr"])
@pytest.mark.parametrize("shape", [(7, 7), (6, 9)])
def test_every_form_of_save_npz_is_read_as_scipy_reads_it(tmp_path, form, shape):
    sp.save_npz(tmp_path / "m.npz", random_matrix(*shape).asformat(form))
    found = arrays.sparse_of(arrays.read_archive(tmp_path / "m.npz"), "m.npz")
    np.testing.assert_array_equal(dense(found), random_matrix(*shape).toarray())
    np.testing.assert_array_equal(arrays.read_dense(tmp_path / "m.npz"), random_matrix(*shape).toarray())


def test_blocks_that_are_no_single_cells(tmp_path):
    blocks = sp.bsr_matrix((np.arange(1.0, 13).reshape(2, 2, 3), np.array([1, 0]), np.array([0, 1, 2])), (4, 6))
    sp.save_npz(tmp_path / "m.npz", blocks)
    found = arrays.sparse_of(arrays.read_archive(tmp_path / "m.npz"), "m.npz")
    np.testing.assert_array_equal(dense(found), blocks.toarray())


@pytest.mark.parametrize("values", ["<f8", ">f4", "<i8", ">i2", "u1", "?", "<f2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_every_type_of_numbers(tmp_path, values, order):
    array = np.array(np.arange(12).reshape(3, 4) % 3, dtype=values, order=order)
    np.save(tmp_path / "a.npy", array)
    found = arrays.read_array(tmp_path / "a.npy")
    np.testing.assert_array_equal(found, np.load(tmp_path / "a.npy"))
    assert found.dtype.isnative
    assert found.flags.writeable


@pytest.mark.parametrize("stored", ["real", "integer", "pattern", "dense real", "dense integer"])
@pytest.mark.parametrize("symmetry", ["general", "symmetric"])
def test_matrix_market_is_read_as_scipy_reads_it(tmp_path, stored, symmetry):
    matrix = (random_matrix() * 10).rint()
    matrix = matrix + matrix.T if symmetry == "symmetric" else matrix
    given = matrix.toarray() if stored.startswith("dense") else matrix
    scipy.io.mmwrite(tmp_path / "m.mtx", given, field=stored.split()[-1], symmetry=symmetry)
    found = read_matrix_market(tmp_path / "m.mtx")
    expected = scipy.io.mmread(tmp_path / "m.mtx")
    np.testing.assert_array_equal(dense(found), expected.toarray() if sp.issparse(expected) else expected)


def test_matrix_market_of_other_hands(tmp_path):
    head = "%%matrixmarket MATRIX Coordinate Real General\r\n%\r\n\r\n% by hand\r\n  3   3 2\r\n"
    (tmp_path / "m.mtx.gz").write_bytes(gzip.compress((head + "\r\n  1\t 2   5e-1 \r\n2 3 2.\r\n\r\n").encode()))
    np.testing.assert_array_equal(dense(read_matrix_market(tmp_path / "m.mtx.gz")), [[0, 0.5, 0], [0, 0, 2], [0, 0, 0]])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("3 3 2\n1 2 1\n\n1 x 1\n", r"m\.mtx, line 5: got '1 x 1'; expected a row, a column and a number"),
        ("3 3 2\n1 2 1\n\n9 1 1\n", r"m\.mtx, line 5: got the place 9; expected a whole number from 1 to 3"),
        ("3 3 2\n1 2 1\n2 1\n", r"m\.mtx, line 4: got '2 1'"),
        ("3 3 3\n1 2 1\n2 1 1\n", r"m\.mtx: got 2 entries; expected the 3"),
        ("3 3\n1 2 1\n", r"m\.mtx, line 2: got the sizes '3 3'; expected rows, columns and entries"),
    ],
)
def test_what_is_wrong_in_matrix_market_is_named_by_its_line(tmp_path, body, words):
    (tmp_path / "m.mtx").write_text("%%MatrixMarket matrix coordinate real general\n" + body)
    with pytest.raises(FileFormatError, match=words):
        read_matrix_market(tmp_path / "m.mtx")


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("version", ["4", "5"])
def test_matlab_is_read_as_scipy_reads_it(tmp_path, packed, version):
    content = {
        "sparse": random_matrix().tocsc(),
        "wide": random_matrix(3, 8).tocsc(),
        "none": sp.csc_matrix((3, 3)),
        "dense": np.arange(6.0).reshape(2, 3),
        "whole": np.arange(6).reshape(3, 2),
        "row": np.arange(4.0),
    }
    if version == "5":
        content |= {
            "cube": np.ones((2, 3, 4)),
            "truth": sp.eye(3, format="csc") > 0,
            "small": np.arange(4, dtype=np.int8),
        }
        content |= {"text": "hello", "cell": np.array([1, "a"], dtype=object), "struct": {"x": 1}, "i": np.eye(2) * 1j}
    scipy.io.savemat(tmp_path / "m.mat", content, do_compression=packed and version == "5", format=version)
    found, expected = read_matlab(tmp_path / "m.mat"), scipy.io.loadmat(tmp_path / "m.mat")
    assert set(found) == set(content)
    for name, value in found.items():
        if isinstance(value, Other):
            assert name in ("text", "cell", "struct", "i")
        elif sp.issparse(value):
            np.testing.assert_array_equal(value.toarray(), expected[name].toarray())
        else:
            np.testing.assert_array_equal(value, expected[name])


def test_users_and_items_out_of_every_matrix(tmp_path):
    taste = np.array([[5.0, 0, 1], [0, 3, 0]])
    sp.save_npz(tmp_path / "m.npz", sp.csr_matrix(taste))
    np.save(tmp_path / "m.npy", taste)
    scipy.io.mmwrite(tmp_path / "m.mtx", sp.csr_matrix(taste))
    scipy.io.savemat(tmp_path / "m.mat", {"R": sp.csc_matrix(taste)})
    for name in ("m.npz", "m.npy", "m.mtx", "m.mat"):
        graph = ge.readers.read_graph(tmp_path / name, bipartite=True)
        assert dict(graph.view.num_nodes) == {"item": 3, "user": 2}
        assert graph.view.edge_index(SIDES).tolist() == [[0, 0, 1], [0, 2, 1]]
        assert graph.view.edge_index(BACK).tolist() == [[0, 2, 1], [0, 0, 1]]
        assert graph.view.edge_features[SIDES][WEIGHT].tolist() == [5, 1, 3]
        assert any("2 rows are users, the 3 columns items" in note for note in graph.notes)


def test_repeated_entries_add_up_before_they_are_judged(tmp_path):
    entries = sp.coo_matrix((np.array([3.0, -1.0, 0.0]), ([0, 0, 1], [1, 1, 2])), (3, 3))
    sp.save_npz(tmp_path / "m.npz", entries)
    graph = ge.readers.read_graph(tmp_path / "m.npz", directed=True)
    assert graph.view.edge_index().tolist() == [[0], [1]]
    assert graph.view.edge_features[graph.view.edge_types[0]][WEIGHT].tolist() == [2]


@pytest.mark.parametrize(
    ("table", "names", "edges"),
    [
        ([["", "a", "b"], ["a", "0", "1"], ["b", "1", "0"]], ["a", "b"], [[0, 1], [1, 0]]),
        ([["node", "a", "b"], ["a", "0", "1"], ["b", "1", "0"]], ["a", "b"], [[0, 1], [1, 0]]),
        (
            [["a", "b", "c"], ["0", "1", "0"], ["1", "0", "1"], ["0", "1", "0"]],
            ["a", "b", "c"],
            [[0, 1, 1, 2], [1, 0, 2, 1]],
        ),
        (np.eye(4, k=1).astype(str).tolist(), ["0", "1", "2", "3"], [[0, 1, 2], [1, 2, 3]]),
        ([["0", "7", "0"], ["7", "0", "2"], ["0", "2", "0"]], ["0", "1", "2"], [[0, 1, 1, 2], [1, 0, 2, 1]]),
    ],
)
def test_dense_tables(table, names, edges):
    matrix, found = from_dense(table, "a.csv", directed=True)
    assert found == names
    assert matrix.view.edge_index().tolist() == edges


@pytest.mark.parametrize(
    "table",
    [
        [["1", "1", "5", "874"], ["1", "2", "3", "876"], ["2", "1", "4", "878"], ["3", "2", "1", "881"]],
        [["", "source", "target"], ["0", "7", "8"], ["1", "8", "9"]],
        [["source", "target", "weight"], ["1", "2", "0.5"], ["2", "3", "1"], ["3", "1", "2"]],
        [["who", "whom", "n"], ["0", "1", "5"], ["1", "0", "3"], ["2", "1", "0"]],
        [["0", "1", "1"], ["1", "0", "1"], ["0", "0", "1"]],
        [["1", "2", "3"], ["4", "5", "6"]],
        [["a", "b"], ["b", "a"]],
        [["", "a", "b"], ["b", "0", "1"], ["a", "1", "0"]],
        [],
    ],
)
def test_tables_that_are_no_matrix(table):
    assert from_dense(table, "a.csv") is None


def test_a_small_file_that_swells_is_not_unpacked(tmp_path, monkeypatch):
    path = tmp_path / "m.mtx.gz"
    path.write_bytes(gzip.compress(b"0" * 50_000_000))
    monkeypatch.setattr(packed, "available", lambda: 40_000_000)
    with pytest.raises(FileFormatError, match=r"more than 19\.1 MiB when unpacked"):
        packed.unpacked(path)


def test_numbers_of_nodes_that_cannot_be():
    assert checks.check_count(np.int64(7), "a") == 7
    for count in (-5, 10**15, 2**62, 2**80, 2.5):
        with pytest.raises(FileFormatError, match=r"^a: got "):
            checks.check_count(count, "a")


def test_weights_are_judged_as_float32():
    largest = float(np.finfo(np.float32).max)
    checks.check_weights(np.array([0, 1e-45, largest]), str)
    for bad in (largest * 2, 1e39, np.inf, -1.0, np.nan):
        with pytest.raises(FileFormatError, match=r"^1: got the edge weight"):
            checks.check_weights(np.array([1, bad]), str)


def test_saved_sparse_edges_are_made_anew(tmp_path):
    pytest.importorskip("torch_sparse")
    from torch_geometric.data import Data
    from torch_sparse import SparseTensor

    row, col = torch.tensor([1, 0, 2]), torch.tensor([0, 2, 1])
    data = Data(num_nodes=3)
    data.adj_t = SparseTensor(row=row, col=col, value=torch.tensor([1.0, 2, 3]), sparse_sizes=(3, 3)).fill_cache_()
    torch.save(data, tmp_path / "g.pt")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        graph = ge.readers.read_graph(tmp_path / "g.pt")
    pairs = set(zip(*graph.view.edge_index().tolist(), strict=True))
    assert pairs == {(0, 1), (2, 0), (1, 2)}, "rows of a SparseTensor are destinations"
    assert graph.weight == WEIGHT


WITH_WEIGHTS = {
    "mtx": ("g.mtx", lambda path, values: scipy.io.mmwrite(path, sp.coo_matrix(values))),
    "npz": ("g.npz", lambda path, values: sp.save_npz(path, sp.csr_matrix(values))),
    "npy": ("g.npy", np.save),
    "arrays": (
        "g.npz",
        lambda path, values: np.savez(path, edge_index=np.array(values.nonzero()), edge_weight=values[values != 0]),
    ),
    "graphml": ("g.graphml", lambda path, values: nx.write_graphml(nx.from_numpy_array(values), path)),
}


@pytest.mark.parametrize("case", WITH_WEIGHTS)
def test_weights_of_matrices_and_networks_that_are_none_are_left_out_with_the_reason(tmp_path, case):
    name, write = WITH_WEIGHTS[case]
    values = np.array([[0, 2, 0], [2, 0, 3], [0, 3, 0]], float)
    write(tmp_path / name, values)
    assert ge.readers.read_graph(tmp_path / name).weight == "edge_weight"
    without = ge.readers.read_graph(tmp_path / name, weight=False)
    assert without.weight is None
    assert not any("edge_weight" in features for features in without.view.edge_features.values())
    values[values == 3] = -3
    write(tmp_path / name, values)
    graph = ge.readers.read_graph(tmp_path / name)
    assert graph.weight is None
    assert graph.view.total_edges == 4
    assert any("blank or negative" in note for note in graph.notes)
    assert "got the edge weight -3" in str(graph.trouble)
    assert ge.readers.read_graph(tmp_path / name, weight=False).trouble is None
    values[values == -3] = np.inf
    write(tmp_path / name, values)
    with pytest.raises(FileFormatError, match="edge weight inf"):
        ge.readers.read_graph(tmp_path / name)
