"""What a layer or a network of layers is given, checked before anything is computed with it."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Number
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch_geometric.nn.aggr import Aggregation
from torch_geometric.nn.resolver import aggregation_resolver

from .._core import checks, memory
from .._core.checks import as_floats, described
from ..errors import InputError

_FEATURES = "features, floating-point numbers (N, channels)"
#: Names of aggregations that PyG does not have.
_OWN = ("gcn", "pool", "dgl_lstm")

__all__ = [
    *("check_aggregation", "check_each_like", "check_hops", "check_like", "check_room", "check_width"),
    *("features_given", "sides_of", "weights_given"),
]


def sides_of(argument: str, sizes: Any) -> tuple[int, int]:
    """Numbers of features of sources and targets: one for both, or a pair; -1 for one that is not known yet.

    Raises:
        InputError: Anything else.
    """
    expected = "a number of features, or a pair of them; -1 takes it from the first input"
    pair = (sizes, sizes) if isinstance(sizes, Integral) else checks.several(argument, sizes, expected)
    if len(pair) != 2 or not all(_is_size(size) for size in pair):
        raise InputError(argument, sizes, expected)
    return int(pair[0]), int(pair[1])


def _is_size(size: Any) -> bool:
    return isinstance(size, Integral) and not isinstance(size, bool) and -1 <= int(size) < 2**63


def check_room(names: tuple[str, str], size: int, out: int) -> None:
    """Refuse, before they are made, weights ``(size, out)`` that do not fit into memory.

    Args:
        names: What both sizes are called, for errors, which name the larger one.
        size, out: Numbers of features that go in, and that come out.
    """
    size, out = int(size), int(out)
    larger = names[size < out]
    memory.check_room(larger, f"{max(size, out)}", 8 * max(size, 1) * out, f"the weights of {size} by {out} numbers")


def check_aggregation(aggr: Any) -> None:
    """Raise for what is no aggregation, as PyG takes them."""
    named = isinstance(aggr, (str, Aggregation))
    several = isinstance(aggr, (list, tuple)) and aggr and all(isinstance(part, (str, nn.Module)) for part in aggr)
    if not named and not several:
        raise InputError("aggr", described(aggr), "the name of an aggregation, a module, or a list of these")
    for part in aggr if isinstance(aggr, (list, tuple)) else [aggr]:
        if isinstance(part, str) and part not in _OWN:
            _check_name(part)


def _check_name(aggr: str) -> None:
    try:
        aggregation_resolver(aggr)
    except TypeError:
        pass  # one that wants arguments, which come by aggr_kwargs
    except ValueError as error:
        raise InputError("aggr", aggr, f"the name of an aggregation ({error})") from error


def check_width(x: Any, wide: Any) -> Any:
    """Return features that are as wide as a model takes them, where it says how wide."""
    first = x[0] if isinstance(x, tuple) else x
    if isinstance(wide, int) and wide > 0 and (first.dim() < 2 or first.size(-1) != wide):
        raise InputError("x", f"shape {tuple(first.shape)}", f"shape (N, {wide}), as in_channels={wide}")
    return x


def check_hops(nodes: Any, edges: Any) -> tuple[Any, Any] | None:
    """Return numbers of sampled nodes and edges, both lists of whole numbers, or None without; or raise."""
    if nodes is None:
        return None
    for argument, counts in (("num_sampled_nodes_per_hop", nodes), ("num_sampled_edges_per_hop", edges)):
        for count in checks.several(argument, counts, "a list of numbers, as PyG's NeighborLoader has it"):
            checks.integer(argument, count, minimum=0)
    return nodes, edges


def features_given(x: Any, argument: str = "x") -> Any:
    """Features as a layer takes them: floating-point numbers, as a tensor where an array or lists came.

    Raises:
        InputError: Anything else, but for objects that stand for features, and pairs.
    """
    if isinstance(x, Tensor):
        if x.layout == torch.strided and not (x.is_floating_point() or x.dtype.is_complex):
            raise InputError(argument, described(x), _FEATURES, "convert with .float()")
        return x
    return _no_tensor(x, argument)


def _no_tensor(x: Any, argument: str) -> Any:
    if type(x) is tuple:
        if len(x) != 2:
            raise InputError(argument, f"{len(x)} parts", f"{_FEATURES}, or a pair of them")
        return tuple(None if part is None else features_given(part, argument) for part in x)
    if isinstance(x, (np.ndarray, list)):
        # NumPy's numbers are doubles whether or not that is meant; weights are not, unless a model is made so
        found = as_floats(argument, x, _FEATURES, whole=False).to(torch.get_default_dtype())
        if found.dim() < 2:
            raise InputError(argument, described(found), _FEATURES)
        return found
    # a named tuple of this package stands for features
    other = isinstance(x, type) or (not hasattr(x, "shape") and not isinstance(x, tuple))
    if x is None or other or isinstance(x, (str, bytes, Number, Mapping)):
        raise InputError(argument, described(x), _FEATURES)
    return x


def check_like(x: Any, layer: nn.Module, argument: str = "x") -> Any:
    """Return features as DGL takes them, or a pair of them: real numbers of the kind that a layer's weights are."""
    weights = next(layer.parameters(), None)
    for part in x if isinstance(x, tuple) else (x,):
        if part.dtype.is_complex or (part.device.type == "meta" and not getattr(weights, "is_meta", True)):
            raise InputError(argument, described(part), _FEATURES)
        if weights is not None and part.dtype != weights.dtype and not torch.is_autocast_enabled(part.device.type):
            expected = f"{weights.dtype}, as the weights are"
            raise InputError(argument, f"{part.dtype}", expected, f"{argument}.to(...) or model.to(...)")
    return x


def check_each_like(x_dict: Mapping[str, Any], layer: nn.Module) -> None:
    """Raise for a tensor of features that is of another kind than a layer's weights are."""
    for name, x in x_dict.items():
        if isinstance(x, Tensor):
            check_like(x, layer, f"x_dict[{name!r}]")


def weights_given(weight: Any, argument: str = "edge_weight", like: Any = None) -> Tensor | None:
    """Weights of edges: a tensor, or numbers that become one; None for none. ``like`` are the features they weigh."""
    if weight is None or isinstance(weight, Tensor):
        first = like[0] if isinstance(like, tuple) else like
        if weight is not None and (weight.layout != torch.strided or _is_beyond(weight, first)):
            raise InputError(argument, described(weight), "a number for each edge")
        return weight
    return as_floats(argument, weight, "a number for each edge")


def _is_beyond(weight: Tensor, like: Any) -> bool:
    """Whether weights have no values, or complex ones, of features that have real ones."""
    if not isinstance(like, Tensor):
        return False
    return (weight.is_meta and not like.is_meta) or (weight.is_complex() and not like.is_complex())
