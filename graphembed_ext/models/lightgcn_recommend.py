"""Recommending by LightGCN: the best items of each user, without what is known, for new users, too."""

from __future__ import annotations

import abc
from typing import Any

import torch
from torch import Tensor, nn

from .._core import checks, memory
from .._core.doors import as_ids, as_pairs
from .._core.near import spelt
from ..errors import InputError
from ..graph.edges import ends
from ..graph.interactions import Interactions, Sides
from ..nn.ops.propagation import edges_and_weights, propagate_to_new
from ..nn.ops.top_k import TopK, top_k
from .lightgcn_graphs import pairs_of, rows_of

__all__ = ["Recommending", "excluded"]


class Recommending(abc.ABC):
    """The part of :class:`graphembed_ext.LightGCN` that ranks items.

    It reads of the model what is listed first; which rows are users and which items, the graph says.
    """

    num_nodes: int
    embedding: nn.Embedding
    alpha: Tensor

    @property
    @abc.abstractmethod
    def _flow(self) -> str: ...

    @property
    @abc.abstractmethod
    def _normalized(self) -> bool: ...

    @abc.abstractmethod
    def get_embedding(self, edge_index: Any = None, edge_weight: Tensor | None = None) -> Tensor:
        """Vectors of all nodes after propagation."""

    @abc.abstractmethod
    def _read(self, graph: Any, weight: Tensor | None) -> tuple[Any, Tensor | None, Interactions | None]: ...

    @abc.abstractmethod
    def _vectors(self, given: tuple[Any, Any], edges: Any, weight: Tensor | None) -> Tensor: ...

    @spelt()
    def recommend(
        self,
        edge_index: Any = None,
        edge_weight: Any = None,
        src_index: Any = None,
        dst_index: Any = None,
        k: int = 1,
        sorted: bool = True,
        *,
        exclude: Any = None,
        fill: int = -1,
    ) -> Tensor:
        """The ``k`` best items for each user, best first, of equal ones the lower position first.

        Positional arguments may also be those of older releases of PyG, ``(edge_index, src_index, dst_index, k)``.

        Args:
            edge_index: Edges to propagate along, in any form; None for the graph the model was made for.
            edge_weight: Weight of each edge, ``(E,)``.
            src_index: Users; None for all (of an untyped graph: all nodes).
            dst_index: Candidates; None for all items (of an untyped graph: all nodes).
            k: How many; at most the number of candidates.
            sorted: Taken for PyG's sake; the result always is.
            exclude: Known pairs that must not come out, ``(2, E)``, user ids above item ids, or True for those of the
                graph itself. A user with fewer than ``k`` candidates left gets ``fill`` in the last places.
            fill: What stands where a list has no item left: no id of an item. Give the number of items to PyG's
                ``LinkPredRecall`` and its kin: they would take -1 for the last item of the list above. (Those that
                count items, such as ``LinkPredCoverage``, have no place for an item more: leave such lists out.)

        Returns:
            Ids, int64, ``(users, k)``.

        Raises:
            InputError: Ids out of range, or ``k`` above the number of candidates.
        """
        given = _arguments(edge_index, edge_weight, src_index, dst_index, k)
        return self._filled(self.top(*given, exclude=exclude).items, given[0], fill)

    def _filled(self, found: Tensor, graph: Any, fill: Any) -> Tensor:
        """Lists with something else than -1 in places without an item."""
        if isinstance(fill, bool) or not isinstance(fill, int) or abs(fill) >= 2**63:
            raise InputError("fill", fill, "an integer that is no item's id, such as -1 or the number of items")
        if fill == -1:
            return found
        known = self._read(graph, None)[2]
        items = range(self.num_nodes) if known is None else range(len(known.sides.items))
        if fill in items:
            raise InputError("fill", fill, f"an integer that is no item's id, such as -1 or {len(items)}")
        return found.masked_fill(found < 0, fill)

    def top(
        self,
        edge_index: Any = None,
        edge_weight: Tensor | None = None,
        src_index: Any = None,
        dst_index: Any = None,
        k: int = 1,
        *,
        exclude: Any = None,
    ) -> TopK:
        """What :meth:`recommend` returns, with the scores: minus infinity where there is no candidate left."""
        given = edge_index, edge_weight
        edges, edge_weight, known = self._read(edge_index, edge_weight)
        sides = None if known is None else known.sides
        users, items = self._asked(sides, src_index), self._candidates(sides, dst_index)
        with torch.no_grad():
            out = self._vectors(given, edges, edge_weight)
        users, items = users.to(out.device), items.to(out.device)
        if exclude is True and known is not None and dst_index is None:
            banned: Any = known.items_of(users)
        elif exclude is None or exclude is False:
            banned = None
        else:
            pairs = self._known_pairs(edges, known, exclude)
            banned = excluded(users, items, pairs[0].to(out.device), pairs[1].to(out.device), self.num_nodes)
        return _named(top_k(out[users], out[items], k, banned), items, sides)

    @spelt()
    def recommend_new(
        self,
        edge_index: Any,
        history: Tensor,
        k: int = 1,
        *,
        dst_index: Any = None,
        repeat: bool = False,
        fill: int = -1,
    ) -> Tensor:
        """The ``k`` best items for users the model has never seen, by their interactions.

        Args:
            edge_index: The graph of the known users, in any form; None for the one the model was made for.
            history: Number of the new user, from 0, above the item's id, ``(2, E)``.
            k: How many.
            dst_index: Candidates; None for all items (of an untyped graph: all nodes).
            repeat: Whether items of a user's own history may come out.
            fill: What stands where a user has no candidate left, as for :meth:`recommend`.

        Returns:
            Item ids, ``(new users, k)``.
        """
        checks.flag("repeat", repeat)
        vectors, pairs = self._new_users(edge_index, history)
        _, _, known = self._read(edge_index, None)
        sides = None if known is None else known.sides
        items = self._candidates(sides, dst_index).to(vectors.device)
        users = torch.arange(len(vectors), device=vectors.device)
        banned = None if repeat else excluded(users, items, *pairs, self.num_nodes)
        out = self.get_embedding(edge_index).detach()
        return self._filled(_named(top_k(vectors, out[items], k, banned), items, sides).items, edge_index, fill)

    def embed_new_users(self, edge_index: Any, history: Tensor) -> Tensor:
        """Vectors of users the model has never seen, by one step of propagation from the items of their interactions.

        They are what nodes with initial vectors of 0 and these edges would get if they changed nobody else's degree.

        Args:
            edge_index: The graph of the known users, in any form.
            history: Number of the new user, from 0, above the item's id, ``(2, E)``.

        Returns:
            ``(new users, embedding_dim)``; zeros for a user whose number does not occur.
        """
        return self._new_users(edge_index, history)[0]

    def _asked(self, sides: Sides | None, src_index: Any) -> Tensor:
        if sides is None:
            return rows_of(range(self.num_nodes) if src_index is None else src_index, self.num_nodes, "src_index")
        return as_ids(sides.users, "src_index") if src_index is None else sides.user_rows(src_index)

    def _candidates(self, sides: Sides | None, dst_index: Any) -> Tensor:
        if sides is None:
            return rows_of(range(self.num_nodes) if dst_index is None else dst_index, self.num_nodes, "dst_index")
        return as_ids(sides.items, "dst_index") if dst_index is None else sides.item_rows(dst_index)

    def _known_pairs(self, edges: Any, known: Interactions | None, exclude: Any) -> tuple[Tensor, Tensor]:
        if exclude is True:
            return ends(edges) if known is None else (known.users, known.items)
        if known is None:
            return pairs_of(exclude, self.num_nodes, "exclude")
        return known.sides.pairs(exclude, "exclude")

    def _new_users(self, edge_index: Any, history: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        edges, _, known = self._read(edge_index, None)
        history = as_pairs(history, "history", "shape (2, E), at least one item: numbers of new users above item ids")
        if not history.size(1):
            got, expected = f"shape {tuple(history.shape)}", "at least one item: numbers of new users above item ids"
            raise InputError("history", got, expected)
        items = self._candidates(None if known is None else known.sides, history[1])
        users = as_ids(history[0], "history")
        if int(users.min()) < 0:
            raise InputError("history", f"user number {int(users.min())}", "numbers from 0")
        last = int(users.max())
        size = 4 * (last + 1) * self.embedding.weight.size(1)
        memory.check_room("history", f"user number {last}", size, "vectors up to there", "number new users from 0 on")
        with torch.no_grad():
            graph, _ = edges_and_weights(edges, None, self.num_nodes, self._flow)
            table = self.embedding.weight
            vectors = propagate_to_new(graph, table, users, items, self.alpha, normalize=self._normalized)
        return vectors, (users, items)


def _named(found: TopK, items: Tensor, sides: Sides | None) -> TopK:
    """Positions among the candidates as item ids."""
    ids = items if sides is None else sides.item_ids(items)
    return TopK(torch.where(found.items < 0, -1, ids[found.items]), found.scores)


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


def _arguments(
    edge_index: Any, edge_weight: Any, src_index: Any, dst_index: Any, k: Any
) -> tuple[Any, Any, Any, Any, Any]:
    """Arguments of either signature of PyG, told apart: weights are floats, ids integers, ``k`` is a number."""
    if isinstance(dst_index, int):
        return edge_index, None, edge_weight, src_index, dst_index
    ids = isinstance(edge_weight, Tensor) and not edge_weight.is_floating_point()
    if ids or isinstance(edge_weight, (list, range)):
        return edge_index, None, edge_weight, src_index if dst_index is None else dst_index, k
    return edge_index, edge_weight, src_index, dst_index, k
