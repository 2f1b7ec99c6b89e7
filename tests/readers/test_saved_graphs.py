"""Graphs that PyG and DGL have saved, and their data sets."""

import os
import pickle
import shutil

import pytest
import torch
from torch_geometric.data import Data, HeteroData

from graphembed_ext._core.optional import import_dgl
from graphembed_ext.errors import FileFormatError, InputError
from graphembed_ext.readers.graph_file import WEIGHT
from graphembed_ext.readers.graphs import read_graph
from tests.readers.edges import NODE, needs_dgl, write


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


def test_a_dataset_whose_name_is_also_that_of_its_folder(data_root, tmp_path, monkeypatch):
    shutil.copytree(data_root / "Planetoid" / "Cora" / "raw", tmp_path / "Planetoid" / "Cora" / "raw")
    monkeypatch.chdir(tmp_path)
    assert read_graph("Planetoid/Cora", root="Planetoid").view.total_edges == 10556
    with pytest.raises(InputError, match="root: got nothing; expected the folder that has the files of Planetoid/Cora"):
        read_graph("Planetoid/Cora")


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
