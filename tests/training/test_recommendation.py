"""Ranking losses, the sampler and training by them: formulas, exactness, and the same bits from either host."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

import graphembed_ext as ge
from graphembed_ext.errors import FileFormatError, InputError
from graphembed_ext.graph.interactions import Interactions, Sides
from graphembed_ext.losses import BPR_PRESETS, bpr_loss, link_loss
from graphembed_ext.sampling.histories import Histories
from graphembed_ext.sampling.triplets import SAMPLINGS, Triplets
from graphembed_ext.training import TrainingError
from tests.graphs import Spec, agree, build_dgl, build_pyg

QUICK = {"epochs": 4, "batch_size": 8, "lr": 0.05, "progress": False}


def scores(count=7):
    draw = torch.Generator().manual_seed(0)
    return [torch.randn(count, generator=draw, dtype=torch.float64) * 3 for _ in range(2)]


def plain_bpr(pos, neg, preset, vectors, decay):
    total = norms = 0.0
    for p, n in zip(pos, neg, strict=True):
        chance = 1 / (1 + math.exp(n - p))
        total -= math.log(chance + (1e-10 if preset == "recbole" else 0))
    for rows in vectors:
        squares = sum(value * value for row in rows for value in row)
        norms += {"pyg": squares, "lightgcn-pytorch": squares / 2, "recbole": math.sqrt(squares)}[preset]
    return (total + decay * norms) / len(pos)


@pytest.mark.parametrize("preset", BPR_PRESETS)
@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_ranking_losses_equal_plain_loops(preset, decay):
    pos, neg = scores()
    vectors = [torch.arange(6.0, dtype=torch.float64).view(3, 2), torch.ones(2, 2, dtype=torch.float64)]
    expected = plain_bpr(pos.tolist(), neg.tolist(), preset, [rows.tolist() for rows in vectors], decay)
    found = bpr_loss(pos, neg, preset=preset, initial=vectors, weight_decay=decay)
    assert found.item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("preset", BPR_PRESETS)
def test_ranking_losses_lift_positives(preset):
    pos, neg = (tensor.requires_grad_() for tensor in scores())
    assert torch.autograd.gradcheck(lambda p, n: bpr_loss(p, n, preset=preset), (pos, neg))
    table = torch.zeros(2, 5, requires_grad=True)
    optimizer = torch.optim.SGD([table], lr=1.0)
    for _ in range(10):
        optimizer.zero_grad()
        loss = bpr_loss(table[0], table[1], preset=preset)
        loss.backward()
        optimizer.step()
    assert bool((table[0] > table[1]).all())


def test_the_authors_loss():
    """As LightGCN-PyTorch writes it: mean softplus(neg - pos), and half of the squared norms over the batch."""
    pos, neg = scores()
    rows = [torch.randn(7, 4, dtype=torch.float64) for _ in range(3)]
    expected = F.softplus(neg - pos).mean() + 0.1 * 0.5 * sum(r.norm(2).pow(2) for r in rows) / 7
    found = bpr_loss(pos, neg, preset="lightgcn-pytorch", initial=rows, weight_decay=0.1)
    torch.testing.assert_close(found, expected)


def test_bad_losses():
    with pytest.raises(InputError, match="preset: got hinge; expected one of 'pyg'"):
        bpr_loss(torch.zeros(2), torch.zeros(2), preset="hinge")
    with pytest.raises(InputError, match=r"pos: got shape \(0,\)"):
        bpr_loss(torch.zeros(0), torch.zeros(0))
    with pytest.raises(InputError, match="edge_label: got labels from -1 to 1"):
        link_loss(torch.zeros(2), torch.tensor([-1, 1]))


def dense(users=6, items=9, missing=1):
    """Every user touched all items but ``missing`` of them, the last user all of them."""
    pairs = [(u, i) for u in range(users) for i in range(items) if u == users - 1 or (i - u) % items >= missing]
    sides = Sides(range(items, items + users), range(items), "user", "item")
    known = torch.tensor(pairs).t()
    return Interactions(sides, known[0] + items, known[1])


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("missing", [1, 4])
def test_no_known_positive_is_drawn(sampling, missing):
    known = dense(missing=missing)
    pairs = set(zip(known.users.tolist(), known.items.tolist(), strict=True))
    triplets, seen = Triplets(known, sampling, seed=0), set()
    for epoch in range(40):
        users, touched, others = triplets.draw(epoch, 0, len(triplets))
        assert set(zip(users.tolist(), touched.tolist(), strict=True)) <= pairs
        drawn = set(zip(users.tolist(), others.tolist(), strict=True))
        assert not drawn & pairs
        seen |= drawn
    assert 14 not in users, "who touched everything has no item to rank below"
    assert len(seen) == 5 * missing, "every item left is drawn at times"


def test_negatives_are_uniform():
    known = dense(missing=4)
    triplets = Triplets(known, "users", seed=1)
    users, _, others = triplets.draw(0, 0, 40_000)
    counts = torch.bincount((users - 9) * 9 + others)
    counts = counts[counts > 0].double()
    assert len(counts) == 20
    assert float(((counts - 2000) ** 2 / 2000).sum()) < 45  # chi-square with 19 degrees, p = 0.0007


def test_repeated_interactions_and_uniform_users():
    sides = Sides(range(2), range(2, 6))
    known = Interactions(sides, torch.tensor([0, 0, 0, 1]), torch.tensor([2, 2, 3, 4]))
    users, touched, others = Triplets(known, "users", seed=0).draw(0, 0, 30_000)
    assert float(users.double().mean()) == pytest.approx(0.5, abs=0.02)
    assert float((touched[users == 0] == 2).double().mean()) == pytest.approx(2 / 3, abs=0.02)
    assert set(others[users == 0].tolist()) == {4, 5}


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_an_epoch_is_the_same_in_batches_of_any_size(sampling):
    triplets = Triplets(dense(missing=3), sampling, seed=0)
    whole = triplets.draw(2, 0, len(triplets))
    parts = [triplets.draw(2, first, min(first + 7, len(triplets))) for first in range(0, len(triplets), 7)]
    assert all(torch.equal(a, torch.cat(b)) for a, b in zip(whole, zip(*parts, strict=True), strict=True))
    if sampling == "interactions":
        assert len(set(zip(*(ends.tolist() for ends in whole[:2]), strict=True))) == len(triplets)
    other = triplets.draw(3, 0, len(triplets))
    assert not torch.equal(whole[2], other[2])


def make(graph, **config):
    return ge.LightGCN.for_graph(graph, 8, 2, **({"seed": 0} | config))


@pytest.mark.parametrize("loss", BPR_PRESETS)
@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_camps_find_their_items(camps, build, loss, sampling):
    graph = build(camps)
    model = make(graph)
    result = ge.fit(model, graph, **(QUICK | {"epochs": 40}), loss=loss, sampling=sampling)
    lists = model.recommend(graph, k=3)
    assert bool((lists % 2 == torch.arange(6)[:, None] % 2).all())
    assert result.history[-1]["loss"] < result.history[0]["loss"]
    assert result.samples == 40 * 18
    assert result.engine == "torch"
    assert torch.isfinite(model.embedding.weight).all(), "the item nobody touched included"


def reordered(spec):
    order = torch.randperm(18, generator=torch.Generator().manual_seed(0)).tolist()
    edges = {("user", "likes", "item"): tuple([ends[i] for i in order] for ends in spec.edges["user", "likes", "item"])}
    return Spec(spec.num_nodes, edges)


@pytest.mark.usefixtures("global_state_untouched")
def test_hosts_order_of_edges_and_threads_change_no_bit(camps):
    before, models = torch.get_num_threads(), []
    for make_graph, spec, threads in ((build_dgl, camps, 1), (build_pyg, camps, 2), (build_pyg, reordered(camps), 3)):
        torch.set_num_threads(threads)
        model = make(make_graph(spec))
        ge.fit(model, **QUICK, seed=1, validation=torch.tensor([[0], [6]]), k=2)
        models.append(model)
    torch.set_num_threads(before)
    assert agree(models[0], models[1])
    assert agree(models[0], models[2])
    other = make(build_pyg(camps))
    ge.fit(other, **QUICK, seed=2)
    assert not agree(models[0], other)


def test_a_step_is_autograds(camps):
    """The loop's own short cuts against the plain model: one epoch of one batch."""
    graph = build_pyg(camps)
    fast, plain = make(graph).double(), make(graph).double()
    ge.fit(fast, graph, epochs=1, batch_size=100, lr=0.1, progress=False, loss="lightgcn-pytorch", weight_decay=0.2)
    known = plain.interactions(graph)
    users, touched, others = Triplets(known, "interactions", 0).draw(0, 0, 18)
    out, table = plain.get_embedding(graph), plain.embedding.weight
    optimizer = torch.optim.Adam([table], lr=0.1)
    pos, neg = ((out[users] * out[items]).sum(1) for items in (touched, others))
    rows = [table[ids] for ids in (users, touched, others)]
    bpr_loss(pos, neg, preset="lightgcn-pytorch", initial=rows, weight_decay=0.2).backward()
    optimizer.step()
    torch.testing.assert_close(fast.embedding.weight, table, rtol=1e-9, atol=1e-9)


