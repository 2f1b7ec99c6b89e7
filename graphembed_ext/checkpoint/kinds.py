"""What the weights of a model are, and why those of one kind cannot be those of another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from .._core import checks
from ..errors import ConversionError, InputError
from . import sage
from .layout import About, Layout, Parcel

__all__ = ["KINDS", "describe", "refusal", "standing_in"]

#: What models, and files, are made of.
KINDS = {
    "two tables": "a vector of each node and one of each node as a context",
    "table": "one vector of each node",
    "table with a spare row": "one vector of each node of the metapath's types, and a last row that is no node",
    "recommender": "a vector of each user and item before propagation",
    "sage model": "the weights of GraphSAGE layers, which compute vectors from features",
    "typed sage model": "the weights of GraphSAGE layers for each edge type",
    "sage layer": "the weights of a GraphSAGE layer, which computes vectors from features",
    "han layer": "the weights of PyG's HAN layer: a projection for each node type",
    "han model": "the weights of PyG's HAN layer and a classifier",
    "dgl han layer": "the weights of the HAN layer of DGL's example: a projection for each metapath",
    "dgl han model": "the weights of DGL's HAN example: layers with a projection for each metapath, and a classifier",
    "own": "weights of a model that is nobody else's",
}

_ONE_TABLE = (
    "one table is not half of two: its vectors were trained against one another, those of nodes here against those of "
    "contexts, by another loss"
)
_WARM = "as a start for new training, copy them: model.node_embed.weight.data.copy_(vectors)"
_VECTORS = "layout='word2vec' writes the vectors of the nodes alone, and ge.embed(model).save(path) with their names"
_DGL_HAN = (
    "the two are different networks: a projection for each metapath without bias, against one for each node type with "
    "bias; bias and ELU, against ReLU; a hidden size of 128 for the attention over metapaths, against that of the layer"
)
_PROPAGATED = (
    "its vectors were trained to be propagated along a graph, and mean nothing without it",
    "load it into ge.LightGCN; ge.embed(model, graph) then has the vectors after propagation",
)
_UNTYPED = "a typed model has weights of their own for each edge type, an untyped one the same for all"
_LINEAR = "the layer has no classifier, and the model has one"

#: (kind of the layout, kind of the model): the reason, and the nearest honest thing to do.
_REASONS: dict[tuple[str, str], tuple[str, str]] = {
    ("table", "two tables"): (_ONE_TABLE, f"load it into graphembed_ext.pyg.Node2Vec; {_WARM}"),
    ("table with a spare row", "two tables"): (
        _ONE_TABLE,
        f"load it into graphembed_ext.pyg.MetaPath2Vec; {_WARM}",
    ),
    ("two tables", "table"): (
        "of two tables one alone would be kept, and a model of one table scores pairs by another loss",
        "load it into ge.DeepWalk, or into ge.MetaPath2Vec, whichever wrote it",
    ),
    ("two tables", "table with a spare row"): (
        "of two tables one alone would be kept, and a model of one table scores pairs by another loss",
        "load it into ge.MetaPath2Vec",
    ),
    ("table", "table with a spare row"): (
        "its rows are all nodes of a graph, against those of the types on a metapath and a row that is no node",
        "layout='word2vec' carries vectors by name",
    ),
    ("table with a spare row", "table"): (
        "its rows are the nodes of the types on a metapath and a last one that is no node, against those of a graph",
        "layout='word2vec' carries vectors by name",
    ),
    ("dgl han layer", "han layer"): (_DGL_HAN, "build the model with architecture='dgl'"),
    ("dgl han model", "han model"): (_DGL_HAN, "build the model with architecture='dgl'"),
    ("dgl han model", "han layer"): (_DGL_HAN, "build ge.HAN with architecture='dgl'"),
    ("dgl han layer", "han model"): (_DGL_HAN, "build ge.HANConv with architecture='dgl'"),
    ("han layer", "dgl han layer"): (_DGL_HAN, "build the model with architecture='pyg'"),
    ("han model", "dgl han model"): (_DGL_HAN, "build the model with architecture='pyg'"),
    ("han layer", "dgl han model"): (_DGL_HAN, "build ge.HANConv with architecture='pyg'"),
    ("han model", "dgl han layer"): (_DGL_HAN, "build ge.HAN with architecture='pyg'"),
    ("sage model", "typed sage model"): (_UNTYPED, "layout='pyg.to_hetero' has those of a typed model"),
    ("sage layer", "typed sage model"): (_UNTYPED, "layout='pyg.to_hetero' has those of a typed model"),
    ("typed sage model", "sage model"): (_UNTYPED, "GraphSAGE.for_graph makes a model for a typed graph"),
    ("typed sage model", "sage layer"): (_UNTYPED, "GraphSAGE.for_graph makes a model for a typed graph"),
    ("han layer", "han model"): (_LINEAR, "do so with the layer alone, model.layers[0]"),
    ("dgl han layer", "dgl han model"): (_LINEAR, "do so with the layer alone, model.layers[0]"),
    ("han model", "han layer"): (_LINEAR, "do so with a whole ge.HAN"),
    ("dgl han model", "dgl han layer"): (_LINEAR, "do so with a whole ge.HAN(architecture='dgl')"),
}

#: The same for one direction.
_LOAD_REASONS = {("recommender", kind): _PROPAGATED for kind in ("two tables", "table", "table with a spare row")}
_SAVE_REASONS: dict[tuple[str, str], tuple[str, str]] = {
    ("table", "two tables"): (
        "the file would have the vectors of the nodes alone, and who loads it trains by another loss",
        _VECTORS,
    ),
    ("table with a spare row", "two tables"): (
        "the file would have the vectors of the nodes alone, and who loads it trains by another loss",
        _VECTORS,
    ),
    ("two tables", "table"): (
        "the model has no vectors of nodes as contexts",
        "layout='pyg.Node2Vec' has all that it has",
    ),
    ("two tables", "table with a spare row"): (
        "the model has no vectors of nodes as contexts",
        "layout='pyg.MetaPath2Vec' has all that it has",
    ),
    ("table", "recommender"): (
        "its vectors before propagation are no embeddings",
        "ge.embed(model, graph) has those after it",
    ),
}


def refusal(layout: Layout, about: About, saving: bool) -> ConversionError:
    """The error for a layout that cannot serve a kind of model."""
    pair = layout.kind, about.kind
    one_way = _SAVE_REASONS if saving else _LOAD_REASONS
    reason, hint = one_way.get(pair) or _REASONS.get(pair) or ("", "")
    if not reason and about.kind == "own":
        reason = f"nobody else has such a {about.model}, with several layers, target types or an aggregation of its own"
        hint = "layout='graphembed_ext' keeps the state_dict as it is"
    if not reason:
        verb = "has" if saving else "holds"
        reason = f"such a file {verb} {KINDS[layout.kind]}, while a {about.model} has {KINDS[about.kind]}"
    return ConversionError(
        layout.name, f"cannot {'be written from' if saving else 'load into'} {about.model}", reason, hint
    )


def describe(model: nn.Module, names: Any = None) -> About:
    """What a conversion must know of a model of this package.

    Raises:
        InputError: A model of another package; names that do not fit.
    """
    from ..models.graphsage import GraphSAGE
    from ..models.han import HAN
    from ..models.lightgcn import LightGCN
    from ..models.pyg_metapath2vec import MetaPath2Vec
    from ..models.pyg_node2vec import Node2Vec
    from ..models.skipgram import SkipGram
    from ..models.typed_graphsage import TypedGraphSAGE
    from ..nn.dgl_sage import SAGEConv
    from ..nn.han import HANConv

    known: dict[type, Callable[[Any], dict[str, Any]]] = {
        SkipGram: lambda model: {"kind": "two tables", "counts": model.walker.view.num_nodes},
        Node2Vec: lambda model: {"kind": "table", "counts": model.walker.view.num_nodes},
        MetaPath2Vec: _spare_row,
        LightGCN: _recommender,
        GraphSAGE: _sage_model,
        TypedGraphSAGE: lambda model: {"kind": "own" if hasattr(model, "learned") else "typed sage model"},
        SAGEConv: lambda model: {"kind": "sage layer", "aggregator": model.aggregator_type},
        HAN: _han_model,
        HANConv: lambda model: {"kind": "dgl han layer" if model.architecture == "dgl" else "han layer"},
    }
    facts = next((tell(model) for kind, tell in known.items() if isinstance(model, kind)), None)
    if facts is None:
        raise InputError("model", f"a {type(model).__name__}", "a model of graphembed_ext")
    own: Mapping[str, Any] = model.state_dict()
    dtype = next(value.dtype for value in own.values() if value.is_floating_point())
    rows = _names(names, facts.pop("counts", None))
    return About(model=type(model).__name__, names=rows, current=own, dtype=dtype, **facts)


def _spare_row(model: Any) -> dict[str, Any]:
    counts = {t: model.end[t] - first for t, first in model.start.items()}
    return {"kind": "table with a spare row", "counts": counts}


def _recommender(model: Any) -> dict[str, Any]:
    facts = {"kind": "recommender", "alpha": model.alpha, "normalized": model._normalized}
    if model.sides is not None:
        facts |= {"users": model.sides.users, "items": model.sides.items}
    return facts


def _sage_model(model: Any) -> dict[str, Any]:
    found = {_aggregator(conv) for conv in model.convs}
    return {"kind": "sage model", "aggregator": found.pop() if len(found) == 1 else ""}


def _han_model(model: Any) -> dict[str, Any]:
    if len(model.targets) > 1 or hasattr(model, "learned") or (model.architecture != "dgl" and len(model.layers) > 1):
        return {"kind": "own"}
    return {"kind": "dgl han model" if model.architecture == "dgl" else "han model"}


def standing_in(source: Layout, target: Layout, parcel: Parcel, num_users: int | None, num_layers: int | None) -> About:
    """What a conversion from file to file can know of the model that it has not got.

    Raises:
        InputError: Sizes that are needed and missing.
    """
    state, kind = parcel.state, source.kind
    # The digits of a text are those of 32-bit numbers, as word2vec has them.
    dtype = next(iter(state.values())).dtype if parcel.names is None else torch.float32
    rows = len(next(value for value in state.values() if value.dim()))
    more: dict[str, Any] = {}
    if kind == "recommender" and "embedding.weight" in state:
        more = {} if target.name == source.name else _joint(state, num_users)
    elif kind == "recommender":
        more = _apart(state, source.name == "recbole", target, num_layers)
    elif kind in ("sage layer", "sage model"):
        kind = "sage model" if target.kind == "sage model" or sage.is_stacked(state) else "sage layer"
        more["aggregator"] = sage.aggregator_of(state)
    elif kind.startswith("table"):
        more["names"] = _ordered(parcel.names) or _numbers(rows - (kind == "table with a spare row"))
    elif kind == "two tables":
        more["names"] = _numbers(rows)
    return About(kind, f"{source.name} file", dtype=dtype, **more)


def _joint(state: Mapping[str, Tensor], num_users: int | None) -> dict[str, Any]:
    """Sides of a recommender's joint table."""
    rows = len(state["embedding.weight"])
    if num_users is None or not 0 < num_users < rows:
        raise InputError("num_users", num_users, f"a number below {rows}, the rows of the joint table")
    return {"users": range(num_users), "items": range(num_users, rows), "alpha": state["alpha"]}


