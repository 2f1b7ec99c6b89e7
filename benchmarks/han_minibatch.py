"""HAN in mini-batches on a graph whose metapath neighbours would fit nowhere: memory and time.

Usage: python benchmarks/han_minibatch.py [--papers N] [--train T] [--epochs E]

Papers with three authors and a venue each, both ways, so eight typed edges a paper; venues have a thousand papers each,
so PVP alone would have a thousand edges a paper. Features are noise around the field that a paper's venue mostly has.
Training walks along the metapaths from each node of a batch. Memory is what the process has held at most, and what of
it came on top of the graph. For comparison, ``ge.metapath_edges`` with a cap then makes all papers' neighbours.
"""

from __future__ import annotations

import argparse
import time

import psutil
import torch

import graphembed_ext as ge
from benchmarks.harness import peak_memory, save

SEED = 0
FIELDS, CHANNELS, PER_VENUE = 8, 64, 1000
PATHS = {"PAP": ["by", "writes"], "PVP": ["in", "shows"]}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--papers", type=int, default=1_000_000)
    parser.add_argument("--train", type=int, default=20_000, help="training nodes; half as many validate")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--fanout", type=int, default=20)
    args = parser.parse_args()
    graph = typed_graph(args.papers)
    view = ge.view(graph)
    ge.HAN.for_graph(graph, 64, metapaths=PATHS, seed=SEED)
    graph_memory, typed_edges = psutil.Process().memory_info().rss, view.total_edges
    began = time.perf_counter()
    model = ge.HAN.for_graph(graph, 64, metapaths=PATHS, dropout=0.2, seed=SEED)
    masks = {"train": torch.arange(args.train), "val": torch.arange(args.train, args.train * 3 // 2)}
    result = ge.fit(
        model,
        view,
        masks=masks,
        epochs=args.epochs,
        batch_size=args.batch,
        fanouts=[args.fanout],
        lr=0.01,
        seed=SEED,
        progress=False,
    )
    seconds = time.perf_counter() - began
    trained = peak_memory()
    began = time.perf_counter()
    capped = ge.metapath_edges(view, PATHS, max_neighbors=args.fanout, seed=SEED)
    found = {
        "typed_edges": typed_edges,
        "metapath_edges": ways(view),
        "graph_mib": graph_memory / 2**20,
        "peak_mib": trained / 2**20,
        "training_mib": (trained - graph_memory) / 2**20,
        "seconds": seconds,
        "nodes_per_second": result.samples / seconds,
        "val_micro_f1": result.history[-1]["val_micro_f1"],
        "capped": {
            "edges": capped.total_edges,
            "seconds": time.perf_counter() - began,
            "peak_mib": peak_memory() / 2**20,
        },
    }
    for name, value in found.items():
        print(f"{name:<20}{value if isinstance(value, dict) else f'{value:,.1f}'}")
    print(save("han_minibatch", SEED, found, **vars(args)))


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


if __name__ == "__main__":
    main()
