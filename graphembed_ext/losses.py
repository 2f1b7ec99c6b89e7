"""The loss core: scores in, scalar out. No graph, no model, no host.

Skip-gram with negative sampling comes in three presets, named after the implementation they equal:

=========  ==========================================================================================
preset     formula, with ``s`` the scores of observed pairs and ``s'`` those of K negatives each
=========  ==========================================================================================
stable     mean(-log sigmoid(s)) + w K mean(-log sigmoid(-s'))
dgl        the same on scores clamped to [-clamp, clamp], by default 6 as in ``dgl.nn.DeepWalk``
           (``dgl.nn.MetaPath2Vec`` clamps at 10)
pyg        mean(-log(sigmoid(s) + 1e-15)) + w mean(-log(1 - sigmoid(s') + 1e-15)): the K negatives
           are averaged, as in PyG's ``Node2Vec`` and ``MetaPath2Vec``
=========  ==========================================================================================

``dgl`` has no gradient for a score outside its clamp and ``pyg`` none for the worst negatives (in float32 from
about 17 on, where ``1 - sigmoid`` is 0): the pairs most in need of correction are left alone. ``stable`` has
neither flaw and is what :func:`graphembed_ext.fit` uses unless told otherwise.

Bayesian personalised ranking comes in three presets, too, with ``p`` and ``n`` the scores of B observed pairs and of
as many negatives of the same users, ``E`` the initial vectors of the nodes concerned and ``w`` the weight decay:

================  ===================================================================================
preset            formula
================  ===================================================================================
pyg               mean(-log sigmoid(p - n)) + w sum |E|^2 / B, as in PyG's ``LightGCN``
lightgcn-pytorch  mean(softplus(n - p)) + w sum |E|^2 / (2 B), as in the authors' LightGCN-PyTorch
recbole           mean(-log(1e-10 + sigmoid(p - n))) + w sum of norms of U, P, N / B, not squared, as in
                  RecBole's ``BPRLoss`` and ``EmbLoss``
================  ===================================================================================

The first two have the same ranking term; ``recbole``'s loses its gradient on pairs that are ranked badly wrong, as
``pyg`` of the first table does.

A pair against one negative says little about a place among thousands of items. :func:`sampled_softmax_loss` ranks a
pair above many negatives at once, the hardest of them most of all; :func:`alignment_uniformity_loss` does without.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ._core import checks
from ._core.checks import as_floats, as_tensor, shaped
from .errors import InputError

__all__ = [
    *("BPR_PRESETS", "PRESETS", "REGRESSION_PRESETS"),
    *("alignment_uniformity_loss", "bpr_loss", "classification_loss", "link_loss", "regression_loss"),
    *("sampled_softmax_loss", "skip_gram_loss"),
]

#: A loss of a user's own, of scores.
Loss = Callable[..., Tensor]
PRESETS = ("stable", "dgl", "pyg")
REGRESSION_PRESETS = ("mse", "l1")
BPR_PRESETS = ("pyg", "lightgcn-pytorch", "recbole")
_PYG_EPSILON, _RECBOLE_EPSILON = 1e-15, 1e-10


def skip_gram_loss(
    pos: Tensor, neg: Tensor, *, preset: str | Loss = "stable", neg_weight: float = 1.0, clamp: float = 6.0
) -> Tensor:
    """Skip-gram loss with negative sampling: negatives summed over K, everything averaged over pairs.

    Args:
        pos: Scores of observed pairs, float, shape ``(B,)``.
        neg: Scores of K negatives for each pair, float, ``(B, K)``; any shape for ``pyg``, which averages over all.
        preset: ``"stable"``, ``"dgl"`` or ``"pyg"``; see the table at the top of this module. Or a function of both
            scores, which takes no other argument.
        neg_weight: Factor of the negatives' term.
        clamp: Bound on the scores, used by the preset ``dgl`` only.

    Returns:
        Scalar in nats, shape ``()``.

    Raises:
        InputError: No pairs, a ``neg`` that is not ``(B, K)``, or an unknown preset.

    Reference:
        Mikolov et al. 2013, "Distributed Representations of Words and Phrases and their Compositionality",
        arXiv:1310.4546, eq. 4. DeepWalk (arXiv:1403.6652) itself used the hierarchical softmax.

    Example:
        >>> skip_gram_loss(torch.zeros(2), torch.zeros(2, 3))  # (1 + 3) ln 2
        tensor(2.7726)
    """
    if callable(preset):
        return of_function(preset, _scores("pos", pos), _scores("neg", neg))
    checks.choice("preset", preset, PRESETS)
    neg_weight = checks.number("neg_weight", neg_weight)
    clamp = checks.number("clamp", clamp, above=0)
    pos, neg = _scores("pos", pos), _scores("neg", neg)
    _check_scores(pos, neg, any_shape=preset == "pyg")
    if preset == "pyg":
        observed = -torch.log(torch.sigmoid(pos) + _PYG_EPSILON).mean()
        return observed + neg_weight * -torch.log(1 - torch.sigmoid(neg) + _PYG_EPSILON).mean()
    if preset == "dgl":
        pos, neg = pos.clamp(-clamp, clamp), neg.clamp(-clamp, clamp)
    return -F.logsigmoid(pos).mean() - F.logsigmoid(-neg).mean() * neg.size(1) * neg_weight


def classification_loss(scores: Tensor, y: Tensor, *, weight: Tensor | None = None) -> Tensor:
    """Cross-entropy of class scores, averaged over nodes; with several labels, over nodes and labels.

    Args:
        scores: Scores before any softmax, ``(N, C)``.
        y: Classes, integers ``(N,)``: softmax cross-entropy. Or 0/1 of shape ``(N, C)``: the binary cross-entropy of
            each label.
        weight: How much a node of each class counts, floats ``(C,)``, with classes ``(N,)``; the mean is over nodes.

    Returns:
        Scalar in nats, shape ``()``.

    Raises:
        InputError: No nodes, or shapes that do not match.

    Example:
        >>> classification_loss(torch.zeros(3, 4), torch.tensor([0, 1, 3]))  # ln 4
        tensor(1.3863)
        >>> classification_loss(torch.zeros(2, 2), torch.tensor([0, 1]), weight=torch.tensor([1.0, 3.0]))  # 2 ln 2
        tensor(1.3863)
    """
    scores = _scores("scores", scores)
    y = as_tensor("y", y, "classes, integers (N,); or labels 0 and 1, (N, C)")
    if scores.dim() != 2 or len(scores) == 0:
        raise InputError("scores", f"shape {tuple(scores.shape)}", "shape (N, C), at least one node")
    if y.shape == scores.shape:
        return F.binary_cross_entropy_with_logits(scores, y.to(scores.dtype))
    if y.shape != scores.shape[:1]:
        raise InputError("y", f"shape {tuple(y.shape)}", f"shape ({len(scores)},) or {tuple(scores.shape)}")
    classes = _classes(y, scores.size(1))
    if weight is None:
        return F.cross_entropy(scores, classes)
    total = F.cross_entropy(scores, classes, shaped("weight", weight, scores.shape[1:]).to(scores), reduction="sum")
    return total / len(scores)


def regression_loss(predicted: Tensor, y: Tensor, *, preset: str = "mse") -> Tensor:
    """Squared or absolute error of predicted numbers, averaged over nodes and numbers.

    Args:
        predicted: ``(N, T)``.
        y: Targets, floats ``(N, T)``; or ``(N,)`` where T is 1.
        preset: ``"mse"``, the mean of squares, or ``"l1"``, of absolute values.

    Returns:
        Scalar, shape ``()``.

    Raises:
        InputError: No nodes, or shapes that do not match.

    Example:
        >>> regression_loss(torch.tensor([[1.0], [3.0]]), torch.tensor([1.0, 1.0]))
        tensor(2.)
    """
    checks.choice("preset", preset, REGRESSION_PRESETS)
    predicted, y = _scores("predicted", predicted), as_tensor("y", y, "numbers to predict, (N, T)")
    y = y.unsqueeze(1) if y.dim() == 1 else y
    if predicted.shape != y.shape or not len(y):
        raise InputError("y", f"shape {tuple(y.shape)}", f"shape {tuple(predicted.shape)}, at least one node")
    return (F.mse_loss if preset == "mse" else F.l1_loss)(predicted, y.to(predicted.dtype))


def bpr_loss(
    pos: Tensor,
    neg: Tensor,
    *,
    preset: str | Loss = "pyg",
    initial: Sequence[Tensor] = (),
    weight_decay: float = 0.0,
) -> Tensor:
    """Bayesian personalised ranking: observed pairs should score higher than negatives of the same user.

    Args:
        pos: Scores of observed pairs, ``(B,)``.
        neg: Score of a negative for each, ``(B,)``; or of K negatives, ``(B, K)``, whose mean is taken.
        preset: ``"pyg"``, ``"lightgcn-pytorch"`` or ``"recbole"``; see the second table at the top of this module.
            Or a function of both scores; vectors are then held small as by ``"pyg"``.
        initial: Vectors before propagation that are held small, each ``(R, d)``. LightGCN-PyTorch and RecBole give
            three, those of the batch's users, positives and negatives, repeated as often as they occur; PyG's
            example gives the vectors of the distinct nodes of the batch.
        weight_decay: Factor of the regularisation.

    Returns:
        Scalar in nats, shape ``()``.

    Raises:
        InputError: No pairs, shapes that differ, or an unknown preset.

    Reference:
        Rendle et al. 2009, "BPR: Bayesian Personalized Ranking from Implicit Feedback", arXiv:1205.2618.

    Example:
        >>> bpr_loss(torch.zeros(2), torch.zeros(2))  # ln 2
        tensor(0.6931)
    """
    if not callable(preset):
        checks.choice("preset", preset, BPR_PRESETS)
    weight_decay = checks.number("weight_decay", weight_decay)
    pos, neg = _scores("pos", pos), _scores("neg", neg)
    if pos.numel() == 0 or pos.dim() == 0:
        raise InputError("pos", f"shape {tuple(pos.shape)}", "scores of at least one pair")
    ranking = _ranking(pos, neg, preset)
    initial = [_scores("initial", vectors) for vectors in checks.several("initial", initial, "tensors of vectors")]
    if not weight_decay or not initial:
        return ranking
    if preset == "recbole":
        size = sum(vectors.norm() for vectors in initial)
    else:
        size = sum(vectors.square().sum() for vectors in initial) / (2 if preset == "lightgcn-pytorch" else 1)
    return ranking + weight_decay * size / len(pos)


def _ranking(pos: Tensor, neg: Tensor, preset: str | Loss) -> Tensor:
    """The term that ranks pairs above their negatives."""
    ranked = _ranked(pos, neg)
    if callable(preset):
        return of_function(preset, pos, neg)
    if preset == "recbole":
        return -torch.log(_RECBOLE_EPSILON + torch.sigmoid(ranked)).mean()
    return -F.logsigmoid(ranked).mean()


def _ranked(pos: Tensor, neg: Tensor) -> Tensor:
    """How far positives lie above their negatives, one or K for each."""
    if neg.shape == pos.shape:
        return pos - neg
    if neg.dim() == pos.dim() + 1 and neg.shape[:-1] == pos.shape and neg.numel():
        return pos.unsqueeze(-1) - neg
    raise InputError("neg", f"shape {tuple(neg.shape)}", f"shape {tuple(pos.shape)}, as pos has, or ({len(pos)}, K)")


def sampled_softmax_loss(
    pos: Tensor,
    neg: Tensor,
    *,
    temperature: float = 1.0,
    correction: Tensor | None = None,
    whole: bool = False,
    weight: Tensor | None = None,
) -> Tensor:
    """Cross-entropy of a softmax over an observed pair and its negatives, averaged over pairs.

    Args:
        pos: Scores of observed pairs, ``(B,)``.
        neg: Scores of K negatives for each pair, ``(B, K)``; or, ``(B,)``, the log of their summed exponentials,
            divided by the temperature and corrected already, as a kernel makes it that never holds the scores.
        temperature: What scores are divided by; a low one looks at the hardest negatives alone. Cosines take 0.05 to
            0.2.
        correction: Logs of the rates at which the negatives are drawn, ``(K,)`` or ``(B, K)``, subtracted from their
            scores: negatives taken from the batch are drawn as often as they are popular, and would be pushed away for
            that. None for uniform negatives.
        whole: Whether the observed pair is among its negatives already, as where these are all items.
        weight: How much each pair counts in the mean, ``(B,)``; None for all alike.

    Returns:
        Scalar in nats, shape ``()``.

    Raises:
        InputError: No pairs or shapes that do not match, a temperature that is not above 0.

    Reference:
        Wu et al. 2022, "On the Effectiveness of Sampled Softmax Loss for Item Recommendation", arXiv:2201.02327; the
        correction: Bengio and Senecal 2008, IEEE Transactions on Neural Networks 19 (4), and Yi et al. 2019, RecSys,
        "Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations", section 3.

    Example:
        >>> sampled_softmax_loss(torch.zeros(2), torch.zeros(2, 3))  # ln (1 + 3)
        tensor(1.3863)
    """
    temperature = checks.number("temperature", temperature, above=0)
    pos, neg = _scores("pos", pos), _scores("neg", neg)
    if neg.dim() != 1 or neg.shape != pos.shape:
        _check_scores(pos, neg, any_shape=False)
        rates = None if correction is None else shaped("correction", correction, neg.shape[1:], neg.shape)
        neg = torch.logsumexp(neg / temperature if rates is None else neg / temperature - rates, 1)
    elif correction is not None:
        raise InputError("correction", "a tensor", "None where neg has the sums already")
    elif not len(pos):
        raise InputError("pos", f"shape {tuple(pos.shape)}", "scores of at least one pair")
    below = neg - pos / temperature
    lost = below if checks.switch("whole", whole) else F.softplus(below)
    weight = None if weight is None else shaped("weight", weight, pos.shape)
    return lost.mean() if weight is None else (lost * weight).sum() / weight.sum()


def alignment_uniformity_loss(users: Tensor, items: Tensor, *, gamma: float = 1.0) -> Tensor:
    """Vectors of a pair should be near each other, and those of all users, and of all items, far apart.

    With all vectors brought to length 1, the mean of ``|u - i|^2`` over the pairs, plus ``gamma`` times the mean, over
    users and items, of ``log mean exp(-2 |x - y|^2)`` over each two different rows.

    Args:
        users: Vectors of the pairs' users, ``(B, d)``.
        items: Vectors of the pairs' items, ``(B, d)``.
        gamma: Weight of the uniformity; 0.2 to 10, more for denser data.

    Returns:
        Scalar, shape ``()``.

    Raises:
        InputError: Fewer than two pairs, or shapes that differ.

    Reference:
        Wang et al. 2022, "Towards Representation Alignment and Uniformity in Collaborative Filtering", KDD,
        arXiv:2206.12811, eq. 6 to 8 (DirectAU).

    Example:
        >>> alignment_uniformity_loss(torch.eye(2), torch.eye(2))  # aligned, and two right angles: -2 * 2
        tensor(-4.)
    """
    users, items = (as_floats(name, rows, "vectors, (B, d)") for name, rows in (("users", users), ("items", items)))
    if users.dim() != 2 or len(users) < 2:
        raise InputError("users", f"shape {tuple(users.shape)}", "shape (B, d), at least two pairs")
    if items.shape != users.shape:
        raise InputError("items", f"shape {tuple(items.shape)}", f"shape {tuple(users.shape)}, as users has")
    users, items = F.normalize(users, dim=1), F.normalize(items, dim=1)
    gamma, apart = checks.number("gamma", gamma), _uniformity(users) + _uniformity(items)
    return (users - items).square().sum(1).mean() + gamma * apart / 2


def _uniformity(x: Tensor) -> Tensor:
    """``log mean exp(-2 |x - y|^2)`` over different rows of length 1."""
    count = len(x)
    closeness = (4 * (x @ x.t()) - 4).masked_fill(torch.eye(count, dtype=torch.bool, device=x.device), -torch.inf)
    return torch.logsumexp(closeness.flatten(), 0) - math.log(count * (count - 1))


def link_loss(scores: Tensor, labels: Tensor, **options: Any) -> Tensor:
    """Binary cross-entropy of scores before the sigmoid, averaged over pairs.

    Args:
        scores: ``(B,)``.
        labels: 1 for a link, 0 for none, or anything between, ``(B,)``.
        **options: Of :func:`torch.nn.functional.binary_cross_entropy_with_logits`.

    Raises:
        InputError: Labels outside of 0 to 1, or of another shape.

    Example:
        >>> link_loss(torch.zeros(3), torch.tensor([1, 0, 1]))  # ln 2
        tensor(0.6931)
    """
    scores = _scores("scores", scores)
    labels = as_tensor("edge_label", labels, "labels from 0 to 1, a number for each score")
    if labels.shape != scores.shape:
        raise InputError("edge_label", f"shape {tuple(labels.shape)}", f"shape {tuple(scores.shape)}")
    labels = labels.to(scores.dtype)
    if labels.numel():
        low, high = (float(end) for end in torch.aminmax(labels.detach()))
        if not (low >= 0 and high <= 1):
            raise InputError("edge_label", f"labels from {low:g} to {high:g}", "labels from 0 to 1")
    return F.binary_cross_entropy_with_logits(scores, labels, **options)


def of_function(function: Loss, *scores: Tensor) -> Tensor:
    """The loss by a function of a user's own, which must return one floating-point number as a tensor."""
    found = function(*map(_whole, scores))
    if not isinstance(found, Tensor) or found.numel() != 1 or not found.is_floating_point():
        raise InputError("loss", f"a function that returned {checks.described(found)}", "one that returns a number")
    return found.reshape(())


