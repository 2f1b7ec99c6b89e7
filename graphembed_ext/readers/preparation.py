"""Graphs larger than memory, made folders that :func:`graphembed_ext.open_graph` opens.

Lines are read in chunks, their names numbered by one Arrow dictionary; the edges wait on the disk, are sorted there in
runs that fit into memory, and are merged into the arrays of :mod:`graphembed_ext.graph.folder_files`. Memory is taken
for the names of the nodes, for a few numbers a node, and for sorting, which has what these leave of ``memory``; never
for the edges.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from .._core import checks
from .._core.files import beside as named_beside
from .._core.locks import held
from .._core.mapped import header_of
from .._core.memory import available, readable, resident
from ..errors import FileFormatError, InputError
from ..graph.folder import PreparedWriter, write_view
from ..graph.view import EdgeType, GraphView
from ..hosts import registry
from .declared import with_tables
from .edge_lists import Part
from .graph_file import GraphFile
from .graphs import files_of, is_dataset, lone_of, read_graph, read_part
from .node_features import read_features
from .node_tables import of_type, read_labels
from .numbering import Segment, notes_of, numbered
from .options import Reading, check_words, files_given
from .prepared import write_names
from .prepared_edges import write_edges
from .sources import STDIN
from .spill import Work, renumbered, split

__all__ = ["prepare"]

_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
#: Bytes of buffers without which sorting would be nothing but work on the disk.
_LEAST = 1 << 20
#: Bytes of what is made of some edges on their way, and of numbers of each node while edges are written.
_PASSING, _EACH_NODE = 48 << 20, 24


def prepare(
    source: Any,
    folder: str | Path,
    *,
    memory: int | str | None = None,
    directed: bool = False,
    bipartite: bool | None = None,
    nodes: str | Path | Sequence[str | Path] = (),
    labels: str | Sequence[str] = (),
    features: str | Sequence[str] = (),
    root: str | Path | None = None,
    mat_key: str | None = None,
    header: bool | None = None,
    input_format: str | None = None,
    columns: str | Mapping[str, Any] | None = None,
    delimiter: str | None = None,
    comment: str | None = None,
    encoding: str | None = None,
    weight: bool = True,
    skip_bad: int = 0,
    say: Callable[[str], object] | None = None,
) -> Path:
    """Write a graph, of any size, as a folder that :func:`graphembed_ext.open_graph` opens in milliseconds.

    Text tables and Parquet files of edges are sorted on the disk, in bounded memory; the graph is the one that
    :func:`graphembed_ext.readers.read_graph` reads. Other files, and graphs that are there already, are in memory while
    they are written. The folder appears when it is whole. Where this is interrupted, ``FOLDER.part`` stays, and the
    same call goes on from the last file, or edge type, that was done.

    Args:
        source: What :func:`graphembed_ext.readers.read_graph` takes, or a graph that :func:`graphembed_ext.view` takes.
        folder: The folder to write; it must not be there, or be empty. About 24 bytes an edge and 40 a node are
            written, and about 60 bytes an edge are needed while they are.
        memory: Bytes that the whole call may take, also as ``"4G"``. The nodes, some 150 bytes for each with a short
            name, and 150 MB for what passes through must fit into them, or more is taken; sorting has the rest. None
            takes a quarter of the memory that is free.
        directed, bipartite, nodes, root, mat_key, header, input_format, columns, delimiter, comment, encoding, weight,
            skip_bad: As for :func:`graphembed_ext.readers.read_graph`.
        labels: Tables or arrays of classes of nodes, ``"TYPE=FILE"`` for a typed graph: the feature ``y``.
        features: Arrays or tables of features of nodes, likewise: the feature ``x``. A ``.npy`` file is copied piece by
            piece.
        say: Called with a line for each step that is done.

    Returns:
        The folder.

    Raises:
        FileFormatError: As for :func:`graphembed_ext.readers.read_graph`.
        InputError: A folder that is not empty, or an argument that cannot work.
        FileInUseError: Another process writes this folder.

    Example:
        >>> import tempfile, graphembed_ext as ge
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "friends.csv").write_text("source,target\\nAda,Bob\\nBob,Cleo\\n")
        >>> _ = ge.prepare(folder / "friends.csv", folder / "friends.graph", memory="64M")
        >>> graph = ge.open_graph(folder / "friends.graph")
        >>> graph
        GraphView(friends.graph: 3 nodes, 4 edges)
        >>> graph.csr().indices
        tensor([1, 0, 2, 1], dtype=torch.int32)
    """
    checks.flag("directed", directed)
    if bipartite is not None:
        checks.flag("bipartite", bipartite)
    check_words(input_format=input_format, mat_key=mat_key)
    if say is not None and not callable(say):
        raise InputError("say", say, "a function of a line")
    reading = Reading.of(columns, delimiter, comment, encoding, header, weight, skip_bad)
    place, budget, tell = _place(folder), _Budget(_bytes_of(memory)), say or _nothing
    part = named_beside(place, ".part")
    beside = _Beside(*(_listed(*given) for given in (("nodes", nodes), ("labels", labels), ("features", features))))
    how: dict[str, Any] = {"columns": columns, "delimiter": delimiter, "comment": comment, "encoding": encoding}
    how |= {"header": header, "weight": weight, "root": root, "skip_bad": skip_bad}
    options: dict[str, Any] = {"directed": directed, "bipartite": bipartite}
    options |= {"input_format": input_format, "mat_key": mat_key}
    with held(place, tell):  # two calls would mix what they leave in the folder beside it
        return _prepared(source, place, part, budget, beside, reading, options, how, tell)


def _prepared(
    source: Any, place: Path, part: Path, budget: _Budget, beside: _Beside, reading: Reading, options: dict[str, Any],
    how: Mapping[str, Any], tell: Callable[[str], object],
) -> Path:  # fmt: skip
    """The folder of a source, whose arguments have been checked."""
    if not _is_source(source):
        view = registry.view(source)
        if beside.nodes:
            raise InputError("nodes", beside.nodes[0], "none for a graph that is there already")
        return _written(GraphFile(view), place, Work(part, None), budget, beside, Reading(), tell)
    files = files_of(source)
    lone = lone_of(files)
    streamed = lone is None or not (Path(lone).expanduser().is_dir() or is_dataset(lone, options["input_format"]))
    work = Work(part, _call(files, beside, {**options, "reading": repr(reading)}) if streamed else None)
    parts = _parts(files, lone is not None, reading, options, work, tell) if streamed else None
    if parts is not None:
        return _sorted(parts, place, work, options["directed"], budget, beside, reading, tell)
    return _written(
        read_graph(source, **options, **how, nodes=beside.nodes),
        place, work, budget, beside, reading, tell,
    )  # fmt: skip


class _Budget:
    """Bytes that the call may take beyond what the process held before."""

    def __init__(self, memory: int) -> None:
        self.memory, self._before = memory, resident()

    def left(self, nodes: int) -> int:
        """Bytes for each of the two sorts that go on at a time."""
        pa.default_memory_pool().release_unused()
        held = max(0, resident() - self._before)
        return max(_LEAST, (self.memory - held - _PASSING - _EACH_NODE * nodes) // 2)


class _Beside:
    """Files beside the edges."""

    def __init__(self, nodes: list[str], labels: list[str], features: list[str]) -> None:
        self.nodes, self.labels, self.features = nodes, labels, features

    @property
    def by_name(self) -> bool:
        """Whether any of them has nodes by their names."""
        return bool(self.nodes or self.labels or self.features)

    def put(self, graph: GraphFile, writer: PreparedWriter, reading: Reading, notes: list[str]) -> None:
        """Write features and labels of a graph's nodes, those of these files in place of its own."""
        given = self._given_features(graph, reading, notes)
        labels, classes = self._given_labels(graph, reading, notes)
        own = {(k, name): value for k, values in graph.view.features.items() for name, value in values.items()}
        for (kind, name), value in {**own, **given, **labels}.items():
            values = np.load(value, mmap_mode="r") if isinstance(value, Path) else value.detach().cpu().numpy()
            writer.feature(kind, name, values)
        writer.more["classes"] = {kind: list(found) for kind, found in {**graph.classes, **classes}.items()}

    def _given_features(self, graph: GraphFile, reading: Reading, notes: list[str]) -> dict[tuple[str, str], Any]:
        given: dict[tuple[str, str], Any] = {}
        for text in self.features:
            kind, file = of_type(text, graph.view.node_types, "features")
            names, count = (graph.names or {}).get(kind), graph.view.num_nodes[kind]
            given[kind, "x"] = _array(file, count) or read_features(file, names, count, reading.of_nodes(), notes)
        return given

    def _given_labels(
        self, graph: GraphFile, reading: Reading, notes: list[str]
    ) -> tuple[dict[tuple[str, str], Any], dict[str, list[str]]]:
        given: dict[tuple[str, str], Any] = {}
        classes = {}
        for text in self.labels:
            kind, file = of_type(text, graph.view.node_types, "labels")
            names, count = (graph.names or {}).get(kind), graph.view.num_nodes[kind]
            found = read_labels(Path(file), names, count, None, reading.of_nodes(), notes)
            given[kind, "y"], classes[kind] = found.y, found.classes
            for part, ids in found.parts.items():
                given[kind, f"{part}_mask"] = torch.zeros(count, dtype=torch.bool).index_fill_(0, ids, True)
        return given, classes


