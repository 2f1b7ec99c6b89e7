"""Walks: along edges that exist, as often as the weights say."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import graphembed_ext as ge
from graphembed_ext._core.optional import installed
from tests.walks.exact import assert_follows, exact

from .graphs import examples, hosts, plain, seeds, typed

ENGINES = ["torch", *(["dgl"] if installed("dgl") else [])]
biases = st.sampled_from([(1.0, 1.0), (0.25, 4.0), (2.0, 0.5)])


@hosts
@pytest.mark.parametrize("engine", ENGINES)
@examples(8)
@given(spec=plain(weighted=True), seed=seeds, bias=biases, weight=st.sampled_from([None, "edge_w"]))
def test_they_use_edges_that_exist_and_end_where_none_leads_on(build, engine, spec, seed, bias, weight):
    (src, dst), weights = spec.edges["_N", "_E", "_N"], spec.edge_features["_N", "_E", "_N"]["edge_w"]
    edges = {(s, d) for s, d, w in zip(src, dst, weights, strict=True) if weight is None or w > 0}
    starts = torch.arange(spec.num_nodes["_N"]).repeat(3)
    options = {"p": bias[0], "q": bias[1], "weight": weight, "engine": engine, "seed": seed}
    walks = ge.walks.random_walk(build(spec), starts, 6, **options).nodes
    assert torch.equal(walks[:, 0], starts)
    for walk in walks.tolist():
        for here, there in pairwise(walk):
            if there >= 0:
                assert (here, there) in edges
            else:
                assert here < 0 or not any(source == here for source, _ in edges)


@hosts
@examples(8)
@given(spec=typed(), seed=seeds)
def test_those_along_metapaths_too(build, spec, seed):
    path = ["writes", ("paper", "cites", "paper"), "writes_back"]
    kinds = ["author", "paper", "paper", "author"]
    steps = [t for name in ("writes", "cites", "writes_back") for t in spec.edges if t[1] == name]
    starts = torch.arange(spec.num_nodes["author"])
    walks = ge.walks.random_walk(build(spec), starts, metapath=path, seed=seed).nodes
    view = ge.view(build(spec))
    for walk in walks.tolist():
        own = [None if node < 0 else node - view.offsets[t] for node, t in zip(walk, kinds, strict=True)]
        for step, here, there in zip(steps, own, own[1:], strict=False):
            pairs = set(zip(*spec.edges[step], strict=True))
            if there is None:
                assert here is None or not any(source == here for source, _ in pairs)
            else:
                assert (here, there) in pairs


@hosts
@examples(4)
@given(spec=plain(least=2, most=4, edges=8, weighted=True), seed=seeds, bias=biases)
def test_they_have_the_exact_frequencies(build, spec, seed, bias):
    (src, dst), weights = spec.edges["_N", "_E", "_N"], spec.edge_features["_N", "_E", "_N"]["edge_w"]

    def steps(position, node):
        # edges of weight 0 are never walked, but make neighbours of their ends, of which q asks
        return [(d, w) for s, d, w in zip(src, dst, weights, strict=True) if s == node]

    graph, (p, q) = build(spec), bias
    for start in range(2):
        walks = ge.walks.random_walk(graph, torch.full((4000,), start), 4, p=p, q=q, weight="edge_w", seed=seed)
        assert_follows(walks.nodes, exact(start, 4, steps, p, q))
