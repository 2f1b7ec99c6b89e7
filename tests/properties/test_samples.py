"""What is sampled: batches, negatives, recommendations, metapath edges."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

import graphembed_ext as ge
from graphembed_ext.graph.interactions import interactions
from graphembed_ext.sampling.triplets import Triplets

from .graphs import examples, hosts, plain, seeds, shops, typed


@hosts
@examples(8)
@given(spec=plain(weighted=True), seed=seeds, replace=st.booleans(), size=st.integers(1, 4))
def test_batches_hold_true_neighbours_with_the_right_counts_and_weights(build, spec, seed, replace, size):
    (src, dst), weights = spec.edges["_N", "_E", "_N"], spec.edge_features["_N", "_E", "_N"]["edge_w"]
    far = 3 if replace else -1  # all of them are drawn without replacement alone
    loader = ge.neighbor_loader(build(spec), [2, far], size, edge_weight="edge_w", replace=replace, seed=seed)
    seeds_seen = []
    for batch in loader:
        seeds_seen += batch.seeds.tolist()
        nodes = batch.nodes.tolist()
        assert len(set(nodes)) == len(nodes)
        for block, ids, values, fanout in zip(batch.blocks, batch.edge_ids, batch.edge_weights, (far, 2), strict=True):
            ends = zip(block.indices.tolist(), block.destinations().tolist(), strict=True)
            drawn = [[] for _ in range(block.num_dst)]
            for (source, target), edge, value in zip(ends, ids.tolist(), values.tolist(), strict=True):
                assert (src[edge], dst[edge]) == (nodes[source], nodes[target])
                parallel = [w for s, d, w in zip(src, dst, weights, strict=True) if (s, d) == (src[edge], dst[edge])]
                assert value in parallel
                drawn[target].append(edge)
            for place, edges in enumerate(drawn):
                there = dst.count(nodes[place])
                wanted = there if fanout < 0 else min(there, fanout) if not replace else fanout * bool(there)
                assert len(edges) == wanted
                assert replace or len(set(edges)) == len(edges)
    assert sorted(seeds_seen) == list(range(spec.num_nodes["_N"]))


@hosts
@examples(8)
@given(spec=shops(), seed=seeds, many=st.integers(1, 3), sampling=st.sampled_from(["interactions", "users"]))
def test_no_known_positive_is_among_the_negatives(build, spec, seed, many, sampling):
    bought = set(zip(*spec.edges["user", "buys", "item"], strict=True))
    able = {u for u, _ in bought if sum(user == u for user, _ in bought) < spec.num_nodes["item"]}
    known = interactions(ge.view(build(spec)), "user")
    if not able:
        return
    triplets = Triplets(known, sampling, seed, many)
    assert len(triplets) == sum(user in able for user in spec.edges["user", "buys", "item"][0])
    users, items, negatives = triplets.draw(0, 0, len(triplets))
    start, first = known.sides.users.start, known.sides.items.start
    for user, item, others in zip(users.tolist(), items.tolist(), negatives.view(len(users), many), strict=True):
        assert (user - start, item - first) in bought
        for other in others.tolist():
            assert 0 <= other - first < spec.num_nodes["item"]
            assert (user - start, other - first) not in bought


@hosts
@examples(8)
@given(spec=shops(), seed=st.integers(0, 99), k=st.integers(1, 6))
def test_recommendations_never_contain_what_is_excluded(build, spec, seed, k):
    bought, count = set(zip(*spec.edges["user", "buys", "item"], strict=True)), spec.num_nodes["item"]
    k = min(k, count)
    model = ge.LightGCN.for_graph(build(spec), 4, 1, user_type="user", seed=seed)
    asked = torch.arange(spec.num_nodes["user"])
    found = model.recommend(src_index=asked, k=k, exclude=True)
    users, items = (model.embeddings()[kind].double() for kind in ("user", "item"))
    scores = users @ items.T
    for user, row in enumerate(found.tolist()):
        given_items = [item for item in row if item >= 0]
        assert len(set(given_items)) == len(given_items) == min(k, count - sum(u == user for u, _ in bought))
        assert not {(user, item) for item in given_items} & bought
        best = sorted((float(scores[user, i]) for i in range(count) if (user, i) not in bought), reverse=True)
        assert np.allclose([float(scores[user, item]) for item in given_items], best[: len(given_items)], atol=1e-5)


@hosts
@examples(8)
@given(spec=typed())
def test_metapath_edges_equal_a_dense_product(build, spec):
    paths = {
        "APA": ["writes", "writes_back"],
        "APPA": ["writes", "cites", "writes_back"],
        "PVP": ["shows_back", "shows"],
    }
    view = ge.metapath_edges(build(spec), paths)
    dense = {}
    for edge_type, (src, dst) in spec.edges.items():
        dense[edge_type[1]] = matrix = np.zeros([spec.num_nodes[kind] for kind in edge_type[::2]], dtype=int)
        np.add.at(matrix, (src, dst), 1)
    for edge_type in view.edge_types:
        product = np.linalg.multi_dot([dense[step] for step in paths[edge_type[1]]]) > 0
        found = np.zeros_like(product)
        found[tuple(view.edge_index(edge_type).numpy())] = True
        assert (found == product).all()
        assert view.edges[edge_type][0].numel() == product.sum()
