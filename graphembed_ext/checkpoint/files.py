"""Checkpoints in files: safetensors, torch's without code, word2vec's. What a file is, its first bytes say."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .._core.files import pack, whole
from .._core.loading import brief, load
from .._core.shared import unshared
from ..distributed.folders import weights
from ..embeddings import word2vec
from ..errors import FileFormatError, InputError
from .layout import Layout, Parcel, State

__all__ = ["checked", "read", "write"]

_TORCH = (".pt", ".pth", ".bin", ".ckpt")
_EXPECTED = "a state_dict in a safetensors file or a file of torch.save, or a word2vec file"
#: Keys under which whole checkpoints keep the state_dict: RecBole's and Lightning's, and those of ge.fit.
_NESTED = ("state_dict", "model_state_dict", "model")


def read(path: Path, binary: bool | None = None) -> tuple[Parcel, str | None]:
    """What a file holds, and the layout that it names itself, if it does.

    Args:
        path: The file; or the folder of states that a training by several processes has left.
        binary: Whether a word2vec file is binary; None finds out.

    Raises:
        FileFormatError: A file that is missing, damaged, foreign, or holds more than tensors.
    """
    if os.path.isdir(path):  # False also for names that no file can have
        return Parcel(checked(weights(path), str(path))), None
    try:
        with path.open("rb") as file:
            begin = file.read(64)
    except OSError as error:
        raise FileFormatError(str(path), error.strerror or "a file that cannot be read", _EXPECTED) from error
    if begin.startswith((b"PK", b"\x80")):
        return Parcel(checked(_read_torch(path), str(path))), None
    if word2vec.is_header(begin):
        names, vectors = word2vec.read(path, binary)
        return Parcel({"vectors": vectors}, names), "word2vec"
    if begin[8:9] == b"{":
        return _read_safetensors(path)
    raise FileFormatError(str(path), "a file of another kind, or an empty one", _EXPECTED)


def write(path: Path, parcel: Parcel, layout: Layout) -> None:
    """Write a file; an old one stays in place until the new one is whole."""
    if parcel.names is None and path.suffix not in (*_TORCH, ".safetensors"):
        raise InputError("file", str(path), f"a name ending in {', '.join(_TORCH)} or .safetensors")

    def fill(part: Path) -> None:
        if parcel.names is not None:
            word2vec.write(part, parcel.names, parcel.state["vectors"], binary=layout.name.endswith("binary"))
        elif path.suffix == ".safetensors":
            from safetensors.torch import save_file

            save_file(_alone(parcel.state), part, {"format": "pt", "layout": layout.name})
        else:
            state: Any = _alone(parcel.state)
            # RecBole reads the key other_parameter of every checkpoint.
            pack({layout.nested: state, "other_parameter": None} if layout.nested else state, part)

    whole(path, fill)


def checked(content: Any, source: str) -> State:
    """The state_dict in what was read, by itself or within a whole checkpoint.

    Raises:
        FileFormatError: Anything but tensors by name.
    """
    state = _unpacked(content)
    if not isinstance(state, Mapping) or not state:
        what = "an empty dict" if isinstance(state, Mapping) else f"a {type(state).__name__}"
        raise FileFormatError(source, what, "a state_dict: tensors by name")
    for key, value in state.items():
        if not isinstance(key, str) or not isinstance(value, Tensor) or value.layout != torch.strided:
            raise FileFormatError(
                source, f"the entry {key!r}, a {type(value).__name__}", "a state_dict: dense tensors by name"
            )
    return {key: value.detach() for key, value in state.items()}


def _unpacked(content: Any) -> Any:
    """The state_dict within a whole checkpoint; anything else as it is."""
    if not isinstance(content, Mapping):
        return content
    return next((content[key] for key in _NESTED if isinstance(content.get(key), Mapping)), content)


def _read_torch(path: Path) -> Any:
    try:
        return load(path, "cpu")
    except Exception as error:  # torch raises whatever its parser stumbles over
        raise FileFormatError(
            str(path),
            f"a file that is damaged, or holds more than tensors ({brief(error)})",
            "a state_dict written by torch.save",
            "nothing else is loaded, as that could run code from the file; a whole checkpoint that you trust becomes "
            "such a file by torch.save(torch.load(file, weights_only=False)['state_dict'], new_file)",
        ) from error


def _read_safetensors(path: Path) -> tuple[Parcel, str | None]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            label = (file.metadata() or {}).get("layout")
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  # it has no __iter__
    except (SafetensorError, RuntimeError, ValueError, OSError) as error:
        raise FileFormatError(
            str(path), f"a file that is damaged or no safetensors file ({error})", "a whole safetensors file"
        ) from error
    return Parcel(checked(state, str(path))), label


def _alone(state: State) -> State:
    """Every tensor on the CPU with memory of its own, so that a file holds no more than it must."""
    found = {}
    for key, value in state.items():
        tensor = unshared(value.detach()).cpu().contiguous()
        shared = tensor.untyped_storage().nbytes() != tensor.numel() * tensor.element_size()
        found[key] = tensor.clone() if shared else tensor
    return found
