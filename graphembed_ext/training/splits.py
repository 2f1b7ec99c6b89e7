"""Labels and masks for supervised training, checked before any work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from .._core import checks
from ..errors import InputError
from ..graph.features import LABEL_NAMES, by_type, find, node_ids
from ..graph.view import GraphView
from ..losses import REGRESSION_PRESETS
from .fingerprint import digest, of_type

__all__ = ["Split", "splits_of"]

_PARTS = ("train", "val", "test")


class Split:
    """Labels and masks of the target types, checked: ids of the nodes of each part, by type.

    Args:
        view: The graph.
        targets: Node types that are classified.
        classes: Number of classes of each.
        y: As :func:`train` takes it.
        masks: As :func:`train` takes it.
        column: Which column of masks with several.
        loss: As :func:`train` takes it.

    Attributes:
        y: Labels by type.
        parts: Ids of the nodes of each part, by type.
        loss: ``"cross_entropy"``, ``"mse"`` or ``"l1"``.
        classes: Number of classes of each type.
    """

    def __init__(
        self,
        view: GraphView,
        targets: Sequence[str],
        classes: Mapping[str, int],
        y: Any,
        masks: Any,
        *,
        column: int | None = None,
        loss: str | None = None,
    ) -> None:
        given = _labels(view, targets, y)
        self.classes = classes
        self.loss = _loss_of(given) if loss is None else loss
        self.y = {t: _one_column(values, classes[t], self.regression) for t, values in given.items()}
        _check_keys(masks)
        self.parts = {part: _nodes_of(view, part, list(self.y), masks, column) for part in _PARTS}
        if not self.parts["train"]:
            hint = "pass masks={'train': ..., 'val': ..., 'test': ...}, or keep train_mask in the graph"
            raise InputError("masks", "no training nodes", "a train mask with at least one node", hint)
        for node_type, labels in self.y.items():
            used = {part: ids[node_type] for part, ids in self.parts.items() if node_type in ids}
            _check_apart(used, view.num_nodes[node_type], node_type)
            check = _check_numbers if self.regression else _check_labels
            check(labels, used, view.num_nodes[node_type], classes[node_type], node_type)

    @property
    def regression(self) -> bool:
        """Whether numbers are predicted, and not classes."""
        return self.loss in REGRESSION_PRESETS

    def fingerprint(self) -> dict[str, Any]:
        """What training depends on: the nodes it learns from, those that validate, and their labels."""
        found = {}
        for part in ("train", "val"):
            for node_type, ids in self.parts[part].items():
                found[of_type(f"{part} nodes", node_type)] = digest(ids)
                labels = self.y[node_type]
                found[of_type(f"{part} labels", node_type)] = digest(labels[ids.to(labels.device)])
        return found


def _labels(view: GraphView, targets: Sequence[str], y: Any) -> dict[str, Tensor]:
    if y is not None and not isinstance(y, str):
        return by_type("y", y, targets)
    names = LABEL_NAMES if y is None else (y,)
    found = {node_type: find(view, node_type, names) for node_type in targets}
    there = {node_type: labels for node_type, labels in found.items() if labels is not None}
    if not there:
        raise InputError(
            "y",
            "nothing" if y is None else repr(y),
            f"labels of {' or '.join(map(repr, targets))}",
            f"the graph has no node feature {' or '.join(map(repr, names))}: pass y=",
        )
    return there


def _check_keys(masks: Any) -> None:
    if masks is None:
        return
    if not isinstance(masks, Mapping):
        raise InputError("masks", f"a {type(masks).__name__}", "a dict with the keys 'train', 'val' and 'test'")
    for name in masks:
        if name not in _PARTS:
            raise InputError("masks", f"the key {name!r}", "the keys 'train', 'val' and 'test'")


def _loss_of(labels: Mapping[str, Tensor]) -> str:
    """What labels are, where nobody says so: floats are numbers to predict, unless they are 0 and 1 in columns."""
    for values in labels.values():
        several = values.dim() == 2 and values.size(1) > 1
        if values.is_floating_point() and not (several and bool(((values == 0) | (values == 1)).all())):
            return "mse"
    return "cross_entropy"


def _one_column(values: Tensor, classes: int, regression: bool) -> Tensor:
    """Labels ``(N, 1)``, as OGB has them, as ``(N,)``; one 0/1 label a node stays what it is."""
    if values.dim() != 2 or values.size(1) != 1 or (classes == 1 and not regression):
        return values
    return values.squeeze(1)


def _column(argument: str, mask: Tensor, column: int | None) -> Tensor:
    """One of the splits that a mask ``(N, splits)`` has."""
    if mask.dim() != 2:
        return mask
    if column is None and mask.size(1) == 1:
        column = 0
    if column is None or not 0 <= checks.integer("split", column, minimum=0) < mask.size(1):
        expected = f"the number of a split, from 0 to {mask.size(1) - 1}: {argument} has shape {tuple(mask.shape)}"
        raise InputError("split", column, expected, "ge.fit(..., split=0) takes the first")
    return mask[:, column]


def _nodes_of(view: GraphView, part: str, node_types: list[str], masks: Any, column: int | None) -> dict[str, Tensor]:
    """Ids of the nodes of a part, ascending, by type."""
    argument = f"masks[{part!r}]"
    if masks is None:
        found = {t: find(view, t, (f"{part}_mask",)) for t in node_types}
        given = {t: mask for t, mask in found.items() if mask is not None}
    else:
        given = {} if masks.get(part) is None else by_type(argument, masks[part], node_types)
    chosen = {t: _column(argument, mask, column) for t, mask in given.items()}
    ids = {t: node_ids(argument, mask, view.num_nodes[t], t).sort().values for t, mask in chosen.items()}
    return {t: nodes for t, nodes in ids.items() if len(nodes)}


def _check_apart(used: Mapping[str, Tensor], count: int, node_type: str) -> None:
    """Raise where parts overlap."""
    place = torch.zeros(count, dtype=torch.int64)
    for part, ids in used.items():
        place[ids] += 1
        if int(place.max()) > 1:
            node = int((place > 1).nonzero()[0])
            raise InputError(
                f"masks[{part!r}]",
                f"{int((place > 1).sum())} nodes of another mask, such as node {node} of {node_type!r}",
                "masks that do not overlap",
            )


def _check_labels(labels: Tensor, used: Mapping[str, Tensor], count: int, classes: int, node_type: str) -> None:
    if labels.dim() not in (1, 2) or len(labels) != count or (labels.dim() == 2 and labels.size(1) != classes):
        expected = f"shape ({count},), or ({count}, {classes}) for several labels a node"
        raise InputError("y", f"shape {tuple(labels.shape)} for {node_type!r}", expected)
    if labels.dim() == 2:
        return
    if labels.is_floating_point():
        hint = "convert with .long(); loss='mse' predicts numbers"
        raise InputError("y", f"dtype {labels.dtype}", "integers from 0 on", hint)
    for part, ids in used.items():
        there = labels[ids.to(labels.device)]
        wrong = (there < 0) | (there >= classes)
        if bool(wrong.any()):
            first = int(wrong.nonzero()[0])
            raise InputError(
                "y",
                f"class {int(there[first])} at node {int(ids[first])} of the {part} mask",
                f"classes from 0 to {classes - 1}",
                "leave nodes without a label out of the masks; out_channels is the number of classes",
            )


def _check_numbers(labels: Tensor, used: Mapping[str, Tensor], count: int, out: int, node_type: str) -> None:
    """Raise for numbers to predict that are not as many as the model gives, or are none where they are needed."""
    shape = (count,) if out == 1 else (count, out)
    if tuple(labels.shape) != shape:
        hint = f"a model with out_channels={labels.size(1) if labels.dim() == 2 else 1} predicts them"
        if labels.dim() == 1:
            hint += "; classes are integers: convert with .long()"
        raise InputError(
            "y",
            f"dtype {labels.dtype}, numbers of shape {tuple(labels.shape)} for {node_type!r}",
            f"shape {shape}",
            hint,
        )
    for part, ids in used.items():
        wrong = ~torch.isfinite(labels[ids.to(labels.device)].reshape(len(ids), -1).double()).all(1)
        if bool(wrong.any()):
            got = f"NaN or infinity at node {int(ids[int(wrong.nonzero()[0])])} of the {part} mask"
            raise InputError("y", got, "finite numbers", "leave nodes without a target out of the masks")


def splits_of(
    model: Any, view: GraphView, y: Any = None, masks: Any = None, *, column: int | None = None, loss: str | None = None
) -> Split:
    """The labels and masks for a model, from the arguments or else from the graph."""
    targets, out = list(model.targets), model.out_channels
    classes = dict(out) if isinstance(out, Mapping) else dict.fromkeys(targets, out)
    return Split(view, targets, classes, y, masks, column=column, loss=loss)
