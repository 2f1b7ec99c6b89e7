"""Work ahead in a thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from .parallel import leave

__all__ = ["Item", "in_background"]


Item = TypeVar("Item")


def in_background(items: Callable[[], Iterator[Item]], ahead: int, *, leaves: int = 1) -> Iterator[Item]:
    """The items of an iterator, made by a thread that keeps at most ``ahead`` of them waiting.

    The thread ends with the iterator, be it run through, closed, or dropped half-way; an error in it is raised
    here.

    Args:
        items: Makes the iterator, in the thread.
        ahead: Items that may wait.
        leaves: Processors that the thread leaves to the one it works for.
    """
    waiting: queue.Queue[tuple[bool, Any]] = queue.Queue(ahead)
    stopped = threading.Event()

    def put(entry: tuple[bool, Any]) -> None:
        while not stopped.is_set():
            try:
                waiting.put(entry, timeout=0.1)
                break
            except queue.Full:
                continue

    def work() -> None:
        leave(leaves)
        try:
            for item in items():
                put((True, item))
                if stopped.is_set():
                    return
            put((False, None))
        except BaseException as error:
            put((False, error))

    def read() -> Iterator[Item]:
        thread = threading.Thread(target=work, name="graphembed-walks", daemon=True)
        thread.start()
        try:
            while True:
                more, item = waiting.get()
                if more:
                    yield item
                elif item is None:
                    return
                else:
                    raise item
        finally:
            stopped.set()
            thread.join()

    return read()
