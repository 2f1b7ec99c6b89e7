"""Misspelt names are met with what was meant, wherever a user writes one."""

from __future__ import annotations

import pytest
import torch
from torch_geometric.nn import GATConv

import graphembed_ext as ge
from graphembed_ext.errors import ArgumentError, InputError

EDGES = torch.tensor([[0, 1, 2, 0], [1, 2, 0, 2]])
PATH = [("a", "to", "b"), ("b", "to", "a")]
TYPED = {PATH[0]: EDGES, PATH[1]: EDGES.flip(0)}

CALLS = {
    "DeepWalk": (lambda: ge.DeepWalk(EDGES, emb_dims=4), "emb_dims", "emb_dim"),
    "MetaPath2Vec": (lambda: ge.MetaPath2Vec(TYPED, PATH, windowsize=1), "windowsize", "window_size"),
    "Node2Vec": (lambda: ge.pyg.Node2Vec(EDGES, 4, 4, contextsize=2), "contextsize", "context_size"),
    "pyg.MetaPath2Vec": (lambda: ge.pyg.MetaPath2Vec(TYPED, 4, PATH, 4, 2, sparce=True), "sparce", "sparse"),
    "LightGCN": (lambda: ge.LightGCN(4, 2, 1, normalise=True), "normalise", "normalize"),
    "LightGCN.for_graph": (lambda: ge.LightGCN.for_graph(EDGES, num_user=2), "num_user", "num_users"),
    "GraphSAGE": (lambda: ge.GraphSAGE(3, 4, 2, root_weights=True), "root_weights", "root_weight"),
    "GraphSAGE.for_graph": (lambda: ge.GraphSAGE.for_graph(EDGES, out_chanels=3), "out_chanels", "out_channels"),
    "HAN.for_graph": (lambda: ge.HAN.for_graph(EDGES, metapath={}), "metapath", "metapaths"),
    "create": (lambda: ge.create("deepwalk", EDGES, emb_dims=4), "emb_dims", "emb_dim"),
    "fit": (lambda: ge.fit(ge.DeepWalk(EDGES, 4, walk_length=6), epoch=3), "epoch", "epochs"),
    "fit's option": (lambda: ge.fit(ge.DeepWalk(EDGES, 4, walk_length=6), thread=3), "thread", "threads"),
    "recommend": (lambda: ge.LightGCN(4, 2, 1).recommend(EDGES, excludes=True), "excludes", "exclude"),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_misspelt_argument_says_what_was_meant(name):
    call, wrong, meant = CALLS[name]
    with pytest.raises(ArgumentError, match=rf"^{wrong}: got .*Hint: did you mean '{meant}'\.$") as caught:
        call()
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, ValueError)


def test_a_misspelt_model_says_what_was_meant():
    with pytest.raises(InputError, match="did you mean 'deepwalk'"):
        ge.create("deepwlk", EDGES)


def test_arguments_of_a_users_own_layers_pass():
    class Attending(ge.GraphSAGE):
        def init_conv(self, in_channels, out_channels, **kwargs):
            return GATConv(in_channels, out_channels, concat=False, **kwargs)

    assert Attending(3, 4, 2, heads=2).convs[0].heads == 2
    with pytest.raises(TypeError, match="head"):
        Attending(3, 4, 2, head=2)
