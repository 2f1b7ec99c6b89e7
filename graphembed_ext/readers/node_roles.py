"""Which columns of a table of nodes are features, classes and splits, and what a person is told of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from .node_rows import NodeRows
from .options import Reading, chosen
from .titles import INDEX, is_number, words_of

__all__ = ["NodeRoles", "node_roles"]

#: Last words of titles of classes, the surest first; of several columns the first of these is taken.
_SUREST = ("label", "labels", "class", "classes", "y", "target", "category", "subject", "genres", "genre")
_PARTS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
#: What titles of Neo4j and RecBole say of cells that are numbers.
_NUMBERS = ("", "int", "long", "short", "byte", "float", "double", "float_seq")
_MOST_SHOWN = 6


@dataclass(frozen=True)
class NodeRoles:
    """Positions of the columns of a table of nodes.

    Attributes:
        features: Columns of numbers.
        labels: Columns with classes.
        binary: Whether these are columns of 0 and 1, one for each class.
        split: Column with train, val and test.
        masks: Columns of 0 and 1 by part.
        notes: Why columns are left out that one might have expected otherwise, one sentence each.
    """

    features: list[int] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    binary: bool = False
    split: int | None = None
    masks: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def in_words(self, rows: NodeRows) -> str:
        """What a person is told: which columns were taken for what, which are left out, and why."""
        parts = [f"{rows.called(rows.node)} names nodes"]
        if self.features:
            many = f"{len(self.features)} columns, " if len(self.features) > 1 else ""
            parts.append(f"numbers in {many}{_shown(rows, self.features)}")
        if self.labels:
            parts.append(f"classes in {_shown(rows, self.labels)}")
        splits = [*self.masks.values()] if self.split is None else [self.split]
        if splits:
            parts.append(f"split in {_shown(rows, splits)}")
        used = {rows.node, *self.features, *self.labels, *splits}
        spare = [i for i in range(rows.width) if i not in used]
        if spare:
            parts.append(f"left out {_shown(rows, spare)}")
        if rows.titles is not None:
            parts.append("the first line is taken for column titles")
        return f"{rows.table.name}: " + ", ".join([*parts, *self.notes])


def _shown(rows: NodeRows, places: Sequence[int]) -> str:
    """Columns by title or number, the first few of many."""
    called = [rows.called(place).removeprefix("column ") for place in places]
    if len(called) <= _MOST_SHOWN:
        return ", ".join(called)
    return f"{', '.join(called[: _MOST_SHOWN - 1])} ... {called[-1]}"


def node_roles(rows: NodeRows, reading: Reading) -> NodeRoles:
    """Roles of the columns: as a person says, by title, or without titles by what stands in them."""
    given = chosen(reading.columns, rows.titles, rows.width) if reading.columns else {}
    found = _untitled(rows, given.get("label")) if rows.titles is None else _titled(rows, given.get("label"))
    split = given.get("split", rows.split())
    if split is None:
        return found
    features = [place for place in found.features if place != split]
    labels = [place for place in found.labels if place != split]
    return NodeRoles(features, labels, found.binary, split, {}, found.notes)


def _titled(rows: NodeRows, label: int | None) -> NodeRoles:
    """By title; columns of numbers that no title says anything else of are features."""
    masks = _masks(rows)
    notes: list[str] = []
    labels, binary = ([label], False) if label is not None else _labels(rows, {*masks.values()}, notes)
    titled = {*rows.label_titles()}
    free = [i for i in range(rows.width) if i not in {rows.node, label, *labels, *masks.values(), *titled}]
    features = [i for i in free if _is_feature(rows, i)]
    return NodeRoles(features, labels, binary, None, masks, notes)


def _is_feature(rows: NodeRows, place: int) -> bool:
    """Whether a column has numbers that neither number the rows nor, as its title says, are words."""
    title = (rows.titles or [])[place]
    joined = "_".join(words_of(title))
    return joined not in INDEX and rows.kind_in_title(place) in _NUMBERS and rows.numeric(place)


def _masks(rows: NodeRows) -> dict[str, int]:
    """Columns titled as masks, or as parts where they have 0 and 1."""
    found: dict[str, int] = {}
    for place, title in enumerate(rows.titles or ()):
        words = words_of(title)
        part = _PARTS.get(words[0]) if words and words[1:] in ([], ["mask"]) else None
        if part is not None and part not in found and rows.binary(place):
            found[part] = place
    return found if "train" in found else {}


def _labels(rows: NodeRows, taken: set[int], notes: list[str]) -> tuple[list[int], bool]:
    """Columns of classes by title, and whether these are columns of 0 and 1, one for each class."""
    titles = rows.titles or []
    there = [place for place in rows.label_titles() if place not in taken and _has_classes(rows, place, notes)]
    apart = [place for place in there if words_of(titles[place])[0] in ("label", "class")]
    if len(apart) > 1:  # label_0, label_1 ...: a column for each class, or several classes in a row
        return apart, all(map(rows.binary, apart))
    return sorted(there, key=lambda place: _rank(titles[place]))[:1], False


def _has_classes(rows: NodeRows, place: int, notes: list[str]) -> bool:
    """Whether a column titled as those of classes has some; ``notes`` are told why not."""
    title = (rows.titles or [])[place]
    if re.fullmatch(r"_labels|.*:LABEL", title.strip()):
        notes.append(f"{title!r} has node types, no classes")
        return False
    if rows.each_once(place):
        notes.append(f"{title!r} has another word on each line, which are no classes")
        return False
    if _has_fractions(rows.column(place)):
        notes.append(f"{title!r} has fractions, which are no classes")
        return False
    return True


def _rank(title: str) -> int:
    last = next((word for word in reversed(words_of(title)) if not word.isdigit()), "")
    return _SUREST.index(last) if last in _SUREST else len(_SUREST)


def _has_fractions(cells: Sequence[str]) -> bool:
    numbers = [cell for cell in cells if "." in cell and is_number(cell)]
    return any(not float(cell).is_integer() for cell in numbers if cell.lower() not in ("nan", "inf"))


def _untitled(rows: NodeRows, label: int | None) -> NodeRoles:
    """By what stands in the columns: numbers, and behind them a word; or words, and behind them 0 and 1."""
    others = [i for i in range(rows.width) if i not in (rows.node, label)]
    numeric = list(filter(rows.numeric, others))
    if label is not None:
        return NodeRoles(numeric, [label])
    if len(others) == 1:
        return NodeRoles(notes=[f"--columns label={others[0] + 1} takes column {others[0] + 1} for classes"])
    if numeric == others[:-1]:
        return NodeRoles(numeric, others[-1:])
    flags = [] if numeric == others else _flags_at_the_end(rows, others)
    if flags:
        return NodeRoles([place for place in numeric if place not in flags], flags, True)
    return NodeRoles(numeric, others[-1:] if others and _several_each(rows.column(others[-1])) else [])


def _flags_at_the_end(rows: NodeRows, others: Sequence[int]) -> list[int]:
    """The columns of 0 and 1 where these are several and the last ones; otherwise none."""
    flags = list(filter(rows.binary, others))
    return flags if 1 < len(flags) < len(others) and flags == others[-len(flags) :] else []


def _several_each(cells: Sequence[str]) -> bool:
    """Whether cells have classes as ``Action|Drama``: words that recur, several in some cells."""
    words = [word for cell in cells for word in cell.split("|")]
    return any("|" in cell for cell in cells) and 2 * len({*words}) <= len(words)
