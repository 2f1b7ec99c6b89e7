"""Checkpoints with one table: PyG's Node2Vec and MetaPath2Vec, and word2vec's files."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import ConversionError, InputError
from .layout import About, Layout, Parcel, State

__all__ = ["LAYOUTS"]

_KEY = "embedding.weight"
_PAIR, _TABLE, _SPARE = "two tables", "table", "table with a spare row"


def _from_words(parcel: Parcel, about: About) -> State:
    """The vectors in the order of the model's rows; they may stand in any order in the file."""
    vectors = parcel.state["vectors"]
    wanted = about.names or []
    place = {name: row for row, name in enumerate(parcel.names or [])}
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
    rows = vectors[torch.tensor([place[name] for name in wanted])].to(about.dtype)
    if about.kind == _SPARE:
        rows = torch.cat([rows, about.current[_KEY][-1:].detach().cpu()])
    return {_KEY: rows}


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
