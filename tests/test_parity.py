"""The parity report: equal graphs, and graphs made to differ."""

from __future__ import annotations

import pytest
import torch

import graphembed_ext as ge
from graphembed_ext import parity

from .conftest import Spec, build_dgl, build_pyg

PAIRS = [(i, (i + k) % 10) for i in range(10) for k in (1, 3, 9)]
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
    assert "1 node pairs differ" in difference.reason
    assert "(9, 8) is there more often in the first graph" in difference.reason
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
    assert "isolated nodes may have been lost" in report.first_difference.reason
    assert {row.stage for row in report.rows} == {"view"}


def test_other_edge_types(camps):
    other = Spec(camps.num_nodes, dict(list(camps.edges.items())[:1]))
    report = ge.parity.report("deepwalk", build_dgl(camps), build_pyg(other), **CONFIG)
    assert report.first_difference.quantity == "edge types"


def test_rows_measure_the_difference():
    row = parity._compare("loss", "step 1", torch.tensor([1.0, 4.0]), torch.tensor([1.0, 5.0]), "because")
    assert (row.equal, row.absolute, row.relative, row.reason) == (False, 1.0, 0.2, "because")
    other = parity._compare("loss", "step 1", torch.zeros(2), torch.zeros(2).double(), "because")
    assert (other.equal, other.absolute) == (False, float("inf"))
    assert "torch.float32 and (2,) torch.float64" in other.reason
    assert parity._compare("loss", "step 1", torch.zeros(2), torch.zeros(2), "").equal
