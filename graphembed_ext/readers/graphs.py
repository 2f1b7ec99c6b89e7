"""Graphs from files: edge lists, MATLAB files, saved graphs of both hosts, PyG's datasets."""

from __future__ import annotations

import inspect
import os
import pickle
import shutil
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .._core.optional import import_dgl
from ..errors import FileFormatError, InputError
from ..graph.view import NODE_TYPE, EdgeType, GraphView
from ..hosts.registry import to_host
from ..hosts.registry import view as view_of
from . import edge_lists
from . import matrices as matrix_files

__all__ = ["WEIGHT", "GraphFile", "read_graph", "read_pairs"]

WEIGHT = matrix_files.WEIGHT

_TEXT = (".csv", ".tsv", ".txt", ".edgelist", ".edges")
_MATRICES = (".mat", ".mtx", ".npz")
_KINDS = (
    "an edge list (.csv, .tsv, .txt, .edgelist, also with .gz, or .parquet), adjacency lists (.adjlist), a matrix "
    "(.mtx, .mat, .npz), a saved graph (.bin or .dgl from DGL, .pt from PyG), or a PyG dataset such as Planetoid/Cora"
)
#: Node types and relation of a list of users and items.
_BIPARTITE = ("user", "to", "item")
_LABELS = ("y", "label", "labels")


@dataclass(frozen=True)
class GraphFile:
    """A graph as a file holds it.

    Attributes:
        view: Nodes, edges and features.
        names: Names of the nodes of each type, in the order of their ids; None where they have ids only.
        labels: Classes of the nodes by node type: integers ``(N,)``, negative for none, or a scipy sparse 0/1
            matrix ``(N, classes)`` for several labels a node. Empty where the source has none.
        weight: Name of the edge feature with the weights; None where the source has none.
        notes: How the source was understood, one sentence each.
    """

    view: GraphView
    names: Mapping[str, list[str]] | None = None
    labels: Mapping[str, Any] = field(default_factory=dict)
    weight: str | None = None
    notes: tuple[str, ...] = ()

    def build(self, host: str) -> Any:
        """The graph as an object of a host, ``"dgl"`` or ``"pyg"``."""
        return to_host(self.view, host)


