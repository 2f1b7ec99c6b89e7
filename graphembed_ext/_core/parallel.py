"""The one policy of threads: how many there are, and who has them.

* Kernels and blocks of work take as many threads as torch may (``torch.set_num_threads``), by :func:`over_rows` and
  :func:`share`; a thread that works ahead for another leaves one processor to it (:func:`leave`).
* While blocks of work call torch's operators, these are held to one thread (:func:`threads_to_ourselves`).
* A user's number of threads is in force by :func:`threads`, for torch and for kernels alike.
* The skip-gram engine has threads of its own, for an epoch (:mod:`graphembed_ext.training.engines.cpu`).

A kernel is compiled with ``nogil=True`` and called as ``kernel(first, last, *arguments)``; it writes the rows from
``first`` to ``last`` and no others, so that the number of threads changes nothing in the result. numba's own
threading layers are left alone: OpenMP's ends a process that forks after its first use, the workqueue layer one that
enters it from two threads.

After an operator of torch on several threads, OpenMP's wait for the next one, busily, for some milliseconds. Threads of
our own would have to share the processors with those that wait, so the main thread, where torch's operators run, takes
the waiting ones: it enters a parallel region of the same OpenMP runtime. Elsewhere, and where torch brings no such
runtime (:func:`_region`), there is a pool.

A product on two of MKL's threads rounds otherwise than on one, and MKL cuts a product for the calling thread's number
of threads even within a parallel region. ``torch.set_num_threads`` changes the calling thread's number, and that of
threads that have asked torch for nothing yet; a worker that has keeps its own. So :func:`share` holds each of its
threads itself, and leaves alone what other threads were told.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["leave", "over_rows", "share", "threads", "threads_to_ourselves"]

#: Less work than this many numbers is not worth another thread.
_WORTHWHILE = 1 << 18

_Callback = ctypes.CFUNCTYPE(None, ctypes.c_void_p)

_pool: ThreadPoolExecutor | None = None
#: ``left``: processors that this thread leaves to others. ``ours``: threads for kernels while this thread's operators
#: are held to one; None follows torch.
_this_thread = threading.local()
#: A forked child has OpenMP's state, but not its threads.
_forked = False


@contextmanager
def threads_to_ourselves() -> Iterator[None]:
    """Hold torch's operators to one thread, and leave the others to kernels, and to blocks of work.

    An operator in a block would start threads of its own otherwise; and its last bits would depend on their number.
    """
    ours = getattr(_this_thread, "ours", None)
    with _held_to_one() as before:
        _this_thread.ours = before if ours is None else ours
        try:
            yield
        finally:
            _this_thread.ours = ours


@contextmanager
def threads(count: int | None) -> Iterator[int]:
    """Let torch and kernels use ``count`` threads within the context, and as many as before after it.

    Args:
        count: Number of threads; None leaves it as it is.

    Yields:
        The number in force.

    Example:
        >>> with threads(1) as count:
        ...     count
        1
    """
    before = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(count)
    try:
        yield torch.get_num_threads()
    finally:
        torch.set_num_threads(before)


@contextmanager
def _held_to_one() -> Iterator[int]:
    """Hold the operators that this thread calls to one thread; yields the number before."""
    before = torch.get_num_threads()  # a new thread takes torch's number with its first question
    openmp, mkl = _numbers()
    if openmp is None:
        torch.set_num_threads(1)
    else:
        openmp(1)
        mine = mkl(1)
    try:
        yield before
    finally:
        if openmp is None:
            torch.set_num_threads(before)
        else:
            openmp(before)
            mkl(mine)


def leave(count: int) -> None:
    """Tell that the calling thread works ahead for another, to which it leaves so many processors from now on."""
    _this_thread.left = count


def _allowed() -> int:
    ours = getattr(_this_thread, "ours", None)
    count = torch.get_num_threads() if ours is None else ours
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
    todo, held = iter(range(amount)), getattr(_this_thread, "ours", None) is not None
    failures: list[BaseException] = []

    def some(_: Any = None) -> None:
        try:
            with _held_to_one() if held else nullcontext():
                for number in todo:  # a range's iterator is one step of the interpreter: none is handed out twice
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
    region = _function(_region_path(), "GOMP_parallel")
    if region is not None:
        region.argtypes, region.restype = [_Callback, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint], None
    return region


@cache
def _numbers() -> tuple[Any, Any]:
    """What sets the calling thread's number of OpenMP's threads, and of MKL's, which returns the one before; two times
    None where torch does not bring both along.
    """
    openmp = _function(_region_path(), "omp_set_num_threads")
    mkl = _function(Path(torch.__file__).parent / "lib" / "libtorch_cpu.so", "MKL_Set_Num_Threads_Local")
    if openmp is None or mkl is None:
        return None, None
    openmp.argtypes, openmp.restype = [ctypes.c_int], None
    mkl.argtypes, mkl.restype = [ctypes.c_int], ctypes.c_int
    return openmp, mkl


def _function(library: Path | None, name: str) -> Any:
    if library is None or not library.exists():
        return None
    try:
        return getattr(ctypes.CDLL(str(library)), name)
    except (OSError, AttributeError):
        return None


def _region_path() -> Path | None:
    folder = Path(torch.__file__).parent
    found = [*folder.glob("lib/libgomp*.so*"), *folder.parent.glob("torch.libs/libgomp*.so*")]
    return found[0] if len(found) == 1 else None


def _threads(count: int) -> ThreadPoolExecutor:
    global _pool
    if _pool is None or _pool._max_workers < count - 1:
        _pool = ThreadPoolExecutor(count - 1, thread_name_prefix="graphembed")
    return _pool


def _after_fork() -> None:
    global _pool, _forked
    _pool, _forked = None, True  # a forked child has the pool, but not its threads


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
