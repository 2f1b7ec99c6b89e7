"""How alike two embeddings of the same nodes are, whatever their dimensions."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .._core import checks, rng
from .._core.checks import as_floats
from ..errors import InputError

__all__ = ["neighbourhood_overlap", "procrustes"]

#: Nodes that are compared with all others, at most.
_MOST = 2_000
_WIDTHS = "how many neighbours, or a list of such numbers"


def neighbourhood_overlap(
    first: Tensor, second: Tensor, k: int | Sequence[int] = 10, *, seed: int = 0
) -> float | list[float]:
    """The part of a node's nearest neighbours that two embeddings share: the mean Jaccard index.

    Neighbours are those of the highest cosine, of equal ones the lower id first. Of more than 2,000 nodes so many are
    drawn, and compared with all.

    Args:
        first, second: Vectors of the same nodes in the same order, ``(N, d)`` and ``(N, d')``.
        k: How many neighbours; all others where there are fewer. Several numbers give a list.
        seed: Fixes the draw.

    Returns:
        From 0, nothing in common, to 1, the same neighbours.

    Raises:
        InputError: Not the same number of nodes, or fewer than two.

    Example:
        >>> vectors = torch.randn(20, 4, generator=torch.Generator().manual_seed(0))
        >>> turned = vectors @ torch.linalg.qr(torch.randn(4, 4, generator=torch.Generator().manual_seed(1))).Q
        >>> neighbourhood_overlap(vectors, turned, k=5)
        1.0
    """
    first, second = _checked(first, second)
    alone = isinstance(k, numbers.Integral)
    widths = [checks.integer("k", width) for width in ([k] if alone else checks.several("k", k, _WIDTHS))]
    if not widths:
        raise InputError("k", "no numbers", _WIDTHS)
    seed = checks.integer("seed", seed, minimum=0)
    count = len(first)
    asked = torch.arange(count)
    if count > _MOST:
        asked = torch.randperm(count, generator=rng.generator(rng.key(seed, "overlap")))[:_MOST]
    most = min(max(widths), count - 1)
    lists = [_nearest(vectors, asked, most) for vectors in (first, second)]
    found = []
    for number in widths:
        width = min(number, count - 1)
        shared = (lists[0][:, :width, None] == lists[1][:, None, :width]).any(2).sum(1).double()
        found.append(float((shared / (2 * width - shared)).mean()))
    return found[0] if alone else found


def _checked(first: Any, second: Any) -> tuple[Tensor, Tensor]:
    expected = "vectors of the same nodes, (N, d) and (N, d'), two at least"
    sides = [as_floats(name, side, expected, finite=True) for name, side in (("first", first), ("second", second))]
    if any(side.dim() != 2 for side in sides) or len(sides[0]) != len(sides[1]) or len(sides[0]) < 2:
        got = f"shapes {tuple(sides[0].shape)} and {tuple(sides[1].shape)}"
        raise InputError("second", got, expected)
    return sides[0], sides[1]


def _nearest(vectors: Tensor, asked: Tensor, k: int) -> Tensor:
    """Ids of the nearest nodes of each node that is asked for, nearest first, ``(len(asked), k)``."""
    unit = F.normalize(vectors.detach().cpu().double(), dim=1)
    found = []
    for ids in torch.split(asked, 256):
        cosine = unit[ids] @ unit.T
        cosine[torch.arange(len(ids)), ids] = -torch.inf
        # equal vectors may differ in the last bits of their cosines
        found.append(torch.sort(cosine.round(decimals=12), descending=True, stable=True, dim=1).indices[:, :k])
    return torch.cat(found)


def procrustes(first: Tensor, second: Tensor) -> float:
    """How well one embedding becomes the other by shifting, turning and scaling: orthogonal Procrustes.

    Both are centred and brought to a sum of squares of 1; the figure is the largest sum of products over all
    rotations and reflections, the sum of the singular values of ``first.T @ second`` (Schoenemann 1966,
    doi:10.1007/BF02289451).

    Args:
        first, second: Vectors of the same nodes in the same order, ``(N, d)`` and ``(N, d')``.

    Returns:
        From 0 to 1, which says that they are the same but for this.

    Raises:
        InputError: Not the same number of nodes, fewer than two, or vectors that are all equal.

    Example:
        >>> vectors = torch.tensor([[0.0, 1.0], [2.0, 0.0], [1.0, 3.0]])
        >>> turned = 5 * vectors @ torch.tensor([[0.0, 1.0], [-1.0, 0.0]]) + 7
        >>> round(procrustes(vectors, turned), 6)
        1.0
    """
    first, second = _checked(first, second)
    sides = []
    for name, vectors in (("first", first), ("second", second)):
        centred = vectors.detach().cpu().double()
        centred = centred - centred.mean(0)
        length = float(centred.norm())
        if not length > 0:
            raise InputError(name, "vectors that are all equal", "vectors that differ")
        sides.append(centred / length)
    return min(1.0, float(torch.linalg.svdvals(sides[0].T @ sides[1]).sum()))
