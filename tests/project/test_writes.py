"""Whatever the package writes: a disk that is full, a folder that is read-only or gone, is the package's error; what
stood there stays, and nothing half-written does.
"""

from __future__ import annotations

import ast
import errno
import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

import graphembed_ext as ge
from graphembed_ext.errors import FileWriteError, GraphEmbedError, MissingFolderError
from graphembed_ext.exports import export
from tests.project.writers import AGAIN, WRITERS, deepwalk, embeddings


def written(name, folder):
    """The file of a name, written once."""
    if name.endswith(".usearch"):
        pytest.importorskip("usearch")
    path = folder / name
    WRITERS[name](path)
    return path


@contextmanager
def failing(function, code, monkeypatch):
    """Calls of a function of the system fail."""

    def fail(*_, **__):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, function, fail)
        yield


@contextmanager
def full_disk():
    """No file may grow beyond a few bytes."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (90, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def ways(monkeypatch):
    return {
        "full disk": full_disk(),
        "the name cannot be given": failing("replace", errno.EROFS, monkeypatch),
        "the content does not reach the disk": failing("fsync", errno.ENOSPC, monkeypatch),
    }


@pytest.mark.parametrize("way", ["full disk", "the name cannot be given", "the content does not reach the disk"])
@pytest.mark.parametrize("name", WRITERS)
def test_a_write_that_fails_is_the_packages_error_and_leaves_the_file(name, way, tmp_path, monkeypatch):
    path = written(name, tmp_path)
    before = contents(tmp_path)
    assert before
    if way == "full disk" and name == "record":
        pytest.skip("a record of a line has room")
    with ways(monkeypatch)[way], pytest.raises(FileWriteError, match="cannot be written"):
        AGAIN.get(name, WRITERS[name])(path)
    assert contents(tmp_path) == before
    AGAIN.get(name, WRITERS[name])(path)  # and then there is room again


@pytest.mark.parametrize("name", WRITERS)
def test_a_folder_that_is_gone_is_the_packages_error(name, tmp_path):
    if name.endswith(".usearch"):
        pytest.importorskip("usearch")
    with pytest.raises(GraphEmbedError):
        WRITERS[name](tmp_path / "gone" / name)
    assert not contents(tmp_path)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_tables_folder_for_the_projector_stays_whole(tmp_path):
    export(embeddings(), tmp_path, "projector")
    before = contents(tmp_path)
    with full_disk(), pytest.raises(FileWriteError):
        export(embeddings(), tmp_path, "projector")
    assert contents(tmp_path) == before


#: Calls that write, and where they are handed to the one writer by the function around them.
_WRITING = {"save", "savefig", "savez", "save_file", "write_text", "write_bytes", "ParquetWriter", "dump", "tofile"}
_HANDED_ON = {"_write_parquet", "_write_npz", "_write_safetensors", "_write_csv", "write_rows", "write"}
_HANDED_ON |= {"tensors", "metadata", "fill", "pack", "_fill"}
#: Files of a folder that is put in its place whole, by ``files.settled``; pictures that are drawn into memory.
_OF_FOLDERS = {"_core/external_sort.py", "_core/mapped.py", "graph/folder.py", "readers/spill.py"}
_IN_MEMORY = "savefig(memory"


def test_there_is_one_writer_of_files():
    """Calls that write stand in a lambda for ``whole``, or in one of the functions that are handed to it."""
    package, loose = Path(ge.__file__).parent, []
    for path in sorted(package.rglob("*.py")):
        tree = ast.parse(path.read_text())
        inside = {
            id(node)
            for outer in ast.walk(tree)
            if isinstance(outer, ast.Lambda) or (isinstance(outer, ast.FunctionDef) and outer.name in _HANDED_ON)
            for node in ast.walk(outer)
        }
        loose += [
            f"{path.relative_to(package)}, line {node.lineno}: {ast.unparse(node)[:60]}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and id(node) not in inside and writes(node)
            if path.relative_to(package).as_posix() not in _OF_FOLDERS and _IN_MEMORY not in ast.unparse(node)
        ]
    assert not loose


def writes(call):
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    if name == "open":
        return any(isinstance(a, ast.Constant) and str(a.value) in ("w", "wb", "a", "ab", "x", "xb") for a in call.args)
    owner = ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""
    return name in _WRITING and (name != "save" or owner in ("torch", "np", "numpy"))


def test_a_folder_deleted_in_mid_training(tmp_path):
    folder = tmp_path / "runs"
    folder.mkdir()
    model = deepwalk()

    def delete(entry):
        if entry["epoch"] == 2:
            shutil.rmtree(folder)

    with pytest.raises(MissingFolderError, match="a folder that exists"):
        ge.fit(model, epochs=4, progress=False, checkpoint=folder / "state.pt", deterministic=True, on_epoch=delete)
    assert ge.embed(model).tensor.isfinite().all()
    assert len(ge.fit(model, epochs=1, progress=False, deterministic=True).history) == 1


def test_a_disk_that_fills_in_mid_training_keeps_the_states_before(tmp_path):
    path, model, kept = tmp_path / "state.pt", deepwalk(), {}
    limit = full_disk()

    def fill(entry):
        if entry["epoch"] == 2:
            kept.update(contents(tmp_path))
            limit.__enter__()

    try:
        with pytest.raises(FileWriteError, match="File too large"):
            ge.fit(model, epochs=4, progress=False, checkpoint=path, deterministic=True, on_epoch=fill)
    finally:
        limit.__exit__(None, None, None)
    del kept["state.pt.lock"]
    assert contents(tmp_path) == kept
    assert ge.embed(model).tensor.isfinite().all()
    resumed, whole = deepwalk(), deepwalk()
    assert len(ge.fit(resumed, epochs=4, progress=False, checkpoint=path, deterministic=True).history) == 4
    ge.fit(whole, epochs=4, progress=False, deterministic=True)
    assert torch.equal(ge.embed(resumed).tensor, ge.embed(whole).tensor)
