"""Whether the first row of a table has the titles of its columns."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from ..errors import FileFormatError
from .columns import says_ends
from .titles import is_number, title_like, words_of

__all__ = ["has_sizes", "is_header", "is_uneven", "undecided"]

_TELLING = {"weight", "rating", "timestamp", "label", "class", "split", "features"}


def is_header(rows: Sequence[Sequence[str]], known: Collection[str] = ()) -> bool | None:
    """Whether the first of some rows has titles; None where nothing tells.

    In this order: titles that say what columns are; a row that has numbers where all others do is none of titles, one
    that has words there is; cells of the first two columns that occur in them again are names; cells that read like
    titles are titles.

    Args:
        rows: First rows of the table.
        known: Names of nodes that are known already.

    Example:
        >>> [is_header([["a", "b"], *rows]) for rows in ([["b", "c"]], [["1", "2"]], [["c", "d"]])]
        [False, True, None]
    """
    first, rest = rows[0], rows[1:]
    rules = (_by_titles, _by_known_names, _by_absence, _by_kinds, _by_recurrence, _by_words, _by_shape)
    return next((told for rule in rules if (told := rule(first, rest, known)) is not None), None)


def has_sizes(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first of some rows has the sizes of word2vec: the number of the others, and of the numbers in each.

    Example:
        >>> has_sizes([["2", "3"], ["a", "1", "2", "3"], ["b", "4", "5", "6"]])
        True
    """
    first, widths = rows[0], {len(row) for row in rows}
    return len(first) == 2 and len(rows) > 1 and first[1].isdigit() and widths - {2} == {int(first[1]) + 1}


def is_uneven(rows: Sequence[Sequence[str]], wrong: int) -> bool:
    """Whether rows are of several widths on purpose: more of them than so many, which a person takes for wrong.

    Example:
        >>> is_uneven([["a", "x"], ["b"], ["c", "x"]], 0), is_uneven([["a", "x"], ["b"], ["c", "x"]], 1)
        (True, False)
    """
    return sum(len(row) != len(rows[0]) for row in rows) > wrong


_Rows = Sequence[Sequence[str]]


def _by_titles(first: Sequence[str], rest: _Rows, known: Collection[str]) -> bool | None:
    """Titles that say what columns are."""
    marked = any(re.search(r":(token|float|token_seq|float_seq|ID(\(.*\))?|LABEL)$", cell) for cell in first)
    return True if says_ends(first) or marked else None


def _by_known_names(first: Sequence[str], rest: _Rows, known: Collection[str]) -> bool | None:
    """The name of a node is no title; a word above names that are known reads like one or is not told by them."""
    if not known:
        return None
    if first[0] in known:
        return False
    above = sum(row[0] in known for row in rest) * 2 > len(rest) > 0
    return True if above and title_like(first[0]) else None


def _by_absence(first: Sequence[str], rest: _Rows, known: Collection[str]) -> bool | None:
    """A column without a title, as that of pandas's index; nothing below the first row."""
    if first[0].lower().startswith("unnamed: ") or (not first[0] and sum(map(bool, first)) == len(first) - 1 > 0):
        return True
    if rest:
        return None
    return None if len(first) > 1 and all(map(title_like, first[:2])) else False


def _by_recurrence(first: Sequence[str], rest: _Rows, known: Collection[str]) -> bool | None:
    """Cells that stand further below, too, are names."""
    names = {cell for row in rest for cell in row[:3]}
    return False if any(cell in names for cell in first[:3] if cell) else None


def _by_words(first: Sequence[str], rest: _Rows, known: Collection[str]) -> bool | None:
    """Cells that read like titles, unlike those below them."""
    if len(first) > 2 and any((words_of(cell) or [""])[-1] in _TELLING for cell in first[1:]):
        return True
    likely = sum(title_like(cell) for cell in first[:3])
    alike = any(_same_shape(first, rest, place) for place in range(min(2, len(first))))
    return True if likely > 1 and not alike else None


def _by_shape(first: Sequence[str], rest: _Rows, known: Collection[str]) -> bool | None:
    """Cells that are written as all those below them."""
    alike = all(_same_shape(first, rest, place, strict=True) for place in range(min(2, len(first))))
    return False if rest and alike else None


def _by_kinds(first: Sequence[str], rest: _Rows, known: Collection[str]) -> bool | None:
    """What columns of numbers or dates tell of the first row."""
    heads = [cell for place, cell in enumerate(first) if cell and _all_figures([row[place] for row in rest])]
    if any(map(_is_figure, heads)):
        return False
    if heads:
        return True
    return False if any(map(is_number, first[:2])) else None


def _all_figures(cells: Sequence[str]) -> bool:
    filled = [cell for cell in cells if cell]
    return bool(filled) and all(map(_is_figure, filled))


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
