"""Sorting of more numbers than memory holds: sorted runs on the disk, merged block by block."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["ExternalSort"]

#: Bytes that sorting takes for each key, with a payload and without: buffers, the order, what is gathered by it.
_WITH, _ALONE = 48, 24


class ExternalSort:
    """Keys, perhaps each with a payload, in ascending order; equal keys stay in the order in which they were added.

    Args:
        folder: Where runs are kept until :meth:`blocks` is through; made where it is not there.
        memory: Bytes that may be used, about.
        payload: dtype of what belongs to each key; None for keys alone, of which only one of each is kept.

    Example:
        >>> import tempfile
        >>> sorting = ExternalSort(Path(tempfile.mkdtemp()), memory=100)
        >>> sorting.add(np.array([5, 3, 9, 3]))
        >>> sorting.add(np.array([1, 9, 4]))
        >>> np.concatenate([keys for keys, _ in sorting.blocks()]).tolist()
        [1, 3, 4, 5, 9]
    """

    def __init__(self, folder: Path, memory: int, payload: Any = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._dtype = folder, None if payload is None else np.dtype(payload)
        self._room = max(4, memory // (_ALONE if payload is None else _WITH))
        self._keys: np.ndarray | None = None
        self._payload: np.ndarray | None = None
        self._filled = 0
        self._runs: list[int] = []

    def add(self, keys: np.ndarray, payload: np.ndarray | None = None) -> None:
        """More keys, int64, with their payload."""
        low = 0
        while low < len(keys):
            if self._keys is None:
                self._keys = np.empty(self._room, np.int64)
                self._payload = None if self._dtype is None else np.empty(self._room, self._dtype)
            high = min(len(keys), low + self._room - self._filled)
            here = slice(self._filled, self._filled + high - low)
            self._keys[here] = keys[low:high]
            if self._payload is not None and payload is not None:
                self._payload[here] = payload[low:high]
            self._filled, low = here.stop, high
            if self._filled == self._room:
                self._write()

    def blocks(self) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        """Keys in ascending order with their payload, block by block; all equal keys stand in one block."""
        if self._filled:
            if not self._runs:  # all of it fits
                yield self._sorted()
                return
            self._write()
        self._keys = self._payload = None
        yield from self._merged() if self._runs else ()

    def _merged(self) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        for bounds in self._bounds():
            parts = [(number, low, high) for number, (low, high) in enumerate(bounds) if high > low]
            keys = np.concatenate([self._read(number, "keys", np.int64, low, high) for number, low, high in parts])
            if self._dtype is None:
                keys.sort()
                yield _once(keys), None
                continue
            payload = np.concatenate([self._read(number, "payload", self._dtype, *ends) for number, *ends in parts])
            order = np.argsort(keys, kind="stable")
            yield keys[order], payload[order]
        for number in range(len(self._runs)):
            for kind in ("keys", "payload"):
                self._path(number, kind).unlink(missing_ok=True)

    def _sorted(self) -> tuple[np.ndarray, np.ndarray | None]:
        assert self._keys is not None
        keys = self._keys[: self._filled]
        if self._payload is None:
            keys.sort()
            return _once(keys), None
        order = np.argsort(keys, kind="stable")
        return keys[order], self._payload[: self._filled][order]

    def _write(self) -> None:
        keys, payload = self._sorted()
        number = len(self._runs)
        keys.tofile(self._path(number, "keys"))
        if payload is not None:
            payload.tofile(self._path(number, "payload"))
        self._runs.append(len(keys))
        self._filled = 0

    def _bounds(self) -> Iterator[list[tuple[int, int]]]:
        """For each block, its part of every run; a block has about as many keys as a run had."""
        count = len(self._runs)
        step = max(1, self._room // (2 * count))
        runs = [np.memmap(self._path(number, "keys"), np.int64, "r", shape=(n,)) for number, n in enumerate(self._runs)]
        samples = np.sort(np.concatenate([run[step - 1 :: step] for run in runs]))
        each = max(1, self._room // step - count)
        tops = np.unique(samples[each - 1 :: each])
        before = [0] * count
        for top in tops.tolist():
            after = [int(np.searchsorted(run, top, side="right")) for run in runs]
            if after != before:
                yield list(zip(before, after, strict=True))
            before = after
        if before != self._runs:
            yield list(zip(before, self._runs, strict=True))

    def _read(self, number: int, kind: str, dtype: Any, low: int, high: int) -> np.ndarray:
        # Not through a map: pages of a file that is read once would count as the process's own.
        size = np.dtype(dtype).itemsize
        return np.fromfile(self._path(number, kind), dtype, high - low, offset=low * size)

    def _path(self, number: int, kind: str) -> Path:
        return self._folder / f"run{number}.{kind}"


def _once(keys: np.ndarray) -> np.ndarray:
    """Each of some sorted keys once."""
    if not len(keys):
        return keys
    fresh = np.ones(len(keys), dtype=bool)
    np.not_equal(keys[1:], keys[:-1], out=fresh[1:])
    return keys if fresh.all() else keys[fresh]
