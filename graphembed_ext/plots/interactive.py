"""Maps of embeddings as a page: to be zoomed, searched by name, and asked for nearest neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .._core import checks
from .._core.optional import optional
from .maps import as_points, described, layers, placed
from .style import INK, MANY, MARK, SOFT

__all__ = ["interactive_map"]

#: Points up to which a browser stays quick; of more, a sample is drawn.
MOST = 100_000

_PURPOSE = "an interactive map"
_ROWS = 2_048

#: What the page does with a chosen node: rings and names for it and its neighbours, and a line of text. A name
#: that would lie on another is told in the line alone; one that would leave the page stands left of its point.
_CHOOSE = """
const found = [], data = nodes.data, count = width;
if (row >= 0) {
    found.push(row);
    for (let i = 0; i < count; i++) found.push(near[row * count + i]);
}
const wide = page.inner_width, scale = wide / (page.x_range.end - page.x_range.start);
const high = page.inner_height / (page.y_range.end - page.y_range.start);
const boxes = [], written = {}, left = {};
for (const i of found) {
    const letters = [...data.name[i]];
    const x = (data.x[i] - page.x_range.start) * scale, y = data.y[i] * high;
    left[i] = x + 10 + 7.5 * letters.length > wide && x > wide / 2;
    const most = Math.max(8, Math.min(40, Math.floor(((left[i] ? x : wide - x) - 10) / 7.5)));
    const long = letters.length > most, size = 7.5 * Math.min(letters.length, most);
    const box = [left[i] ? x - 10 - size : x + 10, y];
    box.push(box[0] + size);
    const free = boxes.every(other => box[2] < other[0] || other[2] < box[0] || Math.abs(y - other[1]) > 17);
    if (free) boxes.push(box);
    written[i] = !free ? "" : long ? letters.slice(0, most - 1).join("") + "\u2026" : data.name[i];
}
const drawn = [...found].reverse();  // the chosen one on top
ring.data = {x: drawn.map(i => data.x[i]), y: drawn.map(i => data.y[i]), name: drawn.map(i => data.name[i]),
             written: drawn.map(i => written[i]), align: drawn.map(i => left[i] ? "right" : "left"),
             shift: drawn.map(i => left[i] ? -10 : 10), line: drawn.map(i => i == row ? 3 : 1.5)};
told.text = row < 0 ? said : data.name[row] + ": nearest are " + found.slice(1).map(
    (i, place) => data.name[i] + " (" + cosine[row * count + place].toFixed(2) + ")").join(", ");
"""

_CLICKED = """
const row = nodes.selected.indices.length ? nodes.selected.indices[0] : -1, said = help;
"""

_NEAREST = """
const row = special_vars.index, all = [];
for (let i = row * width; i < (row + 1) * width; i++)
    all.push(nodes.data.name[near[i]] + " (" + cosine[i].toFixed(2) + ")");
