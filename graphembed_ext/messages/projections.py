"""Two projections of one matrix: of all its rows as sources, of its first rows as targets."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

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
    return _Projections.apply(x, of_sources, of_targets, num_dst)  # type: ignore[no-untyped-call]


class _Projections(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, of_sources: Tensor, of_targets: Tensor, num_dst: int) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(x, of_sources, of_targets)
        ctx.num_dst = num_dst
        return x @ of_sources.t(), x[:num_dst] @ of_targets.t()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, sources: Tensor, targets: Tensor) -> tuple[Tensor | None, ...]:
        x, of_sources, of_targets = ctx.saved_tensors
        wants_x, wants_sources, wants_targets, _ = ctx.needs_input_grad
        grad = None
        if wants_x:
            grad = sources @ of_sources
            grad[: ctx.num_dst].addmm_(targets, of_targets)
        return (
            grad,
            sources.t() @ x if wants_sources else None,
            targets.t() @ x[: ctx.num_dst] if wants_targets else None,
            None,
        )
