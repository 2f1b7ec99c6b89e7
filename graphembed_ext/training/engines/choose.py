"""Which engine trains a model of walks."""

from __future__ import annotations

from ... import losses
from ..._core import checks
from ...distributed.group import ALONE, Group
from ...errors import EngineError
from .base import Engine, WalkModel

__all__ = ["ENGINES", "choose"]


ENGINES = ("auto", "torch", "numba")


def choose(
    model: WalkModel,
    engine: str,
    *,
    lr: float,
    loss: str,
    key: int,
    threads: int,
    deterministic: bool,
    shrink_window: bool = False,
    group: Group = ALONE,
) -> tuple[Engine, str]:
    """The engine that serves, and why it is not the compiled one where that was left open.

    Args:
        model: The model to train.
        engine: One of :data:`ENGINES`.
        lr: First learning rate.
        loss: Preset of the loss.
        key: Key of the negatives.
        threads: Threads to train on.
        deterministic: Whether the result must be the same, bit by bit, each time.
        shrink_window: Whether every centre draws a window of its own; only the compiled engine does that.
        group: The processes that train together.

    Raises:
        EngineError: The engine asked for by name cannot serve, or none can.
    """
    from .cpu import CPUEngine, obstacle
    from .reference import TorchEngine

    checks.choice("engine", engine, ENGINES)
    checks.choice("loss", loss, losses.PRESETS)
    if group is not ALONE:
        return _sharded(model, engine, group, loss, key, threads, shrink_window), ""
    reason = "" if engine == "torch" else obstacle(model, loss)
    if engine == "numba" and reason:
        raise EngineError(f"engine: 'numba' cannot serve this call: {reason}. Hint: engine='torch' can.")
    threads = 1 if deterministic else threads
    if engine == "torch" or reason:
        if shrink_window:
            because = f", and 'numba' cannot serve this call: {reason}" if reason else ""
            raise EngineError(
                f"shrink_window: only the engine 'numba' draws windows{because}. Hint: narrow window_size."
            )
        return TorchEngine(model, lr=lr, loss=loss, key=key, threads=threads), reason
    return CPUEngine(model, key=key, threads=threads, shrink_window=shrink_window), ""


def _sharded(
    model: WalkModel, engine: str, group: Group, loss: str, key: int, threads: int, shrink_window: bool
) -> Engine:
    """The engine of several ranks.

    Raises:
        EngineError: The compiled one was asked for.
    """
    from .sharded import ShardedEngine

    if engine == "numba" or shrink_window:
        what = "engine: 'numba'" if engine == "numba" else "shrink_window: the engine 'numba', which draws windows,"
        raise EngineError(
            f"{what} cannot serve the strategy 'sharded': ranks that change the same rows at the same time, by plain "
            "SGD, diverge where their changes are added up and learn too slowly where they are divided. Hint: leave it "
            "out; the strategy trains by row-wise Adagrad, whose result does not depend on the number of ranks."
        )
    return ShardedEngine(model, group, loss=loss, key=key, threads=threads)