def test_interrupted_and_resumed_equals_uninterrupted(camps, build, tmp_path):
    options = QUICK | {"schedule": "cosine", "validation": torch.tensor([[0, 1], [6, 6]]), "validate_every": 1, "k": 2}
    whole, broken, fresh = (make(build(camps)) for _ in range(3))
    expected = ge.fit(whole, **options)

    def stop(entry):
        if entry["epoch"] == 2:
            raise KeyboardInterrupt

    path = tmp_path / "state.pt"
    with pytest.warns(UserWarning, match="resumes after epoch 2"):
        ge.fit(broken, **options, checkpoint=path, on_epoch=stop)
    found = ge.fit(fresh, **options, checkpoint=path)
    assert agree(whole, fresh)
    assert [e["loss"] for e in found.history] == [e["loss"] for e in expected.history]
    with pytest.raises(FileFormatError, match="trained with schedule='cosine'"):
        ge.fit(fresh, **(options | {"schedule": "linear"}), checkpoint=path)


def test_early_stopping_keeps_the_best_weights(camps, build):
    graph = build(camps)
    held = torch.tensor([[0, 1, 2, 3], [6, 6, 6, 6]])
    model = make(graph)
    result = ge.fit(
        model, graph, **(QUICK | {"epochs": 50}), validation=held, validate_every=2, patience=3, k=1, monitor="ndcg"
    )
    figures = {e["epoch"]: e["val_ndcg@1"] for e in result.history if "val_ndcg@1" in e}
    assert result.monitor == "val_ndcg@1"
    assert result.stopped_early
    assert result.best_epoch == max(figures, key=lambda epoch: (figures[epoch], -epoch))
    assert ge.evaluate.recommendation(model, graph, held, 1)["ndcg@1"] == figures[result.best_epoch]


