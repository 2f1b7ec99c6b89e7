"""graphembed fetch: data sets by PyG's classes, the network played by a folder."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from torch_geometric import datasets
from torch_geometric.data import Data, InMemoryDataset

from tests.cli.commands import call, good


class Mirrored(InMemoryDataset):
    """A data set that is downloaded from a folder beside it; there is none where the network is down."""

    raw_file_names = ["edges.pt"]  # noqa: RUF012
    processed_file_names = ["graph.pt"]  # noqa: RUF012
    mirror = ""

    def __init__(self, root):
        super().__init__(root)
        self.load(self.processed_paths[0])

    def download(self):
        if not self.mirror:
            raise OSError("<urlopen error [Errno -3] Temporary failure in name resolution>")
        shutil.copy(self.mirror, self.raw_paths[0])

    def process(self):
        edges = torch.load(self.raw_paths[0])
        self.save([Data(edge_index=edges, num_nodes=4)], self.processed_paths[0])


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets, "Mirrored", Mirrored, raising=False)
    return tmp_path


def test_what_was_fetched_is_read_by_the_other_commands(place, monkeypatch):
    torch.save(torch.tensor([[0, 1, 2, 1, 2, 3], [1, 2, 3, 0, 1, 2]]), place / "mirror.pt")
    monkeypatch.setattr(Mirrored, "mirror", str(place / "mirror.pt"))
    done = good("fetch", "Mirrored", "--json")
    assert json.loads(done.stdout) == {"name": "Mirrored", "root": "data/Mirrored", "nodes": {"_N": 4}, "labels": []}
    done = good("fetch", "Mirrored")
    assert "next: graphembed train MODEL -i Mirrored --root data/Mirrored -o emb.parquet" in done.stdout
    words = ["--emb-dim", "4", "--walk-length", "4", "--window-size", "2", "--epochs", "1", "--host", "pyg"]
    good("train", "deepwalk", "-i", "Mirrored", "--root", "data/Mirrored", "-o", "emb.npz", *words)


def test_without_a_network_the_way_out_is_said(place):
    done = call("fetch", "Mirrored")
    assert done.exit_code == 2
    assert "Mirrored: got a data set that could not be downloaded (" in done.stderr
    assert "name resolution" in done.stderr
    assert "Hint: without a network: copy the raw files to data/Mirrored by hand" in done.stderr


def test_a_name_that_is_none(place):
    done = call("fetch", "Planetiod/Cora")
    assert (done.exit_code, "Planetoid" in done.stderr) == (2, True)
    done = call("fetch", "Planetoid")
    assert (done.exit_code, "a variant after a slash, as in Planetoid/NAME" in done.stderr) == (2, True)
