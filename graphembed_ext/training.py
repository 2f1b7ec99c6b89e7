"""Training in one call: :func:`fit` and what it returns."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from tqdm.auto import tqdm

from . import _checks, rng
from .engines import Batch, Engine, Trained, choose, memory
from .errors import FileFormatError, GraphEmbedError, InputError

__all__ = ["FitResult", "TrainingError", "fit"]

#: The learning rate falls linearly to this part of its first value, as in word2vec.
_LAST_RATE = 1e-4
#: Walks in a batch, by engine: one is a step of Adam, or a stretch of work for a thread of the compiled kernel.
_BATCH_SIZE = {"torch": 128, "numba": 512}
_MOST_THREADS = 1024


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
        engine: Engine that trained, ``"numba"`` or ``"torch"``.
        fallback: Why ``engine="auto"`` did not take the compiled engine; empty when it did.
        walk_engine: Engine that made the walks, ``"dgl"`` or ``"torch"``.
        interrupted: Whether Ctrl-C ended it early; the model keeps what it had learned.
        predicted_memory: Most bytes of memory the process was going to hold, as foretold before training.
        peak_memory: Most bytes of memory the process has held since it was started.
    """

    history: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    tokens: int = 0
    engine: str = ""
    fallback: str = ""
    walk_engine: str = ""
    interrupted: bool = False
    predicted_memory: int = 0
    peak_memory: int = 0

    @property
    def loss(self) -> float:
        """Mean loss of the last whole epoch; NaN when there is none."""
        return self.history[-1]["loss"] if self.history else math.nan


def fit(
    model: Any,
    graph: Any = None,
    *,
    epochs: int = 20,
    lr: float = 0.025,
    batch_size: int | None = None,
    seed: int = 0,
    loss: str = "stable",
    num_workers: int = 0,
    progress: bool = True,
    checkpoint: str | Path | None = None,
    on_epoch: Callable[[dict[str, float]], None] | None = None,
    engine: str = "auto",
    threads: int | None = None,
    deterministic: bool = False,
    shrink_window: bool = False,
) -> FitResult:
    """Train a walk model (DeepWalk, MetaPath2Vec), the learning rate falling linearly to 0.

    The model goes on from its present weights. Two engines follow the same objective
    (:mod:`graphembed_ext.engines`): ``numba`` is a compiled kernel for tables in float32 on the CPU that does plain
    SGD as word2vec does, one window of a walk after another; ``torch`` does Adam on the model's own loss, batch by
    batch, on any device.

    By default, ``numba`` trains on several threads at once, which race for the tables: results differ a little
    from run to run. With ``deterministic=True`` they depend on the seed, the model's weights, the batch size and the
    walk engine alone, bit by bit: not on the host, nor on ``num_workers``. It takes one thread.

    Args:
        model: A walk model of this package.
        graph: None: a walk model trains on the graph it was built on.
        epochs: Passes; in each, one walk starts from every node. Dense graphs with many classes gain from more
            (BlogCatalog: Micro-F1 38 after 20, 42 after 80), small ones need fewer.
        lr: First learning rate. The sums over a window make ``numba`` diverge from about 0.2 on.
        batch_size: Walks in a batch; None for the engine's usual one, 512 (``numba``) or 128 (``torch``).
        seed: Fixes order, walks and noise. Global random state is neither read nor moved.
        loss: Preset of :func:`graphembed_ext.losses.skip_gram_loss`; ``numba`` has ``"stable"`` only.
        num_workers: Processes that make walks ahead of training; 0 makes them in the calling thread, with ``numba``
            while it trains.
        progress: Whether to show a progress bar.
        checkpoint: File to keep the state in after every epoch. When it is there already, training resumes from
            it; where the result is deterministic, to the same one as a run without a break.
        on_epoch: Called with each entry of ``history`` when its epoch is over.
        engine: ``"auto"``, ``"numba"`` or ``"torch"``; auto means numba where it serves.
        threads: Threads to train on; None takes as many as torch would.
        deterministic: Whether the result must be the same each time, bit by bit.
        shrink_window: Whether every centre draws a window from 1 to the model's ``window_size``, as word2vec does,
            instead of taking the whole: near nodes then weigh more than far ones, half of the pairs are trained,
            and published figures, which were taken so, are met. ``numba`` only.

    Returns:
        History, seconds, tokens, engines, memory.

    Raises:
        InputError: An argument that cannot work, or tables that do not fit in memory; checked before any work.
        EngineError: The engine asked for by name cannot train this model.
        FileFormatError: The checkpoint belongs to another training.
        TrainingError: The loss became NaN or infinite.

    Reference:
        Mikolov et al. 2013, arXiv:1310.4546; Niu et al. 2011, "Hogwild!", arXiv:1106.5730.

    Example:
        >>> import graphembed_ext as ge
        >>> ring = torch.stack([torch.arange(12), (torch.arange(12) + 1) % 12])
        >>> model = ge.DeepWalk(ring, emb_dim=8, walk_length=10, seed=0)
        >>> result = ge.fit(model, epochs=3, progress=False)
        >>> result.history[-1]["loss"] < result.history[0]["loss"], result.tokens, result.engine
        (True, 360, 'numba')
    """
    if not hasattr(model, "walker"):
        raise InputError("model", f"a {type(model).__name__}", "a walk model of graphembed_ext, such as DeepWalk")
    if graph is not None and graph is not model.g:
        raise InputError(
            "graph", f"a {type(graph).__name__}", f"None: {type(model).__name__} trains on the graph it was built on"
        )
    epochs = _checks.integer("epochs", epochs)
    lr = _checks.number("lr", lr, above=0)
    num_workers = _checks.integer("num_workers", num_workers, minimum=0)
    if seed is None:
        raise InputError("seed", None, "an integer from 0 to 2**63 - 1")
    _checks.seed(seed)
    threads = _threads(threads, _checks.flag("deterministic", deterministic))
    key = rng.key(seed, "fit")
    trainer, fallback = choose(
        model,
        engine,
        lr=lr,
        loss=loss,
        key=key,
        threads=threads,
        deterministic=deterministic,
        shrink_window=_checks.flag("shrink_window", shrink_window),
    )
    batch_size = _BATCH_SIZE[trainer.name] if batch_size is None else _checks.integer("batch_size", batch_size)
    config = {"engine": trainer.name, "epochs": epochs, "lr": lr, "batch_size": batch_size, "seed": seed, "loss": loss}
    config["shrink_window"] = shrink_window
    loader = model.loader(seed=key >> 1, batch_size=batch_size, num_workers=num_workers)
    result = FitResult(engine=trainer.name, fallback=fallback)
    needed = trainer.memory() + _walking_memory(model, batch_size, threads)
    memory.check_training(trainer.name, needed)
    result.predicted_memory = max(memory.peak(), memory.resident() + needed)
    path = None if checkpoint is None else Path(checkpoint)
    if path is not None and path.exists():
        result.history = _resume(path, config, model, trainer)
    loader.epoch = len(result.history)
    began = time.perf_counter()
    bar = _Bar(epochs * len(loader), len(loader), result.history, trainer.name, progress)
    try:
        for epoch in range(loader.epoch, epochs):
            entry = _epoch(trainer, _batches(loader, epoch, epochs, batch_size, lr), epoch, lr, bar)
            result.tokens += int(entry["tokens"])
            result.history.append(entry)
            if path is not None:
                _save(path, config, model, trainer, result.history)
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
    result.peak_memory = memory.peak()
    return result


