"""Compiled kernels on several threads, each on a range of rows of its own.

A kernel is compiled with ``nogil=True`` and called as ``kernel(first, last, *arguments)``; it writes the rows from
``first`` to ``last`` and no others, so that the number of threads changes nothing in the result. numba's own
threading layers are left alone: OpenMP's ends a process that forks after its first use, the workqueue layer one that
enters it from two threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["held", "over_rows", "share", "threads_to_ourselves"]

#: Less work than this many numbers is not worth waking a thread.
_WORTHWHILE = 1 << 20

_pool: ThreadPoolExecutor | None = None
#: Threads for kernels while torch has been held to one; None follows torch.
_ours: int | None = None


@contextmanager
def threads_to_ourselves() -> Iterator[None]:
    """Hold torch's operators to one thread, and leave the others to kernels.

    After an operator on several threads, OpenMP's wait for the next one, busily, for some milliseconds. Where small
    operators and kernels alternate, those that wait take the processors away from those that work.
    """
    global _ours
    before, ours = torch.get_num_threads(), _ours
    _ours = before if ours is None else ours
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        _ours = ours


def held() -> bool:
    """Whether :func:`threads_to_ourselves` is in force."""
    return _ours is not None


def _allowed() -> int:
    return torch.get_num_threads() if _ours is None else _ours


def share(work: Callable[[int], None], amount: int) -> None:
    """Call ``work(0)`` to ``work(amount - 1)`` on as many threads as kernels get, in no particular order."""
    count = min(_allowed(), amount)
    if count <= 1:
        for number in range(amount):
            work(number)
        return
    todo = iter(range(amount))

    def some() -> None:
        torch.get_num_threads()  # a new thread takes the number that torch is held to with its first question for it
        for number in todo:  # a range's iterator is one step of the interpreter: no number is handed out twice
            work(number)

    others = [_threads(count).submit(some) for _ in range(count - 1)]
    try:
        some()
    finally:
        for other in others:
            other.result()


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
    count = min(_allowed(), 1 + (entries + rows) * width // _WORTHWHILE)
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
