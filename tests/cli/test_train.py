import json
import shlex
import signal
import subprocess
import sys
import time

import pyarrow.parquet as pq
import pytest
import scipy.io
import scipy.sparse as sp
import torch
from torch_geometric.data import HeteroData

import graphembed_ext as ge
from graphembed_ext._core.optional import installed
from graphembed_ext.errors import InputError
from graphembed_ext.models import catalogue
from tests.cli.commands import call

HOSTS = ["dgl", "pyg"]
RUN = "from graphembed_ext.cli import main; main()"
WITHOUT_DGL = f"import sys; sys.modules['dgl'] = None; {RUN}"
SMALL = ["--emb-dim", "8", "--walk-length", "8", "--window-size", "2", "--epochs", "2", "--threads", "1"]


def train(folder, *arguments, output="out.parquet", input="friends.csv"):
    return call("train", "deepwalk", "-i", folder / input, "-o", folder / output, *SMALL, *arguments)


def python(code, *arguments, **options):
    words = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, timeout=300, check=False, **options)


@pytest.fixture
def folder(tmp_path):
    lines = ["source,target,weight", "Ada,Bob,1", "Bob,Cleo,2", "Cleo,Ada,3", "Cleo,Dan,1", "Dan,Eve,5"]
    (tmp_path / "friends.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def need(host):
    if host == "dgl" and not installed("dgl"):
        pytest.skip("DGL is not installed: pip install 'graphembed_ext[dgl]'")


def test_help_and_version_import_nothing_heavy():
    code = f"import sys\ntry:\n    {RUN}\nfinally:\n    assert not {{'torch', 'numpy', 'dgl'}} & set(sys.modules)"
    done = python(code, "--help")
    assert done.returncode == 0, done.stderr
    assert all(command in done.stdout for command in ("train", "demo", "doctor"))
    done = python(code, "--version")
    assert (done.returncode, done.stdout) == (0, f"graphembed_ext {ge.__version__}\n")


def test_both_hosts_write_the_same_file(folder):
    need("dgl")
    for host in HOSTS:
        done = train(folder, "--host", host, output=f"{host}.parquet")
        assert done.exit_code == 0, done.output
    tables = [pq.read_table(folder / f"{host}.parquet") for host in HOSTS]
    assert tables[0].equals(tables[1])
    assert tables[0]["name"].to_pylist() == ["Ada", "Bob", "Cleo", "Dan", "Eve"]


def test_embeddings_are_those_of_the_library(folder):
    assert train(folder, "--host", "pyg", "--seed", "7", output="out.npz").exit_code == 0
    emb = ge.Embeddings.load(folder / "out.npz")
    edges = torch.tensor([[0, 1, 2, 2, 3], [1, 2, 0, 3, 4]])
    config = {"emb_dim": 8, "walk_length": 8, "window_size": 2, "seed": 7}
    model = ge.DeepWalk(torch.cat([edges, edges.flip(0)], 1), **config)
    ge.fit(model, epochs=2, seed=7, progress=False)
    torch.testing.assert_close(emb.tensor, ge.embed(model).tensor)
    assert emb.most_similar("Ada", k=4)[0][0] in {"Bob", "Cleo", "Dan", "Eve"}


def test_the_record_repeats_the_run(folder):
    assert train(folder, "--host", "pyg", "--weight", "weight", "--no-fast-neg", "--set", "sparse=false").exit_code == 0
    first = (folder / "out.parquet").read_bytes()
    record = json.loads((folder / "out.parquet.json").read_text())
    given = {"weight": "edge_weight", "sparse": False, "fast_neg": False, "p": 1.0}
    assert record["config"] | given == record["config"]
    assert record["training"] | {"epochs": 2, "lr": 0.025, "seed": 0} == record["training"]
    assert [entry["epoch"] for entry in record["history"]] == [1, 2]
    assert (record["host"], record["threads"], record["metrics"]) == ("pyg", 1, None)
    assert record["graph"]["nodes"] == {"_N": 5}
    assert record["versions"]["torch"] == torch.__version__
    program, *arguments = shlex.split(record["command"])
    assert program == "graphembed"
    assert call(*arguments).exit_code == 0
    assert (folder / "out.parquet").read_bytes() == first


def test_settings_of_fit_can_be_told_from_those_of_the_model(folder):
    assert (
        train(folder, "--host", "pyg", "--set", "loss=dgl", "--set", "fit.lr=0.5", "--set", "walk-length=9").exit_code
        == 0
    )
    record = json.loads((folder / "out.parquet.json").read_text())
    assert (record["training"]["loss"], record["training"]["lr"], record["config"]["walk_length"]) == ("dgl", 0.5, 9)


def test_an_argument_without_default_is_asked_for(folder, monkeypatch):
    class Metapaths(ge.DeepWalk):
        def __init__(self, g, metapath, *, seed=None):
            super().__init__(g, seed=seed)

    monkeypatch.setitem(catalogue.MODELS, "metapaths", Metapaths)
    words = ["train", "metapaths", "-i", folder / "friends.csv", "-o", folder / "out.npz", "--host", "pyg"]
    done = call(*words)
    assert done.exit_code == 2
    assert "metapath: got nothing; expected a value, as Metapaths has no default" in done.stderr
    assert call(*words, "--set", 'metapath=["a", "b"]', "--epochs", "1").exit_code == 0
    assert json.loads((folder / "out.npz.json").read_text())["config"]["metapath"] == ["a", "b"]


def test_json_is_all_that_stands_on_stdout(folder):
    done = train(folder, "--host", "pyg", "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout) == json.loads((folder / "out.parquet.json").read_text())
    assert "5 nodes" in done.stderr


def test_threads_are_restored(folder):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert train(folder, "--host", "pyg").exit_code == 0
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("host", HOSTS)
def test_typed_graphs_train_and_keep_isolated_nodes(tmp_path, host):
    need(host)
    data = HeteroData()
    data["user"].num_nodes, data["item"].num_nodes = 4, 3
    edges = torch.tensor([[0, 1, 2, 0], [0, 1, 0, 1]])
    data["user", "buys", "item"].edge_index, data["item", "bought_by", "user"].edge_index = edges, edges.flip(0)
    torch.save(data, tmp_path / "shop.pt")
    done = train(tmp_path, "--host", host, input="shop.pt", output="out.npz")
    assert done.exit_code == 0, done.output
    emb = ge.Embeddings.load(tmp_path / "out.npz")
    assert emb.num_nodes == {"item": 3, "user": 4}


@pytest.mark.parametrize("host", HOSTS)
def test_evaluation_of_a_labelled_matrix(tmp_path, host):
    need(host)
    blocks = sp.block_diag([sp.csc_matrix([[1] * 8] * 8)] * 2)
    group = sp.csc_matrix([[1.0, 0.0]] * 8 + [[0.0, 1.0]] * 8)
    scipy.io.savemat(tmp_path / "camps.mat", {"network": blocks.astype(float), "group": group})
    options = ["--epochs", "60", "--lr", "0.1", "--batch-size", "4"]
    done = train(tmp_path, "--host", host, *options, "--evaluate", input="camps.mat")
    assert done.exit_code == 0, done.output
    assert "micro_f1" in done.stdout
    metrics = json.loads((tmp_path / "out.parquet.json").read_text())["metrics"]
    assert metrics["_N"]["micro_f1"] > 0.9


WRONG = {
    "unknown model": (["word2vec", "-i", "friends.csv", "-o", "x.npz"], "model: got word2vec; expected one of"),
    "suffix": (["deepwalk", "-i", "absent.csv", "-o", "x.csv"], "output: got x.csv; expected a name ending in"),
    "folder": (["deepwalk", "-i", "absent.csv", "-o", "a/x.npz"], "a folder that exists; a does not"),
    "output is a folder": (["deepwalk", "-i", "absent.csv", "-o", "taken.npz"], "not of a folder"),
    "checkpoint": (["deepwalk", "-i", "absent.csv", "-o", "x.npz", "--checkpoint", "a/b"], "checkpoint: got a/b"),
    "host": (["deepwalk", "-i", "absent.csv", "-o", "x.npz", "--host", "jax"], "host: got jax; expected one of"),
    "threads": (["deepwalk", "-i", "absent.csv", "-o", "x.npz", "--threads", "0"], "threads: got 0"),
    "setting": (["deepwalk", "-i", "absent.csv", "-o", "x.npz", "--set", "heads=8"], "heads: got 8; expected an argu"),
    "no setting": (["deepwalk", "-i", "absent.csv", "-o", "x.npz", "--set", "heads"], "set: got heads; expected NAME"),
    "input": (["deepwalk", "-i", "absent.csv", "-o", "x.npz"], "absent.csv: got the name of a file that does not ex"),
    "labels": (["deepwalk", "-i", "friends.csv", "-o", "x.npz", "--evaluate"], "friends.csv, which has no labels"),
    "epochs": (["deepwalk", "-i", "friends.csv", "-o", "x.npz", "--epochs", "0"], "epochs: got 0"),
    "walks": (["deepwalk", "-i", "friends.csv", "-o", "x.npz", "--walk-length", "3"], "--walk-length: got 3"),
    "weight": (["deepwalk", "-i", "friends.csv", "-o", "x.npz", "--weight", "w"], "weight: got w; expected an edge"),
    "a root": (["deepwalk", "-i", "Planetoid/Cora", "-o", "x.npz"], "root: got nothing; expected the folder"),
}


@pytest.mark.parametrize("case", WRONG)
def test_errors_are_one_message_and_leave_nothing(folder, monkeypatch, case):
    arguments, words = WRONG[case]
    (folder / "taken.npz").mkdir()
    monkeypatch.chdir(folder)
    done = call("train", *arguments)
    assert done.exit_code == 2
    assert words in done.stderr
    assert done.stderr.startswith("graphembed: ")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.output
    assert sorted(path.name for path in folder.iterdir()) == ["friends.csv", "taken.npz"]


def test_the_input_is_not_overwritten(tmp_path):
    path = tmp_path / "edges.parquet"
    path.write_bytes(b"precious")
    done = call("train", "deepwalk", "-i", path, "-o", path)
    assert done.exit_code == 2
    assert "which it would replace" in done.stderr
    assert path.read_bytes() == b"precious"


def test_debug_shows_the_error_itself(folder):
    done = train(folder, "--debug", "--epochs", "0", "--host", "pyg")
    assert isinstance(done.exception, InputError)


def test_labels_that_cannot_be_split_keep_the_embeddings(tmp_path):
    data = HeteroData()
    data["a"].y = torch.tensor([0, 1, 2])
    data["a", "to", "a"].edge_index = torch.tensor([[0, 1, 2], [1, 2, 0]])
    torch.save(data, tmp_path / "graph.pt")
    done = train(tmp_path, "--host", "pyg", "--evaluate", input="graph.pt")
    assert done.exit_code == 2
    assert "labelled nodes that cannot be split" in done.stderr
    assert len(ge.Embeddings.load(tmp_path / "out.parquet")) == 3
    assert json.loads((tmp_path / "out.parquet.json").read_text())["metrics"] is None


def test_without_dgl_pyg_is_the_host(folder):
    arguments = ["train", "deepwalk", "-i", folder / "friends.csv", "-o", folder / "out.npz", *SMALL]
    done = python(WITHOUT_DGL, *arguments)
    assert done.returncode == 0, done.stderr
    assert "deepwalk on pyg, walks by torch" in done.stdout
    done = python(WITHOUT_DGL, *arguments, "--host", "dgl")
    assert done.returncode == 1
    assert "pip install 'graphembed_ext[dgl]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_interruption_keeps_the_checkpoint_and_writes_no_output(folder):
    words = ["train", "deepwalk", "-i", "friends.csv", "-o", "out.npz", "--host", "pyg", "--checkpoint", "run.ckpt"]
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, *words, *SMALL, "--epochs", "1000000"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Tests run in the background pass on that Ctrl-C is ignored; a user's terminal does not.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        deadline = time.monotonic() + 120
        while not (folder / "run.ckpt").exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130, errors
    assert "out.npz was not written. The same command resumes from run.ckpt." in errors
    assert "Traceback" not in errors
    assert (folder / "run.ckpt").exists()
    assert not list(folder.glob("out*"))


def test_a_checkpoint_is_resumed(folder):
    checkpoint = folder / "run.ckpt"
    assert train(folder, "--checkpoint", checkpoint).exit_code == 0
    first = (folder / "out.parquet").read_bytes()
    done = train(folder, "--checkpoint", checkpoint)
    assert done.exit_code == 0, done.output
    assert (folder / "out.parquet").read_bytes() == first
    done = train(folder, "--checkpoint", checkpoint, "--lr", "0.5")
    assert done.exit_code == 2
    assert "trained with lr=0.025" in done.stderr


def test_blogcatalog(data_root, tmp_path):
    source = data_root / "deepwalk" / "blogcatalog.mat"
    done = call("train", "deepwalk", "-i", source, "-o", tmp_path / "out.parquet", *SMALL, "--epochs", "1")
    assert done.exit_code == 0, done.output
    assert "10312 nodes, 333983 edges in both directions" in done.stdout
    emb = ge.Embeddings.load(tmp_path / "out.parquet")
    assert emb.tensor.shape == (10312, 8)
    assert not emb.names
