"""What a model does with a graph, stage by stage, as tensors to compare."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from .. import losses
from .._core import rng
from ..graph.features import LABEL_NAMES, find
from ..graph.view import GraphView

__all__ = ["REASONS", "Found", "classes", "stages_of"]

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
_BATCH_SIZE = {"skip_gram": 128, "recommendation": 2048}


def stages_of(model: Any, view: GraphView, steps: int, batch_size: int | None, seed: int) -> Found:
    """Train a model for some steps, and yield what it does.

    Args:
        model: A model of this package, made for the graph.
        view: The graph.
        steps: Optimiser steps.
        batch_size: Walks, triplets or nodes in a batch; None for 128, 2,048 or the whole graph.
        seed: Seed of draws and dropout.
    """
    task = getattr(model, "task", "skip_gram")
    run: Callable[..., Found] = {"nodes": _nodes, "recommendation": _recommendation}.get(task, _skip_gram)
    return run(model, view, steps, batch_size or _BATCH_SIZE.get(task), seed)


def _skip_gram(model: Any, view: GraphView, steps: int, batch_size: int, seed: int) -> Found:
    key = rng.key(seed, "parity")
    loader = model.loader(seed=key >> 1, batch_size=batch_size)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    for step, walks in enumerate(_endless(lambda: loader, steps)):
        if step < _SHOWN:
            yield "walks", f"batch {step + 1}", walks
        loss = model.loss(walks, stream=rng.key(key, step))
        optimizer.zero_grad()
        loss.backward()
        yield from _shown(model, step, loss)
        optimizer.step()
    yield from _weights(model, steps)


def _nodes(model: Any, view: GraphView, steps: int, batch_size: int | None, seed: int) -> Found:
    """GraphSAGE and HAN: cross-entropy where the graph has labels, or else the mean square of the outputs."""
    labels = {t: find(view, t, LABEL_NAMES) for t in model.targets}
    nodes = {t: _training_nodes(view, t, labels[t]) for t in model.targets}
    whole = None if batch_size is not None else (model.inputs(view), nodes)

    def batches() -> Any:
        if whole is not None:
            return [whole]
        return model.loader(view, nodes, batch_size=batch_size, seed=rng.key(seed, "parity") >> 1)

    adam = torch.optim.Adam(model.parameters(), lr=0.01)
    model.train()
    for step, (inputs, chosen) in enumerate(_endless(batches, steps)):
        if step < (_SHOWN if whole is None else 1):
            for name, value in _tensors(inputs):
                yield "batches", f"batch {step + 1}, {name}", value
        with rng.torch_seeded(rng.key(seed, "dropout", step) >> 1):
            scores = model.logits(inputs)
        parts = []
        for node_type, ids in chosen.items():
            rows = scores[node_type][ids] if whole is not None else scores[node_type]
            if step == 0:
                yield "outputs", f"step 1, {node_type}", rows
            wanted = labels[node_type]
            part = rows.square().mean() if wanted is None else losses.classification_loss(rows, wanted[ids])
            parts.append(part)
        loss = torch.stack(parts).sum()
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        yield from _shown(model, step, loss)
        adam.step()
    yield from _weights(model, steps)
    yield from _embeddings(model.embeddings(view), steps)


def _recommendation(model: Any, view: GraphView, steps: int, batch_size: int, seed: int) -> Found:
    from ..sampling.triplets import Triplets
    from ..training.recommendation import RankingTrainer

    known = model.adopt(None)
    triplets = Triplets(known, seed=rng.key(seed, "parity") >> 1)
    trainer = RankingTrainer(model, known, triplets, steps, 0.01, batch_size, "pyg", 1e-4, "constant")
    step = epoch = 0
    while step < steps:
        for first in range(0, len(triplets), batch_size):
            drawn = triplets.draw(epoch, first, min(first + batch_size, len(triplets)))
            if step < _SHOWN:
                for name, rows in zip(("users", "items", "other items"), drawn, strict=True):
                    yield "batches", f"batch {step + 1}, {name}", rows
            loss = trainer.step(*drawn)
            yield from _shown(model, step, torch.tensor(loss, dtype=torch.float64))
            step += 1
            if step == steps:
                break
        epoch += 1
    yield from _weights(model, steps)
    yield from _embeddings(model.embeddings(), steps)


def classes(view: GraphView, node_type: str) -> int | None:
    """Number of classes that a node type has labels of; None without labels."""
    labels = find(view, node_type, LABEL_NAMES)
    if labels is None or not labels.numel():
        return None
    return labels.size(1) if labels.dim() == 2 else int(labels.max()) + 1


def _training_nodes(view: GraphView, node_type: str, labels: Tensor | None) -> Tensor:
    mask = find(view, node_type, ("train_mask",))
    count = view.num_nodes[node_type]
    if mask is not None and mask.dtype in (torch.bool, torch.uint8) and mask.shape == (count,):
        return mask.nonzero().squeeze(1)
    if labels is not None and labels.dim() == 1:
        return (labels >= 0).nonzero().squeeze(1)
    return torch.arange(count)


def _endless(batches: Callable[[], Any], count: int) -> Iterator[Any]:
    """So many batches, from the start again where they end."""
    done = 0
    while done < count:
        for batch in batches():
            yield batch
            done += 1
            if done == count:
                return


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


def _weights(model: nn.Module, steps: int) -> Found:
    for name, value in model.state_dict().items():
        yield "embeddings", f"step {steps}, {name}", value.detach()


def _embeddings(found: Any, steps: int) -> Found:
    for node_type in found:
        yield "embeddings", f"step {steps}, nodes {node_type}", found[node_type]


def _tensors(value: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """The tensors in a model's inputs, with names."""
    if isinstance(value, Tensor):
        yield name, value
    elif hasattr(value, "indptr"):  # edges grouped by destination
        yield f"{name} bounds".strip(), value.indptr
        yield f"{name} neighbours".strip(), value.indices
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _tensors(item, f"{name} {key if isinstance(key, str) else '-'.join(key)}".strip())
    elif hasattr(value, "_asdict"):
        yield from _tensors(value._asdict(), name)
    elif hasattr(value, "__dataclass_fields__"):  # what is private may be of one host, such as its own ids
        fields = [key for key in value.__dataclass_fields__ if not key.startswith("_")]
        yield from _tensors({key: getattr(value, key) for key in fields}, name)
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from _tensors(item, f"{name} {number}".strip())
