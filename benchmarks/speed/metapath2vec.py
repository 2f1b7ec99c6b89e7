"""MetaPath2Vec beside dgl.nn.MetaPath2Vec and PyG's: constructor, first batch, one epoch.

Usage: python benchmarks/metapath2vec.py [--nodes N] [--repeats R]

One epoch is one walk from every start node, sampled by the DataLoader each class is made for and trained with
SparseAdam by its own loss. Before timing, the loss of equal batches under equal weights must be the peers'.
"""

from __future__ import annotations

import argparse

import torch
from torch.optim import SparseAdam
from torch.utils.data import DataLoader

import graphembed_ext as ge
from benchmarks.harness import alternating, save
from graphembed_ext import pyg

SEED = 0
#: Passes of a timed fit over all start nodes: a second of work or so.
FIT_EPOCHS = 4


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--nodes", type=int, default=20_000, help="start nodes; as many of the other type")
    parser.add_argument("--steps", type=int, default=20, help="steps of the metapath")
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--window", type=int, default=5)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--epoch_nodes", type=int, default=2_000, help="start nodes of the timed epoch")
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    import dgl.nn.pytorch.network_emb as peer_dgl
    import torch_geometric.nn as peer_pyg

    peer_dgl.trange = range  # its progress bar is no part of its work
    generator = torch.Generator().manual_seed(SEED)
    edges = torch.randint(0, args.nodes, (2, 10 * args.nodes), generator=generator)
    typed = {("a", "to", "b"): edges, ("b", "back", "a"): edges.flip(0)}
    data = ge.view(typed, num_nodes={"a": args.nodes, "b": args.nodes})
    graph = ge.to_host(data, "dgl")
    path = ["to", "back"] * (args.steps // 2)
    triples = [*typed] * (args.steps // 2)
    options = {"emb_dim": args.dim, "negative_size": 5}

    def build_ours():
        return ge.MetaPath2Vec(graph, path, args.window, **options, seed=SEED)

    def build_dgl():
        return peer_dgl.MetaPath2Vec(graph, path, args.window, **options)

    windows = {"walk_length": args.steps, "context_size": args.window + 1, "num_negative_samples": 5, "sparse": True}

    def build_ours_pyg():
        return pyg.MetaPath2Vec(typed, args.dim, triples, **windows, num_nodes_dict=data.num_nodes, seed=SEED)

    def build_pyg():
        return peer_pyg.MetaPath2Vec(typed, args.dim, triples, **windows, num_nodes_dict=dict(data.num_nodes))

    built = {"ours": build_ours(), "dgl": build_dgl(), "ours, PyG's": build_ours_pyg(), "pyg": build_pyg()}
    check(built)

    first = torch.arange(args.batch)
    constructors = alternating(
        {
            "ours": build_ours,
            "ours, with a first batch": lambda: build_ours().sample(first),
            "dgl": build_dgl,
            "ours, PyG's": build_ours_pyg,
            "ours, PyG's, with a first batch": lambda: build_ours_pyg().sample(first),
            "pyg": build_pyg,
        },
        args.repeats,
    )
    starts = torch.arange(min(args.epoch_nodes, args.nodes))

    def epoch(name):
        model = built[name]
        sample = model._sample if name == "pyg" else model.sample
        step = model.loss if "yg" in name.lower() else model
        optimizer = SparseAdam(list(model.parameters()), lr=0.01)
        for batch in DataLoader(starts, batch_size=args.batch, shuffle=True, collate_fn=stacked(sample)):
            loss = step(*batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    fitted = {"ours, by fit": built["ours"]}
    fitted["ours, by fit, own walks"] = ge.MetaPath2Vec(graph, path, args.window, **options, seed=SEED, engine="torch")
    tokens_of_fit = {}

    def fit(name):
        tokens_of_fit[name] = ge.fit(fitted[name], epochs=FIT_EPOCHS, lr=0.01, progress=False).tokens

    for name in fitted:
        fit(name)  # compiles, or reads what was compiled
    runs = {name: lambda name=name: epoch(name) for name in built}
    epochs = alternating(runs | {name: lambda name=name: fit(name) for name in fitted}, args.repeats)
    tokens = len(starts) * (args.steps + 1)
    print(f"{'constructor':<34}{'seconds':>10}")
    for name, seconds in constructors.items():
        print(f"{name:<34}{seconds:>10.4f}")
    print(
        f"dgl / ours {constructors['dgl'] / constructors['ours']:.0f}x, with a first batch "
        f"{constructors['dgl'] / constructors['ours, with a first batch']:.0f}x"
    )
    print(f"{'epoch':<34}{'tokens/s':>10}")
    rates = {name: tokens_of_fit.get(name, tokens) / seconds for name, seconds in epochs.items()}
    for name, rate in rates.items():
        print(f"{name:<34}{rate:>10.0f}")
    for peer, mine in (("dgl", "ours"), ("pyg", "ours, PyG's")):
        by_fit, own = (rates[name] / rates[peer] for name in fitted)
        print(f"{peer}: ours in its loop {rates[mine] / rates[peer]:.1f}x, by fit {by_fit:.1f}x, own walks {own:.1f}x")
    print(save("metapath2vec", SEED, {"constructor_seconds": constructors, "tokens_per_second": rates}, **vars(args)))


def stacked(sample):
    return lambda batch: sample(torch.stack(list(batch)))


def check(built) -> None:
    """Equal weights and batches must give the peers' losses."""
    for mine, peer in (("ours", "dgl"), ("ours, PyG's", "pyg")):
        built[peer].load_state_dict(built[mine].state_dict(), strict=True)
        batch = built[mine].sample(torch.arange(16))
        step = [built[name].loss if peer == "pyg" else built[name] for name in (mine, peer)]
        torch.testing.assert_close(step[0](*batch), step[1](*batch))


if __name__ == "__main__":
    main()
