"""The reference engine: Adam on the model's own loss, in torch, on any device."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from torch import Tensor, nn
from torch.optim import Adam, Optimizer, SparseAdam

from ..._core import rng
from ..._core.overrides import accepted
from ..optimizers import Own, Rates
from ..placing import autocast
from .base import Batch, Trained, WalkModel, one_by_one

__all__ = ["TorchEngine"]


class TorchEngine:
    """Trains by automatic differentiation of ``model.loss``.

    Args:
        model: The model; its tables may be of any device and dtype.
        lr: First learning rate.
        loss: Preset of :func:`graphembed_ext.losses.skip_gram_loss`, or a function as it takes.
        key: Key of the negatives.
        threads: Threads of torch while it trains.
        precision: As for :func:`graphembed_ext.fit`.
        own: An optimiser of the user's own, in the place of Adam.
    """

    name = "torch"

    def __init__(
        self,
        model: WalkModel,
        *,
        lr: float,
        loss: Any,
        key: int,
        threads: int,
        precision: str | None = None,
        own: Own | None = None,
    ) -> None:
        self._model, self._loss, self._key, self._threads = model, loss, key, threads
        self._precision, self._device = precision, model.node_embed.weight.device
        modules = list(model.modules())  # type: ignore[attr-defined]
        self._parameters = [p for module in modules for p in module.parameters(recurse=False) if p.requires_grad]
        self._sparse = any(module.sparse for module in modules if isinstance(module, nn.Embedding))
        kind = SparseAdam if self._sparse else Adam
        self.optimizer: Optimizer = kind(self._parameters, lr=lr) if own is None else own.of(self._parameters, lr)
        self._rates = Rates(self.optimizer, lr)

    def train(self, batches: Iterable[Batch]) -> Iterator[Trained]:
        """One step of Adam for each batch."""
        return one_by_one(self._step, batches, self._threads)

    def lost(self, batch: Batch) -> Tensor:
        """The loss of a batch; the learning rate is that of the batch from now on."""
        self._rates.set(batch.rate)
        stream = rng.key(self._key, "noise", batch.epoch, batch.number)
        with autocast(self._precision, self._device):
            return self._model.loss(batch.walks, **accepted(self._model.loss, preset=self._loss, stream=stream))

    def _step(self, batch: Batch) -> Trained:
        value = self.lost(batch)
        loss = float(value.detach())
        if value.requires_grad and loss - loss == 0:  # a step along a gradient that is no number would spoil all
            self.optimizer.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
        return Trained(batch.number, int((batch.walks >= 0).sum()), loss)

    def state_dict(self) -> dict[str, Any]:
        """State of the optimiser."""
        return self.optimizer.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up the state of an optimiser."""
        self.optimizer.load_state_dict(state)

    def memory(self) -> int:
        """Adam's two moments, and the gradients where they are dense."""
        tables = sum(p.numel() * p.element_size() for p in self._parameters if p.device.type == "cpu")
        return tables * (2 if self._sparse else 3)
