"""GraphSAGE's accuracy over seeds: with labels beside DGL's and PyG's classes, without them, and on unseen graphs.

Usage: python benchmarks/graphsage_quality.py [--seeds N] [--epochs E] [--sets cora ...] [--skip_peers SET ...]

Labels: Cora and PubMed with the public split, Amazon Computers and Coauthor CS with 20 training and 30 validation nodes
a class, drawn by the seed. Every class is trained by ``ge.fit`` in the same loop with the same settings (two layers of
64, dropout 0.5, Adam with learning rate 0.01 and weight decay 5e-4, 200 epochs): "PyG" and "DGL" are their own classes
in the place of ours, PyG's with the same first weights. The epoch with the least validation loss is kept, and the test
nodes are looked at once, with its weights. "selected" is the aggregator with the best mean validation accuracy.
Features are scaled to sum 1 in each row, as DGL's data sets have them.

Without labels: ``ge.fit(task="links")``; vectors are judged by a logistic regression on the public split, its strength
chosen on the validation nodes, beside that on DeepWalk's vectors and on the features themselves.

Unseen graphs: trained on Twitch DE (a fifth of it validating), tested by ROC-AUC on the five other countries, beside a
logistic regression on the features alone. Dropout and weight decay are those with the least validation loss.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import shutil
import statistics
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from _record import data_root, save
from torch import nn

import graphembed_ext as ge

RECIPE = {"lr": 0.01, "weight_decay": 5e-4, "patience": None, "progress": False}
HIDDEN, DROPOUT = 64, 0.5
LABELLED = {"cora": ("Planetoid", "Cora"), "pubmed": ("Planetoid", "PubMed")}
LABELLED |= {"computers": ("Amazon", "Computers"), "cs": ("Coauthor", "CS")}
COUNTRIES = ("ENGB", "ES", "FR", "PTBR", "RU")

warnings.filterwarnings("ignore", category=FutureWarning)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--link_epochs", type=int, default=20)
    sets = [*LABELLED, "links-cora", "links-pubmed", "twitch"]
    parser.add_argument("--sets", nargs="+", default=sets, choices=sets)
    parser.add_argument(
        "--skip_peers", nargs="*", default=[], choices=sets, help="PyG's class takes a minute a run on cs"
    )
    args = parser.parse_args()
    results: dict[str, dict] = {}
    path = None
    for name in args.sets:
        rows = results[name] = {}
        for seed in range(args.seeds):
            if name == "twitch":
                found = twitch(seed, args.epochs)
            elif name.startswith("links-"):
                found = without_labels(name.removeprefix("links-"), seed, args.link_epochs)
            else:
                found = with_labels(name, seed, args.epochs, peers=name not in args.skip_peers)
            for row, figures in found.items():
                rows.setdefault(row, {"runs": []})["runs"].append(figures)
            print(name, "seed", seed, *(f"{row}: {figures['test']:.4f}" for row, figures in found.items()), flush=True)
            path = save("graphsage_quality", 0, results, **RECIPE, **vars(args), hidden=HIDDEN, dropout=DROPOUT)
        for row in rows.values():
            for part in row["runs"][0]:
                values = [run[part] for run in row["runs"]]
                row[part] = statistics.mean(values)
                row[f"{part}_deviation"] = statistics.stdev(values) if len(values) > 1 else 0.0
        show(name, rows)
        path = save("graphsage_quality", 0, results, **RECIPE, **vars(args), hidden=HIDDEN, dropout=DROPOUT)
    print(path)


class Peer(nn.Module):
    """A peer's class in the place of ours: what ge.fit needs of a model."""

    task = "nodes"
    targets = ("_N",)

    def __init__(self, kind, channels, classes, aggr, seed):
        super().__init__()
        self.kind, self.out_channels = kind, classes
        if kind == "PyG":
            from torch_geometric.nn import GraphSAGE

            self.layers = GraphSAGE(channels, HIDDEN, 2, classes, dropout=DROPOUT, aggr=aggr)
            self.layers.load_state_dict(ge.GraphSAGE(channels, HIDDEN, 2, classes, aggr=aggr, seed=seed).state_dict())
        else:
            from dgl.nn import SAGEConv

            torch.manual_seed(seed)
            sizes = (channels, HIDDEN), (HIDDEN, classes)
            self.layers = nn.ModuleList(SAGEConv(*size, aggr) for size in sizes)

    def inputs(self, view):
        """Features and edges as the peer takes them."""
        x = view.features["_N"]["x"]
        return (x, view.edge_index()) if self.kind == "PyG" else (ge.to_host(view, "dgl"), x)

    def logits(self, inputs):
        """Class scores."""
        if self.kind == "PyG":
            return {"_N": self.layers(*inputs)}
        graph, x = inputs
        hidden = F.dropout(self.layers[0](graph, x).relu(), DROPOUT, self.training)
        return {"_N": self.layers[1](graph, hidden)}


