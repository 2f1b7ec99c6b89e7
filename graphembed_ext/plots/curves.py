"""Curves of a training, and what a model attends to."""

from __future__ import annotations

import numbers
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from torch import Tensor

from .._core import checks
from .._core.checks import as_floats, described
from ..errors import InputError
from ..graph.view import NODE_TYPE
from .style import COLOURS, INK, MANY, axes_of

__all__ = ["attention", "degree_against_norm", "loss_curve", "overlap_curves", "recall_curve", "search_curve"]


def loss_curve(history: Sequence[Mapping[str, float]], *, title: str = "", best_epoch: int = 0) -> Any:
    """The loss by epoch, that of the validation beside it where there is one.

    Args:
        history: As :class:`graphembed_ext.FitResult` has it.
        title: Title of the picture.
        best_epoch: Epoch whose weights were kept; 0 marks none.

    Returns:
        A matplotlib figure.

    Example:
        >>> figure = loss_curve([{"epoch": 1, "loss": 0.7}, {"epoch": 2, "loss": 0.5}], title="a short training")
        >>> figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()
        ('epoch', 'loss')
    """
    history = _entries(history)
    if not history:
        raise InputError("history", "no epochs", "at least one")
    best_epoch = checks.integer("best_epoch", best_epoch, minimum=0)
    figure, axes = axes_of(title, f"loss over {len(history)} epochs")
    for number, (name, label) in enumerate((("loss", "training"), ("val_loss", "validation"))):
        entries = [(entry["epoch"], entry[name]) for entry in history if name in entry]
        if entries:
            _line(axes, entries, COLOURS[number], label)
    _mark_best(axes, best_epoch)
    axes.set_ylabel("loss")
    return _finished(figure, axes)


def recall_curve(history: Sequence[Mapping[str, float]], *, title: str = "", best_epoch: int = 0) -> Any:
    """Recall and NDCG of the validation by epoch, as training with validation pairs leaves them.

    Raises:
        InputError: A history without validated recall.

    Example:
        >>> history = [{"epoch": 1, "val_recall@20": 0.1}, {"epoch": 2, "val_recall@20": 0.2}]
        >>> [line.get_label() for line in recall_curve(history, best_epoch=2).axes[0].lines]
        ['recall@20', 'kept: epoch 2']
    """
    history = _entries(history)
    best_epoch = checks.integer("best_epoch", best_epoch, minimum=0)
    seen = dict.fromkeys(name for entry in history for name in entry)
    names = [name for name in seen if name.startswith(("val_recall@", "val_ndcg@"))]
    if not names:
        raise InputError(
            "history",
            "no validated recall",
            "a history with val_recall@k",
            "train lightgcn with validation pairs: --validation FILE, or ge.fit(..., validation=pairs)",
        )
    figure, axes = axes_of(title, "validation pairs, items of the training left out")
    for number, name in enumerate(names):
        entries = [(entry["epoch"], entry[name]) for entry in history if name in entry]
        _line(axes, entries, COLOURS[number], name.removeprefix("val_").replace("ndcg", "NDCG"), dots=True)
        epoch, best = max(entries, key=lambda entry: entry[1])
        place: dict[str, Any] = {"xytext": (0, 7), "textcoords": "offset points", "ha": "right"}
        axes.annotate(f"{best:.4f}", (epoch, best), fontsize=10, color=COLOURS[number], **place)
    _mark_best(axes, best_epoch)
    axes.set_ylim(bottom=0)
    return _finished(figure, axes)


