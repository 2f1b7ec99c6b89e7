"""Classes, probabilities and vectors of some nodes; vectors of pairs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import graphembed_ext as ge
from graphembed_ext.errors import InputError


def papers():
    """Authors in two camps, told by their features; each paper joins two of a camp."""
    draws = torch.Generator().manual_seed(0)
    y = torch.arange(20) % 2
    pairs = torch.tensor([(a, b) for a in range(20) for b in range(a) if (a - b) % 2 == 0][::3])
    writes = torch.stack([pairs.reshape(-1), torch.arange(len(pairs)).repeat_interleave(2)])
    x = torch.nn.functional.one_hot(y, 2).float() + 0.3 * torch.randn(20, 2, generator=draws)
    counts = {"author": 20, "paper": len(pairs)}
    edges = {("author", "writes", "paper"): tuple(writes), ("paper", "by", "author"): tuple(writes.flip(0))}
    return ge.GraphView(counts, edges, {"author": {"x": x, "y": y}, "paper": {"x": torch.ones(len(pairs), 1)}})


def trained(kind):
    if kind == "han":
        graph = papers()
        model = ge.HAN.for_graph(
            graph,
            metapaths={"APA": [("author", "writes", "paper"), ("paper", "by", "author")]},
            target="author",
            out_channels=2,
            hidden_channels=4,
            heads=2,
            seed=0,
        )
        node_type = "author"
    else:
        view = papers()
        src, dst = torch.randint(20, (2, 40), generator=torch.Generator().manual_seed(1))
        graph = ge.GraphView({"_N": 20}, {("_N", "_E", "_N"): (src, dst)}, {"_N": view.features["author"]})
        model, node_type = ge.GraphSAGE(2, 4, num_layers=2, out_channels=2), "_N"
    y = papers().features["author"]["y"]
    ge.fit(model, graph, y={node_type: y}, masks={"train": {node_type: torch.arange(12)}}, epochs=30, progress=False)
    return model, graph, node_type


@pytest.mark.parametrize("kind", ["sage", "han"])
def test_both_models_predict_alike(kind):
    model, graph, node_type = trained(kind)
    model.train()
    chance = ge.predict_proba(model, graph)
    assert model.training
    with torch.no_grad():
        logits = model.eval().logits(model.inputs(graph))[node_type]
    for row, scores in zip(chance.tolist(), logits.double().tolist(), strict=True):
        whole = sum(np.exp(score) for score in scores)
        assert row == pytest.approx([np.exp(score) / whole for score in scores], rel=1e-4)
    assert ge.predict(model, graph).tolist() == [int(row[1] > row[0]) for row in chance.tolist()]
    assert torch.equal(ge.predict_proba(model, graph, [3, 1], node_type=node_type), chance[[3, 1]])
    assert torch.equal(ge.predict(model, graph, chance[:, 0] > 0.5), ge.predict(model, graph)[chance[:, 0] > 0.5])
    several = ge.predict(model, graph, several=True)
    assert torch.equal(several.bool(), ge.predict_proba(model, graph, several=True) > 0.5)


def test_what_classifies_nothing_is_refused():
    ring = torch.tensor([[0, 1, 2], [1, 2, 0]])
    with pytest.raises(InputError, match="model: got a DeepWalk; expected a model that classifies nodes"):
        ge.predict(ge.DeepWalk(ring, emb_dim=4), ring)
    model, graph, _ = trained("sage")
    with pytest.raises(InputError, match="node_type: got author"):
        ge.predict(model, graph, node_type="author")
    with pytest.raises(InputError, match="nodes: got ids from 0 to 20"):
        ge.predict(model, graph, [0, 20])


def test_vectors_of_some_nodes_in_their_order():
    model = ge.DeepWalk(torch.tensor([[0, 1, 2], [1, 2, 3]]), emb_dim=4)
    whole, some = ge.embed(model), ge.embed(model, nodes=[3, 0])
    assert torch.equal(some.tensor, whole.tensor[[3, 0]])
    assert some.names == {"_N": ["3", "0"]}
    edges = {("a", "to", "b"): torch.tensor([[0, 1], [1, 0]]), ("b", "of", "a"): torch.tensor([[0, 1], [1, 0]])}
    typed = ge.MetaPath2Vec(ge.view(edges), ["to", "of"], 2, emb_dim=4)
    found = ge.embed(typed, nodes={"b": [1], "a": torch.tensor([1, 0])})
    assert torch.equal(found["a"], ge.embed(typed)["a"][[1, 0]])
    assert torch.equal(found["b"], ge.embed(typed)["b"][[1]])
    with pytest.raises(InputError, match="node: got 4; expected an id from 0 to 3"):
        ge.embed(model, nodes=[4])


def test_vectors_of_pairs_entry_by_entry():
    vectors = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    pairs = torch.tensor([[0, 5, 2], [1, 3, 2]])
    by_hand = {
        "hadamard": lambda u, v: [a * b for a, b in zip(u, v, strict=True)],
        "mean": lambda u, v: [(a + b) / 2 for a, b in zip(u, v, strict=True)],
        "l1": lambda u, v: [abs(a - b) for a, b in zip(u, v, strict=True)],
        "l2": lambda u, v: [(a - b) ** 2 for a, b in zip(u, v, strict=True)],
        "concatenation": lambda u, v: [*u, *v],
    }
    for operator, entry in by_hand.items():
        expected = [entry(vectors[a].tolist(), vectors[b].tolist()) for a, b in pairs.t().tolist()]
        found = ge.edge_features(ge.Embeddings(vectors), pairs, operator)
        assert found.tolist() == [pytest.approx(row, rel=1e-6) for row in expected]
    with pytest.raises(InputError, match="operator: got had"):
        ge.edge_features(vectors, pairs, "had")
    with pytest.raises(InputError, match="pairs: got ids from 1 to 6"):
        ge.edge_features(vectors, pairs + 1)
