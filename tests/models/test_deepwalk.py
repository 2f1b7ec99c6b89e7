"""DeepWalk against plain loops, against dgl.nn.DeepWalk, and across the hosts."""

from __future__ import annotations

import copy
import math
import multiprocessing
import random
from typing import ClassVar

import pytest
import torch
from torch.utils.data import DataLoader

import graphembed_ext as ge
from graphembed_ext.errors import InputError
from tests.cases import Variant, assert_apart
from tests.graphs import BUILDERS, Spec, agree, build_dgl, build_pyg, camps, shuffled
from tests.model_cases import BoundModelCase

#: A small graph in which every walk can go on: a ring with chords, both ways.
RING = Spec.untyped(
    12, [(a, b) for i in range(12) for a, b in ((i, (i + 1) % 12), ((i + 1) % 12, i), (i, (i + 5) % 12))]
)
SMALL = {"emb_dim": 8, "walk_length": 7, "window_size": 2, "negative_size": 3}


def with_weights(model, seed=0):
    """Non-zero tables: with DGL's zero contexts every score would be 0."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for table in (model.node_embed, model.context_embed):
            table.weight.copy_(torch.randn(table.weight.shape, generator=generator))
    return model


def dense_gradients(model, loss):
    model.zero_grad()
    loss.backward()
    gradients = {}
    for name, parameter in model.named_parameters():
        gradients[name] = parameter.grad.to_dense() if parameter.grad.is_sparse else parameter.grad
    return gradients


def pairs_of(walk, window):
    """Positions (centre, context) of a walk's pairs, in order, by the definition of a window."""
    alive = [i for i, node in enumerate(walk) if node >= 0]
    return [(i, j) for i in alive for j in alive if i != j and abs(i - j) <= window]


def plain_loss(node, context, walks, negatives, window, clamp=6.0):
    """DeepWalk's loss in plain loops; negatives[p] are the noise nodes of pair p."""

    def log_sigmoid(x):
        return -math.log1p(math.exp(-max(-clamp, min(clamp, x))))

    total, count = 0.0, 0
    for walk in walks:
        for centre, other in pairs_of(walk, window):
            total -= log_sigmoid(node[walk[other]] @ context[walk[centre]])
            total -= sum(log_sigmoid(-(node[walk[centre]] @ context[k])) for k in negatives[count])
            count += 1
    return total / count


WALKS = torch.tensor(
    [[0, 1, 2, 3, 4, 5, 6], [7, 6, 1, -1, -1, -1, -1], [3, -1, -1, -1, -1, -1, -1], [9, 9, 8, 7, 6, 5, 4]]
)


