"""Training of the walk models by skip-gram with negative sampling."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from .. import losses
from .._core import checks, memory, rng
from .._core.overrides import overridden
from ..distributed.group import ALONE, Group
from ..errors import InputError
from . import own_loop
from .engines.base import Batch, Engine
from .engines.choose import choose
from .fingerprint import name_of, walks_of
from .result import FitResult, finite
from .run import Bar, Plan, run
from .states import BEGUN
from .watching import Watch

__all__ = ["train"]

_EPOCHS, _LR = 20, 0.025
#: Of the compiled engine along metapaths: short walks have narrow windows, whose sums move a vector little.
_LR_METAPATHS = 0.05
#: What plain SGD needs of a graph: nodes in walks from every start; how often they pass every edge, and the most
#: epochs for the sake of that.
_NODES, _PASSES, _MOST_FOR_EDGES = 800, 50, 100
#: Of Adagrad, which divides by all gradients so far.
_LR_SHARDED = 0.1
#: The learning rate falls linearly to this part of its first value, as in word2vec.
_LAST_RATE = 1e-4
#: Walks in a batch, by engine: one is a step of Adam, a share of the work for a thread of the compiled kernel, or what
#: keeps a GPU busy.
_BATCH_SIZE = {"torch": 128, "numba": 512, "triton": 8192, "sharded": 512}
_PLAIN_SGD = ("numba", "triton")
_MOST_THREADS = 1024
#: Methods of a model that engines do not call, and a loop of one's own does.
_OWN = ("sample", "forward", "pairs_of")


def train(
    model: Any,
    graph: Any,
    plan: Plan,
    *,
    loss: str | losses.Loss = "stable",
    num_workers: int = 0,
    engine: str = "auto",
    threads: int | None = None,
    deterministic: bool = False,
    shrink_window: bool = False,
    validation: Any = None,
    monitor: str | None = None,
    validate_every: int = 1,
    patience: int | None = None,
    checkpoint_every: int | None = None,
) -> FitResult:
    """Train DeepWalk, Node2Vec or MetaPath2Vec, the learning rate falling linearly to 0.

    Three engines follow the same objective (:mod:`graphembed_ext.training.engines.base`): ``numba`` is a compiled
    kernel for tables in float32 on the CPU that does plain SGD as word2vec does, one window of a walk after another;
    ``triton`` is the same on a GPU, where it makes the walks, too, unless DGL was asked for by name or they have ``p``,
    ``q`` or times; ``torch`` does Adam on the model's own loss, batch by batch, on any device.

    What a subclass overrides is called: its ``loss`` by the engine ``torch``; its ``sample`` and ``forward``, as in a
    loop of one's own, by :func:`graphembed_ext.training.own_loop.train`.

    With the strategy ``"sharded"`` several processes train together, each of which has its own rows of both tables and
    its share of every batch of walks, by row-wise Adagrad on the model's own loss. What comes of it does not depend on
    how many there are, but for rounding. The tables stay shared out: ``ge.embed(model)``, called by every process,
    has the whole of them; ``ge.distributed.save(model, folder)`` writes them row by row without it.

    By default, ``numba`` trains on several threads at once, and ``triton`` many walks, which race for the tables:
    results differ a little from run to run. With ``deterministic=True`` they depend on the seed, the model's weights,
    the batch size and the walk engine alone, bit by bit: not on the host, nor on ``num_workers``. It takes one thread,
    and on a GPU the engine ``torch``.

    Args:
        model: A walk model of this package.
        graph: None, or the graph the model was built on.
        plan: What :func:`graphembed_ext.fit` was told. By default 20 epochs, in each of which one walk starts from
            every node; with ``numba`` and ``triton`` more where 20 would be too few for the graph: until walks from a
            node have 800 nodes (80 epochs of walks of 10), and, without metapaths, until they pass every edge 50 times
            (dense graphs with many classes need it), but no more than 100 for that. A first learning rate of 0.025 (the
            sums over a window make plain SGD diverge from about 0.2 on), 0.05 with these two along metapaths, or 0.1
            with the strategy ``"sharded"``; batches of 512 walks (``numba``, ``"sharded"``), 8192 (``triton``) or 128
            (``torch``).
        loss: Preset of :func:`graphembed_ext.losses.skip_gram_loss`; ``numba`` and ``triton`` have ``"stable"`` only.
            Or a function ``loss(pos, neg)`` of the scores of P pairs, ``(P,)``, and of their negatives,
            ``(P, negative_size)``, that returns a tensor of one number.
        num_workers: Processes that make walks ahead of training; 0 makes them in the calling thread, with ``numba``
            while it trains.
        engine: ``"auto"``, ``"numba"``, ``"triton"`` or ``"torch"``; auto means the compiled one where it serves.
        threads: Threads to train on; None takes as many as torch would.
        deterministic: Whether the result must be the same each time, bit by bit.
        shrink_window: Whether every centre draws a window from 1 to the model's ``window_size``, as word2vec does,
            instead of taking the whole: near nodes then weigh more than far ones, half of the pairs are trained,
            and published figures, which were taken so, are met. ``numba`` and ``triton`` only.
        validation, monitor, validate_every, patience: When training ends, and which weights are kept: as for
            :class:`graphembed_ext.training.watching.Watch`.
        checkpoint_every: With the strategy ``"sharded"`` and a checkpoint, after how many batches of an epoch the state
            is written, too: what is lost where a process ends in the midst of a long one. None writes it after epochs.

    Raises:
        InputError: An argument that cannot work, or tables that do not fit in memory; checked before any work.
        EngineError: The engine asked for by name cannot train this model.

    Reference:
        Mikolov et al. 2013, arXiv:1310.4546; Niu et al. 2011, "Hogwild!", arXiv:1106.5730.
    """
    own_loop.check_graph(model, graph)
    num_workers = checks.workers(num_workers)
    every = _every(checkpoint_every, plan)
    watched = {"validation": validation, "monitor": monitor, "validate_every": validate_every, "patience": patience}
    own = overridden(model, *_OWN)
    if own:
        given = {"loss": loss, "num_workers": num_workers, "engine": engine, "shrink_window": shrink_window}
        return _by_own_methods(model, graph, plan, own[0], given, watched)
    watch = Watch(model, None, model.walker.view, plan, **watched)
    threads = _threads(threads, checks.flag("deterministic", deterministic))
    key = rng.key(plan.seed, "fit")
    walker = model.walker if plan.group is ALONE else model.walker.by_number()
    engine_, fallback = choose(
        model,
        engine,
        lr=plan.lr or _LR,
        loss=loss,
        key=key,
        threads=threads,
        deterministic=deterministic,
        shrink_window=checks.flag("shrink_window", shrink_window),
        plan=plan,
    )
    if engine_.name == "triton" and not num_workers:
        walker = walker.on(model.node_embed.weight.device)
    batch_size = plan.batch_size or _BATCH_SIZE[engine_.name]
    loader = _loader(model, walker, plan.group, seed=key >> 1, batch_size=batch_size, num_workers=num_workers)
    epochs, lr = _course(model, plan, engine_.name)
    needed = engine_.memory() + _walking_memory(model, batch_size, threads)
    memory.check_training(engine_.name, needed)
    predicted = max(memory.peak(), memory.resident() + needed)
    config = {
        "lr": lr,
        "batch_size": batch_size,
        "seed": plan.seed,
        "loss": name_of(loss),
        "shrink_window": shrink_window,
    }
    trainer = _WalkTrainer(engine_, loader, epochs, batch_size, lr, plan.group, every)

    def belongs_to() -> dict[str, Any]:
        return {"task": "skip_gram", "deterministic": deterministic, **walks_of(walker), **watch.fingerprint()}

    result = run(
        trainer,
        model,
        plan,
        epochs=epochs,
        batches=len(loader),
        config=config,
        belongs_to=belongs_to,
        unit="token",
        early=watch.early,
        validate=watch.figures,
    )
    result.fallback, result.walk_engine, result.predicted_memory = fallback, walker.serving, predicted
    return result


def _by_own_methods(
    model: Any, graph: Any, plan: Plan, method: str, given: dict[str, Any], watched: dict[str, Any]
) -> FitResult:
    """Train a model whose ``sample`` or ``forward`` is a subclass's own, by calling them.

    Raises:
        InputError: Options of an engine, which calls neither.
    """
    usual: dict[str, Any] = {"loss": "stable", "num_workers": 0, "engine": "auto", "shrink_window": False}
    for name, value in given.items():
        if value not in (usual[name], "torch"):
            expected = f"{usual[name]!r}, as {type(model).__name__} overrides {method}, which is called as it is"
            raise InputError(name, value, expected, "override loss instead, which every option goes with")
    plan = replace(plan, batch_size=plan.batch_size or _BATCH_SIZE["torch"], lr=plan.lr or _LR)
    result = own_loop.train(model, graph, plan, **watched)
    result.fallback = f"{type(model).__name__} overrides {method}"
    return result


def _loader(model: Any, walker: Any, group: Group, **config: Any) -> Any:
    """The model's loader of walks, by this walker, of which each process makes its share."""
    own, model.walker = model.walker, walker
    try:
        loader = model.loader(**config)
    finally:
        model.walker = own
    if group is not ALONE:
        loader.group = group
    return loader


