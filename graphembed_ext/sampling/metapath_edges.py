"""Metapath neighbours: which nodes a sequence of edge types leads to, as edges of their own.

The product of the adjacencies along a metapath is worked out row by row: from one end node, the set of nodes one step
back, the set two steps back, and so on. No product of a part of the metapath is ever held, only its result, and that
can be capped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor

from .._core import checks, memory, rng
from .._core.bits import U64, below, bits
from .._core.parallel import over_rows
from ..errors import InputError
from ..graph.csr import CSR
from ..graph.metapaths import Metapath, read_metapaths
from ..graph.view import EdgeType, GraphView
from ..hosts import registry
from ..walks.tables import stacked

__all__ = ["backwards", "metapath_edges", "named_metapaths"]


def metapath_edges(
    graph: Any,
    metapaths: Any,
    *,
    max_neighbors: int | None = None,
    seed: int | None = None,
    num_nodes: Any = None,
) -> GraphView:
    """Edges between the two ends of metapaths: one from u to v where at least one walk along the metapath leads so.

    As sets, the edges are those of ``dgl.metapath_reachable_graph`` and of PyG's ``AddMetaPaths``. They come sorted by
    destination, then by source. Time grows with the number of ways along a metapath, each set of nodes on the way
    being counted once; memory with the result and the number of nodes alone.

    The result is what :class:`graphembed_ext.HAN` trains on. For a layer, ``ge.to_host(result, "pyg")`` has the
    ``edge_index_dict`` and ``ge.to_host(result, "dgl")`` is the graph.

    Args:
        graph: Anything that :func:`graphembed_ext.view` takes, with named edge types.
        metapaths: A metapath, a list of metapaths, or a dict of them by name. A metapath is a list of edge types:
            relation names, or triples ``(source type, relation, destination type)`` where a name alone would not
            tell.
        max_neighbors: At most so many edges into each node and along each metapath, drawn uniformly from all, without
            repetition; None for all of them.
        seed: Seed of these draws; None draws one from torch's default generator.
        num_nodes: As for :func:`graphembed_ext.view`.

    Returns:
        A view with the nodes and node features of the graph, and an edge type ``(first type, name, last type)`` for
        each metapath; names are ``metapath_0``, ``metapath_1``, ... (PyG's) unless given.

    Raises:
        MetapathError: A step that the graph lacks, or that does not follow the one before it.
        InputError: A result that does not fit in memory.

    Example:
        >>> writes = torch.tensor([[0, 1, 1, 2], [0, 0, 1, 1]])
        >>> graph = {("author", "writes", "paper"): writes, ("paper", "by", "author"): writes.flip(0)}
        >>> view = metapath_edges(graph, {"APA": ["writes", "by"]})
        >>> view.edge_index(("author", "APA", "author"))
        tensor([[0, 1, 0, 1, 2, 1, 2],
                [0, 0, 1, 1, 1, 2, 2]])
    """
    view = registry.view(graph, **({} if num_nodes is None else {"num_nodes": num_nodes}))
    if max_neighbors is not None:
        max_neighbors = checks.integer("max_neighbors", max_neighbors)
    number = 0 if max_neighbors is None and checks.seed(seed) is None else rng.seed_or_fresh(seed)
    edges = {}
    for place, (edge_type, path) in enumerate(named_metapaths(view, metapaths).items()):
        key = rng.key(number, "metapath neighbours", place)
        edges[edge_type] = tuple(ids.to(view.device) for ids in _reached(view, edge_type, path, max_neighbors, key))
    return GraphView(view.num_nodes, edges, view.features, host=view.host, names=view.names)  # type: ignore[arg-type]


def named_metapaths(view: GraphView, metapaths: Any) -> dict[EdgeType, Metapath]:
    """Metapaths as users give them, by the edge type that stands for each: ``(first type, name, last type)``."""
    if isinstance(metapaths, Mapping):
        paths = {name: _single(view, path, f"metapaths[{name!r}]") for name, path in metapaths.items()}
    else:
        paths = {f"metapath_{k}": path for k, path in enumerate(read_metapaths(view, metapaths))}
    if not paths:
        raise InputError("metapaths", metapaths, "at least one metapath")
    return {(path[0][0], str(name), path[-1][2]): path for name, path in paths.items()}


def _single(view: GraphView, path: Any, argument: str) -> Metapath:
    found = read_metapaths(view, path)
    if len(found) != 1:
        raise InputError(argument, path, "one metapath, a list of edge types")
    return found[0]


def backwards(view: GraphView) -> GraphView:
    """The same nodes with every edge turned round: ``(a, r, b)`` becomes ``(b, r, a)``. Made once for a view."""

    def make() -> GraphView:
        edges = {(dst, name, src): (ends[1], ends[0]) for (src, name, dst), ends in view.edges.items()}
        return GraphView(num_nodes=view.num_nodes, edges=edges)

    return view.cached("backwards", make)


def turned(path: Sequence[EdgeType]) -> Metapath:
    """A metapath as it is walked on the graph turned round, from its end."""
    return tuple((dst, name, src) for src, name, dst in reversed(path))


def _reached(view: GraphView, edge_type: EdgeType, path: Metapath, most: int | None, key: int) -> tuple[Tensor, Tensor]:
    """Sources and destinations of the edges of one metapath."""
    back = turned(path)
    around = backwards(view)
    csr, bases = stacked(around, [back])
    csr = CSR(*(part.cpu() for part in csr))
    start, count = around.offsets[back[0][0]], around.num_nodes[back[0][0]]
    first_row = bases[back[0]] + start
    steps = np.array([bases[step] for step in back], np.int64)
    # Threads share the rows by the number of their first steps.
    bounds = csr.indptr[first_row : first_row + count + 1]
    work = bounds - bounds[0]
    low = around.offsets[back[-1][2]]
    span = around.num_nodes[back[-1][2]]
    limit = np.iinfo(np.int64).max if most is None else min(most, np.iinfo(np.int64).max)
    sizes = torch.zeros(count + 1, dtype=torch.int64)
    arrays = csr.indptr.numpy(), csr.indices.numpy(), steps, start, around.total_nodes, low, span, limit
    no_indptr, nothing = np.empty(0, np.int64), np.empty(0, np.int64)
    over_rows(_reach, work, 1 << 10, *arrays, U64(key), sizes.numpy(), no_indptr, nothing)
    indptr = torch.cumsum(sizes, 0)
    total = int(indptr[-1])
    if 2 * 8 * total > memory.available():
        raise InputError(
            "metapaths",
            f"{edge_type[1]!r}, which has {total:,} edges that take {memory.readable(16 * total)}",
            f"edges that fit into the {memory.readable(memory.available())} of memory that is free",
            f"max_neighbors={max(1, memory.available() // (64 * max(count, 1)))} would fit; or train in mini-batches, "
            "which walk along metapaths instead",
        )
    src = torch.empty(total, dtype=torch.int64)
    over_rows(_reach, work, 1 << 10, *arrays, U64(key), sizes.numpy(), indptr.numpy(), src.numpy())
    return src, torch.repeat_interleave(torch.arange(count), sizes[1:])


@numba.njit(cache=True, nogil=True)
def _reach(  # type: ignore[no-untyped-def]
    first, last, row_pointers, indices, steps, start, total, low, span, limit, key, sizes, indptr, out
):
    """Count the nodes that each row reaches, or write them, ascending, where ``indptr`` says.

    A mark is the number of the row and the step that has last come by, so that marks need no clearing.
    """
    marks = np.zeros(total, np.int64)
    here, there = np.empty(total, np.int64), np.empty(total, np.int64)
    mark = 0
    for row in range(first, last):
        here[0] = start + row
        size = 1
        for step in range(steps.size):
            mark += 1
            found = 0
            for k in range(size):
                at = here[k] + steps[step]
                for entry in range(row_pointers[at], row_pointers[at + 1]):
                    node = indices[entry]
                    if marks[node] != mark:
                        marks[node] = mark
                        there[found] = node
                        found += 1
            here, there = there, here
            size = found
        kept = min(size, limit)
        if indptr.size == 0:
            sizes[row + 1] = kept
            continue
        if size * 16 > span:
            size = 0
            for node in range(low, low + span):
                if marks[node] == mark:
                    here[size] = node
                    size += 1
        else:
            here[:size].sort()  # in place: a slice that is assigned takes seconds more to compile
        if kept < size:
            own = bits(key, U64(row))
            for k in range(kept):
                other = k + below(size - k, bits(own, U64(k)))
                here[k], here[other] = here[other], here[k]
            here[:kept].sort()
        for k in range(kept):
            out[indptr[row] + k] = here[k] - low
