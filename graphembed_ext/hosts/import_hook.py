"""A hook in the environment for which the order of ``import dgl`` and ``import graphembed_ext`` does not matter.

Python runs nothing of ours before somebody imports us. What it does run at every start are the ``.pth`` files of its
folder of packages. :func:`install_hook` writes one, when a person asks for it, and a small module beside it, which
waits for ``import dgl`` and then imports this package first. An interpreter that imports no DGL loads nothing more.
"""

from __future__ import annotations

import os
import site
import sysconfig
from pathlib import Path

from .._core.files import made, whole
from ..errors import FileWriteError

__all__ = ["hooked", "install_hook", "remove_hook"]

_MODULE = "_graphembed_ext_hook"
_PTH = f"import {_MODULE}\n"
_SOURCE = '''"""Written by `graphembed doctor --hook`, removed by `graphembed doctor --no-hook`.

`import dgl` imports graphembed_ext first, which makes it work on current torch.
"""

import sys


class _BeforeDGL:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "dgl" and "graphembed_ext" not in sys.modules:
            try:
                import graphembed_ext  # noqa: F401
            except ImportError:  # it was uninstalled
                pass
        return None  # whoever has found DGL so far finds it now


sys.meta_path.insert(0, _BeforeDGL)
'''


def hooked() -> Path | None:
    """The hook that is there, or None."""
    return next((file for file in _files() if file.exists()), None)


def install_hook() -> Path:
    """Write the hook into this environment's folder of packages; into the user's where that one is read-only.

    Returns:
        The ``.pth`` file.

    Raises:
        FileWriteError: Neither folder can be written to.
    """
    file = next((file for file in _files() if os.access(file.parent, os.W_OK)), _files()[-1])
    made(file.parent)
    whole(_module_of(file), lambda part: part.write_text(_SOURCE))
    return whole(file, lambda part: part.write_text(_PTH))  # last: its line needs the module


def remove_hook() -> list[Path]:
    """Remove what :func:`install_hook` has written; the files that were there.

    Raises:
        FileWriteError: Their folder is read-only.
    """
    there = [one for file in _files() for one in (file, _module_of(file)) if one.exists()]
    for file in there:
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            raise FileWriteError(str(file), error) from error
    return there


def _files() -> list[Path]:
    folders = [sysconfig.get_path("purelib"), *([site.getusersitepackages()] if site.ENABLE_USER_SITE else [])]
    return [Path(folder) / f"{_MODULE}.pth" for folder in folders]


def _module_of(file: Path) -> Path:
    return file.with_suffix(".py")
