"""HAN beside PyG's HANConv and DGL's GATConv: forward and backward on ACM, time and memory; mini-batches at scale.

han: 4,019 papers with 1,902 features, the metapath adjacencies PAP and PSP (4.4 million edges), 8 heads of 8. A step is
the layer's output, the sum of its squares, and the gradients of all parameters. Each class runs in processes of its
own, which take turns; a process builds the graph, makes one step to warm up, and times ``--repeats`` more. Memory is
what a process held at most, and how much of it came after the graph and features were there. Before timing, outputs,
losses and gradients must be those of PyG's class, and those of the layer of DGL's example, to eight digits: in float64
and on a tenth of the edges, as in float32 their gradients lose all digits where they nearly cancel.

han_minibatch: papers with three authors and a venue each, both ways, so eight typed edges a paper; venues have a
thousand papers each, so PVP alone would have a thousand edges a paper. Features are noise around the field that a
paper's venue mostly has. Training walks along the metapaths from each node of a batch; its time counts where it has
learned the fields. For comparison, ``ge.metapath_edges`` with a cap makes all papers' neighbours.
"""

from __future__ import annotations

import argparse
from functools import cache

import torch

import graphembed_ext as ge

from .. import peers
from ..data import heco_acm
from ..harness import Benchmark, Case, Clock, Run, measure, medians

SEED = 0
HEADS, DIM = 8, 8
NAMES = ("ours", "pyg", "ours, DGL's example", "dgl, 2 GATConv")


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=3, help="processes of each class")
    parser.add_argument("--repeats", type=int, default=3, help="timed steps of each process")
    parser.add_argument("--share", type=float, default=1.0, help="share of the edges to keep, for a quick try")


def cases(options: argparse.Namespace) -> list[Case]:
    return [
        Case(
            "forward and backward",
            {name: lambda name=name: step(name, *graph_and_features(options.share)) for name in NAMES},
            check=lambda: check(options.share),
            repeats=options.repeats,
            rounds=options.rounds,
            ours=(NAMES[0], NAMES[2]),
        )
    ]


def graph_and_features(share):
    x, edges = heco_acm()
    if share < 1:
        draw = torch.Generator().manual_seed(SEED)
        edges = {t: e[:, torch.rand(e.size(1), generator=draw) < share] for t, e in edges.items()}
    return x, edges


def step(name, x, edges) -> Run:
    """Forward and backward of a class; the forward part has a time of its own."""
    model, inputs = layer(name, x, edges)

    def go():
        model.zero_grad()
        with Clock() as forward:
            outs = model(*inputs)
        sum(out.square().sum() for out in outs.values()).backward()
        return forward.seconds

    return Run(go, lambda seconds: {"forward": seconds})


def layer(name, x, edges):
    """A module, and what one call of it takes."""
    torch.manual_seed(SEED)
    metadata = ["paper"], list(edges)
    if name.startswith("ours"):
        architecture = "dgl" if "DGL" in name else "pyg"
        conv = ge.HANConv(x.size(1), HEADS * DIM, metadata, heads=HEADS, architecture=architecture)
        return conv, ({"paper": x}, edges)
    if name == "pyg":
        from torch_geometric.nn import HANConv

        return HANConv(x.size(1), HEADS * DIM, metadata, heads=HEADS), ({"paper": x}, edges)
    import dgl

    graphs = [dgl.graph(tuple(e), num_nodes=len(x)) for e in edges.values()]
    return TwoGATConv(x.size(1)), (graphs, x)


class TwoGATConv(torch.nn.Module):
    """What DGL's example computes before its semantic attention."""

    def __init__(self, channels):
        from dgl.nn.pytorch import GATConv

        super().__init__()
        layers = (
            GATConv(channels, DIM, HEADS, activation=torch.nn.functional.elu, allow_zero_in_degree=True)
            for _ in range(2)
        )
        self.gat_layers = torch.nn.ModuleList(layers)

    def forward(self, graphs, x):
        """Outputs of either metapath."""
        pairs = zip(self.gat_layers, graphs, strict=True)
        return {number: conv(graph, x).flatten(1) for number, (conv, graph) in enumerate(pairs)}


@cache
def check(share: float) -> dict[str, float]:
    """Largest relative differences from PyG's class and from the layer of DGL's example; they must be small."""
    x, edges = graph_and_features(min(share, 0.1))
    inputs = x.double(), edges
    return {
        "pyg": peers.check_same(peers.hanconv(torch.float64, inputs)),
        "dgl": peers.check_same(peers.dgl_han(torch.float64, inputs)),
    }


def main(options: argparse.Namespace, recorder):
    (case,) = cases(options)
    samples = measure(HAN, case, options)
    rows = {
        name: [
            {
                "step": run["seconds"], "forward": run["forward"], "peak": run["peak_mib"],
                "growth": run["peak_mib"] - run["held_mib"],
            }
            for run in found
        ]
        for name, found in samples.items()
    }  # fmt: skip
    middle = {key: medians(rows, key) for key in ("step", "forward", "peak", "growth")}
    results = {name: {key: values[name] for key, values in middle.items()} for name in rows}
    for key, values in middle.items():
        by_ours = {f"{NAMES[1]} / {NAMES[0]}": values[NAMES[1]] / values[NAMES[0]]}
        by_ours[f"{NAMES[3]} / {NAMES[2]}"] = values[NAMES[3]] / values[NAMES[2]]
        print(f"{key:<10}" + "   ".join(f"{name} {ratio:.1f}" for name, ratio in by_ours.items()))
    return recorder.save({"medians": results, "runs": rows, "largest_difference": check(options.share)})


