"""Training of message-passing models on labelled nodes: cross-entropy, or errors of numbers, over masks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from .. import losses
from .._core import checks, rng
from ..distributed.group import ALONE, Group
from ..errors import InputError
from ..evaluate.metrics import classification_metrics, regression_metrics
from ..graph.view import GraphView
from ..hosts import registry
from .adam import Adam, materialised
from .fingerprint import graph_of
from .goals import Goal
from .result import FitResult
from .run import Bar, Early, Plan, run
from .splits import splits_of

__all__ = ["NodeModel", "train"]

_EPOCHS, _LR, _WEIGHT_DECAY = 200, 0.01, 5e-4
_LOSSES = ("cross_entropy", *losses.REGRESSION_PRESETS)
_OF_CLASSES = ("val_loss", "val_accuracy", "val_precision", "val_recall", "val_macro_f1", "val_micro_f1")
_OF_NUMBERS = ("val_loss", "val_mae", "val_rmse", "val_r2")
#: Figures of which less is better.
_ERRORS = ("val_loss", "val_mae", "val_rmse")


class NodeModel(Protocol):
    """What this module needs of a model; it is an ``nn.Module``, too.

    One that can compute the scores of all nodes layer by layer, in bounded memory, has a method
    ``full_logits(view)``, too, which then validates its mini-batch training. One without :meth:`loader` trains on whole
    graphs only.

    Attributes:
        targets: Node types that get class scores.
        out_channels: Number of classes; a dict by target type where they differ.
    """

    targets: Sequence[str]
    out_channels: int | Mapping[str, int]

    def inputs(self, view: GraphView) -> Any:
        """Everything :meth:`logits` needs of a graph, made once for a training."""

    def logits(self, inputs: Any) -> dict[str, Tensor]:
        """Class scores of the nodes of each target type, ``(num_nodes, C)``."""

    def loader(
        self,
        view: GraphView,
        nodes: dict[str, Tensor],
        *,
        batch_size: int,
        seed: int,
        epoch: int = 0,
        shuffle: bool = True,
        fanouts: Sequence[int] | None = None,
    ) -> Any:
        """Mini-batches over some nodes: ``len(loader)`` pairs ``(inputs, nodes)``, where the rows that
        ``logits(inputs)`` has for a type belong to ``nodes`` of that type. What a batch holds depends on seed and epoch
        alone. Several processes train with a loader that has the attribute ``group``
        (:class:`graphembed_ext.distributed.group.Group`), whose ``share`` says which part of a batch is this process's.
        """


def train(
    model: Any,
    graph: Any,
    plan: Plan,
    *,
    y: Any = None,
    masks: Any = None,
    weight_decay: float | None = None,
    patience: int | None = 100,
    monitor: str = "val_loss",
    validate_every: int = 1,
    fanouts: Any = None,
    split: int | None = None,
    loss: str | losses.Loss | None = None,
    class_weight: Any = None,
) -> FitResult:
    """Train GraphSAGE or HAN on labelled nodes by Adam, and keep the weights that validate best.

    Without ``batch_size`` an epoch is one step on the whole graph; with it, one step for each batch of training nodes
    and their sampled neighbourhoods. Metrics are scikit-learn's
    (:func:`graphembed_ext.evaluate.metrics.classification_metrics`). Dropout follows the seed; so a run with the same
    seed repeats itself, on either host.

    Args:
        model: The model. One that can learn without labels is trained so where ``y`` is None (GraphSAGE).
        graph: The graph, of either host, with its node features.
        plan: What :func:`graphembed_ext.fit` was told. By default 200 epochs and a learning rate of 0.01.
        y: Classes of the nodes of the target type, integers ``(N,)`` or ``(N, 1)``, or 0/1 ``(N, C)`` for several
            labels a node; or numbers to predict, floats ``(N,)``, or ``(N, T)`` for a model of ``out_channels=T``; a
            dict of these by node type; or the name of the node feature that holds them. None: the graph's ``y`` or
            ``label``.
        masks: ``{"train": ..., "val": ..., "test": ...}``, each a boolean mask ``(N,)``, node ids, or a dict of these
            by node type. Only train is needed; without val nothing is validated. None: the graph's ``train_mask``,
            ``val_mask`` and ``test_mask``. Masks ``(N, splits)`` take ``split``.
        weight_decay: Adam's L2 penalty on all weights; None for 5e-4.
        patience: Validations without improvement after which training ends; None for none.
        monitor: What decides: ``"val_loss"``, ``"val_accuracy"``, ``"val_precision"``, ``"val_recall"``,
            ``"val_macro_f1"`` or ``"val_micro_f1"``; of numbers ``"val_loss"``, ``"val_mae"``, ``"val_rmse"`` or
            ``"val_r2"``.
        validate_every: Epochs from one validation to the next.
        fanouts: Neighbours sampled, as many numbers as layers, first hop first; for HAN walks along each metapath. For
            GraphSAGE -1 takes all, and a typed graph may have a dict by edge type. With ``batch_size`` only.
        split: Column of masks that have one for each of several splits, from 0.
        loss: ``"cross_entropy"`` of classes; or of numbers ``"mse"``, the mean squared error, or ``"l1"``, the mean
            absolute one. None goes by ``y``: floats are numbers (``"mse"``), unless they are 0 and 1 in columns. Or a
            function ``loss(scores, labels)`` of the nodes of a batch and one type, ``(n, C)`` and ``(n,)`` or
            ``(n, C)``, that returns their mean loss, a tensor of one number.
        class_weight: How much a node of each class counts: ``"balanced"``, in inverse proportion to the training nodes
            of its class, as scikit-learn has it; or numbers ``(C,)``, or a dict of these by node type. They are brought
            to mean 1 over the training nodes: on a whole graph, the loss is that of torch's
            ``CrossEntropyLoss(weight=...)``. None counts all alike.

    Returns:
        ``history`` has ``loss``, ``samples`` and the validation's figures; ``metrics`` those of the test mask.

    Raises:
        InputError: Masks that overlap or are empty, labels outside the classes, features that do not fit.
        TrainingError: The loss became NaN or infinite.

    Example:
        >>> import graphembed_ext as ge
        >>> ring = torch.stack([torch.arange(6), (torch.arange(6) + 1) % 6])
        >>> graph = ge.view(ring).with_features({"_N": {"x": torch.eye(6)}})
        >>> model, y = ge.GraphSAGE(6, 4, 2, out_channels=2, seed=0), torch.tensor([0, 0, 0, 0, 0, 1])
        >>> parts = {"train": torch.arange(6)}
        >>> result = ge.fit(model, graph, y=y, masks=parts, class_weight="balanced", epochs=20, progress=False)
        >>> result.loss < result.history[0]["loss"]
        True
    """
    if graph is None:
        raise InputError("graph", None, "a DGLGraph, Data or HeteroData with node features")
    view = registry.view(graph)
    named = None if loss is None or callable(loss) else checks.choice("loss", loss, _LOSSES)
    labels = splits_of(model, view, y, masks, column=split, loss=named)
    goal = Goal(labels, loss if callable(loss) else None, class_weight)
    checks.choice("monitor", monitor, _OF_NUMBERS if labels.regression else _OF_CLASSES)
    weight_decay = _weight_decay(weight_decay, plan)
    patience = None if patience is None else checks.integer("patience", patience)
    _check_batches(model, plan.batch_size, fanouts)
    trainer = _NodeTrainer(
        model,
        view,
        goal,
        plan,
        weight_decay=weight_decay,
        validate_every=checks.integer("validate_every", validate_every),
        fanouts=fanouts,
    )
    early = Early(monitor, patience, larger=monitor not in _ERRORS) if labels.parts["val"] else None
    config: dict[str, Any] = {"lr": plan.lr or _LR, "weight_decay": weight_decay, "seed": plan.seed}
    config |= {"batch_size": plan.batch_size, "fanouts": _numbers(fanouts)}

    def belongs_to() -> dict[str, Any]:
        about = {"task": "nodes", "patience": patience, "monitor": monitor, "validate_every": validate_every}
        about |= goal.fingerprint()
        return about | graph_of(model, view) | labels.fingerprint()

    result = run(
        trainer,
        model,
        plan,
        epochs=plan.epochs or _EPOCHS,
        batches=trainer.batches,
        config=config,
        belongs_to=belongs_to,
        early=early,
    )
    if labels.parts["test"]:
        result.metrics = trainer.figures("test")
    return result


def _weight_decay(weight_decay: float | None, plan: Plan) -> float:
    """What Adam, or a class of optimisers, is given; an optimiser that has its own rate has its own decay, too."""
    if plan.own is None or not plan.own.has_rate:
        return _WEIGHT_DECAY if weight_decay is None else checks.decay("weight_decay", weight_decay)
    if weight_decay is not None:
        raise InputError("weight_decay", weight_decay, "None with an optimizer, which has its own")
    return 0.0


def _check_batches(model: Any, batch_size: int | None, fanouts: Any) -> None:
    if batch_size is not None and not hasattr(model, "loader"):
        raise InputError(
            "batch_size",
            batch_size,
            f"None: {type(model).__name__} has no mini-batches; an epoch is one step on the whole graph",
        )
    if fanouts is not None and batch_size is None:
        raise InputError("fanouts", fanouts, "None without batch_size: an epoch is then one step on all nodes")


def _numbers(fanouts: Any) -> Any:
    """Fan-outs as files of states may hold them."""
    if isinstance(fanouts, Mapping):
        return {"-".join(edge_type): list(given) for edge_type, given in fanouts.items()}
    return fanouts and list(fanouts)


class _NodeTrainer:
    """Steps of Adam on the cross-entropy of the training nodes."""

    name = "torch"

    def __init__(
        self,
        model: Any,
        view: GraphView,
        goal: Goal,
        plan: Plan,
        *,
        weight_decay: float,
        validate_every: int,
        fanouts: Any,
    ) -> None:
        self._model, self._view, self._goal, self._split, self._plan = model, view, goal, goal.split, plan
        self._device = next(model.parameters()).device
        self._validate_every, self._fanouts = validate_every, fanouts
        self._inputs = model.inputs(view) if plan.batch_size is None else None
        self.batches = 1 if plan.batch_size is None else len(self._loader("train", 0, True))
        materialised(model, lambda: next(iter(self.steps(0, ALONE)))[0])
        plan.group.same_weights(model.state_dict().values())
        self._adam = Adam(model.parameters(), plan.lr or _LR, weight_decay, plan=plan)

    def epoch(self, number: int, bar: Bar) -> dict[str, float]:
        self._model.train()
        # ranks that share out the nodes drop other numbers; those that work out the whole graph, the same
        own = () if self._inputs is not None else self._plan.group.own
        with rng.torch_seeded(rng.key(self._plan.seed, "dropout", number, *own) >> 1, self._device):
            entry = self._adam.epoch(number, bar, self.steps(number, self._plan.group), self.lost).entry()
        return entry | self.validated(number)

    def validated(self, number: int) -> dict[str, float]:
        """Figures of the validation nodes, where they are due after this epoch."""
        due = self._split.parts["val"] and (number + 1) % self._validate_every == 0
        return self.figures("val") if due else {}

    @property
    def optimizer(self) -> torch.optim.Optimizer:
        """What steps."""
        return self._adam.optimizer

    def lost(self, batch: tuple[Any, dict[str, Tensor]]) -> tuple[Tensor, int]:
        """The loss of a batch, and how many nodes it has."""
        inputs, nodes = batch
        if not nodes:  # other ranks have them all
            return torch.zeros((), device=self._device, requires_grad=True), 0
        loss = self._loss(self._model.logits(inputs), nodes, whole=self._inputs is not None)
        return loss, sum(map(len, nodes.values()))

    @torch.no_grad()
    def figures(self, part: str) -> dict[str, float]:
        """Loss and metrics of a part of the nodes, several target types together, as ``{part}_{name}``."""
        self._model.eval()
        scores, labels, loss, count = [], [], 0.0, 0
        for found, nodes, whole in self._scores(part):
            size = sum(map(len, nodes.values()))
            loss += float(self._loss(found, nodes, whole=whole)) * size
            count += size
            for node_type, ids in nodes.items():
                scores.append(found[node_type][ids.to(found[node_type].device)] if whole else found[node_type])
                labels.append(self._split.y[node_type].to(scores[-1].device)[ids.to(scores[-1].device)])
        names = {f"{part}_loss": loss / count}
        metrics = self._metrics(scores, labels)
        return names | {f"{part}_{name}": value for name, value in metrics.items()}

    def _metrics(self, scores: list[Tensor], labels: list[Tensor]) -> dict[str, float]:
        """Metrics of the outputs for the nodes of several types, or of several batches."""
        if self._split.regression:
            return regression_metrics(torch.cat(scores), torch.cat(labels))
        width = max(score.size(1) for score in scores)
        scores = [_widened(score, width, -math.inf) for score in scores]
        labels = [_widened(label, width, 0) if label.dim() == 2 else label for label in labels]
        return classification_metrics(torch.cat(scores), torch.cat(labels))

    def _scores(self, part: str) -> Iterator[tuple[dict[str, Tensor], dict[str, Tensor], bool]]:
        if self._inputs is not None:
            yield self._model.logits(self._inputs), self._split.parts[part], True
        elif hasattr(self._model, "full_logits"):
            yield self._model.full_logits(self._view), self._split.parts[part], True
        else:
            for inputs, nodes in self._loader(part, 0, False):
                yield self._model.logits(inputs), nodes, False

    def steps(self, epoch: int, group: Group = ALONE) -> Iterable[tuple[Any, dict[str, Tensor]]]:
        """The batches of an epoch, each with its training nodes; of those that are shared out, the share of this
        process.
        """
        if self._inputs is not None:
            return [(self._inputs, {t: ids[group.share(len(ids))] for t, ids in self._split.parts["train"].items()})]
        loader = self._loader("train", epoch, True)
        if group is not ALONE:
            if not hasattr(loader, "group"):
                expected = "one whose loader has the attribute 'group', by which processes share out its batches"
                raise InputError("model", f"a {type(self._model).__name__}", expected)
            loader.group = group
        return loader

    def _loader(self, part: str, epoch: int, shuffle: bool) -> Any:
        more = {} if self._fanouts is None else {"fanouts": self._fanouts}
        return self._model.loader(
            self._view,
            self._split.parts[part],
            batch_size=self._plan.batch_size,
            seed=rng.key(self._plan.seed, "nodes", part) >> 1,
            epoch=epoch,
            shuffle=shuffle,
            **more,
        )

    def _loss(self, scores: dict[str, Tensor], nodes: dict[str, Tensor], *, whole: bool) -> Tensor:
        """Mean over nodes; ``whole`` when the scores are those of all nodes of a type."""
        parts = []
        for node_type, ids in nodes.items():
            rows = scores[node_type]
            if len(ids) == 0:  # other ranks have all of them; the gradient passes here nevertheless
                parts.append(rows.sum() * 0)
                continue
            ids = ids.to(rows.device)
            labels = self._split.y[node_type].to(rows.device)[ids]
            parts.append(self._goal.lost(rows[ids] if whole else rows, labels, node_type) * len(ids))
        return torch.stack(parts).sum() / max(1, sum(map(len, nodes.values())))

    def state_dict(self) -> dict[str, Any]:
        return self._adam.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._adam.load_state_dict(state)


def _widened(rows: Tensor, width: int, value: float) -> Tensor:
    return torch.nn.functional.pad(rows, (0, width - rows.size(1)), value=value)
