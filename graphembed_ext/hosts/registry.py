"""Hosts and models by name: whose graph is this, and which models does that host get.

An adapter module (``graphembed_ext/dgl.py``, ``graphembed_ext/pyg.py``) supplies five functions:

``view(graph, **options)``
    The :class:`~graphembed_ext.graph.view.GraphView` of a host graph.
``token(graph)``
    Something hashable that changes when the graph is changed in place.
``attach(graph, values, name)``
    Write one tensor per node type onto the graph.
``to_graph(view)``
    A host graph with everything the view holds.
``models()``
    The models that this host gets, by name: classes whose first argument is a graph, or that have a class method
    ``for_graph(graph, **config)``.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ..errors import GraphTypeError, InputError, MissingDependencyError
from ..graph.view import NODE_TYPE, GraphView

if TYPE_CHECKING:
    from ..embeddings.vectors import Embeddings

__all__ = ["attach", "available_models", "create", "refreshed", "register_host", "to_host", "view"]

#: Adapter module of each host, and the packages whose objects it reads. Plain containers of tensors are PyG's.
_ADAPTERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "dgl": ("graphembed_ext.dgl", ("dgl",)),
    "pyg": ("graphembed_ext.pyg", ("torch_geometric", "torch_sparse", "torch")),
}


def register_host(name: str, module: str, packages: tuple[str, ...]) -> None:
    """Add a host.

    Args:
        name: Name of the host, as users will write it.
        module: Import name of its adapter, a module with the functions listed at the top of this page.
        packages: Top-level packages whose objects the adapter reads.
    """
    _ADAPTERS[name] = (module, packages)


def adapter(host: str) -> ModuleType:
    """The adapter module of a host, imported on first use."""
    if host not in _ADAPTERS:
        raise InputError("host", host, "one of " + ", ".join(map(repr, sorted(_ADAPTERS))))
    return importlib.import_module(_ADAPTERS[host][0])


def host_of(graph: Any) -> str:
    """Name of the host that a graph object belongs to, judged by the packages its class comes from."""
    origins = {base.__module__.partition(".")[0] for base in type(graph).__mro__}
    for name, (_, packages) in _ADAPTERS.items():
        if origins.intersection(packages):
            return name
    if isinstance(graph, Mapping):
        return "pyg"
    raise GraphTypeError(
        "graph",
        f"an object of type {type(graph).__module__}.{type(graph).__qualname__}",
        "a dgl.DGLGraph, a torch_geometric Data, HeteroData or EdgeIndex, a torch_sparse.SparseTensor, "
        "an edge_index tensor of shape (2, num_edges), or a dict of these by edge type",
        "torch_geometric.utils.from_networkx and from_scipy_sparse_matrix read other formats",
    )


def view(graph: Any, **options: Any) -> GraphView:
    """The view of any host graph; a view is returned as it is.

    Args:
        graph: ``dgl.DGLGraph``; PyG ``Data``, ``HeteroData``, ``EdgeIndex``; an ``edge_index`` of shape
            ``(2, num_edges)`` or a dict of them by canonical edge type; ``torch_sparse.SparseTensor`` as PyG
            means it, the transposed adjacency.
        **options: ``num_nodes``: number of nodes (a dict by node type for typed edges) where the edges alone
            cannot tell.

    Raises:
        GraphTypeError: The object belongs to no known host.
        InputError: Ids out of range, negative or not whole.

    Example:
        >>> import torch, graphembed_ext as ge
        >>> ge.view({("user", "buys", "item"): torch.tensor([[0, 1], [2, 0]])}).num_nodes["item"]
        3
    """
    if isinstance(graph, GraphView):
        return graph
    return adapter(host_of(graph)).view(graph, **options)


def refreshed(view: GraphView) -> GraphView:
    """The same view, or a new one when its host graph has been changed in place meanwhile."""
    if view.source is None:
        return view
    reader = adapter(view.host)
    if reader.token(view.source) == view.token:
        return view
    return reader.view(view.source, **view.options)


def attach(graph: Any, embeddings: Embeddings | Tensor | Mapping[str, Tensor], name: str = "emb") -> Any:
    """Write embeddings onto the nodes of a host graph, in place.

    Args:
        graph: A graph object of either host that stores node features: DGLGraph, Data or HeteroData.
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
    if isinstance(embeddings, Tensor):
        if len(current.node_types) != 1:
            raise InputError(
                "embeddings", "one tensor", f"a dict with a tensor for each of the node types {current.node_types}"
            )
        values = {current.node_types[0]: embeddings}
    elif isinstance(embeddings, Mapping):
        values = dict(embeddings)
    else:
        values = {node_type: embeddings[node_type] for node_type in embeddings.node_types}
    if set(values) == {NODE_TYPE} and len(current.node_types) == 1:
        values = {current.node_types[0]: values[NODE_TYPE]}
    for node_type, tensor in values.items():
        if node_type not in current.num_nodes:
            raise InputError("embeddings", f"node type {node_type!r}", f"some of {current.node_types}")
        if len(tensor) != current.num_nodes[node_type]:
            raise InputError(
                "embeddings",
                f"{len(tensor)} rows for node type {node_type!r}",
                f"{current.num_nodes[node_type]} rows, one for each node",
            )
    adapter(current.host).attach(graph, values, name)
    return graph


