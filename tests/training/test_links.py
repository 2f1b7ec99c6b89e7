"""Training without labels: which pairs and noise it draws, what it leaves out, what it learns, on both hosts."""

from __future__ import annotations

import pytest
import torch

import graphembed_ext as ge
from graphembed_ext._core import rng
from graphembed_ext.errors import InputError
from graphembed_ext.sampling.walk_pairs import WalkPairs
from graphembed_ext.training.links import _LinkTrainer
from graphembed_ext.training.run import Plan
from tests.graphs import Spec, agree, build_dgl, build_pyg, cliques

QUICK = {"epochs": 3, "batch_size": 8, "progress": False, "seed": 1}


def test_pairs_are_met_by_walks_and_noise_is_not_joined():
    view = ge.view(build_pyg(cliques()))
    pairs = WalkPairs(view, 3, 4, key=0)
    near = {a: {b for b, c in zip(*view.edge_index().tolist(), strict=True) if c == a} | {a} for a in range(15)}
    noise = torch.zeros(15)
    for epoch in range(40):
        found = pairs.draw(epoch, torch.arange(15), 0)
        assert found.first.tolist() == list(range(14))
        for first, second in zip(found.first.tolist(), found.second.tolist(), strict=True):
            assert second in set().union(*(near[b] for b in near[first]))
        for first, row, missing in zip(found.first.tolist(), found.noise.tolist(), found.missing.tolist(), strict=True):
            for node, bad in zip(row, missing, strict=True):
                assert bad == (node in near[first])
                noise[node] += 1
        assert float(found.missing.double().mean()) < 0.05  # half of the nodes are neighbours: 1 in 2^8 is missing
    assert noise[14] == 0  # it has no edges: degree^0.75 is 0
    part = pairs.draw(3, torch.arange(5, 9), 5)  # by number of the walk, whatever the batch
    whole = pairs.draw(3, torch.arange(15), 0)
    assert torch.equal(part.noise, whole.noise[5:9])
    assert torch.equal(part.second, whole.second[5:9])


def test_noise_follows_the_degrees():
    """A star of stars: node 0 joins nodes 1 to 4; node 5 joins 6 to 21. From node 1, others are drawn by degree."""
    edges = torch.tensor([(0, k) for k in range(1, 5)] + [(5, k) for k in range(6, 22)]).t()
    pairs = WalkPairs(ge.view(torch.cat([edges, edges.flip(0)], 1)), 2, 50, key=1)
    counts = torch.zeros(22)
    for epoch in range(60):
        counts += torch.bincount(pairs.draw(epoch, torch.tensor([1]), 0).noise.flatten(), minlength=22)
    degree = torch.tensor([0, 0, 2, 2, 2, 32] + [2] * 16) ** 0.75
    wanted = degree / degree.sum() * 3000
    assert counts[:2].tolist() == [0, 0]
    assert float((counts - wanted).abs().max()) < 4.5 * 3000**0.5 / 2


def test_hubs_that_join_everything_go_without_noise():
    star = torch.tensor([[0] * 4 + [1, 2, 3, 4], [1, 2, 3, 4] + [0] * 4])
    found = WalkPairs(ge.view(star), 2, 3, key=0).draw(0, torch.arange(5), 0)
    assert found.missing[0].tolist() == [True] * 3
    data = build_pyg(cliques(size=2))
    data.edge_index, data.x = star, torch.randn(5, 6)
    result = ge.fit(ge.GraphSAGE(6, 4, 2, seed=0), data, **QUICK)
    assert all(torch.isfinite(torch.tensor(entry["loss"])) for entry in result.history)


