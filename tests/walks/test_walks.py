"""Every kind of walk against its exact probabilities, on both engines and from both hosts."""

from __future__ import annotations

import math
import random
import threading

import numpy as np
import pytest
import torch

import graphembed_ext as ge
from graphembed_ext.walks.random_walks import random_walk, stream
from graphembed_ext.walks.walker import Walker

from .exact import assert_follows, exact

dgl = pytest.importorskip("dgl")

# Directed, with parallel edges (0, 1), self-loops at 0 and 2, the dead end 4 and the isolated node 5.
SRC = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 3, 3]
DST = [1, 1, 2, 0, 0, 2, 3, 4, 0, 2, 3, 1, 4]
WEIGHT = [1.0, 2.0, 0.5, 4.0, 1.0, 0.25, 3.0, 1.0, 2.0, 1.0, 0.0, 1.0, 5.0]
TYPED = {
    ("a", "cites", "a"): ([0, 0, 1, 2], [1, 2, 0, 2]),
    ("a", "in", "v"): ([0, 0, 1, 2, 2, 2], [0, 1, 1, 0, 1, 1]),
    ("v", "of", "a"): ([0, 0, 1], [0, 2, 1]),  # venue 2 is isolated
}
COUNTS = {"v": 3, "a": 4}
RING = torch.tensor([[0, 1, 2], [1, 2, 0]])
KINDS = {
    "uniform": {},
    "weighted": {"weight": "w"},
    "p, q": {"p": 0.25, "q": 4.0},
    "p, q the other way": {"p": 3.0, "q": 0.3},
    "p, q weighted": {"p": 0.5, "q": 2.0, "weight": "w"},
    "p, q far from 1": {"p": 1e9, "q": 1e12},
    "restart": {"restart": 0.3},
    "restart weighted": {"restart": 0.15, "weight": "w"},
    "restart p, q": {"restart": 0.2, "p": 0.25, "q": 2.0},
}
ENGINES = ["dgl", "torch"]
#: DGL has no restart, and its rejection sampler does not end in useful time with p and q far from 1.
CASES = [
    (kind, engine)
    for kind in KINDS
    for engine in ENGINES
    if engine == "torch" or not {"restart", "far"} & {*kind.split()}
]


def untyped(host: str = "pyg", order: list[int] | None = None):
    order = list(range(len(SRC))) if order is None else order
    src, dst = torch.tensor(SRC)[order], torch.tensor(DST)[order]
    weight = torch.tensor(WEIGHT)[order]
    if host == "dgl":
        graph = dgl.graph((src, dst), num_nodes=6)
        graph.edata["w"] = weight
        return graph
    from torch_geometric.data import Data

    return Data(edge_index=torch.stack([src, dst]), w=weight, num_nodes=6)


def typed(host: str, reverse: bool = False):
    edges = {t: tuple(torch.tensor(ids[::-1] if reverse else ids) for ids in e) for t, e in TYPED.items()}
    graph = ge.view({t: torch.stack(e) for t, e in edges.items()}, num_nodes=COUNTS)
    graph = ge.to_host(graph, host)
    for edge_type, (src, _) in edges.items():
        weight = torch.arange(1.0, len(src) + 1)
        weight = weight.flip(0) if reverse else weight
        if host == "dgl":
            graph.edges[edge_type].data["w"] = weight
        else:
            graph[edge_type].w = weight
    return graph


@pytest.mark.parametrize(("kind", "engine"), CASES)
def test_walks_have_the_exact_probabilities(kind, engine):
    options = KINDS[kind]
    weights = WEIGHT if "weight" in options else [1.0] * len(SRC)

    def steps(position, node):
        return [(d, w) for s, d, w in zip(SRC, DST, weights, strict=True) if s == node]

    chances = {name: value for name, value in options.items() if name != "weight"}
    for start in (0, 1, 4, 5):
        walks = random_walk(untyped(), torch.full((20000,), start), 5, engine=engine, seed=start, **options)
        assert walks.engine == engine
        assert_follows(walks.nodes, exact(start, 5, steps, **chances))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("weight", [None, "w"])
