"""Graphs of any form as edges of a joint table, and ids as its rows, checked."""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch import Tensor

from .errors import InputError
from .graph import GraphView, tensor_token
from .interactions import Interactions, Sides, as_ids, interactions
from .messages.adjacency import Adjacency
from .registry import refreshed
from .registry import view as view_of

__all__ = ["Numbering", "ends", "excluded", "pairs_of", "rows_of"]


class Numbering:
    """Reads graphs and tensors of pairs into edges of the joint table, and remembers the last one of each kind."""

    def __init__(self) -> None:
        self._pairs_seen: tuple[Any, Any] = (None, None)
        self._view_seen: GraphView | None = None
        self._edges: weakref.WeakKeyDictionary[GraphView, Adjacency] = weakref.WeakKeyDictionary()

    def read(self, edges: Any, sides: Sides | None) -> tuple[Any, Interactions | None]:
        """Edges of the joint table, as a layer takes them, and the interactions where ids are typed.

        Args:
            edges: A graph in any form.
            sides: Those of a typed model, to which a bare tensor means pairs of a user id and an item id.
        """
        if isinstance(edges, Interactions):
            return edges.edge_index, edges
        bare = isinstance(edges, Tensor) or hasattr(edges, "storage")
        if bare and sides is None:
            return edges, None
        if isinstance(edges, Tensor):
            known = self._of_pairs(edges, sides)
        else:
            view = self._view_of(edges)
            if not view.is_typed:
                if sides is not None:
                    raise InputError("edge_index", "an untyped graph", "a typed one, as the model was made for one")
                return self._adjacency(view), None
            known = interactions(view, None if sides is None else sides.user_type)
        return known.edge_index, known

    def _of_pairs(self, pairs: Tensor, sides: Sides | None) -> Interactions:
        assert sides is not None
        token = sides, tensor_token(pairs)
        if self._pairs_seen[0] != token:
            self._pairs_seen = token, Interactions(sides, *sides.pairs(pairs, "edge_index"))
        return self._pairs_seen[1]

    def _view_of(self, graph: Any) -> GraphView:
        if isinstance(graph, GraphView):
            return graph
        found = self._view_seen
        self._view_seen = view_of(graph) if found is None or found.source is not graph else refreshed(found)
        return self._view_seen

    def _adjacency(self, view: GraphView) -> Adjacency:
        if view not in self._edges:
            src, dst = next(iter(view.edges.values()))
            self._edges[view] = Adjacency.from_edges(src, dst, view.total_nodes, view.total_nodes)
        return self._edges[view]

    def __deepcopy__(self, memo: dict[int, Any]) -> Numbering:
        return Numbering()

    def __reduce__(self) -> tuple[Any, ...]:
        return Numbering, ()


def ends(edges: Any) -> tuple[Tensor, Tensor]:
    """Sources and destinations of edges that were not typed, in their order."""
    if isinstance(edges, Adjacency):
        place = torch.argsort(edges.edge_ids)
        return edges.indices[place], edges.destinations()[place]
    if not isinstance(edges, Tensor):
        row, col, _ = edges.coo()
        return col, row
    if edges.layout != torch.strided:
        row, col = edges.to_sparse(layout=torch.sparse_coo).coalesce().indices()
        return col, row
    source, target = edges
    return source, target


def pairs_of(pairs: Any, num_nodes: int, argument: str = "edge_label_index") -> tuple[Tensor, Tensor]:
    """Both rows of ``(2, B)`` pairs of node ids, checked."""
    if not isinstance(pairs, Tensor) or pairs.dim() != 2 or pairs.size(0) != 2:
        got = f"shape {tuple(pairs.shape)}" if isinstance(pairs, Tensor) else f"a {type(pairs).__name__}"
        raise InputError(argument, got, "shape (2, number of pairs)")
    return rows_of(pairs[0], num_nodes, argument), rows_of(pairs[1], num_nodes, argument)


def rows_of(ids: Any, num_nodes: int, argument: str) -> Tensor:
    """Node ids as an int64 vector, checked."""
    ids = as_ids(ids, argument)
    if ids.numel():
        low, high = (int(end) for end in torch.aminmax(ids))
        if low < 0 or high >= num_nodes:
            raise InputError(argument, f"id {low if low < 0 else high}", f"ids from 0 to {num_nodes - 1}")
    return ids


def excluded(users: Tensor, items: Tensor, pair_users: Tensor, pair_items: Tensor, rows: int) -> tuple[Tensor, Tensor]:
    """For each asked user, the positions among the candidates of what is known of it, as compressed rows."""
    place = torch.full((rows,), -1, dtype=torch.int64, device=items.device)
    place[items] = torch.arange(len(items), device=items.device)
    if int((place >= 0).sum()) < len(items):
        raise InputError("dst_index", "candidates that occur twice", "distinct candidates where pairs are excluded")
    order = torch.argsort(pair_users, stable=True)
    kept = order[place[pair_items[order]] >= 0]
    count = max(rows, int(users.max()) + 1 if len(users) else 0)
    bounds = torch.zeros(count + 1, dtype=torch.int64, device=items.device)
    torch.cumsum(torch.bincount(pair_users[kept], minlength=count), 0, out=bounds[1:])
    starts, amounts = bounds[users], bounds[users + 1] - bounds[users]
    found = torch.zeros(len(users) + 1, dtype=torch.int64, device=items.device)
    torch.cumsum(amounts, 0, out=found[1:])
    entry = torch.arange(int(found[-1]), device=items.device) + torch.repeat_interleave(starts - found[:-1], amounts)
    return found, place[pair_items[kept]][entry]
