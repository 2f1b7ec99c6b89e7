"""Graphs of any form as edges of a joint table, and ids as its rows, checked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from .._core.checks import as_floats
from .._core.doors import as_ids, as_pairs, within
from ..errors import InputError
from ..graph.adjacency import Adjacency
from ..graph.interactions import Interactions, Sides, interactions
from ..graph.view import NODE_TYPE, GraphView, tensor_token
from ..hosts import registry
from ..hosts.registry import refreshed

__all__ = ["Numbering", "counts_of", "first_rows", "grown_numbering", "pairs_of", "rows_of"]


class Numbering:
    """What graphs and ids mean to a model with a table for all nodes.

    Args:
        num_nodes: Rows of the table.

    Attributes:
        sides: Which rows are users and which items, where that is known.
        view: The graph the model was made for or last trained on, if any.
    """

    def __init__(self, num_nodes: int) -> None:
        self.num_nodes = num_nodes
        self.sides: Sides | None = None
        self.view: GraphView | None = None
        self._forget()

    def _forget(self) -> None:
        self._last_pairs: tuple[Any, Any] = (None, None)
        self._last_view: GraphView | None = None

    def read(
        self, graph: Any, weight: Tensor | None, device: torch.device
    ) -> tuple[Any, Tensor | None, Interactions | None]:
        """Edges of the table's rows, as a layer takes them, their weights and, where ids are typed, the interactions.

        Args:
            graph: A graph in any form; None for :attr:`view`. To a typed model, a bare tensor is of pairs of a user
                id and an item id.
            weight: Weight of each edge, or interaction of a typed graph.
            device: Where the edges are wanted; a bare ``edge_index`` stays where it is.
        """
        if weight is not None and not isinstance(weight, Tensor):
            weight = as_floats("edge_weight", weight, "a number for each edge")
        if graph is None:
            graph = self._own()
        typed = self.sides if self.sides is not None and self.sides.typed else None
        if _bare(graph) and typed is None:
            return graph, weight, None
        known = self._known(graph, typed)
        if known is None:
            return self._adjacency(self._view_of(graph), device), weight, None
        if known.sides.num_nodes != self.num_nodes:
            raise InputError("edge_index", f"{known.sides.num_nodes} nodes", f"{self.num_nodes}, as the model has")
        if weight is not None:
            weight = as_floats("edge_weight", weight, "a number for each interaction")
            if weight.numel() != len(known):
                raise InputError("edge_weight", f"{weight.numel()} weights", f"{len(known)}, one an interaction")
            weight = weight.view(-1).repeat(2)
        known = known.to(device)
        return known.edge_index, weight, known

    def names(self, graph: Any, node_types: Iterable[str]) -> dict[str, Sequence[str]]:
        """Names of the nodes of some types, where a graph has such; None for :attr:`view`."""
        if _bare(graph) or isinstance(graph, Interactions):
            return {}
        view = self.view if graph is None else self._view_of(graph)
        return {} if view is None else view.names_of(node_types)

    def _known(self, graph: Any, typed: Sides | None) -> Interactions | None:
        """The interactions of a graph; None for an untyped one, whose edges may be anything."""
        if isinstance(graph, Interactions):
            return graph
        if isinstance(graph, Tensor) and typed is not None:
            return self._of_pairs(graph, typed)
        view = self._view_of(graph)
        if view.is_typed:
            return interactions(view, None if typed is None else typed.user_type)
        if typed is not None:
            raise InputError("edge_index", "an untyped graph", "a typed one, as the model was made for one")
        return None

    def interactions(self, graph: Any, num_users: int | None, device: torch.device) -> Interactions:
        """The interactions; see :meth:`graphembed_ext.LightGCN.interactions`."""
        if isinstance(graph, Interactions):
            return graph.to(device)
        if graph is None or (self.sides is not None and self.sides.typed):
            known = self.read(graph, None, device)[2]
            if known is not None:
                return known
        view = self._view_for(graph)
        if view.total_nodes != self.num_nodes:
            raise InputError("graph", f"{view.total_nodes} nodes", f"{self.num_nodes}, as the model has")
        if view.is_typed:
            return interactions(view).to(device)
        if num_users is None and self.sides is not None:
            num_users = len(self.sides.users)
        return interactions(view, num_users=num_users).to(device)

    def adopt(self, graph: Any, num_users: int | None, device: torch.device) -> Interactions:
        """The interactions of a graph that is the model's from now on."""
        known = self.interactions(graph, num_users, device)
        pairs = isinstance(graph, Tensor) and self.sides is not None and self.sides.typed
        if graph is not None and not pairs and not isinstance(graph, Interactions):
            self.view = self._view_for(graph)
        self.sides = known.sides
        return known

    def _own(self) -> GraphView:
        if self.view is None:
            raise InputError("edge_index", None, "a graph, as the model was made for none")
        self.view = refreshed(self.view)
        return self.view

    def _view_for(self, graph: Any) -> GraphView:
        """A view with as many nodes as the table, where the edges alone cannot tell."""
        if graph is None:
            return self._own()
        return registry.view(graph, num_nodes=self.num_nodes) if _bare(graph) else registry.view(graph)

    def _view_of(self, graph: Any) -> GraphView:
        if isinstance(graph, GraphView):
            return graph
        last = self._last_view
        self._last_view = registry.view(graph) if last is None or last.source is not graph else refreshed(last)
        return self._last_view

    def _of_pairs(self, pairs: Tensor, sides: Sides) -> Interactions:
        token = sides, tensor_token(pairs)
        if self._last_pairs[0] != token:
            self._last_pairs = token, Interactions(sides, *sides.pairs(pairs, "edge_index"))
        return self._last_pairs[1]

    def _adjacency(self, view: GraphView, device: torch.device) -> Adjacency:
        def make() -> Adjacency:
            src, dst = (ids.to(device) for ids in next(iter(view.edges.values())))
            return Adjacency.from_edges(src, dst, self.num_nodes, self.num_nodes)

        return view.cached(("joint edges", self.num_nodes), make, device)

    def __getstate__(self) -> dict[str, Any]:
        return {"num_nodes": self.num_nodes, "sides": self.sides, "view": self.view}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._forget()


