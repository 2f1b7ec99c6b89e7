"""Training from 10^4 to 10^6 nodes: tokens per second, and the most memory held beside what was predicted.

Every size runs in processes of its own, in turns, on a random graph with 20 edges a node (20 M at the top), both
directions counted; window 5, 128 dimensions, 5 negatives. A training counts where its loss is a number and the
vectors have moved.
"""

from __future__ import annotations

import argparse
import math

import torch

import graphembed_ext as ge

from ..harness import MIB, Benchmark, Case, Clock, Run, measure, memory, peak_memory

DEGREE, SEED, LENGTH = 20, 0, 40


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--nodes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=3, help="processes of each size")
    parser.add_argument("--tokens", type=int, default=16_000_000, help="nodes that a timed training's walks visit")


def cases(options: argparse.Namespace) -> list[Case]:
    sizes = {str(nodes): lambda nodes=nodes: training(nodes, options.tokens) for nodes in options.nodes}
    return [
        Case(
            "training", sizes, unit="tokens/s", repeats=1, warm_ups=0, rounds=options.rounds, ours=tuple(sizes),
        )
    ]  # fmt: skip


def training(nodes: int, tokens: int) -> Run:
    draw = torch.Generator().manual_seed(SEED)
    half = torch.randint(nodes, (2, nodes * DEGREE // 2), generator=draw)
    edges = torch.cat([half, half.flip(0)], 1)
    del half
    imported = memory("VmRSS")
    with Clock() as building:
        model = ge.DeepWalk(edges, num_nodes=nodes, fast_neg=False, seed=SEED)
    before = model.node_embed.weight[:1000].detach().clone()
    ring = torch.stack([torch.arange(100), (torch.arange(100) + 1) % 100])
    ge.fit(ge.DeepWalk(ring, fast_neg=False, seed=SEED), progress=False)  # compiles, or reads what was compiled
    passes = max(1, tokens // (LENGTH * nodes))

    def found(result) -> dict[str, float]:
        peak = peak_memory()
        moved = float((model.node_embed.weight[:1000].detach() - before).abs().mean())
        if not math.isfinite(result.loss) or moved == 0:
            raise AssertionError(f"training failed: loss {result.loss}, moved {moved}")
        with Clock() as canonical:
            ge.view(edges, num_nodes=nodes).csr()
        return {
            "rows": result.tokens, "nodes": nodes, "edges": edges.size(1), "built_seconds": building.seconds,
            "canonical_seconds": canonical.seconds, "tokens": result.tokens, "graph_and_imports": imported,
            "predicted_memory": result.predicted_memory, "peak_memory": peak, "loss": result.loss,
        }  # fmt: skip

    return Run(lambda: ge.fit(model, epochs=passes, lr=0.025, progress=False), found)


def main(options: argparse.Namespace, recorder):
    (case,) = cases(options)
    runs = [run for found in measure(BENCHMARK, case, options).values() for run in found]
    for run in runs:
        run["tokens_per_second"] = run["tokens"] / run["seconds"]
        run["tokens_per_cpu_second"] = run["tokens"] / run["cpu_seconds"]
        print(
            f"{run['nodes']:>9} nodes: predicted {run['predicted_memory'] / MIB:.0f} MiB, held at most "
            f"{run['peak_memory'] / MIB:.0f} MiB, CSR in {run['canonical_seconds']:.2f} s"
        )
    return recorder.save({"runs": runs})


BENCHMARK = Benchmark("scale", main, options, cases, quick={"nodes": [1000, 10_000], "rounds": 1, "tokens": 400_000})
BENCHMARKS = [BENCHMARK]
