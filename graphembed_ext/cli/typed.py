"""What a person typed, so that messages name it: ``--time-column`` where Python says ``time``."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any

from ..errors import ArgumentError, InputError, MetapathError

__all__ = ["in_words", "note"]

#: Options that give an argument its value under a name of their own.
_OPTIONS = {
    "time": ("time_column",),
    "node_type": ("type",),
    "engine": ("walk_engine",),
    "emb_dim": ("dim",),
    "embedding_dim": ("dim",),
    "hidden_channels": ("dim",),
}

#: What is said of an option that the model has no use for.
_NOT_HERE = ("no such option: the model has none", "graphembed train -h says which models have it")

#: The options of the command that is called, and the words of the call.
_call: ContextVar[tuple[Sequence[Any], Sequence[str]]] = ContextVar("call", default=((), ()))


def note(parameters: Sequence[Any], words: Sequence[str]) -> None:
    """Note a call: the parameters of its command, and the words behind the command's name."""
    _call.set((parameters, tuple(words)))


def in_words(error: Exception) -> str:
    """An error, its argument by the option that was typed for it, where one was."""
    if not isinstance(error, InputError) or isinstance(error, MetapathError):
        return str(error)
    flag = _flag_of(error.argument)
    if flag is None:
        return str(error)
    if isinstance(error, ArgumentError):  # the names that Python lists are those of other options
        return str(InputError(flag, error.got, *_NOT_HERE))
    expected = error.expected.removeprefix("None or ")  # which nobody can type
    return str(InputError(flag, error.got, expected, error.hint))


def _flag_of(argument: str) -> str | None:
    """The option that was typed for an argument, a short one by its long name; None where none was."""
    parameters, words = _call.get()
    typed = {word.partition("=")[0] for word in words}
    for name in (argument, *_OPTIONS.get(argument, ())):
        for parameter in parameters:
            flags = (*parameter.opts, *parameter.secondary_opts) if parameter.name == name else ()
            there = [flag for flag in flags if flag.startswith("-") and flag in typed]
            if there:
                return there[0] if there[0].startswith("--") else max(flags, key=len)
    return None
