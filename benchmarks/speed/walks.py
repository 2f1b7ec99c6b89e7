"""Rates of every kind of walk by both backends: steps per second, on a random graph.

Before timing, every step must be an edge (or a return, where walks restart), the same seed must give the same walks,
and both backends must take each node's edges equally often.
"""

from __future__ import annotations

import argparse

import torch

import graphembed_ext as ge

from ..harness import Benchmark, Case, measure, rates

SEED = 0
BACKENDS = ("torch", "dgl")


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--nodes", type=int, default=20_000)
    parser.add_argument("--edges", type=int, default=400_000)
    parser.add_argument("--starts", type=int, default=20_000)
    parser.add_argument("--length", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=5)


def cases(options: argparse.Namespace) -> list[Case]:
    draw = torch.Generator().manual_seed(SEED)
    nodes = options.nodes
    edges = torch.randint(0, nodes, (2, options.edges), generator=draw)
    weight = torch.rand(options.edges, generator=draw) + 0.1
    plain = ge.view(edges, num_nodes=nodes)
    typed = ge.view({("a", "to", "b"): edges, ("b", "back", "a"): edges.flip(0)}, num_nodes={"a": nodes, "b": nodes})
    kinds = {
        "uniform": (plain, {}),
        "weighted": (plain, {"weight": weight}),
        "p=0.5 q=2": (plain, {"p": 0.5, "q": 2.0}),
        "p=0.5 q=2 weighted": (plain, {"p": 0.5, "q": 2.0, "weight": weight}),
        "restart=0.2": (plain, {"restart": 0.2}),
        "metapath": (typed, {"metapath": ["to", "back"]}),
        "metapath weighted": (typed, {"metapath": ["to", "back"], "weight": torch.cat([weight, weight])}),
    }
    starts = torch.randint(0, nodes, (options.starts,), generator=draw)

    def walks(kind, backend):
        view, settings = kinds[kind]
        walker = ge.walks.Walker(view, engine=backend, **settings)
        return lambda: walker.walk(starts, options.length, 1)

    # DGL's walks end where ours restart.
    pairs = [(kind, backend) for kind in kinds for backend in BACKENDS if (kind, backend) != ("restart=0.2", "dgl")]
    return [
        Case(
            "walks",
            {f"{kind} | {backend}": lambda pair=(kind, backend): walks(*pair) for kind, backend in pairs},
            check=lambda: [check(kind, *kinds[kind], starts, options.length) for kind in kinds],
            rows=options.starts * (options.length - 1) / 1e6,
            unit="M steps/s",
            repeats=options.repeats,
            ours=tuple(f"{kind} | torch" for kind in kinds),
        )
    ]


def check(kind: str, view, settings: dict, starts: torch.Tensor, length: int) -> None:
    """Raise where a walk leaves the graph, is not repeated by its seed, or prefers some edges."""
    walkers = {
        backend: ge.walks.Walker(view, engine=backend, **settings)
        for backend in BACKENDS
        if not ("restart" in settings and backend == "dgl")
    }
    some = starts[:500]
    for backend, walker in walkers.items():
        walks = walker.walk(some, length, 3).nodes
        if not torch.equal(walks, walker.walk(some, length, 3).nodes):
            raise AssertionError(f"{kind}, {backend}: equal seeds give different walks")
        before, after = walks[:, :-1], walks[:, 1:]
        stepped = torch.isin(before * view.total_nodes + after, edge_codes(view)) | (after < 0)
        if "restart" in settings:
            stepped |= after == walks[:, :1]
        if not stepped.all():
            raise AssertionError(f"{kind}, {backend}: a step is no edge")
    if len(walkers) == 2:
        check_shares(kind, walkers, starts)


def edge_codes(view) -> torch.Tensor:
    """One number for every edge, from the numbers of its ends among all nodes."""
    return torch.cat(
        [
            (src + view.offsets[source]) * view.total_nodes + dst + view.offsets[target]
            for (source, _, target), (src, dst) in view.edges.items()
        ]
    )


def check_shares(kind: str, walkers: dict, starts: torch.Tensor) -> None:
    hub = starts[:1].repeat(20_000)
    nodes = [walker.walk(hub, 3, 3).nodes[:, 2] for walker in walkers.values()]
    size = 1 + max(int(part.max()) for part in nodes)
    shares = [torch.bincount(part[part >= 0], minlength=size) / len(hub) for part in nodes]
    gap = float((shares[0] - shares[1]).abs().max())
    if gap > 0.02:
        raise AssertionError(f"{kind}: the backends' distributions differ by {gap}")


def main(options: argparse.Namespace, recorder):
    (case,) = cases(options)
    return recorder.save({"million_steps_per_second": rates(case, measure(BENCHMARK, case, options))})


BENCHMARK = Benchmark(
    "walks", main, options, cases, quick={"nodes": 1000, "edges": 20_000, "starts": 1000, "repeats": 2}
)
BENCHMARKS = [BENCHMARK]
