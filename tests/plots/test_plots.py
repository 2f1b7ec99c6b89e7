"""Pictures: that they are drawn, of the right figures, without a display and without moving global state."""

from __future__ import annotations

import sys
import types

import matplotlib as mpl
import matplotlib.axes
import numpy as np
import pytest
import torch

import graphembed_ext as ge
from graphembed_ext import plots
from graphembed_ext.errors import InputError
from graphembed_ext.plots import maps

HISTORY = [{"epoch": i + 1, "loss": 1 / (i + 1), "val_loss": 1 / (i + 1) + 0.1, "seconds": 0.1} for i in range(4)]
RECALL = [
    {"epoch": i + 1, "loss": 1.0} | ({"val_recall@20": 0.1 * i, "val_ndcg@20": 0.05 * i} if i % 2 else {})
    for i in range(6)
]


def lines(figure):
    return {line.get_label(): line.get_xydata().tolist() for line in figure.axes[0].lines}


def test_loss_curve_has_both_losses():
    drawn = lines(plots.loss_curve(HISTORY, title="a title", best_epoch=4))
    assert drawn["training"] == [[entry["epoch"], entry["loss"]] for entry in HISTORY]
    assert drawn["validation"] == [[entry["epoch"], entry["val_loss"]] for entry in HISTORY]
    assert "kept: epoch 4" in drawn
    with pytest.raises(InputError, match="history: got no epochs"):
        plots.loss_curve([])


def test_recall_curve_has_validated_epochs_only():
    drawn = lines(plots.recall_curve(RECALL))
    assert [epoch for epoch, _ in drawn["recall@20"]] == [2, 4, 6]
    with pytest.raises(InputError, match="no validated recall"):
        plots.recall_curve(HISTORY)


def test_attention_is_a_bar_for_each_metapath():
    axes = plots.attention({"author": {"APA": 0.25, "APCPA": 0.75}}).axes[0]
    assert [bar.get_width() for bar in axes.patches] == [0.25, 0.75]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["APA", "APCPA"]


def test_degrees_of_several_types():
    generator = torch.Generator().manual_seed(0)
    degree = torch.randint(0, 100, (50,), generator=generator)
    groups = {"item": (degree, degree.sqrt() + 0.1), "user": (degree, torch.ones(50))}
    figure = plots.degree_against_norm(groups, title="a title")
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["item (50)", "user (50)", "median"]


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_maps_put_camps_apart_and_repeat(method):
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(30, 8, generator=generator) * 0.1
    vectors[:15, 0] += 3
    vectors[15:, 1] += 3
    first, again = (maps._places(vectors, method, 0) for _ in range(2))
    assert (first == again).all()
    middle = first[:15].mean(0), first[15:].mean(0)
    right = [((point - middle[0]) ** 2).sum() < ((point - middle[1]) ** 2).sum() for point in first]
    assert right == [True] * 15 + [False] * 15


def test_umap_is_told_the_seed(monkeypatch):
    """The package itself compiles for half a minute."""

    class UMAP:
        def __init__(self, n_neighbors, init, random_state):
            self.given = n_neighbors, init, random_state

        def fit_transform(self, array):
            assert self.given == (15, "spectral", 7)
            return array[:, :2]

    monkeypatch.setitem(sys.modules, "umap", types.SimpleNamespace(UMAP=UMAP))
    assert maps._places(torch.eye(30), "umap", 7).shape == (30, 2)


def test_map_has_a_legend_with_counts(global_state_untouched):
    backend = mpl.get_backend()
    vectors = torch.randn(20, 4, generator=torch.Generator().manual_seed(0))
    figure = plots.embedding_map(vectors, ["a"] * 12 + ["b"] * 5 + [""] * 3, method="pca")
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == [
        *("a (12)", "b (5)", "without a label (3)"),
    ]
    assert mpl.get_backend() == backend


def test_a_group_has_one_colour_whatever_the_sizes():
    """Users and items on two maps, of which now these and now those are more."""

    def colours(groups):
        figure = plots.embedding_map(torch.eye(len(groups)), groups, method="pca")
        drawn = {entry.get_label(): entry.get_facecolor() for entry in figure.axes[0].collections}
        return {label.split()[0]: tuple(colour[0]) for label, colour in drawn.items() if label.endswith(")")}

    assert colours(["user"] * 5 + ["item"] * 2) == colours(["user"] * 2 + ["item"] * 5)


def test_nodes_without_a_group_are_drawn_too(tmp_path, monkeypatch):
    drawn, scatter = [], mpl.axes.Axes.scatter

    def noted(axes, x, y, **look):
        drawn.append(len(x))
        return scatter(axes, x, y, **look)

    monkeypatch.setattr(mpl.axes.Axes, "scatter", noted)
    plots.draw_embedding(torch.eye(4), list("abcd"), ["x", "", "x", "y"], tmp_path / "a.png", title="four")
    assert drawn == [2, 1, 1]


def boxes(figure, texts):
    figure.draw_without_rendering()
    return [text.get_window_extent() for text in texts]


