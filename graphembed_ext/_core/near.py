"""What somebody may have meant by a name that is none."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["did_you_mean", "nearest"]


def nearest(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """Known names that a name may stand for, best first: those that differ in case alone, or else those alike.

    Example:
        >>> nearest("ann", ["Dan", "Ann", "Hanna"]), nearest("dann", ["Dan", "Bob"])
        (['Ann'], ['Dan'])
    """
    by_low: dict[str, list[str]] = {}
    for entry in known:
        by_low.setdefault(entry.lower(), []).append(entry)
    low = name.lower()
    found = [low] if low in by_low else difflib.get_close_matches(low, by_low, count)
    return [entry for key in found for entry in by_low[key]][:count]


def did_you_mean(name: str, known: Iterable[str], count: int = 3) -> str:
    """A hint that names them; empty where nothing is near.

    Example:
        >>> did_you_mean("deepwlk", ["deepwalk", "han"])
        "did you mean 'deepwalk'"
    """
    found = nearest(name, known, count)
    return f"did you mean {' or '.join(map(repr, found))}" if found else ""