def _scores(argument: str, scores: Any) -> Tensor:
    """Floating-point numbers; whole ones become such."""
    return _whole(as_floats(argument, scores, "scores, floating-point numbers"))


def _whole(scores: Tensor) -> Tensor:
    """Under autocast, scores in full precision: products of matrices may be rounded, what adds them up not."""
    halved = scores.dtype in (torch.bfloat16, torch.float16) and torch.is_autocast_enabled(scores.device.type)
    return scores.float() if halved else scores


def _classes(y: Tensor, classes: int) -> Tensor:
    """Classes that there are, int64; those that cross-entropy leaves out (-100) among them."""
    if y.is_floating_point() and not bool((y == y.floor()).all()):
        raise InputError("y", "classes that are no whole numbers", "integers from 0 on")
    found = y.long()
    counted = found[found != -100]
    if counted.numel():
        low, high = (int(end) for end in torch.aminmax(counted))
        if low < 0 or high >= classes:
            raise InputError("y", f"the class {low if low < 0 else high}", f"classes from 0 to {classes - 1}")
    return found


def _check_scores(pos: Tensor, neg: Tensor, any_shape: bool) -> None:
    if pos.numel() == 0 or (not any_shape and pos.dim() != 1):
        raise InputError("pos", f"shape {tuple(pos.shape)}", "scores of at least one pair, shape (B,)")
    if any_shape and neg.numel() > 0:
        return
    if neg.dim() != 2 or neg.size(0) != pos.size(0) or neg.size(1) == 0:
        raise InputError("neg", f"shape {tuple(neg.shape)}", f"shape ({pos.size(0)}, K) with K of at least 1")
