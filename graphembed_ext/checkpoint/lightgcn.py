"""Checkpoints of LightGCN: PyG's with a joint table, LightGCN-PyTorch's and RecBole's with a table for each side."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import ConversionError, InputError
from .layout import About, Layout, Parcel, State

__all__ = ["LAYOUTS"]

_KIND = ("recommender",)
_JOINT = "embedding.weight"
_LIGHTGCN = ("embedding_user.weight", "embedding_item.weight")
_RECBOLE = ("user_embedding.weight", "item_embedding.weight")


def _sides(about: About, layout: str, saving: bool) -> tuple[range, range]:
    """Which rows are users and which are items, after checking that the other network is the model's."""
    what = f"cannot {'be written from' if saving else 'load into'} {about.model}"
    if about.users is None or about.items is None:
        raise ConversionError(
            layout,
            what,
            "it keeps users and items apart, and the model does not know which of its rows are which",
            "make the model by LightGCN.for_graph, with num_users for an untyped graph",
        )
    alpha = about.alpha
    even = alpha is None or torch.equal(alpha.cpu(), torch.full_like(alpha.cpu(), 1 / len(alpha)))
    if not even or not about.normalized:
        which = "weighs its layers unevenly" if not even else "does not divide by the root of the degrees"
        raise ConversionError(
            layout,
            what,
            f"such a network takes the mean of all layers and divides by the root of the degrees; the model {which}",
            "layout='pyg.LightGCN' keeps alpha",
        )
    return about.users, about.items


def _joined(state: State, keys: tuple[str, str], about: About, layout: str, pad: int) -> State:
    users, items = _sides(about, layout, saving=False)
    parts = [state[key][pad:] for key in keys]
    for part, rows, side in zip(parts, (users, items), ("users", "items"), strict=True):
        if len(part) != len(rows):
            more = " besides the row for padding" if pad else ""
            raise InputError(
                keys[side == "items"],
                f"{len(part)} {side}{more}",
                f"{len(rows)}, as the model has",
                "the graph may have lost nodes without interactions: state their number",
            )
    order = parts if users.start < items.start else parts[::-1]
    found = {_JOINT: torch.cat(order)}
    return found if about.alpha is None else {"alpha": about.alpha.detach().cpu()} | found


def _split(state: State, keys: tuple[str, str], about: About, layout: str, pad: int) -> Parcel:
    sides = _sides(about, layout, saving=True)
    table = state[_JOINT]

    def part(rows: range) -> Tensor:
        chosen = table[rows.start : rows.stop]
        return torch.cat([chosen.new_zeros(pad, chosen.size(1)), chosen])

    return Parcel({key: part(rows) for key, rows in zip(keys, sides, strict=True)})


LAYOUTS = (
    Layout(
        "pyg.LightGCN",
        "torch_geometric.nn.LightGCN; rows of the joint table as they are",
        "recommender",
        lambda keys: set(keys) == {"alpha", _JOINT},
        _KIND,
        _KIND,
    ),
    Layout(
        "lightgcn-pytorch",
        "gusye1234/LightGCN-PyTorch",
        "recommender",
        lambda keys: set(keys) == set(_LIGHTGCN),
        _KIND,
        _KIND,
        lambda parcel, about: _joined(parcel.state, _LIGHTGCN, about, "lightgcn-pytorch", 0),
        lambda state, about: _split(state, _LIGHTGCN, about, "lightgcn-pytorch", 0),
    ),
    Layout(
        "recbole",
        "RecBole's LightGCN: a dict with the key state_dict; row 0 of either table is padding",
        "recommender",
        lambda keys: set(keys) == set(_RECBOLE),
        _KIND,
        _KIND,
        lambda parcel, about: _joined(parcel.state, _RECBOLE, about, "recbole", 1),
        lambda state, about: _split(state, _RECBOLE, about, "recbole", 1),
        nested="state_dict",
    ),
)
