"""The compiled CPU engine: threads of its own around :mod:`.kernel`, walks made meanwhile by the calling thread.

The kernel is single-threaded and releases the GIL. numba's own threading layers are left alone: OpenMP's ends a
process that forks after its first use, the workqueue layer one that enters it from two threads. Threads live for
one epoch only, so that a DataLoader's workers, or the caller between two calls, fork a process without them.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..._core import rng
from ..._core.alias import alias_table
from ..._core.doors import ascending, within
from ..._core.overrides import overridden
from ...errors import InputError
from .base import Batch, Trained, WalkModel
from .kernel import train_walks

__all__ = ["CPUEngine", "negatives_table", "obstacle"]

#: Batches of walks made ahead, for each thread.
_AHEAD = 2


def obstacle(model: WalkModel, loss: str, kind: str = "cpu") -> str:
    """Why the compiled engine for a kind of device cannot train a model; empty when it can."""
    if loss != "stable":
        return f"it computes the loss 'stable', not {loss!r}"
    changed = _changed(model)
    if changed:
        return changed
    for name in ("node_embed", "context_embed"):
        weight = getattr(model, name).weight
        if weight.device.type != kind:
            return f"{name} is on {weight.device}, not on {_PLACES[kind]}"
        if weight.dtype != torch.float32:
            return f"{name} is {str(weight.dtype).removeprefix('torch.')}, not float32"
        if not weight.is_contiguous():
            return f"{name} is not contiguous"
        if not weight.requires_grad:
            return f"{name} is frozen"
    shapes = [tuple(getattr(model, name).weight.shape) for name in ("node_embed", "context_embed")]
    return "" if shapes[0] == shapes[1] else f"context_embed has shape {shapes[1]}, not {shapes[0]} as node_embed"


_PLACES = {"cpu": "the CPU", "cuda": "a GPU"}
#: Methods of a model whose work the kernel does itself.
_PASSED_OVER = ("loss", "_draw_negatives", "_negative_scores", "_negatives_of")


def _changed(model: WalkModel) -> str:
    """What somebody changed of a model that the kernel would pass over; empty where nothing is."""
    for name in overridden(model, *_PASSED_OVER):
        return f"{type(model).__name__} overrides {name}, which it would not call"
    for name in ("node_embed", "context_embed"):
        if not _plain(getattr(model, name)):
            return f"{name} is no plain nn.Embedding, or has hooks, which it would not call"
    return ""


def _plain(table: nn.Module) -> bool:
    hooks = (table._forward_hooks, table._forward_pre_hooks, table._backward_hooks, table._backward_pre_hooks)
    return type(table) is nn.Embedding and table.max_norm is None and not any(hooks)


class CPUEngine:
    """Trains by plain SGD on the tables themselves.

    With more than one thread they work on other batches at the same time and add their changes to the same tables
    without locks (Hogwild, arXiv:1106.5730): the result then depends on their timing. One thread takes the batches
    in order, and its result is the same each time.

    Args:
        model: A model that :func:`obstacle` has nothing against.
        key: Key of the negatives.
        threads: Number of threads.
        shrink_window: Whether every centre draws a window of its own, from 1 to the model's.
    """

    name = "numba"

    def __init__(self, model: WalkModel, *, key: int, threads: int, shrink_window: bool = False) -> None:
        self._model, self._key, self._threads, self._shrink = model, key, threads, shrink_window
        self._failed: BaseException | None = None

    def train(self, batches: Iterable[Batch]) -> Iterator[Trained]:
        """Hand the batches to the threads; results come in the order in which they are done."""
        source = iter(batches)
        first = next(source, None)  # made before the threads start: a DataLoader forks here
        if first is None:
            return
        tables = [getattr(self._model, name).weight.detach() for name in ("node_embed", "context_embed")]
        alias, groups = negatives_table(self._model)
        work: queue.Queue[Batch | None] = queue.Queue(_AHEAD * self._threads)
        done: queue.SimpleQueue[Trained | BaseException] = queue.SimpleQueue()
        stopping = threading.Event()

        def serve() -> None:
            while (batch := work.get()) is not None:
                if stopping.is_set():
                    continue
                try:
                    done.put(self._train(batch, tables, alias, groups))
                except BaseException as error:  # raised again in the calling thread
                    done.put(error)

        threads = [threading.Thread(target=serve, name=f"skip-gram {k}", daemon=True) for k in range(self._threads)]
        for thread in threads:
            thread.start()
        waiting = 0
        try:
            batch: Batch | None = first
            while batch is not None:
                work.put(batch)
                waiting += 1
                while waiting and not done.empty():
                    waiting -= 1
                    yield _result(done.get())
                batch = next(source, None)
            while waiting:
                waiting -= 1
                yield _result(done.get())
        finally:
            stopping.set()
            for _ in threads:
                work.put(None)
            for thread in threads:
                thread.join()
            for table in tables:
                torch.autograd.graph.increment_version(table)

    def _train(self, batch: Batch, tables: list[Tensor], alias: np.ndarray, groups: np.ndarray) -> Trained:
        walks = within("batch_walk", batch.walks.contiguous().cpu(), len(tables[0]), first=-1, got="node id")
        nodes, contexts = (table.numpy().reshape(-1) for table in tables)
        tokens, pairs, loss = train_walks(
            nodes,
            contexts,
            tables[0].size(1),
            walks.numpy(),
            self._model.window_size,
            self._shrink,
            self._model.negative_size,
            alias,
            groups,
            np.float32(batch.rate),
            np.float32(self._model.neg_weight),
            np.uint64(rng.key(self._key, "noise", batch.epoch)),
            batch.first,
        )
        return Trained(batch.number, tokens, loss / pairs if pairs else 0.0)

    def state_dict(self) -> dict[str, Any]:
        """Nothing: SGD has no state."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing to take up."""

    def memory(self) -> int:
        """The table of negatives, with what its making takes."""
        return 64 * self._model.node_embed.num_embeddings


def negatives_table(model: WalkModel) -> tuple[np.ndarray, np.ndarray]:
    """Alias table of the negatives as the kernel reads it, and the bounds of its groups."""
    weights, bounds = model.noise_groups()
    rows = model.node_embed.num_embeddings
    if weights is None:
        return np.empty((0, 2), np.uint32), np.array([0, rows])
    if rows > 1 << 32:
        raise InputError("num_nodes", rows, "at most 2**32 nodes: the engine 'numba' numbers them in 32 bits")
    groups = ascending("noise_groups", bounds, rows)
    table = alias_table(groups, weights.double())
    packed = np.empty((rows, 2), np.uint32)
    # A slot that is always kept names itself as its other node, so that the lost chance of 2**-32 does not matter.
    packed[:, 0] = table.threshold.clamp(max=(1 << 32) - 1).numpy()
    packed[:, 1] = table.other.numpy()
    return packed, groups.numpy()


def _result(outcome: Trained | BaseException) -> Trained:
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome
