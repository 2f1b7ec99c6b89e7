"""Checkpoints of HAN: PyG's layer and example, DGL's example and its layer."""

from __future__ import annotations

import re
from collections.abc import Collection

from .layout import Layout, Parcel, State

__all__ = ["LAYOUTS"]

_PYG_KEY = re.compile(r"q|k_lin\.(weight|bias)|proj\..+|lin_(src|dst)\..+")
_DGL_KEY = re.compile(
    r"gat_layers\.\d+\.(fc(_src|_dst)?\.weight|attn_[lr]|bias)|semantic_attention\.project\.[02]\.\w+"
)
#: PyG's examples call the layer ``han_conv`` and the classifier ``lin``.
_PARTS = {"han_conv.": "layers.0.", "lin.": "predict."}


def _within(key: str, parts: dict[str, str]) -> str:
    for theirs, ours in parts.items():
        if key.startswith(theirs):
            return ours + key.removeprefix(theirs)
    return key


def _moved(state: State, parts: dict[str, str]) -> State:
    return {_within(key, parts): value for key, value in state.items()}


def _is_layer(keys: Collection[str], pattern: re.Pattern[str], needed: str) -> bool:
    return any(key.startswith(needed) for key in keys) and all(map(pattern.fullmatch, keys))


def _is_pyg_model(keys: Collection[str]) -> bool:
    inner = [key.removeprefix("han_conv.") for key in keys if key.startswith("han_conv.")]
    rest = {key for key in keys if not key.startswith("han_conv.")}
    return rest == {"lin.weight", "lin.bias"} and _is_layer(inner, _PYG_KEY, "k_lin")


def _is_dgl_model(keys: Collection[str]) -> bool:
    inner = [re.sub(r"^layers\.\d+\.", "", key) for key in keys if key.startswith("layers.")]
    rest = {key for key in keys if not key.startswith("layers.")}
    return rest == {"predict.weight", "predict.bias"} and _is_layer(inner, _DGL_KEY, "gat_layers")


_BACK = {ours: theirs for theirs, ours in _PARTS.items()}

LAYOUTS = (
    Layout(
        "pyg.HANConv",
        "torch_geometric.nn.HANConv",
        "han layer",
        lambda keys: _is_layer(keys, _PYG_KEY, "k_lin"),
        ("han layer",),
        ("han layer",),
    ),
    Layout(
        "pyg.HAN",
        "HAN of PyG's examples: a HANConv called han_conv and a linear layer lin",
        "han model",
        _is_pyg_model,
        ("han model",),
        ("han model",),
        lambda parcel, about: _moved(parcel.state, _PARTS),
        lambda state, about: Parcel(_moved(state, _BACK)),
    ),
    Layout(
        "dgl.HANLayer",
        "HANLayer of DGL's HAN example",
        "dgl han layer",
        lambda keys: _is_layer(keys, _DGL_KEY, "gat_layers"),
        ("dgl han layer",),
        ("dgl han layer",),
    ),
    Layout("dgl.HAN", "HAN of DGL's example", "dgl han model", _is_dgl_model, ("dgl han model",), ("dgl han model",)),
)
