"""Nodes that are known by ids are shown with the titles that tables of nodes have, and found by them."""

from __future__ import annotations

import csv
import json

import pytest
import torch

import graphembed_ext as ge
from graphembed_ext.readers.node_rows import read_rows
from graphembed_ext.readers.node_titles import titles_in
from tests.cli.commands import call, good

FILMS = ["Alien", "Brazil", "Casablanca", "Diva", "Eraserhead", "Fargo"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Ratings of films by number, the films' titles beside them, and LightGCN trained on both."""
    folder = tmp_path_factory.mktemp("titles")
    rated = [(user, 10 + film) for user in range(6) for film in range(6) if (user + film) % 2 and user != film]
    (folder / "rated.csv").write_text("userId,movieId\n" + "".join(f"{u},{i}\n" for u, i in rated))
    rows = "".join(f"{10 + number},{title},Drama\n" for number, title in enumerate(FILMS))
    (folder / "movies.csv").write_text("movieId,title,genres\n" + rows)
    words = ["-i", folder / "rated.csv", "--dim", "4", "--epochs", "2", "--host", "pyg"]
    good("train", "lightgcn", *words, "--nodes", f"item={folder / 'movies.csv'}", "-o", folder / "known.npz")
    good("train", "lightgcn", *words, "-o", folder / "bare.npz")
    return folder


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("movieId,title,genres\n" + "".join(f"{i},{t},Drama\n" for i, t in enumerate(FILMS)), 1),
        ("id,artist_name,plays\n" + "".join(f"{i},{t},{i}\n" for i, t in enumerate(FILMS)), 1),
        ("".join(f"{i}|{t}|01-Jan-1995||0|1\n" for i, t in enumerate(FILMS)), 1),
        ("id,label\n" + "".join(f"{i},{'ab'[i % 2]}\n" for i in range(6)), None),
        ("".join(f"{i}|{20 + i % 2}|M|technician|8571{i}\n" for i in range(6)), None),
    ],
    ids=["movielens", "names", "u.item", "classes", "u.user"],
)
def test_the_column_with_titles(tmp_path, text, place):
    (tmp_path / "nodes.txt").write_text(text)
    titles, _ = read_rows(tmp_path / "nodes.txt", None, {str(i) for i in range(6)}, titles_in)
    assert titles == ({} if place is None else {str(i): title for i, title in enumerate(FILMS)})


@pytest.mark.parametrize("words", [["known.npz"], ["bare.npz", "--nodes", "item=movies.csv"]])
def test_recommendations_have_titles(shop, monkeypatch, words):
    monkeypatch.chdir(shop)
    (found,) = json.loads(good("recommend", words[0], "1", "-k", "2", *words[1:], "--json").stdout)
    assert found["items"]
    for entry in found["items"]:
        assert list(entry) == ["item", "title", "score"]
        assert entry["title"] == FILMS[int(entry["item"]) - 10]
    assert found["items"][0]["title"] in good("recommend", words[0], "1", *words[1:]).stdout
    good("recommend", words[0], "--all", *words[1:], "-o", "lists.csv")
    with open("lists.csv", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["user", "rank", "item", "title", "score"]
    assert all(title == FILMS[int(item) - 10] for _, _, item, title, _ in rows[1:])


def test_neighbours_have_titles_and_are_found_by_them(shop, monkeypatch):
    monkeypatch.chdir(shop)
    by_id = json.loads(good("neighbors", "known.npz", "12", "--type", "item", "--json").stdout)
    by_title = json.loads(good("neighbors", "known.npz", "casablanca", "--json").stdout)
    assert by_id == by_title
    assert (by_id["node"], by_id["title"]) == ("12", "Casablanca")
    assert [entry["title"] for entry in by_id["neighbors"]] == [FILMS[int(e["node"]) - 10] for e in by_id["neighbors"]]
    assert "nearest to 12 (Casablanca), item" in good("neighbors", "known.npz", "Casablanca").stdout
    done = call("neighbors", "known.npz", "Cassablanca")
    assert (done.exit_code, "did you mean 'Casablanca'" in done.stderr) == (2, True)
    good("neighbors", "known.npz", "Diva", "Fargo", "-k", "2", "-o", "near.csv")
    with open("near.csv", newline="") as file:
        assert next(csv.reader(file)) == ["of", "node", "title", "type", "cosine"]


def test_without_tables_all_is_as_before(shop, monkeypatch):
    monkeypatch.chdir(shop)
    (found,) = json.loads(good("recommend", "bare.npz", "1", "-k", "1", "--json").stdout)
    assert list(found["items"][0]) == ["item", "score"]
    found = json.loads(good("neighbors", "bare.npz", "12", "--type", "item", "-k", "1", "--json").stdout)
    assert list(found["neighbors"][0]) == ["node", "type", "cosine"]


def test_titles_that_are_gone_are_told(shop, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    emb = ge.Embeddings(torch.eye(2), names={"_N": ["a", "b"]})
    emb.save("emb.npz")
    job = {"model": "deepwalk", "input": "a.csv", "output": "emb.npz", "nodes": ["gone.csv"]}
    (tmp_path / "emb.npz.json").write_text(json.dumps({"job": job}))
    done = good("neighbors", "emb.npz", "a")
    assert "without the titles of the run's nodes: gone.csv" in done.stderr


def test_a_title_of_several_nodes_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ge.Embeddings(torch.eye(3), names={"_N": ["1", "2", "3"]}).save("emb.npz")
    (tmp_path / "nodes.csv").write_text("id,title\n1,Hamlet\n2,Hamlet\n3,Lear\n")
    done = call("neighbors", "emb.npz", "Hamlet", "--nodes", "nodes.csv")
    assert (done.exit_code, "expected one of 1, 2: each has this title" in done.stderr) == (2, True)