def with_labels(name, seed, epochs, peers=True):
    data = dataset(*LABELLED[name])
    masks = None if name in ("cora", "pubmed") else random_split(data.y, seed)
    classes, channels = int(data.y.max()) + 1, data.num_features
    found = {}
    for kind in ("ours", "PyG", "DGL") if peers else ("ours", "DGL"):
        for aggr in ("mean",) if kind == "PyG" else ("mean", "gcn"):
            if kind == "ours":
                model = ge.GraphSAGE(channels, HIDDEN, 2, classes, dropout=DROPOUT, aggr=aggr, seed=seed)
            else:
                model = Peer(kind, channels, classes, aggr, seed)
            began = time.perf_counter()
            result = ge.fit(model, data, y=data.y, masks=masks, epochs=epochs, seed=seed, **RECIPE)
            best = result.history[result.best_epoch - 1]
            found[f"{kind}, {aggr}"] = {
                "val": best["val_accuracy"],
                "test": result.metrics["test_accuracy"],
                "macro_f1": result.metrics["test_macro_f1"],
                "seconds": time.perf_counter() - began,
            }
    return found


def without_labels(name, seed, epochs):
    data = dataset(*LABELLED[name])
    began = time.perf_counter()
    model = ge.GraphSAGE.for_graph(data, 128, 2, seed=seed)
    ge.fit(model, data, task="links", epochs=epochs, seed=seed, progress=False)
    seconds = time.perf_counter() - began
    found = {"ours": regression(ge.embed(model, data).tensor, data) | {"seconds": seconds}}
    began = time.perf_counter()
    walker = ge.DeepWalk(data.edge_index, emb_dim=128, seed=seed, walk_length=40, window_size=5)
    ge.fit(walker, epochs=20, seed=seed, progress=False)
    emb = ge.embed(walker).tensor
    emb = torch.cat([emb, emb.new_zeros(data.num_nodes - len(emb), 128)])
    found["DeepWalk"] = regression(emb, data) | {"seconds": time.perf_counter() - began}
    found["features"] = regression(data.x, data) | {"seconds": 0.0}
    return found


def regression(vectors, data):
    """Accuracy of a logistic regression, its strength chosen on the validation nodes."""
    from sklearn.linear_model import LogisticRegression

    x, y = vectors.numpy(), data.y.numpy()
    parts = {part: data[f"{part}_mask"].numpy() for part in ("train", "val", "test")}
    best = {"val": -1.0, "test": 0.0}
    for strength in (0.1, 1, 10, 100, 1000):
        model = LogisticRegression(C=strength, max_iter=2000).fit(x[parts["train"]], y[parts["train"]])
        figures = {part: float(model.score(x[parts[part]], y[parts[part]])) for part in ("val", "test")}
        best = max(best, figures, key=lambda found: found["val"])
    return best


