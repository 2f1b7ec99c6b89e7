"""graphembed update: a graph that has grown, vectors kept by name; and numbers to predict from a file."""

from __future__ import annotations

import json

import pytest
import torch

import graphembed_ext as ge
from tests.cli.commands import call, good

SMALL = ["--emb-dim", "8", "--walk-length", "8", "--window-size", "2", "--threads", "1", "--deterministic"]


def done(*arguments):
    return good(*arguments).output


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "friends.csv").write_text("source,target\nBob,Cleo\nCleo,Dan\nDan,Eve\nEve,Bob\nBob,Dan\n")
    # Ada comes first by name: every id moves.
    (tmp_path / "more.csv").write_text("source,target\nAda,Bob\nAda,Cleo\nFinn,Eve\n")
    return tmp_path


def test_vectors_are_kept_by_name(folder):
    done("train", "deepwalk", "-i", folder / "friends.csv", "-o", folder / "old.parquet", *SMALL, "--epochs", 3,
         "--weights", folder / "old.pt")  # fmt: skip
    output = done("update", folder / "old.parquet", "-i", folder / "more.csv", "-o", folder / "new.parquet",
                  "--epochs", 1, "--lr", 1e-9, "--weights", folder / "new.pt")  # fmt: skip
    assert "4 nodes known, 2 new nodes" in output
    old, new = (ge.Embeddings.load(folder / f"{age}.parquet") for age in ("old", "new"))
    assert set(new.names["_N"]) == {"Ada", "Bob", "Cleo", "Dan", "Eve", "Finn"}
    for name in old.names["_N"]:
        torch.testing.assert_close(new[name], old[name], rtol=0, atol=1e-6)
    record = json.loads((folder / "new.parquet.json").read_text())
    assert record["updated_from"] == str(folder / "old.parquet")
    assert record["graph"]["nodes"] == {"_N": 6}
    # and once more, from the updated run
    (folder / "last.csv").write_text("source,target\nGus,Ada\n")
    output = done("update", folder / "new.parquet", "-i", folder / "last.csv", "-o", folder / "last.parquet")
    assert "6 nodes known, 1 new nodes" in output
    found = call("update", folder / "new.parquet", "-i", folder / "last.csv", "--whole", "-o", folder / "x.parquet")
    assert found.exit_code == 2
    assert "without 5 nodes of the model's, such as 'Bob'" in found.output


def test_users_and_items_are_kept_by_name(folder):
    (folder / "shop.csv").write_text("user,item\nAnn,tea\nAnn,jam\nBen,tea\nBen,milk\nCleo,nails\n")
    (folder / "new.csv").write_text("user,item\nAbe,apples\nAbe,tea\nAnn,apples\n")
    done("train", "lightgcn", "-i", folder / "shop.csv", "-o", folder / "old.parquet", "--embedding-dim", 8,
         "--epochs", 2, "--weights", folder / "old.pt")  # fmt: skip
    done("update", folder / "old.parquet", "-i", folder / "new.csv", "-o", folder / "new.parquet", "--epochs", 1,
         "--lr", 1e-9, "--weights", folder / "new.pt")  # fmt: skip
    tables = [torch.load(folder / f"{age}.pt", weights_only=True)["embedding.weight"] for age in ("old", "new")]
    names = [
        [*emb.names["item"], *emb.names["user"]]
        for emb in (ge.Embeddings.load(folder / f"{age}.parquet") for age in ("old", "new"))
    ]
    for row, name in enumerate(names[0]):
        torch.testing.assert_close(tables[1][names[1].index(name)], tables[0][row], rtol=0, atol=1e-6)
    assert "apples" in done("recommend", folder / "new.parquet", "Ben", "-k", "3")


def test_a_run_without_weights_is_refused_with_the_way_out(folder):
    done("train", "deepwalk", "-i", folder / "friends.csv", "-o", folder / "old.parquet", *SMALL, "--epochs", 1)
    found = call("update", folder / "old.parquet", "-i", folder / "more.csv", "-o", folder / "new.parquet")
    assert found.exit_code == 2
    assert "graphembed train --weights FILE" in found.output
    found = call("update", folder / "none.parquet", "-i", folder / "more.csv", "-o", folder / "new.parquet")
    assert found.exit_code == 2
    assert "which does not exist" in found.output


@pytest.mark.parametrize("model", ["graphsage", "han"])
def test_numbers_of_a_file_are_predicted(folder, model):
    names = [f"n{k}" for k in range(20)]
    edges = [f"{names[k]},{names[(k + step) % 20]}" for k in range(20) for step in (1, 3)]
    (folder / "ring.csv").write_text("source,target\n" + "\n".join(edges) + "\n")
    (folder / "size.csv").write_text("node,size\n" + "".join(f"{name},{k / 4}\n" for k, name in enumerate(names[:18])))
    run = ["train", model, "-i", folder / "ring.csv", "--features", "one-hot", "--labels", folder / "size.csv"]
    run += ["--hidden-channels", 8, "--epochs", 3, *(["--heads", 2] if model == "han" else [])]
    output = done(*run, "--task", "regression", "-o", folder / "out.parquet")
    assert "'size' is to be predicted" in output
    record = json.loads((folder / "out.parquet.json").read_text())
    assert set(record["metrics"]) == {"test_loss", "test_mae", "test_rmse", "test_r2"}
    assert record["config"]["out_channels"] == 1
    found = call(*run, "--task", "regression", "--evaluate", "-o", folder / "out.parquet")
    assert found.exit_code == 2
    found = call(*run[:6], "--task", "regression", "-o", folder / "out.parquet")
    assert "numbers to predict" in found.output