def overlap_curves(lines: Mapping[str, Mapping[int, float]], *, title: str = "") -> Any:
    """How many neighbours pairs of embeddings share, by the number of neighbours.

    Args:
        lines: For each pair, by name, the overlap for each number of neighbours.
        title: Title of the picture.

    Returns:
        A matplotlib figure.

    Example:
        >>> overlap_curves({"first seed, second seed": {5: 0.6, 10: 0.7}}).axes[0].get_xlabel()
        'nearest neighbours'
    """
    expected = "a dict: for each pair of embeddings the overlaps, from 0 to 1, by number of neighbours"
    for name, values in checks.mapping("lines", lines, expected).items():
        for k, overlap in checks.mapping(f"lines[{name!r}]", values, expected).items():
            checks.integer(f"lines[{name!r}]", k)
            checks.share(f"lines[{name!r}]", overlap)
    if not lines:
        raise InputError("lines", "no pairs", "at least one")
    figure, axes = axes_of(title, "part of a node's nearest neighbours that both embeddings share (Jaccard)")
    for number, (name, values) in enumerate(lines.items()):
        entries = sorted(values.items())
        style = {"color": COLOURS[number % len(COLOURS)], "marker": "o", "markersize": 4, "linewidth": 2}
        axes.plot([k for k, _ in entries], [overlap for _, overlap in entries], label=name, **style)
    axes.set_xscale("log")
    ticks = sorted({k for values in lines.values() for k in values})
    axes.set_xticks(ticks, [str(k) for k in ticks])
    axes.minorticks_off()
    axes.set_ylim(0, 1)
    axes.set_xlabel("nearest neighbours", fontsize=11, color=INK)
    axes.set_ylabel("overlap", fontsize=11, color=INK)
    axes.grid(axis="y", color="#e6eaee", linewidth=0.8)
    axes.legend(frameon=False, fontsize=10.5)
    return figure


def search_curve(values: Sequence[float | None], given: float, *, title: str = "", figure_of: str = "") -> Any:
    """The figure of each trial of a search, the best so far, and that of the settings as given.

    Args:
        values: Figures in the order of the trials; None for one that failed.
        given: That of the settings as given.
        title: Title of the picture.
        figure_of: Name of the figure.

    Returns:
        A matplotlib figure.

    Example:
        >>> search_curve([0.70, None, 0.74], given=0.71, figure_of="micro-F1").axes[0].get_ylabel()
        'micro-F1'
    """
    values = checks.several("values", values, "a list: the figure of each trial, None for one that failed")
    values = [None if value is None else checks.number("values", value) for value in values]
    given = checks.number("given", given)
    checks.text("figure_of", figure_of)
    failed = values.count(None)
    told = f"each of {len(values)} trial{'s' * (len(values) != 1)}, judged on the validation data"
    figure, axes = axes_of(title, told + (f"; {failed} failed" if failed else ""))
    done = [(number, value) for number, value in enumerate(values, 1) if value is not None]
    axes.axhline(given, color="#8b98a4", linewidth=1.1, linestyle=(0, (4, 3)), label=f"as given: {given:.4f}")
    if done:
        best = [max(given, *(value for _, value in done[: place + 1])) for place in range(len(done))]
        axes.scatter(*zip(*done, strict=True), s=28, color=COLOURS[0], label="trials", zorder=3)
        label = f"best so far: {best[-1]:.4f}"
        axes.step([number for number, _ in done], best, where="post", color=COLOURS[1], linewidth=2, label=label)
    axes.set_ylabel(figure_of)
    _finished(figure, axes)
    axes.set_xlabel("trial")
    return figure


