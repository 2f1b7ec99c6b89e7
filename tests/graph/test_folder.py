"""Prepared graphs: the same bits as in memory, whole or not there, refused where they cannot be read."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

import graphembed_ext as ge
from graphembed_ext._core import memory
from graphembed_ext._core.external_sort import ExternalSort
from graphembed_ext._core.locks import held
from graphembed_ext.errors import EngineError, FileFormatError, FileInUseError, FileWriteError, InputError
from graphembed_ext.graph.in_edges import in_edges
from graphembed_ext.readers import read_graph
from graphembed_ext.readers import spill as spilling
from graphembed_ext.walks.walker import Walker

SMALLEST = 1 << 20


def write_edges(path, lines=60_000, nodes=500, names=False, seed=0):
    draw = np.random.default_rng(seed)
    ends = draw.integers(0, nodes, (lines, 2))
    weight = draw.integers(1, 1000, lines) / 7
    called = "n" if names else ""
    rows = (f"{called}{a},{called}{b},{w:.5f}\n" for (a, b), w in zip(ends, weight, strict=True))
    path.write_text("source,target,weight\n" + "".join(rows))
    return path


def assert_same(found, expected, exact_order=True):
    """Nodes, edges and weights, edge type by edge type."""
    assert found.num_nodes == expected.num_nodes
    assert found.edge_types == expected.edge_types
    for edge_type in expected.edge_types:
        mine, theirs = found.csr(edge_type), expected.csr(edge_type)
        assert torch.equal(mine.indptr, theirs.indptr)
        assert torch.equal(mine.indices.long(), theirs.indices)
        for name, values in expected.edge_features[edge_type].items():
            assert torch.equal(found.edge_features[edge_type][name], values[theirs.edge_ids])
        mine, theirs = in_edges(found, edge_type), in_edges(expected, edge_type)
        assert torch.equal(mine.indptr, theirs.indptr)
        assert torch.equal(mine.indices.long(), theirs.indices.long())
        src, dst = found.edges[edge_type]
        assert torch.equal(src[mine.edge_ids].long(), theirs.indices.long())
        assert torch.equal(dst[mine.edge_ids].long(), theirs.destinations())


@pytest.mark.parametrize("count", [0, 1, 5, 1000])
def test_external_sort_is_that_of_memory(tmp_path, count):
    draw = np.random.default_rng(count)
    keys = draw.integers(0, 200, count)
    alone, with_payload = ExternalSort(tmp_path / "a", 24 * 60), ExternalSort(tmp_path / "b", 48 * 60, np.int64)
    for low in range(0, count, 37):
        alone.add(keys[low : low + 37])
        with_payload.add(keys[low : low + 37], np.arange(low, min(low + 37, count)))
    once = [block for block, _ in alone.blocks()]
    assert [key for block in once for key in block] == sorted(set(keys.tolist()))
    pairs = [pair for k, p in with_payload.blocks() for pair in zip(k.tolist(), p.tolist(), strict=True)]
    assert pairs == sorted(zip(keys.tolist(), range(count), strict=True))
    assert all(len(block) <= 120 for block in once)
    assert not list((tmp_path / "a").iterdir())


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("weight", [False, True])
@pytest.mark.parametrize("names", [False, True])
def test_an_edge_list_is_the_graph_that_is_read_into_memory(tmp_path, directed, weight, names):
    source = write_edges(tmp_path / "edges.csv", names=names)
    expected = read_graph(source, directed=directed, weight=weight)
    folder = ge.prepare(source, tmp_path / "graph", directed=directed, weight=weight, memory=SMALLEST)
    found = read_graph(folder)
    assert found.view.mapped
    assert_same(found.view, expected.view)
    for part in ("names", "weight", "notes", "directed", "edges_in_words"):
        assert getattr(found, part) == getattr(expected, part), part
    assert found.view.csr().indices.dtype == torch.int32


def test_files_of_several_relations_are_one_typed_graph(tmp_path):
    write = tmp_path / "writes.csv"
    write.write_text("source,target\nAda,P1\nBob,P1\nAda,P2\nAda,P1\n")
    cite = tmp_path / "cites.csv"
    cite.write_text("source,target\nP2,P1\nP3,P2\n")
    source = [f"author,writes,paper={write}", f"paper,cites,paper={cite}"]
    expected = read_graph(source)
    found = read_graph(ge.prepare(source, tmp_path / "graph", memory=SMALLEST))
    assert_same(found.view, expected.view)
    assert found.names == expected.names
    raw = yaml.safe_load((tmp_path / "graph" / "metadata.yaml").read_text())["graph"]
    assert {"type": "paper", "num": 3} in raw["nodes"]
    writes = next(entry for entry in raw["edges"] if entry["type"] == "author:writes:paper")
    assert np.load(tmp_path / "graph" / writes["path"]).tolist() == [[0, 0, 1], [0, 1, 0]]


def test_types_in_columns_are_parted_on_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(spilling, "SLICE", 7)
    draw = np.random.default_rng(3)
    lines = [
        f"{kind}{draw.integers(9)},i{draw.integers(5)},{kind},item,{relation}"
        for kind, relation in zip(draw.choice(["user", "shop"], 90), draw.choice(["buys", "likes"], 90), strict=True)
    ]
    source = tmp_path / "typed.csv"
    source.write_text("source,target,source_type,target_type,relation\n" + "\n".join(lines) + "\n")
    expected = read_graph(source)
    found = read_graph(ge.prepare(source, tmp_path / "graph", memory=SMALLEST))
    assert_same(found.view, expected.view)
    assert found.names == expected.names


def test_nodes_labels_and_features_come_along(tmp_path):
    (tmp_path / "edges.csv").write_text("source,target\n10,2\n2,30\n")
    (tmp_path / "nodes.csv").write_text("node,a,b,class\n2,1,2,x\n5,3,4,y\n10,5,6,x\n30,7,8,y\n")
    expected = read_graph(tmp_path / "edges.csv", nodes=tmp_path / "nodes.csv")
    found = read_graph(ge.prepare(tmp_path / "edges.csv", tmp_path / "graph", nodes=tmp_path / "nodes.csv"))
    assert_same(found.view, expected.view)
    assert found.names == expected.names == {"_N": ["2", "5", "10", "30"]}
    assert torch.equal(found.view.features["_N"]["x"], expected.view.features["_N"]["x"])
    assert torch.equal(found.labels["_N"], expected.labels["_N"])
    assert found.classes == expected.classes
    x = np.arange(12, dtype=np.float32).reshape(4, 3)
    np.save(tmp_path / "x.npy", x)
    (tmp_path / "labels.csv").write_text("node,label\n2,p\n5,q\n10,q\n30,p\n")
    given = {"nodes": tmp_path / "nodes.csv", "features": str(tmp_path / "x.npy")}
    view = ge.open_graph(
        ge.prepare(tmp_path / "edges.csv", tmp_path / "more", labels=str(tmp_path / "labels.csv"), **given)
    )
    assert view.features["_N"]["x"].tolist() == x.tolist()
    assert view.features["_N"]["y"].tolist() == [0, 1, 1, 0]


def test_an_object_of_a_host_and_a_file_of_one_are_written(tmp_path):
    from torch_geometric.data import Data

    data = Data(edge_index=torch.tensor([[2, 0, 0, 1], [0, 2, 1, 1]]), x=torch.rand(3, 2), edge_attr=torch.rand(4, 2))
    view = ge.open_graph(ge.prepare(data, tmp_path / "graph"))
    assert_same(view, ge.view(data))
    assert torch.equal(view.features["_N"]["x"], data.x)
    torch.save(data, tmp_path / "graph.pt")
    assert_same(ge.open_graph(ge.prepare(tmp_path / "graph.pt", tmp_path / "other")), ge.view(data))


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A graph in memory with features and labels, and the same mapped."""
    folder = tmp_path_factory.mktemp("pair")
    source = write_edges(folder / "edges.csv", lines=1500, nodes=120)
    draw = torch.Generator().manual_seed(0)
    features = {"_N": {"x": torch.randn(120, 6, generator=draw), "y": torch.randint(3, (120,), generator=draw)}}
    view = read_graph(source).view.with_features(features)
    return view, ge.open_graph(ge.prepare(view, folder / "graph"))


