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
    said = "graphembed: --input: got in.csv, where 5 names, such as 'Ada', stand in both columns;"
    assert done.stderr.startswith(said)
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


SPOKEN = {
    "columns in two files, and nodes": (
        [
            "-i",
            "a.csv",
            "-i",
            "b.csv",
            "--columns",
            "source=x,target=y",
            "--nodes",
            "nodes.csv",
            "--labels",
            "labels.csv",
        ],
        "a.csv, b.csv: 6 nodes, 4 edges in both directions; the first line, x, y, is taken for column titles; columns "
        "'x' (source), 'y' (target); 1 node without edges; 1 node without edges; nodes.csv: column 'name' names nodes, "
        "numbers in 'age', the first line is taken for column titles; the numbers of column 'age' are no features, as "
        "4 nodes have none, such as 'Bob'; labels.csv: column 'node' names nodes",
    ),
    "types": (
        ["-i", "n,likes,n=a.csv", "-i", "n,knows,n=b.csv", "--header"],
        "n,likes,n=a.csv, n,knows,n=b.csv: 4 n, 4 edges in both directions",
    ),
    "delimiter, comment and encoding": (
        ["-i", "odd.txt", "--delimiter", "|", "--comment", "//", "--encoding", "latin-1", "--no-header", "--no-weight"],
        "odd.txt: 3 nodes, 2 edges in both directions; 1 comment line skipped; the first line, Zoë, Bob, 1, is taken",
    ),
}


@pytest.mark.parametrize("case", SPOKEN)
def test_what_a_person_says_of_tables_reaches_their_reader_and_the_record(tmp_path, monkeypatch, case):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("x,y\nAda,Bob\nBob,Cleo\n")
    (tmp_path / "b.csv").write_text("x,y\nCleo,Dan\nDan,Ada\n")
    (tmp_path / "nodes.csv").write_text("name,age\nAda,3\nEve,4\n")
    (tmp_path / "labels.csv").write_text("node,label\nAda,1\nFay,2\n")
    (tmp_path / "odd.txt").write_bytes("// who\nZoë|Bob|1\nBob|Cleo|2\n".encode("latin-1"))
    words, said = SPOKEN[case]
    words = ["train", "deepwalk", *words, "-o", "out.npz", "--epochs", "1", "--host", "pyg", *WALKS]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(said), done.stdout
    again = CliRunner().invoke(app, ["train", "--config", "out.npz.json", "-o", "again.npz"])
    assert again.exit_code == 0, again.output
    assert again.stdout.splitlines()[0] == done.stdout.splitlines()[0]


def test_held_out_pairs_of_unknown_users_are_counted_and_left_out(train, tmp_path):
    (tmp_path / "held.csv").write_text("user;item\nu0;i1\nu9;i1\n")
    done = train("lightgcn", RATED, "--validation", "held.csv", "--set", "fit.k=2")
    assert "1 of 2 pairs in held.csv left out" in done.stdout, done.output


@pytest.mark.parametrize("ending", [".mtx", ".npz"])
def test_matrices_of_users_and_items_hold_pairs_out(train, tmp_path, ending):
    """Rows are users, columns items; those beyond the training's matrix are counted and left out."""
    import numpy as np
    import scipy.io
    import scipy.sparse

    known = np.zeros((4, 5), int)
    known[[0, 0, 1, 2, 3, 3], [0, 1, 2, 3, 4, 0]] = 1
    held = np.zeros((6, 5), int)
    held[[0, 1, 5], [4, 0, 2]] = 1
    write = scipy.io.mmwrite if ending == ".mtx" else lambda name, matrix: scipy.sparse.save_npz(name, matrix.tocsr())
    write(f"known{ending}", scipy.sparse.coo_matrix(known))
    write(f"held{ending}", scipy.sparse.coo_matrix(held))
    words = ["train", "lightgcn", "-i", f"known{ending}", "-o", "out.npz", "--epochs", "1", "--host", "pyg"]
    done = CliRunner().invoke(app, [*words, "--validation", f"held{ending}", "--set", "fit.k=2"])
    assert done.exit_code == 0, done.output
    assert "5 item, 4 user" in done.stdout
    assert f"1 of 3 pairs in held{ending} left out" in done.stdout
    done = CliRunner().invoke(app, ["evaluate", "out.npz", "recommendation", "--test", f"held{ending}", "-k", "2"])
    assert done.exit_code == 0, done.output
    assert f"1 of 3 pairs in held{ending} left out" in done.stderr
    done = CliRunner().invoke(app, ["evaluate", "out.npz", "links", "--test", f"held{ending}"])
    assert done.exit_code == 0, done.output
    assert f"1 of 3 pairs in held{ending} left out" in done.stderr


SIGNED = "source,target,weight\nAda,Bob,2\nBob,Cleo,-1\nCleo,Dan,\nDan,Ada,3\n"


@pytest.mark.parametrize("model", ["deepwalk", "graphsage", "lightgcn", "metapath2vec"])
def test_weights_that_are_none_matter_to_models_that_go_by_them(train, model):
    """A model that does not use them trains; told to use them it refuses, with line and way out."""
    words = {
        "deepwalk": WALKS,
        "graphsage": ["--features", "one-hot"],
        "lightgcn": ["--bipartite"],
        "metapath2vec": [*WALKS, "--metapath", "_N-_N"],
    }[model]
    done = train(model, SIGNED, *words)
    assert done.exit_code == 0, done.output
    assert "no weights are read, as 2 are blank or negative (line 3: -1)" in done.stdout
    if model == "lightgcn":
        return
    done = train(model, SIGNED, *words, "--weight", "weight")
    assert done.exit_code == 2
    assert "graphembed: in.csv, line 3: got the edge weight -1; expected a finite number of at least 0" in done.stderr
    assert "--no-weight" in done.stderr
    done = train(model, SIGNED, *words, "--weight", "weight", "--no-weight")
    assert done.exit_code == 2
    assert "graphembed: --weight: got in.csv, as --no-weight says; expected weights to go by" in done.stderr


