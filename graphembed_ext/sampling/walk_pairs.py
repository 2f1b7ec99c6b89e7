"""Pairs of nodes that short walks meet, with negatives, for training without labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .._core import rng
from .._core.search import found
from ..errors import InputError
from ..graph.view import GraphView
from ..walks.walker import Walker

__all__ = ["Pairs", "WalkPairs"]


#: Draws for a negative before a pair goes without: only next to a node joined to nearly all others it comes to that.
_TRIES = 8


class Pairs(NamedTuple):
    """Observed pairs and their negatives; nodes of all types are counted through, as :attr:`GraphView.offsets` says.

    Attributes:
        first: First node of each pair, ``(B,)``.
        second: The node met from there, ``(B,)``.
        noise: Negatives, ``(B, K)``.
        missing: Where ``noise`` holds a neighbour after all, as no other node was found, ``(B, K)``.
    """

    first: Tensor
    second: Tensor
    noise: Tensor
    missing: Tensor


class WalkPairs:
    """Draws observed pairs from walks, and negatives that are no neighbours; by epoch and number of a walk alone.

    Args:
        view: The graph.
        walk_length: Nodes in a walk.
        negatives: How many for each pair.
        key: Of all draws.
        types: Types that the nodes of a pair may be of; None for all.

    Attributes:
        starts: All nodes that walks start from, int64.

    Example:
        >>> import graphembed_ext as ge
        >>> path = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
        >>> found = WalkPairs(ge.view(path, num_nodes=4), 2, 1, key=0).draw(0, torch.tensor([0, 2, 3]), 0)
        >>> found.first, found.second, found.noise  # node 3 has no edges: no walk, and it is no negative
        (tensor([0, 2]), tensor([1, 1]), tensor([[2], [0]]))
    """

    def __init__(
        self, view: GraphView, walk_length: int, negatives: int, key: int, types: Sequence[str] | None = None
    ) -> None:
        if view.total_edges == 0:
            raise InputError(
                "graph", "no edges", "a graph with edges, as walks along them tell which nodes belong together"
            )
        self._walker = Walker(view, engine="torch")
        self._length, self._negatives, self._key = walk_length, negatives, key
        self._count = view.total_nodes
        src, dst = _joint_edges(view)
        #: Edges as numbers, destination first, ascending.
        self._known = torch.sort(dst * self._count + src).values
        degree = torch.bincount(dst, minlength=self._count) + torch.bincount(src, minlength=self._count)
        self._mass = torch.cumsum(degree.double() ** 0.75, 0)
        #: First node of each type, and one past the last.
        self._bounds = torch.tensor([*(view.offsets[name] for name in view.node_types), self._count])
        chosen = torch.tensor([types is None or name in types for name in view.node_types])
        self._allowed = torch.repeat_interleave(chosen, self._bounds.diff())
        self.starts = self._allowed.nonzero().squeeze(1)

    def draw(self, epoch: int, starts: Tensor, number: int) -> Pairs:
        """Pairs of the walks from some nodes; those that meet none give none.

        Args:
            epoch: Number of the epoch.
            starts: First nodes, int64.
            number: Number of the first of these walks in its epoch.
        """
        walks = self._walker.walk(starts, self._length, rng.key(self._key, "walks", epoch), number).nodes.cpu()
        counters = torch.arange(number, number + len(starts))
        met = (walks[:, 1:] >= 0) & self._allowed[walks[:, 1:]]  # -1, past a walk's end, is masked whatever it reads
        choices = met.sum(1)
        chosen = rng.below(choices.clamp(min=1), rng.bits(rng.key(self._key, "steps", epoch), counters)) + 1
        step = (met & (met.cumsum(1) == chosen.unsqueeze(1))).int().argmax(1) + 1
        there = choices > 0
        first, second = starts[there], walks.gather(1, step.unsqueeze(1)).squeeze(1)[there]
        return Pairs(first, second, *self._noise(epoch, first, second, counters[there]))

    def are_joined(self, first: Tensor, second: Tensor) -> Tensor:
        """Whether an edge joins two nodes, in either direction, or they are one."""
        joined = first == second
        for numbers in (first * self._count + second, second * self._count + first):
            joined = joined | found(self._known, numbers)
        return joined

    def _noise(self, epoch: int, first: Tensor, second: Tensor, counters: Tensor) -> tuple[Tensor, Tensor]:
        nodes = first.unsqueeze(1).expand(-1, self._negatives)
        streams = rng.bits(rng.key(self._key, "noise", epoch), counters).unsqueeze(1)
        slots = torch.arange(self._negatives)
        kind = torch.searchsorted(self._bounds, second, right=True).unsqueeze(1)
        low, high = self._bounds[kind - 1], self._bounds[kind] - 1
        before = torch.where(low > 0, self._mass[low - 1], 0)
        noise, wrong = torch.zeros_like(nodes), torch.ones_like(nodes, dtype=torch.bool)
        for attempt in range(_TRIES):
            random = rng.bits(streams, slots + attempt * self._negatives)
            share = ((random >> 11) & ((1 << 53) - 1)).double() / (1 << 53)
            point = before + share * (self._mass[high] - before)
            drawn = torch.searchsorted(self._mass, point, right=True).clamp(low, high)
            noise = torch.where(wrong, drawn, noise)
            wrong = self.are_joined(nodes, noise)
            if not bool(wrong.any()):
                break
        return noise, wrong


def _joint_edges(view: GraphView) -> tuple[Tensor, Tensor]:
    """Sources and destinations of the edges of all types, nodes counted through."""
    ends: tuple[list[Tensor], list[Tensor]] = [], []
    for edge_type in view.edge_types:
        for side, ids, node_type in zip(ends, view.edges[edge_type], edge_type[::2], strict=True):
            side.append(ids.long().cpu() + view.offsets[node_type])
    return torch.cat(ends[0]), torch.cat(ends[1])
