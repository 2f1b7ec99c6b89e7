"""Edges of files kept on the disk while they are numbered and sorted, and what was done of that."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from .._core.files import made, whole
from ..errors import FileFormatError, InputError
from .edge_lists import Gathered, Part
from .numbering import Segment, segments_of

__all__ = ["SLICE", "Work", "renumbered", "split"]

#: Lines that are worked on at a time.
SLICE = 1 << 18


class Column:
    """A column of numbers in a file, of which slices and single numbers are read as they are asked for.

    Not through the memory's map of the disk: what was read once would count as the process's own.

    Args:
        path: The file; None for a column without numbers.
        dtype: Of the numbers.
    """

    def __init__(self, path: Path | None, dtype: Any) -> None:
        self.path, self.dtype = path, np.dtype(dtype)
        self._count = 0 if path is None else path.stat().st_size // self.dtype.itemsize

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, place: Any) -> Any:
        if not isinstance(place, slice):
            return self[place : place + 1][0]
        low, high, _ = place.indices(self._count)
        if self.path is None or high <= low:
            return np.empty(0, self.dtype)
        return np.fromfile(self.path, self.dtype, high - low, offset=low * self.dtype.itemsize)


class Spilled(Gathered):
    """A column of numbers in a file."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        path.unlink(missing_ok=True)
        self._dtype: Any = np.dtype(np.int32)

    def append(self, chunk: np.ndarray) -> None:
        """One more chunk."""
        self._dtype = chunk.dtype
        with self.path.open("ab") as file:
            file.write(np.ascontiguousarray(chunk).data)

    def whole(self) -> Any:
        """The column, read from the disk as it is needed."""
        return Column(self.path if self.path.exists() and self.path.stat().st_size else None, self._dtype)


class Work:
    """The folder in which a graph is prepared, and the steps that are done.

    Args:
        folder: The folder that becomes the graph.
        call: What the work is for: files with their sizes and times, and options. None where it cannot be taken up.

    Raises:
        InputError: A folder that another call has left.
    """

    def __init__(self, folder: Path, call: Any) -> None:
        self.folder, self.inside = folder, folder / "work"
        self._state = folder / "state.json"
        self._call = json.loads(json.dumps(call))
        self.done: dict[str, Any] = {}
        self._step, self._files = "", 0
        if self._state.is_file():
            state = json.loads(self._state.read_text())
            if call is None or state["call"] != self._call:
                got = f"{folder}, which a call with other files or options has left half-written"
                raise InputError(
                    "output", got, "a name of its own", "repeat that call to finish it, or remove the folder"
                )
            self.done = state["done"]
        elif folder.exists():
            shutil.rmtree(folder)
        made(self.inside)
        self._write()

    def finish(self, step: str, result: Any) -> Any:
        """Note that a step is done."""
        self.done[step] = json.loads(json.dumps(result))
        self._write()
        return result

    def column(self) -> Spilled:
        """A column in a file of its own."""
        self._files += 1
        return Spilled(self.inside / f"{self._step}-{self._files}")

    def begin(self, step: str) -> None:
        """Columns are of this step from here on."""
        self._step, self._files = step, 0

    def room(self, name: str) -> Path:
        """An empty folder for what is sorted."""
        path = self.inside / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return path

    def close(self) -> None:
        """Remove all that is not part of the graph."""
        shutil.rmtree(self.inside)
        self._state.unlink()

    def keep(self, number: int, part: Part) -> Part:
        """A file's edges, all on the disk, so that the next call need not read the file."""
        part = self._on_disk(part)
        with pa.OSFile(str(self.inside / f"names{number}"), "wb") as sink:
            batch = pa.record_batch([pa.array(part.names, pa.large_string())], ["name"])
            with pa.ipc.new_file(sink, batch.schema) as file:
                file.write_batch(batch)
        trouble = part.trouble
        self.finish(
            f"file {number}",
            {
                "ends": [_place(end) for end in part.ends],  # type: ignore[arg-type]
                "types": None if part.types is None else [k if isinstance(k, str) else [_place(k[0]), k[1]]
                                                         for k in part.types],
                "weight": None if part.weight is None else _place(part.weight),  # type: ignore[arg-type]
                "notes": part.notes,
                "trouble": trouble and [trouble.argument, str(trouble.got), trouble.expected, trouble.hint],
            },
        )  # fmt: skip
        return part

    def kept(self, number: int) -> Part | None:
        """What :meth:`keep` kept; None where the file is to be read."""
        found = self.done.get(f"file {number}")
        if found is None:
            return None
        with pa.memory_map(str(self.inside / f"names{number}")) as source:
            names = pa.ipc.open_file(source).read_all().column(0).combine_chunks()
        types = found["types"]
        return Part(
            [_column(place) for place in found["ends"]],
            names,
            types and tuple(kind if isinstance(kind, str) else (_column(kind[0]), kind[1]) for kind in types),
            found["weight"] and _column(found["weight"]),
            notes=found["notes"],
            trouble=found["trouble"] and FileFormatError(*found["trouble"]),
        )

    def _on_disk(self, part: Part) -> Part:
        """Columns that were made in memory, such as those of adjacency lists, written to files."""

        def stored(values: Any) -> Any:
            if isinstance(values, Column):
                return values
            column = self.column()
            column.append(values)
            return column.whole()

        part.ends = [stored(end) for end in part.ends]
        if part.types is not None:
            kinds = [kind if isinstance(kind, str) else (stored(kind[0]), kind[1]) for kind in part.types]
            part.types = (kinds[0], kinds[1], kinds[2])
        if part.weight is not None:
            part.weight = stored(part.weight)
        return part

    def _write(self) -> None:
        text = json.dumps({"call": self._call, "done": self.done})
        whole(self._state, lambda path: path.write_text(text))


