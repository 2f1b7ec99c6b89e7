"""What a training leaves behind: :class:`FitResult`, or :class:`TrainingError`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .._core import html as _html
from ..errors import GraphEmbedError

__all__ = ["FitResult", "TrainingError", "finite"]


class TrainingError(GraphEmbedError, ArithmeticError):
    """Training cannot go on: the loss is not a number any more."""


#: Entries of the history that say how much was done, not what came of it.
_COUNTS = ("epoch", "seconds", "tokens", "samples")


#: Part of its first value that a loss has fallen by once it has begun to, and part of its whole fall that the last
#: fifth of the epochs may still bring where it has settled.
_BEGUN, _SETTLED = 0.02, 0.1


def finite(loss: float, epoch: int, batch: int, lr: float) -> float:
    """The loss of a batch, where training can go on with it; epochs and batches count from 0."""
    if not math.isfinite(loss):
        raise TrainingError(
            f"the loss is {loss} in epoch {epoch + 1}, batch {batch + 1}. Hint: the learning rate {lr:g} may be too "
            "high, or the weights were not finite when training began."
        )
    return loss


@dataclass(repr=False)
class FitResult:
    """What :func:`graphembed_ext.fit` did.

    Attributes:
        history: One dict for each epoch: ``epoch`` (from 1), ``loss`` (mean over batches), ``seconds``; walk models
            add ``tokens`` (nodes visited by their walks), other models ``samples`` and what they validate.
        settings: The settings in force, those that were left to the task included: ``epochs``, ``lr``, ...
        seconds: Wall-clock time of this call.
        tokens: Nodes visited by the walks of this call; 0 for a model without walks.
        samples: Examples seen in this call (interactions, labelled nodes, pairs); 0 for a walk model.
        engine: What trained: ``"numba"`` or ``"triton"``, the compiled kernels of walk models, or ``"torch"``, an
            optimiser of torch.
        fallback: Why ``engine="auto"`` did not take the compiled engine; empty when it did.
        walk_engine: Engine that made the walks, ``"dgl"`` or ``"torch"``; empty for a model without walks.
        interrupted: Whether Ctrl-C ended it early; the model keeps what it had learned.
        stopped_early: Whether the validated figure had not improved for ``patience`` validations, the loss had not
            fallen for as many epochs, or ``on_epoch`` said so.
        monitor: Name of the entry of ``history`` that chose the weights; empty where nothing was validated.
        best_epoch: Epoch whose weights the model holds, from 1; 0 where nothing was validated: the last one's.
        metrics: Figures of the weights kept, such as those of the test mask.
        predicted_memory: Most bytes of memory the process was going to hold, as predicted before training; 0 where
            nothing was predicted.
        peak_memory: Most bytes of memory the process has held since it was started.

    Example:
        >>> import torch, graphembed_ext as ge
        >>> model = ge.DeepWalk(torch.tensor([[0, 1], [1, 0]]), emb_dim=4, walk_length=12, seed=0)
        >>> result = ge.fit(model, epochs=2, progress=False)
        >>> [entry["tokens"] for entry in result.history], result.walk_engine  # two walks of twelve nodes an epoch
        ([24, 24], 'dgl')
        >>> result.loss == result.history[-1]["loss"], result.advice
        (True, '')
    """

    history: list[dict[str, float]] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    tokens: int = 0
    samples: int = 0
    engine: str = ""
    fallback: str = ""
    walk_engine: str = ""
    interrupted: bool = False
    stopped_early: bool = False
    monitor: str = ""
    best_epoch: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    predicted_memory: int = 0
    peak_memory: int = 0

    @property
    def loss(self) -> float:
        """Mean loss of the last whole epoch; NaN when there is none."""
        return self.history[-1]["loss"] if self.history else math.nan

    @property
    def advice(self) -> str:
        """What the course of the loss says about the settings: that it was still falling at the end, or has hardly
        begun to fall, and what to change; empty where it has settled, where validation chose the weights, and for
        fewer than three epochs.
        """
        losses = [entry["loss"] for entry in self.history]
        if len(losses) < 3 or self.monitor or self.interrupted:
            return ""
        first, last = losses[0], losses[-1]
        rate = self.settings.get("lr")
        if first - last < _BEGUN * abs(first):
            return (
                f"The loss has hardly begun to fall, from {first:.4g} to {last:.4g} in {len(losses)} epochs: raise the "
                f"learning rate{'' if rate is None else f' of {rate:g}'} or the number of epochs, unless the model had "
                "been trained before."
            )
        late = max(1, len(losses) // 5)
        before = losses[-1 - late]
        if before - last > _SETTLED * (first - last):
            return (
                f"The loss was still falling when training ended, from {before:.4g} to {last:.4g} in the last "
                f"{'' if late == 1 else f'{late} '}of {len(losses)} epochs: more epochs, or a "
                f"{'higher learning rate' if rate is None else f'learning rate above {rate:g}'}, may help."
            )
        return ""

    def plot(self, path: str | Path | None = None, *, title: str = "") -> Any:
        """Draw the loss by epoch, or recall where it was validated.

        Args:
            path: Picture to write, .png, .svg or .pdf; None writes none.
            title: Title of the picture.

        Returns:
            A matplotlib figure, which a notebook shows.

        Example:
            >>> result = FitResult([{"epoch": 1, "loss": 0.7}, {"epoch": 2, "loss": 0.5}])
            >>> result.plot(title="a short training").axes[0].get_xlabel()
            'epoch'
        """
        from .. import plots

        recall = any(name.startswith("val_recall@") for entry in self.history for name in entry)
        draw = plots.recall_curve if recall else plots.loss_curve
        figure = draw(self.history, title=title, best_epoch=self.best_epoch)
        if path is not None:
            plots.save(figure, path)
        return figure

    def __repr__(self) -> str:
        """What was done, what came of it, and by what: three lines, and one of advice."""
        amount = f"{self.tokens:,} tokens" if self.tokens else f"{self.samples:,} samples"
        done = [f"{len(self.history)} epochs", amount, f"{self.seconds:.3g} seconds"]
        done += [
            word for word, true in (("interrupted", self.interrupted), ("stopped early", self.stopped_early)) if true
        ]
        last = self.history[-1] if self.history else {}
        figures = {name: value for name, value in last.items() if name not in _COUNTS} | self.metrics
        came = ", ".join(f"{name} {value:.4g}" for name, value in figures.items()) or "no epoch is over"
        best = f"; weights of epoch {self.best_epoch}" if self.best_epoch else ""
        walks = f", walks by {self.walk_engine}" if self.walk_engine else ""
        settings = [f"{name}={self.settings[name]}" for name in ("lr", "batch_size", "seed") if name in self.settings]
        lines = [
            "FitResult: " + ", ".join(done),
            came + best,
            f"trained by {self.engine}{walks}; " + ", ".join(settings),
        ]
        return "\n  ".join(lines + ([self.advice] if self.advice else []))

    def _repr_html_(self) -> str:
        """What a notebook shows: what was done, and the first, the best and the last epoch."""
        amount = ("tokens", self.tokens) if self.tokens else ("samples", self.samples)
        facts: list[tuple[str, Any]] = [
            ("epochs", len(self.history)),
            ("loss", self.loss),
            amount,
            ("seconds", self.seconds),
        ]
        facts += [("engine", self.engine), *([("walks by", self.walk_engine)] if self.walk_engine else [])]
        facts += [*self.metrics.items(), ("peak memory", _html.size_of(self.peak_memory))]
        kept = {1, self.best_epoch, len(self.history)}
        entries = [entry for entry in self.history if entry["epoch"] in kept]
        columns = list(dict.fromkeys(name for entry in entries for name in entry))
        shown = [[entry.get(name, "") for name in columns] for entry in entries]
        return _html.table("FitResult", ["", ""], facts) + _html.table("history", columns, shown)
