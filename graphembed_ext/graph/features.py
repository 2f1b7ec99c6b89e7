"""Node features, labels and masks of a graph, found by name and checked before any work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from .._core import checks
from .._core.checks import as_tensor
from .._core.doors import within
from ..errors import InputError
from .view import NODE_TYPE, GraphView

__all__ = ["FEATURE_NAMES", "LABEL_NAMES", "count_classes", "features_of", "find"]

#: Names under which PyG and DGL data sets keep node features, and labels; the first that is there is taken.
FEATURE_NAMES = ("x", "feat", "features", "feature")
LABEL_NAMES = ("y", "label", "labels")


def find(view: GraphView, node_type: str, names: Sequence[str]) -> Tensor | None:
    """The first node feature of a type that has one of these names; None when it has none of them."""
    features = view.features.get(node_type)
    if features is None:
        raise InputError("graph", f"no node type {node_type!r}", f"one of {view.node_types}")
    return next((features[name] for name in names if isinstance(name, str) and name in features), None)


def count_classes(view: GraphView, node_type: str) -> int | None:
    """Number of classes that a node type has labels of, or of numbers to predict; None without labels."""
    labels = find(view, node_type, LABEL_NAMES)
    if labels is None or not labels.numel():
        return None
    if labels.dim() == 2 and labels.size(1) > 1:
        return labels.size(1)
    return 1 if labels.is_floating_point() else int(labels.max()) + 1


def features_of(view: GraphView, node_type: str, *, name: str | None = None, channels: int | None = None) -> Tensor:
    """The feature matrix of a node type, checked.

    Args:
        view: The graph.
        node_type: One of its node types.
        name: Name of the feature; None takes the first of :data:`FEATURE_NAMES` that is there.
        channels: Number of columns there must be; None or negative for any.

    Returns:
        Floats, ``(num_nodes, channels)``.

    Raises:
        InputError: No such feature, no floats, another shape, or entries that are NaN or infinite.

    Example:
        >>> import graphembed_ext as ge
        >>> from torch_geometric.data import Data
        >>> data = Data(x=torch.ones(2, 3), edge_index=torch.tensor([[0], [1]]))
        >>> features_of(ge.view(data), "_N", channels=3).shape
        torch.Size([2, 3])
    """
    if name is not None:
        checks.text("feature", name, "the name of a node feature")
    known = view.features.get(node_type)
    if known is None:
        raise InputError("graph", f"no node type {node_type!r}", f"one of {view.node_types}")
    where = "features" if node_type == NODE_TYPE else f"features of {node_type!r}"
    x = find(view, node_type, FEATURE_NAMES if name is None else (name,))
    if x is None:
        wanted = " or ".join(map(repr, FEATURE_NAMES[:2])) if name is None else repr(name)
        raise InputError(
            where,
            "features " + (", ".join(map(repr, known)) or "of no name"),
            f"a node feature {wanted} with a row for each of the {view.num_nodes[node_type]} nodes",
        )
    if x.dim() != 2 or (channels is not None and 0 <= channels != x.size(1)):
        columns = "C" if channels is None or channels < 0 else channels
        raise InputError(where, f"shape {tuple(x.shape)}", f"shape ({view.num_nodes[node_type]}, {columns})")
    _check_numbers(where, x)
    return x


def _check_numbers(where: str, x: Tensor) -> None:
    if not x.is_floating_point():
        raise InputError(where, f"dtype {x.dtype}", "floating-point numbers", "convert with .float()")
    if not bool(torch.isfinite(x).all()):
        row = int((~torch.isfinite(x)).any(1).nonzero()[0])
        raise InputError(
            where, f"shape {tuple(x.shape)} with NaN or infinite entries, first in row {row}", "finite numbers"
        )


def by_type(argument: str, value: Tensor | Mapping[str, Tensor], targets: Sequence[str]) -> dict[str, Tensor]:
    """A tensor, or one tensor for each node type, as a dict by node type.

    Args:
        argument: Name of the argument, for errors.
        value: A tensor, where there is one target type; or a dict by node type.
        targets: Node types that may have one.
    """
    expected = "a tensor or array of numbers, or a dict of them by node type"
    if isinstance(value, Mapping):
        for node_type in value:
            if node_type not in targets:
                raise InputError(argument, f"node type {node_type!r}", f"some of {list(targets)}")
        return {name: as_tensor(f"{argument}[{name!r}]", tensor, expected) for name, tensor in value.items()}
    if len(targets) != 1:
        raise InputError(argument, "one tensor", f"a dict with a tensor for each of {list(targets)}")
    return {targets[0]: as_tensor(argument, value, expected)}


def node_ids(argument: str, mask: Any, count: int, node_type: str) -> Tensor:
    """Node ids from a boolean mask, or from ids, each once, in their order."""
    mask = as_tensor(argument, mask, "a boolean mask, or node ids (M,)").cpu()
    if mask.dim() == 1 and not len(mask):
        return mask.long()
    if mask.dtype == torch.bool:
        if mask.shape != (count,):
            raise InputError(
                argument, f"shape {tuple(mask.shape)}", f"({count},), an entry for each {node_type!r} node"
            )
        return mask.nonzero().squeeze(1)
    if mask.is_floating_point() or mask.dim() != 1:
        raise InputError(argument, f"{mask.dtype} of shape {tuple(mask.shape)}", "a boolean mask, or node ids (M,)")
    if mask.dtype == torch.uint8 and mask.shape == (count,) and int(mask.max()) <= 1:
        return mask.nonzero().squeeze(1)  # DGL's older data sets keep masks so
    within(argument, mask, count, got="node id")
    different = len(torch.unique(mask))
    if different != len(mask):
        raise InputError(argument, f"{len(mask)} ids of which {different} are different", "every node once")
    return mask.to(torch.int64, copy=True)  # the caller's tensor may be written to before the ids are read
