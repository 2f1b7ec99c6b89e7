"""PyG's MetaPath2Vec script on HeteroData with one import line changed.

python examples/pyg_metapath2vec.py
"""

from __future__ import annotations

import torch
from torch_geometric.data import HeteroData

from graphembed_ext.pyg import MetaPath2Vec  # was: from torch_geometric.nn import MetaPath2Vec


def library() -> HeteroData:
    """Authors of two fields who publish at the venues of their field."""
    draw = torch.Generator().manual_seed(0)
    data = HeteroData()
    data["author"].y = torch.arange(60) % 2
    data["author"].num_nodes, data["venue"].num_nodes = 60, 8
    author = torch.arange(60).repeat_interleave(4)
    venue = torch.randint(4, (len(author),), generator=draw) * 2 + data["author"].y[author]
    data["author", "publishes", "venue"].edge_index = torch.stack([author, venue])
    data["venue", "has", "author"].edge_index = torch.stack([venue, author])
    return data


def main(epochs: int = 10) -> float:
    torch.manual_seed(0)
    data = library()
    metapath = [("author", "publishes", "venue"), ("venue", "has", "author")]
    model = MetaPath2Vec(
        data.edge_index_dict,
        embedding_dim=16,
        metapath=metapath,
        walk_length=20,
        context_size=5,
        walks_per_node=5,
        num_negative_samples=5,
        sparse=True,
    )
    loader = model.loader(batch_size=32, shuffle=True)
    optimizer = torch.optim.SparseAdam(list(model.parameters()), lr=0.05)
    for epoch in range(1, epochs + 1):
        total = 0.0
        for pos_rw, neg_rw in loader:
            optimizer.zero_grad()
            loss = model.loss(pos_rw, neg_rw)
            loss.backward()
            optimizer.step()
            total += loss.item()
        if epoch % 5 == 0:
            print(f"epoch {epoch:>3}  loss {total / len(loader):.3f}")
    z, y = model("author").detach(), data["author"].y
    accuracy = model.test(z[:30], y[:30], z[30:], y[30:])
    print(f"accuracy {accuracy:.3f}")
    return accuracy


if __name__ == "__main__":
    main()
