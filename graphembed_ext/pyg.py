"""graphembed_ext for PyG users: the models under PyG's names.

Change one import line::

    from torch_geometric.nn import LightGCN  # before
    from graphembed_ext.pyg import LightGCN  # after
"""

from .models.catalogue import models_of
from .models.deepwalk import DeepWalk
from .models.graphsage import GraphSAGE
from .models.han import HAN
from .models.lightgcn import LightGCN
from .models.pyg_metapath2vec import MetaPath2Vec
from .models.pyg_node2vec import Node2Vec
from .models.typed_graphsage import TypedGraphSAGE
from .nn.han import HANConv
from .nn.sage import SAGEConv

__all__ = [
    "DeepWalk",
    "GraphSAGE",
    "HAN",
    "HANConv",
    "LightGCN",
    "MetaPath2Vec",
    "Node2Vec",
    "SAGEConv",
    "TypedGraphSAGE",
    "models",
]


def models() -> dict[str, type]:
    """Models of this host by the name that :func:`graphembed_ext.create` takes.

    Example:
        >>> from graphembed_ext import pyg
        >>> sorted(pyg.models())
        ['deepwalk', 'graphsage', 'han', 'lightgcn', 'metapath2vec']
    """
    return dict(models_of("pyg"))
