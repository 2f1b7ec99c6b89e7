"""Walks in the order of time, against plain loops over the list of edges."""

from __future__ import annotations

import random
from collections import Counter

import pytest
import torch

import graphembed_ext as ge
from graphembed_ext.errors import EngineError, InputError
from graphembed_ext.walks.random_walks import random_walk, stream
from graphembed_ext.walks.temporal import TemporalWalker
from graphembed_ext.walks.walker import Walker
from tests.graphs import BUILDERS, Spec, shuffled
from tests.splitmix import below, splitmix

# Parallel edges (0, 1) at several times, a self-loop, ties at 2, a dead end 4 and the isolated node 5.
EDGES = [
    *((0, 1, 1.0), (0, 1, 2.0), (0, 2, 2.0), (0, 0, 3.5), (1, 0, 2.0), (1, 2, 3.0), (1, 3, 4.0)),
    *((2, 0, 3.0), (2, 3, 0.5), (2, 1, 5.0), (3, 1, 4.5), (3, 4, 9.0), (3, 2, 2.0)),
]
TIMED = Spec.untyped(6, [(u, v) for u, v, _ in EDGES], when=[t for _, _, t in EDGES])
TYPED = Spec(
    {"user": 3, "item": 2},
    {("user", "buys", "item"): ([0, 0, 1, 2], [0, 1, 0, 1]), ("item", "sold_to", "user"): ([0, 0, 1, 1], [0, 1, 0, 2])},
    edge_features={
        ("user", "buys", "item"): {"when": [1, 5, 2, 4]},
        ("item", "sold_to", "user"): {"when": [1, 3, 6, 5]},
    },
)


def crowd(nodes=40, edges=400, times=25, seed=0):
    draw = random.Random(seed)
    return [(draw.randrange(nodes), draw.randrange(nodes), draw.randrange(times)) for _ in range(edges)]


def edge_index(edges):
    return torch.tensor([(u, v) for u, v, _ in edges]).t().contiguous()


def later(edges, node, time):
    """Edges that a walk may follow from a node: in the order of time, then of the neighbour."""
    return sorted((t, v) for u, v, t in edges if u == node and (time is None or t > time))


def loop(edges, start, length, key):
    """One walk by a plain loop, with the random bits that the package says it uses."""
    walk, time = [start], None
    for step in range(1, length):
        choice = later(edges, walk[-1], time)
        if not choice:
            break
        time, node = choice[below(len(choice), splitmix(key, step << 32))]
        walk.append(node)
    return walk + [-1] * (length - len(walk))


def test_the_walks_of_a_plain_loop_bit_for_bit():
    edges = crowd()
    walker = Walker(ge.view(edge_index(edges), num_nodes=40), time=torch.tensor([t for _, _, t in edges]))
    starts = torch.arange(40).repeat(3)
    found = walker.walk(starts, 7, stream=11, first=5).nodes.tolist()
    assert found == [loop(edges, start, 7, splitmix(11, 5 + k)) for k, start in enumerate(starts.tolist())]
    assert len(set(map(tuple, found))) > 60


@pytest.mark.parametrize("path", [None, ["buys", "sold_to"], [["buys", "sold_to"], ["sold_to", "buys"]]])
def test_the_compiled_loop_is_the_vectorised_engine_bit_for_bit(path):
    view = ge.view(BUILDERS["pyg"](TIMED if path is None else TYPED))
    walker = Walker(view, time="when", metapath=path)
    starts = walker.starts.repeat(50)
    made = walker.walk(starts, 6, stream=9, first=70).nodes
    assert torch.equal(made, walker._temporal_walker().walk_vectorised(starts, 6, 9, 70, walker.plan(6)))


