"""Metapath neighbours beside DGL's and PyG's, and plain sets."""

from __future__ import annotations

import pytest
import torch

import graphembed_ext as ge
from graphembed_ext.errors import InputError, MetapathError
from graphembed_ext.sampling import metapath_edges as module
from tests.graphs import Spec, build_dgl, build_pyg

COUNTS = {"author": 9, "paper": 12, "venue": 3}


def typed(seed=0, order=None):
    draw = torch.Generator().manual_seed(seed)
    ends = {
        ("author", "writes", "paper"): (9, 12, 30),
        ("paper", "by", "author"): (12, 9, 30),
        ("paper", "in", "venue"): (12, 3, 12),
        ("venue", "shows", "paper"): (3, 12, 20),
        ("paper", "cites", "paper"): (12, 12, 15),
    }
    edges = {}
    for t, (rows, columns, count) in ends.items():
        src, dst = torch.randint(rows, (count,), generator=draw), torch.randint(columns, (count,), generator=draw)
        shuffled = torch.arange(count) if order is None else torch.randperm(count, generator=order)
        edges[t] = src[shuffled].tolist(), dst[shuffled].tolist()
    features = {"paper": {"x": [[float(i)] for i in range(12)]}}
    return Spec(COUNTS, edges, features)


PATHS = {
    "PAP": ["by", "writes"],
    "PVP": ["in", "shows"],
    "APVPA": ["writes", "in", "shows", "by"],
    "PPA": ["cites", "by"],
    "PP": [("paper", "cites", "paper")],
    "PPPP": ["cites", "cites", "cites"],
}


def by_sets(spec, path):
    relations = {t[1]: list(zip(*ends, strict=True)) for t, ends in spec.edges.items()}
    pairs = None
    for step in path:
        here = relations[step if isinstance(step, str) else step[1]]
        pairs = set(here) if pairs is None else {(u, w) for u, v in pairs for x, w in here if v == x}
    return pairs


def as_set(view, edge_type):
    return set(zip(*view.edge_index(edge_type).tolist(), strict=True))


def test_equals_plain_sets(build):
    view = ge.metapath_edges(build(typed()), PATHS)
    assert [t[1] for t in view.edge_types] == sorted(PATHS, key=lambda n: next(t for t in view.edges if t[1] == n))
    assert view.num_nodes == COUNTS
    assert view.features["paper"]["x"].shape == (12, 1)
    for src_type, name, dst_type in view.edges:
        found = view.edge_index((src_type, name, dst_type))
        assert as_set(view, (src_type, name, dst_type)) == by_sets(typed(), PATHS[name])
        keys = found[1] * 100 + found[0]
        assert bool((keys[1:] > keys[:-1]).all()), "sorted, each edge once"


@pytest.mark.filterwarnings("ignore:Sparse:UserWarning")
def test_equals_dgl_and_pyg(monkeypatch):
    import dgl
    from torch_geometric.transforms import AddMetaPaths

    # MKL's product of sparse matrices, which PyG's transform takes, has wrong entries or crashes on some processors
    monkeypatch.setattr("torch_geometric.typing.NO_MKL", True)

    spec = typed()
    graph, data = build_dgl(spec), build_pyg(spec)
    triples = {t[1]: t for t in spec.edges}
    paths = [[triples[step] if isinstance(step, str) else step for step in path] for path in PATHS.values()]
    long = [path for path in paths if len(path) > 1]
    peer = AddMetaPaths(long, drop_orig_edge_types=True)(data.clone())
    ours = ge.metapath_edges(data, long)
    assert set(ours.edge_types) == set(peer.edge_types)
    for edge_type in ours.edge_types:
        assert as_set(ours, edge_type) == set(zip(*peer[edge_type].edge_index.tolist(), strict=True))
    for path in paths:
        reachable = dgl.metapath_reachable_graph(graph, path)
        view = ge.metapath_edges(graph, [path])
        pairs = set(zip(*(ids.tolist() for ids in reachable.edges()), strict=True))
        assert as_set(view, view.edge_types[0]) == pairs


