"""The interactive map, in a real browser: searched, hovered, clicked; names in it are shown and never run."""

from __future__ import annotations

import re

import pytest
import torch

from graphembed_ext import plots
from graphembed_ext._core.optional import installed
from graphembed_ext.errors import InputError
from graphembed_ext.plots import interactive
from tests import browser

pytestmark = pytest.mark.skipif(
    not installed("bokeh"), reason="bokeh is not installed: pip install 'graphembed_ext[map]'"
)
OWNED = "document.title='OWNED'"
NASTY = [f"<script>{OWNED}</script>", f'<img src=x onerror="{OWNED}">', f"</script><script>{OWNED}</script>"]
NASTY += ["$$\\frac{a}{b}$$", "@x{safe} <b>bold</b>", "${1+1} `x`", "\u2028", f"<svg onload={OWNED}>"]

#: The page's own models and, from a place among the data, one on the screen.
_HELP = """
const view = [...Bokeh.index.roots][0], models = [...Bokeh.documents[0]._all_models.values()];
const sources = models.filter(m => m.type == "ColumnDataSource");
const nodes = sources.find(m => "group" in m.data), ring = sources.find(m => "line" in m.data);
const figure = view.child_views.find(v => v.model.type == "Figure");
function texts(node) {
    let all = "";
    if (node.shadowRoot) all += texts(node.shadowRoot);
    for (const child of node.childNodes)
        all += child.nodeType == 3 ? child.data : child.tagName == "STYLE" ? "" : texts(child);
    return all;
}
function tags(node, found = []) {
    if (node.shadowRoot) tags(node.shadowRoot, found);
    for (const child of node.children ?? []) { found.push(child.tagName); tags(child, found); }
    return found;
}
"""


def ask(page: browser.Page, code: str):
    return page.run("(() => {" + _HELP + code + "})()")


def place_of(page: browser.Page, row: int) -> tuple[float, float]:
    code = (
        "const box = figure.canvas_view.el.getBoundingClientRect();"
        f"return [box.left + figure.frame.x_scale.compute(nodes.data.x[{row}]),"
        f" box.top + figure.frame.y_scale.compute(nodes.data.y[{row}])];"
    )
    return tuple(ask(page, code))


def made(path, count=400, names=None, groups=None, title="A <i>title</i>"):
    generator = torch.Generator().manual_seed(0)
    camp = torch.arange(count) % 3
    vectors = 4 * torch.eye(3, 8)[camp] + torch.randn(count, 8, generator=generator)
    if names is None:
        names = [*NASTY, *(f"node {i}" for i in range(len(NASTY), count))]
    if groups is None:
        groups = [("", "<b>east</b>", f"<img src=x onerror={OWNED}>")[int(i)] for i in camp]
    page = plots.interactive_map(vectors, groups, names, title=title, method="pca")
    return plots.save(page, path), vectors


def nearest(vectors, row, k=5):
    """By a plain loop."""
    cosine = [float(torch.cosine_similarity(vectors[row], other, dim=0)) for other in vectors]
    return sorted((i for i in range(len(vectors)) if i != row), key=lambda i: -cosine[i])[:k]


def test_neighbours_are_the_nearest_by_cosine(monkeypatch):
    monkeypatch.setattr(interactive, "_ROWS", 7)
    vectors = torch.randn(40, 6, generator=torch.Generator().manual_seed(1))
    near, cosine = interactive._neighbors(vectors, 5)
    for row in range(40):
        assert near[row].tolist() == nearest(vectors, row)
        there = torch.cosine_similarity(vectors[row : row + 1], vectors[near[row]])
        torch.testing.assert_close(torch.from_numpy(cosine[row]), there)
    assert interactive._neighbors(vectors[:3], 5)[0].shape == (3, 2)


def test_a_page_needs_no_other_file_and_holds_no_name_as_markup(tmp_path):
    path, _ = made(tmp_path / "map.html")
    text = path.read_text()
    assert not re.search(r"<(script|link|img)[^>]*(src|href)=[\"']?(http|//)", text)
    assert "OWNED" in text
    for name in NASTY[:3]:
        assert name not in text


def test_a_page_of_many_is_a_sample_and_says_so(monkeypatch):
    monkeypatch.setattr(interactive, "MOST", 50)
    page = plots.interactive_map(torch.randn(80, 4, generator=torch.Generator().manual_seed(0)), method="pca")
    assert "50 of 80 vectors (a sample) of 4 dimensions, PCA" in str(page.children[1].above[0].text.text)


