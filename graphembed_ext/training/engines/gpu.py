"""The compiled GPU engine: batches of walks go through :mod:`.gpu_kernel`, on the device of the tables."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..._core import rng
from ..._core.doors import within
from .base import Batch, Trained, WalkModel
from .cpu import negatives_table

__all__ = ["GPUEngine"]

#: Batches whose results are not read yet: reading one waits for the GPU.
_AHEAD = 4
#: Programs for each of the GPU's multiprocessors, at most.
_EACH = 16
#: How far, in units of a vector's length, all programs together may move the row of the commonest node while none of
#: them sees what the others did: beyond, plain SGD overshoots.
_CROWD = 0.25


class GPUEngine:
    """Trains by plain SGD on the tables themselves, as :class:`~.cpu.CPUEngine` does, many walks at the same time.

    The more often walks meet the commonest node, the fewer are trained at the same time: all of them would move its
    row by gradients that know nothing of each other.

    Args:
        model: A model that :func:`.cpu.obstacle` has nothing against, its tables on a GPU.
        key: Key of the negatives.
        shrink_window: Whether every centre draws a window of its own, from 1 to the model's.
    """

    name = "triton"

    def __init__(self, model: WalkModel, *, key: int, shrink_window: bool = False) -> None:
        self._model, self._key, self._shrink = model, key, shrink_window
        self._noise: tuple[Tensor, Tensor] | None = None
        self._programs: int | None = None

    def train(self, batches: Iterable[Batch]) -> Iterator[Trained]:
        """Hand batch after batch to the GPU; results come in that order, a few batches later."""
        waiting: deque[tuple[Batch, Tensor, Tensor]] = deque()
        tables = self._model.node_embed.weight.detach(), self._model.context_embed.weight.detach()
        try:
            for batch in batches:
                waiting.append(self._launched(batch, tables))
                if len(waiting) > _AHEAD:
                    yield _result(*waiting.popleft(), tables)
            while waiting:
                yield _result(*waiting.popleft(), tables, last=not waiting)
        finally:
            for table in tables:
                torch.autograd.graph.increment_version(table)

    def _launched(self, batch: Batch, tables: tuple[Tensor, Tensor]) -> tuple[Batch, Tensor, Tensor]:
        from .gpu_kernel import train_walks

        device = tables[0].device
        walks = within("batch_walk", batch.walks.to(device, torch.int64), len(tables[0]), first=-1, got="node id")
        alias, groups = self._negatives(device)
        if self._programs is None:
            self._programs = self._at_once(walks, batch.rate)
        found = train_walks(
            *tables,
            walks,
            self._model.window_size,
            self._shrink,
            self._model.negative_size,
            alias,
            groups,
            batch.rate,
            self._model.neg_weight,
            rng.key(self._key, "noise", batch.epoch),
            batch.first,
            min(self._programs, len(walks)),
        )
        return batch, (walks >= 0).sum(), found

    def _negatives(self, device: torch.device) -> tuple[Tensor, Tensor]:
        if self._noise is None:
            alias, groups = negatives_table(self._model)
            bits = torch.from_numpy(alias.view(np.int32).copy())
            self._noise = bits.to(device), torch.from_numpy(groups).to(device)
        return self._noise

    def _at_once(self, walks: Tensor, rate: float) -> int:
        """How many walks are trained at the same time, by how often they meet the commonest node."""
        met = torch.bincount(walks[walks >= 0])
        share = float(met.max() / met.sum())
        crowd = _CROWD / (2 * self._model.window_size * share * max(rate, 1e-12))
        most = _EACH * torch.cuda.get_device_properties(walks.device).multi_processor_count
        return max(1, min(most, int(crowd)))

    def state_dict(self) -> dict[str, Any]:
        """Nothing: SGD has no state."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing to take up."""

    def memory(self) -> int:
        """What making the table of negatives takes on the CPU."""
        return 64 * self._model.node_embed.num_embeddings


def _result(batch: Batch, tokens: Tensor, found: Tensor, tables: tuple[Tensor, Tensor], last: bool = False) -> Trained:
    loss, pairs = found.sum(0).tolist()
    if last and not all(bool(torch.isfinite(table.sum())) for table in tables):
        loss = float("nan")  # no later loss will show it
    return Trained(batch.number, int(tokens), loss / pairs if pairs else 0.0)
