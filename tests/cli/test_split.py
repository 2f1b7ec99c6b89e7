"""``graphembed split``: the files that it writes hold the lines of the list, and the other commands take them."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from tests.cli.commands import call, good

PARTS = ("train", "valid", "test")


def rows(path):
    with path.open(newline="") as file:
        return [tuple(row) for row in csv.reader(file)]


def ratings(lines=400, seed=0):
    """User, item, rating, time; names with commas and quotation marks in them."""
    draws = np.random.default_rng(seed)
    return [
        (f'u{u} "the {u}th", jr', f"i{i}", str(draws.integers(1, 6)), str(880000000 + int(when)))
        for u, i, when in zip(
            draws.integers(0, 20, lines), draws.integers(0, 25, lines), draws.permutation(lines) * 1000, strict=True
        )
    ]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with (tmp_path / "ratings.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("user_id", "item_id", "rating", "timestamp"), *ratings()])
    return tmp_path


@pytest.mark.parametrize("strategy", ["random", "time", "last", "user", "user-time"])
def test_lines_are_those_of_the_list_and_the_commands_take_them(folder, strategy):
    done = good("split", "ratings.csv", "-o", "parts", "--strategy", strategy)
    found = {name: rows(folder / "parts" / f"{name}.csv") for name in PARTS}
    assert {tuple(part[0]) for part in found.values()} == {("user_id", "item_id", "rating", "timestamp")}
    listed = [row for part in found.values() for row in part[1:]]
    whole = ratings()
    assert all(listed.count(row) <= whole.count(row) for row in set(listed))
    about = json.loads((folder / "parts" / "split.json").read_text())
    assert about["lines"] == {name: len(part) - 1 for name, part in found.items()}
    assert about["left_out"] == len(whole) - len(listed)
    pairs = {name: {row[:2] for row in part[1:]} for name, part in found.items()}
    assert not pairs["train"] & pairs["valid"]
    assert not (pairs["train"] | pairs["valid"]) & pairs["test"]
    if strategy == "time":
        times = {name: [float(row[3]) for row in part[1:]] for name, part in found.items()}
        assert max(times["train"]) < min(times["valid"]) <= max(times["valid"]) < min(times["test"])
    assert f"train.csv {len(found['train']) - 1} lines" in done.stdout
    small = ["--embedding-dim", "4", "--epochs", "2", "--host", "pyg"]
    good("train", "lightgcn", "-i", "parts/train.csv", "--validation", "parts/valid.csv", "-o", "emb.npz", *small)
    good("evaluate", "emb.npz", "recommendation", "--test", "parts/test.csv")
    good("evaluate", "emb.npz", "links", "--test", "parts/test.csv")
    good("recommend", "emb.npz", whole[0][0], "-k", "2")


def test_lines_without_titles_get_some(folder):
    (folder / "u.data").write_text("".join("\t".join((u[1:3], i[1:], r, t)) + "\n" for u, i, r, t in ratings()))
    good("split", "u.data", "--min-rating", "3")
    part = rows(folder / "u.split" / "train.csv")
    assert part[0] == ("user", "item", "weight", "time")
    assert min(int(row[2]) for row in part[1:]) == 3
    done = good("train", "lightgcn", "-i", "u.split/train.csv", "-o", "emb.npz", "--epochs", "1", "--host", "pyg")
    assert "20 user" in done.stdout


def test_a_graph_of_several_types_is_parted_by_relation(folder):
    draws = np.random.default_rng(0)
    kinds = [("author", "writes", "paper", 30, 40), ("paper", "has", "term", 40, 10)]
    lines = {
        (a, f"{a[0]}{draws.integers(x)}", word, b, f"{b[0]}{draws.integers(y)}")
        for a, word, b, x, y in kinds
        for _ in range(300)
    }
    with (folder / "typed.csv").open("w", newline="") as file:
        titles = ("source_type", "source", "relation", "target_type", "target")
        csv.writer(file).writerows([titles, *sorted(lines)])
    good("split", "typed.csv", "-o", "parts", "--shares", "0.6,0.2,0.2")
    found = {name: rows(folder / "parts" / f"{name}.csv")[1:] for name in PARTS}
    assert sorted(row for part in found.values() for row in part) == sorted(lines)
    for word in ("writes", "has"):
        size = sum(line[2] == word for line in lines)
        assert abs(sum(row[2] == word for row in found["test"]) - 0.2 * size) <= 1
    nodes = {(row[at], row[at + 1]) for line in [found["train"]] for row in line for at in (0, 3)}
    assert nodes == {(row[at], row[at + 1]) for row in lines for at in (0, 3)}
    words = ["--metapath", "author-paper-term-paper-author", "--window-size", "2", "--epochs", "1", "--emb-dim", "4"]
    good("train", "metapath2vec", "-i", "parts/train.csv", "-o", "emb.npz", "--host", "pyg", *words)


def test_a_matrix_is_parted_by_its_ids(folder):
    import scipy.io
    import scipy.sparse as sp

    matrix = sp.random(60, 60, 0.2, random_state=0, data_rvs=lambda size: np.ones(size)).tocsr()
    scipy.io.mmwrite(folder / "graph.mtx", ((matrix + matrix.T) > 0).astype(float))
    good("split", "graph.mtx", "-o", "parts")
    found = {name: rows(folder / "parts" / f"{name}.csv") for name in PARTS}
    dense = ((matrix + matrix.T) > 0).toarray()
    wanted = {frozenset((str(i), str(j))) for i in range(60) for j in range(i + 1) if dense[i, j]}
    listed = [frozenset(row[:2]) for part in found.values() for row in part[1:]]
    assert set(listed) == wanted
    assert len(listed) == len(wanted)
    small = ["--emb-dim", "4", "--walk-length", "8", "--epochs", "1", "--host", "pyg"]
    good("train", "deepwalk", "-i", "parts/train.csv", "-o", "emb.npz", *small)
    good("evaluate", "emb.npz", "links", "--test", "parts/test.csv")


def test_columns_that_a_person_names_are_titled_so(folder):
    with (folder / "calls.csv").open("w", newline="") as file:
        calls = [(n, f"p{n % 17}", f"p{(n // 17) % 17}", f"2024-01-{n % 28 + 1:02}") for n in range(289)]
        csv.writer(file).writerows([("no", "who", "whom", "on"), *calls])
    words = ["--columns", "source=who,target=whom", "--strategy", "time", "--time", "on"]
    done = good("split", "calls.csv", "-o", "parts", *words)
    assert "times are those of column 'on'" in done.stdout
    assert json.loads((folder / "parts" / "split.json").read_text())["time"] == "on"
    assert (folder / "parts" / "train.csv").read_text().startswith("no,source,target,on\n")
    good(
        "train",
        "deepwalk",
        "-i",
        "parts/train.csv",
        "-o",
        "emb.npz",
        "--emb-dim",
        "4",
        "--epochs",
        "1",
        "--host",
        "pyg",
    )


def test_files_that_are_there_stay_unless_forced(folder):
    good("split", "ratings.csv", "-o", "parts")
    before = (folder / "parts" / "train.csv").read_bytes()
    done = call("split", "ratings.csv", "-o", "parts", "--seed", "1")
    assert done.exit_code == 2
    assert "--force replaces them" in done.stderr
    assert (folder / "parts" / "train.csv").read_bytes() == before
    good("split", "ratings.csv", "-o", "parts", "--seed", "1", "--force")
    assert (folder / "parts" / "train.csv").read_bytes() != before
    (folder / "parts" / "again.csv").write_bytes((folder / "ratings.csv").read_bytes())
    done = call("split", "parts/train.csv", "-o", "parts", "--force")
    assert done.exit_code == 2
    assert "which it would replace" in done.stderr


WRONG = {
    "no such strategy": (["ratings.csv", "-s", "tim"], "strategy: got tim; expected one of 'random'"),
    "shares that are none": (["ratings.csv", "--shares", "most"], "shares: got most; expected three numbers"),
    "no times": (["friends.csv", "-s", "time"], "times of the edges, which the strategy time goes by"),
    "no such column": (["ratings.csv", "-s", "time", "--time", "wen"], "time: got wen; expected a column: user_id"),
    "no time": (["ratings.csv", "-s", "time", "--time", "item_id"], "line 2: got 'i"),
    "no ratings": (["friends.csv", "--min-rating", "3"], "an edge list with a column of ratings"),
    "nothing to hold out": (["pairs.csv"], "which leaves no line to test"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_calls_get_one_line(folder, case):
    (folder / "friends.csv").write_text("source,target\nAda,Bob\nBob,Cleo\nCleo,Ada\nCleo,Dan\nDan,Eve\n")
    (folder / "pairs.csv").write_text("source,target\nAda,Bob\nCleo,Dan\n")
    words, message = WRONG[case]
    done = call("split", *words, "-o", "parts")
    assert done.exit_code in (1, 2)
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (folder / "parts").exists()
