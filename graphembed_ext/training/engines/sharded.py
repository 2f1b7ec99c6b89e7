"""The engine of several ranks: rows pulled, the model's loss on a share of the walks, gradients pushed to their owners.

What a batch teaches does not depend on the number of ranks, but for the order of sums: walks and negatives are those of
their numbers, and the loss is the mean over the pairs of all ranks.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ..._core import rng
from ..._core.row_draws import RowDraws
from ...distributed.group import Group
from ...distributed.tables import Exchange, RowTable
from ...errors import InputError
from .base import Batch, Trained, WalkModel, one_by_one

__all__ = ["ShardedEngine"]


class ShardedEngine:
    """Trains by row-wise Adagrad on tables whose rows are shared out over ranks.

    From the moment that it is made, the model's two tables are DTensors, of which this rank has its rows.

    Args:
        model: The model; its tables may be whole, without memory, or shared out already.
        group: The ranks.
        loss: Preset of :func:`graphembed_ext.losses.skip_gram_loss`.
        key: Key of the negatives.
        threads: Threads of torch while it trains.
    """

    name = "sharded"

    def __init__(self, model: WalkModel, group: Group, *, loss: str, key: int, threads: int) -> None:
        self._model, self._group, self._loss, self._key, self._threads = model, group, loss, key, threads
        self._num_rows = model.node_embed.num_embeddings
        if self._num_rows < group.size:
            raise InputError("strategy", f"'sharded' for {self._num_rows} rows on {group.size} ranks", "a row a rank")
        self._tables = {}
        for place, name in enumerate(("node_embed", "context_embed")):
            module = getattr(model, name)
            self._tables[name] = RowTable(group, module.weight, partial(_start, model, place))
            module.weight = self._tables[name].parameter()
        weights_of, bounds = model.noise_parts()
        self._bounds = torch.tensor(bounds)
        self._noise = None if weights_of is None else RowDraws(self._num_rows, weights_of, bounds)
        lengths = torch.arange(model.pairs.size(0) + 1)
        distances = torch.arange(1, model.window_size + 1)
        #: How many pairs a walk of each length has.
        self._pairs = 2 * (lengths.unsqueeze(1) - distances).clamp(min=0).sum(1)

    def train(self, batches: Iterable[Batch]) -> Iterator[Trained]:
        """One step for each batch, of which this rank is given its share."""
        return one_by_one(self._step, batches, self._threads)

    def _step(self, batch: Batch) -> Trained:
        walks = batch.walks.cpu()
        parts = self._group.gathered(walks)
        pairs = [int(self._pairs[(part >= 0).sum(1)].sum()) for part in parts]
        nodes = torch.cat(parts).flatten()
        visited = nodes[nodes >= 0]
        mine, total = pairs[self._group.rank], sum(pairs)
        if total == 0:
            return Trained(batch.number, len(visited), 0.0)
        stream = rng.key(self._key, "noise", batch.epoch)
        negatives = self._negatives(walks, visited, batch.first, stream)
        own, others, places, numbers = _numbered(walks, negatives)
        exchanges = Exchange(self._group, own, self._num_rows), Exchange(self._group, others, self._num_rows)
        tables = list(self._tables.values())
        rows = [exchange.pull(table.own).requires_grad_() for exchange, table in zip(exchanges, tables, strict=True)]
        share = torch.zeros((), dtype=rows[0].dtype)
        if mine:
            share = self._around(*rows).loss(places, numbers, preset=self._loss) * (mine / total)
        value = self._group.total(share)
        if value - value == 0:  # a step along a gradient that is no number would spoil all
            gradients = torch.autograd.grad(share, rows) if mine else [torch.zeros_like(part) for part in rows]
            for exchange, table, gradient in zip(exchanges, tables, gradients, strict=True):
                table.step(*exchange.push(gradient), batch.rate)
        return Trained(batch.number, len(visited), value)

    def _around(self, nodes: Tensor, contexts: Tensor) -> Any:
        """The model with these rows as its tables."""
        found = copy.copy(self._model)
        modules = dict(found._modules)  # type: ignore[attr-defined]
        for name, rows in (("node_embed", nodes), ("context_embed", contexts)):
            modules[name] = nn.Embedding(len(rows), rows.size(1), _weight=rows.detach())
            modules[name]._parameters["weight"] = rows  # whose gradient is asked for, where a Parameter would keep it
            modules[name].num_embeddings = len(contexts)
        found._modules = modules  # type: ignore[attr-defined]
        return found

    def _negatives(self, walks: Tensor, visited: Tensor, first: int, stream: int) -> Tensor:
        """Negatives of this rank's walks; those of a walk depend on its number, and on the batch's nodes at most."""
        model, count = self._model, _negatives_of_walk(self._model)
        streams = rng.bits(stream, torch.arange(first, first + len(walks))).unsqueeze(1)
        if len(self._bounds) == 2:
            random = rng.bits(streams, torch.arange(count))
            if self._noise is None:
                return visited[rng.below(torch.tensor(len(visited)), random)]
            return self._noise.at(_shares(random), torch.zeros_like(random))
        # a group of negatives for each context, beyond a walk's end of no use
        size = walks.size(1) * model.negative_size
        random = rng.bits(streams, torch.arange(size)).view(*walks.shape, model.negative_size)
        kinds = torch.bucketize(walks.clamp(min=0), self._bounds[1:], right=True)
        assert self._noise is not None  # groups are groups of weights
        return self._noise.at(_shares(random), kinds.unsqueeze(2).expand_as(random))

    def state_dict(self) -> dict[str, Any]:
        """Adagrad's sums of both tables, shared out as their rows are."""
        return {name: table.state() for name, table in self._tables.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up the sums of an earlier run."""
        for name, table in self._tables.items():
            if state[name].shape != (self._num_rows,):
                raise ValueError(f"sums of {len(state[name])} rows, where the model has {self._num_rows}")
            table.load(state[name])

    def memory(self) -> int:
        """The rows are there; what is pulled for a batch is small beside them."""
        return 0


def _shares(random: Tensor) -> Tensor:
    """Random bits as numbers from 0 to below 1."""
    return ((random >> 11) & ((1 << 53) - 1)).double() / (1 << 53)


def _start(model: WalkModel, place: int, first: int, last: int) -> Tensor:
    return model.start(first, last)[place]


def _negatives_of_walk(model: Any) -> int:
    """Negatives of a whole walk, as ``model.loss`` takes them."""
    return int(model.negative_size * min(2 * model.window_size, model.pairs.size(0) - 1))


def _numbered(walks: Tensor, negatives: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The distinct nodes of walks, those and then the other negatives; and both by their number among these."""
    valid = walks >= 0
    own, place = torch.unique(walks[valid], return_inverse=True)
    places = torch.full_like(walks, -1).masked_scatter(valid, place)
    every, numbers = torch.unique(torch.cat([own, negatives.flatten()]), return_inverse=True)
    rank = torch.full((len(every),), -1, dtype=torch.int64)
    rank[numbers[: len(own)]] = torch.arange(len(own))
    more = (rank < 0).nonzero().squeeze(1)
    rank[more] = torch.arange(len(own), len(every))
    return own, torch.cat([own, every[more]]), places, rank[numbers[len(own) :]].view_as(negatives)
