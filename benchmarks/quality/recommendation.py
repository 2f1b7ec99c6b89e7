"""LightGCN as ``ge.fit`` trains it unless told otherwise, beside another loss and what needs no training.

LastFM in LightGCN-PyTorch's split: 42,135 pairs to train on, 10,533 to find. MovieLens-100k: every rating is a pair, a
fifth of them to find. All items are ranked for every user but those of the training. Settings of ``ge.fit`` go by the
size of the data; their rule was chosen on training pairs held out, never on these to find. "pyg" has the loss of PyG's
example with LightGCN-PyTorch's settings. Popularity, item-kNN and EASE are those of
``ge.evaluate.recommendation_baselines``; Gowalla has too many items for EASE, and LightGCN on it has a benchmark of its
own.
"""

from __future__ import annotations

import argparse

import graphembed_ext as ge

from .. import data
from ..harness import Benchmark, Clock, summary

FIGURES = ("recall@20", "ndcg@20")
SETTINGS = {"default": {}, "pyg": {"loss": "pyg"}}
SETS = {
    "lastfm": (data.lastfm_graph, data.lastfm_pairs),
    "movielens": (data.movielens_graph, data.movielens_pairs),
    "gowalla": (data.gowalla_graph, data.gowalla_pairs),
}


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--epochs", type=int, help="of every training; by default those of its settings")
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=SETS)


def main(options: argparse.Namespace, recorder):
    results, path = {}, None
    for name in options.sets:
        graph_of, pairs_of = SETS[name]
        graph, test = graph_of(pairs_of("train")), pairs_of("test")
        found = results[name] = {}
        with Clock() as clock:
            found |= ge.evaluate.recommendation_baselines(graph, test, 20)
        print(name, f"baselines: {clock.cpu_seconds:.0f} CPU seconds", flush=True)
        for row, settings in SETTINGS.items() if name != "gowalla" else ():
            runs = [trained(graph, test, seed, options.epochs, settings) for seed in range(options.seeds)]
            found[row] = {"runs": runs} | summary(runs, (*FIGURES, "cpu_seconds"))
        for row, figures in found.items():
            print(name, row, *(f"{figure} {figures[figure]:.4f}" for figure in FIGURES), flush=True)
        path = recorder.save(results)
    return path


def trained(graph, test, seed, epochs, settings):
    model = ge.LightGCN.for_graph(graph, seed=seed)
    with Clock() as clock:
        result = ge.fit(model, graph, seed=seed, epochs=epochs, progress=False, **settings)
    found = ge.evaluate.recommendation(model, graph, test, 20)
    figures = {name: found[name] for name in FIGURES}
    return {"seed": seed, **figures, "cpu_seconds": clock.cpu_seconds, "settings": result.settings}


QUICK = {"seeds": 1, "epochs": 1, "sets": ["lastfm"]}
BENCHMARKS = [Benchmark("recommendation", main, options, quick=QUICK)]