def _array(file: str, count: int) -> Path | None:
    """A ``.npy`` file of features that can be copied as it is; None for another."""
    path = Path(file).expanduser()
    if path.suffix != ".npy" or not path.is_file():
        return None
    shape, dtype, _ = header_of(path)
    if len(shape) != 2 or shape[0] != count or dtype.kind not in "iufb":
        raise FileFormatError(file, f"{dtype} of shape {shape}", f"numbers of shape ({count}, C)")
    return path if dtype == np.float32 else None


def _parts(
    files: Sequence[tuple[Any, Any]], lone: bool, reading: Reading, options: Mapping[str, Any], work: Work, say: Any
) -> list[Part] | None:
    """The edges of all files, on the disk; None where they are no tables of edges."""
    parts = []
    for number, (types, name) in enumerate(files):
        part = work.kept(number)
        if part is None:
            work.begin(f"file{number}")
            found = read_part(types, name, lone, reading, **options, gather=work.column)
            if isinstance(found, GraphFile):
                return None
            part = work.keep(number, found)
            say(f"read {name}: {len(part.ends[0])} lines")
        parts.append(part)
    if len({part.types is not None for part in parts}) > 1:
        hint = "-i author,writes,paper=FILE says them"
        raise InputError("input", "files with types of nodes and files without", "types for all", hint)
    return parts


