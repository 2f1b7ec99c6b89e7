"""Which tensors Triton's kernels can work on. Triton comes with torch where torch has CUDA; without it torch serves."""

from __future__ import annotations

import functools
from contextlib import AbstractContextManager

import torch
from torch import Tensor

from .optional import installed

__all__ = ["kernels_serve", "next_power_of_2", "on_device_of"]


@functools.cache
def _has_triton() -> bool:
    return installed("triton") and torch.cuda.is_available()


def kernels_serve(*tensors: Tensor | None) -> bool:
    """Whether all tensors are on one GPU of NVIDIA's or AMD's, and Triton is here to compile for it.

    Example:
        >>> kernels_serve(torch.ones(2))
        False
    """
    places = {tensor.device for tensor in tensors if tensor is not None}
    return len(places) == 1 and places.pop().type == "cuda" and _has_triton()


def on_device_of(tensor: Tensor) -> AbstractContextManager[None]:
    """Makes the GPU of a tensor the current one, where Triton launches, whatever GPU its kernels are given tensors of.

    Example:
        >>> with on_device_of(torch.ones(2)):  # nothing, on the CPU
        ...     pass
    """
    return torch.cuda.device_of(tensor)  # type: ignore[no-untyped-call]


def next_power_of_2(number: int) -> int:
    """The least power of two that is not below a number: Triton's blocks have such sizes.

    Example:
        >>> next_power_of_2(5), next_power_of_2(8), next_power_of_2(0)
        (8, 8, 1)
    """
    return 1 << max(0, number - 1).bit_length()
