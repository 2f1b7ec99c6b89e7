"""How long walk models train, and how fast, where nobody says it: by the walks that a graph needs."""

from __future__ import annotations

import pytest
import torch

import graphembed_ext as ge

EVERYBODY = (1 - torch.eye(60)).nonzero().t()
RING = torch.stack([torch.arange(12), (torch.arange(12) + 1) % 12])
BOUGHT = torch.tensor([[0, 1, 2], [0, 1, 0]])
SHOP = {("user", "buys", "item"): BOUGHT, ("item", "bought_by", "user"): BOUGHT.flip(0)}


def trained(model, **options):
    return ge.fit(model, progress=False, seed=0, threads=1, **options)


@pytest.mark.parametrize(
    ("edges", "length", "epochs"),
    [
        (RING, 40, 20),  # 20 walks of 40 nodes
        (RING, 100, 20),  # never fewer
        (RING, 10, 80),  # as many nodes as 20 walks of 40 have
        (RING, 7, 115),  # 114 walks would have 798
        (EVERYBODY, 40, 74),  # 3,540 edges 50 times are 177,000 steps, 2,400 an epoch
        (EVERYBODY, 20, 100),  # 148 for the edges, but no more than 100 for their sake
    ],
)
def test_epochs_go_by_nodes_of_walks_and_by_edges(edges, length, epochs):
    result = trained(ge.DeepWalk(edges, emb_dim=4, walk_length=length, window_size=2, seed=0))
    assert len(result.history) == epochs
    assert result.settings["lr"] == 0.025


def test_short_walks_along_metapaths_train_longer_and_faster():
    model = ge.MetaPath2Vec(SHOP, ["buys", "bought_by"], window_size=2, emb_dim=4, seed=0)
    result = trained(model)
    assert len(result.history) == 267  # 801 nodes in walks of 3
    assert result.settings["lr"] == 0.05
    longer = ge.MetaPath2Vec(SHOP, ["buys", "bought_by"], window_size=2, emb_dim=4, walk_length=41, seed=0)
    assert len(trained(longer).history) == 20


def test_what_is_said_holds():
    result = trained(ge.MetaPath2Vec(SHOP, ["buys", "bought_by"], window_size=2, emb_dim=4, seed=0), epochs=3, lr=0.01)
    assert (len(result.history), result.settings["lr"]) == (3, 0.01)


def test_adam_needs_no_more():
    model = ge.MetaPath2Vec(SHOP, ["buys", "bought_by"], window_size=2, emb_dim=4, seed=0)
    result = trained(model, engine="torch")
    assert (len(result.history), result.settings["lr"]) == (20, 0.025)
