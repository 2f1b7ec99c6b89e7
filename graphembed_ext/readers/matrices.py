"""Graphs from adjacency matrices: MATLAB files, MatrixMarket, NumPy and SciPy archives, dense tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .._core.arrays import read_archive, read_array
from .._core.memory import check_file_room
from ..errors import FileFormatError, InputError
from ..graph.simple_edges import simple_edges
from ..graph.view import EDGE_TYPE, NODE_TYPE, GraphView
from .arrays import Entries, dense_of, sparse_of
from .checks import check_count, check_ids, check_weights
from .edge_weights import usable
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
    trouble: FileFormatError | None = None


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
    values = _values(entries, place)
    src, dst, weight = simple_edges(entries.rows, entries.columns, values, max(rows, columns), True)
    assert weight is not None
    check_weights(np.abs(weight), lambda entry: f"{place} at ({src[entry]}, {dst[entry]})")  # NaN is no edge and no 0
    good, notes, trouble = usable(weight, lambda entry: f"{place} at ({src[entry]}, {dst[entry]})")
    there = weight != 0
    src, dst, weight = src[there], dst[there], weight[there]
    if not len(src):
        raise FileFormatError(place, "a matrix of zeros", "at least one edge")
    given = None if good is None or bool((weight == 1).all()) else weight
    name = None if given is None else WEIGHT
    if bipartite:
        view = sides_view(src, dst, given, (rows, columns))
        notes.insert(0, f"the {rows} rows are users, the {columns} columns items")
        return Matrix(view, {}, name, tuple(notes), trouble)
    return Matrix(simple_view(src, dst, given, rows, directed), {}, name, tuple(notes), trouble)


def _values(entries: Entries, place: str) -> np.ndarray:
    """The values of entries, float64; ones where they have none."""
    values = entries.values
    if values is None:
        return np.ones(len(entries.rows))
    if values.dtype.kind not in "biuf":
        raise FileFormatError(place, f"entries of type {values.dtype}", "real numbers")
    return values.astype(np.float64)


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
    check_file_room(24 * int(np.count_nonzero(values)), place, f"a matrix of shape {values.shape}")
    rows, columns = np.nonzero(values)
    return Entries((values.shape[0], values.shape[1]), rows, columns, values[rows, columns])


def _read_npz(path: Path, directed: bool, bipartite: bool) -> Matrix:
    arrays = read_archive(path, _is_needed)
    place = str(path)
    if "edge_index" in arrays and arrays.keys().isdisjoint(("adj_indptr", "format")):
        return _from_arrays(path, arrays)
    entries = _npz_entries(arrays, place, bipartite)
    found = matrix_of(entries, place, directed, bipartite)
    if bipartite or not ("attr_indptr" in arrays or "labels" in arrays):
        return found
    count, features, labels = entries.shape[0], {}, {}
    if "attr_indptr" in arrays:
        features["x"] = _attributes(sparse_of(arrays, place, "attr_", "csr"), count, place)
    if "labels" in arrays:
        features["y"] = labels[NODE_TYPE] = _whole(arrays["labels"], count, f"{path}, 'labels'")
    view = GraphView(found.view.num_nodes, found.view.edges, {NODE_TYPE: features}, found.view.edge_features)
    return Matrix(view, labels, found.weight, found.notes, found.trouble)


def _is_needed(name: str) -> bool:
    """Whether an array is read: names of gnn-benchmark's nodes and classes are pickled, and not needed."""
    return not name.endswith(("_names", "_to_idx")) and name not in ("idx_to_node", "names")


