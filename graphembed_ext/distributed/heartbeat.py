"""Signs of life of ranks: what tells a rank that works for long from one that stands still."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent import futures
from concurrent.futures import Future
from datetime import timedelta
from typing import Any

from ..errors import DistributedError
from . import launch

__all__ = ["Heartbeat", "named"]

#: Seconds from one sign to the next.
_EVERY = 1.0
#: After which time a rank that waits looks whether the others give signs of life, again and again.
_LOOK = timedelta(seconds=2)
#: Seconds of silence that one look at the signs may find: this process may have been held up itself.
_MOST = 3.0


class Heartbeat:
    """A thread that leaves a sign of this rank in the store every second, and looks for those of the others.

    Args:
        store: Where ranks leave word for each other.
        rank: This one.
        size: How many there are.

    Attributes:
        left: Whether others have been given up that operations still wait for.
    """

    def __init__(self, store: Any, rank: int, size: int) -> None:
        self._store, self._rank = store, rank
        self._names = {other: f"beat/{other}" for other in range(size) if other != rank}
        #: By rank, what it said last, and the seconds since then.
        self._heard: dict[int, tuple[bytes, float]] = {}
        self._looks, self._seen = 0, (-1, 0.0)
        self.left = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._thread.start()

    def finished(self, work: Any) -> None:
        """Wait for an operation of torch's, as long as the others give signs of life.

        Raises:
            DistributedError: Names those that give none.
        """
        began = time.monotonic()
        while True:
            try:
                work.wait(_LOOK)
                return
            except RuntimeError:
                if work.is_completed():
                    work.wait()  # raises what it ended with, if it did
                    return
            self._check(began)

    def during(self, call: Callable[[], Any]) -> Any:
        """What a call returns in which ranks wait for each other; it is made beside, and waited for likewise."""
        found: Future[Any] = Future()
        threading.Thread(target=_settle, args=(found, call), daemon=True).start()
        began = time.monotonic()
        while not futures.wait([found], _LOOK.total_seconds()).done:
            self._check(began)
        return found.result()

    def _check(self, since: float) -> None:
        """Raise where ranks that were heard are heard no more: all of them, where the store says nothing.

        Args:
            since: When the caller began to wait, by ``time.monotonic``.
        """
        now, longest = time.monotonic(), launch.silence()
        if self._seen[0] != self._looks or self._seen[1] < since:
            self._seen = self._looks, now
        silent = [rank for rank, (_, quiet) in sorted(self._heard.items()) if quiet > longest]
        if now - self._seen[1] > longest:
            silent = list(self._names)
        if silent:
            self.left = True
            raise DistributedError(
                f"{named(silent)} gave no sign of life for {longest:g} s, and so rank {self._rank} ends: stopped, or "
                "on a machine that is gone or stands still."
            )

    def stop(self) -> None:
        """Leave no more signs. The thread must not be in the midst of one when the interpreter ends."""
        self._ended.set()
        self._thread.join(_MOST)

    def _beat(self) -> None:
        last = time.monotonic()
        while not self._ended.wait(_EVERY):
            try:
                self._store.set(f"beat/{self._rank}", str(self._looks))
                now = time.monotonic()
                self._look(min(now - last, _MOST))
            except RuntimeError:  # the store has gone, and operations fail with it
                return
            last = now
            self._looks += 1

    def _look(self, passed: float) -> None:
        unknown = [rank for rank in self._names if rank not in self._heard]
        known = [*self._heard, *(rank for rank in unknown if self._store.check([self._names[rank]]))]
        if not known:
            return
        said = self._store.multi_get([self._names[rank] for rank in known])
        for rank, word in zip(known, said, strict=True):
            before, quiet = self._heard.get(rank, (b"", 0.0))
            self._heard[rank] = word, (quiet + passed if word == before else 0.0)


def _settle(found: Future[Any], call: Callable[[], Any]) -> None:
    try:
        found.set_result(call())
    except BaseException as error:  # for who waits; errors of torch's checkpoints are no Exception
        found.set_exception(error)


def named(ranks: list[int]) -> str:
    """Ranks in words.

    Example:
        >>> named([3]), named([0, 2])
        ('rank 3', 'ranks 0, 2')
    """
    return f"rank {ranks[0]}" if len(ranks) == 1 else f"ranks {', '.join(map(str, ranks))}"
