"""Files as streams of clean bytes: unpacked, UTF-8, lines that end in a line feed."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..errors import FileFormatError

__all__ = ["PACKED", "STDIN", "BadLine", "Source", "Stream"]

#: Endings of packed files, and what such files begin with.
PACKED = {".gz": b"\x1f\x8b", ".bz2": b"BZh", ".xz": b"\xfd7zXZ\x00", ".zst": b"\x28\xb5\x2f\xfd"}

#: The name of standard input.
STDIN = "-"

_CHUNK = 1 << 22
#: Bytes from which reading a file shows a progress bar in a terminal.
_LONG = 1 << 27
_TROUBLE = (EOFError, OSError, zlib.error, lzma.LZMAError, pa.ArrowException)


class BadLine(FileFormatError):
    """Lines of a table that are wrong, each by itself: the others are a table without them.

    Args:
        argument, got, expected, hint: Of the first, as for any error.
        lines: What is wrong, by the number of the line.
    """

    def __init__(self, argument: str, got: Any, expected: str, hint: str = "", lines: Any = None) -> None:
        super().__init__(argument, got, expected, hint)
        self.lines: dict[int, str] = lines or {}


class Source:
    """A file, or standard input, that can be read from its start as often as need be.

    Args:
        path: The file; ``"-"`` for standard input, which is kept in memory.
        encoding: Its encoding; None for UTF-8.
        input_format: Ending to go by instead of its own.
    """

    def __init__(self, path: str | Path, encoding: str | None = None, input_format: str | None = None) -> None:
        self.path = Path(path)
        self.encoding = encoding
        self.standard = str(path) == STDIN
        self.name = "standard input" if self.standard else str(path)
        self._content = sys.stdin.buffer.read() if self.standard else None
        own = self.path.suffix.lower()
        inner = Path(self.path.stem).suffix.lower() if own in PACKED else own
        #: The ending that says what the file is, in lower case, without that of a packed file.
        self.kind = inner if input_format is None else "." + input_format.strip().removeprefix(".").lower()
        self._packed = own if own in PACKED else ""
        #: Numbers of lines, or rows, that are left out of what is read.
        self.without: frozenset[int] = frozenset()
        #: What these are: "line" of the text, or "row" of what is no lines.
        self.unit = "line"

    @property
    def packed(self) -> bool:
        """Whether its name says that it is packed."""
        return bool(self._packed)

    def raw(self, stack: ExitStack, count: Any = None) -> Any:
        """The unpacked bytes as a file, to be closed by ``stack``; ``count`` is called with bytes as they are read."""
        file: Any = io.BytesIO(self._content) if self._content is not None else self.path.open("rb")
        stack.callback(file.close)
        start = file.read(6)
        file.seek(0)
        packed = _packed_as(start)
        if self._packed and start and packed != self._packed:
            raise self.damaged("it does not begin as such files do", self._packed)
        if count is not None:
            file = _Counted(file, count)
        if packed == ".zst":
            return stack.enter_context(pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd"))
        unpack: dict[str, Any] = {".gz": gzip.GzipFile, ".bz2": bz2.BZ2File, ".xz": lzma.LZMAFile}
        if packed:
            opened = unpack[packed](fileobj=file) if packed == ".gz" else unpack[packed](file)
            return stack.enter_context(opened)
        return file

    def start(self, size: int = 4096) -> bytes:
        """The first bytes, unpacked."""
        with ExitStack() as stack:
            try:
                return bytes(self.raw(stack).read(size))
            except _TROUBLE as error:
                raise self._unreadable(error) from error

    def chunks(self, size: int = _CHUNK, progress: bool = False) -> Iterator[bytes]:
        """The text in UTF-8, without a byte order mark, lines ended by ``\\n``.

        Raises:
            FileFormatError: A file that is damaged, or not of its encoding; names the line.
        """
        with ExitStack() as stack:
            bar = self._bar(stack) if progress else None
            try:
                file = self.raw(stack, None if bar is None else bar.update)
                clean = self._clean(iter(lambda: bytes(file.read(size)), b""))
                yield from self._kept(clean) if self.without and self.unit == "line" else clean
            except _TROUBLE as error:
                raise self._unreadable(error) from error

    def line(self, number: int) -> int:
        """The number in the file of a line of what is read."""
        for gone in sorted(self.without):
            number += gone <= number
        return number

    def _kept(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """The text without the lines that are left out."""
        number, held = 0, b""
        for chunk in chunks:
            *lines, held = (held + chunk).split(b"\n")
            yield b"".join(line + b"\n" for place, line in enumerate(lines, number + 1) if place not in self.without)
            number += len(lines)
        yield held if number + 1 not in self.without else b""

    def damaged(self, why: str, packed: str) -> FileFormatError:
        """The refusal of a packed file."""
        names = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "Zstandard"}
        return FileFormatError(self.name, f"a file that cannot be decompressed ({why})", names[packed])

    def _unreadable(self, error: Exception) -> Exception:
        if isinstance(error, FileFormatError):
            return error
        packed = self._packed or next((end for end, magic in PACKED.items() if self._begins(magic)), "")
        if packed and getattr(error, "errno", None) is None:
            return self.damaged(str(error), packed)
        return FileFormatError(
            self.name, f"a file that cannot be read ({getattr(error, 'strerror', None) or error})", "a readable file"
        )

    def _begins(self, magic: bytes) -> bool:
        if self._content is not None:
            return self._content.startswith(magic)
        try:
            with self.path.open("rb") as file:
                return file.read(len(magic)) == magic
        except OSError:
            return False

    def _bar(self, stack: ExitStack) -> Any:
        size = 0 if self.standard else self.path.stat().st_size
        if size < _LONG or not sys.stderr.isatty():
            return None
        from tqdm.auto import tqdm

        return stack.enter_context(tqdm(total=size, unit="B", unit_scale=True, desc=self.path.name, leave=False))

    def _clean(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        decoder = codecs.getincrementaldecoder(self.encoding or "utf-8")()
        lines, held, first = 0, b"", True
        for chunk in chunks:
            if first and self.encoding is None:
                chunk = self._without_mark(chunk)
            first = False
            chunk = self._decoded(decoder, chunk, lines)
            if held or b"\r" in chunk:
                chunk = held + chunk
                held = chunk[-1:] if chunk.endswith(b"\r") else b""
                chunk = chunk.removesuffix(held).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            lines += chunk.count(b"\n")
            yield chunk
        yield self._decoded(decoder, b"", lines, final=True) + held.replace(b"\r", b"\n")

    def _without_mark(self, chunk: bytes) -> bytes:
        head = chunk[:512]
        if head.startswith((b"\xff\xfe", b"\xfe\xff")) or head.count(b"\0") * 3 > len(head):
            raise FileFormatError(
                f"{self.name}, line 1",
                "bytes that are not UTF-8 (they look like UTF-16)",
                "UTF-8 text",
                "--encoding utf-16 reads such text; --input-format says what kind of file another is",
            )
        return chunk.removeprefix(b"\xef\xbb\xbf")

    def _decoded(self, decoder: Any, chunk: bytes, lines: int, final: bool = False) -> bytes:
        plain = self.encoding is None
        if plain and chunk.isascii() and not decoder.getstate()[0]:
            if b"\0" in chunk:
                line = lines + chunk[: chunk.index(b"\0")].count(b"\n") + 1
                raise FileFormatError(
                    f"{self.name}, line {line}", "a zero byte", "text", "the file is damaged or binary"
                )
            return chunk
        pending = decoder.getstate()[0]
        try:
            text = decoder.decode(chunk, final)
        except (UnicodeError, ValueError) as error:
            start = getattr(error, "start", 0)
            line = lines + _line_ends((pending + chunk)[:start]) + 1
            byte = (pending + chunk)[start : start + 1].hex()
            raise FileFormatError(
                f"{self.name}, line {line}",
                f"bytes that are not {'UTF-8' if plain else self.encoding} (0x{byte})",
                f"{'UTF-8' if plain else self.encoding} text",
                "--encoding latin-1 (or cp1252) reads text of older programs" if plain else "name another --encoding",
            ) from error
        return text.encode("utf-8", "surrogatepass").removeprefix(b"" if plain else b"\xef\xbb\xbf")


def _line_ends(text: bytes) -> int:
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").count(b"\n")


class _Counted(io.RawIOBase):
    """A file that tells how much of it is read."""

    def __init__(self, file: Any, count: Any) -> None:
        self._file, self._count = file, count

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        chunk = self._file.read(len(buffer))
        buffer[: len(chunk)] = chunk
        self._count(len(chunk))
        return len(chunk)


def _packed_as(start: bytes) -> str:
    """The ending of packed files that begin so; empty for others."""
    return next((ending for ending, magic in PACKED.items() if start.startswith(magic)), "")


class Stream(io.RawIOBase):
    """Chunks of bytes as a file, for Arrow."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._held = chunks, memoryview(b"")

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as one chunk goes."""
        while not self._held:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._held = memoryview(chunk)
        count = min(len(buffer), len(self._held))
        buffer[:count] = self._held[:count]
        self._held = self._held[count:]
        return count
