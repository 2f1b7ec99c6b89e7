"""Training in one call: :func:`fit`, which hands a model to the module of its task.

A model names its task in the class attribute ``task``, and in ``task_without_labels`` the one it has where there are
no labels, if that is another. The task's module has a function ``train`` that takes the model, the graph, a
:class:`~graphembed_ext.training.run.Plan` and the options of the task. A new task is a new module and a line in the
table below.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from tqdm.auto import tqdm

from .._core import checks
from .._core.locks import held
from .._core.near import check_names
from ..distributed.folders import is_state
from ..errors import InputError
from ..hosts import registry
from .optimizers import Own
from .placing import PRECISIONS, place
from .result import FitResult
from .run import Plan
from .strategies import settle

__all__ = ["OnEpoch", "fit", "options_of"]


OnEpoch = Callable[[dict[str, float]], bool | None]


#: Module of each task.
_TASKS = {
    "links": "links",
    "nodes": "nodes",
    "own_loop": "own_loop",
    "recommendation": "recommendation",
    "skip_gram": "walks",
}


def fit(
    model: Any,
    graph: Any = None,
    *,
    epochs: int | None = None,
    lr: float | None = None,
    batch_size: int | None = None,
    seed: int = 0,
    progress: bool = True,
    checkpoint: str | Path | None = None,
    resume: str = "same",
    on_epoch: OnEpoch | Sequence[OnEpoch] | None = None,
    task: str | None = None,
    strategy: str | None = None,
    device: Any = None,
    precision: str | None = None,
    optimizer: Any = None,
    **options: Any,
) -> FitResult:
    """Train a model of this package; it goes on from its present weights.

    What a model is trained on, its usual settings and its further options stand with its task:

    ===================================  =====================================================
    DeepWalk, MetaPath2Vec               :func:`graphembed_ext.training.walks.train`
    ``pyg.Node2Vec, pyg.MetaPath2Vec``   :func:`graphembed_ext.training.own_loop.train`
    GraphSAGE, HAN, with labels          :func:`graphembed_ext.training.nodes.train`
    GraphSAGE without labels             :func:`graphembed_ext.training.links.train`
    LightGCN                             :func:`graphembed_ext.training.recommendation.train`
    ===================================  =====================================================

    Those options, in one place:

    ======================  =================================================================================
    all                     ``patience``, ``monitor``, ``validate_every``: when training ends
    all but pyg's walks     ``loss``: a preset or a function of scores
    all without labels      ``validation``: held-out edges
    DeepWalk, MetaPath2Vec  ``engine``, ``threads``, ``deterministic``, ``num_workers``, ``shrink_window``,
                            ``checkpoint_every``
    with labels             ``y``, ``masks``, ``split``, ``class_weight``, ``weight_decay``, ``fanouts``
    GraphSAGE without       ``walk_length``, ``negatives``, ``temperature``, ``fanouts``, ``exclude_seed_edges``,
                            ``weight_decay``
    LightGCN                ``temperature``, ``balance``, ``num_negatives``, ``weight_decay``, ``sampling``,
                            ``schedule``, ``num_users``, ``k``
    ======================  =================================================================================

    Args:
        model: A model of this package.
        graph: The graph to train on, of either host; a walk model trains on the one it was built on and takes None.
        epochs: Passes over the data; None for the task's usual number, as with all settings.
        lr: Learning rate.
        batch_size: Examples in a batch: walks, interactions or nodes.
        seed: Fixes order and draws. Global random state is neither read nor moved.
        progress: Whether to show a progress bar and, where the loss was still falling at the end or has hardly begun to
            fall, what to change (``FitResult.advice``).
        checkpoint: File to keep the state in after every epoch; under a strategy a folder, which any number of
            processes can go on from. When it is there already, training resumes from it; where the result is
            deterministic, to the same one as a run without a break. ``epochs`` may be more than before; a learning
            rate that falls over all epochs then falls anew. The state before the last stays beside the file
            (``state.previous.pt`` of ``state.pt``), and is gone on from, with a warning, where the last is damaged. Two
            trainings do not share one: ``state.pt.lock`` says whose it is.
        resume: Whose state may be resumed: ``"same"``, that of this very training (graph, labels, splits, model and
            settings are compared; the order of edges and the host do not matter); or ``"force"``, any that has weights
            of the same sizes.
        on_epoch: Called with each entry of ``history`` when its epoch is over: a function, or several of them, such
            as :class:`graphembed_ext.callbacks.TensorBoard`. Training ends where one of them returns True. Of several
            processes the first one calls it.
        task: What to train GraphSAGE on: ``"nodes"``, their labels, or ``"links"``, without labels; GraphSAGE and HAN
            take ``"regression"``, too: the labels are numbers, whatever they look like. None means labels
            where ``y`` or ``masks`` are given or the graph has a ``train_mask``, otherwise links.
        strategy: How several processes, which torchrun has started, train together: ``"sharded"`` for walk models,
            ``"ddp"`` for GraphSAGE and HAN, ``"columns"`` for LightGCN; ``"auto"`` for the model's own where a
            launcher has started this process; None for this process alone. Each gives what one process gives, up to
            rounding: see :mod:`graphembed_ext.distributed`. Every process makes the same call.
        device: Where to train, a device of torch or its name, such as ``"cuda"``: the model is moved there and stays
            there. None trains where its weights are.
        precision: What products of matrices are computed in: ``"bf16"``, by torch's autocast, or ``"fp32"``. Weights,
            sums and losses are in the weights' own precision in any case. None for the weights' own.
        optimizer: An optimiser in the place of Adam (of SGD for walk models): a class such as ``torch.optim.AdamW``,
            which is given ``lr`` and ``weight_decay``; or one with settings of its own,
            ``functools.partial(torch.optim.SGD, lr=0.1, momentum=0.9)`` or an instance on ``model.parameters()``. The
            course of the learning rate over a training is kept.
        **options: Options of the task.

    Returns:
        History, seconds, amounts, engines, memory.

    Raises:
        InputError: An argument that cannot work, or that this model's task does not have; checked before any work.
        FileFormatError: The checkpoint belongs to another training; says what differs, and nothing has been changed.
        FileInUseError: Another training keeps its state in the checkpoint; says which.
        FileWriteError: The checkpoint cannot be written; earlier states are as they were, and the model has learned
            what it has learned.
        TrainingError: The loss became NaN or infinite.
        DistributedError: Another of the processes has ended, or cannot be reached.

    Example:
        >>> import torch, graphembed_ext as ge
        >>> ring = torch.stack([torch.arange(12), (torch.arange(12) + 1) % 12])
        >>> model = ge.DeepWalk(ring, emb_dim=8, walk_length=10, seed=0)
        >>> result = ge.fit(model, epochs=3, progress=False)
        >>> result.history[-1]["loss"] < result.history[0]["loss"], result.tokens, result.engine
        (True, 360, 'numba')
        >>> result = ge.fit(model, epochs=3, device="cpu", optimizer=torch.optim.SparseAdam, progress=False)
        >>> result.engine, result.settings["optimizer"]
        ('torch', 'SparseAdam')
    """
    if hasattr(model, "task_without_labels") and graph is not None:
        graph = registry.view(graph)
    found = None if isinstance(model, type) else _task(model, graph, task, options)
    train = _trainer(model, found)
    if train is None or found is None:
        raise InputError("model", f"a {type(model).__name__}", "a model of graphembed_ext that fit trains")
    _check_options(model, train, options)
    plan = _sized(epochs, lr, batch_size)
    plan = replace(
        plan,
        seed=_seed(seed),
        progress=checks.flag("progress", progress),
        checkpoint=None if checkpoint is None else _place(checkpoint, strategy),
        on_epoch=_joined(on_epoch),
        force=checks.choice("resume", resume, ("same", "force")) == "force",
        precision=_precision(precision),
        own=None if optimizer is None else Own(optimizer, plan.lr),
    )
    place(model, device)
    plan = replace(plan, group=settle(model, found, strategy, plan.batch_size))
    mine = held(plan.checkpoint) if plan.checkpoint is not None and plan.group.first else nullcontext()
    # also where gradients are off outside; and Ctrl-C at the door of a no_grad within leaves them off for nobody
    with plan.group.watched(), mine, torch.enable_grad():
        result = train(model, graph, plan, **options)
    if plan.progress and plan.group.first and result.advice:
        tqdm.write(result.advice, file=sys.stderr)
    return result


def _sized(epochs: Any, lr: Any, batch_size: Any) -> Plan:
    """How long, how fast and by how much at a time is trained; None for the task's usual."""
    return Plan(
        None if epochs is None else checks.integer("epochs", epochs),
        None if lr is None else checks.number("lr", lr, above=0),
        None if batch_size is None else checks.integer("batch_size", batch_size),
    )


