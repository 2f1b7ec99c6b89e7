"""Training of GraphSAGE without labels: nodes that walks meet together get similar vectors."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .. import _checks, losses, rng
from ..compiled_neighbors import entries_between
from ..errors import InputError
from ..graph import EDGE_TYPE, NODE_TYPE, GraphView
from ..in_edges import in_edges
from ..loaders import in_background
from ..registry import view as view_of
from ..walks import Walker
from .result import FitResult, TrainingError
from .run import Bar, Plan, run, threads_for

__all__ = ["WalkPairs", "train"]

_EPOCHS, _LR, _BATCH_SIZE = 20, 0.003, 512
#: Draws for a noise node before a pair goes without: only next to a node joined to nearly all others it comes to that.
_TRIES = 8
#: Batches made ahead.
_AHEAD = 2


def train(
    model: Any,
    graph: Any,
    plan: Plan,
    *,
    walk_length: int = 3,
    negatives: int = 5,
    temperature: float = 0.1,
    fanouts: Any = None,
    exclude_seed_edges: bool = True,
    weight_decay: float = 0.0,
) -> FitResult:
    """Train GraphSAGE without labels by Adam, in mini-batches with sampled neighbourhoods.

    From every node one walk starts in every epoch; the node and one that its walk meets, drawn uniformly, are an
    observed pair. Each pair gets noise nodes, drawn in proportion to degree^0.75 from among those that are no
    neighbours of its first node. With ``z`` the outputs brought to length 1, a pair scores ``z · z' / temperature``,
    and the loss is :func:`graphembed_ext.losses.skip_gram_loss`. The edges that join the observed pairs of a batch are
    left out of the neighbourhoods sampled for it, both directions, so that a model cannot read off them what it is to
    predict.

    Afterwards :func:`graphembed_ext.embed` returns vectors of length 1 (``model.unit_norm``), for the graph trained on
    or for any other with the same features. A run with the same seed repeats itself, on either host.

    Args:
        model: GraphSAGE.
        graph: An untyped graph of either host with node features.
        plan: What :func:`graphembed_ext.fit` was told. By default 20 epochs, a learning rate of 0.003, and batches of
            512 pairs.
        walk_length: Nodes in a walk, the first one included.
        negatives: Noise nodes for each pair.
        temperature: Divides the scores, which lie between -1 and 1 without; the paper has 1.
        fanouts: Neighbours to draw, first hop first, -1 for all; None for 10 in each hop.
        exclude_seed_edges: Whether to leave out the edges of the batch's own pairs.
        weight_decay: Adam's L2 penalty on all weights.

    Returns:
        ``history`` has ``loss`` and ``samples``, the observed pairs.

    Raises:
        InputError: A typed graph, one without edges or features; an argument that cannot work.
        TrainingError: The loss became NaN or infinite.

    Reference:
        Hamilton, Ying and Leskovec 2017, arXiv:1706.02216, section 3.2; degree^0.75: Mikolov et al. 2013,
        arXiv:1310.4546.
    """
    if graph is None:
        raise InputError("graph", None, "a DGLGraph or Data with node features")
    view = view_of(graph)
    temperature = _checks.number("temperature", temperature, above=0)
    weight_decay = _checks.number("weight_decay", weight_decay, minimum=0)
    batch_size = plan.batch_size or _BATCH_SIZE
    every = {NODE_TYPE: torch.arange(view.total_nodes)}
    key = rng.key(plan.seed, "links")
    loader = model.loader(view, every, batch_size=batch_size, seed=key >> 1, fanouts=fanouts)
    pairs = WalkPairs(
        view, _checks.integer("walk_length", walk_length, minimum=2), _checks.integer("negatives", negatives), key
    )
    exclude = _checks.flag("exclude_seed_edges", exclude_seed_edges)
    trainer = _LinkTrainer(model, view, loader, pairs, plan, batch_size, temperature, exclude, weight_decay)
    config: dict[str, Any] = {"lr": plan.lr or _LR, "batch_size": batch_size, "seed": plan.seed}
    config |= {"walk_length": walk_length, "negatives": negatives, "temperature": temperature}
    config |= {"fanouts": None if fanouts is None else str(fanouts), "exclude_seed_edges": exclude}
    config["weight_decay"] = weight_decay
    result = run(trainer, model, plan, epochs=plan.epochs or _EPOCHS, batches=trainer.batches, config=config)
    model.unit_norm = True
    return result


class Pairs(NamedTuple):
    """Observed pairs and their noise.

    Attributes:
        first: First node of each pair, ``(B,)``.
        second: The node met from there, ``(B,)``.
        noise: Noise nodes, ``(B, K)``.
        missing: Where ``noise`` holds a neighbour after all, as no other node was found, ``(B, K)``.
    """

    first: Tensor
    second: Tensor
    noise: Tensor
    missing: Tensor


class WalkPairs:
    """Draws observed pairs from walks, and noise nodes that are no neighbours; by epoch and number of a walk alone.

    Args:
        view: An untyped graph.
        walk_length: Nodes in a walk.
        negatives: Noise nodes for each pair.
        key: Of all draws.

    Example:
        >>> import graphembed_ext as ge
        >>> path = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
        >>> found = WalkPairs(ge.view(path, num_nodes=4), 2, 1, key=0).draw(0, torch.tensor([0, 2, 3]), 0)
        >>> found.first, found.second, found.noise  # node 3 has no edges: no walk, and no noise
        (tensor([0, 2]), tensor([1, 1]), tensor([[2], [0]]))
    """

    def __init__(self, view: GraphView, walk_length: int, negatives: int, key: int) -> None:
        graph = in_edges(view, EDGE_TYPE) if EDGE_TYPE in view.edges else None
        if graph is None or graph.num_edges == 0:
            raise InputError(
                "graph", "no edges", "a graph with edges, as walks along them tell which nodes belong together"
            )
        self._walker = Walker(view, engine="torch")
        self._length, self._negatives, self._key = walk_length, negatives, key
        self._count = view.total_nodes
        #: Edges as numbers, destination first: ascending, as the rows are.
        self._known = graph.destinations() * self._count + graph.indices
        degree = graph.degrees + torch.bincount(graph.indices, minlength=self._count)
        self._mass = torch.cumsum(degree.double() ** 0.75, 0)

    def draw(self, epoch: int, starts: Tensor, number: int) -> Pairs:
        """Pairs of the walks from some nodes; those that end at once give none.

        Args:
            epoch: Number of the epoch.
            starts: First nodes, int64.
            number: Number of the first of these walks in its epoch.
        """
        walks = self._walker.walk(starts, self._length, rng.key(self._key, "walks", epoch), number).nodes.cpu()
        counters = torch.arange(number, number + len(starts))
        lengths = (walks[:, 1:] >= 0).sum(1)
        step = rng.below(lengths.clamp(min=1), rng.bits(rng.key(self._key, "steps", epoch), counters)) + 1
        there = lengths > 0
        first, second = starts[there], walks.gather(1, step.unsqueeze(1)).squeeze(1)[there]
        return Pairs(first, second, *self._noise(epoch, first, counters[there]))

    def are_joined(self, first: Tensor, second: Tensor) -> Tensor:
        """Whether an edge joins two nodes, in either direction, or they are one."""
        found = first == second
        for numbers in (first * self._count + second, second * self._count + first):
            place = torch.searchsorted(self._known, numbers).clamp(max=len(self._known) - 1)
            found = found | (self._known[place] == numbers)
        return found

    def _noise(self, epoch: int, first: Tensor, counters: Tensor) -> tuple[Tensor, Tensor]:
        nodes = first.unsqueeze(1).expand(-1, self._negatives)
        streams = rng.bits(rng.key(self._key, "noise", epoch), counters).unsqueeze(1)
        slots = torch.arange(self._negatives)
        noise, wrong = torch.zeros_like(nodes), torch.ones_like(nodes, dtype=torch.bool)
        for attempt in range(_TRIES):
            random = rng.bits(streams, slots + attempt * self._negatives)
            point = ((random >> 11) & ((1 << 53) - 1)).double() / (1 << 53) * self._mass[-1]
            drawn = torch.searchsorted(self._mass, point, right=True).clamp(max=self._count - 1)
            noise = torch.where(wrong, drawn, noise)
            wrong = self.are_joined(nodes, noise)
            if not bool(wrong.any()):
                break
        return noise, wrong


class _LinkTrainer:
    """Steps of Adam on batches of pairs."""

    name = "torch"

    def __init__(
        self,
        model: Any,
        view: GraphView,
        loader: Any,
        pairs: WalkPairs,
        plan: Plan,
        batch_size: int,
        temperature: float,
        exclude: bool,
        weight_decay: float,
    ) -> None:
        self._model, self._view, self._loader, self._pairs = model, view, loader, pairs
        self._plan, self._batch_size, self._temperature, self._exclude = plan, batch_size, temperature, exclude
        self.batches = -(-view.total_nodes // batch_size)
        with torch.no_grad():  # a lazy layer learns its sizes from its first input
            if any(isinstance(p, torch.nn.parameter.UninitializedParameter) for p in model.parameters()):
                model.logits(next(self._steps(0))[0])
        self._adam = torch.optim.Adam(model.parameters(), lr=plan.lr or _LR, weight_decay=weight_decay)

    def epoch(self, number: int, bar: Bar) -> dict[str, float]:
        self._model.train()
        total, samples = 0.0, 0
        device = next(self._model.parameters()).device
        with rng.torch_seeded(rng.key(self._plan.seed, "dropout", number) >> 1, device), threads_for(self._model):
            for batch, first, second, noise, missing in in_background(lambda: self._steps(number), _AHEAD):
                self._adam.zero_grad()
                out = F.normalize(self._model.logits(batch)[NODE_TYPE], dim=1) / math.sqrt(self._temperature)
                here, there = out[first], out[second]
                noisy = torch.einsum("bd,bkd->bk", here, out[noise]).masked_fill(missing.to(out.device), -math.inf)
                loss = losses.skip_gram_loss((here * there).sum(1), noisy)
                found, count = float(loss.detach()), len(first)
                if not math.isfinite(found):
                    raise TrainingError(
                        f"the loss is {found} in epoch {number + 1}. Hint: the learning rate may be too high, or the "
                        "weights were not finite when training began."
                    )
                loss.backward()  # type: ignore[no-untyped-call]
                self._adam.step()
                total, samples = total + found * count, samples + count
                bar.advance(count, found)
        return {"loss": total / max(samples, 1), "samples": samples}

    def _steps(self, epoch: int) -> Iterator[tuple[Any, Tensor, Tensor, Tensor, Tensor]]:
        """A batch around all nodes of some pairs and their noise, and where in it these are."""
        order = torch.randperm(
            self._view.total_nodes, generator=rng.generator(rng.key(self._plan.seed, "links", "order", epoch))
        )
        (table,) = self._loader.sampler.tables.values()
        for number in range(self.batches):
            low = number * self._batch_size
            first, second, noise, missing = self._pairs.draw(epoch, order[low : low + self._batch_size], low)
            if not len(first):
                continue
            seeds, place = torch.unique(torch.cat([first, second, noise.flatten()]), return_inverse=True)
            excluded = {}
            if self._exclude:
                ends = torch.cat([first, second]), torch.cat([second, first])
                excluded[EDGE_TYPE] = entries_between(table, *ends)
            key = rng.key(self._plan.seed, "links", "neighbors", epoch, number)
            found = self._loader.sampler.sample({NODE_TYPE: seeds}, key, excluded)
            one, other, rest = place[: len(first)], place[len(first) : 2 * len(first)], place[2 * len(first) :]
            yield self._loader.wrapped(found, number), one, other, rest.view_as(noise), missing

    def state_dict(self) -> dict[str, Any]:
        return self._adam.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._adam.load_state_dict(state)
