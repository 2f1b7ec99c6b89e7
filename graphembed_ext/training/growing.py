"""A trained model for a graph that has grown: old nodes keep their vectors, new ones get first ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .._core.files import pack, whole
from .._core.near import spelt
from ..errors import FileFormatError, InputError
from ..graph.view import NODE_TYPE, GraphView
from ..hosts import registry
from .states import read_state

__all__ = ["grow"]

#: Old rows of a table, and where they stand in the new one.
Moved = tuple[Tensor, Tensor]


@spelt()
def grow(
    model: Any,
    graph: Any,
    *,
    old_names: Any = None,
    new_names: Any = None,
    num_users: int | None = None,
    weight: Any = None,
    drop: bool = False,
    checkpoint: str | Path | None = None,
    into: str | Path | None = None,
) -> Any:
    """A model for a graph that has grown, with what an earlier one has learned.

    Nodes that both graphs have keep their vectors, also where they have other ids now; new nodes get first vectors as
    the model draws them (the same ones for the same seed). A few epochs of :func:`graphembed_ext.fit` on the new model
    then place the new nodes among the old. Settings stay; the old model stays as it is.

    Of DeepWalk, MetaPath2Vec, PyG's walk models and LightGCN the tables grow: users and items of LightGCN alike.
    GraphSAGE and HAN keep no node: their weights serve any graph with the same features and types, which is checked.

    Args:
        model: A trained model of this package.
        graph: The graph as it is now, of either host. Nodes are told by their ids within their type, so that new ones
            come last; or by names.
        old_names: Names of the nodes of the old graph, a list, or a dict of lists by node type; None goes by those that
            the graphs have themselves, as NetworkX's and data frames do, or else by ids.
        new_names: Names of the nodes of ``graph``, likewise.
        num_users: Number of users now, where LightGCN was made for an untyped graph with users first.
        weight: Weights of the new edges, where the model was given a tensor of weights and no name.
        drop: Whether nodes that the new graph lacks may be left out; they are refused otherwise.
        checkpoint: State of the training of the old model, as ``ge.fit(checkpoint=)`` wrote it: model and optimiser's
            moments in it grow alike.
        into: File for the grown state. ``ge.fit(new_model, checkpoint=into, epochs=MORE, resume="force")`` goes on from
            it.

    Returns:
        Another model of the same class, built on ``graph``.

    Raises:
        InputError: Nodes that the new graph lacks; names that are not one for each node, or not distinct; types or
            features that the weights do not serve.
        FileFormatError: A checkpoint that is none, or of another model.

    Example:
        >>> import torch, graphembed_ext as ge
        >>> ring = torch.stack([torch.arange(12), (torch.arange(12) + 1) % 12])
        >>> model = ge.DeepWalk(ring, emb_dim=8, walk_length=10, seed=0)
        >>> more = torch.cat([ring, torch.tensor([[12, 0], [0, 12]])], 1)
        >>> grown = ge.grow(model, more)
        >>> grown.node_embed.weight.shape, torch.equal(grown.node_embed.weight[:12], model.node_embed.weight)
        (torch.Size([13, 8]), True)
    """
    if not hasattr(model, "grown"):
        raise InputError("model", f"a {type(model).__name__}", "a model of graphembed_ext")
    if (checkpoint is None) != (into is None):
        raise InputError("checkpoint, into", f"{checkpoint} and {into}", "both, or neither: the old state and the new")
    view = registry.view(graph)
    if old_names is None and new_names is None:
        old_names, new_names = _names_kept(model, view)
    kept = Kept.of(model.node_counts(), model.node_counts(view, num_users), old_names, new_names, drop)
    found, tables = model.grown(view, kept.ids, num_users=num_users, weight=weight)
    if checkpoint is not None and into is not None:
        _grow_state(Path(checkpoint), Path(into), model, found, tables)
    return found


def _names_kept(model: Any, new: GraphView) -> tuple[Any, Any]:
    """Names of the nodes of the model's graph and of the new one, where both graphs have names for all types."""
    old = getattr(getattr(model, "walker", model), "view", None)
    if old is None or any(set(view.names) != set(view.num_nodes) for view in (old, new)):
        return None, None
    return old.names, new.names


@dataclass(frozen=True)
class Kept:
    """Which nodes both graphs have.

    Attributes:
        ids: By node type, their ids in the old graph and in the new one.
    """

    ids: dict[str, Moved]

    @classmethod
    def of(
        cls, old: Mapping[str, int] | None, new: Mapping[str, int] | None, old_names: Any, new_names: Any, drop: bool
    ) -> Kept:
        """From numbers of nodes by type, None for a model that keeps no nodes, and names."""
        if old is None or new is None:
            return cls({})
        if (old_names is None) != (new_names is None):
            expected = "names of both graphs' nodes, or of neither"
            raise InputError("old_names, new_names", "names of one graph", expected, "without names, ids tell nodes")
        names = _by_type("old_names", old_names, old), _by_type("new_names", new_names, new)
        return cls({t: _both(t, old[t], new.get(t, 0), names[0].get(t), names[1].get(t), drop) for t in old})


