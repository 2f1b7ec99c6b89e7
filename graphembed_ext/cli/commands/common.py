"""What commands share: errors and exit codes, options, tables."""

from __future__ import annotations

import errno
import json
import os
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...errors import GraphEmbedError, InputError
from ..options import COLUMNS, COMMENT, DELIMITER, ENCODING
from ..typed import in_words

if TYPE_CHECKING:
    from ...embeddings.vectors import Embeddings

__all__ = [
    "Debug",
    "Embedding",
    "Json",
    "Titled",
    "check_word",
    "command_line",
    "console",
    "kind_in",
    "load",
    "node_of",
    "reporting",
    "say",
    "setting",
    "show",
    "table",
    "write_csv",
]

#: Exit codes: 0 all went well, and these.
FAILED, WRONG_USE, INTERRUPTED = 1, 2, 130

Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Columns = Annotated[str | None, typer.Option(metavar="ROLE=COLUMN,...", help=COLUMNS)]
Delimiter = Annotated[str | None, typer.Option(help=DELIMITER)]
Comment = Annotated[str | None, typer.Option(help=COMMENT)]
Encoding = Annotated[str | None, typer.Option(help=ENCODING)]
Header = Annotated[bool | None, typer.Option("--header/--no-header", help="Whether tables have column titles.")]
NoWeight = Annotated[
    bool, typer.Option("--no-weight", help="As for train; pairs are read without weights in any case.")
]
Nodes = Annotated[
    list[str] | None,
    typer.Option(help="Table of nodes, as for train, whose classes are taken as those of --labels are."),
]
Titled = Annotated[
    list[str] | None,
    typer.Option("--nodes", help="Table of nodes with their titles, as for train; those of the run are known."),
]
Embedding = Annotated[
    Path, typer.Argument(help="Embeddings written by graphembed train, .parquet, .npz or .safetensors.")
]


@contextmanager
def reporting(debug: bool) -> Iterator[None]:
    """Print an expected error as one message; exit code 2 where the call must change, 1 otherwise, 130 at Ctrl-C."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        typer.echo(f"graphembed: {interrupt or 'interrupted.'}", err=True)
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:  # the reader, such as head, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None
    except (GraphEmbedError, OSError) as error:
        if debug:
            raise
        told = _refusal(error)
        typer.echo(f"graphembed: {in_words(told)}", err=True)
        raise typer.Exit(WRONG_USE if isinstance(told, InputError) else FAILED) from error


def _refusal(error: Exception) -> Exception:
    """An error of the system's about a name that no file can have as the refusal of it; others as they are."""
    if isinstance(error, GraphEmbedError) or getattr(error, "errno", None) != errno.ENAMETOOLONG:
        return error
    return InputError("path", str(error.filename), f"the path of a file ({error.strerror})")  # type: ignore[attr-defined]


def command_line() -> str:
    """The command line that is running, for the record of what it does."""
    return shlex.join(["graphembed", *sys.argv[1:]])


