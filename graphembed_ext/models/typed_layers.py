"""Which edge types each layer of a typed network can use, and needs."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import InputError
from ..graph.view import EdgeType

__all__ = ["layered", "reached"]


def layered(edge_types: Sequence[EdgeType], targets: Sequence[str], num_layers: int) -> list[list[EdgeType]]:
    """The edge types of each layer: those that have something to start from and that lead towards a target."""
    layers: list[list[EdgeType]] = []
    known: set[str] | None = None  # None: all types have features
    for _ in range(num_layers):
        usable = [t for t in edge_types if known is None or {t[0], t[2]} <= known]
        layers.append(usable)
        known = {t[2] for t in usable}
    lost = [name for name in targets if known is not None and name not in known]
    if lost:
        raise InputError("num_layers", num_layers, f"fewer layers: no edges lead to {lost[0]!r} in the last one")
    wanted = set(targets)
    for number in reversed(range(num_layers)):
        layers[number] = [t for t in layers[number] if t[2] in wanted]
        wanted = {end for t in layers[number] for end in (t[0], t[2])}
    return layers


def reached(edge_types: Sequence[EdgeType], num_layers: int) -> list[str]:
    """Node types that have an output after so many layers, alphabetical."""
    known = {end for t in edge_types for end in (t[0], t[2])}
    for _ in range(num_layers):
        known = {t[2] for t in edge_types if {t[0], t[2]} <= known}
    return sorted(known)
