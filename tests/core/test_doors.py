"""Each door to compiled code, with hostile ids, in a process of its own: a crash is a failed test, not a dead suite."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from graphembed_ext._core import doors
from graphembed_ext._core.optional import installed
from graphembed_ext.errors import InputError

HOSTILE = [-1, -(2**40), 10, 2**31, 2**62]

PREAMBLE = """
import numpy as np, torch, warnings
import graphembed_ext as ge
from graphembed_ext._core import alias, rng
from graphembed_ext.errors import GraphEmbedError
from graphembed_ext.graph.view import GraphView
from graphembed_ext.sampling.neighbor_sampler import NeighborSampler, check_fanouts
from graphembed_ext.sampling.pairs import draw_entries
from graphembed_ext.training.engines.base import Batch
from graphembed_ext.training.engines.cpu import CPUEngine
warnings.simplefilter("ignore")

def fresh_ring():
    return torch.stack([torch.arange(10), (torch.arange(10) + 1) % 10])

ring = fresh_ring()

def refused(call):
    # 100 times: a wrong read need not end the process at once
    for _ in range(100):
        try:
            call()
        except GraphEmbedError as error:
            continue
        raise SystemExit("was not refused")
    print("refused")

def unharmed(call):
    first = call()
    for _ in range(100):
        assert torch.equal(call(), first)
    print("unharmed")

def model(**options):
    return ge.DeepWalk(ring, emb_dim=16, walk_length=8, window_size=2, fast_neg=False, seed=0, **options)
"""

#: Code that hands the id BAD to a door, and what must come of it.
DOORS = {
    "edges": ("refused(lambda: ge.view(torch.tensor([[0, BAD], [1, 0]]), num_nodes=10))", "refused"),
    "edges, through NumPy before the first walk": (
        "view = ge.view(ring)\n"
        "view.edges[('_N', '_E', '_N')][1].numpy()[3] = BAD\n"
        "refused(lambda: ge.walks.random_walk(view, torch.arange(10), 8, engine='torch', seed=0))",
        "refused",
    ),
    "edges, through NumPy after the first walk": (
        "view = ge.view(ring)\n"
        "walker = ge.walks.Walker(view, engine='torch')\n"
        "walker.walk(torch.arange(10), 8, 1)\n"
        "ring.numpy()[:] = BAD\n"
        "unharmed(lambda: walker.walk(torch.arange(10), 8, 1).nodes)",
        "unharmed",
    ),
    "edges, through NumPy, then fitted": (
        "m = model()\nring.numpy()[1, 3] = BAD\nrefused(lambda: ge.fit(m, epochs=1, progress=False))",
        "refused",
    ),
    "edges, through NumPy, then sampled": (
        "view = ge.view(ring)\nring.numpy()[0, 3] = BAD\nrefused(lambda: next(iter(ge.neighbor_loader(view, [2, 2]))))",
        "refused",
    ),
    "edges, through NumPy, between batches": (
        "loader = ge.neighbor_loader(ring, [2, 2], seed=0, prefetch=0)\n"
        "ring.numpy()[:] = BAD\n"
        "def nodes():\n"
        "    loader.epoch = 0\n"
        "    return next(iter(loader)).nodes\n"
        "unharmed(nodes)",
        "unharmed",
    ),
    "edges of a pickled view": (
        "import pickle\n"
        "view = ge.view(ring)\nring.numpy()[0, 3] = BAD\n"
        "view = pickle.loads(pickle.dumps(view))\n"
        "refused(lambda: view.csr())",
        "refused",
    ),
    "edges of metapaths": (
        "edges = {('a', 'to', 'b'): ring, ('b', 'back', 'a'): ring.flip(0).clone()}\n"
        "view = ge.view(edges)\nview.edges[('a', 'to', 'b')][0].numpy()[2] = BAD\n"
        "refused(lambda: ge.metapath_edges(view, {'aba': ['to', 'back']}))",
        "refused",
    ),
    "first nodes": (
        "refused(lambda: ge.walks.random_walk(ring, torch.tensor([BAD]), 8, engine='torch', seed=0))",
        "refused",
    ),
    "first nodes of a walker": (
        "walker = ge.walks.Walker(ge.view(ring), engine='torch')\n"
        "refused(lambda: walker.walk(torch.tensor([0, BAD]), 8, 1))",
        "refused",
    ),
    "first nodes of a loader, written to": (
        "starts = torch.arange(10)\n"
        "walker = ge.walks.Walker(ge.view(ring), engine='torch')\n"
        "from graphembed_ext.walks.loader import WalkLoader\n"
        "loader = WalkLoader(walker, starts, 8, seed=0)\n"
        "starts.numpy()[:] = BAD\n"
        "refused(lambda: list(loader))",
        "refused",
    ),
    "seeds": ("refused(lambda: ge.neighbor_loader(ring, [2], nodes=torch.tensor([BAD])))", "refused"),
    "seeds, written to": (
        "seeds = torch.arange(10)\n"
        "loader = ge.neighbor_loader(ring, [2, 2], nodes=seeds, seed=0, prefetch=0)\n"
        "seeds.numpy()[:] = BAD\n"
        "def nodes():\n"
        "    loader.epoch = 0\n"
        "    return next(iter(loader)).nodes\n"
        "unharmed(nodes)",
        "unharmed",
    ),
    "seeds of a sampler": (
        "view = ge.view(ring)\n"
        "sampler = NeighborSampler(view, check_fanouts([2], view.edge_types))\n"
        "refused(lambda: sampler.sample({'_N': torch.tensor([BAD])}, 0))",
        "refused",
    ),
    "excluded entries of a sampler": (
        "view = ge.view(ring)\n"
        "sampler = NeighborSampler(view, check_fanouts([2], view.edge_types))\n"
        "out = {('_N', '_E', '_N'): torch.tensor([BAD])}\n"
        "refused(lambda: sampler.sample({'_N': torch.tensor([1])}, 0, out))",
        "refused",
    ),
    "walks to train on": (
        "walks = torch.full((4, 8), 3)\nwalks[2, 5] = BAD if BAD != -1 else -2\n"
        "refused(lambda: list(CPUEngine(model(), key=1, threads=1).train([Batch(walks, 0, 0, 0, 0.1)])))",
        "refused",
    ),
    "a table with fewer rows": (
        "m = model()\nm.context_embed = torch.nn.Embedding(5, 16)\n"
        "refused(lambda: ge.fit(m, epochs=1, engine='numba', progress=False))",
        "refused",
    ),
    "negatives of other nodes": (
        "m = model()\nm.noise_groups = lambda: (torch.ones(10), [0, BAD])\n"
        "if BAD == 10: m.noise_groups = lambda: (torch.ones(10), [0, 12, 10])\n"
        "refused(lambda: ge.fit(m, epochs=1, engine='numba', progress=False))",
        "refused",
    ),
    "an alias table": ("refused(lambda: alias.alias_table(torch.tensor([0, BAD]), torch.ones(5)))", "refused"),
    "rows to draw from": (
        "table = alias.alias_table(torch.tensor([0, 5, 10]), torch.ones(10))\n"
        "refused(lambda: draw_entries(table, torch.tensor([0, 5, 10]), torch.tensor([BAD]), 1, 7))",
        "refused",
    ),
}


def run(code: str, bad: int) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PREAMBLE + code.replace("BAD", f"({bad})")], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, f"status {done.returncode}, after {done.stdout[-200:]}: {done.stderr[-2000:]}"
    return done.stdout.strip()


@pytest.mark.parametrize("bad", [-(2**40), 2**62])
def test_no_door_lets_hostile_ids_through(bad):
    """All doors in one process: starting one takes seconds; where it ends early, the last line says at which door."""
    code = "".join(
        f"\nring = fresh_ring()\nprint({name!r}, end=': ', flush=True)\n{body}" for name, (body, _) in DOORS.items()
    )
    assert run(code, bad).splitlines() == [f"{name}: {outcome}" for name, (_, outcome) in DOORS.items()]


@pytest.mark.parametrize("bad", [-1, 10])
def test_nor_those_next_to_the_bounds(bad):
    test_no_door_lets_hostile_ids_through(bad)


@pytest.mark.skipif(not installed("dgl"), reason="DGL is not installed")
@pytest.mark.parametrize("before", [False, True], ids=["never walked", "walked before"])
def test_edge_tensors_of_dgl_written_to_in_place(before):
    code = f"""