def test_weights_of_one_of_several_files_that_are_none_make_none_of_all(train, tmp_path):
    (tmp_path / "more.csv").write_text("source,target,weight\nAda,Eve,5\n")
    done = train("deepwalk", SIGNED, "-i", "more.csv", *WALKS)
    assert done.exit_code == 0, done.output
    graph = ge.readers.read_graph([tmp_path / "in.csv", tmp_path / "more.csv"])
    assert graph.weight is None
    assert graph.trouble is not None


def test_parity_refuses_weights_that_are_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.csv").write_text(SIGNED)
    words = ["parity", "deepwalk", "in.csv", "--steps", "1", "--set", "emb_dim=4", "--set", "walk_length=4"]
    done = CliRunner().invoke(app, [*words, "--set", "weight=edge_weight"])
    assert done.exit_code == 2
    assert "in.csv, line 3: got the edge weight -1" in done.stderr


def test_a_file_of_settings_says_all_of_tables(train, tmp_path):
    """What the command line says of tables, a file of --config says as well."""
    (tmp_path / "odd.txt").write_bytes("// who\nx|y|z\nZoë|Bob|1\nBob|Cleo|-2\n".encode("latin-1"))
    (tmp_path / "nodes.csv").write_bytes("// who\nname,kind\nZoë,a\nDan,b\nBob,a\n".encode("latin-1"))
    (tmp_path / "run.yaml").write_text(
        "input: odd.txt\noutput: out.npz\nmodel: deepwalk\nemb-dim: 4\nwalk-length: 4\nwindow-size: 2\nepochs: 1\n"
        "host: pyg\ndelimiter: '|'\ncomment: //\nencoding: latin-1\nheader: true\nno-weight: true\n"
        "nodes: nodes.csv\ncolumns: {source: x, target: y, node: name, label: kind}\n"
    )
    done = CliRunner().invoke(app, ["train", "--config", "run.yaml"])
    assert done.exit_code == 0, done.output
    assert "4 nodes, 2 edges in both directions" in done.stdout
    assert "blank or negative" not in done.stdout
    assert "classes in 'kind'" in done.stdout
    assert ge.Embeddings.load("out.npz").names["_N"] == ["Zoë", "Bob", "Cleo", "Dan"]


NODE_TABLE = "name,age,class\nAda,3,red\nEve,4,blue\nBob,5,red\nCleo,6,blue\nDan,7,red\nLone,8,blue\n"


def test_features_and_labels_of_their_own_files_go_before_those_of_tables_of_nodes(train, tmp_path):
    (tmp_path / "nodes.csv").write_text(NODE_TABLE)
    (tmp_path / "x.csv").write_text("node,a\nAda,1\nBob,2\nCleo,3\nDan,4\nEve,5\nLone,6\n")
    (tmp_path / "y.csv").write_text("node,label\nAda,u\nBob,v\nCleo,w\nDan,u\nEve,v\n")
    words = ["--nodes", "nodes.csv", "--hidden-channels", "4", "--set", "patience=null"]
    done = train("graphsage", FRIENDS, *words)
    assert done.exit_code == 0, done.output
    assert "numbers in 'age', classes in 'class'" in done.stdout
    assert "1 column of features; 2 classes; labelled nodes split at random" in done.stdout
    done = train("graphsage", FRIENDS, *words, "--features", "x.csv", "--labels", "y.csv")
    assert done.exit_code == 0, done.output
    assert "features of x.csv, in place of those of the tables of nodes" in done.stdout
    assert "labels of y.csv, in place of those of the tables of nodes" in done.stdout
    assert "3 classes in y.csv" in done.stdout
    from graphembed_ext.cli.runs.records import Run

    graph = Run.of(tmp_path / "out.npz").graph
    names = graph.names["_N"]
    x = dict(zip(names, graph.view.features["_N"]["x"].squeeze(1).tolist(), strict=True))
    assert x == {"Ada": 1, "Bob": 2, "Cleo": 3, "Dan": 4, "Eve": 5, "Lone": 6}
    assert graph.classes["_N"] == ["u", "v", "w"]


def test_tables_of_nodes_reach_evaluate_plot_and_the_label_column(train, tmp_path):
    (tmp_path / "nodes.csv").write_text(NODE_TABLE.replace("class", "team"))
    words = ["--nodes", "nodes.csv", "--label-column", "team"]
    done = train("deepwalk", FRIENDS, *words, *WALKS)
    assert "classes in 'team'" in done.stdout, done.output
    judge = ["evaluate", "out.npz", "--repeats", "1", "--json"]
    own, given = (CliRunner().invoke(app, [*judge, *more]) for more in ([], [*words, "--no-weight"]))
    assert own.exit_code == given.exit_code == 0, own.output + given.output
    assert own.stdout == given.stdout
    assert "nodes.csv: column 'name' names nodes, column 'team' has their classes" in given.stderr
    done = CliRunner().invoke(app, ["plot", "out.npz", "map", "-o", "map.svg", "--method", "pca", *words])
    assert done.exit_code == 0, done.output
    assert "'team' has their classes" in done.stderr
    assert "blue" in (tmp_path / "map.svg").read_text()
    done = CliRunner().invoke(app, ["evaluate", "out.npz", "links", "--test", "in.csv", *words])
    assert done.exit_code == 2
    assert "graphembed: --nodes: got nodes.csv; expected no table of nodes, as links is judged by pairs" in done.stderr
