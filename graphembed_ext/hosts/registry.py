"""Hosts by name: whose graph is this, and which adapter reads it.

:class:`Adapter` is what an adapter module supplies.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from torch import Tensor

from .._core import checks
from .._core.checks import as_tensor, described
from ..errors import GraphTypeError, InputError
from ..graph.view import NODE_TYPE, GraphView

__all__ = ["Adapter", "attach", "hosts", "refreshed", "register_host", "to_host", "view"]


class Adapter(Protocol):
    """What a host's adapter module supplies: four functions, and nothing of models."""

    def view(self, graph: Any, **options: Any) -> GraphView:
        """The :class:`~graphembed_ext.graph.view.GraphView` of a host graph."""

    def token(self, graph: Any) -> Hashable:
        """Something that changes when the graph is changed in place."""

    def attach(self, graph: Any, values: Mapping[str, Tensor], name: str) -> None:
        """Write one tensor for each node type onto the graph."""

    def to_graph(self, view: GraphView) -> Any:
        """A host graph with everything that the view holds."""


class Vectors(Protocol):
    """Vectors by node type, as :class:`graphembed_ext.Embeddings` holds them."""

    @property
    def node_types(self) -> list[str]:
        """Names of the node types."""

    def __getitem__(self, node_type: str) -> Tensor:
        """Vectors of one node type."""


#: Hosts whose objects have one edge type each: several stand in a dict by edge type. Dicts of others are PyG's.
_IN_DICTS = ("scipy", "frames")

#: Adapter module of each host, and the packages whose objects it reads. Plain containers of tensors are PyG's.
_ADAPTERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "dgl": ("graphembed_ext.hosts.dgl", ("dgl",)),
    "pyg": ("graphembed_ext.hosts.pyg", ("torch_geometric", "torch_sparse", "torch")),
    "networkx": ("graphembed_ext.hosts.networkx", ("networkx",)),
    "scipy": ("graphembed_ext.hosts.scipy", ("scipy",)),
    "frames": ("graphembed_ext.hosts.frames", ("pandas", "polars", "pyarrow", "narwhals", "modin", "cudf")),
}


def register_host(name: str, module: str, packages: tuple[str, ...]) -> None:
    """Add a host.

    Args:
        name: Name of the host, as users will write it.
        module: Import name of its adapter, a module with the functions of :class:`Adapter`.
        packages: Top-level packages whose objects the adapter reads.

    Example:
        >>> import graphembed_ext as ge
        >>> register_host("mine", "my_package.adapter", ("my_graphs",))
        >>> hosts()[-1], _ADAPTERS.pop("mine")
        ('mine', ('my_package.adapter', ('my_graphs',)))
    """
    checks.text("name", name, "the name of a host")
    checks.text("module", module, "the import name of a module")
    expected = "a tuple of names of packages"
    names = checks.several("packages", packages, expected)
    found = tuple(checks.text("packages", package, expected) for package in names)
    _ADAPTERS[name] = (module, found)


def hosts() -> list[str]:
    """Names of the hosts known."""
    return list(_ADAPTERS)


def adapter(host: str) -> Adapter:
    """The adapter module of a host, imported on first use."""
    checks.choice("host", host, sorted(_ADAPTERS))
    return cast(Adapter, importlib.import_module(_ADAPTERS[host][0]))


def host_of(graph: Any) -> str:
    """Name of the host that a graph object belongs to, judged by the packages its class comes from."""
    known = _host_of_class(graph)
    if known is not None:
        return known
    if isinstance(graph, Mapping):
        inner = _host_of_class(next(iter(graph.values()), None))
        return inner if inner in _IN_DICTS else "pyg"
    raise GraphTypeError(
        "graph",
        f"an object of type {type(graph).__module__}.{type(graph).__qualname__}",
        "a dgl.DGLGraph, a torch_geometric Data, HeteroData or EdgeIndex, a torch_sparse.SparseTensor, "
        "an edge_index tensor of shape (2, num_edges), or a dict of these by edge type; a networkx.Graph, a SciPy "
        "sparse matrix, a data frame of edges",
        _way_out(graph),
    )


def _way_out(graph: Any) -> str:
    """How to get at a graph that is in a file, in what was read from one, or in a list."""
    if isinstance(graph, (str, Path)):
        return "ge.readers.read_graph(path).named_view is the graph in a file"
    if hasattr(graph, "named_view"):
        return ".named_view is its graph"
    return "torch.tensor(pairs).t() is the edge_index of a list of pairs"


def _host_of_class(graph: Any) -> str | None:
    origins = {base.__module__.partition(".")[0] for base in type(graph).__mro__}
    return next((name for name, (_, packages) in _ADAPTERS.items() if origins.intersection(packages)), None)


