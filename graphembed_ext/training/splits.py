"""Labels and masks for supervised training, checked before any work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError
from ..graph.features import LABEL_NAMES, by_type, find, node_ids
from ..graph.view import GraphView

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
    """

    def __init__(self, view: GraphView, targets: Sequence[str], classes: Mapping[str, int], y: Any, masks: Any) -> None:
        if y is None or isinstance(y, str):
            names = LABEL_NAMES if y is None else (y,)
            found = {node_type: find(view, node_type, names) for node_type in targets}
            self.y = {node_type: labels for node_type, labels in found.items() if labels is not None}
            if not self.y:
                raise InputError(
                    "y",
                    "nothing" if y is None else repr(y),
                    f"labels of {' or '.join(map(repr, targets))}",
                    f"the graph has no node feature {' or '.join(map(repr, names))}: pass y=",
                )
        else:
            self.y = by_type("y", y, targets)
        if masks is not None and not isinstance(masks, Mapping):
            raise InputError("masks", f"a {type(masks).__name__}", "a dict with the keys 'train', 'val' and 'test'")
        unknown = [] if masks is None else [name for name in masks if name not in _PARTS]
        if unknown:
            raise InputError("masks", f"the key {unknown[0]!r}", "the keys 'train', 'val' and 'test'")
        self.parts: dict[str, dict[str, Tensor]] = {part: {} for part in _PARTS}
        for part in _PARTS:
            if masks is None:
                given = {t: find(view, t, (f"{part}_mask",)) for t in self.y}
            elif masks.get(part) is None:
                continue
            else:
                given = dict(by_type(f"masks[{part!r}]", masks[part], list(self.y)))
            for node_type, mask in given.items():
                if mask is not None:
                    ids = node_ids(f"masks[{part!r}]", mask, view.num_nodes[node_type], node_type).sort().values
                    if len(ids):
                        self.parts[part][node_type] = ids
        if not self.parts["train"]:
            hint = "pass masks={'train': ..., 'val': ..., 'test': ...}, or keep train_mask in the graph"
            raise InputError("masks", "no training nodes", "a train mask with at least one node", hint)
        for node_type, labels in self.y.items():
            self._check(node_type, labels, view.num_nodes[node_type], classes[node_type])

    def _check(self, node_type: str, labels: Tensor, count: int, classes: int) -> None:
        used = {part: ids[node_type] for part, ids in self.parts.items() if node_type in ids}
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
        if len(labels) != count or labels.dim() not in (1, 2) or (labels.dim() == 2 and labels.size(1) != classes):
            expected = f"shape ({count},), or ({count}, {classes}) for several labels a node"
            raise InputError("y", f"shape {tuple(labels.shape)} for {node_type!r}", expected)
        if labels.dim() == 2:
            return
        if labels.is_floating_point():
            raise InputError("y", f"dtype {labels.dtype}", "integers from 0 on", "convert with .long()")
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


def splits_of(model: Any, view: GraphView, y: Any = None, masks: Any = None) -> Split:
    """The labels and masks for a model, from the arguments or else from the graph."""
    targets, out = list(model.targets), model.out_channels
    classes = dict(out) if isinstance(out, Mapping) else dict.fromkeys(targets, out)
    return Split(view, targets, classes, y, masks)
