"""Paths in records: relative to the record's folder, so that it works from any other, and moved with its files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..options import OPTIONS

__all__ = ["moved", "same"]

#: Options that name files, perhaps with types before them, or something that is no file: a dataset, ``one-hot``.
_MAYBE = ("input", "nodes", "labels", "features", "validation")
#: Options that name files or folders, which may not be there yet.
_SURELY = tuple(option.name for option in OPTIONS if option.kind is Path)


def moved(options: Mapping[str, Any], old: Path, new: Path) -> dict[str, Any]:
    """Options by name, whose paths are relative to one folder, with paths relative to another.

    Example:
        >>> moved({"output": "emb.npz", "input": "Planetoid/Cora", "epochs": 3}, Path("runs"), Path("."))
        {'output': 'runs/emb.npz', 'input': 'Planetoid/Cora', 'epochs': 3}
    """
    here, there = os.path.realpath(old), os.path.realpath(new)
    if here == there:
        return dict(options)
    return {name: _value(name, value, here, there) for name, value in options.items()}


def same(first: Path, second: Path) -> bool:
    """Whether two paths are of one file, whether or not it is there; a link that leads to itself is itself."""
    return os.path.realpath(first) == os.path.realpath(second)


def _value(name: str, value: Any, here: str, there: str) -> Any:
    if isinstance(value, (list, tuple)):
        return [_value(name, entry, here, there) for entry in value]
    if isinstance(value, (str, Path)) and name in _SURELY:
        return _path(str(value), here, there)
    return _named(value, here, there) if isinstance(value, str) and name in _MAYBE else value


def _named(text: str, here: str, there: str) -> str:
    """A file that is there, perhaps with ``TYPE=`` before it; other texts as they are."""
    if os.path.exists(os.path.join(here, text)):
        return _path(text, here, there)
    kind, equals, file = text.partition("=")
    return kind + equals + _path(file, here, there) if file and os.path.exists(os.path.join(here, file)) else text


def _path(text: str, here: str, there: str) -> str:
    """A path as it is from another folder; one from the root or from home stays."""
    if os.path.isabs(text) or text.startswith("~"):
        return text
    folder, name = os.path.split(os.path.join(here, text))
    return os.path.relpath(os.path.join(os.path.realpath(folder), name), there)
