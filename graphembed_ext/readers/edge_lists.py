"""Edge lists: tables with two columns of names, and perhaps columns of weights and types."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import FileFormatError
from .columns import Roles
from .edge_roles import notes_of, roles_of, two_kinds
from .edge_weights import usable, weights_of
from .options import Reading
from .tables import Table

__all__ = ["BIPARTITE", "Gathered", "Names", "Part", "Types", "read_edges"]

#: Node types of the first and the second column, and the relation from one to the other.
Types = tuple[str, str, str]

#: Node types and relation of a list of users and items.
BIPARTITE: Types = ("user", "to", "item")
_RELATION = "to"
#: Numbers that are looked at at a time.
_SLICE = 1 << 18
#: Bytes of names and numbers that wait to be put into one dictionary, while that is not larger.
_WAITING = 1 << 23


class Gathered:
    """Chunks of a column of numbers, kept in memory."""

    def __init__(self) -> None:
        self._chunks: list[np.ndarray] = []

    def append(self, chunk: np.ndarray) -> None:
        """One more chunk."""
        self._chunks.append(chunk)

    def whole(self) -> np.ndarray:
        """The column; int32 where there is nothing in it."""
        found = np.concatenate(self._chunks) if self._chunks else np.empty(0, dtype=np.int32)
        self._chunks.clear()
        return found


class Names:
    """Columns of names, chunk by chunk, as numbers into one Arrow dictionary for all.

    Args:
        columns: Number of columns.
        gather: Makes what keeps the numbers of a column.
    """

    def __init__(self, columns: int, gather: Callable[[], Gathered] = Gathered) -> None:
        self._codes = [gather() for _ in range(columns)]
        self._fresh: list[list[Any]] = [[] for _ in range(columns)]
        self._dictionary = pa.array([], pa.large_string())
        #: Bytes of chunks whose numbers are not yet those of the dictionary.
        self._waiting = 0

    def add(self, encoded: Sequence[Any]) -> None:
        """A chunk of each column, dictionary-encoded."""
        for chunks, chunk in zip(self._fresh, encoded, strict=True):
            chunks.append(chunk)
            self._waiting += chunk.dictionary.nbytes + chunk.indices.nbytes
        if self._waiting > max(_WAITING, self._dictionary.nbytes):  # each name is hashed a few times at most
            self._settle()

    def finish(self) -> tuple[list[np.ndarray], Any]:
        """The numbers of each column, int32, and the dictionary."""
        self._settle()
        return [codes.whole() for codes in self._codes], self._dictionary

    def _settle(self) -> None:
        """Put waiting names behind those of the dictionary, whose numbers stay."""
        flat = [chunk for chunks in self._fresh for chunk in chunks]
        if not flat:
            return
        known = pa.DictionaryArray.from_arrays(pa.array([], pa.int32()), self._dictionary)
        joined = iter(pa.chunked_array([known, *flat]).unify_dictionaries().chunks)
        self._dictionary = next(joined).dictionary
        for codes, chunks in zip(self._codes, self._fresh, strict=True):
            for _ in chunks:
                codes.append(next(joined).indices.to_numpy())
            chunks.clear()
        self._waiting = 0
        pa.default_memory_pool().release_unused()


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
        trouble: Why its weights were not read, to be raised where they are needed; None if nothing is wrong with them.
    """

    ends: list[np.ndarray]
    names: Any
    types: tuple[Any, Any, Any] | None = None
    weight: np.ndarray | None = None
    where: Callable[[int], str] = str
    notes: list[str] = field(default_factory=list)
    trouble: FileFormatError | None = None


def read_edges(
    table: Table,
    reading: Reading,
    types: Types | None = None,
    bipartite: bool | None = None,
    known: Collection[str] = (),
    gather: Callable[[], Gathered] = Gathered,
) -> Part:
    """Read the edges of a table.

    Args:
        table: The table.
        reading: What a person said of it.
        types: Types of all lines; None takes those of the table, if any.
        bipartite: Whether the ends are users and items; None goes by the titles, or by the comments of KONECT.
        known: Names of nodes that are known, which are no titles.
        gather: Makes what keeps a column of numbers while it is read.

    Raises:
        FileFormatError: No edges, or a file that leaves open which columns they stand in.
    """
    if table.width < 2:
        raise one_column(table)
    _refuse_dicts(table)
    table.decide(known)
    if not table.rows:
        shown = ", ".join(table.titles or ())
        raise FileFormatError(table.name, f"nothing but a header, {shown}, and no edges", "an edge on each line")
    roles = roles_of(table, reading)
    marks = " ".join(table.comments[:1]).lower().split()
    unasked = bipartite is None
    if bipartite is None:
        bipartite = two_kinds(table, roles, marks)
    given = types or _types(roles, reading, bipartite)
    part = _collected(table, roles, given, gather)
    if unasked and given == BIPARTITE and roles.bipartite and not _share_names(part):
        part.types, given, bipartite = None, None, False
    part.notes = [*table.notes(), *notes_of(table, roles, given, bipartite, marks), *part.notes]
    return part


