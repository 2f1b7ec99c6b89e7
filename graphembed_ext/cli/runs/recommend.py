"""Recommending from the files of a LightGCN run: embeddings, and the record that names the graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...embeddings.vectors import Embeddings
from ...errors import FileFormatError, InputError
from ...evaluate.baselines import recommendation_baselines
from ...evaluate.ranking import list_length, ranking_metrics, unseen
from ...evaluate.scores import Scores
from ...graph.interactions import Interactions, interactions
from ...graph.view import NODE_TYPE
from ...nn.ops.top_k import top_k
from ...readers.graph_file import GraphFile
from ...readers.pairs import pairs_of_names
from .records import Run

__all__ = ["SavedRecommender"]


#: Users whose items are ranked at once.
_USERS = 4096
#: Items for each user where nobody says how many: to be read, and to be judged by.
_USUAL, _JUDGED = 10, 20


class SavedRecommender:
    """The vectors of users and items after propagation, and who has which items.

    Args:
        emb: The embeddings.
        path: Their file; the record stands beside it.

    Raises:
        FileFormatError: No record, or an input that is no longer there.
        InputError: Embeddings of another model than lightgcn, or of another graph than the input has now.
    """

    def __init__(self, emb: Embeddings, path: Path) -> None:
        run = Run.of(path)
        sides = run.record.get("sides")
        if sides is None:
            raise InputError("embedding", f"{path}, of {run.record['model']}", "embeddings trained by lightgcn")
        self._emb = emb
        self.source: GraphFile = run.graph
        num_users = None if sides["user"] else sides["num_users"]
        self.known: Interactions = interactions(self.source.view, sides["user"] or None, num_users)
        if self.known.sides.num_nodes != len(emb):
            raise InputError(
                "embedding",
                f"{path}, of {len(emb)} nodes",
                f"embeddings of the {self.known.sides.num_nodes} nodes of {run.job.input}",
                "the input has changed since: train again",
            )

    def recommend(
        self, users: Sequence[str], k: int | None, *, known: bool = False
    ) -> dict[str, list[tuple[Any, float]]]:
        """The ``k`` best items of each user, with their scores, best first.

        Args:
            users: Names, or ids as text.
            k: How many; None for 10, or all where there are fewer.
            known: Whether items that a user has already may come out.
        """
        return dict(self.lists(users, k, known=known))

    @property
    def item_type(self) -> str:
        """Node type of the items."""
        return self._kinds[1]

    @property
    def users(self) -> list[str]:
        """All users, by name or else by id."""
        names = self._names(0)
        return list(names) if names is not None else [str(user) for user in range(len(self.known.sides.users))]

    def lists(
        self, users: Sequence[str], k: int | None, *, known: bool
    ) -> Iterator[tuple[str, list[tuple[Any, float]]]]:
        """What :meth:`recommend` finds, user by user, so many of them at once as fit in memory."""
        ids = torch.tensor([self._user(user) for user in users], dtype=torch.int64)
        k = list_length(k, _USUAL, len(self.known.sides.items))
        names = self._names(1)
        for start in range(0, len(users), _USERS):
            found, scores = self.top(ids[start : start + _USERS], k, known=known)
            for user, items, values in zip(users[start:], found.tolist(), scores.tolist(), strict=False):
                kept = [(item, score) for item, score in zip(items, values, strict=True) if item >= 0]
                yield user, [(names[item] if names else item, score) for item, score in kept]

    def evaluate(
        self,
        path: Path,
        k: int | None = None,
        reading: Mapping[str, Any] | None = None,
        notes: list[str] | None = None,
        *,
        references: bool = False,
    ) -> Scores:
        """Metrics of the lists of all users with held-out pairs, which a file names.

        Args:
            path: The file.
            k: Length of the lists; None for 20, or for all items where there are fewer.
            reading: How it is to be read, see :func:`graphembed_ext.readers.read_pairs`.
            notes: Told how many pairs of unknown users or items are left out; None refuses them.
            references: Whether the scores have those of popularity, item-kNN and EASE beside them.
        """
        pairs = self._pairs(path, reading or {}, notes)
        users, items = self.known.sides.pairs(pairs, "test")
        asked, row = torch.unique(users, return_inverse=True)
        first = self.known.sides.items.start
        unseen(self.known, pairs, "test", "those that were trained on")
        k = list_length(k, _JUDGED, len(self.known.sides.items))
        found, _ = self.top(asked - self.known.sides.users.start, k, known=False)
        truth = torch.unique(torch.stack([row, items - first]), dim=1)
        scores = Scores([ranking_metrics(found, truth, len(self.known.sides.items))])
        if references:
            beside = recommendation_baselines(self.known, pairs, k)
            scores.references = {name: Scores([figures]) for name, figures in beside.items()}
        return scores

    def _pairs(self, path: Path, how: Mapping[str, Any], notes: list[str] | None) -> Tensor:
        """Pairs of a file by id, users above."""
        names = [self._names(0), self._names(1)]
        counts = [self.source.view.num_nodes[kind] for kind in self._kinds]
        try:
            return pairs_of_names(path, names, counts, notes=notes, **how)
        except FileFormatError as error:
            try:
                pairs_of_names(path, names[::-1], counts[::-1], **how)
            except FileFormatError:
                raise error from None
            raise InputError(
                "test", f"{path}, where items stand before users", "users in the first column, items in the second"
            ) from error

    def top(self, users: Tensor, k: int, *, known: bool) -> tuple[Tensor, Tensor]:
        """Positions of the best items among all items, and their scores, each ``(U, k)``."""
        sides = self.known.sides
        rows = users + sides.users.start
        banned = None if known else self.known.items_of(rows)
        items = self._emb.tensor[sides.items.start : sides.items.stop]
        found = top_k(self._emb.tensor[rows], items, k, banned)
        return found.items, found.scores

    @property
    def _kinds(self) -> tuple[str, str]:
        sides = self.known.sides
        return sides.user_type or NODE_TYPE, sides.item_type or NODE_TYPE

    def _names(self, side: int) -> list[str] | None:
        return (self.source.names or {}).get(self._kinds[side])

    def _user(self, user: str) -> int:
        names, kind = self._names(0), self._kinds[0]
        if names is None and user.isdigit():
            return self._emb.id_of(int(user), kind)
        items = self._names(1)
        if names is not None and user not in names and items is not None and user in items:
            raise InputError(
                "users",
                f"{user}, which is the name of an item",
                "names of users",
                f"graphembed neighbors lists the items that are like it: --type {self._kinds[1]}",
            )
        return self._emb.id_of(user, kind)  # says what names there are
