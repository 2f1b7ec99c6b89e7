"""The parity report: equal graphs, and graphs made to differ."""

from __future__ import annotations

import json

import pytest
import torch

import graphembed_ext as ge
from benchmarks import peer_defects
from graphembed_ext.errors import InputError
from graphembed_ext.parity.comparison import _compare_runs
from graphembed_ext.parity.table import compare
from tests.graphs import PAIRS, PATHS, Spec, build_dgl, build_pyg, people, shuffled, tagged_camps, world

CONFIG = {"emb_dim": 8, "walk_length": 8, "window_size": 2, "batch_size": 4}


@pytest.mark.parametrize("engine", ["dgl", "torch"])
def test_equal_graphs(engine):
    first, second = build_dgl(Spec.untyped(10, PAIRS)), build_pyg(Spec.untyped(10, PAIRS[::-1]))
    threads = torch.get_num_threads()
    report = ge.parity.report("deepwalk", first, second, engine=engine, **CONFIG)
    assert report.ok
    assert report.first_difference is None
    assert (report.hosts, report.engine) == (("dgl", "pyg"), engine)
    stages = [row.stage for row in report.rows]
    assert list(dict.fromkeys(stages)) == ["view", "walks", "loss", "gradients", "embeddings"]
    assert str(report).endswith("identical, bit for bit")
    assert torch.get_num_threads() == threads


def test_typed_graphs(camps):
    assert ge.parity.report("deepwalk", build_dgl(camps), build_pyg(camps), **CONFIG).ok


def test_one_edge_less():
    first, second = build_dgl(Spec.untyped(10, PAIRS)), build_pyg(Spec.untyped(10, PAIRS[:-1]))
    report = ge.parity.report("deepwalk", first, second, **CONFIG)
    difference = report.first_difference
    assert not report.ok
    assert (difference.stage, difference.quantity, difference.absolute) == ("view", "edges", 1.0)
    assert difference.reason.startswith("1 node pair differs: ")
    assert difference.reason.endswith("edge 9 -> 8 is there 1 and 0 times")
    assert "first difference: view, edges" in str(report)


def test_edges_the_other_way_round():
    first = build_dgl(Spec.untyped(10, [(i, j) for i, j in PAIRS if j != 3]))
    second = build_pyg(Spec.untyped(10, [(j, i) for i, j in PAIRS if j != 3]))
    report = ge.parity.report("deepwalk", first, second, **CONFIG)
    assert report.first_difference.reason == "one graph has every edge the other way round"


def test_an_isolated_node_less():
    first, second = build_dgl(Spec.untyped(11, PAIRS)), build_pyg(Spec.untyped(10, PAIRS))
    report = ge.parity.report("deepwalk", first, second, **CONFIG)
    assert report.first_difference.quantity == "number of nodes"
    assert report.first_difference.reason == (
        "the first graph has 11 nodes, the second 10: node 10 of the first graph has no edges, so isolated nodes were "
        "lost; state num_nodes"
    )
    assert {row.stage for row in report.rows} == {"view"}


def test_other_edge_types(camps):
    other = Spec(camps.num_nodes, dict(list(camps.edges.items())[:1]))
    report = ge.parity.report("deepwalk", build_dgl(camps), build_pyg(other), **CONFIG)
    assert report.first_difference.quantity == "edge types"


def test_an_isolated_node_less_and_the_others_renumbered():
    moved = [(i - (i > 4), j - (j > 4)) for i, j in ((a + (a > 3), b + (b > 3)) for a, b in PAIRS)]
    spread = [(a + (a > 3), b + (b > 3)) for a, b in PAIRS]
    first, second = build_dgl(Spec.untyped(11, spread)), build_pyg(Spec.untyped(10, moved))
    reason = ge.parity.report("deepwalk", first, second, **CONFIG).first_difference.reason
    assert reason.endswith("node 4 of the first graph has no edges; isolated nodes were lost and the others renumbered")


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ([*PAIRS, PAIRS[0]], "the second graph has some several times"),
        ([(3 * i % 10, 3 * j % 10) for i, j in PAIRS], "numbered in another order"),
        (PAIRS[3:], "3 node pairs differ"),
    ],
)
def test_where_edges_differ(pairs, words):
    first, second = build_dgl(Spec.untyped(10, PAIRS)), build_pyg(Spec.untyped(10, pairs))
    assert words in ge.parity.report("deepwalk", first, second, **CONFIG).first_difference.reason


