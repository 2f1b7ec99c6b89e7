"""Training in one call: :func:`fit` and what it returns."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Adam, Optimizer, SparseAdam
from tqdm.auto import tqdm

from . import _checks, losses, rng
from .errors import FileFormatError, GraphEmbedError, InputError

__all__ = ["FitResult", "TrainingError", "fit"]

#: The learning rate falls linearly to this part of its first value, as in word2vec.
_LAST_RATE = 1e-4


class TrainingError(GraphEmbedError, ArithmeticError):
    """Training cannot go on: the loss is not a number any more."""


@dataclass
class FitResult:
    """What :func:`fit` did.

    Attributes:
        history: One dict for each epoch: ``epoch`` (from 1), ``loss`` (mean over batches), ``seconds``,
            ``tokens`` (nodes visited by its walks).
        seconds: Wall-clock time of this call.
        tokens: Nodes visited by the walks of this call.
        walk_engine: Engine that made the walks, ``"dgl"`` or ``"torch"``.
        interrupted: Whether Ctrl-C ended it early; the model keeps what it had learned.
    """

    history: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    tokens: int = 0
    walk_engine: str = ""
    interrupted: bool = False

    @property
    def loss(self) -> float:
        """Mean loss of the last whole epoch; NaN when there is none."""
        return self.history[-1]["loss"] if self.history else math.nan


def fit(
    model: Any,
    graph: Any = None,
    *,
    epochs: int = 5,
    lr: float = 0.025,
    batch_size: int = 128,
    seed: int = 0,
    loss: str = "stable",
    num_workers: int = 0,
    progress: bool = True,
    checkpoint: str | Path | None = None,
    on_epoch: Callable[[dict[str, float]], None] | None = None,
) -> FitResult:
    """Train a walk model (DeepWalk) with Adam, the learning rate falling linearly to 0.

    The model goes on from its present weights. With one thread the result depends on the seed, the model's
    weights and the walk engine alone: not on the host, nor on ``num_workers``.

    Args:
        model: A walk model of this package.
        graph: None: a walk model trains on the graph it was built on.
        epochs: Passes; in each, one walk starts from every node.
        lr: First learning rate.
        batch_size: Walks in a batch.
        seed: Fixes order, walks and noise. Global random state is neither read nor moved.
        loss: Preset of :func:`graphembed_ext.losses.skip_gram_loss`.
        num_workers: Processes that make walks ahead of training; 0 makes them in between.
        progress: Whether to show a progress bar.
        checkpoint: File to keep the state in after every epoch. When it is there already, training resumes from
            it, to the same result as a run without a break.
        on_epoch: Called with each entry of ``history`` when its epoch is over.

    Returns:
        History, seconds, tokens.

    Raises:
        InputError: An argument that cannot work; checked before any work.
        FileFormatError: The checkpoint belongs to another training.
        TrainingError: The loss became NaN or infinite.

    Example:
        >>> import graphembed_ext as ge
        >>> ring = torch.stack([torch.arange(12), (torch.arange(12) + 1) % 12])
        >>> model = ge.DeepWalk(ring, emb_dim=8, walk_length=10, seed=0)
        >>> result = ge.fit(model, epochs=3, progress=False)
        >>> result.history[-1]["loss"] < result.history[0]["loss"], result.tokens
        (True, 360)
    """
    if not hasattr(model, "walker"):
        raise InputError("model", f"a {type(model).__name__}", "a walk model of graphembed_ext, such as DeepWalk")
    if graph is not None and graph is not model.g:
        raise InputError(
            "graph", f"a {type(graph).__name__}", f"None: {type(model).__name__} trains on the graph it was built on"
        )
    epochs = _checks.integer("epochs", epochs)
    lr = _checks.number("lr", lr, above=0)
    batch_size = _checks.integer("batch_size", batch_size)
    num_workers = _checks.integer("num_workers", num_workers, minimum=0)
    if seed is None:
        raise InputError("seed", None, "an integer from 0 to 2**63 - 1")
    _checks.seed(seed)
    _checks.choice("loss", loss, losses.PRESETS)
    config = {"epochs": epochs, "lr": lr, "batch_size": batch_size, "seed": seed, "loss": loss}
    sparse = any(module.sparse for module in model.modules() if isinstance(module, nn.Embedding))
    optimizer: Optimizer = (SparseAdam if sparse else Adam)(list(model.parameters()), lr=lr)
    result = FitResult()
    path = None if checkpoint is None else Path(checkpoint)
    if path is not None and path.exists():
        result.history = _resume(path, config, model, optimizer)
    key = rng.key(seed, "fit")
    loader = model.loader(seed=key >> 1, batch_size=batch_size, num_workers=num_workers)
    loader.epoch = len(result.history)
    total = epochs * len(loader)
    began = time.perf_counter()
    bar = tqdm(total=total, initial=loader.epoch * len(loader), desc="fit", unit="batch", disable=not progress)
    try:
        for epoch in range(loader.epoch, epochs):
            entry = _epoch(model, loader, optimizer, epoch, total, lr, loss, key, bar)
            result.tokens += int(entry["tokens"])
            result.history.append(entry)
            if path is not None:
                _save(path, config, model, optimizer, result.history)
            if on_epoch is not None:
                on_epoch(entry)
    except KeyboardInterrupt:
        result.interrupted = True
        resume = f"; a further call resumes after epoch {len(result.history)}" if path is not None else ""
        warnings.warn(
            f"fit: interrupted in epoch {len(result.history) + 1} of {epochs}; the model keeps what it has "
            f"learned{resume}.",
            stacklevel=2,
        )
    finally:
        bar.close()
    result.seconds = time.perf_counter() - began
    result.walk_engine = model.walker.serving
    return result


def _epoch(
    model: Any,
    loader: Any,
    optimizer: Optimizer,
    epoch: int,
    total: int,
    lr: float,
    loss: str,
    key: int,
    bar: Any,
) -> dict[str, float]:
    began, tokens = time.perf_counter(), 0
    losses_seen = []
    for batch, walks in enumerate(loader):
        step = epoch * len(loader) + batch
        for group in optimizer.param_groups:
            group["lr"] = lr * max(_LAST_RATE, 1 - step / total)
        value = model.loss(walks, preset=loss, stream=rng.key(key, "noise", epoch, batch))
        if not bool(torch.isfinite(value)):
            raise TrainingError(
                f"the loss is {float(value.detach())} in epoch {epoch + 1}, batch {batch + 1}. Hint: the learning rate "
                f"{lr:g} may be too high, or the weights were not finite when training began."
            )
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        losses_seen.append(float(value.detach()))
        tokens += int((walks >= 0).sum())
        bar.update()
        bar.set_postfix(loss=f"{losses_seen[-1]:.3f}", refresh=False)
    return {
        "epoch": epoch + 1,
        "loss": sum(losses_seen) / len(losses_seen),
        "seconds": time.perf_counter() - began,
        "tokens": tokens,
    }


def _save(
    path: Path, config: dict[str, Any], model: nn.Module, optimizer: Optimizer, history: list[dict[str, float]]
) -> None:
    state = {"config": config, "model": model.state_dict(), "optimizer": optimizer.state_dict(), "history": history}
    part = path.with_name(path.name + ".part")
    try:
        torch.save(state, part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _resume(path: Path, config: dict[str, Any], model: nn.Module, optimizer: Optimizer) -> list[dict[str, float]]:
    try:
        state = torch.load(path, weights_only=True)
        found = state["config"]
        history: list[dict[str, float]] = state["history"]
    except Exception as error:
        raise FileFormatError(
            "checkpoint", f"{path} ({error})", "a checkpoint of fit, or a name not taken yet", "choose another name"
        ) from error
    for name, value in config.items():
        if found.get(name) != value:
            raise FileFormatError(
                "checkpoint",
                f"{path}, which was trained with {name}={found.get(name)!r}",
                f"one of a training with {name}={value!r}",
                "repeat the arguments to resume, or choose another name to start anew",
            )
    try:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
    except (RuntimeError, ValueError) as error:
        raise FileFormatError("checkpoint", f"{path} ({error})", "one of a model of the same sizes") from error
    return history
