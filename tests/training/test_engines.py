"""The skip-gram engines: each against plain loops, autograd and a task whose answer is known."""

import math
import subprocess
import sys
import threading
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch

import graphembed_ext as ge
from graphembed_ext import losses, training
from graphembed_ext._core import gpu, memory
from graphembed_ext.distributed.group import LONE
from graphembed_ext.errors import EngineError, FileFormatError, InputError
from graphembed_ext.training.engines.base import Batch
from graphembed_ext.training.engines.choose import choose
from graphembed_ext.training.engines.cpu import CPUEngine, negatives_table, obstacle
from graphembed_ext.training.engines.kernel import BLOCK, train_walks, window_size
from graphembed_ext.training.run import USUAL
from tests.splitmix import MASK, below, splitmix


def two_cliques(size=6):
    """Two cliques that one edge joins."""
    block = torch.ones(size, size).fill_diagonal_(0)
    adjacency = torch.block_diag(block, block)
    adjacency[0, size] = adjacency[size, 0] = 1
    return adjacency.nonzero().t().contiguous()


def ring(size=40):
    nodes = torch.arange(size)
    return torch.stack([torch.cat([nodes, (nodes + 1) % size]), torch.cat([(nodes + 1) % size, nodes])])


def negative(walks, alias, groups, centre, stream, counter):
    """The negative that one draw gives: a slot of the centre's group, or any node of the batch."""
    random = splitmix(stream, counter)
    if len(alias):
        group = next(k for k in range(len(groups)) if groups[k + 1] > centre)
        slot = int(groups[group]) + below(int(groups[group + 1] - groups[group]), random)
        return slot if random & 0xFFFFFFFF < alias[slot, 0] else int(alias[slot, 1])
    while (node := int(walks.reshape(-1)[below(walks.size, random)])) < 0:
        random = splitmix(random, 0)
    return node


def window_of(window, stream, centre):
    return 1 + below(window, splitmix(~stream & MASK, centre))


def plain_training(nodes, contexts, walks, window, shrink, negatives, alias, groups, rate, weight, key, first):
    """What the kernel must do, as loops over pairs in float64; returns tokens, pairs and the sum of the losses."""
    tokens = pairs = 0
    total = 0.0
    for number, walk in enumerate(walks):
        walk = walk[: next((k for k, node in enumerate(walk) if node < 0), len(walk))]
        tokens += len(walk)
        for i, centre in enumerate(walk if len(walk) > 1 else []):
            draws = range(i * negatives, (i + 1) * negatives)
            stream = splitmix(key, first + number)
            outputs = [centre, *(negative(walks, alias, groups, centre, stream, draw) for draw in draws)]
            reach = window_of(window, stream, i) if shrink else window
            assert 1 <= reach <= window
            assert reach in (window, window_size(window, np.uint64(stream), i))
            near = [walk[j] for j in range(max(0, i - reach), min(len(walk), i + reach + 1)) if j != i]
            pairs += len(near)
            for block in range(0, len(outputs), BLOCK):
                chosen = outputs[block : block + BLOCK]
                gradient = np.empty((len(near), len(chosen)))
                for a, x in enumerate(near):
                    for b, out in enumerate(chosen):
                        score = nodes[x] @ contexts[out]
                        positive = block + b == 0
                        score = -score if positive else score
                        step = rate if positive else -rate * weight
                        gradient[a, b] = step / (1 + math.exp(-score))
                        total += math.log1p(math.exp(score)) * (1 if positive else weight)
                before, moves = contexts[chosen].copy(), np.zeros((len(chosen), nodes.shape[1]))
                for a, x in enumerate(near):
                    moves += gradient[a][:, None] * nodes[x]
                    nodes[x] += gradient[a] @ before
                for out, move in zip(chosen, moves, strict=True):
                    contexts[out] += move
    return tokens, pairs, total


