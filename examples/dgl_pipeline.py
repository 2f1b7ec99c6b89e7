"""A DGL training script with one import line changed: DGL's DeepWalk becomes this package's.

python examples/dgl_pipeline.py
"""

from __future__ import annotations

import networkx as nx
import torch
from torch.optim import SparseAdam
from torch.utils.data import DataLoader

from graphembed_ext.dgl import DeepWalk  # isort: skip  # was: from dgl.nn import DeepWalk
import dgl


def main(num_epochs: int = 20) -> dgl.DGLGraph:
    torch.manual_seed(0)
    g = dgl.from_networkx(nx.karate_club_graph())
    model = DeepWalk(g, emb_dim=32, walk_length=20)
    dataloader = DataLoader(torch.arange(g.num_nodes()), batch_size=8, shuffle=True, collate_fn=model.sample)
    optimizer = SparseAdam(model.parameters(), lr=0.025)
    for epoch in range(num_epochs):
        total = 0.0
        for batch_walk in dataloader:
            loss = model(batch_walk)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1:>3}  loss {total / len(dataloader):.3f}")
    g.ndata["emb"] = model.node_embed.weight.detach()
    return g


if __name__ == "__main__":
    print(main())
