"""Node embeddings for DGL and PyTorch Geometric graphs, with the same answer from either.

Importing this package imports no host: names are loaded when first used. It makes a later ``import dgl`` work on
current torch releases, see :mod:`graphembed_ext.hosts.dgl_import`.
"""

from __future__ import annotations

import importlib
from pathlib import Path as _Path
from typing import TYPE_CHECKING, Any

from ._core import kernel_cache as _kernel_cache
from .hosts import dgl_import as _dgl_import

if TYPE_CHECKING:
    from . import checkpoint, errors, evaluate, losses, parity, walks
    from .embeddings.vectors import Embeddings, embed
    from .evaluate.pairs import edge_features
    from .evaluate.predictions import predict, predict_proba
    from .graph.folder import open_graph
    from .graph.view import GraphView
    from .hosts.registry import attach, register_host, to_host, view
    from .models.catalogue import available_models, create
    from .models.deepwalk import DeepWalk
    from .models.graphsage import GraphSAGE
    from .models.han import HAN
    from .models.lightgcn import LightGCN
    from .models.metapath2vec import MetaPath2Vec
    from .models.typed_graphsage import TypedGraphSAGE
    from .nn.han import HANConv
    from .readers.preparation import prepare
    from .sampling.held_out import EdgeSplit, split
    from .sampling.metapath_edges import metapath_edges
    from .sampling.neighbor_loader import NeighborBatch, neighbor_loader
    from .training import FitResult, fit, grow

__version__ = "0.1.0"

__all__ = [
    "DeepWalk",
    "EdgeSplit",
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
    "edge_features",
    "embed",
    "errors",
    "evaluate",
    "fit",
    "grow",
    "losses",
    "metapath_edges",
    "neighbor_loader",
    "open_graph",
    "parity",
    "predict",
    "predict_proba",
    "prepare",
    "register_host",
    "split",
    "to_host",
    "view",
    "walks",
]

_HOME = {
    "DeepWalk": "models.deepwalk",
    "EdgeSplit": "sampling.held_out",
    "Embeddings": "embeddings.vectors",
    "FitResult": "training",
    "GraphSAGE": "models.graphsage",
    "GraphView": "graph.view",
    "HAN": "models.han",
    "HANConv": "nn.han",
    "LightGCN": "models.lightgcn",
    "MetaPath2Vec": "models.metapath2vec",
    "NeighborBatch": "sampling.neighbor_loader",
    "TypedGraphSAGE": "models.typed_graphsage",
    "attach": "hosts.registry",
    "available_models": "models.catalogue",
    "create": "models.catalogue",
    "edge_features": "evaluate.pairs",
    "embed": "embeddings.vectors",
    "fit": "training",
    "grow": "training",
    "metapath_edges": "sampling.metapath_edges",
    "neighbor_loader": "sampling.neighbor_loader",
    "open_graph": "graph.folder",
    "predict": "evaluate.predictions",
    "predict_proba": "evaluate.predictions",
    "prepare": "readers.preparation",
    "register_host": "hosts.registry",
    "split": "sampling.held_out",
    "to_host": "hosts.registry",
    "view": "hosts.registry",
}
_MODULES = {
    *("callbacks", "checkpoint", "dgl", "distributed", "errors", "estimators", "evaluate", "exports", "index"),
    *("lightning", "losses", "parity", "plots", "pyg", "readers", "walks"),
}

_kernel_cache.provide(_Path(__file__).parent)
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
    return sorted({*__all__, *_MODULES, "__version__"})
