"""What ``graphembed evaluate`` and ``--evaluate`` judge: nothing that was trained on; and that they say how."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

import graphembed_ext as ge
from graphembed_ext.cli.runs.evaluate import classify
from graphembed_ext.cli.runs.records import Run
from tests.cli.commands import call, good

NODES, CLASSES = 120, 4
BY = "by a regression on"


def table(rows, title=""):
    return title + "".join(",".join(map(str, row)) + "\n" for row in rows)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A ring with random labels, which nobody can tell, and GraphSAGE trained on part of them."""
    folder = tmp_path_factory.mktemp("evaluate")
    labels = np.random.default_rng(0).integers(0, CLASSES, NODES)
    (folder / "ring.csv").write_text(table((i, (i + 1) % NODES) for i in range(NODES)))
    (folder / "chance.csv").write_text(table(enumerate(labels), "node,class\n"))
    words = ["-i", folder / "ring.csv", "--features", "one-hot", "--labels", folder / "chance.csv", "--host", "pyg"]
    words += ["--hidden-channels", "64", "--epochs", "150", "--set", "patience=null"]
    done = good("train", "graphsage", *words, "--split", "0.5,0.1,0.4", "-o", folder / "sage.parquet", "--evaluate")
    (folder / "report.txt").write_text(done.stdout)
    good("train", "graphsage", *words, "--split", "0.5,0.5", "-o", folder / "none_left.parquet")
    return folder


def test_random_labels_are_not_told_better_than_by_chance(folder):
    """Vectors know the labels that they were trained on: judged on all nodes, these would seem to be half right."""
    found = json.loads(good("evaluate", folder / "sage.parquet", "--json").stdout)
    assert found["metrics"]["accuracy"] < 0.4
    record = json.loads((folder / "sage.parquet.json").read_text())
    assert found["metrics"] == record["metrics"]["_N"]
    assert found["protocol"] == f"on the 48 test nodes of the run, {BY} the 60 nodes that it was trained on"
    assert found["protocol"] in (folder / "report.txt").read_text()
    assert found["protocol"].partition(",")[0] in good("evaluate", folder / "sage.parquet").stdout


def test_the_test_part_is_that_of_the_run(folder):
    run = Run.of(folder / "sage.parquet")
    features = run.graph.view.features["_N"]
    train, test = (features[f"{part}_mask"].numpy() for part in ("train", "test"))
    x, y = ge.Embeddings.load(folder / "sage.parquet").tensor.numpy(), features["y"].numpy()
    expected = LogisticRegression(max_iter=1000).fit(x[train], y[train]).score(x[test], y[test])
    found = json.loads(good("evaluate", folder / "sage.parquet", "--json").stdout)["metrics"]
    assert found["accuracy"] == pytest.approx(expected)


def test_other_labels_are_judged_where_training_saw_none(folder):
    """A file of one's own may have labels of nodes that are in no part of the run's."""
    rows = [(i, i % 2) for i in range(NODES)]
    (folder / "parity.csv").write_text(table(rows, "node,class\n"))
    words = ["evaluate", folder / "sage.parquet", "--labels", folder / "parity.csv", "--json"]
    assert json.loads(good(*words).stdout)["protocol"].startswith("on the 48 test nodes of the run")


def test_without_a_test_part_it_is_refused(folder):
    done = call("evaluate", folder / "none_left.parquet")
    assert done.exit_code == 2
    assert "labels: got labels of nodes that the model was trained on alone; expected a test part" in done.stderr
    assert "--split 0.6,0.2,0.2" in done.stderr


def test_labels_that_were_not_learned_from_have_random_splits(folder):
    words = ["-i", folder / "ring.csv", "--features", "one-hot", "--labels", folder / "chance.csv", "--host", "pyg"]
    words += ["--hidden-channels", "8", "--epochs", "1", "--set", "task=links", "--evaluate"]
    done = good("train", "graphsage", *words, "-o", folder / "links.npz")
    assert "classification, half of the labels for training, 10 splits: " in done.stdout
    assert ge.Embeddings.load(folder / "links.npz").tensor.size(1) == 8  # no class scores


