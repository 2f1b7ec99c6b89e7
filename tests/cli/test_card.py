"""``graphembed card`` and programs by ``graphembed export``: a run handed to others."""

from __future__ import annotations

import json

import pytest
import torch

import graphembed_ext as ge
from tests.cli.commands import call, good, write_ring

SMALL = ["--emb-dim", "4", "--walk-length", "6", "--window-size", "2", "--epochs", "1", "--host", "pyg"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """GraphSAGE with labels, its weights kept; and walks, with pairs held out."""
    folder = tmp_path_factory.mktemp("card")
    write_ring(folder, "ring", 20, 0)
    words = ["-i", folder / "ring.csv", "--features", folder / "ring_x.csv", "--labels", folder / "ring_y.csv"]
    words += ["--hidden-channels", "8", "--epochs", "2", "-o", folder / "sage.npz", "--weights", folder / "sage.pt"]
    good("train", "graphsage", *words)
    good("split", folder / "ring.csv", "-o", folder / "parts")
    good("train", "deepwalk", "-i", folder / "parts" / "train.csv", "-o", folder / "walks.npz", *SMALL)
    return folder


def test_a_card_has_data_settings_figures_and_baselines(folder, tmp_path):
    record = json.loads((folder / "sage.npz.json").read_text())
    text = good("card", folder / "sage.npz").stdout
    assert text.startswith("# graphsage on ring.csv\n")
    assert "| nodes | 20 |" in text
    assert f"| hidden_channels | {record['config']['hidden_channels']} |" in text
    assert f"| torch | {record['versions']['torch']} |" in text
    assert "None" not in text
    assert "Licence of the data: *to be filled in*" in text
    judged = json.loads(good("evaluate", folder / "sage.npz", "--json").stdout)
    (row,) = [line for line in text.splitlines() if line.startswith("| accuracy |")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert float(cells[1]) == pytest.approx(judged["metrics"]["accuracy"], abs=1e-4)
    assert len(cells) == 2 + len(judged["references"])
    good("card", folder / "sage.npz.json", "-o", tmp_path / "card.md")
    assert (tmp_path / "card.md").read_text() == text.removesuffix("\n")


def test_walks_are_judged_by_pairs_held_out(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert "Not judged" in good("card", "walks.npz").stdout
    text = good("card", "walks.npz", "--test", "parts/test.csv").stdout
    assert "| auc |" in text
    assert "By a logistic regression on the products of both vectors" in text
    done = call("card", "walks.npz", "-o", "card.html")
    assert (done.exit_code, "a name ending in .md" in done.stderr) == (2, True)


def test_the_model_of_a_run_as_a_program(folder, tmp_path):
    done = good("export", folder / "sage.npz", tmp_path / "sage.pt2")
    assert "it answers as the model does" in done.output
    graph = ge.readers.read_graph(folder / "ring.csv", nodes=folder / "ring_x.csv").build("pyg")
    (found,) = torch.export.load(tmp_path / "sage.pt2").module()(graph.x, graph.edge_index)
    torch.testing.assert_close(found, ge.Embeddings.load(folder / "sage.npz").tensor)
    done = call("export", folder / "walks.npz", tmp_path / "walks.onnx")
    assert (done.exit_code, "walks.npz, of deepwalk; expected a run of graphsage or han" in done.stderr) == (2, True)
