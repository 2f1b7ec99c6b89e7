"""The suite serves environments with more packages than ours: what these say at import fails nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

from tests.conftest import ROOT

#: A package that speaks of its own affairs as soon as it is imported, to whom imports it and to nobody.
TALKATIVE = """
    import warnings

    __version__ = "9.9.9"
    for category in (UserWarning, DeprecationWarning, FutureWarning, ImportWarning, RuntimeWarning):
        warnings.warn("one is no longer needed", category)
        warnings.warn("another should be imported otherwise", category, stacklevel=2)
"""
#: What a user of PyG has had to install at some time; and plugins of pytest that want no part of this suite.
PACKAGES = ("torch_cluster", "torch_spline_conv", "pyg_lib", "pynvml", "pytest_of_another_project")


def pytest_in(tmp_path, *words):
    for name in PACKAGES:
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(TALKATIVE))
    (tmp_path / "pyg_lib.py").write_text(textwrap.dedent(TALKATIVE) + "\nclass ops: pass\nclass sampler: pass\n")
    path = os.pathsep.join([str(tmp_path), str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", PACKAGES[-1], *map(str, words)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": path, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def test_more_packages_than_ours_disturb_no_collection(tmp_path):
    done = pytest_in(tmp_path, "--co", "tests", "--deselect", "tests/project/test_environment.py")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "error" not in done.stdout.splitlines()[-1]


def test_warnings_of_our_code_are_errors(tmp_path):
    """Of a test, of the package, and of an example; a warning that another package gives itself is not."""
    (tmp_path / "elsewhere.py").write_text("import warnings\n\ndef speak():\n    warnings.warn('of its own')\n")
    source = """
        import warnings

        import pytest

        @pytest.mark.parametrize("module", ["graphembed_ext.walks", "tests.graphs", "examples.migration", "elsewhere"])
        def test_it(module):
            warnings.warn_explicit("careless", UserWarning, "somewhere.py", 1, module=module)
    """
    (tmp_path / "test_it.py").write_text(textwrap.dedent(source))
    done = pytest_in(tmp_path, tmp_path / "test_it.py", "-c", ROOT / "pyproject.toml", "--rootdir", tmp_path)
    assert "3 failed, 1 passed" in done.stdout, done.stdout + done.stderr
