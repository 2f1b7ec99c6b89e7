"""DeepWalk on Cora through both hosts, edges stored in another order."""

from __future__ import annotations

import pytest
import torch
from torch_geometric.data import Data

import graphembed_ext as ge
from tests.graphs import agree


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("engine", ["dgl", "torch"])
def test_cora_through_both_hosts(cora, engine):
    order = torch.randperm(cora.num_edges, generator=torch.Generator().manual_seed(0))
    reordered = Data(edge_index=cora.edge_index[:, order], num_nodes=cora.num_nodes)
    graphs = [ge.to_host(cora, "dgl"), reordered, cora.edge_index.flip(1)]
    models = [ge.DeepWalk(graph, engine=engine, num_nodes=None, seed=0) for graph in graphs]
    walks = [model.sample(torch.arange(cora.num_nodes)) for model in models]
    histories = [ge.fit(model, epochs=2, progress=False).history for model in models]
    for i in (1, 2):
        assert torch.equal(walks[i], walks[0])
        assert [entry["loss"] for entry in histories[i]] == [entry["loss"] for entry in histories[0]]
        assert agree(models[i], models[0])
    assert ge.parity.report("deepwalk", *graphs[:2], engine=engine).ok


def test_cora_embeddings_are_useful(cora):
    model = ge.DeepWalk(cora, seed=0)
    ge.fit(model, progress=False)
    scores = ge.evaluate.node_classification(ge.embed(model), cora.y, repeats=3)
    assert scores["accuracy"] > 0.75  # OpenNE reports .713 for DeepWalk at half of the nodes
    edges = cora.edge_index[:, ::7]
    noise = torch.randint(cora.num_nodes, edges.shape, generator=torch.Generator().manual_seed(0))
    assert ge.evaluate.link_prediction(ge.embed(model), edges, noise)["auc"] > 0.9


def test_a_grown_model_keeps_its_quality_on_cora(cora):
    """A tenth of the papers comes later: the others stay as good, and the new ones get as good."""
    order = torch.randperm(cora.num_nodes, generator=torch.Generator().manual_seed(0))
    edges, y, first = order.argsort()[cora.edge_index], cora.y[order], 2437
    model = ge.DeepWalk(Data(edge_index=edges[:, (edges < first).all(0)], num_nodes=first), seed=0)
    ge.fit(model, epochs=40, deterministic=True, progress=False)

    def accuracy(emb, judged):
        """Of a regression that learns from every second old paper."""
        masks = {"train": torch.arange(0, first, 2), "test": judged}
        return ge.evaluate.node_classification(emb.tensor, y[: len(emb)], masks=masks)["accuracy"]

    old, new = torch.arange(1, first, 2), torch.arange(first, cora.num_nodes)
    before = accuracy(ge.embed(model), old)
    grown = ge.grow(model, Data(edge_index=edges, num_nodes=cora.num_nodes))
    bare = accuracy(ge.embed(grown), new)
    ge.fit(grown, epochs=10, deterministic=True, progress=False)
    anew = ge.DeepWalk(Data(edge_index=edges, num_nodes=cora.num_nodes), seed=0)
    ge.fit(anew, epochs=40, deterministic=True, progress=False)
    found = {name: accuracy(ge.embed(m), nodes) for name, m, nodes in
             (("old", grown, old), ("new", grown, new), ("new, trained anew", anew, new))}  # fmt: skip
    print(f"old papers {before:.3f} -> {found['old']:.3f}; new ones {bare:.3f} -> {found['new']:.3f}, "
          f"trained anew {found['new, trained anew']:.3f}")  # fmt: skip
    assert found["old"] > before - 0.02
    assert found["new"] > found["new, trained anew"] - 0.05