def tables(rows, size, scale=0.5):
    draw = np.random.default_rng(0)
    return [draw.uniform(-scale, scale, (rows, size)).astype(np.float32) for _ in range(2)]


def kernel_arguments(rows, negatives, groups=None, fast=False):
    weights = torch.arange(1, rows + 1).double()
    stub = type("Model", (), {})()
    stub.node_embed = torch.nn.Embedding(rows, 1)
    stub.noise_groups = lambda: (None if fast else weights, groups or [0, rows])
    return negatives_table(stub)


WALKS = np.array(
    [
        [0, 1, 2, 3, 4, 5, 6, 7],
        [8, 7, 8, 7, 8, -1, -1, -1],  # ends early, and its nodes return
        [3, -1, -1, -1, -1, -1, -1, -1],  # alone
        [-1, -1, -1, -1, -1, -1, -1, -1],  # empty
        [9, 8, -1, -1, -1, -1, -1, -1],
        [2, 2, 2, 4, 4, 1, 0, -1],
    ]
)


@pytest.mark.parametrize("shrink", [False, True])
@pytest.mark.parametrize("window", [1, 2, 5, 20])
@pytest.mark.parametrize(("size", "negatives"), [(16, 5), (32, 1), (48, 12), (1, 2), (20, 5), (7, 7)])
def test_kernel_equals_plain_loops(window, shrink, size, negatives):
    alias, groups = kernel_arguments(10, negatives)
    nodes, contexts = tables(10, size)
    expected = nodes.astype(np.float64), contexts.astype(np.float64)
    arguments = window, shrink, negatives, alias, groups, np.float32(0.05), np.float32(0.7), np.uint64(7), 3
    answer = plain_training(*expected, WALKS, window, shrink, negatives, alias, groups, 0.05, 0.7, 7, 3)
    found = train_walks(nodes.reshape(-1), contexts.reshape(-1), size, WALKS, *arguments)
    assert found[:2] == answer[:2] == (8 + 5 + 1 + 2 + 7, found[1])
    assert found[2] == pytest.approx(answer[2], rel=1e-5)
    np.testing.assert_allclose(nodes, expected[0], rtol=2e-4, atol=2e-6)
    np.testing.assert_allclose(contexts, expected[1], rtol=2e-4, atol=2e-6)


def test_negatives_follow_their_weights_and_groups():
    alias, groups = kernel_arguments(10, 5, groups=[0, 4, 10])
    draws = np.array([negative(WALKS, alias, groups, 7, 1, k) for k in range(20_000)])
    assert draws.min() == 4
    expected = np.arange(5, 11) / np.arange(5, 11).sum()
    assert np.bincount(draws - 4) / len(draws) == pytest.approx(expected, abs=0.02)
    empty, groups = kernel_arguments(10, 5, fast=True)
    draws = np.array([negative(WALKS, empty, groups, 0, 1, k) for k in range(20_000)])
    tokens = WALKS[WALKS >= 0]
    assert np.bincount(draws) / len(draws) == pytest.approx(np.bincount(tokens) / len(tokens), abs=0.02)


def test_a_small_step_goes_along_the_gradient_of_the_loss_core():
    rate, negatives = 1e-3, 5
    alias, groups = kernel_arguments(10, negatives)
    before = tables(10, 16)
    walk = np.array([[0, 1, 2, 3]])
    nodes, contexts = (torch.tensor(table, dtype=torch.float64, requires_grad=True) for table in before)
    stream = splitmix(7, 0)
    pos, neg = [], []
    for i, centre in enumerate(walk[0]):
        drawn = [negative(walk, alias, groups, centre, stream, i * negatives + k) for k in range(negatives)]
        for j in range(4):
            if 0 < abs(i - j) <= 2:
                pos.append(nodes[j] @ contexts[centre])
                neg.append(contexts[drawn] @ nodes[j])
    loss = losses.skip_gram_loss(torch.stack(pos), torch.stack(neg), neg_weight=0.5)
    (loss * len(pos)).backward()
    after = [table.copy() for table in before]
    _, pairs, total = train_walks(
        after[0].reshape(-1), after[1].reshape(-1), 16, walk, 2, False, negatives, alias, groups,
        np.float32(rate), np.float32(0.5), np.uint64(7), 0,
    )  # fmt: skip
    assert pairs == len(pos)
    assert total == pytest.approx(float(loss.detach()) * len(pos), rel=1e-2)
    for old, new, table in zip(before, after, (nodes, contexts), strict=True):
        np.testing.assert_allclose((old - new) / rate, table.grad.numpy(), rtol=0.02, atol=2e-3)