def setting(text: str) -> tuple[str, Any]:
    """``NAME=VALUE`` as a pair; the value as JSON where it is JSON."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InputError("set", text, "NAME=VALUE")
    try:
        return name.replace("-", "_"), json.loads(value)
    except json.JSONDecodeError:
        return name.replace("-", "_"), value


def load(path: Path) -> Embeddings:
    """The embeddings in a file."""
    from ...embeddings.vectors import Embeddings

    return Embeddings.load(path)


def check_word(embedding: Path, argument: str, word: str, words: Iterable[str]) -> None:
    """Raise for a word that is none of those that may stand behind the file, or stands before it."""
    from ..._core import checks

    words = list(words)
    if word not in words and str(embedding) in words:
        raise InputError(argument, f"{embedding} before the file", "the file first", f"{word} {embedding}")
    checks.choice(argument, word, words)


def kind_in(emb: Embeddings, text: str) -> str:
    """A node type by its name.

    Raises:
        InputError: There is none of that name, or none that has a name.
    """
    from ...graph.view import NODE_TYPE

    if emb.node_types == [NODE_TYPE]:
        raise InputError("type", text, "no type: the nodes are all of one")
    return emb.type_of(node_type=text)


def node_of(
    emb: Embeddings, text: str, node_type: str | None, titles: Mapping[str, Mapping[str, str]] | None = None
) -> tuple[int | str, str]:
    """A node by its name or, where no node is called so, by its title or its id; and its type.

    Raises:
        InputError: No node, or none of this type, has the name; several types have it.
    """
    types = emb.node_types if node_type is None else [kind_in(emb, node_type)]
    named = [kind for kind in emb.node_types if text in emb.names.get(kind, ())]
    here = [kind for kind in named if kind in types]
    if len(here) == 1:
        return text, here[0]
    if here:
        raise InputError("node_type", "nothing", f"one of {', '.join(here)}: each has a node {text!r}", "--type TYPE")
    titled = [(kind, *entry) for kind in types for entry in (titles or {}).get(kind, {}).items()]
    found = _titled(text, titled)
    if found is not None:
        return found
    known = [name for kind in types for name in emb.names.get(kind, ())]
    if text.isdigit() and not known:
        return int(text), emb.type_of(int(text), node_type)
    raise _unknown(text, named, node_type, [*known, *(title for _, _, title in titled)])


def _titled(text: str, titled: Sequence[tuple[str, str, str]]) -> tuple[str, str] | None:
    """The only node of a title, whatever its case, and its type; None where there is none."""
    found = [(name, kind) for kind, name, title in titled if title.lower() == text.lower()]
    if len(found) > 1:
        raise InputError("node", text, f"one of {', '.join(name for name, _ in found)}: each has this title")
    return found[0] if found else None


def _unknown(text: str, named: list[str], node_type: str | None, known: list[str]) -> InputError:
    """What to say of a name that no node, or none of the type asked for, has."""
    from ..._core.near import did_you_mean

    if named:
        got = f"{text}, which is the name of a node of type {' or '.join(named)}"
        return InputError("node", got, f"the name of a node of type {node_type}")
    return InputError("node", text, "the name of a node", did_you_mean(text, known))


def console() -> Any:
    """Where tables go."""
    from rich.console import Console

    # Where the output is no terminal rich assumes 80 columns and folds the tables.
    return Console(width=None if sys.stdout.isatty() else 120, highlight=False)


def table(title: str, columns: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> Any:
    """A table; ``columns`` has the side, ``left`` or ``right``, to which each is set."""
    from rich.console import Group
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    made = Table()
    for name, side in columns.items():
        made.add_column(name, justify="right" if side == "right" else "left")
    for row in rows:
        made.add_row(*(f"{cell:.4f}" if isinstance(cell, float) else escape(str(cell)) for cell in row))
    return Group(Text(title, style="italic"), made)  # as a title of the table's own it would be folded


def write_csv(path: Path, titles: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Write a table, titles first; the old file stays in place until the new one is whole. Returns the rows."""
    import csv

    from ..._core.files import whole

    if path.suffix != ".csv":
        raise InputError("output", str(path), "a name ending in .csv")
    count = 0

    def write(part: Path) -> None:
        nonlocal count
        with part.open("w", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(titles)
            for row in rows:
                table.writerow(row)
                count += 1

    whole(path, write)
    return count


def say(notes: Sequence[str]) -> None:
    """Tell how files were understood, apart from what a command prints."""
    for note in notes:
        typer.echo(note, err=True)


def show(as_json: bool, data: Any, *tables: Any) -> None:
    """Print data for machines, or tables for people."""
    if as_json:
        typer.echo(json.dumps(data, indent=2, default=str, ensure_ascii=False))
    else:
        for entry in tables:
            console().print(entry)
