"""Which edge types each layer of a typed network can use, and needs."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import InputError
from ..graph.view import EdgeType

__all__ = ["layered", "reached", "targets_of"]


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


def reached(edge_types: Sequence[EdgeType], num_layers: int) -> list[str]:
    """Node types that have an output after so many layers, alphabetical."""
    return sorted({t[2] for t in _usable(edge_types, num_layers)[-1]})


def targets_of(target: str | Sequence[str], there: Sequence[str], expected: str) -> list[str]:
    """The node types that were asked for, checked to be among those that have an output.

    Raises:
        InputError: None asked for, or one that has no output; ``expected`` says what those are.
    """
    targets = [target] if isinstance(target, str) else list(target)
    if not targets:
        raise InputError("target", target, f"at least one of {list(there)}")
    for name in targets:
        if name not in there:
            raise InputError("target", name, f"{expected}: {list(there)}")
    return targets
