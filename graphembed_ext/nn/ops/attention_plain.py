"""Attention over in-neighbours by operators of torch, a vector for each edge: for gradients of gradients; and the draws
of its dropout, which the kernels repeat.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..._core import rng
from ...graph.adjacency import Adjacency

__all__ = ["ONE", "attend_plainly", "gradients_plainly", "keep_factors", "threshold_of"]

ONE = 1 << 32


def keep_factors(src: Tensor, dst: Tensor, num_src: int, heads: int, dropout: float, key: int) -> Tensor:
    """What attention is multiplied by under dropout, 0 or ``1 / (1 - dropout)``, for each edge and head.

    It depends on the key and on the two nodes alone, so that the order of the edges changes nothing.

    Args:
        src, dst: Nodes of each edge, int64, ``(num_edges,)``.
        num_src: Number of source nodes.
        heads: Number of heads.
        dropout: Chance of 0, below 1.
        key: Key of the random stream.

    Returns:
        float64, ``(num_edges, heads)``.
    """
    return _kept(src, dst, num_src, heads, threshold_of(dropout), key)


def _kept(src: Tensor, dst: Tensor, num_src: int, heads: int, threshold: int, key: int) -> Tensor:
    counters = (dst * num_src + src).unsqueeze(1) * heads + torch.arange(heads, device=src.device)
    kept = (rng.bits(key, counters) >> 32 & (ONE - 1)) < threshold
    return kept.double() * (ONE / threshold)


def threshold_of(dropout: float) -> int:
    """The number of 32 bits that those drawn for what stays are below."""
    return max(1, round((1 - dropout) * ONE))


def attend_plainly(graph: Adjacency, given: Any, slope: float, threshold: int, key: int) -> Tensor:
    """The same by operators of torch, with a vector for each edge: for gradients of gradients."""
    x, alpha_src, alpha_dst, weight = given
    src, dst = graph.indices, graph.destinations()
    score = F.leaky_relu(alpha_src[src] + alpha_dst[dst], slope)
    place = dst.unsqueeze(1).expand_as(score)
    largest = torch.zeros_like(alpha_dst).scatter_reduce(0, place, score.detach(), "amax", include_self=False)
    factor = (score - largest[dst]).exp()
    factor = factor / torch.zeros_like(alpha_dst).index_add(0, dst, factor)[dst]
    if threshold:
        factor = factor * _kept(src, dst, graph.num_src, x.size(1), threshold, key).to(x.dtype)
    if weight is not None:
        factor = factor * weight.to(x.dtype)[graph.edge_ids].unsqueeze(1)
    return x.new_zeros(graph.num_dst, *x.shape[1:]).index_add(0, dst, x[src] * factor.unsqueeze(2))


def gradients_plainly(ctx: Any, given: tuple[Any, ...], grad: Tensor) -> tuple[Any, ...]:
    """Gradients of attention as the backward pass of either kernel returns them; where gradients are recorded, they can
    be differentiated again.
    """
    further = torch.is_grad_enabled()
    wanted = [place for place in range(4) if ctx.needs_input_grad[place]]
    with torch.enable_grad():
        # As nodes of their own: scores are made of the same vectors, and that part of the way is not ours.
        given = tuple(None if part is None else part.view_as(part) for part in given)
        again = attend_plainly(ctx.graph, given, ctx.slope, *ctx.draws[:2])
    leaves: Any = [given[place] for place in wanted]
    found = dict(zip(wanted, torch.autograd.grad(again, leaves, grad, create_graph=further), strict=True))
    return *(found.get(place) for place in range(4)), None, None, None, None
