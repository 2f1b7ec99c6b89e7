"""What a launcher such as torchrun says of the processes it started, read from the environment and checked."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import NamedTuple

from ..errors import InputError

__all__ = ["Place", "place", "silence", "started_together", "timeout"]

_NEEDED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
#: What other launchers set, who start processes that know nothing of each other's addresses.
_FOREIGN = {"OMPI_COMM_WORLD_SIZE": "mpirun", "PMI_SIZE": "mpiexec"}
_HINT = "torchrun --standalone --nproc_per_node N -m graphembed_ext ... starts N ranks and sets all of them"
#: Environment variable with the seconds that a rank waits for another one.
TIMEOUT = "GRAPHEMBED_TIMEOUT"
#: The same with the seconds that a rank which others wait for may give no sign of life.
SILENCE = "GRAPHEMBED_SILENCE"


class Place(NamedTuple):
    """Which process this is.

    Attributes:
        rank: Its number, from 0.
        size: How many there are.
    """

    rank: int
    size: int


def started_together() -> bool:
    """Whether a launcher has started this process as one of several, or as one of one.

    Raises:
        InputError: A launcher that says how many there are and no more.
    """
    if any(name in os.environ for name in ("RANK", "WORLD_SIZE")):
        return True
    for name, launcher in _FOREIGN.items():
        if os.environ.get(name, "1") != "1":
            raise InputError(
                "strategy", f"a process of {launcher}, {name}={os.environ[name]}", f"the variables {_listed()}", _HINT
            )
    return False


def place() -> Place:
    """Rank and number of ranks.

    Raises:
        InputError: Variables that are missing, no numbers, or do not fit together.

    Example:
        >>> old = dict(os.environ)
        >>> os.environ |= {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": "29500"}
        >>> place()
        Place(rank=1, size=2)
        >>> os.environ.clear(); os.environ.update(old)
    """
    missing = [name for name in _NEEDED if name not in os.environ]
    if missing:
        there = ", ".join(name for name in _NEEDED if name in os.environ)
        raise InputError(
            "strategy", f"an environment with {there} and without {', '.join(missing)}", f"all of {_listed()}", _HINT
        )
    rank, size = _number("RANK"), _number("WORLD_SIZE")
    if not 0 <= rank < size:
        raise InputError("strategy", f"RANK={rank} and WORLD_SIZE={size}", "a rank from 0 to WORLD_SIZE - 1", _HINT)
    return Place(rank, size)


def timeout() -> timedelta:
    """How long a rank waits for another one: ten minutes, or as many seconds as ``GRAPHEMBED_TIMEOUT`` says.

    Raises:
        InputError: It says something else.
    """
    return timedelta(seconds=_seconds(TIMEOUT, 600.0))


def silence() -> float:
    """Seconds without a sign of life after which a rank that others wait for is given up: 20, or what
    ``GRAPHEMBED_SILENCE`` says.

    Raises:
        InputError: It says something else.
    """
    return _seconds(SILENCE, 20.0)


def _seconds(name: str, usual: float) -> float:
    text = os.environ.get(name, str(usual))
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise InputError(name, text, "a number of seconds above 0")
    return seconds


def _number(name: str) -> int:
    try:
        return int(os.environ[name])
    except ValueError:
        raise InputError("strategy", f"{name}={os.environ[name]!r}", "a whole number", _HINT) from None


def _listed() -> str:
    return ", ".join(_NEEDED[:-1]) + f" and {_NEEDED[-1]}"
