"""Interactions: the two sides of a bipartite graph, and where their nodes stand in a joint table.

A typed graph (``('user', 'buys', 'item')``) numbers each side from 0; its joint table holds the node types in
alphabetical order, so that items stand before users. An untyped graph numbers all nodes together, users first, as
LightGCN-PyTorch does; ids are rows then.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from .._core import checks, memory
from .._core.doors import as_ids, as_pairs, within
from ..errors import InputError
from .view import EdgeType, GraphView

__all__ = ["Interactions", "Sides", "as_ids", "interactions"]


#: Bytes that an edge takes in training, as measured; 120 until its ends have their first vectors.
_EDGE = 260


@dataclass(frozen=True)
class Sides:
    """Which rows of a joint table are users, and which are items.

    Attributes:
        users: Rows of the users.
        items: Rows of the items.
        user_type: Node type of the users; empty for an untyped graph.
        item_type: Node type of the items; empty for an untyped graph.

    Example:
        >>> sides = Sides(range(4, 7), range(0, 4), "user", "item")
        >>> sides.user_rows(torch.tensor([0, 2])), sides.item_ids(torch.tensor([3]))
        (tensor([4, 6]), tensor([3]))
    """

    users: range
    items: range
    user_type: str = ""
    item_type: str = ""

    @property
    def typed(self) -> bool:
        """Whether ids count from 0 on either side, and are not rows."""
        return bool(self.user_type)

    @property
    def num_nodes(self) -> int:
        """Rows of the joint table."""
        return len(self.users) + len(self.items)

    @property
    def counts(self) -> dict[str, int] | None:
        """Nodes by type; None for an untyped graph."""
        return {self.user_type: len(self.users), self.item_type: len(self.items)} if self.typed else None

    def user_rows(self, ids: Any, argument: str = "src_index") -> Tensor:
        """Rows of users given by id."""
        return self._rows(as_ids(ids, argument), self.users, argument, self.user_type or "user")

    def item_rows(self, ids: Any, argument: str = "dst_index") -> Tensor:
        """Rows of items given by id."""
        return self._rows(as_ids(ids, argument), self.items, argument, self.item_type or "item")

    def item_ids(self, rows: Tensor) -> Tensor:
        """Ids of items given by row."""
        return rows - self.items.start if self.typed else rows

    def pairs(self, edges: Any, argument: str) -> tuple[Tensor, Tensor]:
        """Rows of both ends of interactions ``(2, E)``, users first."""
        users, items = as_pairs(edges, argument, "whole numbers of shape (2, E): user ids above item ids")
        return self.user_rows(users, argument), self.item_rows(items, argument)

    def _rows(self, ids: Tensor, rows: range, argument: str, kind: str) -> Tensor:
        low = 0 if self.typed else rows.start
        within(argument, ids, low + len(rows), first=low, got=f"{kind} id", expected=f"ids of {kind}s,")
        return ids + (rows.start - low)


@dataclass(frozen=True, eq=False)
class Interactions:
    """Pairs of a user and an item, in the order of their graph.

    Attributes:
        sides: The two sides.
        users: Row of each pair's user, int64, ``(E,)``.
        items: Row of each pair's item, int64, ``(E,)``.
    """

    sides: Sides
    users: Tensor
    items: Tensor
    _kept: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.users)

    @property
    def labels(self) -> Tensor:
        """Both ends of the pairs, ``(2, E)``, users above."""
        return torch.stack([self.users, self.items])

    @property
    def edge_index(self) -> Tensor:
        """Both directions of every pair as edges of the joint table, ``(2, 2 E)``; the same tensor each time."""
        if "edge_index" not in self._kept:
            self._kept["edge_index"] = torch.cat([self.labels, self.labels.flip(0)], 1)
        return self._kept["edge_index"]

    def to(self, device: torch.device) -> Interactions:
        """The same on a device: a model may be elsewhere than its graph. Moved once."""
        if self.users.device == device:
            return self
        if device not in self._kept:
            self._kept[device] = Interactions(self.sides, self.users.to(device), self.items.to(device))
        return self._kept[device]

    def by_user(self) -> tuple[Tensor, Tensor]:
        """Items (rows) of every user, ascending: bounds ``(users + 1,)`` and rows ``(E,)``, both int64."""
        if "by_user" not in self._kept:
            count = self.sides.num_nodes
            key = torch.sort((self.users - self.sides.users.start) * count + self.items).values
            bounds = torch.zeros(len(self.sides.users) + 1, dtype=torch.int64, device=key.device)
            torch.cumsum(torch.bincount(key // count, minlength=len(bounds) - 1), 0, out=bounds[1:])
            self._kept["by_user"] = bounds, key % count
        return self._kept["by_user"]

    def items_of(self, users: Tensor) -> tuple[Tensor, Tensor]:
        """What some users (rows) interacted with, as positions among all items: bounds ``(U + 1,)`` and positions."""
        bounds, items = self.by_user()
        users = users - self.sides.users.start
        starts, amounts = bounds[users], bounds[users + 1] - bounds[users]
        found = torch.zeros(len(users) + 1, dtype=torch.int64, device=users.device)
        torch.cumsum(amounts, 0, out=found[1:])
        shift = torch.repeat_interleave(starts - found[:-1], amounts)
        return found, items[torch.arange(len(shift), device=users.device) + shift] - self.sides.items.start


def interactions(view: GraphView, user_type: str | None = None, num_users: int | None = None) -> Interactions:
    """The interactions of a bipartite graph.

    Args:
        view: Two node types joined by one edge type, or by one in each direction with the same pairs; or an untyped
            graph whose users come first, edges in one direction or in both.
        user_type: Node type of the users. May be left out where one edge type only leads from users to items, or
            where a type is called ``"user"``.
        num_users: Number of users of an untyped graph.

    Raises:
        InputError: A graph that is not bipartite, directions with different pairs, or a missing argument.

    Example:
        >>> import graphembed_ext as ge
        >>> found = interactions(ge.view({("user", "buys", "item"): torch.tensor([[0, 1], [2, 0]])}))
        >>> found.labels
        tensor([[3, 4],
                [2, 0]])
    """

    if user_type is not None:
        checks.text("user_type", user_type, "the name of a node type")
    if num_users is not None:
        num_users = checks.integer("num_users", num_users)

    def make() -> Interactions:
        if view.mapped:
            memory.check_room(
                "graph",
                f"{view.total_edges} edges on the disk",
                view.total_edges * _EDGE,
                "LightGCN, which passes along all of them at once,",
                "MetaPath2Vec on walks between users and items reads edges from the disk",
            )
        return _typed(view, user_type) if view.is_typed else _untyped(view, num_users)

    return view.cached(("interactions", user_type, num_users), make)


def _typed(view: GraphView, user_type: str | None) -> Interactions:
    expected = "two node types joined by one edge type, or by one in each direction"
    hint = "pick one relation, by edge_type_subgraph of either host"
    ends = [(edge_type[0], edge_type[2]) for edge_type in view.edge_types]
    if len(view.num_nodes) != 2 or any(source == end for source, end in ends) or len(set(ends)) < len(ends):
        raise InputError("graph", f"node types {view.node_types} and edge types {view.edge_types}", expected, hint)
    if user_type is None:
        if len(ends) == 1:
            user_type = ends[0][0]
        elif "user" in view.num_nodes:
            user_type = "user"
        else:
            expected = f"one of the node types {view.node_types}, as edges go both ways"
            raise InputError("user_type", None, expected, "LightGCN.for_graph takes it")
    checks.choice("user_type", user_type, view.node_types)
    (item_type,) = set(view.node_types) - {user_type}
    starts, counts = view.offsets, view.num_nodes
    rows = {kind: range(starts[kind], starts[kind] + counts[kind]) for kind in counts}
    sides = Sides(rows[user_type], rows[item_type], user_type, item_type)
    there = _end_rows(view, sides, user_type)
    back = _end_rows(view, sides, item_type)
    return _both(sides, there, None if back is None else (back[1], back[0]), "graph")


def _end_rows(view: GraphView, sides: Sides, source: str) -> tuple[Tensor, Tensor] | None:
    found: list[EdgeType] = [edge_type for edge_type in view.edges if edge_type[0] == source]
    if not found:
        return None
    src, dst = (ids.long() for ids in view.edges[found[0]])
    starts = view.offsets
    return src + starts[found[0][0]], dst + starts[found[0][2]]


def _untyped(view: GraphView, num_users: int | None) -> Interactions:
    total = view.total_nodes
    if num_users is None:
        raise InputError(
            "num_users",
            None,
            "the number of users of an untyped graph: nodes below it are users, the others items",
            "or name the sides, as edges ('user', 'buys', 'item') of a DGL heterograph or HeteroData",
        )
    if checks.integer("num_users", num_users) >= total:
        raise InputError("num_users", num_users, f"a number below {total}, the number of nodes: items come after users")
    sides = Sides(range(num_users), range(num_users, total))
    src, dst = (ids.long() for ids in next(iter(view.edges.values())))
    there, back = src < num_users, dst < num_users
    within = (there == back).nonzero()
    if len(within):
        edge = int(within[0])
        side = "users" if there[edge] else "items"
        raise InputError(
            "edge_index",
            f"edge ({int(src[edge])}, {int(dst[edge])}) between two {side}",
            f"a bipartite graph: every edge joins a user, below num_users={num_users}, and an item",
        )
    forward = (src[there], dst[there]) if bool(there.any()) else None
    backward = (dst[back], src[back]) if bool(back.any()) else None
    return _both(sides, forward, backward, "edge_index")


def _both(
    sides: Sides, there: tuple[Tensor, Tensor] | None, back: tuple[Tensor, Tensor] | None, argument: str
) -> Interactions:
    """Interactions given in one direction, or in two that must agree."""
    pairs = there if there is not None else back
    if pairs is None or not len(pairs[0]):
        raise InputError(argument, "no edges between users and items", "at least one interaction")
    if there is not None and back is not None:
        keys = [torch.sort(users * sides.num_nodes + items).values for users, items in (there, back)]
        if not torch.equal(*keys):
            raise InputError(
                argument,
                f"{len(there[0])} edges from users to items and {len(back[0])} back that are not the same pairs",
                "the same interactions in both directions, or one direction alone",
            )
    return Interactions(sides, *pairs)
