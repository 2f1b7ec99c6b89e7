"""Typed layers and models as programs of tensors, which know no dicts."""

from __future__ import annotations

import torch
from torch import nn

METADATA = ["a", "b"], [("a", "to", "b"), ("b", "to", "a"), ("a", "with", "a")]


class OfTensors(nn.Module):
    """A typed layer or model, called with tensors alone."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x, edges):
        out = self.inner({"a": x, "b": x.sin()}, dict.fromkeys(METADATA[1], edges))
        return torch.cat([part for part in out.values() if part is not None])
