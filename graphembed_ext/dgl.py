"""graphembed_ext for DGL users: the models under DGL's names.

Change one import line::

    from dgl.nn import DeepWalk              # before
    from graphembed_ext.dgl import DeepWalk  # after
"""

from .hosts import dgl as _adapter  # noqa: F401  says what to install where DGL is missing
from .models.catalogue import models_of
from .models.deepwalk import DeepWalk
from .models.dgl_graphsage import GraphSAGE, TypedGraphSAGE
from .models.han import HAN
from .models.lightgcn import LightGCN
from .models.metapath2vec import MetaPath2Vec
from .nn.dgl_han import HANConv
from .nn.dgl_sage import SAGEConv

__all__ = [
    "DeepWalk",
    "GraphSAGE",
    "HAN",
    "HANConv",
    "LightGCN",
    "MetaPath2Vec",
    "SAGEConv",
    "TypedGraphSAGE",
    "models",
]


def models() -> dict[str, type]:
    """Models of this host by the name that :func:`graphembed_ext.create` takes.

    Example:
        >>> from graphembed_ext import dgl
        >>> sorted(dgl.models())
        ['deepwalk', 'graphsage', 'han', 'lightgcn', 'metapath2vec']
    """
    return dict(models_of("dgl"))
