"""MetaPath2Vec: skip-gram with negative sampling over walks along metapaths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import scipy.sparse
import torch
from torch import Tensor

from .. import losses
from .._core import checks, rng
from .._core.alias import AliasTable, alias_table
from .._core.near import spelt
from .._core.rng import stream_of_call
from ..errors import InputError
from ..graph.metapaths import node_types
from ..graph.view import GraphView
from ..graph.weights import Weight
from ..nn.ops.pair_scores import pair_scores, rows_of
from ..sampling.pairs import draw_entries, near_pairs
from ..walks.tables import check_starts
from ..walks.walker import Walker
from .skipgram import SkipGram

__all__ = ["MetaPath2Vec"]


class MetaPath2Vec(SkipGram):
    """metapath2vec: node embeddings of a typed graph, learned from walks that follow a sequence of edge types.

    A drop-in for ``dgl.nn.MetaPath2Vec``: the same arguments, the same ``state_dict``, and with equal weights and
    pairs the same loss and gradients. It takes graphs of either host; nodes are numbered through the types in
    alphabetical order (:attr:`local_to_global_nid`), types off the metapath included.

    Where ``dgl.nn.MetaPath2Vec`` fails, this differs: windows reach as far ahead as back, a walk that ends early
    forms no pairs beyond its end (dgl#5514), and a batch may have one pair or none. Negatives are drawn in proportion
    to ``visits ** 0.75``, where ``visits`` is the exact number of visits to be expected when one walk starts from
    every start node (DGL counts one random run, node by node). A node of the metapath's types that no walk
    can reach counts as the least visited one that some walk does reach; types off the metapath are never negatives.

    Args:
        g: Graph: DGLGraph, PyG ``HeteroData`` or dict of ``edge_index``, or anything else that
            :func:`graphembed_ext.view` takes.
        metapath: Edge types to follow, as relation names, or as triples ``(source type, relation, destination
            type)`` where several edge types share a name. A list of such lists for several metapaths at once.
        window_size: A node ``w[j]`` of a walk is near ``w[i]`` when ``|i - j| <= window_size``. A walk must have
            at least this many nodes.
        emb_dim: Size of each embedding vector.
        negative_size: Negatives for each near pair.
        sparse: Whether gradients of the tables are sparse, as :class:`torch.optim.SparseAdam` needs them.
        walk_length: Nodes in a walk: one that is through its metapath starts over, which takes one that ends at
            the type it starts from. None for one pass, a node more than the metapath has steps.
        typed_negatives: Whether negatives are of the context's type: the "++" variant of the paper.
        weight: Name of an edge feature, a tensor with a weight for each edge in the host's order, or a dict of
            tensors by edge type: walks follow an edge with probability proportional to it.
        time: Name of an edge feature, a number for each edge in the host's order, or a dict of such by edge type: walks
            follow an edge only after one that is strictly earlier (CTDNE, Nguyen et al. 2018). The negatives'
            distribution stays that of walks without time. See :func:`graphembed_ext.walks.random_walk`.
        engine: Walk engine, ``"auto"``, ``"dgl"`` or ``"torch"``; see :mod:`graphembed_ext.walks`.
        seed: Fixes initial weights, walks and negatives. None draws one from torch's default generator, so that
            ``torch.manual_seed`` governs, as for any torch module.
        num_nodes: Number of nodes of each type, where a dict of ``edge_index`` cannot tell.
        device: Where the tables are made; ``"meta"`` makes none, for ``ge.fit(model, strategy="sharded")``, in which
            every rank makes its own rows.

    Attributes:
        node_embed: Table of the nodes of all types, ``nn.Embedding(num_nodes, emb_dim)``.
        context_embed: Table of the nodes as contexts, same shape.
        hg, g: The host graph.
        metapath: As given.
        node_metapath: Node types along the metapath; a list of such lists for several.

    Raises:
        MetapathError: A step that the graph lacks, that several edge types could mean, or that does not start
            where the step before it ends.
        InputError: Another argument that cannot work, or a graph without nodes or edges.

    Reference:
        Dong, Chawla and Swami 2017, "metapath2vec: Scalable Representation Learning for Heterogeneous Networks",
        KDD, https://doi.org/10.1145/3097983.3098036.

    Example:
        >>> edges = torch.tensor([[0, 1, 1], [0, 0, 1]])
        >>> graph = {("user", "buys", "item"): edges, ("item", "bought_by", "user"): edges.flip(0)}
        >>> model = MetaPath2Vec(graph, ["buys", "bought_by"], window_size=1, emb_dim=8, seed=0)
        >>> model.local_to_global_nid
        {'item': [0, 1], 'user': [2, 3]}
        >>> pos_u, pos_v, neg_v = model.sample(torch.tensor([0]))  # one walk from user 0, row 2
        >>> pos_u.shape, neg_v.shape
        (torch.Size([4]), torch.Size([4, 5]))
        >>> round(model(pos_u, pos_v, neg_v).item(), 4)  # (1 + 5) ln 2, as every context starts at 0
        4.1589
        >>> model.node_metapath, model.start_nodes, model.noise_weights.shape, model.hg is graph
        (['user', 'item', 'user'], range(0, 2), torch.Size([4]), True)
    """

    _clamp = 10.0

    @spelt()
    def __init__(
        self,
        g: Any,
        metapath: Any,
        window_size: int,
        emb_dim: int = 128,
        negative_size: int = 5,
        sparse: bool = True,
        *,
        walk_length: int | None = None,
        typed_negatives: bool = False,
        weight: Weight | None = None,
        time: Weight | None = None,
        engine: str = "auto",
        seed: int | None = None,
        num_nodes: Any = None,
        device: Any = None,
    ) -> None:
        super().__init__(
            emb_dim=emb_dim, window_size=window_size, negative_size=negative_size, neg_weight=1.0, seed=seed
        )
        self.typed_negatives = checks.flag("typed_negatives", typed_negatives)
        graph = self._view_of(g, num_nodes)
        if metapath is None:
            raise InputError("metapath", None, "a list of edge types, or several such lists")
        kind: dict[str, Any] = {"metapath": metapath, "weight": weight, "time": time}
        walker = Walker(graph, cyclic=walk_length is not None, engine=engine, **kind)
        self.metapath = metapath
        length = walker.full_length if walk_length is None else walker.check_length(walk_length)
        if length < window_size:
            reason = "" if walk_length is not None else f"the metapath has {length - 1} steps and "
            raise InputError(
                "window_size",
                window_size,
                f"at most {length}, as {reason}a walk has {length} nodes",
                "narrow the window, lengthen the metapath, or go round it with walk_length",
            )
        self._visited: tuple[GraphView, Tensor] | None = None
        self._alias: tuple[GraphView, AliasTable] | None = None
        self._build(walker, length, sparse, device)

    @property
    def hg(self) -> Any:
        """The host graph that the model was built on."""
        return self.g

    @property
    def node_metapath(self) -> Any:
        """Node type at each position of a walk along the metapath; a list for each of several metapaths."""
        types = [node_types(path) for path in self.walker.metapaths]
        return types if len(types) > 1 else types[0]

    @property
    def noise_weights(self) -> Tensor:
        """Expected visits ** 0.75 of each node, 0 off the metapath, float64, shape ``(num_nodes,)``."""
        view = self.view
        if self._visited is None or self._visited[0] is not view:
            self._visited = view, visits(self.walker, self.walk_length) ** 0.75
        return self._visited[1]

    def noise_groups(self) -> tuple[Tensor | None, list[int]]:
        """All nodes are one group, or with ``typed_negatives`` each type is one."""
        view = self.view
        starts = list(view.offsets.values()) if self.typed_negatives else [0]
        return self.noise_weights, [*starts, view.total_nodes]

    def sample(self, indices: Any) -> tuple[Tensor, Tensor, Tensor]:
        """Pairs and negatives of one walk from each start node; the ``collate_fn`` of a DataLoader over them.

        Every call goes on in the model's random stream; in a DataLoader's workers every worker and epoch has a
        stream of its own.

        Args:
            indices: Start nodes as ids within the type that the metapath starts from, shape ``(B,)``. Where
                several metapaths start from different types, a dict of ids by type, or a list of ``(type, id)``
                pairs. Every metapath of its type is walked from each.

        Returns:
            Centres ``(P,)``, contexts ``(P,)`` and negatives ``(P, negative_size)``: rows of the tables, int64,
            the pairs ordered by walk, centre and context.
        """
        stream = stream_of_call(self._key, "sample", self._sampled)
        self._sampled += 1
        walks = self.walker.walk(self._starts(indices), self.walk_length, stream).nodes
        # Each position of a walk has its negatives, which all pairs with that context share: far fewer rows to train.
        nodes = walks.reshape(-1)
        position = torch.arange(len(nodes), device=walks.device).view(walks.shape)
        centre, context = self.pairs_of(torch.where(walks < 0, -1, position))
        noise = self._negatives_of(walks, rng.key(stream, "noise")).view(-1, self.negative_size)
        return nodes[centre], nodes[context], noise[context]

    def pairs_of(self, walks: Tensor) -> tuple[Tensor, Tensor]:
        """All pairs of near nodes in some walks.

        Args:
            walks: Rows of the tables, or other numbers of places in walks, -1 after a walk's end, int64, shape
                ``(B, walk_length)``.

        Returns:
            Centres and contexts, ``(P,)`` each, ordered by walk, centre and context.
        """
        walks = self._check_ids("walks", walks, -1, torch.iinfo(torch.int64).max)
        if walks.dim() != 2:
            raise InputError("walks", f"shape {tuple(walks.shape)}", "shape (B, walk_length)")
        return near_pairs(walks.long(), self.window_size)

    def forward(self, pos_u: Tensor, pos_v: Tensor, neg_v: Tensor) -> Tensor:
        """Loss of a batch of pairs by ``dgl.nn.MetaPath2Vec``'s formula; 0 without a single pair.

        Args:
            pos_u: Centres, shape ``(P,)``.
            pos_v: Contexts, shape ``(P,)``.
            neg_v: Negatives for each pair, shape ``(P, K)``.

        Returns:
            Scalar, shape ``()``.

        Raises:
            InputError: Ids that are no rows of the tables, or shapes that do not fit.
        """
        pos_u = self._check_ids("pos_u", pos_u, 0)
        pos_v = self._check_ids("pos_v", pos_v, 0)
        neg_v = self._check_ids("neg_v", neg_v, 0)
        if neg_v.dim() != 2 or pos_u.dim() != 1 or pos_v.dim() != 1 or not len(pos_u) == len(pos_v) == len(neg_v):
            shapes = f"shapes {tuple(pos_u.shape)}, {tuple(pos_v.shape)} and {tuple(neg_v.shape)}"
            raise InputError("pos_u, pos_v, neg_v", shapes, "shapes (P,), (P,) and (P, K)")
        if not len(pos_u):
            return self.node_embed(pos_u).sum() + self.context_embed(pos_v).sum()
        centres, i = rows_of(self.node_embed, pos_u)
        contexts, j = rows_of(self.context_embed, torch.cat([pos_v.unsqueeze(1), neg_v], 1))
        scores = pair_scores(centres, contexts, i, j)
        pos, neg = scores[:, 0], scores[:, 1:]
        return losses.skip_gram_loss(pos, neg, preset="dgl", clamp=self._clamp)

    @property
    def start_nodes(self) -> Sequence[Any]:
        """Ids of the nodes that metapaths start from; pairs ``(type, id)`` where they start from several types."""
        counts = {path[0][0]: self.view.num_nodes[path[0][0]] for path in self.walker.metapaths}
        if len(counts) == 1:
            return range(next(iter(counts.values())))
        return [(node_type, node) for node_type, count in counts.items() for node in range(count)]

    def loss_of_sample(self, batch: Any) -> Tensor:
        """The loss of what :meth:`sample` returned."""
        found: Tensor = self(*batch)
        return found

    def _starts(self, indices: Any) -> Tensor:
        """Start nodes as :meth:`Walker.walk` takes them."""
        view, paths = self.view, self.walker.metapaths
        types = sorted({path[0][0] for path in paths})
        given = _by_type(indices, types)
        unknown = sorted(set(given) - set(types))
        if unknown:
            raise InputError("indices", f"nodes of type {unknown[0]!r}", f"nodes of {types}, where metapaths start")
        parts = [torch.empty(0, dtype=torch.int64)]
        for number, path in enumerate(paths):
            node_type = path[0][0]
            if node_type in given:
                local = check_starts(given[node_type], view.num_nodes[node_type], f" of type {node_type!r}")
                parts.append(local + (view.offsets[node_type] + number * view.total_nodes))
        return torch.cat(parts)

    def _draw_negatives(self, walk: Tensor, valid: Tensor, whole: bool, stream: int) -> Tensor:
        if not self.typed_negatives:
            return self._draw(len(walk) * self._negatives_per_walk, None, stream).view(len(walk), -1).to(walk.device)
        return self._negatives_of(walk, stream)

    def _negatives_of(self, walks: Tensor, stream: int) -> Tensor:
        """Negatives for each position of some walks, ``(B, walk_length, negative_size)``; beyond an end of no use."""
        # Beyond a walk's end the negatives are those of node 0, and never used.
        contexts = walks.clamp(min=0).reshape(-1).repeat_interleave(self.negative_size)
        drawn = self._draw(len(contexts), contexts if self.typed_negatives else None, stream)
        return drawn.view(*walks.shape, self.negative_size).to(walks.device)

    def _negative_scores(self, nodes: Tensor, pairs: Tensor, num_pairs: int, negatives: Tensor) -> Tensor:
        if negatives.dim() == 2:
            return super()._negative_scores(nodes, pairs, num_pairs, negatives)
        noise = self.context_embed(negatives.flatten(1))
        scores = torch.bmm(nodes, noise.transpose(1, 2)).view(*pairs.shape, self.negative_size)
        return scores[pairs]

    def _draw(self, count: int, contexts: Tensor | None, stream: int) -> Tensor:
        """``count`` negatives, each of the type of its context where there are contexts."""
        offsets, table = self._negative_tables()
        rows = None if contexts is None else torch.bucketize(contexts.cpu(), offsets[1:], right=True)
        return draw_entries(table, offsets, rows, count, stream)

    def _negative_tables(self) -> tuple[Tensor, AliasTable]:
        """First row of each group that negatives are drawn within, and the alias table of the groups."""
        offsets, view = torch.tensor(self.noise_groups()[1]), self.view
        if self._alias is None or self._alias[0] is not view:
            self._alias = view, alias_table(offsets, self.noise_weights)
        return offsets, self._alias[1]


def _by_type(indices: Any, types: list[str]) -> dict[str, Any]:
    """Start nodes by their type, given so, as pairs, or alone where there is one type."""
    if isinstance(indices, Mapping):
        return dict(indices)
    if isinstance(indices, (list, tuple)) and indices and isinstance(indices[0], tuple):
        return {t: torch.tensor([int(node) for kind, node in indices if kind == t]) for t, _ in indices}
    if len(types) == 1:
        return {types[0]: indices}
    raise InputError(
        "indices",
        "ids alone",
        f"a dict of ids by node type, or (type, id) pairs, as the metapaths start from {types}",
    )


def visits(walker: Walker, walk_length: int) -> Tensor:
    """Visits to be expected at each node when one walk starts from every start node of a walker's metapaths.

    Distributions are sent along the steps, so the figures are exact and no walk is made. Nodes of the metapaths'
    types that no walk reaches get the least figure of those reached.

    Args:
        walker: A walker with metapaths.
        walk_length: Nodes in a walk.

    Returns:
        float64, shape ``(total_nodes,)``; 0 for types off the metapaths.
    """
    view = walker.view
    csr, weight = walker.steps()[0], walker.entry_weights()
    total = torch.zeros(view.total_nodes, dtype=torch.float64)
    on_path = torch.zeros(view.total_nodes, dtype=torch.bool)
    bases = walker.steps()[1]
    transitions = {}
    for edge_type, base in bases.items():
        first = base + view.offsets[edge_type[0]]
        rows = csr.indptr[first : first + view.num_nodes[edge_type[0]] + 1].cpu()
        begin, end = int(rows[0]), int(rows[-1])
        degrees = rows[1:] - rows[:-1]
        share = torch.ones(end - begin, dtype=torch.float64) if weight is None else weight[begin:end].cpu()
        source = torch.repeat_interleave(torch.arange(len(degrees)), degrees)
        share = share / torch.bincount(source, share, minlength=len(degrees))[source]
        local = csr.indices[begin:end].cpu() - view.offsets[edge_type[2]]
        shape = (view.num_nodes[edge_type[0]], view.num_nodes[edge_type[2]])
        matrix = scipy.sparse.csr_matrix((share.numpy(), local.numpy(), (rows - begin).numpy()), shape=shape)
        transitions[edge_type] = matrix.T
    for path in walker.metapaths:
        steps = walk_length - 1 if walker.cyclic else min(walk_length - 1, len(path))
        start_type = path[0][0]
        now = torch.ones(view.num_nodes[start_type], dtype=torch.float64)
        for step in range(steps + 1):
            node_type = start_type if step == 0 else path[(step - 1) % len(path)][2]
            part = slice(view.offsets[node_type], view.offsets[node_type] + view.num_nodes[node_type])
            total[part] += now
            on_path[part] = True
            if step < steps:
                now = torch.from_numpy(transitions[path[step % len(path)]] @ now.numpy())
    reached = total > 0
    if bool(reached.any()):
        total[on_path & ~reached] = total[reached].min()
    return total
