"""Where a model is trained, and in which precision."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import nn

from ..errors import InputError

__all__ = ["PRECISIONS", "autocast", "device_of", "devices", "place"]

#: What products of matrices are computed in.
PRECISIONS = ("fp32", "bf16")


def devices() -> list[str]:
    """Names of the devices that there are.

    Example:
        >>> devices()[0]
        'cpu'
    """
    if not torch.accelerator.is_available():
        return ["cpu"]
    kind = torch.accelerator.current_accelerator()
    assert kind is not None  # one is available
    return ["cpu", *(f"{kind.type}:{number}" for number in range(torch.accelerator.device_count()))]


def device_of(device: Any) -> torch.device:
    """A device that there is.

    Args:
        device: A device of torch, or its name: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``.

    Raises:
        InputError: No device, or one that this machine lacks; says which there are.
    """
    known = devices()
    expected = f"one of {', '.join(map(repr, known))}, which are here"
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError, ValueError) as error:
        raise InputError("device", device, expected) from error
    if str(found) not in known and not (found.index in (None, 0) and found.type in _types(known)):
        raise InputError("device", device, expected)
    return found


def _types(names: list[str]) -> set[str]:
    return {name.partition(":")[0] for name in names}


def place(model: nn.Module, device: Any) -> None:
    """Move a model to a device, by name or not; None leaves it where it is.

    Raises:
        InputError: A device that is not here, or a model whose tables are yet to be made.
    """
    if device is None:
        return
    found = device_of(device)
    if any(parameter.is_meta for parameter in model.parameters()):
        expected = "None for a model made with device='meta', whose rows each process makes where it trains"
        raise InputError("device", device, expected)
    model.to(found)


def autocast(precision: str | None, device: torch.device) -> AbstractContextManager[Any]:
    """What a loss is computed under: torch's autocast, or nothing."""
    return torch.autocast(device.type, torch.bfloat16) if precision == "bf16" else nullcontext()