FIELDS, CHANNELS, PER_VENUE = 8, 64, 1000
PATHS = {"PAP": ["by", "writes"], "PVP": ["in", "shows"]}


def minibatch_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--papers", type=int, default=1_000_000)
    parser.add_argument("--train", type=int, default=20_000, help="training nodes; half as many validate")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--fanout", type=int, default=20)


def minibatch_cases(options: argparse.Namespace) -> list[Case]:
    competitors = {"mini-batches": lambda: minibatches(options), "ge.metapath_edges": lambda: capped(options)}
    return [
        Case(
            "training", competitors, repeats=1, warm_ups=0, rounds=1, ours=tuple(competitors),
        )
    ]  # fmt: skip


def minibatches(options) -> Run:
    graph = typed_graph(options.papers)
    view = ge.view(graph)
    ge.HAN.for_graph(graph, 64, metapaths=PATHS, seed=SEED)
    count = options.train
    masks = {"train": torch.arange(count), "val": torch.arange(count, count * 3 // 2)}

    def go():
        model = ge.HAN.for_graph(graph, 64, metapaths=PATHS, dropout=0.2, seed=SEED)
        return ge.fit(
            model, view, masks=masks, epochs=options.epochs, batch_size=options.batch, fanouts=[options.fanout],
            lr=0.01, seed=SEED, progress=False,
        )  # fmt: skip

    def found(result):
        f1 = result.history[-1]["val_micro_f1"]
        if f1 < 2 / FIELDS:
            raise AssertionError(f"it does not learn the fields: Micro-F1 is {f1}, by chance {1 / FIELDS}")
        counts = {"typed_edges": view.total_edges, "metapath_edges": ways(view)}
        return {"samples": result.samples, "val_micro_f1": f1, **counts}

    return Run(go, found)


def capped(options) -> Run:
    view = ge.view(typed_graph(options.papers))
    return Run(
        lambda: ge.metapath_edges(view, PATHS, max_neighbors=options.fanout, seed=SEED),
        lambda graph: {"edges": graph.total_edges},
    )


def typed_graph(papers):
    """Edges, features and classes, as PyG's HeteroData."""
    from torch_geometric.data import HeteroData

    draw = torch.Generator().manual_seed(SEED)
    venues = max(FIELDS, papers // PER_VENUE)
    every = torch.arange(papers)
    venue = torch.randint(venues, (papers,), generator=draw)
    field = venue % FIELDS
    authors = torch.randint(papers // FIELDS, (papers, 3), generator=draw) * FIELDS + field.unsqueeze(1)
    data = HeteroData()
    data["paper"].x = torch.randn(papers, CHANNELS, generator=draw)
    data["paper"].x[every, field] += 1
    data["paper"].y = field
    data["author"].num_nodes, data["venue"].num_nodes = papers, venues
    written = torch.stack([every.repeat_interleave(3), authors.flatten()])
    shown = torch.stack([every, venue])
    for edge_type, edges in (
        (("paper", "by", "author"), written),
        (("author", "writes", "paper"), written.flip(0)),
        (("paper", "in", "venue"), shown),
        (("venue", "shows", "paper"), shown.flip(0)),
    ):
        data[edge_type].edge_index = edges
    return data


def ways(view):
    """Number of walks along both metapaths, an upper bound of their edges (for PVP the number)."""
    counts = (torch.bincount(view.edges["paper", name, to][1]) for name, to in (("by", "author"), ("in", "venue")))
    return sum(int((count**2).sum()) for count in counts)


def minibatch_main(options: argparse.Namespace, recorder):
    (case,) = minibatch_cases(options)
    samples = measure(HAN_MINIBATCH, case, options)
    (training,), (made,) = samples.values()
    found = {key: training[key] for key in ("typed_edges", "metapath_edges", "val_micro_f1", "seconds")}
    found |= {"graph_mib": training["held_mib"], "peak_mib": training["peak_mib"]}
    found["training_mib"] = training["peak_mib"] - training["held_mib"]
    found["nodes_per_second"] = training["samples"] / training["seconds"]
    return recorder.save(found | {"capped": {key: made[key] for key in ("edges", "seconds", "peak_mib")}})


HAN = Benchmark("han", main, options, cases, quick={"rounds": 1, "repeats": 1, "share": 0.05})
HAN_MINIBATCH = Benchmark(
    "han_minibatch", minibatch_main, minibatch_options, minibatch_cases,
    quick={"papers": 20_000, "train": 2_000, "epochs": 2, "batch": 256},
)  # fmt: skip
BENCHMARKS = [HAN, HAN_MINIBATCH]
