"""Pictures of trainings and embeddings. Needs matplotlib and scikit-learn (the extra ``eval``)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from .._core import checks as _checks
from .._core.optional import installed, optional
from ..errors import InputError
from ..exports import whole
from ..graph.view import NODE_TYPE

__all__ = [
    "attention",
    "degree_against_norm",
    "draw_embedding",
    "embedding_map",
    "loss_curve",
    "project",
    "recall_curve",
    "save",
]

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


def embedding_map(
    vectors: Tensor,
    groups: Sequence[str] = (),
    names: Sequence[str] = (),
    *,
    title: str = "",
    method: str = "auto",
    seed: int = 0,
) -> Any:
    """A 2-D map of vectors, a point for each, coloured by group; with its name beside it where they are few.

    Args:
        vectors: ``(N, d)``.
        groups: Group of each vector; empty for none, which is drawn grey.
        names: Name of each vector.
        title: Title of the picture.
        method: ``"tsne"``, ``"umap"``, ``"pca"``, or ``"auto"``: pca for a few vectors; umap for more than 5,000,
            where it is installed; tsne otherwise.
        seed: Fixes the places.

    Returns:
        A matplotlib figure.
    """
    method = _method(method, len(vectors))
    places = _places(vectors, method, seed)
    named = len(names) > 0 and len(places) <= _FEW
    if named:
        places = _spread(places, np.array([6.5, 4.2]), 0.32)
    figure, axes = _axes(title, f"{len(places):,} vectors of {vectors.size(1)} dimensions, {_METHODS[method]}")
    group_of = np.array(groups if len(groups) else [""] * len(places))
    size = float(np.clip(24000 / max(len(places), 1), 5, 60))
    kinds = sorted(set(group_of) - {""}, key=lambda kind: (-(group_of == kind).sum(), kind))
    if len(kinds) <= len(_COLOURS) and all(kind.isdigit() for kind in kinds):
        kinds.sort(key=int)
    if "" in group_of:
        axes.scatter(*places[group_of == ""].T, s=size, c="#c3cbd2" if kinds else _COLOURS[0], linewidths=0)
    shown = kinds[: len(_COLOURS)]
    order = np.random.default_rng(seed).permutation(len(places))  # no group lies on top of all others
    colour_of = dict(zip(shown, _COLOURS, strict=False))
    colours = np.array([colour_of.get(kind, "#c3cbd2") for kind in group_of])
    drawn = order[group_of[order] != ""]
    axes.scatter(*places[drawn].T, s=size, c=colours[drawn], alpha=0.85, linewidths=0)
    for kind in shown:
        axes.scatter([], [], s=60, c=colour_of[kind], label=f"{kind} ({(group_of == kind).sum():,})")
    if len(kinds) > len(shown):
        rest = sum(int((group_of == kind).sum()) for kind in kinds[len(shown) :])
        axes.scatter([], [], s=60, c="#c3cbd2", label=f"{len(kinds) - len(shown)} more ({rest:,})")
    for name, place in zip(names if named else (), places, strict=False):
        axes.annotate(name, place, (6, 4), textcoords="offset points", fontsize=10, color=_INK)
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)
    axes.margins(0.08)
    if kinds:
        legend = axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=10.5, labelcolor=_INK)
        legend.set_in_layout(True)
    return figure


def loss_curve(history: Sequence[Mapping[str, float]], *, title: str = "", best_epoch: int = 0) -> Any:
    """The loss by epoch, that of the validation beside it where there is one.

    Args:
        history: As :class:`graphembed_ext.FitResult` has it.
        title: Title of the picture.
        best_epoch: Epoch whose weights were kept; 0 marks none.

    Returns:
        A matplotlib figure.
    """
    if not history:
        raise InputError("history", "no epochs", "at least one")
    figure, axes = _axes(title, f"loss over {len(history)} epochs")
    for number, (name, label) in enumerate((("loss", "training"), ("val_loss", "validation"))):
        entries = [(entry["epoch"], entry[name]) for entry in history if name in entry]
        if entries:
            _line(axes, entries, _COLOURS[number], label)
    _mark_best(axes, best_epoch)
    axes.set_ylabel("loss")
    return _finished(figure, axes)


def recall_curve(history: Sequence[Mapping[str, float]], *, title: str = "", best_epoch: int = 0) -> Any:
    """Recall and NDCG of the validation by epoch, as training with validation pairs leaves them.

    Raises:
        InputError: A history without validated recall.
    """
    seen = dict.fromkeys(name for entry in history for name in entry)
    names = [name for name in seen if name.startswith(("val_recall@", "val_ndcg@"))]
    if not names:
        raise InputError(
            "history",
            "no validated recall",
            "a history with val_recall@k",
            "train lightgcn with validation pairs: --validation FILE, or ge.fit(..., validation=pairs)",
        )
    figure, axes = _axes(title, "validation pairs, items touched in training left out")
    for number, name in enumerate(names):
        entries = [(entry["epoch"], entry[name]) for entry in history if name in entry]
        _line(axes, entries, _COLOURS[number], name.removeprefix("val_").replace("ndcg", "NDCG"), dots=True)
        epoch, best = max(entries, key=lambda entry: entry[1])
        place: dict[str, Any] = {"xytext": (0, 7), "textcoords": "offset points", "ha": "right"}
        axes.annotate(f"{best:.4f}", (epoch, best), fontsize=10, color=_COLOURS[number], **place)
    _mark_best(axes, best_epoch)
    axes.set_ylim(bottom=0)
    return _finished(figure, axes)


def degree_against_norm(groups: Mapping[str, tuple[Tensor, Tensor]], *, title: str = "") -> Any:
    """Length of the vectors against the number of neighbours, both by decades, with the median along the way.

    Args:
        groups: Degrees and norms, each ``(N,)``, by node type.
        title: Title of the picture.

    Returns:
        A matplotlib figure.
    """
    figure, axes = _axes(title, "length of a node's vector against the number of its edges")
    total = sum(len(degree) for degree, _ in groups.values())
    size = float(np.clip(16000 / max(total, 1), 4, 40))
    for number, (name, (degree, norm)) in enumerate(groups.items()):
        x, y = degree.double().numpy(), norm.double().numpy()
        x, y = x[y > 0], y[y > 0]
        label = "nodes" if name == NODE_TYPE else name
        colour = _COLOURS[number % len(_COLOURS)]
        # degrees are whole numbers: spread a little, points do not cover each other
        spread = np.random.default_rng(0).uniform(-0.25, 0.25, len(x))
        axes.scatter(np.maximum(x + spread, 0.5), y, s=size, c=colour, alpha=0.45, linewidths=0)
        axes.scatter([], [], s=50, c=colour, label=f"{label} ({len(x):,})")
        bins = np.unique(np.geomspace(1, max(x.max(), 1) + 1, 12).round())
        middle = [(x[inside].mean(), np.median(y[inside])) for inside in _between(x, bins) if inside.sum() >= 3]
        if len(middle) > 1:
            axes.plot(*zip(*middle, strict=True), color="white", linewidth=4.5, zorder=3)
            axes.plot(*zip(*middle, strict=True), color=colour, linewidth=2.2, zorder=4)
    axes.plot([], [], color=_INK, linewidth=2.2, label="median")
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        _plain_ticks(axis)
    axes.set_xlabel("edges of the node")
    axes.set_ylabel("length of the vector")
    return _finished(figure, axes, xlabel=False)


def attention(weights: Mapping[str, Mapping[str, float]], *, title: str = "") -> Any:
    """How much each metapath counts, a bar for each, by target type.

    Args:
        weights: As :meth:`graphembed_ext.HAN.semantic_attention` returns them.
        title: Title of the picture.

    Returns:
        A matplotlib figure.
    """
    bars = [(kind, name, value) for kind, paths in weights.items() for name, value in paths.items()]
    if not bars:
        raise InputError("weights", "no metapaths", "a weight for each metapath")
    figure, axes = _axes(title, "semantic attention: the share of each metapath", height=1.9 + 0.55 * len(bars))
    kinds = list(weights)
    for place, (kind, _, value) in enumerate(bars):
        colour = _COLOURS[kinds.index(kind) % len(_COLOURS)]
        axes.barh(place, value, color=colour, height=0.62)
        axes.text(value + 0.012, place, f"{value:.3f}", va="center", fontsize=11, color=_INK)
    axes.set_yticks(range(len(bars)), [name if len(kinds) == 1 else f"{kind}: {name}" for kind, name, _ in bars])
    axes.tick_params(axis="y", length=0, labelsize=11.5)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.12)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
    axes.grid(axis="x", color="#e6eaee", linewidth=0.8)
    axes.spines["left"].set_visible(False)
    return figure


def save(figure: Any, path: str | Path) -> Path:
    """Write a figure to a file, .png, .svg or .pdf; the old file stays in place until the new one is whole."""
    path = Path(path)
    return whole(path, lambda part: figure.savefig(part, format=path.suffix.removeprefix(".") or "png"))


def _axes(title: str, subtitle: str, height: float = 5.4) -> tuple[Any, Any]:
    """A figure with its one pair of axes; drawn without pyplot, which keeps global state and looks for a display."""
    optional("matplotlib", "a picture")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, height), dpi=150, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=15, fontweight="bold", color=_INK, pad=32)
    above: dict[str, Any] = {"xycoords": "axes fraction", "xytext": (0, 12), "textcoords": "offset points"}
    axes.annotate(subtitle, (0, 1), fontsize=10.5, color="#5b6b79", **above)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#b9c3cc")
    axes.tick_params(colors=_INK, labelsize=10.5)
    axes.set_axisbelow(True)
    return figure, axes


def _line(axes: Any, entries: Sequence[tuple[float, float]], colour: str, label: str, dots: bool = False) -> None:
    marker = "o" if dots or len(entries) < 3 else None
    axes.plot(*zip(*entries, strict=True), color=colour, linewidth=2.2, marker=marker, markersize=4.5, label=label)


def _mark_best(axes: Any, epoch: int) -> None:
    if epoch:
        axes.axvline(epoch, color="#8b98a4", linewidth=1.1, linestyle=(0, (4, 3)), label=f"kept: epoch {epoch}")


def _finished(figure: Any, axes: Any, xlabel: bool = True) -> Any:
    from matplotlib.ticker import MaxNLocator

    axes.grid(color="#e6eaee", linewidth=0.8)
    if xlabel:
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set(fontsize=11.5, color=_INK)
    if len(axes.get_legend_handles_labels()[0]) > 1:
        # "best" compares the legend with every point
        crowded = (
            sum(len(drawn.get_offsets()) for drawn in axes.collections) > _MANY
        )  # "best" compares with every point
        place = "upper left" if crowded else "best"
        axes.legend(loc=place, frameon=False, fontsize=10.5, labelcolor=_INK)
    return figure


def _plain_ticks(axis: Any) -> None:
    """Numbers as people write them on a logarithmic axis, also where it spans less than a decade."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = axis.get_view_interval()
    narrow = high < 30 * low
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if narrow else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_formatter(NullFormatter())


