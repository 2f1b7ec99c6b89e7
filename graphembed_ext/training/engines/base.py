"""Engines: what trains a skip-gram model for :func:`graphembed_ext.fit`, behind one small interface.

``torch`` (:mod:`.reference`)
    Adam on the model's own loss: any device, dtype and preset. The reference.
``numba`` (:mod:`.cpu`)
    A compiled kernel for tables in float32 on the CPU and the preset ``stable``: plain SGD, fused, several threads.
``triton`` (:mod:`.gpu`)
    The same for tables on a GPU, many walks at the same time.
``sharded`` (:mod:`.sharded`)
    Row-wise Adagrad on the model's own loss, by several ranks that share out the rows of the tables.

An engine looks at nothing of a model but what :class:`WalkModel` lists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Protocol

from torch import Tensor, nn

from ..._core.parallel import threads

__all__ = ["Batch", "Engine", "Trained", "WalkModel", "one_by_one"]


class WalkModel(Protocol):
    """What fit and the engines need of a model. Everything else about it is its own.

    Attributes:
        walker: The :class:`~graphembed_ext.walks.Walker` behind :meth:`loader`; fit asks for its ``serving``.
        node_embed: Table of the nodes, rows by global node id: what is learned.
        context_embed: Table of the nodes as contexts, same shape.
        window_size: Largest distance of a pair within a walk, to either side.
        negative_size: Negatives for each pair.
        neg_weight: Factor of the negatives' term.
        pairs: Which positions of a whole walk form a pair, ``(L, L)``.
    """

    walker: Any
    node_embed: nn.Embedding
    context_embed: nn.Embedding
    window_size: int
    negative_size: int
    neg_weight: float
    pairs: Tensor

    def loader(self, *, seed: int | None = None, **kwargs: Any) -> Any:
        """Batches of walks, int64 ``(B, L)``, global node ids, -1 after a walk's end; takes ``batch_size`` and
        ``num_workers``. Its attribute ``epoch`` is the number of the next pass.
        """

    def loss(
        self,
        batch_walk: Tensor,
        negatives: Tensor | None = None,
        *,
        preset: str = "stable",
        stream: int | None = None,
    ) -> Tensor:
        """Loss of a batch of walks, for the engines in torch, with negatives given or drawn by the key ``stream``."""

    def start(self, first: int, last: int) -> tuple[Tensor, Tensor]:
        """Rows of both tables at the start, for ranks that make their own, ``(last - first, d)`` each."""

    def noise_groups(self) -> tuple[Tensor | None, list[int]]:
        """Weight of each node as a negative, shape ``(N,)``, or None: negatives come from the nodes of the batch; and
        bounds ``[0, ..., N]`` of groups of nodes: negatives come from the group of the centre.
        """

    def noise_parts(self) -> tuple[Callable[[Tensor], Tensor] | None, list[int]]:
        """The same by a function of some nodes, ``(R,)``, for ranks that keep no weight of each node."""


class Batch(NamedTuple):
    """One step of training.

    Attributes:
        walks: Node ids, -1 after a walk's end, int64, shape ``(B, L)``.
        epoch: Number of the pass, from 0.
        number: Number of the batch within it, from 0.
        first: Number of its first walk within the pass.
        rate: Learning rate.
    """

    walks: Tensor
    epoch: int
    number: int
    first: int
    rate: float


class Trained(NamedTuple):
    """What came of a batch.

    Attributes:
        batch: Its number within the epoch.
        tokens: Nodes visited by its walks.
        loss: Mean loss over its pairs before they were trained; NaN or infinite when training has failed.
    """

    batch: int
    tokens: int
    loss: float


class Engine(Protocol):
    """Trains the tables of one model, in place."""

    #: What :func:`graphembed_ext.fit` calls it.
    name: str

    def train(self, batches: Iterable[Batch]) -> Iterator[Trained]:
        """Train one epoch. Takes the batches from the caller's thread, a bounded number ahead of training.

        Closing the iterator early leaves the tables with what they have learned.
        """

    def state_dict(self) -> dict[str, Any]:
        """What the engine must remember between epochs, beside the tables."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up the state of an earlier run."""

    def memory(self) -> int:
        """Bytes that training will take beside the tables, the graph and the walks."""


def one_by_one(step: Callable[[Batch], Trained], batches: Iterable[Batch], count: int) -> Iterator[Trained]:
    """A step for each batch, on so many threads of torch; the caller, which makes the batches, keeps its own number."""
    for batch in batches:
        with threads(count):
            trained = step(batch)
        yield trained
