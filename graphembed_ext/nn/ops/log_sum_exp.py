"""Log of a sum of exponentials of dot products, which are never all held: the denominator of a sampled softmax."""

from __future__ import annotations

from threading import local
from typing import Any

import torch
from torch import Tensor

from .products import over_blocks, serves, summed

__all__ = ["log_sum_exp"]

#: Rows whose products are held at once by each thread.
_ROWS = 256


def log_sum_exp(x: Tensor, y: Tensor) -> Tensor:
    """``log(sum over j of exp(x[i] . y[j]))`` for every ``i``, differentiable in both.

    On the CPU the products are made for some rows at a time, in a buffer that stays in the caches, and anew on the way
    back: less work than to write and read them all.

    Args:
        x: ``(N, d)``.
        y: ``(M, d)``, at least one row.

    Returns:
        ``(N,)``.

    Example:
        >>> log_sum_exp(torch.zeros(2, 3), torch.zeros(4, 3))  # ln 4
        tensor([1.3863, 1.3863])
    """
    if serves(x) and y.dtype == x.dtype and not torch.compiler.is_compiling():
        return _LogSumExp.apply(x, y)  # type: ignore[no-untyped-call]
    return torch.logsumexp(x @ y.t(), 1)


class _LogSumExp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor) -> Tensor:
        # another thread's operators follow its own mode of gradients
        rows, columns = x.detach().contiguous(), y.detach().t()
        out, buffers = x.new_empty(len(x)), local()

        def work(block: slice) -> None:
            for part in _parts(block):
                score = _scores(buffers, rows[part], columns)
                highest = score.amax(1)
                torch.log(score.sub_(highest[:, None]).exp_().sum(1), out=out[part])
                out[part] += highest

        over_blocks(work, len(x))
        ctx.save_for_backward(x, y, out)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        x, y, out = ctx.saved_tensors
        if torch.is_grad_enabled():  # the gradient is to be differentiated again
            chance = torch.softmax(x @ y.t(), 1) * grad[:, None]
            return chance @ y, chance.t() @ x
        rows, other = x.detach().contiguous(), y.detach()
        columns, of_x, buffers = other.t(), torch.empty_like(rows), local()
        out, grad = out.detach(), grad.detach().contiguous()

        def work(block: slice, of_y: Tensor) -> None:
            of_y.zero_()
            for part in _parts(block):
                chance = _scores(buffers, rows[part], columns).sub_(out[part, None]).exp_().mul_(grad[part, None])
                torch.mm(chance, other, out=of_x[part])
                of_y.addmm_(chance.t(), rows[part])

        (of_y,) = summed(work, len(x), x, tuple(y.shape))
        return of_x, of_y


def _parts(block: slice) -> list[slice]:
    return [slice(low, min(low + _ROWS, block.stop)) for low in range(block.start, block.stop, _ROWS)]


def _scores(buffers: local, x: Tensor, columns: Tensor) -> Tensor:
    """Products in this thread's buffer: fresh memory for each would cost more than they do."""
    if not hasattr(buffers, "scores"):
        buffers.scores = x.new_empty(_ROWS, columns.size(1))
    found: Tensor = torch.mm(x, columns, out=buffers.scores[: len(x)])
    return found
