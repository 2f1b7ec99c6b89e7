import re
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from typer.testing import CliRunner

import graphembed_ext as ge
from graphembed_ext import plots
from graphembed_ext._core.optional import installed
from graphembed_ext.cli import demo, five_models
from graphembed_ext.cli.entry import app
from graphembed_ext.errors import InputError
from graphembed_ext.graph.view import EDGE_TYPE
from graphembed_ext.plots import maps

needs_dgl = pytest.mark.skipif(not installed("dgl"), reason="DGL is not installed: pip install 'graphembed_ext[dgl]'")
PNG = b"\x89PNG\r\n\x1a\n"


def test_the_graphs_are_the_real_ones():
    karate, women, novel = demo.examples()
    assert (karate.view.total_nodes, karate.view.total_edges) == (34, 2 * 78)
    assert sorted(map(karate.groups.count, set(karate.groups))) == [17, 17]
    assert dict(women.view.num_nodes) == {"event": 14, "woman": 18}
    assert women.view.edge_types == [("event", "attended_by", "woman"), ("woman", "attended", "event")]
    assert women.view.total_edges == 2 * 89
    attended = women.view.edge_index(("woman", "attended", "event")).t().tolist()
    pairs = {(women.names["woman"][woman], women.names["event"][event]) for woman, event in attended}
    assert ("Evelyn Jefferson", "E1") in pairs
    assert ("Flora Price", "E11") in pairs
    assert (novel.view.total_nodes, novel.view.total_edges) == (77, 2 * 254)
    assert float(novel.view.edge_features[EDGE_TYPE]["edge_weight"].max()) == 31


@pytest.mark.parametrize("example", demo.examples(), ids=lambda example: example.key)
def test_held_out_edges_are_gone_and_are_edges(example):
    view, hidden, absent = demo._hold_out(example.view, seed=3)
    whole, rest = (set(zip(*_union(graph), strict=True)) for graph in (example.view, view))
    hidden_pairs, absent_pairs = (set(zip(*pairs.tolist(), strict=True)) for pairs in (hidden, absent))
    both_ways = hidden_pairs | {(v, u) for u, v in hidden_pairs}
    assert whole - rest == both_ways
    assert rest < whole
    assert len(hidden_pairs) == int(len(whole) / 2 * 0.2)
    assert not absent_pairs & whole
    assert not {(v, u) for u, v in absent_pairs} & whole


def _union(view):
    csr = view.csr()
    return torch.repeat_interleave(torch.arange(view.total_nodes), csr.degrees).tolist(), csr.indices.tolist()


@needs_dgl
def test_the_demonstration_on_both_hosts(tmp_path):
    threads = torch.get_num_threads()
    done = CliRunner().invoke(app, ["demo", "--output", str(tmp_path / "new" / "folder")])
    assert done.exit_code == 0, done.output
    assert torch.get_num_threads() == threads
    assert done.stdout.count("identical, bit for bit") == 3 + 5
    assert "karate club: 14 comparisons equal (view, walks, loss, gradients, embeddings)" in done.stdout
    for title in ("nodes", "edges", "quality", "s on DGL", "s on PyG"):
        assert title in done.stdout
    folder = tmp_path / "new" / "folder"
    names = ["index.html", "karate.parquet", "karate.png", "les_miserables.parquet", "southern_women.parquet"]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert (folder / "karate.png").read_bytes().startswith(PNG)
    page = (folder / "index.html").read_text()
    for model in ("DeepWalk", "metapath2vec", "GraphSAGE", "HAN", "LightGCN"):
        assert f"<td>{model}, " in page
    assert page.count("<td>identical, bit for bit</td>") == 5
    assert len(re.findall(r"<td>micro-F1 [01]\.\d\d ± 0\.\d\d, ten times", page)) == 2
    assert len(re.findall(r"<td>accuracy [01]\.\d\d on nodes", page)) == 2
    ours, popular = map(float, re.search(r"<td>recall@3 ([\d.]+) ± [\d.]+ .*?: ([\d.]+) ±", page).groups())
    assert ours > popular
    assert page.count('src="data:image/png;base64,') == page.count("<img") == 6
    women = ge.Embeddings.load(folder / "southern_women.parquet")
    assert women.num_nodes == {"event": 14, "woman": 18}
    assert "Evelyn Jefferson" in women.names["woman"]
    assert pq.read_table(folder / "les_miserables.parquet")["name"].to_pylist()[0] == "Napoleon"


