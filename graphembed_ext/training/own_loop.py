"""Training by a model's own ``sample`` and loss: the loop that users of DGL and PyG write by hand.

PyG's ``Node2Vec`` and ``MetaPath2Vec`` are trained so, and every walk model whose ``sample`` or ``forward`` a subclass
overrides, which the engines of :mod:`graphembed_ext.training.engines` would pass over.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from torch import Tensor
from torch.utils.data import DataLoader

from .._core import rng
from ..errors import InputError
from .adam import TableAdam
from .fingerprint import walks_of
from .placing import autocast
from .result import FitResult, finite
from .run import Bar, Plan, run
from .watching import Watch

__all__ = ["SamplingModel", "check_graph", "train"]

_EPOCHS, _LR, _BATCH_SIZE = 20, 0.01, 128


class SamplingModel(Protocol):
    """What this module needs of a model; it is an ``nn.Module``, too."""

    def sampling_loader(self, **kwargs: Any) -> DataLoader[Any]:
        """A DataLoader over all start nodes, whose batches :meth:`sample` made."""

    def loss_of_sample(self, batch: Any) -> Tensor:
        """The loss of such a batch."""

    def drawing_from(self, key: int) -> Any:
        """A context in which the model's draws come from another key."""


def train(
    model: Any,
    graph: Any,
    plan: Plan,
    *,
    validation: Any = None,
    monitor: str | None = None,
    validate_every: int = 1,
    patience: int | None = None,
) -> FitResult:
    """Train PyG's Node2Vec or MetaPath2Vec by Adam on the model's own ``sample`` and ``loss``.

    Both are called as they are, so that what a subclass overrides counts. The tables of ``sparse=True`` get
    ``SparseAdam``. The result depends on seed, weights and settings alone; a run that resumes repeats one without a
    break.

    Args:
        model: The model.
        graph: None, or the graph the model was built on.
        plan: What :func:`graphembed_ext.fit` was told. By default 20 epochs of batches of 128 start nodes, each with
            all its walks, and a learning rate of 0.01, as in PyG's examples.
        validation, monitor, validate_every, patience: When training ends, and which weights are kept: as for
            :class:`graphembed_ext.training.watching.Watch`.

    Returns:
        ``history`` has ``loss`` and ``samples``, the start nodes.

    Raises:
        InputError: Another graph than the model was built on.
        TrainingError: The loss became NaN or infinite.
    """
    check_graph(model, graph)
    watch = Watch(
        model,
        None,
        model.walker.view,
        plan,
        validation=validation,
        monitor=monitor,
        validate_every=validate_every,
        patience=patience,
    )
    batch_size = plan.batch_size or _BATCH_SIZE
    trainer = _OwnLoop(model, plan, batch_size)
    config = {"lr": plan.lr or _LR, "batch_size": batch_size, "seed": plan.seed}
    result = run(
        trainer,
        model,
        plan,
        epochs=plan.epochs or _EPOCHS,
        batches=trainer.batches,
        config=config,
        belongs_to=lambda: {"task": "own loop", **walks_of(model.walker), **watch.fingerprint()},
        early=watch.early,
        validate=watch.figures,
    )
    result.walk_engine = model.walker.serving
    return result


def check_graph(model: Any, graph: Any) -> None:
    """Raise for another graph than a walk model was built on."""
    if graph is not None and graph is not model.g:
        raise InputError(
            "graph", f"a {type(graph).__name__}", f"None: {type(model).__name__} trains on the graph it was built on"
        )


class _OwnLoop:
    """Batch after batch of the model's own samples."""

    name = "torch"

    def __init__(self, model: Any, plan: Plan, batch_size: int) -> None:
        self._model, self._plan, self._batch_size, self._lr = model, plan, batch_size, plan.lr or _LR
        with model.drawing_from(0):  # a loader counts itself among the model's draws
            loader = model.sampling_loader(batch_size=batch_size, shuffle=True)
        self.batches, self._starts = len(loader), len(loader.dataset)
        self._adam = TableAdam(model, self._lr, plan.own)

    def epoch(self, number: int, bar: Bar) -> dict[str, float]:
        self._model.train()
        total, key = 0.0, rng.key(self._plan.seed, "own loop", number)
        device = next(self._model.parameters()).device
        with self._model.drawing_from(key), rng.torch_seeded(rng.key(key, "torch") >> 1, device):
            for place, (batch, count) in enumerate(self._batches(key)):
                with autocast(self._plan.precision, device):
                    loss = self._model.loss_of_sample(batch)
                value = finite(float(loss.detach()), number, place, self._lr)
                self._adam.step(loss)
                total += value
                bar.advance(count, value)
        return {"loss": total / self.batches, "samples": self._starts}

    def _batches(self, key: int) -> Iterator[tuple[Any, int]]:
        order = rng.generator(rng.key(key, "order"))
        loader = self._model.sampling_loader(batch_size=self._batch_size, shuffle=True, generator=order)
        for number, batch in enumerate(loader):
            yield batch, max(1, min(self._batch_size, self._starts - number * self._batch_size))

    def state_dict(self) -> dict[str, Any]:
        return self._adam.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._adam.load_state_dict(state)