def degree_against_norm(groups: Mapping[str, tuple[Tensor, Tensor]], *, title: str = "") -> Any:
    """Length of the vectors against the number of neighbours, both by decades, with the median along the way.

    Args:
        groups: Degrees and norms, each ``(N,)``, by node type.
        title: Title of the picture.

    Returns:
        A matplotlib figure.

    Example:
        >>> import torch
        >>> degree_against_norm({"user": (torch.tensor([1.0, 3.0]), torch.tensor([0.5, 0.9]))}).axes[0].get_xlabel()
        'edges of the node'
    """
    groups = _groups(groups)
    figure, axes = axes_of(title, "length of a node's vector against the number of its edges")
    total = sum(len(degree) for degree, _ in groups.values())
    size = float(np.clip(16000 / max(total, 1), 4, 40))
    for number, (name, (degree, norm)) in enumerate(groups.items()):
        x, y = degree.double().numpy(), norm.double().numpy()
        x, y = x[y > 0], y[y > 0]
        label = "nodes" if name == NODE_TYPE else name
        colour = COLOURS[number % len(COLOURS)]
        # degrees are whole numbers: spread a little, points do not cover each other
        spread = np.random.default_rng(0).uniform(-0.25, 0.25, len(x))
        axes.scatter(np.maximum(x + spread, 0.5), y, s=size, c=colour, alpha=0.45, linewidths=0)
        axes.scatter([], [], s=50, c=colour, label=f"{label} ({len(x):,})")
        bins = np.unique(np.geomspace(1, max(x.max(), 1) + 1, 12).round())
        middle = [(x[inside].mean(), np.median(y[inside])) for inside in _between(x, bins) if inside.sum() >= 3]
        if len(middle) > 1:
            axes.plot(*zip(*middle, strict=True), color="white", linewidth=4.5, zorder=3)
            axes.plot(*zip(*middle, strict=True), color=colour, linewidth=2.2, zorder=4)
    axes.plot([], [], color=INK, linewidth=2.2, label="median")
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

    Example:
        >>> figure = attention({"author": {"APA": 0.7, "APCPA": 0.3}})
        >>> [text.get_text() for text in figure.axes[0].get_yticklabels()]
        ['APA', 'APCPA']
    """
    expected = "a dict of weights, numbers from 0 to 1, by node type and metapath"
    for kind, paths in checks.mapping("weights", weights, expected).items():
        checks.text("weights", kind, expected)
        for name, value in checks.mapping("weights", paths, expected).items():
            checks.text("weights", name, expected)
            checks.number(f"weights[{kind!r}][{name!r}]", value)
    bars = [(kind, name, value) for kind, paths in weights.items() for name, value in paths.items()]
    if not bars:
        raise InputError("weights", "no metapaths", "a weight for each metapath")
    figure, axes = axes_of(title, "semantic attention: the share of each metapath", height=1.9 + 0.55 * len(bars))
    kinds = list(weights)
    for place, (kind, _, value) in enumerate(bars):
        colour = COLOURS[kinds.index(kind) % len(COLOURS)]
        axes.barh(place, value, color=colour, height=0.62)
        axes.text(value + 0.012, place, f"{value:.3f}", va="center", fontsize=11, color=INK)
    axes.set_yticks(range(len(bars)), [name if len(kinds) == 1 else f"{kind}: {name}" for kind, name, _ in bars])
    axes.tick_params(axis="y", length=0, labelsize=11.5)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.12)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
    axes.set_xlabel("attention", fontsize=11.5, color=INK)
    axes.grid(axis="x", color="#e6eaee", linewidth=0.8)
    axes.spines["left"].set_visible(False)
    return figure


def _groups(groups: Any) -> dict[str, tuple[Tensor, Tensor]]:
    """Degrees and norms by node type, when they are such."""
    expected = "degrees and norms, a pair of tensors (N,), by node type"
    found = {}
    for name, pair in checks.mapping("groups", groups, expected).items():
        sides = [
            as_floats(f"groups[{name!r}]", side, expected, dims=1, finite=True).detach().cpu()
            for side in checks.several("groups", pair, expected)
        ]
        if len(sides) != 2 or len(sides[0]) != len(sides[1]) or not bool((sides[1] > 0).any()):
            raise InputError(f"groups[{name!r}]", f"{len(sides)} parts of lengths {list(map(len, sides))}", expected)
        found[checks.text("groups", name, expected)] = sides[0], sides[1]
    if not found:
        raise InputError("groups", "no groups", expected)
    return found


def _entries(history: Any) -> list[Mapping[str, float]]:
    """A history that has the form of one: entries with an epoch and numbers by name."""
    expected = "the history of a training: a list of dicts, each with 'epoch' and 'loss'"
    found = checks.several("history", history, expected)
    for entry in found:
        for name, value in checks.mapping("history", entry, expected).items():
            if not isinstance(name, str) or not isinstance(value, numbers.Real):
                raise InputError("history", f"an entry with {name!r}: {described(value)}", expected)
        if "epoch" not in entry:
            raise InputError("history", f"an entry with {list(entry)}", expected)
    return found


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
        axis.label.set(fontsize=11.5, color=INK)
    if len(axes.get_legend_handles_labels()[0]) > 1:
        crowded = sum(len(drawn.get_offsets()) for drawn in axes.collections) > MANY
        place = "upper left" if crowded else "best"  # "best" compares the legend with every point
        axes.legend(loc=place, frameon=False, fontsize=10.5, labelcolor=INK)
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
