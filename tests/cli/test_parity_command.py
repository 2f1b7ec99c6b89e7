"""The commands ``graphembed parity`` and ``graphembed convert``."""

from __future__ import annotations

import json

import pytest
import torch
from typer.testing import CliRunner

import graphembed_ext as ge
from graphembed_ext.checkpoint.compatibility import MODELS
from graphembed_ext.cli.entry import app
from tests.graphs import PAIRS, Spec, agree, build_dgl, build_pyg, people, world

SMALL = ["--set", "emb_dim=8", "--set", "walk_length=8", "--set", "window_size=2", "--batch-size", "4"]


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


def saved(name, spec):
    if name.endswith(".bin"):
        import dgl

        dgl.save_graphs(name, [build_dgl(spec)])
    else:
        torch.save(build_pyg(spec), name)
    return name


def test_equal_graphs(run, camps):
    result = run(
        "parity",
        "metapath2vec",
        saved("a.bin", camps),
        saved("b.pt", camps),
        "--set",
        'metapath=["likes", "liked_by"]',
        "--set",
        "window_size=2",
        "--set",
        "emb_dim=8",
    )
    assert result.exit_code == 0, result.output
    assert "parity of metapath2vec: dgl and pyg" in result.stdout
    assert result.stdout.endswith("identical, bit for bit\n")


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("metapath2vec", ["--metapath", "user-item-user", "--set", "window_size=2"]),
        ("lightgcn", ["--batch-size", "7"]),
        ("han", ["--metapath", "PAP=paper-author-paper", "--metapath", "PVP=in,shows"]),
        ("graphsage", ["--batch-size", "4", "--set", "hidden_channels=8"]),
    ],
)
def test_every_model(run, camps, model, options):
    spec = {"han": world(), "graphsage": people()}.get(model, camps)
    result = run("parity", model, saved("a.bin", spec), saved("b.pt", spec), *options)
    assert result.exit_code == 0, result.output


def test_one_edge_and_one_isolated_node(run):
    first = saved("a.bin", Spec.untyped(11, PAIRS))
    edge = run("parity", "deepwalk", first, saved("b.pt", Spec.untyped(11, PAIRS[:-1])), *SMALL)
    assert edge.exit_code == 1
    assert "edge 9 -> 8 is there 1 and 0 times" in edge.stdout
    node = run("parity", "deepwalk", first, saved("c.pt", Spec.untyped(10, PAIRS)), *SMALL, "--json")
    assert node.exit_code == 1
    found = json.loads(node.stdout)
    assert not found["ok"]
    assert "node 10 of the first graph has no edges" in found["first_difference"]["reason"]


def test_one_file_is_built_for_both_hosts(run, tmp_path):
    (tmp_path / "friends.csv").write_text("source,target\n" + "".join(f"n{i},n{j}\n" for i, j in PAIRS))
    for source in ("friends.csv", saved("b.pt", Spec.untyped(10, PAIRS))):
        result = run("parity", "deepwalk", source, *SMALL)
        assert result.exit_code == 0, result.output
        assert "dgl" in result.stdout.splitlines()[0]
        assert "pyg" in result.stdout.splitlines()[0]


def test_errors_are_messages(run):
    assert run("parity", "deepwalk", "missing.bin").exit_code == 2
    result = run("parity", "deepwalk", saved("b.pt", Spec.untyped(10, PAIRS)), "--set", "window=3")
    assert result.exit_code == 2
    assert "window: got 3; expected an argument of DeepWalk" in result.stderr
    assert run("convert", "missing.pt", "x.pt", "--to", "openhgnn").exit_code == 2


def converted(run, model, layout, to, *more):
    ge.checkpoint.save(model, "source.pt", layout)
    result = run("convert", "source.pt", "target.pt", "--to", to, *more)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"source.pt ({layout}) -> target.pt ({to})\n"
    return "target.pt"


@pytest.mark.parametrize(
    ("name", "layout", "to", "more"),
    [
        ("DeepWalk", "dgl.DeepWalk", "openhgnn", []),
        ("MetaPath2Vec", "openhgnn", "dgl.DeepWalk", ["--from", "openhgnn"]),
        ("pyg.Node2Vec", "word2vec", "pyg.Node2Vec", []),
        ("pyg.Node2Vec", "pyg.Node2Vec", "word2vec", []),
        ("LightGCN, typed", "lightgcn-pytorch", "recbole", []),
        ("LightGCN, typed", "recbole", "lightgcn-pytorch", []),
        ("GraphSAGE", "dgl.SAGEConv", "pyg.GraphSAGE", []),
        ("GraphSAGE", "pyg.GraphSAGE", "dgl.SAGEConv", []),
        ("dgl.SAGEConv, lstm", "dgl.SAGEConv", "dgl.SAGEConv", []),
        ("HAN, dgl", "dgl.HAN", "dgl.HAN", []),
    ],
)
def test_convert_does_what_loading_and_saving_does(run, name, layout, to, more):
    model, other = MODELS[name](), MODELS[name]()
    assert ge.checkpoint.load(other, converted(run, model, layout, to, *more), to) == to
    assert agree(model, other)


def test_convert_joint_tables(run):
    model = MODELS["LightGCN, ids are rows"]()
    split = torch.load(converted(run, model, "pyg.LightGCN", "lightgcn-pytorch", "--num-users", 4), weights_only=True)
    assert torch.equal(split["embedding_user.weight"], model.embedding.weight[:4])
    assert torch.equal(split["embedding_item.weight"], model.embedding.weight[4:])
    result = run("convert", "target.pt", "joint.safetensors", "--to", "pyg.LightGCN", "--num-layers", 2)
    assert result.exit_code == 0, result.output
    other = MODELS["LightGCN, ids are rows"]()
    ge.checkpoint.load(other, "joint.safetensors")
    assert agree(model, other)
    assert run("convert", "target.pt", "x.pt", "--to", "pyg.LightGCN").exit_code == 2
    assert run("convert", "source.pt", "x.pt", "--to", "recbole").exit_code == 2


def test_convert_refuses(run):
    ge.checkpoint.save(MODELS["HANConv"](), "han.pt")
    result = run("convert", "han.pt", "x.pt", "--to", "dgl.HANLayer")
    assert result.exit_code == 2
    assert "the two are different networks" in result.stderr
    ge.checkpoint.save(MODELS["GraphSAGE, lstm"](), "sage.pt")
    assert run("convert", "sage.pt", "x.pt", "--to", "dgl.SAGEConv").exit_code == 2
