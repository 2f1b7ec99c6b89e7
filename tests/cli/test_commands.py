"""The commands beside train, and train's further inputs, on small files; one error each."""

from __future__ import annotations

import csv
import functools
import json
import shlex

import numpy as np
import pytest
import scipy.sparse as sp
import torch

import graphembed_ext as ge
from graphembed_ext._core.optional import installed
from tests.cli.commands import call, good

CAMPS = [(a, b) for camp in ("abcd", "wxyz") for a in camp for b in camp if a < b] + [("d", "w")]
LIKES = [(f"u{u}", f"i{i}") for u in range(6) for i in range(6) if u % 2 == i % 2 and u != i]
HELD_OUT_EDGES = [("a", "c"), ("w", "y")]
HELD_OUT = [("u0", "i0"), ("u1", "i1")]
SMALL = [
    "--emb-dim",
    "8",
    "--walk-length",
    "8",
    "--window-size",
    "2",
    "--epochs",
    "30",
    "--lr",
    "0.1",
    "--deterministic",
]


def lines(pairs, title=""):
    return title + "".join(",".join(pair) + "\n" for pair in pairs)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Files, and embeddings trained on them once."""
    folder = tmp_path_factory.mktemp("commands")
    (folder / "camps.csv").write_text(lines(CAMPS))
    (folder / "camp_of.csv").write_text(lines([(n, "left" if n < "m" else "right") for n in "abcdwxyz"], "node,camp\n"))
    (folder / "likes.csv").write_text(lines(LIKES))
    (folder / "held_out.csv").write_text(lines(HELD_OUT))
    (folder / "turned.csv").write_text(lines([pair[::-1] for pair in HELD_OUT]))
    ge.Embeddings(torch.eye(3), names={"_N": ["Dan", "Ann", "Bob"]}).save(folder / "names.npz")
    typed = [f"{a},{p},author,paper,writes" for a, p in zip("abcdef", "123123", strict=True)]
    (folder / "papers.csv").write_text("\n".join(["source,target,source_type,target_type,relation", *typed]) + "\n")
    (folder / "areas.csv").write_text(lines([(n, (n in "abd" and "old") or "new") for n in "abcdef"]))
    good("train", "deepwalk", "-i", folder / "camps.csv", "-o", folder / "camps.parquet", *SMALL)
    words = ["--embedding-dim", "8", "--epochs", "20", "--lr", "0.05", "--set", "validate_every=5", "--set", "k=2"]
    words += ["--validation", folder / "held_out.csv"]
    good("train", "lightgcn", "-i", folder / "likes.csv", "-o", folder / "likes.parquet", *words)
    words = ["--metapath", "APA=author-paper-author", "--features", "author=one-hot", "--labels"]
    words += [f"author={folder / 'areas.csv'}", "--hidden-channels", "8", "--heads", "2", "--epochs", "5"]
    good("train", "han", "-i", folder / "papers.csv", "-o", folder / "han.parquet", *words)
    return folder


def test_neighbors_by_name_and_id(folder):
    found = json.loads(good("neighbors", folder / "camps.parquet", "a", "-k", "3", "--json").stdout)
    assert (found["node"], found["type"]) == ("a", "_N")
    expected = ge.Embeddings.load(folder / "camps.parquet").most_similar("a", 3)
    assert [(entry["node"], entry["cosine"]) for entry in found["neighbors"]] == expected
    table = good("neighbors", folder / "camps.parquet", "a").stdout
    assert "nearest to a" in table
    ge.Embeddings(torch.eye(3)).save(folder / "ids.npz")
    assert [e["node"] for e in json.loads(good("neighbors", folder / "ids.npz", 1, "--json").stdout)["neighbors"]] == [
        0,
        2,
    ]


def test_neighbors_of_several_nodes(folder):
    found = json.loads(good("neighbors", folder / "camps.parquet", "a", "b", "-k", "2", "--json").stdout)
    emb = ge.Embeddings.load(folder / "camps.parquet")
    assert [entry["node"] for entry in found] == ["a", "b"]
    for entry in found:
        own = [(other["node"], other["cosine"]) for other in entry["neighbors"]]
        assert own == emb.most_similar(entry["node"], 2)
    shown = good("neighbors", folder / "camps.parquet", "a", "b").stdout
    assert "nearest to a" in shown
    assert "nearest to b" in shown


def test_neighbors_of_another_type(folder):
    words = ["neighbors", folder / "likes.parquet", "u0", "--among", "item", "-k", "2", "--json"]
    found = json.loads(good(*words).stdout)
    assert {entry["type"] for entry in found["neighbors"]} == {"item"}
    assert found["type"] == "user"


@pytest.mark.skipif(not installed("usearch"), reason="usearch is not installed")
def test_neighbors_by_index(folder):
    good("export", folder / "camps.parquet", folder / "camps.usearch")
    words = ["neighbors", folder / "camps.parquet", "a", "-k", "3", "--json"]
    by_index = json.loads(good(*words, "--index", folder / "camps.usearch").stdout)
    assert by_index["neighbors"][0]["node"] == json.loads(good(*words).stdout)["neighbors"][0]["node"]


def test_recommend_leaves_out_what_is_known(folder):
    known = {item for user, item in LIKES if user == "u0"}
    for flags, expected in ([], set()), (["--known"], known):
        words = ["recommend", folder / "likes.parquet", "u0", "u1", "-k", "4", "--json", *flags]
        found = json.loads(good(*words).stdout)
        assert [entry["user"] for entry in found] == ["u0", "u1"]
        items = [entry["item"] for entry in found[0]["items"]]
        assert len(items) == 4
        assert expected <= set(items)
        if not flags:
            assert not known & set(items)
            assert items[0] == "i0"  # the one of its camp that is left
        scores = [entry["score"] for entry in found[0]["items"]]
        assert scores == sorted(scores, reverse=True)


def test_recommend_writes_the_items_of_every_user(folder, tmp_path):
    good("recommend", folder / "likes.parquet", "--all", "-k", "3", "-o", tmp_path / "lists.csv")
    with (tmp_path / "lists.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["user", "rank", "item", "score"]
    users = sorted({user for user, _ in LIKES})
    for user in users:
        told = json.loads(good("recommend", folder / "likes.parquet", user, "-k", "3", "--json").stdout)[0]["items"]
        own = [(item, float(score)) for name, rank, item, score in rows[1:] if name == user]
        assert own == [(entry["item"], pytest.approx(entry["score"])) for entry in told]
    assert {row[0] for row in rows[1:]} == set(users)


def test_neighbours_and_places_go_into_tables(folder, tmp_path):
    good("neighbors", folder / "camps.parquet", "a", "-k", "3", "-o", tmp_path / "near.csv")
    with (tmp_path / "near.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    expected = ge.Embeddings.load(folder / "camps.parquet").most_similar("a", 3)
    assert [(name, float(cosine)) for name, _, cosine in rows[1:]] == expected
    words = ["--labels", folder / "camp_of.csv", "-o", tmp_path / "places.csv"]
    good("plot", folder / "camps.parquet", "map", "--method", "pca", *words)
    with (tmp_path / "places.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["name"], row["group"]) for row in rows][:1] == [("a", "left")]
    emb = ge.Embeddings.load(folder / "camps.parquet")
    places = ge.plots.map_places(emb.tensor, method="pca")
    assert [[float(row["x"]), float(row["y"])] for row in rows] == places.tolist()


def test_evaluate_recommendation_is_that_of_the_library(folder):
    words = ["evaluate", folder / "likes.parquet", "recommendation", "--test", folder / "held_out.csv", "-k", "2"]
    found = json.loads(good(*words, "--json").stdout)["metrics"]
    record = json.loads((folder / "likes.parquet.json").read_text())
    kept = record["history"][record["best_epoch"] - 1]
    assert found["recall@2"] == pytest.approx(kept["val_recall@2"])
    assert found["ndcg@2"] == pytest.approx(kept["val_ndcg@2"])


def test_evaluate_classification_and_links(folder):
    words = ["evaluate", folder / "camps.parquet"]
    found = json.loads(good(*words, "--labels", folder / "camp_of.csv", "--repeats", 3, "--json").stdout)["metrics"]
    assert found["accuracy"] > 0.9
    kept = [pair for pair in CAMPS if pair not in HELD_OUT_EDGES]
    (folder / "kept.csv").write_text(lines(kept))
    good("train", "deepwalk", "-i", folder / "kept.csv", "-o", folder / "kept.parquet", *SMALL)
    (folder / "edges.csv").write_text(lines(HELD_OUT_EDGES))
    (folder / "none.csv").write_text(lines([("a", "z"), ("x", "b")]))
    words = ["evaluate", folder / "kept.parquet", "links", "--test", folder / "edges.csv", "--json"]
    assert json.loads(good(*words, "--negative", folder / "none.csv").stdout)["metrics"]["auc"] == 1.0
    drawn = [good(*words, "--seed", seed).stdout for seed in (1, 1)]
    assert drawn[0] == drawn[1]
    good("evaluate", folder / "han.parquet", "--repeats", 2)  # labels of the run's input


def test_drawn_pairs_are_no_edges(folder):
    from graphembed_ext.cli.runs.links import draw_pairs, known_pairs
    from graphembed_ext.cli.runs.records import Run

    emb = ge.Embeddings.load(folder / "camps.parquet")
    edges = known_pairs(Run.of(folder / "camps.parquet").graph.view, ("_N", "_N"))
    found = draw_pairs([8, 8], True, [edges, torch.tensor([[0, 1], [2, 3]])], 6, seed=0)
    names = emb.names["_N"]
    drawn = [(names[u], names[v]) for u, v in found.t().tolist()]
    assert len(drawn) == len(set(drawn)) == 6
    assert all(u != v and (u, v) not in CAMPS and (v, u) not in CAMPS for u, v in drawn)


@pytest.mark.parametrize(
    ("name", "kind", "more"),
    [
        ("camps", "loss", []),
        ("camps", "map", ["--method", "pca"]),
        ("camps", "map", ["--method", "tsne", "--labels", "camp_of.csv"]),
        ("camps", "degree", []),
        ("likes", "recall", []),
        ("likes", "degree", []),
        ("han", "attention", []),
        ("han", "map", ["--method", "pca"]),
    ],
)
def test_plots(folder, monkeypatch, name, kind, more):
    monkeypatch.chdir(folder)
    done = good("plot", f"{name}.parquet", kind, *more)
    assert done.stdout == f"wrote {name}.{kind}.png\n"
    assert (folder / f"{name}.{kind}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.skipif(not installed("bokeh"), reason="bokeh is not installed: pip install 'graphembed_ext[map]'")
@pytest.mark.parametrize("more", [["--interactive"], ["-o", "camps.map.html"]])
def test_a_map_as_a_page(folder, monkeypatch, more):
    monkeypatch.chdir(folder)
    (folder / "camps.map.html").unlink(missing_ok=True)
    done = good("plot", "camps.parquet", "map", "--method", "pca", "--labels", "camp_of.csv", *more)
    assert done.stdout == "wrote camps.map.html\n"
    text = (folder / "camps.map.html").read_text()
    assert text.lstrip().startswith("<!DOCTYPE html>")
    assert "Bokeh" in text


def test_a_map_says_which_types_it_leaves_out(folder, monkeypatch):
    monkeypatch.chdir(folder)
    done = good("plot", "han.parquet", "map", "--method", "pca", "-o", "left.png")
    assert "left out" not in done.stderr
    (folder / "likes_of.csv").write_text("user,kind\n" + "".join(f"u{i},{i % 2}\n" for i in range(4)))
    done = good("plot", "likes.parquet", "map", "--method", "pca", "--labels", "user=likes_of.csv", "-o", "left.png")
    assert "left out are nodes of types without labels: item (" in done.stderr


def test_export_tells_what_it_wrote(folder):
    done = json.loads(good("export", folder / "camps.parquet", folder / "camps.txt", "--json").stdout)
    assert done == {"nodes": 8, "files": [str(folder / "camps.txt")]}
    assert len((folder / "camps.txt").read_text().splitlines()) == 9


def test_han_keeps_names_and_attention(folder):
    assert ge.Embeddings.load(folder / "han.parquet").names == {"author": list("abcdef")}
    record = json.loads((folder / "han.parquet.json").read_text())
    assert record["attention"] == {"author": {"APA": 1.0}}
    assert record["config"]["metapaths"] == {"APA": [["author", "writes", "paper"], ["paper", "rev_writes", "author"]]}
    assert "test_accuracy" in record["metrics"]


REPEATED = {
    "deepwalk": [f"-i camps.csv {' '.join(SMALL)}"],
    "metapath2vec": [
        "-i papers.csv --metapath author-paper-author --window-size 1 --emb-dim 4 --epochs 2 --deterministic"
    ],
    "graphsage": [
        "-i camps.csv --labels camp_of.csv --features one-hot --hidden-channels 4 --epochs 5 --split 0.5,0.25,0.25"
    ],
    "han": [
        "-i papers.csv --metapath author-paper-author --features author=one-hot --labels author=areas.csv",
        "--hidden-channels 8 --heads 2 --epochs 3",
    ],
    "lightgcn": ["-i likes.csv --epochs 3 --embedding-dim 4"],
}


@pytest.mark.parametrize("model", REPEATED)
def test_the_record_repeats_every_model_bit_for_bit(folder, monkeypatch, model):
    monkeypatch.chdir(folder)
    good("train", model, *" ".join(REPEATED[model]).split(), "-o", "run.parquet", "--seed", "3")
    first = (folder / "run.parquet").read_bytes()
    record = json.loads((folder / "run.parquet.json").read_text())
    (folder / "run.parquet").unlink()
    program, *words = shlex.split(record["repeat"])
    assert program == "graphembed"
    good(*words)
    assert (folder / "run.parquet").read_bytes() == first
    again = json.loads((folder / "run.parquet.json").read_text())
    assert again["job"] == record["job"]
    assert not list(folder.glob("*.ckpt"))


def test_an_interrupted_run_is_resumed_by_the_same_command_alone(folder, monkeypatch):
    import graphembed_ext.cli.runs.train as runs

    monkeypatch.chdir(folder)
    words = ["train", "deepwalk", "-i", "camps.csv", *SMALL, "-o"]
    good(*words, "whole.npz")
    fit = runs.fit

    def calling(on_epoch):
        @functools.wraps(fit)
        def call_fit(*arguments, **options):
            return fit(*arguments, on_epoch=on_epoch, **options)

        return call_fit

    def stop(entry):
        if entry["epoch"] == 7:
            raise KeyboardInterrupt

    monkeypatch.setattr(runs, "fit", calling(stop))
    done = call(*words, "part.npz")
    assert done.exit_code == 130
    assert (
        "interrupted after epoch 7 of 30; part.npz was not written. The same command resumes from part" in done.stderr
    )
    assert "It is: graphembed train deepwalk --input camps.csv --output part.npz" in done.stderr
    assert not (folder / "part.npz").exists()
    previous, checkpoint = sorted(folder.glob("part.npz.*.ckpt"), key=lambda path: ".previous." not in path.name)
    monkeypatch.setattr(runs, "fit", fit)
    good(*words, "part.npz", "--seed", "5")  # other settings: another run
    assert checkpoint.exists()
    seen = []
    monkeypatch.setattr(runs, "fit", calling(seen.append))
    good(*words, "part.npz")
    assert [entry["epoch"] for entry in seen] == list(range(8, 31))
    assert not checkpoint.exists()
    assert not previous.exists()
    assert (folder / "part.npz").read_bytes() == (folder / "whole.npz").read_bytes()


@pytest.mark.parametrize("name", ["run.yaml", "run.toml", "run.json"])
def test_settings_from_a_file(folder, tmp_path, name):
    settings = {"model": "deepwalk", "input": str(folder / "camps.csv"), "emb-dim": 4, "epochs": 1, "walk_length": 8}
    settings["window-size"] = 2
    if name == "run.yaml":
        text = "\n".join(f"{key}: {value}" for key, value in settings.items())
    elif name == "run.toml":
        text = "\n".join(f"{key} = {json.dumps(value)}" for key, value in settings.items())
    else:
        text = json.dumps(settings)
    (tmp_path / name).write_text(text)
    good("train", "-c", tmp_path / name, "-o", tmp_path / "out.npz", "--emb-dim", "6")
    assert ge.Embeddings.load(tmp_path / "out.npz").tensor.shape == (8, 6)


def test_features_labels_and_splits_from_arrays_and_tables(folder, tmp_path):
    x = np.arange(16, dtype=np.float32).reshape(8, 2)
    np.save(tmp_path / "x.npy", x)
    sp.save_npz(tmp_path / "x.npz", sp.csr_matrix(x))
    rows = [(name, *map(str, x[i])) for i, name in enumerate("abcdwxyz")]
    (tmp_path / "x.csv").write_text(lines(rows, "node,first,second\n"))
    parts = ["train"] * 2 + ["val", "test"]
    rows = [(name, "left" if name < "m" else "right", part) for name, part in zip("abcdwxyz", 2 * parts, strict=True)]
    (tmp_path / "y.csv").write_text(lines(rows, "node,camp,split\n"))
    written = []
    for name in ("x.npy", "x.npz", "x.csv"):
        words = ["--features", tmp_path / name, "--labels", tmp_path / "y.csv", "--epochs", "2"]
        good("train", "graphsage", "-i", folder / "camps.csv", *words, "-o", tmp_path / "out.parquet")
        written.append((tmp_path / "out.parquet").read_bytes())
    assert written[0] == written[1] == written[2]
    record = json.loads((tmp_path / "out.parquet.json").read_text())
    assert record["history"][0]["samples"] == 4
    assert ge.Embeddings.load(tmp_path / "out.parquet").tensor.shape == (8, 2)  # as many as classes


def test_weights_and_tensorboard(folder, tmp_path):
    words = ["--weights", tmp_path / "model.pt"]
    if installed("tensorboard"):
        words += ["--tensorboard", tmp_path / "log"]
    good("train", "deepwalk", "-i", folder / "camps.csv", "-o", tmp_path / "out.npz", *SMALL, *words)
    state = torch.load(tmp_path / "model.pt", weights_only=True)
    assert torch.equal(state["node_embed.weight"], ge.Embeddings.load(tmp_path / "out.npz").tensor)
    if installed("tensorboard"):
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        log = EventAccumulator(str(tmp_path / "log"))
        log.Reload()
        record = json.loads((tmp_path / "out.npz.json").read_text())
        losses = [entry["loss"] for entry in record["history"]]
        assert [event.value for event in log.Scalars("loss")] == pytest.approx(losses, rel=1e-6)


ERRORS = {
    "train": (
        ["train", "graphsage", "-i", "camps.csv", "-o", "x.npz", "--labels", "camp_of.csv"],
        "features: got nothing",
    ),
    "train without labels": (
        ["train", "han", "-i", "papers.csv", "-o", "x.npz", "--metapath", "author-paper-author"],
        "features: got nothing",
    ),
    "train with a wrong metapath": (
        [
            "train",
            "metapath2vec",
            "-i",
            "papers.csv",
            "-o",
            "x.npz",
            "--metapath",
            "author-author",
            "--window-size",
            "1",
        ],
        "metapath: got author-author, with no edge types from 'author' to 'author'; expected one edge type",
    ),
    "train from a file": (["train", "-c", "absent.yaml"], "config: got absent.yaml; expected an existing .yaml"),
    "train without an input": (
        ["train", "deepwalk", "-o", "x.npz"],
        "input: got nothing; expected a value, by --input",
    ),
    "train on unknown labels": (
        ["train", "graphsage", "-i", "camps.csv", "-o", "x.npz", "--labels", "likes.csv"],
        "likes.csv: got no node of the graph (but 'u0'); expected nodes of the graph, such as 'a'",
    ),
    "evaluate": (
        ["evaluate", "camps.parquet"],
        "camps.csv has none.",
    ),
    "evaluate links": (["evaluate", "camps.parquet", "links"], "test: got nothing; expected an edge list of held-out"),
    "evaluate what": (["evaluate", "camps.parquet", "beauty"], "task: got beauty; expected one of 'classification'"),
    "neighbors": (
        ["neighbors", "camps.parquet", "aa"],
        "node: got aa; expected the name of a node. Hint: did you mean",
    ),
    "neighbors index": (
        ["neighbors", "camps.parquet", "a", "--index", "no.usearch"],
        "index: got no.usearch; expected",
    ),
    "recommend": (
        ["recommend", "camps.parquet", "a"],
        "embedding: got camps.parquet, of deepwalk; expected embeddings",
    ),
    "recommend whom": (
        ["recommend", "likes.parquet", "u9"],
        "node: got u9; expected the name of a node",
    ),
    "recommend an item": (
        ["recommend", "likes.parquet", "i0"],
        "users: got i0, which is the name of an item; expected names of users. Hint: graphembed neighbors",
    ),
    "recommend a user in another case": (["recommend", "likes.parquet", "U0"], "Hint: did you mean 'u0'."),
    "neighbors in another case": (["neighbors", "names.npz", "ann"], "Hint: did you mean 'Ann'."),
    "neighbors misspelt": (["neighbors", "names.npz", "Dann"], "Hint: did you mean 'Dan'"),
    "neighbors of a type that has none so called": (
        ["neighbors", "likes.parquet", "u0", "--type", "item"],
        "node: got u0, which is the name of a node of type user; expected the name of a node of type item",
    ),
    "neighbors of no type": (["neighbors", "likes.parquet", "U1"], "expected the name of a node. Hint: did you mean"),
    "evaluate pairs the other way round": (
        ["evaluate", "likes.parquet", "recommendation", "--test", "turned.csv"],
        "test: got turned.csv, where items stand before users; expected users in the first column",
    ),
    "recommend too many": (["recommend", "likes.parquet", "u0", "-k", "9"], "k: got 9; expected at most 6"),
    "recommend to nobody": (["recommend", "likes.parquet"], "users: got nothing; expected names of users. Hint: --all"),
    "recommend to all": (["recommend", "likes.parquet", "--all"], "Hint: --output FILE.csv"),
    "recommend into a picture": (
        ["recommend", "likes.parquet", "--all", "-o", "x.png"],
        "output: got x.png; expected a name ending in .csv",
    ),
    "plot": (["plot", "camps.parquet", "recall"], "history: got no validated recall; expected a history with"),
    "plot what": (["plot", "camps.parquet", "spectrum"], "kind: got spectrum; expected one of 'loss', 'map'"),
    "plot where": (["plot", "camps.parquet", "-o", "x.bmp"], "output: got x.bmp; expected a name ending in .png"),
    "plot a page": (["plot", "camps.parquet", "loss", "-o", "x.html"], "output: got x.html; expected a name ending in"),
    "plot a page of what is no map": (
        ["plot", "camps.parquet", "loss", "--interactive"],
        "interactive: got a picture of loss; expected kind map",
    ),
    "plot attention": (
        ["plot", "camps.parquet", "attention"],
        "kind: got attention, of deepwalk; expected embeddings tra",
    ),
    "export": (["export", "camps.parquet", "x.abc"], "format: got nothing, and a name without a known ending, x.abc"),
    "export over itself": (["export", "camps.parquet", "camps.parquet"], "which it would replace"),
    "no embeddings": (["neighbors", "absent.parquet", "a"], "path: got absent.parquet; expected an existing file"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors_are_one_message(folder, monkeypatch, case):
    monkeypatch.chdir(folder)
    before = sorted(path.name for path in folder.iterdir())
    arguments, words = ERRORS[case]
    done = call(*arguments)
    assert done.exit_code == 2, done.output
    assert words in done.stderr
    assert done.stderr.startswith("graphembed: ")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.output
    assert sorted(path.name for path in folder.iterdir()) == before


def test_errors_while_working_have_another_code(folder):
    done = call(
        "train", "deepwalk", "-i", folder / "camps.csv", "-o", folder / "x.npz", "--lr", "1e30", "--emb-dim", "4"
    )
    assert done.exit_code == 1
    assert "the loss is" in done.stderr
    assert "Hint: the learning rate" in done.stderr
    for path in folder.glob("x.npz*"):
        path.unlink()
