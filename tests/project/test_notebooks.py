"""The notebooks of examples/ run from top to bottom, draw what they tell of, and hold no outputs."""

from __future__ import annotations

import ast
import json
import shutil
from pathlib import Path

import pytest
import torch

from tests.conftest import ROOT

NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))


def run(notebook):
    """Execute the code cells, as a kernel does; what the notebook has defined, and what its cells have shown."""
    space, shown = {"__name__": "__main__"}, []
    for number, cell in enumerate(cells(notebook)):
        parsed = ast.parse(cell)
        last = parsed.body.pop() if isinstance(parsed.body[-1], ast.Expr) else None
        where = f"{notebook.name}, cell {number}"
        exec(compile(parsed, where, "exec"), space)
        if last is not None:
            shown.append(eval(compile(ast.Expression(last.value), where, "eval"), space))
    return space, shown


def cells(notebook):
    return ["".join(cell["source"]) for cell in contents(notebook)["cells"] if cell["cell_type"] == "code"]


def contents(notebook):
    return json.loads(notebook.read_text())


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A folder of the notebook's own, one thread, and torch's random numbers as they were."""
    monkeypatch.chdir(tmp_path)
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    yield
    torch.set_num_threads(threads)
    torch.set_rng_state(state)


def figures(shown):
    return [value for value in shown if hasattr(value, "savefig")]


def told(notebook):
    (path,) = [path for path in NOTEBOOKS if path.name.startswith(notebook)]
    space, shown = run(path)
    for figure in figures(shown):
        figure.draw_without_rendering()
    assert len(figures(shown)) >= 1
    return space


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_stripped_and_a_story_is_told(notebook):
    for cell in contents(notebook)["cells"]:
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None
    kinds = [cell["cell_type"] for cell in contents(notebook)["cells"]]
    assert kinds[0] == "markdown"
    assert 2 * kinds.count("markdown") >= kinds.count("code")


def test_every_notebook_is_run():
    assert [path.name[0] for path in NOTEBOOKS] == ["1", "2", "3", "4", "5"]


@pytest.mark.usefixtures("elsewhere")
def test_deepwalk_in_a_dgl_pipeline():
    space = told("1_")
    assert space["history"][-1]["loss"] < space["history"][0]["loss"]
    assert space["found"]["micro_f1"] > space["largest"] + 0.3


@pytest.mark.usefixtures("elsewhere")
def test_graphsage_in_a_pyg_pipeline(data_root, tmp_path, monkeypatch):
    raw = Path("Planetoid", "Cora", "raw")
    shutil.copytree(data_root / raw, tmp_path / raw)  # the class of the data set writes beside them
    monkeypatch.setenv("GRAPHEMBED_DATA", str(tmp_path))
    accuracy = {name.split()[0]: min(values) for name, values in told("2_")["found"].items()}
    assert accuracy["both"] > max(accuracy["words"], accuracy["citations"]) > 0.5


@pytest.mark.usefixtures("elsewhere")
def test_recommendations_from_a_csv_file():
    space = told("3_")
    scores = {name: found["recall@10"] for name, found in space["scores"].items()}
    assert scores["LightGCN"] > scores["popularity"] + space["scores"]["popularity"].spread["recall@10"]
    assert len(space["shown"]) == 5


@pytest.mark.usefixtures("elsewhere")
def test_metapaths_and_attention():
    space = told("4_")
    assert space["unlabelled"]["micro_f1"] > 0.8
    assert space["attention"]["APRPA"] < 0.2 < space["attention"]["APVPA"]
    assert float(space["accuracy"].mean()) > 0.7


@pytest.mark.usefixtures("elsewhere")
def test_moving_a_checkpoint():
    space = told("5_")
    assert space["same"]
    assert space["report"].ok
    assert space["first_half"] + space["second_half"] == space["never_moved"]
