"""Graphs from adjacency matrices: MATLAB files, MatrixMarket, NumPy and SciPy archives."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..errors import FileFormatError, InputError
from ..graph.view import EDGE_TYPE, NODE_TYPE, GraphView
from . import edge_lists
from .graph_file import WEIGHT, simple_view

__all__ = ["Matrix", "read_matrix"]


@dataclass(frozen=True)
class Matrix:
    """A graph as a matrix file holds it; the attributes are those of :class:`graphembed_ext.readers.GraphFile`."""

    view: GraphView
    labels: Mapping[str, Any] = field(default_factory=dict)
    weight: str | None = None
    notes: tuple[str, ...] = ()


def read_matrix(path: Path, kind: str, key: str | None, directed: bool) -> Matrix:
    """Read an adjacency matrix.

    ``.npz`` files are one of: what ``scipy.sparse.save_npz`` writes; the arrays ``adj_data``, ``adj_indices``,
    ``adj_indptr`` and ``adj_shape`` of gnn-benchmark, with ``attr_...`` and ``labels``; or ``edge_index`` (2, E) with
    ``edge_weight``, ``x``, ``y`` and ``num_nodes`` where there are any, whose edges are taken as they are.

    Args:
        path: File.
        kind: ``".mat"``, ``".mtx"`` or ``".npz"``.
        key: Key of the matrix in a MATLAB file; None finds it.
        directed: Whether edges lead one way.

    Raises:
        FileFormatError: Not such a file, or entries that are no weights.
    """
    if kind == ".mat":
        return _read_mat(path, key, directed)
    return _read_mtx(path, directed) if kind == ".mtx" else _read_npz(path, directed)


def _view(matrix: Any, place: str, directed: bool) -> tuple[GraphView, str | None]:
    """The graph of an adjacency matrix, and the name of the feature with its weights; None where all are 1."""
    import scipy.sparse

    adjacency = scipy.sparse.coo_matrix(matrix)
    adjacency.sum_duplicates()
    if not np.issubdtype(adjacency.dtype, np.number) or np.iscomplexobj(adjacency.data):
        raise FileFormatError(place, f"entries of type {adjacency.dtype}", "real numbers")
    weight = adjacency.data.astype(np.float64)
    src, dst = adjacency.row.astype(np.int64), adjacency.col.astype(np.int64)
    edge_lists.check_weights(weight, lambda entry: f"{place} at ({src[entry]}, {dst[entry]})")
    src, dst, weight = src[weight > 0], dst[weight > 0], weight[weight > 0]
    if not len(src):
        raise FileFormatError(place, "a matrix of zeros", "at least one edge")
    uniform = bool((weight == 1).all())
    view = simple_view(src, dst, None if uniform else weight, adjacency.shape[0], directed)
    return view, None if uniform else WEIGHT


def _read_mtx(path: Path, directed: bool) -> Matrix:
    import scipy.io

    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            matrix = scipy.io.mmread(file)
    except Exception as error:  # scipy raises whatever its parser stumbles over
        raise FileFormatError(
            str(path), f"a file that is damaged or no MatrixMarket ({error})", "a .mtx file"
        ) from error
    if matrix.shape[0] != matrix.shape[1]:
        raise FileFormatError(str(path), f"a matrix of shape {matrix.shape}", "a square adjacency matrix")
    view, weight = _view(matrix, str(path), directed)
    return Matrix(view, {}, weight)


def _read_npz(path: Path, directed: bool) -> Matrix:
    import scipy.sparse

    try:
        with np.load(path, allow_pickle=False) as file:
            # names of gnn-benchmark's nodes and classes are pickled, and not needed
            wanted = [name for name in file.files if not name.endswith(("_names", "_to_idx")) and name != "idx_to_node"]
            arrays = {name: file[name] for name in wanted}
        if "adj_indptr" in arrays:
            matrix: Any = scipy.sparse.csr_matrix(
                (arrays["adj_data"], arrays["adj_indices"], arrays["adj_indptr"]), tuple(arrays["adj_shape"])
            )
        elif "format" in arrays:
            matrix = scipy.sparse.load_npz(path)
        elif "edge_index" in arrays:
            return _from_arrays(path, arrays)
        else:
            matrix = None
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, FileFormatError) or getattr(error, "errno", None) is not None:
            raise
        raise FileFormatError(str(path), f"a file that is damaged or no .npz ({error})", "an .npz file") from error
    if matrix is None or matrix.shape[0] != matrix.shape[1]:
        got = f"the arrays {sorted(arrays)}" if matrix is None else f"a matrix of shape {matrix.shape}"
        raise FileFormatError(str(path), got, "a square sparse matrix of scipy.sparse.save_npz, or edge_index (2, E)")
    view, weight = _view(matrix, str(path), directed)
    features = {}
    if "attr_indptr" in arrays:
        parts = arrays["attr_data"], arrays["attr_indices"], arrays["attr_indptr"]
        attributes = scipy.sparse.csr_matrix(parts, tuple(arrays["attr_shape"])).toarray()
        features["x"] = torch.from_numpy(attributes.astype(np.float32))
    labels = {}
    if "labels" in arrays:
        labels[NODE_TYPE] = features["y"] = torch.from_numpy(arrays["labels"].astype(np.int64))
    view = GraphView(view.num_nodes, view.edges, {NODE_TYPE: features}, view.edge_features)
    return Matrix(view, labels, weight)


def _from_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> Matrix:
    edges = arrays["edge_index"]
    if edges.ndim != 2 or edges.shape[0] != 2 or edges.dtype.kind not in "iu":
        raise FileFormatError(
            f"{path}, 'edge_index'", f"{edges.dtype} of shape {edges.shape}", "integers of shape (2, E)"
        )
    x, y, weight = (arrays.get(name) for name in ("x", "y", "edge_weight"))
    least = int(edges.max()) + 1 if edges.size else 0
    count = int(arrays.get("num_nodes", max([least, *(len(part) for part in (x, y) if part is not None)])))
    src, dst = torch.from_numpy(edges.astype(np.int64))
    features = {} if x is None else {"x": torch.from_numpy(x)}
    labels = {}
    if y is not None:
        labels[NODE_TYPE] = features["y"] = torch.from_numpy(y)
    weights = {} if weight is None else {EDGE_TYPE: {WEIGHT: torch.from_numpy(weight).float()}}
    view = GraphView({NODE_TYPE: count}, {EDGE_TYPE: (src, dst)}, {NODE_TYPE: features}, weights)
    return Matrix(view, labels, None if weight is None else WEIGHT)


def _read_mat(path: Path, key: str | None, directed: bool) -> Matrix:
    import scipy.io
    import scipy.sparse

    try:
        content = scipy.io.loadmat(path)
    except NotImplementedError as error:  # version 7.3 is HDF5
        raise FileFormatError(
            str(path), "a MATLAB file of version 7.3", "version 7.2 or older", "save it with the option -v7 in MATLAB"
        ) from error
    except Exception as error:  # scipy raises whatever its parser stumbles over
        raise FileFormatError(
            str(path), f"a file that is damaged or no MATLAB file ({error})", "a .mat file"
        ) from error
    matrices = {name: value for name, value in content.items() if not name.startswith("__")}
    key = _mat_key(path, key, matrices)
    view, weight = _view(matrices[key], f"{path}, {key!r}", directed)
    labels = _mat_labels(matrices.get("group"), view.total_nodes) if key != "group" else {}
    return Matrix(view, labels, weight, (f"adjacency matrix {key!r}",))


def _mat_key(path: Path, key: str | None, matrices: Mapping[str, Any]) -> str:
    import scipy.sparse

    there = ", ".join(f"{name} {getattr(value, 'shape', '')}" for name, value in matrices.items()) or "nothing"

    def square(name: str) -> bool:
        shape: tuple[int, ...] = getattr(matrices.get(name), "shape", ())
        return len(shape) == 2 and shape[0] == shape[1] > 1

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

    if group is None or num_nodes not in getattr(group, "shape", ()):
        return {}
    if not scipy.sparse.issparse(group) and 1 in group.shape:
        return {NODE_TYPE: torch.from_numpy(group.reshape(-1).astype(np.int64))}
    if group.shape[0] != num_nodes:
        return {}
    return {NODE_TYPE: scipy.sparse.csr_matrix(group != 0).astype(np.int8)}
