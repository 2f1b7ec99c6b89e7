"""Which tensors Triton's kernels can work on. Triton comes with torch where torch has CUDA; without it torch serves."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from .optional import installed

__all__ = ["kernels_serve", "next_power_of_2"]


@functools.cache
def _has_triton() -> bool:
    return installed("triton") and torch.cuda.is_available()


def kernels_serve(*tensors: Tensor | None) -> bool:
    """Whether all tensors are on a GPU of NVIDIA's or AMD's, and Triton is here to compile for it.

    Example:
        >>> kernels_serve(torch.ones(2))
        False
    """
    return all(tensor is None or tensor.device.type == "cuda" for tensor in tensors) and _has_triton()


def next_power_of_2(number: int, least: int = 1) -> int:
    """The least power of two that is not below a number, nor below ``least``: Triton's blocks have such sizes.

    Example:
        >>> next_power_of_2(5), next_power_of_2(8), next_power_of_2(3, 16)
        (8, 8, 16)
    """
    return max(least, 1 << max(0, number - 1).bit_length())
