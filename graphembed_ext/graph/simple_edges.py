"""Edges as files list them, made a simple graph."""

from __future__ import annotations

import numpy as np

__all__ = ["simple_edges"]


def simple_edges(
    src: np.ndarray, dst: np.ndarray, weight: np.ndarray | None, num_nodes: int, directed: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Each edge once, sorted by its ends.

    Edges listed several times become one, their weights added up. Undirected edges then stand in both directions
    (a self-loop once); where both were listed, each gets the larger of the two weights.

    Args:
        src, dst: Node ids, int64, shape ``(E,)``.
        weight: Weights, shape ``(E,)``, or None.
        num_nodes: Number of nodes.
        directed: Whether an edge leads from ``src`` to ``dst`` only.

    Returns:
        Sources, destinations and weights of the simple graph.

    Example:
        >>> src, dst, weight = simple_edges(np.array([0, 0, 2]), np.array([1, 1, 2]), np.array([1.0, 2, 5]), 3, False)
        >>> src.tolist(), dst.tolist(), weight.tolist()
        ([0, 1, 2], [1, 0, 2], [3.0, 3.0, 5.0])
    """
    key, group = np.unique(src * num_nodes + dst, return_inverse=True)
    if weight is not None:
        weight = np.bincount(group, weight)
    if not directed:
        src, dst = key // num_nodes, key % num_nodes
        key, group = np.unique(np.concatenate([key, dst * num_nodes + src]), return_inverse=True)
        if weight is not None:
            larger = np.zeros(len(key))
            np.maximum.at(larger, group, np.concatenate([weight, weight]))
            weight = larger
    return key // num_nodes, key % num_nodes, weight
