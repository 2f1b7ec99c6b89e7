"""What a model does with a graph, stage by stage, as tensors to compare."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from itertools import chain, count, islice, repeat
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from .. import losses
from .._core import rng
from ..graph.features import LABEL_NAMES, find
from ..graph.view import GraphView
from ..sampling.triplets import Triplets
from ..training.adam import Adam
from ..training.ranking import RankingTrainer
from ..training.splitting import Whole

__all__ = ["REASONS", "Found", "stages_of"]

#: Stage, quantity and value, in the order in which data flows.
Found = Iterator[tuple[str, str, Tensor]]

#: Likely cause of a difference in each stage.
REASONS = {
    "walks": "other edges, or another walk engine",
    "batches": "other edges, node counts or draws",
    "outputs": "other batches, features or initial weights",
    "loss": "other batches, or another floating-point type",
    "gradients": "other batches, or another floating-point type",
    "embeddings": "other batches or gradients before",
}

#: Steps of which loss and gradients are shown: the first gradient of DeepWalk's contexts is that of zero contexts.
_SHOWN = 2


def stages_of(model: Any, view: GraphView, steps: int, batch_size: int | None, seed: int) -> Found:
    """Train a model for some steps, and yield what it does.

    Args:
        model: A model of this package, made for the graph.
        view: The graph.
        steps: Optimiser steps.
        batch_size: Walks, triplets or nodes in a batch; None for 128, 2,048 or the whole graph.
        seed: Seed of draws and dropout.
    """
    return _trained(_TASKS[getattr(model, "task", "skip_gram")](model, view, batch_size, seed), steps)


class _Task(Protocol):
    """What one task is trained on, and what is lost on it."""

    model: Any

    def batches(self) -> Iterator[Any]:
        """The batches, without an end."""

    def contents(self, step: int, batch: Any) -> Found:
        """What a batch holds, where it is new."""

    def loss(self, step: int, batch: Any) -> tuple[Found, Tensor]:
        """What the model makes of a batch, and the loss."""

    def step(self, loss: Tensor) -> None:
        """Change the weights along the gradient, and leave it in the parameters."""

    def embeddings(self) -> Any:
        """Vectors by node type, where they are not the weights themselves."""


def _trained(task: _Task, steps: int) -> Found:
    for step, batch in enumerate(islice(task.batches(), steps)):
        if step < _SHOWN:
            yield from task.contents(step, batch)
        outputs, loss = task.loss(step, batch)
        yield from outputs
        task.step(loss)
        yield from _shown(task.model, step, loss)
    for name, value in task.model.state_dict().items():
        yield "embeddings", f"step {steps}, {name}", value.detach()
    found = task.embeddings()
    for node_type in found:
        yield "embeddings", f"step {steps}, nodes {node_type}", found[node_type]


class _SkipGram:
    """Walks, and plain gradient descent, as Adam would hide a difference in scale."""

    def __init__(self, model: Any, view: GraphView, batch_size: int | None, seed: int) -> None:
        self.model, self._key = model, rng.key(seed, "parity")
        self._loader = model.loader(seed=self._key >> 1, batch_size=batch_size or 128)
        self._optimizer = torch.optim.SGD(model.parameters(), lr=0.5)

    def batches(self) -> Iterator[Any]:
        return chain.from_iterable(repeat(self._loader))

    def contents(self, step: int, batch: Any) -> Found:
        yield "walks", f"batch {step + 1}", batch

    def loss(self, step: int, batch: Any) -> tuple[Found, Tensor]:
        return iter(()), self.model.loss(batch, stream=rng.key(self._key, step))

    def step(self, loss: Tensor) -> None:
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()

    def embeddings(self) -> Any:
        return {}


class _Nodes:
    """GraphSAGE and HAN: cross-entropy where the graph has labels, or else the mean square of the outputs."""

    def __init__(self, model: Any, view: GraphView, batch_size: int | None, seed: int) -> None:
        self.model, self._view, self._batch_size, self._seed = model, view, batch_size, seed
        self._labels = {t: find(view, t, LABEL_NAMES) for t in model.targets}
        self._nodes = {t: _training_nodes(view, t, self._labels[t]) for t in model.targets}
        self._whole = None if batch_size is not None else (model.inputs(view), self._nodes)
        self._adam = Adam(model.parameters(), 0.01)
        model.train()

    def batches(self) -> Iterator[Any]:
        if self._whole is not None:
            return repeat(self._whole)
        seed = rng.key(self._seed, "parity") >> 1
        view, nodes, size = self._view, self._nodes, self._batch_size
        return chain.from_iterable(self.model.loader(view, nodes, batch_size=size, seed=seed) for _ in count())

    def contents(self, step: int, batch: Any) -> Found:
        if step == 0 or self._whole is None:
            for name, value in _tensors(batch[0]):
                yield "batches", f"batch {step + 1}, {name}", value

    def loss(self, step: int, batch: Any) -> tuple[Found, Tensor]:
        inputs, chosen = batch
        with rng.torch_seeded(rng.key(self._seed, "dropout", step) >> 1):
            scores = self.model.logits(inputs)
        rows = {t: scores[t] if self._whole is None else scores[t][ids] for t, ids in chosen.items()}
        parts = [self._lost(t, rows[t], ids) for t, ids in chosen.items()]
        shown = rows.items() if step == 0 else ()
        return (("outputs", f"step 1, {name}", value) for name, value in shown), torch.stack(parts).sum()

    def _lost(self, node_type: str, rows: Tensor, ids: Tensor) -> Tensor:
        labels = self._labels[node_type]
        return rows.square().mean() if labels is None else losses.classification_loss(rows, labels[ids])

    def step(self, loss: Tensor) -> None:
        self._adam.step(loss)

    def embeddings(self) -> Any:
        return self.model.embeddings(self._view)


class _Recommendation:
    """LightGCN on triplets."""

    def __init__(self, model: Any, view: GraphView, batch_size: int | None, seed: int) -> None:
        self.model, self._batch_size = model, batch_size or 2048
        known = model.adopt(None)
        self._triplets = Triplets(known, seed=rng.key(seed, "parity") >> 1)
        self._trainer = RankingTrainer(
            Whole(model), known, self._triplets, 1, 0.01, self._batch_size, "pyg", 1e-4, "constant"
        )

    def batches(self) -> Iterator[Any]:
        for epoch in count():
            for first in range(0, len(self._triplets), self._batch_size):
                yield self._triplets.draw(epoch, first, min(first + self._batch_size, len(self._triplets)))

    def contents(self, step: int, batch: Any) -> Found:
        for name, rows in zip(("users", "items", "other items"), batch, strict=True):
            yield "batches", f"batch {step + 1}, {name}", rows

    def loss(self, step: int, batch: Any) -> tuple[Found, Tensor]:
        return iter(()), self._trainer.loss(*batch)

    def step(self, loss: Tensor) -> None:
        self._trainer.follow(loss)

    def embeddings(self) -> Any:
        return self.model.embeddings()


#: By task of the model; without one it is a walk model's.
_TASKS: dict[str, Callable[..., _Task]] = {
    "nodes": _Nodes,
    "recommendation": _Recommendation,
    "skip_gram": _SkipGram,
}


def _training_nodes(view: GraphView, node_type: str, labels: Tensor | None) -> Tensor:
    mask = find(view, node_type, ("train_mask",))
    count = view.num_nodes[node_type]
    if mask is not None and mask.dtype in (torch.bool, torch.uint8) and mask.shape == (count,):
        return mask.nonzero().squeeze(1)
    if labels is not None and labels.dim() == 1:
        return (labels >= 0).nonzero().squeeze(1)
    return torch.arange(count)


def _shown(model: nn.Module, step: int, loss: Tensor) -> Found:
    if step >= _SHOWN:
        return
    yield "loss", f"step {step + 1}", loss.detach()
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            gradient = parameter.grad
            yield (
                "gradients",
                f"step {step + 1}, {name}",
                gradient.to_dense() if gradient.is_sparse else gradient.clone(),
            )


def _tensors(value: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """The tensors in a model's inputs, with names."""
    if isinstance(value, Tensor):
        yield name, value
        return
    for key, item in _parts(value):
        yield from _tensors(item, f"{name} {key}".strip())


def _parts(value: Any) -> list[tuple[str, Any]]:
    """What a model's input consists of, by name; what is private may be of one host, such as its own ids."""
    if hasattr(value, "indptr"):  # edges grouped by destination
        return [("bounds", value.indptr), ("neighbours", value.indices)]
    if isinstance(value, dict):
        return [(key if isinstance(key, str) else "-".join(key), item) for key, item in value.items()]
    if hasattr(value, "_asdict"):
        return list(value._asdict().items())
    if is_dataclass(value):
        return [(part.name, getattr(value, part.name)) for part in fields(value) if not part.name.startswith("_")]
    if isinstance(value, (list, tuple)):
        return [(str(number), item) for number, item in enumerate(value)]
    return []
