"""The state of a training in a file: written whole, and taken up whole by the training that it belongs to."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor, nn

from .._core.files import pack, previous_of, whole
from .._core.loading import brief, load
from ..distributed.folders import Folder
from ..distributed.group import ALONE, Group
from ..errors import FileFormatError

__all__ = ["BEGUN", "Part", "State", "read_state"]

#: Where a trainer's state has what there is of an epoch that is not over.
BEGUN = "begun"

#: How many of the things that differ an error names.
_NAMED = 3


class Part(Protocol):
    """What has a state beside the model: the optimiser, the best weights so far."""

    def state_dict(self) -> dict[str, Any]:
        """The state."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a state; where that cannot be, raise and change nothing."""


class State:
    """What is kept of a training, and what it belongs to.

    Args:
        path: The file.
        settings: Its settings; more ``epochs`` than before are the same training.
        belongs_to: Fingerprint of model, graph, labels and splits (:mod:`graphembed_ext.training.fingerprint`).
        model: The model.
        optimizer: What trains it.
        best: The best weights so far; None where nothing validates.
        group: The processes that train together; where a launcher has started them, the path is that of a folder.
    """

    def __init__(
        self,
        path: Path,
        settings: dict[str, Any],
        belongs_to: dict[str, Any],
        model: nn.Module,
        optimizer: Part,
        best: Part | None,
        group: Group = ALONE,
    ) -> None:
        self._path, self._settings, self._belongs_to = path, settings, belongs_to
        self._store: _File | Folder = _File(path)
        if group is not ALONE or path.is_dir():
            self._store = Folder(path, group)
        self._model, self._optimizer, self._best = model, optimizer, best

    def save(self, history: list[dict[str, float]]) -> None:
        """Write the state after an epoch, or within one; the one before stays in place until this one is whole, and
        beside it then.

        Raises:
            FileWriteError: It cannot be written; the states before are as they were.
        """
        now = self._now()
        within = now["optimizer"].get(BEGUN)
        name = f"state-{len(history):06d}" + (f"-{len(within['losses']):09d}" if within else "")
        state = {"config": self._settings, "belongs_to": self._belongs_to, "history": history}
        self._store.write(state | now, name)

    def resume(self, force: bool) -> list[dict[str, float]]:
        """Take up the state in the file, where there is one, all of it or nothing; returns its history.

        Args:
            force: Whether to take up the state of another training, too.

        Raises:
            FileFormatError: No state of fit; that of another training; weights of other sizes.
        """
        if not self._store.exists():
            return []
        state = self._store.read(self._now())
        if not force:
            self._compare(state)
        try:
            self._load(state)
        except (KeyError, RuntimeError, ValueError, AttributeError, TypeError) as error:
            raise FileFormatError(
                "checkpoint", f"{self._path} ({error})", "one of a model of the same sizes"
            ) from error
        history: list[dict[str, float]] = state["history"]
        return history

    def _now(self) -> dict[str, Any]:
        """What changes from epoch to epoch."""
        state = {"model": self._model.state_dict(), "optimizer": self._optimizer.state_dict()}
        return state if self._best is None else {**state, "best": self._best.state_dict()}

    def _compare(self, state: Mapping[str, Any]) -> None:
        found = {**state.get("belongs_to", {}), **state["config"]}
        wanted = {**self._belongs_to, **self._settings}
        more_epochs = found.get("epochs", 0) <= wanted["epochs"]
        names = dict.fromkeys((*self._belongs_to, *self._settings, *found))
        other = [name for name in names if found.get(name) != wanted.get(name)]
        other = [name for name in other if name != "epochs" or not more_epochs]
        if other:
            raise FileFormatError(
                "checkpoint",
                f"{self._path}, which was trained with {_listed(found, other)}",
                f"one of a training with {_listed(wanted, other)}",
                "repeat model, graph and arguments to resume, choose another name to start anew, or go on "
                "nevertheless with resume='force'",
            )

    def _load(self, state: Mapping[str, Any]) -> None:
        """The model comes last: what can fail has not failed by then."""
        _check_weights(self._model, state["model"])
        best = state["best"] if self._best is not None and "best" in state else None
        if best is not None and best["weights"]:
            _check_weights(self._model, best["weights"])
        self._optimizer.load_state_dict(state["optimizer"])
        if self._best is not None and best is not None:
            self._best.load_state_dict(best)
        self._model.load_state_dict(state["model"])


def read_state(path: Path) -> dict[str, Any]:
    """The state of a training in a file.

    Raises:
        FileFormatError: There is none in it.
    """
    try:
        if zipfile.is_zipfile(path):  # torch reads on where bytes within have changed
            with zipfile.ZipFile(path) as file:
                damaged = file.testzip()
            if damaged is not None:
                raise ValueError(f"{damaged} is damaged")
        state: dict[str, Any] = load(path)
        for name in ("config", "history", "model", "optimizer"):
            state[name]
    except Exception as error:
        raise FileFormatError(
            "checkpoint",
            f"{path} ({brief(error)})",
            "a checkpoint of fit, or a name not taken yet",
            "choose another name",
        ) from error
    return state


class _File:
    """The last state of a training in one file, and the one before beside it."""

    def __init__(self, path: Path) -> None:
        self._path, self._damaged = path, False

    def exists(self) -> bool:
        return self._path.exists()

    def write(self, state: Mapping[str, Any], name: str) -> None:
        keep = None if self._damaged else previous_of(self._path)
        whole(self._path, lambda part: pack(state, part), keep)
        self._damaged = False

    def read(self, like: Mapping[str, Any]) -> dict[str, Any]:
        """The newest state that is whole. Who deletes the newest wants to start anew."""
        try:
            return read_state(self._path)
        except FileFormatError:
            previous = previous_of(self._path)
            try:
                state = read_state(previous)
            except FileFormatError:
                state = {}
            if not state:
                raise
        self._damaged = True  # it must not take the place of the one that is whole
        done = len(state["history"])
        warnings.warn(f"fit: {self._path} is damaged; going on from {previous}, after epoch {done}.", stacklevel=6)
        return state


def _check_weights(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    own = model.state_dict()
    for name in (*own, *weights):
        if name not in own or name not in weights:
            raise ValueError(f"{name} is in the {'file' if name in weights else 'model'} alone")
        mine, its = own[name], weights[name]
        if mine.shape != its.shape or mine.dtype != its.dtype:
            raise ValueError(f"{name} is {its.dtype} {tuple(its.shape)}, not {mine.dtype} {tuple(mine.shape)}")


def _listed(values: Mapping[str, Any], names: list[str]) -> str:
    shown = [f"{name}={values.get(name)!r}" for name in names[:_NAMED]]
    if len(names) > _NAMED:
        shown.append(f"{len(names) - _NAMED} more")
    return ", ".join(shown[:-1]) + " and " + shown[-1] if len(shown) > 1 else shown[0]