def _precision(precision: str | None) -> str | None:
    """The precision of autocast; None for that of the weights."""
    found = None if precision is None else checks.choice("precision", precision, PRECISIONS)
    return None if found == "fp32" else found


def _seed(seed: Any) -> int:
    found = checks.seed(seed)
    if found is None:
        raise InputError("seed", None, "an integer from 0 to 2**63 - 1")
    return found


def _check_options(model: Any, train: Callable[..., FitResult], options: dict[str, Any]) -> None:
    own = [name for name in inspect.signature(fit).parameters if name not in ("model", "options")]
    check_names(options, [*_options(train), *own], f"an option of {type(model).__name__}'s training")


def _joined(on_epoch: OnEpoch | Sequence[OnEpoch] | None) -> OnEpoch | None:
    """One function for several."""
    if on_epoch is None or callable(on_epoch):
        return on_epoch
    functions = checks.several("on_epoch", on_epoch, "a function, or a list of functions")
    for function in functions:
        if not callable(function):
            raise InputError("on_epoch", function, "a function, or a list of functions")

    def call(entry: dict[str, float]) -> bool:
        said = [function(entry) for function in functions]  # each is told, whatever another says
        return any(word is True for word in said)

    return call


def options_of(model: Any) -> list[str]:
    """Names of the options that :func:`fit` has for a model, or for a class of models, beside its own arguments.

    Example:
        >>> import graphembed_ext as ge
        >>> "shrink_window" in options_of(ge.DeepWalk)
        True
    """
    tasks = dict.fromkeys((getattr(model, "task", None), getattr(model, "task_without_labels", None)))
    found = [_options(train) for train in (_trainer(model, task) for task in tasks) if train]
    return list(dict.fromkeys(name for names in found for name in names))