def _threads(threads: int | None, deterministic: bool) -> int:
    if threads is None:
        return 1 if deterministic else torch.get_num_threads()
    threads = _checks.integer("threads", threads, hint="None takes as many as torch would")
    if threads > _MOST_THREADS:
        raise InputError("threads", threads, f"at most {_MOST_THREADS}", "more threads than processors gain nothing")
    if deterministic and threads > 1:
        raise InputError("threads", threads, "1 or None with deterministic=True, as several threads race")
    return threads


def _walking_memory(model: Any, batch_size: int, threads: int) -> int:
    """Bytes that making walks will take: the graph's canonical form, unless it is there, and batches ahead."""
    view = model.walker.view
    edges = 0 if view.has_csr() else view.total_edges
    # Neighbours and edge ids stay; sorting holds keys, their sorted copy and its work space for a while.
    graph = 48 * edges + 16 * view.total_nodes
    return graph + (2 * threads + 2) * batch_size * model.walk_length * 8 * 3


def _batches(loader: Any, epoch: int, epochs: int, batch_size: int, lr: float) -> Iterator[Batch]:
    total = epochs * len(loader)
    for number, walks in enumerate(loader):
        rate = lr * max(_LAST_RATE, 1 - (epoch * len(loader) + number) / total)
        yield Batch(walks, epoch, number, number * batch_size, rate)


def _epoch(trainer: Engine, batches: Iterator[Batch], epoch: int, lr: float, bar: _Bar) -> dict[str, float]:
    began, tokens = time.perf_counter(), 0
    losses_seen = []
    with closing(trainer.train(batches)) as steps:  # type: ignore[type-var]
        for step in steps:
            if not math.isfinite(step.loss):
                raise TrainingError(
                    f"the loss is {step.loss} in epoch {epoch + 1}, batch {step.batch + 1}. Hint: the learning rate "
                    f"{lr:g} may be too high, or the weights were not finite when training began."
                )
            losses_seen.append(step.loss)
            tokens += step.tokens
            bar.advance(step)
    return {
        "epoch": epoch + 1,
        "loss": sum(losses_seen) / len(losses_seen),
        "seconds": time.perf_counter() - began,
        "tokens": tokens,
    }


class _Bar:
    """Progress in tokens; how many there will be is judged from the walks seen, as some end early."""

    def __init__(self, total: int, each: int, history: list[dict[str, float]], engine: str, progress: bool) -> None:
        self._total, self._batches = total, each * len(history)
        self._tokens = sum(int(entry["tokens"]) for entry in history)
        self._bar = tqdm(
            desc=f"fit ({engine})", unit="token", unit_scale=True, initial=self._tokens, disable=not progress
        )

    def advance(self, step: Trained) -> None:
        self._batches += 1
        self._tokens += step.tokens
        self._bar.total = self._tokens * self._total // self._batches
        self._bar.set_postfix(loss=f"{step.loss:.3f}", refresh=False)
        self._bar.update(step.tokens)

    def close(self) -> None:
        self._bar.close()


def _save(
    path: Path, config: dict[str, Any], model: nn.Module, trainer: Engine, history: list[dict[str, float]]
) -> None:
    state = {"config": config, "model": model.state_dict(), "optimizer": trainer.state_dict(), "history": history}
    part = path.with_name(path.name + ".part")
    try:
        torch.save(state, part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _resume(path: Path, config: dict[str, Any], model: nn.Module, trainer: Engine) -> list[dict[str, float]]:
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
        trainer.load_state_dict(state["optimizer"])
    except (RuntimeError, ValueError) as error:
        raise FileFormatError("checkpoint", f"{path} ({error})", "one of a model of the same sizes") from error
    return history
