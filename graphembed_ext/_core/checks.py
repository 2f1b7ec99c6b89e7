"""Argument checks shared by models, walks and training; each raises :class:`InputError`."""

from __future__ import annotations

import math
import numbers
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import GraphEmbedError, InputError, MissingFolderError

#: The largest number that the integers of tensors hold.
_LARGEST = 2**63 - 1
#: Each is a process with torch in it, some 200 MB.
_WORKERS = 1024
#: Nobody trains as many; a list of them takes no time.
_LAYERS = 10_000


def integer(argument: str, value: Any, minimum: int = 1, hint: str = "") -> int:
    """Return ``value`` as an int, or raise when it is no integer of at least ``minimum`` that int64 holds."""
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not whole or value < minimum:
        raise InputError(argument, value, f"an integer of at least {minimum}", hint)
    if value > _LARGEST:
        raise InputError(argument, value, f"an integer from {minimum} to 2**63 - 1", hint)
    return int(value)


def number(
    argument: str, value: Any, *, above: float | None = None, minimum: float | None = None, hint: str = ""
) -> float:
    """Return ``value`` as a finite float within the bound given."""
    bound = f" above {above:g}" if above is not None else f" of at least {minimum:g}" if minimum is not None else ""
    real = isinstance(value, numbers.Real) and not isinstance(value, bool) and _finite(value)
    if not real or (above is not None and value <= above) or (minimum is not None and value < minimum):
        raise InputError(argument, value, f"a finite number{bound}", hint)
    return float(value)


def _finite(value: Any) -> bool:
    try:
        return math.isfinite(float(value))
    except OverflowError:  # an integer beyond float's
        return False


def share(argument: str, value: Any) -> float:
    """Return ``value`` as a float from 0 to 1."""
    found = number(argument, value, minimum=0)
    if found > 1:
        raise InputError(argument, value, "a number from 0 to 1")
    return found


def flag(argument: str, value: Any) -> bool:
    """Return ``value`` when it is True or False; 0, 1 and strings are refused."""
    if not isinstance(value, bool):
        raise InputError(argument, value, "True or False")
    return value


def choice(argument: str, value: Any, options: Iterable[str]) -> str:
    """Return ``value`` when it is one of ``options``."""
    names = list(options)
    if not isinstance(value, str) or value not in names:
        raise InputError(argument, value, "one of " + ", ".join(map(repr, names)))
    return str(value)


def text(argument: str, value: Any, expected: str = "a string") -> str:
    """Return ``value`` when it is a string."""
    if not isinstance(value, str):
        raise InputError(argument, value, expected)
    return value


def path(argument: str, value: Any, expected: str = "the path of a file") -> Path:
    """Return ``value`` as a path, when it is a string without NUL, or a path."""
    named = isinstance(value, (str, os.PathLike)) and isinstance(os.fspath(value), str)
    if not named or not os.fspath(value) or "\0" in os.fspath(value):
        raise InputError(argument, value, expected)
    return Path(value)


def target(argument: str, value: Any) -> Path:
    """Return ``value`` as the path of a file that can be written: in a folder that exists, and none itself."""
    found = path(argument, value)
    try:
        if not found.parent.is_dir():
            hint = f"make the folder {found.parent}"
            raise MissingFolderError(argument, str(found), "a file in a folder that exists", hint)
        if found.is_dir():
            raise InputError(argument, str(found), "the path of a file", "this is a folder")
    except GraphEmbedError:
        raise
    except OSError as error:  # a name that no file can have
        raise InputError(argument, str(found), f"the path of a file ({error.strerror})") from error
    return found


def mapping(argument: str, value: Any, expected: str) -> Mapping[Any, Any]:
    """Return ``value`` when it is a dict or another mapping."""
    if not isinstance(value, Mapping):
        raise InputError(argument, value, expected)
    return value


def several(argument: str, value: Any, expected: str) -> list[Any]:
    """Return a list of what is in ``value``, a list, tuple or array, but no string and no dict."""
    plain = isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping, type))
    if not plain or getattr(value, "ndim", 1) == 0:
        raise InputError(argument, value, expected)
    return list(value)


def instance(argument: str, value: Any, kind: Any, expected: str) -> Any:
    """Return ``value`` when it is an instance of a class, or of one of several."""
    if not isinstance(value, kind):
        raise InputError(argument, value, expected)
    return value


def layers(value: Any, minimum: int = 1) -> int:
    """Return a number of layers."""
    found = integer("num_layers", value, minimum)
    if found > _LAYERS:
        raise InputError("num_layers", value, f"at most {_LAYERS:,} layers")
    return found


def switch(argument: str, value: Any) -> bool:
    """Return ``value`` as True or False; 0 and 1 will do, as DGL's and PyG's classes take them."""
    if not isinstance(value, numbers.Integral) or value not in (0, 1):
        raise InputError(argument, value, "True or False")
    return bool(value)


def loading(arguments: Mapping[str, Any]) -> None:
    """Raise for arguments of a DataLoader that cannot work."""
    if arguments.get("batch_size") is not None:
        integer("batch_size", arguments["batch_size"])
    if arguments.get("shuffle") is not None:
        switch("shuffle", arguments["shuffle"])
    workers(arguments.get("num_workers", 0))


def workers(value: Any) -> int:
    """Return a number of worker processes, 0 for none."""
    found = integer("num_workers", value, minimum=0)
    if found > _WORKERS:
        cores = os.cpu_count() or 1
        raise InputError("num_workers", value, f"at most {_WORKERS} processes", f"this machine has {cores} cores")
    return found


def seed(value: Any) -> int | None:
    """Return a seed: None, or an integer from 0 up to 2**63 - 1."""
    if value is None:
        return None
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not whole or not 0 <= int(value) < 2**63:
        raise InputError("seed", value, "None or an integer from 0 to 2**63 - 1")
    return int(value)
