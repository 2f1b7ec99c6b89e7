"""Which engine trains a model of walks."""

from __future__ import annotations

from typing import Any

import torch

from ... import losses
from ..._core import checks
from ..._core.gpu import kernels_serve
from ...distributed.group import ALONE
from ...errors import EngineError
from ..run import USUAL, Plan
from .base import Engine, WalkModel

__all__ = ["ENGINES", "choose"]


ENGINES = ("auto", "torch", "numba", "triton")
#: The compiled engine for tables on each kind of device.
_COMPILED = {"cpu": "numba", "cuda": "triton"}


def choose(
    model: WalkModel,
    engine: str,
    *,
    lr: float,
    loss: Any,
    key: int,
    threads: int,
    deterministic: bool,
    shrink_window: bool = False,
    plan: Plan = USUAL,
) -> tuple[Engine, str]:
    """The engine that serves, and why it is not the compiled one where that was left open.

    Args:
        model: The model to train.
        engine: One of :data:`ENGINES`.
        lr: First learning rate.
        loss: Preset of the loss, or a function of scores.
        key: Key of the negatives.
        threads: Threads to train on.
        deterministic: Whether the result must be the same, bit by bit, each time.
        shrink_window: Whether every centre draws a window of its own; only the compiled engine does that.
        plan: What :func:`graphembed_ext.fit` was told.

    Raises:
        EngineError: The engine asked for by name cannot serve, or none can.
    """
    from .reference import TorchEngine

    checks.choice("engine", engine, ENGINES)
    _check_loss(loss)
    if plan.group is not ALONE:
        return _sharded(model, engine, plan, loss, key, threads, shrink_window), ""
    compiled = engine if engine in _COMPILED.values() else _COMPILED.get(_place(model).type, "numba")
    reason = "" if engine == "torch" else _of_plan(plan, loss) or _obstacle(model, loss, compiled, deterministic)
    if engine == compiled and reason:
        raise EngineError(f"engine: {compiled!r} cannot serve this call: {reason}. Hint: engine='torch' can.")
    threads = 1 if deterministic else threads
    if engine == "torch" or reason:
        if shrink_window:
            because = f", and {compiled!r} cannot serve this call: {reason}" if reason else ""
            raise EngineError(
                f"shrink_window: only the engine {compiled!r} draws windows{because}. Hint: narrow window_size."
            )
        means: dict[str, Any] = {"precision": plan.precision, "own": plan.own}
        return TorchEngine(model, lr=lr, loss=loss, key=key, threads=threads, **means), reason
    return _compiled(compiled, model, key, threads, shrink_window), ""


def _place(model: WalkModel) -> torch.device:
    return model.node_embed.weight.device


def _obstacle(model: WalkModel, loss: Any, engine: str, deterministic: bool) -> str:
    """Why a compiled engine cannot train the model here; empty where it can."""
    from .cpu import obstacle

    if engine == "numba":
        return obstacle(model, loss)
    reason = obstacle(model, loss, "cuda")
    if reason:
        return reason
    nodes, contexts = model.node_embed.weight, model.context_embed.weight
    if nodes.device != contexts.device:
        return f"context_embed is on {contexts.device}, not on {nodes.device} as node_embed"
    if not kernels_serve(nodes):
        return "Triton, which comes with torch for CUDA, is not installed"
    return "its programs race for the tables, which deterministic=True rules out" if deterministic else ""


def _compiled(name: str, model: WalkModel, key: int, threads: int, shrink_window: bool) -> Engine:
    if name == "triton":
        from .gpu import GPUEngine

        return GPUEngine(model, key=key, shrink_window=shrink_window)
    from .cpu import CPUEngine

    return CPUEngine(model, key=key, threads=threads, shrink_window=shrink_window)


def _check_loss(loss: Any) -> None:
    if not callable(loss):
        checks.choice("loss", loss, losses.PRESETS)


def _of_plan(plan: Plan, loss: Any) -> str:
    """What was asked for that the compiled engine has not; empty where there is nothing."""
    if plan.own is not None:
        return f"it follows plain SGD, not {plan.own.name}"
    if callable(loss):
        return "it computes the loss 'stable', not a function of one's own"
    return "" if plan.precision is None else f"it computes in fp32, not {plan.precision}"


def _sharded(
    model: WalkModel, engine: str, plan: Plan, loss: Any, key: int, threads: int, shrink_window: bool
) -> Engine:
    """The engine of several ranks.

    Raises:
        EngineError: The compiled one was asked for, or what the ranks' has not.
    """
    from .sharded import ShardedEngine

    if plan.own is not None or plan.precision is not None:
        what = "optimizer" if plan.own is not None else "precision"
        raise EngineError(
            f"{what}: the strategy 'sharded' trains by row-wise Adagrad in fp32 alone. Hint: leave it out, or train in "
            "one process."
        )
    if engine in _COMPILED.values() or shrink_window:
        named = engine in _COMPILED.values()
        what = f"engine: {engine!r}" if named else "shrink_window: the engine 'numba', which draws windows,"
        raise EngineError(
            f"{what} cannot serve the strategy 'sharded': ranks that change the same rows at the same time, by plain "
            "SGD, diverge where their changes are added up and learn too slowly where they are divided. Hint: leave it "
            "out; the strategy trains by row-wise Adagrad, whose result does not depend on the number of ranks."
        )
    return ShardedEngine(model, plan.group, loss=loss, key=key, threads=threads)
