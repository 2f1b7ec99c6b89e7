"""Files that are compressed, unpacked into memory that there is."""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path
from typing import Any

from .._core.memory import available, readable
from ..errors import FileFormatError

__all__ = ["PACKED", "inner_name", "unpacked"]

#: Endings of compressed files, and what packs so.
PACKED = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstandard"}
#: First bytes of compressed files.
_MAGIC = {b"\x1f\x8b": ".gz", b"BZh": ".bz2", b"\xfd7zXZ\x00": ".xz", b"\x28\xb5\x2f\xfd": ".zst"}
_CHUNK = 1 << 24


def inner_name(path: Path) -> str:
    """The name of a file, in small letters, without the ending of what it is packed with.

    Example:
        >>> inner_name(Path("Edges.CSV.GZ"))
        'edges.csv'
    """
    name = path.name.lower()
    return name.removesuffix(Path(name).suffix) if Path(name).suffix in PACKED else name


def unpacked(path: Path) -> bytes:
    """The content of a file, decompressed where its ending or its first bytes say that it is compressed.

    It is unpacked by and by, and no further than half of the free memory, so that a small file that swells beyond
    measure is refused and not unpacked.

    Raises:
        FileFormatError: Damaged, cut off, or too large when unpacked.
        OSError: A file that cannot be read at all.
    """
    with path.open("rb") as file:
        start = file.read(6)
    ending = next((ending for magic, ending in _MAGIC.items() if start.startswith(magic)), path.suffix.lower())
    if ending not in PACKED:
        return path.read_bytes()
    room, parts, size = available() // 2, list[bytes](), 0
    try:
        with _opened(path, ending) as file:
            while part := file.read(_CHUNK):
                parts.append(part)
                size += len(part)
                if size > room:
                    break
    except Exception as error:  # each of the four has errors of its own
        if getattr(error, "errno", None) is not None:
            raise
        raise FileFormatError(
            str(path), f"a file that cannot be decompressed ({error})", f"a whole file of {PACKED[ending]}"
        ) from error
    if size > room:
        raise FileFormatError(
            str(path), f"more than {readable(room)} when unpacked", "less than half of the memory that is free"
        )
    return b"".join(parts)


def _opened(path: Path, ending: str) -> Any:
    if ending == ".zst":
        import pyarrow as pa

        return pa.CompressedInputStream(pa.OSFile(str(path)), "zstd")
    opened: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
    return opened[ending](path, "rb")
