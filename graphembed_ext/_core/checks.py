"""Argument checks shared by models, walks and training; each raises :class:`InputError`."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable
from typing import Any

from ..errors import InputError


def integer(argument: str, value: Any, minimum: int = 1, hint: str = "") -> int:
    """Return ``value`` as an int, or raise when it is no integer of at least ``minimum``."""
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not whole or value < minimum:
        raise InputError(argument, value, f"an integer of at least {minimum}", hint)
    return int(value)


def number(
    argument: str, value: Any, *, above: float | None = None, minimum: float | None = None, hint: str = ""
) -> float:
    """Return ``value`` as a finite float within the bound given."""
    bound = f" above {above:g}" if above is not None else f" of at least {minimum:g}" if minimum is not None else ""
    real = isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(float(value))
    if not real or (above is not None and value <= above) or (minimum is not None and value < minimum):
        raise InputError(argument, value, f"a finite number{bound}", hint)
    return float(value)


def flag(argument: str, value: Any) -> bool:
    """Return ``value`` when it is True or False; 0, 1 and strings are refused."""
    if not isinstance(value, bool):
        raise InputError(argument, value, "True or False")
    return value


def choice(argument: str, value: Any, options: Iterable[str]) -> str:
    """Return ``value`` when it is one of ``options``."""
    names = list(options)
    if value not in names:
        raise InputError(argument, value, "one of " + ", ".join(map(repr, names)))
    return str(value)


def seed(value: Any) -> int | None:
    """Return a seed: None, or an integer from 0 up to 2**63 - 1."""
    if value is None:
        return None
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not whole or not 0 <= int(value) < 2**63:
        raise InputError("seed", value, "None or an integer from 0 to 2**63 - 1")
    return int(value)