class TestDeepWalk(BoundModelCase):
    """The contract of a model, see tests/model_cases.py."""

    models = (ge.DeepWalk,)
    name = "deepwalk"
    created_with: ClassVar = SMALL
    training: ClassVar = {"epochs": 3, "batch_size": 5, "deterministic": True}
    retyped_with: ClassVar = {"sparse": False}  # torch adds no sparse gradients of half precision
    rows: ClassVar = {"_N": 12}
    columns = 8
    variants_that_learn: ClassVar = [
        Variant(
            "camps",
            {"emb_dim": 16, "walk_length": 10, "window_size": 3},
            {"epochs": 40, "batch_size": 4},
            {"in_camps": True},
        )
    ]
    variants_alike: ClassVar = [
        Variant(f"{engine}-{fast_neg}", {"engine": engine, "fast_neg": fast_neg})
        for engine in ("dgl", "torch")
        for fast_neg in (True, False)
    ]
    refused_arguments: ClassVar = [
        (
            {"walk_length": 5, "window_size": 5},
            r"walk_length: got 5; expected at least window_size \+ 1 = 6 nodes.*narrow the window",
        ),
        ({"walk_length": 0}, r"walk_length: got 0; expected an integer of at least 1"),
        ({"walk_length": 7.5}, r"walk_length: got 7.5"),
        ({"emb_dim": 0}, r"emb_dim: got 0"),
        ({"emb_dim": -3}, r"emb_dim: got -3"),
        ({"window_size": 0}, r"window_size: got 0"),
        ({"negative_size": 0}, r"negative_size: got 0"),
        ({"neg_weight": -1}, r"neg_weight: got -1; expected a finite number of at least 0"),
        ({"neg_weight": math.nan}, r"neg_weight: got nan"),
        ({"fast_neg": 1}, r"fast_neg: got 1; expected True or False"),
        ({"sparse": "yes"}, r"sparse: got yes"),
        ({"seed": -1}, r"seed: got -1; expected None or an integer from 0"),
        ({"seed": 1.5}, r"seed: got 1.5"),
        ({"engine": "cugraph"}, r"engine: got cugraph; expected one of 'auto', 'dgl', 'torch'"),
        ({"p": 0}, r"p: got 0; expected a finite number above 0"),
        ({"q": -2.0}, r"q: got -2.0"),
        ({"weight": "w"}, r"weight: got w; expected an edge feature of every edge type.*has none"),
        ({"weight": torch.ones(3)}, r"weight: got shape \(3,\); expected one number for each of the 36 edges"),
        ({"weight": torch.full((36,), math.nan)}, r"weight: got nan at edge 0; expected finite weights of at least 0"),
        ({"weight": -torch.ones(36)}, r"weight: got -1.0 at edge 0"),
    ]
    bad_calls: ClassVar = [
        (lambda model, g: model.sample(torch.tensor([12])), r"starts: got node 12; expected node ids from 0 to 11"),
        (lambda model, g: model.sample(torch.tensor([-1])), r"starts: got node -1"),
        (lambda model, g: model.sample(torch.tensor([0.5])), r"starts: got torch.float32"),
        (lambda model, g: model.sample(torch.tensor([[0]])), r"starts: got torch.int64 of shape \(1, 1\)"),
        (lambda model, g: model(torch.zeros(2, 6).long()), r"batch_walk: got shape \(2, 6\); expected shape \(B, 7\)"),
        (lambda model, g: model(torch.full((1, 7), 12)), r"batch_walk: got node id 12; expected ids from -1 to 11"),
        (lambda model, g: model(torch.full((1, 7), -2)), r"batch_walk: got node id -2"),
        (lambda model, g: model(torch.zeros(1, 7)), r"batch_walk: got a tensor of dtype torch.float32"),
        (lambda model, g: model([["a"] * 7]), r"batch_walk: got a list"),
        (lambda model, g: model([[0] * 6]), r"batch_walk: got shape \(1, 6\)"),
        (
            lambda model, g: model(WALKS, torch.zeros(3, 3).long()),
            r"negatives: got shape \(3, 3\); expected \(50, 3\).*\(4, 12\)",
        ),
        (
            lambda model, g: model(WALKS, torch.full((50, 3), -1)),
            r"negatives: got node id -1; expected ids from 0 to 11",
        ),
    ]

    def spec(self, in_camps=False):
        return camps() if in_camps else RING

    def make(self, graph, **config):
        return ge.DeepWalk(graph, **{**SMALL, "seed": 0, **config})

    def draw(self, model, graph):
        walks = model.sample(torch.arange(12))
        loss = model(walks)
        loss.backward()
        model.zero_grad()
        return [walks, loss.detach(), *model.loader(batch_size=5)]

    def check_structure(self, model, graph, result):
        emb = ge.embed(model)
        assert_apart(torch.cat([emb["item"][:6], emb["user"]]), torch.arange(12) % 2)


def test_loss_equals_plain_loops_dead_ends_included(build):
    model = with_weights(ge.DeepWalk(build(RING), **SMALL, seed=0)).double()
    count = sum(len(pairs_of(walk, 2)) for walk in WALKS.tolist())
    assert count == 22 + 6 + 0 + 22
    negatives = torch.randint(12, (count, 3), generator=torch.Generator().manual_seed(2))
    tables = (table.weight.detach().numpy() for table in (model.node_embed, model.context_embed))
    expected = plain_loss(*tables, WALKS.tolist(), negatives.tolist(), 2)
    assert model(WALKS, negatives).item() == pytest.approx(expected, rel=1e-12)


def test_noise_of_a_walk_equals_noise_of_its_pairs():
    model = with_weights(ge.DeepWalk(build_pyg(RING), **SMALL, seed=0)).double()
    shared = torch.randint(12, (4, 12), generator=torch.Generator().manual_seed(3))
    each = []
    for row, walk in enumerate(WALKS.tolist()):
        pairs = pairs_of(walk, 2)
        taken = dict.fromkeys(range(7), 0)
        for centre, _ in pairs:
            slot = taken[centre]
            each.append(shared[row, 3 * slot : 3 * slot + 3].tolist())
            taken[centre] += 1
    assert model(WALKS, shared).item() == pytest.approx(model(WALKS, torch.tensor(each)).item(), rel=1e-12)


