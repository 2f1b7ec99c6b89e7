"""What a training belongs to, in a few words and digests: a state is taken up by the training it was written by alone.

Digests do not depend on the order in which a host stores edges, nor on the host: whoever moves a graph to the other
host goes on with the training there.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from .._core import rng
from ..graph.features import FEATURE_NAMES, find
from ..graph.times import edge_ranks
from ..graph.view import EDGE_TYPE, NODE_TYPE, EdgeType, GraphView
from ..graph.weights import checked_weight

__all__ = ["digest", "edges_of", "graph_of", "multiset", "name_of", "of_type", "settings_of", "walks_of"]

#: Attributes of modules that are no settings of a training: what it leaves behind, how a kernel is chosen, sizes that
#: the weights have, and the metapath as it was written (walks say which steps it has).
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
#: Elements that are mixed at a time: as many as torch works on in one thread, and as stay in its processor's cache.
_CHUNK = 1 << 15
#: Odd numbers without a pattern, which tell the parts of a tuple apart.
_PARTS = (0x51_7C_C1_B7_27_22_0A_95, 0x2B_99_2D_DF_A2_32_49_D7, 0x6C_8E_94_4D_1F_5A_A3_B3)


def settings_of(model: nn.Module) -> dict[str, Any]:
    """The class of a model, and the plain public attributes of it and of its parts: sizes, rates, names, functions."""
    found: dict[str, Any] = {"model": type(model).__name__}
    for place, part in model.named_modules():
        if place and not isinstance(part, (nn.ModuleList, nn.ModuleDict, nn.Embedding)):
            found[place] = type(part).__name__
        prefix = f"{place}." if place else ""
        found |= {prefix + name: value for name, value in _settings(part).items()}
    if "seed" in found:
        found["seed of the model"] = found.pop("seed")
    return found


def _settings(part: nn.Module) -> dict[str, Any]:
    public = {k: v for k, v in vars(part).items() if not k.startswith("_") and k not in _PASSING}
    plain = {name: _plain(value) for name, value in public.items()}
    return {name: value for name, value in plain.items() if value is not None or public[name] is None}


def _plain(value: Any) -> Any:
    """A setting as files of states may hold it; None for what is none."""
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)  # NumPy's numbers are of these kinds, too, and no file of states holds them
    if isinstance(value, Mapping):
        return repr({_plain(key): _plain(item) for key, item in value.items()})
    if isinstance(value, (list, tuple)):
        return repr([_plain(item) for item in value])
    if isinstance(value, (Tensor, nn.Module)) or not callable(value):
        return None
    return name_of(value) if isinstance(value, functools.partial) else getattr(value, "__qualname__", None)


def name_of(function: Callable[..., Any] | str) -> str:
    """A function as records and files of states name it, with the arguments that a partial gives it; a name is its own.

    Example:
        >>> name_of(functools.partial(torch.nn.functional.cross_entropy, label_smoothing=0.1))
        'cross_entropy(label_smoothing=0.1)'
    """
    if isinstance(function, str):
        return function
    if isinstance(function, functools.partial):
        given = [*map(_said, function.args), *(f"{name}={_said(v)}" for name, v in function.keywords.items())]
        return f"{name_of(function.func)}({', '.join(given)})"
    return str(getattr(function, "__qualname__", type(function).__name__))


def _said(value: Any) -> str:
    """An argument, as it is in every process."""
    if isinstance(value, Tensor):
        return digest(value)
    return name_of(value) if callable(value) else repr(value)


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
    feature, weight, used = (getattr(model, name, None) for name in ("feature", "weight", "edge_types"))
    names = (feature,) if isinstance(feature, str) else FEATURE_NAMES
    found = {t: find(view, t, names) for t in view.node_types}
    features = {of_type("features", t): digest(x) for t, x in found.items() if x is not None}
    weighed = weight if isinstance(weight, str) else None  # a module may call a parameter so
    return edges_of(view, weighed, used[0] if isinstance(used, list) else None) | features


def walks_of(walker: Any) -> dict[str, Any]:
    """What walks depend on, beside their length."""
    found = {"walk_engine": walker.serving, "p": walker.p, "q": walker.q, "metapaths": repr(walker.metapaths)}
    walked = {step for path in walker.metapaths for step in path}
    if walker.time is not None:
        view = walker.refresh()
        types = sorted(walked) or view.edge_types
        ranks = torch.split(edge_ranks(view, walker.time, types), [len(view.edges[t][0]) for t in types])
        for edge_type, of_edges in zip(types, ranks, strict=True):
            src, dst = view.edges[edge_type]
            found[of_type("times", edge_type)] = multiset(src, dst, of_edges)
    return found | edges_of(walker.refresh(), walker.weight, sorted(walked) or None)


def multiset(first: Tensor, second: Tensor, value: Tensor | None = None) -> str:
    """How many pairs there are, and a digest that does not depend on their order; ``value`` belongs to each pair."""
    parts = (first, second) if value is None else (first, second, value)
    return f"{len(first)}, digest {_mixed(len(first), lambda part: [column[part] for column in parts])}"


def digest(value: Tensor) -> str:
    """Shape and a digest of the numbers of a tensor, in their order."""
    flat = value.detach().contiguous().reshape(-1)
    found = _mixed(len(flat), lambda part: [flat[part], torch.arange(part.start, min(part.stop, len(flat)))])
    return f"{tuple(value.shape)}, digest {found}"


def _mixed(count: int, columns: Callable[[slice], list[Tensor]]) -> str:
    """The sum of all tuples, each mixed to 64 bits that look random; int64 wraps around as uint64 does."""
    total = 0
    for low in range(0, count, _CHUNK):
        mixed: Any = 0
        for column, factor in zip(columns(slice(low, low + _CHUNK)), _PARTS, strict=False):
            whole = column.detach().cpu()
            whole = whole.double().view(torch.int64) if whole.is_floating_point() else whole.long()
            mixed = mixed + whole * factor
        total += int(rng.bits(rng.key(0, "fingerprint"), mixed).sum())
    return f"{total % (1 << 64):016x}"


def of_type(what: str, kind: str | EdgeType) -> str:
    """Something by its node type or edge type, where there are several."""
    if kind in (NODE_TYPE, EDGE_TYPE):
        return what
    return f"{what} of {kind if isinstance(kind, str) else '-'.join(kind)}"