WALKS = [
    {},
    {"p": 0.25, "q": 4.0},
    {"weight": "edge_weight"},
    {"weight": "edge_weight", "p": 1e-4, "q": 1e4},
    {"restart": 0.2},
]


@pytest.mark.parametrize("how", WALKS, ids=str)
def test_walks_are_the_same_bits(pair, how):
    starts = torch.arange(120).repeat(3)
    walks = [Walker(view, engine="torch", **how).walk(starts, 20, 7).nodes for view in pair]
    assert torch.equal(*walks)


def test_walk_models_train_to_the_same_bits(pair):
    tables = []
    for view in pair:
        model = ge.DeepWalk(view, emb_dim=8, walk_length=12, engine="torch", seed=1)
        result = ge.fit(model, epochs=2, threads=1, deterministic=True, progress=False)
        tables.append((result.loss, model.node_embed.weight.detach()))
    assert tables[0][0] == tables[1][0]
    assert torch.equal(tables[0][1], tables[1][1])


def test_typed_walks_and_bipartite_models_are_the_same_bits(tmp_path):
    draw = np.random.default_rng(0)
    source = tmp_path / "buys.csv"
    pairs = zip(draw.integers(0, 40, 400), draw.integers(0, 30, 400), strict=True)
    source.write_text("user_id,item_id\n" + "".join(f"{u},{i}\n" for u, i in pairs))
    views = read_graph(source).view, ge.open_graph(ge.prepare(source, tmp_path / "graph", memory=SMALLEST))
    assert_same(views[1], views[0])
    tables, scores = [], []
    for view in views:
        path = [("user", "to", "item"), ("item", "rev_to", "user")]
        model = ge.MetaPath2Vec(view, path, 3, emb_dim=8, walk_length=9, engine="torch", seed=1)
        ge.fit(model, epochs=1, threads=1, deterministic=True, progress=False)
        tables.append(model.node_embed.weight.detach())
        model = ge.LightGCN.for_graph(view, 8, 2, seed=1)
        ge.fit(model, view, epochs=1, seed=0, progress=False)
        scores.append(model.recommend(view, k=4))
    assert torch.equal(*tables)
    assert torch.equal(*scores)