def test_types_that_were_not_trained_on_have_random_splits():
    view = ge.view({("a", "to", "b"): torch.tensor([[0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5]])})
    emb = ge.Embeddings(torch.tensor([[0.0], [0.1], [0.2], [5.0], [5.1], [5.2]]).repeat(2, 1), {"a": 6, "b": 6})
    y = torch.tensor([0, 0, 0, 1, 1, 1])
    masks = {"train_mask": torch.tensor([1, 0, 0, 1, 0, 0]), "test_mask": torch.tensor([0, 1, 1, 0, 1, 1])}
    features = {"a": {name: mask.bool() for name, mask in masks.items()}, "b": {}}
    trained = type(view)(view.num_nodes, view.edges, features)
    found = classify(emb, {"a": y, "b": y}, trained, repeats=3)
    assert found["a"][1] == "on the 4 test nodes of the run, by a regression on the 2 nodes that it was trained on"
    assert found["b"][1] == "half of the labels for training, 3 splits"


@pytest.fixture(scope="module")
def walks(tmp_path_factory):
    """Two camps, all pairs within each joined but for some, which are held out; DeepWalk on the rest."""
    folder = tmp_path_factory.mktemp("links")
    generator = np.random.default_rng(1)
    pairs = [(i, j) for camp in (range(12), range(12, 24)) for i in camp for j in camp if i < j] + [(0, 12)]
    order = generator.permutation(len(pairs) - 1)
    held_out = [pairs[i] for i in order[:20]]
    (folder / "kept.csv").write_text(table(pair for pair in pairs if pair not in held_out))
    (folder / "held_out.csv").write_text(table(held_out))
    (folder / "absent.csv").write_text(table((i, 12 + (5 * i) % 12) for i in range(1, 12)))
    words = ["--emb-dim", "8", "--walk-length", "10", "--window-size", "2", "--epochs", "40", "--lr", "0.05"]
    good("train", "deepwalk", "-i", folder / "kept.csv", "-o", folder / "walks.npz", *words, "--deterministic")
    return folder


def links(folder, *words, name="walks.npz"):
    words = [folder / name, "links", "--test", folder / "held_out.csv", *words, "--json"]
    return json.loads(good("evaluate", *words).stdout)


def test_links_of_walks_are_judged_as_node2vec_was(walks):
    found = links(walks)
    kept = len((walks / "kept.csv").read_text().splitlines())
    assert found["protocol"] == (
        "by a logistic regression on the products of both vectors, entry by entry, learned from "
        f"{kept} edges of the run and as many pairs that are none"
    )
    assert found == links(walks, "--score", "hadamard")
    assert found["metrics"]["auc"] > 0.9
    assert "by a logistic regression" in " ".join(
        good("evaluate", walks / "walks.npz", "links", "--test", walks / "held_out.csv").stdout.split()
    )


@pytest.mark.parametrize("score", ["dot", "cosine"])
def test_links_by_other_scores_are_those_of_the_library(walks, score):
    found = links(walks, "--score", score, "--negative", walks / "absent.csv")
    emb = ge.Embeddings.load(walks / "walks.npz")
    place = {name: i for i, name in enumerate(emb.names["_N"])}
    pairs = [
        torch.tensor([[place[name] for name in line.split(",")] for line in (walks / name).read_text().split()]).t()
        for name in ("held_out.csv", "absent.csv")
    ]
    assert found["metrics"] == ge.evaluate.link_prediction(emb, *pairs, score=score)
    assert f"by the {'dot product' if score == 'dot' else score} of both vectors" in found["protocol"]


