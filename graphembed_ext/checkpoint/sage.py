"""Checkpoints of GraphSAGE: PyG's model, and DGL's layer, alone or one for each layer of a model."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from torch import Tensor

from ..errors import ConversionError
from .layout import About, Layout, Parcel, State, renamed

__all__ = ["LAYOUTS", "aggregator_of", "is_stacked"]

_DGL_KEY = re.compile(
    r"(?:(?P<place>(?:\w+\.)*\d+)\.)?"
    r"(?P<rest>fc_neigh\.weight|fc_self\.(?:weight|bias)|bias|fc_pool\.(?:weight|bias)|lstm\.\w+)"
)
_PYG_KEY = re.compile(r"convs\.\d+\.(lin|lin_l|lin_r|aggr_module\.\w+)\.\w+|(norms|lin|jk)\..+")
_TYPED_KEY = re.compile(r"convs\.\d+\.\w+__\w+__\w+\.(lin|lin_l|lin_r|aggr_module\.\w+)\.\w+|(norms|lin|jk)\..+")
_TO_PYG = {"fc_neigh.weight": "lin_l.weight", "fc_self.weight": "lin_r.weight", "fc_self.bias": "lin_l.bias"}
_TO_PYG |= {"bias": "lin_l.bias", "fc_pool.weight": "lin.weight", "fc_pool.bias": "lin.bias"}


def _is_dgl(keys: Collection[str]) -> bool:
    found = [match for match in map(_DGL_KEY.fullmatch, keys) if match]
    places = {match["place"] for match in found}
    above = {place.rpartition(".")[0] for place in places if place is not None}
    neighbours = {match["place"] for match in found if match["rest"] == "fc_neigh.weight"}
    return 0 < len(keys) == len(found) and neighbours == places and len(above) <= 1


def _is_pyg(keys: Collection[str]) -> bool:
    return any(key.endswith("lin_l.weight") for key in keys) and all(map(_PYG_KEY.fullmatch, keys))


def _is_typed(keys: Collection[str]) -> bool:
    return any(key.endswith("lin_l.weight") for key in keys) and all(map(_TYPED_KEY.fullmatch, keys))


def _layers(state: Mapping[str, Tensor]) -> list[State]:
    """DGL's layers, in order, each under the names of a layer alone."""
    found: dict[int, State] = {}
    for key, value in state.items():
        match = _DGL_KEY.fullmatch(key)
        assert match is not None  # the keys were recognised
        place = match["place"]
        found.setdefault(0 if place is None else int(place.rpartition(".")[2]), {})[match["rest"]] = value
    return [found[number] for number in sorted(found)]


def _kind_of(layer: Collection[str]) -> str:
    """DGL's aggregator by its keys."""
    if any(key.startswith("lstm.") for key in layer):
        return "lstm"
    if "fc_pool.weight" in layer:
        return "pool"
    return "mean" if "fc_self.weight" in layer else "gcn"


def is_stacked(state: Mapping[str, Tensor]) -> bool:
    """Whether the keys are those of a model's layers, not of a layer alone."""
    found = [_DGL_KEY.fullmatch(key) for key in state]
    return not all(match and match["place"] is None for match in found)


def aggregator_of(state: Mapping[str, Tensor]) -> str:
    """How the layers of a file aggregate, in DGL's words, as far as its keys tell."""
    if _is_dgl(state):
        kinds = {_kind_of(layer) for layer in _layers(state)}
        return kinds.pop() if len(kinds) == 1 else ""
    if any(".lstm." in key for key in state) or not any(key.endswith("lin_r.weight") for key in state):
        return ""
    return "pool" if "convs.0.lin.weight" in state else "mean"


def _refused(layout: str, about: About, saving: bool, reason: str, hint: str = "") -> ConversionError:
    return ConversionError(layout, f"cannot {'be written from' if saving else 'load into'} {about.model}", reason, hint)


def _check_bare(about: About, saving: bool) -> None:
    loose = [key for key in about.current if not key.startswith("convs.")]
    if loose:
        raise _refused(
            "dgl.SAGEConv",
            about,
            saving,
            f"DGL's layers have no normalisation and no jumping knowledge ({loose[0]})",
            "layout='pyg.GraphSAGE' has all that the model has",
        )


