"""What PyG's Node2Vec and MetaPath2Vec share: one table, windows that look ahead, uniform negatives."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from .. import losses
from .._core import checks, rng
from .._core.checks import as_tensor, described
from .._core.doors import as_ids, within
from .._core.optional import optional
from .._core.rng import stream_of_call
from ..errors import InputError
from ..graph.view import GraphView
from ..hosts import registry
from ..nn.ops.pair_scores import pair_scores, rows_of
from ..nn.unchanged import eager, plainly
from ..walks.tables import check_starts
from ..walks.walker import Walker
from ._growing import GrowingTables
from ._streams import OwnStreams
from .skipgram import table

__all__ = ["Windowed"]


class Windowed(OwnStreams, GrowingTables, nn.Module):
    """Base of the models with PyG's conventions: walks are cut into windows whose first node is the centre.

    A subclass checks its own arguments, makes a walker, then calls :meth:`_build`; it says what the nodes of a
    walk are by :meth:`_walks` and :meth:`_negatives`.

    Attributes:
        embedding: The table.
        walker: Makes the walks.
    """

    #: What :func:`graphembed_ext.fit` trains it by.
    task = "own_loop"
    _counts = ("_sampled", "_loaders")
    _tables = ("embedding",)

    def __init__(
        self,
        *,
        embedding_dim: int,
        context_size: int,
        walks_per_node: int,
        num_negative_samples: int,
        nodes: int,
        seed: int | None,
    ) -> None:
        super().__init__()
        self.embedding_dim = checks.integer("embedding_dim", embedding_dim)
        self.context_size = checks.integer("context_size", context_size, minimum=2)
        self.walks_per_node = checks.integer("walks_per_node", walks_per_node)
        self.num_negative_samples = checks.integer("num_negative_samples", num_negative_samples)
        self.seed = checks.seed(seed)
        self._nodes = nodes
        if nodes < context_size:
            raise InputError(
                "context_size",
                context_size,
                f"at most {nodes}, the number of nodes in a walk",
                "lengthen the walks or narrow the windows",
            )

    def _build(self, walker: Walker, rows: int, starts: int, sparse: bool) -> None:
        self.walker, self._num_starts = walker, starts
        self.embedding = table(rows, self.embedding_dim, checks.flag("sparse", sparse))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Reinitialise: standard normal. The random streams start over."""
        self._key = rng.seed_or_fresh(self.seed)
        self._sampled = self._loaders = 0
        with torch.no_grad():
            start = torch.empty(self.embedding.weight.shape)
            self.embedding.weight.copy_(start.normal_(generator=rng.generator(rng.key(self._key, "init"))))

    @property
    def g(self) -> Any:
        """The graph that the model was built on."""
        return self.walker.view.source

    def loader(self, **kwargs: Any) -> DataLoader[Any]:
        """A DataLoader over all start nodes, whose batches are ``(pos_rw, neg_rw)``.

        With a seed, every epoch over a first loader of a model is the same in every run of a program that has no
        workers, or as many of them. torch's global generator is not used.

        Args:
            **kwargs: ``batch_size``, ``shuffle``, ``num_workers`` and whatever else
                :class:`torch.utils.data.DataLoader` takes.
        """
        kwargs = checks.loading(kwargs)
        kwargs.setdefault("generator", rng.generator(rng.key(self._key, "loader", self._loaders)))
        self._loaders += 1
        return DataLoader(range(self._num_starts), collate_fn=self.sample, **kwargs)  # type: ignore[arg-type]

    def sampling_loader(self, **kwargs: Any) -> DataLoader[Any]:
        """The loader that :func:`graphembed_ext.fit` goes through."""
        return self.loader(**kwargs)

    def loss_of_sample(self, batch: Any) -> Tensor:
        """The loss of a batch of :meth:`sampling_loader`."""
        device = self.embedding.weight.device
        return self.loss(*(windows.to(device) for windows in batch))

    def pos_sample(self, batch: Any) -> Tensor:
        """Windows of walks from some start nodes.

        Args:
            batch: Start nodes, integers, shape ``(B,)``.

        Returns:
            Rows of the table, int64, shape ``(W, context_size)``: position by position, then walk by walk.
            Windows that reach past a walk's end are left out.
        """
        return self._pos_sample(batch)

    def _pos_sample(self, batch: Any) -> Tensor:  # PyG's MetaPath2Vec has these under private names, to be overridden
        starts = check_starts(batch, self._num_starts).repeat(self.walks_per_node)
        windows = self._windows(self._walks(starts, self._next_stream("walks")))
        return windows[(windows >= 0).all(1)]

    def neg_sample(self, batch: Any) -> Tensor:
        """Windows of negatives: a start node, or a negative, followed by negatives, drawn uniformly.

        Args:
            batch: Start nodes, integers, shape ``(B,)``.

        Returns:
            Rows of the table, int64, shape ``(W, context_size)``.
        """
        return self._neg_sample(batch)

    def _neg_sample(self, batch: Any) -> Tensor:
        starts = check_starts(batch, self._num_starts).repeat(self.walks_per_node * self.num_negative_samples)
        random = rng.bits(self._next_stream("noise"), torch.arange(len(starts) * (self._nodes - 1)))
        return self._windows(self._negatives(starts, random.view(len(starts), self._nodes - 1)))

    def sample(self, batch: Any) -> tuple[Tensor, Tensor]:
        """:meth:`pos_sample` and :meth:`neg_sample`; the ``collate_fn`` of :meth:`loader`."""
        return self._sample(batch)

    def _sample(self, batch: Any) -> tuple[Tensor, Tensor]:
        batch = check_starts(batch, self._num_starts)
        return self.pos_sample(batch), self.neg_sample(batch)

    def loss(self, pos_rw: Tensor, neg_rw: Tensor) -> Tensor:
        """PyG's loss: of each window the first node against the others, see :mod:`graphembed_ext.losses`.

        Args:
            pos_rw: Windows of walks, shape ``(W, context_size)``. There may be none, where walks end early.
            neg_rw: Windows of negatives, shape ``(W', context_size)``.

        Returns:
            Scalar, shape ``()``.

        Raises:
            InputError: No matrix of whole numbers, or an id that is no row of the table; then an IndexError, too.
        """
        pos, neg = (self._scores(*given) for given in (("pos_rw", pos_rw), ("neg_rw", neg_rw)))
        if not len(pos) and not len(neg):
            return pos.sum() + neg.sum()
        # A side without windows counts as scores that could not be better, which cost nothing.
        pos = pos if len(pos) else pos.new_full((1,), torch.inf)
        neg = neg if len(neg) else neg.new_full((1,), -torch.inf)
        return losses.skip_gram_loss(pos, neg, preset="pyg")

    def test(
        self,
        train_z: Tensor,
        train_y: Tensor,
        test_z: Tensor,
        test_y: Tensor,
        solver: str = "lbfgs",
        *args: Any,
        **kwargs: Any,
    ) -> float:
        """Accuracy of a logistic regression on the vectors.

        Args:
            train_z, train_y: Vectors and classes to learn from.
            test_z, test_y: Vectors and classes to score on.
            solver, *args, **kwargs: As for :class:`sklearn.linear_model.LogisticRegression`.
        """
        linear_model = optional("sklearn.linear_model", f"{type(self).__name__}.test")
        train_x, train_c, test_x, test_c = (t.detach().cpu().numpy() for t in (train_z, train_y, test_z, test_y))
        classifier = linear_model.LogisticRegression(*args, solver=solver, **kwargs).fit(train_x, train_c)
        return float(classifier.score(test_x, test_c))

    @staticmethod
    def _checked(view: GraphView) -> GraphView:
        return cpu_view(view, None)

    @abc.abstractmethod
    def _walks(self, starts: Tensor, stream: int) -> Tensor:
        """Walks as rows of the table, -1 after a walk's end, ``(B, nodes)``."""

    @abc.abstractmethod
    def _negatives(self, starts: Tensor, random: Tensor) -> Tensor:
        """Negatives instead of walks, ``(B, nodes)``, out of 64 random bits for each node but the first."""

    def _next_stream(self, purpose: str) -> int:
        stream = stream_of_call(self._key, purpose, self._sampled)
        self._sampled += 1
        return stream

    def _windows(self, walks: Tensor) -> Tensor:
        # PyG's order: all walks' first windows, then all walks' second ones.
        return walks.unfold(1, self.context_size, 1).transpose(0, 1).reshape(-1, self.context_size)

    def _scores(self, argument: str, given: Any) -> Tensor:
        windows = _windows_given(argument, given)
        if not plainly(self.embedding, nn.Embedding):
            rest = windows[:, 1:]
            first, others = self.embedding(windows[:, 0]), self.embedding(rest.reshape(-1))  # as PyG calls it
            found: Tensor = (first.unsqueeze(1) * others.view(*rest.shape, *others.shape[1:])).sum(-1).flatten()
            return found
        if eager(self.embedding.weight, windows):
            windows = within(argument, windows, self.embedding.num_embeddings)
        vectors, places = rows_of(self.embedding, windows)
        return pair_scores(vectors, vectors, places[:, 0], places[:, 1:]).flatten()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.embedding.num_embeddings}, {self.embedding_dim})"


