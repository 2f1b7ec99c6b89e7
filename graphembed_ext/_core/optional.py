"""Which optional packages are here, and how to import them with an error that helps."""

from __future__ import annotations

import importlib
import importlib.util
import os
from types import ModuleType

from ..errors import MissingDependencyError

__all__ = ["import_dgl", "installed", "optional", "require"]

#: Extra of this package that brings each optional import.
EXTRAS = {
    "dgl": "dgl",
    "torch_sparse": "sparse",
    "torch_scatter": "sparse",
    "sklearn": "eval",
    "matplotlib": "eval",
    "networkx": "eval",
    "pandas": "eval",
    "umap": "map",
    "bokeh": "map",
    "usearch": "index",
    "tensorboard": "log",
    "optuna": "tune",
    "onnx": "onnx",
    "onnxscript": "onnx",
    "onnxruntime": "onnx",
    "lightning": "lightning",
    "pytorch_lightning": "lightning",
    "wandb": "wandb",
    "mlflow": "mlflow",
}


def installed(package: str) -> bool:
    """Whether a package can be found; it is not imported."""
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):  # a parent is missing, or sys.modules holds None to block it
        return False


def require(package: str, purpose: str) -> None:
    """Raise :class:`MissingDependencyError`, naming the extra to install, when a package is absent."""
    if not installed(package):
        raise MissingDependencyError(_missing(package, purpose), name=package)


def optional(package: str, purpose: str) -> ModuleType:
    """Import an optional package, or say which extra brings it.

    Args:
        package: Import name.
        purpose: What needs it, as the subject of "needs ...".
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] == package.partition(".")[0]:
            raise MissingDependencyError(_missing(package, purpose), name=package) from error
        raise MissingDependencyError(
            f"{purpose} needs {package}, which is installed but cannot be imported: {error}. "
            f"Hint: pip install 'graphembed_ext[{EXTRAS.get(package.partition('.')[0], 'all')}]' "
            f"brings what it needs; `graphembed doctor` shows the state of this environment.",
            name=package,
        ) from error


def import_dgl(purpose: str = "this") -> ModuleType:
    """DGL itself, imported on first use.

    DGL writes a configuration file into the home folder unless a backend is named, so one is named while it
    loads.
    """
    unset = "DGLBACKEND" not in os.environ
    if unset:
        os.environ["DGLBACKEND"] = "pytorch"
    try:
        return optional("dgl", purpose)
    finally:
        if unset:
            del os.environ["DGLBACKEND"]


def _missing(package: str, purpose: str) -> str:
    root = package.partition(".")[0]
    named = f"'graphembed_ext[{EXTRAS[root]}]'" if root in EXTRAS else root
    return f"{purpose} needs {package}, which is not installed. Hint: pip install {named}."
