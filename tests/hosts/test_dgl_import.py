"""What a plain ``import dgl`` does after ours; each case in a fresh interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from graphembed_ext.errors import FileWriteError
from graphembed_ext.hosts import import_hook
from tests.modes import read_only


def run(code, tmp_path, **packages):
    """Run code in a new interpreter, with fake packages (name -> {file: source}) ahead of the installed ones."""
    for name, files in packages.items():
        for file, source in files.items():
            path = tmp_path / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(source))
    env = os.environ | {"PYTHONPATH": str(tmp_path), "DGLBACKEND": "pytorch"}
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        env=env,
        cwd=tmp_path,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


BROKEN = "the installed DGL imports by itself on this torch"


@pytest.fixture(scope="module")
def broken_by_itself():
    result = subprocess.run([sys.executable, "-c", "import dgl"], capture_output=True, check=False)
    if result.returncode == 0:
        pytest.skip(BROKEN)


def test_plain_import_works_after_ours(tmp_path):
    out = run(
        """
        import graphembed_ext
        import dgl
        walk, _ = dgl.sampling.random_walk(dgl.graph(([0, 1], [1, 2])), [0], length=2)
        assert dgl.nn.DeepWalk and dgl.dataloading.NeighborSampler and dgl.data.CoraGraphDataset
        print(walk.tolist())
        """,
        tmp_path,
    )
    assert out == "[[0, 1, 2]]"


@pytest.mark.usefixtures("broken_by_itself")
def test_graphbolt_answers_every_use_with_the_reason(tmp_path):
    out = run(
        """
        import inspect
        import graphembed_ext
        import dgl
        uses = ["dgl.graphbolt.ItemSet", "from dgl.graphbolt import ItemSet", "import dgl.graphbolt.impl",
                "from dgl.graphbolt.impl import x", "import dgl.graphbolt as gb; gb.anything"]
        for use in uses:
            try:
                exec(use)
            except ImportError as error:
                text = str(error)
                assert "torch" in text and "torchdata" in text and "dgl.sampling" in text, text
            else:
                raise SystemExit(use + " did not fail")
        assert not hasattr(dgl.graphbolt, "__wrapped__")
        inspect.getmodule(lambda: 0), inspect.stack()
        print(len(uses))
        """,
        tmp_path,
    )
    assert out == "5"


@pytest.mark.usefixtures("broken_by_itself")
def test_a_failed_first_import_is_forgotten(tmp_path):
    out = run(
        """
        import sys
        try:
            import dgl
        except ImportError:
            left = [name for name in sys.modules if name.startswith("dgl.")]
        import graphembed_ext
        import dgl
        # Submodules that the failed import had finished must be bound to the new package.
        print(len(left) > 0, dgl.data is sys.modules["dgl.data"], dgl.graph(([0], [1])).num_nodes())
        """,
        tmp_path,
    )
    assert out == "True True 2"


NATIVE = {
    "__init__.py": "from . import graphbolt\n__version__ = '9.9'",
    "graphbolt/__init__.py": "from .base import ItemSet",
    "graphbolt/base.py": "ItemSet = 'the real one'",
}


def test_a_native_import_is_left_alone(tmp_path):
    code = """
        {first}
        import dgl
        module = dgl.graphbolt
        print(module.ItemSet, type(module).__name__, type(module.__loader__).__name__,
              type(module.__spec__.loader).__name__, dgl.__version__)
    """
    ours = run(code.format(first="import graphembed_ext"), tmp_path, dgl=NATIVE)
    assert ours == run(code.format(first=""), tmp_path) == "the real one module SourceFileLoader SourceFileLoader 9.9"


def test_an_error_elsewhere_in_dgl_is_not_hidden(tmp_path):
    out = run(
        """
        import graphembed_ext
        try:
            import dgl
        except ImportError as error:
            print(error)
        """,
        tmp_path,
        dgl={"__init__.py": "import something_missing"},
    )
    assert out == "No module named 'something_missing'"


def test_without_dgl(tmp_path):
    out = run(
        """
        import sys
        sys.modules["dgl"] = None
        import torch
        import graphembed_ext as ge
        ring = torch.tensor([[0, 1, 2], [1, 2, 0]])
        model = ge.DeepWalk(ring, emb_dim=4, walk_length=8, seed=0)
        result = ge.fit(model, epochs=1, progress=False)
        print(result.walk_engine, ge.available_models("pyg") == ge.available_models())
        for use in ("ge.to_host(ring, 'dgl')", "import graphembed_ext.dgl", "ge.DeepWalk(ring, engine='dgl')"):
            try:
                exec(use)
            except ImportError as error:
                assert "graphembed_ext[dgl]" in str(error), error
            else:
                raise SystemExit(use + " did not fail")
        """,
        tmp_path,
    )
    assert out == "torch True"


def test_only_when_asked_for_and_once(tmp_path):
    out = run(
        """
        import sys
        import importlib
        import graphembed_ext
        importlib.reload(graphembed_ext)
        importlib.reload(graphembed_ext._dgl_import).install()
        finders = [f for f in sys.meta_path if "GraphBolt" in type(f).__name__]
        hosts = [name for name in ("dgl", "torch_geometric", "torch") if name in sys.modules]
        print(len(finders), hosts)
        """,
        tmp_path,
    )
    assert out == "1 []"


def test_threads_import_it_together(tmp_path):
    out = run(
        """
        import threading
        import graphembed_ext
        errors, modules = [], set()
        start = threading.Barrier(8)
        def work():
            start.wait()
            try:
                import dgl
                modules.add(id(dgl.graphbolt))
            except BaseException as error:
                errors.append(error)
        threads = [threading.Thread(target=work) for _ in range(8)]
        [t.start() for t in threads], [t.join() for t in threads]
        print(errors, len(modules))
        """,
        tmp_path,
    )
    assert out == "[] 1"


@pytest.fixture
def site_packages(tmp_path, monkeypatch):
    """A folder of packages that holds the hook alone."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(folder))
    monkeypatch.setattr("site.ENABLE_USER_SITE", False)
    return folder


