"""What to call after every epoch of a training: logging to TensorBoard, Weights & Biases or MLflow."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._core import checks
from ._core.files import made
from ._core.optional import optional
from .errors import InputError

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["MLflow", "TensorBoard", "WandB"]


class _Closed(ABC):
    """Closes itself at the end of a ``with`` block."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """End the log."""


class TensorBoard(_Closed):
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

        self._writer: Any = SummaryWriter(str(made(folder)))

    def __call__(self, entry: Mapping[str, float]) -> None:
        """Log one entry of the history."""
        for name, value in _figures(entry).items():
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


class WandB(_Closed):
    """Logs every figure of the history to Weights & Biases, for ``ge.fit(..., on_epoch=WandB(project="mine"))``.

    Args:
        run: The run to log to, as ``wandb.init`` returned it; its owner ends it. None begins one, which :meth:`close`
            ends.
        **settings: What ``wandb.init`` is told of a new run: ``project``, ``name``, ``config`` ...

    Raises:
        InputError: A run that logs nothing; settings beside a run.
        MissingDependencyError: The package wandb is not installed (extra ``wandb``).

    Example:
        >>> import torch, graphembed_ext as ge
        >>> class Run:  # what wandb.init() returns
        ...     def log(self, figures, step):
        ...         print(step, sorted(figures))
        >>> model = ge.DeepWalk(torch.tensor([[0, 1], [1, 0]]), emb_dim=4, walk_length=12, seed=0)
        >>> with WandB(Run()) as log:
        ...     result = ge.fit(model, epochs=2, progress=False, on_epoch=log)
        1 ['loss', 'seconds', 'tokens']
        2 ['loss', 'seconds', 'tokens']
    """

    def __init__(self, run: Any = None, **settings: Any) -> None:
        if run is not None and (settings or not callable(getattr(run, "log", None))):
            raise InputError("run", f"a {type(run).__name__}", "a run of wandb and nothing else, or None and settings")
        self._own = run is None
        self._run = optional("wandb", "logging to Weights & Biases").init(**settings) if run is None else run

    def __call__(self, entry: Mapping[str, float]) -> None:
        """Log one entry of the history."""
        self._run.log(_figures(entry), step=int(entry["epoch"]))

    def close(self) -> None:
        """End the run, where it was begun here.

        Example:
            >>> class Run:  # what wandb.init() returns
            ...     def log(self, figures, step):
            ...         print(step, figures)
            >>> log = WandB(Run())
            >>> log({"epoch": 1, "loss": 0.5})
            1 {'loss': 0.5}
            >>> log.close()
        """
        if self._own:
            self._run.finish()


class MLflow:
    """Logs every figure of the history to MLflow's active run, for ``ge.fit(..., on_epoch=MLflow())``.

    MLflow begins a run where none is active. Its names have no ``@``: ``val_recall@20`` is ``val_recall_at_20`` there.

    Args:
        log: What logs, called as ``log(figures, step=epoch)``; None for ``mlflow.log_metrics``.

    Raises:
        InputError: Something that cannot be called.
        MissingDependencyError: The package mlflow is not installed (extra ``mlflow``).

    Example:
        >>> import torch, graphembed_ext as ge
        >>> model = ge.DeepWalk(torch.tensor([[0, 1], [1, 0]]), emb_dim=4, walk_length=12, seed=0)
        >>> log = MLflow(lambda figures, step: print(step, sorted(figures)))
        >>> result = ge.fit(model, epochs=2, progress=False, on_epoch=log)
        1 ['loss', 'seconds', 'tokens']
        2 ['loss', 'seconds', 'tokens']
    """

    def __init__(self, log: Callable[..., object] | None = None) -> None:
        if log is not None and not callable(log):
            raise InputError("log", log, "a function, such as mlflow.log_metrics")
        self._log = optional("mlflow", "logging to MLflow").log_metrics if log is None else log

    def __call__(self, entry: Mapping[str, float]) -> None:
        """Log one entry of the history."""
        figures = {name.replace("@", "_at_"): value for name, value in _figures(entry).items()}
        self._log(figures, step=int(entry["epoch"]))


def _figures(entry: Mapping[str, float]) -> dict[str, float]:
    """An entry of the history but for the number of its epoch, which is the step."""
    return {name: value for name, value in entry.items() if name != "epoch"}
