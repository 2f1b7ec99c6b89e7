"""A DeepWalk model of BlogCatalog that grows: F1 of the nodes that it had and of those that came, beside training anew.

A tenth of the nodes is taken out with its edges. DeepWalk is trained on what is left, grown to the whole graph
(``ge.grow``) and trained on it for a few more walks a node; beside it a model is trained on the whole graph from the
start, for as many walks as the first. One regression for each label learns from half of the old nodes; it is judged on
the other half, and on the new ones.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from ..harness import Benchmark, Clock
from .blogcatalog import DIMENSION, LENGTH, NEGATIVES, SEED, WINDOW, graph


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", help="folder of the data sets, by default what GRAPHEMBED_DATA names")
    parser.add_argument("--passes", type=int, default=20, help="walks from every node, before the graph grows")
    parser.add_argument("--more", type=int, default=4, help="walks from every node, after it")
    parser.add_argument("--share", type=float, default=0.1, help="of the nodes that come later")


def main(options: argparse.Namespace, recorder: Any) -> Any:
    import torch

    import graphembed_ext as ge

    edges, nodes, labels = graph(options)
    order = np.random.default_rng(SEED).permutation(nodes)
    old, new = order[int(options.share * nodes) :], order[: int(options.share * nodes)]
    place = np.empty(nodes, np.int64)
    place[np.concatenate([old, new])] = np.arange(nodes)  # the new ones come last
    whole = torch.tensor(place[edges])
    part = whole[:, (whole < len(old)).all(0)]
    labels = labels[np.concatenate([old, new])]
    half = len(old) // 2
    split = torch.arange(half), torch.arange(half, len(old)), torch.arange(len(old), nodes)

    def made(edges: Any, count: int) -> Any:
        sizes = {"emb_dim": DIMENSION, "walk_length": LENGTH, "window_size": WINDOW, "negative_size": NEGATIVES}
        return ge.DeepWalk(edges, **sizes, fast_neg=False, num_nodes=count, seed=SEED)

    def judged(name: str, model: Any, seconds: float, parts: tuple[str, ...] = ("old", "new")) -> None:
        emb, figures = model.node_embed.weight.detach(), {}
        for which in parts:
            masks = {"train": split[0], "test": split[1] if which == "old" else split[2]}
            found = ge.evaluate.node_classification(emb, labels[: len(emb)], masks=masks)
            figures[which] = {"micro_f1": 100 * found["micro_f1"], "macro_f1": 100 * found["macro_f1"]}
        report[name] = {"f1": figures, "seconds": seconds}
        said = ", ".join(f"{which} {f1['micro_f1']:.2f} / {f1['macro_f1']:.2f}" for which, f1 in figures.items())
        print(f"{name}: F1 of {said}; {seconds:.0f} s", flush=True)

    report: dict[str, Any] = {"nodes": nodes, "new": len(new), "passes": options.passes, "more": options.more}
    before, anew = made(part, len(old)), made(whole, nodes)
    with Clock() as clock:
        ge.fit(before, epochs=options.passes, seed=SEED, progress=False)
    judged("before", before, clock.seconds, ("old",))
    grown = ge.grow(before, ge.view(whole, num_nodes=nodes))
    judged("grown, not trained", grown, 0.0)
    with Clock() as clock:
        ge.fit(grown, epochs=options.more, seed=SEED, progress=False)
    judged("grown", grown, clock.seconds)
    with Clock() as clock:
        ge.fit(anew, epochs=options.passes, seed=SEED, progress=False)
    judged("anew", anew, clock.seconds)
    return recorder.save(report)


QUICK = {"passes": 1, "more": 1}
BENCHMARKS = [Benchmark("growing", main, options, quick=QUICK, seed=SEED)]
