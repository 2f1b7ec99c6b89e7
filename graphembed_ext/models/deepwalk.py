"""DeepWalk: skip-gram with negative sampling over random walks."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .. import _checks, losses, rng
from ..engines import memory
from ..errors import GraphChangedError, InputError
from ..graph import GraphView
from ..loaders import WalkLoader, stream_of_call
from ..registry import view as view_of
from ..walks import Walker

__all__ = ["DeepWalk"]


class DeepWalk(nn.Module):
    """DeepWalk: node embeddings that bring together the nodes which random walks visit close by.

    A drop-in for ``dgl.nn.DeepWalk``: the same arguments, the same ``state_dict``, and with equal weights, walks
    and negatives the same loss and gradients. It takes graphs of either host. The edge types of a typed graph are
    joined; its nodes are numbered through the types in alphabetical order (:attr:`local_to_global_nid`).

    Where ``dgl.nn.DeepWalk`` fails, this differs: a walk that reaches a dead end keeps its pairs up to there and
    forms none beyond (dgl#7181). Noise nodes are drawn once for a walk and shared by its centres; the peer draws
    them for each pair. Every noise node has the same distribution in both.

    Args:
        g: Graph: DGLGraph, PyG ``Data``/``HeteroData``, ``edge_index``, or anything else that
            :func:`graphembed_ext.view` takes.
        emb_dim: Size of each embedding vector.
        walk_length: Nodes in a walk, the first one included.
        window_size: A node ``w[j]`` of a walk is near ``w[i]`` when ``|i - j| <= window_size``.
        neg_weight: Weight of the noise term in the loss.
        negative_size: Noise nodes for each near pair.
        fast_neg: Whether noise comes from the nodes of the batch; otherwise from the whole graph with
            probability proportional to out-degree ** 0.75.
        sparse: Whether gradients of the tables are sparse, as :class:`torch.optim.SparseAdam` needs them.
        p, q: Return and in-out parameter of node2vec (arXiv:1607.00653); 1 and 1 is DeepWalk.
        weight: Name of an edge feature, or a tensor with a weight for each edge in the host's order: walks
            follow an edge with probability proportional to it.
        engine: Walk engine, ``"auto"``, ``"dgl"`` or ``"torch"``; see :mod:`graphembed_ext.walks`.
        seed: Fixes initial weights, walks and noise. None draws one from torch's default generator, so that
            ``torch.manual_seed`` governs, as for any torch module.
        num_nodes: Number of nodes, where a bare ``edge_index`` cannot tell (isolated nodes at the end).

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
    """

    pairs: Tensor

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
        weight: str | Tensor | None = None,
        engine: str = "auto",
        seed: int | None = None,
        num_nodes: Any = None,
    ) -> None:
        super().__init__()
        self.emb_dim = _checks.integer("emb_dim", emb_dim)
        self.window_size = _checks.integer("window_size", window_size)
        self.walk_length = _checks.integer("walk_length", walk_length)
        self.negative_size = _checks.integer("negative_size", negative_size)
        self.neg_weight = _checks.number("neg_weight", neg_weight, minimum=0)
        self.fast_neg = _checks.flag("fast_neg", fast_neg)
        self.seed = _checks.seed(seed)
        if walk_length < window_size + 1:
            raise InputError(
                "walk_length",
                walk_length,
                f"at least window_size + 1 = {window_size + 1} nodes",
                "lengthen the walks or narrow the window",
            )
        graph = view_of(g) if num_nodes is None else view_of(g, num_nodes=num_nodes)
        if graph.total_nodes == 0 or graph.total_edges == 0:
            raise InputError("g", repr(graph), "a graph with nodes and edges, as there is nothing to walk on")
        self.walker = Walker(graph, p=p, q=q, weight=weight, engine=engine)
        memory.check_tables(graph.total_nodes, emb_dim)
        self.node_embed = _table(graph.total_nodes, emb_dim, _checks.flag("sparse", sparse))
        self.context_embed = _table(graph.total_nodes, emb_dim, sparse)
        position = torch.arange(walk_length)
        distance = (position[:, None] - position[None, :]).abs()
        #: [centre, context] positions of a whole walk that form a pair.
        self.register_buffer("pairs", (distance > 0) & (distance <= window_size), persistent=False)
        self._noise: tuple[GraphView, Tensor] | None = None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Reinitialise: nodes uniform in +-1/emb_dim, contexts zero. The random streams start over."""
        self._key = rng.fresh_seed() if self.seed is None else self.seed
        self._sampled = self._drawn = 0
        with torch.no_grad():
            start = torch.empty(self.node_embed.weight.shape)
            start.uniform_(-1 / self.emb_dim, 1 / self.emb_dim, generator=rng.generator(rng.key(self._key, "init")))
            self.node_embed.weight.copy_(start)
            self.context_embed.weight.zero_()

    @property
    def view(self) -> GraphView:
        """The graph as the model sees it; follows the host graph when that is changed in place."""
        view = self.walker.refresh()
        if view.total_nodes != self.node_embed.num_embeddings:
            raise GraphChangedError(
                f"the graph has {view.total_nodes} nodes now, but the model's tables were made for "
                f"{self.node_embed.num_embeddings}. Hint: build a new model for the changed graph."
            )
        return view

    @property
    def g(self) -> Any:
        """The host graph that the model was built on."""
        return self.walker.view.source

    @property
    def local_to_global_nid(self) -> dict[str, list[int]]:
        """Row of each node in the tables, by node type."""
        view = self.walker.view
        return {t: list(range(start, start + view.num_nodes[t])) for t, start in view.offsets.items()}

    @property
    def neg_prob(self) -> Tensor:
        """Probability of each node to be drawn as noise from the whole graph, float64, shape ``(num_nodes,)``."""
        weight = self.view.csr().degrees.cpu().double() ** 0.75
        return weight / weight.sum()

    def noise_weights(self) -> Tensor | None:
        """Weight of each node as noise, ``(num_nodes,)``; None with ``fast_neg``: the batch's nodes are the noise."""
        return None if self.fast_neg else self.neg_prob

    def noise_groups(self) -> list[int]:
        """Noise is drawn from all nodes alike."""
        return [0, self.node_embed.num_embeddings]

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

    def loader(self, *, seed: int | None = None, **kwargs: Any) -> WalkLoader:
        """A DataLoader of walks from all nodes: the same batches for one seed, whatever the number of workers.

        Args:
            seed: Seed of order and walks; None takes the model's own.
            **kwargs: ``batch_size``, ``shuffle``, ``num_workers`` and whatever else
                :class:`~graphembed_ext.loaders.WalkLoader` takes.
        """
        seed = self._key if _checks.seed(seed) is None else int(seed or 0)
        starts = torch.arange(self.view.total_nodes, device=self.view.device)
        return WalkLoader(self.walker, starts, self.walk_length, seed=seed, **kwargs)

    def forward(self, batch_walk: Tensor, negatives: Tensor | None = None) -> Tensor:
        """Loss of a batch of walks by ``dgl.nn.DeepWalk``'s formula; :meth:`loss` offers the others.

        Args:
            batch_walk: Node ids, -1 after a walk's end, shape ``(B, walk_length)``.
            negatives: See :meth:`loss`.

        Returns:
            Scalar, shape ``()``.
        """
        return self.loss(batch_walk, negatives, preset="dgl")

    def loss(
        self,
        batch_walk: Tensor,
        negatives: Tensor | None = None,
        *,
        preset: str = "stable",
        stream: int | None = None,
    ) -> Tensor:
        """Loss of a batch of walks; 0 when no walk has a single pair.

        Args:
            batch_walk: Node ids, -1 after a walk's end, shape ``(B, walk_length)``.
            negatives: Noise nodes instead of drawn ones: ``(P, negative_size)`` for each of the P pairs, ordered
                by walk, centre and context; or ``(B, negative_size * M)`` with ``M = min(2 * window_size,
                walk_length - 1)`` for each walk, of which a centre with ``m`` pairs takes the first
                ``negative_size * m``.
            preset: Formula, see :mod:`graphembed_ext.losses`.
            stream: Key of the random stream for drawn noise; None goes on in the model's own.

        Returns:
            Scalar, shape ``()``.

        Raises:
            InputError: Walks or negatives of a wrong shape or with ids that are no nodes.
        """
        walk = self._check_ids("batch_walk", batch_walk, -1)
        if walk.dim() != 2 or walk.size(1) != self.walk_length:
            raise InputError("batch_walk", f"shape {tuple(walk.shape)}", f"shape (B, {self.walk_length})")
        valid = walk >= 0
        whole = bool(valid.all())
        pairs = self.pairs.expand(len(walk), -1, -1)
        if not whole:
            pairs = pairs & valid[:, :, None] & valid[:, None, :]
        if not bool(pairs.any()):
            nothing = walk.new_empty(0)
            return self.node_embed(nothing).sum() + self.context_embed(nothing).sum()
        nodes = _rows(self.node_embed, walk, valid, whole)
        contexts = _rows(self.context_embed, walk, valid, whole)
        pos = torch.bmm(contexts, nodes.transpose(1, 2)).masked_select(pairs)
        if negatives is None:
            if stream is None:
                stream = stream_of_call(self._key, "noise", self._drawn)
                self._drawn += 1
            negatives = self._draw_noise(walk, valid, whole, stream)
        else:
            negatives = self._check_ids("negatives", negatives, 0)
        neg = self._noise_scores(nodes, pairs, len(pos), negatives)
        return losses.skip_gram_loss(pos, neg, preset=preset, neg_weight=self.neg_weight)

    @property
    def _noise_per_walk(self) -> int:
        return self.negative_size * min(2 * self.window_size, self.walk_length - 1)

    def _draw_noise(self, walk: Tensor, valid: Tensor, whole: bool, stream: int) -> Tensor:
        generator = rng.generator(stream)
        shape = (len(walk), self._noise_per_walk)
        if self.fast_neg:
            tokens = walk.reshape(-1) if whole else walk[valid]
            return tokens[torch.randint(len(tokens), shape, generator=generator).to(walk.device)]
        view = self.walker.view
        if self._noise is None or self._noise[0] is not view:
            self._noise = view, self.neg_prob.cumsum(0)
        cumulated = self._noise[1]
        draws = torch.rand(shape, generator=generator, dtype=torch.float64) * cumulated[-1]
        return torch.searchsorted(cumulated, draws, right=True).clamp_(max=len(cumulated) - 1).to(walk.device)

    def _noise_scores(self, nodes: Tensor, pairs: Tensor, num_pairs: int, negatives: Tensor) -> Tensor:
        noise = self.context_embed(negatives)
        if negatives.shape == (num_pairs, self.negative_size):
            walk, centre, _ = pairs.nonzero(as_tuple=True)
            return torch.bmm(noise, nodes[walk, centre].unsqueeze(2)).squeeze(2)
        if negatives.shape != (len(nodes), self._noise_per_walk):
            raise InputError(
                "negatives",
                f"shape {tuple(negatives.shape)}",
                f"({num_pairs}, {self.negative_size}), noise for each pair, or "
                f"({len(nodes)}, {self._noise_per_walk}), noise for each walk",
            )
        scores = torch.bmm(nodes, noise.transpose(1, 2))
        wanted = pairs.sum(2) * self.negative_size
        slot = torch.arange(self._noise_per_walk, device=nodes.device)
        return scores.masked_select(slot < wanted.unsqueeze(2)).view(num_pairs, self.negative_size)

    def _check_ids(self, argument: str, ids: Any, lowest: int) -> Tensor:
        if not isinstance(ids, Tensor) or ids.is_floating_point() or ids.dtype == torch.bool:
            what = f"a tensor of dtype {ids.dtype}" if isinstance(ids, Tensor) else type(ids).__name__
            raise InputError(argument, what, "an integer tensor of node ids")
        if ids.numel():
            low, high = (int(end) for end in torch.aminmax(ids))
            if low < lowest or high >= self.node_embed.num_embeddings:
                raise InputError(
                    argument,
                    f"node id {low if low < lowest else high}",
                    f"ids from {lowest} to {self.node_embed.num_embeddings - 1}",
                )
        return ids.to(self.node_embed.weight.device)

    def __repr__(self) -> str:
        size = f"{self.node_embed.num_embeddings}, {self.emb_dim}"
        return f"{type(self).__name__}({size}, walk_length={self.walk_length}, window_size={self.window_size})"


def _table(rows: int, columns: int, sparse: bool) -> nn.Embedding:
    """An embedding table whose values are yet to be set; nn.Embedding itself would draw from torch's generator."""
    return nn.Embedding(rows, columns, sparse=sparse, _weight=torch.empty(rows, columns))


def _rows(table: nn.Embedding, walk: Tensor, valid: Tensor, whole: bool) -> Tensor:
    """Embeddings of a batch of walks, zero after a walk's end; -1 is never looked up."""
    if whole:
        return table(walk)
    known = table(walk[valid])
    rows = known.new_zeros(*walk.shape, known.size(-1))
    return rows.masked_scatter(valid.unsqueeze(-1), known)
