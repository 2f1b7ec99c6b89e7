"""The wheel and the archive of sources: what is in them, what is not, that either is enough, and what they ask for."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile

import pytest

import graphembed_ext
from tests.conftest import ROOT
from tests.project.audit import findings

pytest.importorskip("hatchling")
#: What the archive of sources has at its top, beside the folders.
TOP = {
    "CHANGELOG.md",
    "CITATION.cff",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "constraints.txt",
    "pyproject.toml",
}
TOP |= {"PKG-INFO", ".gitignore"}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A wheel and an archive of sources, made by the backend that pip would ask."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl")), next(folder.glob("*.tar.gz"))


def test_the_wheel_holds_every_module_and_nothing_else(built):
    names = set(zipfile.ZipFile(built[0]).namelist())
    version = graphembed_ext.__version__
    info = {
        f"graphembed_ext-{version}.dist-info/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt")
    }
    info.add(f"graphembed_ext-{version}.dist-info/licenses/LICENSE")
    package = ROOT / "graphembed_ext"
    files = {path.relative_to(ROOT).as_posix() for path in package.rglob("*") if path.is_file()}
    assert names == {name for name in files if "__pycache__" not in name} | info
    assert {name.rpartition(".")[2] for name in names - info} <= {"py", "typed"}


def test_the_archive_holds_sources_and_tests_alone(built):
    with tarfile.open(built[1]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    folders = {name.partition("/")[0] for name in names if "/" in name}
    assert folders <= {"graphembed_ext", "tests", "examples", "benchmarks", ".ci", "docs"}
    assert {"graphembed_ext", "tests"} <= folders
    assert {name for name in names if "/" not in name} - TOP <= {
        ".pre-commit-config.yaml",
        "conftest.py",
        ".editorconfig",
        ".gitattributes",
    }
    unwanted = (".pyc", ".so", ".pt", ".npz", ".parquet", ".nbi", ".nbc", ".log")
    assert not [name for name in names if name.endswith(unwanted)]


@pytest.mark.parametrize("kind", ["wheel", "sources"])
def test_each_alone_is_enough(built, tmp_path, kind):
    """Installed into a folder of its own, and imported from there."""
    words = ["--quiet", "--no-deps", "--no-index", "--no-compile", "--no-build-isolation"]
    command = [sys.executable, "-m", "pip", "install", *words, "--target", str(tmp_path)]
    subprocess.run([*command, str(built[kind == "sources"])], check=True, capture_output=True)
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import graphembed_ext as ge, torch; "
        f"assert ge.__file__.startswith({str(tmp_path)!r}), ge.__file__; "
        "print(ge.view(torch.tensor([[0, 1], [1, 0]])), ge.losses.bpr_loss(torch.ones(1), torch.ones(1)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "GraphView(pyg: 2 nodes, 2 edges) tensor(0.6931)" in done.stdout, done.stderr


def test_every_package_has_a_pin_and_a_licence():
    """Of those that pyproject.toml asks for, and what they ask for in turn; make audit prints them."""
    rows = findings()
    assert len(rows) > 40
    assert not [row for row in rows if "no pin" in row[3] or "licence" in row[3]]
