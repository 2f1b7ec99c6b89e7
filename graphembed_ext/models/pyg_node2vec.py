"""Node2Vec with PyG's conventions."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .._core import checks, rng
from .._core.near import spelt
from ..embeddings.vectors import Embeddings
from ..graph.weights import Weight
from ..walks.walker import Walker
from .pyg_skipgram import Windowed, cpu_view, some_rows

__all__ = ["Node2Vec"]


class Node2Vec(Windowed):
    """node2vec: embeddings from second-order random walks, between breadth-first and depth-first.

    A drop-in for ``torch_geometric.nn.Node2Vec``: the same arguments, the same ``state_dict``, and with equal
    weights and windows the same loss and gradients. It needs no pyg-lib, and ``p`` and ``q`` may be other than 1,
    which pyg-lib refuses. Windows that reach past the end of a walk are left out.

    For DGL's conventions (two tables, windows to both sides) see :class:`graphembed_ext.DeepWalk`, which takes
    ``p`` and ``q`` too.

    Args:
        edge_index: Edges, shape ``(2, num_edges)``, or anything else that :func:`graphembed_ext.view` takes.
        embedding_dim: Size of each embedding vector.
        walk_length: Nodes in a walk, the first one included.
        context_size: Nodes in a window; the first one is paired with the others.
        walks_per_node: Walks from each node in an epoch.
        p: Return parameter: a small p makes a walk turn back.
        q: In-out parameter: a small q drives a walk outward.
        num_negative_samples: Windows of negatives for each walk.
        num_nodes: Number of nodes, where the edges cannot tell (isolated nodes at the end).
        sparse: Whether gradients of the table are sparse, as :class:`torch.optim.SparseAdam` needs them.
        weight: Name of an edge feature, or a tensor with a weight for each edge: a step follows an edge with
            probability proportional to it.
        engine: Walk engine, ``"auto"``, ``"dgl"`` or ``"torch"``; see :mod:`graphembed_ext.walks`.
        seed: Fixes initial weights, walks and negatives; None draws one from torch's default generator.

    Attributes:
        embedding: The table, ``nn.Embedding(num_nodes, embedding_dim)``.

    Raises:
        InputError: An argument that cannot work, or a graph without nodes or edges.

    Reference:
        Grover and Leskovec 2016, "node2vec: Scalable Feature Learning for Networks", arXiv:1607.00653.

    Example:
        >>> ring = torch.tensor([[0, 1, 2, 1, 2, 0], [1, 2, 0, 0, 1, 2]])
        >>> model = Node2Vec(ring, 8, walk_length=5, context_size=3, p=0.5, q=2.0, seed=0)
        >>> for pos_rw, neg_rw in model.loader(batch_size=3):
        ...     print(pos_rw.shape, neg_rw.shape, model.loss(pos_rw, neg_rw).shape)
        torch.Size([9, 3]) torch.Size([9, 3]) torch.Size([])
        >>> model().shape, model(torch.tensor([2])).shape
        (torch.Size([3, 8]), torch.Size([1, 8]))
    """

    @spelt()
    def __init__(
        self,
        edge_index: Any,
        embedding_dim: int,
        walk_length: int,
        context_size: int,
        walks_per_node: int = 1,
        p: float = 1.0,
        q: float = 1.0,
        num_negative_samples: int = 1,
        num_nodes: int | None = None,
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
            nodes=checks.integer("walk_length", walk_length),
            seed=seed,
        )
        self.walk_length = walk_length - 1  # steps, as PyG has it in the attribute, though not in the argument
        walker = Walker(cpu_view(edge_index, num_nodes), p=p, q=q, weight=weight, engine=engine)
        self.p, self.q = walker.p, walker.q
        self._place(walker, sparse)

    def _place(self, walker: Walker, sparse: bool) -> None:
        self.num_nodes = walker.view.total_nodes
        self._build(walker, self.num_nodes, self.num_nodes, sparse)

    def forward(self, batch: Tensor | None = None) -> Tensor:
        """Vectors of some nodes, or of all: ``(B, embedding_dim)``."""
        weight = self.embedding.weight
        return weight if batch is None else weight[some_rows(batch, self.num_nodes)]

    def embeddings(self) -> Embeddings:
        """What :func:`graphembed_ext.embed` returns."""
        view = self.walker.view
        return Embeddings(self.forward().detach().clone(), view.num_nodes, view.names)

    def _walks(self, starts: Tensor, stream: int) -> Tensor:
        return self.walker.walk(starts, self._nodes, stream).nodes

    def _negatives(self, starts: Tensor, random: Tensor) -> Tensor:
        return torch.cat([starts.view(-1, 1), rng.below(torch.tensor(self.num_nodes), random)], 1)
