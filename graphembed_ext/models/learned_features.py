"""Learned features: a vector for each node of the types that have no features, as PyG's examples make by hand."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from .._core import checks, rng
from ..errors import InputError
from ..graph.features import FEATURE_NAMES, as_held, features_of
from ..graph.view import GraphView
from ._growing import take_over
from ._inductive import Inductive

__all__ = ["LearnedFeatures", "sizes_of_features"]

_log = logging.getLogger("graphembed_ext")


def sizes_of_features(
    view: GraphView, node_types: Iterable[str], size: int, feature: str | None = None
) -> tuple[dict[str, int], dict[str, int]]:
    """Sizes of the features of some node types, and how many nodes those have that get learned ones for want of any.

    Args:
        view: The graph.
        node_types: The types.
        size: Size of learned features.
        feature: Name of the node feature; None for the usual ones.

    Raises:
        InputError: No type has features of that name; features that are no matrix of finite floats.
    """
    names = FEATURE_NAMES if feature is None else (feature,)
    sizes, learned = {}, {}
    for name in node_types:
        there = as_held(view, name, names) is not None
        named = feature is None or any(as_held(view, other, names) is not None for other in view.node_types)
        if not there and named:
            sizes[name], learned[name] = checks.integer("hidden_channels", size), view.num_nodes[name]
        else:
            sizes[name] = features_of(view, name, name=feature, dense=False).size(1)
    for name, count in learned.items():
        _log.warning(
            "%r has no features: a learned vector of %d numbers for each of its %d nodes stands in", name, size, count
        )
    return sizes, learned


class LearnedFeatures(Inductive):
    """The part of a model that has learned features; it is an ``nn.Module``, too.

    Attributes:
        learned: A table for each node type whose features are learned, ``nn.Embedding(num_nodes, in_channels)``.
    """

    learned: nn.ModuleDict

    def _make_learned(self, counts: Mapping[str, int] | None, sizes: Mapping[str, int]) -> None:
        tables = {}
        expected = "a dict: the number of nodes of each type whose features are learned"
        for name, count in checks.mapping("learned", {} if counts is None else counts, expected).items():
            if name not in sizes or sizes[name] < 1:
                expected = f"one of {list(sizes)} with its size in in_channels"
                raise InputError("learned", f"the node type {name!r}", expected)
            tables[name] = nn.Embedding(checks.integer("learned", count), sizes[name])
        if tables:
            self.learned = nn.ModuleDict(tables)

    def _learned_types(self) -> list[str]:
        return list(getattr(self, "learned", {}))

    def _learned_features(self, view: GraphView, node_type: str) -> Tensor:
        """The learned features of a graph's nodes, which must be those that the model was made for.

        Raises:
            InputError: Nodes that it has never seen.
        """
        table: Any = self.learned[node_type]
        if view.num_nodes.get(node_type) != table.num_embeddings:
            raise InputError(
                "graph",
                f"{view.num_nodes.get(node_type, 0)} nodes of type {node_type!r}",
                f"the {table.num_embeddings} that the model has learned features of: nodes it has not seen have none",
                "ge.grow(model, graph) makes room for new ones, to be trained; or give the type features",
            )
        found: Tensor = table.weight
        return found

    def node_counts(self, view: GraphView | None = None, num_users: int | None = None) -> dict[str, int] | None:
        """Number of nodes of each type with learned features; None where no nodes are kept."""
        if not self._learned_types():
            return None
        tables: Any = self.learned
        return {t: tables[t].num_embeddings if view is None else view.num_nodes.get(t, 0) for t in tables}

    def _grow_learned(self, view: GraphView, ids: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        found, tables = super()._grow_learned(view, ids)
        own: Any = self.learned if self._learned_types() else {}
        for name in own:
            table = nn.Embedding(view.num_nodes[name], own[name].embedding_dim, _weight=self._first(view, name))
            found.learned[name] = table.to(own[name].weight)
            take_over(found.learned[name], own[name], ids[name])
            tables[f"learned.{name}.weight"] = ids[name]
        return found, tables

    def _first(self, view: GraphView, node_type: str) -> Tensor:
        """First vectors of a type's nodes: the same for the same seed."""
        key = rng.key(rng.seed_or_fresh(getattr(self, "seed", None)), "learned", node_type)
        size: Any = self.learned[node_type]
        return torch.randn(view.num_nodes[node_type], size.embedding_dim, generator=rng.generator(key))
