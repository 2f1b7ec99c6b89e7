"""DeepWalk by processes that share out its tables: tokens per CPU second, rows and bytes a token, memory of a rank.

A random graph with 20 edges a node, 128 dimensions, window 5, 5 negatives from the batch. Beside 1, 2 and 4 ranks stand
both engines of one process, on one thread. Where there are fewer processors than ranks, the time by the clock says
nothing; the processors' time of all ranks together does. The second case has tables that outweigh all else, walks of 4
nodes on them, and the tables made by rank.
"""

from __future__ import annotations

import argparse
import math
from functools import partial
from typing import Any

from .. import ranks
from ..harness import MIB, Benchmark, Case, Run, measure

DEGREE, SEED, DIMENSION = 20, 0, 128


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--nodes", type=int, default=100_000, help="of the graph whose training is timed")
    parser.add_argument("--large", type=int, default=1_000_000, help="of the graph whose memory is measured")
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--batch_size", type=int, default=2048, help="walks in a batch of all ranks")
    parser.add_argument("--rounds", type=int, default=3, help="trainings of each competitor")


def edges(nodes: int) -> Any:
    import torch

    half = torch.randint(nodes, (2, nodes * DEGREE // 2), generator=torch.Generator().manual_seed(SEED))
    return torch.cat([half, half.flip(0)], 1)


def train(nodes: int, length: int, window: int, batch_size: int, **how: Any) -> dict[str, Any]:
    """One training, in one of the ranks or in a process alone."""
    import graphembed_ext as ge

    device = "meta" if "strategy" in how else None

    def make() -> Any:
        return ge.DeepWalk(
            edges(nodes), DIMENSION, length, window, num_nodes=nodes, seed=SEED, device=device, engine="torch"
        )

    ring = torch_ring()
    ge.fit(ge.DeepWalk(ring, DIMENSION, 8, 2, seed=SEED, engine="torch"), epochs=1, progress=False)  # compiles
    _, found = ranks.trained(make, epochs=1, seed=SEED, batch_size=batch_size, threads=1, **how)
    if not math.isfinite(found["loss"]):
        raise AssertionError(f"training failed: loss {found['loss']}")
    return found


def torch_ring() -> Any:
    import torch

    return torch.stack([torch.arange(100), (torch.arange(100) + 1) % 100])


def competitors(options: argparse.Namespace, nodes: int, length: int, window: int) -> dict[str, Any]:
    walks = {"nodes": nodes, "length": length, "window": window, "batch_size": options.batch_size}
    alone = {f"one process, {engine}": (1, {"engine": engine}) for engine in ("numba", "torch")}
    shared = {f"{size} rank{'s' * (size > 1)}": (size, {"strategy": "sharded"}) for size in options.ranks}
    return {name: partial(_run, size, {**walks, **how}) for name, (size, how) in (alone | shared).items()}


def _run(size: int, settings: dict[str, Any]) -> Run:
    def found(parts: list[dict[str, Any]]) -> dict[str, Any]:
        figures = ranks.joined(parts)
        return {"rows": figures["tokens"], **figures}

    # Each training has processes of its own anyway, so that memory is its own.
    return Run(lambda: ranks.together(size, train, **settings), found)


def cases(options: argparse.Namespace) -> list[Case]:
    common = {"unit": "tokens/s", "warm_ups": 0, "repeats": 1, "rounds": options.rounds, "ours": ()}
    return [
        Case("training", competitors(options, options.nodes, 40, 5), **common),
        Case("large tables", competitors(options, options.large, 4, 2), **common),
    ]


def main(options: argparse.Namespace, recorder: Any) -> Any:
    found: dict[str, Any] = {}
    path = None
    for case, nodes in zip(cases(options), (options.nodes, options.large), strict=True):
        samples = measure(BENCHMARK, case, options)
        found[case.name] = {
            "nodes": nodes, "tables_mib": 2 * nodes * DIMENSION * 4 / MIB, "runs": samples,
            "medians": {name: median_of(runs) for name, runs in samples.items()},
        }  # fmt: skip
        for name, row in found[case.name]["medians"].items():
            print(
                f"  {name:<24}{row['tokens_per_cpu_second']:>12,.0f} tokens per CPU second, "
                f"{row['rows_per_token']:.2f} rows and {row['bytes_per_token']:,.0f} bytes sent a token, "
                f"{row['peak_mib']:,.0f} MiB a rank at most, {row['held_mib']:,.0f} before training"
            )
        path = recorder.save(found)  # the next case takes long, and may not end
    return path


def median_of(runs: list[dict[str, Any]]) -> dict[str, float]:
    """The run in the middle by processors' time."""
    return sorted(runs, key=lambda run: run["tokens_per_cpu_second"])[len(runs) // 2]


QUICK = {"nodes": 2000, "large": 5000, "ranks": [1, 2], "rounds": 1}
BENCHMARK = Benchmark("ranks", main, options, cases, quick=QUICK)
BENCHMARKS = [BENCHMARK]