def test_untyped_graphs_with_users_first(build):
    pairs = [(u, 4 + i) for u in range(4) for i in range(4) if u % 2 == i % 2]
    graph = build(Spec.untyped(8, pairs + [(b, a) for a, b in pairs]))
    model = ge.LightGCN(8, 8, 2, seed=0)
    ge.fit(model, graph, **(QUICK | {"epochs": 30}), num_users=4)
    lists = model.recommend(graph, src_index=range(4), dst_index=range(4, 8), k=2)
    assert bool((lists % 2 == torch.arange(4)[:, None] % 2).all())
    assert torch.equal(ge.embed(model).tensor, ge.embed(model, graph).tensor)
    found = ge.evaluate.recommendation(model, torch.tensor(pairs[:7]).t(), torch.tensor([[3], [7]]), k=3)
    assert found["recall@3"] == 1


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"loss": "hinge"}, "loss: got hinge; expected one of 'softmax', 'pyg'"),
        ({"sampling": "items"}, "sampling: got items"),
        ({"schedule": "step"}, "schedule: got step"),
        ({"weight_decay": -1}, "weight_decay: got -1"),
        ({"patience": 3}, "patience: got 3; expected None without validation pairs"),
        ({"validation": torch.tensor([[6], [0]])}, r"validation: got user id 6"),
        ({"validation": torch.tensor([[0], [6]]), "k": 8}, "k: got 8; expected at most 7"),
        (
            {"validation": torch.tensor([[0], [0]])},
            "validation: got 1 pairs that are among the interactions of the graph",
        ),
        ({"validate_ever": 2}, "did you mean 'validate_every'"),
    ],
)
def test_bad_arguments(camps, config, message):
    with pytest.raises(InputError, match=message):
        ge.fit(make(build_pyg(camps)), **QUICK, **config)


def test_users_who_touched_everything(build):
    graph = build(Spec({"user": 2, "item": 2}, {("user", "likes", "item"): ([0, 0, 1, 1], [0, 1, 0, 1])}))
    with pytest.raises(InputError, match="users who have every item"):
        ge.fit(make(graph), **QUICK)
    assert make(graph).recommend(graph, k=2, exclude=True).tolist() == [[-1, -1]] * 2


