"""Embeddings as safetensors, and row by row for other formats."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .._core.optional import optional
from ..errors import FileFormatError

__all__ = ["read_safetensors", "chunks", "write_safetensors"]


#: Rows written at once.
_ROWS = 1 << 16


def chunks(vectors: torch.Tensor) -> Iterator[np.ndarray]:
    """The vectors as float32, some rows at a time."""
    for start in range(0, len(vectors), _ROWS):
        yield vectors[start : start + _ROWS].detach().cpu().float().contiguous().numpy()


def write_safetensors(vectors: Mapping[str, torch.Tensor], names: Mapping[str, Any], path: Path) -> None:
    """A tensor for each node type; their names as JSON in the metadata."""
    optional("safetensors", "a .safetensors file")
    from safetensors.torch import save_file

    tensors = {node_type: rows.detach().cpu().contiguous() for node_type, rows in vectors.items()}
    save_file(tensors, path, {"format": "pt", "names": json.dumps(names)})


def read_safetensors(path: Path) -> tuple[torch.Tensor, dict[str, int], dict[str, Any]]:
    """Vectors, nodes by type and names, as :func:`write_safetensors` wrote them."""
    optional("safetensors", "a .safetensors file")
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            tensors = {node_type: file.get_tensor(node_type) for node_type in sorted(file.keys())}
            names = json.loads((file.metadata() or {}).get("names", "{}"))
        return torch.cat(list(tensors.values())), {name: len(rows) for name, rows in tensors.items()}, names
    except (SafetensorError, RuntimeError, ValueError) as error:
        raise FileFormatError("path", f"{path} ({error})", "a file written by Embeddings.save") from error