@pytest.mark.parametrize("exclude", [True, False])
def test_edges_of_the_batch_are_left_out_of_its_neighbourhoods(exclude):
    view = ge.view(build_pyg(cliques()))
    model = ge.GraphSAGE(6, 4, 2, seed=0)
    every = {"_N": torch.arange(15)}
    loader = model.loader(view, every, batch_size=6, seed=0, fanouts=[-1, -1])
    trainer = _LinkTrainer(model, view, loader, WalkPairs(view, 2, 2, key=0), Plan(), 6, 1.0, exclude, 0.0)
    there = 0
    for batch, one, other, noise, _ in trainer.steps(0):
        pairs = {frozenset(pair) for pair in zip(batch.seeds[one].tolist(), batch.seeds[other].tolist(), strict=True)}
        assert noise.shape == (len(one), 2)
        for block in batch.blocks:
            ends = batch.nodes[block.indices].tolist(), batch.nodes[block.destinations()].tolist()
            there += sum(frozenset(edge) in pairs for edge in zip(*ends, strict=True))
    assert (there == 0) is exclude


@pytest.mark.parametrize("config", [{}, {"aggr": "pool", "dropout": 0.3}], ids=str)
def test_hosts_and_resumed_runs_train_alike(config, tmp_path, global_state_untouched):
    models = [ge.GraphSAGE(**{"in_channels": 6, "hidden_channels": 4, "num_layers": 2, **config, "seed": 0})]
    models += [ge.dgl.GraphSAGE(**{"in_channels": 6, "hidden_channels": 4, "num_layers": 2, **config, "seed": 0})]
    results = [
        ge.fit(model, graph, fanouts=[3, 2], **QUICK)
        for model, graph in zip(models, (build_pyg(cliques(order=2)), build_dgl(cliques())), strict=True)
    ]
    assert agree(*models)
    assert [e["loss"] for e in results[0].history] == [e["loss"] for e in results[1].history]
    assert torch.equal(
        ge.embed(models[0], build_pyg(cliques())).tensor, ge.embed(models[1], build_dgl(cliques())).tensor
    )
    if config:
        return

    def stop(entry):
        if entry["epoch"] == 2:
            raise KeyboardInterrupt

    again = ge.GraphSAGE(6, 4, 2, seed=0)
    with pytest.warns(UserWarning, match="interrupted"):
        ge.fit(again, build_pyg(cliques()), fanouts=[3, 2], checkpoint=tmp_path / "s", on_epoch=stop, **QUICK)
    resumed = ge.GraphSAGE(6, 4, 2, seed=0)
    ge.fit(resumed, build_pyg(cliques()), fanouts=[3, 2], checkpoint=tmp_path / "s", **QUICK)
    assert agree(models[0], resumed)


def test_learns_which_nodes_belong_together(build):
    graph, model = build(cliques()), ge.GraphSAGE(6, 8, 2, seed=0)
    result = ge.fit(model, graph, **QUICK | {"epochs": 40, "lr": 0.01})
    assert result.history[-1]["loss"] < result.history[0]["loss"] / 2
    assert result.history[0]["samples"] == 14  # the isolated node has no walk
    for unseen in (graph, build(cliques(size=9))):
        emb = ge.embed(model, unseen).tensor
        torch.testing.assert_close(emb.norm(dim=1), torch.ones(len(emb)))
        size = (len(emb) - 1) // 2
        close = emb[: 2 * size] @ emb[: 2 * size].t()
        own = torch.block_diag(torch.ones(size, size), torch.ones(size, size)) > 0
        assert float(close[own].mean()) > float(close[~own].mean()) + 0.3


def circles(order=None, size=6):
    """Two circles of authors and papers, all of a circle's authors joined to all of its papers; a paper without."""
    pairs = [(a + c * size, p + c * size) for c in (0, 1) for a in range(size) for p in range(size)]
    if order is not None:
        pairs = [pairs[k] for k in torch.randperm(len(pairs), generator=torch.Generator().manual_seed(order)).tolist()]
    authors, papers = (list(side) for side in zip(*pairs, strict=True))
    nodes = {"author": 2 * size, "paper": 2 * size + 1, "term": 3}
    edges = {
        ("author", "writes", "paper"): (authors, papers),
        ("paper", "by", "author"): (papers, authors),
        ("term", "in", "paper"): ([0, 1, 2], [0, 1, size]),
    }
    spec = Spec(nodes, edges)
    generator = torch.Generator().manual_seed(0)
    x = {name: torch.randn(count, 5, generator=generator) for name, count in nodes.items()}
    for name in ("author", "paper"):
        x[name][:size, 0] += 1
    spec.features = {name: {"x": rows.tolist()} for name, rows in x.items()}
    return spec


