"""The contract of a layer, see tests/cases.py, for each layer of either host."""

from __future__ import annotations

from typing import ClassVar

import torch

import graphembed_ext as ge
from graphembed_ext.nn.lgconv import LGConv
from tests.cases import LayerCase, Variant
from tests.graphs import METADATA, typed_edges, typed_features

NODES, WIDE = 12, 6
FAR = torch.tensor([[0], [NODES]])
NEGATIVE = torch.tensor([[-1], [0]])


def some_edges(nodes=NODES, number=40):
    """Sorted by target, as PyG's LSTM needs them; the last two nodes get none."""
    draw = torch.Generator().manual_seed(1)
    src = torch.randint(nodes, (number,), generator=draw)
    return torch.stack([src, torch.randint(nodes - 2, (number,), generator=draw).sort().values])


class OneTypeCase(LayerCase):
    isolated: ClassVar = [NODES - 2, NODES - 1]

    def features(self):
        return [torch.randn(NODES, WIDE, dtype=torch.float64, generator=torch.Generator().manual_seed(0))]

    def edges(self):
        return [some_edges()]

    def call(self, layer, features, edges):
        return layer(features[0], edges[0])


class TestSAGEConv(OneTypeCase):
    layers = (ge.pyg.SAGEConv,)
    variants: ClassVar = [
        Variant("mean"),
        Variant("narrow", {"out_channels": 2}),
        Variant("sum", {"aggr": "sum"}),
        Variant("gcn", {"aggr": "gcn"}),
        Variant("max", {"aggr": "max"}),
        Variant("pool", {"aggr": "pool"}),
        Variant("project", {"project": True}),
        Variant("no root", {"root_weight": False, "bias": False}),
    ]
    bad_calls: ClassVar = [
        (lambda layer, x, edges: layer(x[0], FAR), "edge_index: got destination id 12; expected ids from 0 to 11"),
        (lambda layer, x, edges: layer(x[0], NEGATIVE), "edge_index: got source id -1"),
        (lambda layer, x, edges: layer(x[0], edges[0], edge_weight=torch.ones(3)), "edge_weight: got"),
    ]

    def make(self, **config):
        return ge.pyg.SAGEConv(WIDE, **{"out_channels": 9, **config})


class TestLGConv(OneTypeCase):
    layers = (LGConv,)
    variants: ClassVar = [Variant("normalised"), Variant("sums", {"normalize": False})]
    bad_calls: ClassVar = [
        (lambda layer, x, edges: layer(x[0], FAR), "edge_index: got destination id 12; expected ids from 0 to 11"),
        (lambda layer, x, edges: layer(x[0], NEGATIVE), "edge_index: got source id -1"),
        (lambda layer, x, edges: layer(x[0], edges[0], torch.ones(3)), r"edge_weight: got shape \(3,\)"),
    ]

    def make(self, **config):
        return LGConv(**config)


def dgl_graph(edges):
    import dgl

    return dgl.graph(tuple(edges), num_nodes=NODES)


class TestSAGEConvOfDGL(OneTypeCase):
    layers = (ge.dgl.SAGEConv,)
    variants: ClassVar = [
        Variant(f"{name}-{width}", {"aggregator_type": name, "out_feats": width})
        for name in ("mean", "gcn", "pool")
        for width in (2, 9)
    ]
    bad_calls: ClassVar = [
        (lambda layer, x, edges: layer(dgl_graph(edges[0]), x[0][1:]), r"feat: got shape \(11, 6\)"),
        (lambda layer, x, edges: layer(dgl_graph(edges[0]), x[0][:, 1:]), r"feat: got shape \(12, 5\)"),
        (lambda layer, x, edges: layer(dgl_graph(edges[0]), x[0], torch.ones(3)), "edge_weight: got 3 weights"),
    ]

    def make(self, **config):
        return ge.dgl.SAGEConv(WIDE, **config)

    def call(self, layer, features, edges):
        return layer(dgl_graph(edges[0]), features[0])


class TestHANConv(LayerCase):
    layers = (ge.HANConv, ge.pyg.HANConv)
    variants: ClassVar = [
        Variant("pyg", {"heads": 2}),
        Variant("one head", {"heads": 1, "negative_slope": 0.5}),
        Variant("dgl", {"heads": 2, "architecture": "dgl"}),
    ]
    #: Papers first, then authors: the last of each get no edges.
    isolated: ClassVar = [6, 11]
    bad_calls: ClassVar = [
        (
            lambda layer, x, edges: TestHANConv().call(layer, x, [edges[0] + 5, *edges[1:]]),
            r"edge_index_dict\[\('paper', 'cites', 'paper'\)\]: got source id",
        ),
        (
            lambda layer, x, edges: TestHANConv().call(layer, x, [-edges[0], *edges[1:]]),
            r"edge_index_dict\[\('paper', 'cites', 'paper'\)\]: got source id -",
        ),
        (
            lambda layer, x, edges: TestHANConv().call(layer, [x[0][:, :2], *x[1:]], edges),
            r"x_dict\['author'\]: got shape \(5, 2\)",
        ),
    ]

    def make(self, **config):
        return ge.HANConv({name: x.size(1) for name, x in typed_features().items()}, 4, METADATA, **config)

    def features(self):
        return list(typed_features().values())

    def edges(self):
        last = {"paper": 6, "author": 4}
        return [e[:, e[1] < last[t[2]]] for t, e in typed_edges(number=8).items()]

    def call(self, layer, features, edges):
        out = layer(dict(zip(typed_features(), features, strict=True)), dict(zip(METADATA[1], edges, strict=True)))
        return torch.cat([out["paper"], out["author"]])


class TestHANConvOfDGL(TestHANConv):
    layers = (ge.dgl.HANConv,)
    variants: ClassVar = [Variant("dgl", {"heads": 2, "architecture": "dgl"})]
    bad_calls: ClassVar = [
        (
            lambda layer, x, edges: TestHANConvOfDGL().call(layer, [x[0][1:], *x[1:]], edges),
            r"feats\['author'\]: got shape \(4, 3\); expected 5 rows",
        ),
        (lambda layer, x, edges: layer(dgl_graph(edges[0]), {"paper": x[1]}), "g: got a graph with the edge types"),
    ]

    def make(self, **config):
        return ge.dgl.HANConv({name: x.size(1) for name, x in typed_features().items()}, 4, METADATA, **config)

    def call(self, layer, features, edges):
        import dgl

        x = dict(zip(typed_features(), features, strict=True))
        given = {t: tuple(e) for t, e in zip(METADATA[1], edges, strict=True)}
        out = layer(
            dgl.heterograph(given, num_nodes_dict={name: len(rows) for name, rows in typed_features().items()}), x
        )
        return torch.cat([out["paper"], out["author"]])
