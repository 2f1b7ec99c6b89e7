"""Arrays from ``.npy`` and ``.npz`` files, checked before memory is taken."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np

from ..errors import FileFormatError
from .memory import check_file_room

__all__ = ["read_archive", "read_array"]

#: Bytes that one byte of a deflated file can become at most.
_MOST_SWELLING = 1032
_CHUNK = 1 << 26


def read_array(path: Path) -> np.ndarray:
    """The array of a ``.npy`` file; nothing that could run code, and no more memory than the file is long.

    Raises:
        FileFormatError: Damaged, cut off, or an array of objects.
    """
    with path.open("rb") as file:
        return _array(file, path.stat().st_size, str(path))


def read_archive(path: Path, wanted: Callable[[str], bool] = lambda name: True) -> dict[str, np.ndarray]:
    """The arrays of an ``.npz`` file by name, those that are wanted.

    Raises:
        FileFormatError: Damaged, or with arrays of objects among those that are wanted.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [(info.filename.removesuffix(".npy"), info) for info in archive.infolist()]
            return {name: _member(archive, info, f"{path}, {name!r}") for name, info in members if wanted(name)}
    except FileFormatError:
        raise
    except Exception as error:  # zipfile and zlib have a dozen errors for what is damaged
        if getattr(error, "errno", None) is not None:
            raise
        raise FileFormatError(
            str(path), f"a file that is damaged or no .npz ({error or type(error).__name__})", "an .npz file"
        ) from error


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, place: str) -> np.ndarray:
    small = info.file_size <= _MOST_SWELLING * info.compress_size + 1024
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or info.flag_bits & 1 or not small:
        raise FileFormatError(place, "a part that no program of NumPy has written", "what numpy.savez writes")
    with archive.open(info) as file:
        return _array(file, info.file_size, place)


def _array(file: IO[bytes], size: int, place: str) -> np.ndarray:
    """The array that begins here and has at most ``size`` bytes, head included."""
    try:
        version = np.lib.format.read_magic(file)
        read_head = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        shape, by_columns, dtype = read_head(file)
        need = math.prod(shape) * dtype.itemsize
    except Exception as error:  # the head is a Python expression, with all that can be wrong in one
        raise FileFormatError(
            place, f"a file that is damaged or no array ({type(error).__name__})", "what numpy.save writes"
        ) from error
    if dtype.hasobject or dtype.names or dtype.subdtype or not dtype.itemsize:
        raise FileFormatError(
            place, f"an array of type {dtype}", "an array of numbers", "objects are not loaded, as that could run code"
        )
    if need > size or min(shape, default=0) < 0:
        raise FileFormatError(place, f"an array of shape {shape} in {size} bytes", f"the {need} bytes that it needs")
    check_file_room(need, place, f"an array of shape {shape}")
    values = _read(file, need, f"an array of shape {shape}", place)
    found = values.view(dtype).reshape(shape, order="F" if by_columns else "C") if need else np.empty(shape, dtype)
    return found.astype(dtype.newbyteorder("="), copy=False)


def _read(file: IO[bytes], need: int, what: str, place: str) -> np.ndarray:
    """So many bytes."""
    values = np.empty(need, np.uint8)
    there = 0
    while there < need:
        part = file.read(min(_CHUNK, need - there))
        if not part:
            raise FileFormatError(place, f"{there} bytes of {what}", f"all {need} of them")
        values[there : there + len(part)] = np.frombuffer(part, np.uint8)
        there += len(part)
    return values
