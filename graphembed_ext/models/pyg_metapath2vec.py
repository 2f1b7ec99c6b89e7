"""MetaPath2Vec with PyG's conventions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from .._core import checks, rng
from .._core.near import spelt
from ..embeddings.vectors import Embeddings
from ..errors import InputError
from ..graph.metapaths import node_types
from ..graph.weights import Weight
from ..walks.walker import Walker
from .pyg_skipgram import Windowed, cpu_view, some_rows

__all__ = ["MetaPath2Vec"]


class MetaPath2Vec(Windowed):
    """metapath2vec with one table, windows that look ahead, and negatives of the context's type.

    A drop-in for ``torch_geometric.nn.MetaPath2Vec``: the same arguments, the same ``state_dict``, and with equal
    weights and windows the same loss and gradients. The table has PyG's unused last row, so that checkpoints load
    both ways; PyG trains it as the neighbour of every walk that has ended, this class leaves windows that reach
    past the end of a walk out.

    For DGL's conventions (two tables, windows to both sides) see :class:`graphembed_ext.MetaPath2Vec`.

    Args:
        edge_index_dict: Edges by canonical edge type, or anything else that :func:`graphembed_ext.view` takes.
        embedding_dim: Size of each embedding vector.
        metapath: Edge types to follow: triples, or relation names where these are unique.
        walk_length: Steps in a walk, which has a node more. Walks go round a metapath that is through, for which
            it must end at the type it starts from.
        context_size: Nodes in a window; the first one is paired with the others.
        walks_per_node: Walks from each node of the first type in an epoch.
        num_negative_samples: Windows of negatives for each walk.
        num_nodes_dict: Number of nodes of each type, where the edges cannot tell.
        sparse: Whether gradients of the table are sparse, as :class:`torch.optim.SparseAdam` needs them.
        weight: Name of an edge feature, a tensor with a weight for each edge, or a dict of tensors by edge type:
            a step follows an edge with probability proportional to it.
        engine: Walk engine, ``"auto"``, ``"dgl"`` or ``"torch"``; see :mod:`graphembed_ext.walks`.
        seed: Fixes initial weights, walks and negatives; None draws one from torch's default generator.

    Attributes:
        embedding: The table: the metapath's node types in alphabetical order, and the unused row.
        start, end: First row of each node type, and the row after its last.

    Raises:
        MetapathError: A metapath that the graph cannot be walked along.
        InputError: Another argument that cannot work, or a graph without nodes or edges.

    Reference:
        Dong, Chawla and Swami 2017, "metapath2vec: Scalable Representation Learning for Heterogeneous Networks",
        KDD, https://doi.org/10.1145/3097983.3098036.

    Example:
        >>> edges = torch.tensor([[0, 1, 1], [0, 0, 1]])
        >>> graph = {("user", "buys", "item"): edges, ("item", "bought_by", "user"): edges.flip(0)}
        >>> path = [("user", "buys", "item"), ("item", "bought_by", "user")]
        >>> model = MetaPath2Vec(graph, 8, path, walk_length=4, context_size=3, seed=0)
        >>> pos_rw, neg_rw = model.sample([0, 1])
        >>> pos_rw.shape, neg_rw.shape, model("user").shape
        (torch.Size([6, 3]), torch.Size([6, 3]), torch.Size([2, 8]))
    """

    @spelt()
    def __init__(
        self,
        edge_index_dict: Any,
        embedding_dim: int,
        metapath: Any,
        walk_length: int,
        context_size: int,
        walks_per_node: int = 1,
        num_negative_samples: int = 1,
        num_nodes_dict: Mapping[str, int] | None = None,
        sparse: bool = False,
        *,
        weight: Weight | None = None,
        engine: str = "auto",
        seed: int | None = None,
    ) -> None:
        super().__init__(
            embedding_dim=embedding_dim,
            context_size=context_size,
            walks_per_node=walks_per_node,
            num_negative_samples=num_negative_samples,
            nodes=checks.integer("walk_length", walk_length) + 1,
            seed=seed,
        )
        self.walk_length, self.metapath = walk_length, metapath
        view = cpu_view(edge_index_dict, num_nodes_dict)
        walker = Walker(view, metapath=metapath, weight=weight, engine=engine)
        if len(walker.metapaths) != 1:
            raise InputError("metapath", metapath, "one metapath", "graphembed_ext.MetaPath2Vec takes several")
        walker.check_length(walk_length + 1)
        self._place(walker, sparse)

    def _place(self, walker: Walker, sparse: bool) -> None:
        view, path = walker.view, walker.metapaths[0]
        self.num_nodes_dict = dict(view.num_nodes)
        self.start, self.end = {}, {}
        rows = 0
        for node_type in sorted(set(node_types(path))):
            self.start[node_type] = rows
            rows += view.num_nodes[node_type]
            self.end[node_type] = rows
        self.dummy_idx = rows
        types = [path[0][0], *(path[step % len(path)][2] for step in range(self.walk_length))]
        empty = next((t for t in types if not view.num_nodes[t]), None)
        if empty is not None:
            raise InputError("num_nodes_dict", f"no nodes of type {empty!r}", "a node or more of each type walked")
        self.offset = torch.tensor([self.start[t] for t in types])
        #: What turns the global ids of a walk into rows of the table, and the number of nodes at each position.
        self._shift = torch.tensor([self.start[t] - view.offsets[t] for t in types])
        self._sizes = torch.tensor([view.num_nodes[t] for t in types])
        self._build(walker, rows + 1, view.num_nodes[types[0]], sparse)

    def _first_rows(self) -> dict[str, int]:
        return self.start

    def forward(self, node_type: str, batch: Tensor | None = None) -> Tensor:
        """Vectors of some nodes of a type, or of all: ``(B, embedding_dim)``."""
        if not isinstance(node_type, str) or node_type not in self.start:
            raise InputError("node_type", node_type, f"a type on the metapath: {', '.join(self.start)}")
        vectors = self.embedding.weight[self.start[node_type] : self.end[node_type]]
        return vectors if batch is None else vectors.index_select(0, some_rows(batch, len(vectors)))

    def embeddings(self) -> Embeddings:
        """What :func:`graphembed_ext.embed` returns: the types on the metapath."""
        counts = {node_type: self.num_nodes_dict[node_type] for node_type in self.start}
        vectors = torch.cat([self.forward(node_type) for node_type in self.start]).detach()
        return Embeddings(vectors, counts, self.walker.view.names_of(counts))

    def _walks(self, starts: Tensor, stream: int) -> Tensor:
        first = self.walker.view.offsets[self.walker.metapaths[0][0][0]]
        walks = self.walker.walk(starts + first, self._nodes, stream).nodes
        return torch.where(walks < 0, -1, walks + self._shift)

    def _negatives(self, starts: Tensor, random: Tensor) -> Tensor:
        return torch.cat([starts.view(-1, 1), rng.below(self._sizes[1:], random)], 1) + self.offset

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.dummy_idx}, {self.embedding_dim})"
