"""What DGL's README for GraphSAGE names, 0.833 on Cora and 0.783 on PubMed, over seeds: the settings of its example.

``train_full.py`` of DGL's examples (dmlc/dgl, ``examples/pytorch/graphsage``) trains two layers with ``gcn``, 16 hidden
channels, dropout of 0.5 before both, loops added to the graph, rows of features of sum 1, Adam with a rate of 0.01 and
a weight decay of 5e-4, for 200 epochs, and takes the last. Here these settings train DGL's class and ours, each in the
same loop from the same seed; the test nodes are looked at once, with the last weights.
"""

from __future__ import annotations

import argparse
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

import graphembed_ext.dgl as ours

from ..data import of_pyg
from ..harness import Benchmark, summary

HIDDEN, EPOCHS, LR, DECAY, DROPOUT = 16, 200, 0.01, 5e-4, 0.5


class Example(nn.Module):
    """Two layers of a class, dropout before each."""

    def __init__(self, layer, sizes):
        super().__init__()
        self.layers = nn.ModuleList(layer(size, out, "gcn") for size, out in pairwise(sizes))

    def forward(self, graph, x):
        """Class scores."""
        first, second = self.layers
        hidden = F.relu(first(graph, F.dropout(x, DROPOUT, self.training)))
        return second(graph, F.dropout(hidden, DROPOUT, self.training))


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--sets", nargs="+", default=["Cora", "PubMed"], choices=["Cora", "PubMed"])


def main(options: argparse.Namespace, recorder):
    import dgl

    results, path = {}, None
    for name in options.sets:
        data = of_pyg("Planetoid", name)
        x = F.normalize(data.x, p=1)
        graph = dgl.add_self_loop(dgl.graph(tuple(data.edge_index), num_nodes=data.num_nodes))
        rows = results[name] = {}
        for row, layer in (("DGL", dgl.nn.SAGEConv), ("ours", ours.SAGEConv)):
            runs = [trained(layer, graph, x, data, seed, options.epochs) for seed in range(options.seeds)]
            rows[row] = {"runs": runs, "most": max(run["test"] for run in runs)} | summary(runs, ("test",))
            print(f"{name}, {row}: {rows[row]['test']:.2f} ± {rows[row]['test_deviation']:.2f}", flush=True)
            path = recorder.save(results, hidden=HIDDEN, lr=LR, weight_decay=DECAY, dropout=DROPOUT, **vars(options))
    return path


def trained(layer, graph, x, data, seed, epochs):
    """Test accuracy in per cent after the last epoch."""
    torch.manual_seed(seed)
    model = Example(layer, (x.size(1), HIDDEN, int(data.y.max()) + 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=LR, weight_decay=DECAY)
    for _ in range(epochs):
        loss = F.cross_entropy(model(graph, x)[data.train_mask], data.y[data.train_mask])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        right = model(graph, x).argmax(1) == data.y
    return {"seed": seed, "test": 100 * float(right[data.test_mask].float().mean())}


QUICK = {"seeds": 2, "epochs": 3, "sets": ["Cora"]}
BENCHMARKS = [Benchmark("dgl_example", main, options, quick=QUICK)]
