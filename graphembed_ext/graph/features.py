"""Node features, labels and masks of a graph, found by name and checked before any work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from .._core import checks, memory
from .._core.checks import as_tensor
from .._core.doors import within
from ..errors import InputError
from .view import FEATURE_NAMES, NODE_TYPE, GraphView, tensor_token

__all__ = ["FEATURE_NAMES", "LABEL_NAMES", "as_held", "count_classes", "dense_features", "features_of", "find"]

#: Names under which PyG and DGL data sets keep labels; the first that is there is taken.
LABEL_NAMES = ("y", "label", "labels")


def as_held(view: GraphView, node_type: str, names: Sequence[str]) -> Tensor | None:
    """The first node feature of a type that has one of these names, dense or sparse; None when it has none of them."""
    name = _first(view, node_type, names)
    return None if name is None else view.features[node_type][name]


def find(view: GraphView, node_type: str, names: Sequence[str]) -> Tensor | None:
    """The first node feature of a type that has one of these names, dense; None when it has none of them."""
    name = _first(view, node_type, names)
    return None if name is None else _dense(view, node_type, name)


def dense_features(view: GraphView, node_type: str) -> dict[str, Tensor]:
    """All node features of a type by name, sparse ones as dense ones."""
    return {name: _dense(view, node_type, name) for name in view.features[node_type]}


def _first(view: GraphView, node_type: str, names: Sequence[str]) -> str | None:
    features = view.features.get(node_type)
    if features is None:
        raise InputError("graph", f"no node type {node_type!r}", f"one of {view.node_types}")
    return next((name for name in names if isinstance(name, str) and name in features), None)


def _dense(view: GraphView, node_type: str, name: str) -> Tensor:
    """A node feature as a dense tensor; that of a sparse one is made once, where it fits into memory."""
    x = view.features[node_type][name]
    if x.layout == torch.strided:
        return x
    got = f"sparse {tuple(x.shape)}"
    memory.check_room(_place(node_type, name), got, x.numel() * x.element_size(), "the dense form")
    return view.cached(("dense", node_type, name), x.to_dense, tensor_token(x))


def _place(node_type: str, name: str) -> str:
    return name if node_type == NODE_TYPE else f"{name} of {node_type!r}"


def count_classes(view: GraphView, node_type: str) -> int | None:
    """Number of classes that a node type has labels of, or of numbers to predict; None without labels."""
    labels = find(view, node_type, LABEL_NAMES)
    if labels is None or not labels.numel():
        return None
    if labels.dim() == 2 and labels.size(1) > 1:
        return labels.size(1)
    return 1 if labels.is_floating_point() else int(labels.max()) + 1


def features_of(
    view: GraphView, node_type: str, *, name: str | None = None, channels: int | None = None, dense: bool = True
) -> Tensor:
    """The feature matrix of a node type, checked.

    Args:
        view: The graph.
        node_type: One of its node types.
        name: Name of the feature; None takes the first of :data:`FEATURE_NAMES` that is there.
        channels: Number of columns there must be; None or negative for any.
        dense: Whether sparse features are made dense; otherwise they stay as the graph holds them.

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
    names = FEATURE_NAMES if name is None else (checks.text("feature", name, "the name of a node feature"),)
    found = _first(view, node_type, names)
    where = "features" if node_type == NODE_TYPE else f"features of {node_type!r}"
    if found is None:
        raise _missing(where, view, node_type, name)
    x = view.features[node_type][found]
    wide = None if channels is None or channels < 0 else channels
    if x.dim() != 2 or wide not in (None, x.size(1)):
        columns = "C" if wide is None else wide
        raise InputError(where, f"shape {tuple(x.shape)}", f"shape ({view.num_nodes[node_type]}, {columns})")
    _check_numbers(where, x)
    return _dense(view, node_type, found) if dense else x


def _missing(where: str, view: GraphView, node_type: str, name: str | None) -> InputError:
    known = ", ".join(map(repr, view.features[node_type])) or "of no name"
    wanted = " or ".join(map(repr, FEATURE_NAMES[:2])) if name is None else repr(name)
    expected = f"a node feature {wanted} with a row for each of the {view.num_nodes[node_type]} nodes"
    return InputError(where, f"features {known}", expected)


def _check_numbers(where: str, x: Tensor) -> None:
    if not x.is_floating_point():
        raise InputError(where, f"dtype {x.dtype}", "floating-point numbers", "convert with .float()")
    if x.layout != torch.strided:
        _check_entries(where, x)
    elif not bool(torch.isfinite(x).all()):
        row = int((~torch.isfinite(x)).any(1).nonzero()[0])
        raise InputError(
            where, f"shape {tuple(x.shape)} with NaN or infinite entries, first in row {row}", "finite numbers"
        )


def _check_entries(where: str, x: Tensor) -> None:
    entries = x.coalesce().values() if x.layout == torch.sparse_coo else x.values()
    if not bool(torch.isfinite(entries).all()):
        raise InputError(where, f"shape {tuple(x.shape)}, sparse, with NaN or infinite entries", "finite numbers")


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
