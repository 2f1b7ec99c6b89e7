"""Files of ``torch.save``, read without running anything that is in them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch

__all__ = ["brief", "load"]

#: What an error of torch goes on with, after what went wrong: how to do without its protection.
_ENDS = (" Check the documentation", " Please use", " was not an allowed", ". ")


def load(path: Path, device: str | None = None) -> Any:
    """Tensors and plain things of a file; anything else in it is an error, of any kind: of it, show :func:`brief`.

    Args:
        path: The file.
        device: Where its tensors go; None for where they were.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "weights.pt"
        >>> torch.save({"weight": torch.ones(2)}, path)
        >>> load(path)
        {'weight': tensor([1., 1.])}
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what cannot be read raises as well
        return torch.load(path, map_location=device, weights_only=True)


def brief(error: Exception) -> str:
    """What went wrong by an error of :func:`load`, in a few words.

    Example:
        >>> brief(ValueError("Weights only load failed ... WeightsUnpickler error: Unsupported operand 7. Try"))
        'Unsupported operand 7'
    """
    text = " ".join(str(error).rpartition("WeightsUnpickler error: ")[2].split()) or type(error).__name__
    for end in _ENDS:
        text = text.partition(end)[0]
    return text[:120]
