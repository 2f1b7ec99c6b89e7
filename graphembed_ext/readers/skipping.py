"""Lines that are wrong in tables, left out where a person allows so many, and told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from ..errors import FileFormatError
from .sources import BadLine, Source

__all__ = ["read_without"]

#: Lines of which is told what is wrong, and those that are told by number.
_SHOWN, _NUMBERED = 5, 50

Found = TypeVar("Found")


def read_without(
    source: Source, most: int | None, read: Callable[[], Found], *, beside: bool = False
) -> tuple[Found, list[str]]:
    """Read a table, if need be without the lines that are wrong in it; and say which these are.

    A reading finds all lines of another number of columns, or one line that is wrong otherwise; so there are as many
    readings as it takes.

    Args:
        source: The table.
        most: How many lines may be left out; None where nobody can ask for it.
        read: Reads the table.
        beside: Whether it stands beside the edges, so that the file is named.

    Raises:
        FileFormatError: What is wrong with the table as a whole, or with one line more than may be left out.
    """
    found: dict[int, str] = {}

    def told() -> list[str]:
        return [_in_words(found, source.unit, f" of {source.name}" if beside else "")] if found else []

    while True:
        try:
            return read(), told()
        except BadLine as error:
            if most is None:
                raise
            if len(found) + len(error.lines) > most:
                raise _one_more(error, most) from error
            found |= error.lines
            source.without = frozenset(found)
        except FileFormatError as error:
            if not found:
                raise
            raise _with_hints(error, error.hint, *told()) from error


def _one_more(error: BadLine, most: int) -> FileFormatError:
    if most:
        return _with_hints(error, f"more than the {most} lines that --skip-bad {most} leaves out are wrong", error.hint)
    return _with_hints(error, error.hint, "--skip-bad N leaves out N lines that are wrong, and tells them")


def _with_hints(error: FileFormatError, *hints: str) -> FileFormatError:
    return FileFormatError(error.argument, error.got, error.expected, "; ".join(filter(None, hints)))


def _in_words(lines: Mapping[int, str], unit: str, where: str) -> str:
    """Which lines were left out, the first few with what is wrong with them."""
    numbers = sorted(lines)
    shown = "; ".join(f"{unit} {number}: {lines[number]}" for number in numbers[:_SHOWN])
    more = numbers[_SHOWN:_NUMBERED]
    rest = f"; also {unit}{'s' * (len(more) > 1)} {', '.join(map(str, more))}" if more else ""
    rest += f" and {len(numbers) - _NUMBERED} more" if len(numbers) > _NUMBERED else ""
    return f"{len(lines)} {unit}{'s' * (len(lines) != 1)}{where} LEFT OUT as wrong ({shown}{rest})"
