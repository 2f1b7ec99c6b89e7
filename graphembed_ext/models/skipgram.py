"""What the skip-gram models share: two tables, walks, windows, negatives and the loss of a batch of walks."""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from .. import losses
from .._core import checks, memory, rng
from .._core.checks import as_tensor
from .._core.rng import stream_of_call
from ..errors import GraphChangedError, InputError
from ..graph.view import GraphView
from ..hosts import registry
from ..walks.loader import WalkLoader
from ..walks.walker import Walker
from ._growing import GrowingTables
from ._streams import OwnStreams

__all__ = ["SkipGram", "table"]


#: Numbers drawn at a time where tables are made by parts.
_NUMBERS = 1 << 20


class SkipGram(OwnStreams, GrowingTables, nn.Module):
    """Base of the models that learn from walks: skip-gram with negative sampling over two tables.

    A subclass checks its own arguments, then calls :meth:`_build`. It says where negatives come from by
    :attr:`noise_weights` and :meth:`_draw_negatives`.

    Attributes:
        node_embed: Table of the nodes, ``nn.Embedding(num_nodes, emb_dim)``.
        context_embed: Table of the nodes as contexts, same shape.
        walker: Makes the walks.
        walk_length: Nodes in a walk.
        window_size: Farthest distance of a pair within a walk.
        negative_size: Negatives for each pair.
    """

    #: What :func:`graphembed_ext.fit` trains it on.
    task = "skip_gram"
    _counts = ("_sampled", "_drawn")
    _tables = ("node_embed", "context_embed")
    pairs: Tensor
    #: Bound on the scores in the preset "dgl" of the loss.
    _clamp = 6.0

    def __init__(
        self, *, emb_dim: int, window_size: int, negative_size: int, neg_weight: float, seed: int | None
    ) -> None:
        super().__init__()
        self.emb_dim = checks.integer("emb_dim", emb_dim)
        self.window_size = checks.integer("window_size", window_size)
        self.negative_size = checks.integer("negative_size", negative_size)
        self.neg_weight = checks.number("neg_weight", neg_weight, minimum=0)
        self.seed = checks.seed(seed)

    def _build(self, walker: Walker, walk_length: int, sparse: bool, device: Any = None) -> None:
        """Make the tables, once the arguments are known to be right."""
        place = _device(device)
        if place.type == "meta" and self.seed is None:
            raise InputError("seed", None, "a number with device='meta', as every rank makes its own rows by it")
        walker.check_length(walk_length)
        memory.check_room("walk_length", f"{walk_length}", 17 * walk_length**2, "the pairs of positions in a walk")
        self.walker, self.walk_length = walker, walk_length
        total = walker.view.total_nodes
        if place.type != "meta":
            memory.check_tables(total, self.emb_dim)
        self.node_embed = table(total, self.emb_dim, checks.flag("sparse", sparse), place)
        self.context_embed = table(total, self.emb_dim, sparse, place)
        position = torch.arange(walk_length)
        distance = (position[:, None] - position[None, :]).abs()
        #: [centre, context] positions of a whole walk that form a pair.
        self.register_buffer("pairs", (distance > 0) & (distance <= self.window_size), persistent=False)
        self.reset_parameters()

    @staticmethod
    def _view_of(g: Any, num_nodes: Any) -> GraphView:
        graph = registry.view(g) if num_nodes is None else registry.view(g, num_nodes=num_nodes)
        if graph.total_nodes == 0 or graph.total_edges == 0:
            raise InputError("g", repr(graph), "a graph with nodes and edges, as there is nothing to walk on")
        return graph

    def reset_parameters(self) -> None:
        """Reinitialise: nodes uniform in +-1/emb_dim, contexts zero. The random streams start over."""
        self._key = rng.seed_or_fresh(self.seed)
        self._sampled = self._drawn = 0
        with torch.no_grad():
            weight = self.node_embed.weight
            if weight.is_meta:
                return
            plain = weight.device.type == "cpu" and weight.dtype == torch.float32
            start = weight if plain else torch.empty(weight.shape)
            start.uniform_(-1 / self.emb_dim, 1 / self.emb_dim, generator=rng.generator(rng.key(self._key, "init")))
            if start is not weight:
                weight.copy_(start)
            self.context_embed.weight.zero_()

    def start(self, first: int, last: int) -> tuple[Tensor, Tensor]:
        """Rows of both tables at the start, for tables made by parts: each depends on the seed and its number alone.

        Args:
            first, last: The rows ``first`` to ``last - 1``.

        Returns:
            Nodes uniform in +-1/emb_dim, contexts zero, float32, ``(last - first, emb_dim)`` each.
        """
        nodes = torch.empty(last - first, self.emb_dim)
        stream, step = rng.key(self._key, "rows"), max(1, _NUMBERS // self.emb_dim)
        for low in range(first, last, step):
            high = min(last, low + step)
            random = rng.bits(stream, torch.arange(low * self.emb_dim, high * self.emb_dim))
            # 24 bits are what a float32 holds
            unit = ((random >> 40) & 0xFFFFFF).to(torch.float32) / (1 << 24)
            nodes[low - first : high - first] = ((2 * unit - 1) / self.emb_dim).view(-1, self.emb_dim)
        return nodes, torch.zeros_like(nodes)

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
    @abc.abstractmethod
    def noise_weights(self) -> Tensor:
        """How often each node is drawn as a negative, relative to the others, float64, shape ``(num_nodes,)``."""

    def noise_groups(self) -> tuple[Tensor | None, list[int]]:
        """Where the engines of :mod:`graphembed_ext.training.engines.base` draw negatives from.

        Returns:
            Weight of each node, ``(num_nodes,)``, or None for the nodes of the batch; and bounds ``[0, ...,
            num_nodes]`` of groups of rows: a negative is of the group of the context that it stands beside.
        """
        return self.noise_weights, [0, self.node_embed.num_embeddings]

    def noise_parts(self) -> tuple[Callable[[Tensor], Tensor] | None, list[int]]:
        """As :meth:`noise_groups`, by a function of some nodes, int64, ``(R,)``.

        Example:
            >>> import graphembed_ext as ge
            >>> pair = torch.tensor([[0], [0]])
            >>> shop = {("user", "buys", "item"): pair, ("item", "of", "user"): pair}
            >>> weights_of, bounds = ge.MetaPath2Vec(shop, ["buys", "of"], 1, seed=0).noise_parts()
            >>> weights_of(torch.tensor([1])), bounds
            (tensor([1.6818], dtype=torch.float64), [0, 2])
        """
        weights, bounds = self.noise_groups()
        return None if weights is None else weights.__getitem__, bounds

    @property
    def neg_prob(self) -> Tensor:
        """:attr:`noise_weights` as probabilities, float64, shape ``(num_nodes,)``."""
        weight = self.noise_weights
        return weight / weight.sum()

    def loader(self, *, seed: int | None = None, **kwargs: Any) -> WalkLoader:
        """A DataLoader of walks from all start nodes: the same batches for one seed, whatever the number of workers.

        Args:
            seed: Seed of order and walks; None takes the model's own.
            **kwargs: ``batch_size``, ``shuffle``, ``num_workers`` and whatever else
                :class:`~graphembed_ext.walks.loader.WalkLoader` takes.
        """
        seed = self._key if checks.seed(seed) is None else int(seed or 0)
        self.view  # noqa: B018  # raises when the graph has outgrown the tables
        return WalkLoader(self.walker, self.walker.start_ranges(), self.walk_length, seed=seed, **kwargs)

    @abc.abstractmethod
    def sample(self, indices: Any) -> Any:
        """What :meth:`forward` takes, for some start nodes; the ``collate_fn`` of a DataLoader over them."""

    @property
    def start_nodes(self) -> Sequence[Any]:
        """All start nodes as :meth:`sample` takes them."""
        return range(self.view.total_nodes)

    def sampling_loader(self, **kwargs: Any) -> DataLoader[Any]:
        """A DataLoader over :attr:`start_nodes` whose batches :meth:`sample` makes, as DGL's users write it."""
        return DataLoader(self.start_nodes, collate_fn=self.sample, **kwargs)  # type: ignore[arg-type]

    @abc.abstractmethod
    def loss_of_sample(self, batch: Any) -> Tensor:
        """The loss of a batch of :meth:`sampling_loader`."""

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
            negatives: Negatives instead of drawn ones: ``(P, negative_size)`` for each of the P pairs, ordered
                by walk, centre and context; or ``(B, negative_size * M)`` with ``M = min(2 * window_size,
                walk_length - 1)`` for each walk, of which a centre with ``m`` pairs takes the first
                ``negative_size * m``.
            preset: Formula, see :mod:`graphembed_ext.losses`.
            stream: Key of the random stream for drawn negatives; None goes on in the model's own.

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
            elif not isinstance(stream, int) or not 0 <= stream < 2**64:
                raise InputError("stream", stream, "a key, an integer from 0 to 2**64 - 1")
            negatives = self._draw_negatives(walk, valid, whole, stream)
        else:
            negatives = self._check_ids("negatives", negatives, 0)
        neg = self._negative_scores(nodes, pairs, len(pos), negatives)
        return losses.skip_gram_loss(pos, neg, preset=preset, neg_weight=self.neg_weight, clamp=self._clamp)

    @property
    def _negatives_per_walk(self) -> int:
        return self.negative_size * min(2 * self.window_size, self.walk_length - 1)

    @abc.abstractmethod
    def _draw_negatives(self, walk: Tensor, valid: Tensor, whole: bool, stream: int) -> Tensor:
        """Negatives for a batch of walks; :meth:`loss` says in which shapes."""

    def _negative_scores(self, nodes: Tensor, pairs: Tensor, num_pairs: int, negatives: Tensor) -> Tensor:
        noise = self.context_embed(negatives)
        if negatives.shape == (num_pairs, self.negative_size):
            walk, centre, _ = pairs.nonzero(as_tuple=True)
            return torch.bmm(noise, nodes[walk, centre].unsqueeze(2)).squeeze(2)
        if negatives.shape != (len(nodes), self._negatives_per_walk):
            raise InputError(
                "negatives",
                f"shape {tuple(negatives.shape)}",
                f"({num_pairs}, {self.negative_size}), negatives for each pair, or "
                f"({len(nodes)}, {self._negatives_per_walk}), negatives for each walk",
            )
        scores = torch.bmm(nodes, noise.transpose(1, 2))
        wanted = pairs.sum(2) * self.negative_size
        slot = torch.arange(self._negatives_per_walk, device=nodes.device)
        return scores.masked_select(slot < wanted.unsqueeze(2)).view(num_pairs, self.negative_size)

    @staticmethod
    def _checked(view: GraphView) -> GraphView:
        return SkipGram._view_of(view, None)

    def _place(self, walker: Walker, sparse: bool) -> None:
        self._build(walker, self.walk_length, sparse)

    def _check_ids(self, argument: str, ids: Any, lowest: int, count: int | None = None) -> Tensor:
        count = self.node_embed.num_embeddings if count is None else count
        ids = as_tensor(argument, ids, "an integer tensor of node ids")
        if ids.is_floating_point() or ids.dtype == torch.bool:
            raise InputError(argument, f"a tensor of dtype {ids.dtype}", "an integer tensor of node ids")
        if ids.numel():
            low, high = (int(end) for end in torch.aminmax(ids))
            if low < lowest or high >= count:
                raise InputError(
                    argument,
                    f"node id {low if low < lowest else high}",
                    f"ids from {lowest} to {count - 1}",
                )
        return ids.to(self.node_embed.weight.device)

    def __repr__(self) -> str:
        size = f"{self.node_embed.num_embeddings}, {self.emb_dim}"
        return f"{type(self).__name__}({size}, walk_length={self.walk_length}, window_size={self.window_size})"


def table(rows: int, columns: int, sparse: bool, device: torch.device | None = None) -> nn.Embedding:
    """An embedding table whose values are yet to be set; nn.Embedding itself would draw from torch's generator."""
    if device is None or device.type != "meta":
        memory.check_room("num_nodes", f"{rows} rows of {columns} numbers", 4 * rows * columns, "the table")
    return nn.Embedding(rows, columns, sparse=sparse, _weight=torch.empty(rows, columns, device=device))


def _device(device: Any) -> torch.device:
    try:
        return torch.device("cpu" if device is None else device)
    except (RuntimeError, TypeError, ValueError) as error:
        raise InputError("device", device, "a device of torch, such as 'cpu' or 'meta'") from error


def _rows(table: nn.Embedding, walk: Tensor, valid: Tensor, whole: bool) -> Tensor:
    """Embeddings of a batch of walks, zero after a walk's end; -1 is never looked up."""
    if whole:
        return table(walk)
    known = table(walk[valid])
    rows = known.new_zeros(*walk.shape, known.size(-1))
    return rows.masked_scatter(valid.unsqueeze(-1), known)
