"""How good are recommendations: metrics over the first k items of every user."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .._core import checks, search
from .._core.checks import as_tensor, described
from .._core.doors import as_pairs, within
from .._core.overrides import overridden
from ..errors import InputError
from ..graph.interactions import Interactions

__all__ = ["judge", "list_length", "ranking_metrics", "recommendation", "unseen"]


def recommendation(
    model: Any, train_edges: Any, test_edges: Tensor, k: int = 20, *, num_users: int | None = None
) -> dict[str, float]:
    """Rank all items for every user with test items, those of the user's interactions in training left out.

    The model propagates once, along ``train_edges`` in both directions. The metrics and their formulas are those of
    :func:`ranking_metrics`.

    Args:
        model: A :class:`~graphembed_ext.LightGCN`.
        train_edges: What is known: a bipartite graph of either host; or pairs, ``(2, E)``, user ids above item ids;
            None for the graph the model was made for.
        test_edges: What is to be found, ``(2, T)``, user ids above item ids: rows of the table for an untyped model,
            ids within their types for a typed one.
        k: Length of the lists; at most the number of items.
        num_users: Number of users, where neither graph nor model knows which nodes are users.

    Returns:
        ``recall@k``, ``ndcg@k``, ``precision@k``, ``hit_rate@k``, ``mrr@k``, ``coverage@k``.

    Raises:
        InputError: Ids out of range, no test pairs, or test pairs that are among the training pairs.

    Example:
        >>> import graphembed_ext as ge
        >>> edges = {("user", "buys", "item"): torch.tensor([[0, 0, 1, 1], [0, 1, 1, 2]])}
        >>> model = ge.LightGCN.for_graph(edges, embedding_dim=4, seed=0)
        >>> recommendation(model, edges, torch.tensor([[0], [2]]), k=1)["recall@1"]  # the one item left
        1.0
    """
    if not (hasattr(model, "interactions") and hasattr(model, "top")):
        raise InputError("model", described(model), "a LightGCN, or a model with its methods interactions and top")
    known = model.interactions(train_edges, num_users=num_users)
    sides = known.sides

    def lists(users: Tensor) -> Tensor:
        ids = users - (sides.users.start if sides.typed else 0)
        if overridden(model, "recommend"):
            found: Tensor = model.recommend(train_edges, src_index=ids, k=k, exclude=True)
        else:
            found = model.top(known, None, ids, None, k, exclude=True).items
        # by place among the items: their ids in an untyped graph begin after the users
        return torch.where(found < 0, -1, found - (0 if sides.typed else sides.items.start))

    return judge(known, test_edges, k, lists)


def list_length(k: int | None, usual: int, items: int) -> int:
    """Length of lists: that asked for, checked; or else the usual one, or that of all items where there are fewer."""
    return min(usual, items) if k is None else checks.integer("k", k)


def unseen(known: Interactions, pairs: Any, argument: str = "test_edges", trained: str = "train_edges") -> Tensor:
    """Held-out pairs as distinct numbers in ascending order: user times the number of all nodes, plus item.

    Args:
        known: Interactions in training.
        pairs: ``(2, T)``, user ids above item ids.
        argument, trained: What they and the interactions are called in errors.

    Raises:
        InputError: Ids out of range, no pairs, or pairs that are among the interactions.
    """
    sides = known.sides
    users, items = sides.pairs(pairs, argument)
    if not len(users):
        raise InputError(argument, "no pairs", "at least one pair to find")
    bounds, items_of = known.by_user()
    row = torch.repeat_interleave(torch.arange(len(sides.users), device=items_of.device), bounds.diff())
    own = (row + sides.users.start) * sides.num_nodes + items_of
    wanted = torch.unique(users * sides.num_nodes + items).to(own.device)
    again = int(search.found(own, wanted).sum())
    if again:
        expected = "pairs that training did not see, as those are left out of the lists"
        raise InputError(argument, f"{again} pairs that are among {trained}", expected)
    return wanted


def judge(known: Interactions, test_edges: Tensor, k: int, lists: Callable[[Tensor], Tensor]) -> dict[str, float]:
    """The metrics of lists that leave out what is known, of the users with something to find.

    Args:
        known: Interactions in training.
        test_edges: What is to be found, ``(2, T)``, user ids above item ids.
        k: Length of the lists.
        lists: Makes the lists of users given by row, as positions among the items, ``(U, k)``; -1 for none.

    Raises:
        InputError: Ids out of range, no test pairs, or test pairs that are among the training pairs.
    """
    sides = known.sides
    wanted = unseen(known, test_edges)
    asked, row = torch.unique(wanted // sides.num_nodes, return_inverse=True)
    found = lists(asked)
    truth = torch.stack([row, wanted % sides.num_nodes - sides.items.start]).to(found.device)
    return ranking_metrics(found, truth, len(sides.items))


def ranking_metrics(found: Tensor, truth: Tensor, num_items: int) -> dict[str, float]:
    """Metrics of lists of recommended items, each a mean over the users that have items to find.

    With ``hits`` the number of a user's ``n`` items that stand in its list, ``rel(r)`` 1 where the item in place ``r``
    (from 1) is one of them and 0 otherwise:

    ===============  =============================================================================================
    ``recall@k``     ``hits / n``
    ``precision@k``  ``hits / k``
    ``ndcg@k``       ``sum of rel(r) / log2(r + 1)``, over the same sum for ``min(n, k)`` hits in the first places
    ``hit_rate@k``   1 where ``hits`` is above 0
    ``mrr@k``        1 / place of the first hit; 0 without one
    ``coverage@k``   the part of all items that stands in anybody's list
    ===============  =============================================================================================

    They are those of PyG's ``LinkPredRecall`` and its kin, and of LightGCN-PyTorch. Others divide by the ideal of
    ``k`` hits, or recall by ``min(n, k)``; figures then differ.

    Args:
        found: Items of each user, best first, ``(U, k)``; -1 for none.
        truth: Row of ``found`` above an item to find, ``(2, T)``, pairs distinct.
        num_items: Number of items there are.

    Raises:
        InputError: An item twice in a list, pairs that come twice, items or rows that there are not: figures of them
            would mean nothing.

    Example:
        >>> found = ranking_metrics(torch.tensor([[4, 2], [1, 3]]), torch.tensor([[0, 0, 1], [2, 5, 7]]), 8)
        >>> found["recall@2"], found["mrr@2"], found["coverage@2"]  # user 0 has one of two, in place 2
        (0.25, 0.25, 0.5)
    """
    num_items = checks.integer("num_items", num_items)
    found, truth = _checked(found, truth, num_items)
    users, k = found.shape
    keys = torch.sort(truth[0] * num_items + truth[1]).values
    if bool((keys[1:] == keys[:-1]).any()):
        raise InputError("truth", "a pair twice", "distinct pairs")
    rows = torch.arange(users, device=found.device)[:, None]
    wanted = torch.where(found >= 0, rows * num_items + found, -1).view(-1)
    hit = search.found(keys, wanted).view(users, k).double()
    amount = torch.bincount(truth[0], minlength=users)
    asked = amount > 0
    count = max(1, int(asked.sum()))
    gain = 1 / torch.log2(torch.arange(2, k + 2, dtype=torch.float64, device=found.device))
    ideal = torch.cumsum(gain, 0)[amount.clamp(min=1, max=k) - 1]
    hits = hit.sum(1)
    first = (hit / torch.arange(1, k + 1, dtype=torch.float64, device=found.device)).amax(1)
    per_user = {
        "recall": hits / amount.clamp(min=1),
        "ndcg": (hit * gain).sum(1) / ideal,
        "precision": hits / k,
        "hit_rate": (hits > 0).double(),
        "mrr": first,
    }
    metrics = {f"{name}@{k}": float(values[asked].sum()) / count for name, values in per_user.items()}
    listed = torch.unique(found[found >= 0])
    return metrics | {f"coverage@{k}": len(listed) / num_items}


def _checked(found: Any, truth: Any, num_items: int) -> tuple[Tensor, Tensor]:
    """Lists and what is to be found in them, when metrics of them mean something."""
    lists = as_tensor("found", found, "items of each user, whole numbers (U, k)")
    if lists.dim() != 2 or lists.size(1) == 0 or lists.is_floating_point():
        raise InputError("found", described(lists), "items of each user, whole numbers (U, k)")
    lists = within("found", lists.long(), num_items, first=-1, got="item")
    ordered = torch.sort(lists, 1).values
    again = (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)
    if bool(again.any()):
        row = int(again.any(1).nonzero()[0])
        raise InputError("found", f"an item twice in list {row}, {lists[row].tolist()}", "lists of distinct items")
    pairs = as_pairs(truth, "truth", "rows of found above items, (2, T)").to(lists.device)
    within("truth", pairs[0], len(lists), got="row")
    within("truth", pairs[1], num_items, got="item", expected="items")
    return lists, pairs
