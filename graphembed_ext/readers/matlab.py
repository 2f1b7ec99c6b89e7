"""MATLAB files up to version 7.2, read without SciPy, whose compiled reader trusts what the file says."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .._core.memory import available, readable
from ..errors import FileFormatError
from .checks import check_compressed, check_count

__all__ = ["Other", "read_matlab"]

#: Types of numbers by their code in the file.
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_MATRIX, _COMPRESSED = 14, 15
_SPARSE, _DENSE, _OPAQUE = 5, range(6, 16), 17
#: What arrays that are not read are called.
_OTHER = {1: "cell", 2: "struct", 3: "object", 4: "text", 16: "function", _OPAQUE: "object"}
_COMPLEX = 0x0800


@dataclass(frozen=True)
class Other:
    """An array that holds no numbers: what it is, and its shape."""

    kind: str
    shape: tuple[int, ...]


def read_matlab(path: Path) -> dict[str, Any]:
    """The arrays of a MATLAB file by name: NumPy arrays, CSC matrices of SciPy, and :class:`Other`.

    Raises:
        FileFormatError: Not such a file, damaged, of version 7.3, or with parts that contradict each other.
    """
    content = path.read_bytes()
    version, order = content[124:126], {b"IM": "<", b"MI": ">"}.get(content[126:128])
    if content.startswith(b"MATLAB 7.3") or (order is not None and version in (b"\x00\x02", b"\x02\x00")):
        raise FileFormatError(
            str(path), "a MATLAB file of version 7.3", "version 7.2 or older", "save it with the option -v7 in MATLAB"
        )
    if 0 in content[:4]:
        return _of_version_4(path)
    if order is None or version not in (b"\x00\x01", b"\x01\x00"):
        raise _damaged(path, "its head is another")
    try:
        return _arrays(content, order, path)
    except (struct.error, StopIteration, IndexError, ValueError, zlib.error, UnicodeDecodeError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise _damaged(path, str(error) or "it ends too early") from error


def _arrays(content: bytes, order: str, path: Path) -> dict[str, Any]:
    """The arrays behind the head of a file by name."""
    found: dict[str, Any] = {}
    for kind, part in _elements(content, 128, order):
        whole = part
        if kind == _COMPRESSED:
            kind, whole = next(_elements(_inflated(part, path), 0, order))
        if kind == _MATRIX and whole:
            name, value = _array(whole, order, path)
            found[name] = value
    return found


def _of_version_4(path: Path) -> dict[str, Any]:
    """The arrays of a file of the oldest form, which SciPy reads in Python and NumPy alone."""
    import scipy.io

    try:
        found = scipy.io.loadmat(path)
    except Exception as error:  # SciPy raises whatever its reader stumbles over
        raise _damaged(path, str(error) or type(error).__name__) from error
    return {name: value for name, value in found.items() if not name.startswith("__")}


def _damaged(path: Path, why: str) -> FileFormatError:
    return FileFormatError(str(path), f"a file that is damaged or no MATLAB file ({why})", "a .mat file")


def _elements(content: bytes, at: int, order: str) -> Iterator[tuple[int, bytes]]:
    """The type and the bytes of each element from a place on."""
    while at + 8 <= len(content):
        kind, size = struct.unpack_from(f"{order}II", content, at)
        if kind >> 16:  # a small one stands within its tag
            kind, size = kind & 0xFFFF, kind >> 16
            if size > 4:
                raise ValueError(f"a small element of {size} bytes")
            yield kind, content[at + 4 : at + 4 + size]
            at += 8
            continue
        if size > len(content) - at - 8:
            raise ValueError(f"an element of {size} bytes where {len(content) - at - 8} are left")
        yield kind, content[at + 8 : at + 8 + size]
        at += 8 + size + (0 if kind == _COMPRESSED else -size % 8)


def _inflated(part: bytes, path: Path) -> bytes:
    room = available() // 2
    unpacker = zlib.decompressobj()
    content = unpacker.decompress(part, room)
    if unpacker.unconsumed_tail:
        raise FileFormatError(
            str(path), f"more than {readable(room)} when unpacked", "less than half of the memory that is free"
        )
    return content


def _array(content: bytes, order: str, path: Path) -> tuple[str, Any]:
    """The name of an array and its value."""
    parts = _elements(content, 0, order)
    flags, _ = struct.unpack(f"{order}II", next(parts)[1][:8])
    kind = flags & 0xFF
    if kind == _OPAQUE:
        return next(parts)[1].decode("latin-1"), Other(_OTHER[kind], ())
    shape = tuple(int(size) for size in _numbers(next(parts), order))
    name = next(parts)[1].decode("latin-1")
    place = f"{path}, {name!r}"
    if kind not in _DENSE and kind != _SPARSE:
        return name, Other(_OTHER.get(kind, "something else"), shape)
    if flags & _COMPLEX:
        return name, Other("complex numbers", shape)
    if kind == _SPARSE:
        rows, ends, values = [_numbers(next(parts), order) for _ in range(3)]  # a list: it may end too early
        return name, _sparse(rows, ends, values, shape, place)
    return name, _dense(_numbers(next(parts), order), shape, place)


def _dense(values: np.ndarray, shape: tuple[int, ...], place: str) -> np.ndarray:
    if len(shape) < 2 or min(shape) < 0 or math.prod(shape) != len(values):
        raise FileFormatError(place, f"{len(values)} numbers in a shape of {shape}", "as many as the shape says")
    return values.reshape(shape, order="F")


def _sparse(rows: np.ndarray, ends: np.ndarray, values: np.ndarray, shape: tuple[int, ...], place: str) -> Any:
    import scipy.sparse

    if len(shape) != 2:
        raise FileFormatError(place, f"a sparse matrix of {len(shape)} dimensions", "two")
    height, width = (check_count(size, place, what) for size, what in zip(shape, ("rows", "columns"), strict=True))
    used = int(ends[-1]) if len(ends) else 0
    if not 0 <= used <= min(len(rows), len(values)):
        raise FileFormatError(place, f"{len(rows)} rows and {len(values)} values", f"{used} of each")
    rows, values = rows[:used], values[:used]  # there may be room for more
    check_compressed(ends, rows, width, height, place)
    return scipy.sparse.csc_matrix((values, rows, ends), (height, width))


def _numbers(element: tuple[int, bytes], order: str) -> np.ndarray:
    kind, content = element
    if kind not in _NUMBERS:
        raise ValueError(f"an element of type {kind} where numbers are due")
    found = np.frombuffer(content, np.dtype(order + _NUMBERS[kind]))
    return found.astype(found.dtype.newbyteorder("="))
