"""The state of this installation: what works, what is missing and how to get it."""

from __future__ import annotations

import importlib
import importlib.metadata
import platform
from dataclasses import dataclass

from .._core.optional import EXTRAS, import_dgl, installed
from ..hosts import dgl_import as _dgl_import
from ..hosts import import_hook

__all__ = ["Diagnosis", "diagnose", "versions"]

#: Import name and distribution of every package of interest, with what it is for.
_PACKAGES = {
    "torch": ("torch", "tensors and optimisers"),
    "torch_geometric": ("torch_geometric", "PyG graphs"),
    "dgl": ("dgl", "DGL graphs, compiled walks"),
    "torch_sparse": ("torch_sparse", "SparseTensor inputs, PyG's NeighborLoader"),
    "torch_scatter": ("torch_scatter", "needed by torch_sparse"),
    "pyg_lib": ("pyg-lib", "faster neighbour sampling in PyG"),
    "numba": ("numba", "compiled loops"),
    "sklearn": ("scikit-learn", "ge.evaluate, --evaluate"),
    "matplotlib": ("matplotlib", "pictures"),
    "networkx": ("networkx", "graphs of graphembed demo"),
    "pandas": ("pandas", "Embeddings.to_pandas, DGL"),
    "usearch": ("usearch", "indexes for approximate neighbours"),
    "umap": ("umap-learn", "2-D maps by UMAP"),
    "bokeh": ("bokeh", "interactive maps"),
    "tensorboard": ("tensorboard", "curves in TensorBoard"),
    "optuna": ("optuna", "graphembed tune"),
    "onnxruntime": ("onnxruntime", "models as ONNX files"),
    "pytorch_lightning": ("pytorch-lightning", "ge.lightning"),
    "wandb": ("wandb", "logs for Weights & Biases"),
    "mlflow": ("mlflow", "logs for MLflow"),
}


@dataclass(frozen=True)
class Diagnosis:
    """What :func:`diagnose` found.

    Attributes:
        versions: Version of Python and each package, None where it is absent.
        hosts: For each host, None when it works and otherwise the reason why not.
        graphbolt: State of ``dgl.graphbolt``: ``native``, ``placeholder`` or ``absent``.
        graphbolt_reason: Why it is not native.
        import_dgl_first: Whether ``import dgl`` works before this package has been imported.
        walk_engine: Walk engine that ``auto`` gives on the CPU.
        cuda: Whether torch can use a CUDA device.
        threads: Threads that torch uses.
        missing: For each absent package: its name, what it is for, and how to get it.
    """

    versions: dict[str, str | None]
    hosts: dict[str, str | None]
    graphbolt: str
    graphbolt_reason: str
    import_dgl_first: str
    walk_engine: str
    cuda: bool
    threads: int
    missing: list[dict[str, str]]

    @property
    def ok(self) -> bool:
        """Whether at least one host works."""
        return None in self.hosts.values()


def versions() -> dict[str, str | None]:
    """Version of this package, of Python and of each package it can use; None where one is absent.

    Example:
        >>> versions()["graphembed_ext"] == importlib.metadata.version("graphembed_ext")
        True
    """
    found: dict[str, str | None] = {
        "graphembed_ext": importlib.metadata.version("graphembed_ext"),
        "python": platform.python_version(),
    }
    for module, (distribution, _) in _PACKAGES.items():
        found[distribution] = None
        if installed(module):
            try:
                found[distribution] = importlib.metadata.version(distribution)
            except importlib.metadata.PackageNotFoundError:  # on the path, but not installed by pip
                found[distribution] = "unknown"
    return found


def diagnose() -> Diagnosis:
    """Try out both hosts and look for every optional package."""
    found = versions()
    hosts = {host: _trouble_with(host) for host in ("dgl", "pyg")}
    graphbolt, reason = _graphbolt()
    engine = "none"
    if any(trouble is None for trouble in hosts.values()):
        import torch

        from ..hosts.registry import view
        from ..walks.walker import Walker

        engine = Walker(view(torch.tensor([[0, 1], [1, 0]]))).serving if hosts["dgl"] is None else "torch"
    cuda, threads = False, 0
    if found["torch"] is not None:
        import torch

        cuda, threads = torch.cuda.is_available(), torch.get_num_threads()
    missing = [
        {"package": distribution, "purpose": purpose, "install": _install(module)}
        for module, (distribution, purpose) in _PACKAGES.items()
        if found[distribution] is None
    ]
    return Diagnosis(found, hosts, graphbolt, reason, _import_dgl_first(graphbolt), engine, cuda, threads, missing)


def _trouble_with(host: str) -> str | None:
    """None when a model can be built and run on a graph of this host; otherwise what went wrong."""
    try:
        import torch

        from ..hosts.registry import to_host, view
        from ..models.catalogue import create

        ring = to_host(view(torch.tensor([[0, 1, 2], [1, 2, 0]])), host)
        model = create("deepwalk", ring, emb_dim=2, walk_length=4, window_size=1, seed=0)
        model(model.sample(torch.arange(3)))
    except Exception as error:  # whatever it is that a half-working installation raises, it is to be shown
        return f"{type(error).__name__}: {error}"
    return None


def _graphbolt() -> tuple[str, str]:
    if not installed("dgl"):
        return "absent", "DGL is not installed"
    try:
        import_dgl()
        importlib.import_module("dgl.graphbolt")
    except ImportError as error:
        return "absent", str(error)
    placeholder = _dgl_import.placeholder()
    if placeholder is None:
        return "native", ""
    reason = placeholder.__dict__["__reason__"]
    return "placeholder", f"{type(reason).__name__}: {reason}"


def _import_dgl_first(graphbolt: str) -> str:
    if graphbolt == "absent":
        return "DGL is not here"
    hook = import_hook.hooked()
    if graphbolt == "native" or hook is not None:
        return "works" if hook is None else f"works, by {hook}"
    return "fails: import graphembed_ext before it, or let `graphembed doctor --hook` make the order not matter"


def _install(module: str) -> str:
    if module == "pyg_lib":
        instead = "is here" if installed("torch_sparse") else f"comes by {_install('torch_sparse')}"
        return f"not on PyPI, and not needed with torch_sparse, which {instead}"
    if module not in EXTRAS:
        return "pip install graphembed_ext"
    extra = EXTRAS[module]
    option = "--no-build-isolation " if extra == "sparse" else ""
    return f"pip install {option}'graphembed_ext[{extra}]'"
