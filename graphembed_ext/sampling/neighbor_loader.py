"""Mini-batches of nodes with sampled neighbourhoods, for graphs of either host: :func:`neighbor_loader`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .._core import checks, memory, rng
from .._core.background import in_background
from ..distributed.group import ALONE, Group
from ..errors import InputError
from ..graph.adjacency import Adjacency
from ..graph.features import FEATURE_NAMES, LABEL_NAMES, by_type, find, node_ids
from ..graph.in_edges import entry_values, in_edges
from ..graph.view import EDGE_TYPE, NODE_TYPE, EdgeType, GraphView
from ..hosts import registry
from .neighbor_sampler import Neighborhood, NeighborSampler, check_fanouts

__all__ = ["NeighborBatch", "NeighborLoader", "SeededBatches", "neighbor_loader"]

#: Bytes from which on NumPy asks for large pages.
_LARGE = 1 << 22


@dataclass
class NeighborBatch:
    """Some nodes, the seeds, and their sampled neighbourhood. Of a typed graph, everything is a dict by type.

    Lists have an entry for each layer, first layer first: the outermost hop. A block's targets are the first of its
    sources, and its sources are the targets of the block before it; the last block's targets are the seeds.

    Attributes:
        seeds: Ids of the nodes whose output the layers compute, ``(B,)``.
        nodes: Ids of the nodes that the first layer reads, seeds first, ``(N_0,)``.
        blocks: Edges, numbered within the batch.
        edge_weights: Weight of each edge of a block; None where the loader was told of none.
        counts: How many nodes each layer reads, and last how many seeds.
        features: Features of all nodes of the graph, not sliced; None where it has none.
        labels: Labels of all nodes of the graph; None where it has none.
        number: Number of the batch in its epoch.

    Example:
        >>> import torch, graphembed_ext as ge
        >>> path = ge.view(torch.tensor([[0, 1, 2], [1, 2, 3]])).with_features({"_N": {"x": torch.eye(4)}})
        >>> batch = next(iter(ge.neighbor_loader(path, [1, 1], nodes=[3], batch_size=1, seed=0)))
        >>> batch, batch.nodes, batch.x.shape  # 3 hears of 2, and 2 of 1
        (NeighborBatch(1 seeds, 3 nodes, 2 blocks), tensor([3, 2, 1]), torch.Size([3, 4]))
        >>> batch.edge_ids, batch.y  # of the outer hop 2 -> 3 and 1 -> 2, of the inner 2 -> 3; no labels
        ([tensor([2, 1]), tensor([2])], None)
    """

    seeds: Any
    nodes: Any
    blocks: list[Any]
    edge_weights: list[Any] | None
    counts: list[Any]
    features: Any
    labels: Any
    number: int = 0
    _entries: list[Any] = field(default_factory=list, repr=False)
    _edges: Any = field(default=None, repr=False)
    _sliced: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    @property
    def x(self) -> Any:
        """Features of :attr:`nodes`, ``(N_0, C)``; sliced when first asked for."""
        return self._part("x", self.features, self.nodes)

    @property
    def y(self) -> Any:
        """Labels of :attr:`seeds`."""
        return self._part("y", self.labels, self.seeds)

    @property
    def edge_ids(self) -> list[Any]:
        """Place of each edge of each block in the host's list of edges, on the CPU."""
        edges = self._edges
        if isinstance(edges, Mapping):
            return [{t: edges[t].edge_ids[entries].long() for t, entries in hop.items()} for hop in self._entries]
        return [edges.edge_ids[entries].long() for entries in self._entries]

    def to(self, device: Any) -> NeighborBatch:
        """The batch on a device, features and labels sliced.

        Example:
            >>> import torch, graphembed_ext as ge
            >>> batch = next(iter(ge.neighbor_loader(torch.tensor([[0, 1], [1, 0]]), [1], batch_size=2, seed=0)))
            >>> batch.to("cpu").seeds.device
            device(type='cpu')
        """
        moved = {name: _moved(getattr(self, name), device) for name in ("seeds", "nodes", "blocks", "edge_weights")}
        found = replace(self, **moved, features=None, labels=None)
        found._sliced = _moved({"x": self.x, "y": self.y}, device)
        return found

    def beside(self, like: Tensor) -> NeighborBatch:
        """The batch on the device of a tensor; itself where that is the CPU's, as it is made there."""
        return self if like.device.type == "cpu" else self.to(like.device)

    def pin_memory(self) -> NeighborBatch:
        """The batch in page-locked memory, features and labels sliced.

        Example:
            >>> import torch, graphembed_ext as ge
            >>> batch = next(iter(ge.neighbor_loader(torch.tensor([[0, 1], [1, 0]]), [1], batch_size=2, seed=0)))
            >>> if torch.cuda.is_available():
            ...     batch = batch.pin_memory()
            >>> batch
            NeighborBatch(2 seeds, 2 nodes, 1 blocks)
        """
        return self.to("pin")

    def _part(self, name: str, whole: Any, ids: Any) -> Any:
        if name not in self._sliced:
            if isinstance(whole, Mapping):
                self._sliced[name] = {kind: _sliced(whole[kind], rows) for kind, rows in ids.items() if kind in whole}
            else:
                self._sliced[name] = None if whole is None else _sliced(whole, ids)
        return self._sliced[name]

    def __repr__(self) -> str:
        return f"NeighborBatch({self.counts[-1]} seeds, {self.counts[0]} nodes, {len(self.blocks)} blocks)"