def _npz_entries(arrays: Mapping[str, np.ndarray], place: str, bipartite: bool) -> Entries:
    """The adjacency matrix of gnn-benchmark, of SciPy, or the only array."""
    if "adj_indptr" in arrays:
        return sparse_of(arrays, place, "adj_", "csr")
    if "format" in arrays:
        return sparse_of(arrays, place)
    if len(arrays) == 1 and (bipartite or len({*next(iter(arrays.values())).shape}) == 1):
        return _of_dense(next(iter(arrays.values())), place)
    expected = "a square sparse matrix of scipy.sparse.save_npz, or edge_index (2, E)"
    raise FileFormatError(place, f"the arrays {sorted(arrays)}", expected)


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
    edges = _ends(arrays["edge_index"], f"{path}, 'edge_index'")
    x, y, weight = (arrays.get(name) for name in ("x", "y", "edge_weight"))
    count = _stated(path, arrays, _least(edges, x, y))
    check_ids(edges.reshape(-1), count, f"{path}, 'edge_index'")
    for name, length in (("x", count), ("y", count), ("edge_weight", edges.shape[1])):
        _check_rows(arrays.get(name), length, f"{path}, {name!r}")
    src, dst = torch.from_numpy(edges.astype(np.int64))
    features = {name: torch.from_numpy(part) for name, part in (("x", x), ("y", y)) if part is not None}
    labels = {} if y is None else {NODE_TYPE: features["y"]}
    good: np.ndarray | None = None
    notes: list[str] = []
    trouble = None
    if weight is not None:
        good, notes, trouble = usable(weight.reshape(-1), lambda edge: f"{path}, 'edge_weight', entry {edge}")
    weights = {} if weight is None or good is None else {EDGE_TYPE: {WEIGHT: torch.from_numpy(weight).float()}}
    view = GraphView({NODE_TYPE: count}, {EDGE_TYPE: (src, dst)}, {NODE_TYPE: features}, weights)
    return Matrix(view, labels, WEIGHT if weights else None, tuple(notes), trouble)


def _ends(edges: np.ndarray, place: str) -> np.ndarray:
    if edges.ndim != 2 or edges.shape[0] != 2 or edges.dtype.kind not in "iu":
        raise FileFormatError(place, f"{edges.dtype} of shape {edges.shape}", "integers of shape (2, E)")
    return edges


def _check_rows(values: np.ndarray | None, length: int, place: str) -> None:
    """Refuse what is not so many rows of numbers."""
    if values is not None and (not values.ndim or len(values) != length or values.dtype.kind not in "biuf"):
        raise FileFormatError(place, f"{values.dtype} of shape {values.shape}", f"numbers, {length} rows of them")


def _least(edges: np.ndarray, *of_nodes: np.ndarray | None) -> int:
    """The fewest nodes that edges and arrays with a row for each node leave room for."""
    rows = [len(part) for part in of_nodes if part is not None and part.ndim]
    return max([int(edges.max()) + 1 if edges.size else 0, *rows])


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
    return Matrix(found.view, labels, found.weight, (f"adjacency matrix {key!r}", *found.notes), found.trouble)


def _of_matlab(value: Any, place: str) -> Entries:
    if isinstance(value, Other):
        raise FileFormatError(place, f"a matrix of {value.kind}", "real numbers")
    if not hasattr(value, "tocoo"):
        return _of_dense(np.asarray(value), place)
    entries = value.tocoo()
    return Entries(entries.shape, entries.row.astype(np.int64), entries.col.astype(np.int64), entries.data)


def _mat_key(path: Path, key: str | None, matrices: Mapping[str, Any], bipartite: bool) -> str:
    there = ", ".join(f"{name} {getattr(value, 'shape', '')}" for name, value in matrices.items()) or "nothing"
    square = [name for name, value in matrices.items() if _is_square(value, bipartite)]
    if key is not None:
        if key not in square:
            raise InputError("mat_key", key, f"the key of a square matrix in {path}, which has {there}")
        return key
    if "network" in square:
        return "network"
    return _only_sparse(path, matrices, square, there)


def _only_sparse(path: Path, matrices: Mapping[str, Any], square: list[str], there: str) -> str:
    """The one sparse matrix among those that are square; ``there`` is what the file has, for messages."""
    import scipy.sparse

    candidates = [name for name in square if scipy.sparse.issparse(matrices[name])]
    if len(candidates) != 1:
        raise FileFormatError(
            str(path),
            f"{len(candidates) or 'no'} square sparse matrices (in it: {there})",
            "a square matrix 'network', or one square sparse matrix",
            "mat_key names the matrix to take" if square else "",
        )
    return candidates[0]


def _is_square(value: Any, bipartite: bool) -> bool:
    """Whether a value is a matrix of more than one node, or, ``bipartite``, any matrix."""
    shape: tuple[int, ...] = getattr(value, "shape", ())
    return len(shape) == 2 and (bipartite or shape[0] == shape[1] > 1)


def _mat_labels(group: Any, num_nodes: int) -> dict[str, Any]:
    import scipy.sparse

    if group is None or isinstance(group, Other) or num_nodes not in group.shape:
        return {}
    if not scipy.sparse.issparse(group) and 1 in group.shape:
        return {NODE_TYPE: torch.from_numpy(group.reshape(-1).astype(np.int64))}
    if group.shape[0] != num_nodes:
        return {}
    return {NODE_TYPE: scipy.sparse.csr_matrix(group != 0).astype(np.int8)}