def test_a_loss_that_is_no_number_stops_the_training(camps):
    model = make(build_pyg(camps))
    with torch.no_grad():
        model.embedding.weight[0] = math.nan
    with pytest.raises(TrainingError, match="the loss is nan in epoch 1, batch 1"):
        ge.fit(model, **QUICK)


def test_parameters_of_a_subclass_are_trained(camps):
    """Multi-modal recommenders add features to the table, as in Zhou et al. 2023 (arXiv:2302.04473)."""
    graph = build_pyg(camps)

    class WithFeatures(ge.LightGCN):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.scale = torch.nn.Parameter(torch.ones(()))

        def get_embedding(self, *args, **kwargs):
            return self.scale * super().get_embedding(*args, **kwargs)

    model = WithFeatures.for_graph(graph, embedding_dim=4, num_layers=1, seed=0)
    ge.fit(model, graph, epochs=2, lr=0.05, progress=False)
    assert model.scale.item() != 1


@pytest.mark.parametrize("preset", BPR_PRESETS)
def test_several_negatives_are_a_mean(preset):
    pos, _ = scores(5)
    neg = torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    each = [bpr_loss(pos[i : i + 1], neg[i, k : k + 1], preset=preset).item() for i in range(5) for k in range(3)]
    assert bpr_loss(pos, neg, preset=preset).item() == pytest.approx(sum(each) / 15, rel=1e-12)
    assert bpr_loss(pos, neg[:, :1], preset=preset).item() == pytest.approx(
        bpr_loss(pos, neg[:, 0], preset=preset).item()
    )
    with pytest.raises(InputError, match=r"neg: got shape \(4, 3\); expected shape \(5,\), as pos has, or \(5, K\)"):
        bpr_loss(pos, neg[:4], preset=preset)


def test_several_negatives_are_uniform_and_never_known():
    known = Interactions(Sides(range(2), range(2, 9)), torch.tensor([0, 0, 0, 1]), torch.tensor([2, 3, 8, 4]))
    one, three = Triplets(known, seed=0), Triplets(known, seed=0, num_negatives=3)
    for epoch in range(3):
        users, items, others = three.draw(epoch, 0, 4)
        assert others.shape == (4, 3)
        assert torch.equal(torch.stack([users, items]), torch.stack(one.draw(epoch, 0, 4)[:2]))
        in_parts = torch.cat([three.draw(epoch, n, n + 1)[2] for n in range(4)])
        assert torch.equal(in_parts, others)
    counts = torch.zeros(2, 9)
    for epoch in range(2000):
        users, _, others = three.draw(epoch, 0, 4)
        counts.index_put_((users.repeat_interleave(3), others.flatten()), torch.ones(12), accumulate=True)
    assert not counts[0, [0, 1, 2, 3, 8]].any()
    assert not counts[1, [0, 1, 4]].any()
    expected = [18000 / 4, 6000 / 6]  # draws of each user, over what it lacks
    assert (counts[0, 4:8] - expected[0]).abs().max() < 5 * math.sqrt(expected[0])
    assert (counts[1, [2, 3, 5, 6, 7, 8]] - expected[1]).abs().max() < 5 * math.sqrt(expected[1])


@pytest.mark.parametrize("loss", BPR_PRESETS)
def test_a_step_with_several_negatives_is_a_plain_loop(camps, loss):
    graph = build_pyg(camps)
    model = ge.create("lightgcn", graph, embedding_dim=4, num_layers=2, seed=0).double()
    known = model.interactions(graph)
    triplets = Triplets(known, num_negatives=3)
    from graphembed_ext.training.ranking import RankingTrainer
    from graphembed_ext.training.splitting import Whole

    trainer = RankingTrainer(Whole(model), known, triplets, 1, 0.1, 5, loss, 0.01, "constant")
    users, items, others = triplets.draw(0, 0, 5)
    out, table = model.get_embedding(graph).detach(), model.embedding.weight.detach()
    pos = [float(out[u] @ out[i]) for u, i in zip(users, items, strict=True)]
    terms = []
    for p, u, row in zip(pos, users, others, strict=True):
        terms += [plain_bpr([p], [float(out[u] @ out[o])], loss, [], 0) for o in row]
    rows = torch.cat([users, items, others.flatten()])
    held = [table[rows.unique()]] if loss == "pyg" else [table[part] for part in (users, items, others.flatten())]
    if loss == "recbole":
        decay = 0.01 * sum(float(part.norm()) for part in held) / 5
    else:
        decay = 0.01 * sum(float((part * part).sum()) for part in held) / (5 if loss == "pyg" else 10)
    assert trainer.loss(users, items, others).item() == pytest.approx(sum(terms) / 15 + decay, rel=1e-9)


