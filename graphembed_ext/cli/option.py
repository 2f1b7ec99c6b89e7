"""One option of the command line: its name in files and records, what help says of it, who takes it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = ["COMMAND", "JOB", "READING", "SETTING", "Option"]

#: Who takes an option.
JOB, READING, SETTING, COMMAND = "job", "reading", "setting", "command"


@dataclass(frozen=True)
class Option:
    """One option.

    Attributes:
        name: Its name in Python, in files and in records.
        kind: Type of its value.
        help: What help says.
        panel: Panel of the help; empty for the common one.
        part: Who takes it: ``JOB``, ``READING``, ``SETTING`` or ``COMMAND``, the last being no part of a job.
        flags: As they are written on the command line; left out, the name with dashes.
        many: Whether it may be given several times.
        metavar: How help shows the value; left out, by its type.
        argument: Whether it is an argument, not an option.
        reader: Makes the job's value of what a file or the command line has.
        default: What help says of the value where it is left out.
        values: What the shell completes it with.
    """

    name: str
    kind: type
    help: str
    panel: str = ""
    part: str = JOB
    flags: tuple[str, ...] = ()
    many: bool = False
    metavar: str | None = None
    argument: bool = False
    reader: Callable[[Any], Any] | None = None
    default: str = ""
    values: tuple[str, ...] = ()

    def read(self, value: Any) -> Any:
        """The value as the job has it, from the command line or as a file has it."""
        from .._core import checks  # loads torch, which a page of help needs not

        if self.reader is not None:
            return self.reader(value)
        if self.many:
            several = [value] if isinstance(value, str) else checks.several(self.name, value, "a list of texts")
            return [checks.text(self.name, one, "a list of texts") for one in several]
        return checks.path(self.name, value) if self.kind is Path else value

    def _completed(self) -> Callable[[str], list[str]] | None:
        """What the shell asks for the values that begin so."""

        def begin(incomplete: str) -> list[str]:
            return [value for value in self.values if value.startswith(incomplete)]

        return begin if self.values else None

    def parameter(self) -> inspect.Parameter:
        """The option as a parameter of a command."""
        kind: Any = list[self.kind] if self.many else self.kind  # type: ignore[name-defined]
        keyword = inspect.Parameter.KEYWORD_ONLY
        if self.argument:
            shown = typer.Argument(help=self.help, show_default=False, autocompletion=self._completed())
            return inspect.Parameter(self.name, keyword, default=None, annotation=Annotated[kind | None, shown])
        panel = self.panel or None
        option = typer.Option(
            *self.flags,
            rich_help_panel=panel,
            help=self.help,
            metavar=self.metavar,
            show_default=self.default or False,
            autocompletion=self._completed(),
        )
        if self.part == COMMAND and kind is bool:
            return inspect.Parameter(self.name, keyword, default=False, annotation=Annotated[bool, option])
        return inspect.Parameter(self.name, keyword, default=None, annotation=Annotated[kind | None, option])
