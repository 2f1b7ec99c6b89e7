"""What is lost on labelled nodes: cross-entropy or errors of numbers, weighed by class, or a user's own function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from .. import losses
from .._core.checks import as_floats
from ..errors import InputError
from .fingerprint import digest, name_of, of_type
from .splits import Split

__all__ = ["Goal"]


class Goal:
    """The loss of labelled nodes.

    Args:
        split: Labels and parts.
        loss: A function of scores and labels in the place of the loss that ``split`` names; None for that one.
        class_weight: As :func:`graphembed_ext.training.nodes.train` takes it.

    Attributes:
        split: Labels and parts.

    Raises:
        InputError: Weights that are none, or of labels that have no classes.
    """

    def __init__(self, split: Split, loss: losses.Loss | None, class_weight: Any) -> None:
        self.split, self._own = split, loss
        self._weights: dict[str, Tensor] = {}
        if class_weight is not None:
            self._check_classes(class_weight)
            self._weights = _weights(split, class_weight)

    def _check_classes(self, class_weight: Any) -> None:
        got = "weights" if not isinstance(class_weight, str) else class_weight
        if self._own is not None:
            raise InputError("class_weight", got, "None with a loss of one's own, which can weigh them")
        if self.split.regression or any(labels.dim() == 2 for labels in self.split.y.values()):
            kind = "numbers" if self.split.regression else "several labels a node"
            raise InputError("class_weight", got, f"None with {kind}: it weighs classes, of which a node has one")

    def lost(self, rows: Tensor, labels: Tensor, node_type: str) -> Tensor:
        """Mean loss of some nodes of a type."""
        if self._own is not None:
            return losses.of_function(self._own, rows, labels)
        if self.split.regression:
            return losses.regression_loss(rows, labels, preset=self.split.loss)
        return losses.classification_loss(rows, labels, weight=self._weights.get(node_type))

    def fingerprint(self) -> dict[str, Any]:
        """What a state must have been trained with."""
        found: dict[str, Any] = {"loss": self.split.loss} if self.split.regression else {}
        if self._own is not None:
            found["loss"] = name_of(self._own)
        return found | {of_type("class weights", t): digest(weight) for t, weight in self._weights.items()}


def _weights(split: Split, given: Any) -> dict[str, Tensor]:
    """Weight of each class by type, of mean 1 over the training nodes of a type."""
    by_type = given if isinstance(given, Mapping) else dict.fromkeys(split.y, given)
    for node_type in by_type:
        if node_type not in split.y:
            raise InputError("class_weight", f"the node type {node_type!r}", f"some of {list(split.y)}")
    found = {}
    for node_type, value in by_type.items():
        ids = split.parts["train"].get(node_type)
        if ids is None:
            continue
        labels = split.y[node_type]
        count = torch.bincount(labels[ids.to(labels.device)].long().cpu(), minlength=split.classes[node_type])
        weight = _of_classes(value, count)
        found[node_type] = weight * (count.sum() / (weight * count).sum())
    return found


def _of_classes(given: Any, count: Tensor) -> Tensor:
    """The weights as they were given, or by the number of training nodes of each class."""
    if isinstance(given, str) and given == "balanced":
        return 1 / count.clamp(min=1).double()
    expected = f"'balanced', or {len(count)} numbers of at least 0, some of classes that are trained on above it"
    weight = as_floats("class_weight", given, expected, finite=True).double().cpu()
    if weight.shape != count.shape or bool((weight < 0).any()) or not bool((weight * count).sum() > 0):
        raise InputError("class_weight", weight.tolist(), expected)
    return weight
