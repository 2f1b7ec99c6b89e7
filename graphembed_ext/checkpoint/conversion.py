"""Checkpoints loaded, saved and converted, layout by layout."""

from __future__ import annotations

import copy
import difflib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from .._core import checks
from ..errors import FileFormatError, InputError
from . import files, han, lightgcn, sage, tables
from .kinds import KINDS, describe, refusal, standing_in
from .layout import About, Layout, Parcel, State

__all__ = ["LAYOUTS", "convert", "layouts", "load", "save"]


_OWN = Layout("graphembed_ext", "the state_dict of the class itself", "own", lambda keys: False, (*KINDS,), (*KINDS,))


#: Every layout, by name.
LAYOUTS: dict[str, Layout] = {
    layout.name: layout for family in (tables, lightgcn, sage, han) for layout in family.LAYOUTS
} | {_OWN.name: _OWN}


def layouts(model: nn.Module) -> list[str]:
    """Names of the layouts that a model can be saved as, its own first.

    Example:
        >>> import graphembed_ext as ge
        >>> layouts(ge.DeepWalk(torch.tensor([[0, 1], [1, 0]]), emb_dim=4))
        ['dgl.DeepWalk', 'dgl.MetaPath2Vec', 'openhgnn', 'word2vec', 'word2vec-binary', 'graphembed_ext']
    """
    about = describe(model)
    return [name for name, layout in LAYOUTS.items() if about.kind in layout.saves]


def load(model: nn.Module, source: Any, layout: str | None = None, *, names: Any = None) -> str:
    """Load a checkpoint, of DGL, PyG and others or of this package, into a model of this package.

    Everything is read, converted and compared with the model before the first number is written: where anything is
    wrong, the model stays as it was. What a checkpoint does not hold (the number of layers' activations, the
    aggregation, the graph) is as the model was built.

    ``pyg.LightGCN`` loads row by row, so the model must number its nodes as the checkpoint does. A model made for a
    typed graph counts node types in alphabetical order, such as items before users; for a joint table with users
    first, pass ``{"embedding_user.weight": table[:num_users], "embedding_item.weight": table[num_users:]}``.

    Args:
        model: The model.
        source: File, or a state_dict; or the folder of states of a training by several processes.
        layout: Name of the layout, see :data:`LAYOUTS`; None recognises it from the keys.
        names: With a word2vec file, how the nodes are called there: a list in the order of ids, or a dict of such
            lists by node type. None: ids, such as ``"12"``, after the type and a slash where there are several.

    Returns:
        Name of the layout.

    Raises:
        FileFormatError: A file that is missing, damaged, foreign, or holds more than tensors.
        ConversionError: A checkpoint that cannot become such a model; says why, and what to do instead.
        InputError: Keys or shapes other than the model's; numbers that the model's dtype would round.

    Example:
        >>> import graphembed_ext as ge
        >>> model = ge.DeepWalk(torch.tensor([[0, 1], [1, 0]]), emb_dim=4)
        >>> tables = {"u_embeddings.weight": torch.ones(2, 4), "v_embeddings.weight": torch.zeros(2, 4)}
        >>> ge.checkpoint.load(model, tables)
        'openhgnn'
        >>> bool((model.node_embed.weight == 1).all())
        True
    """
    about = describe(model, names)
    if layout is not None:
        _known(layout)
    label: str | None = None
    if isinstance(source, (str, Path)):
        binary = {"word2vec": False, "word2vec-binary": True}.get(layout or "")
        parcel, label = files.read(checks.path("source", source), binary)
    else:
        parcel = Parcel(files.checked(source, "source"))
    chosen = _chosen(parcel, about, layout, label)
    if about.kind not in chosen.loads:
        raise refusal(chosen, about, saving=False)
    _put(model, chosen.to_ours(parcel, about), about)
    return chosen.name


def save(model: nn.Module, file: str | Path, layout: str | None = None, *, names: Any = None) -> str:
    """Save a model of this package as a checkpoint that DGL, PyG or another loads.

    Args:
        model: The model.
        file: ``.safetensors``; or ``.pt``, ``.pth``, ``.bin`` or ``.ckpt`` for torch's format, a bare ``state_dict``
            (RecBole's: in a dict). Any name for word2vec. An old file stays in place until the new one is whole.
        layout: Name of the layout, see :data:`LAYOUTS`; None for that of the class it is a drop-in for.
        names: With word2vec, as for :func:`load`.

    Returns:
        Name of the layout.

    Raises:
        ConversionError: A model that the layout has no place for; says why, and what to do instead.
        InputError: An argument that cannot work.

    Example:
        >>> import tempfile, graphembed_ext as ge
        >>> path = Path(tempfile.mkdtemp()) / "weights.safetensors"
        >>> save(ge.DeepWalk(torch.tensor([[0, 1], [1, 0]]), emb_dim=4), path)
        'dgl.DeepWalk'
    """
    target = checks.target("file", file)
    about = describe(model, names)
    chosen = _known(layout) if layout is not None else _native(about)
    if about.kind not in chosen.saves:
        raise refusal(chosen, about, saving=True)
    state = model.state_dict()
    for key, value in state.items():
        if is_lazy(value):
            raise InputError("model", f"{key} of a size that is not known yet", "a model that has seen an input")
    files.write(target, chosen.from_ours(state, about), chosen)
    return chosen.name


