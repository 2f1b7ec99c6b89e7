"""Tensors as users give them: torch's, NumPy's, or lists of numbers; checked before anything computes with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError

__all__ = ["as_floats", "as_tensor", "described"]


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
