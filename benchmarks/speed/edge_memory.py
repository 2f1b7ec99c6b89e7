"""Memory that a graph takes, edge by edge: the user's own edges in two int64, and what walks or samplers add to them.

A random graph, in a process of its own for each kind of work; bytes of memory beyond what the process held before the
edges were made, divided by the edges, when the work is done and at most. Folders are read by
:mod:`benchmarks.speed.folder`.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import torch

import graphembed_ext as ge
from graphembed_ext.walks.walker import Walker

from ..harness import Benchmark, Case, Run, measure, memory, peak_memory

SEED = 0


def walks(view: ge.GraphView) -> None:
    Walker(view, engine="torch").walk(torch.arange(1024) % view.total_nodes, 40, SEED)


def sampler(view: ge.GraphView) -> None:
    next(iter(ge.neighbor_loader(view, [15, 10], 1024, seed=SEED, prefetch=0)))


WORK = {"walks": walks, "sampler": sampler}


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--nodes", type=int, default=1_000_000)
    parser.add_argument("--edges", type=int, nargs="+", default=[10_000_000, 50_000_000])
    parser.add_argument("--work", nargs="+", default=list(WORK), choices=WORK)


def taken(kind: str, nodes: int, edges: int) -> Run:
    WORK[kind](viewed(torch.randint(100, (2, 1000)), 100))  # loads what is compiled
    before = memory("VmRSS")
    ends = torch.randint(nodes, (2, edges), generator=torch.Generator().manual_seed(SEED))
    Path("/proc/self/clear_refs").write_text("5")  # the most is what is held now
    view = viewed(ends, nodes)

    def found(_: None) -> dict[str, float]:
        return {
            "rows": edges, "nodes": nodes, "own": ends.element_size() * ends.numel() / edges,
            "stays": (memory("VmRSS") - before) / edges, "peak": (peak_memory() - before) / edges,
        }  # fmt: skip

    return Run(lambda: WORK[kind](view), found)


def viewed(ends: torch.Tensor, nodes: int) -> ge.GraphView:
    return ge.view(ends, num_nodes=nodes).with_features({"_N": {"x": torch.zeros(nodes, 1)}})


def cases(options: argparse.Namespace) -> list[Case]:
    kinds = {f"{kind}, {edges} edges": partial(taken, kind, options.nodes, edges) for edges in options.edges
             for kind in options.work}  # fmt: skip
    return [Case("edge memory", kinds, unit="edges/s", repeats=1, warm_ups=0, rounds=1, ours=tuple(kinds))]


def main(options: argparse.Namespace, recorder):
    (case,) = cases(options)
    runs = {name: found[0] for name, found in measure(BENCHMARK, case, options).items()}
    for name, run in runs.items():
        print(f"{name:<30}{run['stays']:6.1f} bytes an edge stay, {run['peak']:.1f} at most, the user's 16 among them")
    return recorder.save((recorder.read() or {}).get("results", {}) | runs)  # one record for all sizes


BENCHMARK = Benchmark("edge_memory", main, options, cases, quick={"nodes": 2000, "edges": [40_000]})
BENCHMARKS = [BENCHMARK]
