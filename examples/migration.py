"""From DGL to PyG in the middle of a training: graph, weights and optimiser move, the result is that of no break.

python examples/migration.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import networkx as nx
import torch
from torch.optim import SparseAdam

import graphembed_ext as ge  # isort: skip  # first: it makes "import dgl" work on current torch
import dgl

CONFIG = {"emb_dim": 32, "walk_length": 20, "engine": "torch", "seed": 0}


def train(model, optimizer, first: int, last: int) -> None:
    """The epochs from ``first`` to ``last``; what an epoch draws depends on its number alone."""
    loader = model.loader(seed=0, batch_size=8)
    loader.epoch = first
    for epoch in range(first, last):
        for number, walks in enumerate(loader):
            loss = model.loss(walks, stream=1000 * epoch + number)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(f"epoch {epoch + 1}  loss {loss.item():.6f}")


def in_dgl(folder: Path, epochs: int) -> None:
    """Before: train on a DGLGraph, and leave three files."""
    g = dgl.from_networkx(nx.karate_club_graph())
    model = ge.DeepWalk(g, **CONFIG)
    optimizer = SparseAdam(model.parameters(), lr=0.025)
    train(model, optimizer, 0, epochs)
    dgl.save_graphs(str(folder / "graph.bin"), [g])
    ge.checkpoint.save(model, folder / "weights.safetensors", layout="dgl.DeepWalk")
    torch.save(optimizer.state_dict(), folder / "optimizer.pt")


def in_pyg(folder: Path, first: int, last: int):
    """After: the same graph as PyG's Data, the weights as DGL's class has them, and on."""
    g = dgl.load_graphs(str(folder / "graph.bin"))[0][0]
    data = ge.to_host(g, "pyg")
    report = ge.parity.report("deepwalk", g, data, **{k: v for k, v in CONFIG.items() if k != "seed"})
    assert report.ok, report
    print(f"{len(report.rows)} comparisons of the two graphs: identical, bit for bit")
    model = ge.DeepWalk(data, **CONFIG)
    ge.checkpoint.load(model, folder / "weights.safetensors")
    optimizer = SparseAdam(model.parameters(), lr=0.025)
    optimizer.load_state_dict(torch.load(folder / "optimizer.pt", weights_only=True))
    train(model, optimizer, first, last)
    return ge.embed(model)


def main(epochs: int = 6) -> bool:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums on several threads may round otherwise
    try:
        with tempfile.TemporaryDirectory() as folder:
            in_dgl(Path(folder), epochs // 2)
            moved = in_pyg(Path(folder), epochs // 2, epochs)
        print("without a break, in DGL:")
        model = ge.DeepWalk(dgl.from_networkx(nx.karate_club_graph()), **CONFIG)
        train(model, SparseAdam(model.parameters(), lr=0.025), 0, epochs)
    finally:
        torch.set_num_threads(threads)
    same = torch.equal(moved.tensor, ge.embed(model).tensor)
    assert same
    print("the same embeddings, bit for bit:", same)
    return same


if __name__ == "__main__":
    main()