def cliques_model(**options):
    options = {"emb_dim": 16, "walk_length": 12, "window_size": 2, "fast_neg": False, "seed": 0} | options
    return ge.DeepWalk(two_cliques(), **options)


def separation(model):
    """Mean cosine within the cliques less that across."""
    vectors = torch.nn.functional.normalize(model.node_embed.weight.detach().float())
    cosine = vectors @ vectors.t()
    return float((cosine[:6, :6].mean() + cosine[6:, 6:].mean()) / 2 - cosine[:6, 6:].mean())


@pytest.mark.parametrize("engine", ["numba", "torch"])
@pytest.mark.parametrize("fast_neg", [True, False])
@pytest.mark.parametrize("emb_dim", [16, 10])
def test_every_engine_tells_two_cliques_apart(engine, fast_neg, emb_dim):
    model = cliques_model(fast_neg=fast_neg, emb_dim=emb_dim)
    # after 60 epochs, 10 dimensions lie between .17 and .77, by whose walks they are; after 120 all between .79 and .82
    result = ge.fit(model, epochs=120, lr=0.05, engine=engine, threads=1, progress=False)
    assert result.engine == engine
    assert result.loss < 0.95 * result.history[0]["loss"]
    assert separation(model) > 0.5
    assert result.tokens == 120 * 12 * 12


def test_dead_ends_form_no_pairs_past_the_end():
    model = ge.DeepWalk(torch.tensor([[0, 1], [1, 2]]), emb_dim=16, walk_length=6, window_size=2, num_nodes=4, seed=0)
    weights = model.node_embed.weight.detach().clone()
    result = ge.fit(model, epochs=3, progress=False, engine="numba")
    assert result.tokens == 3 * (3 + 2 + 1 + 1)
    assert torch.equal(model.node_embed.weight[3], weights[3])
    assert not torch.equal(model.node_embed.weight[0], weights[0])


@pytest.mark.parametrize("options", [{"engine": "numba"}, {"engine": "torch"}, {"num_workers": 1}])
def test_deterministic_training_repeats_bit_by_bit(options):
    weights = []
    for repeat in range(2):
        torch.manual_seed(repeat)
        model = ge.DeepWalk(ring(200), emb_dim=32, walk_length=10, window_size=3, seed=0)
        ge.fit(model, epochs=2, batch_size=16, deterministic=True, progress=False, **options)
        weights.append(torch.stack([model.node_embed.weight.detach(), model.context_embed.weight.detach()]))
    assert torch.equal(*weights)


def test_deterministic_training_is_the_same_from_both_hosts():
    dgl = pytest.importorskip("dgl")
    edges = two_cliques()
    weights = []
    for graph in (dgl.graph((edges[0], edges[1])), edges[:, torch.randperm(edges.size(1))]):
        model = ge.DeepWalk(graph, emb_dim=16, walk_length=10, window_size=3, seed=0)
        ge.fit(model, epochs=3, deterministic=True, progress=False)
        weights.append(model.node_embed.weight.detach())
    assert torch.equal(*weights)


def test_threads_share_the_tables():
    model = ge.DeepWalk(ring(300), emb_dim=16, walk_length=10, window_size=3, fast_neg=False, seed=0)
    result = ge.fit(model, epochs=10, lr=0.1, batch_size=8, threads=4, progress=False)
    assert result.tokens == 10 * 300 * 10
    assert result.loss < result.history[0]["loss"]


