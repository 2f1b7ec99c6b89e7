"""Titles of nodes, such as those of films, out of tables that name the nodes by ids."""

from __future__ import annotations

from .node_rows import NodeRows
from .titles import words_of

__all__ = ["titles_in"]

#: Last words of titles of columns that say what a node is called, the surest first.
_CALLED = ("title", "name", "label")
#: Part of the first cells from which on words that differ are what nodes are called.
_MOSTLY = 0.9


def titles_in(rows: NodeRows) -> dict[str, str]:
    """What people call each node, where a column of a table says so."""
    place = _untitled(rows) if rows.titles is None else _titled(rows)
    if place is None:
        return {}
    return {name: title for _, (name, title) in rows.cells([rows.node, place]) if title}


def _titled(rows: NodeRows) -> int | None:
    """By the column's own title; a label is one only where each node has another."""
    last = [(words_of(title) or [""])[-1] for title in rows.titles or ()]
    found = [place for word in _CALLED for place, other in enumerate(last) if other == word and place != rows.node]
    return next((place for place in found if last[place] != "label" or _differ(rows, place)), None)


def _untitled(rows: NodeRows) -> int | None:
    """The first column of words that mostly differ."""
    others = (place for place in range(rows.width) if place != rows.node and not rows.numeric(place))
    return next((place for place in others if _differ(rows, place)), None)


def _differ(rows: NodeRows, place: int) -> bool:
    cells = rows.column(place)
    return len({*cells}) >= _MOSTLY * len(cells)
