"""Models by name: which models a host gets, and :func:`create`, which builds one for a graph."""

from __future__ import annotations

import inspect
from typing import Any

from .._core.near import check_names, did_you_mean
from ..errors import InputError, MissingDependencyError
from ..graph.view import GraphView
from ..hosts.registry import adapter, host_of, hosts
from . import dgl_graphsage
from .deepwalk import DeepWalk
from .graphsage import GraphSAGE
from .han import HAN
from .lightgcn import LightGCN
from .metapath2vec import MetaPath2Vec

__all__ = ["available_models", "builder", "create", "models_of"]

#: Classes whose first argument is a graph, or that have a class method ``for_graph(graph, **config)``, by the name that
#: :func:`create` takes. A new model is a line here.
MODELS: dict[str, type] = {
    "deepwalk": DeepWalk,
    "graphsage": GraphSAGE,
    "han": HAN,
    "lightgcn": LightGCN,
    "metapath2vec": MetaPath2Vec,
}

#: What a host gets instead, where its users know a class of another kind under the name.
OF_HOST: dict[str, dict[str, type]] = {"dgl": {"graphsage": dgl_graphsage.GraphSAGE}}


def models_of(host: str) -> dict[str, type]:
    """Models of a host by the name that :func:`create` takes.

    Raises:
        InputError: An unknown host.
        MissingDependencyError: A host that is not installed.
    """
    adapter(host)
    return MODELS | OF_HOST.get(host, {})


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
    known = models_of(host) if host in hosts() else MODELS
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
