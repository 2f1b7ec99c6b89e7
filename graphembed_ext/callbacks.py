"""What to call after every epoch of a training: logging to TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ._core import checks
from ._core.optional import optional

__all__ = ["TensorBoard"]


class TensorBoard:
    """Logs every figure of the history, for ``ge.fit(..., on_epoch=TensorBoard(folder))``.

    Args:
        folder: Folder of the run; TensorBoard shows all folders beneath the one it is given.

    Raises:
        MissingDependencyError: The package tensorboard is not installed (extra ``log``).

    Example:
        >>> import tempfile, torch, graphembed_ext as ge
        >>> model = ge.DeepWalk(torch.tensor([[0, 1], [1, 0]]), emb_dim=4, walk_length=12, seed=0)
        >>> with TensorBoard(tempfile.mkdtemp()) as log:
        ...     result = ge.fit(model, epochs=2, progress=False, on_epoch=log)
    """

    def __init__(self, folder: str | Path) -> None:
        folder = checks.path("folder", folder, "the path of a folder")
        optional("tensorboard", "logging to TensorBoard")
        from torch.utils.tensorboard import SummaryWriter

        self._writer: Any = SummaryWriter(str(folder))

    def __call__(self, entry: Mapping[str, float]) -> None:
        """Log one entry of the history."""
        for name, value in entry.items():
            if name != "epoch":
                self._writer.add_scalar(name, value, int(entry["epoch"]))
        self._writer.flush()

    def close(self) -> None:
        """End the log.

        Example:
            >>> import tempfile
            >>> log = TensorBoard(tempfile.mkdtemp())
            >>> log({"epoch": 1, "loss": 0.5})
            >>> log.close()
        """
        self._writer.close()

    def __enter__(self) -> TensorBoard:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
