"""Models whose weights serve any graph with the same features and types: what growing means to them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ..errors import InputError
from ..graph.view import EdgeType, GraphView

__all__ = ["Inductive"]


class Inductive:
    """The part of GraphSAGE and HAN that :func:`graphembed_ext.grow` calls."""

    def node_counts(self, view: GraphView | None = None, num_users: int | None = None) -> dict[str, int] | None:
        """None: such a model keeps no nodes."""
        return None

    def grown(
        self, view: GraphView, ids: Mapping[str, Any], *, num_users: int | None = None, weight: Any = None
    ) -> tuple[Any, dict[str, Any]]:
        """A copy with the same weights, once a graph is known to be one that they serve.

        Raises:
            InputError: Features or types that they do not serve; new edge types that a model made for the graph would
                have weights for.
        """
        if weight is not None:
            raise InputError("weight", "weights", f"None: {type(self).__name__} has the name of an edge feature")
        found, tables = self._grow_learned(view, ids)
        found.inputs(view)  # refuses what is missing or of another size
        new = [t for t in self._wanted(view) if t not in self._known()]
        if new:
            expected = "edge types that the model has weights for: " + ", ".join(map(str, self._known()))
            hint = f"{type(self).__name__}.for_graph makes a model with weights for it; or leave it out of the graph"
            raise InputError("graph", f"the new edge type {new[0]}", expected, hint)
        return found, tables

    def _grow_learned(self, view: GraphView, ids: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """A copy, and what of it has grown."""
        return copy.deepcopy(self), {}

    def _known(self) -> list[EdgeType]:
        """Edge types with weights."""
        return []

    def _wanted(self, view: GraphView) -> list[EdgeType]:
        """Edge types of a graph that a model made for it would have weights for."""
        return []
