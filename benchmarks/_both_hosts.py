"""Real graphs built twice, by DGL's own constructors and by PyG's, with their edges and types in another order."""

from __future__ import annotations

import torch

import benchmarks._gowalla as _gowalla
import benchmarks.data as _han
import graphembed_ext as ge
from graphembed_ext.graph.view import NODE_TYPE


def dgl_graph(view):
    """A view's graph by DGL's constructors, its edges shuffled and its types in reverse order."""
    import dgl

    draw = torch.Generator().manual_seed(0)
    edges, orders = {}, {}
    for edge_type, (src, dst) in reversed(view.edges.items()):
        orders[edge_type] = torch.randperm(len(src), generator=draw)
        edges[edge_type] = src[orders[edge_type]], dst[orders[edge_type]]
    if view.is_typed:
        graph = dgl.heterograph(edges, num_nodes_dict=dict(reversed(view.num_nodes.items())))
    else:
        graph = dgl.graph(next(iter(edges.values())), num_nodes=view.total_nodes)
    for node_type, features in view.features.items():
        for name, value in features.items():
            graph.nodes[node_type].data[{"x": "feat", "y": "label"}.get(name, name)] = value
    for edge_type, features in view.edge_features.items():
        for name, value in features.items():
            graph.edges[edge_type].data[name] = value[orders[edge_type]]
    return graph


def pyg_graph(view):
    """A view's graph by PyG's constructors, its edges in the order of the data set."""
    from torch_geometric.data import Data, HeteroData

    if not view.is_typed:
        return Data(edge_index=view.edge_index(), num_nodes=view.total_nodes, **view.features[NODE_TYPE])
    graph = HeteroData()
    for node_type, count in view.num_nodes.items():
        graph[node_type].num_nodes = count
        for name, value in view.features[node_type].items():
            graph[node_type][name] = value
    for edge_type in view.edges:
        graph[edge_type].edge_index = view.edge_index(edge_type)
    return graph


def cora():
    from torch_geometric.datasets import Planetoid

    return ge.view(_han._loaded(lambda root: Planetoid(root, "Cora"), "Planetoid"))


def dblp():
    from torch_geometric.datasets import DBLP

    data = _han._loaded(DBLP, "DBLP")
    return ge.view(
        {t: data[t].edge_index for t in data.edge_types}, num_nodes={t: data[t].num_nodes for t in data.node_types}
    )


def gowalla():
    return _gowalla.graph(_gowalla.pairs("train"))


#: Data set and arguments of each model.
MODELS = {
    "deepwalk": ("Cora", cora, {}),
    "metapath2vec": (
        "DBLP",
        dblp,
        {
            "metapath": [
                ("author", "to", "paper"),
                ("paper", "to", "conference"),
                ("conference", "to", "paper"),
                ("paper", "to", "author"),
            ],
            "walk_length": 21,
            "window_size": 5,
        },
    ),
    "graphsage": ("Cora", cora, {"hidden_channels": 64, "dropout": 0.5}),
    "han": ("ACM", _han.acm3025, {"hidden_channels": 64, "heads": 8, "steps": 3}),
    "lightgcn": ("Gowalla", gowalla, {"embedding_dim": 64, "num_layers": 3}),
}
