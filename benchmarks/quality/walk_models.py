"""metapath2vec on real graphs: how well a linear classifier reads the node classes off the vectors.

Usage: python benchmarks/walk_quality.py [--graphs DBLP ACM AMiner] [--epochs E] [--dim D]

Protocol: DBLP author classes along author-paper-conference-paper-author, ACM paper classes along
paper-author-paper, AMiner paper classes along paper-reference-paper. All train on the same graph with the same walk
length in nodes, window, noise and vector size. The loops of DGL's and PyG's conventions have the same epochs (one walk
per start node each), batches and SparseAdam rate; the peers' classes are their own, trained by their own losses
through their own loaders. ``ge.fit`` does SGD instead, so it has a rate of its own and more epochs; its seconds stand
beside. Figures are means over the seeds of initial weights and walks.
Scores: logistic regression (scikit-learn, max_iter 2000) on standardised vectors of 80 % of the nodes, Macro-
and Micro-F1 on the rest, mean of ten random splits.

Published for DBLP along APVPA: Macro .9241, Micro .9288 (OpenHGNN, openhgnn/output/metapath2vec/README.md).
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.optim import SparseAdam
from torch.utils.data import DataLoader

import graphembed_ext as ge
from benchmarks.harness import data_root, save
from graphembed_ext import pyg


def dblp():
    from torch_geometric.datasets import DBLP

    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(data_root() / "DBLP", Path(folder) / "DBLP", ignore=shutil.ignore_patterns("processed"))
        data = DBLP(str(Path(folder) / "DBLP"))[0]
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
    root = data_root() / "heco" / name
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


def run(name: str, args: argparse.Namespace, seed: int) -> dict[str, dict[str, float]]:
    import dgl.nn.pytorch.network_emb as peer_dgl
    import torch_geometric.nn as peer_pyg

    peer_dgl.trange = range
    edges, counts, metapath, target, y = GRAPHS[name]()
    view = ge.view(edges, num_nodes=counts)
    graph = ge.to_host(view, "dgl")
    rounds = args.steps // len(metapath)
    path = metapath * rounds
    triples = [next(t for t in edges if t[1] == step) for step in metapath]
    common = {"emb_dim": args.dim, "negative_size": args.noise}
    windows = {"walk_length": len(path), "context_size": args.window + 1, "num_negative_samples": args.noise}
    windows |= {"num_nodes_dict": counts, "sparse": True}
    found = {}

    def train(model, sample, step):
        optimizer = SparseAdam(list(model.parameters()), lr=args.lr)
        starts = torch.arange(counts[target])
        for _ in range(args.epochs):
            loader = DataLoader(starts, args.batch, shuffle=True, collate_fn=lambda batch: sample(torch.stack(batch)))
            for batch in loader:
                loss = step(*batch)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

    def note(label, vectors, began):
        found[label] = score(vectors, y) | {"seconds": time.perf_counter() - began}
        print(
            f"{name:<8}{label:<34}" + "".join(f"{key} {value:8.4f}  " for key, value in found[label].items()),
            flush=True,
        )

    rows = slice(view.offsets[target], view.offsets[target] + counts[target])
    for label, extra in (("ours", {}), ("ours, typed negatives", {"typed_negatives": True})):
        began = time.perf_counter()
        model = ge.MetaPath2Vec(graph, path, args.window, **common, seed=seed, **extra)
        ge.fit(model, epochs=args.fit_epochs, lr=args.fit_lr, seed=seed, progress=False)
        note(label + ", fit", ge.embed(model)[target], began)
    began = time.perf_counter()
    model = ge.MetaPath2Vec(graph, path, args.window, **common, seed=seed)
    train(model, model.sample, model)
    note("ours, the peer's loop", model.node_embed.weight[rows], began)
    began = time.perf_counter()
    model = peer_dgl.MetaPath2Vec(graph, path, args.window, **common)
    train(model, model.sample, model)
    note("dgl.nn.MetaPath2Vec", model.node_embed.weight[rows], began)
    began = time.perf_counter()
    model = pyg.MetaPath2Vec(edges, args.dim, triples, **windows, seed=seed)
    train(model, model.sample, model.loss)
    note("ours, PyG's conventions", model(target), began)
    began = time.perf_counter()
    model = peer_pyg.MetaPath2Vec(edges, args.dim, triples, **windows)
    train(model, model._sample, model.loss)
    note("torch_geometric MetaPath2Vec", model(target), began)
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--graphs", nargs="+", choices=list(GRAPHS), default=list(GRAPHS))
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--window", type=int, default=5)
    parser.add_argument("--noise", type=int, default=5)
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--fit_epochs", type=int, default=40)
    parser.add_argument("--fit_lr", type=float, default=0.05)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    for name in args.graphs:
        runs = []
        for seed in range(args.seeds):
            torch.manual_seed(seed)
            runs.append(run(name, args, seed))
        means = {
            label: {key: float(np.mean([r[label][key] for r in runs])) for key in runs[0][label]} for label in runs[0]
        }
        for label, scores in means.items():
            print(f"{name:<8}{label:<34}" + "".join(f"{key} {value:8.4f}  " for key, value in scores.items()))
        print(save(f"walk_quality_{name.lower()}", 0, {"means": means, "runs": runs}, **vars(args)))


if __name__ == "__main__":
    main()
