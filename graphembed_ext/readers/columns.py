"""What the columns of a table are, by their titles or, without titles, by what stands in them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

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
    title_like,
    words_of,
)

__all__ = ["Roles", "by_content", "by_title", "says_ends", "says_roles"]

_OF_ENDS = {word for pair in RANK for word in pair}
#: Columns whose titles may be those of an end, beyond which no more are paired.
_MOST_ENDS = 100


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
    split = [(i, words) for i, words in enumerate(map(_words_with_letters, titles)) if not _OF_ENDS.isdisjoint(words)]
    for i, first in split[:_MOST_ENDS]:
        for j, second in split[:_MOST_ENDS]:
            ranks = _pair_ranks(first, second) if i != j else None
            if ranks is None or (ranks[2] and {i, j} != {0, 1}):
                continue
            found.append(((*ranks[:2], i, j), (i, j)))
    return min(found)[1] if found else None


def _words_with_letters(title: str) -> list[str]:
    """The words of a title; none of a number, in whatever spelling."""
    return words_of(title) if re.search(r"[^\W\d_]", title) and not is_number(title) else []


def _pair_ranks(first: list[str], second: list[str]) -> tuple[int, int, bool] | None:
    """How sure two titles are the ends, and whether they are single letters, which may be coordinates as well."""
    if len(first) != len(second):
        first, second = _core(first), _core(second)
    found = _one_difference(first, second) if len(first) == len(second) else None
    if found is None:
        return None
    pair, shared = found
    if pair not in RANK or not APART.isdisjoint([*shared, *first[1:][-1:]]):
        return None
    bare = len(first) == 1 and len(pair[0]) == 1 and pair not in (("u", "v"), ("h", "t"), ("i", "j"))
    return RANK[pair], sum(PLAIN.get(word, 10) for word in shared), bare


def _one_difference(first: list[str], second: list[str]) -> tuple[tuple[str, str], list[str]] | None:
    """The pair of words in which two titles of one length differ, and those they share; None for several or none."""
    apart = [(a, b) for a, b in zip(first, second, strict=True) if a != b]
    shared = [a for a, b in zip(first, second, strict=True) if a == b]
    return (apart[0], shared) if len(apart) == 1 else None


def _core(words: list[str]) -> list[str]:
    """The words of a title without those that add nothing."""
    return [word for word in words if word not in PLAIN]


def _sides(titles: Sequence[str]) -> tuple[int, int] | None:
    """Positions of users and items by title."""
    costs: dict[str, list[tuple[int, int]]] = {"user": [], "item": []}
    for place, title in enumerate(titles):
        parts = words_of(title)
        core = _core(parts)
        if len(core) == 1:
            cost = sum({"id": -1, "name": 5}.get(word, 1) for word in parts if word in PLAIN)
            for side, words in (("user", USERS), ("item", ITEMS)):
                if core[0] in words:
                    costs[side].append((cost, place))
    return (min(costs["user"])[1], min(costs["item"])[1]) if all(costs.values()) else None


def _kind(title: str) -> str:
    """What a column that is no end is, by its title; empty where it does not say."""
    words = words_of(title)
    joined = "_".join(words)
    last = next((word for word in reversed(words) if word not in PLAIN or len(words) == 1), "")
    whole = _kind_among(_WHOLE_TITLES, joined)
    if whole or not last:
        return whole
    return _kind_among(_LAST_WORDS, last) or ("apart" if _is_attribute(words, last) else "")


def _kind_among(kinds: Iterable[tuple[str, Collection[str]]], text: str) -> str:
    """The first kind that knows a text; empty for none."""
    return next((kind for kind, known in kinds if text in known), "")


def _is_attribute(words: list[str], last: str) -> bool:
    """Whether a short title, whose last word of weight is ``last``, is that of something that nodes have."""
    return len(words) < 3 and (last in APART or words[-1] in ATTRIBUTES or words[0] in ("is", "has"))


#: Kinds of columns by their whole title, and by its last word of weight.
_WHOLE_TITLES = (("relation", RELATIONS), ("index", INDEX))
_LAST_WORDS = (("weight", WEIGHTS), ("rating", RATINGS), ("count", COUNTS), ("time", TIMES))


def by_title(titles: Sequence[str], rows: Sequence[Sequence[str]], reads_weight: bool = True) -> Roles | None:
    """Roles of the columns of a table with titles; None where these leave open which are the ends.

    Args:
        titles: Of all columns.
        rows: First rows, without the titles.
        reads_weight: Whether a column of weights is wanted.
    """
    kinds = [_kind(title) for title in titles]
    ends, sides = _ends(titles), _sides(titles)
    places = ends or sides or _first_two(titles, kinds, rows)
    if places is None:
        return None
    types = _types(titles)
    taken = {*places, *types}
    relation = _relation(titles, kinds, rows, taken, ends)
    time = _first_of("time", kinds, {*taken, relation})
    weight = _weight(kinds, rows, {*taken, relation, time}) if reads_weight else None
    notes = _weight_note(titles, kinds, weight)
    bipartite = ends is None and sides is not None
    return Roles(*places, weight, relation, *types, time, bipartite, _spaces(titles, places), notes)


def _first_of(wanted: str, kinds: Sequence[str], taken: Collection[int | None]) -> int | None:
    """Position of the first free column of a kind."""
    return next((place for place, kind in enumerate(kinds) if kind == wanted and place not in taken), None)


def _relation(
    titles: Sequence[str],
    kinds: Sequence[str],
    rows: Sequence[Sequence[str]],
    taken: Collection[int | None],
    ends: tuple[int, int] | None,
) -> int | None:
    """Position of the kinds of edges, unless they say, as Gephi's do, whether an edge has a direction."""
    found = _first_of("relation", kinds, taken)
    if found is None and ends is not None:
        found = _label_between(titles, ends)
    if found is not None and {row[found].lower() for row in rows} <= {"directed", "undirected", ""}:
        return None
    return found