def test_metapath_walks_have_the_exact_probabilities(engine, weight):
    path = ["cites", "in", "of"]
    types = [t for name in path for t in TYPED if t[1] == name]
    start = ge.view(typed("pyg")).offsets

    def steps(position, node):
        edge_type = types[(position - 1) % len(types)]
        src, dst = TYPED[edge_type]
        weights = range(1, len(src) + 1) if weight else [1] * len(src)
        return [
            (d + start[edge_type[2]], w)
            for s, d, w in zip(src, dst, weights, strict=True)
            if s + start[edge_type[0]] == node
        ]

    for node in range(4):
        starts = torch.full((20000,), node)
        walks = random_walk(typed("pyg"), starts, 6, metapath=path, weight=weight, engine=engine, seed=3)
        assert_follows(walks.nodes, exact(node, 6, steps))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("options", [{}, {"weight": "w"}])
def test_both_hosts_walk_the_same_metapaths_whatever_the_order_of_edges(engine, options):
    walks = [
        random_walk(graph, torch.tensor([0, 1, 2, 3] * 25), 7, metapath=["in", "of"], engine=engine, seed=5, **options)
        for graph in (typed("dgl"), typed("pyg"), typed("pyg", reverse=True), typed("dgl", reverse=True))
    ]
    assert all(torch.equal(walks[0].nodes, other.nodes) for other in walks[1:])


@pytest.mark.parametrize(("kind", "engine"), CASES)
def test_both_hosts_walk_alike_whatever_the_order_of_edges(kind, engine):
    order = torch.randperm(len(SRC), generator=torch.Generator().manual_seed(1)).tolist()
    walks = [
        random_walk(graph, torch.arange(6).repeat(20), 9, engine=engine, seed=5, **KINDS[kind]).nodes
        for graph in (untyped("dgl"), untyped("pyg"), untyped("dgl", order), untyped("pyg", order))
    ]
    assert all(torch.equal(walks[0], other) for other in walks[1:])


@pytest.mark.parametrize("kind", KINDS)
def test_the_compiled_loop_is_the_vectorised_engine_bit_for_bit(kind):
    walker = Walker(ge.view(untyped()), engine="torch", **KINDS[kind])
    starts = torch.arange(6).repeat(50)
    compiled = walker.walk(starts, 12, stream=9, first=70).nodes
    assert torch.equal(compiled, walker._torch_walker(12).walk_vectorised(starts, 12, 9, 70))


@pytest.mark.parametrize("weight", [None, "w"])
def test_the_compiled_loop_follows_several_metapaths_bit_for_bit(weight):
    paths = [["cites", "in"], ["in", "of", "cites", "in", "of"]]
    walker = Walker(ge.view(typed("pyg")), metapath=paths, weight=weight, cyclic=False, engine="torch")
    starts = walker.starts.repeat(40)
    compiled = walker.walk(starts, 6, stream=1).nodes
    assert torch.equal(compiled, walker._torch_walker(6).walk_vectorised(starts, 6, 1))
    assert (compiled[starts < 7][:, 3:] == -1).all()  # the shorter path is through


def test_large_batches_on_threads_equal_small_ones():
    graph = torch.randint(0, 500, (2, 5000), generator=torch.Generator().manual_seed(0))
    walker = Walker(ge.view(graph), engine="torch")
    starts = torch.arange(500).repeat(20)
    whole = walker.walk(starts, 40, stream=4).nodes
    parts = [walker.walk(part, 40, 4, first).nodes for part, first in zip(starts.split(999), range(0, 10000, 999))]  # noqa: B905
    assert torch.equal(whole, torch.cat(parts))


def test_graph_without_edges_out_of_the_last_node():
    # The row after the last has no entry of its own to point at.
    walks = random_walk(torch.tensor([[0], [1]]), torch.tensor([0, 1]), 3, engine="torch", seed=0, restart=0.5)
    assert set(walks.nodes[1].tolist()) <= {1, -1}


def test_dgl_cannot_restart_and_auto_does_not_ask_it_to():
    with pytest.raises(ge.errors.EngineError, match=r"restart_prob ends a walk.*engine='torch' can"):
        random_walk(untyped(), torch.tensor([0]), 4, restart=0.5, engine="dgl")
    assert random_walk(untyped(), torch.tensor([0]), 4, restart=0.5, seed=0).engine == "torch"


def test_auto_takes_dgl_for_uniform_metapaths():
    walks = random_walk(typed("pyg"), torch.tensor([0]), metapath=["in", "of"], seed=0)
    assert walks.engine == "dgl"
    assert walks.nodes.shape == (1, 3)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1.0] * 12 + [-2.0], r"got -2\.0 at edge 12; expected finite weights"),
        ([1.0] * 12 + [float("nan")], "got nan at edge 12"),
        ([1.0] * 12 + [float("inf")], "got inf at edge 12"),
        ([1.0] * 11 + [0.0] * 2, r"got 0 on all of the 2 edges out of node 3; .* Hint: remove these edges"),
        ([1.0] * 12, "one number for each of the 13 edges"),
    ],
)
def test_bad_weights_are_refused(weight, message):
    with pytest.raises(ge.errors.InputError, match=message):
        random_walk(untyped(), torch.tensor([0]), 4, weight=torch.tensor(weight))


