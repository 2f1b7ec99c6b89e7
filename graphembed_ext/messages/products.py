"""Matrix products by blocks of rows, each on one thread of our own.

torch gives a product to OpenMP's threads in equal parts: where a processor is busy otherwise, as with drawing the next
mini-batch, all wait for the slowest; and afterwards they wait busily for the next operator, in the way of compiled
kernels. Blocks are handed out one after the other, and what comes before and after a product can be done to a block
while it is in the caches. The size of a block depends on the matrix alone, so the number of threads changes no bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from .parallel import held, share, threads_to_ourselves

__all__ = ["linear", "over_blocks", "serves", "summed"]

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


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``x @ weight.t() + bias``; by blocks where torch is held to one thread, so that the others get their share.

    Args:
        x: ``(N, F)``.
        weight: ``(C, F)``.
        bias: ``(C,)``, or None.

    Example:
        >>> with threads_to_ourselves():
        ...     linear(torch.ones(1, 2), torch.ones(3, 2), torch.ones(3))
        tensor([[3., 3., 3.]])
    """
    one_kind = x.dtype == weight.dtype and not torch.is_autocast_enabled(x.device.type)
    if held() and serves(x) and x.dim() == 2 and x.size(1) == weight.size(1) and one_kind:
        return _Linear.apply(x, weight, bias)  # type: ignore[no-untyped-call]
    return F.linear(x, weight, bias)


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        x, weight, offset = x.detach(), weight.detach().t(), None if bias is None else bias.detach()
        out = x.new_empty(len(x), weight.size(1))

        def work(part: slice) -> None:
            if offset is None:
                torch.mm(x[part], weight, out=out[part])
            else:
                torch.addmm(offset, x[part], weight, out=out[part])

        over_blocks(work, len(x))
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = (given.detach() for given in ctx.saved_tensors)
        grad = grad.detach()
        of_x = x.new_empty(x.shape) if ctx.needs_input_grad[0] else None

        def work(part: slice, of_weight: Tensor, of_bias: Tensor) -> None:
            if of_x is not None:
                torch.mm(grad[part], weight, out=of_x[part])
            torch.mm(grad[part].t(), x[part], out=of_weight)
            torch.sum(grad[part], 0, out=of_bias)

        of_weight, of_bias = summed(work, len(x), x, weight.shape, (len(weight),))
        return of_x, of_weight, of_bias if ctx.needs_input_grad[2] else None
