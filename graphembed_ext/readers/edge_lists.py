"""Edge lists: tables with two columns of names, and perhaps columns of weights and types."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import FileFormatError, InputError
from .columns import Roles, by_content, by_title, chosen
from .options import Reading
from .tables import Table

__all__ = ["BIPARTITE", "Names", "Part", "Types", "check_weights", "read_adjacency", "read_edges"]

#: Node types of the first and the second column, and the relation from one to the other.
Types = tuple[str, str, str]

#: Node types and relation of a list of users and items.
BIPARTITE: Types = ("user", "to", "item")
_RELATION = "to"
_LARGEST = float(np.finfo(np.float32).max)


class Names:
    """Columns of names, chunk by chunk, as numbers into one Arrow dictionary for all."""

    def __init__(self, columns: int) -> None:
        self._codes: list[list[np.ndarray]] = [[] for _ in range(columns)]
        self._fresh: list[list[Any]] = [[] for _ in range(columns)]
        self._dictionary = pa.array([], pa.large_string())
        self._waiting = 0

    def add(self, encoded: Sequence[Any]) -> None:
        """A chunk of each column, dictionary-encoded."""
        for chunks, chunk in zip(self._fresh, encoded, strict=True):
            chunks.append(chunk)
            self._waiting += len(chunk.dictionary)
        if self._waiting > max(1 << 21, len(self._dictionary)):  # each name is hashed a few times at most
            self._settle()

    def finish(self) -> tuple[list[np.ndarray], Any]:
        """The numbers of each column, int32, and the dictionary."""
        self._settle()
        found = []
        for codes in self._codes:
            found.append(np.concatenate(codes) if codes else np.empty(0, dtype=np.int32))
            codes.clear()
        return found, self._dictionary

    def _settle(self) -> None:
        """Put waiting names behind those of the dictionary, whose numbers stay."""
        flat = [chunk for chunks in self._fresh for chunk in chunks]
        if not flat:
            return
        known = pa.DictionaryArray.from_arrays(pa.array([], pa.int32()), self._dictionary)
        joined = iter(pa.chunked_array([known, *flat]).unify_dictionaries().chunks)
        self._dictionary = next(joined).dictionary
        for codes, chunks in zip(self._codes, self._fresh, strict=True):
            codes += [next(joined).indices.to_numpy() for _ in chunks]
            chunks.clear()
        self._waiting = 0


@dataclass
class Part:
    """The edges of one file, lines in its order.

    Attributes:
        ends: First and second ends, as numbers of names, int32.
        names: The names, an Arrow array of strings.
        types: Source type, relation and target type, each one word for all lines, or numbers and words of a column;
            None where the file has none.
        weight: float64, or None.
        where: File and line of a row, for messages.
        notes: How the file was understood, one sentence each.
    """

    ends: list[np.ndarray]
    names: Any
    types: tuple[Any, Any, Any] | None = None
    weight: np.ndarray | None = None
    where: Callable[[int], str] = str
    notes: list[str] = field(default_factory=list)


def read_edges(
    table: Table,
    reading: Reading,
    types: Types | None = None,
    bipartite: bool | None = None,
    known: Collection[str] = (),
) -> Part:
    """Read the edges of a table.

    Args:
        table: The table.
        reading: What a person said of it.
        types: Types of all lines; None takes those of the table, if any.
        bipartite: Whether the ends are users and items; None goes by the titles, or by the comments of KONECT.
        known: Names of nodes that are known, which are no titles.

    Raises:
        FileFormatError: No edges, or a file that leaves open which columns they stand in.
    """
    if table.width < 2:
        raise _one_column(table)
    _refuse_dicts(table)
    table.decide(known)
    if not table.rows:
        shown = ", ".join(table.titles or ())
        raise FileFormatError(
            table.name, f"nothing but a header, {shown}", "no edges are a graph, an edge on each line"
        )
    roles = _roles(table, reading)
    marks = " ".join(table.comments[:1]).lower().split()
    unasked = bipartite is None
    if bipartite is None:
        bipartite = _two_kinds(table, roles, marks)
    given: tuple[Any, Any, Any] | None = types
    if given is None and roles.source_type is not None and roles.target_type is not None:
        given = (roles.source_type, _RELATION if roles.relation is None else roles.relation, roles.target_type)
    elif given is None and roles.spaces is not None:
        given = (roles.spaces[0], _RELATION if roles.relation is None else roles.relation, roles.spaces[1])
    elif given is None and bipartite:
        relation = roles.relation if "relation" in reading.columns else None
        given = BIPARTITE if relation is None else (BIPARTITE[0], relation, BIPARTITE[2])
    elif given is None and "relation" in reading.columns:
        given = ("node", roles.relation, "node")
    part = _collected(table, roles, given)
    if unasked and given == BIPARTITE and roles.bipartite and not _share_names(part):
        part.types, given, bipartite = None, None, False
    part.notes = [*table.notes(), *_notes(table, roles, given, bipartite, marks), *part.notes]
    return part


def _refuse_dicts(table: Table) -> None:
    """networkx.write_edgelist writes the data of edges as dicts of Python."""
    for row, cells in enumerate(table.rows[:2]):
        found = next((cell for cell in cells[2:] if cell.startswith("{")), None)
        if found is not None:
            raise FileFormatError(
                table.where(row),
                f"a Python dict, {' '.join(cells[cells.index(found) :])[:60]}",
                "a number as the third column",
                "networkx.write_weighted_edgelist writes weights so",
            )


def _share_names(part: Part) -> bool:
    """Whether any name stands at both ends, so that users and items must be told apart."""
    there = np.zeros((2, len(part.names)), dtype=bool)
    for side, codes in enumerate(part.ends):
        there[side, codes] = True
    return bool(there.all(0).any())


def _two_kinds(table: Table, roles: Roles, marks: Sequence[str]) -> bool:
    """Whether the ends are users and items, by titles, by KONECT's first line, or by MovieLens's names of files.

    Raises:
        FileFormatError: Ratings by time without titles, whose ends share names, which may be of either.
    """
    if marks[:1] == ["%"] and marks[1:2] in (["sym"], ["asym"], ["bip"]):
        return marks[1] == "bip"
    if not roles.bipartite or table.titles is not None:
        return roles.bipartite
    if re.match(r"(u\.data|u[1-5ab]\.(base|test)|ratings\.dat)(\.|$)", table.source.path.name):
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


def _one_column(table: Table) -> FileFormatError:
    if not table.rows:
        return FileFormatError(table.name, "no edges", "at least two columns, the ends of edges")
    text = isinstance(table.titles, list)
    got = "one column" if not text else f"{table.width} column{'s' * (table.width != 1)}"
    if text:
        return FileFormatError(table.name, got, "at least two, the ends of edges")
    delimiter = table.dialect.name  # type: ignore[union-attr]
    return FileFormatError(
        table.where(0),
        f"{got}, {table.rows[0][0][:60]!r}",
        f"at least two, separated by {delimiter}",
        "each line names the two ends of an edge; --delimiter names another mark between cells",
    )


def _roles(table: Table, reading: Reading) -> Roles:
    given = chosen(reading.columns, table.titles, table.width)
    if "source" in given and "target" in given:
        if given["source"] == given["target"]:
            raise InputError("columns", f"source and target are column {given['source'] + 1}", "two columns")
        rated = None if table.titles is None else by_title(table.titles, table.rows, reading.weight)
        weight = None if rated is None or rated.weight in given.values() else rated.weight
        found = Roles(given["source"], given["target"], weight)
    else:
        told: Roles | str | None
        if table.titles is not None:
            told = by_title(table.titles, table.rows, reading.weight) or "titles that leave open which are the ends"
        else:
            told = by_content(table.rows, reading.weight)
        if isinstance(told, str):
            raise _unclear(table, told)
        if "source" in given or "target" in given:
            raise InputError("columns", ", ".join(given), "both source and target, or neither")
        found = told
    if not reading.weight:
        given.pop("weight", None)
    places = {role: place for role, place in given.items() if role in Roles.__dataclass_fields__}
    return replace(found, **places)  # type: ignore[arg-type]


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


def _notes(
    table: Table, roles: Roles, types: tuple[Any, Any, Any] | None, bipartite: bool, marks: Sequence[str]
) -> list[str]:
    titles = table.titles

    def called(place: int) -> str:
        return f"{place + 1}" if titles is None else repr(titles[place])

    taken = {"source": roles.source, "target": roles.target, "weight": roles.weight}
    if types is not None and roles.source_type is not None and types[0] == roles.source_type:
        taken |= {"source type": roles.source_type, "target type": roles.target_type}
    if types is not None and isinstance(types[1], int):
        taken["relation"] = types[1]
    used = {place for place in taken.values() if place is not None}
    shown = ", ".join(f"{called(place)} ({role})" for role, place in taken.items() if place is not None)
    first = ", ".join((titles or table.rows[0])[:3])
    notes = []
    if not hasattr(table, "_file"):
        notes.append(f"the first line, {first}, is taken for {'an edge' if titles is None else 'column titles'}")
    notes.append(f"columns {shown}")
    if bipartite and types is not None and types[0] == BIPARTITE[0] and roles.source_type is None:
        notes.append("first ends are users, second ends items, and equal names different nodes (--joint joins them)")
    if roles.relation is not None and roles.relation not in used:
        notes.append(
            f"relations of column {called(roles.relation)} are joined "
            f"(--columns relation={titles[roles.relation] if titles else roles.relation + 1} keeps them apart)"
        )
        used.add(roles.relation)
    if roles.time is not None and roles.time not in used:
        notes.append(f"column {called(roles.time)} has times, left out")
        used.add(roles.time)
    spare = [called(place) for place in range(table.width) if place not in used and (titles is None or titles[place])]
    if spare:
        notes.append(f"column{'s' * (len(spare) > 1)} {', '.join(spare[:8])}{' ...' * (len(spare) > 8)} left out")
    if marks[:2] == ["%", "asym"]:
        notes.append("the file says that its edges lead one way (--directed keeps that)")
    return [*notes, *roles.notes]


def _collected(table: Table, roles: Roles, types: tuple[Any, Any, Any] | None) -> Part:
    """The columns that are wanted, read chunk by chunk."""
    columns = [] if types is None else [place for place in types if isinstance(place, int)]
    weighted = [] if roles.weight is None else [roles.weight]
    names, kinds = Names(2), Names(len(columns))
    weights: list[np.ndarray] = []
    rows, notes = 0, list[str]()
    for chunk in table.chunks([roles.source, roles.target, *columns, *weighted], progress=True):
        ends, of_types = chunk[:2], chunk[2 : 2 + len(columns)]
        names.add(
            [_named(column, rows, table, "an edge without a node at one end", "two node names") for column in ends]
        )
        missing = "an edge without a type", "a type in each column"
        kinds.add([_named(column, rows, table, *missing) for column in of_types])
        if weighted:
            weights.append(_numbers(chunk[-1], rows, table, roles.weight or 0))
        rows += len(ends[0])
    if not rows:
        raise FileFormatError(table.name, "no edges", "at least one edge")
    weight = np.concatenate(weights) if weighted else None
    if weight is not None:
        weight, notes = _usable(weight, table)
    given = types
    if types is not None:
        codes, words = kinds.finish()
        shown = words.to_pylist()
        given = tuple((codes[columns.index(p)], shown) if isinstance(p, int) else p for p in types)  # type: ignore[assignment]
    found = names.finish()
    pa.default_memory_pool().release_unused()  # what reading took is needed for numbering
    return Part(*found, given, weight, table.where, notes)


def _named(column: Any, start: int, table: Table, missing: str, wanted: str) -> Any:
    encoded = column.dictionary_encode()
    if pc.any(pc.equal(encoded.dictionary, "")).as_py():
        row = start + pc.index(column, "").as_py()
        raise FileFormatError(table.where(row), missing, wanted, "leave such lines out, or fill them in")
    if pc.any(pc.match_substring(encoded.dictionary, "\n")).as_py():
        broken = pc.match_substring(column, "\n")
        row = pc.index(broken, True).as_py()
        raise FileFormatError(
            table.where(start + row),
            f"a name that runs over lines, {column[row].as_py()[:40]!r}",
            "a name on one line",
            "a quotation mark may lack its other end",
        )
    return encoded


def _numbers(column: Any, start: int, table: Table, place: int) -> np.ndarray:
    """Weights, NaN where there is none.

    Raises:
        FileFormatError: One that is no number, or larger than float32 holds.
    """
    blank = pc.is_in(column, value_set=pa.array(["", "NA", "NaN", "nan", "NULL", "null", "None"], column.type))
    kept = pc.if_else(blank, pa.scalar(None, column.type), column)
    try:
        values = kept.cast(pa.float64())
    except pa.ArrowException:
        parted = pc.match_substring(kept, ",")
        if pc.all(pc.equal(parted, pc.match_substring_regex(kept, r"^-?[1-9]\d{0,2}(,\d{3})+$"))).as_py():
            row = pc.index(parted, True).as_py()
            if row >= 0:  # 1,200 may be 1200 or 1.2
                raise _no_weight(table.where(start + row), repr(column[row].as_py()), table, place) from None
        pointed = pc.replace_substring(kept, ",", ".")  # decimal commas
        try:
            values = pointed.cast(pa.float64())
        except pa.ArrowException:
            return _word(column, start, table, place)
    numbers = pc.fill_null(values, float("nan")).to_numpy(zero_copy_only=False)
    wrong = np.abs(numbers) > _LARGEST
    if wrong.any():
        row = int(np.argmax(wrong))
        raise _no_weight(table.where(start + row), f"{numbers[row]:g}", table, place)
    return numbers


def _word(column: Any, start: int, table: Table, place: int) -> np.ndarray:
    for row, text in enumerate(column.to_pylist()):
        try:
            float(text.replace(",", ".") or "nan")
        except ValueError:
            if text not in ("NA", "NULL", "null", "None"):
                raise _no_weight(table.where(start + row), repr(text), table, place) from None
    return np.array([float(text.replace(",", ".") or "nan") for text in column.to_pylist()])


def _no_weight(where: str, got: str, table: Table, place: int) -> FileFormatError:
    called = f"column {place + 1}" if table.titles is None else f"column {table.titles[place]!r}"
    return FileFormatError(
        where,
        f"the edge weight {got} in {called}",
        "a finite number of at least 0",
        "--no-weight reads no weights, --columns weight=TITLE those of another column",
    )


def _usable(weight: np.ndarray, table: Table) -> tuple[np.ndarray | None, list[str]]:
    """Weights, or none and a note where some are negative or absent: they matter to models that go by them alone."""
    wrong = ~(weight >= 0)
    if not wrong.any():
        return weight, []
    row = int(np.argmax(wrong))
    what = "a blank" if np.isnan(weight[row]) else f"{weight[row]:g}"
    where = table.where(row).rpartition(", ")[2]
    count = int(wrong.sum())
    return None, [
        f"no weights are read, as {count} {'is' if count == 1 else 'are'} blank or negative ({where}: {what})"
    ]


def check_weights(weight: np.ndarray, where: Callable[[int], str]) -> None:
    """Raise :class:`FileFormatError` for the first weight that is negative, NaN or infinite."""
    wrong = ~(np.isfinite(weight) & (weight >= 0))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise FileFormatError(where(row), f"the edge weight {weight[row]:g}", "a finite number of at least 0")


def read_adjacency(lines: Sequence[str], name: str, types: Types | None = None) -> Part:
    """Read adjacency lists: on each line a node and its neighbours, separated by white space.

    Raises:
        FileFormatError: No such lists.
    """
    split = [(number, line.split()) for number, line in enumerate(lines, 1) if line.lstrip()[:1] not in ("#", "%")]
    split = [(number, words) for number, words in split if words]
    for number, words in split:
        other = next((word for word in words[1:] if word == "{}" or word.endswith("}")), None)
        if other is not None or (
            all(":" in word and word.rpartition(":")[2].replace(".", "").isdigit() for word in words[1:3]) and words[1:]
        ):
            raise FileFormatError(
                f"{name}, line {number}",
                f"{(other or words[1])!r}, a weight or data of an edge",
                "a node and the names of its neighbours",
                "networkx.write_adjlist writes such lists, write_weighted_edgelist edges with weights",
            )
    first = pa.array([words[0] for _, words in split for _ in words[1:]], pa.large_string())
    second = pa.array([other for _, words in split for other in words[1:]], pa.large_string())
    if not len(first):
        raise FileFormatError(name, "no edges", "at least one edge")
    alone = {words[0] for _, words in split if len(words) == 1} - set(first.to_pylist()) - set(second.to_pylist())
    notes = [f"{len(alone)} nodes without neighbours are left out"] if alone else []
    names = Names(2)
    names.add([first.dictionary_encode(), second.dictionary_encode()])
    return Part(*names.finish(), types, None, lambda row: name, notes)
