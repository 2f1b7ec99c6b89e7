"""Metapaths: sequences of edge types, read as users write them and checked against a graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from .._core import checks
from ..errors import InputError, MetapathError
from .view import EdgeType, GraphView

__all__ = ["Metapath", "metapath_of", "named_metapath", "node_types", "read_metapaths"]

Metapath = tuple[EdgeType, ...]


def read_metapaths(view: GraphView, metapath: Any) -> tuple[Metapath, ...]:
    """One metapath or several as canonical edge types.

    Args:
        view: The graph.
        metapath: A sequence of steps, each a relation name, a triple ``(source type, relation, destination
            type)``, or a pair of node types that one edge type joins; or a sequence of such sequences. Of a graph
            that PyG's ``AddMetaPaths`` made, also its ``metapath_dict``, for all its metapaths, or one of the keys,
            for that one: their steps are followed, one relation after the other. (In a list of steps, such a key is
            a step along the edges that ``AddMetaPaths`` made, where the graph has them.)

    Returns:
        A tuple of metapaths.

    Raises:
        MetapathError: A step that the graph lacks, that several edge types could mean, or that does not start
            where the step before it ends.

    Example:
        >>> import torch, graphembed_ext as ge
        >>> edges = torch.tensor([[0], [0]])
        >>> view = ge.view({("user", "buys", "item"): edges, ("item", "bought_by", "user"): edges})
        >>> read_metapaths(view, ["buys", "bought_by"])
        ((('user', 'buys', 'item'), ('item', 'bought_by', 'user')),)
    """
    metapath = _of_transform(view, metapath)
    if isinstance(metapath, str) or not isinstance(metapath, Sequence) or len(metapath) == 0:
        raise InputError("metapath", metapath, "a list of at least one edge type, or a list of such lists")
    if _is_triple(metapath):
        raise InputError("metapath", metapath, "a list of edge types", f"[{tuple(metapath)!r}] is a path of one step")
    if all(_is_path(view, part) for part in metapath):
        return tuple(_read(view, part, f"metapath {k + 1}, step") for k, part in enumerate(metapath))
    return (_read(view, metapath, "metapath step"),)


def _of_transform(view: GraphView, metapath: Any) -> Any:
    """A metapath that PyG's AddMetaPaths knows by its edge type, or all of them, as steps; others as they are."""
    if isinstance(metapath, Mapping):
        return [checks.several("metapath", path, "a list of edge types") for path in metapath.values()]
    return _added(view).get(metapath, metapath) if _is_triple(metapath) else metapath


def _is_path(view: GraphView, part: Any) -> bool:
    """Whether a part of a list is a path of its own, and not a step."""
    several = isinstance(part, (list, tuple)) and len(part) > 0
    return several and not _is_triple(part) and not _is_pair(view, part)


def _is_triple(part: Any) -> bool:
    return isinstance(part, tuple) and len(part) == 3 and all(isinstance(name, str) for name in part)


def _is_pair(view: GraphView, part: Any) -> bool:
    """Whether a step is a pair of node types, as PyG writes edge types short; not two relations."""
    pair = isinstance(part, tuple) and len(part) == 2 and all(name in view.num_nodes for name in part)
    return pair and not any(edge_type[1] in part for edge_type in view.edges)


def _added(view: GraphView) -> Mapping[Any, Any]:
    """The metapaths that PyG's AddMetaPaths made edge types of, by edge type."""
    try:
        found = getattr(view.source, "metapath_dict", None)
    except KeyError:  # PyG's way to say that there are none
        return {}
    return found if isinstance(found, Mapping) else {}


def node_types(metapath: Metapath) -> list[str]:
    """The node type at each position of a metapath, one more than it has steps."""
    return [metapath[0][0], *(step[2] for step in metapath)]


def _read(view: GraphView, steps: Sequence[Any], place: str) -> Metapath:
    found: list[EdgeType] = []
    known = _added(view)
    expanded: list[Any] = []
    for step in steps:
        added = tuple(step) if isinstance(step, (list, tuple)) else step
        expanded += known[added] if added not in view.edges and added in known else [step]
    for number, step in enumerate(expanded, 1):
        edge_type = _edge_type(view, step, f"{place} {number}")
        if found and found[-1][2] != edge_type[0]:
            before = found[-1]
            raise MetapathError(
                f"{place} {number}",
                f"cannot follow step {number - 1}: {before} ends at {before[2]!r}, but {edge_type} starts at "
                f"{edge_type[0]!r}",
                f"from {before[2]!r} this graph offers {_offers(view, before[2])}",
            )
        found.append(edge_type)
    return tuple(found)


