"""What ``ge.fit`` gives to somebody who changes nothing, beside the best of a few other settings.

For every graph the settings of a small grid are trained, the first of which is none: what the package takes by itself.
The best is the one with the highest score on one half of the labelled nodes, or on a fifth of the training pairs held
out; the table has its score on the other half, or on the test pairs, beside that of the first. Where the first is the
best itself, they are the same. A default that loses more than three per cent is to be changed.

Walk models: Micro-F1 of a logistic regression on the vectors, three splits within the half. LightGCN: recall@20.
GraphSAGE and HAN: Micro-F1 on the validation and the test nodes of the data set's own split, each with the weights of
the epoch that validated best.
"""

from __future__ import annotations

import argparse
from functools import cache, partial

import numpy as np
import torch

import graphembed_ext as ge

from .. import data
from ..harness import Benchmark, Clock
from .walk_models import GRAPHS

#: Arguments of a constructor; the others are of ``ge.fit``.
_OF_MODEL = ("walk_length", "window_size")
WALKS = [
    {}, {"epochs": 20}, {"epochs": 80}, {"lr": 0.1}, {"window_size": 10}, {"walk_length": 80},
]  # fmt: skip
METAPATHS = [
    {}, {"epochs": 20}, {"epochs": 80}, {"lr": 0.1}, {"walk_length": 41}, {"walk_length": 51, "window_size": 6},
]  # fmt: skip
LISTS = [{}, {"lr": 0.005}, {"lr": 0.05}, {"epochs": 100}, {"weight_decay": 0.3}, {"weight_decay": 3.0}]
#: Arguments of ``ge.fit`` on labelled nodes; the others are of a constructor.
_OF_NODES = ("lr", "epochs", "weight_decay")
NEIGHBOURS = [{}, {"dropout": 0.5}, {"dropout": 0.8}, {"lr": 0.005}, {"weight_decay": 5e-3}, {"hidden_channels": 256}]
ATTENTIONS = [{}, {"lr": 0.005}, {"dropout": 0.3}, {"weight_decay": 5e-3}, {"hidden_channels": 128}]
FEATURED = {"Cora, public split": "Cora", "PubMed, public split": "PubMed"}
BOUGHT = {
    "LastFM": (data.lastfm_graph, data.lastfm_pairs),
    "MovieLens-100k": (data.movielens_graph, data.movielens_pairs),
}


@cache
def labelled(name: str):
    """A graph for DeepWalk, and its labels."""
    if name == "BlogCatalog":
        network, labels = data.blogcatalog()
        edges = torch.tensor(np.stack([network.row, network.col]).astype(np.int64))
        return ge.view(edges, num_nodes=network.shape[0]), labels.toarray()
    found = data.twitch("PTBR") if name == "Twitch PTBR" else data.of_pyg("Planetoid", name)
    return ge.view(found), found.y.numpy()


@cache
def typed(name: str):
    """A graph for MetaPath2Vec, its metapath, and type and labels of the nodes to classify."""
    edges, counts, metapath, target, labels = GRAPHS[name]()
    return ge.view(edges, num_nodes=counts), metapath, target, labels


def walked(name: str, settings, seed: int) -> dict[str, float]:
    """Scores of DeepWalk or MetaPath2Vec."""
    own = {key: value for key, value in settings.items() if key in _OF_MODEL}
    rest = {key: value for key, value in settings.items() if key not in _OF_MODEL}
    if name in GRAPHS:
        graph, metapath, target, labels = typed(name)
        model = ge.MetaPath2Vec(graph, metapath, **{"window_size": len(metapath)} | own, seed=seed)
    else:
        (graph, labels), target = labelled(name), "_N"
        model = ge.DeepWalk(graph, **own, seed=seed)
    with Clock() as clock:
        ge.fit(model, seed=seed, progress=False, **rest)
    vectors = ge.embed(model)[target]
    first = np.random.default_rng(0).random(len(labels)) < 0.5
    halves = {"validation": first, "test": ~first}
    scores = {
        part: ge.evaluate.node_classification(vectors[torch.from_numpy(half)], labels[half], repeats=3)["micro_f1"]
        for part, half in halves.items()
    }
    return scores | {"cpu_seconds": clock.cpu_seconds}


