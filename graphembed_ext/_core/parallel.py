"""Compiled kernels and blocks of work on several threads, each with a part of its own.

A kernel is compiled with ``nogil=True`` and called as ``kernel(first, last, *arguments)``; it writes the rows from
``first`` to ``last`` and no others, so that the number of threads changes nothing in the result. numba's own
threading layers are left alone: OpenMP's ends a process that forks after its first use, the workqueue layer one that
enters it from two threads.

After an operator of torch on several threads, OpenMP's wait for the next one, busily, for some milliseconds. Threads of
our own would have to share the processors with those that wait, so the main thread, where torch's operators run, takes
the waiting ones: it enters a parallel region of the same OpenMP runtime. Elsewhere, and where torch brings no such
runtime (:func:`_region`), there is a pool.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["leave_one", "over_rows", "share", "threads_to_ourselves"]

#: Less work than this many numbers is not worth another thread.
_WORTHWHILE = 1 << 18

_Callback = ctypes.CFUNCTYPE(None, ctypes.c_void_p)

_pool: ThreadPoolExecutor | None = None
_this_thread = threading.local()
#: Threads for kernels while torch has been held to one; None follows torch.
_ours: int | None = None
#: A forked child has OpenMP's state, but not its threads.
_forked = False


@contextmanager
def threads_to_ourselves() -> Iterator[None]:
    """Hold torch's operators to one thread, and leave the others to kernels, and to blocks of work.

    An operator in a block would start threads of its own otherwise; and its last bits would depend on their number.
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


def leave_one() -> None:
    """Tell that the calling thread works ahead for another, to which it leaves a processor from now on."""
    _this_thread.left = 1


def _allowed() -> int:
    count = torch.get_num_threads() if _ours is None else _ours
    return max(count - getattr(_this_thread, "left", 0), 1)


def share(work: Callable[[int], None], amount: int) -> None:
    """Call ``work(0)`` to ``work(amount - 1)`` on as many threads as kernels get, in no particular order.

    Where one fails, what has not begun is left undone.
    """
    count = min(_allowed(), amount)
    if count <= 1:
        for number in range(amount):
            work(number)
        return
    todo = iter(range(amount))
    failures: list[BaseException] = []

    def some(_: Any = None) -> None:
        try:
            torch.get_num_threads()  # a new thread takes the number that torch is held to with its first question
            for number in todo:  # a range's iterator is one step of the interpreter: no number is handed out twice
                if failures:
                    return
                work(number)
        except BaseException as error:  # Ctrl-C, too, must not pass through the region
            failures.append(error)

    region = None if _forked or threading.current_thread() is not threading.main_thread() else _region()
    if region is not None:
        region(_Callback(some), None, count, 0)
    else:
        others = [_threads(count).submit(some) for _ in range(count - 1)]
        some()
        for other in others:
            other.result()
    if failures:
        raise failures[0]


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
    share(lambda number: kernel(bounds[number], bounds[number + 1], *arguments), count)


@cache
def _region() -> Any:
    """The entry to a parallel region of the OpenMP runtime that torch brings along; None where it brings none, or one
    with other names for things.
    """
    path = _region_path()
    if path is None:
        return None
    try:
        region = ctypes.CDLL(str(path)).GOMP_parallel
    except (OSError, AttributeError):
        return None
    region.argtypes, region.restype = [_Callback, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint], None
    return region


def _region_path() -> Path | None:
    folder = Path(torch.__file__).parent
    found = [*folder.glob("lib/libgomp*.so*"), *folder.parent.glob("torch.libs/libgomp*.so*")]
    return found[0] if len(found) == 1 else None


def _threads(count: int) -> ThreadPoolExecutor:
    global _pool
    if _pool is None or _pool._max_workers < count - 1:
        _pool = ThreadPoolExecutor(count - 1, thread_name_prefix="messages")
    return _pool


def _after_fork() -> None:
    global _pool, _forked
    _pool, _forked = None, True  # a forked child has the pool, but not its threads


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
