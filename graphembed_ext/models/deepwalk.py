"""DeepWalk: skip-gram with negative sampling over random walks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .._core import checks, rng
from .._core.near import spelt
from .._core.overrides import overridden
from .._core.rng import stream_of_call
from ..errors import InputError
from ..graph.view import GraphView
from ..graph.weights import Weight
from ..walks.walker import Walker
from .skipgram import SkipGram

__all__ = ["DeepWalk"]


class DeepWalk(SkipGram):
    """DeepWalk: node embeddings that bring together the nodes which random walks visit close by.

    A drop-in for ``dgl.nn.DeepWalk``: the same arguments, the same ``state_dict``, and with equal weights, walks
    and negatives the same loss and gradients. It takes graphs of either host. The edge types of a typed graph are
    joined; its nodes are numbered through the types in alphabetical order (:attr:`local_to_global_nid`).

    Where ``dgl.nn.DeepWalk`` fails, this differs: a walk that reaches a dead end keeps its pairs up to there and
    forms none beyond (dgl#7181). Negatives are drawn once for a walk and shared by its centres; DGL draws
    them for each pair. Every negative has the same distribution in both.

    Args:
        g: Graph: DGLGraph, PyG ``Data``/``HeteroData``, ``edge_index``, or anything else that
            :func:`graphembed_ext.view` takes.
        emb_dim: Size of each embedding vector.
        walk_length: Nodes in a walk, the first one included.
        window_size: A node ``w[j]`` of a walk is near ``w[i]`` when ``|i - j| <= window_size``.
        neg_weight: Weight of the negatives in the loss.
        negative_size: Negatives for each near pair.
        fast_neg: Whether negatives come from the nodes of the batch; otherwise from the whole graph with
            probability proportional to out-degree ** 0.75.
        sparse: Whether gradients of the tables are sparse, as :class:`torch.optim.SparseAdam` needs them.
        p, q: Return and in-out parameter of node2vec (arXiv:1607.00653); 1 and 1 is DeepWalk.
        weight: Name of an edge feature, or a tensor with a weight for each edge in the host's order: walks
            follow an edge with probability proportional to it.
        time: Name of an edge feature, or a number for each edge in the host's order: walks follow an edge only
            after one that is strictly earlier (CTDNE, Nguyen et al. 2018); see
            :func:`graphembed_ext.walks.random_walk`.
        engine: Walk engine, ``"auto"``, ``"dgl"`` or ``"torch"``; see :mod:`graphembed_ext.walks`.
        seed: Fixes initial weights, walks and negatives. None draws one from torch's default generator, so that
            ``torch.manual_seed`` governs, as for any torch module.
        num_nodes: Number of nodes, where a bare ``edge_index`` cannot tell (isolated nodes at the end).
        device: Where the tables are made; ``"meta"`` makes none, for ``ge.fit(model, strategy="sharded")``, in which
            every rank makes its own rows.

    Attributes:
        node_embed: Table of the nodes, ``nn.Embedding(num_nodes, emb_dim)``.
        context_embed: Table of the nodes as contexts, same shape.
        g: The host graph.

    Raises:
        InputError: An argument that cannot work, or a graph without nodes or edges.

    Reference:
        Perozzi, Al-Rfou and Skiena 2014, "DeepWalk: Online Learning of Social Representations", arXiv:1403.6652.

    Example:
        >>> from torch_geometric.datasets import KarateClub
        >>> model = DeepWalk(KarateClub()[0], emb_dim=16, walk_length=10, seed=0)
        >>> walks = model.sample(torch.arange(34))
        >>> walks.shape
        torch.Size([34, 10])
        >>> round(model(walks).item(), 4)  # (1 + 5) ln 2, as every context starts at 0
        4.1589
        >>> model.noise_weights[:2].tolist()  # nodes of 16 and of 9 edges
        [8.0, 5.196152422706632]
    """

    @spelt()
    def __init__(
        self,
        g: Any,
        emb_dim: int = 128,
        walk_length: int = 40,
        window_size: int = 5,
        neg_weight: float = 1,
        negative_size: int = 5,
        fast_neg: bool = True,
        sparse: bool = True,
        *,
        p: float = 1.0,
        q: float = 1.0,
        weight: Weight | None = None,
        time: Weight | None = None,
        engine: str = "auto",
        seed: int | None = None,
        num_nodes: Any = None,
        device: Any = None,
    ) -> None:
        super().__init__(
            emb_dim=emb_dim, window_size=window_size, negative_size=negative_size, neg_weight=neg_weight, seed=seed
        )
        walk_length = checks.integer("walk_length", walk_length)
        self.fast_neg = checks.flag("fast_neg", fast_neg)
        if walk_length < window_size + 1:
            raise InputError(
                "walk_length",
                walk_length,
                f"at least window_size + 1 = {window_size + 1} nodes",
                "lengthen the walks or narrow the window",
            )
        walker = Walker(self._view_of(g, num_nodes), p=p, q=q, weight=weight, time=time, engine=engine)
        self._cumulated: tuple[GraphView, Tensor] | None = None
        self._build(walker, walk_length, sparse, device)

    @property
    def noise_weights(self) -> Tensor:
        """Out-degree ** 0.75 of each node, float64, ``(num_nodes,)``; negatives follow it without ``fast_neg``."""
        return self.view.narrow_csr().degrees.cpu().double() ** 0.75

    def noise_groups(self) -> tuple[Tensor | None, list[int]]:
        """No weights with ``fast_neg``, as negatives then come from the batch; one group of all nodes."""
        return None if self.fast_neg else self.noise_weights, [0, self.node_embed.num_embeddings]

    def noise_parts(self) -> tuple[Callable[[Tensor], Tensor] | None, list[int]]:
        """As :meth:`noise_groups`, by a function of some nodes, int64, ``(R,)``, which reads their degrees alone.

        Example:
            >>> star = torch.tensor([[0, 0, 0], [1, 2, 3]])
            >>> model = DeepWalk(star, walk_length=4, window_size=2, fast_neg=False, seed=0)
            >>> weights_of, bounds = model.noise_parts()
            >>> weights_of(torch.tensor([0, 3])), bounds
            (tensor([2.2795, 0.0000], dtype=torch.float64), [0, 4])
        """
        if self.fast_neg or overridden(self, "noise_weights", "noise_groups"):
            return super().noise_parts()
        indptr = self.view.narrow_csr().indptr

        def weights_of(nodes: Tensor) -> Tensor:
            nodes = nodes.to(indptr.device)
            # Not by pow, whose last bit depends on where a number stands in its tensor.
            root = (indptr[nodes + 1] - indptr[nodes]).cpu().double().sqrt()
            return root * root.sqrt()

        return weights_of, [0, self.node_embed.num_embeddings]

    def sample(self, indices: Tensor) -> Tensor:
        """Random walks; the ``collate_fn`` of a DataLoader over start nodes.

        Every call goes on in the model's random stream; in a DataLoader's workers every worker and epoch has a
        stream of its own.

        Args:
            indices: Start nodes, integers, shape ``(B,)``.

        Returns:
            Node ids, -1 after a walk's end, int64, shape ``(B, walk_length)``.
        """
        self.view  # noqa: B018  # raises when the graph has outgrown the tables
        stream = stream_of_call(self._key, "sample", self._sampled)
        self._sampled += 1
        return self.walker.walk(indices, self.walk_length, stream).nodes

    def forward(self, batch_walk: Tensor, negatives: Tensor | None = None) -> Tensor:
        """Loss of a batch of walks by ``dgl.nn.DeepWalk``'s formula; :meth:`loss` offers the others.

        Args:
            batch_walk: Node ids, -1 after a walk's end, shape ``(B, walk_length)``.
            negatives: See :meth:`loss`.

        Returns:
            Scalar, shape ``()``.
        """
        return self.loss(batch_walk, negatives, preset="dgl")

    def loss_of_sample(self, batch: Any) -> Tensor:
        """The loss of walks that :meth:`sample` made: by :meth:`forward` where a subclass has its own."""
        return self(batch) if overridden(self, "forward") else self.loss(batch)

    def _draw_negatives(self, walk: Tensor, valid: Tensor, whole: bool, stream: int) -> Tensor:
        generator = rng.generator(stream)
        shape = (len(walk), self._negatives_per_walk)
        if self.fast_neg:
            tokens = walk.reshape(-1) if whole else walk[valid]
            return tokens[torch.randint(len(tokens), shape, generator=generator).to(walk.device)]
        view = self.walker.view
        if self._cumulated is None or self._cumulated[0] is not view:
            self._cumulated = view, self.neg_prob.cumsum(0)
        cumulated = self._cumulated[1]
        draws = torch.rand(shape, generator=generator, dtype=torch.float64) * cumulated[-1]
        return torch.searchsorted(cumulated, draws, right=True).clamp_(max=len(cumulated) - 1).to(walk.device)