@pytest.mark.parametrize("engine", ["numba", "torch"])
def test_a_resumed_training_ends_as_an_unbroken_one(tmp_path, engine):
    weights = []
    for broken in (False, True):
        path = tmp_path / f"{engine}{broken}.pt"
        model = cliques_model()

        def stop(entry, broken=broken):
            if broken and entry["epoch"] == 2:
                raise KeyboardInterrupt

        options = {"epochs": 4, "deterministic": True, "engine": engine, "checkpoint": path, "progress": False}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore" if broken else "error")
            first = ge.fit(model, on_epoch=stop, **options)
        assert first.interrupted is broken
        if broken:
            model = cliques_model()
            torch.nn.init.zeros_(model.node_embed.weight)  # whatever it has, the state replaces it
            assert len(ge.fit(model, **options).history) == 4
        weights.append(model.node_embed.weight.detach())
    assert torch.equal(*weights)
    with pytest.raises(FileFormatError, match="engine="):
        ge.fit(cliques_model(), **options | {"engine": "torch" if engine == "numba" else "numba", "batch_size": 128})


def test_ctrl_c_in_the_middle_of_an_epoch_keeps_what_was_learned():
    model = ge.DeepWalk(ring(400), emb_dim=16, walk_length=20, window_size=3, seed=0)
    before = model.node_embed.weight.detach().clone()
    loader, made = model.loader, []

    def interrupted_loader(**options):
        walks = loader(**options)

        class Loader:
            epoch = 0

            def __len__(self):
                return len(walks)

            def __iter__(self):
                for batch in walks:
                    made.append(batch)
                    if len(made) == 20:
                        raise KeyboardInterrupt
                    yield batch

        return Loader()

    model.loader = interrupted_loader
    with pytest.warns(UserWarning, match="interrupted in epoch 1"):
        result = ge.fit(model, epochs=50, batch_size=8, progress=False)
    assert result.interrupted
    assert not any(thread.name.startswith("skip-gram") for thread in threading.enumerate())
    assert bool(torch.isfinite(model.node_embed.weight).all())
    assert not torch.equal(model.node_embed.weight, before)


@pytest.mark.parametrize("engine", ["numba", "torch"])
def test_a_loss_that_is_no_number_stops_with_place_and_cause(engine):
    model = cliques_model()
    with torch.no_grad():
        model.context_embed.weight[3, 5] = math.nan
    with pytest.raises(training.TrainingError, match=r"epoch 1, batch \d.*learning rate 0.025 may be too high"):
        ge.fit(model, engine=engine, progress=False)


def test_a_rate_far_too_high_is_noticed():
    with pytest.raises(training.TrainingError, match="1e\\+20"):
        ge.fit(cliques_model(), engine="numba", lr=1e20, epochs=5, progress=False)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("lr", 0), ("lr", -1), ("lr", math.nan), ("lr", math.inf), ("lr", "fast"),
        ("epochs", 0), ("epochs", 1.5), ("batch_size", 0), ("batch_size", True),
        ("threads", 0), ("threads", -2), ("threads", 2.0), ("threads", 10**6),
        ("engine", "gpu"), ("loss", "hinge"), ("deterministic", 1), ("num_workers", -1), ("seed", -1),
    ],
)  # fmt: skip
def test_bad_arguments_are_named(argument, value):
    with pytest.raises(InputError) as caught:
        ge.fit(cliques_model(), progress=False, **{argument: value})
    assert caught.value.argument == argument


def test_threads_contradict_a_deterministic_result():
    with pytest.raises(InputError, match="threads: got 2; expected 1 or None with deterministic=True"):
        ge.fit(cliques_model(), threads=2, deterministic=True)