def some_rows(batch: Any, count: int) -> Tensor:
    """Rows of the table that a user asks for, by ids or by a mask of all of them; checked."""
    mask = isinstance(batch, Tensor) and batch.dtype == torch.bool and batch.shape == (count,)
    return batch if mask else within("batch", as_ids(batch, "batch"), count)


def _windows_given(argument: str, windows: Any) -> Tensor:
    expected = "rows of the table, whole numbers (W, context_size)"
    found = as_tensor(argument, windows, expected)
    if found.dim() != 2 or found.size(1) == 0 or found.is_floating_point() or found.dtype == torch.bool:
        raise InputError(argument, described(found), expected)
    return found


def cpu_view(graph: Any, num_nodes: Any) -> GraphView:
    """The view of a graph whose edges a DataLoader's workers can read: on the CPU, as PyG has them.

    There may be no edges where the number of nodes was stated, as in PyG: then there are vectors, and no windows.
    """
    if isinstance(graph, Mapping):
        if not all(getattr(edges, "is_cpu", True) for edges in graph.values()):
            graph = {edge_type: _on_cpu(edges) for edge_type, edges in graph.items()}
    else:
        graph = _on_cpu(graph)
    view = registry.view(graph) if num_nodes is None else registry.view(graph, num_nodes=num_nodes)
    if view.total_nodes == 0 or (view.total_edges == 0 and num_nodes is None):
        raise InputError("edge_index", repr(view), "a graph with nodes and edges, as there is nothing to walk on")
    return view


def _on_cpu(edges: Any) -> Any:
    """Tensors there; those without values as they are, for the view to refuse."""
    return edges.cpu() if isinstance(edges, Tensor) and not edges.is_meta else edges
