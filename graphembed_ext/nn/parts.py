"""What a network of layers takes from PyG beside the layers: activations, norms, jumping knowledge, trimming."""

from __future__ import annotations

import inspect
import types
from collections.abc import Mapping
from typing import Any

from torch import fx, nn
from torch_geometric.loader import NeighborLoader
from torch_geometric.nn.models.basic_gnn import BasicGNN
from torch_geometric.nn.models.jumping_knowledge import JumpingKnowledge
from torch_geometric.nn.resolver import activation_resolver, normalization_resolver
from torch_geometric.typing import Adj
from torch_geometric.utils import trim_to_layer
from torch_geometric.utils._trim_to_layer import TrimToLayer

from .._core import checks
from ..errors import InputError
from .sage import is_native
from .unchanged import plainly

__all__ = [
    "Adj",
    "BasicGNN",
    "NeighborLoader",
    "TrimToLayer",
    "activation",
    "is_symbolic",
    "jumping_knowledge",
    "may_overwrite",
    "normalisation",
    "renamed",
    "takes_batch",
    "trim_to_layer",
]


def activation(act: Any, act_kwargs: Mapping[str, Any] | None) -> Any:
    """An activation by name, as PyG names them; None for none."""
    return _resolved("act", act, activation_resolver, (), act_kwargs)


def normalisation(norm: Any, channels: int, norm_kwargs: Mapping[str, Any] | None) -> nn.Module:
    """A normalisation by name, as PyG names them; the identity for None."""
    found = _resolved("norm", norm, normalization_resolver, (channels,), norm_kwargs)
    if found is None:
        return nn.Identity()
    return checks.instance("norm", found, nn.Module, "the name of a normalisation, as PyG names them, or a module")


def _resolved(argument: str, given: Any, resolve: Any, sizes: tuple[Any, ...], options: Any) -> Any:
    """What PyG makes of a name and arguments."""
    if given is not None and not isinstance(given, str) and not callable(given):
        raise InputError(argument, given, "a name as PyG has it, a module, or None")
    options = {} if options is None else checks.mapping(f"{argument}_kwargs", options, "a dict of arguments by name")
    for name in options:
        checks.text(f"{argument}_kwargs", name, "names of arguments")
    try:
        return resolve(given, *sizes, **options)
    except (TypeError, ValueError, RuntimeError) as error:
        with_ = f" with {dict(options)}" if options else ""
        raise InputError(argument, f"{given!r}{with_} ({error})", "a name and arguments as PyG has them") from error


def takes_batch(norm: nn.Module) -> bool:
    """Whether a normalisation tells the graphs of a batch apart."""
    return "batch" in inspect.signature(norm.forward).parameters


def jumping_knowledge(mode: str, channels: int, layers: int) -> nn.Module:
    """PyG's ``JumpingKnowledge``."""
    return JumpingKnowledge(mode, channels, layers)


def is_symbolic(x: Any) -> bool:
    """Whether ``torch.fx`` traces a program with this in the place of a tensor, as PyG's ``to_hetero`` does."""
    return isinstance(x, fx.Proxy)


def renamed(method: Any, name: str) -> Any:
    """A method under another name, by which TorchScript tells it from one that a subclass has in its place."""
    copied = types.FunctionType(method.__code__, method.__globals__, name, method.__defaults__, method.__closure__)
    copied.__annotations__, copied.__doc__ = method.__annotations__, method.__doc__
    return copied


def may_overwrite(conv: Any, norm: nn.Module, act: Any) -> bool:
    """Whether an activation may write over a layer's output, which nobody else has seen: a pass over memory less."""
    if not is_native(conv) or conv.normalize or not conv.is_as_written():
        return False
    return plainly(act, nn.ReLU) and plainly(norm, nn.Identity)
