"""Optimisers: a user's own in the place of the usual ones, and their learning rates."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from ..errors import InputError
from .fingerprint import name_of

__all__ = ["Own", "Rates", "check_moments"]

_EXPECTED = "a class of torch.optim, an optimiser of the model's parameters, or a function that makes one of parameters"


class Own:
    """An optimiser of a user's own.

    Args:
        given: A class of optimisers, which gets the training's learning rate and weight decay; any other function of
            parameters, or an optimiser, which have their own.
        lr: The learning rate that was asked for; None for the task's usual.

    Raises:
        InputError: Anything else; a learning rate beside an optimiser that has its own.

    Example:
        >>> import functools
        >>> Own(functools.partial(torch.optim.SGD, lr=0.5, momentum=0.9), None).name
        'SGD(lr=0.5, momentum=0.9)'
    """

    def __init__(self, given: Any, lr: float | None) -> None:
        self._given, self._is_class = given, isinstance(given, type)
        function = callable(given) and not isinstance(given, torch.nn.Module)
        known = issubclass(given, Optimizer) if self._is_class else function or isinstance(given, Optimizer)
        if not known:
            raise InputError("optimizer", given if isinstance(given, str) else f"a {type(given).__name__}", _EXPECTED)
        if lr is not None and not self._is_class:
            hint = "functools.partial(torch.optim.SGD, lr=0.1) makes one with a rate"
            raise InputError("lr", lr, "None with an optimizer, which has its own rate", hint)

    @property
    def has_rate(self) -> bool:
        """Whether the learning rate is the optimiser's own."""
        return not self._is_class

    @property
    def name(self) -> str:
        """What it is, for records and states."""
        if not isinstance(self._given, Optimizer):
            return name_of(self._given)
        kind, usual = type(self._given), inspect.signature(type(self._given)).parameters
        given = {k: v for k, v in self._given.defaults.items() if k in usual and v != usual[k].default}
        return name_of(functools.partial(kind, **given) if given else kind)

    def of(self, parameters: Iterable[Tensor], lr: float, weight_decay: float = 0.0) -> Optimizer:
        """The optimiser of some parameters.

        Args:
            parameters: What is trained.
            lr: Learning rate, and
            weight_decay: L2 penalty, where it has none of its own.

        Raises:
            InputError: Something that is no optimiser of these came of it.
        """
        trained = list(parameters)
        found = self._made(trained, lr, weight_decay)
        if not isinstance(found, Optimizer):
            raise InputError("optimizer", f"a function that returned a {type(found).__name__}", _EXPECTED)
        known = {id(parameter) for parameter in trained}
        if any(id(p) not in known for group in found.param_groups for p in group["params"]):
            raise InputError("optimizer", f"a {type(found).__name__} of other tensors", "one of the model's parameters")
        return found

    def _made(self, parameters: list[Tensor], lr: float, weight_decay: float) -> Any:
        if isinstance(self._given, Optimizer):
            return self._given
        more: dict[str, float] = {"lr": lr} if self._is_class else {}
        if self._is_class and weight_decay:
            more["weight_decay"] = weight_decay
        try:
            return self._given(parameters, **more)
        except TypeError as error:
            raise InputError("optimizer", f"{self.name} ({error})", _EXPECTED) from error


class Rates:
    """The learning rates of an optimiser's groups, which follow the course of a training.

    Args:
        optimizer: The optimiser.
        lr: The training's first rate; a group that began with another keeps its proportion to it.
    """

    def __init__(self, optimizer: Optimizer, lr: float) -> None:
        self._optimizer, self._lr = optimizer, lr
        self._first = [group["lr"] for group in optimizer.param_groups]

    @property
    def first(self) -> float:
        """The rate that the first group began with."""
        return float(self._first[0])

    def set(self, lr: float) -> None:
        """Change the rates of the steps to come to what they are where the training's is ``lr``."""
        for group, first in zip(self._optimizer.param_groups, self._first, strict=True):
            group["lr"] = lr if first == self._lr else first * (lr / self._lr)


def check_moments(optimizer: Optimizer, state: dict[str, Any]) -> None:
    """Raise ValueError for moments that no weights of an optimiser have."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for place, moments in state["state"].items():
        if isinstance(optimizer, (torch.optim.Adam, torch.optim.SparseAdam)):
            moments["exp_avg"]  # those of another optimiser are none of Adam's
        for found in moments.values():
            if not isinstance(found, Tensor) or found.dim() == 0:
                continue
            if place >= len(parameters) or found.shape != parameters[place].shape:
                raise ValueError(f"moments of shape {tuple(found.shape)}, which no weights of this model have")