def test_bad_weights_of_typed_edges_name_type_and_node():
    graph = typed("pyg")
    graph["v", "of", "a"].w = torch.tensor([0.0, 0.0, 1.0])
    pattern = r"weight 'w' of \('v', 'of', 'a'\): got 0 on all of the 2 edges out of node 0 of type 'v'"
    with pytest.raises(ge.errors.InputError, match=pattern):
        random_walk(graph, torch.tensor([0]), metapath=["in", "of"], weight="w")
    random_walk(graph, torch.tensor([0]), metapath=["cites", "in"], weight="w", seed=0)  # does not go there
    graph["v", "of", "a"].w = torch.tensor([1.0, -1.0, 1.0])
    with pytest.raises(ge.errors.InputError, match=r"\('v', 'of', 'a'\): got -1\.0 at edge 1"):
        random_walk(graph, torch.tensor([0]), metapath=["in", "of"], weight="w")
    del graph["v", "of", "a"].w
    with pytest.raises(ge.errors.InputError, match=r"\('v', 'of', 'a'\) has none"):
        random_walk(graph, torch.tensor([0]), metapath=["in", "of"], weight="w")


def test_weights_by_edge_type():
    weight = {("a", "in", "v"): torch.tensor([0.0, 1.0, 1.0, 1.0, 0.0, 0.0])}
    walks = random_walk(typed("pyg"), torch.tensor([0, 1, 2]), metapath=["in"], weight=weight, seed=0)
    assert (walks.nodes[:, 1] - 4).tolist() == [1, 1, 0]
    with pytest.raises(ge.errors.InputError, match=r"weights of \('v', 'of', 'a'\) too"):
        random_walk(typed("pyg"), torch.tensor([0]), metapath=["in", "of"], weight=weight)


@pytest.mark.parametrize("options", [{"p": 0}, {"q": -1.0}, {"p": float("nan")}, {"restart": -0.1}, {"restart": 1.5}])
def test_parameters_out_of_range_are_refused(options):
    with pytest.raises(ge.errors.InputError, match=next(iter(options))):
        random_walk(untyped(), torch.tensor([0]), 4, **options)


@pytest.mark.parametrize("options", [{"p": 2.0}, {"q": 2.0}, {"restart": 0.5}])
def test_a_metapath_leaves_no_choice_to_p_q_or_restart(options):
    with pytest.raises(ge.errors.InputError, match="as the metapath says where a walk goes"):
        random_walk(typed("pyg"), torch.tensor([0]), metapath=["in"], **options)


def test_walk_length_and_starts_are_checked():
    with pytest.raises(ge.errors.InputError, match="unless there is a metapath"):
        random_walk(untyped(), torch.tensor([0]))
    with pytest.raises(ge.errors.InputError, match=r"at most 2 nodes.*starts from 'a' but ends at 'v'"):
        random_walk(typed("pyg"), torch.tensor([0]), 3, metapath=["in"])
    with pytest.raises(ge.errors.InputError, match="node ids of type 'v' from 0 to 2"):
        random_walk(typed("pyg"), torch.tensor([3]), metapath=["of"])


def test_streams_do_not_depend_on_batch_size_threads_or_workers():
    def read(**options):
        batches = list(stream(untyped(), 8, epochs=2, seed=3, **options))
        assert {walks.engine for walks in batches} == {"torch"}
        return torch.cat([walks.nodes for walks in batches])

    whole = read(batch_size=100)
    assert whole.shape == (12, 8)
    assert torch.equal(whole, read(batch_size=1, prefetch=1))
    assert torch.equal(whole, read(batch_size=4, num_workers=2))
    assert not torch.equal(whole[:6], whole[6:])


def test_streams_of_dgl_are_made_by_a_worker():
    batches = [list(stream(typed("dgl"), metapath=["in", "of"], batch_size=3, engine="dgl", seed=3)) for _ in "ab"]
    assert [walks.nodes.shape for walks in batches[0]] == [(3, 3), (1, 3)]
    assert all(torch.equal(a.nodes, b.nodes) and a.engine == "dgl" for a, b in zip(*batches, strict=True))