def _by_type(argument: str, names: Any, counts: Mapping[str, int]) -> dict[str, Sequence[Any]]:
    """Names of the nodes of each type, checked."""
    if names is None:
        return {}
    if not isinstance(names, Mapping):
        if len(counts) != 1:
            raise InputError(argument, "one list", f"a dict with a list for each of {list(counts)}")
        names = {next(iter(counts)): names}
    for node_type, given in names.items():
        if node_type not in counts:
            raise InputError(argument, f"node type {node_type!r}", f"some of {list(counts)}")
        if len(given) != counts[node_type] or len(set(given)) != len(given):
            got = f"{len(given)} names, {len(set(given))} different, for {counts[node_type]} nodes of {node_type!r}"
            raise InputError(argument, got, "a name of its own for each node")
    return dict(names)


def _both(
    node_type: str, old: int, new: int, old_names: Sequence[Any] | None, new_names: Sequence[Any] | None, drop: bool
) -> Moved:
    """Old and new ids of the nodes of a type that both graphs have."""
    if old_names is None or new_names is None:
        here = there = torch.arange(min(old, new))
        gone = [str(node) for node in range(new, old)]
    else:
        here, there, gone = _named_alike(old_names, new_names)
    if gone and not drop:
        of_type = "" if node_type == NODE_TYPE else f" of type {node_type!r}"
        raise InputError(
            "graph",
            f"a graph without {len(gone)} nodes{of_type} of the model's, such as {gone[0]}",
            "a graph with all of them, and more",
            "drop=True leaves them out; old_names= and new_names= tell nodes whose ids have changed",
        )
    return here, there


def _named_alike(old: Sequence[Any], new: Sequence[Any]) -> tuple[Tensor, Tensor, list[str]]:
    """Old and new ids of names that stand in both lists, and the old ones that do not."""
    place = {name: node for node, name in enumerate(new)}
    pairs = [(node, place[name]) for node, name in enumerate(old) if name in place]
    here, there = torch.tensor(pairs, dtype=torch.int64).view(-1, 2).unbind(1)
    return here, there, [repr(name) for name in old if name not in place]


def _grow_state(old: Path, new: Path, before: nn.Module, after: nn.Module, tables: Mapping[str, Moved]) -> None:
    """Write a training's state for the grown model: weights, best weights and moments with rows moved and added."""
    state = read_state(old)
    try:
        fresh = after.state_dict()
        state["model"] = _moved_state(state["model"], fresh, tables)
        if state.get("best", {}).get("weights"):
            state["best"]["weights"] = _moved_state(state["best"]["weights"], fresh, tables)
        names = [name for name, parameter in before.named_parameters() if parameter.requires_grad]
        sizes = {name: tuple(parameter.shape) for name, parameter in before.named_parameters()}
        for part in _optimizers(state["optimizer"]):
            _move_moments(part, names, sizes, dict(after.named_parameters()), tables)
    except (KeyError, RuntimeError, IndexError, TypeError, AttributeError) as error:
        raise FileFormatError("checkpoint", f"{old} ({error})", "the state of this model's training") from error
    whole(new, lambda part: pack(state, part))


def _moved_state(state: Mapping[str, Tensor], fresh: Mapping[str, Tensor], tables: Mapping[str, Moved]) -> Any:
    found = {}
    for name, value in state.items():
        start = fresh[name] if name in tables else value
        found[name] = moved(value, start, tables[name]) if name in tables else value
    return found


def moved(value: Tensor, start: Tensor, rows: Moved) -> Tensor:
    """``start`` with rows of ``value`` in their new places."""
    found = start.detach().clone()
    found[rows[1].to(found.device)] = value.detach()[rows[0].to(value.device)].to(found)
    return found


def _optimizers(state: Any) -> list[Any]:
    """The optimisers in the state of a trainer: one, several, or none of torch's."""
    if not isinstance(state, Mapping):
        return []
    return list(state["optimizers"]) if "optimizers" in state else [state] if "param_groups" in state else []


def _move_moments(
    state: Any,
    names: list[str],
    sizes: Mapping[str, tuple[int, ...]],
    after: Mapping[str, Tensor],
    tables: Mapping[str, Moved],
) -> None:
    """Give the moments of tables their new rows; those of new nodes are 0, as at the beginning.

    An optimiser numbers what it trains. Where it trains all, the number says which; where sparse tables have one of
    their own, the sizes do.
    """
    total = sum(len(group["params"]) for group in state["param_groups"])
    for place, moments in state["state"].items():
        size = next((tuple(value.shape) for value in moments.values() if isinstance(value, Tensor) and value.dim()), ())
        alike = [names[place]] if total == len(names) else names
        name = next((n for n in alike if n in tables and sizes[n] == size), None)
        if name is not None:
            _move_rows(moments, size, after[name], tables[name])


def _move_rows(moments: dict[str, Any], size: tuple[int, ...], table: Tensor, rows: Moved) -> None:
    """Those of any optimiser that are as large as the table was."""
    for key, value in moments.items():
        if isinstance(value, Tensor) and tuple(value.shape) == size:
            moments[key] = moved(value, torch.zeros(table.shape, dtype=value.dtype), rows)
