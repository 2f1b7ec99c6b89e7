"""What holds for every model that `ge.fit` trains: Ctrl-C at any moment, states that are refused, random state."""

from __future__ import annotations

import copy
import os
import random
import signal
import subprocess
import sys
import warnings
from types import SimpleNamespace

import pytest
import torch

import graphembed_ext as ge
from graphembed_ext import pyg
from graphembed_ext.errors import FileFormatError
from graphembed_ext.training import run
from tests.conftest import ROOT
from tests.graphs import agree, build_pyg, labelled_rings

RING = torch.stack([torch.arange(12), (torch.arange(12) + 1) % 12])
TYPED = {("user", "likes", "item"): RING, ("item", "liked_by", "user"): RING.flip(0)}


def labelled():
    return build_pyg(labelled_rings())


def typed():
    data = ge.to_host(TYPED, "pyg")
    data["user"].x, data["item"].x, data["user"].y = torch.eye(12), torch.eye(12), torch.arange(12) % 2
    data["user"].train_mask = torch.arange(12) < 8
    return data


def walked(**config):
    return ge.DeepWalk(RING, emb_dim=4, walk_length=6, window_size=2, seed=0, **config)


#: A model, its graph, and how it is trained.
MODELS = {
    "DeepWalk": (walked, None, {"deterministic": True}),
    "DeepWalk by Adam": (walked, None, {"deterministic": True, "engine": "torch"}),
    "MetaPath2Vec": (
        lambda: ge.MetaPath2Vec(TYPED, ["likes", "liked_by"], window_size=1, emb_dim=4, seed=0),
        None,
        {"deterministic": True},
    ),
    "pyg.Node2Vec": (
        lambda: pyg.Node2Vec(RING, 4, walk_length=4, context_size=2, num_nodes=12, sparse=True, seed=0),
        None,
        {},
    ),
    "GraphSAGE": (lambda: ge.GraphSAGE(3, 4, 2, 2, dropout=0.5, seed=0), labelled, {}),
    "GraphSAGE by links": (lambda: ge.GraphSAGE(3, 4, 2, 2, seed=0), labelled, {"task": "links"}),
    "HAN": (
        lambda: ge.HAN.for_graph(typed(), hidden_channels=4, heads=2, metapaths={"UIU": ["likes", "liked_by"]}, seed=0),
        typed,
        {},
    ),
    "LightGCN": (lambda: ge.LightGCN.for_graph(TYPED, 4, 2, seed=0), None, {}),
}


def fitted(model, graph, options, /, **more):
    return ge.fit(model, graph and graph(), **({"epochs": 2, "progress": False} | options | more))


@pytest.mark.parametrize("name", MODELS)
def test_training_neither_reads_nor_moves_global_random_state(name, global_state_untouched):
    make, graph, options = MODELS[name]
    first = make()
    fitted(first, graph, options)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        second = make()
        fitted(second, graph, options)
        assert agree(first, second)
        vectors = [ge.embed(model, graph and graph()).tensor for model in (first, second)]
    assert torch.equal(*vectors)


def damaged(state, what):
    """A state in which one thing is other than the model has it."""
    name = next(iter(state["model"]))
    table = state["model"][name]
    if what == "a weight of another size":
        state["model"][name] = torch.ones(*table.shape, 2)
    elif what == "a weight of another kind":
        state["model"][name] = table.double()
    elif what == "a weight missing":
        del state["model"][name]
    elif what == "a weight too much":
        state["model"]["another"] = table
    elif what == "no optimiser":
        state["optimizer"] = "nothing"
    elif what == "no history":
        del state["history"]
    return state


WRONG = (
    "a weight of another size",
    "a weight of another kind",
    "a weight missing",
    "a weight too much",
    "no optimiser",
    "no history",
)


@pytest.mark.parametrize("name", MODELS)
def test_a_state_that_is_refused_changes_nothing_of_the_model(name, tmp_path):
    make, graph, options = MODELS[name]
    path = tmp_path / "state.pt"
    fitted(make(), graph, options, checkpoint=path)
    whole = torch.load(path)
    (tmp_path / "state.previous.pt").unlink()
    model = make()
    before = copy.deepcopy(model.state_dict())
    for what in WRONG:
        if what == "no optimiser" and not whole["optimizer"]:
            continue  # what keeps no moments takes up none
        torch.save(damaged(copy.deepcopy(whole), what), path)
        with pytest.raises(FileFormatError):
            fitted(model, graph, options, checkpoint=path, resume="force")
        assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items()), what
    fitted(model, graph, options)
    other = make()
    fitted(other, graph, options)
    assert agree(model, other), "it trains as a model that was never refused"


