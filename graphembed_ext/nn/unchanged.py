"""Whether a fast path may stand in for the plain one: nobody may tell the difference but by the clock.

Every fast path asks here, of three things. The *tensors* and the moment: nothing compiles, traces, transforms or fakes
them (:func:`eager`). A *submodule* whose weights it reads instead of calling it: that it is the plain one, without
hooks (:func:`plainly`). The *layer* itself: that no step of its message passing was overridden, hooked or explained
(:func:`unchanged`). Where the answer is no, the plain path serves, step by step as PyG's.
"""

from __future__ import annotations

import contextlib
import inspect
import weakref
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn.modules import module as _module
from torch_geometric.nn import MessagePassing

from .._core.overrides import rewritten

__all__ = ["STEPS", "aggregates", "asked_as_pygs", "eager", "own_propagate", "plainly", "unchanged"]

#: Steps of message passing that a fast path does not call.
STEPS = (
    "message",
    "aggregate",
    "update",
    "message_and_aggregate",
    "edge_update",
    "edge_updater",
    "explain_message",
)
_HOOKS = tuple(
    f"_{step}_forward_{kind}"
    for step in ("propagate", "message", "aggregate", "message_and_aggregate", "edge_update")
    for kind in ("pre_hooks", "hooks")
)
#: The aggregation that a name of ``aggr`` stands for.
_AGGREGATIONS = {
    "mean": "MeanAggregation",
    "sum": "SumAggregation",
    "add": "SumAggregation",
    "max": "MaxAggregation",
    "min": "MinAggregation",
}
_PLAIN_TENSORS = (Tensor, nn.Parameter)


def own_propagate(layer: MessagePassing) -> None:
    """Let a subclass whose ``propagate`` PyG could not compile have the one that asks its methods what they take.

    PyG writes a class's ``propagate`` from the signatures of its methods, with its first object. Where annotations
    disagree (an overridden ``message`` without any, say) it leaves the one that the base class had compiled, which
    hands over what the base's methods take. A layer's constructor calls this after PyG's.
    """
    cls = type(layer)
    if "propagate" not in cls.__dict__ and cls.propagate.__module__.endswith("_propagate"):
        cls.propagate = MessagePassing.propagate


def asked_as_pygs(layer: MessagePassing, *more: str) -> contextlib.AbstractContextManager[None]:
    """In this block, a ``message`` that was set on the object itself is handed what PyG's class would hand it.

    PyG hands over what the method of the class takes; ours takes more.

    Args:
        layer: The layer.
        *more: Arguments of our class's method that PyG's lacks; given to those who name them, or take ``**kwargs``.
    """
    own = "message" in layer.__dict__ and not torch.compiler.is_compiling()
    return _handed(layer, more) if own else contextlib.nullcontext()


@contextlib.contextmanager
def _handed(layer: MessagePassing, more: tuple[str, ...]) -> Iterator[None]:
    method: Any = layer.__dict__["message"]
    taken = inspect.signature(method).parameters
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken.values()):
        left_out = {name for name in more if name not in taken}
        layer.__dict__["message"] = lambda **given: method(**{k: v for k, v in given.items() if k not in left_out})
    try:
        yield
    finally:
        layer.__dict__["message"] = method


def eager(*tensors: Any) -> bool:
    """Whether compiled kernels may work on tensors: they are what they seem, and no one looks at operators.

    Args:
        *tensors: Tensors; None, and what is no tensor, is passed over.

    Returns:
        False under ``torch.compile``, ``torch.export`` and ``torch.jit.trace``, in forward-mode differentiation and the
        transforms of ``torch.func``, under modes such as fake tensors; and for meta and complex tensors and subclasses.

    Example:
        >>> eager(torch.ones(2)), eager(torch.ones(2, device="meta"))
        (True, False)
        >>> torch.func.vmap(lambda x: x * eager(x))(torch.ones(2))
        tensor([0., 0.])
    """
    if torch.compiler.is_compiling():
        return False
    if torch._C._get_tracing_state() is not None or torch._C._len_torch_dispatch_stack():
        return False
    if torch._C._functorch.peek_interpreter_stack() is not None or forward_ad._current_level >= 0:
        return False
    for x in tensors:
        if isinstance(x, Tensor) and (type(x) not in _PLAIN_TENSORS or x.is_meta or x.is_complex()):
            return False
    return True


def plainly(module: nn.Module, *classes: type) -> bool:
    """Whether calling a module does what its class, one of these, is written to do, and nothing else.

    A subclass may do anything; so may a parametrised module, whose class is made for it, and one with hooks. A layer
    that does not know its size yet has a hook, too.

    Example:
        >>> layer = nn.Linear(2, 2)
        >>> plainly(layer, nn.Linear)
        True
        >>> _ = nn.utils.parametrizations.weight_norm(layer)
        >>> plainly(layer, nn.Linear)
        False
    """
    if type(module) not in classes or "forward" in module.__dict__ or _module._has_any_global_hook():  # type: ignore[no-untyped-call]
        return False
    return not (
        module._forward_hooks or module._forward_pre_hooks or module._backward_hooks or module._backward_pre_hooks
    )


def unchanged(module: Any, base: type) -> bool:
    """Whether a layer passes messages as ``base`` is written to, and nobody watches it do so.

    Args:
        module: A layer of PyG's ``MessagePassing``.
        base: The class of ours, :func:`~graphembed_ext._core.overrides.remembered`, that it is of, or derived from.
    """
    own = module.__dict__
    if not eager() or own["_explain"] or own["_decomposed_layers"] != 1 or rewritten(module, base):
        return False
    for hooks in _HOOKS:
        if own[hooks]:
            return False
    return _propagates(module, own)


def aggregates(module: Any) -> bool:
    """Whether a layer's aggregation is the plain one that its ``aggr`` names, one of sum, mean, max and min."""
    aggregation = module.aggr_module
    named = isinstance(module.aggr, str) and type(aggregation).__name__ == _AGGREGATIONS.get(module.aggr)
    return named and plainly(aggregation, type(aggregation))


def _propagates(module: Any, own: dict[str, Any]) -> bool:
    """Whether ``propagate`` is PyG's. PyG writes one for each class, when the first object is made, and puts it there;
    and into an object that was explained."""
    cls = type(module)
    if "propagate" in own and getattr(own["propagate"], "__func__", None) is not getattr(cls, "_jinja_propagate", None):
        return False
    found = _found.get(cls)
    if found is None or found[0] is not cls.propagate:
        found = _found[cls] = cls.propagate, _is_pygs(cls)
    return found[1]


#: Of each class of layers, its ``propagate`` and whether that is PyG's.
_found: weakref.WeakKeyDictionary[type, tuple[Any, bool]] = weakref.WeakKeyDictionary()


def _is_pygs(cls: type) -> bool:
    for owner in cls.__mro__:
        there = owner.__dict__
        if "propagate" in there:
            written = there.get("_jinja_propagate")
            generated = there["propagate"] is written and written is not there.get("_orig_propagate")
            return generated or owner.__module__.startswith("torch_geometric.")
    return False
