"""Graphs as plain specifications, built on either host."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

import graphembed_ext as ge
from graphembed_ext.graph.view import EDGE_TYPE, NODE_TYPE


@dataclass
class Spec:
    """A graph in plain Python: node counts, edges, features."""

    num_nodes: dict = field(default_factory=dict)
    edges: dict = field(default_factory=dict)
    features: dict = field(default_factory=dict)
    edge_features: dict = field(default_factory=dict)

    @classmethod
    def untyped(cls, num_nodes, pairs, **edge_features):
        return cls(
            {NODE_TYPE: num_nodes},
            {EDGE_TYPE: tuple(map(list, zip(*pairs, strict=True))) if pairs else ([], [])},
            edge_features={EDGE_TYPE: edge_features},
        )


def build_dgl(spec):
    import dgl

    if list(spec.num_nodes) == [NODE_TYPE]:
        src, dst = spec.edges[EDGE_TYPE]
        graph = dgl.graph((torch.tensor(src).long(), torch.tensor(dst).long()), num_nodes=spec.num_nodes[NODE_TYPE])
    else:
        edges = {t: (torch.tensor(s).long(), torch.tensor(d).long()) for t, (s, d) in spec.edges.items()}
        graph = dgl.heterograph(edges, num_nodes_dict=spec.num_nodes)
    for node_type, features in spec.features.items():
        for name, value in features.items():
            graph.nodes[node_type].data[name] = torch.tensor(value)
    for edge_type, features in spec.edge_features.items():
        for name, value in features.items():
            graph.edges[edge_type].data[name] = torch.tensor(value)
    return graph


def build_pyg(spec):
    from torch_geometric.data import Data, HeteroData

    if list(spec.num_nodes) == [NODE_TYPE]:
        graph = Data(edge_index=torch.tensor(spec.edges[EDGE_TYPE]).long(), num_nodes=spec.num_nodes[NODE_TYPE])
        stores = {NODE_TYPE: graph, EDGE_TYPE: graph}
    else:
        graph = HeteroData()
        for node_type, count in spec.num_nodes.items():
            graph[node_type].num_nodes = count
        for edge_type, edges in spec.edges.items():
            graph[edge_type].edge_index = torch.tensor(edges).long()
        stores = graph
    for group in (spec.features, spec.edge_features):
        for key, features in group.items():
            for name, value in features.items():
                stores[key][name] = torch.tensor(value)
    return graph


BUILDERS = {"dgl": build_dgl, "pyg": build_pyg}


def agree(first, second):
    """Whether two models hold the same parameters, bit for bit."""
    pairs = zip(first.state_dict().items(), second.state_dict().items(), strict=True)
    return all(a == b and torch.equal(x, y) for (a, x), (b, y) in pairs)


def view_spec(spec):
    return ge.view(build_pyg(spec))
