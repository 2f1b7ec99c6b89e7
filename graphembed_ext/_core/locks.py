"""Locks on files: of two runs with one output, the second learns who the first is."""

from __future__ import annotations

import json
import os
import platform
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from ..errors import FileInUseError, FileWriteError
from .files import beside

__all__ = ["held"]


@contextmanager
def held(path: Path, say: Callable[[str], object] | None = None) -> Iterator[None]:
    """Hold a file that is to be written for a while; beside it stands ``<name>.lock``, which says by whom.

    The system frees a lock when its holder dies, however it dies; what is left of it is taken over with a warning.

    Args:
        path: The file; it need not exist.
        say: Called with a line about a lock that was taken over; None warns.

    Raises:
        FileInUseError: Another process, or another thread of this one, holds it.
        FileWriteError: Its folder is gone or read-only.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "state.pt"
        >>> with held(path):
        ...     print(path.with_name("state.pt.lock").exists())
        True
    """
    lock = beside(path, ".lock")
    try:
        descriptor, dead = _taken(lock, path)
    except FileInUseError:
        raise
    except OSError as error:
        raise FileWriteError(str(path), error) from error
    try:
        if dead:
            line = f"{path}: taken over from {_named(dead)}, which has ended without letting go of it."
            warnings.warn(line, stacklevel=4) if say is None else say(line)
        yield
    finally:
        _let_go(lock, descriptor)


def _taken(lock: Path, path: Path) -> tuple[int, dict[str, Any]]:
    """A descriptor of the lock file, locked, with this process in it; and the dead holder of before."""
    dead: dict[str, Any] = {}
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            free, holder = _try(descriptor), _holder(descriptor)
            if free and _same(descriptor, lock):
                _sign(descriptor)
                return descriptor, holder or dead
            if not free and not _dead(holder):
                raise FileInUseError(str(path), _named(holder))
            if not free:  # a process that it had forked has it still
                dead = holder
                lock.unlink(missing_ok=True)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # whoever had it has removed it since it was opened


def _let_go(lock: Path, descriptor: int) -> None:
    try:
        if _same(descriptor, lock):
            lock.unlink(missing_ok=True)
    except OSError:
        pass  # the folder has become read-only or is gone; without its holder the file locks nothing
    finally:
        _release(descriptor)
        os.close(descriptor)


def _same(descriptor: int, lock: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(lock))
    except FileNotFoundError:
        return False


def _sign(descriptor: int) -> None:
    since = datetime.now().astimezone().isoformat(" ", "seconds")
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, json.dumps({"pid": os.getpid(), "host": platform.node(), "since": since}).encode())


def _holder(descriptor: int) -> dict[str, Any]:
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        found = json.loads(os.read(descriptor, 4096))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _dead(holder: dict[str, Any]) -> bool:
    """Whether it is known that a holder has ended: of other machines' processes it is not."""
    pid = holder.get("pid")
    return holder.get("host") == platform.node() and isinstance(pid, int) and not psutil.pid_exists(pid)


def _named(holder: dict[str, Any]) -> str:
    if not holder:
        return "another process"
    own = " (this one)" if (holder.get("pid"), holder.get("host")) == (os.getpid(), platform.node()) else ""
    return f"process {holder.get('pid')}{own} on {holder.get('host')} since {holder.get('since')}"


if os.name == "nt":
    import msvcrt

    #: Windows locks ranges of bytes and lets nobody read them: one far behind what the file says.
    _BYTE = 1 << 20

    def _try(descriptor: int) -> bool:
        os.lseek(descriptor, _BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            return False
        return True

    def _release(descriptor: int) -> None:
        os.lseek(descriptor, _BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined]

else:
    import fcntl

    def _try(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True  # a file system without locks: runs on it are not told apart
        return True

    def _release(descriptor: int) -> None:
        # By name, as a process that was forked meanwhile has the descriptor, too, and would hold on.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
