"""The edges of a view grouped by destination, as message passing and its samplers read them; made once for a view."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from .._core.mapped import slices
from .adjacency import Adjacency
from .csr import CSR
from .view import EdgeType, GraphView
from .weights import entry_weights, given_weight

__all__ = ["entry_values", "in_edges", "message_edges"]


def in_edges(view: GraphView, edge_type: EdgeType) -> Adjacency:
    """All edges of a type, on the CPU, ids as int32 where that is wide enough; ``edge_ids`` are the host's."""

    def make() -> Adjacency:
        src, dst = (ids.cpu() for ids in view.edges[edge_type])
        counts = view.num_nodes[edge_type[0]], view.num_nodes[edge_type[2]]
        return Adjacency.from_edges(src, dst, *counts, narrow=True)

    return view.cached(("in-edges", edge_type), make)


def message_edges(view: GraphView, edge_type: EdgeType, device: torch.device) -> Adjacency:
    """The same on a device, every entry being an edge of its own place, so that the host's order is forgotten."""

    def make() -> Adjacency:
        graph = in_edges(view, edge_type)
        found = Adjacency(graph.indptr.to(device), graph.indices.to(device), None, graph.num_src)
        if view.mapped and device.type == "cpu":
            csr = view.narrow_csr(edge_type)
            found.turn(Adjacency(csr.indptr, csr.indices, partial(_places, graph, view.room), graph.num_dst))
        return found

    return view.cached(("message edges", edge_type, device), make)


def _places(graph: Adjacency, room: Callable[..., Tensor]) -> Tensor:
    """Which entry each of the host's edges is."""
    found = room((graph.num_edges,), torch.int64)
    for part in slices(graph.num_edges):
        found[graph.edge_ids[part].long()] = torch.arange(part.start, part.stop)
    return found


def entry_values(view: GraphView, edge_type: EdgeType, name: str) -> Tensor:
    """A weight of each entry of :func:`in_edges`, those of parallel edges ascending: float64, on the CPU.

    Raises:
        InputError: Weights that are missing, of a wrong size, negative, NaN or infinite.
    """

    def make() -> Tensor:
        graph = in_edges(view, edge_type)
        values = given_weight(view, name, edge_type).cpu()
        return entry_weights(CSR(graph.indptr, graph.indices, graph.edge_ids), values, view.room)

    return view.cached(("in-edge values", edge_type, name), make)