def _types(roles: Roles, reading: Reading, bipartite: bool) -> tuple[Any, Any, Any] | None:
    """Types of the ends and relation, each a word or the position of a column; None for nodes of one kind."""
    relation = _RELATION if roles.relation is None else roles.relation
    asked = "relation" in reading.columns
    if roles.source_type is not None and roles.target_type is not None:
        return roles.source_type, relation, roles.target_type
    if roles.spaces is not None:
        return roles.spaces[0], relation, roles.spaces[1]
    if bipartite:
        return BIPARTITE[0], relation if asked else BIPARTITE[1], BIPARTITE[2]
    return ("node", relation, "node") if asked else None


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
        for low in range(0, len(codes), _SLICE):
            there[side, codes[low : low + _SLICE]] = True
    return bool(there.all(0).any())


def one_column(table: Table) -> FileFormatError:
    """The refusal of a table that has one column, or none."""
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


def _collected(table: Table, roles: Roles, types: tuple[Any, Any, Any] | None, gather: Callable[[], Gathered]) -> Part:
    """The columns that are wanted, read chunk by chunk."""
    columns = _type_columns(types)
    weighted = [] if roles.weight is None else [roles.weight]
    names, kinds, weights = Names(2, gather), Names(len(columns), gather), gather()
    rows = 0
    for chunk in table.chunks([roles.source, roles.target, *columns, *weighted], progress=True):
        ends, of_types = chunk[:2], chunk[2 : 2 + len(columns)]
        _refuse_titles(ends, roles, rows, table)
        names.add(
            [_named(column, rows, table, "an edge without a node at one end", "two node names") for column in ends]
        )
        missing = "an edge without a type", "a type in each column"
        kinds.add([_named(column, rows, table, *missing) for column in of_types])
        if weighted:
            weights.append(weights_of(chunk[-1], rows, table, roles.weight or 0))
        rows += len(ends[0])
    if not rows:
        raise FileFormatError(table.name, "no edges", "at least one edge")
    weight, notes, trouble = usable(weights.whole(), table.where) if weighted else (None, [], None)
    given = None if types is None else _with_codes(types, columns, kinds)
    found = names.finish()
    pa.default_memory_pool().release_unused()  # what reading took is needed for numbering
    return Part(*found, given, weight, table.where, notes, trouble)


def _type_columns(types: tuple[Any, Any, Any] | None) -> list[int]:
    """Positions of the columns in which types stand."""
    return [] if types is None else [place for place in types if isinstance(place, int)]


def _with_codes(types: tuple[Any, Any, Any], columns: list[int], kinds: Names) -> tuple[Any, Any, Any]:
    """Types with what stands in a column, numbers and words, in the place of its position."""
    codes, words = kinds.finish()
    shown = words.to_pylist()
    return tuple((codes[columns.index(p)], shown) if isinstance(p, int) else p for p in types)  # type: ignore[return-value]


#: What programs write where there is no value; those of the second set may be words or codes as well.
_NULLS = ("\\N", "NULL", "<NA>", "#N/A", "N/A")
_MAY_BE_NULLS = ("NA", "NaN", "na", "nan", "null", "None", "none")


def _named(column: Any, start: int, table: Table, missing: str, wanted: str) -> Any:
    encoded = column.dictionary_encode()
    words = encoded.dictionary
    if pc.any(pc.equal(words, "")).as_py():
        row = start + pc.index(column, "").as_py()
        raise table.bad(row, missing, wanted, "leave such lines out, or fill them in")
    null = _null_among(words)
    if null is not None:
        row = start + pc.index(column, null).as_py()
        hint = "leave such lines out, or fill them in; a node that is called so needs another name"
        raise table.bad(row, f"{null!r} in place of a node", wanted, hint)
    return encoded


def _null_among(words: Any) -> str | None:
    """A word that stands for no value; ``NA`` and its like do where other names are numbers or not written alike."""
    sure = words.filter(pc.is_in(words, value_set=pa.array(_NULLS, pa.large_string())))
    if len(sure):
        return str(sure[0])
    likely = pc.is_in(words, value_set=pa.array(_MAY_BE_NULLS, pa.large_string()))
    found = words.filter(likely).to_pylist()
    others = words.filter(pc.invert(likely))
    for word in found if len(found) == 1 else ():  # several are words among words
        alike = r"^[A-Z]{1,4}$" if word == "NA" else r"^[^\d\s]+$"
        share = pc.mean(pc.match_substring_regex(others, alike).cast(pa.int8())).as_py()
        if share is not None and share < 0.5:
            return str(word)
    return None


def _refuse_titles(ends: Sequence[Any], roles: Roles, start: int, table: Table) -> None:
    """Refuse titles amid the rows, where files with titles were put together."""
    if table.titles is None:
        return
    titles = table.titles[roles.source], table.titles[roles.target]
    again = [pc.equal(column, title.strip()) for column, title in zip(ends, titles, strict=True)]
    row = pc.index(pc.and_(*again), True).as_py()
    if row >= 0:
        shown = ", ".join(table.titles[:3])
        hint = f"leave such lines out; --comment {table.titles[0]!r} passes over lines that begin so"
        raise table.bad(start + row, f"the titles again, {shown}", "an edge on each line", hint)
