"""What a recommender must beat: popularity, neighbours of items, and EASE, which need no training to speak of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .._core import checks, memory
from ..errors import InputError
from ..graph.interactions import Interactions, interactions
from ..hosts import registry
from ..nn.ops.top_k import keep_best
from .ranking import judge

__all__ = ["BASELINES", "recommendation_baselines", "recommended_by"]

#: Scores held at once: 64 MiB of float64.
_SCORES = 1 << 23
#: Neighbours that an item keeps.
_NEIGHBORS = 200
#: Items beyond which EASE is not tried by itself: its time grows with the cube of their number, 20 seconds here.
_EASE_ITEMS = 10_000

#: Scores of all items for some users, from the 0/1 matrix of users and items: what makes a function of rows.
_Scorer = Callable[[Any], np.ndarray]


def recommendation_baselines(
    train_edges: Any,
    test_edges: Tensor,
    k: int = 20,
    *,
    num_users: int | None = None,
    user_type: str | None = None,
    names: tuple[str, ...] | None = None,
) -> dict[str, dict[str, float]]:
    """How good lists are that no embedding is needed for, by the protocol of :func:`ge.evaluate.recommendation`.

    ``popularity``
        the items with the most users, the same for everybody;
    ``item-kNN``
        the sum of the cosines between an item's users and those of the items that the user has, over each item's 200
        nearest (Sarwar et al. 2001, WWW 10, section 3.1);
    ``EASE``
        the linear model of items by all other items that has a closed form (Steck 2019, arXiv:1905.03375, eq. 8), with
        L2 penalty 250. It inverts a matrix of items x items.

    A trained model that stays below one of them is not worth its training: longer training, another learning rate or
    loss may help, or the baseline is to be taken. Where users have few items each, item-kNN and EASE are hard to beat.

    Args:
        train_edges: What is known: a bipartite graph of either host.
        test_edges: What is to be found, ``(2, T)``, user ids above item ids, as for :func:`ge.evaluate.recommendation`.
        k: Length of the lists; at most the number of items.
        num_users: Number of users of an untyped graph, whose ids come first.
        user_type: Node type of the users of a typed graph, where edges in both directions leave it open.
        names: Which; None for all, EASE only up to 10,000 items and where its matrix fits into memory.

    Returns:
        The metrics of each.

    Raises:
        InputError: As :func:`ge.evaluate.recommendation`; or EASE asked for by name where its matrix does not fit.

    Example:
        >>> edges = {("user", "buys", "item"): torch.tensor([[0, 0, 1, 1, 2], [0, 1, 0, 1, 0]])}
        >>> found = recommendation_baselines(edges, torch.tensor([[2], [1]]), k=1)
        >>> found["popularity"]["recall@1"], found["item-kNN"]["recall@1"], found["EASE"]["recall@1"]
        (1.0, 1.0, 1.0)
    """
    known = train_edges
    if not isinstance(known, Interactions):
        known = interactions(registry.view(train_edges), user_type, num_users)
    count = len(known.sides.items)
    if names is None:
        names = tuple(name for name in BASELINES if name != "EASE" or _ease_fits(count))
    chosen = [checks.choice("names", name, BASELINES) for name in checks.several("names", names, "names")]

    def lists(name: str) -> Callable[[Tensor], Tensor]:
        return lambda users: recommended_by(name, known, users, k)

    return {name: judge(known, test_edges, k, lists(name)) for name in chosen}


def recommended_by(name: str, known: Interactions, users: Tensor, k: int) -> Tensor:
    """The ``k`` best new items of some users (rows of the joint table) by a baseline, as positions among the items.

    Returns:
        ``(U, k)``, best first, of equal scores the lower position; -1 where a user has no item left.

    Example:
        >>> from graphembed_ext.graph.interactions import Sides
        >>> known = Interactions(Sides(range(2), range(2, 5)), torch.tensor([0, 0, 1]), torch.tensor([2, 4, 4]))
        >>> recommended_by("popularity", known, torch.tensor([0, 1]), 2)
        tensor([[ 1, -1],
                [ 0,  1]])
    """
    checks.choice("names", name, BASELINES)
    count = len(known.sides.items)
    if checks.integer("k", k) > count:
        raise InputError("k", k, f"at most {count}, the number of items")
    matrix = _matrix(known)
    scores = BASELINES[name](matrix)
    found = torch.full((len(users), k), -1)
    ids = (users.cpu() - known.sides.users.start).numpy()
    for part in _parts(len(ids), count):
        rows = matrix[ids[part]]
        banned = rows.indptr.astype(np.int64), rows.indices.astype(np.int64)
        keep_best(scores(rows), 0, banned, found[part].numpy(), np.full((rows.shape[0], k), -np.inf))
    return found


def _parts(rows: int, width: int) -> Iterator[slice]:
    size = max(1, _SCORES // max(1, width))
    for first in range(0, rows, size):
        yield slice(first, first + size)


def _matrix(known: Interactions) -> Any:
    """Users above items, 1 for a pair that occurs."""
    import scipy.sparse as sp

    users = (known.users.cpu() - known.sides.users.start).numpy()
    items = (known.items.cpu() - known.sides.items.start).numpy()
    shape = len(known.sides.users), len(known.sides.items)
    matrix = sp.csr_matrix((np.ones(len(users)), (users, items)), shape=shape)
    matrix.data[:] = 1  # repeated pairs have been added up
    return matrix


def _popularity(matrix: Any) -> _Scorer:
    amount = np.asarray(matrix.sum(0)).reshape(1, -1)
    return lambda rows: np.repeat(amount, rows.shape[0], 0)


def _item_knn(matrix: Any) -> _Scorer:
    import scipy.sparse as sp

    amount = np.asarray(matrix.sum(0)).ravel()
    unit = matrix @ sp.diags(1 / np.sqrt(np.maximum(amount, 1)))
    columns = unit.T.tocsr()
    nearest = []
    for part in _parts(columns.shape[0], columns.shape[0]):
        near = (columns[part] @ unit).tocsr()
        itself = np.repeat(np.arange(near.shape[0]), np.diff(near.indptr)) + part.start
        near.data[near.indices == itself] = 0
        nearest.append(_largest(near, _NEIGHBORS))
    weights = sp.vstack(nearest).T.tocsr()
    return lambda rows: (rows @ weights).toarray()


def _largest(matrix: Any, count: int) -> Any:
    """The matrix with the ``count`` largest entries of every row alone, of equal ones the first."""
    import scipy.sparse as sp

    matrix.eliminate_zeros()
    matrix.sort_indices()
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    order = np.lexsort((matrix.indices, -matrix.data, rows))
    place = np.arange(len(order)) - matrix.indptr[rows[order]]
    kept = order[place < count]
    return sp.csr_matrix((matrix.data[kept], (rows[kept], matrix.indices[kept])), shape=matrix.shape)


def _ease_fits(items: int) -> bool:
    return items <= _EASE_ITEMS and 3 * 8 * items**2 < memory.available()


def _ease(matrix: Any, penalty: float = 250.0) -> _Scorer:
    count = matrix.shape[1]
    memory.check_room("names", "EASE", 3 * 8 * count**2, f"a matrix of {count} x {count} items", "leave EASE out")
    gram = (matrix.T @ matrix).toarray()
    gram[np.diag_indices(count)] += penalty
    inverse = np.linalg.inv(gram)
    weights = inverse / -np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return lambda rows: rows @ weights


#: What makes the scores of each.
BASELINES: dict[str, Callable[[Any], _Scorer]] = {
    "popularity": _popularity,
    "item-kNN": _item_knn,
    "EASE": _ease,
}