def neighbor_loader(
    graph: Any,
    fanouts: Any,
    batch_size: int = 1024,
    *,
    nodes: Any = None,
    y: Any = None,
    features: str | None = None,
    edge_weight: str | None = None,
    weight: str | None = None,
    replace: bool = False,
    shuffle: bool = False,
    drop_last: bool = False,
    prefetch: int = 2,
    seed: int | None = None,
) -> NeighborLoader:
    """Mini-batches of nodes, each with a sampled neighbourhood, from a graph of either host.

    A compiled sampler over in-neighbours in canonical order serves both hosts: one seed gives the same batches from
    either, on any number of threads, with or without DGL installed. Batches are made ahead in a thread of their own.
    They feed ``model(batch.x, batch.blocks)`` of :class:`graphembed_ext.GraphSAGE`, or its ``model.logits(batch)``,
    which on the CPU reads the features in place where that is faster than to slice them.

    Each pass over the loader is another epoch: another order, where shuffled, and other draws.

    Args:
        graph: Anything that :func:`graphembed_ext.view` takes.
        fanouts: How many neighbours to draw, first hop (the seeds' own) first, as in PyG's ``num_neighbors``; -1 for
            all. For a typed graph, of each edge type: one list for all, or a dict with a list for each. The last
            numbers belong to the first layer. All neighbours are taken where there are fewer.
        batch_size: Seeds in a batch.
        nodes: The seeds: a boolean mask, ids, each once, or None for all nodes. For a typed graph a dict of these by
            node type, or ``(node type, mask or ids)``.
        y: Labels of all nodes (a dict by node type of them), or their name; None takes ``y`` or ``label`` where there.
        features: Name of the node feature; None takes ``x`` or ``feat`` where there.
        edge_weight: Name of the edge feature that batches bring along, for layers that weigh messages. Weights of
            parallel edges come in ascending order, as their ids differ from host to host.
        weight: Name of the edge feature that draws are in proportion to; edges of weight 0 are never drawn.
        replace: Whether a neighbour may be drawn more than once.
        shuffle: Whether every epoch takes the seeds in another order.
        drop_last: Whether to leave out a last batch that is not full.
        prefetch: Batches made ahead; 0 makes them when asked for.
        seed: Fixes order and draws; None draws one from torch's default generator.

    Returns:
        An iterable of :class:`NeighborBatch` with a length.

    Raises:
        InputError: Fan-outs that are no list or below -1, ids that the graph lacks or that come twice, a weight that
            is missing, negative or not finite.

    Reference:
        Hamilton, Ying and Leskovec 2017, arXiv:1706.02216, Algorithm 2. Weighted draws without replacement:
        Efraimidis and Spirakis 2006, "Weighted random sampling with a reservoir".

    Example:
        >>> import graphembed_ext as ge
        >>> from torch_geometric.datasets import KarateClub
        >>> loader = neighbor_loader(KarateClub()[0], [5, 3], batch_size=16, seed=0)
        >>> batch = next(iter(loader))
        >>> len(loader), batch.counts[-1], batch.y.shape
        (3, 16, torch.Size([16]))
        >>> ge.GraphSAGE(34, 8, num_layers=2, out_channels=4)(batch.x, batch.blocks).shape
        torch.Size([16, 4])
    """
    view = registry.view(graph)
    number = rng.seed_or_fresh(seed)
    for argument, name in (("features", features), ("edge_weight", edge_weight), ("weight", weight)):
        if name is not None:
            checks.text(argument, name, "the name of a feature of the graph, or None")
    found = _seeds(view, nodes)
    sampler = NeighborSampler(view, check_fanouts(fanouts, view.edge_types), replace=replace, weight=weight)
    names = FEATURE_NAMES if features is None else (features,)
    return NeighborLoader(
        view,
        sampler,
        found,
        batch_size,
        features=_columns(view, names, "features" if features is not None else None),
        labels=_labels(view, y),
        edge_weight=edge_weight,
        shuffle=checks.flag("shuffle", shuffle),
        drop_last=checks.flag("drop_last", drop_last),
        prefetch=checks.integer("prefetch", prefetch, minimum=0),
        seed=number,
    )