def test_what_cannot_be_drawn_is_told(tmp_path):
    with pytest.raises(InputError, match="names: got 2 labels; expected 5, one for each vector"):
        plots.interactive_map(torch.eye(5), names=["a", "b"])
    with pytest.raises(InputError, match=r"a name ending in \.html"):
        made(tmp_path / "map.png")


@pytest.mark.skipif(browser.BROWSER is None, reason=browser.MISSING)
def test_searched_hovered_and_clicked_in_a_browser(tmp_path):
    path, vectors = made(tmp_path / "map.html")
    names = [*NASTY, *(f"node {i}" for i in range(len(NASTY), 400))]
    with browser.Page(path, tmp_path / "profile") as page:
        page.wait(lambda: page.run("!!(window.Bokeh && Bokeh.documents.length && Bokeh.documents[0].is_idle)"))
        # typed into the field, as a person does
        page.click(100, 20)
        page.type("<SCRIPT>")
        near = [names[i] for i in nearest(vectors, 0)]
        assert page.wait(lambda: ask(page, "return ring.data.name"))[::-1] == [names[0], *near]
        assert f"{names[0]}: nearest are {near[0]} (" in ask(page, "return texts(document.body)")
        written = ask(page, "return ring.data.written")[::-1]
        assert written[0] == names[0]
        assert all(text in ("", name) for text, name in zip(written[1:], near, strict=True))
        page.screenshot(tmp_path / "searched.png")
        # hovered: each nasty name is text
        for row in range(len(NASTY)):
            page.mouse("mouseMoved", 640, 880)
            page.mouse("mouseMoved", *place_of(page, row))
            told = page.wait(lambda row=row: told if names[row] in (told := ask(page, _TIPS)) else "")
            assert names[nearest(vectors, row)[0]] in told
        page.screenshot(tmp_path / "hovered.png")
        page.click(*place_of(page, 30))
        page.wait(lambda: ask(page, "return ring.data.name.at(-1)") == "node 30")
        assert page.run("document.title") == "A <i>title</i>"
        assert not {"IMG", "B", "I"} & set(ask(page, "return tags(document.body)"))
        assert not page.console
    assert (tmp_path / "hovered.png").stat().st_size > 10_000


@pytest.mark.skipif(browser.BROWSER is None, reason=browser.MISSING)
def test_names_written_do_not_overlap_nor_leave_the_page(tmp_path):
    """Names of neighbours lay on each other, and a long one was cut where the map ends."""
    names = [f"{'long ' * (i % 30)}paper {i}" for i in range(60)]
    path, _ = made(tmp_path / "map.html", 60, names, ["a class of a long name" * 3] * 60)
    with browser.Page(path, tmp_path / "profile", (700, 600)) as page:
        page.wait(lambda: page.run("!!(window.Bokeh && Bokeh.documents.length && Bokeh.documents[0].is_idle)"))
        for row in range(0, 60, 7):
            ask(page, f"nodes.selected.indices = [{row}]")
            page.wait(lambda row=row: ask(page, "return ring.data.name.at(-1)") == names[row])
            boxes = ask(page, _WRITTEN)
            assert boxes[-1]["text"].removesuffix("…") in names[row]
            for number, box in enumerate(boxes):
                assert box["left"] > -1
                assert box["right"] < box["wide"] + 1
                for other in boxes[:number]:
                    apart = abs(box["y"] - other["y"]) > 13
                    assert apart or box["left"] > other["right"] or other["left"] > box["right"]


_WRITTEN = """
const canvas = document.createElement("canvas").getContext("2d"), found = [], data = ring.data;
canvas.font = "13px helvetica";
data.written.forEach((text, i) => {
    if (!text) return;
    const x = figure.frame.x_scale.compute(data.x[i]) - figure.frame.bbox.left + data.shift[i];
    const size = canvas.measureText(text).width, left = data.align[i] == "right" ? x - size : x;
    const y = figure.frame.y_scale.compute(data.y[i]);
    found.push({text, left, right: left + size, y, wide: figure.frame.bbox.width});
});
return found;
"""

_TIPS = """
const found = [];
(function walk(node) {
    if (node.shadowRoot) walk(node.shadowRoot);
    for (const child of node.children ?? []) {
        if (/Tooltip/.test(child.className)) found.push(texts(child));
        walk(child);
    }
})(document.body);
return found.join(" ");
"""
