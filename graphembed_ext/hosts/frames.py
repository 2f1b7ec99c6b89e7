"""Data frames of edges: pandas, polars, Arrow and what else narwhals reads. A view is a copy of them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from .._core import checks
from .._core.near import did_you_mean
from ..errors import InputError
from ..graph.view import EDGE_TYPE, NODE_TYPE, EdgeType, GraphView
from .columns import SIDES, as_numbers, chosen, edge_type_of, names_of, no_attributes, turned, way_of

__all__ = ["attach", "to_graph", "token", "view"]

#: Titles of the columns of ends, where nothing else is said: what NetworkX, Gephi and DGL write.
_ENDS = (("source", "target"), ("src", "dst"), ("Source", "Target"))


class _Edges(NamedTuple):
    """The rows of one frame: names of their ends, and their other columns that are of numbers."""

    source: pa.ChunkedArray
    target: pa.ChunkedArray
    features: dict[str, Tensor]


def view(
    graph: Any,
    source: str | None = None,
    target: str | None = None,
    directed: bool = False,
    bipartite: bool = False,
    nodes: Any = None,
    features: str | Sequence[str] | None = None,
) -> GraphView:
    """The view of a frame with a row for each edge, or of a dict of them by edge type. See :func:`graphembed_ext.view`.

    Each row is an edge. Unless ``directed``, it leads back as well (a self-loop once): between two node types as the
    relation ``rev_...``. Rows that are listed twice stay two edges. Columns of numbers and dates become edge features
    under their own titles, dates as microseconds since 1970; NaN where a value is missing. Nodes keep their names as
    text; where all are whole numbers they stand in ascending order, otherwise as they first come, sources first.

    Args:
        graph: A frame of pandas, polars or Arrow, or a dict by edge type ``(source type, relation, destination type)``.
        source, target: Titles of the columns of the ends; None for ``source`` and ``target``, ``src`` and ``dst``, or
            else the first two columns.
        directed: Whether edges lead one way only.
        bipartite: Whether sources are users and targets items, which may have the same names.
        nodes: Frame with a row for each node, its name in the first column, and features; a dict by node type where
            there are several. It fixes the order of the nodes, and nodes without edges may stand in it.
        features: Columns of ``nodes`` that make up the feature matrix ``x``, float32.

    Raises:
        InputError: A column that is not there; an end without a name; a node that ``nodes`` lacks, or has twice.

    Example:
        >>> import graphembed_ext as ge
        >>> trips = pa.table({"from": ["Ada", "Bob"], "to": ["Bob", "Cleo"], "km": [3.5, 1.0]})
        >>> found = ge.view(trips, directed=True)
        >>> found.names["_N"], found.edge_features[("_N", "_E", "_N")]["km"]
        (['Ada', 'Bob', 'Cleo'], tensor([3.5000, 1.0000]))
    """
    options = {"source": source, "target": target, "directed": directed, "bipartite": bipartite}
    directed, bipartite = checks.flag("directed", directed), checks.flag("bipartite", bipartite)
    frames = graph if isinstance(graph, Mapping) else {SIDES if bipartite else EDGE_TYPE: graph}
    tables = {edge_type_of(kind): _read(frame, source, target) for kind, frame in frames.items()}
    types = sorted({node_type for source_type, _, target_type in tables for node_type in (source_type, target_type)})
    members = _members_of(nodes, types, features)
    names, edges = _numbered(tables, types, members)
    values = {kind: rows.features for kind, rows in tables.items()}
    if not directed:
        _turn(edges, values)
    return GraphView(
        num_nodes={t: len(of_type) for t, of_type in names.items()},
        edges=edges,
        features={t: _features(frame, features, t) for t, frame in members.items()},
        edge_features=values,
        names=names,
        host="frames",
        source=graph,
        options=options | {"nodes": nodes, "features": features},
    )


def token(graph: Any) -> Hashable:
    """Always the same: a view is a copy."""
    return None


def attach(graph: Any, values: Mapping[str, Tensor], name: str) -> None:
    """Frames of edges have no place for node features: always an error."""
    raise no_attributes(graph, "ge.embed(model).to_pandas() is a frame with a row for each node")


def to_graph(view: GraphView) -> Any:
    """An Arrow table of the edges with their numbers, columns ``source`` and ``target``; a dict for a typed view.

    Nodes are called by their names, or else their ids; those without edges are not in it.
    """
    found = {}
    for edge_type, (src, dst) in way_of(view).items():
        ends = [_called(view, t, ids) for t, ids in zip(edge_type[::2], (src, dst), strict=True)]
        features = view.edge_features.get(edge_type, {})
        plain = {name: values.cpu().numpy() for name, values in features.items() if values.dim() == 1}
        found[edge_type] = pa.table({"source": ends[0], "target": ends[1], **plain})
    return found if view.is_typed else found[EDGE_TYPE]


def _table(argument: str, frame: Any) -> nw.DataFrame[Any]:
    try:
        return nw.from_native(frame, eager_only=True)
    except TypeError as error:
        kind = f"{type(frame).__module__.partition('.')[0]}.{type(frame).__qualname__}"
        way_out = "a lazy frame becomes one by .collect(), a series by .to_frame()"
        raise InputError(argument, f"a {kind}", "a data frame of pandas, polars or Arrow", way_out) from error


def _read(frame: Any, source: str | None, target: str | None) -> _Edges:
    table = _table("graph", frame)
    titles = table.columns
    if len(titles) < 2:
        raise InputError(
            "graph", f"a frame of {len(titles)} columns", "a row for each edge, with columns for both ends"
        )
    first, second = _ends(titles, source, target)
    ends = [_names(table[title], title) for title in (first, second)]
    rest = {title: _numbers(table[title]) for title in titles if title not in (first, second)}
    return _Edges(ends[0], ends[1], {title: values for title, values in rest.items() if values is not None})


def _ends(titles: list[str], source: str | None, target: str | None) -> tuple[str, str]:
    """Titles of the columns of sources and targets."""
    if source is None and target is None:
        return next((ends for ends in _ENDS if set(ends) <= set(titles)), (titles[0], titles[1]))
    if source is None or target is None or source == target:
        raise InputError("source, target", f"{source} and {target}", "the titles of two columns, or of neither")
    for argument, given in (("source", source), ("target", target)):
        if checks.text(argument, given, "the title of a column") not in titles:
            raise InputError(argument, given, "one of the columns " + ", ".join(titles), did_you_mean(given, titles))
    return source, target


def _names(column: nw.Series[Any], title: str) -> pa.ChunkedArray:
    """The names in a column: text, or whole numbers."""
    missing = int(column.is_null().sum())
    if missing:
        row = int(np.flatnonzero(column.is_null().to_numpy())[0])
        raise InputError("graph", f"no name in column {title!r} of row {row}", "a name for both ends of each edge")
    if column.dtype.is_float():
        expected = "text or whole numbers"
        raise InputError("graph", f"column {title!r} of {column.dtype}", expected, "cast it to int or str")
    found = column.to_arrow()
    array = found if isinstance(found, pa.ChunkedArray) else pa.chunked_array([found])
    return array if pa.types.is_integer(array.type) else array.cast(pa.string())


def _numbers(column: nw.Series[Any]) -> Tensor | None:
    """A column of numbers, truths or dates; None for others."""
    dtype = column.dtype
    if dtype in (nw.Date, nw.Datetime):
        if dtype == nw.Date:
            column = column.cast(nw.Datetime("us"))
        column = column.dt.timestamp("us")
    elif dtype == nw.Boolean:
        column = column.cast(nw.Int64) if not column.is_null().any() else column.cast(nw.Float64)
    elif not dtype.is_numeric():
        return None
    whole = column.dtype.is_integer() and not column.is_null().any()
    return as_numbers(np.asarray(column.to_numpy()).astype(np.int64 if whole else np.float64))


def _members_of(nodes: Any, types: Sequence[str], features: Any) -> dict[str, nw.DataFrame[Any]]:
    """The frames of nodes by type."""
    if nodes is None and features is None:
        return {}
    if nodes is None:
        raise InputError("features", features, "None without nodes=, the frame that has them")
    if not isinstance(nodes, Mapping):
        if len(types) != 1:
            raise InputError("nodes", "one frame", f"a dict with a frame for each of {list(types)}, or some")
        nodes = {types[0]: nodes}
    for node_type in nodes:
        if node_type not in types:
            raise InputError("nodes", f"node type {node_type!r}", f"some of {list(types)}")
    return {node_type: _table("nodes", frame) for node_type, frame in nodes.items()}


def _numbered(
    tables: Mapping[EdgeType, _Edges], types: Sequence[str], members: Mapping[str, nw.DataFrame[Any]]
) -> tuple[dict[str, list[str]], dict[EdgeType, tuple[Tensor, Tensor]]]:
    """Names of the nodes by type, and the edges by the numbers of their ends."""
    ends = {(kind, place): rows[place // 2] for kind, rows in tables.items() for place in (0, 2)}
    names: dict[str, list[str]] = {}
    numbers: dict[tuple[EdgeType, int], Tensor] = {}
    for node_type in types:
        mine = {(kind, place): column for (kind, place), column in ends.items() if kind[place] == node_type}
        names[node_type], codes = _codes(node_type, list(mine.values()), members.get(node_type))
        parts = np.split(codes.astype(np.int64), np.cumsum([len(column) for column in mine.values()])[:-1])
        numbers |= {end: torch.from_numpy(part.copy()) for end, part in zip(mine, parts, strict=True)}
    return names, {kind: (numbers[kind, 0], numbers[kind, 2]) for kind in tables}


def _codes(
    node_type: str, columns: list[pa.ChunkedArray], members: nw.DataFrame[Any] | None
) -> tuple[list[str], np.ndarray]:
    """Names of the nodes of a type, and the number of each entry of some columns, one after the other."""
    if members is None and all(pa.types.is_integer(column.type) for column in columns):
        return _by_value(np.concatenate([column.to_numpy() for column in columns]))
    if members is None:
        return _by_name(columns, [])
    known = _members(members)
    names, codes = _by_name(columns, known)
    if len(names) > len(known):
        kind = "" if node_type == NODE_TYPE else f" of type {node_type!r}"
        raise InputError("nodes", f"no row for node {names[len(known)]!r}{kind}", "a row for each node with edges")
    return names, codes


def _by_name(columns: list[pa.ChunkedArray], known: list[str]) -> tuple[list[str], np.ndarray]:
    """Known names and those that columns have besides, as they first come, and the place of each entry among them."""
    text = [chunk for column in columns for chunk in column.cast(pa.string()).chunks]
    encoded = pa.concat_arrays([pa.array(known, pa.string()), *text]).dictionary_encode()
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy()[len(known) :]


def _by_value(numbers: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Whole numbers as names, ascending, and the place of each among them."""
    distinct, codes = np.unique(numbers, return_inverse=True)
    return list(map(str, distinct.tolist())), codes