@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize("fast_neg", [True, False])
@pytest.mark.parametrize("host", BUILDERS)
def test_loss_and_gradients_equal_those_of_dgl(host, fast_neg, sparse, monkeypatch):
    """Equal non-zero weights, equal walks, equal negatives: caught where the peer draws them."""
    from dgl.nn import DeepWalk as Peer
    from dgl.nn.pytorch import network_emb

    peer = with_weights(Peer(build_dgl(RING), **SMALL, neg_weight=0.5, fast_neg=fast_neg, sparse=sparse))
    ours = ge.DeepWalk(BUILDERS[host](RING), **SMALL, neg_weight=0.5, fast_neg=fast_neg, sparse=sparse, seed=0)
    ours.load_state_dict(peer.state_dict())
    walks = ours.sample(torch.arange(12))
    drawn = {}

    plain_shuffle = random.Random(5).shuffle

    def shuffle(positions):
        plain_shuffle(positions)
        drawn["negatives"] = walks.view(-1)[torch.tensor(positions[: len(walks) * 22 * 3])]

    def choice(population, size, prob):
        assert population == 12
        drawn["negatives"] = torch.randint(12, (size,), generator=torch.Generator().manual_seed(4))
        return drawn["negatives"]

    monkeypatch.setattr(network_emb.random, "shuffle", shuffle)
    monkeypatch.setattr(network_emb, "choice", choice)
    expected = peer(walks)
    loss = ours(walks, drawn["negatives"].view(-1, 3))
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    found, wanted = dense_gradients(ours, loss), dense_gradients(peer, expected)
    for name, gradient in wanted.items():
        assert gradient.abs().max() > 0
        torch.testing.assert_close(found[name], gradient, rtol=1e-5, atol=1e-6)


def test_first_loss_is_that_of_zero_contexts(build):
    model = ge.DeepWalk(build(RING), seed=0)
    assert model(model.sample(torch.arange(12))).item() == pytest.approx(6 * math.log(2), rel=1e-6)
    weight = model.node_embed.weight.detach()
    assert weight.abs().max() <= 1 / 128
    assert weight.std().item() == pytest.approx(1 / 128 / math.sqrt(3), rel=0.1)
    assert not model.context_embed.weight.any()


@pytest.mark.parametrize("engine", ["dgl", "torch"])
def test_dead_ends_and_isolated_nodes(build, chain, engine):
    model = with_weights(ge.DeepWalk(build(chain), **SMALL, engine=engine, seed=0))
    walks = model.sample(torch.arange(5))
    assert walks.tolist() == [
        [0, 1, 2, 3, -1, -1, -1],
        [1, 2, 3, -1, -1, -1, -1],
        [2, 3, -1, -1, -1, -1, -1],
        [3, -1, -1, -1, -1, -1, -1],
        [4, -1, -1, -1, -1, -1, -1],
    ]
    gradients = dense_gradients(model, model(walks))
    assert not gradients["node_embed.weight"][4].any()  # no false pair for the isolated node
    assert gradients["node_embed.weight"][0].any()
    alone = model(walks[3:])
    assert alone.item() == 0.0
    alone.backward()


@pytest.mark.parametrize("sparse", [True, False])
def test_padding_never_reaches_a_table(sparse, chain):
    """A padded step must not touch row 0, nor the last row: SparseAdam would move a row by its momentum alone."""
    model = with_weights(ge.DeepWalk(build_pyg(chain), **SMALL, sparse=sparse, seed=0))
    negatives = torch.full((1, 12), 3)
    loss = model(torch.tensor([[1, 2, -1, -1, -1, -1, -1]]), negatives)
    loss.backward()
    for table, touched in ((model.node_embed, {1, 2}), (model.context_embed, {1, 2, 3})):
        gradient = table.weight.grad
        rows = gradient.coalesce().indices().view(-1) if sparse else gradient.any(1).nonzero().view(-1)
        assert set(rows.tolist()) == touched


def test_sparse_and_dense_gradients_are_equal(build):
    models = [with_weights(ge.DeepWalk(build(RING), **SMALL, sparse=sparse, seed=0)) for sparse in (True, False)]
    walks = models[0].sample(torch.arange(12))
    first, second = (dense_gradients(model, model(walks, torch.ones(12, 12).long())) for model in models)
    for name, gradient in first.items():
        torch.testing.assert_close(second[name], gradient)


