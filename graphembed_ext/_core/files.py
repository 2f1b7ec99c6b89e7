"""Files that are whole or not there, also after a loss of power."""

from __future__ import annotations

import contextlib
import errno
import glob
import hashlib
import itertools
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import torch

from ..errors import FileWriteError, GraphEmbedError
from . import checks

__all__ = ["beside", "made", "pack", "previous_of", "remove", "settled", "whole"]

#: Seconds after which a part that nobody alive is known to write is litter of a process that was killed.
_ABANDONED = 60
#: Bytes of a name, behind which there is room for what files beside it are called.
LONGEST = 200
_number = itertools.count()


def whole(path: Path, write: Callable[[Path], object], keep: Path | None = None) -> Path:
    """Let ``write`` fill a file beside ``path``, then put it in its place.

    Args:
        path: The file.
        write: Writes all of it to the path that it is given, in the same folder.
        keep: Where the file that stood there stays; None for nowhere.

    Returns:
        ``path``.

    Raises:
        MissingFolderError: There is no such folder, or no longer.
        FileWriteError: It cannot be written: a disk that is full, a folder that is read-only. What stood there is as it
            was.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "notes.txt"
        >>> whole(path, lambda part: part.write_text("all of it")) == path, path.read_text()
        (True, 'all of it')
    """
    # A name of its own for each writer, as two that write one file at a time would otherwise mix their bytes.
    part = beside(checks.target("path", path), f".{os.getpid()}.{next(_number)}.part")
    try:
        try:
            write(part)
            # A name that reaches the disk before the content would be a file of nothing.
            _sync(part, os.O_RDWR)
            if keep is not None and path.exists():
                _also_as(path, keep)
            os.replace(part, path)
        finally:
            _remove(part)
        _sync_folder(path.parent)
    except Exception as error:
        if isinstance(error, GraphEmbedError) or not _of_writing(error):
            raise
        raise FileWriteError(str(path), error) from error
    _sweep(path)
    return path


def pack(state: Any, path: Path) -> None:
    """Fill a file as ``torch.save`` does, through Python's own writer, whose errors say what the system said."""
    with path.open("wb") as file:
        torch.save(state, file)


def made(folder: Path) -> Path:
    """Make a folder, and those around it, where there is none.

    Raises:
        FileWriteError: A file stands there, or nothing can be written around it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = "a file of that name is there" if isinstance(error, FileExistsError) else error
        raise FileWriteError(str(folder), reason) from error
    return folder


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

    Raises:
        FileWriteError: It cannot be written.
    """
    try:
        for file in sorted(part.rglob("*")):
            if file.is_file():
                _sync(file, os.O_RDWR)
        for folder in [part, *(entry for entry in part.rglob("*") if entry.is_dir())]:
            _sync_folder(folder)
        if path.is_dir():
            path.rmdir()
        part.rename(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise FileWriteError(str(path), error) from error
    return path


def previous_of(path: Path) -> Path:
    """Where the file is kept that stood at a path before the one that stands there now.

    Example:
        >>> previous_of(Path("runs/state.pt")).as_posix()
        'runs/state.previous.pt'
    """
    return beside(path.with_suffix(""), f".previous{path.suffix}")


def beside(path: Path, ending: str) -> Path:
    """Path of a file that goes with another: its name, of which a very long one is cut, and an ending.

    Example:
        >>> beside(Path("runs/state.pt"), ".lock").as_posix()
        'runs/state.pt.lock'
        >>> len(beside(Path("n" * 250), ".lock").name)
        62
    """
    return path.with_name(_begin(path) + ending)


def _begin(path: Path) -> str:
    """What files beside another begin with."""
    name = os.fsencode(path.name)
    if len(name) <= LONGEST:
        return path.name
    return f"{path.name[:40]}-{hashlib.blake2b(name, digest_size=8).hexdigest()}"


def _of_writing(error: Exception) -> bool:
    """Whether an error is one of writing: the system's own, or what the writers in compiled code make of it."""
    return isinstance(error, (OSError, RuntimeError)) or type(error).__module__.startswith("safetensors")


def _also_as(path: Path, keep: Path) -> None:
    """Give the file of ``path`` a second name: there is no moment in which ``path`` is missing."""
    part = beside(keep, f".{os.getpid()}.{next(_number)}.part")
    try:
        os.link(path, part)
    except OSError:  # a file system without links
        whole(keep, lambda copy: shutil.copyfile(path, copy))
        return
    try:
        os.replace(part, keep)
    finally:
        _remove(part)


def _remove(part: Path) -> None:
    with contextlib.suppress(OSError):  # in a read-only folder it stays; why nothing was written matters more
        part.unlink(missing_ok=True)


def _sweep(path: Path) -> None:
    """Remove parts of this file that killed processes have left; those that may be another machine's stay a while."""
    begin = _begin(path)
    for part in path.parent.glob(f"{glob.escape(begin)}.*.part"):
        writer = part.name[len(begin) + 1 :].partition(".")[0]
        try:
            if writer.isdigit() and not psutil.pid_exists(int(writer)) and _age(part) > _ABANDONED:
                part.unlink()
        except OSError:
            pass  # another process has swept it


def _age(path: Path) -> float:
    return time.time() - path.stat().st_mtime


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":  # elsewhere a folder cannot be opened
        return
    try:
        _sync(folder, os.O_RDONLY)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # file systems that keep folders by themselves
            raise
