"""The loop around every training: epochs, progress, early stopping, checkpoints, Ctrl-C.

A trainer knows how to do one epoch of its task; :func:`run` does the rest, the same for every model.
"""

from __future__ import annotations

import copy
import math
import time
import warnings
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from torch import nn
from tqdm.auto import tqdm

from .._core import memory
from ..distributed.group import ALONE, Group
from .fingerprint import settings_of
from .optimizers import Own
from .result import FitResult
from .states import State

__all__ = ["TAKING", "USUAL", "Bar", "Early", "Plan", "Taken", "Trainer", "run"]


@dataclass(frozen=True)
class Plan:
    """What every training is told, checked by :func:`graphembed_ext.fit`; None stands for the trainer's usual value.

    Attributes:
        epochs: Passes over the data.
        lr: Learning rate.
        batch_size: Examples in a batch.
        seed: Fixes order and draws.
        progress: Whether to show a progress bar.
        checkpoint: File to keep the state in.
        on_epoch: Called with each entry of the history; training ends where it returns True.
        force: Whether the state of another training may be resumed.
        group: The processes that train together.
        precision: What products of matrices are computed in; None for the weights' own.
        own: An optimiser of the user's own.
    """

    epochs: int | None = None
    lr: float | None = None
    batch_size: int | None = None
    seed: int = 0
    progress: bool = True
    checkpoint: Path | None = None
    on_epoch: Callable[[dict[str, float]], bool | None] | None = None
    force: bool = False
    group: Group = ALONE
    precision: str | None = None
    own: Own | None = None

    def settings(self, config: dict[str, Any]) -> dict[str, Any]:
        """A task's settings, as records name them and a state must have been trained with; and what is not as usual."""
        found = dict(config) if self.precision is None else config | {"precision": self.precision}
        if self.own is None:
            return found
        if self.own.has_rate:
            found.pop("lr", None)
        return found | {"optimizer": self.own.name}


#: What is told where nothing is.
USUAL = Plan()


@dataclass(frozen=True)
class Early:
    """Which weights to keep, and when to stop.

    Attributes:
        monitor: Entry of the history that decides; an epoch without it was not validated and decides nothing.
        patience: Validations without improvement after which training ends; None goes on to the last epoch.
        larger: Whether larger is better.
        keep: Whether the weights of the best epoch are kept; otherwise those of the last one are.
        least: Part of the best figure so far by which another must be better to count.
    """

    monitor: str
    patience: int | None
    larger: bool
    keep: bool = True
    least: float = 0.0


class Trainer(Protocol):
    """One task: what an epoch of it is."""

    #: What trains, for :attr:`FitResult.engine` and the progress bar.
    name: str

    def epoch(self, number: int, bar: Bar) -> dict[str, float]:
        """Train epoch ``number`` (from 0), validate, and return the history's entry but for ``epoch`` and
        ``seconds``. Calls ``bar.advance`` after every batch. Draws by ``number`` alone, so that a resumed run repeats
        a whole one.
        """

    def state_dict(self) -> dict[str, Any]:
        """What must be remembered between epochs beside the weights: the optimiser's moments."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up the state of an earlier run."""


class Taken(Exception):
    """Ends a call of fit before its first epoch, where another loop than :func:`run` is to train.

    Attributes:
        trainer: What trains.
        validated: Called with the number of an epoch, from 0, when it is over; returns what validation comes to.
    """

    def __init__(self, trainer: Any, validated: Callable[[int], dict[str, float]]) -> None:
        super().__init__()
        self.trainer, self.validated = trainer, validated


#: Whether calls of fit end so.
TAKING: ContextVar[bool] = ContextVar("taking", default=False)


class Bar:
    """Progress in tokens or samples; how many there will be is judged from the batches seen, as walks end early.

    Args:
        name: What trains.
        unit: ``"token"``, ``"sample"``, ...: the key of the history, without its plural s, that counts them.
        epochs: Number of epochs.
        batches: Number of batches in one.
        history: Epochs done already.
        progress: Whether to show it.
    """

    def __init__(
        self, name: str, unit: str, epochs: int, batches: int, history: list[dict[str, float]], progress: bool
    ) -> None:
        self._total, self._batches = epochs * batches, batches * len(history)
        self._amount = sum(int(entry[unit + "s"]) for entry in history)
        self._bar = tqdm(desc=f"fit ({name})", unit=unit, unit_scale=True, initial=self._amount, disable=not progress)

    def advance(self, amount: int, loss: float) -> None:
        """Count one more batch of so many tokens or samples."""
        self._batches += 1
        self._amount += amount
        self._bar.total = self._amount * self._total // self._batches
        self._bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
        self._bar.update(amount)

    def close(self) -> None:
        """End the bar."""
        self._bar.close()


