"""How a recommender's table is split while it trains: not at all, or by columns.

LightGCN's propagation works on every column by itself, and a score is a sum over columns. So a rank can have all nodes
for some columns, propagate them alone, and needs of the others nothing but their part of a batch's scores.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .._core.shared import is_shared, unshared
from ..distributed.group import ALONE, Group, joined
from ..distributed.tables import columns_of, shared
from .own_scores import negative_scores

__all__ = ["Columns", "Whole", "split_of"]

_SMALLEST = 1e-30


class Whole:
    """No split: one process has the whole table.

    Attributes:
        model: What is trained.
    """

    def __init__(self, model: Any) -> None:
        self.model = model

    def scored(
        self, user: Tensor, positive: Tensor, negative: Tensor, others: Tensor, held: Sequence[Tensor]
    ) -> tuple[Tensor, Tensor, Sequence[Tensor]]:
        """Scores of observed pairs, ``(B,)``, and of negatives, as ``others`` are; and the vectors that are held small.

        Args:
            user, positive, negative: Vectors, ``(B, d)``, or of K negatives ``(B * K, d)``.
            others: Rows of the negatives, ``(B,)`` or ``(B, K)``.
            held: Vectors whose squares, or lengths, the loss adds up.
        """
        return (user * positive).sum(1), negative_scores(user, negative, others), held

    def whole(self, *vectors: Tensor) -> Sequence[Tensor]:
        """Vectors of some rows with all of their columns, ``(n, d)``; their gradient reaches those of this rank."""
        return vectors

    @contextmanager
    def joined(self) -> Iterator[Any]:
        """The model with its whole table."""
        yield self.model

    def shared(self, state: dict[str, Any]) -> dict[str, Any]:
        """An optimiser's state as it is written."""
        return state

    def own(self, state: dict[str, Any]) -> dict[str, Any]:
        """What of a state that was read this process works with."""
        return state

    def __enter__(self) -> Whole:
        return self

    def __exit__(self, kind: Any, *_: object) -> None: ...


class Columns(Whole):
    """Every rank has all rows for its columns; afterwards each has the whole table again.

    While it lasts, the model's table is a DTensor whose columns the ranks share out.

    Args:
        model: A recommender, whose table may be whole or shared out.
        group: The ranks.
    """

    def __init__(self, model: Any, group: Group) -> None:
        self._whole, self._group = model, group
        table = model.embedding.weight.detach()
        self._shape, self._columns = table.shape, columns_of(group, table.size(1))
        if not is_shared(table):
            group.same_weights([table])
        own = nn.Parameter(table.to_local() if is_shared(table) else table[:, self._columns].contiguous())
        super().__init__(self._around(own))
        self._own = own

    def _around(self, table: nn.Parameter) -> Any:
        """The model with this table."""
        found = copy.copy(self._whole)
        module = nn.Embedding(len(table), table.size(1), _weight=table.detach())
        module.weight = table
        found._modules = {**found._modules, "embedding": module}
        return found

    def scored(
        self, user: Tensor, positive: Tensor, negative: Tensor, others: Tensor, held: Sequence[Tensor]
    ) -> tuple[Tensor, Tensor, Sequence[Tensor]]:
        """See :meth:`Whole.scored`; what the other ranks have is added."""
        parts = [(user * positive).sum(1), negative_scores(user, negative, others).flatten()]
        parts += [part.square().sum().view(1) for part in held]
        whole = joined(self._group, torch.cat(parts))
        better, worse, *squares = torch.split(whole, [len(part) for part in parts])
        # of vectors that are elsewhere in part, the loss needs the length alone
        return better, worse.view(others.shape), [square.clamp(min=_SMALLEST).sqrt() for square in squares]

    def whole(self, *vectors: Tensor) -> Sequence[Tensor]:
        """See :meth:`Whole.whole`; every rank puts its columns in, and works out the same loss."""
        first, last = self._columns.start, self._columns.stop
        parts = torch.cat([F.pad(part, (first, self._shape[1] - last)) for part in vectors])
        return torch.split(joined(self._group, parts), [len(part) for part in vectors])

    @contextmanager
    def joined(self) -> Iterator[Any]:
        """See :meth:`Whole.joined`."""
        yield self._around(self._gathered(self._shared(self._own.detach())))

    def _gathered(self, table: Tensor) -> nn.Parameter:
        return nn.Parameter(self._group.during(partial(unshared, table)))

    def _shared(self, own: Tensor) -> Tensor:
        return shared(self._group, own, self._shape, 1)

    def shared(self, state: dict[str, Any]) -> dict[str, Any]:
        """See :meth:`Whole.shared`."""
        return _mapped(state, lambda value: self._shared(value) if value.shape == self._own.shape else value)

    def own(self, state: dict[str, Any]) -> dict[str, Any]:
        """See :meth:`Whole.own`."""
        return _mapped(state, lambda value: value.to_local() if is_shared(value) else value)

    def __enter__(self) -> Columns:
        self._whole.embedding.weight = nn.Parameter(self._shared(self._own.detach()))
        return self

    def __exit__(self, kind: Any, *_: object) -> None:
        if kind is None:  # of ranks that end in an error, not all may be there
            self._whole.embedding.weight = self._gathered(self._whole.embedding.weight.detach())


def split_of(model: Any, group: Group) -> Whole:
    """How the table of a model is split over the processes that train it."""
    return Whole(model) if group is ALONE else Columns(model, group)


def _mapped(value: Any, change: Any) -> Any:
    """The same nested dicts and lists with other tensors."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, dict):
        return {key: _mapped(part, change) for key, part in value.items()}
    return [_mapped(part, change) for part in value] if isinstance(value, list) else value