def _task(model: Any, graph: Any, task: str | None, options: dict[str, Any]) -> str | None:
    own, other = getattr(model, "task", None), getattr(model, "task_without_labels", None)
    if task is not None:
        known = [name for name in (own, other) if name is not None]
        checks.choice("task", task, [*known, "regression"] if own == "nodes" else known)
        return _numbers(options, own) if task == "regression" else task
    return own if other is None or _labelled(graph, options) else other


def _labelled(graph: Any, options: dict[str, Any]) -> bool:
    """Whether there are labels to train on: given, or in the graph with masks; without a graph an error says more."""
    if options.get("y") is not None or options.get("masks") is not None or graph is None:
        return True
    return any("train_mask" in columns for columns in graph.features.values())


def _numbers(options: dict[str, Any], task: str | None) -> str | None:
    """The task of labels that are numbers, whatever they look like; its options say so."""
    if options.setdefault("loss", "mse") == "cross_entropy":
        raise InputError("loss", "cross_entropy", "'mse' or 'l1', as task='regression' predicts numbers")
    return task


def _trainer(model: Any, task: str | None) -> Callable[..., FitResult] | None:
    return None if task not in _TASKS else importlib.import_module(f"{__package__}.{_TASKS[task]}").train


def _options(train: Callable[..., FitResult]) -> list[str]:
    return [p.name for p in inspect.signature(train).parameters.values() if p.kind is p.KEYWORD_ONLY]


def _place(checkpoint: Any, strategy: Any) -> Path:
    """Where the state goes; processes that train together leave folders, which a process alone goes on from, too."""
    found = checks.path("checkpoint", checkpoint)
    return checks.target("checkpoint", found, folder=strategy is not None or is_state(found))
