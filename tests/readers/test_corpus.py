"""A table of files as people have them: each is read right, or refused in one line that names the way out."""

import warnings

import pytest
from typer.testing import CliRunner

import graphembed_ext as ge
from graphembed_ext.cli.entry import app
from graphembed_ext.errors import GraphEmbedError

from .corpus import CASES

BY_ID = {case.id: case for case in CASES}


def test_the_table_is_large_and_every_name_stands_once():
    assert len(BY_ID) == len(CASES) >= 120


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_read_right_or_refused_with_the_way_out(case, tmp_path):
    path = case.write(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            graph = ge.readers.read_graph(path, **case.options)
        except GraphEmbedError as error:
            problem = case.wrong_refusal(str(error))
        else:
            problem = case.difference(graph)
    assert problem is None, problem


#: Cases that the command line is tried on, one of each kind of file.
READ = [
    "pandas with index and weight",
    "Excel semicolons",
    "numbers in several spellings",
    "columns by title",
    "pipes by hand",
    "Latin-1 by hand",
    "zstandard",
    "cell of several lines",
    "titles behind #",
    "negative weight left out",
    "Gephi edges",
    "SNAP",
    "KONECT sym with weights",
    "networkx weighted edge list",
    "GraphML of Gephi",
    "Pajek",
    "mtx",
    "npy",
    "mat",
]
REFUSED = [
    "no titles, names that do not recur",
    "null end",
    "infinite weight",
    "cut gzip",
    "Latin-1",
    "quote without an end",
    "ragged: a cell more",
    "header alone",
    "empty",
    "picture",
    "page of a web site",
    "GraphML cut off",
    "networkx pickle",
    "mtx of users and items without a word",
    "npy of objects",
    "mat of the newest version",
    "not a saved graph",
    "an encoding that is none",
]
SMALL = [
    "--emb-dim",
    "4",
    "--walk-length",
    "4",
    "--window-size",
    "1",
    "--epochs",
    "1",
    "--threads",
    "1",
    "--host",
    "pyg",
]


def arguments_of(case):
    """The options of a case as the command line has them."""
    words = []
    for name, value in case.options.items():
        option = "--" + name.replace("_", "-")
        if isinstance(value, bool):
            words.append(option if value else option.replace("--", "--no-", 1))
        elif isinstance(value, dict):
            words += [option, ",".join(f"{role}={column}" for role, column in value.items())]
        else:
            words += [option, value]
    return words


@pytest.mark.parametrize("id", READ + REFUSED)
def test_the_command_line_trains_or_refuses_in_one_line(id, tmp_path):
    case = BY_ID[id]
    path = case.write(tmp_path)
    words = ["train", "deepwalk", "-i", str(path), "-o", str(tmp_path / "out.npz"), *SMALL, *arguments_of(case)]
    done = CliRunner().invoke(app, words)
    assert "Traceback" not in done.output, done.output
    if id in READ:
        assert done.exit_code == 0, done.output
        names = {name for pair in case.answer.edges for name in pair}
        found = ge.Embeddings.load(tmp_path / "out.npz")
        assert set(found.names["_N"] if found.names else map(str, range(len(found.tensor)))) == names
        return
    assert done.exit_code in (1, 2), done.output
    assert not isinstance(done.exception, Exception) or isinstance(done.exception, SystemExit), done.exception
    message = " ".join(done.stderr.split())
    assert case.wrong_refusal(message) is None, case.wrong_refusal(message)
    assert not (tmp_path / "out.npz").exists()