def _edge_type(view: GraphView, step: Any, place: str) -> EdgeType:
    if isinstance(step, (tuple, list)):
        triple = tuple(step)
        if triple in view.edges:
            return triple
        if _is_pair(view, triple):
            return _between(view, triple[0], triple[1], repr(triple))
        raise MetapathError(place, f"is {triple!r}, an edge type that this graph lacks", _way_out(view, triple))
    matches = [edge_type for edge_type in view.edges if edge_type[1] == step]
    if len(matches) == 1:
        return matches[0]
    if not matches:
        known = ", ".join(map(repr, sorted({edge_type[1] for edge_type in view.edges}))) or "no edge types"
        raise MetapathError(place, f"is {step!r}, a relation that this graph lacks", f"this graph has {known}")
    choices = " or ".join(map(str, matches))
    raise MetapathError(place, f"is {step!r}, a name that {len(matches)} edge types share", f"write {choices}")


def _way_out(view: GraphView, triple: tuple[Any, ...]) -> str:
    """What to write in place of an edge type that a graph lacks."""
    if len(triple) == 3 and str(triple[1]).startswith("metapath_"):
        steps = (
            "of an edge type of AddMetaPaths give the steps, data.metapath_dict[edge_type], or the graph that has it"
        )
        return f"{steps}; this graph has {', '.join(map(str, view.edge_types))}"
    if len(triple) == 3 and triple[0] in view.num_nodes:
        return f"from {triple[0]!r} this graph offers {_offers(view, triple[0])}"
    return f"this graph has {', '.join(map(str, view.edge_types)) or 'no edge types'}"


def _offers(view: GraphView, node_type: str) -> str:
    """What leaves a node type: relation names, or triples where a name alone would not tell."""
    names = [edge_type[1] for edge_type in view.edges]
    there = [edge_type for edge_type in view.edges if edge_type[0] == node_type]
    return ", ".join(repr(t[1]) if names.count(t[1]) == 1 else str(t) for t in there) or "no edges"


def metapath_of(view: GraphView, text: Any) -> list[EdgeType]:
    """A metapath as words: node types joined by ``-``, or relations (names, or ``source:name:target``) by ``,``.

    Raises:
        InputError: Node types that no edge type, or several, lead from one to the next.

    Example:
        >>> import torch, graphembed_ext as ge
        >>> edges = torch.tensor([[0], [0]])
        >>> view = ge.view({("user", "buys", "item"): edges, ("item", "bought_by", "user"): edges})
        >>> metapath_of(view, "user-item-user")
        [('user', 'buys', 'item'), ('item', 'bought_by', 'user')]
    """
    if not isinstance(text, str):
        steps = [tuple(step) if isinstance(step, list) else step for step in text]
        return list(read_metapaths(view, steps)[0])
    types = text.split("-")
    if len(types) > 1 and all(kind in view.num_nodes for kind in types):
        return [_between(view, source, target, text) for source, target in pairwise(types)]
    steps = [tuple(step.split(":")) if step.count(":") == 2 else step for step in text.split(",")]
    return list(read_metapaths(view, steps)[0])


def _between(view: GraphView, source: str, target: str, text: str) -> EdgeType:
    """The one edge type that leads from a node type to another."""
    found = [edge_type for edge_type in view.edge_types if (edge_type[0], edge_type[2]) == (source, target)]
    if len(found) != 1:
        offered = ", ".join(":".join(edge_type) for edge_type in found or view.edge_types)
        raise InputError(
            "metapath",
            f"{text}, with {len(found) or 'no'} edge types from {source!r} to {target!r}",
            "one edge type for each step",
            f"name relations, as in source:relation:target,... ({offered})",
        )
    return found[0]


def named_metapath(text: str) -> tuple[str, str]:
    """``NAME=PATH`` as a pair; a path without a name is its own."""
    name, equals, path = text.partition("=")
    return (name, path) if equals else (text, text)
