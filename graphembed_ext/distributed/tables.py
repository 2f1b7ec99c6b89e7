"""Tables whose rows are shared out over ranks: rows are pulled from their owners, gradients are pushed back to them.

A rank owns as many rows on end as any other, the last ones fewer: the chunks of DTensor's ``Shard(0)``, so that
``torch.distributed.checkpoint`` writes them by rank and reads them on any number of ranks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from .._core.shared import is_shared
from ..errors import InputError
from .group import Group, Ranks

__all__ = ["Exchange", "RowTable", "columns_of", "rows_of_rank", "shared"]


class Exchange:
    """Which rows of tables this rank needs now, and which of its own the others need.

    Args:
        group: The ranks.
        ids: Rows, each once, int64, ``(R,)``.
        num_rows: Rows of the tables.
    """

    def __init__(self, group: Group, ids: Tensor, num_rows: int) -> None:
        self._group = group
        owner = ids // rows_of_rank(num_rows, group.size)
        self._order = torch.sort(owner, stable=True).indices
        counts = torch.bincount(owner, minlength=group.size)
        ones = [1] * group.size
        self._sent = counts.tolist()
        self._received = group.exchanged(counts, ones, ones).tolist()
        #: Rows that the others need, by their place among this rank's own.
        self._wanted = group.exchanged(ids[self._order], self._sent, self._received)
        self._wanted -= group.rank * rows_of_rank(num_rows, group.size)

    def pull(self, own: Tensor) -> Tensor:
        """The rows needed, ``(R, d)``, out of every rank's ``own``."""
        came = self._group.exchanged(own.index_select(0, self._wanted), self._received, self._sent)
        found = torch.empty_like(came)
        found[self._order] = came
        return found

    def push(self, changes: Tensor) -> tuple[Tensor, Tensor]:
        """Hand a change of every row that was pulled to its owner.

        Returns:
            Rows of this rank that somebody has changed, by their place, each once and ascending; and the sum of the
            changes of each.
        """
        came = self._group.exchanged(changes.index_select(0, self._order), self._sent, self._received)
        rows, place = torch.unique(self._wanted, return_inverse=True)
        return rows, came.new_zeros(len(rows), came.size(1)).index_add_(0, place, came)


class RowTable:
    """This rank's rows of a table, and Adagrad with one number a row.

    A row ``w`` with the gradient ``g`` goes to ``w - lr g / (sqrt(s) + eps)``, where ``s`` adds up the mean of ``g²``.
    It is the same whichever rank owns the row, and its state is a number where Adam's would be two rows.

    Args:
        group: The ranks.
        table: The whole table; one without memory (``device="meta"``); or one shared out already.
        make: Rows ``(first, last)`` of a table without memory.

    Attributes:
        own: The rows, ``(rows, d)``.
        sums: ``s`` of each.

    Reference:
        Duchi, Hazan and Singer 2011, "Adaptive Subgradient Methods", JMLR 12; a number a row as in DLRM,
        arXiv:1906.00091, and TorchRec.
    """

    _EPS = 1e-8

    def __init__(self, group: Group, table: Tensor, make: Callable[[int, int], Tensor]) -> None:
        self._group, self._shape = group, table.shape
        size = rows_of_rank(len(table), group.size)
        first, last = (min(len(table), rank * size) for rank in (group.rank, group.rank + 1))
        if is_shared(table):
            self.own = table.to_local()  # type: ignore[attr-defined]
        elif table.is_meta:
            self.own = make(first, last)
        else:
            group.same_weights([table])
            own = table.detach()[first:last]
            self.own = own.clone() if len(own) < len(table) else own  # a part of it keeps the whole alive
        self.sums = self.own.new_zeros(len(self.own))

    def parameter(self) -> nn.Parameter:
        """The whole table as torch sees it, its rows shared out."""
        return nn.Parameter(shared(self._group, self.own, self._shape, 0))

    def state(self) -> Tensor:
        """The sums of all rows, shared out as they are."""
        return shared(self._group, self.sums, self._shape[:1], 0)

    def load(self, sums: Tensor) -> None:
        """Take up sums of an earlier run."""
        self.sums.copy_(sums.to_local() if is_shared(sums) else sums)  # type: ignore[attr-defined]

    def step(self, rows: Tensor, gradient: Tensor, lr: float) -> None:
        """Change some rows, each once, along their gradients ``(R, d)``."""
        sums = self.sums.index_select(0, rows) + gradient.square().mean(1)
        self.sums.index_copy_(0, rows, sums)
        self.own.index_add_(0, rows, gradient / (sums.sqrt() + self._EPS).unsqueeze(1), alpha=-lr)


def rows_of_rank(num_rows: int, size: int) -> int:
    """Rows that every rank owns, but the last ones, which may own fewer."""
    return -(-num_rows // size)


def columns_of(group: Group, width: int) -> slice:
    """Columns that this rank has of a table shared out by columns.

    Raises:
        InputError: There are fewer columns than ranks.
    """
    size = rows_of_rank(width, group.size)
    if size * (group.size - 1) >= width:
        fitting = max(n for n in range(1, width + 1) if rows_of_rank(width, n) * (n - 1) < width and n <= group.size)
        raise InputError(
            "strategy",
            f"'columns' for {width} columns on {group.size} ranks",
            "a column for every rank",
            f"{fitting} ranks, or a larger embedding_dim",
        )
    return slice(group.rank * size, min(width, (group.rank + 1) * size))


def shared(group: Group, own: Tensor, shape: Any, dim: int) -> Tensor:
    """A tensor of which every rank has a part along a dimension; one that a single rank has all of, as it is."""
    if not isinstance(group, Ranks) or group.size == 1:
        return own
    from torch.distributed.tensor import DTensor, Shard

    stride = torch.empty(shape, device="meta").stride()
    made: Tensor = DTensor.from_local(
        own, group.mesh(own.device), [Shard(dim)], run_check=False, shape=torch.Size(shape), stride=stride
    )
    return made
