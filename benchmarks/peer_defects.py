"""Hand-made graphs on which the peers' MetaPath2Vec is wrong and this package's is right, side by side.

Usage: python benchmarks/peer_defects.py

The tests in tests/test_peer_metapath2vec.py assert the same.
"""

from __future__ import annotations

import torch

import graphembed_ext as ge
from graphembed_ext import pyg

CHAIN = {(f"n{k}", f"e{k}", f"n{k + 1}"): torch.zeros(2, 1, dtype=torch.int64) for k in range(4)}
DEAD_END = {("a", "to", "b"): torch.tensor([[0], [0]]), ("b", "back", "a"): torch.tensor([[1], [1]])}
DEAD_END_NODES = {"a": 3, "b": 2}
STAR = {("author", "writes", "paper"): torch.stack([torch.zeros(200, dtype=torch.int64), torch.arange(200)])}
SHARED = {("a", "to", "b"): torch.tensor([[0, 1], [1, 0]]), ("b", "to", "a"): torch.tensor([[0, 1], [1, 0]])}


def attempt(run) -> str:
    try:
        return str(run())
    except Exception as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0][:90]}"


def pairs(model, starts) -> list[tuple[int, int]]:
    return sorted(zip(*(part.tolist() for part in model.sample(torch.tensor(starts))[:2]), strict=True))


def show(title: str, **rows: str) -> None:
    print(title)
    for name, value in rows.items():
        print(f"  {name:<5} {value}")
    print()


def main() -> None:
    import dgl.nn.pytorch.network_emb as peer_dgl
    import torch_geometric.nn as peer_pyg

    peer_dgl.trange = range

    def both(edges, path, window, num_nodes=None):
        view = ge.view(edges) if num_nodes is None else ge.view(edges, num_nodes=num_nodes)
        graph = ge.to_host(view, "dgl")
        ours = ge.MetaPath2Vec(graph, path, window, emb_dim=4, seed=0)
        return ours, peer_dgl.MetaPath2Vec(graph, path, window, emb_dim=4)

    ours, peer = both(CHAIN, ["e0", "e1", "e2", "e3"], 2)
    wanted = [(i, j) for i in range(5) for j in range(5) if 0 < abs(i - j) <= 2]
    differ = {name: pairs(model, [0]) for name, model in (("dgl", peer), ("ours", ours))}
    show(
        "A walk 0-1-2-3-4, window 2: every pair at most 2 apart, both ways.",
        **{
            name: f"wrong {sorted(set(found) - set(wanted))}, missing {sorted(set(wanted) - set(found))}"
            for name, found in differ.items()
        },
    )
    ours, peer = both(DEAD_END, ["to", "back"], 2, DEAD_END_NODES)
    show(
        "A walk that ends: a0 -> b0 (row 3), nothing further. Its only pairs are (0, 3) and (3, 0).",
        dgl=str(pairs(peer, [0])),
        ours=str(pairs(ours, [0])),
    )
    single = torch.tensor([0]), torch.tensor([3]), torch.tensor([[4]])
    show(
        "A batch of a single pair with one noise node: its loss is 2 ln 2 = 1.3863.",
        dgl=attempt(lambda: round(peer(*single).item(), 4)),
        ours=attempt(lambda: round(ours(*single).item(), 4)),
    )
    ours, peer = both(STAR, ["writes"], 1)
    show(
        "An author with 200 papers, all as likely to be visited: how many of them can be noise.",
        dgl=str(int((peer.neg_prob[1:] > 0).sum())),
        ours=str(int((ours.neg_prob[1:] > 0).sum())),
    )
    shared = ge.to_host(ge.view(SHARED), "dgl")
    triples = list(SHARED)
    show(
        "Two edge types that share a name, as a name and as triples.",
        dgl=attempt(lambda: peer_dgl.MetaPath2Vec(shared, ["to", "to"], 1)),
        dgl3=attempt(lambda: f"{len(pairs(peer_dgl.MetaPath2Vec(shared, triples, 1), [0]))} pairs"),
        ours=attempt(lambda: ge.MetaPath2Vec(shared, ["to", "to"], 1)),
        ours3=attempt(lambda: f"{len(pairs(ge.MetaPath2Vec(shared, triples, 1), [0]))} pairs"),
    )
    options = {"walk_length": 2, "context_size": 3, "num_nodes_dict": DEAD_END_NODES}
    rows = {}
    for name, model in (
        ("pyg", peer_pyg.MetaPath2Vec(DEAD_END, 4, list(DEAD_END), **options)),
        ("ours", pyg.MetaPath2Vec(DEAD_END, 4, list(DEAD_END), **options, seed=0)),
    ):
        windows = (model._pos_sample if name == "pyg" else model.pos_sample)(torch.tensor([0]))
        model.loss(windows, windows[:0] if name == "ours" else windows).backward()
        touched = bool(model.embedding.weight.grad[model.dummy_idx].abs().sum() > 0)
        rows[name] = f"windows {windows.tolist()}, row {model.dummy_idx} (no node) trained: {touched}"
    show("The same walk that ends, in PyG's conventions.", **rows)
    edges = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    show(
        "node2vec with p = 0.5, q = 2.",
        pyg=attempt(lambda: peer_pyg.Node2Vec(edges, 4, 5, 3, p=0.5, q=2.0)),
        ours=attempt(lambda: pyg.Node2Vec(edges, 4, 5, 3, p=0.5, q=2.0, seed=0).pos_sample([0]).tolist()),
    )


if __name__ == "__main__":
    main()