def _label_between(titles: Sequence[str], places: tuple[int, int]) -> int | None:
    """Position of a column titled ``label`` between the ends, as KGTK writes relations."""
    found = [place for place, title in enumerate(titles) if words_of(title) == ["label"]]
    return next((place for place in found if min(places) < place < max(places)), None)


def _spaces(titles: Sequence[str], places: tuple[int, int]) -> tuple[str, str] | None:
    """Types that the titles of both ends name, as Neo4j's ``:START_ID(Person)``."""
    first, second = (re.fullmatch(r".*:(?:START|END)_ID\((.+)\)", titles[place].strip()) for place in places)
    return (first[1], second[1]) if first and second else None


def _types(titles: Sequence[str]) -> tuple[int | None, int | None]:
    """Positions of the types of source and target."""
    split = [words_of(title) for title in titles]
    for first, second in PAIRS:
        for kind in ("type", "class", "label", "kind", "category"):
            pair = [first, kind], [second, kind]
            if all(words in split for words in pair):
                return split.index(pair[0]), split.index(pair[1])
    return None, None


#: Rows from which on it is no chance that no name recurs.
_MANY = 50


def _first_two(titles: Sequence[str], kinds: list[str], rows: Sequence[Sequence[str]]) -> tuple[int, int] | None:
    """The first two columns that may be ends, a column that numbers the rows before them passed over.

    Where others stand beside them, their titles have to read like those of nodes; columns of as many names as rows, as
    of a table of nodes, are none.
    """
    found = _spare(titles, kinds, rows)[:2]
    if len(found) < 2 or (len(titles) > 3 and not all(title_like(titles[place]) for place in found)):
        return None
    each_once = all(len({row[place] for row in rows}) == len(rows) for place in found)
    return None if each_once and len(rows) >= _MANY else (found[0], found[1])


def _spare(titles: Sequence[str], kinds: list[str], rows: Sequence[Sequence[str]]) -> list[int]:
    """Positions of the columns whose titles do not say what they are, but for one that numbers the rows."""
    spare = [i for i, kind in enumerate(kinds) if not kind]
    if len(titles) == 2 and len(spare) == 1 and words_of(titles[1 - spare[0]]) == ["name"]:
        return [0, 1]
    if len(spare) > 2 and spare[0] < 2 and _numbers_rows(titles[spare[0]], spare[0], rows):
        return spare[1:]
    return spare


def _numbers_rows(title: str, place: int, rows: Sequence[Sequence[str]]) -> bool:
    core = _core(words_of(title))
    return bool(core) and core[0] in RECORDS and len({row[place] for row in rows}) == len(rows)


def _weight(kinds: list[str], rows: Sequence[Sequence[str]], taken: Collection[int | None]) -> int | None:
    """Position of the weights: a column so titled, ratings, or numbers in the third column."""
    weight = _first_of("weight", kinds, taken)
    if weight is not None:
        return weight
    ratings = (i for i, kind in enumerate(kinds) if kind == "rating" and i not in taken and _numeric(rows, i))
    return next(ratings, _third(kinds, rows, taken))


def _third(kinds: list[str], rows: Sequence[Sequence[str]], taken: Collection[int | None]) -> int | None:
    """The third position, where numbers stand there whose title says nothing else."""
    free = len(kinds) > 2 and 2 not in taken and kinds[2] in ("", "count")
    return 2 if free and _numeric(rows, 2) else None


def _weight_note(titles: Sequence[str], kinds: list[str], weight: int | None) -> tuple[str, ...]:
    if weight is None or kinds[weight] == "weight":
        return ()
    name = {"rating": "ratings", "count": "numbers"}.get(kinds[weight], "numbers")
    return (f"column {titles[weight]!r} has {name}, kept as edge weights (--no-weight leaves them out)",)


def _numeric(rows: Sequence[Sequence[str]], place: int) -> bool:
    cells = [row[place] for row in rows if row[place]]
    return bool(cells) and all(map(is_number, cells))


