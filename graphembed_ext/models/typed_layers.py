"""Which edge types each layer of a typed network can use, and needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._core import checks
from ..errors import InputError
from ..graph.view import EdgeType

__all__ = ["layered", "metadata_of", "reached", "targets_of"]


def layered(edge_types: Sequence[EdgeType], targets: Sequence[str], num_layers: int) -> list[list[EdgeType]]:
    """The edge types of each layer: those that have something to start from and that lead towards a target."""
    usable = _usable(edge_types, num_layers)
    there = {t[2] for t in usable[-1]}
    lost = [name for name in targets if name not in there]
    if lost:
        raise InputError("num_layers", num_layers, f"fewer layers: no edges lead to {lost[0]!r} in the last one")
    layers, wanted = [], set(targets)
    for types in reversed(usable):
        needed = [t for t in types if t[2] in wanted]
        layers.append(needed)
        wanted = {end for t in needed for end in (t[0], t[2])}
    return layers[::-1]


def _usable(edge_types: Sequence[EdgeType], num_layers: int) -> list[list[EdgeType]]:
    """For each layer the edge types both of whose ends have features, or an output of the layer before."""
    layers = []
    known = {end for t in edge_types for end in (t[0], t[2])}
    for _ in range(num_layers):
        layers.append([t for t in edge_types if {t[0], t[2]} <= known])
        known = {t[2] for t in layers[-1]}
    return layers


def metadata_of(metadata: Any) -> tuple[list[str], list[EdgeType]]:
    """Node types and edge types, when they have the form of such.

    Raises:
        InputError: Anything else.
    """
    wanted = "node types and edge types, such as (['paper'], [('paper', 'PAP', 'paper')])"
    if not isinstance(metadata, (tuple, list)) or len(metadata) != 2:
        raise InputError("metadata", metadata, wanted)
    kinds, edge_types = (checks.several("metadata", part, wanted) for part in metadata)
    for kind in kinds:
        checks.text("metadata", kind, wanted)
    for edge_type in edge_types:
        if not (isinstance(edge_type, tuple) and len(edge_type) == 3 and all(isinstance(t, str) for t in edge_type)):
            raise InputError("metadata", f"edge type {edge_type!r}", wanted)
    return kinds, edge_types


def reached(edge_types: Sequence[EdgeType], num_layers: int) -> list[str]:
    """Node types that have an output after so many layers, alphabetical."""
    return sorted({t[2] for t in _usable(edge_types, num_layers)[-1]})


def targets_of(target: str | Sequence[str], there: Sequence[str], expected: str) -> list[str]:
    """The node types that were asked for, checked to be among those that have an output.

    Raises:
        InputError: None asked for, or one that has no output; ``expected`` says what those are.
    """
    expected_ = "the name of a node type, or a list of them"
    targets = [target] if isinstance(target, str) else checks.several("target", target, expected_)
    if not targets:
        raise InputError("target", target, f"at least one of {list(there)}")
    for name in targets:
        if not isinstance(name, str) or name not in there:
            raise InputError("target", name, f"{expected}: {list(there)}")
    return targets