return all.join(", ");
"""

_SEARCH = """
const wanted = search.value_input.trim().toLowerCase();
let row = -1, said = help;
if (wanted) {
    const names = nodes.data.name, starts = [], holds = [];
    for (let i = 0; i < names.length && row < 0; i++) {
        const name = names[i].toLowerCase();
        if (name == wanted) row = i;
        else if (name.startsWith(wanted)) starts.push(i);
        else if (name.includes(wanted)) holds.push(i);
    }
    if (row < 0) row = [...starts, ...holds, -1][0];
    if (row < 0) said = "No node here has a name with " + JSON.stringify(search.value_input.trim()) + ".";
}
"""

_GO_THERE = """
if (row >= 0) {
    const across = (page.x_range.end - page.x_range.start) / 2, up = (page.y_range.end - page.y_range.start) / 2;
    const x = nodes.data.x[row], y = nodes.data.y[row];
    if (x < page.x_range.start || x > page.x_range.end)
        page.x_range.setv({start: x - across, end: x + across});
    if (y < page.y_range.start || y > page.y_range.end)
        page.y_range.setv({start: y - up, end: y + up});
}
"""


def interactive_map(
    vectors: Tensor,
    groups: Sequence[str] = (),
    names: Sequence[str] = (),
    *,
    title: str = "",
    method: str = "auto",
    seed: int = 0,
    k: int = 5,
) -> Any:
    """A 2-D map as a page that is zoomed, searched by name and hovered; needs bokeh (the extra ``map``).

    The points lie where :func:`embedding_map` puts them, in the same colours. A point that is hovered, clicked or
    searched tells its name, its group and its nearest neighbours: by cosine among all vectors drawn, not by the map.
    Names are shown as text: nothing in them is run or taken for markup.

    Args:
        vectors: ``(N, d)``; of more than 100,000 a sample is drawn, and the page says so.
        groups: Group of each vector; empty for none.
        names: Name of each vector; their numbers where left out.
        title: Title of the page.
        method: As for :func:`embedding_map`.
        seed: Fixes the places and the sample.
        k: Neighbours told of each point.

    Returns:
        A layout of bokeh, which :func:`save` writes to an ``.html`` that needs no network and no other file.

    Raises:
        InputError: Other than two vectors of two dimensions at least, or a number of groups or names that is not N.
        MissingDependencyError: bokeh or scikit-learn are not installed.

    Example:
        >>> import torch
        >>> vectors = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9]])
        >>> interactive_map(vectors, ["a", "a", "b", "b"], ["Ada", "Al", "Bea", "Bo"], title="four people").name
        'four people'
    """
    checks.text("title", title)
    optional("bokeh", _PURPOSE)
    vectors, groups, names = as_points(vectors, groups, names)
    k, seed = checks.integer("k", k), checks.integer("seed", seed, minimum=0) % 2**32
    count = len(vectors)
    rows = np.arange(count)
    if count > MOST:
        rows = np.sort(np.random.default_rng(seed).choice(count, MOST, replace=False))
    vectors = vectors.float()[torch.from_numpy(rows)]
    places, how = placed(vectors, method, seed)
    nodes = {
        "x": places[:, 0].astype(np.float32),
        "y": places[:, 1].astype(np.float32),
        "name": [names[row] if len(names) else str(row) for row in rows.tolist()],
        "group": [groups[row] if len(groups) else "" for row in rows.tolist()],
        "label": [(groups[row] if len(groups) else "") or "none" for row in rows.tolist()],
    }
    near, cosine = _neighbors(vectors, k)
    return _page(nodes, near, cosine, title, described(len(rows), count, vectors.size(1), how))


def _neighbors(vectors: Tensor, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Each vector's nearest others, ``(N, k)``, and their cosines; fewer where there are not so many."""
    unit = F.normalize(vectors, dim=1)
    k = min(k, len(unit) - 1)
    near, cosine = [], []
    for start in range(0, len(unit), _ROWS):
        scores = unit[start : start + _ROWS] @ unit.t()
        own = torch.arange(len(scores))
        scores[own, own + start] = -torch.inf
        best = scores.topk(k)
        near.append(best.indices.int())
        cosine.append(best.values)
    return torch.cat(near).numpy(), torch.cat(cosine).numpy()


def _page(nodes: dict[str, Any], near: np.ndarray, cosine: np.ndarray, title: str, subtitle: str) -> Any:
    from bokeh.layouts import column, row
    from bokeh.models import ColumnDataSource, Div, TextInput

    source = ColumnDataSource(nodes)
    ring = ColumnDataSource({name: [] for name in ("x", "y", "name", "written", "align", "shift", "line")})
    # the numbers travel as they are; lists of text for each point would be ten times as large
    told = {"near": near.ravel(), "cosine": cosine.ravel(), "width": near.shape[1]}
    figure = _figure(source, ring, title, subtitle, told)
    search = TextInput(placeholder="search a name", width=220)
    hint = "Search a name or click a point: it and its nearest neighbours are marked. Scroll to zoom."
    answer = Div(
        text=hint,
        render_as_text=True,
        disable_math=True,
        # as high as two lines: the map stays where it is
        styles={"color": INK, "font-size": "13px", "padding-top": "6px", "min-height": "34px"},
    )
    _behave(figure, source, ring, search, answer, {**told, "help": hint})
    controls = row(search, answer, sizing_mode="stretch_width")
    answer.sizing_mode = "stretch_width"
    return column(controls, figure, sizing_mode="stretch_both", name=title or "map of embeddings")