class NeighborLoader:
    """What :func:`neighbor_loader` returns: a pass over it is an epoch. Its arguments are checked there.

    Attributes:
        epoch: Number of the next pass, from 0; set it to resume.
        group: The processes that share out the seeds of every batch.
    """

    def __init__(
        self,
        view: GraphView,
        sampler: NeighborSampler,
        seeds: dict[str, Tensor],
        batch_size: int,
        *,
        features: dict[str, Tensor],
        labels: dict[str, Tensor],
        edge_weight: str | None = None,
        shuffle: bool = False,
        drop_last: bool = False,
        prefetch: int = 2,
        seed: int = 0,
        epoch: int = 0,
    ) -> None:
        self.sampler, self.epoch = sampler, epoch
        self.group: Group = ALONE
        self._view, self._seeds, self._batch_size = view, seeds, checks.integer("batch_size", batch_size)
        self._features, self._labels = features, labels
        self._shuffle, self._drop_last, self._prefetch, self._seed = shuffle, drop_last, prefetch, seed
        self._edges = {t: in_edges(view, t) for t in sampler.tables}
        self._weights: dict[EdgeType, Tensor] | None = None
        if edge_weight is not None:
            self._weights = {t: entry_values(view, t, edge_weight).float() for t in sampler.tables}

    def __len__(self) -> int:
        count = sum(map(len, self._seeds.values()))
        return count // self._batch_size if self._drop_last else -(-count // self._batch_size)

    def __iter__(self) -> Iterator[NeighborBatch]:
        epoch, self.epoch = self.epoch, self.epoch + 1
        if self._prefetch == 0:
            return self._batches(epoch)
        return in_background(lambda: self._batches(epoch), self._prefetch)

    def batch(self, seeds: Mapping[str, Tensor], epoch: int, number: int) -> NeighborBatch:
        """The batch of some seeds by type, with the draws of an epoch's batch of that number."""
        return self.wrapped(self.sampler.sample(seeds, rng.key(self._seed, "neighbors", epoch, number)), number)

    def wrapped(self, found: Neighborhood, number: int = 0) -> NeighborBatch:
        """A sampled neighbourhood with features, labels and weights."""
        weights = None
        if self._weights is not None:
            weights = [{t: self._weights[t][e] for t, e in hop.items()} for hop in found.entries]
        seeds = {name: found.nodes[name][:count] for name, count in found.counts[-1].items()}
        parts = seeds, found.nodes, found.blocks, weights, found.counts, self._features, self._labels
        more = found.entries, self._edges
        if not self._view.is_typed:
            parts, more = tuple(map(_only, parts)), tuple(map(_only, more))
        return NeighborBatch(*parts, number, *more)

    def _batches(self, epoch: int) -> Iterator[NeighborBatch]:
        types = list(self._seeds)
        every = torch.cat([*self._seeds.values(), torch.empty(0, dtype=torch.int64)])
        counts = torch.tensor([len(s) for s in self._seeds.values()], dtype=torch.int64)
        kinds = torch.repeat_interleave(torch.arange(len(types)), counts)
        if self._shuffle:
            order = torch.randperm(len(every), generator=rng.generator(rng.key(self._seed, "order", epoch)))
            every, kinds = every[order], kinds[order]
        for number in range(len(self)):
            part = slice(number * self._batch_size, (number + 1) * self._batch_size)
            own = self.group.share(len(every[part]))
            ids, kind = every[part][own], kinds[part][own]
            yield self.batch({name: ids[kind == k] for k, name in enumerate(types)}, epoch, number)