@pytest.mark.parametrize("engine", ["auto", "torch", "dgl"])
@pytest.mark.parametrize("options", [{"p": 5e-324}, {"q": 5e-324}, {"p": 1e308}, {"q": math.inf}, {"p": math.nan}])
def test_p_and_q_that_are_as_good_as_0_or_infinite_are_refused_at_once(engine, options):
    ((name, _),) = options.items()
    with pytest.raises(ge.errors.InputError, match=rf"{name}: got .*expected a (finite )?number"):
        random_walk(RING, torch.tensor([0]), 4, engine=engine, **options)


def test_dgl_is_not_asked_for_walks_that_it_would_not_end():
    message = r"q: got 1e-07; expected 1/p, 1 and 1/q at most 1e\+06 times apart.*torch"
    with pytest.raises(ge.errors.InputError, match=message):
        random_walk(RING, torch.tensor([0]), 4, q=1e-7, engine="dgl")
    walks = random_walk(RING, torch.tensor([0]), 4, q=1e-7, engine="torch", seed=0)
    assert walks.nodes.tolist() == [[0, 1, 2, 0]]


@pytest.mark.parametrize("length", [True, 2.5, None, 0])
def test_lengths_that_are_no_whole_numbers_are_refused_by_the_walker(length):
    """``True`` passes for an int, and ended the process in a kernel."""
    walker = Walker(ge.view(torch.tensor([[0, 1], [1, 0]])))
    with pytest.raises(ge.errors.InputError, match=f"walk_length: got {length}"):
        walker.walk(torch.tensor([0]), length, 0)


@pytest.mark.parametrize("length", [2**31, 2**63, 10**30])
@pytest.mark.parametrize("engine", ["auto", "torch"])
def test_walks_that_cannot_be_are_refused_at_once(length, engine):
    with pytest.raises(ge.errors.InputError, match=r"walk_length: got \d+.*expected at most 2,147,483,647 nodes"):
        random_walk(RING, torch.tensor([0]), length, engine=engine)


def test_walks_that_do_not_fit_say_what_they_take():
    starts = torch.zeros(1000, dtype=torch.int64)
    message = r"walk_length: got 2000000000, for which .* would take .* GiB"
    with pytest.raises(ge.errors.InputError, match=message):
        random_walk(RING, starts, 2 * 10**9, engine="torch")


def test_weights_whose_sum_is_infinite_are_refused():
    edges, weight = torch.tensor([[0, 0, 1], [1, 2, 2]]), torch.tensor([1e308, 1e308, 1.0], dtype=torch.float64)
    with pytest.raises(ge.errors.InputError, match="an infinite sum over the edges out of node 0"):
        random_walk(edges, torch.tensor([0]), 4, weight=weight)


def test_endless_streams_stop_with_their_reader():
    walks = stream(untyped(), 5, epochs=None, batch_size=2, seed=0)
    first = [next(walks) for _ in range(10)]
    assert len(first) == 10
    assert "graphembed-walks" in {thread.name for thread in threading.enumerate()}
    walks.close()
    assert "graphembed-walks" not in {thread.name for thread in threading.enumerate()}


def test_streams_are_bounded_and_pass_errors_on():
    from graphembed_ext._core.background import in_background

    made = []

    def items():
        for number in range(100):
            made.append(number)
            yield number
        raise RuntimeError("the end")

    reader = in_background(items, 2)
    assert next(reader) == 0
    threading.Event().wait(0.2)
    assert len(made) <= 4  # one read, two waiting, one in the thread's hands
    with pytest.raises(RuntimeError, match="the end"):
        list(reader)


def test_streams_check_their_arguments_at_the_call():
    with pytest.raises(ge.errors.InputError, match="p: got 0"):
        stream(untyped(), 5, p=0)
    with pytest.raises(ge.errors.InputError, match="unless there is a metapath"):
        stream(untyped())


def test_streams_from_chosen_starts():
    walks = list(stream(typed("pyg"), metapath=["of"], starts=torch.tensor([1, 1]), seed=0, shuffle=False))
    assert walks[0].nodes.tolist() == [[5, 1], [5, 1]]


def test_global_random_state_is_left_alone():
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    random_walk(untyped(), torch.arange(6), 5, seed=1, engine="torch", restart=0.1)
    list(stream(untyped(), 5, seed=1))
    assert torch.equal(states[0], torch.get_rng_state())
    assert (states[1] == np.random.get_state()[1]).all()  # noqa: NPY002
    assert states[2] == random.getstate()
