"""Fixtures shared by all tests: small graphs, the real data, and the state that tests must leave alone."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.register_assert_rewrite("tests.cases", "tests.graphs", "tests.peers")

from tests import graphs  # noqa: E402
from tests.graphs import BUILDERS, Spec  # noqa: E402

# DGL writes the name of its backend into the home folder, unless it is told.
os.environ.setdefault("DGLBACKEND", "pytorch")

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("GRAPHEMBED_DATA", ROOT.parent / "shared" / "data"))


#: What tools leave beside the files that they read.
CACHES = {".git", ".venv", ".mypy_cache", ".pytest_cache", ".ruff_cache", "__pycache__", ".benchmarks", ".hypothesis"}


def files_of_the_checkout():
    """Every file but those of caches, of coverage and of installations."""
    found = set()
    for folder, subfolders, files in os.walk(ROOT):
        subfolders[:] = [name for name in subfolders if name not in CACHES and not name.endswith(".egg-info")]
        found.update(Path(folder, name) for name in files if not name.startswith(".coverage"))
    return found


@pytest.fixture(scope="session", autouse=True)
def nothing_is_written_into_the_checkout():
    """Fails the session when a file appeared: tests write into temporary folders alone."""
    before = files_of_the_checkout()
    yield
    written = sorted(str(path.relative_to(ROOT)) for path in files_of_the_checkout() - before)
    assert not written, f"tests wrote into the checkout: {written}"


@pytest.fixture(params=BUILDERS)
def build(request):
    """Builds a host graph from a specification; each test runs once for each host."""
    return BUILDERS[request.param]


@pytest.fixture
def camps():
    """Two camps of users and items, see :func:`tests.graphs.camps`."""
    return graphs.camps()


@pytest.fixture
def chain():
    """0 -> 1 -> 2 -> 3, an isolated node 4: every walk ends, and node 4 has none."""
    return Spec.untyped(5, [(0, 1), (1, 2), (2, 3)])


@pytest.fixture
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def global_state_untouched():
    """Fails the test when torch's, NumPy's or Python's global generator moved."""

    def state():
        return torch.get_rng_state().tolist(), repr(np.random.get_state()), random.getstate()  # noqa: NPY002

    before = state()
    yield
    assert state() == before


@pytest.fixture(scope="session")
def data_root():
    """Folder with the real data sets."""
    if not DATA.is_dir():
        pytest.skip(f"no real data: {DATA} does not exist; name their folder in GRAPHEMBED_DATA")
    return DATA


@pytest.fixture(scope="session")
def cora(data_root, tmp_path_factory):
    """Cora as PyG's Data; the dataset class writes beside the raw files, so it gets a copy of them."""
    from torch_geometric.datasets import Planetoid

    root = tmp_path_factory.mktemp("planetoid")
    shutil.copytree(data_root / "Planetoid" / "Cora" / "raw", root / "Cora" / "raw")
    return Planetoid(root, "Cora")[0]


@pytest.fixture
def karate():
    from torch_geometric.datasets import KarateClub

    return KarateClub()[0]


def pytest_make_parametrize_id(val):
    """Functions among a test's parameters are told by name: their address is another in every process."""
    return val.__name__ if callable(val) and hasattr(val, "__name__") else None
