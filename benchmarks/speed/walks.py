"""Rates of every kind of walk on both engines: steps per second, on a random graph.

Usage: python benchmarks/walks.py [--nodes N] [--edges E] [--starts S] [--repeats R]

Before timing, the walks of both engines are compared by the share of their steps that take each node's first
edge; the compiled and the vectorised form of the torch engine must agree bit for bit.
"""

from __future__ import annotations

import argparse

import torch

import graphembed_ext as ge
from benchmarks.harness import alternating, save
from graphembed_ext.walks.walker import Walker

SEED = 0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--nodes", type=int, default=20_000)
    parser.add_argument("--edges", type=int, default=400_000)
    parser.add_argument("--starts", type=int, default=20_000)
    parser.add_argument("--length", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    generator = torch.Generator().manual_seed(SEED)
    edges = torch.randint(0, args.nodes, (2, args.edges), generator=generator)
    weight = torch.rand(args.edges, generator=generator) + 0.1
    plain = ge.view(edges, num_nodes=args.nodes)
    typed = ge.view(
        {("a", "to", "b"): edges, ("b", "back", "a"): edges.flip(0)}, num_nodes={"a": args.nodes, "b": args.nodes}
    )
    kinds = {
        "uniform": (plain, {}),
        "weighted": (plain, {"weight": weight}),
        "p=0.5 q=2": (plain, {"p": 0.5, "q": 2.0}),
        "p=0.5 q=2 weighted": (plain, {"p": 0.5, "q": 2.0, "weight": weight}),
        "restart=0.2": (plain, {"restart": 0.2}),
        "metapath": (typed, {"metapath": ["to", "back"]}),
        "metapath weighted": (typed, {"metapath": ["to", "back"], "weight": torch.cat([weight, weight])}),
    }
    starts = torch.randint(0, args.nodes, (args.starts,), generator=generator)
    walkers, runs = {}, {}
    for kind, (view, options) in kinds.items():
        for engine in ("torch", "dgl"):
            if engine == "dgl" and "restart" in options:
                continue
            walker = Walker(view, engine=engine, **options)
            walkers[kind, engine] = walker
            runs[f"{kind} | {engine}"] = lambda walker=walker: walker.walk(starts, args.length, 1)
        check(walkers, kind, starts, args.length)
    seconds = alternating(runs, args.repeats)
    steps = args.starts * (args.length - 1)
    rates = {name: steps / value / 1e6 for name, value in seconds.items()}
    base = rates["uniform | torch"]
    print(f"{'kind':<22}{'torch M/s':>11}{'dgl M/s':>10}{'torch/dgl':>11}{'uniform/kind':>14}")
    for kind in kinds:
        ours, theirs = rates[f"{kind} | torch"], rates.get(f"{kind} | dgl")
        beside = f"{theirs:>10.2f}{ours / theirs:>11.1f}" if theirs else f"{'cannot':>10}{'':>11}"
        print(f"{kind:<22}{ours:>11.1f}{beside}{base / ours:>14.2f}")
    print(save("walks", SEED, {"million_steps_per_second": rates}, **vars(args)))


def check(walkers: dict[tuple[str, str], Walker], kind: str, starts: torch.Tensor, length: int) -> None:
    ours = walkers[kind, "torch"]
    some = starts[:500]
    compiled = ours.walk(some, length, 3).nodes
    if not torch.equal(compiled, ours._torch_walker(length).walk_vectorised(some, length, 3)):
        raise SystemExit(f"{kind}: the compiled walks differ from the vectorised ones")
    if (kind, "dgl") in walkers:
        hub = starts[:1].repeat(20_000)
        nodes = [walkers[kind, engine].walk(hub, 3, 3).nodes[:, 2] for engine in ("torch", "dgl")]
        shares = [torch.bincount(part[part >= 0], minlength=1) / len(hub) for part in nodes]
        size = max(map(len, shares))
        gap = max(
            abs(a - b)
            for a, b in zip(*(torch.nn.functional.pad(s, (0, size - len(s))).tolist() for s in shares), strict=True)
        )
        if gap > 0.02:
            raise SystemExit(f"{kind}: the engines' distributions differ by {gap}")


if __name__ == "__main__":
    main()
