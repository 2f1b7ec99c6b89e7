"""Figures with their spread over repetitions, and beside them those of what is trivial."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._core import checks
from ..errors import InputError

__all__ = ["Scores"]


class Scores(dict[str, float]):
    """Means over repetitions, by the name of the metric: a dict that knows more.

    Attributes:
        runs: The figures of each repetition.
        references: Figures of what every method must beat, by name; empty where nobody worked them out.

    Raises:
        InputError: No repetitions, or figures that are no numbers or not the same ones each time.

    Example:
        >>> found = Scores([{"auc": 0.9}, {"auc": 0.7}])
        >>> found, round(found.spread["auc"], 4)
        ({'auc': 0.8}, 0.1414)
    """

    def __init__(self, runs: Sequence[Mapping[str, float]]) -> None:
        runs = _checked(runs)
        super().__init__({name: float(np.mean([run[name] for run in runs])) for name in runs[0]})
        self.runs = [dict(run) for run in runs]
        self.references: dict[str, Scores] = {}

    @property
    def spread(self) -> dict[str, float]:
        """Standard deviation of each metric over the repetitions, with ``n - 1``; nothing for one repetition."""
        if len(self.runs) < 2:
            return {}
        return {name: float(np.std([run[name] for run in self.runs], ddof=1)) for name in self}


def _checked(runs: Any) -> list[Mapping[str, float]]:
    """Figures that are such, the same ones in each repetition."""
    expected = "a list of dicts of numbers, the same ones for each repetition"
    found = checks.several("runs", runs, expected)
    names = [list(map(str, checks.mapping("runs", run, expected))) for run in found]
    if not found or any(set(given) != set(names[0]) for given in names):
        raise InputError("runs", f"repetitions with {names}" if found else "none", expected)
    for run in found:
        for name, value in run.items():
            checks.instance(f"runs[{name!r}]", value, numbers.Real, "a number")
    return found