def _between(x: np.ndarray, bounds: np.ndarray) -> Iterator[np.ndarray]:
    for low, high in pairwise(bounds):
        yield (x >= low) & (x < high)


#: Vectors up to which a map shows names, and PCA does; and those from which on UMAP is the faster.
_FEW, _MANY = 60, 5_000

#: How each method is told of in a picture.
_METHODS = {"tsne": "t-SNE", "umap": "UMAP", "pca": "PCA"}


def _method(method: str, count: int) -> str:
    _checks.choice("method", method, ("auto", *_METHODS))
    if method == "auto":
        if count <= _FEW:  # neighbourhoods mean little among so few
            return "pca"
        return "umap" if count > _MANY and installed("umap") else "tsne"
    return method


def _places(vectors: Tensor, method: str, seed: int) -> np.ndarray:
    """Each vector's place on the map, ``(N, 2)``."""
    if method == "pca" or len(vectors) < 5:
        return project(vectors)
    array = vectors.detach().cpu().float().numpy()
    length = np.linalg.norm(array, axis=1, keepdims=True)
    array = array / np.where(length > 0, length, 1)
    if method == "umap":
        with warnings.catch_warnings():
            # that TensorFlow is absent, that a seed costs threads, that small graphs have few neighbours
            warnings.simplefilter("ignore")
            umap = optional("umap", "a map by UMAP")
            neighbours = min(15, len(array) - 1)
            start = "random" if len(array) < 20 else "spectral"
            return np.asarray(umap.UMAP(neighbours, init=start, random_state=seed).fit_transform(array))
    optional("sklearn", "a map by t-SNE")
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(array) - 1) / 3)
    return np.asarray(TSNE(2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(array))


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
