"""graphembed embed: vectors of nodes that a model has not seen."""

from __future__ import annotations

import json

import pytest
import torch

import graphembed_ext as ge
from graphembed_ext.models.catalogue import create
from graphembed_ext.readers import read_graph
from tests.cli.commands import call, good, write_ring


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """GraphSAGE with labels and without, and DeepWalk, on a graph; and another graph."""
    folder = tmp_path_factory.mktemp("embed")
    write_ring(folder, "old", 20, 0)
    write_ring(folder, "new", 30, 1)
    write_ring(folder, "wide", 30, 1, width=4)
    words = ["-i", folder / "old.csv", "--features", folder / "old_x.csv", "--host", "pyg", "--threads", "1"]
    words += ["--hidden-channels", "8", "--epochs", "2"]
    labels = ["--labels", folder / "old_y.csv"]
    good("train", "graphsage", *words, *labels, "-o", folder / "by_class.npz", "--weights", folder / "by_class.pt")
    good("train", "graphsage", *words, "-o", folder / "by_link.npz", "--weights", folder / "by_link.pt")
    walks = ["--emb-dim", "4", "--walk-length", "6", "--window-size", "2", "--epochs", "1", "--host", "pyg"]
    good("train", "deepwalk", "-i", folder / "old.csv", "-o", folder / "walks.npz", *walks, "--weights",
         folder / "walks.pt")  # fmt: skip
    return folder


@pytest.mark.parametrize("name", ["by_class", "by_link"])
def test_the_graph_trained_on_gets_its_own_vectors_again(trained, tmp_path, name):
    words = ["-i", trained / "old.csv", "--features", trained / "old_x.csv", "-o", tmp_path / "again.npz"]
    good("embed", trained / f"{name}.npz", *words)
    before, after = ge.Embeddings.load(trained / f"{name}.npz"), ge.Embeddings.load(tmp_path / "again.npz")
    assert after.names == before.names
    torch.testing.assert_close(after.tensor, before.tensor)


def test_new_nodes_get_the_vectors_that_the_loaded_model_gives_them(trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["--weights", trained / "by_class.pt", "-i", trained / "new.csv", "--features", trained / "new_x.csv"]
    done = good("embed", *words, "-o", "new.npz", "--json")
    assert json.loads(done.stdout) == {"nodes": {"_N": 30}, "file": "new.npz"}
    graph = read_graph(trained / "new.csv", nodes=trained / "new_x.csv")
    model = create("graphsage", graph.build("pyg"), hidden_channels=8, num_layers=2, out_channels=2)
    ge.checkpoint.load(model, trained / "by_class.pt")
    expected = ge.embed(model, graph.build("pyg"))
    found = ge.Embeddings.load("new.npz")
    assert found.names == graph.names
    torch.testing.assert_close(found.tensor, expected.tensor)


def test_what_was_embedded_has_a_record_as_other_runs_have(trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["-i", trained / "new.csv", "--features", trained / "new_x.csv", "-o", "new.npz"]
    done = good("embed", trained / "by_class.npz", *words)
    assert "new.npz (30 vectors of 2 dimensions" in done.stdout
    assert done.stdout.rstrip().endswith("and new.npz.json")
    record = json.loads((tmp_path / "new.npz.json").read_text())
    assert (record["model"], record["graph"]["nodes"], record["history"]) == ("graphsage", {"_N": 30}, [])
    assert record["embedded_by"] == str(trained / "by_class.npz")
    assert record["config"]["hidden_channels"] == 8
    labels = ["--labels", trained / "new_y.csv"]
    found = json.loads(good("evaluate", "new.npz", "classification", *labels, "--json").stdout)
    assert set(found["metrics"]) >= {"micro_f1", "macro_f1"}
    assert "by the weights of" in good("card", "new.npz").stdout
    assert "hidden_channels" not in good("compare", "new.npz", trained / "by_class.npz").stdout
    done = call("plot", "new.npz", "loss")
    assert (done.exit_code, "history: got no epochs" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["walks.npz"], "walks.npz, of deepwalk; expected a run of graphsage or han"),
        ([], "embedding: got nothing; expected the embeddings of a run of graphsage or han, or its weights"),
        (["by_class.npz", "--features", "wide_x.csv"], "which the model was trained on"),
        (["by_class.npz"], "features: got nothing; expected features of nodes"),
        (["by_class.npz", "--weights", "none.pt"], "none.pt, which does not exist"),
        (["--weights", "old.csv"], "expected the record of the run that wrote it"),
        (["none.npz"], "expected the record that graphembed train writes"),
    ],
)
def test_what_cannot_be_embedded_is_refused(trained, monkeypatch, words, message):
    monkeypatch.chdir(trained)
    done = call("embed", *words, "-i", "new.csv", "-o", "out.npz")
    assert done.exit_code == 2, done.output
    assert message in done.stderr
    if "walks.npz" in words:
        assert "Hint: graphembed update walks.npz -i FILE trains vectors of new nodes" in done.stderr
    assert not (trained / "out.npz").exists()


def test_vectors_that_are_learned_for_want_of_features_serve_no_others(trained, monkeypatch):
    monkeypatch.chdir(trained)
    words = ["-i", "old.csv", "--features", "one-hot", "--labels", "old_y.csv", "--epochs", "1", "--host", "pyg"]
    good("train", "graphsage", *words, "-o", "hot.npz", "--weights", "hot.pt")
    done = call("embed", "hot.npz", "-i", "new.csv", "--features", "one-hot", "-o", "out.npz")
    assert done.exit_code == 2
    assert "hot.npz, of graphsage on one-hot features; expected a run of graphsage or han on features" in done.stderr
