"""Training of GraphSAGE without labels: nodes that walks meet together get similar vectors."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .. import losses
from .._core import checks, memory, rng
from .._core.background import in_background
from ..distributed.group import ALONE, Group
from ..errors import InputError
from ..graph.view import EdgeType, GraphView
from ..hosts import registry
from ..sampling.compiled import entries_between
from ..sampling.walk_pairs import WalkPairs
from .adam import Adam, materialised
from .fingerprint import graph_of, name_of
from .result import FitResult
from .run import Bar, Plan, run
from .watching import Watch

__all__ = ["train"]

_EPOCHS, _LR, _BATCH_SIZE = 20, 0.003, 512
#: Batches made ahead.
_AHEAD = 2


def train(
    model: Any,
    graph: Any,
    plan: Plan,
    *,
    walk_length: int = 3,
    negatives: int = 5,
    temperature: float = 1.0,
    fanouts: Any = None,
    exclude_seed_edges: bool = True,
    weight_decay: float = 0.0,
    loss: losses.Loss | None = None,
    validation: Any = None,
    monitor: str | None = None,
    validate_every: int = 1,
    patience: int | None = None,
) -> FitResult:
    """Train GraphSAGE without labels by Adam, in mini-batches with sampled neighbourhoods.

    From every node one walk starts in every epoch; the node and one that its walk meets, drawn uniformly, are an
    observed pair. Each pair gets negatives, drawn in proportion to degree^0.75 from among those that are no
    neighbours of its first node. With ``z`` the outputs brought to length 1, a pair scores ``z · z' / temperature``,
    and the loss is :func:`graphembed_ext.losses.skip_gram_loss`. The edges that join the observed pairs of a batch are
    left out of the neighbourhoods sampled for it, both directions, so that a model cannot read off them what it is to
    predict.

    On a typed graph, walks follow the edges of all types, both nodes of a pair are of the model's target types, and the
    negatives of a pair are of the type of its second node. All types share one space.

    Afterwards :func:`graphembed_ext.embed` returns vectors of length 1 (``model.unit_norm``), for the graph trained on
    or for any other with the same features. A run with the same seed repeats itself, on either host.

    Args:
        model: GraphSAGE or TypedGraphSAGE.
        graph: A graph of either host with node features.
        plan: What :func:`graphembed_ext.fit` was told. By default 20 epochs, a learning rate of 0.003, and batches of
            512 pairs.
        walk_length: Nodes in a walk, the first one included.
        negatives: Negatives for each pair.
        temperature: Divides the scores, which lie between -1 and 1 without. The lower, the closer the vectors follow
            the edges, and the less of the features they keep.
        fanouts: Neighbours to draw, first hop first, -1 for all; None for 10 in each hop.
        exclude_seed_edges: Whether to leave out the edges of the batch's own pairs.
        weight_decay: Adam's L2 penalty on all weights.
        loss: A function ``loss(pos, neg)`` of the scores of P pairs, ``(P,)``, and of their negatives,
            ``(P, negatives)``, minus infinity where there is none, that returns a tensor of one number. None for the
            usual.
        validation, monitor, validate_every, patience: When training ends, and which weights are kept: as for
            :class:`graphembed_ext.training.watching.Watch`.

    Returns:
        ``history`` has ``loss`` and ``samples``, the observed pairs.

    Raises:
        InputError: A graph without edges or features; an argument that cannot work.
        TrainingError: The loss became NaN or infinite.

    Reference:
        Hamilton, Ying and Leskovec 2017, arXiv:1706.02216, section 3.2; degree^0.75: Mikolov et al. 2013,
        arXiv:1310.4546.
    """
    if graph is None:
        raise InputError("graph", None, "a DGLGraph, Data or HeteroData with node features")
    view = registry.view(graph)
    temperature = checks.number("temperature", temperature, above=0)
    weight_decay = checks.decay("weight_decay", weight_decay)
    _check_own(plan, weight_decay, loss)
    batch_size = plan.batch_size or _BATCH_SIZE
    watch = Watch(
        model,
        view,
        view,
        plan,
        validation=validation,
        monitor=monitor,
        validate_every=validate_every,
        patience=patience,
    )
    memory.check_room("graph", f"{view.total_nodes} nodes", 8 * view.total_nodes, "their numbers")
    negatives = checks.integer("negatives", negatives)
    memory.check_room("negatives", f"{negatives}", 8 * 2 * batch_size * negatives, "those of a batch")
    every = {name: torch.arange(view.num_nodes.get(name, 0)) for name in model.targets}
    key = rng.key(plan.seed, "links")
    loader = model.loader(view, every, batch_size=batch_size, seed=key >> 1, fanouts=fanouts)
    walk_length = checks.integer("walk_length", walk_length, minimum=2)
    pairs = WalkPairs(view, walk_length, negatives, key, types=model.targets)
    exclude = checks.flag("exclude_seed_edges", exclude_seed_edges)
    trainer = _LinkTrainer(model, view, loader, pairs, plan, batch_size, temperature, exclude, weight_decay, loss)
    config: dict[str, Any] = {"lr": plan.lr or _LR, "batch_size": batch_size, "seed": plan.seed}
    config |= {"walk_length": walk_length, "negatives": negatives, "temperature": temperature}
    config |= {"fanouts": None if fanouts is None else str(fanouts), "exclude_seed_edges": exclude}
    config["weight_decay"] = weight_decay
    config |= {} if loss is None else {"loss": name_of(loss)}
    result = run(
        trainer,
        model,
        plan,
        epochs=plan.epochs or _EPOCHS,
        batches=trainer.batches,
        config=config,
        belongs_to=lambda: {"task": "links"} | graph_of(model, view) | watch.fingerprint(),
        early=watch.early,
        validate=watch.figures,
    )
    model.unit_norm = True
    return result


def _check_own(plan: Plan, weight_decay: float, loss: Any) -> None:
    """Raise for a penalty beside an optimiser that has its own, and for a loss that is no function."""
    if weight_decay and plan.own is not None and plan.own.has_rate:
        raise InputError("weight_decay", weight_decay, "0 with an optimizer, which has its own")
    if loss is not None and not callable(loss):
        raise InputError("loss", loss, "None or a function of the scores of pairs and of negatives")


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
        loss: losses.Loss | None = None,
    ) -> None:
        self._preset = "stable" if loss is None else loss
        self._model, self._view, self._loader, self._pairs = model, view, loader, pairs
        self._plan, self._batch_size, self._temperature, self._exclude = plan, batch_size, temperature, exclude
        self.batches = -(-len(pairs.starts) // batch_size)
        materialised(model, lambda: next(self.steps(0, ALONE))[0])
        plan.group.same_weights(model.state_dict().values())
        self._adam = Adam(model.parameters(), plan.lr or _LR, weight_decay, plan=plan)

    def epoch(self, number: int, bar: Bar) -> dict[str, float]:
        self._model.train()
        device = next(self._model.parameters()).device
        group = self._plan.group
        with rng.torch_seeded(rng.key(self._plan.seed, "dropout", number, *group.own) >> 1, device):
            batches = in_background(lambda: self.steps(number, group), _AHEAD)
            return self._adam.epoch(number, bar, batches, self.lost).entry()

    @property
    def optimizer(self) -> torch.optim.Optimizer:
        """What steps."""
        return self._adam.optimizer

    def lost(self, step: tuple[Any, Tensor, Tensor, Tensor, Tensor]) -> tuple[Tensor, int]:
        """The loss of a batch, and how many pairs it has."""
        batch, first, second, negatives, missing = step
        if not len(first):  # other ranks have them all
            return torch.zeros((), device=next(self._model.parameters()).device, requires_grad=True), 0
        found = self._model.logits(batch)
        out = torch.cat([found[name] for name in self._view.node_types if name in found])
        out = F.normalize(out, dim=1) / math.sqrt(self._temperature)
        first, second, negatives, missing = (part.to(out.device) for part in (first, second, negatives, missing))
        # Not out[first], whose gradients several threads add up in the order in which they come.
        here, there = out.index_select(0, first), out.index_select(0, second)
        away = out.index_select(0, negatives.flatten()).view(*negatives.shape, -1)
        others = torch.einsum("bd,bkd->bk", here, away).masked_fill(missing, -math.inf)
        return losses.skip_gram_loss((here * there).sum(1), others, preset=self._preset), len(first)

    def steps(self, epoch: int, group: Group = ALONE) -> Iterator[tuple[Any, Tensor, Tensor, Tensor, Tensor]]:
        """A batch around all nodes of some pairs and their negatives, and where in it these are; of pairs that are
        shared out, the share of this process.
        """
        starts, sampler = self._pairs.starts, self._loader.sampler
        generator = rng.generator(rng.key(self._plan.seed, "links", "order", epoch))
        order = starts[torch.randperm(len(starts), generator=generator)]
        for number in range(self.batches):
            low = number * self._batch_size
            first, second, negatives, missing = self._pairs.draw(epoch, order[low : low + self._batch_size], low)
            if not len(first):
                continue
            excluded = self._edges_between(first, second) if self._exclude else {}
            part = group.share(len(first))
            first, second, negatives, missing = first[part], second[part], negatives[part], missing[part]
            nodes, place = torch.unique(torch.cat([first, second, negatives.flatten()]), return_inverse=True)
            key = rng.key(self._plan.seed, "links", "neighbors", epoch, number)
            seeds = {}
            for name in self._model.targets:
                local, own = self._local(nodes, name)
                seeds[name] = local[own]
            found = sampler.sample(seeds, key, excluded)
            one, other, rest = place[: len(first)], place[len(first) : 2 * len(first)], place[2 * len(first) :]
            yield self._loader.wrapped(found, number), one, other, rest.view_as(negatives), missing

    def _local(self, nodes: Tensor, node_type: str) -> tuple[Tensor, Tensor]:
        """Nodes as ids of a type, and which of them are of that type."""
        local = nodes - self._view.offsets[node_type]
        return local, (local >= 0) & (local < self._view.num_nodes[node_type])

    def _edges_between(self, first: Tensor, second: Tensor) -> dict[EdgeType, Tensor]:
        """Entries of the sampler's tables that join pairs, in either direction."""
        sources, destinations = torch.cat([first, second]), torch.cat([second, first])
        found = {}
        for edge_type, table in self._loader.sampler.tables.items():
            src, from_source = self._local(sources, edge_type[0])
            dst, to_target = self._local(destinations, edge_type[2])
            both = from_source & to_target
            found[edge_type] = entries_between(table, src[both], dst[both])
        return found

    def state_dict(self) -> dict[str, Any]:
        return self._adam.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._adam.load_state_dict(state)
