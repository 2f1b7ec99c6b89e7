"""By which strategy a task is trained by several processes, and whether a model can be."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from .._core import checks
from .._core.overrides import refuse_overridden
from .._core.shared import is_shared
from ..distributed import launch
from ..distributed.group import ALONE, Group
from ..distributed.joining import join
from ..errors import InputError

__all__ = ["STRATEGIES", "named", "settle"]

#: The strategy of each task, and what it shares out.
_OF_TASK = {"skip_gram": "sharded", "nodes": "ddp", "links": "ddp", "recommendation": "columns"}
STRATEGIES = ("auto", *dict.fromkeys(_OF_TASK.values()))
#: Methods that a subclass may have as its own, and that processes which train together cannot follow.
_OF_WALKS = ("sample", "forward", "pairs_of", "loader")
_OF_COLUMNS = ("forward", "recommendation_loss", "get_embedding")
#: Layers whose output depends on which nodes there are beside a node, so that half a batch is another batch.
_OVER_NODES = (
    *("BatchNorm", "InstanceNorm", "GraphNorm", "PairNorm", "MeanSubtractionNorm", "DiffGroupNorm", "GraphSizeNorm"),
    *("HeteroBatchNorm", "BatchNorm1d", "SyncBatchNorm"),
)


def settle(model: Any, task: str, strategy: str | None, batch_size: int | None) -> Group:
    """The processes that train a model together.

    Args:
        model: The model.
        task: What it is trained on.
        strategy: One of :data:`STRATEGIES`; None for this process alone. ``"auto"`` is the task's own where a launcher
            has started this process, and None elsewhere.
        batch_size: As it was given.

    Raises:
        InputError: A strategy of another task; a model that it does not serve; a launcher's variables that do not fit.
        DistributedError: Ranks that do not come.
    """
    strategy = named(strategy, task, type(model).__name__)
    if strategy is None:
        _check_whole(model)
        return ALONE
    if strategy == "ddp" and batch_size is not None:
        _check_norms(model)
    hint = "strategy=None calls it"
    if strategy == "sharded":
        refuse_overridden(model, _OF_WALKS, "the strategy 'sharded' calls none of them", hint)
    if strategy == "columns":
        refuse_overridden(model, _OF_COLUMNS, "the strategy 'columns' has parts of the vectors alone", hint)
        _check_only_table(model)
    return join(_device(model))


def named(strategy: str | None, task: str, model: str) -> str | None:
    """The strategy by its name where it was left open; None for a process alone.

    Args:
        strategy: One of :data:`STRATEGIES`, or None.
        task: What is trained.
        model: Name of the class, for errors.

    Raises:
        InputError: A strategy of another task; a launcher's variables that do not fit.

    Example:
        >>> named("auto", "skip_gram", "DeepWalk"), named("columns", "recommendation", "LightGCN")
        (None, 'columns')
    """
    if strategy is None:
        return None
    checks.choice("strategy", strategy, STRATEGIES)
    own = _OF_TASK.get(task)
    if strategy == "auto" and (own is not None or not launch.started_together()):
        return own if launch.started_together() else None
    if own is None:
        raise InputError("strategy", repr(strategy), f"None, as one process alone trains {model}")
    if strategy != own:
        raise InputError("strategy", repr(strategy), f"{own!r} or 'auto', by which several processes train {model}")
    return strategy


def _device(model: nn.Module) -> torch.device:
    return next((p.device for p in model.parameters() if not p.is_meta), torch.device("cpu"))


def _check_whole(model: nn.Module) -> None:
    for name, parameter in model.named_parameters():
        if is_shared(parameter):
            raise InputError(
                "strategy",
                None,
                f"'sharded', as ranks share out {name}",
                "ge.distributed.gather(model) makes it whole on every rank",
            )
        if parameter.is_meta:
            raise InputError("strategy", None, f"'sharded', as {name} was made without memory, by device='meta'")


def _check_norms(model: nn.Module) -> None:
    for name, module in model.named_modules():
        kind = type(module).__name__
        over_graph = kind == "LayerNorm" and getattr(module, "mode", "node") == "graph"
        if kind in _OVER_NODES or over_graph:
            raise InputError(
                "strategy",
                f"'ddp' for a model with {kind} ({name})",
                "layers that work on every node by itself, as ranks have parts of a batch",
                "norm='layer_norm' with norm_kwargs={'mode': 'node'} does",
            )


def _check_only_table(model: nn.Module) -> None:
    others = [name for name, p in model.named_parameters() if p.requires_grad and name != "embedding.weight"]
    if others:
        raise InputError("strategy", f"'columns' for a model that trains {others[0]}, too", "one that trains its table")