def test_pairs_of_a_typed_graph_are_of_target_types_and_noise_is_of_the_seconds_type():
    view = ge.view(build_pyg(circles()))
    assert view.node_types == ["author", "paper", "term"]
    authors, papers = range(12), range(12, 25)
    joined = {(a, p + 12) for a, p in zip(*view.edges["author", "writes", "paper"], strict=True)}
    joined = {(int(a), int(p)) for a, p in joined}
    for types, starts in ((("author", "paper"), [*authors, *papers]), (("author",), [*authors])):
        pairs = WalkPairs(view, 4, 3, key=0, types=types)
        assert pairs.starts.tolist() == starts
        kinds = set()
        for epoch in range(20):
            found = pairs.draw(epoch, pairs.starts, 0)
            assert found.first.tolist() == [node for node in starts if node != 24]  # paper 12 has no edges
            for first, second, row, missing in zip(*(part.tolist() for part in found), strict=True):
                assert (first % 12 < 6) == (second % 12 < 6)  # of one circle: walks cannot leave it
                kinds.add((first in authors, second in authors))
                for node, bad in zip(row, missing, strict=True):
                    assert (node in authors) == (second in authors)
                    assert node not in (24, 25, 26, 27)
                    near = node == first or (first, node) in joined or (node, first) in joined
                    assert near == bad
        assert len(kinds) == (4 if len(types) == 2 else 1)


@pytest.mark.parametrize("exclude", [True, False])
def test_edges_of_the_batch_are_left_out_of_typed_neighbourhoods(exclude):
    view = ge.view(build_pyg(circles()))
    model = ge.GraphSAGE.for_graph(view, 4, 2, seed=0)
    loader = model.loader(
        view, {name: torch.arange(3) for name in model.targets}, batch_size=6, seed=0, fanouts=[-1, -1]
    )
    pairs = WalkPairs(view, 2, 2, key=0, types=model.targets)
    trainer = _LinkTrainer(model, view, loader, pairs, Plan(), 6, 1.0, exclude, 0.0)
    there = 0
    for batch, one, other, _, _ in trainer.steps(0):
        seeds = torch.cat([batch.seeds[name] + view.offsets[name] for name in view.node_types if name in batch.seeds])
        assert torch.equal(seeds, seeds.unique())
        wanted = {frozenset(pair) for pair in zip(seeds[one].tolist(), seeds[other].tolist(), strict=True)}
        for block in batch.blocks:
            for (source, _, target), edges in block.items():
                ends = batch.nodes[source][edges.indices], batch.nodes[target][edges.destinations()]
                ends = (ends[0] + view.offsets[source]).tolist(), (ends[1] + view.offsets[target]).tolist()
                there += sum(frozenset(edge) in wanted for edge in zip(*ends, strict=True))
    assert (there == 0) is exclude


def test_typed_graphs_of_both_hosts_train_alike_and_learn_which_nodes_belong_together(global_state_untouched):
    models, losses = [], []
    for graph in (build_pyg(circles(order=3)), build_dgl(circles())):
        models.append(ge.GraphSAGE.for_graph(graph, 8, 2, seed=0))
        result = ge.fit(models[-1], graph, **QUICK | {"epochs": 40, "lr": 0.01})
        losses.append([entry["loss"] for entry in result.history])
        assert result.history[0]["samples"] == 24
    assert agree(*models)
    assert losses[0] == losses[1]
    assert losses[0][-1] < losses[0][0] * 0.8
    emb = ge.embed(models[0], build_pyg(circles()))
    torch.testing.assert_close(emb.tensor.norm(dim=1), torch.ones(25))
    close = emb["author"] @ emb["paper"][:12].t()
    own = torch.block_diag(torch.ones(6, 6), torch.ones(6, 6)) > 0
    assert float(close[own].mean()) > float(close[~own].mean()) + 0.3


