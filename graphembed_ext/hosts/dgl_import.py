"""Make ``import dgl`` work where only its GraphBolt part is broken.

DGL loads ``dgl.graphbolt`` while it is itself being imported. GraphBolt needs ``torchdata.datapipes`` (removed
from torchdata) and a shared library built for one exact torch version, so on current torch the whole of DGL
fails to import although everything else in it still works (dmlc/dgl#7438, #7791, #7822).

:func:`install` adds a finder to ``sys.meta_path`` that lets GraphBolt import itself first. Where that succeeds
nothing is touched. Where it fails, the module is turned into a placeholder that answers every use with an
ImportError. No host is imported until somebody asks for it.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
import threading
from collections.abc import Sequence
from types import ModuleType
from typing import Any

_NAME = "dgl.graphbolt"
_lock = threading.Lock()


class GraphBoltPlaceholder(ModuleType):
    """What stands at ``dgl.graphbolt`` when the real one cannot be imported."""

    def __getattr__(self, name: str) -> Any:
        # inspect, pickle and torch probe every module for dunder names and rely on AttributeError.
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(f"module {_NAME!r} has no attribute {name!r}")
        raise ImportError(_explain(f"{_NAME}.{name}", self.__dict__["__reason__"]), name=_NAME)


def _explain(what: str, reason: BaseException) -> str:
    import torch

    return (
        f"{what} is not available: GraphBolt of the installed DGL cannot be imported on torch {torch.__version__} "
        f"({type(reason).__name__}: {reason}). Everything else of DGL works (graphs, dgl.sampling, dgl.dataloading, "
        f"dgl.nn, dgl.ops), except dgl.sparse and graphbolt-backed distributed training. To use GraphBolt itself, "
        f"install a torch release that this DGL was built for (DGL 2.1: torch 2.0 to 2.2)."
    )


def placeholder() -> GraphBoltPlaceholder | None:
    """The placeholder that is in use, or None."""
    module = sys.modules.get(_NAME)
    return module if isinstance(module, GraphBoltPlaceholder) else None


class _FallbackLoader(importlib.abc.Loader):
    """Runs GraphBolt's own loader and, should that fail, leaves a placeholder in its place."""

    def __init__(self, real: importlib.abc.Loader) -> None:
        self._real = real

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._real.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        known = set(module.__dict__)
        try:
            self._real.exec_module(module)
        except Exception as error:
            for name in [name for name in sys.modules if name.startswith(_NAME + ".")]:
                del sys.modules[name]
            for name in set(module.__dict__) - known:
                del module.__dict__[name]
            module.__path__ = []
            module.__dict__["__reason__"] = error.with_traceback(None)
            module.__class__ = GraphBoltPlaceholder
            return
        if module.__spec__ is not None:
            module.__spec__.loader = self._real
        module.__loader__ = self._real


class _GraphBoltFinder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname == "dgl":
            _forget_failed_import()
        elif fullname == _NAME:
            spec = importlib.machinery.PathFinder.find_spec(fullname, path)
            if spec is not None and spec.loader is not None:
                spec.loader = _FallbackLoader(spec.loader)
            return spec
        elif fullname.startswith(_NAME + "."):
            module = placeholder()
            if module is not None:
                raise ImportError(_explain(fullname, module.__dict__["__reason__"]), name=fullname)
        return None


def _forget_failed_import() -> None:
    """Drop what a failed ``import dgl`` left behind.

    Python removes ``dgl`` itself after the failure but keeps its finished submodules; a second import would
    find them ready and never bind them to the new package, so that ``dgl.data`` and others would be missing.
    """
    if "dgl" not in sys.modules:
        for name in [name for name in sys.modules if name.startswith("dgl.")]:
            del sys.modules[name]


def install() -> None:
    """Add the finder, once per process."""
    with _lock:
        # Compared by name: after a reload of this module the class is another one.
        if not any(type(finder).__qualname__ == _GraphBoltFinder.__qualname__ for finder in sys.meta_path):
            sys.meta_path.insert(0, _GraphBoltFinder())
