"""A view, an object of another library, and a view again: the same graph."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given

import graphembed_ext as ge
from graphembed_ext._core.optional import installed

from .graphs import examples, hosts, plain, seeds, typed

TARGETS = [name for name in ("pyg", "dgl") if name == "pyg" or installed("dgl")]


def same(first, second):
    assert dict(first.num_nodes) == dict(second.num_nodes)
    assert first.edge_types == second.edge_types
    for edge_type, (src, dst) in first.edges.items():
        assert torch.equal(second.edges[edge_type][0].long(), src.long())
        assert torch.equal(second.edges[edge_type][1].long(), dst.long())
    for one, other in ((first.features, second.features), (first.edge_features, second.edge_features)):
        assert {kind: sorted(columns) for kind, columns in one.items()} == {
            kind: sorted(columns) for kind, columns in other.items()
        }
        for kind, columns in one.items():
            assert all(torch.equal(values, other[kind][name]) for name, values in columns.items())


@hosts
@pytest.mark.parametrize("target", TARGETS)
@examples(8)
@given(spec=plain(least=0, weighted=True), seed=seeds)
def test_plain_graphs(build, target, spec, seed):
    view = ge.view(build(spec))
    view = view.with_features({"_N": {"x": torch.randn(view.total_nodes, 2)}})
    same(view, ge.view(ge.to_host(view, target)))


@hosts
@pytest.mark.parametrize("target", TARGETS)
@examples(8)
@given(spec=typed())
def test_typed_graphs(build, target, spec):
    view = ge.view(build(spec))
    view = view.with_features({kind: {"x": torch.randn(count, 2)} for kind, count in view.num_nodes.items()})
    same(view, ge.view(ge.to_host(view, target)))


@pytest.mark.skipif(not installed("networkx"), reason="NetworkX's graphs")
@examples(8)
@given(spec=plain(least=0, weighted=True))
def test_networkx(spec):
    """Its edges come by source; parallel ones and numbers on them stay."""
    from tests.graphs import build_pyg

    view = ge.view(build_pyg(spec))
    found = ge.view(ge.to_host(view, "networkx"))

    def edges(of):
        (src, dst), columns = of.edges.get(("_N", "_E", "_N"), ([], [])), of.edge_features.get(("_N", "_E", "_N"), {})
        return sorted(zip(map(int, src), map(int, dst), map(float, columns.get("edge_w", ())), strict=True))

    assert dict(found.num_nodes) == dict(view.num_nodes)
    assert edges(found) == edges(view)


@examples(8)
@given(spec=plain(least=1))
def test_scipy(spec):
    """A matrix adds parallel edges up: edges are pairs, and weights their numbers."""
    from tests.graphs import build_pyg

    view = ge.view(build_pyg(spec))
    found = ge.view(ge.to_host(view, "scipy"))
    pairs = list(zip(*spec.edges["_N", "_E", "_N"], strict=True))
    values = found.edge_features["_N", "_E", "_N"].get("edge_weight", torch.ones(len(set(pairs))))
    got = {tuple(pair): value for pair, value in zip(found.edge_index().t().tolist(), values.tolist(), strict=True)}
    assert got == {pair: float(pairs.count(pair)) for pair in pairs}
    assert found.total_nodes == view.total_nodes