def test_one_target_type_is_enough():
    data = build_pyg(circles())
    model = ge.GraphSAGE.for_graph(data, 8, 2, target="author", seed=0)
    assert ge.fit(model, data, walk_length=5, **QUICK).history[0]["samples"] == 12
    assert ge.embed(model, data).tensor.shape == (12, 8)
    y, masks = {"author": torch.arange(12) // 6}, {"train": {"author": torch.arange(12)}}
    assert "walk_length" not in ge.fit(model, data, y=y, masks=masks, epochs=1, progress=False).settings


def test_which_task_a_graph_means(build):
    labelled, bare = build(cliques(labels=True)), build(cliques())
    settings = {"epochs": 1, "progress": False}
    assert "test_loss" not in ge.fit(ge.GraphSAGE(6, 4, 2), bare, **settings).metrics
    assert "walk_length" in ge.fit(ge.GraphSAGE(6, 4, 2), bare, **settings).settings
    model = ge.GraphSAGE(6, 4, 2)
    assert "walk_length" not in ge.fit(model, labelled, **settings).settings
    assert not model.unit_norm
    assert "walk_length" in ge.fit(model, labelled, task="links", **settings).settings
    assert model.unit_norm
    y, masks = torch.zeros(15, dtype=torch.int64), {"train": torch.arange(3)}
    assert "walk_length" not in ge.fit(model, bare, y=y, masks=masks, **settings).settings
    with pytest.raises(InputError, match="task: got edges; expected one of 'nodes', 'links'"):
        ge.fit(model, bare, task="edges", **settings)
    with pytest.raises(InputError, match="task: got links; expected one of 'skip_gram'"):
        ge.fit(ge.DeepWalk(bare), task="links", **settings)
    with pytest.raises(InputError, match="y: got nothing"):
        ge.fit(model, bare, masks=masks, **settings)


def test_refuses_what_does_not_fit(build, camps):
    graph, model = build(cliques()), ge.GraphSAGE(6, 4, 2)
    for options, message in (
        ({"walk_length": 1}, "walk_length: got 1"),
        ({"negatives": 0}, "negatives: got 0"),
        ({"temperature": 0}, "temperature: got 0"),
        ({"fanouts": [3]}, r"fanouts: got \[3\]; expected 2 numbers, one for each layer"),
        ({"exclude_seed_edges": 1}, "exclude_seed_edges: got 1"),
        ({"weight_decay": -1}, "weight_decay"),
        ({"patience": 0}, "patience: got 0"),
        ({"shrink_window": True}, "shrink_window: got True; expected an option of GraphSAGE's training: walk_length"),
    ):
        with pytest.raises(InputError, match=message):
            ge.fit(model, graph, **QUICK, **options)
    spec = Spec.untyped(3, [])
    spec.features = {"_N": {"x": [[0.0] * 6] * 3}}
    with pytest.raises(InputError, match="graph: got no edges"):
        ge.fit(model, build(spec), **QUICK)
    with pytest.raises(InputError, match="graph: got None"):
        ge.fit(model, **QUICK, task="links")
    with pytest.raises(InputError, match="typed graph"):
        ge.fit(model, build(camps), **QUICK)


def test_lazy_input():
    model = ge.GraphSAGE(-1, 4, 2)
    ge.fit(model, build_pyg(cliques()), **QUICK)
    assert model.convs[0].lin_l.weight.shape == (4, 6)


def test_draws_leave_global_state_alone(global_state_untouched):
    WalkPairs(ge.view(build_pyg(cliques())), 3, 4, key=rng.key(1)).draw(0, torch.arange(15), 0)
