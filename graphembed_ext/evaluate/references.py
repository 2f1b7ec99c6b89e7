"""What every embedding must beat: classes and edges told by degrees, features and neighbours alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .._core import checks, memory
from .._core.doors import as_pairs, within
from ..errors import InputError
from ..graph.features import FEATURE_NAMES, find
from ..graph.view import GraphView
from ..hosts import registry
from .classification import labels_of, node_classification
from .links import link_prediction, ranked
from .scores import Scores

__all__ = ["classification_references", "link_references"]

_KINDS = "two node types, of the first and of the second end"
#: Rows of paths that are counted at once.
_ROWS = 4096


def classification_references(view: Any, node_type: str, y: Any, **protocol: Any) -> dict[str, Scores]:
    """Node classification without an embedding, by the protocol of :func:`graphembed_ext.evaluate.node_classification`.

    ``majority class``
        Each node is given the commonest class of the training nodes; with several labels a node, as many of the
        commonest as it has.
    ``degrees``
        The logistic regression on the numbers of edges of a node, ``log(1 + n)`` for each edge type and end.
    ``features``
        The same on the node's features, where it has some.

    Args:
        view: The graph, of either host, or its view; None leaves the majority class alone.
        node_type: Type of the labelled nodes.
        y: Their classes, as for ``node_classification``.
        **protocol: Its further arguments.

    Example:
        >>> import graphembed_ext as ge
        >>> star = ge.view(torch.tensor([[0, 0, 0, 0, 0, 6, 6, 6, 6, 6], [1, 2, 3, 4, 5, 7, 8, 9, 10, 11]]))
        >>> y = torch.tensor([1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0])
        >>> found = classification_references(star, "_N", y, repeats=3)
        >>> list(found), round(found["majority class"]["accuracy"], 2)
        (['majority class', 'degrees'], 0.83)
    """
    y, node_type = labels_of(y), checks.text("node_type", node_type)
    count = len(y)
    view = None if view is None else registry.view(view)
    vectors = {"majority class": torch.zeros(count, 1)}  # what a regression learns from nothing
    if view is not None and view.num_nodes.get(node_type) == count:
        vectors["degrees"] = torch.log1p(_degrees(view, node_type))
        features = find(view, node_type, FEATURE_NAMES)
        if features is not None and not _one_hot(features):
            vectors["features"] = features
    return {name: node_classification(rows, y, **protocol) for name, rows in vectors.items()}


def _one_hot(features: Tensor) -> bool:
    """Whether features say which node it is and no more."""
    return features.layout != torch.strided or features.size(0) == features.size(-1)


def _degrees(view: GraphView, node_type: str) -> Tensor:
    """Number of edges of each node of a type, a column for each edge type and end."""
    columns = [torch.zeros(view.num_nodes[node_type])]
    for (source, _, target), (src, dst) in view.edges.items():
        for kind, ends in ((source, src), (target, dst)):
            if kind == node_type:
                columns.append(torch.bincount(ends.cpu().long(), minlength=view.num_nodes[kind]).float())
    return torch.stack(columns[1:] or columns, 1)


def link_references(view: Any, kinds: Sequence[str], positive: Tensor, negative: Tensor) -> dict[str, dict[str, float]]:
    """Link prediction without an embedding, from the edges of the training graph, whatever their direction and type.

    ``common neighbours``
        The number of nodes that both are joined to; between two types, which may have none, ``paths of length 3``.
    ``preferential attachment``
        The product of both degrees.
    ``feature cosine``
        The cosine of both nodes' features, where they have some and are of one type.

    Both are of Liben-Nowell and Kleinberg 2003 (doi:10.1145/956863.956972).

    Args:
        view: The graph that was trained on, of either host, or its view.
        kinds: Node types of the ends.
        positive: Held-out edges, ids within their types, ``(2, P)``.
        negative: Pairs that are no edges, ``(2, M)``.

    Returns:
        ``auc`` and ``ap`` of each.

    Raises:
        InputError: Types that the graph lacks, no pairs, ids out of range.

    Example:
        >>> import graphembed_ext as ge
        >>> ring = ge.view(torch.tensor([[0, 1, 2, 3, 4], [1, 2, 3, 4, 5]]), num_nodes=6)
        >>> held_out, none = torch.tensor([[0], [2]]), torch.tensor([[0], [5]])
        >>> link_references(ring, ("_N", "_N"), held_out, none)["common neighbours"]
        {'auc': 1.0, 'ap': 1.0}
    """
    view = registry.view(view)
    kinds = [checks.choice("kinds", kind, view.node_types) for kind in checks.several("kinds", kinds, _KINDS)]
    if len(kinds) != 2:
        raise InputError("kinds", f"{len(kinds)} types", _KINDS)
    sides = [_rows_of(view, kinds, *given) for given in (("positive", positive), ("negative", negative))]
    adjacency = _adjacency(view)
    degrees = np.asarray(adjacency.sum(1)).ravel()
    name = "common neighbours" if kinds[0] == kinds[1] else "paths of length 3"
    found = {
        name: ranked(*(_paths(adjacency, pairs, kinds[0] != kinds[1]) for pairs in sides)),
        "preferential attachment": ranked(*(degrees[pairs[0]] * degrees[pairs[1]] for pairs in sides)),
    }
    features = find(view, kinds[0], FEATURE_NAMES) if kinds[0] == kinds[1] else None
    if features is not None and not _one_hot(features):
        found["feature cosine"] = link_prediction(features, positive, negative, score="cosine")
    return found


def _rows_of(view: GraphView, kinds: Sequence[str], argument: str, pairs: Any) -> np.ndarray:
    """Pairs of ids within their types as places among all nodes, ``(2, P)``."""
    found = as_pairs(pairs, argument).cpu()
    if not found.size(1):
        raise InputError(argument, "no pairs", "at least one")
    start = view.offsets
    rows = [within(argument, ids, view.num_nodes[kind]) + start[kind] for ids, kind in zip(found, kinds, strict=True)]
    return torch.stack(rows).numpy()


def _adjacency(view: GraphView) -> Any:
    """All edges in both directions, each once, as a scipy matrix of ones."""
    import scipy.sparse

    count = view.total_nodes
    memory.check_room("view", f"a graph of {count} nodes", 24 * count, "its matrix")
    start = view.offsets
    rows, columns = [], []
    for (source, _, target), (src, dst) in view.edges.items():
        first, second = src.cpu().numpy() + start[source], dst.cpu().numpy() + start[target]
        rows += [first, second]
        columns += [second, first]
    ends = [np.concatenate(side) if side else np.empty(0, dtype=np.int64) for side in (rows, columns)]
    matrix = scipy.sparse.csr_matrix((np.ones(len(ends[0])), tuple(ends)), shape=(count, count))
    matrix.data[:] = 1  # equal entries were added up
    return matrix


def _paths(adjacency: Any, pairs: np.ndarray, longer: bool) -> np.ndarray:
    """Number of paths of length 2, or 3, between the ends of each pair."""
    found = []
    for start in range(0, pairs.shape[1], _ROWS):
        first, second = (adjacency[ends] for ends in pairs[:, start : start + _ROWS])
        if longer:
            first = first @ adjacency
        found.append(np.asarray(first.multiply(second).sum(1)).ravel())
    return np.concatenate(found)
