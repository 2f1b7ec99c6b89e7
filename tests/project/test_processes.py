"""The places that a process may find itself in: any number of threads, no home, nowhere to write."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import graphembed_ext as ge
from tests.conftest import ROOT

TRAINED = """
import hashlib, json, sys, warnings
import torch
from torch_geometric.data import Data, HeteroData
import graphembed_ext as ge

warnings.simplefilter("ignore")
draw = torch.Generator().manual_seed(0)
data = Data(x=torch.randn(60, 8, generator=draw), edge_index=torch.randint(60, (2, 400), generator=draw))
data.y, data.train_mask = torch.arange(60) % 3, torch.arange(60) < 40
kinds = HeteroData()
kinds["user"].num_nodes, kinds["item"].num_nodes = 30, 20
kinds["user"].x, kinds["item"].x = torch.eye(30), torch.eye(20)
kinds["user"].y, kinds["user"].train_mask = torch.arange(30) % 3, torch.arange(30) < 20
pairs = torch.stack([torch.randint(30, (200,), generator=draw), torch.randint(20, (200,), generator=draw)])
kinds["user", "buys", "item"].edge_index = pairs
kinds["item", "bought_by", "user"].edge_index = pairs.flip(0)
there_and_back = ["buys", "bought_by"]
models = {
    "DeepWalk": (ge.DeepWalk(data, emb_dim=8, walk_length=6, window_size=2, seed=0), None, {"threads": 1}),
    "MetaPath2Vec": (ge.MetaPath2Vec(kinds, there_and_back, 1, emb_dim=8, seed=0), None, {"threads": 1}),
    "GraphSAGE": (ge.GraphSAGE(8, 16, 2, 3, seed=0), data, {}),
    "HAN": (ge.HAN.for_graph(kinds, 4, heads=2, metapaths={"UIU": there_and_back}, seed=0), kinds, {}),
    "LightGCN": (ge.LightGCN.for_graph(kinds, 8, 2, user_type="user", seed=0), None, {}),
}
found = {}
for name in sys.argv[1:] or models:
    model, graph, options = models[name]
    ge.fit(model, graph, epochs=2, progress=False, seed=0, **options)
    vectors = ge.embed(model, graph).tensor
    assert vectors.isfinite().all()
    found[name] = hashlib.sha256(vectors.numpy().tobytes()).hexdigest()
print(json.dumps(found))
"""

#: Runs Python without the right to write where nobody may, which root has on Linux: PR_CAPBSET_DROP of
#: CAP_DAC_OVERRIDE and of CAP_DAC_READ_SEARCH.
BOUND_BY_MODES = """
import ctypes, os, sys

if sys.platform == "linux":
    for capability in (1, 2):
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def trained(folder, *names, package=ROOT, **changed):
    """What a process of its own makes of the five models, or of some, in an environment with these variables; None
    takes one out. It may do what the modes of files allow, also where it is root's.
    """
    variables = os.environ | {"PYTHONPATH": str(package)} | changed
    return subprocess.run(
        [sys.executable, "-c", BOUND_BY_MODES, "-c", TRAINED, *names],
        cwd=folder,
        env={name: value for name, value in variables.items() if value is not None},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    return digests(trained(tmp_path_factory.mktemp("usual"), OMP_NUM_THREADS="1", NUMBA_NUM_THREADS=None))


def digests(done):
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


#: Variables of a process: more threads than processors, no home or one that is a file, no temporary folder, no name.
PLACES = {
    "eight threads of torch, no home": {
        "OMP_NUM_THREADS": "8",
        "NUMBA_NUM_THREADS": None,
        **dict.fromkeys(("HOME", "USER", "LOGNAME", "XDG_CACHE_HOME", "TERM")),
        "LANG": "C",
    },
    "eight threads of both, nowhere to write but beside the package": {
        "OMP_NUM_THREADS": "8",
        "NUMBA_NUM_THREADS": "8",
        **dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME"), os.devnull),
    },
}


@pytest.mark.parametrize("place", PLACES)
def test_the_same_bits_wherever_a_process_finds_itself(place, usual, tmp_path):
    assert digests(trained(tmp_path, **PLACES[place])) == usual


@pytest.mark.skipif(sys.platform != "linux", reason="root can be bound by modes on Linux alone")
def test_the_same_bits_of_a_package_that_is_read_only(usual, tmp_path):
    """As in site-packages of root's, with a home that is read-only as well: kernels are compiled into TMPDIR."""
    site, home, temporary = (tmp_path / name for name in ("site", "home", "temporary"))
    shutil.copytree(Path(ge.__file__).parent, site / "graphembed_ext", ignore=shutil.ignore_patterns("__pycache__"))
    home.mkdir()
    temporary.mkdir()
    closed = [path for path in (*site.rglob("*"), site, home) if path.is_dir()]
    for folder in closed:
        folder.chmod(0o555)
    nowhere = dict.fromkeys(("NUMBA_CACHE_DIR", "XDG_CACHE_HOME"))
    try:
        done = trained(home, "GraphSAGE", package=site, HOME=str(home), TMPDIR=str(temporary), **nowhere)
    finally:
        for folder in closed:
            folder.chmod(0o755)
    assert digests(done) == {"GraphSAGE": usual["GraphSAGE"]}
    assert done.stderr.count("can be written to: compiled kernels are kept in") == 1
    assert not [path for path in site.rglob("*") if path.name == "__pycache__"]
    assert not list(home.iterdir())
