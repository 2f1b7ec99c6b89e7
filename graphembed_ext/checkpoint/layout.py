"""What a layout of a checkpoint is: which keys it has, and how they become a model's own, and back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

__all__ = ["About", "Layout", "Parcel", "State", "renamed"]

State = dict[str, Tensor]


@dataclass(frozen=True)
class Parcel:
    """What a file holds.

    Attributes:
        state: Tensors by name.
        names: Names of the rows, where the format has any (word2vec).
    """

    state: State
    names: list[str] | None = None

    def __contains__(self, key: str) -> bool:
        return key in self.state


@dataclass(frozen=True)
class About:
    """What a conversion must know of a model beside its weights.

    Attributes:
        kind: What its weights are, one of :data:`graphembed_ext.checkpoint.kinds.KINDS`.
        model: Name of its class.
        dtype: Type of its weights.
        users, items: Rows of a recommender's table that are users, and items, where that is known.
        alpha: A recommender's weight of each layer, where it is known.
        normalized: Whether a recommender divides by the root of the degrees, as all peers do.
        aggregator: How GraphSAGE layers aggregate, in DGL's words; empty where DGL has no such layer.
        names: Names of the rows.
        current: The present weights, for rows that a file does not have.
    """

    kind: str
    model: str
    dtype: torch.dtype = torch.float32
    users: range | None = None
    items: range | None = None
    alpha: Tensor | None = None
    normalized: bool = True
    aggregator: str = ""
    names: list[str] | None = None
    current: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Layout:
    """A layout of checkpoints: functions on dicts of tensors, which know no file and no model.

    Attributes:
        name: How users call it.
        origin: Whose it is, one line.
        kind: What its tensors are.
        recognises: Whether the keys of a file are those of this layout.
        loads: Kinds of models that it loads into.
        saves: Kinds of models that can be saved as it.
        to_ours: A model's state_dict out of a file's content.
        from_ours: A file's content out of a model's state_dict.
        nested: Key under which files of this layout hold the state_dict; empty for none.

    Example:
        >>> import torch, graphembed_ext as ge
        >>> layout = ge.checkpoint.LAYOUTS["pyg.Node2Vec"]
        >>> layout.recognises(["embedding.weight"]), layout.kind
        (True, 'table')
        >>> about = About("table", "Node2Vec")
        >>> sorted(layout.from_ours({"embedding.weight": torch.eye(2)}, about).state)
        ['embedding.weight']
        >>> sorted(layout.to_ours(Parcel({"embedding.weight": torch.eye(2)}), about))
        ['embedding.weight']
    """

    name: str
    origin: str
    kind: str
    recognises: Callable[[Collection[str]], bool]
    loads: tuple[str, ...]
    saves: tuple[str, ...]
    to_ours: Callable[[Parcel, About], State] = lambda parcel, about: dict(parcel.state)
    from_ours: Callable[[State, About], Parcel] = lambda state, about: Parcel(dict(state))
    nested: str = ""


def renamed(state: Mapping[str, Tensor], names: Mapping[str, str]) -> State:
    """The tensors under other names; those without one keep theirs."""
    return {names.get(key, key): value for key, value in state.items()}
