"""Cells in quotation marks, which may hold delimiters and line ends."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["goes_on", "lame_quote", "without_space_before"]

_MARKS = re.compile(rb'"+')
#: What may stand behind a closing mark before the next delimiter.
_SPACE = re.compile(rb"[ \r]*")
#: Bytes of text that are looked through at once.
_CHUNK = 1 << 22


def goes_on(line: str, inside: bool, delimiter: str) -> bool:
    """Whether a cell in quotation marks goes on after a line; ``inside`` tells it of the line before."""
    place, end = 0, len(line)
    if not inside:
        if not line.startswith('"'):
            place = _opening(line, 0, delimiter)
        inside, place = place >= 0, max(place, 0) + 1
    while inside and place <= end:
        close = line.find('"', place)
        if close < 0:
            return True
        if line.startswith('""', close):
            place = close + 2
            continue
        opening = _opening(line, close + 1, delimiter)
        inside, place = opening >= 0, opening + 1
    return inside


def _opening(line: str, start: int, delimiter: str) -> int:
    """Place of the next quotation mark with which a cell begins; -1 for none."""
    found = line.find(delimiter + '"', start)
    return found if found < 0 else found + len(delimiter)


def without_space_before(text: bytes, delimiter: str) -> bytes:
    r"""Rows without the space that some write between a delimiter and a quotation mark; cells stay as they are.

    Example:
        >>> without_space_before(b'a, "b, ""c"" d"\n"e", "f"', ",")
        b'a,"b, ""c"" d"\n"e","f"'
    """
    mark, cell = re.escape(delimiter.encode()), rb'"(?:[^"]|"")*(?:"|\Z)'
    # Cells without the space are matched, too, so that nothing within them is.
    spaced = re.compile(rb"(%b) (%b)|(?:^|\n|%b)%b" % (mark, cell, mark, cell))
    return spaced.sub(lambda found: found[1] + found[2] if found[1] else found[0], text)


def lame_quote(chunks: Iterable[bytes], delimiter: str) -> int | None:
    """The line, from 1, on which a cell opens whose closing mark lacks, or has text behind it; None for no such cell.

    Arrow takes all up to the next mark for one cell then, and the rows between for a part of it.

    Args:
        chunks: The text.
        delimiter: The one character between cells.

    Example:
        >>> lame_quote([b'a,"b\\nc"\\n"d ""e"" " ,f\\n'], ","), lame_quote([b'a,b\\nc,"d\\ne,"f"\\n'], ",")
        (None, 2)
    """
    scan = _Scan(delimiter.encode())
    held = b""
    for chunk in _whole(chunks):
        text = held + chunk
        whole = text.rstrip(b'" \r')  # what follows tells what these are
        held = text[len(whole) :]
        if scan.fails(whole):
            return scan.opened
    return scan.opened if scan.fails(held) or scan.inside else None


def _whole(chunks: Iterable[bytes]) -> Iterable[bytes]:
    """Chunks that are not much smaller than what is looked through at once."""
    held: list[bytes] = []
    for chunk in chunks:
        held.append(chunk)
        if sum(map(len, held)) >= _CHUNK:
            yield b"".join(held)
            held = []
    yield b"".join(held)


class _Scan:
    """How far a text was looked through: whether a cell is open, on which line it was opened, and the line now."""

    def __init__(self, delimiter: bytes) -> None:
        self.inside, self.opened = False, 1
        self._line, self._before, self._begins = 1, b"\n", (delimiter, b"\n")

    def fails(self, text: bytes) -> bool:
        """Whether a cell ends amid text in this part, which ends with no mark unless it is the last one."""
        done = 0
        for found in _MARKS.finditer(text):
            start, count = found.start(), found.end() - found.start()
            if not self.inside:
                if (text[start - 1 : start] if start else self._before) not in self._begins:
                    continue
                self._line += text.count(b"\n", done, start)
                done, self.opened, self.inside, count = start, self._line, True, count - 1
            if count % 2:
                self.inside = False
                if not self._ends(text, found.end()):
                    return True
        self._line += text.count(b"\n", done)
        self._before = text[-1:] or self._before
        return False

    def _ends(self, text: bytes, place: int) -> bool:
        """Whether a row or a cell ends here."""
        behind = _SPACE.match(text, place).end()  # type: ignore[union-attr]
        return any((text[at : at + 1] or b"\n") in self._begins for at in (place, behind))
