"""Tensors of which several processes hold a part each: torch's DTensor, which is known by what it can do."""

from __future__ import annotations

from torch import Tensor

from . import memory

__all__ = ["is_shared", "unshared"]


def is_shared(tensor: Tensor) -> bool:
    """Whether processes have a part of a tensor each."""
    return hasattr(tensor, "full_tensor")


def unshared(tensor: Tensor) -> Tensor:
    """The whole of a tensor that processes share out, on each of them, which all have to ask; any other as it is.

    Raises:
        InputError: It does not fit into memory.

    Example:
        >>> import torch
        >>> unshared(torch.ones(2))
        tensor([1., 1.])
    """
    if not is_shared(tensor):
        return tensor
    memory.check_room(
        "model",
        f"a table of {len(tensor)} rows, shared out over processes",
        tensor.numel() * tensor.element_size(),
        "the whole of it",
        "ge.distributed.save(model, folder) writes the rows of each process by itself",
    )
    found: Tensor = tensor.full_tensor()  # type: ignore[attr-defined]
    return found