@pytest.mark.parametrize("weight", [None, "edge_weight"])
def test_neighbour_batches_are_the_same_bits(pair, weight):
    batches = []
    for view in pair:
        loader = ge.neighbor_loader(view, [4, 3], batch_size=50, seed=3, shuffle=True, weight=weight)
        batches.append(list(loader))
    for one, other in zip(*batches, strict=True):
        assert torch.equal(one.nodes, other.nodes)
        assert torch.equal(one.x, other.x)
        for mine, theirs in zip(one.blocks, other.blocks, strict=True):
            assert torch.equal(mine.indptr, theirs.indptr)
            assert torch.equal(mine.indices, theirs.indices)
        for view, batch in zip(pair, (one, other), strict=True):
            for ids, block in zip(batch.edge_ids, batch.blocks, strict=True):
                assert ids.dtype == torch.int64
                src, dst = (end[ids].long() for end in view.edges["_N", "_E", "_N"])
                assert torch.equal(src, batch.nodes[block.indices])
                assert torch.equal(dst, batch.nodes[block.destinations()])


@pytest.mark.parametrize("fanouts", [None, [5, 5]])
def test_graphsage_trains_and_embeds_to_the_same_bits(pair, fanouts):
    found = []
    for view in pair:
        model = ge.GraphSAGE(6, 8, 2, 3, seed=0)
        more = {} if fanouts is None else {"fanouts": fanouts, "batch_size": 40}
        masks = {"train": torch.arange(60), "test": torch.arange(60, 120)}
        result = ge.fit(model, view, masks=masks, epochs=2, seed=0, progress=False, **more)
        found.append((result.loss, ge.embed(model, view).tensor))
    assert found[0][0] == found[1][0]
    assert torch.equal(found[0][1], found[1][1])