def _course(model: Any, plan: Plan, engine: str) -> tuple[int, float]:
    """Epochs, each of one walk from every start, and first rate: those given, or what the graph needs."""
    epochs, lr = float(_EPOCHS), _LR_SHARDED if engine == "sharded" else _LR
    if engine in _PLAIN_SGD:
        walker, view, length = model.walker, model.walker.view, model.walk_length
        for_edges = 0.0 if walker.metapaths else _PASSES * view.total_edges / (view.total_nodes * length)
        epochs = max(epochs, _NODES / length, min(for_edges, _MOST_FOR_EDGES))
        lr = _LR_METAPATHS if walker.metapaths else lr
    return plan.epochs or math.ceil(epochs), plan.lr or lr


class _WalkTrainer:
    """Hands the batches of walks of an epoch to an engine.

    Attributes:
        keep: Writes the state, where it is kept; called within an epoch after every so many batches.
    """

    def __init__(
        self, engine: Engine, loader: Any, epochs: int, batch_size: int, lr: float, group: Group = ALONE,
        every: int | None = None,
    ) -> None:  # fmt: skip
        self.name, self._group, self._every = engine.name, group, every
        self.keep: Callable[[], None] | None = None
        #: What there is of an epoch that is not over, as its state has it.
        self._begun: dict[str, Any] | None = None
        self._engine, self._loader, self._batch_size, self._lr = engine, loader, batch_size, lr
        self._total = epochs * len(loader)

    def epoch(self, number: int, bar: Bar) -> dict[str, float]:
        begun, self._begun = self._begun or {"tokens": 0, "losses": ()}, None
        tokens, losses_seen = begun["tokens"], list(begun["losses"])
        if losses_seen:
            self._loader.skip = len(losses_seen)
        with closing(self._engine.train(self.steps(number, len(losses_seen)))) as steps:  # type: ignore[type-var]
            for step in steps:
                losses_seen.append(finite(step.loss, number, step.batch, self._lr))
                tokens += step.tokens
                bar.advance(step.tokens, step.loss)
                self._pause(tokens, losses_seen)
        return {"loss": sum(losses_seen) / len(losses_seen), "tokens": tokens}

    def _pause(self, tokens: int, losses_seen: list[float]) -> None:
        """Write the state of an epoch that is not over, where it is time to."""
        done = len(losses_seen)
        if self.keep is not None and self._every and done % self._every == 0 and done < len(self._loader):
            self._begun = {"tokens": tokens, "losses": tuple(losses_seen)}
            self.keep()
            self._begun = None

    @property
    def optimizer(self) -> torch.optim.Optimizer:
        """What steps, of the engine ``torch``."""
        return self._engine.optimizer  # type: ignore[attr-defined]

    def lost(self, batch: Batch) -> tuple[Tensor, int]:
        """The loss of a batch by the engine ``torch``, and how many nodes its walks visit."""
        return self._engine.lost(batch), int((batch.walks >= 0).sum())  # type: ignore[attr-defined]

    def steps(self, epoch: int, done: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, from a number on; before, the loader is told which it leaves out."""
        self._loader.epoch = epoch
        for number, walks in enumerate(self._loader, done):
            rate = self._lr * max(_LAST_RATE, 1 - (epoch * len(self._loader) + number) / self._total)
            first = number * self._batch_size
            if self._group is not ALONE:  # a loader of somebody's own may have batches alone
                first += self._group.share(min(self._batch_size, len(self._loader.dataset) - first)).start
            yield Batch(walks, epoch, number, first, rate)

    def state_dict(self) -> dict[str, Any]:
        state = self._engine.state_dict()
        return state if self._begun is None else {**state, BEGUN: self._begun}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._engine.load_state_dict({name: value for name, value in state.items() if name != BEGUN})
        self._begun = state.get(BEGUN)


def _every(checkpoint_every: Any, plan: Plan) -> int | None:
    """After how many batches a state is written, checked; None for after epochs alone."""
    if checkpoint_every is None:
        return None
    every = checks.integer("checkpoint_every", checkpoint_every)
    if plan.group is ALONE or plan.checkpoint is None:
        expected = "None, unless there is a checkpoint and the strategy is 'sharded'"
        raise InputError("checkpoint_every", every, expected, "without, the state is written after every epoch")
    return every


def _threads(threads: int | None, deterministic: bool) -> int:
    if threads is None:
        return 1 if deterministic else torch.get_num_threads()
    threads = checks.integer("threads", threads, hint="None takes as many as torch would")
    if threads > _MOST_THREADS:
        raise InputError("threads", threads, f"at most {_MOST_THREADS}", "more threads than processors gain nothing")
    if deterministic and threads > 1:
        raise InputError("threads", threads, "1 or None with deterministic=True, as several threads race")
    return threads


def _walking_memory(model: Any, batch_size: int, threads: int) -> int:
    """Bytes that making walks will take: the graph's canonical form, unless it is there, and batches ahead."""
    view = model.walker.view
    edges = 0 if view.has_csr() else view.total_edges
    # Neighbours and edge ids stay, and sorting holds one order more for a while; where nodes outnumber edges, it holds
    # keys, their sorted copy and its work space.
    graph = (12 if view.total_nodes <= edges else 48) * edges + 16 * view.total_nodes
    return graph + (2 * threads + 2) * batch_size * model.walk_length * 8 * 3
