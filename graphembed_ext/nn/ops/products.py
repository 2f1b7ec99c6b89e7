"""Matrix products by blocks of rows.

torch gives a product to its threads in equal parts: where a processor is busy otherwise, as with drawing the next
mini-batch, all wait for the slowest. Blocks are handed out one after the other, and what comes before and after a
product can be done to a block while it is in the caches. The size of a block depends on the matrix alone, so the number
of threads changes no bit.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..._core.parallel import share, threads_to_ourselves

__all__ = ["over_blocks", "serves", "summed"]

_ROWS = 1024
#: Most numbers in all the matrices that a sum over blocks is made of.
_PARTS = 1 << 23


def serves(x: Tensor) -> bool:
    """Whether a matrix is one that these products are for."""
    return x.device.type == "cpu" and x.dtype in (torch.float32, torch.float64)


def _blocks(rows: int, size: int = _ROWS) -> list[slice]:
    return [slice(low, min(low + size, rows)) for low in range(0, rows, size)]


def over_blocks(work: Callable[[slice], None], rows: int) -> None:
    """Call ``work`` with every block of so many rows.

    Example:
        >>> x, out = torch.ones(3, 2), torch.empty(3, 1)
        >>> over_blocks(lambda part: torch.mm(x[part], torch.ones(2, 1), out=out[part]), 3)
        >>> out.flatten()
        tensor([2., 2., 2.])
    """
    parts = _blocks(rows)
    with threads_to_ourselves():
        share(lambda number: work(parts[number]), len(parts))


def summed(work: Callable[..., None], rows: int, like: Tensor, *shapes: tuple[int, ...]) -> list[Tensor]:
    """Matrices that are sums over blocks of rows, such as gradients of weights.

    Args:
        work: Called with a block, and for each of ``shapes`` a tensor to write the block's term to.
        rows: Number of rows in all.
        like: A tensor of their kind.
        *shapes: Shapes of the sums.

    Example:
        >>> x, y = torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0], [5.0]])
        >>> summed(lambda part, out: torch.mm(x[part].t(), y[part], out=out), 2, x, (1, 1))
        [tensor([[13.]])]
    """
    widest = max(torch.Size(shape).numel() for shape in shapes)
    most = max(_PARTS // max(widest, 1), 2)
    parts = _blocks(rows, max(_ROWS, -(-rows // most)))
    terms = [like.new_empty(len(parts), *shape) for shape in shapes]
    with threads_to_ourselves():
        share(lambda number: work(parts[number], *(term[number] for term in terms)), len(parts))
        return [term.sum(0) for term in terms]
