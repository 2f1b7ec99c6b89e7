"""Neighbourhoods around nodes, hop by hop, as blocks that message-passing layers run on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from .._core import checks, rng
from .._core.checks import as_tensor
from .._core.doors import within
from ..errors import InputError
from ..graph.adjacency import Adjacency
from ..graph.in_edges import entry_values, in_edges
from ..graph.view import EdgeType, GraphView
from . import compiled as compiled_neighbors
from .compiled import Table

__all__ = ["Neighborhood", "NeighborSampler", "check_fanouts"]

#: Fan-outs of every edge type, first hop first.
Fanouts = dict[EdgeType, list[int]]


class Neighborhood(NamedTuple):
    """What was sampled around some nodes; lists are in the order of layers, the outermost hop first.

    Attributes:
        nodes: Ids by type of all nodes reached, those sampled around first; a type's first so many are those of each
            smaller neighbourhood.
        blocks: For each layer, edges by edge type; a type's targets are the first of its sources.
        entries: Which entries of :func:`~graphembed_ext.graph.in_edges.in_edges` these edges are.
        counts: How many nodes of each type each layer reads, and last how many the last one yields.
    """

    nodes: dict[str, Tensor]
    blocks: list[dict[EdgeType, Adjacency]]
    entries: list[dict[EdgeType, Tensor]]
    counts: list[dict[str, int]]


def check_fanouts(fanouts: Any, edge_types: Sequence[EdgeType], layers: int | None = None) -> Fanouts:
    """Fan-outs of every edge type, from one list for all of them or a dict with a list for each.

    Raises:
        InputError: No list, lists of unequal length or not of ``layers``, numbers below -1, unknown edge types.
    """
    found = {edge_type: _numbers(given) for edge_type, given in _by_edge_type(fanouts, edge_types).items()}
    wanted = layers if layers is not None else max(map(len, found.values()), default=0)
    for given in found.values():
        if len(given) != wanted:
            why = "one for each layer" if layers is not None else "as many for every edge type"
            raise InputError("fanouts", given, f"{wanted} numbers, {why}")
    return found


def _by_edge_type(fanouts: Any, edge_types: Sequence[EdgeType]) -> dict[EdgeType, Any]:
    if not isinstance(fanouts, Mapping):
        return dict.fromkeys(edge_types, fanouts)
    unknown = [t for t in fanouts if t not in edge_types]
    missing = [t for t in edge_types if t not in fanouts]
    if unknown or missing:
        got = f"the edge type {unknown[0]}" if unknown else f"nothing for {missing[0]}"
        raise InputError("fanouts", got, f"a list of numbers for each of {list(edge_types)}")
    return {t: fanouts[t] for t in edge_types}


def _numbers(given: Any) -> list[int]:
    if isinstance(given, Tensor):
        given = as_tensor("fanouts", given, "a list of numbers of neighbours, first hop first")
    listed = given.tolist() if isinstance(given, (np.ndarray, Tensor)) else given
    if not isinstance(listed, Sequence) or isinstance(listed, (str, bytes)) or not len(listed):
        raise InputError("fanouts", given, "a list of numbers of neighbours, first hop first")
    return [checks.integer("fanouts", number, minimum=-1, hint="-1 takes all neighbours") for number in listed]


class NeighborSampler:
    """Samples around nodes of one graph; safe to use from several threads.

    Args:
        view: The graph.
        fanouts: As :func:`check_fanouts` returns them.
        replace: Whether a neighbour may be drawn more than once.
        weight: Name of the edge feature that draws are in proportion to; edges of weight 0 are never drawn.

    Example:
        >>> import graphembed_ext as ge
        >>> view = ge.view(torch.tensor([[0, 1, 2, 3], [1, 2, 3, 0]]))
        >>> found = NeighborSampler(view, check_fanouts([5, 5], view.edge_types)).sample({"_N": torch.tensor([2])}, 0)
        >>> found.nodes, found.counts
        ({'_N': tensor([2, 1, 0])}, [{'_N': 3}, {'_N': 2}, {'_N': 1}])
    """

    def __init__(self, view: GraphView, fanouts: Fanouts, *, replace: bool = False, weight: str | None = None) -> None:
        self._counts, self._fanouts = dict(view.num_nodes), fanouts
        self._replace = checks.flag("replace", replace)
        self.hops = len(next(iter(fanouts.values()), []))
        if replace and any(fanout < 0 for given in fanouts.values() for fanout in given):
            raise InputError("fanouts", -1, "numbers of at least 0 with replace=True, which never has all of them")
        tables = {edge_type: _table(view, edge_type, weight) for edge_type in fanouts}
        self.tables = {edge_type: table for edge_type, (table, _) in tables.items()}
        self._entries = {edge_type: entries for edge_type, (_, entries) in tables.items()}
        #: Arrays with a -1 for each node, of types that have been reached: one set for each thread that samples.
        self._blank: list[dict[str, Tensor]] = []

    def sample(
        self, seeds: Mapping[str, Tensor], key: int, excluded: Mapping[EdgeType, Tensor] | None = None
    ) -> Neighborhood:
        """The sampled neighbourhood of some nodes.

        Args:
            seeds: Ids by node type, each once.
            key: Of the draws (:func:`graphembed_ext._core.rng.key`).
            excluded: Entries of :attr:`tables`, by edge type, ascending, that must not be drawn.

        Raises:
            InputError: Ids that the graph lacks.
        """
        for name, ids in seeds.items():
            within("nodes", ids, self._counts[name], got=f"id {name!r}", expected="ids")
        for edge_type, entries in (excluded or {}).items():
            within("excluded", entries, len(self.tables[edge_type].indices), got="entry", expected="entries")
        places = self._blank.pop() if self._blank else {}
        found = self._sample({name: ids for name, ids in seeds.items() if len(ids)}, key, excluded or {}, places)
        for name, ids in found.nodes.items():
            places[name][ids] = -1
        self._blank.append(places)
        return found

    def _number(self, nodes: Mapping[str, Tensor], places: dict[str, Tensor]) -> None:
        """Write the numbers of some nodes to the arrays of their types, which are made where there are none yet."""
        for name in {*nodes, *(source for source, _, _ in self.tables)}:
            if name not in places:
                count = self._counts[name]
                small = count <= torch.iinfo(torch.int32).max
                places[name] = torch.full((count,), -1, dtype=torch.int32 if small else torch.int64)
        for name, ids in nodes.items():
            places[name][ids] = torch.arange(len(ids), dtype=places[name].dtype)

    def _sample(
        self, nodes: dict[str, Tensor], key: int, excluded: Mapping[EdgeType, Tensor], places: dict[str, Tensor]
    ) -> Neighborhood:
        self._number(nodes, places)
        blocks: list[dict[EdgeType, Adjacency]] = []
        entries: list[dict[EdgeType, Tensor]] = []
        counts = [{name: len(ids) for name, ids in nodes.items()}]
        for hop in range(self.hops):
            block, drawn = {}, {}
            known = dict(nodes)
            for rank, (edge_type, table) in enumerate(self.tables.items()):
                source, _, target = edge_type
                if target not in known:
                    continue
                fanout, stream = self._fanouts[edge_type][hop], rng.key(key, hop, rank)
                barred = excluded.get(edge_type, known[target][:0])
                indptr, picked = compiled_neighbors.sample(table, known[target], fanout, self._replace, stream, barred)
                before = nodes.get(source, known[target][:0])
                local, nodes[source] = compiled_neighbors.number(
                    table.indices, picked, places[source], before, len(before)
                )
                entries_there = self._entries[edge_type]
                drawn[edge_type] = picked if entries_there is None else entries_there[picked]
                block[edge_type] = indptr, local
            counts.append({name: len(ids) for name, ids in nodes.items()})
            blocks.append({t: _adjacency(*parts, counts[-1][t[0]]) for t, parts in block.items()})
            entries.append(drawn)
        return Neighborhood(nodes, blocks[::-1], entries[::-1], counts[::-1])


def _table(view: GraphView, edge_type: EdgeType, weight: str | None) -> tuple[Table, Tensor | None]:
    """The neighbours to draw from and, where some are left out, which entries of ``in_edges`` they are."""

    def make() -> tuple[Table, Tensor | None]:
        graph = in_edges(view, edge_type)
        table = Table(graph.indptr, graph.narrow_indices, None)
        if weight is None:
            return table, None
        values = entry_values(view, edge_type, weight)
        if not bool((values == 0).any()):
            return table._replace(weight=values), None
        before = torch.zeros(len(values) + 1, dtype=torch.int64)
        torch.cumsum(values > 0, 0, out=before[1:])
        entries = (values > 0).nonzero().squeeze(1)
        return Table(before[graph.indptr], table.indices[entries], values[entries]), entries

    return view.cached(("neighbour table", edge_type, weight), make)


def _adjacency(indptr: Tensor, sources: Tensor, num_src: int) -> Adjacency:
    return Adjacency(indptr, sources, torch.arange(len(sources)), num_src)
