"""DeepWalk on BlogCatalog by two and four processes beside one: F1 at equal work, and the loss.

As many walks of 40 nodes from every node for all, window 10 in whole, 128 dimensions, negatives from the whole graph;
one-vs-rest logistic regression on half of the labels. One process trains by the compiled engine, by Adam in torch, and
by the strategy itself as a group of one.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from .. import ranks
from ..harness import Benchmark
from .blogcatalog import DIMENSION, LENGTH, NEGATIVES, SEED, WINDOW, graph, score

#: Processes of each way to train, and how.
WAYS = {
    "one process, numba": (1, {"engine": "numba", "threads": 1}),
    "one process, torch": (1, {"engine": "torch", "threads": 1}),
    "1 rank": (1, {"strategy": "sharded"}),
    "2 ranks": (2, {"strategy": "sharded"}),
    "4 ranks": (4, {"strategy": "sharded"}),
}


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", help="folder of the data sets, by default what GRAPHEMBED_DATA names")
    parser.add_argument("--passes", type=int, default=20, help="walks from every node")
    parser.add_argument("--lr", type=float, default=None, help="of the strategy; what fit takes by default")
    parser.add_argument("--batch_size", type=int, default=None, help="walks in a batch of the strategy; likewise")
    parser.add_argument("--shuffles", type=int, default=10)
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS)


def train(data: str | None, passes: int, path: str, **how: Any) -> dict[str, Any]:
    """One training, in one of the ranks or in a process alone; the first rank leaves the vectors."""
    import torch

    import graphembed_ext as ge

    edges, nodes, _ = graph(argparse.Namespace(data=data))

    def make() -> Any:
        return ge.DeepWalk(
            torch.tensor(edges), DIMENSION, LENGTH, WINDOW, negative_size=NEGATIVES, fast_neg=False, num_nodes=nodes,
            seed=SEED, engine="torch",
        )  # fmt: skip

    model, found = ranks.trained(make, epochs=passes, seed=SEED, **how)
    vectors = ge.distributed.collected(model) if "strategy" in how else ge.embed(model)
    if vectors is not None:
        np.save(path, vectors.numpy())
    return found


def _asked(options: argparse.Namespace, name: str) -> tuple[dict[str, Any], str]:
    """Settings of the strategy that are not its own, and what the record calls training by them."""
    asked = {"lr": ("rate", options.lr), "batch_size": ("batches of", options.batch_size)}
    given = {key: pair for key, pair in asked.items() if pair[1] is not None}
    more = {key: value for key, (_, value) in given.items()}
    return more, ", ".join([name, *(f"{word} {value}" for word, value in given.values())])


def main(options: argparse.Namespace, recorder: Any) -> Any:
    *_, labels = graph(options)
    report = (recorder.read() or {}).get("results", {})
    path = None
    with TemporaryDirectory() as folder:
        vectors = Path(folder) / "vectors.npy"
        for name in options.ways:
            size, how = WAYS[name]
            more, name = _asked(options, name) if "strategy" in how else ({}, name)
            settings = {"data": options.data, "passes": options.passes, "path": str(vectors), **how, **more}
            found = ranks.joined(ranks.together(size, train, **settings))
            micro, macro = score(np.load(vectors), labels, [50], options.shuffles)[50]
            report[name] = found | {"micro_f1": micro, "macro_f1": macro}
            print(f"{name}: F1 {micro:.2f} / {macro:.2f}, loss {found['loss']:.3f}, {found}", flush=True)
            path = recorder.save(report)
    return path


QUICK = {"passes": 1, "shuffles": 1, "ways": ["one process, numba", "2 ranks"]}
BENCHMARK = Benchmark("ranks_quality", main, options, quick=QUICK, seed=SEED)
BENCHMARKS = [BENCHMARK]
