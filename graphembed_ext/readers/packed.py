"""Files that are compressed, unpacked into memory that there is."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from .._core.memory import available, readable
from ..errors import FileFormatError
from .sources import Source

__all__ = ["unpacked"]

_CHUNK = 1 << 24


def unpacked(path: Path) -> bytes:
    """The content of a file, decompressed where its ending or its first bytes say that it is compressed.

    It is unpacked by and by, and no further than half of the free memory, so that a small file that swells beyond
    measure is refused and not unpacked.

    Raises:
        FileFormatError: Damaged, cut off, or too large when unpacked.
        OSError: A file that cannot be read at all.
    """
    room, parts, size = available() // 2, list[bytes](), 0
    with ExitStack() as stack:
        try:
            file = Source(path).raw(stack)
            while size <= room and (part := file.read(_CHUNK)):
                parts.append(bytes(part))
                size += len(part)
        except FileFormatError:
            raise
        except Exception as error:  # each way to pack has errors of its own
            if getattr(error, "errno", None) is not None:
                raise
            raise FileFormatError(
                str(path), f"a file that cannot be decompressed ({error})", "a whole file, as its ending says"
            ) from error
    if size > room:
        raise FileFormatError(
            str(path), f"more than {readable(room)} when unpacked", "less than half of the memory that is free"
        )
    return b"".join(parts)
