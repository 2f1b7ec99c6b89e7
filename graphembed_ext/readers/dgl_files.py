"""What is asked of a file of DGL before DGL's own reader, which ends the process for some damaged ones, goes by it.

The whole file is walked: every count and size against the bytes that are there, every id against the nodes.
"""

from __future__ import annotations

import math
import mmap
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ..errors import FileFormatError
from .checks import check_compressed, check_count, check_ids

__all__ = ["check_dgl_file"]

#: What a file begins with, and each kind of object in it.
_FILE, _ARRAY, _TYPED = 0xDD2E4FF046B4A13F, 0xDD5E40F096B4A13F, 0xDD589FBE35224ABF
_META, _UNIT, _COO, _CSR = 0xDD3C5FFE20046ABF, 0xDD2E60F0F6B4A127, 0xDD61FFD305DFF127, 0xDD6CD31205DFF127
#: Version of the format, and the kind of graphs in it, as DGL has them since 0.5.
_VERSION, _HETERO = 2, 2
_BODY = 4096
_MOST_DIMENSIONS = 8
#: Codes of types in DLPack: integers, unsigned ones, floats, bfloat16, bool; and the bits that each may have.
_BITS = {0: (8, 16, 32, 64), 1: (1, 8, 16, 32, 64), 2: (16, 32, 64), 4: (16,), 6: (8,)}
_BY_DGL = "a file written by dgl.save_graphs"
_Of = TypeVar("_Of")


def check_dgl_file(path: Path) -> None:
    """Refuse a file of DGL that contradicts itself or is cut off.

    Raises:
        FileFormatError: Not such a file, or one of a version before 0.5.
    """
    with path.open("rb") as file:
        if path.stat().st_size < 32:
            raise FileFormatError(str(path), "a file that is damaged or no DGL graph (it ends too early)", _BY_DGL)
        _Walk(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), str(path)).file()


@dataclass(frozen=True)
class _Array:
    shape: tuple[int, ...]
    code: int
    bits: int
    values: Any

    def ids(self) -> np.ndarray | None:
        """Whole numbers; None for other arrays."""
        if self.code != 0 or self.bits not in (32, 64) or len(self.shape) != 1:
            return None
        return np.frombuffer(self.values, np.int32 if self.bits == 32 else np.int64)