def test_ctrl_c_while_the_best_weights_are_copied_keeps_those_before(monkeypatch):
    make, graph, options = MODELS["GraphSAGE"]
    times, copied = [], copy.deepcopy

    def interrupted(found):
        times.append(found)
        if len(times) == 1:
            raise KeyboardInterrupt
        return copied(found)

    model = make()
    with monkeypatch.context() as patch:
        patch.setattr(run, "copy", SimpleNamespace(deepcopy=interrupted))
        with pytest.warns(UserWarning, match="interrupted"):
            result = fitted(model, graph, options)
    assert result.interrupted
    assert all(value.isfinite().all() for value in model.state_dict().values())


@pytest.mark.parametrize("cause", [KeyboardInterrupt(), None])
def test_ctrl_c_that_numba_turns_into_another_error_ends_as_ctrl_c(cause):
    make, graph, options = MODELS["DeepWalk"]

    def stopped(entry):
        raise SystemError("returned a result with an exception set") from cause

    if cause is None:
        with pytest.raises(SystemError):
            fitted(make(), graph, options, on_epoch=stopped)
        return
    with pytest.warns(UserWarning, match="interrupted"):
        assert fitted(make(), graph, options, on_epoch=stopped).interrupted


@pytest.mark.parametrize("name", MODELS)
def test_gradients_are_on_in_fit_and_as_they_were_after_it(name):
    """Ctrl-C between two lines of ``no_grad`` leaves them off: then the next training of the process failed."""
    make, graph, options = MODELS[name]

    def stopped(entry):
        torch.set_grad_enabled(False)
        raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="interrupted"):
        assert fitted(make(), graph, options, on_epoch=stopped).interrupted
    assert torch.is_grad_enabled()
    with torch.no_grad():
        fitted(make(), graph, options)
        assert not torch.is_grad_enabled()


@pytest.mark.skipif(
    not hasattr(signal, "setitimer") or "GRAPHEMBED_INTERRUPTS" not in os.environ,
    reason="GRAPHEMBED_INTERRUPTS=100 tries a hundred moments of each model",
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", MODELS)
def test_ctrl_c_at_random_moments_leaves_a_finite_model_and_a_process_that_works(name):
    make, graph, options = MODELS[name]
    draw, moments = random.Random(0), int(os.environ["GRAPHEMBED_INTERRUPTS"])
    fitted(make(), graph, options)  # kernels are compiled
    threads = torch.get_num_threads()
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        for _ in range(moments):
            model = make()
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    # again after a second, as Python itself drops what falls into a callback of a weak reference
                    signal.setitimer(signal.ITIMER_REAL, draw.uniform(0.001, 0.15), 1)
                    result = fitted(model, graph, options, epochs=2000)
                assert result.interrupted
            except KeyboardInterrupt:
                pass  # before the first epoch, or after the last
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            assert all(value.isfinite().all() for value in model.state_dict().values())
            assert torch.get_num_threads() == threads
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    first, second = make(), make()
    for model in (first, second):
        fitted(model, graph, options)
    assert agree(first, second)


def test_training_by_links_repeats_itself_on_two_threads():
    draw = torch.Generator().manual_seed(0)
    edges, x = torch.randint(1500, (2, 9000), generator=draw), torch.randn(1500, 16, generator=draw)
    from torch_geometric.data import Data

    data, found, threads = Data(edge_index=edges, x=x, num_nodes=1500), [], torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        for _ in range(2):
            found.append(ge.GraphSAGE(16, 32, 2, 64, seed=0))
            ge.fit(found[-1], data, task="links", epochs=1, progress=False)
    finally:
        torch.set_num_threads(threads)
    assert agree(*found)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the trainings that are killed are forked")
def test_trainings_that_are_killed_come_to_the_same_bits():
    """A few kills; ``python -m tests.training.killed 30`` kills as often as it is told."""
    command = [sys.executable, "-m", "tests.training.killed", "4"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert done.stdout.endswith("0 with other bits\n")
