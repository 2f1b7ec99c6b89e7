"""The examples and README's code run as they stand."""

from __future__ import annotations

import doctest
import importlib.util
import re

import pytest
import torch

from tests.conftest import ROOT


def load(name):
    # Under "examples.", so that pytest takes its warnings for ours.
    spec = importlib.util.spec_from_file_location(f"examples.{name}", ROOT / "examples" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_example_is_tested():
    assert {path.stem for path in (ROOT / "examples").glob("*.py")} == {
        "dgl_han",
        "dgl_pipeline",
        "graphsage_five_steps",
        "migration",
        "pyg_graphgym",
        "pyg_lightning",
        "pyg_metapath2vec",
        "pyg_pipeline",
        "torchrun_deepwalk",
    }


def test_dgl_pipeline(capsys):
    graph = load("dgl_pipeline").main(num_epochs=10)
    losses = [float(loss) for loss in re.findall(r"loss ([\d.]+)", capsys.readouterr().out)]
    assert losses[1] < losses[0]
    assert graph.ndata["emb"].shape == (34, 32)


def test_pyg_pipeline(capsys):
    data = load("pyg_pipeline").main(epochs=5)
    assert data.emb.shape == (34, 32)
    assert "communities" in capsys.readouterr().out


def test_graphsage_five_steps(capsys):
    results = load("graphsage_five_steps").main(epochs=20)
    assert "identical losses: True" in capsys.readouterr().out
    assert results["dgl"].history[-1]["loss"] < results["dgl"].history[0]["loss"]
    assert results["dgl"].metrics == results["pyg"].metrics


def test_graphsage_five_steps_on_cora(capsys, data_root):
    results = load("graphsage_five_steps").main(5, str(data_root))
    assert "identical losses: True" in capsys.readouterr().out
    assert set(results["pyg"].metrics) >= {f"test_{name}" for name in ("accuracy", "precision", "recall", "macro_f1")}


def test_dgl_han(capsys):
    assert load("dgl_han").main() > 0.7
    losses = [float(loss) for loss in re.findall(r"loss ([\d.]+)", capsys.readouterr().out)]
    assert losses[-1] < losses[0]


def test_pyg_metapath2vec():
    assert load("pyg_metapath2vec").main() > 0.8


# PyG's NeighborLoader wants pyg-lib, which PyPI does not have; Lightning and torch speak of their own affairs.
@pytest.mark.filterwarnings("ignore:Using 'NeighborSampler' without", "ignore::UserWarning:pytorch_lightning")
@pytest.mark.filterwarnings("ignore:.*LeafSpec", "ignore:The '.*_dataloader' does not have many workers")
def test_pyg_lightning():
    assert load("pyg_lightning").main(epochs=20) > 0.6


def test_pyg_graphgym():
    assert load("pyg_graphgym").main() > 0.5


def test_migration(capsys):
    threads = torch.get_num_threads()
    assert load("migration").main(epochs=4)
    assert "the same embeddings, bit for bit: True" in capsys.readouterr().out
    assert torch.get_num_threads() == threads


def test_torchrun_deepwalk(tmp_path, capsys):
    """As one process; tests/distributed has several."""
    emb = load("torchrun_deepwalk").main(tmp_path, epochs=5)
    assert emb.shape == (34, 32)
    losses = [float(loss) for loss in re.findall(r"loss ([\d.]+)", capsys.readouterr().out)]
    again = load("torchrun_deepwalk").main(tmp_path, epochs=10)  # goes on
    assert not torch.equal(again.tensor, emb.tensor)
    assert float(re.findall(r"loss ([\d.]+)", capsys.readouterr().out)[0]) < losses[0]


def test_readme_examples(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where files that README writes belong
    assert not doctest.testfile(str(ROOT / "README.md"), module_relative=False).failed


def test_readme_names_both_commands():
    text = (ROOT / "README.md").read_text()
    assert "make demo" in text
    assert "make test" in text