def _sorted(
    parts: list[Part], place: Path, work: Work, directed: bool, budget: _Budget, beside: _Beside, reading: Reading,
    say: Any,
) -> Path:  # fmt: skip
    """The graph of parts on the disk, written."""
    work.begin("numbering")
    trouble = _trouble_of(parts)
    notes, lines = [part.notes for part in parts], sum(len(part.ends[0]) for part in parts)
    segments, names = _segments(parts, work)
    ordered, tables = numbered(segments, names)
    del names
    graph, tables = _with_tables(segments, ordered, tables, directed, beside, reading)
    known = graph.names or ordered
    del ordered
    memory = budget.left(max(graph.view.num_nodes.values()))
    say("numbered " + ", ".join(f"{count} nodes of {kind}" for kind, count in graph.view.num_nodes.items()))
    writer = PreparedWriter(place, graph.view.num_nodes, memory, work.folder)
    grouped: dict[EdgeType, list[Segment]] = {}
    for segment in segments:
        grouped.setdefault(segment.edge_type, []).append(segment)
    once = sum(write_edges(t, grouped[t], tables, writer, work, directed, memory, say) for t in sorted(grouped))
    said = [Part([], None, notes=list(of_part)) for of_part in notes]
    found = list(dict.fromkeys([*notes_of(said, lines - once), *graph.notes]))
    for kind, words in known.items():
        write_names(writer, kind, words)
    beside.put(graph, writer, reading, found)
    writer.more |= {"directed": directed, "notes": found}
    if trouble is not None:
        writer.more["trouble"] = [trouble.argument, str(trouble.got), trouble.expected, trouble.hint]
    work.close()
    return writer.finish()


def _trouble_of(parts: Sequence[Part]) -> FileFormatError | None:
    """What is wrong with weights of a file; those of the others would be compared with ones, and are dropped."""
    trouble = next((part.trouble for part in parts if part.trouble is not None), None)
    for part in parts:
        part.weight = part.weight if trouble is None else None
    return trouble


def _segments(parts: list[Part], work: Work) -> tuple[list[Segment], Any]:
    """The lines of all files by edge type, their ends as numbers of the names of all files."""
    names = parts[0].names
    if len(parts) > 1:
        whole = [pa.DictionaryArray.from_arrays(pa.array(np.arange(len(p.names)), pa.int32()), p.names) for p in parts]
        joined = pa.chunked_array(whole).unify_dictionaries().chunks
        names = joined[0].dictionary
        for part, chunk in zip(parts, joined, strict=True):
            part.ends = [renumbered(work, end, chunk.indices.to_numpy()) for end in part.ends]
    segments, start = list[Segment](), 0
    for part in parts:
        segments += split(work, part, start)
        start += 2 * len(part.ends[0])
    return segments, names


