"""The places that a process may find itself in: any number of threads, no home, nowhere to write, little memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

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
pairs = torch.stack([torch.randint(30, (200,), generator=draw), torch.randint(20, (200,), generator=draw)])
kinds["user", "buys", "item"].edge_index = pairs
kinds["item", "bought_by", "user"].edge_index = pairs.flip(0)
models = {
    "DeepWalk": (ge.DeepWalk(data, emb_dim=8, walk_length=6, window_size=2, seed=0), None, {"threads": 1}),
    "GraphSAGE": (ge.GraphSAGE(8, 16, 2, 3, seed=0), data, {}),
    "LightGCN": (ge.LightGCN.for_graph(kinds, 8, 2, user_type="user", seed=0), None, {}),
}
found = {}
for name, (model, graph, options) in models.items():
    ge.fit(model, graph, epochs=2, progress=False, seed=0, **options)
    vectors = ge.embed(model, graph).tensor
    assert vectors.isfinite().all()
    found[name] = hashlib.sha256(vectors.numpy().tobytes()).hexdigest()
print(json.dumps(found))
"""


def trained(folder, **changed):
    """What a process of its own makes of three models, in an environment with these variables; None takes one out."""
    variables = os.environ | {"PYTHONPATH": str(ROOT)} | changed
    done = subprocess.run(
        [sys.executable, "-c", TRAINED],
        cwd=folder,
        env={name: value for name, value in variables.items() if value is not None},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("usual"), OMP_NUM_THREADS="1", NUMBA_NUM_THREADS=None)


#: Variables of a process: more threads than processors, no home, one that is a file, and an account without a name.
PLACES = {
    "eight threads": {"OMP_NUM_THREADS": "8", "NUMBA_NUM_THREADS": None},
    "eight threads of both": {"OMP_NUM_THREADS": "8", "NUMBA_NUM_THREADS": "8"},
    "nowhere to write": {"HOME": os.devnull, "TMPDIR": os.devnull, "XDG_CACHE_HOME": os.devnull},
    "no home": {"HOME": None, "USER": None, "LOGNAME": None, "XDG_CACHE_HOME": None, "TERM": None, "LANG": "C"},
}


@pytest.mark.parametrize("place", PLACES)
def test_the_same_bits_wherever_a_process_finds_itself(place, usual, tmp_path):
    assert trained(tmp_path, **PLACES[place]) == usual
