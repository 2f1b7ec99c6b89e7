"""Records work from any folder, and where they are moved to with their files."""

from __future__ import annotations

import json
import shutil

import pytest

import graphembed_ext as ge
from graphembed_ext.cli.runs.records import Run
from graphembed_ext.errors import FileFormatError, InputError
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


RECORD = {
    "job": {"model": "deepwalk", "input": "friends.csv", "output": "emb.npz", "weights": "emb.pt"},
    "model": "deepwalk",
    "graph": {"nodes": {"_N": 4}, "edges": {"_N-_E-_N": 8}},
    "config": {"emb_dim": 4},
    "training": {"epochs": 1},
    "versions": {"torch": "2.13.0", "dgl": None},
    "history": [{"epoch": 1, "loss": 0.5, "val_auc": float("nan")}],
    "metrics": {"micro_f1": 0.5, "_N": {"macro_f1": 0.5}},
    "seconds": 1.5,
}
#: What a record has under a name, where somebody has changed it, or it was damaged.
CHANGED = {
    "job": [[], 3, "x", {**RECORD["job"], "input": [3]}, {**RECORD["job"], "weights": []}],
    "model": [3, []],
    "graph": [0, {}, {"nodes": 3, "edges": {}}, {"nodes": {"_N": "four"}, "edges": {}}],
    "config": [3, []],
    "training": [None, "x"],
    "versions": [[], 1.5, {"torch": 3}, {"torch": "\ud800"}],
    "history": [3, ["x"], [{}], [{"epoch": 1, "loss": {}}]],
    "metrics": [3, {"_N": "x"}],
    "seconds": ["x", None],
}


@pytest.mark.parametrize("name", CHANGED)
def test_a_record_that_was_changed_is_refused_by_name(name, tmp_path):
    path = tmp_path / "emb.npz.json"
    path.write_text(json.dumps(RECORD))
    whole = Run.of(tmp_path / "emb.npz")
    assert whole.job.name == "deepwalk"
    with pytest.raises(FileFormatError, match=r"emb.npz.json, without 'repeat'; expected the record of a run"):
        whole.record["repeat"]
    for value in CHANGED[name]:
        path.write_text(json.dumps({**RECORD, name: value}))
        with pytest.raises(InputError) as refused:
            assert Run.of(tmp_path / "emb.npz").job
        assert str(refused.value).isprintable()


def test_a_folder_is_no_run():
    for name in (".", "/"):
        done = call("card", name)
        assert done.exit_code == 2
        assert "which does not exist" in done.stderr


def test_names_that_no_file_can_have_and_tables_of_one_column_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.csv").write_text("a\nb\nc\n")
    (tmp_path / "two.csv").write_text("a,b\nb,c\n")
    assert "got one column" in call("split", "one.csv", "--no-header").stderr
    assert "a name in UTF-8" in call("prepare", "two.csv", "-o", "\udcff").stderr