def test_auto_falls_back_to_the_reference_and_says_why():
    result = ge.fit(cliques_model().double(), epochs=1, progress=False)
    assert (result.engine, result.fallback) == ("torch", "node_embed is float64, not float32")
    assert ge.fit(cliques_model(), epochs=1, loss="dgl", progress=False).engine == "torch"
    assert ge.fit(cliques_model(), epochs=1, progress=False).fallback == ""
    model = cliques_model()
    model.context_embed.weight.requires_grad_(False)
    assert obstacle(model, "stable") == "context_embed is frozen"
    with pytest.raises(EngineError, match=r"only the engine 'numba' draws windows, .*float64"):
        ge.fit(cliques_model().double(), shrink_window=True)
    with pytest.raises(EngineError, match=r"'numba' cannot serve this call: .*float64.*engine='torch' can"):
        ge.fit(cliques_model().double(), engine="numba")


class OnGPU(torch.nn.Parameter):
    """A table that says it is on a GPU of that number."""

    device = property(lambda self: torch.device("cuda", self.number))


def on_gpus(*numbers):
    model = cliques_model()
    for table, number in zip((model.node_embed, model.context_embed), numbers, strict=True):
        table.weight = OnGPU(table.weight.detach())
        table.weight.number = number
    return model


def choice(model, engine, plan=USUAL, **options):
    given = {"lr": 0.1, "loss": "stable", "key": 0, "threads": 1, "deterministic": False} | options
    return choose(model, engine, plan=plan, **given)


def test_the_engine_of_a_gpu_says_why_it_cannot_serve(monkeypatch):
    with pytest.raises(EngineError, match=r"'triton' cannot serve this call: node_embed is on cpu, not on a GPU"):
        choice(cliques_model(), "triton")
    with pytest.raises(EngineError, match=r"'numba' cannot serve this call: node_embed is on cuda:1, not on the CPU"):
        choice(on_gpus(1, 1), "numba")
    monkeypatch.setattr(gpu, "_has_triton", lambda: False)
    with pytest.raises(EngineError, match=r"'triton' cannot serve this call: Triton, .* is not installed"):
        choice(on_gpus(0, 0), "triton")
    monkeypatch.setattr(gpu, "_has_triton", lambda: True)
    assert choice(on_gpus(1, 1), "auto")[0].name == "triton"
    with pytest.raises(EngineError, match="'triton' cannot serve this call: its programs race"):
        choice(on_gpus(1, 1), "triton", deterministic=True)
    with pytest.raises(EngineError, match="context_embed is on cuda:1, not on cuda:0 as node_embed"):
        choice(on_gpus(0, 1), "triton")


def test_kernels_serve_tensors_of_one_gpu(monkeypatch):
    monkeypatch.setattr(gpu, "_has_triton", lambda: True)
    tables = [on_gpus(0, 1).node_embed.weight, on_gpus(0, 1).context_embed.weight]
    assert gpu.kernels_serve(tables[0], None, tables[0])
    assert not gpu.kernels_serve(*tables)
    assert not gpu.kernels_serve(tables[0], torch.ones(2))


@pytest.mark.parametrize("engine", ["auto", "torch"])
def test_several_ranks_draw_no_windows_and_say_so(engine):
    with pytest.raises(EngineError, match=r"^shrink_window: the engine 'numba', which draws windows, cannot serve"):
        choice(cliques_model(), engine, replace(USUAL, group=LONE), shrink_window=True)


def test_training_is_seen_by_autograds_version_counters():
    model = cliques_model()
    version = model.node_embed.weight._version
    ge.fit(model, epochs=1, progress=False)
    assert model.node_embed.weight._version > version


def test_tables_that_do_not_fit_are_refused_before_they_are_made(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 1 << 20)
    with pytest.raises(InputError, match=r"emb_dim: got 100000, .* two tables of 9.2 MiB .* emb_dim=\d+ would fit"):
        ge.DeepWalk(two_cliques(), emb_dim=100_000)
    model = cliques_model()
    monkeypatch.setattr(memory, "available", lambda: 1 << 10)
    with pytest.raises(InputError, match=r"training takes .* the 0.0 MiB of memory that is free"):
        ge.fit(model, progress=False)


