"""What a training belongs to, in a few words and digests: a state is taken up by the training it was written by alone.

Digests do not depend on the order in which a host stores edges, nor on the host: whoever moves a graph to the other
host goes on with the training there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from .._core import rng
from ..graph.features import FEATURE_NAMES, find
from ..graph.view import EDGE_TYPE, NODE_TYPE, EdgeType, GraphView
from ..graph.weights import checked_weight

__all__ = ["digest", "edges_of", "graph_of", "multiset", "of_type", "settings_of"]

#: Attributes of modules that are no settings of a training: what it leaves behind, how a kernel is chosen, sizes that
#: the weights have, and the metapath as it was written (walks say which steps it has).
#: Attributes of modules that are no settings of a training, either: what it leaves behind, how a kernel is chosen, and
#: the metapath as it was written (walks say which steps it has).
_PASSING = {
    "training",
    "unit_norm",
    "fuse",
    "num_embeddings",
    "embedding_dim",
    "in_features",
    "out_features",
    "metapath",
}
#: Elements that are mixed at a time, so that they stay in the processor's cache.
_CHUNK = 1 << 17


def settings_of(model: nn.Module) -> dict[str, Any]:
    """The class of a model, and the plain public attributes of it and of its parts: sizes, rates, names, functions."""
    found: dict[str, Any] = {"model": type(model).__name__}
    for place, part in model.named_modules():
        if place and not isinstance(part, (nn.ModuleList, nn.ModuleDict, nn.Embedding)):
            found[place] = type(part).__name__
        for name, value in vars(part).items():
            if name.startswith("_") or name in _PASSING:
                continue
            plain = _plain(value)
            if plain is not None or value is None:
                found[f"{place}.{name}" if place else "seed of the model" if name == "seed" else name] = plain
    return found


def _plain(value: Any) -> Any:
    """A setting as files of states may hold it; None for what is none."""
    if isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return repr({_plain(key): _plain(item) for key, item in value.items()})
    if isinstance(value, (list, tuple)):
        return repr([_plain(item) for item in value])
    if isinstance(value, (Tensor, nn.Module)) or not callable(value):
        return None
    return getattr(value, "__qualname__", None)


def edges_of(view: GraphView, weight: Any = None, edge_types: Sequence[EdgeType] | None = None) -> dict[str, Any]:
    """Nodes and edges of a graph; and where edges are weighed, their weights.

    Args:
        view: The graph.
        weight: Name of an edge feature, or the weights themselves, as :mod:`graphembed_ext.graph.weights` takes them.
        edge_types: Edge types that are weighed; None for all.
    """
    found: dict[str, Any] = {of_type("nodes", t): count for t, count in view.num_nodes.items()}
    for edge_type, (src, dst) in view.edges.items():
        found[of_type("edges", edge_type)] = multiset(src, dst)
        if weight is not None and (edge_types is None or edge_type in edge_types):
            found[of_type("weights", edge_type)] = multiset(src, dst, checked_weight(view, weight, edge_type))
    return found


def graph_of(model: Any, view: GraphView) -> dict[str, Any]:
    """What a model that computes vectors from features reads of a graph."""
    feature = getattr(model, "feature", None)
    names = FEATURE_NAMES if feature is None else (feature,)
    found = {t: find(view, t, names) for t in view.node_types}
    features = {of_type("features", t): digest(x) for t, x in found.items() if x is not None}
    used = getattr(model, "edge_types", None)
    return edges_of(view, getattr(model, "weight", None), None if used is None else used[0]) | features


def multiset(first: Tensor, second: Tensor, value: Tensor | None = None) -> str:
    """How many pairs there are, and a digest that does not depend on their order; ``value`` belongs to each pair."""
    total = 0
    for low in range(0, len(first), _CHUNK):
        part = slice(low, low + _CHUNK)
        mixed = rng.bits(rng.bits(rng.key(0, "pairs"), first[part].long()), second[part].long())
        if value is not None:
            mixed = rng.bits(mixed, value[part].detach().double().contiguous().view(torch.int64))
        total += int(mixed.sum())  # wraps around
    return f"{len(first)}, digest {total % (1 << 64):016x}"


def digest(value: Tensor) -> str:
    """Shape and a digest of the numbers of a tensor, in their order."""
    flat = value.detach().contiguous().reshape(-1)
    total = 0
    for low in range(0, len(flat), _CHUNK):
        part = flat[low : low + _CHUNK].cpu()
        part = part.double().view(torch.int64) if part.is_floating_point() else part.long()
        place = torch.arange(low, low + len(part))
        total += int(rng.bits(rng.bits(rng.key(0, "numbers"), place), part).sum())
    return f"{tuple(value.shape)}, digest {total % (1 << 64):016x}"


def of_type(what: str, kind: str | EdgeType) -> str:
    """Something by its node type or edge type, where there are several."""
    if kind in (NODE_TYPE, EDGE_TYPE):
        return what
    return f"{what} of {kind if isinstance(kind, str) else '-'.join(kind)}"
