"""Which columns of a table of edges are what, and what a person is told of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..errors import FileFormatError, InputError
from .columns import Roles, by_content, by_title
from .options import Reading, chosen
from .tables import Table
from .text import TextTable

__all__ = ["notes_of", "roles_of", "two_kinds"]


def roles_of(table: Table, reading: Reading) -> Roles:
    """Positions of the columns: as a person says, by title, or by what stands in them.

    Raises:
        FileFormatError: None of these tells.
        InputError: What a person says cannot be.
    """
    given = chosen(reading.columns, table.titles, table.width)
    told = None if table.titles is None else by_title(table.titles, table.rows, reading.weight)
    ends = {"source", "target"} & set(given)
    if len(ends) == 1:
        raise InputError("columns", ends.pop(), "both source and target, or neither")
    if ends:
        told = _between_given(given, told)
    elif told is None:
        told = _untold(table, reading)
    places = {role: place for role, place in given.items() if reading.weight or role != "weight"}
    return replace(told, **places)  # type: ignore[arg-type]


def _between_given(given: Mapping[str, int], told: Roles | None) -> Roles:
    """The ends that a person named, with the weights of which the titles tell."""
    if given["source"] == given["target"]:
        raise InputError("columns", f"source and target are column {given['source'] + 1}", "two columns")
    weight = None if told is None or told.weight in given.values() else told.weight
    return Roles(given["source"], given["target"], weight)


def _untold(table: Table, reading: Reading) -> Roles:
    """Positions of the columns by what stands in them, if there are no titles."""
    if table.titles is not None:
        raise _unclear(table, "titles that leave open which are the ends")
    found = by_content(table.rows, reading.weight, _is_movielens(table))
    if isinstance(found, str):
        raise _unclear(table, found)
    return found


def _is_movielens(table: Table) -> bool:
    """Whether a file is called as MovieLens's, or parted by its ``::``: user, item, rating, time."""
    named = re.match(r"(u\.data|u[1-5ab]\.(base|test)|ratings\.dat)(\.|$)", table.source.path.name)
    return named is not None or (isinstance(table, TextTable) and table.dialect.delimiter == "::" and table.width == 4)


def _unclear(table: Table, what: str) -> FileFormatError:
    if table.titles is not None:
        got = f"the columns {', '.join(map(repr, table.titles[:12]))}, {what}"
        hint = (
            "--columns source=TITLE,target=TITLE names them; a table of nodes goes with --nodes, --labels or --features"
        )
        return FileFormatError(table.where(-1) if table.rows else table.name, got, "two columns of nodes", hint)
    got = f"{', '.join(table.rows[0][:6])!r}, {what}"
    if _square(table.rows):
        hint = "a dense matrix is read from .npy (numpy.save) or .npz"
    else:
        hint = "--columns source=1,target=2 and so on names them, --header takes the first line for titles"
    return FileFormatError(table.where(0), got, "columns whose roles are plain", hint)


def _square(rows: Sequence[Sequence[str]]) -> bool:
    return len(rows) in (len(rows[0]), len(rows[0]) - 1)


def notes_of(
    table: Table, roles: Roles, types: tuple[Any, Any, Any] | None, bipartite: bool, marks: Sequence[str]
) -> list[str]:
    """Which columns were taken for what, which are left out, and what else a person should know."""
    titles = table.titles
    taken = _taken(roles, types)
    shown = ", ".join(f"{_called(table, place)} ({role})" for role, place in taken.items())
    notes = [f"columns {shown}"]
    if isinstance(table, TextTable):
        first = ", ".join((titles or table.rows[0])[:3])
        notes.insert(0, f"the first line, {first}, is taken for {'an edge' if titles is None else 'column titles'}")
    if bipartite and types is not None and not isinstance(types[0], int):
        notes.append("first ends are users, second ends items, and equal names different nodes (--joint joins them)")
    if marks[:2] == ["%", "asym"]:
        notes.append("the file says that its edges lead one way (--directed keeps that)")
    return [*notes, *_left_out(table, roles, {*taken.values()}), *roles.notes]


def _taken(roles: Roles, types: tuple[Any, Any, Any] | None) -> dict[str, int]:
    """Positions of the columns that are read, by what a person calls them."""
    places = {"source": roles.source, "target": roles.target, "weight": roles.weight}
    if types is not None:
        places |= dict(zip(("source type", "relation", "target type"), types, strict=True))
    return {role: place for role, place in places.items() if isinstance(place, int)}


def _called(table: Table, place: int) -> str:
    """A column's title, or its number from 1."""
    return f"{place + 1}" if table.titles is None else repr(table.titles[place])


def _left_out(table: Table, roles: Roles, used: set[int]) -> list[str]:
    """What is said of the columns that are not read."""
    notes = []
    if roles.relation is not None and roles.relation not in used:
        called = _called(table, roles.relation)
        name = called.strip("'")
        notes.append(f"relations of column {called} are joined (--columns relation={name} keeps them apart)")
    if roles.time is not None and roles.time not in used:
        notes.append(f"column {_called(table, roles.time)} has times, left out")
    used = {*used, roles.relation, roles.time}  # type: ignore[arg-type]
    free = sorted({*range(table.width)} - used)
    spare = [_called(table, place) for place in free if table.titles is None or table.titles[place]]
    if spare:
        notes.append(f"column{'s' * (len(spare) > 1)} {', '.join(spare[:8])}{' ...' * (len(spare) > 8)} left out")
    return notes


def two_kinds(table: Table, roles: Roles, marks: Sequence[str]) -> bool:
    """Whether the ends are users and items, by titles, by KONECT's first line, or by MovieLens's names of files.

    Raises:
        FileFormatError: Ratings by time without titles, whose ends share names, which may be of either.
    """
    if marks[:1] == ["%"] and marks[1:2] in (["sym"], ["asym"], ["bip"]):
        return marks[1] == "bip"
    if not roles.bipartite or table.titles is not None:
        return roles.bipartite
    if _is_movielens(table):
        return True
    shared = {row[roles.source] for row in table.rows} & {row[roles.target] for row in table.rows}
    if not shared:
        return False
    raise FileFormatError(
        table.where(0),
        f"{', '.join(table.rows[0][:4])!r}, ratings by time, of items by users or of people by people",
        "column titles, which tell",
        "--bipartite takes the first two columns for users and items, --joint for nodes of one kind",
    )
