"""Batches of walks for training, each epoch and batch with its own random stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from .._core import checks, rng
from .._core.shuffle import Shuffle
from ..distributed.group import ALONE, Group
from ..errors import InputError
from .starts import Starts
from .walker import Walker

__all__ = ["WalkLoader"]


#: What a worker gets to make a batch: the epoch, the number of its first walk, and the start nodes.
Job = tuple[int, int, Tensor]


class WalkLoader(DataLoader[Any]):
    """A DataLoader whose batches are walks from every start node, int64 ``(batch_size, walk_length)``.

    Batches depend on the seed and the epoch, not on the number of workers. Each pass over the loader is another
    epoch, with another order and other walks. torch's global generator is not used.

    Args:
        walker: Makes the walks.
        starts: Start nodes, one walk from each in every epoch: ids, or ranges of them.
        walk_length: Nodes in a walk.
        seed: Seed of order and walks.
        batch_size: Walks in a batch.
        shuffle: Whether every epoch takes the starts in another order.
        drop_last: Whether to leave out a last batch that is not full.
        collate_fn: Applied to each batch of walks, in the worker; None hands the walks over as they are.
        **kwargs: Further arguments of :class:`torch.utils.data.DataLoader`, such as ``num_workers``.

    Attributes:
        epoch: Number of the next pass; set it to resume.
        group: The processes that share out the walks of every batch; set it before the first pass.
        skip: How many batches the next pass leaves out, which have been made before.

    Example:
        >>> import graphembed_ext as ge
        >>> ring = torch.tensor([[0, 1, 2], [1, 2, 0]])
        >>> loader = ge.DeepWalk(ring, walk_length=6, seed=0).loader(batch_size=2)
        >>> [walks.shape for walks in loader]
        [torch.Size([2, 6]), torch.Size([1, 6])]
    """

    def __init__(
        self,
        walker: Walker,
        starts: Tensor | Starts,
        walk_length: int,
        *,
        seed: int,
        batch_size: int = 128,
        shuffle: bool = True,
        drop_last: bool = False,
        collate_fn: Callable[[Tensor], Any] | None = None,
        **kwargs: Any,
    ) -> None:
        for taken in ("sampler", "batch_sampler", "dataset"):
            if taken in kwargs:
                raise InputError(taken, kwargs[taken], "nothing: this loader orders its start nodes itself")
        batch_size = checks.integer("batch_size", batch_size)
        checks.switch("drop_last", drop_last)
        checks.loading(kwargs | {"shuffle": shuffle})
        self._order = _Order(starts, batch_size, shuffle, drop_last, seed)
        kwargs.setdefault("generator", rng.generator(rng.key(seed, "loader")))
        super().__init__(
            _Jobs(len(starts)),
            batch_sampler=self._order,
            collate_fn=_MakeWalks(walker, walk_length, seed, collate_fn),
            **kwargs,
        )

    @property
    def group(self) -> Group:
        """The processes that share out the walks of every batch."""
        return self._order.group

    @group.setter
    def group(self, value: Group) -> None:
        self._order.group = value

    @property
    def skip(self) -> int:
        """How many batches the next pass leaves out, from 0."""
        return self._order.skip

    @skip.setter
    def skip(self, value: int) -> None:
        self._order.skip = checks.integer("skip", value, minimum=0)

    @property
    def epoch(self) -> int:
        """Number of the next pass over the loader, from 0."""
        return self._order.epoch

    @epoch.setter
    def epoch(self, value: int) -> None:
        self._order.epoch = checks.integer("epoch", value, minimum=0)


class _Order(Sampler[list[Job]]):
    """Orders the start nodes of one epoch and cuts them into jobs."""

    def __init__(self, starts: Tensor | Starts, batch_size: int, shuffle: bool, drop_last: bool, seed: int) -> None:
        self._starts, self._batch_size, self._shuffle = starts, batch_size, shuffle
        self._drop_last, self._seed = drop_last, seed
        self.epoch = self.skip = 0
        self.group: Group = ALONE

    def __len__(self) -> int:
        size = len(self._starts)
        return size // self._batch_size if self._drop_last else -(-size // self._batch_size)

    def __iter__(self) -> Iterator[list[Job]]:
        epoch, self.epoch = self.epoch, self.epoch + 1
        skip, self.skip = self.skip, 0
        ordered = self._alone if self.group is ALONE else self._shared
        starts = ordered(rng.key(self._seed, "order", epoch))
        for batch in range(skip, len(self)):
            first = batch * self._batch_size
            own = self.group.share(min(self._batch_size, len(self._starts) - first))
            yield [(epoch, first + own.start, starts(first + own.start, first + own.stop))]

    def _alone(self, key: int) -> Callable[[int, int], Tensor]:
        """What stands from a first to before a last place in an order that is made for all."""
        starts = self._starts.whole() if isinstance(self._starts, Starts) else self._starts
        if self._shuffle:
            order = torch.randperm(len(starts), generator=rng.generator(key))
            starts = starts[order.to(starts.device)]
        return lambda first, last: starts[first:last]

    def _shared(self, key: int) -> Callable[[int, int], Tensor]:
        """The same of an order that is worked out place by place, as each process needs its share alone."""
        starts, order = self._starts, Shuffle(len(self._starts), key)

        def found(first: int, last: int) -> Tensor:
            places = torch.arange(first, last)
            places = order.at(places) if self._shuffle else places
            return starts.at(places) if isinstance(starts, Starts) else starts[places.to(starts.device)]

        return found


class _Jobs(Dataset[Job]):
    """Hands jobs through: DataLoader asks a dataset for the items that its batch sampler names."""

    def __init__(self, size: int) -> None:
        self._size = size

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, job: Any) -> Job:
        return job


class _MakeWalks:
    def __init__(self, walker: Walker, walk_length: int, seed: int, collate_fn: Callable[[Tensor], Any] | None) -> None:
        self._walker, self._walk_length, self._seed, self._collate_fn = walker, walk_length, seed, collate_fn

    def __call__(self, jobs: list[Job]) -> Any:
        ((epoch, first, starts),) = jobs
        walks = self._walker.walk(starts, self._walk_length, rng.key(self._seed, "walks", epoch), first).nodes
        return walks if self._collate_fn is None else self._collate_fn(walks)
