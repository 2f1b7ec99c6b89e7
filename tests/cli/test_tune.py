"""``graphembed tune``: trials judged by validation data, the best run kept, and gone on with."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import graphembed_ext as ge
from graphembed_ext.cli.runs import tune as runs
from graphembed_ext.cli.runs.space import Setting
from graphembed_ext.errors import InputError
from tests.cli.commands import call, good

pytest.importorskip("optuna")

SMALL = ["--walk-length", "8", "--window-size", "2", "--epochs", "2", "--host", "pyg", "--deterministic"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two camps, parted."""
    monkeypatch.chdir(tmp_path)
    lines = [f"{a},{b}\n" for camp in (range(12), range(12, 24)) for a in camp for b in camp if a < b]
    (tmp_path / "camps.csv").write_text("source,target\n" + "".join(lines))
    (tmp_path / "camp_of.csv").write_text("node,camp\n" + "".join(f"{n},{n // 12}\n" for n in range(24)))
    good("split", "camps.csv", "-o", "parts", "--shares", "6:2:2")
    return tmp_path


WORDS = ["-i", "parts/train.csv", "-o", "best.npz", *SMALL, "--evaluate", "links", "--valid", "parts/valid.csv"]
WORDS += ["--test", "parts/test.csv", "--search", "lr=0.001..0.5", "--search", "emb_dim=2,4"]


def test_the_best_run_is_kept_and_judged_once_by_the_test_data(folder, monkeypatch):
    asked = []
    judged = runs._judged
    monkeypatch.setattr(runs, "_judged", lambda *words: asked.append(words[2]) or judged(*words))
    good("tune", "deepwalk", *WORDS, "--minutes", "5", "--trials", "4")
    assert asked == ["valid"] * 5 + ["test"]
    found = json.loads((folder / "best.npz.tune.json").read_text())
    values = [trial["value"] for trial in found["trials"]]
    assert len(values) == 4
    assert found["value"] == max([found["given"], *values])
    record = json.loads((folder / "best.npz.json").read_text())
    assert found["best"].items() <= record["job"].get("set", {}).items()
    files = {path.name for path in folder.iterdir()}
    ends = ("", ".json", ".tune.json", ".tune.log", ".tune.png")
    assert files == {"camps.csv", "camp_of.csv", "parts"} | {f"best.npz{end}" for end in ends}
    for part, figures in (("valid", {"auc": found["value"]}), ("test", found["test"])):
        words = ["links", "--test", f"parts/{part}.csv", "--json"]
        again = json.loads(good("evaluate", "best.npz", *words).stdout)["metrics"]
        assert figures.items() <= {name: pytest.approx(value) for name, value in again.items()}.items()
    repeated = ge.Embeddings.load("best.npz").tensor
    good("train", "--config", "best.npz.json", "-o", "again.npz")
    assert (ge.Embeddings.load("again.npz").tensor == repeated).all()


def test_the_same_call_goes_on(folder):
    good("tune", "deepwalk", *WORDS, "--minutes", "5", "--trials", "2")
    first = json.loads((folder / "best.npz.tune.json").read_text())
    good("tune", "deepwalk", *WORDS, "--minutes", "5", "--trials", "2")
    second = json.loads((folder / "best.npz.tune.json").read_text())
    assert second["trials"][:2] == first["trials"]
    assert len(second["trials"]) == 4
    assert second["value"] >= first["value"]
    done = call("tune", "deepwalk", *WORDS, "--minutes", "5", "--trials", "2", "--seed", "1")
    assert done.exit_code == 2
    assert "of another search" in done.stderr


def test_an_interrupted_search_goes_on_and_says_so(folder, monkeypatch):
    """A trial that Ctrl-C ended has no number, so that those told are those of the record and of the picture."""
    tried, calls = runs._tried, []

    def interrupted(search, settings, name):
        calls.append(name)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return tried(search, settings, name)

    monkeypatch.setattr(runs, "_tried", interrupted)
    words = ["tune", "deepwalk", *WORDS, "--minutes", "5", "--trials"]
    done = call(*words, "3")
    assert done.exit_code == 130
    assert "interrupted; the same call goes on from best.npz.tune.log." in done.stderr
    told = good(*words, "2").output
    best = max(float(line.rpartition(" ")[2]) for line in done.output.splitlines() if "trial" in line)
    assert f"going on from best.npz.tune.log: 2 trials, the best {max(best, given_in(told)):.4f}" in told
    assert [line.split()[1] for line in told.splitlines() if line.startswith("trial ")] == ["3", "4"]
    found = json.loads((folder / "best.npz.tune.json").read_text())
    assert len(found["trials"]) == 4
    assert told.count("best of 4 trials") == 1


def given_in(told):
    """The figure of the settings as given."""
    return float(told.partition("as given: auc ")[2].split()[0])


