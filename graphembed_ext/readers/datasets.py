"""PyG's data sets by name, from files that are there."""

from __future__ import annotations

import inspect
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from .._core.files import made
from ..errors import FileFormatError, InputError
from .graph_file import KINDS, GraphFile, from_host


def fetch_dataset(source: str, root: str | Path) -> GraphFile:
    """One of PyG's data sets, downloaded into a folder from which :func:`read_dataset` then reads it.

    Args:
        source: ``NAME`` or ``NAME/VARIANT``.
        root: The folder; it is made.

    Raises:
        FileFormatError: No such data set, or one that could not be downloaded.
    """
    dataset_class = _class_of(source)
    made(Path(root))
    arguments = _dataset_arguments(dataset_class, source, source.partition("/")[2], root)
    try:
        return _only_graph(dataset_class(**arguments), source)
    except (OSError, ImportError, RuntimeError) as error:
        why = " ".join(str(error).split())[:200]
        hint = f"without a network: copy the raw files to {root} by hand; -i {source} --root {root} says which it wants"
        raise FileFormatError(source, f"a data set that could not be downloaded ({why})", "a network", hint) from error


def _may_write(folder: Path) -> bool:
    """Whether a folder is to be written to; the superuser could write to one marked read-only, but should not."""
    return bool(folder.stat().st_mode & 0o222) and os.access(folder, os.W_OK)


class _NotWritable(Exception):
    """Carries the folder that a dataset would write into."""


def read_dataset(source: str, root: str | Path | None) -> GraphFile:
    """One of PyG's data sets, ``NAME`` or ``NAME/VARIANT``, from the files below ``root``; nothing is downloaded."""
    dataset_class = _class_of(source)
    arguments = _dataset_arguments(dataset_class, source, source.partition("/")[2], root)
    with tempfile.TemporaryDirectory() as scratch:
        try:
            dataset = _offline(dataset_class, source)(**arguments)
        except _NotWritable as found:
            folder = Path(str(found))
            copy = Path(scratch) / folder.relative_to(Path(arguments["root"]).resolve())
            shutil.copytree(folder, copy, dirs_exist_ok=True, copy_function=shutil.copyfile)
            for place, _, _ in os.walk(scratch):  # copies of read-only folders are read-only too
                os.chmod(place, 0o700)
            dataset = _offline(dataset_class, source)(**{**arguments, "root": scratch})
        return _only_graph(dataset, source)


def names_dataset(source: str | Path) -> bool:
    """Whether a name is of a data set, with a variant or not."""
    from torch_geometric import datasets

    return str(source).partition("/")[0] in datasets.__all__


def _class_of(source: str) -> Any:
    """The class of a dataset, ``NAME`` or ``NAME/VARIANT``."""
    from torch_geometric import datasets

    name = source.partition("/")[0]
    dataset_class = getattr(datasets, name, None)
    if not inspect.isclass(dataset_class) or name.startswith("_"):
        import difflib

        near = difflib.get_close_matches(name, datasets.__all__, n=3)
        hint = "the datasets closest by name are " + ", ".join(near) if near else ""
        raise FileFormatError(source, "neither a file that exists nor the name of a dataset", KINDS, hint)
    return dataset_class


def _only_graph(dataset: Any, source: str) -> GraphFile:
    if len(dataset) != 1:
        raise FileFormatError(source, f"a dataset of {len(dataset)} graphs", "a dataset of one graph")
    return from_host(dataset[0])


def _dataset_arguments(dataset_class: Any, source: str, variant: str, root: str | Path | None) -> dict[str, Any]:
    parameters = inspect.signature(dataset_class).parameters
    arguments: dict[str, Any] = {}
    if "root" in parameters:
        if root is None:
            raise InputError("root", "nothing", f"the folder that has the files of {source}")
        if not Path(root).is_dir():
            raise InputError("root", str(root), "an existing folder")
        arguments["root"] = str(Path(root).resolve())
    takes_name = "name" in parameters
    if variant and not takes_name:
        raise InputError(source, f"the variant {variant!r}", f"{source.partition('/')[0]} alone: it has no variants")
    if takes_name and not variant and parameters["name"].default is inspect.Parameter.empty:
        raise InputError(source, "no variant", f"a variant after a slash, as in {source}/NAME")
    if variant:
        arguments["name"] = variant
    return arguments


def _offline(dataset_class: Any, source: str) -> Any:
    """The dataset class, without its means to download and to write where it may not."""

    def _download(self: Any) -> None:
        done = all(os.path.exists(path) for path in self.processed_paths)
        missing = [path for path in self.raw_paths if not os.path.exists(path)]
        if missing and not done:
            raise FileFormatError(
                "root",
                f"a folder without the raw files of {source} (such as {missing[0]})",
                "a folder that has them",
                f"nothing is downloaded here; graphembed fetch {source} --root FOLDER does so",
            )

    def _process(self: Any) -> None:
        done = all(os.path.exists(path) for path in self.processed_paths)
        folder = Path(self.processed_dir)
        if not done and not _may_write(folder if folder.exists() else folder.parent):
            raise _NotWritable(str(folder.parent))
        dataset_class._process(self)

    methods = {} if not hasattr(dataset_class, "_process") else {"_download": _download, "_process": _process}
    return type(dataset_class.__name__, (dataset_class,), {**methods, "__module__": dataset_class.__module__})
