"""Means over neighbours, by the sum of the weights or by the number of edges."""

from __future__ import annotations

import torch
from torch import Tensor

from ...graph.adjacency import Adjacency
from .sums import neighbor_sum

__all__ = ["neighbor_mean", "neighbor_mean_with_self"]


def neighbor_mean(graph: Adjacency, x: Tensor, weight: Tensor | None = None, *, by: str = "weights") -> Tensor:
    """Mean of every node's in-neighbours; zeros where nothing comes in.

    Args:
        graph: The edges.
        x: Vectors of the sources, ``(num_src, d)``.
        weight: Weight of each edge, at least 0, in the order of the list of edges that ``graph`` was made from.
        by: ``"weights"`` divides by the sum of the weights, so that a weight of 0 is as good as no edge and a common
            factor changes nothing; ``"count"`` divides by the number of edges, as DGL does.

    Returns:
        ``(num_dst, d)``.

    Example:
        >>> graph = Adjacency.from_edges(torch.tensor([0, 1]), torch.tensor([0, 0]), 2, 1)
        >>> x, weight = torch.tensor([[1.0], [5.0]]), torch.tensor([3.0, 1.0])
        >>> neighbor_mean(graph, x, weight).item(), neighbor_mean(graph, x, weight, by="count").item()
        (2.0, 4.0)
    """
    total = neighbor_sum(graph, x, weight)
    if weight is None or by == "count":
        return total.mul_(_inverse_degrees(graph, x.dtype, 0))
    weights = _weights_in(graph, x, weight)
    return total / torch.where(weights == 0, torch.ones_like(weights), weights)


def neighbor_mean_with_self(
    graph: Adjacency, x: Tensor, target: Tensor, weight: Tensor | None = None, *, by: str = "weights"
) -> Tensor:
    """Mean of every node's in-neighbours and of the node itself, whose weight is 1: the ``gcn`` aggregator.

    Args:
        graph: The edges.
        x: Vectors of the sources, ``(num_src, d)``.
        target: Vectors of the destinations, ``(num_dst, d)``.
        weight: As in :func:`neighbor_mean`.
        by: As in :func:`neighbor_mean`.
    """
    total = neighbor_sum(graph, x, weight) + target
    if weight is None or by == "count":
        return total.mul_(_inverse_degrees(graph, x.dtype, 1))
    return total / (_weights_in(graph, x, weight) + 1)


def _inverse_degrees(graph: Adjacency, dtype: torch.dtype, more: int) -> Tensor:
    """1 / (degree + more), 1 where that would be infinite, ``(num_dst, 1)``; kept with the graph."""

    def make() -> Tensor:
        wide = torch.float64 if dtype == torch.float64 else torch.float32
        return (graph.degrees + more).clamp(min=1).to(wide).reciprocal().to(dtype).unsqueeze(1)

    return graph.keep(("inverse degrees", dtype, more), make)


def _weights_in(graph: Adjacency, x: Tensor, weight: Tensor) -> Tensor:
    return neighbor_sum(graph, x.new_ones(graph.num_src, 1), weight)
