"""Names on a picture, placed so that they cover neither each other nor the points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .style import INK

__all__ = ["write_names"]

#: Corners of a box in points: left, bottom, right, top.
_Box = tuple[float, float, float, float]

#: How far from its point a name may stand, in points; from the second on a line leads to it.
_AWAY = (7.0, 20.0, 36.0, 54.0)
_POINT = 4.0


def write_names(axes: Any, places: np.ndarray, names: Sequence[str], *, size: float = 9.5) -> list[Any]:
    """Write a name beside each point.

    Args:
        axes: Axes whose points have been drawn and whose limits will not change.
        places: Where the points are, ``(N, 2)``.
        names: A name for each.
        size: Of the letters, in points.

    Returns:
        The texts, which matplotlib calls annotations.
    """
    figure = axes.figure
    texts = [
        axes.annotate(name, place, (0, 0), textcoords="offset points", fontsize=size, color=INK)
        for name, place in zip(names, places, strict=True)
    ]
    figure.draw_without_rendering()  # a layout is known from here on, and so is the size of each name
    scale = 72 / figure.dpi
    points = axes.transData.transform(places) * scale
    page = tuple(np.array(axes.get_window_extent().extents) * scale)
    marks = [(x - _POINT, y - _POINT, x + _POINT, y + _POINT) for x, y in points]
    taken: list[_Box] = []
    for text, (x, y) in zip(texts, points, strict=True):
        extent = text.get_window_extent()
        wide, high = extent.width * scale, extent.height * scale
        best = min(_offsets(wide, high), key=lambda offset: _cost(x, y, offset, wide, high, taken, marks, page))
        away, left, below = best
        text.xyann = left, below
        taken.append((x + left, y + below, x + left + wide, y + below + high))
        if away > _AWAY[0]:
            ends = np.array([(x, y), (x + left + wide / 2, y + below + high / 2)]) / scale
            axes.plot(*axes.transData.inverted().transform(ends).T, color="#b9c3cc", linewidth=0.7, zorder=0.5)
    return texts


def _offsets(wide: float, high: float) -> list[tuple[float, float, float]]:
    """Where a name may stand: how far away, and its left lower corner, seen from the point; the best come first."""
    found = []
    for away in _AWAY:
        found += [(away, away, -high / 2), (away, -away - wide, -high / 2)]
        for below in (away - 2, 2 - away - high):
            found += [(away, left, below) for left in (-wide / 2, 0.0, -wide)]
    return found


def _cost(
    x: float,
    y: float,
    offset: tuple[float, float, float],
    wide: float,
    high: float,
    taken: Sequence[_Box],
    marks: Sequence[_Box],
    page: Any,
) -> float:
    away, left, below = offset
    box = x + left, y + below, x + left + wide, y + below + high
    outside = wide * high - _overlap(box, page)
    covered = sum(_overlap(box, other) for other in taken) + sum(_overlap(box, mark) for mark in marks)
    return 3 * outside + covered + 0.2 * (away - _AWAY[0])


def _overlap(box: _Box, other: _Box) -> float:
    wide = min(box[2], other[2]) - max(box[0], other[0])
    high = min(box[3], other[3]) - max(box[1], other[1])
    return max(wide, 0.0) * max(high, 0.0)
