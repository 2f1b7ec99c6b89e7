"""A graph parted into one to train on and the edges that are held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .._core import checks
from ..errors import InputError
from ..graph.parts import TEST, TRAIN, VALID, Parts, parts_of
from ..graph.view import EdgeType, GraphView
from ..hosts import registry

__all__ = ["EdgeSplit", "split"]


@dataclass(frozen=True)
class EdgeSplit:
    """What :func:`split` returns.

    Attributes:
        train: The graph with the edges to train on; all nodes and their features are in it.
        valid, test: Held-out edges by edge type, ids within their types, int64 ``(2, E')``.
        repeated: How many edges were dropped, as another one joins the same nodes.
        unknown: How many were dropped, as training would not have known one of their nodes.

    Example:
        >>> import graphembed_ext as ge
        >>> ends = torch.combinations(torch.arange(6)).T
        >>> parts = ge.split(ends, seed=0)
        >>> parts
        EdgeSplit(11 edges train, 2 validate, 2 test)
        >>> parts.pairs("test").shape
        torch.Size([2, 2])
    """

    train: GraphView
    valid: Mapping[EdgeType, Tensor]
    test: Mapping[EdgeType, Tensor]
    repeated: int = 0
    unknown: int = 0

    def pairs(self, part: str, edge_type: EdgeType | None = None) -> Tensor:
        """The held-out edges of ``"valid"`` or ``"test"``, int64 ``(2, E')``, ids within their types.

        Args:
            part: Which.
            edge_type: Of which type; may be left out where one alone has any.

        Raises:
            InputError: Another part; a type that must be named.
        """
        if part not in ("valid", "test"):
            raise InputError("part", part, "'valid' or 'test'")
        known: Mapping[EdgeType, Tensor] = getattr(self, part)
        if edge_type is None:
            some = [name for name, pairs in known.items() if pairs.numel()] or list(known)[:1]
            if len(some) != 1:
                raise InputError("edge_type", "nothing", "one of " + ", ".join(map(str, some)))
            edge_type = some[0]
        if edge_type not in known:
            raise InputError("edge_type", edge_type, "one of " + ", ".join(map(str, known)))
        return known[edge_type]

    def __repr__(self) -> str:
        held = [sum(pairs.size(1) for pairs in part.values()) for part in (self.valid, self.test)]
        return f"EdgeSplit({self.train.total_edges} edges train, {held[0]} validate, {held[1]} test)"


def split(
    graph: Any,
    strategy: str = "random",
    shares: Sequence[float] = (0.8, 0.1, 0.1),
    *,
    time: str | None = None,
    seed: int = 0,
    allow_isolated: bool = False,
    num_nodes: Any = None,
) -> EdgeSplit:
    """Part the edges of a graph into those to train, to validate and to test on.

    Edges that join the same two nodes, in either direction and of whatever type, stand in one part: nothing that is
    judged was trained on. A held-out pair is kept once for each edge type. Each type is parted for itself, but by
    ``"time"``, which has one date for all.

    ==============  ===================================================================================
    ``random``      Edges at random; one edge of each node and type stays in training.
    ``time``        The earliest edges train, the latest test.
    ``last``        The last edge of each source tests, the one before validates (leave one out); the last by ``time``
                    or, without, in the order of the edges.
    ``user``        The edges of each source at random.
    ``user-time``   The edges of each source by time.
    ==============  ===================================================================================

    By the strategies with an order, held-out edges of nodes that training does not know are dropped.

    Args:
        graph: Anything that :func:`graphembed_ext.view` takes.
        strategy: One of the above.
        shares: Parts for training, validation and test, as ``(0.8, 0.1, 0.1)`` or ``(8, 1, 1)``.
        time: Name of the edge feature with the times.
        seed: Fixes the draws.
        allow_isolated: Whether nodes may be left without edges in training.
        num_nodes: As for :func:`graphembed_ext.view`.

    Returns:
        The parts. Of an edge of both directions, both train or one is held out; ``ge.evaluate.link_prediction`` and
        ``ge.evaluate.recommendation`` take the held-out pairs.

    Raises:
        InputError: No edges, no times where they are wanted, or shares that are none.

    Example:
        >>> import graphembed_ext as ge
        >>> bought = torch.tensor([[0, 0, 0, 1, 1, 1], [0, 1, 2, 2, 1, 0]])
        >>> parts = ge.split({("user", "buys", "item"): bought}, "last")
        >>> parts.pairs("test"), parts.train.edges["user", "buys", "item"]
        (tensor([[0, 1], [2, 0]]), (tensor([0, 1]), tensor([0, 2])))
    """
    view = registry.view(graph, **({} if num_nodes is None else {"num_nodes": num_nodes}))
    seed, allow_isolated = checks.integer("seed", seed, minimum=0), checks.switch("allow_isolated", allow_isolated)
    when = None if time is None else _times(view, checks.text("time", time, "the name of an edge feature"))
    starts = dict(zip(view.num_nodes, np.cumsum([0, *view.num_nodes.values()]).tolist(), strict=False))
    ends = [[], []]  # type: list[list[np.ndarray]]
    for (source, _, target), (src, dst) in view.edges.items():
        ends[0].append(src.cpu().numpy().astype(np.int64) + starts[source])
        ends[1].append(dst.cpu().numpy().astype(np.int64) + starts[target])
    sizes = [len(part) for part in ends[0]]
    joined = [np.concatenate(side) if side else np.empty(0, dtype=np.int64) for side in ends]
    found = parts_of(
        joined[0],
        joined[1],
        np.repeat(np.arange(len(sizes)), sizes),
        when,
        strategy=strategy,
        shares=shares,
        seed=seed,
        allow_isolated=allow_isolated,
    )
    return _split(view, found, sizes)


def _split(view: GraphView, found: Parts, sizes: list[int]) -> EdgeSplit:
    """The parts as graph and pairs."""
    parts = dict(zip(view.edges, np.split(found.part, np.cumsum(sizes)[:-1]), strict=True))
    chosen = {
        name: {
            edge_type: torch.from_numpy(np.flatnonzero(part == name)).to(view.device)
            for edge_type, part in parts.items()
        }
        for name in (TRAIN, VALID, TEST)
    }
    pairs = {
        name: {
            edge_type: torch.stack([end[ids].long() for end in view.edges[edge_type]]) for edge_type, ids in of.items()
        }
        for name, of in chosen.items()
    }
    train = GraphView(
        view.num_nodes,
        {edge_type: (ends[0], ends[1]) for edge_type, ends in pairs[TRAIN].items()},
        view.features,
        {
            edge_type: {name: values[chosen[TRAIN][edge_type]] for name, values in features.items()}
            for edge_type, features in view.edge_features.items()
        },
        names=view.names,
    )
    return EdgeSplit(train, pairs[VALID], pairs[TEST], found.repeated, found.unknown)


def _times(view: GraphView, name: str) -> np.ndarray:
    """The times of all edges, one edge type after the other."""
    for edge_type in view.edges:
        if name not in view.edge_features[edge_type]:
            known = ", ".join(map(repr, view.edge_features[edge_type])) or "none"
            raise InputError("time", name, f"the name of a feature of the edges {edge_type}: {known}")
    return np.concatenate(
        [view.edge_features[edge_type][name].cpu().numpy().astype(np.float64).reshape(-1) for edge_type in view.edges]
    )