def test_links_without_a_record_are_judged_by_the_dot_product(walks):
    ge.Embeddings.load(walks / "walks.npz").save(walks / "bare.npz")
    assert links(walks, name="bare.npz")["protocol"] == "by the dot product of both vectors"
    done = call("evaluate", walks / "bare.npz", "links", "--test", walks / "held_out.csv", "--score", "hadamard")
    assert done.exit_code == 2
    assert "score: got hadamard; expected dot or cosine, as no record names edges" in done.stderr


def test_links_between_types_that_no_edge_joins_are_judged_by_cosine(walks):
    rows = [f"a{i},p{i % 3},author,paper" for i in range(9)]
    (walks / "papers.csv").write_text("\n".join(["source,target,source_type,target_type", *rows]) + "\n")
    words = ["-i", walks / "papers.csv", "--metapath", "author-paper-author", "--window-size", "1", "--emb-dim", "4"]
    good("train", "metapath2vec", *words, "--epochs", "2", "-o", walks / "papers.npz")
    (walks / "coauthors.csv").write_text("a0,a3\na1,a4\n")
    words = ["evaluate", walks / "papers.npz", "links", "--test", walks / "coauthors.csv"]
    assert json.loads(good(*words, "--json").stdout)["protocol"] == "by the cosine of both vectors"
    done = call(*words, "--score", "hadamard")
    assert done.exit_code == 2
    assert "score: got hadamard; expected dot or cosine" in done.stderr


def test_few_pairs_that_are_none_are_enough_to_learn_from(walks):
    """Of 5 nodes 7 pairs are joined and one is held out; of the two that are left one is judged."""
    pairs = [(i, j) for i in range(5) for j in range(i) if (i, j) not in ((4, 0), (3, 0), (2, 0))]
    (walks / "dense.csv").write_text(table(pairs))
    (walks / "last.csv").write_text("4,0\n")
    words = ["--emb-dim", "4", "--walk-length", "6", "--window-size", "1", "--epochs", "2"]
    good("train", "deepwalk", "-i", walks / "dense.csv", "-o", walks / "dense.npz", *words)
    done = good("evaluate", walks / "dense.npz", "links", "--test", walks / "last.csv", "--json")
    assert "learned from 7 edges of the run and 2 pairs that are none" in json.loads(done.stdout)["protocol"]


@pytest.mark.parametrize("turned", [False, True])
def test_links_that_were_trained_on_are_refused(walks, turned):
    rows = [line.split(",") for line in (walks / "kept.csv").read_text().split()[:3]]
    (walks / "seen.csv").write_text(table([row[::-1] if turned else row for row in rows]))
    done = call("evaluate", walks / "walks.npz", "links", "--test", walks / "seen.csv")
    assert done.exit_code == 2
    assert "where 3 of 3 pairs are edges of the run's input" in done.stderr
    assert "expected pairs that training did not see" in done.stderr


def test_scores_are_named():
    done = call("evaluate", "--help", env={"COLUMNS": "200", "TERMINAL_WIDTH": "200"})
    assert all(word in done.output for word in ("hadamard", "cosine", "node2vec"))


