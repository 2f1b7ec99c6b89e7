"""Which edges a model trains on, and which are held out to validate and to test it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .._core import checks, rng
from ..errors import InputError

__all__ = ["DROPPED", "STRATEGIES", "TEST", "TRAIN", "VALID", "Parts", "parts_of", "shares_of"]

#: What :class:`Parts` says of an edge.
DROPPED, TRAIN, VALID, TEST = -1, 0, 1, 2

#: How edges may be parted, and what each does.
STRATEGIES = {
    "random": "edges at random",
    "time": "by time: the earliest train, the latest test",
    "last": "the last edge of each source tests, the one before validates",
    "user": "the edges of each source at random",
    "user-time": "the edges of each source by time",
}

#: Most nodes that the product of two ids is an int64 for.
_WIDEST = 3_000_000_000

#: Those that have an order, in which nothing later may be trained on.
_ORDERED = ("time", "last", "user-time")


class Parts(NamedTuple):
    """Where each edge belongs.

    Attributes:
        part: :data:`TRAIN`, :data:`VALID`, :data:`TEST` or :data:`DROPPED`, int8 ``(E,)``.
        repeated: How many were dropped as another edge joins the same nodes: in another part, or held out as well.
        unknown: How many were dropped as one of their nodes has no edge to train on.
    """

    part: np.ndarray
    repeated: int
    unknown: int


def parts_of(
    source: np.ndarray,
    target: np.ndarray,
    relation: np.ndarray | None = None,
    time: np.ndarray | None = None,
    *,
    strategy: str = "random",
    shares: Sequence[float] = (0.8, 0.1, 0.1),
    seed: int = 0,
    allow_isolated: bool = False,
) -> Parts:
    """Part edges into those to train, to validate and to test on.

    Edges that join the same two nodes, whatever their direction and relation, stand in one part, so that nothing that
    is judged was trained on; a held-out pair is kept once for each relation. Relations are parted each for itself, but
    by ``"time"``, which has one date for all.

    Where edges are drawn, one edge of each node and relation stays in training. Where they go by time, held-out edges
    of nodes that training does not know are dropped instead, as training on them would look ahead.

    Args:
        source, target: Ends of the edges, int64 ``(E,)``, ids that differ between node types.
        relation: Number of each edge's relation, ``(E,)``; None for one.
        time: When each edge came about, float64 ``(E,)``; wanted by ``"time"`` and ``"user-time"``. ``"last"`` goes by
            the order of the edges without.
        strategy: One of :data:`STRATEGIES`.
        shares: Parts for training, validation and test, as :func:`shares_of` reads them; not for ``"last"``, of which
            the second tells whether anything validates.
        seed: Fixes the draws.
        allow_isolated: Whether nodes may have no edges in training, and held-out edges nodes that training does not
            know.

    Raises:
        InputError: No edges, no times, or times that are NaN.

    Example:
        >>> ends = np.arange(20)
        >>> parts = parts_of(ends, (ends + 1) % 20, shares=(8, 1, 1))
        >>> np.bincount(parts.part)
        array([16,  2,  2])
    """
    checks.choice("strategy", strategy, STRATEGIES)
    shares = shares_of(shares)
    edges = _Edges(source, target, relation, _times(time, strategy, len(source)))
    draws = np.random.Generator(np.random.Philox(rng.key(seed, "parts of edges", strategy)))
    if strategy == "time":
        of_unit, of_row = _by_date(edges, shares)
    elif strategy in _ORDERED:
        of_unit = _held_out(edges.group(True), edges.first, None, _amounts(strategy, shares, allow_isolated))
        of_row = None
    else:
        place = draws.permutation(len(edges.first))
        kept = None if allow_isolated else edges.covering(place)
        of_unit = _held_out(edges.group(strategy == "user"), place, kept, _amounts(strategy, shares, allow_isolated))
        of_row = None
    part = of_unit[edges.unit].astype(np.int8)
    if of_row is not None:
        part[of_row != part] = DROPPED
    elif strategy in _ORDERED:
        part[edges.later_than_held_out(of_unit)] = DROPPED
    part[edges.again(part)] = DROPPED
    repeated = int((part == DROPPED).sum())
    if not allow_isolated:
        part[edges.unknown(part)] = DROPPED
    return Parts(part, repeated, int((part == DROPPED).sum()) - repeated)


def shares_of(shares: Sequence[float]) -> tuple[float, float, float]:
    """Shares for training, validation and test, of 1 together; ``(8, 1, 1)`` is what ``(0.8, 0.1, 0.1)`` is.

    Example:
        >>> shares_of((8, 1, 1))
        (0.8, 0.1, 0.1)
    """
    try:
        numbers = [float(share) for share in shares]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) != 3 or not np.isfinite(numbers).all() or min(numbers) < 0 or not numbers[0] or not numbers[2]:
        expected = "three numbers, for training, validation and test, such as 8:1:1; only the second may be 0"
        raise InputError("shares", shares, expected)
    total = sum(numbers)
    return numbers[0] / total, numbers[1] / total, numbers[2] / total


def _times(time: np.ndarray | None, strategy: str, count: int) -> np.ndarray | None:
    if not count:
        raise InputError("graph", "no edges", "at least one edge")
    if time is None:
        if strategy in ("time", "user-time"):
            raise InputError("time", "nothing", f"times of the edges, which the strategy {strategy} goes by")
        return None
    if len(time) != count or np.isnan(time).any():
        got = "NaN" if len(time) == count else f"{len(time)} times"
        raise InputError("time", got, f"a time for each of {count} edges")
    return time


class _Edges:
    """Edges in order of time, and the pairs of nodes that they join, *units* below.

    Attributes:
        unit: The unit of each edge.
        first: Rank in time of the first edge of each unit; it gives a unit its source and its relation.
    """

    def __init__(
        self, source: np.ndarray, target: np.ndarray, relation: np.ndarray | None, time: np.ndarray | None
    ) -> None:
        self.source, self.target = source.astype(np.int64), target.astype(np.int64)
        self.relation = np.zeros(len(source), dtype=np.int64) if relation is None else relation.astype(np.int64)
        self.time = time
        self.width = 1 + int(max(self.source.max(), self.target.max()))
        if self.width > _WIDEST:  # the number of a pair would be too large for int64
            known, ends = np.unique(np.stack([self.source, self.target]), return_inverse=True)
            self.source, self.target = ends.reshape(2, -1)
            self.width = len(known)
        order = np.arange(len(source)) if time is None else np.argsort(time, kind="stable")
        self.rank = np.empty(len(source), dtype=np.int64)
        self.rank[order] = np.arange(len(source))
        keys = np.minimum(self.source, self.target) * self.width + np.maximum(self.source, self.target)
        _, self.first, inverse = np.unique(keys[order], return_index=True, return_inverse=True)
        self.unit = inverse[self.rank]
        self._order = order

    def group(self, by_source: bool) -> np.ndarray:
        """The group of each unit: relation, or source and relation."""
        rows = self._order[self.first]
        return self._group_of(rows) if by_source else self.relation[rows]

    def _group_of(self, rows: np.ndarray) -> np.ndarray:
        return self.relation[rows] * self.width + self.source[rows]

    def covering(self, place: np.ndarray) -> np.ndarray:
        """Whether a unit is, of some node and relation, the one that comes first by ``place``."""
        nodes = np.concatenate([self.source, self.target])
        keys = np.tile(self.relation, 2) * self.width + nodes
        units = np.tile(self.unit, 2)
        order = np.lexsort((place[units], keys))
        _, starts = np.unique(keys[order], return_index=True)
        kept = np.zeros(len(self.first), dtype=bool)
        kept[units[order[starts]]] = True
        return kept

    def later_than_held_out(self, of_unit: np.ndarray) -> np.ndarray:
        """Whether an edge of training is later than what is held out of its source and relation."""
        names, groups = np.unique(self.group(True), return_inverse=True)
        until = np.full(len(names), len(self.source), dtype=np.int64)
        held = of_unit != TRAIN
        np.minimum.at(until, groups[held], self.first[held])
        own = self._group_of(np.arange(len(self.source)))
        place = np.searchsorted(names, own).clip(max=len(names) - 1)
        limit = np.where(names[place] == own, until[place], len(self.source))
        return (of_unit[self.unit] == TRAIN) & (self.rank > limit)

    def again(self, part: np.ndarray) -> np.ndarray:
        """Whether a held-out edge joins the nodes of an earlier one of its relation."""
        keys = self.unit * (1 + int(self.relation.max())) + self.relation
        order = np.lexsort((self.rank, keys))
        _, starts = np.unique(keys[order], return_index=True)
        fresh = np.zeros(len(keys), dtype=bool)
        fresh[order[starts]] = True
        return ~fresh & (part > TRAIN)

    def unknown(self, part: np.ndarray) -> np.ndarray:
        """Whether a held-out edge has a node without an edge in training."""
        known = np.zeros(self.width, dtype=bool)
        known[self.source[part == TRAIN]] = True
        known[self.target[part == TRAIN]] = True
        return (part > TRAIN) & ~(known[self.source] & known[self.target])


def _by_date(edges: _Edges, shares: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    """The part of each unit, by its first edge, and of each edge; edges of one time stand in one part."""
    assert edges.time is not None
    ordered = np.sort(edges.time)
    ends = np.floor(np.cumsum(shares)[:2] * len(ordered) + 0.5).astype(np.int64)
    until = [ordered[end - 1] if end else -np.inf for end in ends]
    of_row = np.searchsorted(until, edges.time, side="left")
    return of_row[edges._order[edges.first]], of_row


def _amounts(strategy: str, shares: tuple[float, float, float], allow_isolated: bool) -> tuple[float, float, int, bool]:
    """Shares of validation and test, at most how many of each, and whether one of a group stays in training."""
    most = 1 if strategy == "last" else 2**62
    valid, test = (float(bool(shares[1])), 1.0) if strategy == "last" else shares[1:]
    return valid, test, most, not allow_isolated or strategy == "last"


def _held_out(
    group: np.ndarray, place: np.ndarray, kept: np.ndarray | None, amounts: tuple[float, float, int, bool]
) -> np.ndarray:
    """The part of each unit: the last of a group by ``place`` test, those before validate, the ``kept`` train."""
    valid, test, most, one_stays = amounts
    kept = np.zeros(len(group), dtype=bool) if kept is None else kept
    order = np.lexsort((place, ~kept, group))
    _, starts, sizes = np.unique(group[order], return_index=True, return_counts=True)
    left = sizes - one_stays
    tests = np.minimum(np.minimum(np.floor(sizes * test + 0.5), most), left).astype(np.int64)
    valids = np.minimum(np.minimum(np.floor(sizes * valid + 0.5), most), left - tests).astype(np.int64)
    from_end = np.repeat(starts + sizes, sizes) - 1 - np.arange(len(order))
    tests, valids = np.repeat(tests, sizes), np.repeat(valids, sizes)
    found = np.full(len(order), TRAIN)
    found[order] = np.where(from_end < tests, TEST, np.where(from_end < tests + valids, VALID, TRAIN))
    found[kept] = TRAIN
    return found
