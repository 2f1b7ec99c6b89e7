"""JSON: graphs as networkx, D3, Cytoscape.js and Sigma write them, and records of edges, in a list or line by line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from .._core.memory import check_file_room
from ..errors import FileFormatError
from .pajek import Network
from .sources import BadLine, Source

__all__ = ["as_records", "columns_of_records", "is_lines", "node_link"]

#: Bytes of objects that a byte of JSON becomes, about.
_SWELLING = 12
_RECORDS = "objects with the ends of an edge each, or lists of two names"
_OF_GRAPHS = {"nodes", "links", "edges", "elements"}
_CONVERT = "json.dump(networkx.node_link_data(graph), file) writes a graph that can be read"


def is_lines(start: str) -> bool:
    """Whether a text that begins so has an object or a list on each line, if need be behind a first that is damaged.

    Example:
        >>> is_lines('{"a": 1}\\n{"a": 2}\\n'), is_lines('{"nodes": [')
        (True, False)
        >>> is_lines('{"a"\\n{"a": 2}\\n{"a": 3}\\n')
        True
    """
    first, *more = start.lstrip().split("\n", 3)
    if more and _is_whole(first):
        return True
    return len(more) > 1 and all(map(_is_whole, more[:2]))  # nowhere else do two follow each other without a comma


def _is_whole(text: str) -> bool:
    """Whether a line is a record by itself, and no whole graph."""
    try:
        found = _parsed(text)
        return isinstance(found, list) or (isinstance(found, dict) and _OF_GRAPHS.isdisjoint(found))
    except (ValueError, RecursionError):
        return False


def _parsed(text: str | bytes) -> Any:
    """JSON whose numbers stay as they are written."""
    return json.loads(text, parse_int=str, parse_float=str)


def node_link(content: bytes) -> Network:
    """The graph of networkx's ``node_link_data`` and its kin: a list of nodes, and one of links or edges.

    Ends are the ids of nodes, or their positions where no node has an id.

    Raises:
        ValueError: Another kind of JSON.

    Example:
        >>> network = node_link(b'{"nodes": [{"id": "Ada"}], "links": [{"source": "Ada", "target": "Bob"}]}')
        >>> network.nodes, network.edges
        ([('Ada', {'id': 'Ada'}), ('Bob', {})], [('Ada', 'Bob', {})])
    """
    check_file_room(_SWELLING * len(content), "JSON", f"{len(content)} bytes of it")
    data = _parsed(content)
    data = data.get("elements", data) if isinstance(data, dict) else {}
    data = data if isinstance(data, dict) else {}
    links = data.get("links", data.get("edges"))
    if not isinstance(links, list) or not isinstance(data.get("nodes", []), list):
        raise ValueError(f"no lists of nodes and links; {_CONVERT}")
    nodes, by_place = _nodes(data.get("nodes", []))
    edges = [_edge(link, number, len(nodes) if by_place else None) for number, link in enumerate(links, 1)]
    for first, second, _ in edges:
        for name in (first, second):
            nodes.setdefault(name, {})
    return Network(list(nodes.items()), edges, data.get("directed") is True)


def _nodes(listed: Sequence[Any]) -> tuple[dict[str, dict[str, Any]], bool]:
    """Attributes of nodes by id, and whether ids are the places in the list."""
    parts = [_attributes(node, "data", "attributes") for node in listed]
    ids = [node.get("id", node.get("key")) for node in parts]
    if parts and all(name is None for name in ids):
        return {str(place): node for place, node in enumerate(parts)}, True
    return {
        _name(name, f"node {number}"): node for number, (name, node) in enumerate(zip(ids, parts, strict=True), 1)
    }, False


def _attributes(part: Any, *inner: str) -> dict[str, Any]:
    """What a node or a link has, also within ``inner``."""
    if not isinstance(part, dict):
        raise ValueError(f"{part!r:.60} in place of an object")
    found = dict(part)
    for key in inner:
        more = found.pop(key, {})
        found |= more if isinstance(more, dict) else {}
    return found


def _edge(link: Any, number: int, count: int | None) -> tuple[str, str, dict[str, Any]]:
    values = _attributes(link, "data", "attributes")
    first, second = (_name(values.pop(key, None), f"{key} of link {number}") for key in ("source", "target"))
    if count is not None and not all(end.isdigit() and len(end) < 19 and int(end) < count for end in (first, second)):
        raise ValueError(f"link {number} from {first:.30} to {second:.30}, of {count} nodes that are counted from 0")
    values.pop("key", None)
    return first, second, values


def _name(value: Any, what: str) -> str:
    if not isinstance(value, (str, bool)) or value == "":
        raise ValueError(f"{value!r:.60} as {what}, in place of a name")
    return str(value)


def as_records(source: Source) -> tuple[list[Any], list[int]]:
    """Objects or lists, and the number of each: its line, or its place in a list, which the source is told.

    Raises:
        FileFormatError: No such JSON; names the line.
    """
    name, text = source.name, b"".join(source.chunks())
    check_file_room(_SWELLING * len(text), name, f"{len(text)} bytes of JSON")
    if is_lines(text[: 1 << 16].decode(errors="replace")):
        return _by_line(source, text)
    try:
        found = _parsed(text)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(name, f"JSON that is damaged ({error})", _RECORDS) from error
    found = [found] if isinstance(found, dict) else found
    if not isinstance(found, list):
        raise FileFormatError(name, f"JSON of {found!r:.40}", _RECORDS, _CONVERT)
    source.unit = "row"
    numbers = [number for number in range(1, len(found) + 1) if number not in source.without]
    if not numbers:
        raise FileFormatError(name, "an empty list", _RECORDS, _CONVERT)
    return [found[number - 1] for number in numbers], numbers


def _by_line(source: Source, text: bytes) -> tuple[list[Any], list[int]]:
    """The object, or list, of each line."""
    records, lines = [], []
    for place, line in enumerate(text.split(b"\n"), 1):
        if line.strip():
            number = source.line(place)
            try:
                records.append(_parsed(line))
            except (ValueError, RecursionError) as error:
                where, got = f"{source.name}, line {number}", f"JSON that is damaged ({error})"
                raise BadLine(where, got, "an object on each line", lines={number: got}) from error
            lines.append(number)
    return records, lines


def columns_of_records(
    records: Sequence[Any], bad: Callable[..., FileFormatError]
) -> tuple[list[str] | None, list[Any]]:
    """Titles, None for lists without them, and columns of text.

    Args:
        records: Objects, or lists of one length; one at least.
        bad: The refusal of a record by its position, of what it has and of what is expected.

    Raises:
        FileFormatError: Neither of these.
    """
    titles, keys = _keys(records, bad)
    rows: Iterator[Mapping[Any, Any]] = iter(records) if titles is not None else map(_numbered, records)
    columns: list[list[str]] = [[] for _ in keys]
    for number, row in enumerate(rows):
        for column, key in zip(columns, keys, strict=True):
            column.append(_cell(row.get(key), bad, number))
    return titles, [pa.array(column, pa.large_string()) for column in columns]


def _keys(records: Sequence[Any], bad: Callable[..., FileFormatError]) -> tuple[list[str] | None, Sequence[Any]]:
    """Titles, None for lists, and the keys of the cells; the first object or list says what the others have to be."""
    first = next((record for record in records if isinstance(record, dict) or _is_row(record)), None)
    for number, record in enumerate(records):
        if not _is_like(record, first):
            raise bad(number, f"{record!r:.60}", _RECORDS, _CONVERT)
    if isinstance(first, list):
        return None, range(len(first))
    titles = list(dict.fromkeys(key for record in records for key in record))
    return titles, titles


def _is_like(record: Any, first: Any) -> bool:
    """Whether a record is of the form of the first one; none is where there is no first."""
    if isinstance(first, list):
        return isinstance(record, list) and len(record) == len(first)
    return isinstance(record, dict) and first is not None


def _is_row(record: Any) -> bool:
    return isinstance(record, list) and len(record) > 1


def _numbered(record: Sequence[Any]) -> Mapping[Any, Any]:
    return dict(enumerate(record))


def _cell(value: Any, bad: Callable[..., FileFormatError], number: int) -> str:
    """The text of a cell; what is no plain value is none that names a node."""
    if isinstance(value, (dict, list)):
        return json.dumps(value)
    if isinstance(value, bool):
        return str(value).lower()
    try:
        return "" if value is None else str(value).encode().decode()
    except UnicodeEncodeError as error:
        raise bad(number, f"{value!r:.60}, half a letter", "text") from error
