"""Gowalla as LightGCN-PyTorch splits it: pairs of user and item ids, and the typed graph of the training pairs."""

from __future__ import annotations

import numpy as np
import torch

from benchmarks.harness import data_root

NUM_USERS, NUM_ITEMS = 29_858, 40_981


def pairs(part: str) -> torch.Tensor:
    """``train`` or ``test``, ``(2, E)``: user ids above item ids."""
    users, items = [], []
    for line in (data_root() / "lightgcn" / "gowalla" / f"{part}.txt").read_text().splitlines():
        user, *touched = map(int, line.split())
        users += [user] * len(touched)
        items += touched
    return torch.from_numpy(np.array([users, items]))


def graph(edges: torch.Tensor):
    import graphembed_ext as ge

    return ge.view({("user", "buys", "item"): edges}, num_nodes={"user": NUM_USERS, "item": NUM_ITEMS})