@pytest.mark.parametrize("most", [None, 2])
def test_same_from_both_hosts_and_any_order(most):
    views = [
        ge.metapath_edges(make(typed(order=order)), PATHS, max_neighbors=most, seed=5)
        for make, order in ((build_dgl, None), (build_pyg, None), (build_pyg, torch.Generator().manual_seed(9)))
    ]
    for other in views[1:]:
        for edge_type in views[0].edges:
            assert torch.equal(views[0].edge_index(edge_type), other.edge_index(edge_type))


def test_threads_change_nothing():
    before, found = torch.get_num_threads(), []
    for threads in (1, 3):
        torch.set_num_threads(threads)
        found.append(ge.metapath_edges(build_pyg(typed()), PATHS, max_neighbors=3, seed=0))
    torch.set_num_threads(before)
    assert all(torch.equal(*(view.edge_index(t) for view in found)) for t in found[0].edges)


def test_the_cap_is_fair():
    ring = torch.arange(40)
    graph = {
        ("hub", "to", "leaf"): torch.stack([ring % 2, ring]),
        ("leaf", "back", "hub"): torch.stack([ring, ring % 2]),
    }
    counts = torch.zeros(40)
    for seed in range(400):
        view = ge.metapath_edges(graph, [["back", "to"]], max_neighbors=5, seed=seed)
        src, dst = view.edge_index()
        assert torch.equal(torch.bincount(dst), torch.full((40,), 5))
        assert bool((src % 2 == dst % 2).all())
        pairs = src * 40 + dst
        assert len(torch.unique(pairs)) == 200
        counts += torch.bincount(src[dst == 3], minlength=40)
    # 20 leaves, each drawn with chance 1/4: mean 100, standard deviation 8.7.
    assert float((counts[1::2] - 100).abs().max()) < 4.5 * 8.7
    whole = ge.metapath_edges(graph, [["back", "to"]], max_neighbors=20)
    assert as_set(whole, whole.edge_types[0]) == {(a, b) for a in range(40) for b in range(40) if a % 2 == b % 2}


@pytest.mark.usefixtures("global_state_untouched")
def test_a_seed_leaves_global_state_alone():
    ge.metapath_edges(build_pyg(typed()), PATHS, max_neighbors=2, seed=1)
    ge.metapath_edges(build_pyg(typed()), PATHS)


def test_nodes_without_edges():
    spec = Spec({"a": 3, "b": 2}, {("a", "to", "b"): ([0], [1]), ("b", "back", "a"): ([], [])})
    view = ge.metapath_edges(build_pyg(spec), [["to", "back"], [("a", "to", "b")]])
    assert view.edge_index(("a", "metapath_0", "a")).shape == (2, 0)
    assert as_set(view, ("a", "metapath_1", "b")) == {(0, 1)}


def test_results_that_do_not_fit_are_refused(monkeypatch):
    monkeypatch.setattr(module.memory, "available", lambda: 100)
    with pytest.raises(InputError, match=r"metapaths: got 'PAP', which has \d+ edges.*Hint: max_neighbors=1 would fit"):
        ge.metapath_edges(build_pyg(typed()), {"PAP": PATHS["PAP"]})


def test_bad_metapaths_are_refused():
    graph = build_pyg(typed())
    with pytest.raises(MetapathError, match="step 4 cannot follow step 3"):
        ge.metapath_edges(graph, [["writes", "cites", "in", "by"], ["by", "shows"]])
    with pytest.raises(InputError, match=r"metapaths: got \{\}"):
        ge.metapath_edges(graph, {})
    with pytest.raises(InputError, match=r"metapaths\['X'\]: got .*expected one metapath"):
        ge.metapath_edges(graph, {"X": [["by", "writes"], ["in", "shows"]]})
    with pytest.raises(InputError, match="max_neighbors: got 0"):
        ge.metapath_edges(graph, PATHS, max_neighbors=0)