def test_one_direction_and_both():
    one = [(i, j) for i, j in PAIRS if i < j]
    first, second = build_dgl(Spec.untyped(10, one)), build_pyg(Spec.untyped(10, one + [(j, i) for i, j in one]))
    reason = ge.parity.report("deepwalk", first, second, **CONFIG).first_difference.reason
    assert reason == "the second graph has every edge in both directions, the other in one"


def test_missing_nodes_and_other_names():
    first, second = Spec.untyped(10, PAIRS), Spec.untyped(9, [(i, j) for i, j in PAIRS if max(i, j) < 9])
    reason = ge.parity.report("deepwalk", build_dgl(first), build_pyg(second), **CONFIG).first_difference.reason
    assert "node 9 of the first graph has edges, so nodes are missing" in reason
    typed = Spec({"person": 10}, {("person", "knows", "person"): tuple(map(list, zip(*PAIRS, strict=True)))})
    other = Spec({"user": 10}, {("user", "knows", "user"): tuple(map(list, zip(*PAIRS, strict=True)))})
    reason = ge.parity.report("deepwalk", build_dgl(typed), build_pyg(other), **CONFIG).first_difference.reason
    assert reason.startswith("only the first graph has 'person'; only the second graph has 'user'")
    assert reason.endswith("may only be called otherwise")


def models(camps):
    return {
        "deepwalk": (people(), CONFIG),
        "metapath2vec": (camps, {"metapath": ["likes", "liked_by"], "window_size": 2, "emb_dim": 8}),
        "graphsage": (people(), {"hidden_channels": 8, "dropout": 0.5}),
        "han": (world(), {"hidden_channels": 8, "heads": 2, "metapaths": PATHS}),
        "lightgcn": (camps, {"embedding_dim": 8, "num_layers": 2, "batch_size": 7}),
    }


@pytest.mark.parametrize("name", ["deepwalk", "metapath2vec", "graphsage", "han", "lightgcn"])
def test_every_model(name, camps):
    spec, config = models(camps)[name]
    found = ge.parity.report(name, build_dgl(spec), build_pyg(shuffled(spec)), **config)
    assert found.ok, str(found)
    batches = "walks" if name in ("deepwalk", "metapath2vec") else "batches"
    assert {"view", batches, "loss", "gradients", "embeddings"} <= set(found.stages())
    assert found.hosts == ("dgl", "pyg")
    assert (found.engine == "dgl") == (batches == "walks")
    assert json.loads(json.dumps(found.to_dict()))["ok"]


def test_han_in_mini_batches():
    spec = world()
    config = {"hidden_channels": 8, "heads": 2, "metapaths": PATHS, "batch_size": 4}
    found = ge.parity.report("han", build_dgl(spec), build_pyg(shuffled(spec)), **config)
    assert found.ok, str(found)
    assert sum(row.stage == "batches" for row in found.rows) > 8


def test_graphsage_in_mini_batches():
    config = {"hidden_channels": 8, "batch_size": 4}
    found = ge.parity.report("graphsage", build_dgl(people()), build_pyg(shuffled(people())), **config)
    assert found.ok, str(found)
    assert sum(row.stage == "batches" for row in found.rows) > 8


@pytest.mark.parametrize("batch_size", [None, 4])
def test_typed_graphsage(batch_size):
    graphs = build_dgl(tagged_camps()), build_pyg(tagged_camps(order=3))
    found = ge.parity.report("graphsage", *graphs, hidden_channels=8, target="user", batch_size=batch_size)
    assert found.ok, str(found)


def test_masks_that_dgl_has_saved(tmp_path):
    import dgl

    dgl.save_graphs(str(tmp_path / "g.bin"), [build_dgl(world())])
    saved = dgl.load_graphs(str(tmp_path / "g.bin"))[0][0]
    assert saved.nodes["paper"].data["train_mask"].dtype == torch.uint8
    found = ge.parity.report("han", saved, build_pyg(world()), hidden_channels=8, heads=2, metapaths=PATHS)
    assert found.ok, str(found)


