"""Models by name: which models a host gets, and :func:`create`, which builds one for a graph."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from .._core.near import check_names, did_you_mean
from ..errors import InputError, MissingDependencyError
from ..graph.view import GraphView
from ..hosts.registry import adapter, host_of, hosts

__all__ = ["available_models", "builder", "create", "models_of"]

#: Module and class of each model, by the name that :func:`create` takes: its first argument is a graph, or it has a
#: class method ``for_graph(graph, **config)``. A new model is a line here.
MODELS: dict[str, str | type] = {
    "deepwalk": "deepwalk.DeepWalk",
    "graphsage": "graphsage.GraphSAGE",
    "han": "han.HAN",
    "lightgcn": "lightgcn.LightGCN",
    "metapath2vec": "metapath2vec.MetaPath2Vec",
}

#: What a host gets instead, where its users know a class of another kind under the name.
OF_HOST: dict[str, dict[str, str | type]] = {"dgl": {"graphsage": "dgl_graphsage.GraphSAGE"}}


class _Classes(Mapping[str, type]):
    """Classes by name, each loaded when it is asked for: DeepWalk needs no layers, which load PyG and take seconds."""

    def __init__(self, known: Mapping[str, str | type]) -> None:
        self._known = known

    def __getitem__(self, name: str) -> type:
        found = self._known[name]
        if isinstance(found, type):
            return found
        module, _, cls = found.partition(".")
        loaded: type = getattr(importlib.import_module(f"{__package__}.{module}"), cls)
        return loaded

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def __contains__(self, name: object) -> bool:
        return name in self._known


def models_of(host: str) -> Mapping[str, type]:
    """Models of a host by the name that :func:`create` takes; a class is loaded when it is looked up.

    Raises:
        InputError: An unknown host.
        MissingDependencyError: A host that is not installed.
    """
    adapter(host)
    return _Classes(MODELS | OF_HOST.get(host, {}))


def available_models(host: str | None = None) -> list[str]:
    """Names that :func:`create` knows, for one host or for any host installed here.

    Example:
        >>> "deepwalk" in available_models()
        True
    """
    names: set[str] = set()
    for name in hosts() if host is None else [host]:
        try:
            names.update(models_of(name))
        except MissingDependencyError:
            if host is not None:
                raise
    return sorted(names)


def create(name: str, graph: Any, **config: Any) -> Any:
    """Build a model by name for a graph of either host.

    Args:
        name: One of :func:`available_models`, in any case.
        graph: Anything that :func:`view` takes.
        **config: Arguments of the model's constructor.

    Raises:
        InputError: An unknown name; an argument the model does not have.

    Example:
        >>> import torch, graphembed_ext as ge
        >>> ge.create("deepwalk", torch.tensor([[0, 1], [1, 0]]), emb_dim=8, seed=0)
        DeepWalk(2, 8, walk_length=40, window_size=5)
    """
    host = graph.host if isinstance(graph, GraphView) else host_of(graph)
    known = models_of(host) if host in hosts() else _Classes(MODELS)
    model = known.get(name.lower()) if isinstance(name, str) else None
    if model is None:
        raise InputError("name", name, "one of " + ", ".join(map(repr, sorted(known))), did_you_mean(str(name), known))
    check_names(config, _parameters(model), f"an argument of {model.__name__}")
    return builder(model)(graph, **config)


def builder(model: Any) -> Any:
    """What makes a model for a graph: the class itself, or its ``for_graph`` where the class takes sizes instead."""
    return getattr(model, "for_graph", model)


def _parameters(model: type) -> list[str]:
    return list(inspect.signature(builder(model)).parameters)[1:]