@pytest.mark.parametrize("fast_neg", [True, False])
def test_noise_follows_its_distribution(fast_neg, chain):
    model = ge.DeepWalk(build_dgl(chain), **SMALL, fast_neg=fast_neg, seed=0)
    walk = torch.tensor([[0, 1, 1, 2, -1, -1, -1]])
    valid = walk >= 0
    draws = torch.cat([model._draw_negatives(walk, valid, False, stream).view(-1) for stream in range(800)])
    share = torch.bincount(draws, minlength=5) / len(draws)
    # from the batch: the tokens 0, 1, 1, 2; from the graph: out-degrees 1, 1, 1, 0, 0
    expected = torch.tensor([0.25, 0.5, 0.25, 0, 0] if fast_neg else [1 / 3, 1 / 3, 1 / 3, 0, 0])
    torch.testing.assert_close(share, expected, atol=0.02, rtol=0)
    torch.testing.assert_close(model.neg_prob, torch.tensor([1 / 3, 1 / 3, 1 / 3, 0, 0], dtype=torch.float64))


# --- across hosts, edge orders and seeds ---------------------------------------------------------------------------


def train(graph, steps=3, **config):
    model = ge.DeepWalk(graph, **SMALL, seed=3, **config)
    optimizer = torch.optim.SparseAdam(model.parameters(), lr=0.05)
    seen = []
    for _ in range(steps):
        walks = model.sample(torch.arange(12))
        loss = model(walks)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen.append((walks.tolist(), loss.item()))
    return model, seen


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("engine", ["dgl", "torch"])
@pytest.mark.parametrize("fast_neg", [True, False])
def test_hosts_and_edge_orders_agree_bit_for_bit(engine, fast_neg):
    config = {"engine": engine, "fast_neg": fast_neg}
    first, seen = train(build_dgl(RING), **config)
    assert seen[0] != seen[1]
    for builder in (build_dgl, build_pyg):
        second, again = train(builder(shuffled(RING)), **config)
        assert again == seen
        assert agree(first, second)
    edge_index = build_pyg(shuffled(RING, 1)).edge_index
    third, again = train(edge_index, **config)
    assert again == seen
    assert agree(first, third)


def test_reset_parameters():
    seeded, unseeded = ge.DeepWalk(build_pyg(RING), **SMALL, seed=4), ge.DeepWalk(build_pyg(RING), **SMALL)
    for model, repeats in ((seeded, True), (unseeded, False)):
        before, walks = model.node_embed.weight.detach().clone(), model.sample(torch.arange(12))
        with_weights(model).reset_parameters()
        assert not model.context_embed.weight.any()
        assert torch.equal(model.node_embed.weight, before) is repeats
        assert torch.equal(model.sample(torch.arange(12)), walks) is repeats


# --- loaders and workers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["dgl", "torch"])
def test_sample_as_collate_fn_draws_new_walks_in_every_worker_and_epoch(build, engine):
    model = ge.DeepWalk(build(RING), **SMALL, engine=engine, seed=0)
    starts = torch.zeros(8, dtype=torch.int64)  # the same node in every batch: equal walks would show
    loader = DataLoader(starts, batch_size=4, collate_fn=model.sample, num_workers=2, generator=torch.Generator())
    batches = [batch for _ in range(3) for batch in loader]
    assert len(batches) == 6
    assert all(batch[:, 0].eq(0).all() and batch.shape == (4, 7) for batch in batches)
    assert len({tuple(batch.view(-1).tolist()) for batch in batches}) == 6


@pytest.mark.parametrize("engine", ["dgl", "torch"])
def test_loader_does_not_depend_on_the_number_of_workers(build, engine):
    model = ge.DeepWalk(build(RING), **SMALL, engine=engine, seed=0)
    runs = []
    for workers in (0, 2):
        loader = model.loader(batch_size=5, num_workers=workers)
        runs.append([[walks.tolist() for walks in loader] for _ in range(2)])
        assert loader.epoch == 2
    assert runs[0] == runs[1]
    assert runs[0][0] != runs[0][1]
    assert [len(walks) for walks in runs[0][0]] == [5, 5, 2]
    for epoch in runs[0]:
        assert sorted(walk[0] for walks in epoch for walk in walks) == list(range(12))


def test_torch_walks_do_not_depend_on_the_batch_size():
    model = ge.DeepWalk(build_pyg(RING), **SMALL, engine="torch", seed=0)
    runs = [torch.cat(list(model.loader(batch_size=size))) for size in (1, 5, 12)]
    assert torch.equal(runs[0], runs[1])
    assert torch.equal(runs[0], runs[2])


def test_loader_resumes_at_an_epoch():
    model = ge.DeepWalk(build_pyg(RING), **SMALL, seed=0)
    loader = model.loader(batch_size=12)
    epochs = [next(iter(loader)) for _ in range(3)]
    other = model.loader(batch_size=12)
    other.epoch = 2
    assert torch.equal(next(iter(other)), epochs[2])


