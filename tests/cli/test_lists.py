"""Edge lists cut by rating and followed in the order of time, and edges that are held out, from the command line."""

from __future__ import annotations

import json

import numpy as np
import pytest

import graphembed_ext as ge
from graphembed_ext.cli.runs import lists
from graphembed_ext.cli.runs.inputs import prepared
from graphembed_ext.cli.runs.job import Job
from graphembed_ext.readers.lines import lines_of
from tests.cli.commands import call

RATINGS = ("Ann,tea,5,30", "Ann,jam,2,10", "Ben,tea,4,20", "Ben,jam,5,90", "Cleo,milk,1,40", "Cleo,tea,4,50")
RATED = "\n".join(["user,item,rating,timestamp", *RATINGS]) + "\n"
SENT = ("Ada,Bob,2024-01-03", "Bob,Cleo,2024-01-05", "Bob,Cleo,2024-01-01", "Cleo,Dan,2024-01-09", "Dan,Dan,2024-01-02")
MAILS = "\n".join(["from,to,sent", *SENT]) + "\n"
WALKS = ["--dim", "4", "--walk-length", "6", "--window-size", "2", "--epochs", "2", "--host", "pyg", "--deterministic"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "rated.csv").write_text(RATED)
    (tmp_path / "mails.csv").write_text(MAILS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_lines_rated_too_low_are_as_if_they_were_not_there(folder):
    lines = RATED.splitlines()
    good = [line for line in lines[1:] if int(line.split(",")[2]) >= 4]
    (folder / "good.csv").write_text("\n".join([lines[0], *good]) + "\n")
    words = ["--dim", "4", "--epochs", "2", "--host", "pyg"]
    done = call("train", "lightgcn", "-i", "rated.csv", "--min-rating", "4", "-o", "a.npz", *words)
    assert done.exit_code == 0, done.output
    assert "2 of 6 lines have a rating below 4" in done.output
    assert call("train", "lightgcn", "-i", "good.csv", "-o", "b.npz", *words).exit_code == 0
    first, second = (ge.Embeddings.load(folder / name) for name in ("a.npz", "b.npz"))
    assert first.names == second.names
    assert np.array_equal(first.tensor, second.tensor)
    record = json.loads((folder / "a.npz.json").read_text())
    assert record["job"]["min_rating"] == 4
    assert call("train", "--config", "a.npz.json", "-o", "c.npz").exit_code == 0
    assert np.array_equal(ge.Embeddings.load(folder / "c.npz").tensor, first.tensor)


def test_a_wrong_line_is_left_out_of_a_list_that_is_cut_by_rating(folder):
    (folder / "wrong.csv").write_text(RATED.replace("Ben,tea", "Ben\nBen,tea"))
    words = ["--min-rating", "4", "--dim", "4", "--epochs", "2", "--host", "pyg"]
    done = call("train", "lightgcn", "-i", "wrong.csv", "--skip-bad", "1", "-o", "a.npz", *words)
    assert done.exit_code == 0, done.output
    assert "1 line LEFT OUT as wrong (line 4: 1 column, 'Ben')" in " ".join(done.output.split())
    assert call("train", "lightgcn", "-i", "rated.csv", "-o", "b.npz", *words).exit_code == 0
    first, second = (ge.Embeddings.load(folder / name) for name in ("a.npz", "b.npz"))
    assert first.names == second.names
    assert np.array_equal(first.tensor, second.tensor)


@pytest.mark.parametrize("directed", [False, True])
def test_every_line_is_an_edge_at_its_time(folder, directed):
    job = Job("deepwalk", "mails.csv", folder / "out.npz", time_column="sent", reading={"directed": directed})
    source = prepared(job, "skip_gram")
    names = source.names["_N"]
    wanted = []
    for line in MAILS.splitlines()[1:]:
        first, second, day = line.split(",")
        time = np.datetime64(day).astype("datetime64[s]").astype(float)
        wanted.append((first, second, time))
        if not directed and first != second:
            wanted.append((second, first, time))
    src, dst = source.view.edges[source.view.edge_types[0]]
    times = source.view.edge_features[source.view.edge_types[0]]["time"]
    found = [(names[a], names[b], t) for a, b, t in zip(src.tolist(), dst.tolist(), times.tolist(), strict=True)]
    assert sorted(found) == sorted(wanted)
    assert not any("times, left out" in note for note in source.notes)


def test_users_and_items_are_joined_at_their_times(folder):
    job = Job("deepwalk", "rated.csv", folder / "out.npz", time_column="timestamp", min_rating=4)
    view = prepared(job, "skip_gram").view
    assert {kind: len(src) for kind, (src, _) in view.edges.items()} == {
        ("item", "rev_to", "user"): 4,
        ("user", "to", "item"): 4,
    }
    assert sorted(view.edge_features["user", "to", "item"]["time"].tolist()) == [20, 30, 50, 90]


def test_times_that_are_numbers(folder):
    job = Job("deepwalk", "rated.csv", folder / "out.npz", time_column="timestamp")
    view = prepared(job, "skip_gram").view
    kind = next(kind for kind in view.edge_types if not kind[1].startswith("rev_"))
    assert sorted(set(view.edge_features[kind]["time"].tolist())) == [10, 20, 30, 40, 50, 90]


def test_several_lists_are_joined_each_line_at_its_time(folder):
    (folder / "later.csv").write_text("from,to,sent\nEve,Ada,2024-02-01\nAda,Bob,2024-02-02\n")
    job = Job(
        "deepwalk", ["mails.csv", "later.csv"], folder / "out.npz", time_column="sent", reading={"directed": True}
    )
    source = prepared(job, "skip_gram")
    (kind,) = source.view.edge_types
    names, (src, dst) = source.names["_N"], source.view.edges[kind]
    times = source.view.edge_features[kind]["time"].tolist()
    found = [(names[a], names[b], t) for a, b, t in zip(src.tolist(), dst.tolist(), times, strict=True)]
    wanted = [line.split(",") for line in [*SENT, "Eve,Ada,2024-02-01", "Ada,Bob,2024-02-02"]]
    day = {text: np.datetime64(text).astype("datetime64[s]").astype(float) for _, _, text in wanted}
    assert sorted(found) == sorted((first, second, day[text]) for first, second, text in wanted)


def test_a_list_is_parted_into_lines_once_for_ratings_and_times(folder, monkeypatch):
    read = []
    monkeypatch.setattr(lists, "lines_of", lambda source, **how: read.append(source) or lines_of(source, **how))
    prepared(Job("deepwalk", "rated.csv", folder / "out.npz", time_column="timestamp", min_rating=4), "skip_gram")
    assert read == ["rated.csv"]


def test_walks_follow_time_from_the_command_line(folder):
    words = ["train", "deepwalk", "-i", "mails.csv", "--directed", "--time-column", "sent", *WALKS]
    done = call(*words, "-o", "a.npz")
    assert done.exit_code == 0, done.output
    assert "column sent has the times" in done.output
    record = json.loads((folder / "a.npz.json").read_text())
    assert record["config"]["time"] == "time"
    job = Job.of_options(record["job"])
    graph = prepared(job, "skip_gram").view
    model = ge.DeepWalk(graph, emb_dim=4, walk_length=6, window_size=2, seed=0, time="time")
    ge.fit(model, epochs=2, seed=0, deterministic=True, progress=False)
    assert np.array_equal(ge.embed(model).tensor, ge.Embeddings.load(folder / "a.npz").tensor)


def test_held_out_edges_watch_walks(folder):
    (folder / "held.csv").write_text("from,to\nAda,Dan\nAda,Cleo\n")
    words = ["train", "deepwalk", "-i", "mails.csv", *WALKS, "--epochs", "30", "--validation", "held.csv"]
    done = call(*words, "--patience", "2", "-o", "a.npz")
    assert done.exit_code == 0, done.output
    record = json.loads((folder / "a.npz.json").read_text())
    assert record["monitor"] == "val_auc"
    assert "val_auc" in record["history"][0]
    assert len(record["history"]) < 30


def test_device_and_precision(folder):
    words = ["train", "deepwalk", "-i", "mails.csv", *WALKS]
    done = call(*words, "--device", "cpu", "--precision", "bf16", "-o", "a.npz")
    assert done.exit_code == 0, done.output
    assert json.loads((folder / "a.npz.json").read_text())["training"]["precision"] == "bf16"
    done = call(*words, "--device", "cuda:99", "-o", "b.npz")
    assert done.exit_code == 2
    assert "device: got cuda:99; expected one of 'cpu'" in done.output


WRONG = {
    "no ratings": (["lightgcn", "-i", "mails.csv", "--min-rating", "4"], "an edge list with a column of ratings"),
    "no rating high enough": (["lightgcn", "-i", "rated.csv", "--min-rating", "9"], "--min-rating: got 9, below which"),
    "no such column": (
        ["deepwalk", "-i", "mails.csv", "--time-column", "when"],
        "--time-column: got when; expected a column",
    ),
    "times of labels": (
        ["graphsage", "-i", "mails.csv", "--features", "one-hot", "--time-column", "sent"],
        "--time-column: got sent; expected no column: deepwalk and metapath2vec alone",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_calls_name_the_way_out(folder, case):
    words, message = WRONG[case]
    done = call("train", *words, "-o", "out.npz")
    assert done.exit_code in (1, 2)
    assert message in done.output
