"""How time and memory grow with the edges: an epoch of every model, its graph made ready, on R-MAT graphs.

Ten edges a node, drawn as in :mod:`.folder`; typed models get the same edges from nodes of one type to those of
another, both ways. An epoch is one walk of 10 nodes from every node (DeepWalk, MetaPath2Vec), one step over the whole
graph (GraphSAGE, HAN, with 16 features), or eight batches of pairs with a negative each (LightGCN, where each batch
propagates over the whole graph). Every size of every model has a process of its own; a small graph is trained there
first, so that nothing is compiled while time counts. Memory is what the process held at most beyond what it held before
the graph was made ready. The exponent is that of the power of the edges which fits the two largest sizes: 1 is linear.
"""

from __future__ import annotations

import argparse
import math
from functools import partial

import numpy as np
import torch

import graphembed_ext as ge

from ..harness import MIB, RESULTS, Benchmark, Case, Run, measure, memory, peak_memory
from .folder import U64, rmat

SEED, DEGREE, CHANNELS, CLASSES, SMALL = 0, 10, 16, 4, 2000


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--edges", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=MODELS)
    parser.add_argument("--picture", default="growth.svg", help="its name beside the record; empty for none")


def cases(options: argparse.Namespace) -> list[Case]:
    return [
        Case(
            model,
            {str(edges): partial(training, model, edges) for edges in options.edges},
            repeats=1,
            warm_ups=0,
            rounds=1,
            ours=tuple(map(str, options.edges)),
        )
        for model in options.models
    ]


def training(model: str, edges: int) -> Run:
    fit(model, drawn(SMALL))
    given, before = drawn(edges), memory("VmRSS")

    def found(result) -> dict[str, float]:
        if not math.isfinite(result.loss):
            raise AssertionError(f"training failed: loss {result.loss}")
        return {"edges": edges, "loss": result.loss, "grown_mib": (peak_memory() - before) / MIB}

    return Run(lambda: fit(model, given), found)


def drawn(edges: int) -> tuple[torch.Tensor, int]:
    nodes = edges // DEGREE
    ends = np.empty((2, edges), np.int64)
    rmat(0, max(1, (nodes - 1).bit_length()), nodes, U64(SEED), ends)
    return torch.from_numpy(ends), nodes


def fit(model: str, given):
    made, graph, settings = MODELS[model](*given)
    return ge.fit(made, graph, epochs=1, seed=SEED, progress=False, **settings)


def deepwalk(ends, nodes):
    return ge.DeepWalk(ge.view(ends, num_nodes=nodes), walk_length=10, window_size=2, seed=SEED), None, {}


def metapath2vec(ends, nodes):
    graph = both_ways(ends, nodes)
    return ge.MetaPath2Vec(graph, ["to", "of"], 2, emb_dim=128, walk_length=10, seed=SEED), None, {}


def graphsage(ends, nodes):
    graph = data(ends, nodes)
    return ge.GraphSAGE(CHANNELS, 32, 2, out_channels=CLASSES, seed=SEED), graph, {}


def han(ends, nodes):
    from torch_geometric.data import HeteroData

    graph, plain = HeteroData(), data(ends, nodes)
    for name in ("x", "y", "train_mask"):
        graph["n"][name] = plain[name]
    graph["n", "one", "n"].edge_index, graph["n", "other", "n"].edge_index = ends, ends.flip(0)
    return ge.HAN.for_graph(graph, hidden_channels=4, heads=4, out_channels=CLASSES, seed=SEED), graph, {}


def lightgcn(ends, nodes):
    graph = both_ways(ends, nodes)
    known = {("a", "to", "b"): graph.edges["a", "to", "b"]}
    made = ge.LightGCN.for_graph(ge.view({t: torch.stack(e) for t, e in known.items()}), 32, seed=SEED)
    return made, None, {"loss": "pyg", "batch_size": max(1, ends.size(1) // 8)}


MODELS = {
    "DeepWalk": deepwalk, "MetaPath2Vec": metapath2vec, "GraphSAGE": graphsage, "HAN": han, "LightGCN": lightgcn,
}  # fmt: skip


def both_ways(ends, nodes):
    return ge.view({("a", "to", "b"): ends, ("b", "of", "a"): ends.flip(0)}, num_nodes={"a": nodes, "b": nodes})


def data(ends, nodes):
    from torch_geometric.data import Data

    generator = torch.Generator().manual_seed(SEED)
    x = torch.rand(nodes, CHANNELS, generator=generator)
    y = torch.randint(CLASSES, (nodes,), generator=generator)
    return Data(x=x, edge_index=ends, y=y, train_mask=torch.arange(nodes) % 10 == 0, num_nodes=nodes)


def exponent(runs: list[dict], quantity: str) -> float | None:
    """Of the power of the edges between the two largest sizes."""
    two = sorted(runs, key=lambda run: run["edges"])[-2:]
    if len(two) < 2 or min(run[quantity] for run in two) <= 0:
        return None
    return math.log(two[1][quantity] / two[0][quantity]) / math.log(two[1]["edges"] / two[0]["edges"])


def picture(results: dict, path) -> None:
    """Time and memory per edge, one line a model."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    from graphembed_ext.plots.style import COLOURS, save

    figure, axes = pyplot.subplots(1, 2, figsize=(8, 3), layout="constrained")
    titles = {"microseconds": "processor time per edge, µs", "bytes": "memory per edge, bytes"}
    for axis, (quantity, title) in zip(axes, titles.items(), strict=True):
        for colour, (model, found) in zip(COLOURS, results.items(), strict=False):
            runs = sorted(found["runs"], key=lambda run: run["edges"])
            counts = [run["edges"] for run in runs]
            axis.plot(counts, [run[quantity] for run in runs], marker="o", color=colour, label=model)
        axis.set(xscale="log", yscale="log", xlabel="edges", ylabel=title)
    axes[1].legend(frameon=False, fontsize="small")
    save(figure, path)
    pyplot.close(figure)


def main(options: argparse.Namespace, recorder):
    results = (recorder.read() or {}).get("results", {})
    for case in cases(options):
        runs = [run for found in measure(BENCHMARK, case, options).values() for run in found]
        for run in runs:
            run["microseconds"] = run["cpu_seconds"] * 1e6 / run["edges"]
            run["bytes"] = run["grown_mib"] * MIB / run["edges"]
        results[case.name] = {
            "runs": runs, "exponents": {name: exponent(runs, name) for name in ("seconds", "cpu_seconds", "grown_mib")},
        }  # fmt: skip
        print(results[case.name]["exponents"], flush=True)
        path = recorder.save(results)
    if options.picture and path.parent == RESULTS:
        picture(results, path.with_name(options.picture))
    return path


BENCHMARK = Benchmark("growth", main, options, cases, quick={"edges": [3000, 30_000]})
BENCHMARKS = [BENCHMARK]
