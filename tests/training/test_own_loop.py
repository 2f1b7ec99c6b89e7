"""ge.fit of PyG's walk models: the loop that PyG's users write, written here by hand."""

from __future__ import annotations

import copy

import pytest
import torch

import graphembed_ext as ge
from graphembed_ext._core import rng
from graphembed_ext.errors import InputError

EDGES = torch.tensor([[0, 1, 1, 2, 2, 3, 3, 0, 0, 2], [1, 0, 2, 1, 3, 2, 0, 3, 2, 0]])
PATH = [("a", "to", "b"), ("b", "to", "a")]
TYPED = {PATH[0]: EDGES, PATH[1]: EDGES.flip(0)}
QUICK = {"epochs": 3, "batch_size": 3, "lr": 0.1, "progress": False}


def make(kind, **options):
    if kind == "Node2Vec":
        return ge.pyg.Node2Vec(EDGES, 4, walk_length=4, context_size=3, seed=0, **options)
    return ge.pyg.MetaPath2Vec(TYPED, 4, PATH, walk_length=4, context_size=3, seed=0, **options)


@pytest.mark.parametrize("kind", ["Node2Vec", "MetaPath2Vec"])
@pytest.mark.parametrize("sparse", [True, False])
def test_fit_is_the_loop_of_pygs_example(kind, sparse):
    model = make(kind, sparse=sparse)
    twin = copy.deepcopy(model)
    result = ge.fit(model, seed=7, **QUICK)
    optimizer = (torch.optim.SparseAdam if sparse else torch.optim.Adam)(list(twin.parameters()), lr=0.1)
    for epoch in range(3):
        key = rng.key(7, "own loop", epoch)
        with twin.drawing_from(key):
            loader = twin.loader(batch_size=3, shuffle=True, generator=rng.generator(rng.key(key, "order")))
            losses = []
            for pos_rw, neg_rw in loader:
                optimizer.zero_grad()
                loss = twin.loss(pos_rw, neg_rw)
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
        assert result.history[epoch]["loss"] == pytest.approx(sum(losses) / len(losses))
    assert torch.equal(model.embedding.weight, twin.embedding.weight)
    assert result.samples == 3 * 4
    assert result.engine == "torch"
    assert result.walk_engine in ("dgl", "torch")


@pytest.mark.parametrize("kind", ["Node2Vec", "MetaPath2Vec"])
def test_fit_leaves_the_models_own_draws_where_they_were(kind):
    model = make(kind)
    twin = copy.deepcopy(model)
    ge.fit(model, **QUICK)
    assert all(torch.equal(*pair) for pair in zip(model.sample([0, 1]), twin.sample([0, 1]), strict=True))


def test_fit_takes_the_graph_that_the_model_was_built_on():
    for kind, graph in (("Node2Vec", EDGES), ("MetaPath2Vec", TYPED)):
        ge.fit(make(kind), graph, **QUICK)
        with pytest.raises(InputError, match=r"graph: got a Tensor; expected None: .* trains on the graph"):
            ge.fit(make(kind), EDGES.clone(), **QUICK)
        with pytest.raises(InputError, match=r"epoch: got 3.*did you mean 'epochs'"):
            ge.fit(make(kind), epoch=3)


def test_what_a_subclass_overrides_is_called():
    calls = []

    class Mine(ge.pyg.Node2Vec):
        def pos_sample(self, batch):
            calls.append("pos_sample")
            return super().pos_sample(batch)

        def neg_sample(self, batch):
            calls.append("neg_sample")
            return super().neg_sample(batch)

        def sample(self, batch):
            calls.append("sample")
            return super().sample(batch)

        def loss(self, pos_rw, neg_rw):
            calls.append("loss")
            return super().loss(pos_rw, neg_rw)

        def loader(self, **kwargs):
            calls.append("loader")
            return super().loader(**kwargs)

        def forward(self, batch=None):
            calls.append("forward")
            return 2 * super().forward(batch)

    model = Mine(EDGES, 4, walk_length=4, context_size=3, seed=0)
    ge.fit(model, **QUICK)
    assert set(calls) == {"pos_sample", "neg_sample", "sample", "loss", "loader"}
    assert torch.equal(ge.embed(model).tensor, 2 * model.embedding.weight)
