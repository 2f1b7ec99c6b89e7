"""Walks by DGL's samplers over a view's canonical CSRs; the sole caller of ``dgl.sampling.random_walk`` and its kin.

Their random state can be neither read nor restored and depends on the number of OpenMP threads and on the calling
Python thread. So they are called from the main thread only, on one thread, and re-seeded for every batch; DGL's own
generator is left moved by that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from .._core import rng
from .._core.optional import import_dgl
from ..errors import InputError
from ..graph.metapaths import Metapath
from ..graph.view import EDGE_TYPE, GraphView

__all__ = ["DGLWalker", "check_bias"]

#: Name of the edge feature that holds the weights in DGL's graph.
_WEIGHT = "weight"
#: Largest ratio of node2vec's factors: DGL draws candidates until one is accepted, this many times on average at worst.
_WORST_RATIO = 1e6


class DGLWalker:
    """Walks by DGL: uniform or weighted, node2vec's second-order ones, along metapaths.

    Args:
        view: The graph.
        weight: Weight of each entry of the CSRs walked on, float64, one edge type after the other; None for uniform
            steps.
        p, q: As for :func:`graphembed_ext.walks.random_walk`.
        metapaths: Metapaths as canonical edge types; empty to follow any edge.
        cyclic: Whether walks go round a metapath that is through; otherwise they end there.

    Attributes:
        graph: DGL's graph over the canonical CSRs, on which equal edges give equal walks whatever the host's order.
    """

    def __init__(
        self,
        view: GraphView,
        weight: Tensor | None = None,
        p: float = 1.0,
        q: float = 1.0,
        metapaths: Sequence[Metapath] = (),
        cyclic: bool = True,
    ) -> None:
        self._dgl = import_dgl("engine='dgl'")
        self._offsets, self._total = view.offsets, view.total_nodes
        self._p, self._q, self._metapaths, self._cyclic = p, q, metapaths, cyclic
        self._prob = None if weight is None else _WEIGHT
        self.graph = _graph(self._dgl, view, weight, metapaths)

    def walk(self, starts: Tensor, walk_length: int, stream: int) -> Tensor:
        """Walks of ``walk_length`` nodes as global ids, -1 after a walk's end, int64 ``(B, walk_length)``.

        Args:
            starts: First nodes, int64, ``(B,)``; of several metapaths, the ``k``-th is walked from
                ``k * total_nodes`` + global id.
            walk_length: Nodes in a walk.
            stream: Key of the random stream; the walks depend on the batch as well.
        """
        if self._metapaths:
            return self._along_metapaths(starts, walk_length, stream)
        sampling, steps = self._dgl.sampling, walk_length - 1
        with _seeded(self._dgl, stream):
            if self._p == self._q == 1.0:
                return sampling.random_walk(self.graph, starts, length=steps, prob=self._prob)[0]
            return sampling.node2vec_random_walk(self.graph, starts, self._p, self._q, steps, prob=self._prob)

    def _along_metapaths(self, starts: Tensor, walk_length: int, stream: int) -> Tensor:
        walks = torch.full((len(starts), walk_length), -1, dtype=torch.int64)
        for number, path in enumerate(self._metapaths):
            mine = (starts // self._total == number).nonzero().squeeze(1)
            made = self._along(path, starts[mine] % self._total, walk_length, rng.key(stream, number))
            walks[mine, : made.size(1)] = made
        return walks

    def _along(self, path: Metapath, starts: Tensor, walk_length: int, stream: int) -> Tensor:
        """Walks along one metapath, as far as they go."""
        steps = walk_length - 1 if self._cyclic else min(walk_length - 1, len(path))
        if not len(starts) or not steps:
            return starts.unsqueeze(1)
        route = [path[step % len(path)] for step in range(steps)]
        begin = starts - self._offsets[path[0][0]]
        with _seeded(self._dgl, stream):
            traces = self._dgl.sampling.random_walk(self.graph, begin, metapath=route, prob=self._prob)[0]
        offset = torch.tensor([self._offsets[t] for t in [path[0][0], *(step[2] for step in route)]])
        return torch.where(traces < 0, -1, traces + offset)


def check_bias(p: float, q: float) -> None:
    """Refuse p and q with which DGL would reject candidates nearly for ever.

    Raises:
        InputError: Their factors are too far apart.
    """
    factors = 1 / p, 1.0, 1 / q
    if max(factors) / min(factors) > _WORST_RATIO:
        name, value = max((("p", p), ("q", q)), key=lambda given: max(given[1], 1 / given[1]))
        raise InputError(
            name,
            value,
            f"1/p, 1 and 1/q at most {_WORST_RATIO:g} times apart, as DGL rejects candidates for longer otherwise",
            "engine='torch' has no such limit",
        )


def _graph(dgl: Any, view: GraphView, weight: Tensor | None, metapaths: Sequence[Metapath]) -> Any:
    no_ids = torch.empty(0, dtype=torch.int64)
    types = sorted({step for path in metapaths for step in path})
    parts = {t: view.narrow_csr(t) for t in types} if types else {EDGE_TYPE: view.narrow_csr()}
    counts = {t: view.num_nodes[t] for step in types for t in step[::2]}
    graph = dgl.heterograph(
        {t: ("csr", (csr.indptr, csr.indices.long(), no_ids)) for t, csr in parts.items()},
        num_nodes_dict=counts or {EDGE_TYPE[0]: view.total_nodes},
    )
    if weight is None:
        return graph
    sizes = [len(csr.indices) for csr in parts.values()]
    for t, values in zip(parts, torch.split(weight, sizes), strict=True):
        graph.edges[t].data[_WEIGHT] = values
    return graph


@contextmanager
def _seeded(dgl: Any, stream: int) -> Iterator[None]:
    """DGL on one thread and seeded: elsewise its walks are others on every machine."""
    threads = dgl.utils.get_num_threads()
    dgl.utils.set_num_threads(1)
    try:
        dgl.seed(stream >> 33)  # DGL takes seeds below 2**31
        yield
    finally:
        dgl.utils.set_num_threads(threads)