def test_a_trial_that_fails_is_told_in_one_line(folder):
    words = ["-i", "parts/train.csv", "-o", "best.npz", *SMALL, "--evaluate", "links", "--valid", "parts/valid.csv"]
    told = good("tune", "deepwalk", *words, "--search", "window_size=2,40", "--trials", "6", "--minutes", "5").output
    wrong = [line for line in told.splitlines() if "window_size 40" in line]
    assert wrong
    for line in wrong:
        assert re.match(r"trial \d \(window_size 40\): failed, \w+: got \d+.*; expected .*", line)
    assert sum(line.startswith("trial") for line in told.splitlines()) == 6


def test_no_trial_begins_that_would_end_after_the_time(folder):
    good("tune", "deepwalk", *WORDS, "--minutes", "0.0001")
    found = json.loads((folder / "best.npz.tune.json").read_text())
    assert found["trials"] == []
    assert found["best"] == {}
    assert np.isfinite(found["test"]["auc"])


@pytest.mark.parametrize("model", ["deepwalk", "graphsage"])
def test_classes_are_judged_on_the_validation_part(folder, model):
    words = ["-i", "camps.csv", "--labels", "camp_of.csv", "--host", "pyg", "-o", "best.npz", "--trials", "2"]
    more = {"deepwalk": SMALL, "graphsage": ["--features", "one-hot", "--split", "0.5,0.25,0.25", "--epochs", "3"]}
    good("tune", model, *words, *more[model], "--search", "lr=0.01..0.1")
    found = json.loads((folder / "best.npz.tune.json").read_text())
    assert 0 <= found["value"] <= 1
    assert 0 <= found["test"]["micro_f1"] <= 1


def test_held_out_pairs_say_what_is_judged(folder):
    few = ["-o", "best.npz", "--trials", "1", "--minutes", "5"]
    good("tune", "deepwalk", "-i", "parts/train.csv", *SMALL, *few, "--valid", "parts/valid.csv")
    assert json.loads((folder / "best.npz.tune.json").read_text())["task"] == "links"
    bought = [(u, i) for u in range(12) for i in range(8) if (u + i) % 2]
    (folder / "shop.csv").write_text("user,item\n" + "".join(f"u{u},i{i}\n" for u, i in bought if (u + i) % 5))
    (folder / "held.csv").write_text("user,item\n" + "".join(f"u{u},i{i}\n" for u, i in bought if not (u + i) % 5))
    few[1] = "shop.npz"
    good("tune", "lightgcn", "-i", "shop.csv", "--host", "pyg", "--epochs", "2", *few, "--validation", "held.csv")
    assert json.loads((folder / "shop.npz.tune.json").read_text())["task"] == "recommendation"


def test_what_cannot_be_judged_is_refused_before_any_training(folder, monkeypatch):
    monkeypatch.setattr(runs, "run", lambda *words, **options: pytest.fail("trained"))
    done = call("tune", "deepwalk", "-i", "camps.csv", "-o", "best.npz", *SMALL)
    assert done.exit_code == 2
    assert "labels: got nothing; expected an input with classes of nodes" in done.stderr
    assert "--valid FILE judges by held-out pairs" in done.stderr


def test_a_search_that_found_nothing_stands_in_nobodys_way(folder):
    words = ["-i", "camps.csv", "-o", "best.npz", *SMALL, "--trials", "1", "--minutes", "5"]
    assert call("tune", "deepwalk", *words, "--lr", "0").exit_code == 2
    good("tune", "deepwalk", *words, "--labels", "camp_of.csv")


WRONG = {
    "no pairs": (["--evaluate", "links"], "valid: got nothing; expected an edge list of held-out pairs"),
    "no such task": (["--evaluate", "beauty"], "evaluate: got beauty; expected one of 'classification'"),
    "no range": (["--search", "lr=0.1..0.01"], "search: got lr=0.1..0.01; expected two numbers, the lower first"),
    "no such setting": (
        ["--evaluate", "links", "--valid", "parts/valid.csv", "--search", "lrr=1,2"],
        "did you mean 'lr'",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_calls_get_one_line(folder, case):
    words, message = WRONG[case]
    done = call("tune", "deepwalk", "-i", "parts/train.csv", "-o", "best.npz", *SMALL, *words, "--trials", "7")
    assert done.exit_code == 2
    assert message in done.stderr


def test_settings_are_ranges_or_values():
    assert Setting.of("num_layers=1..4") == Setting("num_layers", (), 1, 4)
    assert Setting.of("aggr=mean,max").values == ("mean", "max")
    assert Setting.of("num_layers=1..4").whole
    assert not Setting.of("dropout=0.0..0.5").logarithmic
    for text in ("lr", "lr=", "=1..2", "lr=a..b"):
        with pytest.raises(InputError):
            Setting.of(text)
