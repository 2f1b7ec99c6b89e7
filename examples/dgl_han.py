"""DGL's HAN example with its layer imported instead of written out: the network and the training loop are DGL's.

python examples/dgl_han.py
"""

from __future__ import annotations

import torch
from torch import nn

from graphembed_ext.dgl import HANConv  # isort: skip  # was: class HANLayer, made of dgl.nn.GATConv
import dgl


class HAN(nn.Module):
    def __init__(self, metadata, in_size, hidden_size, out_size, num_heads, dropout):
        super().__init__()
        self.layers = nn.ModuleList()
        for size, heads in zip([in_size, *(hidden_size * h for h in num_heads[:-1])], num_heads, strict=True):
            options = {"dropout": dropout, "architecture": "dgl"}
            self.layers.append(HANConv(size, hidden_size * heads, metadata, heads, **options))
        self.predict = nn.Linear(hidden_size * num_heads[-1], out_size)

    def forward(self, g, h):
        for gnn in self.layers:
            h = gnn(g, h)
        return self.predict(h)


def papers(count: int = 120) -> tuple[dgl.DGLGraph, torch.Tensor, torch.Tensor]:
    """Papers of three fields; those of a field share authors and, less so, subjects."""
    draw = torch.Generator().manual_seed(0)
    field = torch.arange(count) % 3
    author = torch.randint(10, (count,), generator=draw) * 3 + field
    subject = torch.where(torch.rand(count, generator=draw) < 0.7, field, torch.randint(3, (count,), generator=draw))
    edges = {
        ("paper", name, "paper"): tuple((shared[:, None] == shared).nonzero().t())
        for name, shared in (("PAP", author), ("PSP", subject))
    }
    features = torch.nn.functional.one_hot(field, 3) + torch.randn(count, 3, generator=draw)
    return dgl.heterograph(edges, {"paper": count}), features, field


def main(num_epochs: int = 40) -> float:
    torch.manual_seed(0)
    g, features, labels = papers()
    train_mask = torch.arange(len(labels)) % 4 == 0
    model = HAN((g.ntypes, g.canonical_etypes), features.shape[1], 8, 3, num_heads=[4], dropout=0.6)
    loss_fcn = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005, weight_decay=0.001)
    for epoch in range(num_epochs):
        model.train()
        logits = model(g, features)
        loss = loss_fcn(logits[train_mask], labels[train_mask])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1:>3}  loss {loss.item():.3f}")
    model.eval()
    with torch.no_grad():
        logits = model(g, features)
    accuracy = float((logits[~train_mask].argmax(1) == labels[~train_mask]).float().mean())
    print(f"accuracy {accuracy:.3f}")
    return accuracy


if __name__ == "__main__":
    main()
