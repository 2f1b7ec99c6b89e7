"""Training of recommenders by a sampled softmax, or by Bayesian personalised ranking."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from torch import Tensor, nn

from .. import losses
from .._core import checks
from .._core.overrides import overridden
from ..errors import InputError
from ..evaluate.ranking import list_length, unseen
from ..graph.interactions import Interactions
from ..sampling.histories import Histories
from ..sampling.triplets import SAMPLINGS, Triplets
from .fingerprint import multiset, name_of
from .ranking import RankingTrainer, SoftmaxTrainer
from .result import FitResult
from .run import Early, Plan, run
from .splitting import Whole, split_of

__all__ = ["Recommender", "train"]

#: What LightGCN-PyTorch trains by.
_PAPER = {"epochs": 100, "lr": 1e-3, "batch_size": 2048, "schedule": "constant"}
_WEIGHT_DECAY = {"pyg": 1e-4, "lightgcn-pytorch": 1e-4, "recbole": 1e-5}
_LOSSES = ("softmax", *losses.BPR_PRESETS)
#: Of the softmax: negatives of a batch, temperature, how far users count alike, rate, epochs, least steps of them all.
_NEGATIVES, _TEMPERATURE, _BALANCE, _LR, _EPOCHS, _LEAST_STEPS = 4096, 0.1, 0.0, 2e-2, 60, 300
#: Its weight decay for ever so many interactions, what is added for each that there are less, and the most.
_DECAY, _MORE_DECAY, _MOST_DECAY = 0.7, 3.8e4, 30.0
#: Items in the lists that validate, where nobody says how many.
_LISTS = 20
_SCHEDULES = ("constant", "linear", "cosine")


class Recommender(Protocol):
    """What this module needs of a model; it is an ``nn.Module``, too.

    Attributes:
        embedding: The table that is trained.
        alpha: Weight of each layer.
    """

    embedding: nn.Embedding
    alpha: Tensor

    def interactions(self, graph: Any = None, *, num_users: int | None = None) -> Interactions:
        """The interactions of a graph, by rows of the table."""

    def adopt(self, graph: Any = None, *, num_users: int | None = None) -> Interactions:
        """The same, and the graph is the model's from now on."""

    def rows(self, known: Interactions, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors of some distinct rows after and before propagation."""


def train(
    model: Any,
    graph: Any,
    plan: Plan,
    *,
    num_users: int | None = None,
    loss: str | losses.Loss | None = None,
    temperature: float | None = None,
    balance: float | None = None,
    num_negatives: int | None = None,
    weight_decay: float | None = None,
    sampling: str | None = None,
    schedule: str | None = None,
    validation: Any = None,
    k: int | None = None,
    monitor: str = "recall",
    validate_every: int = 5,
    patience: int | None = None,
) -> FitResult:
    """Train LightGCN by a sampled softmax or by Bayesian personalised ranking, and Adam.

    ``loss="softmax"`` takes users with all their items and ranks these above ``num_negatives`` others at once
    (:class:`~graphembed_ext.sampling.histories.Histories`, :func:`~graphembed_ext.losses.sampled_softmax_loss`). A
    score is the cosine of user and item, times the item's length and over the temperature: dividing by the user's
    length changes no user's list, so that dot products rank as they were trained to. Its usual settings go by the size
    of the data, and the learning rate falls to 0.

    The other losses rank an item of each of its users above one that the user has no interaction with
    (:class:`~graphembed_ext.sampling.triplets.Triplets`); their usual settings are LightGCN-PyTorch's: 100 epochs of
    batches of 2,048 triplets with a constant learning rate of 0.001. They stay behind the softmax, and take many times
    its time.

    Propagation goes along all interactions in both directions. The last layer is computed for the nodes of the batch
    alone, and the gradient starts from them. The result depends on seed, weights and settings alone, bit by bit:
    neither on the host, nor on the order of its edges, nor on the number of threads.

    What a subclass overrides of ``forward``, ``recommendation_loss``, ``get_embedding`` or ``rows`` is called.

    Args:
        model: The model.
        graph: Bipartite graph of either host; None for the one the model was made for. Untyped graphs take
            ``num_users``.
        plan: What :func:`graphembed_ext.fit` was told. A batch is of so many users with ``"softmax"``, of so many
            triplets otherwise.
        num_users: Number of users of an untyped graph, whose ids come first.
        loss: ``"softmax"``, or a preset of :func:`graphembed_ext.losses.bpr_loss`: ``"pyg"``, ``"lightgcn-pytorch"``
            or ``"recbole"``. ``softmax`` and ``pyg`` hold the initial vectors of the distinct nodes of a batch small,
            as PyG's example does; the others count a node as often as it occurs. None for ``"softmax"``, or ``"pyg"``
            where ``sampling`` is given, or where the model's class overrides ``forward`` or ``recommendation_loss``. Or
            a function ``loss(pos, neg)`` of the scores of triplets, ``(B,)``, or ``(B, num_negatives)`` of several
            negatives, that returns a tensor of one number; vectors are held small as by ``"pyg"``.
        temperature: Of the softmax; a low one looks at the hardest negatives alone. None for 0.1.
        balance: Of the softmax: an interaction of a user with n of them counts n ** -balance: 0 makes all interactions
            alike, 1 all users. None for 0.
        num_negatives: Of the softmax: uniform items that a whole batch is ranked above, all items where there are no
            more; None for 4,096. Of triplets: items that each observed one is ranked above, drawn independently, over
            which the loss is the mean; None for 1.
        weight_decay: Strength of holding them small; None for the loss's own: with the softmax the more
            the fewer interactions there are, otherwise 1e-4, 1e-4 or 1e-5.
        sampling: Of triplets: ``"interactions"``, the usual one, or ``"users"`` (LightGCN-PyTorch's).
        schedule: Course of the learning rate: ``"constant"``, or falling to 0 over all epochs, ``"linear"`` or as a
            ``"cosine"``. None for ``"linear"`` with the softmax, ``"constant"`` otherwise.
        validation: Pairs ``(2, V)``, user ids above item ids, that are not in the graph; the weights that rank them
            best are kept. None keeps the last.
        k: Length of the lists that validate; None for 20, or for all items where there are fewer.
        monitor: ``"recall"``, ``"ndcg"``, ``"precision"``, ``"hit_rate"`` or ``"mrr"``, all at ``k``.
        validate_every: Epochs from one validation to the next.
        patience: Validations without improvement after which training ends; None for none.

    Returns:
        ``history`` has ``loss``, ``samples`` (interactions, or triplets) and ``val_recall@20`` and its kin.

    Raises:
        InputError: An argument that cannot work; a graph that is not bipartite; users without an item left.
        TrainingError: The loss became NaN or infinite.

    Reference:
        He et al. 2020, arXiv:2002.02126, section 3.3; Rendle et al. 2009, arXiv:1205.2618; Wu et al. 2022,
        arXiv:2201.02327.
    """
    if loss is None:
        paired = sampling is not None or overridden(model, "forward", "recommendation_loss")
        loss = "pyg" if paired else "softmax"
    if not callable(loss):
        checks.choice("loss", loss, _LOSSES)
    checks.choice("monitor", monitor, ("recall", "ndcg", "precision", "hit_rate", "mrr"))
    validate_every = checks.integer("validate_every", validate_every)
    patience = _patience(patience, validation)
    known = model.interactions(graph, num_users=num_users)
    if validation is not None:
        pairs = known.sides.pairs(validation, "validation")
        unseen(known, validation, "validation", "the interactions of the graph")
    length = 0 if validation is None else _length(k, len(known.sides.items))
    settings = _settings(known, plan, loss, weight_decay, schedule)
    make = _softmax_trainer if loss == "softmax" else _triplet_trainer
    options = {"temperature": temperature, "balance": balance, "num_negatives": num_negatives, "sampling": sampling}
    split = split_of(model, plan.group)
    trainer, own = make(split, known, plan, settings, options)
    if validation is not None:
        trainer.validate_with(validation, length, validate_every)
    epochs = settings.pop("epochs")
    config = settings | {"loss": name_of(loss)} | {"seed": plan.seed, "validate_every": validate_every} | own
    early = None if validation is None else Early(f"val_{monitor}@{length}", patience, larger=True)

    def belongs_to() -> dict[str, Any]:
        found: dict[str, Any] = {"task": "recommendation", "alpha": repr(model.alpha.tolist())}
        found |= {"users": len(known.sides.users), "items": len(known.sides.items)}
        found["interactions"] = multiset(known.users, known.items)
        if early is None:
            return found | {"validation": None}
        return found | {"validation": multiset(*pairs), "monitor": early.monitor, "patience": patience}

    with split:
        return run(
            trainer,
            model,
            plan,
            epochs=epochs,
            batches=trainer.batches,
            config=config,
            belongs_to=belongs_to,
            early=early,
            begin=lambda: model.adopt(graph, num_users=num_users),
        )


def _length(k: int | None, items: int) -> int:
    """Length of the lists that validate."""
    found = list_length(k, _LISTS, items)
    if found > items:
        raise InputError("k", k, f"at most {items}, the number of items")
    return found


def _patience(patience: int | None, validation: Any) -> int | None:
    if patience is None:
        return None
    patience = checks.integer("patience", patience)
    if validation is None:
        raise InputError("patience", patience, "None without validation pairs")
    return patience


def _settings(
    known: Interactions, plan: Plan, loss: str | losses.Loss, weight_decay: float | None, schedule: str | None
) -> dict[str, Any]:
    """Those given, and the usual ones in the place of the others."""
    of_pairs = "pyg" if callable(loss) else loss
    usual = _usual(known) if loss == "softmax" else _PAPER | {"weight_decay": _WEIGHT_DECAY[of_pairs]}
    if weight_decay is not None:
        usual["weight_decay"] = checks.decay("weight_decay", weight_decay)
    given = {"epochs": plan.epochs, "lr": plan.lr, "batch_size": plan.batch_size, "schedule": schedule}
    found = {"loss": loss, **usual, **{name: value for name, value in given.items() if value is not None}}
    checks.choice("schedule", found["schedule"], _SCHEDULES)
    return found


def _softmax_trainer(
    split: Whole, known: Interactions, plan: Plan, settings: dict[str, Any], options: Mapping[str, Any]
) -> tuple[RankingTrainer, dict[str, Any]]:
    """The trainer, and the settings that it alone has."""
    if options["sampling"] is not None:
        sampling = checks.choice("sampling", options["sampling"], SAMPLINGS)
        raise InputError("sampling", sampling, "None with loss='softmax', which takes users with all their items")
    temperature, balance, negatives = (options[name] for name in ("temperature", "balance", "num_negatives"))
    own: dict[str, Any] = {
        "temperature": _TEMPERATURE if temperature is None else checks.number("temperature", temperature, above=0),
        "balance": _BALANCE if balance is None else checks.number("balance", balance, minimum=0),
    }
    histories = Histories(known, _NEGATIVES if negatives is None else negatives, plan.seed)
    trainer = SoftmaxTrainer(split, known, histories, plan=plan, **settings, **own)
    return trainer, own | {"num_negatives": histories.num_negatives}


def _triplet_trainer(
    split: Whole, known: Interactions, plan: Plan, settings: dict[str, Any], options: Mapping[str, Any]
) -> tuple[RankingTrainer, dict[str, Any]]:
    """The same of the losses of pairs."""
    for name in ("temperature", "balance"):
        if options[name] is not None:
            raise InputError(name, options[name], "None but with loss='softmax'")
    sampling = "interactions" if options["sampling"] is None else options["sampling"]
    count = 1 if options["num_negatives"] is None else checks.integer("num_negatives", options["num_negatives"])
    trainer = RankingTrainer(split, known, Triplets(known, sampling, plan.seed, count), plan=plan, **settings)
    return trainer, {"sampling": sampling} | ({"num_negatives": count} if count > 1 else {})


def _usual(known: Interactions) -> dict[str, Any]:
    """Settings of the softmax by the size of the data.

    They were chosen on training pairs held out of Gowalla (810,000 interactions), LastFM (42,000) and a made-up shop
    (1,500): few interactions say little of each item, and vectors must be held the smaller.
    """
    users = len(known.sides.users)
    batch_size = min(max(users // 8, 32), 1024)
    epochs = max(_EPOCHS, _LEAST_STEPS // -(-users // batch_size))
    decay = round(min(_DECAY + _MORE_DECAY / max(len(known), 1), _MOST_DECAY), 3)
    return {"epochs": epochs, "lr": _LR, "batch_size": batch_size, "schedule": "linear", "weight_decay": decay}
