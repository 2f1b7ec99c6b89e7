"""Pairs of nodes that are edges, and pairs drawn from among those that are none."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .._core import rng, search
from ..errors import InputError
from ..graph.view import GraphView

__all__ = ["draw_pairs", "known_pairs"]


def known_pairs(view: GraphView | None, kinds: tuple[str, str]) -> Tensor:
    """Edges that join nodes of two types, of whatever relation, int64 ``(2, E)``; ends in the order of the types.
    None of no graph.

    Between two different types edges of both directions count, within a type each as it leads.
    """
    found = [torch.empty(2, 0, dtype=torch.int64)]
    for (source, _, target), (src, dst) in () if view is None else view.edges.items():
        if (source, target) == kinds:
            found.append(torch.stack([src, dst]).long())
        elif (target, source) == kinds:
            found.append(torch.stack([dst, src]).long())
    return torch.cat(found, 1)


def draw_pairs(
    counts: Sequence[int],
    one_kind: bool,
    taken: Sequence[Tensor],
    count: int,
    seed: int,
    purpose: str = "links",
    *,
    fewer: bool = False,
    argument: str = "test",
) -> Tensor:
    """Different pairs, drawn uniformly from among those that are not taken.

    Args:
        counts: Numbers of the nodes that stand first, and of those that stand second.
        one_kind: Whether both are nodes of one type: a pair is then taken in either direction, and no node is paired
            with itself.
        taken: Pairs to leave out, each ``(2, P)``.
        count: How many.
        seed: Fixes them.
        purpose: What they are for: pairs for another purpose are other ones.
        fewer: Whether fewer will do where there are not so many.
        argument: What errors name.

    Returns:
        Ids, int64 ``(2, count)``.

    Raises:
        InputError: There are not so many.
    """
    rows, columns = counts
    out = [pairs[0] * columns + pairs[1] for pairs in taken]
    if one_kind:
        out += [pairs[1] * columns + pairs[0] for pairs in taken]
        out.append(torch.arange(rows) * (columns + 1))
    known = torch.unique(torch.cat(out))
    free = rows * columns - len(known)
    if fewer and free:
        count = min(count, free)
    if free < count:
        raise InputError(argument, f"{count} pairs", f"at most {free}, the number of pairs that are no edges")
    generator = rng.generator(rng.key(seed, purpose))
    found = torch.empty(0, dtype=torch.int64)
    while len(found) < count:
        drawn = torch.randint(rows * columns, (2 * count,), generator=generator)
        found = _in_order(torch.cat([found, drawn[~search.found(known, drawn)]]))
    found = found[:count]
    return torch.stack([found // columns, found % columns])


def _in_order(values: Tensor) -> Tensor:
    """Each value once, in the order of first appearance."""
    different, which = torch.unique(values, return_inverse=True)
    first: Tensor = torch.full((len(different),), len(values)).scatter_reduce(
        0, which, torch.arange(len(values)), "amin"
    )
    return values[torch.sort(first).values]
