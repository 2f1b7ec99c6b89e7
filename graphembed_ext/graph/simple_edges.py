"""Edges as files list them, made a simple graph."""

from __future__ import annotations

import numpy as np

__all__ = ["edges_of_keys", "simple_edges"]


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
    return edges_of_keys(src * num_nodes + dst, weight, num_nodes, directed)


def edges_of_keys(
    key: np.ndarray, weight: np.ndarray | None, num_nodes: int, directed: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """As :func:`simple_edges`, of edges given by ``src * num_nodes + dst``, int64, which is overwritten."""
    if weight is None:
        return *_of_unweighted(key, num_nodes, directed), None
    key, group = np.unique(key, return_inverse=True)
    weight = np.bincount(group, weight)
    if not directed:
        src, dst = key // num_nodes, key % num_nodes
        key, group = np.unique(np.concatenate([key, dst * num_nodes + src]), return_inverse=True)
        larger = np.zeros(len(key))
        np.maximum.at(larger, group, np.concatenate([weight, weight]))
        weight = larger
    return key // num_nodes, key % num_nodes, weight


def _of_unweighted(key: np.ndarray, num_nodes: int, directed: bool) -> tuple[np.ndarray, np.ndarray]:
    """Sources and destinations; sorts in place, as edges by the million would otherwise be copied several times."""
    key = _once(key)
    if not directed:
        both = np.empty(2 * len(key), dtype=key.dtype)
        both[: len(key)] = key
        turned = both[len(key) :]
        np.remainder(key, num_nodes, out=turned)
        turned *= num_nodes
        key //= num_nodes
        turned += key
        key = _once(both)
    src = key // num_nodes
    key %= num_nodes
    return src, key


def _once(key: np.ndarray) -> np.ndarray:
    """Each key once, ascending."""
    key.sort()
    fresh = np.ones(len(key), dtype=bool)
    np.not_equal(key[1:], key[:-1], out=fresh[1:])
    return key if fresh.all() else key[fresh]
