"""The classes that ours are compared with, where no package has them, or where theirs cannot be built as it stands."""

from __future__ import annotations

import warnings

import torch
import torch.nn.functional as F
from torch import nn


class HANExampleLayer(nn.Module):
    """The layer of DGL's HAN example, from dgl.nn.GATConv and the names and shapes of its state_dict."""

    def __init__(self, in_size, dim, heads, metapaths=2, dropout=0.0):
        from dgl.nn.pytorch import GATConv

        super().__init__()
        self.gat_layers = nn.ModuleList(
            GATConv(in_size, dim, heads, dropout, dropout, activation=F.elu, allow_zero_in_degree=True)
            for _ in range(metapaths)
        )
        self.semantic_attention = nn.Module()
        layers = nn.Linear(dim * heads, 128), nn.Tanh(), nn.Linear(128, 1, bias=False)
        self.semantic_attention.project = nn.Sequential(*layers)

    def forward(self, graphs, h):
        pairs = zip(self.gat_layers, graphs, strict=True)
        z = torch.stack([layer(graph, h).flatten(1) for layer, graph in pairs], dim=1)
        beta = torch.softmax(self.semantic_attention.project(z).mean(0), dim=0)
        return (beta.unsqueeze(0) * z).sum(1)


class HANExample(nn.Module):
    """DGL's HAN example."""

    def __init__(self, in_size, hidden, classes, heads, dropout=0.0):
        super().__init__()
        sizes = [in_size] + [hidden] * (len(heads) - 1)
        pairs = zip(sizes, heads, strict=True)
        self.layers = nn.ModuleList(HANExampleLayer(size, hidden // h, h, dropout=dropout) for size, h in pairs)
        self.predict = nn.Linear(hidden, classes)

    def forward(self, graphs, h):
        for layer in self.layers:
            h = layer(graphs, h)
        return self.predict(h)


class SkipGram(nn.Module):
    """OpenHGNN's, and that of DGL's examples."""

    def __init__(self, nodes, size):
        super().__init__()
        self.u_embeddings, self.v_embeddings = nn.Embedding(nodes, size), nn.Embedding(nodes, size)

    def forward(self, u, v, neg):
        score = (self.u_embeddings(u) * self.v_embeddings(v)).sum(1).clamp(-10, 10)
        noise = torch.bmm(self.v_embeddings(neg), self.u_embeddings(u).unsqueeze(2)).squeeze(2).clamp(-10, 10)
        return (-F.logsigmoid(score) - F.logsigmoid(-noise).sum(1)).mean()


class LightGCNPyTorch(nn.Module):
    """gusye1234's: two tables, the mean of all layers; on a dense adjacency of pairs of users and items."""

    pad = 0
    names = "embedding_user", "embedding_item"

    def __init__(self, pairs, users, items, size, layers):
        super().__init__()
        self.pairs, self.counts, self.layers = pairs, (users, items), layers
        for name, count in zip(self.names, self.counts, strict=True):
            setattr(self, name, nn.Embedding(count + self.pad, size))

    def scores(self):
        users, items = (getattr(self, name).weight[self.pad :] for name in self.names)
        count = len(users)
        touched = torch.zeros(self.counts)
        touched[self.pairs[0], self.pairs[1]] = 1
        adjacency = torch.zeros(2 * (sum(self.counts),))
        adjacency[:count, count:], adjacency[count:, :count] = touched, touched.t()
        root = adjacency.sum(1).clamp(min=1).rsqrt()
        vectors = [torch.cat([users, items])]
        for _ in range(self.layers):
            vectors.append(root[:, None] * adjacency @ (root[:, None] * vectors[-1]))
        mean = torch.stack(vectors).mean(0)
        return mean[:count] @ mean[count:].t()


class RecBole(LightGCNPyTorch):
    """RecBole's: row 0 is padding."""

    pad = 1
    names = "user_embedding", "item_embedding"


class PyGHAN(nn.Module):
    """That of PyG's examples."""

    def __init__(self, in_channels, hidden, classes, metadata, heads):
        from torch_geometric.nn import HANConv

        super().__init__()
        self.han_conv, self.lin = HANConv(in_channels, hidden, metadata, heads=heads), nn.Linear(hidden, classes)

    def forward(self, x, edges):
        return self.lin(self.han_conv(x, edges)["paper"])


class DGLSAGE(nn.Module):
    """That of DGL's examples."""

    def __init__(self, in_feats, hidden, classes, aggregator):
        from dgl.nn import SAGEConv

        super().__init__()
        self.layers = nn.ModuleList([SAGEConv(in_feats, hidden, aggregator), SAGEConv(hidden, classes, aggregator)])

    def forward(self, g, x):
        return self.layers[1](g, self.layers[0](g, x).relu())


def node2vec(nodes, size):
    """PyG's class cannot be built without pyg-lib, but its loss can be called."""
    from torch_geometric.nn import Node2Vec

    peer = Node2Vec.__new__(Node2Vec)
    nn.Module.__init__(peer)
    peer.embedding, peer.embedding_dim, peer.EPS = nn.Embedding(nodes, size), size, 1e-15
    return peer


def to_hetero(metadata, *sizes, **config):
    """What PyG makes of its GraphSAGE on typed graphs."""
    from torch_geometric.nn import GraphSAGE
    from torch_geometric.nn import to_hetero as convert

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch.fx
        return convert(GraphSAGE(*sizes, **config), metadata, aggr="sum")