def test_the_hook_lets_dgl_come_first(tmp_path, site_packages):
    assert import_hook.hooked() is None
    assert import_hook.install_hook() == import_hook.hooked() == site_packages / "_graphembed_ext_hook.pth"
    import_hook.install_hook()  # again, and nothing changes
    out = run(
        """
        import site, sys
        site.addsitedir("site-packages")  # as Python does at its start
        before = "graphembed_ext" in sys.modules
        import dgl
        walk, _ = dgl.sampling.random_walk(dgl.graph(([0, 1], [1, 2])), [0], length=2)
        print(before, "graphembed_ext" in sys.modules, walk.tolist())
        """,
        tmp_path,
    )
    assert out == "False True [[0, 1, 2]]"
    assert len(import_hook.remove_hook()) == 2
    assert list(site_packages.iterdir()) == []
    assert import_hook.remove_hook() == []


@pytest.mark.usefixtures("site_packages")
def test_a_hook_in_a_read_only_folder_is_an_error_of_the_package(site_packages):
    import_hook.install_hook()
    with read_only(site_packages):
        for change in (import_hook.install_hook, import_hook.remove_hook):
            with pytest.raises(FileWriteError, match="cannot be written"):
                change()
    assert len(import_hook.remove_hook()) == 2


def test_a_hook_that_was_left_behind_does_no_harm(tmp_path):
    import_hook.install_hook()
    out = run(
        """
        import site
        site.addsitedir("site-packages")
        import dgl
        print(dgl.__version__)
        """,
        tmp_path,
        dgl=NATIVE,
        graphembed_ext={"__init__.py": "raise ImportError('it was uninstalled')"},
    )
    assert out == "9.9"
