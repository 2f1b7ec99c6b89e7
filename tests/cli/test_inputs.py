"""What a run makes of its input, and says of it: weights that are used or not, names in both columns."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

import graphembed_ext as ge
from graphembed_ext.cli.entry import app

RATED = "user,item,rating\n" + "".join(f"u{u},i{i},{1 + (u + i) % 5}\n" for u in range(4) for i in range(4) if u != i)
FRIENDS = "Ada,Bob\nBob,Cleo\nCleo,Ada\nCleo,Dan\nDan,Eve\nEve,Ada\n"
WALKS = ["--emb-dim", "4", "--walk-length", "8", "--window-size", "2"]


@pytest.fixture
def train(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def call(model, text, *words):
        (tmp_path / "in.csv").write_text(text)
        words = ["train", model, "-i", "in.csv", "-o", "out.npz", "--epochs", "1", "--host", "pyg", *words]
        return CliRunner().invoke(app, words)

    return call


USED = {
    "lightgcn": ([], "lightgcn does NOT use the edge weights: each line is one interaction, whatever its number"),
    "deepwalk": (WALKS, "deepwalk is NOT told to use the edge weights: --weight weight makes it"),
    "deepwalk by weight": ([*WALKS, "--weight", "weight"], "deepwalk goes by the edge weights"),
    "graphsage": (["--features", "one-hot"], "graphsage"),
}


@pytest.mark.parametrize("case", USED)
def test_whether_weights_are_used_is_said_by_model(train, case):
    words, message = USED[case]
    done = train(case.partition(" ")[0], RATED, *words)
    assert done.exit_code == 0, done.output
    assert message in done.stdout.splitlines()[0]
    text = "\n".join(line.rpartition(",")[0] for line in RATED.splitlines()[1:])
    without = train(case.partition(" ")[0], text, *[word for word in words if "weight" not in word])
    assert without.exit_code == 0, without.output
    assert "weight" not in without.stdout.splitlines()[0]


def test_friends_are_no_users_and_items(train):
    done = train("lightgcn", FRIENDS)
    assert done.exit_code == 2
    assert done.stderr.startswith("graphembed: input: got in.csv, where 5 names, such as 'Ada', stand in both columns;")
    assert "Hint: --bipartite takes them for users and items all the same; deepwalk is for nodes of" in done.stderr
    done = train("lightgcn", FRIENDS, "--bipartite")
    assert done.exit_code == 0, done.output
    assert ge.Embeddings.load("out.npz").num_nodes == {"item": 5, "user": 5}
    assert "ATTENTION" not in done.stdout


def test_numbers_in_both_columns_are_said(train):
    """Users and items are often both counted from 0."""
    done = train("lightgcn", "".join(f"{u},{i}\n" for u in range(4) for i in range(4) if u != i))
    assert done.exit_code == 0, done.output
    message = "ATTENTION: 4 names, such as '0', stand in both columns and are taken for a user and an item"
    assert message in done.stdout.splitlines()[0]


def test_a_name_in_both_columns_by_chance_is_said(train):
    text = RATED.replace("i3", "u0")
    done = train("lightgcn", text.replace("u0,u0,", "u0,i2,") + "".join(f"v{i},j{i},1\n" for i in range(9)))
    assert done.exit_code == 0, done.output
    assert "ATTENTION: 1 names, such as 'u0'" in done.stdout
