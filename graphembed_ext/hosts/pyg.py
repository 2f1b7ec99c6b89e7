"""PyG's graph objects, and plain tensors of edges, read and written."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from .._core import checks
from ..errors import GraphTypeError, InputError
from ..graph.edges import SPARSE, EdgeList, is_sparse, read_edges
from ..graph.view import EDGE_TYPE, FEATURE_NAMES, NODE_TYPE, EdgeType, GraphView, Same, tensor_token

__all__ = ["attach", "to_graph", "token", "view"]


#: Names whose first dimension PyG takes for the number of nodes.
_NODE_FEATURES = ("x", "feat", "pos", "batch", "node_type", "n_id")


def view(graph: Any, num_nodes: int | Mapping[str, int] | None = None) -> GraphView:
    """The view of a PyG graph, over its own edge tensors. See :func:`graphembed_ext.view`."""
    from torch_geometric.data import Data, HeteroData

    if isinstance(graph, HeteroData):
        parts = _from_heterodata(graph, num_nodes)
    elif isinstance(graph, Data):
        parts = _from_data(graph, num_nodes)
    elif isinstance(graph, Mapping):
        parts = _from_dict(graph, num_nodes)
    else:
        parts = _from_edges(graph, num_nodes)
    options = {} if num_nodes is None else {"num_nodes": num_nodes}
    return GraphView(**parts, host="pyg", source=graph, token=token(graph), options=options)


def token(graph: Any) -> Hashable:
    """Changes when edges, edge features or node counts are replaced or written to."""
    if isinstance(graph, Tensor):
        return (tensor_token(graph),)
    if is_sparse(graph):
        value = graph.storage.value()
        return Same(graph.storage), None if value is None else tensor_token(value)
    if isinstance(graph, Mapping):
        return tuple((edge_type, token(edges)) for edge_type, edges in graph.items())
    parts: list[Hashable] = []
    for store in graph.stores:
        edges = _edges_of(store)
        parts.append(store.get("num_nodes"))
        if edges is not None:
            features = _edge_features(store, _num_edges(edges))
            parts.append((store._key, token(edges), *map(tensor_token, features.values())))
    return tuple(parts)


def attach(graph: Any, values: Mapping[str, Tensor], name: str) -> None:
    """Set ``data[name]``, or ``data[type][name]`` of HeteroData. See :func:`graphembed_ext.attach`."""
    from torch_geometric.data import Data, HeteroData

    if not isinstance(graph, (Data, HeteroData)):
        raise GraphTypeError(
            "graph",
            f"an object of type {type(graph).__qualname__}, which has no place for node features",
            "a DGLGraph, Data or HeteroData",
        )
    for node_type, tensor in values.items():
        store = graph if isinstance(graph, Data) else graph[node_type]
        store[name] = tensor


def to_graph(view: GraphView) -> Any:
    """A Data, or a HeteroData for a typed view, with the nodes, edges and features of a view."""
    from torch_geometric.data import Data, HeteroData

    if not view.is_typed:
        edges = view.edge_index() if view.edges else torch.empty(2, 0, dtype=torch.int64)
        features = {**view.edge_features.get(EDGE_TYPE, {}), **view.features[NODE_TYPE]}
        return Data(edge_index=edges, num_nodes=view.num_nodes[NODE_TYPE], **features)
    graph = HeteroData()
    for node_type, count in view.num_nodes.items():
        graph[node_type].num_nodes = count
        graph[node_type].update(view.features[node_type])
    for edge_type in view.edges:
        graph[edge_type].edge_index = view.edge_index(edge_type)
        graph[edge_type].update(view.edge_features[edge_type])
    return graph


def _from_data(data: Any, num_nodes: int | Mapping[str, int] | None) -> dict[str, Any]:
    store = data._store
    edges = _edges_of(store)
    if edges is None:
        edges = torch.empty(2, 0, dtype=torch.int64)
    (src, dst, *_), least, features = _read_edges(edges, "edge_index")
    stated = _stated_count(store) if num_nodes is None else _count(num_nodes)
    count = least if stated is None else stated
    features |= _edge_features(store, src.numel(), count)
    return _untyped(src, dst, count, features, _node_features(store, count, features))


def _from_heterodata(data: Any, num_nodes: int | Mapping[str, int] | None) -> dict[str, Any]:
    given = _counts(num_nodes)
    edges, edge_features = {}, {}
    needed = dict.fromkeys(data.node_types, 0)
    for edge_type in data.edge_types:
        store = data[edge_type]
        value = _edges_of(store)
        if value is None:
            continue
        found, _, features = _read_edges(value, f"edge_index of {edge_type}")
        edges[edge_type] = found.src, found.dst
        edge_features[edge_type] = features | _edge_features(store, found.src.numel())
        _need(needed, edge_type, found)
    counts, node_features = {}, {}
    for node_type, least in needed.items():
        stated = given.get(node_type, _stated_count(data[node_type]))
        counts[node_type] = least if stated is None else stated
        node_features[node_type] = _node_features(data[node_type], counts[node_type])
    return {"num_nodes": counts, "edges": edges, "features": node_features, "edge_features": edge_features}


def _from_dict(graph: Mapping[Any, Any], num_nodes: int | Mapping[str, int] | None) -> dict[str, Any]:
    edges: dict[EdgeType, tuple[Tensor, Tensor]] = {}
    edge_features, needed = {}, dict.fromkeys(_counts(num_nodes), 0)
    if not graph:
        raise InputError("graph", "an empty dict", "edges by canonical edge type, of one type or more")
    for edge_type, value in graph.items():
        if not (isinstance(edge_type, tuple) and len(edge_type) == 3 and all(isinstance(t, str) for t in edge_type)):
            raise InputError(
                "graph", f"key {edge_type!r}", "edge types as triples (source type, relation, destination type)"
            )
        found, _, edge_features[edge_type] = _read_edges(value, f"edge_index of {edge_type}")
        edges[edge_type] = found.src, found.dst
        _need(needed, edge_type, found)
    return {"num_nodes": needed | _counts(num_nodes), "edges": edges, "edge_features": edge_features}


def _from_edges(graph: Any, num_nodes: int | Mapping[str, int] | None) -> dict[str, Any]:
    (src, dst, *_), count, features = _read_edges(graph, "edge_index")
    return _untyped(src, dst, count if num_nodes is None else _count(num_nodes), features, {})


def _untyped(
    src: Tensor, dst: Tensor, num_nodes: int, edge_features: dict[str, Tensor], features: dict[str, Tensor]
) -> dict[str, Any]:
    return {
        "num_nodes": {NODE_TYPE: num_nodes},
        "edges": {EDGE_TYPE: (src, dst)},
        "features": {NODE_TYPE: features},
        "edge_features": {EDGE_TYPE: edge_features},
    }


def _read_edges(value: Any, name: str) -> tuple[EdgeList, int, dict[str, Tensor]]:
    """Edges in any of PyG's forms, the least number of nodes that they need, and their features."""
    found = read_edges(value, name)
    least = max(found.num_src or 0, found.num_dst or 0, _least(found.src), _least(found.dst))
    return found, least, {} if found.values is None else {"edge_weight": found.values}


