"""Training and what follows it, on another device than the CPU: the same as on the CPU, up to rounding."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import graphembed_ext as ge
from tests.graphs import build_pyg, labelled_rings

RING = torch.stack([torch.arange(12), (torch.arange(12) + 1) % 12])
SHOP = {("user", "buys", "item"): torch.tensor([[0, 0, 1, 1, 2, 2, 3, 3], [0, 1, 1, 2, 2, 3, 3, 4]])}
STEPS = {
    ("a", "to", "b"): torch.tensor([[0, 1, 2, 3, 3], [0, 0, 1, 1, 2]]),
    ("b", "of", "a"): torch.tensor([[0, 0, 1, 1, 2], [0, 1, 2, 3, 3]]),
}


def deepwalk(sparse=False, **options):
    model = ge.DeepWalk(RING, emb_dim=8, walk_length=8, sparse=sparse, seed=0)
    return model, None, {"engine": "torch", "deterministic": True, **options}


def metapath2vec(sparse=False, **options):
    model = ge.MetaPath2Vec(STEPS, ["to", "of"], emb_dim=8, walk_length=9, window_size=2, sparse=sparse, seed=0)
    return model, None, {"engine": "torch", "deterministic": True, **options}


def node2vec(**options):
    return ge.pyg.Node2Vec(RING, 8, 8, 4, seed=0), None, options


def sage(**options):
    model = ge.GraphSAGE(3, 8, 2, out_channels=2, dropout=0.0, seed=0)
    return model, build_pyg(labelled_rings()), options


def han(**options):
    graph = build_pyg(labelled_rings())
    return ge.HAN.for_graph(graph, hidden_channels=4, heads=2, out_channels=2, dropout=0.0, seed=0), graph, options


def links(**options):
    return ge.GraphSAGE(3, 8, 2, dropout=0.0, seed=0), build_pyg(labelled_rings()), {"task": "links", **options}


class Doubled(ge.GraphSAGE):
    """A user's own, whose forward is called with batches, too."""

    def forward(self, x, edge_index):
        return 2 * super().forward(x, edge_index)


def own_sage(**options):
    return Doubled(3, 8, 2, out_channels=2, dropout=0.0, seed=0), build_pyg(labelled_rings()), options


def lightgcn(**options):
    return ge.LightGCN.for_graph(SHOP, 8, seed=0), None, options


TASKS = {
    "DeepWalk": deepwalk,
    "DeepWalk, sparse": lambda: deepwalk(sparse=True),
    "DeepWalk, DGL's loss": lambda: deepwalk(loss="dgl"),
    "MetaPath2Vec": metapath2vec,
    "MetaPath2Vec, sparse": lambda: metapath2vec(sparse=True),
    "Node2Vec of PyG": node2vec,
    "GraphSAGE": sage,
    "GraphSAGE, batches": lambda: sage(batch_size=4),
    "GraphSAGE, a forward of one's own": own_sage,
    "GraphSAGE, a forward of one's own, batches": lambda: own_sage(batch_size=4),
    "HAN": han,
    "HAN, batches": lambda: han(batch_size=4),
    "links": links,
    "links, batches": lambda: links(batch_size=8),
    "LightGCN, softmax": lightgcn,
    "LightGCN, triplets": lambda: lightgcn(loss="pyg", batch_size=4),
}


#: Whose gradients are sparse tensors, which the make-believe device has none of.
SPARSE = "DeepWalk, sparse", "MetaPath2Vec, sparse"


def trained(task, **options):
    model, graph, own = TASKS[task]()
    return model, graph, ge.fit(model, graph, epochs=4, progress=False, **own, **options)


@pytest.mark.parametrize("task", TASKS)
def test_a_task_is_trained_as_on_the_cpu(task, device):
    if task in SPARSE and not torch.cuda.is_available():
        pytest.skip("no GPU here, and the make-believe device has no sparse tensors")
    ours, graph, result = trained(task, device=device)
    theirs, _, wanted = trained(task)
    assert {parameter.device for parameter in ours.parameters()} == {device}
    for got, expected in zip(result.history, wanted.history, strict=True):
        assert got["loss"] == pytest.approx(expected["loss"], rel=1e-4)
    found, expected = ge.embed(ours, graph), ge.embed(theirs, graph)
    assert found.names == expected.names
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-3, atol=1e-4)