class SeededBatches(NeighborLoader):
    """The same batches, each with its seeds by node type beside it, as :mod:`graphembed_ext.training.nodes` wants:
    without seeds, where there are fewer than processes that share them out, none.
    """

    def __iter__(self) -> Iterator[Any]:
        for batch in super().__iter__():
            yield batch, batch.seeds if self._view.is_typed else {} if batch.seeds is None else {NODE_TYPE: batch.seeds}


def _only(value: Any) -> Any:
    """What a dict by type holds for the one type of an untyped graph, in lists, too."""
    if isinstance(value, list):
        return [_only(part) for part in value]
    return None if not value else value.get(NODE_TYPE, value.get(EDGE_TYPE))


def _sliced(whole: Tensor, ids: Tensor) -> Tensor:
    """Rows of a tensor. The system's work of handing out fresh memory is most of the time of a large slice; NumPy asks
    for it in large pages, which takes a third of that.
    """
    if whole.device.type != "cpu" or whole.layout != torch.strided or whole.requires_grad:
        return whole[ids.to(whole.device)]
    shape = torch.Size((len(ids), *whole.shape[1:]))
    size = whole.element_size() * shape.numel()
    if size < _LARGE:
        return whole.index_select(0, ids)
    room = torch.from_numpy(np.empty(size, np.uint8)).view(whole.dtype).view(shape)
    return torch.index_select(whole, 0, ids, out=room)


def _moved(value: Any, device: Any) -> Any:
    if isinstance(value, dict):
        return {name: _moved(part, device) for name, part in value.items()}
    if isinstance(value, list):
        return [_moved(part, device) for part in value]
    if isinstance(value, Adjacency) and device == "pin":
        indptr, indices, edge_ids = (_moved(part, device) for part in (value.indptr, value.indices, value.edge_ids))
        return Adjacency(indptr, indices, edge_ids, value.num_src)
    if value is None:
        return None
    return value.pin_memory() if device == "pin" else value.to(device, non_blocking=True)


def _columns(view: GraphView, names: tuple[str, ...], argument: str | None) -> dict[str, Tensor]:
    found = {name: find(view, name, names) for name in view.node_types}
    there = {name: column for name, column in found.items() if column is not None}
    if argument is not None and not there:
        raise InputError(argument, repr(names[0]), f"a node feature; there are {sorted(_names(view))}")
    return there


def _names(view: GraphView) -> set[str]:
    return {name for columns in view.features.values() for name in columns}


def _labels(view: GraphView, y: Any) -> dict[str, Tensor]:
    if y is None or isinstance(y, str):
        return _columns(view, LABEL_NAMES if y is None else (y,), None if y is None else "y")
    found = by_type("y", y, view.node_types)
    for name, labels in found.items():
        if labels.dim() == 0 or len(labels) != view.num_nodes[name]:
            got = f"{len(labels) if labels.dim() else 'no'} labels of {name!r}"
            raise InputError("y", got, f"{view.num_nodes[name]}, one for each node")
    return found


def _seeds(view: GraphView, nodes: Any) -> dict[str, Tensor]:
    if nodes is None:
        if len(view.node_types) > 1:
            expected = f"the node type to take and its nodes, such as ({view.node_types[0]!r}, None)"
            raise InputError("nodes", None, expected, "None in the pair takes all nodes of the type")
        memory.check_nodes(view.total_nodes, 8, "ids")
        nodes = torch.arange(view.total_nodes)
    if isinstance(nodes, tuple):
        if len(nodes) != 2:
            raise InputError("nodes", nodes, "a node type and its nodes, or nodes")
        nodes = dict([nodes])
    if isinstance(nodes, Mapping):
        nodes = {name: torch.arange(view.num_nodes.get(name, 0)) if ids is None else ids for name, ids in nodes.items()}
    return {
        name: node_ids("nodes", ids, view.num_nodes[name], name)
        for name, ids in by_type("nodes", nodes, view.node_types).items()
    }