def test_without_labels_outputs_are_trained():
    spec = people()
    del spec.features["_N"]["y"]
    assert ge.parity.report("graphsage", build_dgl(spec), build_pyg(spec), hidden_channels=8).ok


def test_features_of_other_names_orders_and_dtypes():
    def reason(change):
        graph = build_pyg(people())
        change(graph)
        return ge.parity.report("graphsage", build_dgl(people()), graph, hidden_channels=8).first_difference

    def renamed(graph):
        graph.feat, graph.label = graph.x, graph.y
        del graph.x, graph.y

    def changed(graph):
        graph.x[5, 2] += 1

    def reordered(graph):
        graph.x = graph.x.flip(0)

    def wider(graph):
        graph.x = graph.x.double()

    assert reason(renamed) is None
    found = reason(changed)
    assert (found.stage, found.quantity) == ("view", "x")
    assert found.reason.startswith("at [5, 2], ")
    assert found.absolute == pytest.approx(1)
    assert "node order: the same rows at other nodes" in reason(reordered).reason
    assert reason(wider).reason == "the dtypes are torch.float32 and torch.float64, the values the same"


def test_features_that_one_graph_lacks():
    bare = build_pyg(Spec.untyped(10, PAIRS))
    found = ge.parity.report("graphsage", build_dgl(people()), bare, hidden_channels=8)
    assert found.first_difference.reason == "only the first graph has features, 'x'"
    assert {row.stage for row in found.rows} == {"view"}  # the second graph makes no model
    assert ge.parity.report("deepwalk", build_dgl(people()), bare, **CONFIG).ok
    with pytest.raises(InputError, match="window"):
        ge.parity.report("deepwalk", bare, bare, window=3)


def test_runs_that_part():
    one, other = torch.zeros(1), torch.ones(1)
    rows = list(_compare_runs(iter([("loss", "a", one)]), iter([("loss", "a", one), ("loss", "b", other)])))
    assert [(row.quantity, row.equal) for row in rows] == [("a", True), ("b", False)]


def test_edge_features_in_another_order():
    weights = [float(k) for k in range(len(PAIRS))]
    first = build_dgl(Spec.untyped(10, PAIRS, edge_weight=weights))
    second = build_pyg(Spec.untyped(10, PAIRS[::-1], edge_weight=weights))
    found = ge.parity.report("deepwalk", first, second, weight="edge_weight", **CONFIG)
    assert found.first_difference.quantity == "edge feature, edge_weight"
    assert "edge order: the same values at other edges" in found.first_difference.reason
    second.edge_weight = second.edge_weight.flip(0)
    assert ge.parity.report("deepwalk", first, second, weight="edge_weight", **CONFIG).ok


def test_rows_measure_the_difference():
    row = compare("loss", "step 1", torch.tensor([1.0, 4.0]), torch.tensor([1.0, 5.0]), "because")
    assert (row.equal, row.absolute, row.relative) == (False, 1.0, 0.2)
    assert row.reason == "at [1], 4.0 and 5.0: because"
    other = compare("loss", "step 1", torch.zeros(2), torch.zeros(2).double(), "because")
    assert (other.equal, other.absolute) == (False, 0.0)
    assert other.reason == "the dtypes are torch.float32 and torch.float64, the values the same"
    assert compare("loss", "step 1", torch.zeros(2), torch.zeros(3), "").reason == "the shapes are (2,) and (3,)"
    assert compare("loss", "step 1", torch.zeros(2), torch.zeros(2), "").equal
    assert compare("loss", "step 1", torch.tensor([torch.nan]), torch.tensor([1.0]), "x").absolute == float("inf")
    assert compare("loss", "step 1", torch.tensor([torch.nan]), torch.tensor([torch.nan]), "x").equal


def test_the_peers_are_still_wrong_where_it_is_said():
    for row in peer_defects.run():
        assert row["holds"], row
