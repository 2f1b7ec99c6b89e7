"""Maps of embeddings in two dimensions."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from .._core import checks
from .._core.checks import as_floats
from .._core.doors import as_pairs, within
from .._core.files import whole
from .._core.near import did_you_mean
from .._core.optional import installed, optional
from ..errors import InputError
from .names import write_names
from .style import COLOURS, GREY, INK, MANY, MARK, SOFT, axes_of

__all__ = ["draw_embedding", "embedding_map", "map_places", "project"]


def project(vectors: Tensor) -> np.ndarray:
    """The two directions in which vectors of unit length differ most (PCA), float, shape ``(N, 2)``.

    Example:
        >>> import torch
        >>> project(torch.eye(4)).shape
        (4, 2)
    """
    optional("sklearn", "a picture")
    from sklearn.decomposition import PCA

    array = as_matrix(vectors).double().numpy()
    length = np.linalg.norm(array, axis=1, keepdims=True)
    if min(array.shape) < 2:
        raise InputError("vectors", f"shape {array.shape}", "at least two vectors of two dimensions")
    return PCA(2, svd_solver="full").fit_transform(array / np.where(length > 0, length, 1))


def as_matrix(vectors: Any) -> Tensor:
    """Finite vectors ``(N, d)``, on the CPU."""
    expected = "finite vectors, floats (N, d)"
    return as_floats("vectors", vectors, expected, dims=2, finite=True).detach().cpu()


def as_points(vectors: Any, groups: Any, names: Any) -> tuple[Tensor, list[str], list[str]]:
    """Vectors, and a group and a name for each; none where none are given."""
    vectors = as_matrix(vectors)
    return vectors, as_labels("groups", groups, len(vectors)), as_labels("names", names, len(vectors))


def as_labels(argument: str, labels: Any, count: int) -> list[str]:
    """A label for each vector; none where none are given."""
    found = list(map(str, checks.several(argument, labels, "a list of labels")))
    if found and len(found) != count:
        raise InputError(argument, f"{len(found)} labels", f"{count}, one for each vector")
    return found


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

    Example:
        >>> import tempfile, torch
        >>> path = Path(tempfile.mkdtemp()) / "people.png"
        >>> draw_embedding(torch.eye(3), ["Ada", "Al", "Bo"], ["a", "a", "b"], path, title="three people").name
        'people.png'
    """
    path = checks.target("path", path)
    vectors, groups, names = as_points(vectors, groups, names)
    if not (names and groups):
        raise InputError("names" if groups else "groups", "none", f"{len(vectors)}, one for each vector")
    for name, line in (("title", title), ("subtitle", subtitle)):
        checks.text(name, line)
    if edges is not None:
        edges = within("edges", as_pairs(edges, "edges"), len(vectors))
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
    for number, kind in enumerate(in_order(groups) + [""] * ("" in groups)):
        members = np.array([group == kind for group in groups])
        colour = COLOURS[number % len(COLOURS)]
        x, y = places[members].T
        axes.scatter(x, y, s=420, c=colour, edgecolors="white", linewidths=1.4, zorder=2, label=kind)
    for name, (x, y) in zip(names, places, strict=True):
        axes.text(
            x, y, name, ha="center", va="center_baseline", fontsize=9.5, color="white", fontweight="bold", zorder=3
        )
    axes.margins(0.06)
    axes.set_axis_off()
    figure.text(0.05, 0.945, title, fontsize=15, fontweight="bold", color=INK)
    figure.text(0.05, 0.905, subtitle, fontsize=10, color=SOFT)
    _legend(axes)
    return whole(path, lambda part: figure.savefig(part, format="png"))


def map_places(vectors: Tensor, *, method: str = "auto", seed: int = 0) -> np.ndarray:
    """Where :func:`embedding_map` draws the vectors of a large map, float, ``(N, 2)``; its arguments.

    Example:
        >>> import torch
        >>> map_places(torch.eye(5), method="pca").shape
        (5, 2)
    """
    vectors, seed = as_matrix(vectors), checks.integer("seed", seed, minimum=0) % 2**32
    return placed(vectors, method, seed)[0]


def embedding_map(
    vectors: Tensor,
    groups: Sequence[str] = (),
    names: Sequence[str] = (),
    *,
    title: str = "",
    method: str = "auto",
    seed: int = 0,
    mark: Sequence[str] = (),
) -> Any:
    """A 2-D map of vectors, a point for each, coloured by group; with its name beside it where they are few.

    Ten groups at most have colours, in the order of their names, so that a group has the same colour on every map that
    has the same groups. Where there are names, points that would cover each other are moved apart.

    Args:
        vectors: ``(N, d)``.
        groups: Group of each vector; empty for none, which is drawn grey.
        names: Name of each vector; up to 60 are written.
        title: Title of the picture.
        method: ``"tsne"``, ``"umap"``, ``"pca"``, or ``"auto"``: pca for a few vectors; umap for more than 5,000,
            where it is installed; tsne otherwise.
        seed: Fixes the places.
        mark: Names to write, and to ring, on a map of more; of a few, those to ring.

    Returns:
        A matplotlib figure.

    Raises:
        InputError: Other than two vectors of two dimensions at least; a number of groups or names that is not N; a name
            to mark that no vector has.

    Example:
        >>> import torch
        >>> figure = embedding_map(torch.eye(3), ["a", "a", "b"], ["Ada", "Al", "Bo"], title="three people")
        >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
        ['a (2)', 'b (1)']
    """
    vectors, groups, names = as_points(vectors, groups, names)
    seed = checks.integer("seed", seed, minimum=0) % 2**32
    marked = _marked(mark, names)
    places, how = placed(vectors, method, seed)
    few = len(names) > 0 and len(places) <= FEW
    if few:
        places = _spread(places, np.array([6.5, 4.2]), 0.32)
    told = described(len(places), len(places), vectors.size(1), how)
    if names and not few:
        told += f", {len(marked) or 'no'} names written"
    figure, axes = axes_of(title, told)
    kinds = _draw_groups(axes, places, np.array(groups if len(groups) else [""] * len(places)), seed)
    if marked:
        axes.scatter(*places[marked].T, s=110, facecolors="none", edgecolors=MARK, linewidths=1.4)
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)
    axes.margins(0.08)
    if kinds:
        legend = axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=10.5, labelcolor=INK)
        legend.set_in_layout(True)
    named = list(range(len(places))) if few else marked
    if named:
        write_names(axes, places[named], [names[row] for row in named])
    return figure