def _apart(state: Mapping[str, Tensor], pad: bool, target: Layout, num_layers: int | None) -> dict[str, Any]:
    """Sides of a recommender with a table for each, which may begin with a row of padding."""
    tables = sorted(state.items(), key=lambda entry: "item" in entry[0])
    users, items = (len(value) - pad for _, value in tables)
    found: dict[str, Any] = {"users": range(users), "items": range(users, users + items)}
    if num_layers is not None:
        found["alpha"] = torch.full((num_layers + 1,), 1 / (num_layers + 1))
    elif target.name == "pyg.LightGCN":
        raise InputError("num_layers", None, "the number of layers, which PyG's alpha has a weight for each of")
    return found


def _ordered(names: list[str] | None) -> list[str] | None:
    """Names of a file in the order of ids, where they are ids."""
    if names is not None and set(names) == set(_numbers(len(names))):
        return sorted(names, key=int)
    return names


def _numbers(count: int) -> list[str]:
    return [str(row) for row in range(count)]


def _aggregator(conv: Any) -> str:
    """A layer's aggregation in DGL's words; empty where DGL has none like it."""
    name = conv.aggregator
    if name in ("gcn", "pool"):
        return name
    if name == "dgl_lstm":
        return "lstm" if conv.root_weight and not conv.project else ""
    if not conv.root_weight:
        return ""
    if name == "max" and conv.project:
        return "pool"
    return "mean" if name == "mean" and not conv.project else ""


def _names(given: Any, counts: Mapping[str, int] | None) -> list[str] | None:
    """A name for each row, those of several node types with the type before them."""
    if counts is None:
        if given is not None:
            raise InputError("names", f"a {type(given).__name__}", "None for a model without a vector for each node")
        return None
    several = len(counts) > 1
    if several and given is not None and not isinstance(given, Mapping):
        raise InputError("names", f"a {type(given).__name__}", f"a dict with the names of each of {list(counts)}")
    found: list[str] = []
    for node_type, count in counts.items():
        part = given.get(node_type) if isinstance(given, Mapping) else given
        labels: Sequence[Any] = range(count) if part is None else checks.several("names", part, "names of the nodes")
        if len(labels) != count:
            raise InputError("names", f"{len(labels)} names of {node_type!r}", f"{count}, one for each node")
        found += [f"{node_type}/{label}" if several else str(label) for label in labels]
    return found
