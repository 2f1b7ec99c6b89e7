"""Walks in one call, and as a stream made in the background."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor

from .._core import checks, rng
from .._core.background import in_background
from ..errors import InputError
from ..graph.weights import Weight
from ..hosts import registry
from .loader import WalkLoader
from .walker import Walker, Walks

__all__ = ["random_walk", "stream"]


def random_walk(
    graph: Any,
    starts: Tensor,
    walk_length: int | None = None,
    *,
    p: float = 1.0,
    q: float = 1.0,
    weight: Weight | None = None,
    restart: float = 0.0,
    metapath: Any = None,
    time: Weight | None = None,
    engine: str = "auto",
    seed: int | None = None,
) -> Walks:
    """Random walks from the given nodes of any host's graph.

    Args:
        graph: Anything that :func:`graphembed_ext.view` takes. Without a metapath the edge types of a typed graph
            are joined, over global node ids (:attr:`~graphembed_ext.graph.view.GraphView.offsets`).
        starts: First node of each walk, integers, shape ``(B,)``; with a metapath, ids within the node type that
            it starts from.
        walk_length: Nodes in a walk, the first one included. With a metapath None means one pass, a node more
            than it has steps; longer walks go round it, for which it must end at the type it starts from.
        p: Return parameter of node2vec: a small p makes a walk turn back.
        q: In-out parameter of node2vec: a small q drives a walk outward.
        weight: Name of an edge feature; or a tensor with a weight for each edge in the host's order; or a dict
            of tensors by canonical edge type. A step follows an edge with probability proportional to its
            weight. None for uniform steps.
        restart: Chance to jump back to the walk's start, tossed for before each step, at a dead end too. Not
            along metapaths.
        metapath: Edge types to follow in turn: relation names, or triples ``(source type, relation, destination
            type)`` where a name alone would not tell. None to follow any edge.
        time: Name of an edge feature, a tensor with a number for each edge in the host's order, or a dict of such by
            canonical edge type: a walk then follows an edge only after one that is strictly earlier, each later one
            alike, and ends where there is none. Its first step takes any edge. Not with p, q, weight or restart.
        engine: ``"auto"``, ``"dgl"`` or ``"torch"``; restart and time need ``"torch"``.
        seed: None draws one from torch's default generator.

    Returns:
        The walks, as global node ids, and the engine that made them. A walk that cannot go on is filled up
        with -1.

    Raises:
        InputError: A start that is no node; p or q not above 0; weights that are negative, NaN, infinite, or 0 on
            all edges out of a node; times that are NaN or infinite.
        MetapathError: A metapath that the graph cannot be walked along.
        EngineError: The engine asked for cannot serve.

    Reference:
        Perozzi et al. 2014, arXiv:1403.6652; Grover and Leskovec 2016, arXiv:1607.00653; Dong, Chawla and Swami
        2017, "metapath2vec", KDD; Tong, Faloutsos and Pan 2006, "Fast Random Walk with Restart", ICDM; Nguyen et al.
        2018, "Continuous-Time Dynamic Network Embeddings", https://doi.org/10.1145/3184558.3191526.

    Example:
        >>> import torch
        >>> ring = torch.tensor([[0, 1, 2], [1, 2, 0]])
        >>> random_walk(ring, torch.tensor([1]), 4, engine="torch", seed=0)
        Walks(nodes=tensor([[1, 2, 0, 1]]), engine='torch')
        >>> random_walk(ring, torch.tensor([1]), 4, time=torch.tensor([3, 1, 2]), seed=0).nodes  # in order
        tensor([[1, 2, 0, 1]])
        >>> random_walk(ring, torch.tensor([1]), 4, time=torch.tensor([1, 2, 3]), seed=0).nodes  # 0 - 1 is first
        tensor([[ 1,  2,  0, -1]])
    """
    kind: dict[str, Any] = {"p": p, "q": q, "weight": weight, "restart": restart, "metapath": metapath, "time": time}
    walker = Walker(registry.view(graph), engine=engine, **kind)
    length = walker.length_of(walk_length)
    number = rng.seed_or_fresh(seed)
    return walker.walk(walker.global_starts(starts), length, rng.key(number, "walks"))


def stream(
    graph: Any,
    walk_length: int | None = None,
    *,
    starts: Tensor | None = None,
    batch_size: int = 1024,
    epochs: int | None = 1,
    shuffle: bool = True,
    prefetch: int = 2,
    num_workers: int = 0,
    engine: str = "auto",
    seed: int | None = None,
    **kind: Any,
) -> Iterator[Walks]:
    """Walks batch by batch, made in the background while the last batch is being used, in bounded memory.

    With the torch engine a background thread makes them; the walks, read one after the other, depend on the
    seed alone, whatever ``batch_size``, ``prefetch`` and ``num_workers``. ``auto`` means that engine here. The
    dgl engine serves main threads only, so worker processes (one, unless told otherwise) make its walks, and
    these depend on the batch size too.

    Args:
        graph: Anything that :func:`graphembed_ext.view` takes.
        walk_length: As for :func:`random_walk`.
        starts: Start nodes, as for :func:`random_walk`; None for all: every node, or every node of the type that
            the metapath starts from.
        batch_size: Walks in a batch.
        epochs: Times that each start is walked from; None goes on for ever.
        shuffle: Whether every epoch takes the starts in another order.
        prefetch: Batches made ahead, at most; with workers, for each of them.
        num_workers: Worker processes; 0 for a thread.
        engine: ``"auto"``, ``"dgl"`` or ``"torch"``.
        seed: None draws one from torch's default generator.
        **kind: ``p``, ``q``, ``weight``, ``restart``, ``metapath``, ``time``, as for :func:`random_walk`.

    Yields:
        Walks; the last batch of an epoch may be smaller.

    Raises:
        InputError: As :func:`random_walk`, and at the call rather than at the first batch.

    Example:
        >>> import torch
        >>> ring = torch.tensor([[0, 1, 2], [1, 2, 0]])
        >>> for walks in stream(ring, 4, batch_size=2, shuffle=False, seed=0):
        ...     print(walks.nodes.tolist())
        [[0, 1, 2, 0], [1, 2, 0, 1]]
        [[2, 0, 1, 2]]
    """
    prefetch = checks.integer("prefetch", prefetch)
    num_workers = checks.workers(num_workers)
    epochs = None if epochs is None else checks.integer("epochs", epochs)
    view = registry.view(graph)
    walker = Walker(view, engine="torch" if isinstance(engine, str) and engine == "auto" else engine, **kind)
    length = walker.length_of(walk_length)
    number = rng.seed_or_fresh(seed)
    starts = walker.starts if starts is None else walker.global_starts(starts)
    if not len(starts):
        raise InputError("starts", "no nodes", "one or more to walk from")
    if walker.engine == "dgl":
        num_workers = max(1, num_workers)
    workers: dict[str, Any] = {"num_workers": num_workers, "prefetch_factor": prefetch} if num_workers else {}
    loader = WalkLoader(walker, starts, length, seed=number, batch_size=batch_size, shuffle=shuffle, **workers)

    def batches() -> Iterator[Walks]:
        while epochs is None or loader.epoch < epochs:
            for nodes in loader:
                yield Walks(nodes, walker.engine)

    return batches() if num_workers else in_background(batches, prefetch, leaves=0)
