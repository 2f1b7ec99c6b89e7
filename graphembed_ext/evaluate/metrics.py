"""Metrics of classification and regression by scikit-learn's definitions, computed where the scores are."""

from __future__ import annotations

import torch
from torch import Tensor

from .._core.checks import as_floats, as_tensor
from ..errors import InputError

__all__ = ["classification_metrics", "regression_metrics"]


def classification_metrics(scores: Tensor, y: Tensor) -> dict[str, float]:
    """Accuracy, precision, recall and F1 of predicted classes.

    ``precision``, ``recall`` and ``macro_f1`` are means over the classes that occur among the true or the predicted
    ones, a ratio of 0/0 counting as 0; ``micro_f1`` counts all decisions alike and for one class a node equals the
    accuracy.

    Args:
        scores: Score of each class, ``(N, C)``: the highest is predicted or, with several labels, those above 0.
        y: Classes, integers ``(N,)``; or 0/1 ``(N, C)`` for several labels a node, whose ``accuracy`` is that of exact
            label sets.

    Raises:
        InputError: No nodes, or shapes that do not match.

    Example:
        >>> scores = torch.tensor([[2.0, 1.0], [0.0, 3.0], [1.0, 0.0]])
        >>> found = classification_metrics(scores, torch.tensor([0, 1, 1]))
        >>> {name: round(value, 3) for name, value in found.items()}
        {'accuracy': 0.667, 'precision': 0.75, 'recall': 0.75, 'macro_f1': 0.667, 'micro_f1': 0.667}
    """
    scores = as_floats("scores", scores, "scores of the classes, (N, C)", dims=2)
    y = as_tensor("y", y, "classes, whole numbers (N,); or labels 0 and 1, (N, C)")
    if len(scores) == 0 or y.dim() not in (1, 2) or len(scores) != len(y) or (y.dim() == 2 and y.shape != scores.shape):
        raise InputError("y", f"shape {tuple(y.shape)}", f"a class or a row of labels for each of {len(scores)} nodes")
    classes = scores.size(1)
    _check_labels(y, classes)
    if y.dim() == 2:
        guess, truth = scores > 0, y > 0
        exact = (guess == truth).all(1)
    else:
        predicted = scores.argmax(1)
        exact = predicted == y
        guess, truth = (torch.nn.functional.one_hot(labels.long(), classes) > 0 for labels in (predicted, y))
    right, guessed, true = ((part.sum(0)).double() for part in (guess & truth, guess, truth))
    # With several labels scikit-learn averages over all of them, with one over those that occur.
    there = torch.ones_like(right, dtype=torch.bool) if y.dim() == 2 else (guessed + true) > 0
    precision, recall = (_ratio(right, of)[there] for of in (guessed, true))
    f1 = _ratio(2 * right, guessed + true)[there]
    return {
        "accuracy": float(exact.double().mean()),
        "precision": float(precision.mean()),
        "recall": float(recall.mean()),
        "macro_f1": float(f1.mean()),
        "micro_f1": float(_ratio(2 * right.sum(), guessed.sum() + true.sum())),
    }


def regression_metrics(predicted: Tensor, y: Tensor) -> dict[str, float]:
    """Errors of predicted numbers: mean absolute error, root of the mean square, and R squared.

    Args:
        predicted: ``(N, T)``.
        y: The numbers, ``(N, T)``; or ``(N,)`` where T is 1. ``r2`` is the mean over T; of a target that is the same
            everywhere it counts as 1 where all is right, and as 0 otherwise.

    Raises:
        InputError: No nodes, or shapes that do not match.

    Example:
        >>> regression_metrics(torch.tensor([[1.0], [2.0], [5.0]]), torch.tensor([1.0, 2.0, 3.0]))["mae"]
        0.6666666666666666
    """
    y = y.unsqueeze(1) if y.dim() == 1 else y
    if not len(y) or predicted.shape != y.shape:
        raise InputError("y", f"shape {tuple(y.shape)}", f"shape {tuple(predicted.shape)}, at least one node")
    error, truth = (predicted - y).double(), y.double()
    lost, spread = error.square().sum(0), (truth - truth.mean(0)).square().sum(0)
    explained = 1 - lost / torch.where(spread > 0, spread, 1)
    r2 = torch.where(spread > 0, explained, (lost == 0).double())
    return {
        "mae": float(error.abs().mean()),
        "rmse": float(error.square().mean().sqrt()),
        "r2": float(r2.mean()),
    }


def _check_labels(y: Tensor, classes: int) -> None:
    """Raise for labels that are no whole numbers, or stand for no class."""
    if y.is_floating_point() and not bool((y == y.floor()).all()):
        raise InputError("y", "labels that are no whole numbers", "whole numbers")
    low, high = (float(end) for end in torch.aminmax(y.double() if y.dtype == torch.bool else y))
    last = 1 if y.dim() == 2 else classes - 1
    if not (low >= 0 and high <= last):
        raise InputError("y", f"labels from {low:g} to {high:g}", f"labels from 0 to {last}")


def _ratio(part: Tensor, whole: Tensor) -> Tensor:
    return torch.where(whole > 0, part / whole.clamp(min=1), torch.zeros_like(part))
