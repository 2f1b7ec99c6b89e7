"""From a command line, a file or a record to a job: one table of options, and the command line goes first."""

from __future__ import annotations

import dataclasses
import inspect
import json
import subprocess
import sys

import pytest

import graphembed_ext as ge
from graphembed_ext.cli.option import COMMAND, JOB, READING
from graphembed_ext.cli.options import OPTIONS
from graphembed_ext.cli.runs.job import Job
from graphembed_ext.readers.graphs import read_graph
from tests.cli.commands import call

FRIENDS = "source,target\nAda,Bob\nBob,Cleo\nCleo,Ada\nCleo,Dan\nDan,Eve\n"
SMALL = ["--emb-dim", "4", "--walk-length", "8", "--window-size", "2", "--epochs", "1", "--host", "pyg"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "friends.csv").write_text(FRIENDS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def record_of(path):
    return json.loads(path.with_name(path.name + ".json").read_text())


def test_options_are_fields_of_the_job_and_arguments_of_the_reader():
    fields = {field.name for field in dataclasses.fields(Job)} - {"reading", "settings", "command"}
    assert {option.name for option in OPTIONS if option.part == JOB} == fields
    reading = set(inspect.signature(read_graph).parameters) - {"source"}
    negated = {"no_weight"}  # weight=False of the reader, as weight is a setting of models
    assert {option.name for option in OPTIONS if option.part == READING} - negated <= reading
    names = [option.name for option in OPTIONS]
    assert len(names) == len(set(names))


def test_a_job_comes_back_from_its_own_options():
    options = {
        "model": "han",
        "input": "a.csv",
        "output": "b.npz",
        "labels": "author=x.csv",
        "split": "0.5,0.2,0.3",
        "directed": True,
        "root": "data",
        "epochs": 3,
        "set": {"fit.lr": 0.1},
    }
    job = Job.of_options(options)
    assert job.labels == ["author=x.csv"]
    assert job.split == [0.5, 0.2, 0.3]
    assert dict(job.settings) == {"epochs": 3, "fit.lr": 0.1}
    written = json.loads(json.dumps(job.options()))  # as a record has it
    assert Job.of_options(written).options() == job.options()


@pytest.mark.parametrize("flags", [[], ["--set", "epochs=2"]])
def test_the_command_line_goes_before_the_settings_of_a_record(folder, flags):
    done = call("train", "deepwalk", "-i", "friends.csv", "-o", "first.npz", *SMALL, "--lr", "0.5", *flags)
    assert done.exit_code == 0, done.output
    words = ["--config", "first.npz.json", "-o", "second.npz", "--epochs", "3", "--emb-dim", "8", "--seed", "7"]
    done = call("train", *words)
    assert done.exit_code == 0, done.output
    assert ge.Embeddings.load(folder / "second.npz").tensor.shape == (5, 8)
    record = record_of(folder / "second.npz")
    assert len(record["history"]) == 3
    assert record["config"] | {"walk_length": 8, "emb_dim": 8, "seed": 7} == record["config"]
    assert record["training"] | {"lr": 0.5, "seed": 7} == record["training"]


def test_the_command_line_goes_before_a_file_that_says_it_otherwise(folder):
    (folder / "run.yaml").write_text(
        "model: deepwalk\ninput: friends.csv\nemb-dim: 4\nwalk-length: 8\nwindow-size: 2\nhost: pyg\n"
        "set:\n  fit.lr: 0.5\n  fit.epochs: 9\n  seed: 1\n  engine: dgl\n"
    )
    words = ["--lr", "0.25", "--epochs", "1", "--seed", "3", "--walk-engine", "torch", "-o", "out.npz"]
    done = call("train", "--config", "run.yaml", *words)
    assert done.exit_code == 0, done.output
    record = record_of(folder / "out.npz")
    assert (record["training"]["lr"], len(record["history"])) == (0.25, 1)
    assert (record["config"]["seed"], record["training"]["seed"]) == (3, 3)
    assert record["walk_engine"] == "torch"


def test_options_left_out_leave_those_of_the_file(folder):
    (folder / "run.json").write_text(
        json.dumps({"model": "graphsage", "input": "friends.csv", "features": ["one-hot"], "metapath": None})
    )
    words = ["--epochs", "1", "--host", "pyg", "-o", "out.npz", "--hidden-channels", "4"]
    done = call("train", "--config", "run.json", *words)
    assert done.exit_code == 0, done.output
    assert record_of(folder / "out.npz")["job"]["features"] == ["one-hot"]


def test_help_has_every_option():
    text = call("train", "--help", env={"COLUMNS": "200", "TERMINAL_WIDTH": "200"}).output
    for option in OPTIONS:
        flags = [] if option.argument else list(option.flags) or [f"--{option.name.replace('_', '-')}"]
        for flag in (word for entry in flags for word in entry.split("/")):
            assert flag in text, flag
    assert all(option.help.endswith(".") for option in OPTIONS)
    assert COMMAND in {option.part for option in OPTIONS}


def test_help_is_grouped_and_fits_into_80_columns():
    text = call("train", "--help", env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"}).output
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) < 170
    assert [line for line in lines if line.endswith(":") and not line.startswith(" ")] == [
        *("Arguments:", "Graph:", "Model:", "Training:", "Result:", "Options:")
    ]
    assert "graphembed train deepwalk -i friends.csv" in text


def test_defaults_in_help_are_those_of_the_code():
    from graphembed_ext.models.catalogue import builder, models_of
    from graphembed_ext.training import links, nodes, recommendation, walks

    shown = {option.name: option.default for option in OPTIONS}
    told = set()
    for name, model in models_of("pyg").items():
        parameters = inspect.signature(builder(model)).parameters
        for option in OPTIONS:
            own = "emb_dim" if option.name == "dim" and "emb_dim" in parameters else option.name
            own = "embedding_dim" if own == "dim" else own
            default = parameters[own].default if own in parameters else None
            if isinstance(default, (int, float)) and not isinstance(default, bool):
                assert f"{default:g}" in shown[option.name].replace(",", " ").replace(";", " ").split(), (name, own)
                told.add(option.name)
    assert told >= {"dim", "walk_length", "negative_size", "p", "q", "num_layers", "heads", "dropout"}
    for module in (links, nodes, recommendation, walks):
        assert f"{module._EPOCHS} " in shown["epochs"]
        assert f"{module._LR:g} " in shown["lr"]


@pytest.mark.parametrize("flag", ["--dim", "--emb-dim", "--embedding-dim"])
@pytest.mark.parametrize("model", ["deepwalk", "lightgcn", "graphsage"])
def test_the_size_of_a_vector_has_one_name_for_all_models(folder, model, flag):
    (folder / "shop.csv").write_text("user,item\nAnn,tea\nAnn,jam\nBen,tea\nBen,jam\nBen,milk\n")
    more = {"deepwalk": ["-i", "friends.csv", "--walk-length", "8"], "lightgcn": ["-i", "shop.csv"]}
    more["graphsage"] = ["-i", "friends.csv", "--features", "one-hot"]
    done = call("train", model, *more[model], "-o", "out.npz", flag, "6", "--epochs", "1", "--host", "pyg")
    assert done.exit_code == 0, done.output
    assert ge.Embeddings.load(folder / "out.npz").tensor.size(1) == 6
    assert call("train", "--config", "out.npz.json", "-o", "again.npz", "--dim", "3").exit_code == 0
    assert ge.Embeddings.load(folder / "again.npz").tensor.size(1) == 3


def test_the_shell_completes_values():
    env = {"_GRAPHEMBED_COMPLETE": "complete_bash", "COMP_WORDS": "graphembed train meta", "COMP_CWORD": "2"}
    done = call(prog_name="graphembed", env=env)
    assert done.output.split() == ["metapath2vec"]


def test_node2vec_is_deepwalk_with_p_and_q(folder):
    done = call("train", "node2vec", "-i", "friends.csv", "-o", "out.npz", *SMALL, "--p", "0.25", "--q", "4")
    assert done.exit_code == 0, done.output
    assert "node2vec is deepwalk with p 0.25 and q 4.0" in done.stdout
    again = call("train", "deepwalk", "-i", "friends.csv", "-o", "same.npz", *SMALL, "--p", "0.25", "--q", "4")
    assert again.exit_code == 0
    assert (folder / "out.npz").read_bytes() == (folder / "same.npz").read_bytes()
    record = record_of(folder / "out.npz")
    assert (record["model"], record["config"]["p"], record["config"]["q"]) == ("deepwalk", 0.25, 4)
    done = call("train", "Node2Vec", "-i", "friends.csv", "-o", "out.npz", *SMALL)
    assert "p 1 and q 1" in done.stdout


WRONG = {
    "a misspelt model": (["deepwlk", "-i", "friends.csv"], "Hint: did you mean 'deepwalk'."),
    "a misspelt setting": (["deepwalk", "-i", "friends.csv", "--set", "walk_lenght=3"], "did you mean 'walk_length'."),
    "a graph without -i": (["deepwalk", "friends.csv"], "arguments: got friends.csv; expected none after the name of"),
    "a graph for a model": (["friends.csv"], "Hint: the graph has an option of its own: --input friends.csv"),
    "no graph": (["deepwalk"], "input: got nothing; expected a value, by --input"),
    "no model": (["-i", "friends.csv"], "model: got nothing; expected a value, by the first argument"),
    "settings that are none": (["-c", "set.yaml"], "set: got [1, 2]; expected names with values"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_calls_get_one_line_with_the_way_out(folder, case):
    (folder / "set.yaml").write_text("set: [1, 2]\n")
    words, message = WRONG[case]
    done = call("train", *words, "-o", "out.npz")
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stderr.startswith("graphembed: ")
    assert done.stderr.count("\n") == 1


def test_python_runs_the_package():
    done = subprocess.run(
        [sys.executable, "-m", "graphembed_ext", "--version"], capture_output=True, text=True, timeout=300, check=False
    )
    assert (done.returncode, done.stdout) == (0, f"graphembed_ext {ge.__version__}\n"), done.stderr


def test_parity_reads_graphs_by_the_same_options(folder):
    (folder / "titled.txt").write_text("1,2,0.5\n2,3,0.5\n3,1,0.5\n3,4,0.5\n")
    words = ["parity", "deepwalk", "titled.txt", "--set", "walk_length=6", "--set", "window_size=2", "--steps", "1"]
    counts = [len(call(*words, *flags).output.splitlines()) for flags in (["--no-header"], ["--header"])]
    assert min(counts) > 3
    assert call(*words, "--no-header").exit_code == 0
    done = call(*words, "--input-format", "nonsense")
    assert done.exit_code == 2
    assert done.stderr.startswith("graphembed: ")
    text = call("parity", "--help", env={"COLUMNS": "200", "TERMINAL_WIDTH": "200"}).output
    assert all(word in text for word in ("--directed", "--root", "--header", "--input-format", "--mat-key"))


def test_lightgcn_is_told_its_loss_and_schedule(folder):
    (folder / "likes.csv").write_text("user,item\n" + "".join(f"u{n % 5},i{n % 7}\n" for n in range(20)))
    words = ["train", "lightgcn", "-i", "likes.csv", "--epochs", "2", "--host", "pyg", "--lr", "0.02"]
    done = call(*words, "-o", "a.npz", "--temperature", "0.2", "--weight-decay", "2", "--schedule", "cosine")
    assert done.exit_code == 0, done.output
    told = {"lr": 0.02, "temperature": 0.2, "weight_decay": 2, "schedule": "cosine"}
    assert record_of(folder / "a.npz")["training"].items() >= told.items()
    done = call(*words, "-o", "b.npz", "--loss", "recbole")
    assert done.exit_code == 0, done.output
    assert record_of(folder / "b.npz")["training"]["loss"] == "recbole"
    done = call(*words, "-o", "c.npz", "--loss", "hinge")
    assert done.exit_code == 2
    assert "softmax" in done.output
