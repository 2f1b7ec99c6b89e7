"""What somebody may have meant by a name that is none."""

from __future__ import annotations

import difflib
import functools
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

from ..errors import ArgumentError

__all__ = ["check_names", "did_you_mean", "nearest", "spelt"]

#: What others call arguments that are known here.
_ELSEWHERE = {"learning_rate": "lr", "n_epochs": "epochs", "num_epochs": "epochs", "max_epochs": "epochs"}
_ELSEWHERE |= {"dim": "emb_dim", "dimensions": "emb_dim", "vector_size": "emb_dim", "window": "window_size"}
_ELSEWHERE |= {"verbose": "progress", "random_state": "seed", "workers": "threads"}

_UNEXPECTED = re.compile(r"unexpected keyword argument '(\w+)'")
F = TypeVar("F", bound=Callable[..., Any])


def nearest(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """Known names that a name may stand for, best first: those that differ in case alone, or else those alike.

    Example:
        >>> nearest("ann", ["Dan", "Ann", "Hanna"]), nearest("dann", ["Dan", "Bob"])
        (['Ann'], ['Dan'])
    """
    by_low: dict[str, list[str]] = {}
    for entry in known:
        by_low.setdefault(entry.lower(), []).append(entry)
    low = name.lower()
    found = [low] if low in by_low else difflib.get_close_matches(low, by_low, count)
    return [entry for key in found for entry in by_low[key]][:count]


def did_you_mean(name: str, known: Iterable[str], count: int = 3) -> str:
    """A hint that names them; empty where nothing is near.

    Example:
        >>> did_you_mean("deepwlk", ["deepwalk", "han"])
        "did you mean 'deepwalk'"
    """
    known = list(known)
    meant = _ELSEWHERE.get(name)
    found = [meant] if meant in known else nearest(name, known, count)
    return f"did you mean {' or '.join(map(repr, found))}" if found else ""


def check_names(given: Mapping[str, Any], known: Iterable[str], expected: str) -> None:
    """Raise for the first keyword argument that is none of those known.

    Args:
        given: Keyword arguments.
        known: Names there are.
        expected: What they are, such as ``"an argument of DeepWalk"``; the names are listed after it.

    Raises:
        ArgumentError: With the name that may have been meant.
    """
    names = list(known)
    for name, value in given.items():
        if name not in names:
            raise ArgumentError(name, value, f"{expected}: {', '.join(names)}", did_you_mean(name, names, 1))


def spelt(*further: Callable[..., Any]) -> Callable[[F], F]:
    """Decorate a function, or a constructor, whose misspelt keyword arguments are to be met with what was meant.

    Args:
        *further: What takes the arguments that it hands on as ``**kwargs``.

    Example:
        >>> @spelt()
        ... def train(epochs=1):
        ...     return epochs
        >>> try:
        ...     train(epoch=2)
        ... except TypeError as error:
        ...     print(error)
        epoch: got 2; expected an argument of train: epochs. Hint: did you mean 'epochs'.
    """

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            except TypeError as error:
                if isinstance(error, ArgumentError):
                    raise
                found = _UNEXPECTED.search(str(error))
                lacking = f"{function.__qualname__}() missing " in str(error)  # where **kwargs took it
                known = dict.fromkeys(name for taker in (function, *further) for name in _keywords(taker))
                named = [found[1]] if found is not None else list(kwargs) if lacking else []
                given = {name: kwargs[name] for name in named if name in kwargs and name not in known}
                if not given:  # of another function inside
                    raise
            check_names(given, known, f"an argument of {_called(function)}")  # outside: Python's own error says less
            raise AssertionError("a name that the function has was not expected")

        return cast(F, call)

    return decorate


def _keywords(function: Any) -> list[str]:
    """Names by which a function, or the constructors of a class and its bases, take arguments."""
    if isinstance(function, type):
        return [
            name for cls in function.__mro__ if "__init__" in vars(cls) for name in _keywords(vars(cls)["__init__"])
        ]
    try:
        parameters = inspect.signature(function).parameters
    except ValueError:  # of no Python function
        return []
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [name for name, p in parameters.items() if p.kind in named and name not in ("self", "cls")]


def _called(function: Callable[..., Any]) -> str:
    """What a user calls it: a class, where it is a constructor."""
    return function.__qualname__.removesuffix(".__init__")
