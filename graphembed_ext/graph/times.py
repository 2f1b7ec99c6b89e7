"""Times of edges: found by name or given, checked, and put in one order over all edge types."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import InputError
from .view import EDGE_TYPE, EdgeType, GraphView
from .weights import Weight, edge_values

__all__ = ["edge_ranks"]


def edge_ranks(view: GraphView, time: Weight, edge_types: Sequence[EdgeType]) -> Tensor:
    """The place of each edge's time among all times that there are, 0 for the earliest; equal times have one place.

    Args:
        view: The graph.
        time: Name of an edge feature, a number for each edge in the host's order, or such by canonical edge type:
            whole numbers or floats, in any unit.
        edge_types: Canonical edge types that walks follow.

    Returns:
        int64, ``(E,)``: the edges of one type after those of the other, in the host's order.

    Raises:
        InputError: Times that are missing, of a wrong size, NaN or infinite.

    Example:
        >>> import graphembed_ext as ge
        >>> view = ge.view(torch.tensor([[0, 1, 2], [1, 2, 0]]))
        >>> edge_ranks(view, torch.tensor([2020.5, 1999.0, 2020.5]), view.edge_types)
        tensor([1, 0, 1])
    """
    parts = [edge_values(view, time, edge_type, "time") for edge_type in edge_types]
    for edge_type, values in zip(edge_types, parts, strict=True):
        wrong = ~torch.isfinite(values)
        if bool(wrong.any()):
            edge = int(wrong.nonzero()[0])
            name = f"time {time!r}" if isinstance(time, str) else "time"
            label = name if edge_type == EDGE_TYPE else f"{name} of {edge_type}"
            raise InputError(label, f"{float(values[edge])} at edge {edge}", "a finite time for each edge")
    if not parts:
        return torch.empty(0, dtype=torch.int64)
    # Whole numbers stay whole: a float64 does not tell nanoseconds apart.
    whole = all(not values.is_floating_point() for values in parts)
    joined = torch.cat([values.long() if whole else values.double() for values in parts])
    return torch.unique(joined, return_inverse=True)[1]
