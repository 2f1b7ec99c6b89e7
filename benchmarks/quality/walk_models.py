"""metapath2vec on real graphs: how well a linear classifier reads the node classes off the vectors.

Protocol: DBLP author classes along author-paper-conference-paper-author, ACM paper classes along
paper-author-paper, AMiner paper classes along paper-reference-paper. All train on the same graph with the same walk
length in nodes, window, negatives and vector size. The loops of DGL's and PyG's conventions have the same epochs (one
walk per start node each), batches and SparseAdam rate; their classes are trained by their own losses through their own
loaders. ``ge.fit`` does SGD instead, so it has a rate of its own and more epochs; its seconds stand beside. Figures are
means over the seeds of initial weights and walks.
Scores: logistic regression (scikit-learn, max_iter 2000) on standardised vectors of 80 % of the nodes, Macro-
and Micro-F1 on the rest, mean of ten random splits.

Published for DBLP along APVPA: Macro .9241, Micro .9288 (OpenHGNN, openhgnn/output/metapath2vec/README.md).
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.optim import SparseAdam
from torch.utils.data import DataLoader

import graphembed_ext as ge
from graphembed_ext import pyg

from ..data import folder_of, of_pyg
from ..harness import Benchmark, Clock


def dblp():
    data = of_pyg("DBLP")
    names = {
        ("author", "paper"): "ap",
        ("paper", "author"): "pa",
        ("paper", "conference"): "pc",
        ("conference", "paper"): "cp",
    }
    edges = {(s, names[s, d], d): e for (s, _, d), e in data.edge_index_dict.items() if (s, d) in names}
    counts = {t: data[t].num_nodes for t in ("author", "paper", "conference")}
    return edges, counts, ["ap", "pc", "cp", "pa"], "author", data["author"].y.numpy()


def heco(name: str):
    root = folder_of("heco", name)
    pa = torch.from_numpy(np.loadtxt(root / "pa.txt", dtype=np.int64).T.copy())
    y = np.load(root / "labels.npy")
    counts = {"paper": len(y), "author": int(pa[1].max()) + 1}
    edges = {("paper", "pa", "author"): pa, ("author", "ap", "paper"): pa.flip(0)}
    if name == "acm":
        return edges, counts, ["pa", "ap"], "paper", y
    # On AMiner authors tell next to nothing about a paper's class, even when used as features.
    pr = torch.from_numpy(np.loadtxt(root / "pr.txt", dtype=np.int64).T.copy())
    counts = {"paper": len(y), "reference": int(pr[1].max()) + 1}
    edges = {("paper", "pr", "reference"): pr, ("reference", "rp", "paper"): pr.flip(0)}
    return edges, counts, ["pr", "rp"], "paper", y


GRAPHS = {"DBLP": dblp, "ACM": lambda: heco("acm"), "AMiner": lambda: heco("aminer")}


def score(vectors: torch.Tensor, y: np.ndarray) -> dict[str, float]:
    x = StandardScaler().fit_transform(vectors.detach().numpy())
    macro, micro = [], []
    for split in range(10):
        train_x, test_x, train_y, test_y = train_test_split(x, y, train_size=0.8, random_state=split, stratify=y)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = LogisticRegression(max_iter=2000).fit(train_x, train_y).predict(test_x)
        macro.append(f1_score(test_y, found, average="macro"))
        micro.append(f1_score(test_y, found, average="micro"))
    return {"macro": float(np.mean(macro)), "micro": float(np.mean(micro))}


def run(name: str, options: argparse.Namespace, seed: int) -> dict[str, dict[str, float]]:
    """Scores and seconds of all classes on a graph."""
    import dgl.nn.pytorch.network_emb as of_dgl
    import torch_geometric.nn as nn_of_pyg

    of_dgl.trange = range  # its progress bar is no part of its work
    edges, counts, metapath, target, y = GRAPHS[name]()
    view = ge.view(edges, num_nodes=counts)
    graph = ge.to_host(view, "dgl")
    path = metapath * (options.steps // len(metapath))
    triples = [next(t for t in edges if t[1] == step) for step in metapath]
    sizes = {"emb_dim": options.dim, "negative_size": options.negatives}
    windows = {"walk_length": len(path), "context_size": options.window + 1, "num_negative_samples": options.negatives}
    windows |= {"num_nodes_dict": counts, "sparse": True}
    rows = slice(view.offsets[target], view.offsets[target] + counts[target])
    common = graph, path, options.window

    def fitted(**extra):
        model = ge.MetaPath2Vec(*common, **sizes, seed=seed, **extra)
        ge.fit(model, epochs=options.fit_epochs, lr=options.fit_lr, seed=seed, progress=False)
        return ge.embed(model)[target]

    def in_loop_of_dgl(model):
        train(model, model.sample, model, counts[target], options)
        return model.node_embed.weight[rows]

    def in_loop_of_pyg(model, sample):
        train(model, sample, model.loss, counts[target], options)
        return model(target)

    def ours_of_pyg():
        model = pyg.MetaPath2Vec(edges, options.dim, triples, **windows, seed=seed)
        return in_loop_of_pyg(model, model.sample)

    def theirs_of_pyg():
        model = nn_of_pyg.MetaPath2Vec(edges, options.dim, triples, **windows)
        return in_loop_of_pyg(model, model._sample)

    works = {
        "ours, fit": fitted,
        "ours, typed negatives, fit": lambda: fitted(typed_negatives=True),
        "ours, DGL's loop": lambda: in_loop_of_dgl(ge.MetaPath2Vec(*common, **sizes, seed=seed)),
        "dgl.nn.MetaPath2Vec": lambda: in_loop_of_dgl(of_dgl.MetaPath2Vec(*common, **sizes)),
        "ours, PyG's conventions": ours_of_pyg,
        "torch_geometric MetaPath2Vec": theirs_of_pyg,
    }
    found = {}
    for label, work in works.items():
        with Clock() as clock:
            vectors = work()
        found[label] = score(vectors, y) | {"seconds": clock.seconds}
        show(name, label, found[label])
    return found


def train(model, sample, step, count: int, options: argparse.Namespace) -> None:
    """Epochs of one walk from each start node in the loop of DGL's and PyG's documentation."""
    optimizer = SparseAdam(list(model.parameters()), lr=options.lr)
    for _ in range(options.epochs):
        starts = torch.arange(count)
        loader = DataLoader(starts, options.batch, shuffle=True, collate_fn=lambda batch: sample(torch.stack(batch)))
        for batch in loader:
            loss = step(*batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def show(name: str, label: str, figures: dict[str, float]) -> None:
    print(f"{name:<8}{label:<34}" + "".join(f"{key} {value:8.4f}  " for key, value in figures.items()), flush=True)


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--graphs", nargs="+", choices=list(GRAPHS), default=list(GRAPHS))
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--window", type=int, default=5)
    parser.add_argument("--negatives", "--noise", type=int, default=5, help="negatives of a pair")
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--fit_epochs", type=int, default=40)
    parser.add_argument("--fit_lr", type=float, default=0.05)
    parser.add_argument("--seeds", type=int, default=3)


def main(options: argparse.Namespace, recorder):
    path = None
    for name in options.graphs:
        runs = []
        for seed in range(options.seeds):
            torch.manual_seed(seed)
            runs.append(run(name, options, seed))
        means = {
            label: {key: float(np.mean([r[label][key] for r in runs])) for key in runs[0][label]} for label in runs[0]
        }
        for label, scores in means.items():
            show(name, label, scores)
        path = recorder.save({"means": means, "runs": runs}, name=f"walk_quality_{name.lower()}")
    return path


QUICK = {"graphs": ["ACM"], "epochs": 1, "steps": 4, "window": 2, "negatives": 2, "dim": 8, "fit_epochs": 1, "seeds": 1}
BENCHMARKS = [Benchmark("walk_quality", main, options, quick=QUICK)]
