"""Graphs that hypothesis draws: self-loops, parallel edges, nodes without edges and graphs without any among them."""

from __future__ import annotations

import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from graphembed_ext._core.optional import installed
from tests.graphs import BUILDERS, Spec

_EXAMPLES = os.environ.get("GRAPHEMBED_EXAMPLES")


def examples(count):
    """So many graphs, the same ones in every run; ``GRAPHEMBED_EXAMPLES=1000`` draws so many others."""
    return settings(
        max_examples=int(_EXAMPLES or count),
        derandomize=_EXAMPLES is None,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


#: Runs a test with a builder for each of DGL and PyG that is installed.
hosts = pytest.mark.parametrize("build", [BUILDERS[n] for n in BUILDERS if n == "pyg" or installed("dgl")])
seeds = st.integers(0, 2**31)
weights = st.sampled_from([0.0, 0.25, 1.0, 3.0])


@st.composite
def plain(draw, least=1, most=7, edges=14, weighted=False):
    """Nodes of one type; edges with the feature ``edge_w``, where they are weighted, which leaves no node in a trap."""
    count = draw(st.integers(least, most))
    node = st.integers(0, max(count - 1, 0))
    pairs = draw(st.lists(st.tuples(node, node), max_size=edges if count else 0))
    if not weighted:
        return Spec.untyped(count, pairs)
    column = draw(st.lists(weights, min_size=len(pairs), max_size=len(pairs)))
    total = Counter()
    for (source, _), weight in zip(pairs, column, strict=True):
        total[source] += weight
    # PyG takes a column as long as the nodes and the edges are many for one of edges where its name says so
    return Spec.untyped(count, pairs, edge_w=[w if total[s] else 1.0 for (s, _), w in zip(pairs, column, strict=True)])


@st.composite
def shops(draw, users=5, items=6, least=1):
    """Users and items, and who bought what: pairs that may be repeated, in both directions."""
    counts = {"item": draw(st.integers(2, items)), "user": draw(st.integers(1, users))}
    pair = st.tuples(st.integers(0, counts["user"] - 1), st.integers(0, counts["item"] - 1))
    pairs = draw(st.lists(pair, min_size=least, max_size=14))
    ends = [user for user, _ in pairs], [item for _, item in pairs]
    return Spec(counts, {("user", "buys", "item"): ends, ("item", "bought", "user"): ends[::-1]})


@st.composite
def typed(draw):
    """Papers, authors and venues, of which there may be none, with relations that may be empty."""
    counts = {"author": draw(st.integers(0, 4)), "paper": draw(st.integers(1, 5)), "venue": draw(st.integers(0, 2))}
    edges = {}
    for edge_type in (("author", "writes", "paper"), ("paper", "cites", "paper"), ("venue", "shows", "paper")):
        ends = [st.integers(0, max(counts[kind] - 1, 0)) for kind in edge_type[::2]]
        most = 8 if counts[edge_type[0]] else 0
        pairs = draw(st.lists(st.tuples(*ends), max_size=most))
        source, target = [a for a, _ in pairs], [b for _, b in pairs]
        edges[edge_type] = source, target
        if edge_type[0] != edge_type[2]:
            edges[edge_type[2], f"{edge_type[1]}_back", edge_type[0]] = target, source
    return Spec(counts, edges)


def renamed(spec, orders):
    """The same graph, its nodes numbered anew: node ``i`` becomes ``orders[type][i]``."""
    edges = {
        t: ([orders[t[0]][s] for s in ends[0]], [orders[t[2]][d] for d in ends[1]]) for t, ends in spec.edges.items()
    }
    return Spec(spec.num_nodes, edges, edge_features=spec.edge_features)
