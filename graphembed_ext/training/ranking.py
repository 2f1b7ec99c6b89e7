"""Trainers of recommenders: an epoch of triplets, or of users with all their items."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .. import losses
from .._core.parallel import threads_to_ourselves
from ..distributed.group import ALONE
from ..errors import InputError
from ..evaluate.ranking import recommendation
from ..graph.interactions import Interactions
from ..nn.ops.log_sum_exp import log_sum_exp
from ..nn.ops.pair_scores import pair_scores
from ..sampling.histories import Histories, HistoryBatch
from ..sampling.triplets import Triplets
from .adam import Adam
from .own_scores import OwnScores
from .run import USUAL, Bar, Plan
from .splitting import Whole

__all__ = ["RankingTrainer", "SoftmaxTrainer"]


class RankingTrainer:
    """An epoch: batch after batch of triplets. The arguments are those of ``recommendation.train``, checked there."""

    name = "torch"

    def __init__(
        self,
        split: Whole,
        known: Interactions,
        examples: Triplets | Histories,
        epochs: int,
        lr: float,
        batch_size: int,
        loss: str | losses.Loss,
        weight_decay: float,
        schedule: str,
        plan: Plan = USUAL,
    ) -> None:
        self._split, model = split, split.model
        table = model.embedding.weight
        self._model, self._known, self._examples, self._batch_size = model, known, examples, batch_size
        self._loss, self._decay, self._schedule, self._lr = loss, weight_decay, schedule, lr
        self._epochs, self.batches = epochs, -(-len(examples) // batch_size)
        self._on_cpu = table.device.type == "cpu"
        fused = table.device.type in ("cpu", "cuda") and table.is_floating_point()
        # ranks that share out columns add up scores, and each has the whole gradient of its own
        alone = replace(plan, group=ALONE)
        self._adam = Adam([p for p in model.parameters() if p.requires_grad], lr, plan=alone, fused=fused)
        self._validation: tuple[Tensor, int, int] | None = None
        self._own = OwnScores.of(model, known, loss)

    def validate_with(self, pairs: Tensor, k: int, every: int) -> None:
        """Rank these pairs after every so many epochs, and after the last."""
        self._validation = pairs, k, every

    def epoch(self, number: int, bar: Bar) -> dict[str, float]:
        """All batches of one epoch, and the validation where it is due."""
        with threads_to_ourselves() if self._on_cpu else nullcontext():
            seen = self._adam.epoch(number, bar, self.steps(number), self.lost)
        # every batch counts alike, the last and smaller one, too
        entry = {"loss": math.fsum(seen.losses) / len(seen.losses), "samples": sum(seen.counts)}
        return entry | self.validated(number)

    def validated(self, number: int) -> dict[str, float]:
        """How the held-out pairs rank, where that is due after this epoch."""
        if self._validation is None:
            return {}
        pairs, k, every = self._validation
        if (number + 1) % every and number + 1 < self._epochs:
            return {}
        with self._split.joined() as whole:
            figures = recommendation(whole, self._known, pairs, k)
        return {f"val_{name}": figure for name, figure in figures.items()}

    @property
    def optimizer(self) -> torch.optim.Optimizer:
        """What steps."""
        return self._adam.optimizer

    def steps(self, epoch: int) -> Iterator[Any]:
        """The batches of an epoch; the learning rate follows its course from one to the next."""
        for batch in range(self.batches):
            first = batch * self._batch_size
            self._adam.set_rate(self._rate(epoch * self.batches + batch))
            yield self._examples.draw(epoch, first, min(first + self._batch_size, len(self._examples)))

    def lost(self, triplets: Any) -> tuple[Tensor, int]:
        """The loss of a batch, and how many interactions it has."""
        return self.loss(*triplets), len(triplets[0])

    def loss(self, users: Tensor, items: Tensor, others: Tensor) -> Tensor:
        """Loss of triplets given as rows: users and items ``(B,)``, others ``(B,)``, or ``(B, K)`` for K negatives."""
        if self._own is not None:
            return self._own.loss(users, items, others, self._decay)
        rows, place = torch.unique(torch.cat([users, items, others.flatten()]), return_inverse=True)
        final, initial = self._model.rows(self._known, rows)
        sizes = [len(users), len(items), others.numel()]
        user, positive, negative = final.index_select(0, place).split(sizes)
        held = (
            (initial,) if self._loss == "pyg" or callable(self._loss) else initial.index_select(0, place).split(sizes)
        )
        better, worse, held = self._split.scored(user, positive, negative, others, held)
        return losses.bpr_loss(better, worse, preset=self._loss, initial=held, weight_decay=self._decay)

    def step(self, users: Tensor, items: Tensor, others: Tensor) -> float:
        """Train on triplets given as rows, each ``(B,)``; returns their loss."""
        loss = self.loss(users, items, others)
        self.follow(loss)
        return loss.item()

    def follow(self, loss: Tensor) -> None:
        """One step along a loss's gradient."""
        self._adam.step(loss)

    def _rate(self, step: int) -> float:
        left = 1 - step / (self._epochs * self.batches)
        if self._schedule == "linear":
            return self._lr * left
        if self._schedule == "cosine":
            return self._lr * (1 - math.cos(math.pi * left)) / 2
        return self._lr

    def state_dict(self) -> dict[str, Any]:
        """Adam's moments."""
        return self._split.shared(self._adam.state_dict())

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Adam's moments of an earlier run."""
        self._adam.load_state_dict(self._split.own(state))


class SoftmaxTrainer(RankingTrainer):
    """An epoch: batch after batch of users with all their items; arguments are those of ``recommendation.train``."""

    def __init__(
        self,
        split: Whole,
        known: Interactions,
        histories: Histories,
        *,
        temperature: float,
        balance: float,
        **ranking: Any,
    ) -> None:
        super().__init__(split, known, histories, **ranking)
        if self._own is not None:
            expected = f"'pyg', as {type(split.model).__name__} overrides forward, which scores pairs"
            raise InputError("loss", self._loss, expected, "leave loss out")
        self._temperature, self._balance, self._exhaustive = temperature, balance, histories.exhaustive

    def lost(self, batch: HistoryBatch) -> tuple[Tensor, int]:
        """See :meth:`RankingTrainer.lost`."""
        return self.loss_of(batch), len(batch.items)

    def loss_of(self, batch: HistoryBatch) -> Tensor:
        """Loss of some users with all their items."""
        rows, place = torch.unique(torch.cat([batch.users, batch.items, batch.negatives]), return_inverse=True)
        final, initial = self._split.whole(*self._model.rows(self._known, rows))
        of_user, of_item, of_other = place.split([len(batch.users), len(batch.items), len(batch.negatives)])
        user = F.normalize(final.index_select(0, of_user), dim=1) / self._temperature
        pos = pair_scores(user, final, batch.owner, of_item[:, None]).flatten()
        rest = log_sum_exp(user, final.index_select(0, of_other)).index_select(0, batch.owner)
        amount = torch.bincount(batch.owner, minlength=len(batch.users)).to(pos.dtype)
        weight = amount.pow(-self._balance).index_select(0, batch.owner) if self._balance else None
        loss = losses.sampled_softmax_loss(pos, rest, whole=self._exhaustive, weight=weight)
        return loss + self._decay * initial.square().sum() / len(pos) if self._decay else loss