import dgl
graph = dgl.graph((ring[0].clone(), ring[1].clone()))
m = ge.DeepWalk(graph, emb_dim=16, walk_length=8, window_size=2, engine="torch", seed=0)
if {before}:
    m.sample(torch.arange(10))
src, dst = graph.edges()
dst.numpy()[:] = BAD
for ids in m.view.edges.values():
    ids[1].numpy()[:] = BAD
try:
    ge.fit(m, epochs=2, progress=False)
    print("unharmed")
except GraphEmbedError:
    print("refused")
"""
    assert run(code, 2**40) == ("unharmed" if before else "refused")


@pytest.mark.parametrize("wrong", HOSTILE)
def test_within(wrong):
    with pytest.raises(InputError, match=rf"nodes: got node {wrong}; expected ids from 0 to 9"):
        doors.within("nodes", torch.tensor([3, wrong, 0]), 10, got="node")
    fine = torch.tensor([[0, 9]])
    assert doors.within("nodes", fine, 10) is fine
    assert doors.outside(torch.empty(0, dtype=torch.int64), 0, 0) is None


@pytest.mark.parametrize(
    "given", [[2, 0], (2, 0), np.array([2, 0]), np.array([2, 0], np.int32), [torch.tensor(2), torch.tensor(0)]]
)
def test_ids_in_any_form(given):
    assert doors.as_ids(given, "nodes").tolist() == [2, 0]
    assert doors.as_ids(range(2), "nodes").tolist() == [0, 1]
    assert doors.as_ids([], "nodes").dtype == torch.int64


@pytest.mark.parametrize(
    "given",
    [
        None, "ab", ["a"], [0.5], [float("nan")], [True], 3, [[0]], [2**70], object(), np.array([1j]), [None],
        torch.zeros(2), torch.zeros(2, dtype=torch.complex64), torch.zeros(2, dtype=torch.int64, device="meta"),
        torch.zeros(2, dtype=torch.int64).to_sparse(), np.array(["a"], dtype=object), [torch.tensor(0.5)],
    ],
    ids=lambda given: str(given).partition(" at 0x")[0],
)  # fmt: skip
def test_what_is_no_ids_is_refused(given):
    with pytest.raises(InputError, match="nodes"):
        doors.as_ids(given, "nodes")


@pytest.mark.parametrize("bounds", [[], [1, 3], [0, 2], [0, 4], [0, 2, 1, 3], [0, -1, 3], [0, 2**62, 3]])
def test_bounds_that_do_not_rise(bounds):
    with pytest.raises(InputError, match="indptr"):
        doors.ascending("indptr", bounds, 3)
