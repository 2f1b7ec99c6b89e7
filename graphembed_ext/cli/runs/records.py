"""What a run writes beside its output, read again; and the settings it can be repeated from."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ..._core.checks import described
from ..._core.files import whole
from ...errors import FileFormatError, InputError
from ...models.catalogue import models_of
from ...readers.graph_file import GraphFile
from .inputs import prepared
from .job import Job
from .paths import moved, same

__all__ = ["Run", "read_settings", "record_path", "write_record"]


@dataclass(frozen=True)
class Run:
    """A run that is over, from the record beside its output.

    Attributes:
        output: The file of its embeddings.
        record: What it wrote of itself.
    """

    output: Path
    record: Mapping[str, Any]

    @classmethod
    def of(cls, output: Path) -> Run:
        """The run that wrote an output.

        Raises:
            FileFormatError: There is no record, or it is damaged.
        """
        path = record_path(output)
        if not path.exists():
            raise FileFormatError(
                "record", f"{path}, which does not exist", "the record that graphembed train writes beside its output"
            )
        record = _parsed(path)
        _check(record, path)
        return cls(output, _Record({**record, "job": moved(record["job"], path.parent, Path())}, path))

    @classmethod
    def of_weights(cls, weights: Path) -> Run:
        """The run that wrote a file of weights, by a record in the same folder.

        Raises:
            FileFormatError: There is none, or no such file.
        """
        if not weights.is_file():
            raise FileFormatError("weights", f"{weights}, which does not exist", "a file of graphembed train --weights")
        for path in sorted(weights.parent.glob("*.json")):
            with suppress(FileFormatError):
                run = cls.of(path.with_suffix(""))
                if run.job.weights is not None and same(run.job.weights, weights):
                    return run
        expected = f"the record of the run that wrote it in {weights.parent}"
        raise FileFormatError("weights", str(weights), expected, "name the run's embeddings, too: the record is theirs")

    @classmethod
    def found(cls, output: Path) -> Run | None:
        """The run that wrote an output; None where no record says so."""
        return cls.of(output) if record_path(output).exists() else None

    @property
    def title(self) -> str:
        """Model and input, for a picture."""
        return f"{self.job.model} on {', '.join(Path(name).name for name in self.job.files)}"

    @cached_property
    def job(self) -> Job:
        """What it did."""
        return Job.of_options(self.record["job"])

    @cached_property
    def task(self) -> str:
        """What its model is trained for: ``"skip_gram"``, ``"nodes"``, ``"recommendation"``."""
        return getattr(models_of("pyg").get(self.job.name), "task", "")

    def weights(self, given: Path | None = None, argument: str = "weights") -> Path:
        """The file of the model's weights: the one that is given, or that the run wrote.

        Raises:
            InputError: There is none.
        """
        path = given or self.job.weights
        if path is None or not path.is_file():
            got = "no file of weights" if path is None else f"{path}, which does not exist"
            expected = "the old model's weights, as graphembed train --weights FILE writes them"
            raise InputError(argument, got, expected, "vectors alone do not tell what a model has learned")
        return path

    @cached_property
    def graph(self) -> GraphFile:
        """The graph that it trained on, read again."""
        return prepared(self.job, self.task)


class _Record(dict[str, Any]):
    """A record, of which what is missing is an error that names the file."""

    def __init__(self, record: Mapping[str, Any], path: Path) -> None:
        super().__init__(record)
        self._path = path

    def __missing__(self, name: str) -> Any:
        raise FileFormatError("record", f"{self._path}, without {name!r}", _EXPECTED)


_EXPECTED = "the record of a run, as graphembed train writes it"


def _check(record: Mapping[str, Any], path: Path) -> None:
    """Raise for a record of which something is of another kind than a run writes it."""
    if "job" not in record:
        raise FileFormatError("record", str(path), _EXPECTED)
    for name, is_right in _RIGHT.items():
        if name in record and not is_right(record[name]):
            raise FileFormatError("record", f"{path}, whose {name!r} is {described(record[name])}", _EXPECTED)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_named(value: Any, kind: Callable[[Any], bool] = lambda _: True) -> bool:
    return isinstance(value, dict) and all(map(kind, value.values()))


def _are_texts(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(one, str) for one in value))


def _is_epoch(value: Any) -> bool:
    return _is_named(value, _is_number) and {"epoch", "loss"} <= set(value)


def _is_figure(value: Any) -> bool:
    return _is_number(value) or _is_named(value, _is_number)


#: What stands in a record under a name, where it stands there.
_RIGHT: dict[str, Callable[[Any], bool]] = {
    "job": lambda value: _is_named(value) and _are_texts(value.get("input", [])),
    "model": lambda value: isinstance(value, str),
    "graph": lambda value: _is_named(value) and all(_is_named(value.get(k), _is_number) for k in ("nodes", "edges")),
    "config": _is_named,
    "training": _is_named,
    "versions": lambda value: _is_named(value, lambda version: version is None or isinstance(version, str)),
    "history": lambda value: value is None or (isinstance(value, list) and all(map(_is_epoch, value))),
    "metrics": lambda value: value is None or _is_named(value, _is_figure),
    "seconds": _is_number,
}


def record_path(output: Path) -> Path:
    """File of the record of a run: the output's name and ``.json``."""
    return output.parent / f"{output.name}.json"


def write_record(output: Path, record: Mapping[str, Any]) -> None:
    """Write the record of a run beside its output, with paths of its job as they are from there."""
    record = {**record, "job": moved(record["job"], Path(), output.parent)}
    text = json.dumps(record, indent=2, default=str) + "\n"
    whole(record_path(output), lambda path: path.write_text(text))


def read_settings(path: Path) -> dict[str, Any]:
    """Settings of a run from a YAML, TOML or JSON file, by the names of the options; or from the record of a run, whose
    paths are relative to its folder.

    Raises:
        FileFormatError: Not such a file.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "run.toml"
        >>> _ = path.write_text('model = "deepwalk"\\nemb-dim = 64\\n')
        >>> read_settings(path)
        {'model': 'deepwalk', 'emb_dim': 64}
    """
    if not path.is_file():
        raise FileFormatError("config", str(path), "an existing .yaml, .toml or .json file")
    found = _parsed(path)
    if path.suffix == ".json" and "job" in found:
        found = moved(found["job"], path.parent, Path())
    return {str(name).replace("-", "_"): value for name, value in found.items()}


def _parsed(path: Path) -> dict[str, Any]:
    kind = path.suffix.lower()
    try:
        text = path.read_text()
        if kind == ".json":
            found = json.loads(text)
            json.dumps(found, ensure_ascii=False).encode()  # half characters, which no file and no terminal takes
        elif kind in (".yaml", ".yml"):
            import yaml

            found = yaml.safe_load(text)
        elif kind == ".toml":
            found = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli").loads(text)
        else:
            raise FileFormatError("config", str(path), "a name ending in .yaml, .toml or .json")
    except FileFormatError:
        raise
    except Exception as error:  # each parser has its own; YAML's derive from Exception alone
        reason = " ".join(str(error).split())
        raise FileFormatError("config", f"{path} ({reason})", f"a {kind} file") from error
    if not isinstance(found, dict):
        raise FileFormatError("config", f"{path}, which holds a {type(found).__name__}", "names with values")
    return found
