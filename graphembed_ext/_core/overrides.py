"""Methods that a user's class has in place of ours: what trains and embeds a model calls them, or says it does not.

A method is passed over where a faster road leads past it. Whoever takes one asks here first.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from ..errors import InputError

__all__ = ["accepted", "overridden", "refuse_overridden", "remembered", "rewritten", "warn_overridden"]

T = TypeVar("T", bound=type)
_PACKAGE = __name__.partition(".")[0]
#: Of each class with a fast path, its methods as they were written.
_written: dict[type, dict[str, Any]] = {}


def remembered(*names: str) -> Callable[[T], T]:
    """Decorate a class whose fast path passes over these of its methods: they are remembered as they were written."""

    def remember(cls: T) -> T:
        _written[cls] = {name: getattr(cls, name) for name in names}
        return cls

    return remember


def rewritten(thing: Any, base: type) -> bool:
    """Whether an object, or its class, has other methods than those :func:`remembered` of ``base``.

    What every call of a fast path asks; unlike :func:`overridden` it also notices a method that was set on ``base``
    itself.
    """
    cls, own = type(thing), thing.__dict__
    # A loop takes half the time of a generator, and every call asks.
    for name, method in _written[base].items():  # noqa: SIM110
        if name in own or getattr(cls, name) is not method:
            return True
    return False


def overridden(thing: Any, *names: str) -> list[str]:
    """Those of some methods that the object, or a class from outside this package, has in place of one of ours.

    Example:
        >>> import torch, graphembed_ext as ge
        >>> model = ge.DeepWalk(torch.tensor([[0, 1], [1, 0]]), 4, walk_length=6)
        >>> model.sample = lambda indices: torch.zeros(len(indices), 6, dtype=torch.int64)
        >>> overridden(model, "sample", "loss")
        ['sample']
    """
    return [name for name in names if _replaced(thing, name)]


def _replaced(thing: Any, name: str) -> bool:
    owners = [cls for cls in type(thing).__mro__ if name in cls.__dict__]
    ours = [cls for cls in owners if _is_ours(cls)]
    if not ours:
        return False
    return name in getattr(thing, "__dict__", {}) or owners[0] is not ours[0]


def _is_ours(cls: type) -> bool:
    return cls.__module__.partition(".")[0] == _PACKAGE


def refuse_overridden(thing: Any, names: tuple[str, ...], what: str, hint: str) -> None:
    """Raise where one of some methods is overridden.

    Args:
        thing: The model.
        names: The methods.
        what: What does not call them, such as ``"ge.fit"``.
        hint: The way out.

    Raises:
        InputError: The first of those methods.
    """
    for name in overridden(thing, *names):
        raise InputError(
            "model", f"a {type(thing).__name__} that overrides {name}", f"the {name} of the class, as {what}", hint
        )


def warn_overridden(thing: Any, names: tuple[str, ...], what: str, hint: str) -> None:
    """Warn of the first of some methods that is overridden; arguments as for :func:`refuse_overridden`."""
    for name in overridden(thing, *names)[:1]:
        text = f"{type(thing).__name__} overrides {name}, but {what}. Hint: {hint}."
        warnings.warn(text, UserWarning, stacklevel=4)


def accepted(function: Callable[..., Any], **options: Any) -> dict[str, Any]:
    """Those of some keyword arguments that a function takes: an overriding method may have fewer than ours.

    Example:
        >>> accepted(lambda walks, preset: 0, preset="dgl", stream=3)
        {'preset': 'dgl'}
    """
    parameters = inspect.signature(function).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return options
    return {name: value for name, value in options.items() if name in parameters}
