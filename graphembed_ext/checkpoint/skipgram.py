"""Checkpoints with two tables: DGL's DeepWalk and MetaPath2Vec, OpenHGNN's skip-gram."""

from __future__ import annotations

from .layout import Layout, Parcel, renamed

__all__ = ["LAYOUTS"]

_OURS = {"node_embed.weight", "context_embed.weight"}
_OPENHGNN = {"u_embeddings.weight": "node_embed.weight", "v_embeddings.weight": "context_embed.weight"}
_BACK = {ours: theirs for theirs, ours in _OPENHGNN.items()}
_KIND = ("two tables",)

LAYOUTS = (
    Layout("dgl.DeepWalk", "dgl.nn.DeepWalk", "two tables", lambda keys: set(keys) == _OURS, _KIND, _KIND),
    Layout(
        "dgl.MetaPath2Vec",
        "dgl.nn.MetaPath2Vec; rows of all node types, in alphabetical order",
        "two tables",
        lambda keys: set(keys) == _OURS,
        _KIND,
        _KIND,
    ),
    Layout(
        "openhgnn",
        "SkipGram of OpenHGNN, and of DGL's metapath2vec and ogb-deepwalk examples",
        "two tables",
        lambda keys: set(keys) == set(_OPENHGNN),
        _KIND,
        _KIND,
        lambda parcel, about: renamed(parcel.state, _OPENHGNN),
        lambda state, about: Parcel(renamed(state, _BACK)),
    ),
)