def read_graph(
    source: str | Path,
    *,
    directed: bool = False,
    root: str | Path | None = None,
    mat_key: str | None = None,
    header: bool | None = None,
    bipartite: bool = False,
    input_format: str | None = None,
) -> GraphFile:
    """Read a graph from a file, or a PyG dataset by name.

    Edge lists (``.csv``, ``.tsv``, ``.txt``, ``.edgelist``, ``.edges``, each also with ``.gz``; ``.parquet``)
        The first two columns name the ends of edges. A column titled ``weight``, otherwise a third column of
        numbers, has the weights. Nodes are numbered in numerical order where all names are whole numbers,
        otherwise in order of first appearance. Columns titled ``source_type`` and ``target_type``, and perhaps
        ``relation``, make a typed graph; unless ``directed``, it gets a relation ``rev_...`` back for each between two
        types. See :mod:`graphembed_ext.readers.edge_lists`.
    Adjacency lists (``.adjlist``, also with ``.gz``)
        On each line a node and its neighbours.
    Matrices (``.mtx`` of MatrixMarket, also with ``.gz``; ``.mat`` up to version 7.2; ``.npz`` of SciPy or NumPy)
        An adjacency matrix and, in ``.mat`` files under ``group``, labels. Weights are kept unless all are 1. See
        :mod:`graphembed_ext.readers.matrices`.
    Saved graphs (``.bin``, ``.dgl`` from ``dgl.save_graphs``; ``.pt`` from ``torch.save`` of Data or HeteroData)
        As they are. Node features named ``y``, ``label`` or ``labels`` are taken for labels.
    Datasets of :mod:`torch_geometric.datasets` (``Planetoid/Cora``, ``DBLP``, ``KarateClub``)
        From files that are there already; nothing is downloaded. Their readers may unpickle raw files, so name
        only folders that you trust. No other source runs code.

    Edges of edge lists and matrices that are listed several times become one, their weights added up; unless
    ``directed``, each then stands in both directions, with the larger weight where both were listed.

    Args:
        source: File, or name of a dataset with its variant after a slash.
        directed: Whether the edges of an edge list or a matrix have a direction.
        root: Folder of a dataset, as its class takes it.
        mat_key: Key of the adjacency matrix in a MATLAB file. None takes ``network``, or else the only square
            matrix that is sparse.
        header: Whether the first line of an edge list has column titles; None finds out.
        bipartite: Whether the two columns of an edge list name users and items, which are different nodes even where
            their names are equal: node types ``user`` and ``item``, relation ``to``.
        input_format: Ending to read the file by, such as ``"adjlist"``, instead of its own.

    Raises:
        FileFormatError: A file that is missing, damaged, or not what its name says; names the line where it can.
        InputError: Another argument that cannot work.
        MissingDependencyError: A DGL graph without DGL.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "friends.csv"
        >>> _ = path.write_text("source,target\\nAda,Bob\\nBob,Cleo\\n")
        >>> graph = read_graph(path)
        >>> graph.view
        GraphView(none: 3 nodes, 4 edges)
        >>> graph.names["_N"]
        ['Ada', 'Bob', 'Cleo']
    """
    path = Path(source).expanduser()
    kind = _kind(path, input_format)
    packed = path.suffix == ".gz"
    known = kind in (*_TEXT, ".adjlist", ".mtx") or (
        kind in (".parquet", *_MATRICES, ".bin", ".dgl", ".pt") and not packed
    )
    if not path.exists():
        if kind or path.suffix or path.is_absolute():
            raise FileFormatError(str(source), "the name of a file that does not exist", "an existing file")
        return _read_dataset(str(source), root)
    if not known or path.is_dir():
        what = "a folder" if path.is_dir() else f"a file ending in {path.suffix or 'nothing'}"
        raise FileFormatError(str(source), what, _KINDS)
    try:
        if kind in (*_TEXT, ".adjlist", ".parquet"):
            edges = _read_edges(path, kind, header, bipartite)
            return (_from_typed if isinstance(edges, edge_lists.TypedEdgeList) else _from_edge_list)(edges, directed)  # type: ignore[arg-type]
        if kind in _MATRICES:
            found = matrix_files.read_matrix(path, kind, mat_key, directed)
            return GraphFile(found.view, None, found.labels, found.weight, found.notes)
        return _read_dgl(path) if kind in (".bin", ".dgl") else _read_pyg(path)
    except OSError as error:
        raise FileFormatError(
            str(source), f"a file that cannot be read ({error.strerror})", "a readable file"
        ) from error


