"""Records work from any folder, and where they are moved to with their files."""

from __future__ import annotations

import json
import shutil

import pytest

import graphembed_ext as ge
from tests.cli.commands import call, good

SMALL = ["--emb-dim", "4", "--walk-length", "8", "--window-size", "2", "--epochs", "1", "--host", "pyg"]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Data and results in folders of their own, a run made from the folder above both."""
    for name in ("data", "runs", "elsewhere"):
        (tmp_path / "project" / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project")
    (tmp_path / "project" / "data" / "friends.csv").write_text("source,target\nAda,Bob\nBob,Cleo\nCleo,Ada\nCleo,Dan\n")
    (tmp_path / "project" / "data" / "teams.csv").write_text("node,team\nAda,x\nBob,y\nCleo,x\nDan,y\n")
    words = ["-i", "data/friends.csv", "--labels", "data/teams.csv", "-o", "runs/emb.npz", "--weights", "runs/emb.pt"]
    good("train", "deepwalk", *words, *SMALL, "--deterministic")
    return tmp_path / "project"


def test_paths_of_a_record_are_relative_to_its_folder(project):
    job = json.loads((project / "runs" / "emb.npz.json").read_text())["job"]
    assert (job["input"], job["labels"]) == ("../data/friends.csv", ["../data/teams.csv"])
    assert (job["output"], job["weights"]) == ("emb.npz", "emb.pt")


@pytest.mark.parametrize("place", [".", "elsewhere", "runs"])
def test_commands_find_the_input_from_any_folder(project, monkeypatch, place):
    monkeypatch.chdir(project / place)
    record = project / "runs" / "emb.npz.json"
    again = good("train", "--config", record, "-o", "again.npz", "--weights", "again.pt")
    assert "friends.csv: 4 nodes" in again.output
    first, second = (ge.Embeddings.load(path) for path in (project / "runs" / "emb.npz", "again.npz"))
    assert first.tensor.equal(second.tensor)
    found = json.loads(good("compare", project / "runs" / "emb.npz", "again.npz", "--json").stdout)
    assert found["settings"] == {}
    assert "classification" in good("evaluate", project / "runs" / "emb.npz", "--repeats", "1").output


def test_a_project_may_move(project, monkeypatch):
    moved = project.with_name("moved")
    shutil.move(project, moved)
    monkeypatch.chdir(moved.parent)
    (moved / "data" / "more.csv").write_text("source,target\nEve,Ada\n")
    done = good("update", "moved/runs/emb.npz", "-i", "moved/data/more.csv", "-o", "moved/elsewhere/new.npz")
    assert "4 nodes known, 1 new nodes" in done.output
    job = json.loads((moved / "elsewhere" / "new.npz.json").read_text())["job"]
    assert job["input"] == ["../data/friends.csv", "../data/more.csv"]


def test_an_input_that_is_gone_is_named(project, monkeypatch):
    (project / "data" / "friends.csv").unlink()
    done = call("evaluate", "runs/emb.npz")
    assert done.exit_code == 2
    assert "friends.csv: got the name of a file that does not exist" in done.output