def listed(name: str, settings, seed: int) -> dict[str, float]:
    """Recall of LightGCN: on pairs held out by a model that has not seen them, on the test by one that has."""
    graph_of, pairs_of = BOUGHT[name]
    pairs = pairs_of("train")
    held = torch.rand(pairs.size(1), generator=torch.Generator().manual_seed(0)) < 0.2
    parts = {"validation": (pairs[:, ~held], pairs[:, held]), "test": (pairs, pairs_of("test"))}
    scores = {}
    with Clock() as clock:
        for part, (known, wanted) in parts.items():
            graph = graph_of(known)
            model = ge.LightGCN.for_graph(graph, seed=seed)
            ge.fit(model, graph, seed=seed, progress=False, **settings)
            scores[part] = ge.evaluate.recommendation(model, graph, wanted, 20)["recall@20"]
    return scores | {"cpu_seconds": clock.cpu_seconds}


@cache
def split(name: str):
    """A graph with features, labels and the split that goes with it."""
    if name in FEATURED:
        return ge.view(data.of_pyg("Planetoid", FEATURED[name]))
    return {
        "ACM3025": data.acm3025,
        "HGB ACM": partial(data.hgb_acm, None),
        "DBLP, authors": partial(data.dblp_metapaths, None),
    }[name]()


def classified(name: str, settings, seed: int) -> dict[str, float]:
    """Scores of GraphSAGE or HAN on the nodes that its training did not see."""
    graph = split(name)
    own = {key: value for key, value in settings.items() if key not in _OF_NODES}
    rest = {key: value for key, value in settings.items() if key in _OF_NODES}
    if name in FEATURED:
        own["out_channels"] = int(graph.features["_N"]["y"].max()) + 1
    model = ge.create("graphsage" if name in FEATURED else "han", graph, **own, seed=seed)
    with Clock() as clock:
        result = ge.fit(model, graph, seed=seed, progress=False, **rest)
    kept = result.history[result.best_epoch - 1]
    scores = {"validation": kept["val_micro_f1"], "test": result.metrics["test_micro_f1"]}
    return scores | {"cpu_seconds": clock.cpu_seconds}


#: By graph: its model, what trains and scores it, and the grid.
SETS = dict.fromkeys(("Cora", "PubMed", "Twitch PTBR", "BlogCatalog"), ("DeepWalk", walked, WALKS))
SETS |= dict.fromkeys(GRAPHS, ("MetaPath2Vec", walked, METAPATHS))
SETS |= dict.fromkeys(FEATURED, ("GraphSAGE", classified, NEIGHBOURS))
SETS |= dict.fromkeys(("ACM3025", "HGB ACM", "DBLP, authors"), ("HAN", classified, ATTENTIONS))
SETS |= dict.fromkeys(BOUGHT, ("LightGCN", listed, LISTS))


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=SETS)
    parser.add_argument("--settings", type=int, help="first ones of each grid to try; by default all")
    parser.add_argument("--add", action="store_true", help="keep the recorded results of other sets")


def main(options: argparse.Namespace, recorder):
    results = (recorder.read() or {"results": {}})["results"] if options.add else {}
    path = None
    for name in options.sets:
        kind, score, grid = SETS[name]
        tried = []
        for settings in grid[: options.settings]:
            tried.append({"settings": settings} | score(name, settings, seed=0))
            print(name, tried[-1], flush=True)
        best = max(tried, key=lambda one: one["validation"])
        results[name] = {"model": kind, "default": tried[0], "best": best, "tried": tried}
        path = recorder.save(results)
    return path


QUICK = {"sets": ["Twitch PTBR"], "settings": 1}
BENCHMARKS = [Benchmark("defaults", main, options, quick=QUICK)]