def test_large_batches_on_threads_equal_small_ones():
    edges = crowd(200, 5000, 1000)
    walker = Walker(ge.view(edge_index(edges), num_nodes=200), time=torch.tensor([t for _, _, t in edges]))
    starts = torch.arange(200).repeat(100)
    whole = walker.walk(starts, 20, stream=3).nodes
    parts = [walker.walk(starts[low : low + 700], 20, stream=3, first=low).nodes for low in range(0, 20000, 700)]
    assert torch.equal(whole, torch.cat(parts))


def exact(edges, start, length):
    """Probability of every walk, by following every edge."""
    found: Counter = Counter()

    def go(walk, time, chance):
        choice = later(edges, walk[-1], time) if len(walk) < length else []
        if not choice:
            found[(*walk, *[-1] * (length - len(walk)))] += chance
        for t, node in choice:
            go((*walk, node), t, chance / len(choice))

    go((start,), None, 1.0)
    return found


def test_walks_have_the_exact_probabilities():
    for start in range(6):
        walks = random_walk(BUILDERS["pyg"](TIMED), torch.full((20000,), start), 5, time="when", seed=start).nodes
        seen, wanted = Counter(map(tuple, walks.tolist())), exact(EDGES, start, 5)
        assert set(seen) <= set(wanted)
        assert all(abs(seen[walk] / 20000 - chance) < 0.02 for walk, chance in wanted.items())


def test_metapath_walks_keep_the_order_over_all_their_edge_types():
    walks = random_walk(
        BUILDERS["pyg"](TYPED), torch.arange(3).repeat(200), 5, metapath=["buys", "sold_to"], time="when"
    )
    # global ids: items 0 and 1, users 2 to 4
    assert {tuple(walk) for walk in walks.nodes.tolist()} == {
        *{(2, 0, 3, -1, -1), (2, 1, 2, -1, -1)},  # 0 buys 0 at 1, which goes to 1 at 3 alone; buys 1 at 5, to 0 at 6
        (3, 0, 3, -1, -1),
        *{(4, 1, 2, -1, -1), (4, 1, 4, -1, -1)},
    }


@pytest.mark.parametrize(("spec", "path"), [(TIMED, None), (TYPED, ["buys", "sold_to"])])
def test_both_hosts_walk_alike_whatever_the_order_of_edges(spec, path):
    graphs = [build(given) for build in BUILDERS.values() for given in (spec, shuffled(spec, 3))]
    starts = torch.arange(3).repeat(40)
    walks = [random_walk(g, starts, 6, time="when", metapath=path, seed=5) for g in graphs]
    assert {made.engine for made in walks} == {"torch"}
    assert all(torch.equal(walks[0].nodes, made.nodes) for made in walks[1:])


def test_nanoseconds_are_told_apart():
    start = 1_600_000_000_000_000_000
    edges = torch.tensor([[0, 1, 1], [1, 2, 3]])
    times = torch.tensor([start + 1, start, start + 2])  # as floats these would be one
    assert random_walk(edges, torch.zeros(50).long(), 3, time=times).nodes.unique(dim=0).tolist() == [[0, 1, 3]]


def test_a_number_for_the_only_edge():
    only = torch.tensor([[0], [1]])
    assert random_walk(only, torch.tensor([0]), 2, weight=torch.tensor([2.0])).nodes.tolist() == [[0, 1]]
    assert random_walk(only, torch.tensor([0]), 2, weight=torch.tensor([[2.0]])).nodes.tolist() == [[0, 1]]
    with pytest.raises(InputError, match=r"weight: got shape \(1, 2\); expected one number for each of the 2 edges"):
        random_walk(only.repeat(1, 2), torch.tensor([0]), 2, weight=torch.tensor([[2.0, 1.0]]))