def read_pairs(path: str | Path, *, header: bool | None = None, input_format: str | None = None) -> list[list[str]]:
    """Names of both ends of the edges of a list, line by line: first ends, second ends. Nothing is joined or turned.

    Raises:
        FileFormatError: Not such a file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileFormatError(str(path), "the name of a file that does not exist", "an existing file")
    kind = _kind(path, input_format)
    if kind not in (*_TEXT, ".adjlist", ".parquet"):
        raise FileFormatError(str(path), f"a file ending in {path.suffix or 'nothing'}", "an edge list")
    edges: Any = _read_edges(path, kind, header, bipartite=True)
    src, dst, _ = edges.edges[_BIPARTITE]
    return [[edges.names[kind][i] for i in ids.tolist()] for kind, ids in (("user", src), ("item", dst))]


def _kind(path: Path, input_format: str | None) -> str:
    if input_format is not None:
        return "." + input_format.removeprefix(".").lower()
    return (Path(path.stem).suffix if path.suffix == ".gz" else path.suffix).lower()


def _read_edges(
    path: Path, kind: str, header: bool | None, bipartite: bool
) -> edge_lists.EdgeList | edge_lists.TypedEdgeList:
    types = _BIPARTITE if bipartite else None
    if kind == ".adjlist":
        return edge_lists.read_adjacency(path, types)
    if kind == ".parquet":
        return edge_lists.read_parquet(path, types)
    return edge_lists.read_text(path, header, types)


def _from_edge_list(edges: edge_lists.EdgeList, directed: bool) -> GraphFile:
    count = len(edges.names)
    view = matrix_files.simple_view(edges.src, edges.dst, edges.weight, count, directed)
    notes = edges.notes
    pairs = np.stack([edges.src, edges.dst] if directed else [*np.sort(np.stack([edges.src, edges.dst]), 0)])
    repeated = len(edges.src) - len(np.unique(pairs[0] * count + pairs[1]))
    if repeated:
        notes = [*notes, f"{repeated} line{'s repeat' if repeated > 1 else ' repeats'} an edge"]
    return GraphFile(view, {NODE_TYPE: edges.names}, {}, None if edges.weight is None else WEIGHT, tuple(notes))


def _from_typed(edges: edge_lists.TypedEdgeList, directed: bool) -> GraphFile:
    counts = {name: len(names) for name, names in edges.names.items()}
    weighted = any(weight is not None for _, _, weight in edges.edges.values())
    found: dict[EdgeType, tuple[Tensor, Tensor]] = {}
    features: dict[EdgeType, dict[str, Tensor]] = {}
    for (source, relation, target), (src, dst, weight) in edges.edges.items():
        within = source == target
        width = max(counts[source], counts[target])
        src, dst, weight = edge_lists.simple_edges(src, dst, weight, width, directed or not within)
        there = torch.from_numpy(src), torch.from_numpy(dst)
        found[source, relation, target] = there
        kinds = [(source, relation, target)]
        if not directed and not within:
            kinds.append((target, f"rev_{relation}", source))
            found[kinds[1]] = there[1], there[0]
        if weight is not None:
            features |= {kind: {WEIGHT: torch.from_numpy(weight).float()} for kind in kinds}
    view = GraphView(counts, found, edge_features=features)
    return GraphFile(view, edges.names, {}, WEIGHT if weighted else None, tuple(edges.notes))


def _read_dgl(path: Path) -> GraphFile:
    dgl = import_dgl(f"reading {path.name}, a saved DGL graph,")
    try:
        graphs, _ = dgl.load_graphs(str(path))
    except dgl.DGLError as error:
        reason = str(error).splitlines()[0].rpartition(": ")[2] or "it ends too early"
        raise FileFormatError(
            str(path), f"a file that is damaged or no DGL graph ({reason})", "a file written by dgl.save_graphs"
        ) from error
    if len(graphs) != 1:
        raise FileFormatError(str(path), f"{len(graphs)} graphs", "one graph", "save the one to train on by itself")
    return _from_host(graphs[0])


def _read_pyg(path: Path) -> GraphFile:
    from torch_geometric.data import Data, HeteroData, storage
    from torch_geometric.data.data import DataEdgeAttr, DataTensorAttr

    parts = [Data, HeteroData, DataEdgeAttr, DataTensorAttr]
    parts += [storage.BaseStorage, storage.NodeStorage, storage.EdgeStorage, storage.GlobalStorage]
    # The context takes every class it was given off the list of safe ones, also those that PyG has put there.
    parts = [part for part in parts if part not in torch.serialization.get_safe_globals()]
    try:
        with torch.serialization.safe_globals(parts), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Detected pickle protocol")  # what cannot be read raises as well
            graph = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise FileFormatError(
            str(path),
            "a file that holds more than a graph of tensors, or none",
            "a Data or HeteroData written by torch.save",
            f"nothing else is loaded, as that could run code from the file ({_brief(error)})",
        ) from error
    except (EOFError, RuntimeError, KeyError, ValueError, AttributeError) as error:
        raise FileFormatError(
            str(path),
            f"a file that is damaged or was not written by torch.save ({_brief(error)})",
            "a Data or HeteroData written by torch.save",
        ) from error
    if not isinstance(graph, (Data, HeteroData)):
        raise FileFormatError(
            str(path), f"an object of type {type(graph).__name__}", "a Data or HeteroData written by torch.save"
        )
    return _from_host(graph)


def _brief(error: Exception) -> str:
    """The first sentence of an error of torch.load, which also tells how to do without its protection."""
    text = " ".join(str(error).rpartition("WeightsUnpickler error: ")[2].split()) or type(error).__name__
    for end in (" was not an allowed", " Check the documentation", ". "):
        text = text.partition(end)[0]
    return text[:120]


def _from_host(graph: Any) -> GraphFile:
    view = view_of(graph)
    labels = {}
    for node_type, features in view.features.items():
        found = next((features[name] for name in _LABELS if name in features), None)
        classes = None if found is None else _classes(found)
        if classes is not None:
            labels[node_type] = classes
    weighted = view.edges and all(WEIGHT in features for features in view.edge_features.values())
    return GraphFile(view, None, labels, WEIGHT if weighted else None)


def _classes(values: Tensor) -> Any:
    """Labels as ``ge.evaluate`` takes them, or None for values that are no classes."""
    import scipy.sparse

    if values.dim() == 2 and values.size(1) == 1:
        values = values.squeeze(1)
    if values.dim() == 1 and not values.is_floating_point():
        return values.long()
    if values.dim() == 2 and bool(((values == 0) | (values == 1)).all()):
        return scipy.sparse.csr_matrix(values.to(torch.int8).numpy())
    return None


def _may_write(folder: Path) -> bool:
    """Whether a folder is to be written to; the superuser could write to one marked read-only, but should not."""
    return bool(folder.stat().st_mode & 0o222) and os.access(folder, os.W_OK)


class _NotWritable(Exception):
    """Carries the folder that a dataset would write into."""


def _read_dataset(source: str, root: str | Path | None) -> GraphFile:
    from torch_geometric import datasets

    name, _, variant = source.partition("/")
    dataset_class = getattr(datasets, name, None)
    if not inspect.isclass(dataset_class) or name.startswith("_"):
        import difflib

        near = difflib.get_close_matches(name, datasets.__all__, n=3)
        hint = "the datasets closest by name are " + ", ".join(near) if near else ""
        raise FileFormatError(source, "neither a file that exists nor the name of a dataset", _KINDS, hint)
    arguments = _dataset_arguments(dataset_class, source, variant, root)
    with tempfile.TemporaryDirectory() as scratch:
        try:
            dataset = _offline(dataset_class, source)(**arguments)
        except _NotWritable as found:
            folder = Path(str(found))
            copy = Path(scratch) / folder.relative_to(Path(arguments["root"]).resolve())
            shutil.copytree(folder, copy, dirs_exist_ok=True, copy_function=shutil.copyfile)
            for place, _, _ in os.walk(scratch):  # copies of read-only folders are read-only too
                os.chmod(place, 0o700)
            dataset = _offline(dataset_class, source)(**{**arguments, "root": scratch})
        if len(dataset) != 1:
            raise FileFormatError(source, f"a dataset of {len(dataset)} graphs", "a dataset of one graph")
        return _from_host(dataset[0])


def _dataset_arguments(dataset_class: Any, source: str, variant: str, root: str | Path | None) -> dict[str, Any]:
    parameters = inspect.signature(dataset_class).parameters
    arguments: dict[str, Any] = {}
    if "root" in parameters:
        if root is None:
            raise InputError("root", "nothing", f"the folder that has the files of {source}")
        if not Path(root).is_dir():
            raise InputError("root", str(root), "an existing folder")
        arguments["root"] = str(Path(root).resolve())
    takes_name = "name" in parameters
    if variant and not takes_name:
        raise InputError(source, f"the variant {variant!r}", f"{source.partition('/')[0]} alone: it has no variants")
    if takes_name and not variant and parameters["name"].default is inspect.Parameter.empty:
        raise InputError(source, "no variant", f"a variant after a slash, as in {source}/NAME")
    if variant:
        arguments["name"] = variant
    return arguments


def _offline(dataset_class: Any, source: str) -> Any:
    """The dataset class, without its means to download and to write where it may not."""

    def _download(self: Any) -> None:
        done = all(os.path.exists(path) for path in self.processed_paths)
        missing = [path for path in self.raw_paths if not os.path.exists(path)]
        if missing and not done:
            raise FileFormatError(
                "root",
                f"a folder without the raw files of {source} (such as {missing[0]})",
                "a folder that has them",
                f"nothing is downloaded here; torch_geometric.datasets.{dataset_class.__name__} does so when called",
            )

    def _process(self: Any) -> None:
        done = all(os.path.exists(path) for path in self.processed_paths)
        folder = Path(self.processed_dir)
        if not done and not _may_write(folder if folder.exists() else folder.parent):
            raise _NotWritable(str(folder.parent))
        dataset_class._process(self)

    methods = {} if not hasattr(dataset_class, "_process") else {"_download": _download, "_process": _process}
    return type(dataset_class.__name__, (dataset_class,), {**methods, "__module__": dataset_class.__module__})
