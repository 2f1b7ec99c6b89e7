"""Two projections of one matrix: of all its rows as sources, of its first rows as targets."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..unchanged import eager
from .products import over_blocks, serves, summed

__all__ = ["projections"]


def projections(x: Tensor, of_sources: Tensor, of_targets: Tensor, num_dst: int) -> tuple[Tensor, Tensor]:
    """``x @ of_sources.t()`` and ``x[:num_dst] @ of_targets.t()``.

    The gradient of ``x`` is written once. Two linear layers would make one each, that of the first rows padded with
    zeros to the size of ``x``, and add them: on a mini-batch that costs more than the second product.

    Args:
        x: ``(N, F)``.
        of_sources: ``(C, F)``.
        of_targets: ``(D, F)``.
        num_dst: How many rows are targets.

    Returns:
        ``(N, C)`` and ``(num_dst, D)``.

    Example:
        >>> ones = torch.ones(1, 2)
        >>> projections(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), ones, 2 * ones, 1)
        (tensor([[3.],
                [7.]]), tensor([[6.]]))
    """
    if not eager(x, of_sources, of_targets):
        return x @ of_sources.t(), x[:num_dst] @ of_targets.t()
    return _Projections.apply(x, of_sources, of_targets, num_dst)  # type: ignore[no-untyped-call]


class _Projections(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, of_sources: Tensor, of_targets: Tensor, num_dst: int) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(x, of_sources, of_targets)
        ctx.num_dst = num_dst
        if not serves(x):
            return x @ of_sources.t(), x[:num_dst] @ of_targets.t()
        x, first, second = x.detach(), of_sources.detach().t(), of_targets.detach().t()
        sources, targets = x.new_empty(len(x), first.size(1)), x.new_empty(num_dst, second.size(1))

        def work(part: slice) -> None:
            torch.mm(x[part], first, out=sources[part])
            if part.start < num_dst:
                torch.mm(x[part][: num_dst - part.start], second, out=targets[part])

        over_blocks(work, len(x))
        return sources, targets

    @staticmethod
    def backward(ctx: Any, sources: Tensor, targets: Tensor) -> tuple[Tensor | None, ...]:
        x, of_sources, of_targets = ctx.saved_tensors
        if torch.is_grad_enabled():  # the gradient is to be differentiated again
            rest = 0, 0, 0, len(x) - ctx.num_dst
            grad_x = sources @ of_sources + F.pad(targets @ of_targets, rest)
            return grad_x, sources.t() @ x, targets.t() @ x[: ctx.num_dst], None
        wants_x, wants_sources, wants_targets, _ = ctx.needs_input_grad
        grad, num_dst = x.new_empty(x.shape) if wants_x else None, ctx.num_dst
        both = wants_sources or wants_targets
        x, of_sources, of_targets, sources, targets = (
            given.detach() for given in (x, of_sources, of_targets, sources, targets)
        )

        def work(part: slice, weight_s: Tensor, weight_t: Tensor) -> None:
            reached = max(min(part.stop, num_dst) - part.start, 0)
            there = x[part]
            if grad is not None:
                torch.mm(sources[part], of_sources, out=grad[part])
                grad[part][:reached].addmm_(targets[part], of_targets)
            if both:
                torch.mm(sources[part].t(), there, out=weight_s)
                torch.mm(targets[part].t(), there[:reached], out=weight_t)

        if serves(x):
            terms = summed(work, len(x), x, of_sources.shape, of_targets.shape)
        else:
            terms = [torch.empty_like(of_sources), torch.empty_like(of_targets)]
            work(slice(0, len(x)), *terms)
        return grad, terms[0] if wants_sources else None, terms[1] if wants_targets else None, None