def _members(frame: nw.DataFrame[Any]) -> list[str]:
    column = _names(frame[frame.columns[0]], frame.columns[0])
    return names_of(column.to_pylist(), "nodes")


def _features(frame: nw.DataFrame[Any], features: str | Sequence[str] | None, node_type: str) -> dict[str, Tensor]:
    columns = {title: _numbers(frame[title]) for title in frame.columns[1:]}
    known = {title: values for title, values in columns.items() if values is not None}
    where = f"the {len(frame)} nodes" + ("" if node_type == NODE_TYPE else f" of type {node_type!r}")
    return chosen(known, features, where)


def _turn(edges: dict[EdgeType, tuple[Tensor, Tensor]], values: dict[EdgeType, dict[str, Tensor]]) -> None:
    """Add the edges of every type the other way round."""
    for kind, (src, dst) in list(edges.items()):
        back = turned(kind)
        if back != kind:
            edges.setdefault(back, (dst, src))
            values.setdefault(back, values[kind])
            continue
        other = src != dst
        edges[kind] = torch.cat([src, dst[other]]), torch.cat([dst, src[other]])
        values[kind] = {name: torch.cat([value, value[other]]) for name, value in values[kind].items()}


def _called(view: GraphView, node_type: str, ids: np.ndarray) -> pa.Array:
    names = view.names.get(node_type)
    return pa.array(ids) if names is None else pa.array(names, pa.string()).take(pa.array(ids))
