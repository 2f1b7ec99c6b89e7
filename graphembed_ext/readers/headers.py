"""Whether the first row of a table has the titles of its columns."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from ..errors import FileFormatError
from .columns import says_ends
from .titles import is_number, title_like, words_of

__all__ = ["is_header", "undecided"]

_TELLING = {"weight", "rating", "timestamp", "label", "class", "split", "features"}


def is_header(rows: Sequence[Sequence[str]], known: Collection[str] = (), whole: bool = True) -> bool | None:
    """Whether the first of some rows has titles; None where nothing tells.

    In this order: titles that say what columns are; a row that has numbers where all others do is none of titles, one
    that has words there is; cells of the first two columns that occur in them again are names; cells that read like
    titles are titles.

    Args:
        rows: First rows of the table.
        known: Names of nodes that are known already.
        whole: Whether these are all rows of the table.

    Example:
        >>> [is_header([["a", "b"], *rows]) for rows in ([["b", "c"]], [["1", "2"]], [["c", "d"]])]
        [False, True, None]
    """
    first, rest = rows[0], rows[1:]
    if says_ends(first) or any(re.search(r":(token|float|token_seq|float_seq|ID(\(.*\))?|LABEL)$", c) for c in first):
        return True
    if known and first[0] in known:
        return False
    if first[0].lower().startswith("unnamed: ") or (not first[0] and sum(map(bool, first)) == len(first) - 1 > 0):
        return True
    if not rest:
        return None if len(first) > 1 and all(map(title_like, first[:2])) else False
    if known and title_like(first[0]) and sum(row[0] in known for row in rest) * 2 > len(rest):
        return True
    told = _by_kinds(first, rest)
    if told is not None:
        return told
    names = {cell for row in rest for cell in row[:3]}
    if any(cell in names for cell in first[:3] if cell):
        return False
    if len(first) > 2 and any(words_of(cell)[-1:] and words_of(cell)[-1] in _TELLING for cell in first[1:]):
        return True
    likely = [title_like(cell) for cell in first[:3] if cell]
    if len(likely) > 1 and sum(likely) > 1 and not any(_same_shape(first, rest, i) for i in range(min(2, len(first)))):
        return True
    if all(_same_shape(first, rest, i, strict=True) for i in range(min(2, len(first)))):
        return False
    return None


def _by_kinds(first: Sequence[str], rest: Sequence[Sequence[str]]) -> bool | None:
    """What columns of numbers or dates tell of the first row."""
    told = None
    for place, cell in enumerate(first):
        below = [row[place] for row in rest if row[place]]
        if not below or not all(_is_figure(text) for text in below):
            continue
        if cell and _is_figure(cell):
            return False
        told = True if cell else told
    if told is None and any(is_number(cell) for cell in first[:2]):
        return False
    return told


def _is_figure(text: str) -> bool:
    return is_number(text) or re.fullmatch(r"\d{2,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ][\d:.+Z-]*)?", text) is not None


def _shape(cell: str) -> str:
    """Runs of letters, digits and the rest: ``P12`` and ``P3`` are alike."""
    text = re.sub(r"\d+", "9", cell)
    text = re.sub(r"[A-Z]+", "A", text)
    return re.sub(r"[^\W\dA-Z_]+", "a", text)


def _same_shape(first: Sequence[str], rest: Sequence[Sequence[str]], place: int, strict: bool = False) -> bool:
    """Whether a cell is written as those below it, with a digit or a mark in it that words lack."""
    shape = _shape(first[place])
    telling = any(mark not in "aA_ " for mark in shape)
    below = [_shape(row[place]) for row in rest]
    same = sum(other == shape for other in below)
    return telling and (same == len(below) if strict else same * 2 > len(below))


def undecided(where: str, first: Sequence[str], kind: str = "an edge") -> FileFormatError:
    """The refusal of a first line that may be either."""
    return FileFormatError(
        where,
        f"{', '.join(first[:3])!r}, which may be column titles or {kind}",
        "a first line that leaves no doubt",
        f"--header (header=True) takes it for titles, --no-header (header=False) for {kind}",
    )