def test_loader_refuses_a_sampler():
    with pytest.raises(InputError, match="orders its start nodes itself"):
        ge.DeepWalk(build_pyg(RING), **SMALL).loader(sampler=[0])


def _spawned(models, queue):
    queue.put([model.sample(torch.arange(12)).tolist() for model in models])


def test_a_spawned_process_gets_a_working_copy():
    models = [ge.DeepWalk(build(RING), **SMALL, seed=0) for build in BUILDERS.values()]
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=_spawned, args=(models, queue))
    process.start()
    walks = queue.get(timeout=120)
    process.join()
    assert walks == [model.sample(torch.arange(12)).tolist() for model in models]


# --- an ordinary module --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_other_precisions(build, dtype):
    model = with_weights(ge.DeepWalk(build(RING), **SMALL, fast_neg=False, sparse=False, seed=0)).to(dtype)
    walks = model.sample(torch.arange(12))
    loss = model(walks)
    loss.backward()
    assert loss.dtype == dtype
    full = copy.deepcopy(model).float()
    full._drawn = 0
    assert loss.item() == pytest.approx(full(walks).item(), rel=0.05)


def test_gradcheck():
    model = with_weights(ge.DeepWalk(build_pyg(RING), **SMALL, sparse=False, seed=0)).double()
    negatives = torch.randint(12, (4, 12), generator=torch.Generator().manual_seed(0))

    def loss(node, context):
        tables = {"node_embed.weight": node, "context_embed.weight": context}
        return torch.func.functional_call(model, tables, (WALKS, negatives))

    weights = [table.weight.detach().mul(0.3).requires_grad_() for table in (model.node_embed, model.context_embed)]
    assert torch.autograd.gradcheck(loss, weights)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
def test_autocast_compile_and_hooks(build):
    model = with_weights(ge.DeepWalk(build(RING), **SMALL, sparse=False, seed=0))
    walks, noise = model.sample(torch.arange(12)), torch.ones(12, 12).long()
    expected = model(walks, noise).item()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert model(walks, noise).item() == pytest.approx(expected, rel=0.05)
    assert torch.compile(model, backend="eager")(walks, noise).item() == pytest.approx(expected, rel=1e-5)
    seen = []
    model.register_forward_hook(lambda module, args, output: seen.append(output.item()))
    model(walks, noise)
    assert seen == [expected]


def test_attributes_and_repr(build):
    graph = build(RING)
    model = ge.DeepWalk(graph, **SMALL, seed=0)
    assert model.g is graph
    assert repr(model) == "DeepWalk(12, 8, walk_length=7, window_size=2)"
    assert list(model.state_dict()) == ["node_embed.weight", "context_embed.weight"]
    assert model.local_to_global_nid == {"_N": list(range(12))}
    assert copy.deepcopy(model).g is graph


# --- typed graphs --------------------------------------------------------------------------------------------------


def test_typed_graphs_are_joined_and_walks_stay_in_their_camp(build, camps):
    model = ge.DeepWalk(build(camps), emb_dim=16, walk_length=10, window_size=3, seed=0)
    assert model.local_to_global_nid == {"item": list(range(7)), "user": list(range(7, 13))}
    walks = model.sample(torch.arange(13))
    camp = torch.tensor([i % 2 for i in range(6)] + [2] + [u % 2 for u in range(6)])
    for walk in walks:
        nodes = walk[walk >= 0]
        assert len(camp[nodes].unique()) == 1
    assert ge.embed(model)["user"].shape == (6, 16)


# --- bad input -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("num_nodes", [0, 3])
def test_graphs_with_nothing_to_walk_on(build, num_nodes):
    with pytest.raises(InputError, match=r"g: got GraphView.*expected a graph with nodes and edges"):
        ge.DeepWalk(build(Spec.untyped(num_nodes, [])))


def test_empty_batch(build):
    model = ge.DeepWalk(build(RING), **SMALL, seed=0)
    walks = model.sample(torch.empty(0, dtype=torch.int64))
    assert walks.shape == (0, 7)
    assert model(walks).item() == 0.0


@pytest.mark.parametrize("length", [200_000, 2**31, 2**63])
def test_walks_too_long_are_refused_before_anything_is_made(length):
    with pytest.raises(InputError, match="walk_length"):
        ge.DeepWalk(torch.tensor([[0, 1], [1, 0]]), walk_length=length)
