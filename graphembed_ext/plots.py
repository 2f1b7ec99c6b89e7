"""Pictures of embeddings. Needs matplotlib and scikit-learn (the extra ``eval``)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from .errors import InputError
from .hosts import optional

__all__ = ["draw_embedding", "project"]

_COLOURS = ("#2a6f97", "#e07a2f", "#4f8a4b", "#a63d57", "#6d5ba8", "#8a7a3c", "#3b9c9c", "#7f7f7f")
_INK = "#22303c"


def project(vectors: Tensor) -> np.ndarray:
    """The two directions in which vectors of unit length differ most (PCA), float, shape ``(N, 2)``.

    Example:
        >>> import torch
        >>> project(torch.eye(4)).shape
        (4, 2)
    """
    optional("sklearn", "a picture")
    from sklearn.decomposition import PCA

    array = vectors.detach().cpu().double().numpy()
    length = np.linalg.norm(array, axis=1, keepdims=True)
    if array.ndim != 2 or min(array.shape) < 2:
        raise InputError("vectors", f"shape {array.shape}", "at least two vectors of two dimensions")
    return PCA(2, svd_solver="full").fit_transform(array / np.where(length > 0, length, 1))


def draw_embedding(
    vectors: Tensor,
    names: Sequence[str],
    groups: Sequence[str],
    path: Path,
    *,
    title: str,
    subtitle: str = "",
    edges: Tensor | None = None,
) -> Path:
    """Draw nodes where :func:`project` puts them, coloured by group, each with its name inside.

    Args:
        vectors: One for each node, ``(N, d)``.
        names: Name of each node; short ones fit.
        groups: Group of each node.
        path: PNG file to write.
        title: Title of the picture.
        subtitle: A second, smaller line.
        edges: Pairs of nodes to join by thin lines, ``(2, E)``.

    Returns:
        The path.
    """
    optional("matplotlib", "a picture")
    # The figure is drawn without pyplot, which keeps global state and looks for a display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 7), dpi=160, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.05, 0.05, 0.9, 0.81))
    places = _spread(project(vectors), figure.get_size_inches() * (0.9, 0.81), 0.36)
    if edges is not None:
        lines = places[edges.cpu().numpy().T]
        axes.add_collection(LineCollection(list(lines), colors="#b9c3cc", linewidths=0.7, zorder=1))
    kinds = list(dict.fromkeys(groups))
    for number, kind in enumerate(kinds):
        members = np.array([group == kind for group in groups])
        colour = _COLOURS[number % len(_COLOURS)]
        x, y = places[members].T
        axes.scatter(x, y, s=420, c=colour, edgecolors="white", linewidths=1.4, zorder=2, label=kind)
    for name, (x, y) in zip(names, places, strict=True):
        axes.text(
            x, y, name, ha="center", va="center_baseline", fontsize=9.5, color="white", fontweight="bold", zorder=3
        )
    axes.margins(0.06)
    axes.set_axis_off()
    figure.text(0.05, 0.945, title, fontsize=15, fontweight="bold", color=_INK)
    figure.text(0.05, 0.905, subtitle, fontsize=10, color="#5b6b79")
    _legend(axes)
    figure.savefig(path, format="png")
    return path


def _legend(axes: Any) -> None:
    legend = axes.legend(loc="best", frameon=True, framealpha=0.9, edgecolor="#d5dce2", fontsize=10.5, markerscale=0.6)
    for text in legend.get_texts():
        text.set_color(_INK)


def _spread(places: np.ndarray, size: np.ndarray, apart: float) -> np.ndarray:
    """Push points apart until their centres are ``apart`` inches from each other on a page of ``size`` inches.

    Drawn where they fall, close nodes would cover each other's names.
    """
    low, high = places.min(0), places.max(0)
    page = (places - low) / np.where(high > low, high - low, 1) * (size - apart)
    for _ in range(300):
        gap = page[:, None] - page[None]
        distance = np.linalg.norm(gap, axis=2)
        np.fill_diagonal(distance, np.inf)
        overlap = np.clip(apart - distance, 0, None)
        if not overlap.any():
            break
        # two points in one place have no direction between them; their numbers give one
        angle = np.arange(len(page), dtype=float)
        step = np.where(distance[..., None] > 1e-9, gap, np.stack([np.cos(angle), np.sin(angle)], 1)[:, None])
        step = step / np.maximum(np.linalg.norm(step, axis=2, keepdims=True), 1e-9)
        page = np.clip(page + 0.5 * (step * overlap[..., None]).sum(1), 0, size - apart)
    return page
