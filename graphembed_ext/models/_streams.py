"""The random streams of a model that draws, and how a training lends it others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["OwnStreams"]


class OwnStreams:
    """A model whose draws go on from call to call: by a key, and counts of its calls."""

    _key: int
    #: Names of the counts.
    _counts: tuple[str, ...] = ("_sampled",)

    @contextmanager
    def drawing_from(self, key: int) -> Iterator[None]:
        """Let draws in this block come from the start of another key's streams; afterwards the model's own go on."""
        kept: dict[str, Any] = {name: getattr(self, name) for name in ("_key", *self._counts)}
        self._key = key
        for name in self._counts:
            setattr(self, name, 0)
        try:
            yield
        finally:
            for name, value in kept.items():
                setattr(self, name, value)
