"""Run a piece of work on a given number of threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["threads"]


@contextmanager
def threads(count: int | None) -> Iterator[int]:
    """Let torch use ``count`` threads within the context, and as many as before after it.

    Args:
        count: Number of threads; None leaves it as it is.

    Yields:
        The number in force.

    Example:
        >>> with threads(1) as count:
        ...     count
        1
    """
    import torch

    before = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(count)
    try:
        yield torch.get_num_threads()
    finally:
        torch.set_num_threads(before)
