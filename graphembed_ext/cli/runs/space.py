"""Which settings a search tries: ``lr=0.001..0.1``, ``num_layers=1..3``, ``emb_dim=32,64,128``."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import InputError

__all__ = ["Setting", "spaces_of"]

_WALKS = ("lr=0.005..0.2", "walk_length=20,40,80", "window_size=2..10", "negative_size=2..10", "epochs=2..20")
#: What is tried where nobody names a setting.
_USUAL = {
    "deepwalk": _WALKS,
    "metapath2vec": ("lr=0.005..0.2", "negative_size=2..10", "epochs=2..20"),
    "graphsage": ("lr=0.001..0.1", "hidden_channels=32,64,128,256", "num_layers=1..3", "dropout=0.0..0.7"),
    "han": ("lr=0.001..0.05", "hidden_channels=8,16,32,64", "heads=2,4,8", "dropout=0.0..0.7"),
    "lightgcn": ("lr=0.0005..0.05", "embedding_dim=32,64,128", "num_layers=1..4", "reg=0.000001..0.01"),
}


@dataclass(frozen=True)
class Setting:
    """A setting and the values that are tried.

    Attributes:
        name: As ``--set`` takes it.
        values: The values to choose from; empty for a range.
        low, high: Ends of a range, which belong to it; whole numbers where both are.
    """

    name: str
    values: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0

    @classmethod
    def of(cls, text: str) -> Setting:
        """``NAME=LOW..HIGH`` or ``NAME=A,B,...``.

        Raises:
            InputError: Neither.

        Example:
            >>> Setting.of("lr=0.001..0.1").logarithmic, Setting.of("emb-dim=32,64").values
            (True, (32, 64))
        """
        name, equals, values = text.partition("=")
        name = name.strip().replace("-", "_")
        low, dots, high = values.partition("..")
        if not name or not equals or not values:
            raise InputError("search", text, "NAME=LOW..HIGH or NAME=VALUE,VALUE, such as lr=0.001..0.1")
        if not dots:
            found = tuple(_value(word.strip()) for word in values.split(","))
            return cls(name, found)
        ends = [_value(low), _value(high)]
        if not all(isinstance(end, (int, float)) for end in ends) or not ends[0] < ends[1]:
            raise InputError("search", text, "two numbers, the lower first, such as lr=0.001..0.1")
        return cls(name, (), ends[0], ends[1])

    @property
    def whole(self) -> bool:
        """Whether it is a range of whole numbers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def logarithmic(self) -> bool:
        """Whether a range is drawn from by its orders of magnitude: where it has one, and does not begin at 0."""
        return self.low > 0 and math.log10(self.high / self.low) >= 1

    def drawn(self, trial: Any) -> Any:
        """A value for an Optuna trial."""
        if self.values:
            return trial.suggest_categorical(self.name, list(self.values))
        if self.whole:
            return trial.suggest_int(self.name, int(self.low), int(self.high), log=self.logarithmic)
        return trial.suggest_float(self.name, self.low, self.high, log=self.logarithmic)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def spaces_of(model: str, texts: Sequence[str]) -> list[Setting]:
    """The settings that are named, or the usual ones of a model.

    Raises:
        InputError: A setting that is named twice, or none that is known.
    """
    found = [Setting.of(text) for text in texts or _USUAL.get(model, ())]
    if not found:
        raise InputError("search", "nothing", f"settings of {model} to try", "--search lr=0.001..0.1 names one")
    names = [setting.name for setting in found]
    if len(set(names)) < len(names):
        raise InputError("search", next(name for name in names if names.count(name) > 1), "each setting once")
    return found
