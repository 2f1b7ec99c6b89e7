"""Checkpoints of the peers into this package's models and back: :func:`load` and :func:`save`.

A *layout* says whose checkpoint a file is; :data:`LAYOUTS` lists them. Files are safetensors, files of ``torch.save``
read without running anything in them, or word2vec's. A new layout is one more :class:`~.layout.Layout` in the module
of its family.
"""

from typing import Any

from .conversion import LAYOUTS, convert, layouts, load, save
from .layout import Layout

__all__ = ["LAYOUTS", "Layout", "convert", "layouts", "load", "matrix", "save"]


def __getattr__(name: str) -> Any:
    # The matrix needs all models, and this module needs none.
    if name == "matrix":
        from .compatibility import matrix

        return matrix
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
