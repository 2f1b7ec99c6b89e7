"""Tables that grow: a copy of a model on another graph, its rows moved."""

from __future__ import annotations

import abc
import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..graph.view import GraphView
from ..graph.weights import Weight
from ..walks.walker import Walker

__all__ = ["GrowingTables", "Moved", "copy_without", "rows_of_types", "take_over"]

#: Old rows of a table, and where they stand in the new one.
Moved = tuple[Tensor, Tensor]


def copy_without(model: Any, *tables: str) -> Any:
    """A copy of a model but for some of its tables, which are shared until others take their place."""
    memo = {id(table := getattr(model, name)): table for name in tables}
    return copy.deepcopy(model, memo)


def rows_of_types(ids: Mapping[str, Moved], old: Mapping[str, int], new: Mapping[str, int]) -> Moved:
    """Ids by node type as rows of joint tables, given where each type begins before and after."""
    there = [t for t in ids if t in old and t in new]
    nothing = torch.empty(0, dtype=torch.int64)
    return (
        torch.cat([nothing, *(ids[t][0] + old[t] for t in there)]),
        torch.cat([nothing, *(ids[t][1] + new[t] for t in there)]),
    )


def take_over(table: nn.Embedding, before: nn.Embedding, rows: Moved) -> None:
    """Put rows of a table into their new places in another one."""
    with torch.no_grad():
        device = before.weight.device
        table.weight[rows[1].to(table.weight.device)] = before.weight[rows[0].to(device)].to(table.weight)


def _walker_on(walker: Walker, view: GraphView, metapath: Any, weight: Weight | None) -> Walker:
    """A walker with the same settings on another graph.

    Raises:
        InputError: Weights of edges that came as a tensor, and none for the new edges.
    """
    if weight is None:
        weight = walker.weight
        if weight is not None and not isinstance(weight, str):
            expected = "weights of the new graph's edges, as the model was given a tensor of weights"
            raise InputError("weight", None, expected, "pass weight=, or build the model with the name of a feature")
    if walker.time is not None and not isinstance(walker.time, str):
        expected = "the name of a feature that the new graph's edges have as well"
        raise InputError("time", "a tensor of times", expected, "build the model with the name of a feature")
    settings: dict[str, Any] = {name: getattr(walker, name) for name in ("p", "q", "restart", "time", "engine")}
    return Walker(view, metapath=metapath, weight=weight, cyclic=walker.cyclic, **settings)


class GrowingTables(abc.ABC):
    """The part of the walk models that :func:`graphembed_ext.grow` calls."""

    walker: Walker
    #: Names of the tables.
    _tables: tuple[str, ...]

    def node_counts(self, view: GraphView | None = None, num_users: int | None = None) -> Mapping[str, int]:
        """Number of nodes of each type of the model's graph, or of another."""
        return (self.walker.view if view is None else view).num_nodes

    def grown(
        self, view: GraphView, ids: Mapping[str, Moved], *, num_users: int | None = None, weight: Any = None
    ) -> tuple[Any, dict[str, Moved]]:
        """A copy on another graph, and the rows that its tables took over.

        Args:
            view: The graph.
            ids: By node type, ids of the nodes that stay, before and after.
            num_users: None.
            weight: Weights of the edges, where a name does not tell.
        """
        walker = _walker_on(self.walker, self._checked(view), getattr(self, "metapath", None), weight)
        found, like = copy_without(self, *self._tables), getattr(self, self._tables[0])
        found._place(walker, like.sparse)
        found.to(like.weight)
        rows = rows_of_types(ids, self._first_rows(), found._first_rows())
        for name in self._tables:
            take_over(getattr(found, name), getattr(self, name), rows)
        return found, {f"{name}.weight": rows for name in self._tables}

    @staticmethod
    @abc.abstractmethod
    def _checked(view: GraphView) -> GraphView:
        """A graph that can be walked on."""

    @abc.abstractmethod
    def _place(self, walker: Walker, sparse: bool) -> None:
        """Number a walker's nodes and make the tables."""

    def _first_rows(self) -> Mapping[str, int]:
        """First row of each node type."""
        return self.walker.view.offsets
