"""What a network of layers takes from PyG beside the layers: activations, norms, jumping knowledge, trimming."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from torch import nn
from torch_geometric.nn.models.jumping_knowledge import JumpingKnowledge
from torch_geometric.nn.resolver import activation_resolver, normalization_resolver
from torch_geometric.utils import trim_to_layer

from .sage import is_native
from .unchanged import plainly

__all__ = ["activation", "jumping_knowledge", "may_overwrite", "normalisation", "takes_batch", "trim_to_layer"]


def activation(act: Any, act_kwargs: Mapping[str, Any] | None) -> Any:
    """An activation by name, as PyG names them; None for none."""
    return activation_resolver(act, **(act_kwargs or {}))


def normalisation(norm: Any, channels: int, norm_kwargs: Mapping[str, Any] | None) -> nn.Module:
    """A normalisation by name, as PyG names them; the identity for None."""
    return normalization_resolver(norm, channels, **(norm_kwargs or {})) or nn.Identity()


def takes_batch(norm: nn.Module) -> bool:
    """Whether a normalisation tells the graphs of a batch apart."""
    return "batch" in inspect.signature(norm.forward).parameters


def jumping_knowledge(mode: str, channels: int, layers: int) -> nn.Module:
    """PyG's ``JumpingKnowledge``."""
    return JumpingKnowledge(mode, channels, layers)


def may_overwrite(conv: Any, norm: nn.Module, act: Any) -> bool:
    """Whether an activation may write over a layer's output, which nobody else has seen: a pass over memory less."""
    if not is_native(conv) or conv.normalize or not conv.is_as_written():
        return False
    return plainly(act, nn.ReLU) and plainly(norm, nn.Identity)
