"""SciPy's sparse matrices, read and written. A view is a copy: what is done to the matrix later, it does not see."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from .._core import checks
from ..errors import InputError
from ..graph.view import EDGE_TYPE, NODE_TYPE, EdgeType, GraphView
from .columns import SIDES, as_numbers, edge_type_of, names_of, no_attributes, turned, way_of

__all__ = ["attach", "to_graph", "token", "view"]

#: Edge feature that holds the values of a matrix, as for PyG's sparse tensors.
_WEIGHT = "edge_weight"


def view(
    graph: Any,
    names: Sequence[Any] | Mapping[str, Sequence[Any]] | None = None,
    bipartite: bool = False,
) -> GraphView:
    """The view of a sparse matrix, or of a dict of them by edge type. See :func:`graphembed_ext.view`.

    An entry ``(i, j)`` is an edge from node ``i`` to node ``j``: rows are sources, as in ``scipy.sparse.csgraph`` and
    NetworkX. (PyG's ``SparseTensor`` is the transposed adjacency.) Entries are sorted, repeated ones added up, zeros
    left out; values other than 1 become the edge feature ``"edge_weight"``.

    Args:
        graph: A square sparse matrix or array of any format, or a dict by edge type
            ``(source type, relation, destination type)``.
        names: Names of the nodes, in order; a dict by node type where there are several.
        bipartite: Whether rows are users and columns items, of any number; edges then lead back, too.

    Raises:
        InputError: A matrix that is not square, or whose size is not that of others; names that are not one a node.

    Example:
        >>> import graphembed_ext as ge
        >>> matrix = sp.csr_array(np.array([[0, 2.0], [0, 0]]))
        >>> found = ge.view(matrix, names=["Ada", "Bob"])
        >>> found.edge_index().tolist(), found.edge_features[("_N", "_E", "_N")]["edge_weight"]
        ([[0], [1]], tensor([2.]))
    """
    bipartite = checks.flag("bipartite", bipartite)
    named = isinstance(graph, Mapping) and not sp.issparse(graph)  # a dok_array is a dict, too
    matrices = dict(graph) if named else {SIDES if bipartite else EDGE_TYPE: graph}
    counts: dict[str, int] = {}
    edges: dict[EdgeType, tuple[Tensor, Tensor]] = {}
    weights: dict[EdgeType, dict[str, Tensor]] = {}
    for edge_type, matrix in matrices.items():
        _check(edge_type_of(edge_type), matrix, counts)
        src, dst, values = _entries(matrix)
        edges[edge_type] = src, dst
        weights[edge_type] = {} if values is None else {_WEIGHT: values}
        if bipartite:
            edges[turned(edge_type)], weights[turned(edge_type)] = (dst, src), weights[edge_type]
    return GraphView(
        num_nodes=counts,
        edges=edges,
        edge_features=weights,
        names=_names(names, counts),
        host="scipy",
        source=graph,
        options={"names": names, "bipartite": bipartite},
    )


def token(graph: Any) -> Hashable:
    """Always the same: a view is a copy."""
    return None


def attach(graph: Any, values: Mapping[str, Tensor], name: str) -> None:
    """Matrices have no place for node features: always an error."""
    raise no_attributes(graph, "np.asarray(embeddings) has a row for each row of the matrix")


def to_graph(view: GraphView) -> Any:
    """A ``csr_array`` of the weights, or of ones where there are none; a dict by edge type for a typed view."""
    found = {}
    for edge_type, (src, dst) in way_of(view).items():
        shape = view.num_nodes.get(edge_type[0], 0), view.num_nodes.get(edge_type[2], 0)
        weight = view.edge_features.get(edge_type, {}).get(_WEIGHT)
        values = np.ones(len(src), np.float32) if weight is None else weight.cpu().numpy()
        found[edge_type] = sp.coo_array((values, (src, dst)), shape).tocsr()
    return found if view.is_typed else found[EDGE_TYPE]


def _check(edge_type: EdgeType, matrix: Any, counts: dict[str, int]) -> None:
    """Refuse what is no matrix of this type, and take note of the numbers of nodes."""
    if not sp.issparse(matrix) or matrix.ndim != 2:
        raise InputError("graph", f"a {type(matrix).__qualname__}", "a sparse matrix of two dimensions")
    if matrix.dtype.kind not in "biuf":
        raise InputError("graph", f"entries of type {matrix.dtype}", "real numbers")
    way_out = "bipartite=True says that rows are users and columns items"
    for node_type, size in zip(edge_type[::2], matrix.shape, strict=True):
        if counts.setdefault(node_type, size) != size:
            kind = "" if node_type == NODE_TYPE else f" of type {node_type!r}"
            expected = f"{counts[node_type]} rows or columns for the nodes{kind}, as before"
            raise InputError("graph", f"a matrix of shape {matrix.shape}", expected, way_out if not kind else "")


def _entries(matrix: Any) -> tuple[Tensor, Tensor, Tensor | None]:
    """Sources, destinations and values, sorted; None for values that are all 1."""
    rows = sp.csr_array(matrix, copy=True)
    rows.sum_duplicates()
    rows.eliminate_zeros()
    src = np.repeat(np.arange(rows.shape[0], dtype=np.int64), np.diff(rows.indptr))
    dst = rows.indices.astype(np.int64)
    values = None if bool((rows.data == 1).all()) else as_numbers(rows.data.astype(np.float64))
    return torch.from_numpy(src), torch.from_numpy(dst), values


def _names(names: Any, counts: Mapping[str, int]) -> dict[str, list[str]]:
    if names is None:
        return {}
    if not isinstance(names, Mapping):
        if len(counts) != 1:
            raise InputError("names", "one list", f"a dict with a list for each of {list(counts)}")
        names = {next(iter(counts)): names}
    lists = {kind: checks.several("names", of_kind, "a list of names") for kind, of_kind in names.items()}
    return {kind: names_of(of_kind, "names") for kind, of_kind in lists.items()}