def test_the_embeddings_know_something(tmp_path):
    for outcome in demo.run(tmp_path, ["pyg"]):
        assert outcome.equal is None
        assert outcome.ok
        assert outcome.quality > {"karate": 0.9, "southern_women": 0.6, "les_miserables": 0.7}[outcome.example.key]


def test_without_dgl_it_says_so_and_runs(tmp_path):
    code = """
import sys
sys.modules["dgl"] = None
from graphembed_ext import cli
from graphembed_ext.cli import demo, five_models
karate = demo.examples()[0]
demo.examples = lambda: [karate]
demo.lessons = lambda: []
cli.main()
"""
    words = [sys.executable, "-c", code, "demo", "-o", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "Running on PyG alone" in done.stderr
    assert "pip install 'graphembed_ext[dgl]'" in done.stderr
    assert "identical" not in done.stdout
    assert "PyG alone, nothing to compare" in done.stdout


@needs_dgl
def test_a_difference_between_the_hosts_is_a_failure(tmp_path, monkeypatch):
    karate = demo.examples()[0]
    honest = demo._train

    def skewed(example, host, *arguments, **options):
        emb, engine = honest(example, host, *arguments, **options)
        if host == "pyg":
            emb.tensor[5, 3] += 1e-6
        return emb, engine

    monkeypatch.setattr(demo, "_train", skewed)
    monkeypatch.setattr(demo, "examples", lambda: [karate])
    monkeypatch.setattr(demo, "lessons", list)
    done = CliRunner().invoke(app, ["demo", "-o", str(tmp_path)])
    assert done.exit_code == 1
    assert "DIFFERENT" in done.stdout
    assert "different results" in done.stderr


def test_a_model_that_differs_between_the_hosts_is_a_failure(tmp_path, monkeypatch):
    lesson = demo.lessons()[-1]
    real, calls = five_models.embed, []

    def skewed(*arguments):
        emb = real(*arguments)
        calls.append(emb)
        emb.tensor[0, 0] += 1e-6 * len(calls)
        return emb

    monkeypatch.setattr(five_models, "embed", skewed)
    monkeypatch.setattr(demo, "examples", list)
    monkeypatch.setattr(demo, "lessons", lambda: [lesson])
    monkeypatch.setattr(demo, "usable_hosts", lambda: (["pyg", "pyg"], ""))
    done = CliRunner().invoke(app, ["demo", "-o", str(tmp_path)])
    assert done.exit_code == 1
    assert "LightGCN, women and events: DIFFERENT" in done.stdout


def test_a_folder_that_cannot_be_made_is_one_message(tmp_path):
    (tmp_path / "file").write_text("")
    done = CliRunner().invoke(app, ["demo", "-o", str(tmp_path / "file" / "folder")])
    assert done.exit_code == 1
    assert done.stderr.startswith("graphembed: ")


def test_drawn_nodes_do_not_cover_each_other():
    places = np.concatenate([np.zeros((4, 2)), np.random.default_rng(0).normal(size=(30, 2))])
    spread = maps._spread(places, np.array([8.0, 6.0]), 0.36)
    distance = np.linalg.norm(spread[:, None] - spread[None], axis=2) + 10 * np.eye(len(spread))
    assert distance.min() > 0.33
    assert spread.min() >= 0
    assert (spread.max(0) <= [8 - 0.36, 6 - 0.36]).all()


def test_a_picture_needs_two_dimensions():
    with pytest.raises(InputError, match="at least two vectors of two dimensions"):
        plots.project(torch.ones(5, 1))
