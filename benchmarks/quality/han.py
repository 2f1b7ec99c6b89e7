"""HAN's accuracy over seeds: ACM3025 with the paper's split, HGB's ACM and DBLP beside PyG's HANConv.

Every model is trained by ``ge.fit`` in the same loop with the recipe of DGL's example (hidden size 8, 8 heads, dropout
0.6, learning rate 0.005, weight decay 0.001, 200 epochs, patience 100); the epoch with the least loss on the
validation nodes is kept, and the test nodes are looked at once, with its weights. "pyg" is PyG's own HANConv under
the same linear classifier, from the same initial weights as "ours".

ACM3025: PAP and PLP, train 600, val 300, test 2,125. HGB's ACM: PAP and PSP, a fifth of the training papers
validating, tested on the half of the official test nodes whose labels are public. DBLP (MAGNN's): APA, APCPA and
APTPA, train 400, val 400, test 3,257. On the latter two, nodes have at most ``--max_neighbors`` neighbours along a
metapath, the same for both classes, as PyG's class takes gigabytes otherwise; "ours, all neighbours" has them all.
"""

from __future__ import annotations

import argparse
import statistics

from torch import nn
from torch_geometric.nn import HANConv

import graphembed_ext as ge

from ..data import acm3025, dblp_metapaths, hgb_acm
from ..harness import Benchmark, Clock, summary

RECIPE = {"lr": 0.005, "weight_decay": 0.001, "patience": 100, "progress": False}
CAPPED = {"acm": hgb_acm, "dblp": dblp_metapaths}


class PeerHAN(ge.HAN):
    """PyG's layer in the place of ours, with the same weights; the rest of the model and its training are one."""

    def inputs(self, view):
        """Features and edges as PyG takes them."""
        edges = {t: view.edge_index(t) for t in self.layers[0].metadata[1]}
        return {t: view.features[t]["x"] for t in self.layers[0].metadata[0]}, edges

    def logits(self, inputs):
        """Class scores."""
        (target,) = self.targets
        return {target: self.predict(self.layers[0](*inputs)[target])}

    @classmethod
    def for_graph(cls, graph, hidden_channels=64, *args, **config):
        """As ``ge.HAN.for_graph``."""
        model = super().for_graph(graph, hidden_channels, *args, **config)
        (ours,) = model.layers
        peer = HANConv(ours.in_channels, ours.out_channels, ours.metadata, ours.heads, dropout=ours.dropout)
        peer.load_state_dict(ours.state_dict())
        model.layers = nn.ModuleList([peer])
        return model


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--sets", nargs="+", default=["acm3025", *CAPPED], choices=["acm3025", *CAPPED])
    parser.add_argument("--max_neighbors", type=int, default=50)
    parser.add_argument("--rows", nargs="+", help="models to train; by default all")
    parser.add_argument("--add", action="store_true", help="keep the recorded results of other sets")


def graphs_of(name, options):
    """The graph of each row of a set."""
    if name == "acm3025":
        graph = acm3025()
        graphs = {"ours, DGL's example": graph, "ours": graph}
    else:
        few = CAPPED[name](options.max_neighbors)
        graphs = {"ours": few, "pyg": few, "ours, DGL's example": few, "ours, all neighbours": CAPPED[name](None)}
    return {row: graph for row, graph in graphs.items() if row in (options.rows or graphs)}


def main(options: argparse.Namespace, recorder):
    results = (recorder.read() or {"results": {}})["results"] if options.add else {}
    path = None
    for name in options.sets:
        graphs = graphs_of(name, options)
        rows = results[name] = {row: {"runs": []} for row in graphs}
        for seed in range(options.seeds):
            for row, graph in graphs.items():
                rows[row]["runs"].append(trained(row, graph, seed, options.epochs))
                rows[row] |= summary_of(rows[row]["runs"])
                path = recorder.save(results, **RECIPE, **vars(options))
            print(name, "seed", seed, *(f"{row}: {rows[row]['micro_f1']:.2f}" for row in rows), flush=True)
        show(name, rows)
    return path


def trained(row, graph, seed, epochs):
    kind = PeerHAN if row == "pyg" else ge.HAN
    architecture = "dgl" if "DGL" in row else "pyg"
    with Clock() as clock:
        model = kind.for_graph(graph, 64, heads=8, dropout=0.6, architecture=architecture, seed=seed)
        result = ge.fit(model, graph, epochs=epochs, seed=seed, **RECIPE)
    found = {
        "seed": seed,
        "micro_f1": 100 * result.metrics["test_micro_f1"],
        "macro_f1": 100 * result.metrics["test_macro_f1"],
        "best_epoch": result.best_epoch,
        "seconds": clock.seconds,
    }
    if row != "pyg":
        (target,) = model.targets
        found["semantic_attention"] = model.semantic_attention(graph)[target]
    return found


def summary_of(runs):
    found = summary(runs, ("micro_f1", "macro_f1"))
    if "semantic_attention" in runs[0]:
        paths = runs[0]["semantic_attention"]
        found["semantic_attention"] = {
            path: statistics.mean(run["semantic_attention"][path] for run in runs) for path in paths
        }
    return found


def show(name, rows):
    print(f"{name:<24}{'Micro-F1':>16}{'Macro-F1':>16}{'s a run':>10}  attention to metapaths")
    for row, found in rows.items():
        seconds = statistics.median(run["seconds"] for run in found["runs"])
        attention = ", ".join(f"{path} {share:.2f}" for path, share in found.get("semantic_attention", {}).items())
        cells = (f"{found[key]:.2f} ± {found[key + '_deviation']:.2f}" for key in ("micro_f1", "macro_f1"))
        print(f"{row:<24}" + "".join(f"{cell:>16}" for cell in cells) + f"{seconds:>10.1f}  {attention}", flush=True)


BENCHMARKS = [Benchmark("han_quality", main, options, quick={"seeds": 1, "epochs": 3, "sets": ["acm3025"]})]
