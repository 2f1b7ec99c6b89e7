"""Scores and loss of a recommender by methods of a subclass's own, which the fused road would lead past."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .. import losses
from .._core.overrides import accepted, overridden, warn_overridden
from ..errors import InputError
from ..graph.interactions import Interactions

__all__ = ["OwnScores", "negative_scores"]


def negative_scores(user: Tensor, negative: Tensor, others: Tensor) -> Tensor:
    """Scores of negatives: ``(B,)``, or ``(B, K)`` where ``others``, their rows, are so many for each user."""
    if others.dim() == 1:
        return (user * negative).sum(1)
    return torch.einsum("bd,bkd->bk", user, negative.view(*others.shape, -1))


class OwnScores:
    """The loss of triplets by a model's own ``forward`` and ``recommendation_loss``.

    Args:
        model: The model.
        known: The interactions it is trained on.
        methods: Which of the two it overrides.
    """

    def __init__(self, model: Any, known: Interactions, methods: list[str]) -> None:
        self._model, self._known, self._methods = model, known, methods
        # One tensor for all steps: what the model makes of edges it keeps for as long as they are the same.
        self._edges = self._ids(known.users, known.items) if known.sides.typed else known.edge_index

    @classmethod
    def of(cls, model: Any, known: Interactions, loss: str | losses.Loss) -> OwnScores | None:
        """None where a model overrides neither.

        Raises:
            InputError: Another preset of the loss than that of ``recommendation_loss``, where that is overridden.
        """
        what = "ge.fit trains LightGCN by ranking, which it has no part in"
        warn_overridden(model, ("link_pred_loss",), what, "override recommendation_loss, or train in your own loop")
        methods = overridden(model, "forward", "recommendation_loss")
        if "recommendation_loss" in methods and loss != "pyg":
            expected = f"'pyg', as {type(model).__name__} overrides recommendation_loss, which is called as it is"
            raise InputError("loss", loss, expected, "leave loss out")
        return cls(model, known, methods) if methods else None

    def loss(self, users: Tensor, items: Tensor, others: Tensor, decay: float) -> Tensor:
        """Loss of triplets given as rows of the table."""
        rows, place = torch.unique(torch.cat([users, items, others.flatten()]), return_inverse=True)
        if "forward" in self._methods:
            pos, neg = self._by_forward(users, items, others)
            initial = self._model.embedding.weight[rows]
        else:
            final, initial = self._model.rows(self._known, rows)
            user, positive, negative = final[place].split([len(users), len(items), others.numel()])
            pos, neg = (user * positive).sum(1), negative_scores(user, negative, others)
        if "recommendation_loss" not in self._methods:
            return losses.bpr_loss(pos, neg, initial=(initial,), weight_decay=decay)
        own = self._model.recommendation_loss
        found: Tensor = own(pos, neg, **accepted(own, node_id=rows, lambda_reg=decay))
        return found

    def _by_forward(self, users: Tensor, items: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
        each = others.numel() // len(users)
        pairs = self._ids(torch.cat([users, users.repeat_interleave(each)]), torch.cat([items, others.flatten()]))
        pos, neg = self._model(self._edges, pairs).split([len(users), others.numel()])
        return pos, neg.view(others.shape)

    def _ids(self, users: Tensor, items: Tensor) -> Tensor:
        """Pairs of rows as the model's forward takes them: ids of either side of a typed graph."""
        sides = self._known.sides
        if not sides.typed:
            return torch.stack([users, items])
        return torch.stack([users - sides.users.start, items - sides.items.start])
