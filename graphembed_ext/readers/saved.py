"""Graphs that DGL or PyG saved; no code is run from the file."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import torch

from .._core.loading import brief, load
from .._core.optional import import_dgl
from ..errors import FileFormatError, GraphEmbedError
from ..graph.view import NODE_TYPE
from .checks import check_count
from .dgl_files import check_dgl_file
from .graph_file import GraphFile, from_host
from .saved_parts import checked

__all__ = ["PICKLES", "read_dgl", "read_pyg", "refuse_pickle"]

#: Endings of pickles, which are not loaded.
PICKLES = (".pickle", ".pkl", ".gpickle", ".p")
_CONVERT = (
    "unpickling can run code from the file; load it where you trust it and write it by networkx.write_graphml(graph, "
    "'graph.graphml'), or as a graph of DGL or PyG by dgl.save_graphs or torch.save"
)


def refuse_pickle(path: Path) -> NoReturn:
    """Refuse a pickle, with how to convert it.

    Raises:
        FileFormatError: Always.
    """
    raise FileFormatError(str(path), "a pickle", "a format that holds a graph and no code, such as .graphml", _CONVERT)


def read_dgl(path: Path) -> GraphFile:
    """The one graph in a file of ``dgl.save_graphs``."""
    dgl = import_dgl(f"reading {path.name}, a saved DGL graph,")
    check_dgl_file(path)
    try:
        graphs, _ = dgl.load_graphs(str(path))
    except dgl.DGLError as error:
        reason = str(error).splitlines()[0].rpartition(": ")[2] or "it ends too early"
        raise FileFormatError(
            str(path), f"a file that is damaged or no DGL graph ({reason})", "a file written by dgl.save_graphs"
        ) from error
    except Exception as error:  # what DGL's Python makes of names and features
        raise FileFormatError(
            str(path), f"a graph that DGL cannot make ({brief(error)})", "a file written by dgl.save_graphs"
        ) from error
    if len(graphs) != 1:
        raise FileFormatError(str(path), f"{len(graphs)} graphs", "one graph", "save the one to train on by itself")
    graph = graphs[0].formats(["coo", "csr", "csc"])  # one that was kept in compressed rows alone lists no edges
    return _counted(lambda: from_host(graph), path, "a graph as dgl.save_graphs writes it")


def read_pyg(path: Path) -> GraphFile:
    """A Data or HeteroData in a file of ``torch.save``."""
    from torch_geometric.data import Data, HeteroData, storage
    from torch_geometric.data.data import DataEdgeAttr, DataTensorAttr

    parts = [Data, HeteroData, DataEdgeAttr, DataTensorAttr]
    parts += [storage.BaseStorage, storage.NodeStorage, storage.EdgeStorage, storage.GlobalStorage]
    # The context takes every class it was given off the list of safe ones, also those that PyG has put there.
    parts = [part for part in parts if part not in torch.serialization.get_safe_globals()]
    try:
        with (
            torch.serialization.safe_globals(parts),
            torch.sparse.check_sparse_tensor_invariants(True),  # type: ignore[no-untyped-call]
        ):
            graph = load(path, "cpu")
    except pickle.UnpicklingError as error:
        raise FileFormatError(
            str(path),
            "a file that holds more than a graph of tensors, or none",
            "a Data or HeteroData written by torch.save",
            f"nothing else is loaded, as that could run code from the file ({brief(error)})",
        ) from error
    except OSError:
        raise
    except Exception as error:  # what a damaged file makes torch.load stumble over has no end
        raise FileFormatError(
            str(path),
            f"a file that is damaged or was not written by torch.save ({brief(error)})",
            "a Data or HeteroData written by torch.save",
        ) from error
    if not isinstance(graph, (Data, HeteroData)):
        raise FileFormatError(
            str(path), f"an object of type {type(graph).__name__}", "a Data or HeteroData written by torch.save"
        )
    return _counted(lambda: from_host(checked(graph, str(path))), path, "a Data or HeteroData as PyG makes them")


def _counted(read: Callable[[], GraphFile], path: Path, expected: str) -> GraphFile:
    """A graph whose parts fit together, and whose nodes can be had."""
    try:
        found = read()
        for kind, count in found.view.num_nodes.items():
            check_count(count, str(path) if kind == NODE_TYPE else f"{path}, {kind}")
        return found
    except GraphEmbedError:
        raise
    except Exception as error:  # stores may hold anything under any name
        raise FileFormatError(
            str(path), f"a graph whose parts do not fit together ({brief(error)})", expected
        ) from error
