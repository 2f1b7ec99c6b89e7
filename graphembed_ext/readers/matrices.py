"""Graphs from adjacency matrices: MATLAB files, MatrixMarket, NumPy and SciPy archives, dense tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..errors import FileFormatError, InputError
from ..graph.simple_edges import simple_edges
from ..graph.view import EDGE_TYPE, NODE_TYPE, GraphView
from .arrays import Entries, dense_of, read_archive, read_array, sparse_of
from .checks import check_count, check_ids, check_room, check_weights
from .graph_file import WEIGHT, simple_view
from .matlab import Other, read_matlab
from .matrix_market import read_matrix_market

__all__ = ["SIDES", "Matrix", "matrix_of", "read_matrix", "sides_view"]

#: Node types of rows and columns, and the relation between them, where these are different nodes.
SIDES = ("user", "to", "item")
_BIPARTITE = (
    "bipartite=True (--bipartite) takes rows for users and columns for items; a list of edges (2, E) is read from an "
    ".npz file that has it under the name edge_index"
)


@dataclass(frozen=True)
class Matrix:
    """A graph as a matrix file holds it; the attributes are those of :class:`graphembed_ext.readers.GraphFile`."""

    view: GraphView
    labels: Mapping[str, Any] = field(default_factory=dict)
    weight: str | None = None
    notes: tuple[str, ...] = ()


def read_matrix(path: Path, kind: str, key: str | None, directed: bool, bipartite: bool = False) -> Matrix:
    """Read an adjacency matrix.

    ``.npz`` files are one of: what ``scipy.sparse.save_npz`` writes; the arrays ``adj_data``, ``adj_indices``,
    ``adj_indptr`` and ``adj_shape`` of gnn-benchmark, with ``attr_...`` and ``labels``; or ``edge_index`` (2, E) with
    ``edge_weight``, ``x``, ``y`` and ``num_nodes`` where there are any, whose edges are taken as they are; or one
    dense matrix. ``.npy`` files have a dense matrix.

    Args:
        path: File.
        kind: ``".mat"``, ``".mtx"``, ``".npy"`` or ``".npz"``.
        key: Key of the matrix in a MATLAB file; None finds it.
        directed: Whether edges lead one way.
        bipartite: Whether rows are users and columns items, which are different nodes; such a matrix may have
            another number of rows than of columns.

    Raises:
        FileFormatError: Not such a file, entries that are no weights, or parts that contradict each other.
    """
    if kind == ".mat":
        return _read_mat(path, key, directed, bipartite)
    if kind == ".mtx":
        return matrix_of(read_matrix_market(path), str(path), directed, bipartite)
    if kind == ".npy":
        return matrix_of(_of_dense(read_array(path), str(path)), str(path), directed, bipartite)
    return _read_npz(path, directed, bipartite)


def matrix_of(entries: Entries, place: str, directed: bool, bipartite: bool = False) -> Matrix:
    """The graph whose edges the entries of a matrix are; entries of 0 are none, and repeated ones add up.

    Args:
        entries: Of the matrix.
        place: File, and what in it, for errors.
        directed: Whether edges lead one way, from row to column.
        bipartite: Whether rows are users and columns items.

    Raises:
        FileFormatError: Another shape, entries that are no weights, or none at all.
    """
    rows, columns = entries.shape
    if rows != columns and not bipartite:
        raise FileFormatError(place, f"a matrix of shape {entries.shape}", "a square adjacency matrix", _BIPARTITE)
    values = entries.values
    if values is not None and values.dtype.kind not in "biuf":
        raise FileFormatError(place, f"entries of type {values.dtype}", "real numbers")
    given: Any = np.ones(len(entries.rows)) if values is None else values.astype(np.float64)
    src, dst, weight = simple_edges(entries.rows, entries.columns, given, max(rows, columns), True)
    assert weight is not None
    check_weights(weight, lambda entry: f"{place} at ({src[entry]}, {dst[entry]})")
    there = weight > 0
    src, dst, weight = src[there], dst[there], weight[there]
    if not len(src):
        raise FileFormatError(place, "a matrix of zeros", "at least one edge")
    given = None if bool((weight == 1).all()) else weight
    name = None if given is None else WEIGHT
    if bipartite:
        view = sides_view(src, dst, given, (rows, columns))
        return Matrix(view, {}, name, (f"the {rows} rows are users, the {columns} columns items",))
    return Matrix(simple_view(src, dst, given, rows, directed), {}, name)


def sides_view(src: np.ndarray, dst: np.ndarray, weight: np.ndarray | None, counts: tuple[int, int]) -> GraphView:
    """The graph of users and items, with the relation back.

    Args:
        src: Number of the user of each edge, int64, shape ``(E,)``.
        dst: Number of its item.
        weight: Its weight; None for none.
        counts: Number of users and of items.
    """
    src, dst, weight = simple_edges(src, dst, weight, max(counts), True)
    user, relation, item = SIDES
    there = torch.from_numpy(src), torch.from_numpy(dst)
    edges = {SIDES: there, (item, f"rev_{relation}", user): there[::-1]}
    features = {} if weight is None else {kind: {WEIGHT: torch.from_numpy(weight).float()} for kind in edges}
    return GraphView(dict(zip((user, item), counts, strict=True)), edges, edge_features=features)


def _of_dense(values: np.ndarray, place: str) -> Entries:
    if values.ndim != 2:
        raise FileFormatError(place, f"{values.dtype} of shape {values.shape}", "a matrix (N, N)")
    if values.dtype.kind not in "biuf":
        raise FileFormatError(place, f"entries of type {values.dtype}", "real numbers")
    check_room(24 * int(np.count_nonzero(values)), place, f"a matrix of shape {values.shape}")
    rows, columns = np.nonzero(values)
    return Entries((values.shape[0], values.shape[1]), rows, columns, values[rows, columns])


def _read_npz(path: Path, directed: bool, bipartite: bool) -> Matrix:
    # names of gnn-benchmark's nodes and classes are pickled, and not needed
    arrays = read_archive(
        path, lambda name: not name.endswith(("_names", "_to_idx")) and name not in ("idx_to_node", "names")
    )
    place = str(path)
    if "adj_indptr" in arrays:
        entries = sparse_of(arrays, place, "adj_", "csr")
    elif "format" in arrays:
        entries = sparse_of(arrays, place)
    elif "edge_index" in arrays:
        return _from_arrays(path, arrays)
    elif len(arrays) == 1 and (bipartite or len({*next(iter(arrays.values())).shape}) == 1):
        entries = _of_dense(next(iter(arrays.values())), place)
    else:
        expected = "a square sparse matrix of scipy.sparse.save_npz, or edge_index (2, E)"
        raise FileFormatError(place, f"the arrays {sorted(arrays)}", expected)
    found = matrix_of(entries, place, directed, bipartite)
    if bipartite or not ("attr_indptr" in arrays or "labels" in arrays):
        return found
    count, features, labels = entries.shape[0], {}, {}
    if "attr_indptr" in arrays:
        features["x"] = _attributes(sparse_of(arrays, place, "attr_", "csr"), count, place)
    if "labels" in arrays:
        features["y"] = labels[NODE_TYPE] = _whole(arrays["labels"], count, f"{path}, 'labels'")
    view = GraphView(found.view.num_nodes, found.view.edges, {NODE_TYPE: features}, found.view.edge_features)
    return Matrix(view, labels, found.weight, found.notes)


def _attributes(entries: Entries, count: int, place: str) -> torch.Tensor:
    if entries.shape[0] != count:
        raise FileFormatError(place, f"attributes of shape {entries.shape}", f"a row for each of {count} nodes")
    return torch.from_numpy(dense_of(entries, place).astype(np.float32))


def _whole(values: np.ndarray, count: int, place: str) -> torch.Tensor:
    """Labels, a whole number or a row of 0/1 for each node."""
    if values.ndim not in (1, 2) or len(values) != count or values.dtype.kind not in "biuf":
        raise FileFormatError(place, f"{values.dtype} of shape {values.shape}", f"a number for each of {count} nodes")
    return torch.from_numpy(values.astype(np.int64))


def _from_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> Matrix:
    edges = arrays["edge_index"]
    if edges.ndim != 2 or edges.shape[0] != 2 or edges.dtype.kind not in "iu":
        raise FileFormatError(
            f"{path}, 'edge_index'", f"{edges.dtype} of shape {edges.shape}", "integers of shape (2, E)"
        )
    x, y, weight = (arrays.get(name) for name in ("x", "y", "edge_weight"))
    rows = [len(part) for part in (x, y) if part is not None and part.ndim]
    count = _stated(path, arrays, max([int(edges.max()) + 1 if edges.size else 0, *rows]))
    check_ids(edges.reshape(-1), count, f"{path}, 'edge_index'")
    for name, length in (("x", count), ("y", count), ("edge_weight", edges.shape[1])):
        _check_rows(arrays.get(name), length, f"{path}, {name!r}")
    src, dst = torch.from_numpy(edges.astype(np.int64))
    features = {} if x is None else {"x": torch.from_numpy(x)}
    labels = {}
    if y is not None:
        labels[NODE_TYPE] = features["y"] = torch.from_numpy(y)
    weights = {}
    if weight is not None:
        check_weights(weight.reshape(-1), lambda edge: f"{path}, 'edge_weight', entry {edge}")
        weights = {EDGE_TYPE: {WEIGHT: torch.from_numpy(weight).float()}}
    view = GraphView({NODE_TYPE: count}, {EDGE_TYPE: (src, dst)}, {NODE_TYPE: features}, weights)
    return Matrix(view, labels, None if weight is None else WEIGHT)


def _check_rows(values: np.ndarray | None, length: int, place: str) -> None:
    """Refuse what is not so many rows of numbers."""
    if values is not None and (not values.ndim or len(values) != length or values.dtype.kind not in "biuf"):
        raise FileFormatError(place, f"{values.dtype} of shape {values.shape}", f"numbers, {length} rows of them")


def _stated(path: Path, arrays: Mapping[str, np.ndarray], least: int) -> int:
    """The number of nodes that ``num_nodes`` says, or else the least that can be."""
    said = arrays.get("num_nodes")
    if said is None:
        return check_count(least, f"{path}, 'edge_index'")
    if said.size != 1 or said.dtype.kind not in "iu":
        raise FileFormatError(f"{path}, 'num_nodes'", f"{said.dtype} of shape {said.shape}", "one whole number")
    return check_count(int(said.reshape(-1)[0]), f"{path}, 'num_nodes'")


def _read_mat(path: Path, key: str | None, directed: bool, bipartite: bool) -> Matrix:
    matrices = read_matlab(path)
    key = _mat_key(path, key, matrices, bipartite)
    found = matrix_of(_of_matlab(matrices[key], f"{path}, {key!r}"), f"{path}, {key!r}", directed, bipartite)
    labels = {} if bipartite or key == "group" else _mat_labels(matrices.get("group"), found.view.total_nodes)
    return Matrix(found.view, labels, found.weight, (f"adjacency matrix {key!r}", *found.notes))


def _of_matlab(value: Any, place: str) -> Entries:
    if isinstance(value, Other):
        raise FileFormatError(place, f"a matrix of {value.kind}", "real numbers")
    if not hasattr(value, "tocoo"):
        return _of_dense(np.asarray(value), place)
    entries = value.tocoo()
    return Entries(entries.shape, entries.row.astype(np.int64), entries.col.astype(np.int64), entries.data)


def _mat_key(path: Path, key: str | None, matrices: Mapping[str, Any], bipartite: bool) -> str:
    import scipy.sparse

    there = ", ".join(f"{name} {getattr(value, 'shape', '')}" for name, value in matrices.items()) or "nothing"

    def square(name: str) -> bool:
        shape: tuple[int, ...] = getattr(matrices.get(name), "shape", ())
        return len(shape) == 2 and (bipartite or shape[0] == shape[1] > 1)

    if key is not None:
        if not square(key):
            raise InputError("mat_key", key, f"the key of a square matrix in {path}, which has {there}")
        return key
    if square("network"):
        return "network"
    candidates = [name for name, value in matrices.items() if scipy.sparse.issparse(value) and square(name)]
    if len(candidates) != 1:
        raise FileFormatError(
            str(path),
            f"{len(candidates) or 'no'} square sparse matrices (in it: {there})",
            "a square matrix 'network', or one square sparse matrix",
            "mat_key names the matrix to take" if any(map(square, matrices)) else "",
        )
    return candidates[0]


def _mat_labels(group: Any, num_nodes: int) -> dict[str, Any]:
    import scipy.sparse

    if group is None or isinstance(group, Other) or num_nodes not in group.shape:
        return {}
    if not scipy.sparse.issparse(group) and 1 in group.shape:
        return {NODE_TYPE: torch.from_numpy(group.reshape(-1).astype(np.int64))}
    if group.shape[0] != num_nodes:
        return {}
    return {NODE_TYPE: scipy.sparse.csr_matrix(group != 0).astype(np.int8)}
