"""Steps of Adam over the batches of an epoch: what the trainers of all tasks but the compiled skip-gram share.

A task says which batches there are and what is lost on one; the loop around the epochs is
:func:`graphembed_ext.training.run.run`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from .optimizers import Own, Rates, check_moments
from .placing import autocast
from .result import finite
from .run import USUAL, Bar, Plan

__all__ = ["Adam", "Seen", "TableAdam", "materialised"]

T = TypeVar("T")


class Seen(NamedTuple):
    """What an epoch's batches came to.

    Attributes:
        losses: Mean loss of each batch.
        counts: Examples in each batch.
    """

    losses: list[float]
    counts: list[int]

    def entry(self) -> dict[str, float]:
        """The history's entry: the mean loss over all examples, and how many they were."""
        total, samples = 0.0, sum(self.counts)
        for loss, count in zip(self.losses, self.counts, strict=True):
            total += loss * count
        return {"loss": total / max(samples, 1), "samples": samples}


class Adam:
    """torch's Adam on the weights of one model, or an optimiser of a user's own in its place.

    Args:
        parameters: What is trained.
        lr: Learning rate.
        weight_decay: L2 penalty.
        plan: What :func:`graphembed_ext.fit` was told: the optimiser, the precision of losses, and the processes that
            have the same weights and share out every batch, of which a step follows the gradient of all.
        fused: As for :class:`torch.optim.Adam`.

    Attributes:
        optimizer: What steps.

    Reference:
        Kingma and Ba 2015, "Adam: A Method for Stochastic Optimization", arXiv:1412.6980.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float,
        weight_decay: float = 0.0,
        *,
        plan: Plan = USUAL,
        fused: bool | None = None,
    ) -> None:
        trained = list(parameters)
        self._group, self._precision, self._device = plan.group, plan.precision, trained[0].device
        self.optimizer: torch.optim.Optimizer = (
            torch.optim.Adam(trained, lr=lr, weight_decay=weight_decay, fused=fused)
            if plan.own is None
            else plan.own.of(trained, lr, weight_decay)
        )
        self._rates = Rates(self.optimizer, lr)
        self._lr = self._rates.first

    def set_rate(self, lr: float) -> None:
        """Change the learning rate of the steps to come."""
        self._rates.set(lr)

    def step(self, loss: Tensor) -> None:
        """One step along a loss's gradient, which stays in the parameters."""
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._group.add_gradients(p for group in self.optimizer.param_groups for p in group["params"])
        self.optimizer.step()

    def epoch(self, number: int, bar: Bar, batches: Iterable[T], loss: Callable[[T], tuple[Tensor, int]]) -> Seen:
        """A step for each batch.

        Args:
            number: Number of the epoch, from 0.
            bar: Is told of every batch.
            batches: The batches.
            loss: Mean loss of a batch, or of this process's part of it, and how many examples that has.

        Raises:
            TrainingError: A loss that is NaN or infinite; the weights are those before that step.
        """
        seen = Seen([], [])
        for place, batch in enumerate(batches):
            with autocast(self._precision, self._device):
                found = loss(batch)
            lost, count = self._group.weighed(*found)
            value = finite(self._group.total(lost), number, place, self._lr)
            self.step(lost)
            seen.losses.append(value)
            seen.counts.append(count)
            bar.advance(count, value)
        return seen

    def state_dict(self) -> dict[str, Any]:
        """Adam's moments."""
        return self.optimizer.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Adam's moments of an earlier run.

        Raises:
            ValueError: Moments of other parameters; nothing is changed then.
        """
        check_moments(self.optimizer, state)
        self.optimizer.load_state_dict(state)


class TableAdam:
    """Adam on all weights of a model, its sparse form on tables whose gradients are sparse.

    Args:
        model: What is trained.
        lr: Learning rate.
        own: An optimiser of a user's own, for all of them.
    """

    def __init__(self, model: nn.Module, lr: float, own: Own | None = None) -> None:
        tables, others = _sparse_and_dense(model)
        self._optimizers: list[torch.optim.Optimizer] = []
        if own is not None:
            self._optimizers.append(own.of([*tables, *others], lr))
            return
        if tables:
            self._optimizers.append(torch.optim.SparseAdam(tables, lr=lr))
        if others:
            self._optimizers.append(torch.optim.Adam(others, lr=lr))

    def step(self, loss: Tensor) -> None:
        """One step along a loss's gradient; none where nothing that is trained has a part in it."""
        if not loss.requires_grad:
            return
        for optimizer in self._optimizers:
            optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        for optimizer in self._optimizers:
            optimizer.step()

    def state_dict(self) -> dict[str, Any]:
        """The moments of either form."""
        return {"optimizers": [optimizer.state_dict() for optimizer in self._optimizers]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Those of an earlier run.

        Raises:
            ValueError: Moments of other parameters.
        """
        if len(state["optimizers"]) != len(self._optimizers):
            raise ValueError("the state of another optimiser: sparse and dense tables are trained by different ones")
        for optimizer, found in zip(self._optimizers, state["optimizers"], strict=True):
            check_moments(optimizer, found)
        for optimizer, found in zip(self._optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(found)


def _sparse_and_dense(model: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    """The weights that are trained: those whose gradients are sparse, and the others."""
    sparse = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding) and m.sparse}
    trained = [p for p in model.parameters() if p.requires_grad]
    return [p for p in trained if id(p) in sparse], [p for p in trained if id(p) not in sparse]


def materialised(model: nn.Module, first_input: Callable[[], Any]) -> None:
    """Let layers that learn their sizes from their first input see one."""
    if any(map(is_lazy, model.parameters())):
        with torch.no_grad():
            model.logits(first_input())  # type: ignore[operator]