@pytest.mark.parametrize("fanouts", [None, 4])
def test_han_trains_to_the_same_bits(tmp_path, fanouts):
    draw = torch.Generator().manual_seed(0)
    buys = torch.stack([torch.randint(30, (200,), generator=draw), torch.randint(20, (200,), generator=draw)])
    view = ge.view({("user", "buys", "item"): buys, ("item", "sold", "user"): buys.flip(0)})
    features = {"user": {"x": torch.randn(30, 5, generator=draw), "y": torch.arange(30) % 3}}
    view = view.with_features({**features, "item": {"x": torch.randn(20, 5, generator=draw)}})
    mapped = ge.open_graph(ge.prepare(view, tmp_path / "graph"))
    more = {} if fanouts is None else {"fanouts": [fanouts], "batch_size": 8}
    found = []
    for graph in (view, mapped):
        paths = {"uiu": [("user", "buys", "item"), ("item", "sold", "user")]}
        model = ge.HAN.for_graph(graph, 8, metapaths=paths, target="user", seed=0)
        masks = {"train": torch.arange(15), "test": torch.arange(15, 30)}
        found.append(ge.fit(model, graph, masks=masks, epochs=2, seed=0, progress=False, **more).loss)
    assert found[0] == found[1]


def test_a_view_is_sent_by_name_and_writing_leaves_the_file_alone(pair):
    _, mapped = pair
    extra = mapped.with_features({"_N": {**mapped.features["_N"], "more": torch.ones(120)}})
    data = pickle.dumps(extra)
    assert len(data) < 4000
    again = pickle.loads(data)
    assert again.mapped
    assert torch.equal(again.features["_N"]["more"], torch.ones(120))
    assert torch.equal(again.csr().indices, mapped.csr().indices)
    before = mapped.features["_N"]["x"][0, 0].item()
    again.features["_N"]["x"][0, 0] = before + 1
    assert ge.open_graph(mapped.folder).features["_N"]["x"][0, 0].item() == before


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read as Linux tells it")
def test_memory_does_not_grow_with_the_edges(tmp_path):
    """In a process of its own, whose memory is read all the while; weighted walks would take 90 bytes an edge."""
    edges = 2_000_000
    draw = torch.Generator().manual_seed(0)
    view = ge.view(torch.randint(20_000, (2, edges), generator=draw), num_nodes=20_000).with_features(
        {"_N": {"x": torch.randn(20_000, 8, generator=draw)}},
        {("_N", "_E", "_N"): {"edge_weight": torch.rand(edges, generator=draw)}},
    )
    folder = ge.prepare(view, tmp_path / "graph")
    program = [sys.executable, "-W", "ignore", "-m", "tests.graph.memory_of_folders", str(folder)]
    found = json.loads(subprocess.run(program, check=True, capture_output=True, text=True).stdout)
    assert len(found) == 7
    assert found["a metapath"] < 2 * edges, f"{found['a metapath'] / edges:.1f} bytes an edge; its table has 4 of each"
    for kind, peak in found.items():
        assert peak < 20 * edges, f"{kind}: {peak / edges:.1f} bytes an edge, of {found}"