@pytest.mark.parametrize("build", [build_dgl, build_pyg])
def test_training_with_several_negatives(camps, build):
    graph = build(camps)
    model = ge.create("lightgcn", graph, embedding_dim=8, num_layers=2, seed=0)
    result = ge.fit(model, graph, loss="pyg", num_negatives=4, epochs=40, batch_size=8, lr=0.05, progress=False)
    assert result.settings["num_negatives"] == 4
    lists = model.recommend(graph, k=3)
    assert bool((lists % 2 == torch.arange(6)[:, None] % 2).all())
    with pytest.raises(InputError, match="num_negatives: got 0"):
        ge.fit(model, graph, num_negatives=0, progress=False)


def test_lists_without_enough_items_suit_pygs_metrics(camps):
    """-1 would be read as the last item of the user above; the number of items is nobody's."""
    from torch_geometric.metrics import LinkPredNDCG, LinkPredPrecision, LinkPredRecall

    users = torch.tensor([0, 0, 0, 1, 1, 2])
    graph = {
        ("user", "buys", "item"): torch.stack([torch.cat([users, users[-1:]]), torch.tensor([0, 1, 2, 0, 2, 1, 3])])
    }
    truth = torch.tensor([[0, 1, 1, 2], [3, 1, 3, 0]])
    model = ge.LightGCN.for_graph(graph, 4, seed=0)
    lists = model.recommend(graph, k=3, exclude=True, fill=4)
    bare = model.recommend(graph, k=3, exclude=True)
    assert torch.equal(lists == 4, bare == -1)
    assert (bare == -1).sum(1).tolist() == [2, 1, 1]
    wanted = [{3}, {1, 3}, {0}]
    hits = [[item in wanted[user] for item in row] for user, row in enumerate(bare.tolist())]
    expected = {LinkPredPrecision: sum(map(sum, hits)) / 9, LinkPredRecall: 1.0}
    for metric, value in expected.items():
        found = metric(k=3)
        found.update(lists, truth)
        assert found.compute().item() == pytest.approx(value)
    ndcg = LinkPredNDCG(k=3)
    ndcg.update(lists, truth)
    ours = ge.evaluate.ranking.ranking_metrics(bare, truth, 4)["ndcg@3"]
    assert ndcg.compute().item() == pytest.approx(ours)
    for wrong in (0, 3, True, "repeat"):
        with pytest.raises(InputError, match=f"fill: got {wrong}; expected an integer that is no item's id"):
            model.recommend(graph, k=3, exclude=True, fill=wrong)
    assert model.recommend_new(graph, torch.tensor([[0, 0, 0], [0, 1, 2]]), k=2, fill=-7).tolist() == [[3, -7]]


