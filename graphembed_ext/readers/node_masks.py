"""Which labelled nodes are trained, validated and tested on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from .._core import rng
from ..graph.features import LABEL_NAMES

__all__ = ["put_masks"]

_SPLIT = (0.6, 0.2, 0.2)


def put_masks(
    features: dict[str, Tensor],
    kind: str,
    y: Any,
    count: int,
    *,
    parts: Mapping[str, Tensor],
    shares: Sequence[float] | None,
    seed: int,
    notes: list[str],
) -> None:
    """Put labels and masks of a node type among its features, unless they are there.

    Args:
        features: Features of the type, added to.
        kind: The node type.
        y: Classes, ``(N,)``, or a sparse 0/1 matrix.
        count: Number of nodes.
        parts: Ids of ``train``, ``val`` and ``test`` where a file has them.
        shares: Parts of the labelled nodes; None keeps masks that are there, or splits 60, 20 and 20 %.
        seed: Fixes the split.
        notes: Told how the nodes were split.
    """
    if features.keys().isdisjoint(LABEL_NAMES):
        features["y"] = torch.from_numpy(y.toarray()).float() if hasattr(y, "toarray") else y
    if shares is None and not parts and "train_mask" in features:
        return
    if not parts:
        parts = _random_parts(kind, y, _SPLIT if shares is None else shares, seed)
        shown = ", ".join(f"{len(part)} {name}" for name, part in parts.items())
        notes.append(f"labelled nodes split at random into {shown}")
    for part in ("train", "val", "test"):
        mask = torch.zeros(count, dtype=torch.bool)
        mask[parts.get(part, torch.empty(0, dtype=torch.int64))] = True
        features[f"{part}_mask"] = mask


def _random_parts(kind: str, y: Any, shares: Sequence[float], seed: int) -> dict[str, Tensor]:
    """The labelled nodes of a type, in parts of the given shares."""
    labelled = torch.from_numpy(y.getnnz(1)) > 0 if hasattr(y, "getnnz") else y >= 0
    ids = labelled.nonzero().squeeze(1)
    order = ids[torch.randperm(len(ids), generator=rng.generator(rng.key(seed, "split", kind)))]
    first, second = (round(len(ids) * sum(shares[:end])) for end in (1, 2))
    last = round(len(ids) * min(1.0, sum(shares)))
    return {"train": order[:first], "val": order[first:second], "test": order[second:last]}
