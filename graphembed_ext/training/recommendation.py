"""Training of recommenders by Bayesian personalised ranking."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from .. import losses
from .._core import checks
from .._core.parallel import threads_to_ourselves
from ..errors import InputError
from ..evaluate.ranking import recommendation
from ..graph.interactions import Interactions
from ..sampling.triplets import Triplets
from .adam import Adam
from .fingerprint import multiset
from .own_scores import OwnScores
from .result import FitResult
from .run import Bar, Early, Plan, run
from .splitting import Whole, split_of

__all__ = ["RankingTrainer", "Recommender", "train"]

_EPOCHS, _LR, _BATCH_SIZE = 100, 1e-3, 2048
_WEIGHT_DECAY = {"pyg": 1e-4, "lightgcn-pytorch": 1e-4, "recbole": 1e-5}
_SCHEDULES = ("constant", "linear", "cosine")


class Recommender(Protocol):
    """What this module needs of a model; it is an ``nn.Module``, too.

    Attributes:
        embedding: The table that is trained.
        alpha: Weight of each layer.
    """

    embedding: nn.Embedding
    alpha: Tensor

    def interactions(self, graph: Any = None, *, num_users: int | None = None) -> Interactions:
        """The interactions of a graph, by rows of the table."""

    def adopt(self, graph: Any = None, *, num_users: int | None = None) -> Interactions:
        """The same, and the graph is the model's from now on."""

    def rows(self, known: Interactions, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors of some distinct rows after and before propagation."""


def train(
    model: Any,
    graph: Any,
    plan: Plan,
    *,
    num_users: int | None = None,
    loss: str = "pyg",
    weight_decay: float | None = None,
    sampling: str = "interactions",
    num_negatives: int = 1,
    schedule: str = "constant",
    validation: Any = None,
    k: int = 20,
    monitor: str = "recall",
    validate_every: int = 5,
    patience: int | None = None,
) -> FitResult:
    """Train LightGCN by Bayesian personalised ranking and Adam.

    Every step ranks an item of each of its users above one that the user has no interaction with
    (:class:`~graphembed_ext.sampling.triplets.Triplets`), after propagation along all interactions in both
    directions. The last layer is computed for the nodes of the batch alone, and the gradient starts from them. The
    result depends on seed, weights and settings alone, bit by bit: neither on the host, nor on the order of its edges,
    nor on the number of threads.

    What a subclass overrides of ``forward``, ``recommendation_loss``, ``get_embedding`` or ``rows`` is called.

    Args:
        model: The model.
        graph: Bipartite graph of either host; None for the one the model was made for. Untyped graphs take
            ``num_users``.
        plan: What :func:`graphembed_ext.fit` was told. By default 100 epochs of batches of 2,048 triplets, and a
            learning rate of 0.001, as LightGCN-PyTorch has them.
        num_users: Number of users of an untyped graph, whose ids come first.
        loss: Preset of :func:`graphembed_ext.losses.bpr_loss`: ``"pyg"``, ``"lightgcn-pytorch"`` or ``"recbole"``.
            ``pyg`` holds the initial vectors of the distinct nodes of a batch small, as PyG's example does; the
            others count a node as often as it occurs.
        weight_decay: Strength of that; None for the preset's own: 1e-4, 1e-4 or 1e-5.
        sampling: ``"interactions"`` or ``"users"`` (LightGCN-PyTorch's).
        num_negatives: Items that each observed one is ranked above, drawn independently; the loss is the mean over
            them.
        schedule: Course of the learning rate: ``"constant"``, or falling to 0 over all epochs, ``"linear"`` or as a
            ``"cosine"``.
        validation: Pairs ``(2, V)``, user ids above item ids, that are not in the graph; the weights that rank them
            best are kept. None keeps the last.
        k: Length of the lists that validate.
        monitor: ``"recall"``, ``"ndcg"``, ``"precision"``, ``"hit_rate"`` or ``"mrr"``, all at ``k``.
        validate_every: Epochs from one validation to the next.
        patience: Validations without improvement after which training ends; None for none.

    Returns:
        ``history`` has ``loss``, ``samples`` (triplets) and ``val_recall@20`` and its kin.

    Raises:
        InputError: An argument that cannot work; a graph that is not bipartite; users without an item left.
        TrainingError: The loss became NaN or infinite.

    Reference:
        He et al. 2020, arXiv:2002.02126, section 3.3; Rendle et al. 2009, arXiv:1205.2618.
    """
    checks.choice("loss", loss, losses.BPR_PRESETS)
    checks.choice("schedule", schedule, _SCHEDULES)
    checks.choice("monitor", monitor, ("recall", "ndcg", "precision", "hit_rate", "mrr"))
    decay = _WEIGHT_DECAY[loss] if weight_decay is None else checks.number("weight_decay", weight_decay, minimum=0)
    validate_every = checks.integer("validate_every", validate_every)
    if patience is not None:
        patience = checks.integer("patience", patience)
        if validation is None:
            raise InputError("patience", patience, "None without validation pairs")
    known = model.interactions(graph, num_users=num_users)
    if validation is not None:
        pairs = known.sides.pairs(validation, "validation")
        if checks.integer("k", k) > len(known.sides.items):
            raise InputError("k", k, f"at most {len(known.sides.items)}, the number of items")
    epochs, lr, batch_size = plan.epochs or _EPOCHS, plan.lr or _LR, plan.batch_size or _BATCH_SIZE
    triplets = Triplets(known, sampling, plan.seed, checks.integer("num_negatives", num_negatives))
    split = split_of(model, plan.group)
    trainer = RankingTrainer(split.model, known, triplets, epochs, lr, batch_size, loss, decay, schedule, split)
    if validation is not None:
        trainer.validate_with(validation, k, validate_every)
    config = {"lr": lr, "batch_size": batch_size, "seed": plan.seed, "loss": loss, "weight_decay": decay}
    config |= {"sampling": sampling, "schedule": schedule, "validate_every": validate_every}
    config |= {"num_negatives": num_negatives} if num_negatives > 1 else {}
    early = None if validation is None else Early(f"val_{monitor}@{k}", patience, larger=True)

    def belongs_to() -> dict[str, Any]:
        found: dict[str, Any] = {"task": "recommendation", "alpha": repr(model.alpha.tolist())}
        found |= {"users": len(known.sides.users), "items": len(known.sides.items)}
        found["interactions"] = multiset(known.users, known.items)
        if early is None:
            return found | {"validation": None}
        return found | {"validation": multiset(*pairs), "monitor": early.monitor, "patience": patience}

    with split:
        return run(
            trainer,
            model,
            plan,
            epochs=epochs,
            batches=trainer.batches,
            config=config,
            belongs_to=belongs_to,
            early=early,
            begin=lambda: model.adopt(graph, num_users=num_users),
        )


class RankingTrainer:
    """An epoch: batch after batch of triplets. The arguments are those of :func:`train`, checked there."""

    name = "torch"

    def __init__(
        self,
        model: Any,
        known: Interactions,
        triplets: Triplets,
        epochs: int,
        lr: float,
        batch_size: int,
        loss: str,
        weight_decay: float,
        schedule: str,
        split: Whole | None = None,
    ) -> None:
        self._split = split or Whole(model)
        table = model.embedding.weight
        self._model, self._known, self._triplets, self._batch_size = model, known, triplets, batch_size
        self._loss, self._decay, self._schedule, self._lr = loss, weight_decay, schedule, lr
        self._epochs, self.batches = epochs, -(-len(triplets) // batch_size)
        self._on_cpu = table.device.type == "cpu"
        fused = table.device.type in ("cpu", "cuda") and table.is_floating_point()
        self._adam = Adam([p for p in model.parameters() if p.requires_grad], lr, fused=fused)
        self._validation: tuple[Tensor, int, int] | None = None
        self._own = OwnScores.of(model, known, loss)

    def validate_with(self, pairs: Tensor, k: int, every: int) -> None:
        """Rank these pairs after every so many epochs, and after the last."""
        self._validation = pairs, k, every

    def epoch(self, number: int, bar: Bar) -> dict[str, float]:
        """All batches of one epoch, and the validation where it is due."""
        with threads_to_ourselves() if self._on_cpu else nullcontext():
            seen = self._adam.epoch(number, bar, self._batches(number), self._lost)
        # every batch counts alike, the last and smaller one, too
        entry = {"loss": math.fsum(seen.losses) / len(seen.losses), "samples": sum(seen.counts)}
        if self._validation is not None:
            pairs, k, every = self._validation
            if (number + 1) % every == 0 or number + 1 == self._epochs:
                with self._split.joined() as whole:
                    figures = recommendation(whole, self._known, pairs, k)
                entry |= {f"val_{name}": figure for name, figure in figures.items()}
        return entry

    def _batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        for batch in range(self.batches):
            first = batch * self._batch_size
            self._adam.set_rate(self._rate(epoch * self.batches + batch))
            yield self._triplets.draw(epoch, first, min(first + self._batch_size, len(self._triplets)))

    def _lost(self, triplets: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, int]:
        return self.loss(*triplets), len(triplets[0])

    def loss(self, users: Tensor, items: Tensor, others: Tensor) -> Tensor:
        """Loss of triplets given as rows: users and items ``(B,)``, others ``(B,)``, or ``(B, K)`` for K negatives."""
        if self._own is not None:
            return self._own.loss(users, items, others, self._decay)
        rows, place = torch.unique(torch.cat([users, items, others.flatten()]), return_inverse=True)
        final, initial = self._model.rows(self._known, rows)
        sizes = [len(users), len(items), others.numel()]
        user, positive, negative = final.index_select(0, place).split(sizes)
        held = (initial,) if self._loss == "pyg" else initial.index_select(0, place).split(sizes)
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