def by_content(rows: Sequence[Sequence[str]], reads_weight: bool = True, rated: bool = False) -> Roles | str:
    """Roles of the columns of a table without titles; a sentence where they cannot be told.

    Args:
        rows: First rows.
        reads_weight: Whether a column of weights is wanted.
        rated: Whether the format has user, item, rating and time, as MovieLens's.
    """
    width = max(2, *(place + 1 for row in rows for place, cell in enumerate(row) if cell))
    columns = [[row[place] for row in rows] for place in range(width)]
    if any(map(_fractions, columns[:2])):
        return "columns of numbers that are no names of nodes"
    if width == 2:
        return Roles(0, 1)
    if _mostly_numeric(columns[2]):
        return _by_numbers(columns, reads_weight, rated)
    return _by_words(columns, rows, reads_weight)


def _by_numbers(columns: list[list[str]], reads_weight: bool, rated: bool) -> Roles | str:
    """Two ends with numbers behind them: weights, times, or ratings by time."""
    width = len(columns)
    time = _time_of(columns, rated)
    if width > 4 or (width == 4 and time is None):
        return "more columns of numbers than two ends and a weight"
    weight = None if time == 2 or not reads_weight else 2
    if weight is None or time != 3:
        return Roles(0, 1, weight, time=time)
    notes = ("column 3 has ratings, kept as edge weights (--no-weight leaves them out)",)
    return Roles(0, 1, weight, time=time, bipartite=_two_kinds(columns), notes=notes)


def _time_of(columns: list[list[str]], rated: bool) -> int | None:
    """Position of the times; the fourth one of ratings by format, whatever numbers stand there."""
    if rated and len(columns) == 4 and all(map(is_number, columns[3])):
        return 3
    return next((place for place in range(2, len(columns)) if _times(columns[place])), None)


def _mostly_numeric(cells: Sequence[str]) -> bool:
    """Whether as many cells are numbers as are not, so that a word among them is the one that is wrong."""
    filled = [cell for cell in cells if cell]
    return bool(filled) and sum(map(is_number, filled)) * 2 >= len(filled)


def _fractions(cells: Sequence[str]) -> bool:
    """Whether all cells are numbers, and some of them not whole."""
    return all(map(is_number, cells)) and any(not float(cell).is_integer() for cell in cells if "." in cell)


def _two_kinds(columns: Sequence[Sequence[str]]) -> bool:
    """Whether ratings from 0 to 10 by time stand for users and items, as in MovieLens, rather than for people."""
    return all(0 <= float(cell) <= 5 for cell in columns[2] if is_number(cell))


def _times(cells: Sequence[str]) -> bool:
    """Whether all cells are seconds or milliseconds since 1970, of the years 1973 to 2100."""
    if not all(re.fullmatch(r"\d{9,13}(\.\d+)?", cell) for cell in cells):
        return False
    seconds = [float(cell) / (1000 if float(cell) > 1e11 else 1) for cell in cells]
    return all(1e8 <= value < 4.2e9 for value in seconds)


def _by_words(columns: list[list[str]], rows: Sequence[Sequence[str]], reads_weight: bool) -> Roles | str:
    """Triples, and lists with types: columns of few words among columns of many names."""
    width = len(columns)
    if any(re.fullmatch(r"\d+:[\d.]+", cell) for cell in columns[2][:20]):
        return "cells of index and value, as of libsvm"
    if width == 5 and _joined_types(columns):
        return Roles(0, 2, relation=4, source_type=1, target_type=3)
    weight = next((i for i in range(3, width) if _numeric(rows, i) and not _times(columns[i])), None)
    weight = weight if reads_weight else None
    target = _target_of_triples(*map(set, columns[:3]))
    if target is None:
        return "columns of names of which any two may be the ends of edges"
    return Roles(0, target, weight, relation=3 - target)


def _target_of_triples(first: set[str], second: set[str], third: set[str]) -> int | None:
    """Position of the second end, 1 or 2, by the words of three columns; the other one has the relations."""
    if first & second and not first & third and not second & third:
        return 1
    if second & (first | third):
        return None
    if first & third or _few(second, first, third):
        return 2
    return 1 if _few(third, first, second) else None


def _few(words: set[str], *others: set[str]) -> bool:
    """Whether a column has a third of the words of others, or less, as one of relations has."""
    return len(words) * 3 <= min(map(len, others))


def _joined_types(columns: list[list[str]]) -> bool:
    """Whether the last of five columns joins the second and the fourth, as hin2vec's ``U-A`` does ``U`` and ``A``."""
    few = all(len(set(column)) <= 30 for column in (columns[1], columns[3]))
    triples = zip(columns[1], columns[3], columns[4], strict=True)
    return few and all(re.fullmatch(rf"{re.escape(a)}\W?{re.escape(b)}", joined) for a, b, joined in triples)
