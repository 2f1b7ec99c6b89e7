"""MetaPath2Vec beside dgl.nn.MetaPath2Vec and PyG's: constructor, first batch, one epoch.

One epoch is one walk from every start node, sampled by the DataLoader each class is made for and trained with
SparseAdam by its own loss. Before timing, the losses of equal batches under equal weights must be those of DGL's and
PyG's classes.
"""

from __future__ import annotations

import argparse
from functools import cache, partial

import torch
from torch.optim import SparseAdam
from torch.utils.data import DataLoader

import graphembed_ext as ge
from graphembed_ext import pyg

from ..harness import Benchmark, Case, Run, measure, medians, rates

SEED = 0
#: Passes of a timed fit over all start nodes: a second of work or so.
FIT_EPOCHS = 4


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--nodes", type=int, default=20_000, help="start nodes; as many of the other type")
    parser.add_argument("--steps", type=int, default=20, help="steps of the metapath")
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--window", type=int, default=5)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--epoch_nodes", type=int, default=2_000, help="start nodes of the timed epoch")
    parser.add_argument("--repeats", type=int, default=3)


def cases(options: argparse.Namespace) -> list[Case]:
    make = builders(options)
    built = cache(lambda name: make[name]())
    first = torch.arange(options.batch)
    starts = torch.arange(min(options.epoch_nodes, options.nodes))
    tokens = len(starts) * (options.steps + 1)

    def with_batch(name):
        return lambda: make[name]().sample(first)

    constructors = {
        "ours": make["ours"],
        "ours, with a first batch": with_batch("ours"),
        "dgl": make["dgl"],
        "ours, PyG's": make["ours, PyG's"],
        "ours, PyG's, with a first batch": with_batch("ours, PyG's"),
        "pyg": make["pyg"],
    }
    epochs = {name: partial(epoch, name, built, starts, options.batch, tokens) for name in make if name in LOOPS}
    fits = {name: partial(fit, make[name]) for name in make if name not in LOOPS}
    mine = tuple(name for name in (*constructors, *fits) if name.startswith("ours"))
    return [
        Case(
            "constructor",
            {name: lambda run=run: run for name, run in constructors.items()},
            check=lambda: check(built),
            repeats=options.repeats,
            warm_ups=0,
            ours=mine,
        ),
        Case("epoch", epochs | fits, unit="tokens/s", repeats=options.repeats, ours=mine),
    ]


LOOPS = ("ours", "dgl", "ours, PyG's", "pyg")


def builders(options: argparse.Namespace) -> dict:
    """What makes each model."""
    import dgl.nn.pytorch.network_emb as of_dgl
    import torch_geometric.nn as of_pyg

    of_dgl.trange = range  # its progress bar is no part of its work
    generator = torch.Generator().manual_seed(SEED)
    edges = torch.randint(0, options.nodes, (2, 10 * options.nodes), generator=generator)
    typed = {("a", "to", "b"): edges, ("b", "back", "a"): edges.flip(0)}
    data = ge.view(typed, num_nodes={"a": options.nodes, "b": options.nodes})
    graph = ge.to_host(data, "dgl")
    path = ["to", "back"] * (options.steps // 2)
    triples = [*typed] * (options.steps // 2)
    sizes = {"emb_dim": options.dim, "negative_size": 5}
    windows = {"walk_length": options.steps, "context_size": options.window + 1, "num_negative_samples": 5}
    windows |= {"sparse": True, "num_nodes_dict": dict(data.num_nodes)}
    ours = partial(ge.MetaPath2Vec, graph, path, options.window, **sizes, seed=SEED)
    return {
        "ours": ours,
        "dgl": partial(of_dgl.MetaPath2Vec, graph, path, options.window, **sizes),
        "ours, PyG's": partial(pyg.MetaPath2Vec, typed, options.dim, triples, **windows, seed=SEED),
        "pyg": partial(of_pyg.MetaPath2Vec, typed, options.dim, triples, **windows),
        "ours, by fit": ours,
        "ours, by fit, own walks": partial(ours, engine="torch"),
    }


def epoch(name: str, built, starts: torch.Tensor, batch: int, tokens: int) -> Run:
    """A pass over the start nodes in the loop that the class is made for."""
    model = built(name)
    sample = model._sample if name == "pyg" else model.sample
    step = model.loss if "yg" in name.lower() else model

    def go():
        optimizer = SparseAdam(list(model.parameters()), lr=0.01)
        for part in DataLoader(starts, batch_size=batch, shuffle=True, collate_fn=stacked(sample)):
            loss = step(*part)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return Run(go, lambda _: {"rows": tokens})


def fit(make) -> Run:
    model = make()
    return Run(
        lambda: ge.fit(model, epochs=FIT_EPOCHS, lr=0.01, progress=False), lambda result: {"rows": result.tokens}
    )


def stacked(sample):
    return lambda batch: sample(torch.stack(list(batch)))


def check(built) -> None:
    """Equal weights and batches must give the losses of DGL's and PyG's classes."""
    for mine, other in (("ours", "dgl"), ("ours, PyG's", "pyg")):
        built(other).load_state_dict(built(mine).state_dict(), strict=True)
        batch = built(mine).sample(torch.arange(16))
        losses = [built(name).loss(*batch) if other == "pyg" else built(name)(*batch) for name in (mine, other)]
        torch.testing.assert_close(*losses)


def main(options: argparse.Namespace, recorder):
    constructor, epochs = cases(options)
    seconds = medians(measure(METAPATH2VEC, constructor, options))
    speeds = rates(epochs, measure(METAPATH2VEC, epochs, options))
    for other, mine in (("dgl", "ours"), ("pyg", "ours, PyG's")):
        by_fit, own = (speeds[name] / speeds[other] for name in ("ours, by fit", "ours, by fit, own walks"))
        print(
            f"{other}: constructor {seconds[other] / seconds[mine]:.1f}x, ours in its loop "
            f"{speeds[mine] / speeds[other]:.1f}x, by fit {by_fit:.1f}x, own walks {own:.1f}x"
        )
    return recorder.save({"constructor_seconds": seconds, "tokens_per_second": speeds})


QUICK = {"nodes": 500, "dim": 16, "epoch_nodes": 256, "repeats": 1}
METAPATH2VEC = Benchmark("metapath2vec", main, options, cases, quick=QUICK)
BENCHMARKS = [METAPATH2VEC]