def to_host(graph: Any, host: str) -> Any:
    """The same graph as an object of another host: nodes, edges in their order, and every tensor feature.

    Args:
        graph: Anything that :func:`view` takes.
        host: ``"dgl"`` or ``"pyg"``.

    Returns:
        A ``dgl.DGLGraph``, or a ``Data`` (``HeteroData`` for a typed graph). Isolated nodes are kept.

    Example:
        >>> import torch, graphembed_ext as ge
        >>> ge.to_host(ge.view(torch.tensor([[0], [1]]), num_nodes=3), "pyg")
        Data(edge_index=[2, 1], num_nodes=3)
    """
    return adapter(host).to_graph(view(graph))


def available_models(host: str | None = None) -> list[str]:
    """Names that :func:`create` knows, for one host or for any host installed here.

    Example:
        >>> "deepwalk" in available_models()
        True
    """
    names: set[str] = set()
    for name in [host] if host is not None else list(_ADAPTERS):
        try:
            names.update(adapter(name).models())
        except MissingDependencyError:
            if host is not None:
                raise
    return sorted(names)


def create(name: str, graph: Any, **config: Any) -> Any:
    """Build a model by name for a graph of either host.

    Args:
        name: One of :func:`available_models`, in any case.
        graph: Anything that :func:`view` takes.
        **config: Arguments of the model's constructor.

    Raises:
        InputError: An unknown name; an argument the model does not have.

    Example:
        >>> import torch, graphembed_ext as ge
        >>> ge.create("deepwalk", torch.tensor([[0, 1], [1, 0]]), emb_dim=8, seed=0)
        DeepWalk(2, 8, walk_length=40, window_size=5)
    """
    host = graph.host if isinstance(graph, GraphView) else host_of(graph)
    known = adapter(host if host in _ADAPTERS else "pyg").models()
    model = known.get(name.lower()) if isinstance(name, str) else None
    if model is None:
        raise InputError("name", name, "one of " + ", ".join(map(repr, sorted(known))))
    parameters = _parameters(model)
    for argument in config:
        if argument not in parameters:
            raise InputError(argument, config[argument], f"an argument of {model.__name__}: {', '.join(parameters)}")
    return builder(model)(graph, **config)


def builder(model: Any) -> Any:
    """What makes a model for a graph: the class itself, or its ``for_graph`` where the class takes sizes instead."""
    return getattr(model, "for_graph", model)


def _parameters(model: type) -> list[str]:
    return list(inspect.signature(builder(model)).parameters)[1:]