class _Walk:
    """A place in a file, and what is read from there."""

    def __init__(self, content: Any, place: str) -> None:
        self._view, self._place, self._at = memoryview(content), place, 0

    def damaged(self, why: str) -> FileFormatError:
        return FileFormatError(self._place, f"a file that is damaged or no DGL graph ({why})", _BY_DGL)

    def file(self) -> None:
        magic, version, kind, count = (self._number() for _ in range(4))
        if magic != _FILE:
            raise self.damaged("Invalid DGL files")
        if (version, kind) != (_VERSION, _HETERO):
            hint = "dgl.load_graphs reads it where you trust it, dgl.save_graphs writes it anew"
            raise FileFormatError(self._place, f"version {version} of DGL's files, kind {kind}", _BY_DGL, hint)
        self._at = _BODY
        start = self._number()
        self._list(self._named)
        if start != self._at or count > len(self._view) // 100:
            raise self.damaged(f"{count} graphs from byte {start}")
        places = []
        for _ in range(count):
            places.append(self._at)
            self._graph()
        size = self._number()
        if size != 8 * (count + 1) or self._list(self._number) != places or self._number() != size:
            raise self.damaged("places of graphs that are none")

    def _number(self) -> int:
        return int(struct.unpack("<Q", self._bytes(8))[0])

    def _bytes(self, size: int) -> Any:
        if not 0 <= size <= len(self._view) - self._at:
            raise self.damaged("it ends too early")
        self._at += size
        return self._view[self._at - size : self._at]

    def _magic(self, wanted: int, what: str) -> None:
        if self._number() != wanted:
            raise self.damaged(f"no {what} at byte {self._at - 8}")

    def _list(self, item: Callable[[], _Of]) -> list[_Of]:
        count = self._number()
        if count > len(self._view) - self._at:  # each has a byte at least
            raise self.damaged(f"a list of {count} entries")
        return [item() for _ in range(count)]

    def _text(self) -> str:
        try:
            return bytes(self._bytes(self._number())).decode()
        except UnicodeDecodeError as error:
            raise self.damaged("a name that is no UTF-8") from error

    def _flag(self) -> None:
        if self._bytes(1)[0] > 1:
            raise self.damaged("a flag that is neither 0 nor 1")

    def _named(self) -> tuple[str, _Array]:
        return self._text(), self._array()

    def _array(self) -> _Array:
        self._magic(_ARRAY, "array")
        _, device, _, dimensions, code, bits, lanes = struct.unpack("<QiiiBBH", self._bytes(24))
        if not 0 <= dimensions <= _MOST_DIMENSIONS:
            raise self.damaged(f"an array of {dimensions} dimensions")
        if device != 1 or bits not in _BITS.get(code, ()) or lanes != 1:
            raise self.damaged(f"an array of type {code}, {bits} bits, on device {device}")
        *shape, size = struct.unpack(f"<{dimensions + 1}q", self._bytes(8 * dimensions + 8))
        if min(shape, default=0) < 0 or math.prod(shape) * ((bits + 7) // 8) != size:
            raise self.damaged(f"an array of {size} bytes for {shape}")
        return _Array(tuple(shape), code, bits, self._bytes(size))

    def _ids(self) -> np.ndarray:
        found = self._array().ids()
        if found is None:
            raise self.damaged("ids that are no whole numbers")
        return found

    def _graph(self) -> None:
        self._magic(_TYPED, "graph")
        ends = self._meta()
        relations = self._list(self._relation)
        counts = self._list(self._number)
        node_parts, edge_parts = (self._list(lambda: self._list(self._named)) for _ in range(2))
        types, names = (self._list(self._text) for _ in range(2))
        if len(types) != len(counts) or len(node_parts) != len(counts) or ends[0] != len(counts):
            raise self.damaged(f"{len(counts)} counts, {len(types)} names of node types")
        if not len(names) == len(relations) == len(edge_parts) == len(ends[1]):
            raise self.damaged(f"{len(relations)} relations, {len(names)} names of them")
        edges = []
        for (rows, columns, count), first, second in zip(relations, ends[1], ends[2], strict=True):
            if (rows, columns) != (counts[first], counts[second]):
                raise self.damaged(f"edges among {rows} and {columns} of {counts} nodes")
            edges.append(count)
        self._check_rows([*counts, *edges], [*node_parts, *edge_parts])
        self._refuse_names(types, zip(ends[1], names, ends[2], strict=True), [*node_parts, *edge_parts])

    def _check_rows(self, sizes: list[int], parts: list[list[tuple[str, _Array]]]) -> None:
        for size, named in zip(sizes, parts, strict=True):
            if any(array.shape[:1] != (size,) for _, array in named):
                raise self.damaged(f"features that are not of {size} rows")

    def _refuse_names(self, types: list[str], relations: Any, parts: list[list[tuple[str, _Array]]]) -> None:
        triples = list(relations)
        if len(set(types)) != len(types) or len(set(triples)) != len(triples):
            raise self.damaged("types of one name")
        if any(len(dict(part)) != len(part) for part in parts):
            raise self.damaged("features of one name")

    def _meta(self) -> tuple[int, list[int], list[int]]:
        """Number of node types, and both ends of each relation."""
        self._magic(_META, "graph of types")
        rows, columns, indptr, indices, order = self._compressed()
        if rows != columns or len(order) not in (0, len(indices)):
            raise self.damaged("a graph of types that is none")
        first = np.repeat(np.arange(rows), np.diff(indptr))
        along = np.argsort(order) if len(order) else np.arange(len(indices))
        return rows, first[along].tolist(), indices[along].tolist()

    def _relation(self) -> tuple[int, int, int]:
        """Numbers of sources, targets and edges."""
        self._magic(_UNIT, "relation")
        form, _ = (self._number() & 0xFFFFFFFF for _ in range(2))
        self._meta()
        if form == 1:
            return self._pairs()
        if form not in (2, 4):
            raise self.damaged(f"a relation in the form {form}")
        rows, columns, _, indices, _ = self._compressed()
        return (rows, columns, len(indices)) if form == 2 else (columns, rows, len(indices))

    def _pairs(self) -> tuple[int, int, int]:
        self._magic(_COO, "list of edges")
        columns, rows = (check_count(self._number(), self._place) for _ in range(2))
        first, second, order = (self._ids() for _ in range(3))
        for _ in range(2):
            self._flag()
        if len(first) != len(second) or first.dtype != second.dtype:
            raise self.damaged(f"{len(first)} sources, {len(second)} targets")
        check_ids(first, rows, self._place)
        check_ids(second, columns, self._place)
        self._check_order(order, len(first))
        return rows, columns, len(first)

    def _compressed(self) -> tuple[int, int, np.ndarray, np.ndarray, np.ndarray]:
        self._magic(_CSR, "compressed rows")
        columns, rows = (check_count(self._number(), self._place) for _ in range(2))
        indptr, indices, order = (self._ids() for _ in range(3))
        self._flag()
        check_compressed(indptr, indices, rows, columns, self._place)
        if indptr.dtype != indices.dtype:
            raise self.damaged("ids of two types")
        self._check_order(order, len(indices))
        return rows, columns, indptr, indices, order

    def _check_order(self, order: np.ndarray, count: int) -> None:
        """The ids of edges: none, or each once."""
        if not len(order):
            return
        check_ids(order, count, self._place, "edge")
        if len(order) != count or int(np.bincount(order, minlength=count).max()) > 1:
            raise self.damaged("ids of edges that stand twice")