def test_of_edges_at_one_time_a_walk_follows_one():
    edges = torch.tensor([[0, 1], [1, 0]])
    assert random_walk(edges, torch.tensor([0, 1]), 3, time=torch.tensor([7, 7])).nodes.tolist() == [
        [0, 1, -1],
        [1, 0, -1],
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"p": 2.0}, r"p: got 2.0; expected 1, as walks in the order of time"),
        ({"restart": 0.5}, r"restart: got 0.5; expected 0, as walks"),
        ({"weight": "when"}, r"weight: got when; expected None, as walks"),
        ({"time": "date"}, r"time: got date; expected an edge feature of every edge type walked; .* has 'when'"),
        ({"time": torch.arange(3)}, r"time: got shape \(3,\); expected one number for each of the 13 edges"),
        ({"time": torch.full((13,), torch.nan)}, r"time: got nan at edge 0; expected a finite time for each edge"),
    ],
)
def test_what_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        random_walk(BUILDERS["pyg"](TIMED), torch.tensor([0]), 3, **{"time": "when"} | options)


def test_dgl_knows_no_time_and_auto_does_not_ask_it():
    graph = BUILDERS["dgl"](TIMED)
    assert random_walk(graph, torch.tensor([0]), 3, time="when").engine == "torch"
    with pytest.raises(EngineError, match="DGL's walks know no time"):
        random_walk(graph, torch.tensor([0]), 3, time="when", engine="dgl")


def test_a_stream_of_them():
    walks = [made.nodes for made in stream(BUILDERS["pyg"](TIMED), 4, time="when", batch_size=2, shuffle=False, seed=0)]
    assert [len(batch) for batch in walks] == [2, 2, 2]


def test_graph_without_edges_out_of_the_last_node():
    assert random_walk(torch.tensor([[0], [1]]), torch.tensor([1]), 3, time=torch.tensor([1])).nodes.tolist() == [
        [1, -1, -1]
    ]


def test_changed_times_are_noticed(build):
    graph = build(Spec.untyped(4, [(0, 1), (1, 2), (1, 3)], when=[1.0, 2.0, 0.0]))
    model = ge.DeepWalk(graph, walk_length=6, time="when", seed=0)
    starts = torch.zeros(20, dtype=torch.int64)
    assert model.sample(starts)[:, 2].unique().tolist() == [2]
    when = graph.edata["when"] if hasattr(graph, "edata") else graph.when
    when[:] = torch.tensor([1.0, 0.0, 2.0])
    assert model.sample(starts)[:, 2].unique().tolist() == [3]


def test_models_learn_from_them_and_grow(build):
    timed = build(TIMED)
    model = ge.DeepWalk(timed, emb_dim=4, walk_length=6, time="when", seed=0)
    assert ge.fit(model, epochs=1, seed=0).history
    grown = ge.grow(model, timed)
    starts = torch.arange(6).repeat(20)
    stream_of = [m.walker.walk(starts, 6, stream=1).nodes for m in (model, grown)]
    assert torch.equal(*stream_of)
    of_types = ge.MetaPath2Vec(build(TYPED), ["buys", "sold_to"], 2, emb_dim=4, time="when", seed=0)
    assert ge.fit(of_types, epochs=1, seed=0).history


def test_an_edge_list_of_a_frame_by_its_dates():
    import pandas as pd

    days = pd.to_datetime(["2020-01-02", "2020-01-01", "2020-01-03"])
    frame = pd.DataFrame({"from": ["a", "b", "b"], "to": ["b", "c", "d"], "day": days})
    model = ge.DeepWalk(ge.view(frame, directed=True), walk_length=6, emb_dim=2, time="day", seed=0)
    assert model.sample(torch.zeros(9, dtype=torch.int64))[:, :4].unique(dim=0).tolist() == [[0, 1, 3, -1]]


def test_no_edges_at_all():
    csr = ge.view(torch.empty(2, 0, dtype=torch.int64), num_nodes=2).csr()
    walker = TemporalWalker(csr, torch.empty(0, dtype=torch.int64), 2)
    for make in (walker.walk, walker.walk_vectorised):
        assert make(torch.tensor([0, 1]), 3, 0).tolist() == [[0, -1, -1], [1, -1, -1]]
