"""Features and edges as HAN takes them from a graph, metapaths among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .._core import checks
from ..errors import InputError, MetapathError
from ..graph.adjacency import Adjacency
from ..graph.features import count_classes
from ..graph.metapaths import Metapath
from ..graph.view import EdgeType, GraphView
from ..nn.arguments import check_room
from ..sampling.metapath_edges import metapath_edges
from ..sampling.metapath_loader import Block
from .own_forward import edges_as_tensors

__all__ = [
    *("HANInputs", "check_classes", "check_edge_types", "check_returns", "classes_of", "forward_of_han"),
    *("head_counts_of", "metapaths_given", "reached", "sizes_of", "types_of_layers", "whole_graph"),
]


@dataclass(frozen=True)
class HANInputs:
    """What :meth:`graphembed_ext.HAN.logits` reads of a graph.

    Attributes:
        features: By node type.
        blocks: For each layer, first layer first.
    """

    features: dict[str, Tensor]
    blocks: list[Block]


def forward_of_han(model: Any, inputs: HANInputs) -> dict[str, Tensor]:
    """What a ``forward`` that a subclass overrides makes of a whole graph.

    Raises:
        InputError: A mini-batch, whose layers each have edges of their own.
    """
    if any(block.num_dst is not None for block in inputs.blocks):
        expected = f"None, as {type(model).__name__} overrides forward, which takes whole graphs"
        raise InputError("batch_size", "a mini-batch", expected, "override logits(inputs) for mini-batches")
    found: dict[str, Tensor] = model(inputs.features, edges_as_tensors(inputs.blocks[0].edges))
    return found


def whole_graph(
    view: GraphView,
    edge_types: Sequence[EdgeType],
    metapaths: Mapping[EdgeType, Metapath],
    max_neighbors: int | None,
    device: torch.device,
) -> dict[EdgeType, Adjacency]:
    """All edges of some types; types that the graph lacks are made of metapaths.

    Raises:
        InputError: An edge type that the graph lacks and no metapath stands for.
    """
    missing = {t: metapaths[t] for t in edge_types if t not in view.edges and t in metapaths}
    check_edge_types(view, [t for t in edge_types if t not in missing])
    made: dict[EdgeType, tuple[Tensor, Tensor]] = {}
    for edge_type, path in missing.items():
        made |= metapath_edges(view, {edge_type[1]: path}, max_neighbors=max_neighbors, seed=0).edges
    found = {}
    for edge_type in edge_types:
        src, dst = made[edge_type] if edge_type in made else view.edges[edge_type]
        counts = view.num_nodes[edge_type[0]], view.num_nodes[edge_type[2]]
        found[edge_type] = Adjacency.from_edges(src.to(device), dst.to(device), *counts)
    return found


def check_edge_types(view: GraphView, edge_types: Sequence[EdgeType]) -> None:
    """Raise where a graph lacks an edge type."""
    for edge_type in edge_types:
        if edge_type not in view.edges:
            raise InputError(
                "graph",
                f"a graph with the edge types {view.edge_types}",
                f"the edge types of the model's metadata, {edge_type} among them",
                "ge.metapath_edges makes metapaths edge types; HAN(..., metapaths=...) does so by itself",
            )


def check_classes(classes: dict[str, int], hidden_channels: int) -> dict[str, int]:
    """Return numbers of classes whose classifiers fit into memory, or raise before they are made."""
    for count in classes.values():
        check_room(("hidden_channels", "out_channels"), hidden_channels, count)
    return classes


def head_counts_of(heads: Any, num_layers: int, hidden_channels: int) -> list[int]:
    """Number of heads of each layer, which divide the hidden channels."""
    wanted = "a number, or one for each layer"
    counts = [heads] * num_layers if isinstance(heads, int) else checks.several("heads", heads, wanted)
    if len(counts) != num_layers:
        raise InputError("heads", heads, f"a number, or {num_layers} of them, one for each layer")
    for count in counts:
        if hidden_channels % checks.integer("heads", count):
            raise InputError("heads", count, f"a divisor of hidden_channels = {hidden_channels}")
    return counts


def metapaths_given(given: Any) -> dict[EdgeType, Metapath]:
    """Metapaths by edge type, when they have the form of such; none for None."""
    expected = "a dict of metapaths, each a list of edge types, by the edge type that stands for it"
    found = {} if given is None else dict(checks.mapping("metapaths", given, expected))
    for edge_type, path in found.items():
        if not (isinstance(edge_type, tuple) and len(edge_type) == 3):
            raise InputError("metapaths", f"key {edge_type!r}", expected)
        checks.several("metapaths", path, expected)
    return found


def check_returns(paths: Mapping[EdgeType, Metapath], target: str | Sequence[str] | None) -> None:
    """Raise where a metapath does not lead from a target type back to it."""
    expected = "the name of a node type, or a list of them"
    if target is None or isinstance(target, str):
        targets = [target] if target else None
    else:
        targets = [checks.text("target", name, expected) for name in checks.several("target", target, expected)]
    for (first, name, last), path in paths.items():
        if first != last or (targets is not None and first not in targets):
            wanted = repr(first) if targets is None else " or ".join(map(repr, targets))
            raise MetapathError(
                f"metapaths: {name!r}",
                f"leads from {first!r} to {last!r}, by {' '.join(step[1] for step in path)}",
                f"HAN's metapaths start from a target type and return to it, here {wanted}",
            )


def sizes_of(in_channels: int | Mapping[str, int], node_types: Sequence[str]) -> Any:
    """Features of the node types that the first layer reads."""
    if not isinstance(in_channels, Mapping):
        return in_channels
    return {name: in_channels[name] for name in node_types if name in in_channels}


def classes_of(view: GraphView, target: str) -> int:
    """How many classes the labels of a node type have.

    Raises:
        InputError: It has no labels.
    """
    found = count_classes(view, target)
    if found is None:
        raise InputError("out_channels", None, f"a number of classes, as {target!r} has no labels in the graph")
    return found


def types_of_layers(layers: Any, made: Any) -> list[Any]:
    """Node and edge types of each layer: as it says itself, or as made where somebody put in one that cannot tell."""
    return [getattr(conv, "metadata", part) for conv, part in zip(layers, made, strict=True)]


def reached(hidden: Mapping[str, Tensor], name: str) -> Tensor:
    """Vectors of the type that is judged.

    Raises:
        InputError: No edge leads to any of them.
    """
    if name not in hidden:
        raise InputError("edge_index_dict", f"no edges into {name!r}", "edges into the nodes to be judged")
    return hidden[name]
