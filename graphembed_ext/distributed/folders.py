"""States of a training in a folder: tensors that ranks share out are written and read by all of them.

A folder holds the last whole state under a name of its own, and a file ``latest`` with that name. A new state is
written beside it, every rank its own part (``torch.distributed.checkpoint``), and ``latest`` is replaced when the last
part is on the disk; then the one before goes. So there is always a whole state, or none.

Any number of ranks reads what any other number wrote, and a plain process reads it without a group.
"""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .._core.files import made, pack, whole
from .._core.loading import brief, load
from .._core.shared import is_shared
from ..errors import DistributedError, FileFormatError
from .group import Group

__all__ = ["Folder", "is_state", "weights"]

_LATEST, _REST = "latest", "rest.pt"
#: Stands where a tensor was, before the place that it has among the tensors.
_PLACE = "tensor"
_EXPECTED = "a folder of states, as fit writes them under a strategy"


class Folder:
    """The states of one training.

    Args:
        path: The folder.
        group: The processes that train.
    """

    def __init__(self, path: Path, group: Group) -> None:
        if path.exists() and not path.is_dir():
            raise FileFormatError(
                "checkpoint", f"the file {path}", "the name of a folder under a strategy", "choose another name"
            )
        self.path, self._group = path, group

    def exists(self) -> bool:
        """Whether there is a whole state."""
        return bool(self._group.agreed((self.path / _LATEST).exists()))

    def write(self, state: Mapping[str, Any], name: str) -> None:
        """Write a state under a name of its own; the one before stays until this one is whole. All ranks call it."""
        tensors: dict[str, Tensor] = {}
        rest = _without(state, "", tensors)
        part, place = self.path / f"{name}.part", self.path / name
        if self._group.first:
            made(self.path)
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir()
        self._group.wait()
        self._group.during(partial(_save, tensors, part, self._group.size == 1))
        if self._group.first:
            whole(part / _REST, lambda file: pack(rest, file))
            shutil.rmtree(place, ignore_errors=True)
            part.replace(place)
            whole(self.path / _LATEST, lambda file: file.write_text(name))
            for other in self.path.glob("state-*"):
                if other != place:
                    shutil.rmtree(other, ignore_errors=True)
        self._group.wait()

    def read(self, like: Mapping[str, Any]) -> dict[str, Any]:
        """The last whole state.

        Args:
            like: The state as it is now, whose tensors say how those read are to be shared out.

        Raises:
            FileFormatError: No such folder, or a damaged one.
        """
        known: dict[str, Tensor] = {}
        _without(like, "", known)
        name = self._group.agreed(_latest(self.path))
        found: dict[str, Any] = self._group.during(partial(_read, self.path, name, known, self._group.size == 1))
        return found


def is_state(path: Path) -> bool:
    """Whether this is a folder with a whole state."""
    return os.path.isfile(path / _LATEST)  # False also for names that no file can have


def weights(path: Path) -> dict[str, Tensor]:
    """The weights of the model whose training has left its state in a folder, whole, in a process by itself.

    Raises:
        FileFormatError: No such folder, or a damaged one.
    """
    found = _read(path, _latest(path), {}, True, "model/")["model"]
    return {str(name): value for name, value in found.items()}


def _latest(path: Path) -> str:
    try:
        name = (path / _LATEST).read_text().strip()
    except OSError as error:
        raise FileFormatError("checkpoint", f"{path}, without the file {_LATEST}", _EXPECTED) from error
    if not (path / name / _REST).is_file():
        raise FileFormatError("checkpoint", f"{path}, whose {name!r} is not whole", _EXPECTED)
    return name


def _save(tensors: dict[str, Tensor], path: Path, alone: bool) -> None:
    from torch.distributed import checkpoint as dcp

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it tells that it works alone, or in turns
            dcp.state_dict_saver.save(tensors, storage_writer=dcp.filesystem.FileSystemWriter(path), no_dist=alone)
    except dcp.api.CheckpointException as error:  # known to all ranks, and no Exception
        raise DistributedError(f"{path} was not written, the state before it stays: {_told(error)}.") from error


def _told(error: Any) -> str:
    """What an error of torch's says, which ranks told each other."""
    rank, (cause, _) = next(iter(error.failures.items()))
    return f"rank {rank}: {type(cause).__name__}: {' '.join(str(cause).split())[:200]}"


def _read(path: Path, name: str, like: Mapping[str, Tensor], alone: bool, only: str = "") -> dict[str, Any]:
    from torch.distributed import checkpoint as dcp

    try:
        reader = dcp.filesystem.FileSystemReader(path / name)
        rest = load(path / name / _REST)
        entries = reader.read_metadata().state_dict_metadata
        found = {key: _room(key, entry, like) for key, entry in entries.items() if key.startswith(only)}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dcp.state_dict_loader.load(found, storage_reader=reader, no_dist=alone)
    except dcp.api.CheckpointException as error:
        raise FileFormatError("checkpoint", f"{path / name} ({_told(error)})", _EXPECTED) from error
    except Exception as error:  # it has one of its own for each thing that can be wrong
        raise FileFormatError("checkpoint", f"{path / name} ({brief(error)})", _EXPECTED) from error
    return dict(_with(rest, found))


def _room(key: str, entry: Any, like: Mapping[str, Tensor]) -> Tensor:
    """Where a tensor is to be read to: shared out as the one in its place is now, or else one of its size."""
    near = [like[key]] if key in like else []
    near += [tensor for tensor in like.values() if is_shared(tensor)]
    model = next((tensor for tensor in near if tensor.shape == entry.size), None)
    if model is None or not is_shared(model):
        return torch.empty(entry.size, dtype=entry.properties.dtype)
    return torch.empty_like(model, dtype=entry.properties.dtype)


def _without(value: Any, place: str, tensors: dict[str, Tensor]) -> Any:
    """A state with the places of its tensors instead of them."""
    if isinstance(value, Tensor):
        tensors[place] = value
        return (_PLACE, place)
    if isinstance(value, Mapping):
        return {key: _without(part, f"{place}/{key}" if place else str(key), tensors) for key, part in value.items()}
    if isinstance(value, list):
        return [_without(part, f"{place}/{number}", tensors) for number, part in enumerate(value)]
    return value


def _with(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    """The same with them; those that were not read are left out."""
    if isinstance(value, dict):
        return {key: _with(part, tensors) for key, part in value.items() if not _missing(part, tensors)}
    if isinstance(value, list):
        return [_with(part, tensors) for part in value if not _missing(part, tensors)]
    if isinstance(value, tuple) and len(value) == 2 and value[0] == _PLACE:
        return tensors[value[1]]
    return value


def _missing(value: Any, tensors: Mapping[str, Tensor]) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and value[0] == _PLACE and value[1] not in tensors