def _with_tables(
    segments: Sequence[Segment], ordered: Mapping[str, Any], tables: dict[str, np.ndarray], directed: bool,
    beside: _Beside, reading: Reading,
) -> tuple[GraphFile, dict[str, np.ndarray]]:  # fmt: skip
    """The nodes, with those of tables beside the edges and what these say of them; and the number of each name."""
    none = torch.empty(0, dtype=torch.int64)
    types = {segment.edge_type: (none, none) for segment in segments}
    if not directed:
        types |= {(t, f"rev_{r}", s): (none, none) for s, r, t in types if s != t}
    view = GraphView({kind: len(found) for kind, found in ordered.items()}, types)
    if not beside.by_name:
        return GraphFile(view), tables
    names = {kind: found.to_pylist() for kind, found in ordered.items()}
    graph = GraphFile(view, names)
    if not beside.nodes:
        return graph, tables
    graph = with_tables(graph, beside.nodes, reading)
    return graph, {kind: _moved(tables[kind], before, (graph.names or {})[kind]) for kind, before in names.items()}


def _moved(table: np.ndarray, before: Sequence[str], after: Sequence[str]) -> np.ndarray:
    """The number of each name, after nodes were added."""
    if after == before:
        return table
    number = {name: place for place, name in enumerate(after)}
    moved = np.array([number[name] for name in before], dtype=np.int64)
    return np.where(table < 0, -1, moved[table])


def _written(
    graph: GraphFile, place: Path, work: Work, budget: _Budget, beside: _Beside, reading: Reading, say: Any
) -> Path:
    """A graph that is in memory, written."""
    writer = PreparedWriter(place, graph.view.num_nodes, budget.memory, work.folder)
    write_view(writer, graph.view)
    for kind, names in (graph.names or {}).items():
        write_names(writer, kind, names)
    notes = list(graph.notes)
    beside.put(graph, writer, reading, notes)
    writer.more |= {"notes": notes} | ({} if graph.directed is None else {"directed": graph.directed})
    say(f"wrote {graph.view.total_edges} edges")
    work.close()
    return writer.finish()


def _is_source(source: Any) -> bool:
    if isinstance(source, (str, Path)):
        return True
    return isinstance(source, Sequence) and all(isinstance(entry, (str, Path)) for entry in source)


def _listed(argument: str, given: Any) -> list[str]:
    return [str(entry) for entry in files_given(argument, given)]


def _nothing(_: str) -> None:
    """Tell nobody."""


def _place(folder: str | Path) -> Path:
    place = checks.path("folder", folder, "the name of a folder").expanduser()
    if not str(place).isascii() and os.fsencode(place) != str(place).encode(errors="replace"):
        raise InputError("output", str(folder), "a name in UTF-8, as Arrow opens no other file")
    if place.is_file() or (place.is_dir() and any(place.iterdir())):
        raise InputError("output", str(folder), "the name of a folder that is not there, or is empty")
    if not place.absolute().parent.is_dir():
        raise InputError("output", str(folder), f"a folder in one that exists; {place.parent} does not")
    return place


def _bytes_of(memory: int | str | None) -> int:
    if memory is None:
        return max(_LEAST, available() // 4)
    found = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([kmgt]?)i?b?\s*", str(memory).lower())
    if found is None:
        raise InputError("memory", memory, "a number of bytes, such as 4G or 500M")
    size = int(float(found[1]) * _UNITS[found[2]])
    if size < _LEAST:
        raise InputError("memory", memory, f"at least {readable(_LEAST)}")
    return min(size, max(_LEAST, available()))


def _call(files: Sequence[tuple[Any, Any]], beside: _Beside, options: Mapping[str, Any]) -> Any:
    """What tells a call from another; None where standard input is read, which is there once."""
    names = [str(name) for _, name in files]
    if STDIN in names:
        return None
    stats = [path.stat() for path in (Path(name).expanduser() for name in names) if path.is_file()]
    tables = [beside.nodes, beside.labels, beside.features]
    return [[t for t, _ in files], names, [[s.st_size, s.st_mtime_ns] for s in stats], tables, dict(options)]
