"""``graphembed compare``: runs side by side."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import graphembed_ext as ge
from tests.cli.commands import call, good

SMALL = ["--emb-dim", "4", "--walk-length", "8", "--window-size", "2", "--epochs", "2", "--host", "pyg"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    draws = np.random.default_rng(0)
    lines = "".join(f"p{a},p{b}\n" for a, b in draws.integers(0, 30, (120, 2)))
    (folder / "graph.csv").write_text("source,target\n" + lines)
    for name, more in {"one": [], "two": ["--seed", "1"], "three": ["--lr", "0.5"]}.items():
        output = folder / f"{name}.parquet"
        good("train", "deepwalk", "-i", folder / "graph.csv", "-o", output, *SMALL, *more, "--deterministic")
    return folder


def test_what_differs_and_how_alike_they_are(folder):
    words = [folder / "one.parquet", folder / "three.parquet.json", "-k", "3", "-o", folder / "alike.png"]
    found = json.loads(good("compare", *words, "--json").stdout)
    assert found["runs"] == ["one", "three"]
    assert found["settings"] == {"lr": [0.025, 0.5]}
    records = [json.loads((folder / f"{name}.parquet.json").read_text()) for name in found["runs"]]
    assert found["metrics"]["loss"] == [record["history"][-1]["loss"] for record in records]
    vectors = [ge.Embeddings.load(folder / f"{name}.parquet").tensor for name in found["runs"]]
    (pair,) = found["pairs"]
    assert (pair["first"], pair["second"], pair["nodes"]) == ("one", "three", len(vectors[0]))
    assert pair["overlap"]["3"] == pytest.approx(ge.evaluate.neighbourhood_overlap(*vectors, 3))
    assert pair["procrustes"] == pytest.approx(ge.evaluate.procrustes(*vectors))
    assert (folder / "alike.png").stat().st_size > 10_000
    shown = good("compare", *words).stdout
    assert "settings that differ" in shown
    assert "overlap of 3 neighbours" in shown


def test_runs_that_differ_in_the_seed_have_mean_and_spread(folder):
    found = json.loads(good("compare", folder / "one.parquet", folder / "two.parquet", "--json").stdout)
    assert found["settings"] == {"seed": [0, 1]}
    loss = found["metrics"]["loss"]
    assert found["mean"]["loss"] == pytest.approx(np.mean(loss))
    assert found["spread"]["loss"] == pytest.approx(np.std(loss, ddof=1))


def test_nodes_are_found_by_name(folder, tmp_path):
    """Without a record and in another order; the vectors are the same ones, turned round."""
    emb = ge.Embeddings.load(folder / "one.parquet")
    order = torch.randperm(len(emb), generator=torch.Generator().manual_seed(0))[:20]
    names = [emb.labels_of("_N")[node] for node in order]
    ge.Embeddings(-emb.tensor[order], names={"_N": names}).save(tmp_path / "some.npz")
    found = json.loads(good("compare", folder / "one.parquet", tmp_path / "some.npz", "--json").stdout)
    assert found["pairs"][0]["nodes"] == 20
    assert found["pairs"][0]["procrustes"] == pytest.approx(1)
    assert found["pairs"][0]["overlap"]["10"] == pytest.approx(1)


def test_wrong_calls_get_one_line(folder, tmp_path):
    done = call("compare", folder / "one.parquet")
    assert done.exit_code == 2
    assert "two files of embeddings at least" in done.stderr
    ge.Embeddings(torch.eye(3), names={"_N": ["x", "y", "z"]}).save(tmp_path / "other.npz")
    done = call("compare", folder / "one.parquet", tmp_path / "other.npz")
    assert done.exit_code == 2
    assert "embeddings of the same nodes" in done.stderr
