"""Files that are whole or not there, also after a loss of power."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from . import checks

__all__ = ["remove", "settled", "whole"]


def whole(path: Path, write: Callable[[Path], object]) -> Path:
    """Let ``write`` fill a file beside ``path``, then put it in its place."""
    part = checks.target("path", path).with_name(path.name + ".part")
    try:
        write(part)
        # A name that reaches the disk before the content would be a file of nothing.
        _sync(part, os.O_RDWR)
        part.replace(path)
    finally:
        with suppress(OSError):  # a name too long for a file, which the error says that is on its way
            part.unlink(missing_ok=True)
    if os.name == "posix":  # elsewhere a folder cannot be opened
        _sync(path.parent, os.O_RDONLY)
    return path


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it, where there is one."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def settled(part: Path, path: Path) -> Path:
    """Put a folder that is filled in its place, whole; an empty folder there is replaced.

    Args:
        part: The folder, beside ``path``.
        path: The place.
    """
    for file in sorted(part.rglob("*")):
        if file.is_file():
            _sync(file, os.O_RDWR)
    if os.name == "posix":
        for folder in [part, *(entry for entry in part.rglob("*") if entry.is_dir())]:
            _sync(folder, os.O_RDONLY)
    if path.is_dir():
        path.rmdir()
    part.rename(path)
    if os.name == "posix":
        _sync(path.parent, os.O_RDONLY)
    return path


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
