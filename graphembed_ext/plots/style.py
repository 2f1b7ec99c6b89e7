"""What all pictures have in common: colours, axes, and how they are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .._core import checks
from .._core.checks import described
from .._core.files import whole
from .._core.optional import optional
from ..errors import InputError

__all__ = ["COLOURS", "GREY", "INK", "MANY", "MARK", "SOFT", "axes_of", "save"]

#: Of groups, the first one of the first group; of points that have no group; of text; of text that is less important;
#: and of what is marked.
COLOURS = (
    *("#2a6f97", "#e07a2f", "#4f8a4b", "#a63d57", "#6d5ba8"),
    *("#8a7a3c", "#3b9c9c", "#d97fa8", "#5a4636", "#b5c334"),
)
GREY = "#c3cbd2"
INK = "#22303c"
SOFT = "#5b6b79"
MARK = "#d1001f"

#: Points from which on a picture is crowded, and what compares them with each other is slow.
MANY = 5_000


def save(figure: Any, path: str | Path) -> Path:
    """Write a figure to a file, .png, .svg or .pdf; the old file stays in place until the new one is whole.

    A layout of :func:`interactive_map` becomes an ``.html`` with its scripts in it, that needs no network.

    Example:
        >>> import tempfile
        >>> from graphembed_ext import plots
        >>> curve = plots.loss_curve([{"epoch": 1, "loss": 0.7}, {"epoch": 2, "loss": 0.5}])
        >>> save(curve, f"{tempfile.mkdtemp()}/loss.svg").name
        'loss.svg'
    """
    path = checks.target("path", path)
    kind = path.suffix.removeprefix(".").lower()
    if _is_page(figure):
        return _save_page(figure, path)
    if not hasattr(figure, "savefig"):
        raise InputError("figure", described(figure), "a figure, as the functions of ge.plots return it")
    if kind not in ("", "png", "svg", "pdf"):
        raise InputError("path", str(path), "a name ending in .png, .svg or .pdf")
    return whole(path, lambda part: figure.savefig(part, format=kind or "png"))


def _is_page(figure: Any) -> bool:
    return type(figure).__module__.partition(".")[0] == "bokeh"


def _save_page(page: Any, path: Path) -> Path:
    if path.suffix not in (".html", ".htm"):
        raise InputError("path", str(path), "a name ending in .html, as the figure is a page")
    optional("bokeh", "an interactive map")
    from bokeh.embed import file_html
    from bokeh.resources import INLINE

    text = file_html(page, INLINE, title=page.name)
    return whole(path, lambda part: part.write_text(text, encoding="utf-8"))


def axes_of(title: str, subtitle: str, height: float = 5.4) -> tuple[Any, Any]:
    """A figure with its one pair of axes; drawn without pyplot, which keeps global state and looks for a display."""
    checks.text("title", title)
    optional("matplotlib", "a picture")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, height), dpi=150, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=15, fontweight="bold", color=INK, pad=32)
    above: dict[str, Any] = {"xycoords": "axes fraction", "xytext": (0, 12), "textcoords": "offset points"}
    axes.annotate(subtitle, (0, 1), fontsize=10.5, color=SOFT, **above)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#b9c3cc")
    axes.tick_params(colors=INK, labelsize=10.5)
    axes.set_axisbelow(True)
    return figure, axes
