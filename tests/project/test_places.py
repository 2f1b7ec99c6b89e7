"""Whatever the package writes, wherever it is told to: to a name that is taken or too long, below a file, to a link to
itself or to nowhere, in a folder that is read-only. It is written, or refused by the package's error, in one line.
"""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch

import graphembed_ext as ge
from graphembed_ext._core.locks import held
from graphembed_ext.errors import FileFormatError, FileWriteError, GraphEmbedError
from graphembed_ext.exports import export
from tests.cli.commands import call, write_ring
from tests.modes import read_only
from tests.project.writers import RING, WRITERS, deepwalk, embeddings, fitted

DEEPWALK = ("train", "deepwalk", "-i", "ring.csv", "--dim", "4", "--epochs", "1", "--walk-length", "6")
DEEPWALK += ("--window-size", "2", "--host", "pyg")


def command(*arguments):
    """A call of the command line with the path that it is to write to in the place of None."""

    def write(path):
        done = call(*(path if argument is None else argument for argument in arguments))
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        if done.exit_code:
            raise GraphEmbedError(done.stderr.strip())

    return write


#: What writes a file, and what writes a folder.
FILES = {name: write for name, write in WRITERS.items() if name != "record"} | {
    "emb.csv": lambda path: export(embeddings(), path),
    "train.npz": command(*DEEPWALK, "-o", None),
    "weights of train.pt": command(*DEEPWALK, "-o", "other.npz", "--weights", None),
    "export.txt": command("export", "emb.npz", None),
}
FOLDERS = {
    "parts": lambda path: embeddings().save(path),
    "projector": lambda path: export(embeddings(), path, "projector"),
    "prepared": lambda path: ge.prepare(RING, path),
    "split": command("split", "ring.csv", "-o", None),
    "tune": command("tune", *DEEPWALK[1:], "-o", None, "--trials", "1", "--valid", "ring.csv"),
    "tensorboard": lambda path: ge.callbacks.TensorBoard(path).close(),
}
#: What is done to a path before; whether it is read-only around it.
PLACES = {
    "taken": lambda path, folder: path.write_text("") if folder else path.mkdir(),
    "below a file": lambda path, _: path.parent.write_text(""),
    "a link to itself": lambda path, _: path.symlink_to(path),
    "a link to nowhere": lambda path, _: path.symlink_to(path.parent / "nowhere" / "x"),
    "read-only": lambda path, _: path.parent.mkdir(),
    "a long name": lambda path, _: None,
    "a name that is too long": lambda path, _: None,
}
LENGTHS = {"a long name": 250, "a name that is too long": 260}


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_ring(tmp_path, "ring", 12, 0)
    embeddings().save("emb.npz")
    return tmp_path


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("name", [*FILES, *FOLDERS])
def test_a_place_is_written_to_or_refused(name, where, place):
    for package, names in (("usearch", "index.usearch"), ("tensorboard", "tensorboard"), ("optuna", "tune")):
        if name == names:
            pytest.importorskip(package)
    ending = name[name.rindex(".") :] if name in FILES else ""
    path = place / ("n" * (LENGTHS[where] - len(ending)) + ending if where in LENGTHS else f"there/{name}")
    if where not in ("below a file", "read-only", *LENGTHS):
        path.parent.mkdir()
    PLACES[where](path, name in FOLDERS)
    with read_only(path.parent) if where == "read-only" else nullcontext():
        refusal = refused((FILES | FOLDERS)[name], path)
    wanted = where in REFUSED or (where == "a long name" and name in OF_RUNS)
    if name in FOLDERS and "link" in where:
        wanted = bool(refusal)
    assert bool(refusal) == wanted, refusal
    assert "\n" not in refusal


REFUSED = {"taken", "below a file", "read-only", "a name that is too long"}
#: What writes further files, called after the one.
OF_RUNS = {"train.npz", "weights of train.pt", "tune"}


def refused(write, path):
    """What the package's error says; empty where there is none."""
    try:
        write(path)
    except GraphEmbedError as error:
        return str(error)
    return ""


def test_a_training_keeps_its_state_under_a_long_name(tmp_path):
    path = tmp_path / ("n" * 250 + ".pt")
    fitted(path)
    model = deepwalk()
    assert len(ge.fit(model, epochs=2, progress=False, checkpoint=path, deterministic=True).history) == 2
    there = {entry.name for entry in tmp_path.iterdir()}
    assert len(there) == 2
    assert path.name in there
    path.write_bytes(b"")
    with pytest.warns(UserWarning, match="is damaged; going on from"):
        fitted_again = ge.fit(deepwalk(), epochs=2, progress=False, checkpoint=path, deterministic=True)
    assert len(fitted_again.history) == 2
    with held(path), pytest.raises(FileWriteError, match="held by"), held(path):
        pass


def test_a_file_that_is_no_state_is_refused_in_a_line(tmp_path):
    path = tmp_path / "state.pt"
    for content in (b"x", b"\x80\x02}q\x00.", torch.ones(2).numpy().tobytes()):
        path.write_bytes(content)
        with pytest.raises(FileFormatError, match="a checkpoint of fit") as refused:
            fitted(path)
        assert "\n" not in str(refused.value)
        assert len(str(refused.value)) < 400