def test_labels_of_nodes_without_a_vector_are_counted_and_left_out(folder):
    """A label table names nodes that have no edges, as CiteSeer's does."""
    rows = [(i, i % 2) for i in range(NODES)]
    (folder / "known.csv").write_text(table(rows, "node,class\n"))
    (folder / "more.csv").write_text(table([("x1", 1), *rows, (9999, 0)], "node,class\n"))
    (folder / "others.csv").write_text(table([("x1", 1), ("x2", 0)], "node,class\n"))
    words = ["evaluate", folder / "sage.parquet", "--json", "--labels"]
    known, more = good(*words, folder / "known.csv"), good(*words, folder / "more.csv")
    assert json.loads(more.stdout) == json.loads(known.stdout)
    assert f"2 rows of {folder / 'more.csv'} left out, of nodes without a vector, such as 'x1'" in more.stderr
    assert "left out" not in known.stderr
    done = call(*words, folder / "others.csv")
    assert done.exit_code == 2
    assert "no node that is known (but 'x1')" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_links_of_nodes_without_a_vector_are_counted_and_left_out(folder):
    (folder / "held.csv").write_text("source,target\n0,40\n1,50\n2,60\n")
    (folder / "held_more.csv").write_text("source,target\n0,40\nnew,1\n1,50\n2,60\n")
    (folder / "none.csv").write_text("source,target\n0,70\n1,80\n5,new\n")
    words = ["evaluate", folder / "sage.parquet", "links", "--json", "--test"]
    known, more = good(*words, folder / "held.csv"), good(*words, folder / "held_more.csv")
    assert json.loads(more.stdout)["metrics"] == json.loads(known.stdout)["metrics"]
    assert "1 of 4 pairs in" in more.stderr
    done = good(*words, folder / "held.csv", "--negative", folder / "none.csv")
    assert "1 of 3 pairs in" in done.stderr


def test_what_is_trivial_stands_beside_it(folder, walks):
    """The commonest class and degrees on the same test nodes; common neighbours on the same pairs; and the spread."""
    found = json.loads(good("evaluate", folder / "sage.parquet", "--json").stdout)
    assert set(found["references"]) == {"majority class", "degrees"}
    run = Run.of(folder / "sage.parquet").graph.view.features["_N"]
    common = int(torch.mode(run["y"][run["train_mask"]]).values)
    share = float((run["y"][run["test_mask"]] == common).double().mean())
    assert found["references"]["majority class"]["accuracy"] == pytest.approx(share)
    assert "spread" not in found

    words = ["links", "--test", walks / "held_out.csv", "--repeats", "3", "--json"]
    found = json.loads(good("evaluate", walks / "walks.npz", *words).stdout)
    assert set(found["references"]) == {"common neighbours", "preferential attachment"}
    assert found["protocol"].endswith("3 draws")
    words = ["links", "--test", walks / "held_out.csv", "--no-references", "--json", "--seed"]
    each = [json.loads(good("evaluate", walks / "walks.npz", *words, seed).stdout) for seed in range(3)]
    auc = [once["metrics"]["auc"] for once in each]
    assert found["metrics"]["auc"] == pytest.approx(np.mean(auc))
    assert found["spread"]["auc"] == pytest.approx(np.std(auc, ddof=1))
    assert "references" not in each[0]


def test_the_split_of_the_input_judges_what_learned_from_no_labels(data_root, tmp_path):
    """Planetoid's public split; the oracle is the regression itself."""
    root = data_root / "Planetoid"
    words = ["-i", "Planetoid/Cora", "--root", root, "--emb-dim", "16", "--walk-length", "8", "--epochs", "1"]
    good("train", "deepwalk", *words, "--host", "pyg", "-o", tmp_path / "emb.npz")
    found = json.loads(good("evaluate", tmp_path / "emb.npz", "--public-split", "--json").stdout)
    assert found["protocol"].startswith("on the 1000 test nodes of the input's own split, by a regression on its 140")
    features = Run.of(tmp_path / "emb.npz").graph.view.features["_N"]
    x, y = ge.Embeddings.load(tmp_path / "emb.npz").numpy(), features["y"].numpy()
    train, test = (features[f"{part}_mask"].numpy() for part in ("train", "test"))
    expected = LogisticRegression(max_iter=1000).fit(x[train], y[train]).score(x[test], y[test])
    assert found["metrics"]["accuracy"] == pytest.approx(expected)
    assert set(found["references"]) == {"majority class", "degrees", "features"}


def test_an_input_without_a_split_is_refused(walks):
    (walks / "of.csv").write_text("node,class\n" + "".join(f"{node},{node % 2}\n" for node in range(4)))
    done = call("evaluate", walks / "walks.npz", "--public-split", "--labels", walks / "of.csv")
    assert done.exit_code == 2
    assert "whose input has no masks" in done.stderr