def convert(
    source: str | Path,
    target: str | Path,
    to: str,
    layout: str | None = None,
    *,
    num_users: int | None = None,
    num_layers: int | None = None,
) -> tuple[str, str]:
    """Convert a file into another layout or format, without a model.

    What a model would know is taken from the file, or else from the arguments. Rows keep their order: a joint table of
    users and items has users first. A PyG GraphSAGE is taken to aggregate by mean, or by maxima where it projects.

    Args:
        source: File to read.
        target: File to write; its name says the format, as for :func:`save`.
        to: Layout to write.
        layout: Layout of the source; None recognises it.
        num_users: Number of users, where a joint table is to be split.
        num_layers: Number of LightGCN's layers, where two tables are to be joined.

    Returns:
        Names of both layouts.

    Raises:
        FileFormatError, ConversionError, InputError: As for :func:`load` and :func:`save`.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> tables = {"u_embeddings.weight": torch.ones(2, 4), "v_embeddings.weight": torch.zeros(2, 4)}
        >>> torch.save(tables, folder / "openhgnn.pt")
        >>> convert(folder / "openhgnn.pt", folder / "dgl.safetensors", to="dgl.DeepWalk")
        ('openhgnn', 'dgl.DeepWalk')
    """
    chosen = _known(to)
    there, place = checks.path("source", source), checks.target("target", target)
    for name, count in (("num_users", num_users), ("num_layers", num_layers)):
        if count is not None:
            checks.integer(name, count, minimum=0)
    if layout is not None:
        _known(layout)
    parcel, label = files.read(there, {"word2vec": False, "word2vec-binary": True}.get(layout or ""))
    found = _chosen(parcel, About("", ""), layout, label)
    about = standing_in(found, chosen, parcel, num_users, num_layers)
    if about.kind not in chosen.saves:
        raise refusal(chosen, about, saving=True)
    files.write(place, chosen.from_ours(found.to_ours(parcel, about), about), chosen)
    return found.name, chosen.name


def _known(name: str) -> Layout:
    if not isinstance(name, str) or name not in LAYOUTS:
        near = difflib.get_close_matches(str(name), LAYOUTS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else ""
        raise InputError("layout", name, "one of " + ", ".join(map(repr, LAYOUTS)), hint)
    return LAYOUTS[name]


def _native(about: About) -> Layout:
    """The layout of the class that a model is a drop-in for."""
    if about.kind == "two tables":
        return min((each for each in LAYOUTS.values() if each.kind == about.kind), key=lambda each: _rank(each, about))
    if about.kind == "sage model" and about.aggregator == "lstm":
        return LAYOUTS["dgl.SAGEConv"]
    return next((layout for layout in LAYOUTS.values() if layout.kind == about.kind), _OWN)


def _rank(layout: Layout, about: About) -> tuple[bool, bool]:
    """Which of several layouts with the same keys is closest to a model, as the lowest."""
    return layout.kind != about.kind, not layout.name.endswith(f".{about.model}")


def _chosen(parcel: Parcel, about: About, layout: str | None, label: str | None) -> Layout:
    """The layout named, or else recognised; of several with the same keys the one that serves the model."""
    keys = parcel.state.keys()
    if layout is not None or label == _OWN.name:
        chosen = LAYOUTS[layout or _OWN.name]
        if chosen is not _OWN and not chosen.recognises(keys):
            raise FileFormatError("source", f"the keys {_some(keys)}", f"those of {chosen.name} ({chosen.origin})")
        return chosen
    found = [each for each in LAYOUTS.values() if each.recognises(keys)]
    found.sort(key=lambda each: (about.kind not in each.loads, each.name != label, *_rank(each, about)))
    serves = bool(found) and about.kind in found[0].loads
    if not serves and keys == about.current.keys():
        return _OWN
    if not found:
        raise FileFormatError("source", f"the keys {_some(keys)}", "those of one of " + ", ".join(LAYOUTS))
    return found[0]


def _put(model: nn.Module, state: State, about: About) -> None:
    """Load a state_dict that is the model's own, after checking all of it."""
    own = about.current
    _check_keys(state, about)
    for key, value in state.items():
        if not is_lazy(own[key]):
            _check_shape(key, value, own[key])
            _check_dtype(key, value, own[key].dtype)
    if any(map(is_lazy, own.values())):  # sizes are known only once they are loaded: try on a copy
        try:
            copy.deepcopy(model).load_state_dict(state)
        except RuntimeError as error:
            raise InputError(
                "source", str(error).splitlines()[-1].strip(), f"the weights of a {about.model}"
            ) from error
    model.load_state_dict(state, strict=True)


def _check_keys(state: State, about: About) -> None:
    own = about.current
    for there, wanted, what in ((state, own, "without"), (own, state, "with the further")):
        missing = [key for key in wanted if key not in there]
        if missing:
            raise InputError(
                "source",
                f"a checkpoint {what} {_some(missing)}",
                f"the weights of this {about.model}, {_some(own)}",
                "the model may have another number of layers, or other options",
            )


def _check_shape(key: str, value: Tensor, own: Tensor) -> None:
    if value.shape != own.shape:
        table = value.dim() == 2 and value.shape[1:] == own.shape[1:]
        hint = "the graph may have lost isolated nodes: state num_nodes" if table else ""
        raise InputError(key, f"shape {tuple(value.shape)}", f"shape {tuple(own.shape)}, as the model has", hint)


def _check_dtype(key: str, value: Tensor, dtype: torch.dtype) -> None:
    if value.dtype == dtype:
        return
    cast = value.to(dtype)
    if value.is_floating_point() != dtype.is_floating_point or not torch.equal(
        cast.to(value.dtype).nan_to_num(), value.nan_to_num()
    ):
        raise InputError(
            key,
            f"dtype {value.dtype}",
            f"numbers that {dtype} holds without rounding",
            "convert the model with model.double(), or round the checkpoint knowingly",
        )


def _some(keys: Any) -> str:
    names = list(keys)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
