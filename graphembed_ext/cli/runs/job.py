"""What a run is to do, from the options of the command line, a file or a record."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ...errors import FileFormatError, InputError
from ...readers.graphs import relation_of
from ..option import COMMAND, JOB, READING, SETTING
from ..options import OPTIONS

__all__ = ["ALIASES", "Job", "merged", "plain"]

#: Other names of models.
ALIASES = {"node2vec": "deepwalk"}

_OPTION = {option.name: option for option in OPTIONS if option.part != COMMAND}


@dataclass(frozen=True)
class Job:
    """What is to be done; the fields that are options of ``graphembed train`` mean what its help says.

    Attributes:
        reading: Arguments of :func:`graphembed_ext.readers.read_graph`.
        settings: Arguments of the model's constructor and of :func:`graphembed_ext.fit`. A name that both have means
            the constructor's; ``fit.NAME`` means the other. Of two that mean the same, the later one counts.
        command: Command line that was given, for the record.
    """

    model: str
    input: str | Sequence[str]
    output: Path
    host: str | None = None
    reading: Mapping[str, Any] = field(default_factory=dict)
    min_rating: float | None = None
    time_column: str | None = None
    labels: Sequence[str] = ()
    label_column: str | None = None
    features: Sequence[str] = ()
    metapath: Sequence[Any] = ()
    split: Sequence[float] | None = None
    validation: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    threads: int | None = None
    deterministic: bool = False
    checkpoint: Path | None = None
    keep_checkpoints: bool = True
    weights: Path | None = None
    tensorboard: Path | None = None
    evaluate: bool = False
    command: str = ""

    @classmethod
    def of_options(cls, options: Mapping[str, Any], command: str = "") -> Job:
        """A job from the options of ``graphembed train``, by name; a name that is none of them is a setting of the
        model, as is every name in ``options["set"]``.

        Raises:
            InputError: Model, input or output missing.
        """
        parts = _parts(options)
        for name in ("model", "input", "output"):
            if not parts[JOB].get(name):
                place = "the first argument" if name == "model" else f"--{name}"
                model = parts[JOB].get("model", "")
                hint = f"the graph has an option of its own: --input {model}" if Path(model).is_file() else ""
                raise InputError(name, "nothing", f"a value, by {place} or in the file of --config", hint)
        return cls(**parts[JOB], reading=parts[READING], settings=parts[SETTING], command=command)

    @property
    def name(self) -> str:
        """Name of the model as :func:`graphembed_ext.create` takes it."""
        name = self.model.lower()
        return ALIASES.get(name, name)

    @property
    def files(self) -> list[str]:
        """The files of the input."""
        return [self.input] if isinstance(self.input, str) else list(self.input)

    @property
    def source(self) -> str:
        """The input, for messages."""
        return ", ".join(self.files)

    def options(self) -> dict[str, Any]:
        """The options of ``graphembed train`` that give this job again, those left at their default left out."""
        own = {
            entry.name: getattr(self, entry.name)
            for entry in fields(self)
            if entry.name in _OPTION and (getattr(self, entry.name) != entry.default or entry.name == "seed")
        }
        own = {name: value for name, value in own.items() if not (isinstance(value, (list, tuple)) and not value)}
        return plain({**own, **self.reading}) | ({"set": dict(self.settings)} if self.settings else {})

    def own_checkpoint(self) -> Path | None:
        """The checkpoint of this very job, which a job with other settings or another input does not find."""
        if self.checkpoint is not None or not self.keep_checkpoints:
            return self.checkpoint
        paths = [Path(relation_of(name)[1]) for name in self.files]
        state = [
            number for path in paths if path.is_file() for number in (path.stat().st_size, path.stat().st_mtime_ns)
        ]
        text = json.dumps([self.options(), state], sort_keys=True, default=str)
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        return self.output.with_name(f"{self.output.name}.{digest}.ckpt")


def merged(file: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a file and of the command line together. What the command line gives counts, also where the file
    has it under ``set``, as records have their settings.

    Example:
        >>> merged({"seed": 1, "set": {"epochs": 5, "lr": 0.1}}, {"epochs": 3, "seed": 2})
        {'seed': 2, 'set': {'lr': 0.1, 'epochs': 3}}
    """
    old, new = _parts(file), _parts(given)
    own = {**old[JOB], **old[READING], **new[JOB], **new[READING]}
    hidden = {prefix + name for name in (*new[JOB], *new[READING]) for prefix in ("", "fit.")} | set(new[SETTING])
    kept = {name: value for name, value in old[SETTING].items() if name not in hidden}
    return {**own, "set": {**kept, **new[SETTING]}}


def plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as JSON can have them, paths as text."""
    return {name: str(value) if isinstance(value, Path) else value for name, value in settings.items()}


def _parts(options: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Options by who takes them, each as the job has it; those without a value left out."""
    parts: dict[str, dict[str, Any]] = {JOB: {}, READING: {}, SETTING: {}}
    for name, value in options.items():
        if name == "set" or value is None:
            continue
        option = _OPTION.get(name)
        if option is None:
            parts[SETTING][name] = value
        else:
            parts[option.part][name] = option.read(value)
    settings = options.get("set") or {}
    if not isinstance(settings, Mapping):
        raise FileFormatError("set", settings, "names with values")
    parts[SETTING].update({str(name).replace("-", "_"): value for name, value in settings.items()})
    return parts
