"""How a table is to be read, where a person says so."""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .._core import checks
from ..errors import InputError

__all__ = ["ROLES", "Reading", "chosen", "columns_of"]

#: Roles in a table of nodes.
_OF_NODES = ("node", "label", "split")

#: What ``columns`` may name: of an edge list, and of a table of nodes.
ROLES = ("source", "target", "weight", "relation", "source_type", "target_type", "node", "label", "split")

_DELIMITERS = {
    "tab": "\t",
    "\\t": "\t",
    "comma": ",",
    "semicolon": ";",
    "pipe": "|",
    "space": " ",
    "spaces": " ",
    "blank": " ",
    "whitespace": " ",
    "\\s": " ",
    "\\s+": " ",
}


def columns_of(columns: str | Mapping[str, Any] | None) -> dict[str, str | int]:
    """Columns by role: ``"source=from,target=3"`` or a mapping; a title, or a number that counts from 1.

    Raises:
        InputError: No such role, or none after a comma.

    Example:
        >>> columns_of("source=buyer,target=3,source-type=kind")
        {'source': 'buyer', 'target': 3, 'source_type': 'kind'}
    """
    if columns is None:
        return {}
    if isinstance(columns, str):
        columns = _pairs(columns)
    found: dict[str, str | int] = {}
    for role, column in checks.mapping("columns", columns, "ROLE=COLUMN,... or a dict of columns by role").items():
        name = checks.text("columns", role, "names of roles").strip().lower().replace("-", "_")
        if name not in ROLES:
            raise InputError("columns", role, "one of " + ", ".join(role.replace("_", "-") for role in ROLES))
        text = str(column).strip()
        found[name] = int(text) if text.isdigit() else text
    return found


def check_words(**arguments: Any) -> None:
    """Raise for arguments that are neither None nor a string."""
    for name, value in arguments.items():
        if value is not None:
            checks.text(name, value, "a string, or None")


def files_given(argument: str, value: Any) -> list[str | Path]:
    """Names of files: one, or several."""
    expected = "the path of a file, or a list of them"
    given = [value] if isinstance(value, (str, Path)) else checks.several(argument, value, expected)
    for name in given:
        checks.path(argument, name, expected)
    return given


def _pairs(columns: str) -> dict[str, str]:
    """``role=column,role=column`` as a mapping."""
    words = [word.partition("=") for word in columns.split(",") if word.strip()]
    lame = next(("".join(word) for word in words if not all(part.strip() for part in word)), None)
    if lame is not None:
        raise InputError("columns", lame, "ROLE=COLUMN, such as source=from,target=to")
    return {role: column for role, _, column in words}


@dataclass(frozen=True)
class Reading:
    """How a table is to be read; what is left out is told from the file.

    Attributes:
        columns: Titles or numbers (from 1) of columns by role, see :data:`ROLES`.
        delimiter: What stands between two cells; ``" "`` for any white space.
        comment: What lines that are no data begin with, wherever they stand; ``""`` where there are none. None takes
            ``#`` and ``%`` before the first row of data.
        encoding: Name of the encoding, as Python has it; None for UTF-8.
        header: Whether the first line has column titles.
        weight: False reads no weights.
        otherwise: As ``header``, where the file does not tell.
        skip_bad: Lines that may be left out, as they are wrong; None where nobody can ask for it.
    """

    columns: Mapping[str, str | int] = field(default_factory=dict)
    delimiter: str | None = None
    comment: str | None = None
    encoding: str | None = None
    header: bool | None = None
    weight: bool = True
    otherwise: bool | None = None
    skip_bad: int | None = None

    @classmethod
    def of(
        cls,
        columns: str | Mapping[str, Any] | None = None,
        delimiter: str | None = None,
        comment: str | None = None,
        encoding: str | None = None,
        header: bool | None = None,
        weight: bool = True,
        skip_bad: int | None = 0,
    ) -> Reading:
        """Of arguments as a person writes them.

        Raises:
            InputError: One that cannot work.
        """
        check_words(delimiter=delimiter, comment=comment, encoding=encoding)
        checks.flag("weight", weight)
        if skip_bad is not None:
            checks.integer("skip_bad", skip_bad, minimum=0)
        if header is not None:
            checks.flag("header", header)
        if delimiter is not None:
            delimiter = _DELIMITERS.get(delimiter.lower(), delimiter)
            if not delimiter or "\n" in delimiter or '"' in delimiter:
                raise InputError("delimiter", repr(delimiter), "what stands between two cells, such as ; or tab")
        if encoding is not None:
            try:
                codecs.lookup(encoding)
            except (LookupError, ValueError) as error:  # no such name, and none at all: it has a NUL
                raise InputError("encoding", encoding, "an encoding that Python knows, such as latin-1") from error
        return cls(columns_of(columns), delimiter, comment, encoding, header, weight, skip_bad=skip_bad)

    def names_titles(self, first: Sequence[str]) -> bool:
        """Whether columns are named by what stands in a first line."""
        cells = {cell.strip().lower() for cell in first}
        named = [column.lower() for column in self.columns.values() if isinstance(column, str)]
        return bool(named) and cells.issuperset(named)

    def of_edges(self) -> Reading:
        """What it says of a table of edges."""
        return replace(self, columns={role: name for role, name in self.columns.items() if role not in _OF_NODES})

    def of_nodes(self) -> Reading:
        """What it says of a table of nodes beside the edges, which may be written in another way."""
        columns = {role: name for role, name in self.columns.items() if role in _OF_NODES}
        return Reading(
            columns, comment=self.comment, encoding=self.encoding, otherwise=self.header, skip_bad=self.skip_bad
        )


def chosen(roles: Mapping[str, str | int], titles: Sequence[str] | None, width: int) -> dict[str, int]:
    """Positions of the columns that a person named.

    Raises:
        InputError: No such column.
    """
    found = {}
    low = [title.strip().lower() for title in titles or ()]
    for role, column in roles.items():
        place = _place(column, low)
        if not 0 <= place < width:
            there = f"a number from 1 to {width}" + ("" if titles is None else f" or one of {', '.join(titles)}")
            hint = "--header takes the first line for titles" if titles is None and isinstance(column, str) else ""
            raise InputError("columns", f"{role.replace('_', '-')}={column}", there, hint)
        found[role] = place
    return found


def _place(column: str | int, low: list[str]) -> int:
    """Position of a column by its title, in lower case among ``low``, or by its number; -1 for no such title."""
    name = str(column).lower()
    if name in low:
        return low.index(name)
    return column - 1 if isinstance(column, int) else -1