def _place(column: Column) -> list[Any]:
    return [None if column.path is None else str(column.path), str(column.dtype)]


def _column(place: Sequence[Any]) -> Any:
    name, dtype = place
    return Column(None if name is None else Path(name), dtype)


def renumbered(work: Work, column: Any, table: np.ndarray) -> Any:
    """A column on the disk with each number replaced by what a table has for it."""
    found = work.column()
    for low in range(0, len(column), SLICE):
        found.append(table[column[low : low + SLICE]])
    return found.whole()


def split(work: Work, part: Part, start: int) -> list[Segment]:
    """The lines of a file by edge type, on the disk; ``start`` ends come before them."""
    first, second = part.ends
    types = part.types
    if types is None or all(isinstance(kind, str) for kind in types):
        return segments_of(part, (first, second), start)
    stores: dict[Any, list[Spilled]] = {}
    for low in range(0, len(first), SLICE):
        for edge_type, columns in _pieces(part, slice(low, low + SLICE)):
            there = stores.setdefault(edge_type, [work.column() for _ in columns])
            for store, column in zip(there, columns, strict=True):
                store.append(column)
    found = []
    for edge_type in sorted(stores):
        one, two, rows, *weights = [store.whole() for store in stores[edge_type]]
        found.append(Segment(edge_type, (one, two), weights[0] if weights else None, start, rows))
    return found


def _pieces(part: Part, here: slice) -> Iterator[tuple[Any, list[np.ndarray]]]:
    """Some lines by edge type: their ends, their rows and, where there are any, their weights."""
    first, second = (end[here] for end in part.ends)
    kinds = [kind if isinstance(kind, str) else (kind[0][here], kind[1]) for kind in part.types or ()]
    weight = None if part.weight is None else part.weight[here]
    for segment in segments_of(Part([], None, (kinds[0], kinds[1], kinds[2]), weight), (first, second), 0):
        rows = np.arange(len(first)) if segment.rows is None else segment.rows
        more = [] if segment.weight is None else [segment.weight]
        yield segment.edge_type, [*segment.ends, rows + here.start, *more]
