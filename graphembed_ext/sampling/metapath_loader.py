"""Mini-batches of nodes with metapath neighbours that walks have found, the product of a metapath never being made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .._core import checks, rng
from ..distributed.group import ALONE, Group, Reduce
from ..errors import InputError
from ..graph.adjacency import Adjacency
from ..graph.metapaths import Metapath
from ..graph.view import EdgeType, GraphView
from ..walks.walker import Walker
from .metapath_edges import backwards, turned

__all__ = ["Block", "MetapathLoader"]


class Block(NamedTuple):
    """What one layer works on.

    Attributes:
        edges: Edges by edge type, sources and destinations numbered within the block.
        num_dst: How many nodes of each type are destinations: its first ones. None for all.
        mean_over: What takes means over the destinations of each type where other ranks have some of them.
    """

    edges: dict[EdgeType, Adjacency]
    num_dst: dict[str, int] | None
    mean_over: dict[str, Reduce] | None = None

    def to(self, device: torch.device) -> Block:
        """The same, edges on a device."""
        return self._replace(edges={edge_type: edges.to(device) for edge_type, edges in self.edges.items()})


class MetapathLoader:
    """Batches of nodes, each with a block of sampled neighbours for every layer.

    A node's neighbours along a metapath are the ends of a number of uniform walks along it, backwards; an end met
    twice counts once. So neighbours to which many ways lead are met more often. The walks from a node depend on the
    batch's number and on the node alone, not on the other nodes of the batch.

    Args:
        view: The graph.
        nodes: Ids of the nodes by type; a batch has nodes of one or more types.
        layers: For each layer, first layer first, the metapath of each of its edge types.
        fanouts: Walks from each node, for each hop: the last layer's first.
        batch_size: Nodes in a batch.
        seed: Seed of order and walks.
        epoch: Number of the epoch: another order, other walks.
        shuffle: Whether to take the nodes in random order.
        make: Turns the nodes that the first layer reads, by type, and the blocks into what a model takes.

    Attributes:
        group: The processes that share out the nodes of every batch.

    Example:
        >>> import graphembed_ext as ge
        >>> writes = torch.tensor([[0, 1, 1, 2], [0, 0, 1, 1]])
        >>> view = ge.view({("a", "writes", "p"): writes, ("p", "by", "a"): writes.flip(0)})
        >>> layer = {("a", "APA", "a"): (("a", "writes", "p"), ("p", "by", "a"))}
        >>> nodes = {"a": torch.arange(3)}
        >>> loader = MetapathLoader(view, nodes, [layer], [8], 2, seed=0, make=lambda nodes, blocks: blocks)
        >>> [(blocks[0].num_dst, batch) for blocks, batch in loader][-1]
        ({'a': 1}, {'a': tensor([2])})
    """

    def __init__(
        self,
        view: GraphView,
        nodes: Mapping[str, Tensor],
        layers: Sequence[Mapping[EdgeType, Metapath]],
        fanouts: Sequence[int],
        batch_size: int,
        *,
        seed: int,
        epoch: int = 0,
        shuffle: bool = False,
        make: Callable[[dict[str, Tensor], list[Block]], Any],
    ) -> None:
        if len(fanouts) != len(layers):
            raise InputError("fanouts", list(fanouts), f"{len(layers)} numbers, one for each layer")
        self._fanouts = [checks.integer("fanouts", fanout) for fanout in reversed(fanouts)]  # by layer
        self._batch_size = checks.integer("batch_size", batch_size)
        self._view, self._layers, self._make = view, layers, make
        self._nodes = {name: ids for name, ids in nodes.items() if len(ids)}
        self._seed, self._epoch, self._shuffle = seed, epoch, shuffle
        self.group: Group = ALONE
        paths = sorted({turned(path) for layer in layers for path in layer.values()})
        self._number = {path: number for number, path in enumerate(paths)}
        # The tables of a walk are those of the graph: made once for a view, not for an epoch.
        self._walker = view.cached(
            ("metapath walker", tuple(paths)),
            lambda: Walker(backwards(view), metapath=list(paths), cyclic=False, engine="torch"),
        )

    def __len__(self) -> int:
        return -(-sum(map(len, self._nodes.values())) // self._batch_size)

    def __iter__(self) -> Iterator[tuple[Any, dict[str, Tensor]]]:
        types = list(self._nodes)
        kinds = torch.repeat_interleave(
            torch.arange(len(types)), torch.tensor([len(ids) for ids in self._nodes.values()], dtype=torch.int64)
        )
        every = torch.cat([ids.cpu() for ids in self._nodes.values()]) if types else kinds
        if self._shuffle:
            generator = rng.generator(rng.key(self._seed, "order", self._epoch))
            order = torch.randperm(len(every), generator=generator)
            kinds, every = kinds[order], every[order]
        for number in range(len(self)):
            part = slice(number * self._batch_size, (number + 1) * self._batch_size)
            own = self.group.share(len(every[part]))
            # A type of which other ranks have nodes stays: the layers meet over it.
            there = [kind for kind in range(len(types)) if bool((kinds[part] == kind).any())]
            seeds = {types[kind]: every[part][own][kinds[part][own] == kind] for kind in there}
            yield self._make(*self._sampled(seeds, number)), seeds

    def _sampled(self, seeds: dict[str, Tensor], batch: int) -> tuple[dict[str, Tensor], list[Block]]:
        """The nodes that the first layer reads, and the blocks, first layer first."""
        blocks, needed = [], seeds
        for depth in reversed(range(len(self._layers))):
            stream = rng.key(self._seed, "neighbours", self._epoch, batch, depth)
            block, needed = self._block(self._layers[depth], self._fanouts[depth], needed, stream)
            blocks.append(block)
        return needed, blocks[::-1]

    def _block(
        self, layer: Mapping[EdgeType, Metapath], fanout: int, needed: dict[str, Tensor], stream: int
    ) -> tuple[Block, dict[str, Tensor]]:
        pairs: dict[EdgeType, tuple[Tensor, Tensor]] = {}
        for place, (edge_type, path) in enumerate(layer.items()):
            dst = needed.get(edge_type[2])
            if dst is not None:
                pairs[edge_type] = self._walked(turned(path), dst, fanout, rng.key(stream, place))
        found = dict(needed)
        local: dict[EdgeType, Tensor] = {}
        for name in sorted({src for src, _, _ in pairs}):
            parts = {edge_type: ids for edge_type, (ids, _) in pairs.items() if edge_type[0] == name}
            first = needed.get(name, torch.empty(0, dtype=torch.int64))
            found[name], numbers = _numbered(first, torch.cat(list(parts.values())))
            sizes = [len(ids) for ids in parts.values()]
            local.update(zip(parts, torch.split(numbers, sizes), strict=True))
        edges = {
            edge_type: Adjacency.from_edges(local[edge_type], dst, len(found[edge_type[0]]), len(needed[edge_type[2]]))
            for edge_type, (_, dst) in pairs.items()
        }
        means = {name: self.group.mean_over(ids) for name, ids in needed.items()}
        joint = {name: mean for name, mean in means.items() if mean is not None}
        return Block(edges, {name: len(ids) for name, ids in needed.items()}, joint or None), found

    def _walked(self, path: Metapath, nodes: Tensor, fanout: int, stream: int) -> tuple[Tensor, Tensor]:
        """Ends of walks from some nodes, and the place of the node that each started from: every pair once."""
        walker, view = self._walker, self._view
        starts = nodes + self._number[path] * view.total_nodes + view.offsets[path[0][0]]
        numbers = (starts.unsqueeze(1) * fanout + torch.arange(fanout)).flatten()
        walks = walker.walk(starts.repeat_interleave(fanout), walker.full_length, stream, numbers).nodes
        ends, places = walks[:, len(path)].cpu(), torch.arange(len(nodes)).repeat_interleave(fanout)
        arrived = ends >= 0
        last = path[-1][2]
        count = max(1, view.num_nodes[last])
        pairs = torch.unique(places[arrived] * count + ends[arrived] - view.offsets[last])
        return pairs % count, pairs // count


def _numbered(first: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """``first`` and then, ascending, what else ``others`` has; and the place of each of ``others`` in that."""
    distinct, inverse = torch.unique(torch.cat([first, others]), return_inverse=True)
    place = torch.full((len(distinct),), -1, dtype=torch.int64)
    place[inverse[: len(first)]] = torch.arange(len(first))
    more = (place < 0).nonzero().squeeze(1)
    place[more] = torch.arange(len(first), len(distinct))
    return torch.cat([first, distinct[more]]), place[inverse[len(first) :]]
