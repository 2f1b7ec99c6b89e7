"""Graphs from files: edge lists, MATLAB files, saved graphs of both hosts, PyG's datasets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ..errors import FileFormatError
from ..graph.simple_edges import simple_edges
from ..graph.view import NODE_TYPE, EdgeType, GraphView
from . import edge_lists
from . import matrices as matrix_files
from .datasets import read_dataset
from .graph_file import KINDS, WEIGHT, GraphFile, simple_view
from .networks import NETWORKS, read_network
from .saved import PICKLES, read_dgl, read_pyg, refuse_pickle

if TYPE_CHECKING:
    pass

__all__ = ["pairs_of_names", "read_graph", "read_pairs"]


_TEXT = (".csv", ".tsv", ".txt", ".edgelist", ".edges")
_MATRICES = (".mat", ".mtx", ".npy", ".npz")
#: Node types and relation of a list of users and items.
_BIPARTITE = ("user", "to", "item")


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
    known = kind in (*_TEXT, ".adjlist", ".mtx", *NETWORKS, *PICKLES) or (
        kind in (".parquet", *_MATRICES, ".bin", ".dgl", ".pt") and not packed
    )
    if not path.exists():
        if kind or path.suffix or path.is_absolute():
            raise FileFormatError(str(source), "the name of a file that does not exist", "an existing file")
        return read_dataset(str(source), root)
    if not known or path.is_dir():
        what = "a folder" if path.is_dir() else f"a file ending in {path.suffix or 'nothing'}"
        raise FileFormatError(str(source), what, KINDS)
    try:
        if kind in (*_TEXT, ".adjlist", ".parquet"):
            edges = _read_edges(path, kind, header, bipartite)
            return (_from_typed if isinstance(edges, edge_lists.TypedEdgeList) else _from_edge_list)(edges, directed)  # type: ignore[arg-type]
        if kind in _MATRICES:
            found = matrix_files.read_matrix(path, kind, mat_key, directed, bipartite)
            return GraphFile(found.view, None, found.labels, found.weight, found.notes)
        if kind in NETWORKS:
            return read_network(path, kind, directed, bipartite)
        if kind in PICKLES:
            refuse_pickle(path)
        return read_dgl(path) if kind in (".bin", ".dgl") else read_pyg(path)
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
    view = simple_view(edges.src, edges.dst, edges.weight, count, directed)
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
        src, dst, weight = simple_edges(src, dst, weight, width, directed or not within)
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


def pairs_of_names(
    path: Path, names: Sequence[Sequence[str] | None], counts: Sequence[int], input_format: str | None = None
) -> Tensor:
    """Pairs of nodes from an edge list, as ids ``(2, P)``; nothing is joined or turned.

    Args:
        path: File, as :func:`graphembed_ext.readers.read_pairs` takes it.
        names: Names of the nodes that stand first, and of those that stand second; None where they have ids only.
        counts: Numbers of these nodes.
        input_format: Ending to read the file by; its own where it has one of an edge list.

    Raises:
        FileFormatError: Not such a file, or a node that the graph lacks.
    """
    columns = read_pairs(path, input_format=input_format if path.suffix != ".parquet" else None)
    ends = []
    for column, known, count in zip(columns, names, counts, strict=True):
        place = {str(name): i for i, name in enumerate(known if known is not None else range(count))}
        absent = next((name for name in column if name not in place), None)
        if absent is not None:
            raise FileFormatError(str(path), f"the node {absent!r}", "pairs of nodes that the graph has")
        ends.append([place[name] for name in column])
    return torch.tensor(ends)
