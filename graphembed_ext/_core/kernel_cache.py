"""Where compiled kernels are kept, on a machine where nobody may write beside the package, nor at home."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
import warnings
from pathlib import Path

__all__ = ["provide"]

_NAME = "NUMBA_CACHE_DIR"


def provide(package: Path) -> None:
    """Name a temporary folder as numba's cache where it has no other place: it would refuse to compile anything.

    The folder bears the user's number, so that the next run finds what this one compiled. Where there is no temporary
    folder either, nothing is kept. One line says so.

    Args:
        package: Folder of the package.

    Example:
        >>> provide(Path(tempfile.gettempdir()))  # may be written to: nothing to do
    """
    if os.environ.get(_NAME) or _writable(package / "__pycache__") or _writable(_home() / "numba"):
        return
    try:
        folder = _private(Path(tempfile.gettempdir()) / f"graphembed-kernels-{getattr(os, 'getuid', int)()}")
    except OSError:
        from .vectors import keep_nothing

        keep_nothing()
        warnings.warn(
            f"no folder can be written to, not even a temporary one: kernels are compiled anew by every process; "
            f"set {_NAME} to a folder to keep them in",
            stacklevel=3,
        )
        return
    os.environ[_NAME] = str(folder)
    if "numba" in sys.modules:
        sys.modules["numba"].config.CACHE_DIR = str(folder)
    warnings.warn(
        f"neither {package} nor {_home()} can be written to: compiled kernels are kept in {folder}; "
        f"set {_NAME} to keep them elsewhere",
        stacklevel=3,
    )


def _home() -> Path:
    """The folder of the user's caches, as numba finds it."""
    given = os.environ.get("XDG_CACHE_HOME")
    return Path(given) if given else Path(os.path.expanduser("~")) / ".cache"


def _writable(folder: Path) -> bool:
    """Whether a folder can be written to, or made."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return os.access(folder, os.W_OK | os.X_OK)


def _private(folder: Path) -> Path:
    """A folder that is the user's alone: what lies in a cache is run."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077:
            return folder
    except (OSError, AttributeError):
        pass
    return Path(tempfile.mkdtemp(prefix="graphembed-kernels-"))