def _sides_of(graphs: Numbering, view: GraphView, num_users: int | None) -> Sides | None:
    """The sides of another graph, as a model tells them.

    Raises:
        InputError: A number of users that is missing, or of no use; a typed graph for an untyped model, or the other
            way round.
    """
    sides = graphs.sides
    if sides is None:
        if num_users is not None:
            expected = "None, as this model does not tell users from items: its ids are rows"
            raise InputError("num_users", num_users, expected, "make it by LightGCN.for_graph(graph, num_users=...)")
        return None
    if sides.typed != view.is_typed:
        got = "an untyped graph" if sides.typed else f"a graph of the types {view.node_types}"
        raise InputError("graph", got, f"{'a typed' if sides.typed else 'an untyped'} one, as the model was made for")
    if sides.typed:
        return interactions(view, sides.user_type).sides
    if num_users is None:
        expected = "the number of users now: items come after them, so that their ids change with it"
        raise InputError("num_users", None, expected)
    return interactions(view, num_users=num_users).sides


def grown_numbering(graphs: Numbering, view: GraphView, num_users: int | None) -> Numbering:
    """The numbering of another graph."""
    found = Numbering(view.total_nodes)
    found.sides, found.view = _sides_of(graphs, view, num_users), view
    return found


def counts_of(graphs: Numbering, view: GraphView | None, num_users: int | None) -> dict[str, int]:
    """Nodes of each type; of an untyped graph with users those of each side."""
    sides = graphs.sides if view is None else _sides_of(graphs, view, num_users)
    if sides is None:
        return {NODE_TYPE: graphs.num_nodes if view is None else view.total_nodes}
    return sides.counts or {"user": len(sides.users), "item": len(sides.items)}


def first_rows(graphs: Numbering) -> dict[str, int]:
    """First row of each type or side, by the names of :func:`counts_of`."""
    sides = graphs.sides
    if sides is None:
        return {NODE_TYPE: 0}
    return {sides.user_type or "user": sides.users.start, sides.item_type or "item": sides.items.start}


def _bare(graph: Any) -> bool:
    """Whether a graph is nothing but edges: a tensor or a SparseTensor."""
    return isinstance(graph, Tensor) or hasattr(graph, "storage")


def pairs_of(pairs: Any, num_nodes: int, argument: str = "edge_label_index") -> tuple[Tensor, Tensor]:
    """Both rows of ``(2, B)`` pairs of node ids, checked."""
    pairs = as_pairs(pairs, argument)
    return rows_of(pairs[0], num_nodes, argument), rows_of(pairs[1], num_nodes, argument)


def rows_of(ids: Any, num_nodes: int, argument: str) -> Tensor:
    """Node ids as an int64 vector, checked."""
    return within(argument, as_ids(ids, argument), num_nodes)
