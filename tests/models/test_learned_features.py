"""Node types without features: a learned vector for each node, as PyG's examples make by hand."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch

import graphembed_ext as ge
from graphembed_ext.errors import InputError
from tests.graphs import agree

NODES = {"author": 10, "paper": 8}
AUTHORS = torch.arange(10).repeat(2)
PAPERS = torch.cat([torch.arange(10) % 8, (torch.arange(10) + 3) % 8])


def graph(host="pyg", papers=8):
    writes = torch.stack([AUTHORS, PAPERS])
    if papers > 8:
        writes = torch.cat([writes, torch.stack([torch.arange(papers - 8), torch.arange(8, papers)])], 1)
    found = ge.to_host({("author", "writes", "paper"): writes, ("paper", "by", "author"): writes.flip(0)}, host)
    x, y = torch.randn(10, 3, generator=torch.Generator().manual_seed(0)), torch.arange(10) % 2
    if host == "dgl":
        found.nodes["author"].data.update({"x": x, "y": y})
    else:
        found["author"].x, found["author"].y = x, y
    return found


MODELS = {
    "GraphSAGE": lambda g, **more: ge.GraphSAGE.for_graph(g, 4, out_channels=2, target="author", **{"seed": 0, **more}),
    "HAN": lambda g, **more: ge.HAN.for_graph(g, 4, 2, target="author", heads=2, dropout=0.0, **{"seed": 0, **more}),
}
MASKS = {"train": torch.arange(10)}


@pytest.mark.parametrize("name", MODELS)
def test_the_whole_training_is_a_plain_loop(name, caplog):
    data = graph()
    model = MODELS[name](data)
    assert "'paper' has no features: a learned vector of 4 numbers for each of its 8 nodes" in caplog.text
    assert model.learned["paper"].weight.shape == (8, 4)
    twin = copy.deepcopy(model)
    ge.fit(model, data, masks=MASKS, epochs=3, lr=0.1, weight_decay=0.0, progress=False)
    optimizer = torch.optim.Adam(twin.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        out = twin({"author": data["author"].x, "paper": twin.learned["paper"].weight}, data.edge_index_dict)
        torch.nn.functional.cross_entropy(out["author"], data["author"].y).backward()
        optimizer.step()
    assert not torch.equal(model.learned["paper"].weight, MODELS[name](data).learned["paper"].weight)
    for key, value in model.state_dict().items():
        torch.testing.assert_close(value, twin.state_dict()[key], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("batch_size", [None, 4])
def test_both_hosts_and_files_give_the_same(name, batch_size, tmp_path):
    found = []
    for host in ("dgl", "pyg"):
        data = graph(host)
        model = MODELS[name](data)
        before = model.learned["paper"].weight.clone()
        ge.fit(model, data, masks=MASKS, epochs=3, batch_size=batch_size, progress=False)
        assert not torch.equal(model.learned["paper"].weight, before)
        found.append((model, ge.embed(model, data).tensor))
    assert agree(found[0][0], found[1][0])
    assert torch.equal(found[0][1], found[1][1])
    for ending in ("pt", "safetensors"):
        twin = MODELS[name](data, seed=5)
        ge.checkpoint.save(model, tmp_path / f"w.{ending}")
        ge.checkpoint.load(twin, tmp_path / f"w.{ending}")
        assert agree(model, twin)
        assert torch.equal(ge.embed(twin, data).tensor, found[1][1])
    assert agree(pickle.loads(pickle.dumps(model)), model)
    model.reset_parameters()
    assert not agree(model, found[0][0])


@pytest.mark.parametrize("name", MODELS)
def test_a_training_resumes(name, tmp_path):
    data = graph()
    whole, parts = MODELS[name](data), MODELS[name](data)
    ge.fit(whole, data, masks=MASKS, epochs=4, progress=False)
    for epochs in (2, 4):
        ge.fit(parts, data, masks=MASKS, epochs=epochs, checkpoint=tmp_path / "state.pt", progress=False)
        parts = copy.deepcopy(parts)
    assert agree(whole, parts)


@pytest.mark.parametrize("name", MODELS)
def test_unseen_nodes_are_refused_with_the_way_out(name):
    model = MODELS[name](graph())
    for call in (ge.embed, lambda model, data: ge.fit(model, data, masks=MASKS, progress=False)):
        with pytest.raises(InputError, match=r"graph: got 9 nodes of type 'paper'; expected the 8 .*ge.grow\(model"):
            call(model, graph(papers=9))
    grown = ge.grow(model, graph(papers=9))
    assert torch.equal(grown.learned["paper"].weight[:8], model.learned["paper"].weight)
    assert len(ge.embed(grown, graph(papers=9))["author"]) == 10
    assert agree(grown, ge.grow(model, graph(papers=9)))


def test_a_name_of_features_that_nothing_has_is_refused():
    with pytest.raises(
        InputError, match="features of 'author': got features 'x', 'y'; expected a node feature 'vector'"
    ):
        MODELS["HAN"](graph(), feature="vector")


def test_training_without_labels():
    data = graph()
    model = MODELS["GraphSAGE"](data)
    before = model.learned["paper"].weight.clone()
    ge.fit(model, data, task="links", epochs=2, progress=False)
    assert not torch.equal(model.learned["paper"].weight, before)
