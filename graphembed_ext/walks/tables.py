"""What walks read: start nodes; along metapaths, the edge types as one CSR, and where each step's rows begin."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from .._core import checks
from .._core.doors import as_ids, within
from .._core.mapped import narrow_dtype, slices
from ..graph.csr import CSR, OrderedCSR
from ..graph.metapaths import Metapath
from ..graph.view import EdgeType, GraphView

__all__ = ["ENDED", "RESTART_DRAW", "check_starts", "numbers_of", "plan", "stacked"]


#: Entries that are copied at a time.
_SLICE = 1 << 18
#: Stands in a plan where a metapath has no further step.
ENDED = -(1 << 62)
#: The draw of a step that says whether a walk restarts: the last of the many that a step may need.
RESTART_DRAW = (1 << 32) - 1


def stacked(view: GraphView, metapaths: Sequence[Metapath]) -> tuple[CSR, dict[EdgeType, int]]:
    """The CSRs of all edge types on some metapaths, one below the other, with global ids as entries.

    Returns:
        The CSR, its ``edge_ids`` counting through the edge types, and for each edge type the number to add to a
        global id for its row.
    """
    types = sorted({step for metapath in metapaths for step in metapath})
    offsets = view.offsets
    bases, pointers, edge_ids = {}, [torch.zeros(1, dtype=torch.int64, device=view.device)], []
    numbers = narrow_dtype(view.total_edges)
    room = view.room if view.mapped else partial(torch.empty, device=view.device)
    indices = room((sum(len(view.edges[t][0]) for t in types),), dtype=narrow_dtype(view.total_nodes))
    rows = edges = 0
    for edge_type in types:
        csr = view.narrow_csr(edge_type)
        bases[edge_type] = rows - offsets[edge_type[0]]
        pointers.append(csr.indptr[1:] + edges)
        count = csr.indices.numel()
        for part in slices(count, _SLICE):
            here = csr.indices[part].to(indices.dtype) + offsets[edge_type[2]]
            indices[edges + part.start : edges + part.stop] = here
        if not view.mapped:
            edge_ids.append(csr.edge_ids.to(numbers) + edges)
        rows += view.num_nodes[edge_type[0]]
        edges += count
    if view.mapped:  # edges are in the order of entries
        return OrderedCSR(torch.cat(pointers), indices), bases
    return CSR(torch.cat(pointers), indices, torch.cat(edge_ids)), bases


def plan(metapaths: Sequence[Metapath], bases: dict[EdgeType, int], walk_length: int, cyclic: bool) -> Tensor:
    """What to add to a global id for its row in the stacked CSR, by metapath and step.

    Args:
        metapaths: All metapaths.
        bases: As :func:`stacked` returned it.
        walk_length: Nodes in a walk.
        cyclic: Whether a metapath that is through starts over; otherwise its walks have ended.

    Returns:
        int64, shape ``(len(metapaths), walk_length - 1)``, :data:`ENDED` where a walk has ended.
    """
    found = torch.full((len(metapaths), walk_length - 1), ENDED, dtype=torch.int64)
    for row, path in zip(found, metapaths, strict=True):
        reached = walk_length - 1 if cyclic else min(walk_length - 1, len(path))
        row[:reached] = torch.tensor([bases[step] for step in path])[torch.arange(reached) % len(path)]
    return found


def numbers_of(first: int | Tensor, count: int, device: torch.device) -> Tensor:
    """The number of each of ``count`` walks within their stream: given, or those from the first one on."""
    return first if isinstance(first, Tensor) else torch.arange(first, first + count, device=device)


def check_starts(starts: Any, num_nodes: int, kind: str = "") -> Tensor:
    """Start nodes as an int64 vector; takes what a DataLoader hands to collate_fn, a list of 0-d tensors.

    Example:
        >>> check_starts([2, 0], num_nodes=3)
        tensor([2, 0])
    """
    if isinstance(starts, Tensor) and starts.numel() == 0:
        starts = starts.reshape(-1)
    num_nodes = checks.integer("num_nodes", num_nodes, minimum=0)
    ids = as_ids(starts, "starts", "a vector of integer node ids")
    return within("starts", ids, num_nodes, got="node", expected=f"node ids{kind}")
