"""A model that is no model of the package: what `ge.fit` asks of one, and no more."""

from __future__ import annotations

import torch
from torch import nn

from graphembed_ext.graph.adjacency import Adjacency
from graphembed_ext.graph.features import features_of
from graphembed_ext.nn.ops.sums import neighbor_sum


class Mean(nn.Module):
    """Class scores are linear in the sum of the neighbours' features."""

    task = "nodes"
    targets = ("_N",)

    def __init__(self, out_channels=2, dropout=0.0, lazy=False):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.linear = nn.LazyLinear(out_channels) if lazy else nn.Linear(3, out_channels)
        self.out_channels, self.dropout = out_channels, nn.Dropout(dropout)

    def inputs(self, view):
        csr = view.csr(view.edge_types[0])
        src = torch.repeat_interleave(torch.arange(view.total_nodes), csr.degrees)
        return features_of(view, "_N"), Adjacency.from_edges(src, csr.indices, view.total_nodes, view.total_nodes)

    def logits(self, inputs):
        x, graph = inputs
        return {"_N": self.linear(self.dropout(neighbor_sum(graph, x)))}