def test_what_does_not_fit_is_refused_with_the_way_out(tmp_path, monkeypatch):
    pairs = torch.tensor([[0, 1, 2], [1, 0, 1]])
    mapped = ge.open_graph(ge.prepare(ge.view({("user", "buys", "item"): pairs}), tmp_path / "graph"))
    monkeypatch.setattr(memory, "_SMALL", 0)
    monkeypatch.setattr(memory, "available", lambda: 3 * 120 - 1)
    with pytest.raises(InputError, match=r"3 edges on the disk.*LightGCN.*MetaPath2Vec"):
        ge.LightGCN.for_graph(mapped, 4, seed=0)


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="room is set aside as POSIX does")
def test_there_must_be_room_on_the_disk(pair, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    before = sorted(pair[1].folder.iterdir())
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(FileWriteError, match="No space left"):
        Walker(pair[1], weight="edge_weight").walk(torch.arange(3), 4, 0)
    assert sorted(pair[1].folder.iterdir()) == before


def test_what_cannot_run_is_refused_with_the_way_out(pair):
    pytest.importorskip("dgl")
    with pytest.raises(EngineError, match=r"from the disk.*engine='torch'"):
        Walker(pair[1], engine="dgl")
    assert Walker(pair[1]).serving == "torch"


def test_an_interrupted_call_goes_on(tmp_path, monkeypatch):
    files = [write_edges(tmp_path / f"{k}.csv", lines=300, nodes=50, seed=k) for k in range(2)]
    expected = read_graph(files)

    def killed(*_):
        raise KeyboardInterrupt

    said = []
    with monkeypatch.context() as patch:
        patch.setattr("graphembed_ext.readers.preparation.numbered", killed)
        with pytest.raises(KeyboardInterrupt):
            ge.prepare(files, tmp_path / "graph", say=said.append)
    assert len(said) == 2
    assert not (tmp_path / "graph").exists()
    with pytest.raises(FileFormatError, match=r"half-written.*graphembed prepare"):
        ge.open_graph(tmp_path / "graph.part")
    with pytest.raises(InputError, match="other files or options"):
        ge.prepare(files, tmp_path / "graph", directed=True)
    said.clear()
    with monkeypatch.context() as patch:
        patch.setattr("graphembed_ext.readers.preparation.write_names", killed)
        with pytest.raises(KeyboardInterrupt):
            ge.prepare(files, tmp_path / "graph", say=said.append)
    assert [line.split()[0] for line in said] == ["numbered", "wrote"]
    said.clear()
    folder = ge.prepare(files, tmp_path / "graph", say=said.append)
    assert [line.split()[0] for line in said] == ["numbered"]
    assert not (tmp_path / "graph.part").exists()
    found = read_graph(folder)
    assert_same(found.view, expected.view)
    assert found.notes == expected.notes
    assert sorted(p.name for p in folder.iterdir() if p.suffix != ".npy") == ["metadata.yaml", "nodes"]


def test_bad_folders_are_refused(tmp_path):
    (tmp_path / "edges.csv").write_text("source,target\na,b\nb,c\n")
    folder = ge.prepare(tmp_path / "edges.csv", tmp_path / "graph")
    with pytest.raises(InputError, match="not there, or is empty"):
        ge.prepare(tmp_path / "edges.csv", folder)
    with pytest.raises(InputError, match="memory"):
        ge.prepare(tmp_path / "edges.csv", tmp_path / "other", memory="much")
    with pytest.raises(InputError, match="directed"):
        read_graph(folder, directed=True)
    with pytest.raises(FileFormatError, match="does not exist"):
        ge.open_graph(tmp_path / "none")
    with pytest.raises(FileFormatError, match="without metadata"):
        ge.open_graph(tmp_path)
    cut = tmp_path / "cut"
    shutil.copytree(folder, cut)
    with (cut / "indices.npy").open("r+b") as file:
        file.truncate(200)
    with pytest.raises(FileFormatError, match="cut off"):
        ge.open_graph(cut)
    other = tmp_path / "version"
    shutil.copytree(folder, other)
    text = (other / "metadata.yaml").read_text()
    (other / "metadata.yaml").write_text(text.replace("format: 1\n", "format: 2\n"))
    with pytest.raises(FileFormatError, match=r"version 2.*graphembed prepare"):
        ge.open_graph(other)


def test_of_two_calls_for_one_folder_the_second_learns_of_the_first(tmp_path):
    edges = torch.tensor([[0, 1], [1, 2]])
    with held(tmp_path / "graph"), pytest.raises(FileInUseError, match=r"graph: .*process"):
        ge.prepare(edges, tmp_path / "graph")
    assert [path.name for path in tmp_path.iterdir()] == []
    assert ge.open_graph(ge.prepare(edges, tmp_path / "graph")).total_edges == 2
    assert [path.name for path in tmp_path.iterdir()] == ["graph"]