def test_memory_is_foretold():
    result = ge.fit(cliques_model(), epochs=1, progress=False)
    assert result.predicted_memory > 0
    assert 0.8 < result.peak_memory / result.predicted_memory < 1.25


def test_batches_are_made_only_a_little_ahead():
    model = ge.DeepWalk(ring(400), emb_dim=16, walk_length=20, window_size=3, seed=0)
    trainer, _ = choose(model, "numba", lr=0.1, loss="stable", key=1, threads=2, deterministic=False)
    made = 0

    def batches():
        nonlocal made
        for number, walks in enumerate(model.loader(batch_size=4)):
            made += 1
            yield Batch(walks, 0, number, number * 4, 0.1)

    finished = 0
    for step in trainer.train(batches()):
        finished += 1
        assert step.tokens == 80
        assert made - finished <= 2 * 2 + 2 + 1
    assert made == finished == 100


def test_an_error_while_walks_are_made_ends_the_threads():
    model = cliques_model()

    def batches():
        yield Batch(next(iter(model.loader())), 0, 0, 0, 0.1)
        raise RuntimeError("no more walks")

    with pytest.raises(RuntimeError, match="no more walks"):
        list(CPUEngine(model, key=1, threads=2).train(batches()))
    assert not any(thread.name.startswith("skip-gram") for thread in threading.enumerate())


FORKING = """
import multiprocessing, sys, warnings
import torch
from torch.utils.data import DataLoader
import graphembed_ext as ge

warnings.simplefilter("ignore")
nodes = torch.arange(60)
edges = torch.stack([torch.cat([nodes, (nodes + 1) % 60]), torch.cat([(nodes + 1) % 60, nodes])])

def train(num_workers=0):
    model = ge.DeepWalk(edges, emb_dim=16, walk_length=8, window_size=2, seed=0)
    result = ge.fit(model, epochs=2, batch_size=8, threads=2, num_workers=num_workers, progress=False)
    assert result.engine == "numba" and result.tokens == 2 * 60 * 8, result
    return result.loss

class Fits(torch.utils.data.Dataset):
    def __len__(self): return 2
    def __getitem__(self, k): return train()

def child(): sys.exit(0 if train() > 0 else 1)

train()
train()                                            # twice in one process
train(num_workers=2)                               # workers fork while a fit goes on
process = multiprocessing.get_context("fork").Process(target=child)
process.start(); process.join()
assert process.exitcode == 0                       # a fork after fits
assert len(list(DataLoader(Fits(), num_workers=2, multiprocessing_context="fork"))) == 2
import threading
both = [threading.Thread(target=train) for _ in range(2)]
[t.start() for t in both]; [t.join() for t in both]  # two at once, outside the main thread
print("done")
"""


def test_forks_workers_and_concurrent_fits_do_not_hang():
    done = subprocess.run([sys.executable, "-c", FORKING], capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == "done", done.stderr


def test_a_real_interrupt_leaves_a_usable_model():
    script = """
import os, signal, threading, warnings
import torch, graphembed_ext as ge
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background starts with Ctrl-C ignored
warnings.simplefilter("ignore")
nodes = torch.arange(2000)
edges = torch.stack([nodes, (nodes + 1) % 2000])
model = ge.DeepWalk(edges, emb_dim=16, walk_length=40, window_size=3, seed=0)
ge.fit(model, epochs=1, progress=False)
threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
result = ge.fit(model, epochs=10**6, progress=False)
assert result.interrupted and result.history and torch.isfinite(model.node_embed.weight).all()
print("done")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == "done", done.stderr


def test_compiled_code_is_kept_between_processes():
    script = (
        "from graphembed_ext.training.engines.kernel import train_walks as f\n"
        "print(f._cache._enabled, f._cache.cache_path)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300)
    assert done.stdout.startswith("True"), done.stderr
