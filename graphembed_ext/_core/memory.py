"""How much memory training takes, said before it is taken."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil

from ..errors import FileFormatError, InputError

__all__ = [
    "available",
    "check_file_room",
    "check_nodes",
    "check_room",
    "check_tables",
    "check_training",
    "peak",
    "readable",
    "resident",
]

#: Bytes for whose sake the system is not asked how many there are.
_SMALL = 1 << 28
_CGROUP = Path("/sys/fs/cgroup")
_STATUS = Path("/proc/self/status")


def available() -> int:
    """Bytes that this process may still take: of the machine's, and of its container's where that sets a limit."""
    free = int(psutil.virtual_memory().available)
    try:
        limit, used = ((_CGROUP / name).read_text().strip() for name in ("memory.max", "memory.current"))
        if limit != "max":
            free = min(free, max(0, int(limit) - int(used)))
    except (OSError, ValueError):
        pass  # no container, or one that does not tell
    return min(free, _allowed())


def _allowed() -> int:
    """Bytes that limits of the process itself (``ulimit``) leave."""
    if sys.platform == "win32":
        return sys.maxsize
    import resource

    left = sys.maxsize
    for name, held in (("RLIMIT_AS", "vms"), ("RLIMIT_DATA", "data")):
        limit = resource.getrlimit(getattr(resource, name))[0]
        if limit != resource.RLIM_INFINITY:
            used = getattr(psutil.Process(os.getpid()).memory_info(), held, 0)
            left = min(left, max(0, limit - int(used)))
    return left


def resident() -> int:
    """Bytes of memory this process holds now."""
    return int(psutil.Process(os.getpid()).memory_info().rss)


def peak() -> int:
    """Most bytes of memory this process has ever held, it alone.

    getrusage counts what the parent process held when it started this one, so it is asked only where the system has no
    ``/proc``.
    """
    try:
        lines = _STATUS.read_text(encoding="ascii", errors="replace").splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration, ValueError):
        pass  # another system
    if sys.platform == "win32":
        return int(psutil.Process(os.getpid()).memory_info().peak_wset)
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def readable(size: float) -> str:
    """A number of bytes for a reader.

    Example:
        >>> readable(3 * 2**30), readable(2**20)
        ('3.00 GiB', '1.0 MiB')
    """
    if size >= 2**60:
        return f"{size / 2**60:.3g} EiB"
    return f"{size / 2**30:.2f} GiB" if size >= 2**29 else f"{size / 2**20:.1f} MiB"


def check_room(argument: str, got: str, needed: int, purpose: str, hint: str = "") -> None:
    """Refuse, before it is asked for, memory that is not there.

    Args:
        argument: Name of the argument that says how much, for errors.
        got: Its value.
        needed: Bytes.
        purpose: What they are for.
        hint: What would fit.

    Raises:
        InputError: It is more than there is.

    Example:
        >>> check_room("walk_length", "40", 40 * 8, "a walk")
    """
    if needed > _SMALL and needed > available():
        raise InputError(
            argument,
            f"{got}, for which {purpose} would take {readable(needed)}",
            f"what fits into the {readable(available())} of memory that is free",
            hint,
        )


def check_file_room(size: float, place: str, what: str) -> None:
    """Raise :class:`FileFormatError` for ``size`` bytes that the memory does not have.

    Args:
        size: Bytes.
        place: File, and perhaps what in it.
        what: What needs them, such as ``"a dense matrix of shape (9, 9)"``.
    """
    free = available()
    if size > free:
        raise FileFormatError(
            place, f"{what}, {readable(size)}", f"at most the {readable(free)} of memory that are free"
        )


def check_nodes(num_nodes: int, each: int, what: str) -> None:
    """Refuse, before it is made, what is too large because of the number of nodes.

    Args:
        num_nodes: How many there are.
        each: Bytes for a node.
        what: What takes them, in the plural.

    Raises:
        InputError: It needs more memory than there is.

    Example:
        >>> check_nodes(1000, 8, "ids")
    """
    hint = "ids count from 0 and the largest one makes the number of nodes: number nodes anew where ids have gaps"
    check_room("num_nodes", f"{num_nodes} nodes", each * num_nodes, f"their {what}", hint)


def check_tables(num_nodes: int, emb_dim: int) -> None:
    """Refuse, before they are made, two tables of float32 that do not fit.

    Raises:
        InputError: They need more memory than there is.

    Example:
        >>> check_tables(1000, 128)
    """
    needed = 2 * num_nodes * emb_dim * 4
    if 2 * num_nodes * 4 > available():
        raise InputError(
            "num_nodes",
            f"{num_nodes} nodes, whose vectors of one number would take {readable(2 * num_nodes * 4)}",
            f"nodes whose vectors fit into the {readable(available())} of memory that is free",
            "ids count from 0 and the largest one makes the number of nodes: number nodes anew where ids have gaps",
        )
    if needed > available():
        raise InputError(
            "emb_dim",
            f"{emb_dim}, which for {num_nodes} nodes makes two tables of {readable(needed)} together",
            f"tables that fit into the {readable(available())} of memory that is free",
            f"emb_dim={max(1, available() // (2 * num_nodes * 4) * 3 // 4)} would fit; so would a smaller graph",
        )


def check_training(engine: str, needed: int) -> None:
    """Refuse, before it begins, a training that does not fit.

    Args:
        engine: Name of the engine.
        needed: Bytes it will take beside what the process holds already.

    Raises:
        InputError: It needs more memory than there is.
    """
    if needed > available():
        adam = "engine='numba', which keeps no moments, or " if engine == "torch" else ""
        raise InputError(
            "model",
            f"a model whose training takes {readable(needed)} more",
            f"at most the {readable(available())} of memory that is free",
            f"{adam}a smaller emb_dim, batch_size or graph lowers it",
        )