def _from_dgl(parcel: Parcel, about: About) -> State:
    layers = _layers(parcel.state)
    kinds = {_kind_of(layer) for layer in layers}
    if kinds != {about.aggregator}:
        aggr = {"lstm": "dgl_lstm"}.get(next(iter(kinds)), next(iter(kinds)))
        other = " (PyG's lstm runs on over padding, DGL's does not)" if "lstm" in kinds else ""
        raise _refused(
            "dgl.SAGEConv",
            about,
            False,
            f"its layers aggregate by {' and '.join(sorted(kinds))}, the model does not{other}",
            f"build the model with aggr={aggr!r}" if about.kind == "sage model" else f"aggregator_type={aggr!r}",
        )
    if about.kind == "sage layer":
        if len(layers) != 1:
            raise _refused("dgl.SAGEConv", about, False, f"it has {len(layers)} layers", "load it into ge.GraphSAGE")
        return layers[0]
    _check_bare(about, saving=False)
    return {
        f"convs.{number}.{name}": value for number, layer in enumerate(layers) for name, value in _as_pyg(layer).items()
    }


def _as_pyg(layer: State) -> State:
    lstm = {key: f"aggr_module.{key}" for key in layer if key.startswith("lstm.")}
    return renamed(layer, _TO_PYG | lstm)


def _to_dgl(state: State, about: About) -> Parcel:
    if about.kind == "sage layer":
        return Parcel(dict(state))
    if not about.aggregator:
        raise _refused(
            "dgl.SAGEConv",
            about,
            True,
            "DGL's layer aggregates by mean, gcn, pool (maxima of projected features) or lstm, and adds the node",
            "layout='pyg.GraphSAGE' has all that the model has",
        )
    _check_bare(about, saving=True)
    back = {ours: theirs for theirs, ours in _TO_PYG.items() if theirs != "bias"}
    if about.aggregator == "gcn":
        back["lin_l.bias"] = "bias"
    found = {}
    for key, value in state.items():
        _, number, rest = key.split(".", 2)
        found[f"layers.{number}.{back.get(rest, rest.removeprefix('aggr_module.'))}"] = value
    return Parcel(found)


def _from_pyg(parcel: Parcel, about: About) -> State:
    state = parcel.state
    lstm = any(".lstm." in key for key in state)
    if about.aggregator == "lstm" and lstm:
        raise _refused(
            "pyg.GraphSAGE",
            about,
            False,
            "PyG's lstm runs on over the zeros that pad its sequences, DGL's ends with the last neighbour",
            "build ge.GraphSAGE with aggr='lstm'",
        )
    if about.kind == "sage model":
        return dict(state)
    return _only_layer(state, about)


def _only_layer(state: State, about: About) -> State:
    """A model's weights as DGL's layer has them, where it has one layer and nothing else."""
    single = {key.removeprefix("convs.0."): value for key, value in state.items()}
    if any(key.startswith(("convs.", "norms.", "jk.")) for key in single):
        raise _refused("pyg.GraphSAGE", about, False, "it has more than one layer", "load it into ge.GraphSAGE")
    back = {ours: theirs for theirs, ours in _TO_PYG.items() if theirs != "bias"}
    if about.aggregator == "gcn":
        back["lin_l.bias"] = "bias"
    return renamed(single, back)


def _to_pyg(state: State, about: About) -> Parcel:
    if about.aggregator == "lstm":
        raise _refused(
            "pyg.GraphSAGE",
            about,
            True,
            "PyG's lstm runs on over the zeros that pad its sequences, DGL's ends with the last neighbour",
            "layout='dgl.SAGEConv' keeps what it is",
        )
    if about.kind == "sage model":
        return Parcel(dict(state))
    return Parcel({f"convs.0.{name}": value for name, value in _as_pyg(state).items()})


_BOTH = ("sage model", "sage layer")

LAYOUTS = (
    Layout(
        "dgl.SAGEConv",
        "dgl.nn.SAGEConv, alone or as layers.0, layers.1, ... of a module",
        "sage layer",
        _is_dgl,
        _BOTH,
        _BOTH,
        _from_dgl,
        _to_dgl,
    ),
    Layout(
        "pyg.GraphSAGE",
        "torch_geometric.nn.GraphSAGE; gcn is its mean without root weights on a graph with self-loops",
        "sage model",
        _is_pyg,
        _BOTH,
        _BOTH,
        _from_pyg,
        _to_pyg,
    ),
    Layout(
        "pyg.to_hetero",
        "torch_geometric.nn.to_hetero of a GraphSAGE",
        "typed sage model",
        _is_typed,
        ("typed sage model",),
        ("typed sage model",),
    ),
)