def _least(ids: Tensor) -> int:
    """Fewest nodes that these ids need; ids that are no whole numbers are refused later, by name."""
    known = ids.numel() > 0 and not ids.is_meta and ids.dtype in (torch.int64, torch.int32)
    return int(ids.max()) + 1 if known else 0


def _need(needed: dict[str, int], edge_type: EdgeType, found: EdgeList) -> None:
    source, _, destination = edge_type
    needed[source] = max(needed.get(source, 0), found.num_src or 0, _least(found.src))
    needed[destination] = max(needed.get(destination, 0), found.num_dst or 0, _least(found.dst))


def _edges_of(store: Any) -> Any:
    edges = store.get("edge_index")
    return store.get("adj_t") if edges is None else edges


def _num_edges(edges: Any) -> int:
    if not is_sparse(edges):
        return edges.size(1)
    return edges._nnz() if isinstance(edges, Tensor) else edges.nnz()


def _stated_count(store: Any) -> int | None:
    """Number of nodes that a store states, or that PyG reads off its node features; never guessed from edges."""
    if store.get("num_nodes") is not None:
        return int(store["num_nodes"])
    for name, value in store.items():
        sized = (isinstance(value, Tensor) and value.dim() > 0) or is_sparse(value)
        if sized and (name in _NODE_FEATURES or "node" in name):
            return int(value.size(0))
    return None


def _edge_features(store: Any, num_edges: int, num_nodes: int | None = None) -> dict[str, Tensor]:
    """Tensors of a store with a row for each edge; where nodes are as many, the name must say "edge" or "weight"."""
    return {
        name: value
        for name, value in store.items()
        if isinstance(value, Tensor) and value.dim() > 0 and value.layout == torch.strided
        if name not in ("edge_index", "adj_t") and value.size(0) == num_edges
        if num_edges != num_nodes or "edge" in name or "weight" in name
    }


def _node_features(store: Any, num_nodes: int, taken: Mapping[str, Tensor] = MappingProxyType({})) -> dict[str, Tensor]:
    held = {name: _tensor(name, value) for name, value in store.items() if name not in ("edge_index", "adj_t")}
    return {
        name: value
        for name, value in held.items()
        if value is not None and value.dim() > 0 and name not in taken and value.size(0) == num_nodes
    }


def _tensor(name: str, value: Any) -> Tensor | None:
    """What a store holds as a tensor, a sparse matrix in torch's form; None for what is no feature."""
    if not is_sparse(value):
        return value if isinstance(value, Tensor) else None
    if name not in FEATURE_NAMES and value.size(0) == value.size(1):
        return None  # edges in another form
    found: Tensor = value if isinstance(value, Tensor) else value.to_torch_sparse_csr_tensor()
    return found if found.layout in SPARSE and found.dim() == 2 else None


def _count(num_nodes: Any) -> int:
    return checks.integer("num_nodes", num_nodes, minimum=0)


def _counts(num_nodes: Any) -> dict[str, int]:
    if num_nodes is None:
        return {}
    if not isinstance(num_nodes, Mapping):
        raise InputError("num_nodes", num_nodes, "a dict by node type, as the edges are typed")
    return {node_type: _count(count) for node_type, count in num_nodes.items()}
