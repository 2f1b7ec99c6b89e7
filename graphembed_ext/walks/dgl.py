"""Walks by DGL's samplers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def _dgl_seeded(dgl: Any, stream: int) -> Iterator[None]:
    """DGL on one thread and seeded: elsewise its walks are others on every machine."""
    threads = dgl.utils.get_num_threads()
    dgl.utils.set_num_threads(1)
    try:
        dgl.seed(stream >> 33)  # DGL takes seeds below 2**31
        yield
    finally:
        dgl.utils.set_num_threads(threads)