def _figure(source: Any, ring: Any, title: str, subtitle: str, told: dict[str, Any]) -> Any:
    from bokeh.models import PlainText, Title
    from bokeh.plotting import figure

    made = figure(
        sizing_mode="stretch_both",
        min_height=420,
        match_aspect=True,
        tools="pan,wheel_zoom,box_zoom,tap,reset,save",
        active_scroll="wheel_zoom",
        output_backend="webgl" if len(source.data["x"]) > MANY else "canvas",
    )
    made.toolbar.logo = None
    made.axis.visible = made.grid.visible = False
    made.outline_line_color = None
    # plain text: "$$" would be taken for formulas
    small = {"text_color": SOFT, "text_font_style": "normal", "text_font_size": "13px"}
    made.add_layout(Title(text=PlainText(text=subtitle), **small), "above")
    made.add_layout(Title(text=PlainText(text=title), text_color=INK, text_font_size="18px"), "above")
    _points(made, source, told)
    made.text(
        *("x", "y", "written"),
        source=ring,
        text_align="align",
        x_offset="shift",
        y_offset=-6,
        text_font_size="13px",
        text_color=INK,
        background_fill_color="white",
        background_fill_alpha=0.75,
    )
    made.scatter("x", "y", source=ring, size=16, fill_alpha=0, line_color=MARK, line_width="line")
    return made


def _points(figure: Any, source: Any, told: dict[str, Any]) -> None:
    """The nodes, a layer for each colour, which a click on the legend hides."""
    from bokeh.events import DocumentReady
    from bokeh.models import CDSView, CustomJS, CustomJSHover, HoverTool, IndexFilter, Legend, LegendItem

    group_of = np.array(source.data["group"])
    size = float(np.clip(500 / np.sqrt(max(len(group_of), 1)), 3, 11))
    drawn, entries = [], []
    for label, colour, inside in layers(group_of):
        view = CDSView(filter=IndexFilter(np.flatnonzero(inside).tolist()))
        look = {"fill_color": colour, "fill_alpha": 0.85, "line_color": None}
        same = {f"nonselection_{name}": value for name, value in look.items()}
        drawn.append(figure.scatter("x", "y", source=source, view=view, size=size, **look, **same))
        entries.append(LegendItem(label={"value": label}, renderers=[drawn[-1]]))
    tips = [("name", "@name"), ("nearest", "@name{near}")]
    if (group_of != "").any():
        tips.insert(1, ("label", "@label"))
        legend = Legend(items=entries, click_policy="hide", border_line_color=None, label_text_color=INK)
        figure.add_layout(legend, "right")
        # bokeh draws the legend before the points are there, and then without their colours
        figure.js_on_event(DocumentReady, CustomJS(args={"legend": legend}, code="legend.change.emit()"))
    # what a formatter returns is escaped by bokeh, as all text of tips is
    nearest = CustomJSHover(args={"nodes": source, **told}, code=_NEAREST)
    figure.add_tools(HoverTool(renderers=drawn, tooltips=tips, formatters={"@name": nearest}, limit=1))


def _behave(figure: Any, source: Any, ring: Any, search: Any, told: Any, arrays: dict[str, Any]) -> None:
    from bokeh.models import CustomJS

    args = {"nodes": source, "ring": ring, "search": search, "told": told, "page": figure, **arrays}
    search.js_on_change("value_input", CustomJS(args=args, code=_SEARCH + _GO_THERE + _CHOOSE))
    source.selected.js_on_change("indices", CustomJS(args=args, code=_CLICKED + _CHOOSE))