class _Best:
    """The best weights so far, by a validated figure."""

    def __init__(self, early: Early | None) -> None:
        self.early, self.epoch, self.since = early, 0, 0
        self.weights: dict[str, Any] = {}
        self._figure = 0.0

    def see(self, entry: Mapping[str, float], model: nn.Module) -> None:
        if self.early is None or self.early.monitor not in entry:
            return
        figure = entry[self.early.monitor] * (1 if self.early.larger else -1)
        self.since += 1
        # NaN compares with nothing: the first figure that is a number replaces it.
        least = self._figure + self.early.least * abs(self._figure)
        if self.epoch == 0 or figure > least or math.isnan(self._figure):
            # copied first: Ctrl-C in the middle must not leave an epoch without its weights
            weights = copy.deepcopy(model.state_dict()) if self.early.keep else {}
            self.weights, self.epoch, self.since, self._figure = weights, int(entry["epoch"]), 0, figure

    def exhausted(self) -> bool:
        return self.early is not None and self.early.patience is not None and self.since >= self.early.patience

    def give(self, model: nn.Module, result: FitResult) -> None:
        """Give the model its best weights, where they were kept."""
        if self.early is None or not self.early.keep:
            return
        result.monitor = self.early.monitor
        if self.epoch:
            model.load_state_dict(self.weights)
            result.best_epoch = self.epoch

    def state_dict(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "since": self.since, "figure": self._figure, "weights": self.weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.epoch, self.since, self._figure = state["epoch"], state["since"], state["figure"]
        self.weights = state["weights"]


def _nothing(number: int, epochs: int) -> dict[str, float]:
    """No validation."""
    return {}


def run(
    trainer: Trainer,
    model: nn.Module,
    plan: Plan,
    *,
    epochs: int,
    batches: int,
    config: dict[str, Any],
    belongs_to: Callable[[], dict[str, Any]],
    unit: str = "sample",
    early: Early | None = None,
    begin: Callable[[], object] = dict,
    validate: Callable[[int, int], dict[str, float]] = _nothing,
) -> FitResult:
    """Train epoch after epoch, keep checkpoints, stop early or at Ctrl-C, and leave the best weights in the model.

    Args:
        trainer: What does one epoch.
        model: The model it trains.
        plan: What :func:`graphembed_ext.fit` was told.
        epochs: Number of epochs.
        batches: Number of batches in one, for the progress bar.
        config: The settings in force; a checkpoint must have been trained with the same to be resumed.
        belongs_to: What else a checkpoint must belong to: graph, labels and splits, and what the model's plain
            attributes do not tell of its settings. Called where there is a checkpoint.
        unit: ``"token"`` or ``"sample"``; the history's entries count them under its plural.
        early: Which weights to keep; None keeps the last.
        begin: Called once a checkpoint has been found to be of this training, before the first epoch.
        validate: Called after every epoch with its number, from 0, and that of all; returns what else the history's
            entry has.

    Raises:
        FileFormatError: The checkpoint belongs to another training; nothing has been changed.
    """
    if TAKING.get():
        begin()
        raise Taken(trainer, lambda number: _validated(trainer, number, epochs, validate))
    config = {"engine": trainer.name, "epochs": epochs, **plan.settings(config)}
    result, best, group = FitResult(engine=trainer.name, settings=dict(config)), _Best(early), plan.group
    about = settings_of(model) | belongs_to() if plan.checkpoint is not None or group.size > 1 else {}
    group.check_equal({**about, **config})
    state = _state(plan, config, about, model, trainer, best)
    if state is not None:
        result.history = state.resume(plan.force)
    if state is not None and hasattr(trainer, "keep"):
        trainer.keep = partial(state.save, result.history)
    begin()
    began = time.perf_counter()
    bar = Bar(trainer.name, unit, epochs, batches, result.history, plan.progress and group.first)
    try:
        for epoch in range(len(result.history), epochs):
            if best.exhausted():
                break
            result.history.append(group.agreed(_epoch(trainer, epoch, bar) | validate(epoch, epochs)))
            setattr(result, unit + "s", getattr(result, unit + "s") + int(result.history[-1][unit + "s"]))
            best.see(result.history[-1], model)
            if state is not None:
                state.save(result.history)
            if _ended(plan, result.history[-1]):
                break
        result.stopped_early = len(result.history) < epochs
    except (KeyboardInterrupt, SystemError) as error:
        if group.size > 1 or not _is_ctrl_c(error):  # others may have been stopped at another place
            raise
        result.interrupted = True
        warnings.warn(_farewell(len(result.history), epochs, state is not None), stacklevel=4)
    finally:
        bar.close()
    best.give(model, result)
    result.seconds = time.perf_counter() - began
    result.peak_memory = memory.peak()
    return result


def _validated(
    trainer: Any, number: int, epochs: int, validate: Callable[[int, int], dict[str, float]]
) -> dict[str, float]:
    """What validation comes to after an epoch, by the trainer or beside it."""
    own: dict[str, float] = trainer.validated(number) if hasattr(trainer, "validated") else {}
    return own | validate(number, epochs)


def _state(
    plan: Plan, config: dict[str, Any], about: dict[str, Any], model: nn.Module, trainer: Trainer, best: _Best
) -> State | None:
    if plan.checkpoint is None:
        return None
    return State(plan.checkpoint, config, about, model, trainer, best if best.early is not None else None, plan.group)


def _ended(plan: Plan, entry: dict[str, float]) -> bool:
    """Whether what is called after an epoch, by the first process, wants no more of them."""
    if plan.on_epoch is None:
        return False
    return bool(plan.group.agreed(plan.group.first and plan.on_epoch(entry) is True))


def _is_ctrl_c(error: BaseException | None) -> bool:
    """Whether Ctrl-C was pressed, also where Numba, interrupted as it looks up a kernel, makes it a SystemError."""
    return error is not None and (isinstance(error, KeyboardInterrupt) or _is_ctrl_c(error.__cause__))


def _farewell(done: int, epochs: int, kept: bool) -> str:
    resume = f"; a further call resumes after epoch {done}" if kept else ""
    return f"fit: interrupted in epoch {done + 1} of {epochs}; the model keeps what it has learned{resume}."


def _epoch(trainer: Trainer, number: int, bar: Bar) -> dict[str, float]:
    began = time.perf_counter()
    found = trainer.epoch(number, bar)
    return {"epoch": number + 1, "loss": found["loss"], "seconds": time.perf_counter() - began} | found
