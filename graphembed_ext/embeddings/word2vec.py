"""word2vec's files of vectors by name, text and binary."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..errors import FileFormatError, InputError

__all__ = ["is_header", "read", "write", "write_rows"]

_HEADER = re.compile(rb"(\d{1,15}) (\d{1,15})\r?\n")
_EXPECTED = "a word2vec file: a line with two numbers, how many vectors and how wide, then a name and a vector each"
#: Rows written at once.
_ROWS = 1 << 12


def is_header(begin: bytes) -> bool:
    """Whether a file that begins like this is word2vec's."""
    return _HEADER.match(begin) is not None


def write(path: Path, names: Sequence[str], vectors: Tensor, binary: bool) -> None:
    """Write vectors ``(N, d)``; every number with digits enough to come back as it was.

    Raises:
        InputError: A name twice, or one with white space in it, which ends a name in these formats.
    """
    wrong = next((name for name in names if not name or re.search(r"\s", name)), None)
    if wrong is not None:
        raise InputError("names", wrong, "names without white space, which ends a name in word2vec's formats")
    if len(set(names)) < len(names):
        raise InputError("names", f"{len(names) - len(set(names))} names twice", "different names")
    kind = torch.float64 if vectors.dtype == torch.float64 and not binary else torch.float32
    parts = (vectors[start : start + _ROWS].detach().cpu().to(kind).numpy() for start in range(0, len(vectors), _ROWS))
    write_rows(path, names, vectors.size(1), parts, binary)


def write_rows(path: Path, names: Sequence[str], width: int, parts: Iterable[np.ndarray], binary: bool) -> None:
    """Write vectors that come some rows at a time; a text has the shortest digits that give the same number again."""
    words = iter(names)
    with path.open("wb") as file:
        file.write(b"%d %d\n" % (len(names), width))
        for rows in parts:
            for row in rows:
                numbers = row.astype("<f4").tobytes() if binary else " ".join(map(str, row)).encode()
                file.write(next(words).encode() + b" " + numbers + b"\n")


def read(path: Path, binary: bool | None = None) -> tuple[list[str], Tensor]:
    """Names and vectors ``(N, d)``, float32 of a binary file and float64 of a text.

    Args:
        path: The file.
        binary: Whether it is binary; None finds out.

    Raises:
        FileFormatError: Not such a file, or one that ends too early.
    """
    data = path.read_bytes()
    match = _HEADER.match(data)
    if match is None:
        raise FileFormatError(str(path), "a file with another first line", _EXPECTED)
    count, width = int(match[1]), int(match[2])
    body = memoryview(data)[match.end() :]
    if binary is None:
        binary = not _looks_like_text(bytes(body[: 64 * (width + 2)]), width)
    # A name, a space and the numbers of each row: a header that promises more than the file can hold is wrong.
    least = count * (4 * width + 2 if binary else 2 * width + 2) - 1
    if least > len(body):
        raise FileFormatError(
            str(path), f"{len(body)} bytes after a header of {count} vectors of {width} numbers", _EXPECTED
        )
    names, vectors = _read_binary(path, body, count, width) if binary else _read_text(path, body, count, width)
    if len(set(names)) < count:
        raise FileFormatError(str(path), f"{count} vectors for {len(set(names))} names", "a name for each vector")
    return names, vectors


def _looks_like_text(begin: bytes, width: int) -> bool:
    line = begin.partition(b"\n")[0].split()
    if len(line) != width + 1:
        return False
    try:
        [float(number) for number in line[1:]]
    except ValueError:
        return False
    return True


def _read_text(path: Path, body: memoryview, count: int, width: int) -> tuple[list[str], Tensor]:
    lines = bytes(body).splitlines()
    if len(lines) != count:
        raise FileFormatError(str(path), f"{len(lines)} vectors", f"{count}, as its first line says")
    names, vectors = [], np.empty((count, width))
    for number, line in enumerate(lines):
        words = line.split()
        if len(words) != width + 1:
            raise FileFormatError(f"{path}, line {number + 2}", f"{len(words)} words", f"a name and {width} numbers")
        try:
            names.append(words[0].decode())
            vectors[number] = [float(word) for word in words[1:]]
        except ValueError as error:
            raise FileFormatError(f"{path}, line {number + 2}", str(error), f"a name and {width} numbers") from error
    return names, torch.from_numpy(vectors)


def _read_binary(path: Path, body: memoryview, count: int, width: int) -> tuple[list[str], Tensor]:
    data, place, size = bytes(body), 0, 4 * width
    names, vectors = [], np.empty((count, width), dtype="<f4")
    for number in range(count):
        while data[place : place + 1] == b"\n":  # some writers end a vector with it, some do not
            place += 1
        end = data.find(b" ", place)
        if end < 0 or end + 1 + size > len(data):
            raise FileFormatError(str(path), f"an end in vector {number + 1} of {count}", "a whole file")
        try:
            names.append(data[place:end].decode())
        except UnicodeDecodeError as error:
            raise FileFormatError(str(path), f"a name that is no UTF-8, of vector {number + 1}", _EXPECTED) from error
        place = end + 1 + size
        vectors[number] = np.frombuffer(data, "<f4", width, end + 1)
    return names, torch.from_numpy(vectors.astype(np.float32))
