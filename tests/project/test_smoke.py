"""The five models from a graph to vectors in a file, with what packages there are; those that are absent are named."""

from __future__ import annotations

import pytest
import torch
from torch_geometric.data import Data, HeteroData

import graphembed_ext as ge
from graphembed_ext import exports, plots, readers
from graphembed_ext._core.optional import installed
from graphembed_ext.errors import MissingDependencyError

RING = torch.stack([torch.arange(12), (torch.arange(12) + 1) % 12])
PATH = {"UIU": ["likes", "liked_by"]}


def plain():
    masks = {f"{part}_mask": torch.arange(12) % 3 == number for number, part in enumerate(("train", "val", "test"))}
    return Data(x=torch.eye(12), edge_index=RING, y=torch.arange(12) % 2, num_nodes=12, **masks)


def typed():
    graph = HeteroData()
    graph["user"].x, graph["item"].x = torch.eye(12), torch.eye(12)
    graph["user"].y, graph["user"].train_mask = torch.arange(12) % 2, torch.arange(12) < 8
    graph["user", "likes", "item"].edge_index = RING
    graph["item", "liked_by", "user"].edge_index = RING.flip(0)
    return graph


#: A model, and the graph that it is trained and embedded on; None for the one it was made of.
MODELS = {
    "DeepWalk": (lambda: ge.DeepWalk(RING, emb_dim=4, walk_length=6, window_size=2, seed=0), None),
    "MetaPath2Vec": (lambda: ge.MetaPath2Vec(typed(), PATH["UIU"], window_size=1, emb_dim=4, seed=0), None),
    "GraphSAGE": (lambda: ge.GraphSAGE(12, 4, 2, 2, seed=0), plain),
    "HAN": (lambda: ge.HAN.for_graph(typed(), hidden_channels=4, heads=2, metapaths=PATH, seed=0), typed),
    "LightGCN": (lambda: ge.LightGCN.for_graph(typed(), 4, 2, user_type="user", seed=0), None),
}


@pytest.mark.parametrize("ending", ["npz", "parquet", "safetensors"])
@pytest.mark.parametrize("name", MODELS)
def test_from_graph_to_file(name, ending, tmp_path):
    make, graph = MODELS[name]
    model, data = make(), graph and graph()
    result = ge.fit(model, data, epochs=2, progress=False)
    assert len(result.history) == 2
    emb = ge.embed(model, data)
    emb.save(tmp_path / f"vectors.{ending}")
    assert torch.equal(ge.Embeddings.load(tmp_path / f"vectors.{ending}").tensor, emb.tensor)
    ge.checkpoint.save(model, tmp_path / "weights.pt")
    other = make()
    ge.fit(other, data, epochs=1, progress=False)
    ge.checkpoint.load(other, tmp_path / "weights.pt")
    assert all(torch.equal(a, b) for a, b in zip(other.state_dict().values(), model.state_dict().values(), strict=True))


def test_from_file_to_file(tmp_path):
    (tmp_path / "edges.csv").write_text("source,target\n" + "".join(f"n{i},n{(i + 1) % 9}\n" for i in range(9)))
    graph = readers.read_graph(tmp_path / "edges.csv")
    model = ge.DeepWalk(graph.view, emb_dim=4, walk_length=6, window_size=2, seed=0)
    exports.export(ge.embed(model), tmp_path / "vectors.txt")
    assert (tmp_path / "vectors.txt").read_text().startswith("9 4\n")


#: A package that may be absent, and what needs it.
OPTIONAL = {
    "dgl": lambda: ge.to_host(RING, "dgl"),
    "matplotlib": lambda: plots.loss_curve([{"epoch": 1, "loss": 1.0}]),
    "sklearn": lambda: ge.evaluate.link_prediction(torch.ones(3, 2), [[0], [1]], [[1], [2]]),
    "pandas": lambda: ge.Embeddings(torch.ones(2, 2)).to_pandas(),
    "usearch": lambda: exports.export(ge.Embeddings(torch.ones(2, 2)), "vectors.usearch"),
    "networkx": lambda: ge.to_host(RING, "networkx"),
}


@pytest.mark.parametrize("package", OPTIONAL)
def test_what_is_absent_is_named_with_its_extra(package, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if installed(package):
        OPTIONAL[package]()
        return
    with pytest.raises(MissingDependencyError, match=r"graphembed_ext\["):
        OPTIONAL[package]()
