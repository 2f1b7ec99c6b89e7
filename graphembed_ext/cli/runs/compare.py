"""Several runs side by side: what ``graphembed compare`` does."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...embeddings.vectors import Embeddings
from ...errors import InputError
from ...evaluate.scores import Scores
from ...evaluate.similarity import neighbourhood_overlap, procrustes
from .records import Run

__all__ = ["Compared", "Pair", "compare"]

#: Numbers of neighbours of which the overlap is drawn.
_NUMBERS = (1, 2, 5, 10, 20, 50, 100)
#: What records have of a job that is no setting.
_NO_SETTINGS = {"output", "command", "checkpoint", "tensorboard", "weights", "evaluate", "keep_checkpoints", "root"}


@dataclass(frozen=True)
class Pair:
    """How alike two embeddings are.

    Attributes:
        overlap: The part of the nearest neighbours that they share, by their number.
        procrustes: How well one becomes the other by turning and scaling.
        nodes: How many nodes both have.
    """

    overlap: dict[int, float]
    procrustes: float
    nodes: int


@dataclass
class Compared:
    """Several runs side by side.

    Attributes:
        names: A short name for each.
        settings: The settings in which they differ, a value for each run; None where a run has none.
        metrics: Figures, a value for each run; None where a run has none.
        pairs: How alike two of them are, by their places.
        seeds: Mean and standard deviation of each figure, where they differ in the seed alone.
    """

    names: list[str]
    settings: dict[str, list[Any]] = field(default_factory=dict)
    metrics: dict[str, list[float | None]] = field(default_factory=dict)
    pairs: dict[tuple[int, int], Pair] = field(default_factory=dict)
    seeds: Scores | None = None


def compare(paths: Sequence[Path], k: int = 10, seed: int = 0) -> Compared:
    """Compare runs by their records and by their embeddings.

    Args:
        paths: Files of embeddings, or the records beside them; two at least.
        k: Neighbours of which the overlap is told.
        seed: Fixes which nodes are compared where there are many.

    Raises:
        InputError: Fewer than two, or two embeddings without a node in common.
    """
    if len(paths) < 2:
        raise InputError("embeddings", f"{len(paths)} file", "two files of embeddings at least")
    paths = [path.with_suffix("") if path.suffix == ".json" else path for path in paths]
    twice = next((path for number, path in enumerate(paths) if path in paths[:number]), None)
    if twice is not None:
        raise InputError("embeddings", f"{twice} twice", "different files")
    found = Compared(_short(paths))
    runs = [Run.found(path) for path in paths]
    _side_by_side(found, [{} if run is None else run.record for run in runs])
    embeddings = [Embeddings.load(path) for path in paths]
    for first, second in combinations(range(len(paths)), 2):
        sides = _common(embeddings[first], embeddings[second])
        if len(sides[0]) < 2:
            raise InputError("embeddings", f"{paths[first]} and {paths[second]}", "embeddings of the same nodes")
        found.pairs[first, second] = _alike(*sides, k, seed)
    return found


def _side_by_side(found: Compared, records: Sequence[Mapping[str, Any]]) -> None:
    """Put in what the records have."""
    found.settings = _differing([_settings(record) for record in records])
    figures = [_figures(record) for record in records]
    found.metrics = {name: [run.get(name) for run in figures] for name in _names(figures)}
    common = [name for name, row in found.metrics.items() if None not in row]
    if set(found.settings) <= {"seed"} and common:
        found.seeds = Scores([{name: run[name] for name in common} for run in figures])


def _alike(first: Tensor, second: Tensor, k: int, seed: int) -> Pair:
    numbers = [number for number in sorted({*_NUMBERS, k}) if number < len(first) or number == k]
    overlap = neighbourhood_overlap(first, second, numbers, seed=seed)
    assert isinstance(overlap, list)
    return Pair(dict(zip(numbers, overlap, strict=True)), procrustes(first, second), len(first))


def _short(paths: Sequence[Path]) -> list[str]:
    """Names of the files, with their folders where these alone tell them apart."""
    names = [path.stem for path in paths]
    return names if len(set(names)) == len(names) else [str(path) for path in paths]


def _settings(record: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that was settled, by name."""
    job = {name: value for name, value in record.get("job", {}).items() if name not in {*_NO_SETTINGS, "set"}}
    kept: dict[str, Any] = {"model": record.get("model")}
    for part in (job, record.get("config", {}), record.get("training", {})):
        kept |= {name: value for name, value in part.items() if not isinstance(value, dict)}
    return kept | {"engine": record.get("engine"), "walk_engine": record.get("walk_engine")}


def _differing(settings: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    rows = {name: [run.get(name) for run in settings] for name in _names(settings)}
    return {name: row for name, row in rows.items() if len({json.dumps(value, default=str) for value in row}) > 1}


def _names(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """All names that any run has, in order of first appearance."""
    return list(dict.fromkeys(name for run in runs for name in run))


def _figures(record: Mapping[str, Any]) -> dict[str, float]:
    """What a record has of results: the last loss, what was validated at the best epoch, metrics, seconds."""
    history = record.get("history") or []
    found: dict[str, float] = {}
    if history:
        kept = next((entry for entry in history if entry["epoch"] == record.get("best_epoch")), history[-1])
        found = {name: value for name, value in kept.items() if name == "loss" or name.startswith("val_")}
        found["epochs"] = len(history)
    found |= _metrics(record.get("metrics") or {})
    return found | ({"seconds": record["seconds"]} if "seconds" in record else {})


def _metrics(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Metrics by name, those of a node type with its name behind."""
    found: dict[str, float] = {}
    for name, value in metrics.items():
        of_kind = "" if name == "_N" else f" ({name})"
        found |= (
            {f"{metric}{of_kind}": figure for metric, figure in value.items()}
            if hasattr(value, "items")
            else {name: value}
        )
    return found


def _common(first: Embeddings, second: Embeddings) -> tuple[Tensor, Tensor]:
    """Vectors of the nodes that both have, by type and name, or by id where neither has names."""
    sides: tuple[list[Tensor], list[Tensor]] = ([], [])
    for kind in first:
        if kind not in second:
            continue
        places = {name: node for node, name in enumerate(second.labels_of(kind))}
        both = [(node, places[name]) for node, name in enumerate(first.labels_of(kind)) if name in places]
        rows = torch.tensor(both, dtype=torch.int64).reshape(-1, 2)
        sides[0].append(first[kind][rows[:, 0]])
        sides[1].append(second[kind][rows[:, 1]])
    if not sides[0]:
        return torch.empty(0, 1), torch.empty(0, 1)
    return torch.cat(sides[0]), torch.cat(sides[1])
