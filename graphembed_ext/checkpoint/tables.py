"""Checkpoints of walk models: two tables as DGL and OpenHGNN have them, one as PyG has it, and word2vec's files."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ..errors import ConversionError, InputError
from .layout import About, Layout, Parcel, State, renamed

__all__ = ["LAYOUTS"]

_KEY = "embedding.weight"
_PAIR, _TABLE, _SPARE = "two tables", "table", "table with a spare row"
_OURS = {"node_embed.weight", "context_embed.weight"}
_OPENHGNN = {"u_embeddings.weight": "node_embed.weight", "v_embeddings.weight": "context_embed.weight"}
_BACK = {ours: theirs for theirs, ours in _OPENHGNN.items()}


def _from_words(parcel: Parcel, about: About) -> State:
    """The vectors in the order of the model's rows; they may stand in any order in the file."""
    place = {name: row for row, name in enumerate(parcel.names or [])}
    wanted = about.names or []
    _check_words(place, wanted)
    rows = parcel.state["vectors"][torch.tensor([place[name] for name in wanted])].to(about.dtype)
    if about.kind == _SPARE:
        rows = torch.cat([rows, about.current[_KEY][-1:].detach().cpu()])
    return {_KEY: rows}


def _check_words(place: Mapping[str, int], wanted: list[str]) -> None:
    """Raise where the words of a file are not the names of the model's nodes."""
    missing = [name for name in wanted if name not in place]
    if missing or len(place) != len(wanted):
        extra = next(iter(place.keys() - set(wanted)), None)
        got = f"no vector for {missing[0]!r}" if missing else f"a vector for {extra!r}"
        raise InputError(
            "names",
            f"{len(place)} names in the file, {got}",
            f"the {len(wanted)} names of the model's nodes, such as {wanted[0]!r}",
            "names= says how the nodes are called in the file",
        )


def _to_words(state: State, about: About) -> Parcel:
    table = state["node_embed.weight" if about.kind == _PAIR else _KEY]
    return Parcel({"vectors": table[:-1] if about.kind == _SPARE else table}, about.names)


def _to_binary(state: State, about: About) -> Parcel:
    parcel = _to_words(state, about)
    vectors: Tensor = parcel.state["vectors"]
    if vectors.dtype == torch.float64:
        raise ConversionError(
            "word2vec-binary",
            f"cannot be written from {about.model}",
            "the format has 32 bits for a number, and the model 64",
            "layout='word2vec', the text format, has digits enough",
        )
    return parcel


_LOADS, _SAVES = (_TABLE, _SPARE), (_TABLE, _SPARE, _PAIR)

LAYOUTS = (
    Layout("dgl.DeepWalk", "dgl.nn.DeepWalk", _PAIR, lambda keys: set(keys) == _OURS, (_PAIR,), (_PAIR,)),
    Layout(
        "dgl.MetaPath2Vec",
        "dgl.nn.MetaPath2Vec; rows of all node types, in alphabetical order",
        _PAIR,
        lambda keys: set(keys) == _OURS,
        (_PAIR,),
        (_PAIR,),
    ),
    Layout(
        "openhgnn",
        "SkipGram of OpenHGNN, and of DGL's metapath2vec and ogb-deepwalk examples",
        _PAIR,
        lambda keys: set(keys) == set(_OPENHGNN),
        (_PAIR,),
        (_PAIR,),
        lambda parcel, about: renamed(parcel.state, _OPENHGNN),
        lambda state, about: Parcel(renamed(state, _BACK)),
    ),
    Layout(
        "pyg.Node2Vec", "torch_geometric.nn.Node2Vec", _TABLE, lambda keys: set(keys) == {_KEY}, (_TABLE,), (_TABLE,)
    ),
    Layout(
        "pyg.MetaPath2Vec",
        "torch_geometric.nn.MetaPath2Vec; rows of the metapath's types, and a last one that is no node",
        _SPARE,
        lambda keys: set(keys) == {_KEY},
        (_SPARE,),
        (_SPARE,),
    ),
    Layout(
        "word2vec",
        "word2vec's text format, as gensim, DGL's and PecanPy's examples write it; of two tables that of the nodes",
        _TABLE,
        lambda keys: set(keys) == {"vectors"},
        _LOADS,
        _SAVES,
        _from_words,
        _to_words,
    ),
    Layout(
        "word2vec-binary",
        "word2vec's binary format, 32-bit numbers",
        _TABLE,
        lambda keys: set(keys) == {"vectors"},
        _LOADS,
        _SAVES,
        _from_words,
        _to_binary,
    ),
)
