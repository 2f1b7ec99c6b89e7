"""Node embeddings for DGL and PyTorch Geometric graphs, with the same answer from either.

Importing this package imports no host: names are loaded when first used. It makes a later ``import dgl`` work on
current torch releases, see :mod:`graphembed_ext._dgl_import`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from . import _dgl_import

if TYPE_CHECKING:
    from . import checkpoint, errors, evaluate, losses, parity, walks
    from .embeddings import Embeddings, embed
    from .graph import GraphView
    from .messages.han import HANConv
    from .metapath_neighbors import metapath_edges
    from .models.deepwalk import DeepWalk
    from .models.graphsage import GraphSAGE
    from .models.han import HAN
    from .models.lightgcn import LightGCN
    from .models.metapath2vec import MetaPath2Vec
    from .models.typed_graphsage import TypedGraphSAGE
    from .neighbors import NeighborBatch, neighbor_loader
    from .registry import attach, available_models, create, register_host, to_host, view
    from .training import FitResult, fit

__version__ = "0.1.0"

__all__ = [
    "DeepWalk",
    "Embeddings",
    "FitResult",
    "GraphSAGE",
    "GraphView",
    "HAN",
    "HANConv",
    "LightGCN",
    "MetaPath2Vec",
    "NeighborBatch",
    "TypedGraphSAGE",
    "attach",
    "available_models",
    "checkpoint",
    "create",
    "embed",
    "errors",
    "evaluate",
    "fit",
    "losses",
    "metapath_edges",
    "neighbor_loader",
    "parity",
    "register_host",
    "to_host",
    "view",
    "walks",
]

_HOME = {
    "DeepWalk": "models.deepwalk",
    "Embeddings": "embeddings",
    "FitResult": "training",
    "GraphSAGE": "models.graphsage",
    "GraphView": "graph",
    "HAN": "models.han",
    "HANConv": "messages.han",
    "LightGCN": "models.lightgcn",
    "MetaPath2Vec": "models.metapath2vec",
    "NeighborBatch": "neighbors",
    "TypedGraphSAGE": "models.typed_graphsage",
    "attach": "registry",
    "available_models": "registry",
    "create": "registry",
    "embed": "embeddings",
    "fit": "training",
    "metapath_edges": "metapath_neighbors",
    "neighbor_loader": "neighbors",
    "register_host": "registry",
    "to_host": "registry",
    "view": "registry",
}
_MODULES = {
    *("callbacks", "checkpoint", "dgl", "errors", "evaluate", "exports", "index", "losses"),
    *("parity", "plots", "pyg", "readers", "walks"),
}

_dgl_import.install()


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    elif name in _MODULES:
        value = importlib.import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
