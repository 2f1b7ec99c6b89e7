"""Arrays in files of NumPy's format: written piece by piece, and read through the memory's map of the disk."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import FileFormatError, FileWriteError

__all__ = ["ArrayFile", "header_of", "mapped", "narrow", "narrow_dtype", "scratch", "slices"]

#: Numbers that are looked at together.
_SLICE = 1 << 20

#: Bytes of a header: room for any shape, a multiple of 64 as the format wants.
_HEADER = 192
_MAGIC = b"\x93NUMPY\x01\x00"


def narrow(count: int) -> Any:
    """The dtype of ids below ``count``: int32 where that is wide enough, int64 otherwise."""
    return np.dtype(np.int32 if count <= np.iinfo(np.int32).max else np.int64)


def narrow_dtype(count: int) -> torch.dtype:
    """The same as torch names it."""
    return torch.int32 if narrow(count) == np.int32 else torch.int64


def slices(count: int, each: int = _SLICE) -> Iterator[slice]:
    """Parts of so many numbers that are looked at in turn, so that what is made of one of them stays small.

    Example:
        >>> list(slices(5, each=2))
        [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    for low in range(0, count, each):
        yield slice(low, min(low + each, count))


class ArrayFile:
    """A ``.npy`` file that numbers are appended to; its shape need not be known before.

    Args:
        path: The file.
        dtype: Of its numbers.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "ids.npy"
        >>> with ArrayFile(path, np.int32) as file:
        ...     file.append(np.array([3, 1]))
        ...     file.append(np.array([2]))
        >>> np.load(path)
        array([3, 1, 2], dtype=int32)
    """

    def __init__(self, path: Path, dtype: Any) -> None:
        self.path, self.dtype = path, np.dtype(dtype)
        self.count = 0
        self._file = path.open("wb")
        self._file.write(b"\0" * _HEADER)

    def append(self, values: np.ndarray) -> None:
        """More numbers."""
        self._file.write(np.ascontiguousarray(values, dtype=self.dtype).data)
        self.count += values.size

    def close(self, shape: tuple[int, ...] | None = None) -> None:
        """End the file; None is the shape of a vector."""
        header = {"descr": np.lib.format.dtype_to_descr(self.dtype), "fortran_order": False}
        text = repr({**header, "shape": (self.count,) if shape is None else shape})
        self._file.seek(0)
        room = _HEADER - len(_MAGIC) - 2
        self._file.write(_MAGIC + room.to_bytes(2, "little") + text.ljust(room - 1).encode("latin1") + b"\n")
        self._file.close()

    def __enter__(self) -> ArrayFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if not self._file.closed:
            self.close() if kind is None else self._file.close()


def header_of(path: Path) -> tuple[tuple[int, ...], Any, int]:
    """Shape, dtype and the byte at which the numbers begin.

    Raises:
        FileFormatError: A file that is missing, of another kind, or of another length than its header says.
    """
    expected = "an array in NumPy's format, whole"
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, fortran, dtype = read(file)
            start = file.tell()
    except (OSError, ValueError) as error:
        raise FileFormatError(str(path), f"a file that cannot be read ({error})", expected) from error
    count = int(np.prod(shape, dtype=np.int64))
    if fortran or dtype.hasobject or path.stat().st_size != start + count * dtype.itemsize:
        raise FileFormatError(str(path), "a file that is damaged or cut off", expected)
    return shape, dtype, start


def mapped(path: Path) -> Tensor:
    """The tensor of a ``.npy`` file, read from the disk as it is used; writing to it does not change the file.

    Raises:
        FileFormatError: As for :func:`header_of`.
    """
    shape, dtype, start = header_of(path)
    count = int(np.prod(shape, dtype=np.int64))
    if not count:
        return torch.from_numpy(np.empty(shape, dtype))
    with path.open("rb") as file:
        if hasattr(mmap, "MAP_PRIVATE"):
            # Pages that are written to become the process's own; no memory is set aside for that before.
            flags = mmap.MAP_PRIVATE | getattr(mmap, "MAP_NORESERVE", 0x4000)
            pages = mmap.mmap(file.fileno(), 0, flags=flags, prot=mmap.PROT_READ | mmap.PROT_WRITE)
        else:
            pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    return torch.from_numpy(np.frombuffer(pages, dtype, count, start).reshape(shape))


def scratch(folder: Path, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """A tensor on the disk for as long as it lives: in a file without a name in a folder, or, where nobody
    may write there, where the system keeps such files. Its pages are the system's to write out and to take back.

    Raises:
        FileWriteError: There is no room for it.

    Example:
        >>> import tempfile
        >>> numbers = scratch(Path(tempfile.mkdtemp()), (2, 3), torch.int32)
        >>> numbers[1] = 7
        >>> numbers
        tensor([[0, 0, 0],
                [7, 7, 7]], dtype=torch.int32)
    """
    found = torch.empty(0, dtype=dtype)
    size = int(np.prod(shape, dtype=np.int64)) * found.element_size()
    if not size:
        return found.reshape(shape)
    with tempfile.TemporaryFile(dir=folder if os.access(folder, os.W_OK) else None) as file:
        try:
            if hasattr(os, "posix_fallocate"):  # a page without room on the disk would end the process
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                file.truncate(size)
        except OSError as error:
            raise FileWriteError(str(folder), error) from error
        pages = mmap.mmap(file.fileno(), size)
    return torch.frombuffer(pages, dtype=dtype).reshape(shape)
