"""Edge weights for walks and sampling: found by name or given, and checked before any work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from .._core.mapped import slices
from ..errors import InputError
from .csr import CSR, OrderedCSR, spans
from .view import EDGE_TYPE, NODE_TYPE, EdgeType, GraphView

__all__ = ["Weight", "checked_weight", "edge_values", "edge_weights", "entry_weights", "given_weight"]


#: Name of an edge feature; weights of all edges in the host's order; or weights by canonical edge type.
Weight = str | Tensor | Mapping[EdgeType, Tensor]


def edge_weights(view: GraphView, weight: Weight, edge_types: Sequence[EdgeType], joined: bool) -> Tensor:
    """Weights of the edges of some types, one type after the other, in the host's order.

    Args:
        view: The graph.
        weight: See :data:`Weight`.
        edge_types: Canonical edge types that walks follow.
        joined: Whether a step chooses among the edges of all these types, or of one.

    Returns:
        float64, on the device of the edges; of one edge type that is on the disk, as they are there.

    Raises:
        InputError: Weights that are missing, of a wrong size, negative, NaN, infinite, or 0 on all edges that a
            step could take from some node.
    """
    on_disk = view.mapped and len(edge_types) == 1
    parts = {t: (given_weight if on_disk else checked_weight)(view, weight, t) for t in edge_types}
    groups = [list(edge_types)] if joined else [[t] for t in edge_types]
    for group in groups:
        _refuse_dead_nodes(view, weight, {t: parts[t] for t in group})
    if on_disk:
        return next(iter(parts.values()))
    return torch.cat(list(parts.values())) if parts else torch.empty(0, dtype=torch.float64)


def checked_weight(view: GraphView, weight: Weight, edge_type: EdgeType) -> Tensor:
    """Weights of the edges of one type in the host's order, float64, finite and at least 0.

    Raises:
        InputError: Weights that are missing, of a wrong size, negative, NaN or infinite.
    """
    return given_weight(view, weight, edge_type).double()


def given_weight(view: GraphView, weight: Weight, edge_type: EdgeType) -> Tensor:
    """The same in the dtype that they were given in, without a copy.

    Raises:
        InputError: As :func:`checked_weight`.
    """
    values = edge_values(view, weight, edge_type)
    for part in _parts(values):
        some = values[part].double()
        wrong = ~(torch.isfinite(some) & (some >= 0))
        if bool(wrong.any()):
            edge = int(wrong.nonzero()[0])
            got = f"{float(some[edge])} at edge {part.start + edge}"
            raise InputError(_label(weight, edge_type), got, "finite weights of at least 0")
    return values


def _parts(values: Tensor) -> Iterator[slice]:
    """Numbers that are looked at together: all of them on another device than the CPU."""
    return slices(len(values)) if values.device.type == "cpu" else iter([slice(0, len(values))])


def entry_weights(csr: CSR, weight: Tensor, room: Callable[..., Tensor] | None = None) -> Tensor:
    """Weights in the order of a CSR's entries; those of parallel edges ascending, whatever the host's order.

    Args:
        csr: Canonical CSR.
        weight: Weights in the order that its ``edge_ids`` count in.
        room: Makes the tensor for them of its shape and dtype, as :meth:`GraphView.room` does; None makes it in memory.

    Returns:
        float64, on the device of the weights.
    """
    shape = (len(csr.indices),)
    found = weight.new_empty(shape, dtype=torch.float64) if room is None else room(shape, torch.float64)
    for first, last in spans(csr.indptr):
        part = slice(int(csr.indptr[first]), int(csr.indptr[last]))
        values = weight[part if isinstance(csr, OrderedCSR) else csr.edge_ids[part]]
        found[part] = _ascending(csr.indptr[first : last + 1], csr.indices[part], values)
    return found


def _ascending(indptr: Tensor, indices: Tensor, values: Tensor) -> Tensor:
    """Weights of the entries of some rows, those of parallel edges ascending."""
    degrees = indptr[1:] - indptr[:-1]
    rows = torch.repeat_interleave(torch.arange(len(degrees), device=values.device), degrees)
    same = (rows[1:] == rows[:-1]) & (indices[1:] == indices[:-1])
    if not bool(same.any()):
        return values
    pair = torch.zeros_like(rows)
    torch.cumsum(~same, 0, out=pair[1:])
    order = torch.argsort(values, stable=True)
    return values[order[torch.argsort(pair[order], stable=True)]]


def edge_values(view: GraphView, weight: Weight, edge_type: EdgeType, argument: str = "weight") -> Tensor:
    """A number for each edge of one type, by name or as given, in the host's order.

    Args:
        view: The graph.
        weight: See :data:`Weight`; it need not be of weights.
        edge_type: Canonical edge type.
        argument: Name of the argument that it came as, for errors.

    Raises:
        InputError: Numbers that are missing, or of a wrong size.
    """
    count = view.edges[edge_type][0].numel()
    value: Any
    if isinstance(weight, str):
        value = _named(view, weight, edge_type, argument)
    elif isinstance(weight, Mapping):
        if edge_type not in weight:
            expected = f"{argument}s of {edge_type} too, as walks follow it"
            raise InputError(argument, f"{argument}s of {list(weight)}", expected)
        value = weight[edge_type]
    elif isinstance(weight, Tensor) and weight.dim() > 0 and len(weight) == view.total_edges and _dense(weight):
        start = sum(view.edges[other][0].numel() for other in view.edge_types[: view.edge_types.index(edge_type)])
        value = weight[start : start + count]
    else:
        value, count = weight, view.total_edges
    strided = isinstance(value, Tensor) and value.layout == torch.strided
    if not strided or tuple(value.shape) not in ((count,), (count, 1)):
        shape = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
        raise InputError(_label(weight, edge_type, argument), shape, f"one number for each of the {count} edges")
    return value.detach().to(view.device).reshape(-1)


def _dense(weight: Tensor) -> bool:
    return weight.layout == torch.strided


def _named(view: GraphView, name: str, edge_type: EdgeType, argument: str) -> Tensor:
    features = view.edge_features[edge_type]
    if name not in features:
        there = ", ".join(map(repr, features)) or "none"
        raise InputError(argument, name, f"an edge feature of every edge type walked; {edge_type} has {there}")
    return features[name]


def _refuse_dead_nodes(view: GraphView, weight: Weight, parts: Mapping[EdgeType, Tensor]) -> None:
    total = torch.zeros(view.total_nodes, dtype=torch.float64, device=view.device)
    degree = torch.zeros(view.total_nodes, dtype=torch.int64, device=view.device)
    for edge_type, values in parts.items():
        for part in _parts(values):
            source = view.edges[edge_type][0][part].long() + view.offsets[edge_type[0]]
            total += torch.bincount(source, values[part].double(), minlength=view.total_nodes)
            degree += torch.bincount(source, minlength=view.total_nodes)
    endless = ~torch.isfinite(total)
    if bool(endless.any()):
        label = _label(weight, next(iter(parts))) if len(parts) == 1 else _label(weight, EDGE_TYPE)
        name = _name_of(view, int(endless.nonzero()[0]))
        raise InputError(label, f"an infinite sum over the edges out of {name}", "weights whose sums are finite")
    dead = (degree > 0) & ~(total > 0)
    if not bool(dead.any()):
        return
    node = int(dead.nonzero()[0])
    name = _name_of(view, node)
    label = _label(weight, next(iter(parts))) if len(parts) == 1 else _label(weight, EDGE_TYPE)
    raise InputError(
        label,
        f"0 on all of the {int(degree[node])} edges out of {name}",
        "a weight above 0 on one edge or more, as the step from there would be undefined",
        "remove these edges where walks are meant to end",
    )


def _name_of(view: GraphView, node: int) -> str:
    """What to call a node given by its global id."""
    node_type = next(t for t, start in view.offsets.items() if start <= node < start + view.num_nodes[t])
    return f"node {node}" if node_type == NODE_TYPE else f"node {node - view.offsets[node_type]} of type {node_type!r}"


def _label(weight: Weight, edge_type: EdgeType, argument: str = "weight") -> str:
    name = f"{argument} {weight!r}" if isinstance(weight, str) else argument
    return name if edge_type == EDGE_TYPE else f"{name} of {edge_type}"