def test_names_cover_neither_each_other_nor_the_points():
    vectors = torch.randn(32, 8, generator=torch.Generator().manual_seed(0))
    names = [f"a person called {number}" for number in range(32)]
    figure = plots.embedding_map(vectors, ["a", "b"] * 16, names, method="pca")
    texts = [text for text in figure.axes[0].texts if text.get_text() in names]
    assert [text.get_text() for text in texts] == names
    found = boxes(figure, texts)
    for number, box in enumerate(found):
        assert not any(box.overlaps(other) for other in found[:number])
    points = figure.axes[0].transData.transform([text.xy for text in texts])
    assert not any(box.contains(*point) for box in found for point in points)
    page = figure.bbox
    assert all(page.contains(*corner) for box in found for corner in box.corners())


def test_names_are_marked_on_a_map_of_many():
    vectors = torch.randn(80, 8, generator=torch.Generator().manual_seed(0))
    names = [f"node {number}" for number in range(80)]
    figure = plots.embedding_map(vectors, names=names, mark=["node 7", "node 70"], method="pca")
    assert {text.get_text() for text in figure.axes[0].texts} >= {"node 7", "node 70"}
    assert len(figure.axes[0].texts) == 3  # and the subtitle
    assert "80 vectors of 8 dimensions, PCA, 2 names written" in {text.get_text() for text in figure.axes[0].texts}
    bare = plots.embedding_map(vectors, names=names, method="pca")
    assert [text.get_text() for text in bare.axes[0].texts] == ["80 vectors of 8 dimensions, PCA, no names written"]
    with pytest.raises(InputError, match=r"mark: got nod 7; expected a name.*did you mean 'node 7'"):
        plots.embedding_map(vectors, names=names, mark=["nod 7"])


def test_a_result_plots_itself(tmp_path):
    model = ge.DeepWalk(torch.tensor([[0, 1], [1, 0]]), emb_dim=4, walk_length=12, seed=0)
    result = ge.fit(model, epochs=3, progress=False)
    figure = result.plot(tmp_path / "loss.svg")
    assert len(lines(figure)["training"]) == 3
    assert (tmp_path / "loss.svg").read_text().startswith("<?xml")
    assert "recall@20" in lines(ge.FitResult(history=RECALL).plot())


def test_on_epoch_takes_several():
    seen = [[], []]
    model = ge.DeepWalk(torch.tensor([[0, 1], [1, 0]]), emb_dim=4, walk_length=12, seed=0)
    ge.fit(model, epochs=2, progress=False, on_epoch=[seen[0].append, seen[1].append])
    assert seen[0] == seen[1]
    assert [entry["epoch"] for entry in seen[0]] == [1, 2]
    with pytest.raises(InputError, match="on_epoch: got 3; expected a function"):
        ge.fit(model, epochs=2, progress=False, on_epoch=[3])


def test_notebooks_show_counts_and_sizes():
    emb = ge.Embeddings(torch.zeros(3, 256), {"<a>": 1, "b": 2}, {"b": ["x & y", "z"]})
    shown = emb._repr_html_()
    for text in ("&lt;a&gt;", "2.0 KiB", "x &amp; y", "256"):
        assert text in shown
    view = ge.view(torch.tensor([[0, 1], [1, 2]]))
    assert "<td>edges</td><td>2</td>" in view._repr_html_()
    result = ge.FitResult(history=HISTORY, samples=12, best_epoch=3, metrics={"test_accuracy": 0.5})
    shown = result._repr_html_()
    assert "test_accuracy" in shown
    assert shown.count("<tr>") == shown.count("</tr>")


@pytest.mark.parametrize(("count", "expected"), [(70, 1), (5000, 1), (5001, 2)])
def test_small_maps_by_tsne_take_one_thread(monkeypatch, count, expected):
    """Threads that wait for each other took minutes for 450 vectors on a machine with other work."""
    sklearn = pytest.importorskip("sklearn.manifold")
    threadpoolctl = pytest.importorskip("threadpoolctl")

    def threads():
        return {pool["num_threads"] for pool in threadpoolctl.threadpool_info()}

    inside = []
    monkeypatch.setattr(
        sklearn.TSNE, "fit_transform", lambda _, array: (inside.append(threads()), np.zeros((len(array), 2)))[1]
    )
    with threadpoolctl.threadpool_limits(2):
        maps.map_places(torch.zeros(count, 2), method="tsne")
        assert threads() == {2}
    assert inside == [{expected}]


def test_places_by_tsne_are_those_of_any_number_of_threads():
    sklearn = pytest.importorskip("sklearn.manifold")
    threadpoolctl = pytest.importorskip("threadpoolctl")
    vectors = torch.randn(80, 8, generator=torch.Generator().manual_seed(0))
    array = vectors.numpy() / np.linalg.norm(vectors.numpy(), axis=1, keepdims=True)
    with threadpoolctl.threadpool_limits(2):
        tsne = sklearn.TSNE(2, perplexity=79 / 3, init="pca", random_state=3)
        expected = tsne.fit_transform(array)
    np.testing.assert_array_equal(maps.map_places(vectors, method="tsne", seed=3), expected)