def twitch(seed, epochs):
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    train = country("DE")
    order = torch.randperm(train.num_nodes, generator=torch.Generator().manual_seed(seed))
    masks = {"val": order[: len(order) // 5], "train": order[len(order) // 5 :]}
    tried = []
    for dropout, decay in itertools.product((0.5, 0.7), (0.005, 0.01, 0.03)):
        model = ge.GraphSAGE(train.num_features, HIDDEN, 2, 2, dropout=dropout, seed=seed)
        settings = RECIPE | {"patience": 30, "weight_decay": decay}
        result = ge.fit(model, train, y=train.y, masks=masks, epochs=epochs, seed=seed, **settings)
        best = result.history[result.best_epoch - 1]
        tried.append((best["val_loss"], best["val_accuracy"], dropout, decay, model))
    loss, accuracy, dropout, decay, model = min(tried, key=lambda found: found[0])
    figures = {"val": accuracy, "val_loss": loss, "dropout": dropout, "weight_decay": decay}
    fits = {"ours, mean": (model, figures)}
    lone = LogisticRegression(C=0.05, max_iter=1000).fit(train.x.numpy(), train.y.numpy())
    found = {row: figures for row, (_, figures) in fits.items()} | {"features": dict.fromkeys(figures, 0.0)}
    for name in COUNTRIES:
        graph = country(name)
        scores = {row: ge.embed(model, graph).tensor for row, (model, _) in fits.items()}
        scores = {row: (both[:, 1] - both[:, 0]).numpy() for row, both in scores.items()}
        scores["features"] = lone.decision_function(graph.x.numpy())
        for row, values in scores.items():
            found[row][name] = float(roc_auc_score(graph.y.numpy(), values))
    for figures in found.values():
        figures["test"] = statistics.mean(figures[name] for name in COUNTRIES)
    return found


_kept: dict = {}


def dataset(family, name):
    """One of PyG's data sets from a copy, as its class writes beside the raw files; rows of features sum to 1."""
    from torch_geometric import datasets

    if (family, name) not in _kept:
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(data_root() / family / name / "raw", Path(folder) / name / "raw")
            data = getattr(datasets, family)(folder, name)[0]
        data.x = data.x / data.x.sum(1, keepdim=True).clamp(min=1e-12)
        _kept[family, name] = data
    return _kept[family, name]


def random_split(y, seed):
    draw = torch.Generator().manual_seed(seed)
    parts: dict[str, list] = {"train": [], "val": [], "test": []}
    for label in range(int(y.max()) + 1):
        nodes = (y == label).nonzero().squeeze(1)
        nodes = nodes[torch.randperm(len(nodes), generator=draw)]
        for part, ids in zip(parts, (nodes[:20], nodes[20:50], nodes[50:]), strict=True):
            parts[part].append(ids)
    return {part: torch.cat(ids) for part, ids in parts.items()}


def country(name):
    """A Twitch graph as Data, edges in both directions."""
    from torch_geometric.data import Data

    if name not in _kept:
        root = data_root() / "twitch" / name
        edges = torch.from_numpy(np.loadtxt(root / "edges.csv", delimiter=",", skiprows=1, dtype=np.int64)).t()
        listed = {int(key): ids for key, ids in json.loads((root / "features.json").read_text()).items()}
        x, y = torch.zeros(len(listed), 3170), torch.zeros(len(listed), dtype=torch.int64)
        for node, ids in listed.items():
            x[node, ids] = 1
        with (root / "target.csv").open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                y[int(row["new_id"])] = row["mature"] == "True"
        _kept[name] = Data(x=x, y=y, edge_index=torch.cat([edges, edges.flip(0)], 1))
    return _kept[name]


def show(name, rows):
    parts = [part for part in next(iter(rows.values())) if part != "runs" and not part.endswith("_deviation")]
    print(f"{name:<16}" + "".join(f"{part:>18}" for part in parts))
    for row, found in rows.items():
        cells = (f"{found[part]:.4f} ± {found[part + '_deviation']:.4f}" for part in parts if part in found)
        print(f"{row:<16}" + "".join(f"{cell:>18}" for cell in cells), flush=True)
    ours = {row: found for row, found in rows.items() if row.startswith("ours, ")}
    if ours:
        best = max(ours, key=lambda row: ours[row]["val"])
        print(f"selected on validation: {best}, {ours[best]['test']:.4f}", flush=True)


if __name__ == "__main__":
    main()
