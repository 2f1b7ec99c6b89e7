"""Sorting of more numbers than memory holds: sorted runs on the disk, merged block by block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["ExternalSort"]

#: Bytes that sorting takes for each key, with a payload and without: buffers, the order and what finding it takes.
_WITH, _ALONE = 32, 12
#: Keys in a block at most, so that what is made of one stays small.
_BLOCK = 1 << 18
#: Keys of a run that are remembered, evenly.
_SAMPLES = 4096


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
        #: Of each run, the last key of every ``_step`` ones.
        self._samples: list[np.ndarray] = []
        self._step = max(1, self._room // _SAMPLES)

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
        if self._filled and self._runs:
            self._write()
        keys, payload, filled = self._keys, self._payload, self._filled
        self._keys = self._payload = None
        if filled and keys is not None:  # all of it fits
            yield from self._sorted(keys[:filled], None if payload is None else payload[:filled])
        del keys, payload
        yield from self._merged()

    def _merged(self) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        for bounds in self._bounds():
            keys = self._joined("keys", np.int64, bounds)
            yield from self._sorted(keys, None if self._dtype is None else self._joined("payload", self._dtype, bounds))
        for number in range(len(self._runs)):
            for kind in ("keys", "payload"):
                self._path(number, kind).unlink(missing_ok=True)

    def _joined(self, kind: str, dtype: Any, bounds: Sequence[tuple[int, int]]) -> np.ndarray:
        """What stands within some bounds of every run, one run after another."""
        found = np.empty(sum(high - low for low, high in bounds), dtype)
        filled = 0
        for number, (low, high) in enumerate(bounds):
            if high > low:
                found[filled : filled + high - low] = self._read(number, kind, dtype, low, high)
                filled += high - low
        return found

    def _sorted(self, keys: np.ndarray, payload: np.ndarray | None) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        """Keys, whose array is used up, in order, block by block; each once where there is no payload."""
        each = max(1, min(_BLOCK, self._room // 4))
        if payload is None:
            keys.sort()
            for low in range(0, len(keys), each):
                block = keys[low : low + each]
                fresh = np.ones(len(block), dtype=bool)
                fresh[0] = low == 0 or block[0] != keys[low - 1]
                np.not_equal(block[1:], block[:-1], out=fresh[1:])
                if fresh.any():
                    yield block[fresh], None
            return
        order = np.argsort(keys, kind="stable")
        low = 0
        while low < len(keys):
            last = order[min(low + each, len(keys)) - 1]
            high = int(np.searchsorted(keys, keys[last], side="right", sorter=order))
            here = order[low:high]
            yield keys[here], payload[here]
            low = high

    def _write(self) -> None:
        assert self._keys is not None
        number, count, samples = len(self._runs), 0, []
        with ExitStack() as stack:
            kinds = ("keys",) if self._payload is None else ("keys", "payload")
            files = [stack.enter_context(self._path(number, kind).open("wb")) for kind in kinds]
            payload = None if self._payload is None else self._payload[: self._filled]
            for block in self._sorted(self._keys[: self._filled], payload):
                samples.append(block[0][self._step - 1 - count % self._step :: self._step])
                count += len(block[0])
                for file, values in zip(files, block, strict=False):
                    file.write(np.ascontiguousarray(values).data)
        self._runs.append(count)
        self._samples.append(np.concatenate(samples))
        self._filled = 0

    def _bounds(self) -> Iterator[list[tuple[int, int]]]:
        """For each block, its part of every run; a block has at most about as many keys as a run may have."""
        if not self._runs:
            return
        each = max(1, self._room // (2 * self._step))
        tops = np.unique(np.sort(np.concatenate(self._samples))[each - 1 :: each])
        before = [0] * len(self._runs)
        for top in tops.tolist():
            after = [self._place(number, top) for number in range(len(self._runs))]
            if after != before:
                yield list(zip(before, after, strict=True))
            before = after
        if before != self._runs:
            yield list(zip(before, self._runs, strict=True))

    def _place(self, number: int, top: int) -> int:
        """How many keys of a run are not above another one."""
        low = int(np.searchsorted(self._samples[number], top, side="right")) * self._step
        piece = self._read(number, "keys", np.int64, low, min(low + self._step, self._runs[number]))
        return low + int(np.searchsorted(piece, top, side="right"))

    def _read(self, number: int, kind: str, dtype: Any, low: int, high: int) -> np.ndarray:
        # Not through a map: pages of a file that is read once would count as the process's own.
        size = np.dtype(dtype).itemsize
        return np.fromfile(self._path(number, kind), dtype, high - low, offset=low * size)

    def _path(self, number: int, kind: str) -> Path:
        return self._folder / f"run{number}.{kind}"
