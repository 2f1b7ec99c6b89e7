"""Argument checks shared by models, walks and training; each raises :class:`InputError`."""

from __future__ import annotations

import errno
import math
import numbers
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError, MissingFolderError
from .near import did_you_mean

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


def decay(argument: str, value: Any) -> float:
    """Return a strength of weight decay: from 0 up to what float32, the numbers of weights, holds."""
    found = number(argument, value, minimum=0)
    if found > torch.finfo(torch.float32).max:
        raise InputError(argument, value, "a number that float32 holds")
    return found


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
        hint = did_you_mean(value, names, 1) if isinstance(value, str) else ""
        raise InputError(argument, value, "one of " + ", ".join(map(repr, names)), hint)
    return str(value)


def text(argument: str, value: Any, expected: str = "a string") -> str:
    """Return ``value`` when it is a string."""
    if not isinstance(value, str):
        raise InputError(argument, value, expected)
    return value


def path(argument: str, value: Any, expected: str = "the path of a file") -> Path:
    """Return ``value`` as a path, when it is a string or a path, and such that a file can have it."""
    named = isinstance(value, (str, os.PathLike)) and isinstance(os.fspath(value), str)
    if not named or not os.fspath(value):
        raise InputError(argument, value, expected)
    try:
        os.lstat(value)
    except ValueError as error:  # NUL, or what the file system's encoding has no bytes for
        raise InputError(argument, value, expected) from error
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise InputError(argument, os.fspath(value), f"{expected} ({error.strerror})") from error
    return Path(value)


def target(argument: str, value: Any, *, folder: bool = False) -> Path:
    """Return ``value`` as the path of a file that can be written: in a folder that exists, and none itself unless
    ``folder`` says so.
    """
    found = path(argument, value)
    try:
        around, taken = found.parent.is_dir(), found.is_dir()
    except OSError as error:  # a name that no file can have
        raise InputError(argument, str(found), f"the path of a file ({error.strerror})") from error
    if not around:
        hint = f"make the folder {found.parent}"
        raise MissingFolderError(argument, str(found), "a file in a folder that exists", hint)
    if taken and not folder:
        raise InputError(argument, str(found), "the path of a file", "this is a folder")
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


def loading(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments of a DataLoader, numbers as Python's own, which alone it takes; or raise."""
    found = dict(arguments)
    if found.get("batch_size") is not None:
        found["batch_size"] = integer("batch_size", found["batch_size"])
    if found.get("shuffle") is not None:
        found["shuffle"] = switch("shuffle", found["shuffle"])
    if "num_workers" in found:
        found["num_workers"] = workers(found["num_workers"])
    return found


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


#: Whole numbers that torch has next to no operator for.
_WIDE = (torch.uint16, torch.uint32, torch.uint64)


def as_tensor(argument: str, value: Any, expected: str) -> Tensor:
    """Real numbers, dense and with values, as a tensor; one that is such already is returned as it is.

    Args:
        argument: Name of the argument, for errors.
        value: A tensor, an array, a number, or lists of numbers or of tensors of one shape.
        expected: What it should have been, for errors.

    Raises:
        InputError: Anything else: a tensor that is sparse, complex or on the device ``meta``, a string, a dict ...

    Example:
        >>> as_tensor("x", [[1, 2], [3, 4]], "a matrix").shape
        torch.Size([2, 2])
    """
    found = value if isinstance(value, Tensor) else _made(argument, value, expected)
    if found.layout != torch.strided or found.is_meta or found.is_complex() or found.is_quantized:
        raise InputError(argument, described(found), expected)
    if found.dtype in _WIDE:
        if found.numel() and int(found.view(torch.int64).min() if found.dtype == torch.uint64 else 0) < 0:
            raise InputError(argument, f"{described(found)} with entries of 2**63 or more", expected)
        return found.long()
    return found


def as_floats(
    argument: str, value: Any, expected: str, *, dims: int | None = None, finite: bool = False, whole: bool = True
) -> Tensor:
    """The same for floating-point numbers; whole numbers become float32.

    Args:
        argument: Name of the argument, for errors.
        value: As for :func:`as_tensor`.
        expected: What it should have been, for errors.
        dims: Number of dimensions; None for any.
        finite: Whether NaN and infinity are refused.
        whole: Whether whole numbers and truth values will do.

    Raises:
        InputError: Anything else.

    Example:
        >>> as_floats("x", [1, 2], "numbers", dims=1)
        tensor([1., 2.])
    """
    found = as_tensor(argument, value, expected)
    floating = found.is_floating_point()
    if (dims is not None and found.dim() != dims) or not (floating or whole):
        raise InputError(argument, described(found), expected)
    if finite and floating and not bool(torch.isfinite(found).all()):
        raise InputError(argument, f"{described(found)} with NaN or infinite entries", expected)
    return found if floating else found.float()


def shaped(argument: str, value: Any, *shapes: torch.Size) -> Tensor:
    """The same for floating-point numbers of one of some shapes.

    Example:
        >>> shaped("weight", [1, 2], torch.Size([2]))
        tensor([1., 2.])
    """
    found = as_floats(argument, value, "floating-point numbers")
    if found.shape not in shapes:
        expected = " or ".join(f"shape {tuple(shape)}" for shape in shapes)
        raise InputError(argument, described(found), expected)
    return found


def described(value: Any) -> str:
    """What a value is, in a few words, for errors.

    Example:
        >>> described(torch.zeros(2, 3)), described([1]), described(None), described(-1)
        ('shape (2, 3) of float32', 'a list', 'None', '-1')
    """
    if isinstance(value, Tensor):
        kind = str(value.dtype).removeprefix("torch.")
        where = ", on the device meta, without values" if value.is_meta else ""
        form = "" if value.layout == torch.strided else f", {str(value.layout).removeprefix('torch.')}"
        return f"shape {tuple(value.shape)} of {kind}{form}{where}"
    if isinstance(value, np.ndarray):
        return f"an array, shape {value.shape} of {value.dtype}"
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        return repr(value)
    return f"a {type(value).__name__}"


def _made(argument: str, value: Any, expected: str) -> Tensor:
    """A tensor of what is none."""
    if value is None or isinstance(value, (str, bytes)):
        raise InputError(argument, described(value), expected)
    try:
        if isinstance(value, Sequence) and len(value) and all(isinstance(part, Tensor) for part in value):
            return torch.stack(list(value))
        if isinstance(value, np.ndarray) and not value.flags.writeable:
            value = value.copy()  # torch warns of what it could write to
        return torch.as_tensor(np.ascontiguousarray(value) if isinstance(value, np.ndarray) and value.ndim else value)
    except (TypeError, ValueError, RuntimeError, OverflowError, IndexError, NotImplementedError) as error:
        brief = " ".join(str(error).split())[:120]
        raise InputError(argument, f"{described(value)} ({brief})", expected) from error
