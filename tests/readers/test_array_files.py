"""Graphs out of matrices and arrays of other programs."""

import gzip

import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp
import torch

import graphembed_ext as ge
from graphembed_ext.errors import FileFormatError, InputError
from graphembed_ext.readers.graph_file import WEIGHT
from graphembed_ext.readers.graphs import read_graph
from tests.readers.edges import EDGE, NODE, needs_dgl


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
