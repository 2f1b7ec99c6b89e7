"""Compiled kernels where nobody may write beside the package, nor at home."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
import textwrap
import warnings

import pytest

from graphembed_ext._core import kernel_cache


@pytest.fixture
def closed(tmp_path, monkeypatch):
    """A package and a home that nobody may write to, and a temporary folder; root may write to all that is there."""
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(kernel_cache.tempfile, "gettempdir", lambda: str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    plain = os.access

    def access(path, mode):
        return str(tmp_path / "temporary") in str(path) and plain(path, mode)

    monkeypatch.setattr(kernel_cache.os, "access", access)
    return tmp_path


def test_a_temporary_folder_serves_and_one_line_says_so(closed):
    with pytest.warns(UserWarning, match=r"can be written to: compiled kernels are kept in .*NUMBA_CACHE_DIR") as seen:
        kernel_cache.provide(closed / "package")
    folder = closed / "temporary" / f"graphembed-kernels-{os.getuid()}"
    assert os.environ.pop("NUMBA_CACHE_DIR") == str(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len(str(seen[0].message).splitlines()) == 1


def test_a_folder_that_others_may_write_to_is_not_trusted(closed):
    folder = closed / "temporary" / f"graphembed-kernels-{os.getuid()}"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.warns(UserWarning, match="NUMBA_CACHE_DIR"):
        kernel_cache.provide(closed / "package")
    assert os.environ.pop("NUMBA_CACHE_DIR") != str(folder)


def test_nothing_is_said_where_a_cache_has_a_place(closed, monkeypatch):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kernel_cache.provide(closed / "temporary")
        assert "NUMBA_CACHE_DIR" not in os.environ
        monkeypatch.setenv("NUMBA_CACHE_DIR", "mine")
        kernel_cache.provide(closed / "package")
        assert os.environ["NUMBA_CACHE_DIR"] == "mine"


WITHOUT_FOLDERS = """
    import os, tempfile

    def refused(*args, **kwargs):
        raise FileNotFoundError("No usable temporary directory found")

    tempfile.gettempdir = tempfile.mkdtemp = refused
    os.access = lambda path, mode: False
    import torch
    from numba.core.caching import NullCache
    from graphembed_ext._core import bits
    from graphembed_ext.graph.adjacency import adjacency

    kernels = [value for value in vars(bits).values() if hasattr(value, "py_func")]
    print(adjacency(torch.tensor([[0], [1]]), 2, 2), {type(kernel._cache) is NullCache for kernel in kernels})
"""


def test_kernels_are_kept_nowhere_where_no_folder_is():
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
    code = textwrap.dedent(WITHOUT_FOLDERS)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == "Adjacency(2 sources, 2 destinations, 1 edges) {True}", done.stderr
    assert done.stderr.count("kernels are compiled anew by every process; set NUMBA_CACHE_DIR") == 1


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can become nobody")
def test_nobody_can_import_kernels():
    """A user without a home, for whom the package's folder is read-only."""
    code = "import graphembed_ext.graph.adjacency as a, torch\nprint(a.adjacency(torch.tensor([[0], [1]]), 2, 2))"
    environment = {k: v for k, v in os.environ.items() if k not in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME")}
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        environment |= {"HOME": "/nonexistent", "TMPDIR": folder}
        command: dict = {"args": [sys.executable, "-B", "-c", code], "user": 65534, "group": 65534, "extra_groups": []}
        try:
            done = subprocess.run(**command, capture_output=True, text=True, env=environment, check=False)
        except PermissionError:
            pytest.skip("nobody may not run this Python")
    if "Permission denied" in done.stderr or "ModuleNotFoundError" in done.stderr:
        pytest.skip("nobody may not even read the package here")
    assert "Adjacency(2 sources, 2 destinations, 1 edges)" in done.stdout, done.stderr
    assert done.stderr.count("set NUMBA_CACHE_DIR") == 1
