"""Attributes and columns of plain Python objects as tensors, for the adapters of libraries that have no tensors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .._core import checks
from ..errors import GraphTypeError, InputError
from ..graph.view import EDGE_TYPE, EdgeType, GraphView

__all__ = ["REVERSED", "SIDES", "as_numbers", "chosen", "edge_type_of", "names_of", "no_attributes", "turned", "way_of"]

#: Edge type of a bipartite graph whose sides have no names, and what stands before the relation back.
SIDES: EdgeType = ("user", "to", "item")
REVERSED = "rev_"

#: Whole numbers from here on are not all told apart in 32-bit floats.
_EXACT = 1 << 24


def as_numbers(values: np.ndarray | Sequence[Any]) -> Tensor | None:
    """A feature as a tensor; None for what are no numbers.

    Whole numbers are kept as int64, others as float32, or as float64 where some are so large that float32 would not
    tell them apart. Dates become microseconds since 1970. None becomes NaN.

    Example:
        >>> as_numbers([1, 2]), as_numbers([0.5, None]), as_numbers(["a", "b"])
        (tensor([1, 2]), tensor([0.5000,    nan]), None)
    """
    array = values if isinstance(values, np.ndarray) else _array(list(values))
    if array is None:
        return None
    if array.dtype.kind == "M":
        missing = np.isnat(array)
        stamps = array.astype("datetime64[us]").astype(np.int64)
        array = np.where(missing, np.nan, stamps.astype(np.float64)) if missing.any() else stamps
    if array.dtype.kind in "biu":
        return torch.from_numpy(array.astype(np.int64))
    if array.dtype.kind != "f":
        return None
    large = bool((np.abs(array[np.isfinite(array)]) >= _EXACT).any())
    return torch.from_numpy(array.astype(np.float64 if large else np.float32))


def _array(values: list[Any]) -> np.ndarray | None:
    first = next((value for value in values if value is not None), None)
    if isinstance(first, datetime):
        return _dates(values)
    if first is None or np.ndim(first) == 0:
        values = [np.nan if value is None else value for value in values]
    try:
        array = np.asarray(values)
    except ValueError:  # rows of several lengths
        return None
    return array if array.dtype.kind in "biuf" else None


def _dates(values: list[Any]) -> np.ndarray | None:
    """Dates in UTC; one without a time zone is taken for such, as in NumPy."""
    if not all(value is None or isinstance(value, datetime) for value in values):
        return None
    stamps = [value.replace(tzinfo=None) - value.utcoffset() if value and value.tzinfo else value for value in values]
    return np.array(stamps, dtype="datetime64[us]")


def chosen(known: Mapping[str, Tensor], features: str | Sequence[str] | None, where: str) -> dict[str, Tensor]:
    """Node features by name, those named by ``features`` side by side as the matrix ``x`` in addition.

    Args:
        known: Every feature that is of numbers.
        features: Names; None for none.
        where: What has them, for errors.

    Raises:
        InputError: A name that is none of these.
    """
    found = dict(known)
    if features is None:
        return found
    columns = []
    names = (
        [features] if isinstance(features, str) else checks.several("features", features, "a name, or a list of such")
    )
    if not names:
        raise InputError("features", "no name", "a name, or a list of such", "None takes none")
    for name in names:
        if not isinstance(name, str) or name not in known:
            there = ", ".join(map(repr, known)) or "none"
            raise InputError("features", name, f"names of what has a number for each of {where}: {there}")
        columns.append(known[name].float().reshape(len(known[name]), -1))
    return found | {"x": torch.cat(columns, 1)}


def names_of(nodes: Iterable[Any], what: str) -> list[str]:
    """Names of nodes as text.

    Raises:
        InputError: Two nodes that have the same name as text.
    """
    first: dict[str, Any] = {}
    for node in nodes:
        name = str(node)
        if name in first:
            raise InputError(
                what, f"nodes {first[name]!r} and {node!r}", "nodes whose names differ as text", "rename one"
            )
        first[name] = node
    return list(first)


def edge_type_of(key: Any) -> EdgeType:
    """A key of a dict by edge type, checked."""
    if not (isinstance(key, tuple) and len(key) == 3 and all(isinstance(part, str) for part in key)):
        expected = "edge types as triples (source type, relation, destination type)"
        raise InputError("graph", f"key {key!r}", expected)
    return key


def turned(edge_type: EdgeType) -> EdgeType:
    """The edge type of the same edges the other way round.

    Example:
        >>> turned(("user", "buys", "item")), turned(("user", "knows", "user"))
        (('item', 'rev_buys', 'user'), ('user', 'knows', 'user'))
    """
    source, relation, target = edge_type
    return edge_type if source == target else (target, f"{REVERSED}{relation}", source)


def way_of(view: GraphView) -> Mapping[EdgeType, tuple[np.ndarray, np.ndarray]]:
    """Sources and destinations of a view's edges as arrays; one empty edge type where there is none."""
    edges = view.edges or {EDGE_TYPE: (torch.empty(0, dtype=torch.int64),) * 2}
    return {kind: (src.cpu().numpy(), dst.cpu().numpy()) for kind, (src, dst) in edges.items()}


def no_attributes(graph: Any, way_out: str) -> GraphTypeError:
    """The error for what has no place for vectors of nodes."""
    kind = f"{type(graph).__module__.partition('.')[0]}.{type(graph).__qualname__}"
    expected = "a DGLGraph, Data, HeteroData or networkx.Graph"
    return GraphTypeError("graph", f"a {kind}, which has no place for node features", expected, way_out)
