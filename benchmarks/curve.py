"""The course of memory while something runs, and what happened when."""

from __future__ import annotations

import threading
import time

from .harness import memory

__all__ = ["Curve"]


class Curve:
    """Memory of this process several times a second, as long as it is entered.

    Attributes:
        points: Seconds since the start, and bytes by :func:`~benchmarks.harness.memory`.
        steps: Seconds since the start, and what was said then.
    """

    def __init__(self, quantity: str = "RssAnon") -> None:
        self.points: list[tuple[float, int]] = []
        self.steps: list[tuple[float, str]] = []
        self._quantity, self._ended = quantity, threading.Event()

    def say(self, text: str) -> None:
        """Note what happens now."""
        self.steps.append((self._now(), text))

    def _now(self) -> float:
        return time.perf_counter() - self._began

    def _watch(self) -> None:
        while not self._ended.wait(0.1):
            self.points.append((self._now(), memory(self._quantity)))

    def __enter__(self) -> Curve:
        self._began = time.perf_counter()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._watcher.join()
