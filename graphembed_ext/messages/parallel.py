"""Compiled kernels on several threads, each on a range of rows of its own.

A kernel is compiled with ``nogil=True`` and called as ``kernel(first, last, *arguments)``; it writes the rows from
``first`` to ``last`` and no others, so that the number of threads changes nothing in the result. numba's own
threading layers are left alone: OpenMP's ends a process that forks after its first use, the workqueue layer one that
enters it from two threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["over_rows"]

#: Less work than this many numbers is not worth waking a thread.
_WORTHWHILE = 1 << 16

_pool: ThreadPoolExecutor | None = None


def _forget_pool() -> None:
    global _pool
    _pool = None  # a forked child has the object, but not its threads


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)


def over_rows(kernel: Callable[..., None], indptr: Tensor, width: int, *arguments: Any) -> None:
    """Run ``kernel(first, last, *arguments)`` over all rows of a compressed matrix.

    Args:
        kernel: A compiled function that releases the GIL.
        indptr: Bounds of the rows, int64, ``(rows + 1,)``: threads get equal numbers of entries, not of rows.
        width: Numbers handled for each entry, to judge whether several threads are worth it.
        *arguments: Passed on.
    """
    rows, entries = len(indptr) - 1, int(indptr[-1])
    count = min(torch.get_num_threads(), 1 + (entries + rows) * width // _WORTHWHILE)
    if count == 1:
        kernel(0, rows, *arguments)
        return
    # A row counts one entry more than it has: rows without any cost time, too.
    work = indptr.numpy() + np.arange(rows + 1)
    bounds = np.searchsorted(work, np.linspace(0, entries + rows, count + 1)).tolist()
    bounds[0], bounds[-1] = 0, rows
    pool = _threads(count)
    others = [pool.submit(kernel, first, last, *arguments) for first, last in pairwise(bounds[1:])]
    kernel(bounds[0], bounds[1], *arguments)
    for other in others:
        other.result()


def _threads(count: int) -> ThreadPoolExecutor:
    global _pool
    if _pool is None or _pool._max_workers < count - 1:
        _pool = ThreadPoolExecutor(count - 1, thread_name_prefix="messages")
    return _pool