def view(graph: Any, **options: Any) -> GraphView:
    """The view of any host graph; a view is returned as it is.

    Args:
        graph: ``dgl.DGLGraph``; PyG ``Data``, ``HeteroData``, ``EdgeIndex``; an ``edge_index`` of shape
            ``(2, num_edges)`` or a dict of them by canonical edge type; ``torch_sparse.SparseTensor`` as PyG
            means it, the transposed adjacency. ``networkx.Graph`` and its kin; a SciPy sparse matrix whose rows are
            sources; a data frame of pandas, polars or Arrow with a row for each edge; a dict of matrices or frames by
            edge type. Of these three the view is a copy, and their nodes keep their names: ``ge.embed(model)["Ada"]``.
        **options: Of tensors and PyG's graphs ``num_nodes``: number of nodes (a dict by node type for typed edges)
            where the edges alone cannot tell. Of NetworkX ``node_type``, ``relation`` and ``features``: attributes
            that hold the type of a node, the relation of an edge, and numbers that make up the node features ``x``. Of
            matrices ``names`` and ``bipartite``. Of frames ``source`` and ``target`` (the columns of the ends),
            ``directed``, ``bipartite``, ``nodes`` (a frame of nodes, named in its first column) and ``features`` (its
            columns that make up ``x``). Numbers on edges are edge features under their own names, as in
            ``ge.DeepWalk(frame, weight="km")``.

    Raises:
        GraphTypeError: The object belongs to no known host.
        InputError: Ids out of range, negative or not whole.

    Example:
        >>> import torch, graphembed_ext as ge
        >>> ge.view({("user", "buys", "item"): torch.tensor([[0, 1], [2, 0]])}).num_nodes["item"]
        3
        >>> import pandas as pd
        >>> calls = pd.DataFrame({"caller": ["Ada", "Bob"], "callee": ["Bob", "Cleo"], "minutes": [3, 9]})
        >>> ge.view(calls)
        GraphView(frames: 3 nodes, 4 edges)
        >>> model = ge.DeepWalk(calls, emb_dim=4, weight="minutes", seed=0)
        >>> ge.embed(model)["Ada"].shape
        torch.Size([4])
    """
    if isinstance(graph, GraphView):
        return graph
    host = host_of(graph)
    reader = adapter(host)
    known = inspect.signature(reader.view).parameters
    for name, value in options.items():
        if name not in known:
            expected = f"no such argument: a graph of {host} states its number of nodes itself"
            from .._core.near import did_you_mean  # a rare road: reading a graph loads few modules

            hint = did_you_mean(name, [*known][1:], 1)
            raise InputError(name, value, expected if name == "num_nodes" else "no such argument", hint)
    return reader.view(graph, **options)


def refreshed(view: GraphView) -> GraphView:
    """The same view, or a new one when its host graph has been changed in place meanwhile."""
    if view.source is None:
        return view
    reader = adapter(view.host)
    if reader.token(view.source) == view.token:
        return view
    return reader.view(view.source, **view.options)


def attach(graph: Any, embeddings: Vectors | Tensor | Mapping[str, Tensor], name: str = "emb") -> Any:
    """Write embeddings onto the nodes of a host graph, in place.

    Args:
        graph: A graph object that stores node features: DGLGraph, Data or HeteroData, or a NetworkX graph.
        embeddings: What :func:`graphembed_ext.embed` returned, or a tensor ``(num_nodes, d)``, or one tensor
            for each node type. Types that are left out are left alone.
        name: Name of the node feature.

    Returns:
        The graph.

    Raises:
        InputError: A type the graph lacks, or a number of rows other than its number of nodes.

    Example:
        >>> import torch, graphembed_ext as ge
        >>> from torch_geometric.data import Data
        >>> data = Data(edge_index=torch.tensor([[0, 1], [1, 0]]), num_nodes=2)
        >>> ge.attach(data, torch.zeros(2, 8)).emb.shape
        torch.Size([2, 8])
    """
    current = view(graph)
    checks.text("name", name, "the name of a node feature")
    values = _by_type(embeddings, current)
    for node_type, tensor in values.items():
        if node_type not in current.num_nodes:
            raise InputError("embeddings", f"node type {node_type!r}", f"some of {current.node_types}")
        tensor = values[node_type] = as_tensor("embeddings", tensor, "a row of numbers for each node")
        if tensor.dim() == 0 or len(tensor) != current.num_nodes[node_type]:
            raise InputError(
                "embeddings",
                f"{len(tensor) if tensor.dim() else 'no'} rows for node type {node_type!r}",
                f"{current.num_nodes[node_type]} rows, one for each node",
            )
    adapter(current.host).attach(graph, values, name)
    return graph


def _by_type(embeddings: Any, current: GraphView) -> dict[str, Any]:
    """What is to be attached, by node type of a graph."""
    if isinstance(embeddings, (Tensor, np.ndarray, list)):
        if len(current.node_types) != 1:
            raise InputError(
                "embeddings", "one tensor", f"a dict with a tensor for each of the node types {current.node_types}"
            )
        return {current.node_types[0]: embeddings}
    if isinstance(embeddings, Mapping):
        values = dict(embeddings)
    elif isinstance(embeddings, type) or not hasattr(embeddings, "node_types"):
        raise InputError("embeddings", described(embeddings), "embeddings, a tensor (num_nodes, d), or a dict of them")
    else:
        values = {node_type: embeddings[node_type] for node_type in embeddings.node_types}
    if set(values) == {NODE_TYPE} and len(current.node_types) == 1:
        values = {current.node_types[0]: values[NODE_TYPE]}
    return values


def to_host(graph: Any, host: str) -> Any:
    """The same graph as an object of another host: nodes, edges in their order, and every tensor feature.

    Args:
        graph: Anything that :func:`view` takes.
        host: ``"dgl"``, ``"pyg"``, ``"networkx"``, ``"scipy"`` or ``"frames"``.

    Returns:
        A ``dgl.DGLGraph``, a ``Data`` (``HeteroData`` for a typed graph) or a ``networkx.DiGraph``, isolated nodes
        kept; or, for the edges alone, a ``csr_array`` of the weights or an Arrow table (a dict by edge type for a typed
        graph).

    Example:
        >>> import torch, graphembed_ext as ge
        >>> ge.to_host(ge.view(torch.tensor([[0], [1]]), num_nodes=3), "pyg")
        Data(edge_index=[2, 1], num_nodes=3)
    """
    return adapter(host).to_graph(view(graph))