def test_a_step_of_the_softmax_is_autograds(camps):
    """One epoch of one batch against cross-entropy over all items, with the plain model's vectors."""
    graph = build_pyg(camps)
    fast, plain = make(graph).double(), make(graph).double()
    settings = {"loss": "softmax", "temperature": 0.3, "weight_decay": 0.2}
    ge.fit(fast, graph, epochs=1, batch_size=100, lr=0.1, progress=False, **settings)
    known = plain.interactions(graph)
    out, table = plain.get_embedding(graph), plain.embedding.weight
    optimizer = torch.optim.Adam([table], lr=0.1)
    scores = F.normalize(out[known.users], dim=1) @ out[:7].t() / 0.3
    loss = F.cross_entropy(scores, known.items) + 0.2 * table.square().sum() / len(known)
    loss.backward()
    optimizer.step()
    torch.testing.assert_close(fast.embedding.weight, table, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("balance", [0, 0.5, 1])
def test_users_of_many_items_count_for_less(build, balance):
    graph = build(Spec({"user": 2, "item": 5}, {("user", "likes", "item"): ([0, 0, 0, 0, 1], [0, 1, 2, 3, 4])}))
    fast, plain = make(graph).double(), make(graph).double()
    settings = {"balance": balance, "temperature": 1, "weight_decay": 0}
    ge.fit(fast, graph, epochs=1, batch_size=2, lr=0.1, progress=False, **settings)
    known = plain.interactions(graph)
    out, table = plain.get_embedding(graph), plain.embedding.weight
    optimizer = torch.optim.Adam([table], lr=0.1)
    lost = F.cross_entropy(F.normalize(out[known.users], dim=1) @ out[:5].t(), known.items, reduction="none")
    weight = torch.tensor([4.0**-balance] * 4 + [1.0], dtype=torch.float64)
    ((lost * weight).sum() / weight.sum()).backward()
    optimizer.step()
    torch.testing.assert_close(fast.embedding.weight, table, rtol=1e-9, atol=1e-9)


def test_a_step_of_the_softmax_over_drawn_negatives(camps):
    graph = build_pyg(camps)
    fast, plain = make(graph).double(), make(graph).double()
    ge.fit(fast, graph, epochs=1, batch_size=100, lr=0.1, progress=False, num_negatives=4, weight_decay=0)
    known = plain.interactions(graph)
    batch = Histories(known, 4).draw(0, 0, 6)
    out, table = plain.get_embedding(graph), plain.embedding.weight
    optimizer = torch.optim.Adam([table], lr=0.1)
    users = F.normalize(out[batch.users[batch.owner]], dim=1) / 0.1
    pos = (users * out[batch.items]).sum(1, keepdim=True)
    scores = torch.cat([pos, users @ out[batch.negatives].t()], 1)
    F.cross_entropy(scores, torch.zeros(len(pos), dtype=torch.int64)).backward()
    optimizer.step()
    torch.testing.assert_close(fast.embedding.weight, table, rtol=1e-9, atol=1e-9)


def test_the_softmax_finds_the_camps_items(camps, build):
    """By its usual settings, as nothing else is told."""
    graph = build(camps)
    model = make(graph)
    result = ge.fit(model, graph, progress=False)
    lists = model.recommend(graph, k=3)
    assert bool((lists % 2 == torch.arange(6)[:, None] % 2).all())
    assert result.settings["loss"] == "softmax"
    assert result.settings["schedule"] == "linear"
    assert result.samples == len(result.history) * 18


@pytest.mark.usefixtures("global_state_untouched")
def test_the_softmax_depends_on_no_host_order_or_threads(camps):
    before, models = torch.get_num_threads(), []
    for make_graph, spec, threads in ((build_dgl, camps, 1), (build_pyg, camps, 2), (build_pyg, reordered(camps), 3)):
        torch.set_num_threads(threads)
        model = make(make_graph(spec))
        ge.fit(model, epochs=4, batch_size=4, num_negatives=3, seed=1, progress=False)
        models.append(model)
    torch.set_num_threads(before)
    assert agree(models[0], models[1])
    assert agree(models[0], models[2])


def test_settings_of_the_peers(camps):
    """What LightGCN-PyTorch trains by stays one word away; an option of one loss is no option of another."""
    graph = build_pyg(camps)
    settings = ge.fit(make(graph), graph, epochs=1, loss="lightgcn-pytorch", progress=False).settings
    expected = {
        "lr": 1e-3,
        "batch_size": 2048,
        "schedule": "constant",
        "weight_decay": 1e-4,
        "sampling": "interactions",
    }
    assert settings.items() >= expected.items()
    assert ge.fit(make(graph), graph, epochs=1, sampling="users", progress=False).settings["loss"] == "pyg"
    with pytest.raises(InputError, match="sampling: got users; expected None with loss='softmax'"):
        ge.fit(make(graph), graph, loss="softmax", sampling="users")
    with pytest.raises(InputError, match=r"temperature: got 0\.2; expected None but with loss='softmax'"):
        ge.fit(make(graph), graph, loss="pyg", temperature=0.2)
    with pytest.raises(InputError, match="temperature: got 0; expected"):
        ge.fit(make(graph), graph, temperature=0)


def test_a_state_of_another_sampling_is_refused(camps, tmp_path):
    graph, path = build_pyg(camps), tmp_path / "state.pt"
    ge.fit(make(graph), graph, **QUICK, loss="pyg", checkpoint=path)
    with pytest.raises(FileFormatError, match="sampling='interactions'"):
        ge.fit(make(graph), graph, **QUICK, sampling="users", checkpoint=path)
