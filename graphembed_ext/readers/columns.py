"""What the columns of a table are, by their titles or, without titles, by what stands in them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..errors import InputError
from .titles import (
    APART,
    ATTRIBUTES,
    COUNTS,
    INDEX,
    ITEMS,
    PAIRS,
    PLAIN,
    RANK,
    RATINGS,
    RECORDS,
    RELATIONS,
    TIMES,
    USERS,
    WEIGHTS,
    is_number,
    words_of,
)

__all__ = ["Roles", "by_content", "by_title", "chosen", "says_ends", "says_roles"]


@dataclass(frozen=True)
class Roles:
    """Positions of the columns of an edge list.

    Attributes:
        source, target: The ends.
        weight: The weights; None for none.
        relation: Kind of edge.
        source_type, target_type: Types of the ends.
        time: Times, which are not read.
        bipartite: Whether the titles say, or ratings by time suggest, that the ends are users and items.
        spaces: Types of source and target where their titles name them, as Neo4j's ``:START_ID(Person)``.
        notes: What a person should know, one sentence each.
    """

    source: int
    target: int
    weight: int | None = None
    relation: int | None = None
    source_type: int | None = None
    target_type: int | None = None
    time: int | None = None
    bipartite: bool = False
    spaces: tuple[str, str] | None = None
    notes: tuple[str, ...] = field(default=())


def says_ends(titles: Sequence[str]) -> bool:
    """Whether titles say which columns are the ends of edges; single letters may as well be names."""
    return _ends([title if len(title) > 1 else "" for title in titles]) is not None or _sides(titles) is not None


def says_roles(titles: Sequence[str]) -> bool:
    """Whether titles say what any column of a list of edges is."""
    return says_ends(titles) or any(_kind(title) in ("weight", "rating", "time", "relation") for title in titles)


def _ends(titles: Sequence[str]) -> tuple[int, int] | None:
    """Positions of source and target by pairs of titles such as ``source_id`` and ``target_id``."""
    found: list[tuple[tuple[int, int, int, int], tuple[int, int]]] = []
    split = [words_of(title) if re.search(r"[^\W\d_]", title) else [] for title in titles]
    for i, first in enumerate(split):
        for j, second in enumerate(split):
            ranks = _pair_ranks(first, second) if i != j else None
            if ranks is None or (ranks[2] and {i, j} != {0, 1}):
                continue
            found.append(((*ranks[:2], i, j), (i, j)))
    return min(found)[1] if found else None


def _pair_ranks(first: list[str], second: list[str]) -> tuple[int, int, bool] | None:
    """How sure two titles are the ends, and whether they are single letters, which may be coordinates as well."""
    if len(first) != len(second):
        first, second = ([word for word in words if word not in PLAIN] for words in (first, second))
    if len(first) != len(second) or not first:
        return None
    apart = [(a, b) for a, b in zip(first, second, strict=True) if a != b]
    if len(apart) != 1 or apart[0] not in RANK:
        return None
    rest = [a for a, b in zip(first, second, strict=True) if a == b]
    if APART & {*rest, *(first[-1:] if len(first) > 1 else ())}:
        return None
    spare = sum(10 for word in rest if word not in PLAIN) + sum(PLAIN.get(word, 0) for word in rest)
    bare = len(first) == 1 and len(apart[0][0]) == 1 and apart[0] not in (("u", "v"), ("h", "t"), ("i", "j"))
    return RANK[apart[0]], spare, bare


def _sides(titles: Sequence[str]) -> tuple[int, int] | None:
    """Positions of users and items by title."""

    def best(words: set[str]) -> int | None:
        ranked = []
        for place, title in enumerate(titles):
            parts = words_of(title)
            core = [word for word in parts if word not in PLAIN]
            if len(core) == 1 and core[0] in words:
                cost = sum({"id": -1, "name": 5}.get(word, 1) for word in parts if word in PLAIN)
                ranked.append((cost, place))
        return min(ranked)[1] if ranked else None

    users, items = best(USERS), best(ITEMS)
    return None if users is None or items is None else (users, items)


def _kind(title: str) -> str:
    """What a column that is no end is, by its title; empty where it does not say."""
    words = words_of(title)
    joined = "_".join(words)
    core = [word for word in words if word not in PLAIN or len(words) == 1]
    if joined in RELATIONS:
        return "relation"
    if joined in INDEX:
        return "index"
    for name, known in (("weight", WEIGHTS), ("rating", RATINGS), ("count", COUNTS), ("time", TIMES)):
        if core and core[-1] in known:
            return name
    apart = bool(core) and (core[-1] in APART or words[-1] in ATTRIBUTES or core[0] in ("is", "has"))
    return "apart" if apart and len(words) < 3 else ""


def by_title(titles: Sequence[str], rows: Sequence[Sequence[str]], reads_weight: bool = True) -> Roles | None:
    """Roles of the columns of a table with titles; None where these leave open which are the ends.

    Args:
        titles: Of all columns.
        rows: First rows, without the titles.
        reads_weight: Whether a column of weights is wanted.
    """
    ends, sides = _ends(titles), _sides(titles)
    kinds = [_kind(title) for title in titles]
    bipartite = ends is None and sides is not None
    places = ends if ends is not None else sides
    if places is None:
        places = _first_two(titles, kinds, rows)
    if places is None:
        return None
    types = _types(titles)
    taken = {*places, *(place for place in types if place is not None)}
    relation = next((i for i, kind in enumerate(kinds) if kind == "relation" and i not in taken), None)
    if relation is None and [word for word in titles if words_of(word) == ["label"]] and ends is not None:
        between = next(i for i, title in enumerate(titles) if words_of(title) == ["label"])
        relation = between if min(places) < between < max(places) else None
    time = next((i for i, kind in enumerate(kinds) if kind == "time" and i not in taken), None)
    taken |= {place for place in (relation, time) if place is not None}
    weight = _weight(titles, kinds, rows, taken) if reads_weight else None
    spaces = [re.fullmatch(r".*:(?:START|END)_ID\((.+)\)", titles[place].strip()) for place in places]
    named = (spaces[0][1], spaces[1][1]) if spaces[0] and spaces[1] else None
    found = Roles(*places, weight, relation, *types, time, bipartite, named)
    return replace(found, notes=_weight_note(titles, kinds, weight))


def _types(titles: Sequence[str]) -> tuple[int | None, int | None]:
    """Positions of the types of source and target."""
    split = [words_of(title) for title in titles]
    for first, second in PAIRS:
        for kind in ("type", "class", "label", "kind", "category"):
            pair = [first, kind], [second, kind]
            if all(words in split for words in pair):
                return split.index(pair[0]), split.index(pair[1])
    return None, None


def _first_two(titles: Sequence[str], kinds: list[str], rows: Sequence[Sequence[str]]) -> tuple[int, int] | None:
    """The first two columns that may be ends; a column that numbers the rows before them is passed over."""
    spare = [i for i, kind in enumerate(kinds) if not kind]
    if len(titles) == 2 and len(spare) == 1 and words_of(titles[1 - spare[0]]) == ["name"]:
        return 0, 1
    if spare and spare[0] < 2 and len(spare) > 2 and _numbers_rows(titles[spare[0]], spare[0], rows):
        spare = spare[1:]
    return (spare[0], spare[1]) if len(spare) > 1 else None


def _numbers_rows(title: str, place: int, rows: Sequence[Sequence[str]]) -> bool:
    core = [word for word in words_of(title) if word not in PLAIN]
    return bool(core) and core[0] in RECORDS and len({row[place] for row in rows}) == len(rows)


def _weight(titles: Sequence[str], kinds: list[str], rows: Sequence[Sequence[str]], taken: set[int]) -> int | None:
    free = [i for i in range(len(titles)) if i not in taken]
    weights = [i for i in free if kinds[i] == "weight"]
    ratings = [i for i in free if kinds[i] == "rating" and _numeric(rows, i)]
    third = [i for i in free if i == 2 and kinds[i] in ("", "count") and _numeric(rows, i)]
    return next(iter([*weights, *ratings, *third]), None)


def _weight_note(titles: Sequence[str], kinds: list[str], weight: int | None) -> tuple[str, ...]:
    if weight is None or kinds[weight] == "weight":
        return ()
    name = {"rating": "ratings", "count": "numbers"}.get(kinds[weight], "numbers")
    return (f"column {titles[weight]!r} has {name}, kept as edge weights (--no-weight leaves them out)",)


def _numeric(rows: Sequence[Sequence[str]], place: int) -> bool:
    cells = [row[place] for row in rows if row[place]]
    return bool(cells) and all(map(is_number, cells))


def by_content(rows: Sequence[Sequence[str]], reads_weight: bool = True) -> Roles | str:
    """Roles of the columns of a table without titles; a sentence where they cannot be told."""
    width = len(rows[0])
    while width > 2 and not any(row[width - 1] for row in rows):
        width -= 1
    columns = [[row[i] for row in rows] for i in range(width)]
    if any(map(_fractions, columns[:2])):
        return "columns of numbers that are no names of nodes"
    if width == 2:
        return Roles(0, 1)
    if not _mostly_numeric(columns[2]):
        return _by_words(columns, rows, reads_weight)
    times = [i for i in range(2, width) if _times(columns[i])]
    time = times[0] if times else None
    if width > 4 or (width == 4 and time is None):
        return "more columns of numbers than two ends and a weight"
    weight = None if time == 2 or not reads_weight else 2
    rated = weight is not None and time == 3
    notes = ("column 3 has ratings, kept as edge weights (--no-weight leaves them out)",) if rated else ()
    return Roles(0, 1, weight, time=time, bipartite=rated and _two_kinds(columns), notes=notes)


def _mostly_numeric(cells: Sequence[str]) -> bool:
    """Whether as many cells are numbers as are not, so that a word among them is the one that is wrong."""
    filled = [cell for cell in cells if cell]
    return bool(filled) and sum(map(is_number, filled)) * 2 >= len(filled)


def _fractions(cells: Sequence[str]) -> bool:
    """Whether all cells are numbers, and some of them not whole."""
    return all(map(is_number, cells)) and any(not float(cell).is_integer() for cell in cells if "." in cell)


def _two_kinds(columns: Sequence[Sequence[str]]) -> bool:
    """Whether ratings from 0 to 10 by time stand for users and items, as in MovieLens, rather than for people."""
    return all(0 <= float(cell or 0) <= 5 for cell in columns[2])


def _times(cells: Sequence[str]) -> bool:
    """Whether all cells are seconds or milliseconds since 1970, of the years 1973 to 2100."""
    if not all(re.fullmatch(r"\d{9,13}(\.\d+)?", cell) for cell in cells):
        return False
    seconds = [float(cell) / (1000 if float(cell) > 1e11 else 1) for cell in cells]
    return all(1e8 <= value < 4.2e9 for value in seconds)


def _by_words(columns: list[list[str]], rows: Sequence[Sequence[str]], reads_weight: bool) -> Roles | str:
    """Triples, and lists with types: columns of few words among columns of many names."""
    width, sets = len(columns), [set(column) for column in columns]
    if any(re.fullmatch(r"\d+:[\d.]+", cell) for cell in columns[2][:20]):
        return "cells of index and value, as of libsvm"
    if width == 5 and _joined_types(columns):
        return Roles(0, 2, relation=4, source_type=1, target_type=3)
    weight = next((i for i in range(3, width) if _numeric(rows, i) and not _times(columns[i])), None)
    weight = weight if reads_weight else None
    if sets[0] & sets[1] and not sets[0] & sets[2] and not sets[1] & sets[2]:
        return Roles(0, 1, weight, relation=2)
    if not sets[1] & (sets[0] | sets[2]):
        if sets[0] & sets[2] or len(sets[1]) * 3 <= min(len(sets[0]), len(sets[2])):
            return Roles(0, 2, weight, relation=1)
        if len(sets[2]) * 3 <= min(len(sets[0]), len(sets[1])):
            return Roles(0, 1, weight, relation=2)
    return "columns of names of which any two may be the ends of edges"


def _joined_types(columns: list[list[str]]) -> bool:
    """Whether the last of five columns joins the second and the fourth, as hin2vec's ``U-A`` does ``U`` and ``A``."""
    few = all(len(set(column)) <= 30 for column in (columns[1], columns[3]))
    triples = zip(columns[1], columns[3], columns[4], strict=True)
    return few and all(re.fullmatch(rf"{re.escape(a)}\W?{re.escape(b)}", joined) for a, b, joined in triples)


def chosen(roles: Mapping[str, str | int], titles: Sequence[str] | None, width: int) -> dict[str, int]:
    """Positions of the columns that a person named.

    Raises:
        InputError: No such column.
    """
    found = {}
    low = None if titles is None else [title.strip().lower() for title in titles]
    for role, column in roles.items():
        if isinstance(column, int) and (low is None or str(column) not in low):
            place = column - 1
        elif low is not None and str(column).lower() in low:
            place = low.index(str(column).lower())
        else:
            place = -1
        if not 0 <= place < width:
            there = f"a number from 1 to {width}" + ("" if titles is None else f" or one of {', '.join(titles)}")
            hint = "--header takes the first line for titles" if titles is None and isinstance(column, str) else ""
            raise InputError("columns", f"{role.replace('_', '-')}={column}", there, hint)
        found[role] = place
    return found