def _marked(mark: Any, names: Sequence[str]) -> list[int]:
    """Rows of the names to mark."""
    found = []
    for name in checks.several("mark", mark, "a list of names"):
        if checks.text("mark", name, "a list of names") not in names:
            raise InputError("mark", name, "a name of one of the vectors", did_you_mean(name, names))
        found.append(names.index(name))
    return found


def _draw_groups(axes: Any, places: np.ndarray, group_of: np.ndarray, seed: int) -> list[str]:
    """Points in the colours of their groups, which are told in the legend; the names of the groups."""
    size = float(np.clip(24000 / max(len(places), 1), 5, 60))
    kinds = in_order(group_of)
    colours = np.full(len(group_of), GREY, dtype=object)
    for label, colour, inside in layers(group_of):
        colours[inside] = colour
        axes.scatter([], [], s=60, c=colour, label=label)
    order = np.random.default_rng(seed).permutation(len(places))  # no group lies on top of all others
    below = order[group_of[order] == ""]
    axes.scatter(*places[below].T, s=size, c=list(colours[below]), linewidths=0)
    drawn = order[group_of[order] != ""]
    axes.scatter(*places[drawn].T, s=size, c=list(colours[drawn]), alpha=0.85, linewidths=0)
    return kinds


#: Characters of a group's name in the legend; longer ones would leave no room for the map.
_LONGEST = 36


def layers(group_of: np.ndarray) -> list[tuple[str, str, np.ndarray]]:
    """What the legend tells, the colour, and who has it, from the bottom to the top; every vector is in one."""
    kinds = in_order(group_of)
    shown = kinds[: len(COLOURS)]
    sizes = [f"({(group_of == kind).sum():,})" for kind in shown]
    found = [
        (f"{kind if len(kind) <= _LONGEST else f'{kind[: _LONGEST - 1]}…'} {size}", COLOURS[i], group_of == kind)
        for i, (kind, size) in enumerate(zip(shown, sizes, strict=True))
    ]
    rest = ~np.isin(group_of, [*shown, ""])
    if rest.any():
        found.append((f"{len(kinds) - len(shown)} more ({rest.sum():,})", GREY, rest))
    if "" in group_of:
        bare = group_of == ""
        found.append((f"without a label ({bare.sum():,})", GREY if kinds else COLOURS[0], bare))
    return found


def in_order(group_of: Iterable[str]) -> list[str]:
    """The groups by name, or number, so that each has its colour on every picture; the largest first of too many.

    Example:
        >>> in_order(["user", "item", "item", ""]), in_order(["10", "9"])
        (['item', 'user'], ['9', '10'])
    """
    sizes = Counter(group for group in group_of if group != "")
    if len(sizes) > len(COLOURS):
        return sorted(sizes, key=lambda kind: (-sizes[kind], kind))
    return sorted(sizes, key=int if all(kind.isdigit() for kind in sizes) else None)


#: Vectors up to which a map shows names, and PCA does.
FEW = 60


#: How each method is told of in a picture.
_METHODS = {"tsne": "t-SNE", "umap": "UMAP", "pca": "PCA"}


def placed(vectors: Tensor, method: str, seed: int) -> tuple[np.ndarray, str]:
    """Each vector's place on the map, ``(N, 2)``, and how it was found, for people."""
    method = _method(method, len(vectors))
    return _places(vectors, method, seed), _METHODS[method]


def described(drawn: int, of: int, dimensions: int, how: str) -> str:
    """What a map says of itself.

    Example:
        >>> described(5_000, 5_000, 64, "PCA"), described(100_000, 250_000, 64, "UMAP")
        ('5,000 vectors of 64 dimensions, PCA', '100,000 of 250,000 vectors (a sample) of 64 dimensions, UMAP')
    """
    count = f"{drawn:,} vectors" if drawn == of else f"{drawn:,} of {of:,} vectors (a sample)"
    return f"{count} of {dimensions} dimensions, {how}"


def _method(method: str, count: int) -> str:
    checks.choice("method", method, ("auto", *_METHODS))
    if method == "auto":
        if count <= FEW:  # neighbourhoods mean little among so few
            return "pca"
        return "umap" if count > MANY and installed("umap") else "tsne"
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
    from threadpoolctl import threadpool_limits  # scikit-learn requires it

    tsne = TSNE(2, perplexity=min(30.0, (len(array) - 1) / 3), init="pca", random_state=seed)
    # Steps over so few vectors are shorter than threads wait for each other, busily: on a machine with other work, two
    # threads took 12 processor seconds for 450 vectors and 34 for 2,708, one 1 and 10. The places are the same.
    with threadpool_limits(1 if len(array) <= MANY else None):
        return np.asarray(tsne.fit_transform(array))


def _legend(axes: Any) -> None:
    legend = axes.legend(loc="best", frameon=True, framealpha=0.9, edgecolor="#d5dce2", fontsize=10.5, markerscale=0.6)
    for text in legend.get_texts():
        text.set_color(INK)


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
