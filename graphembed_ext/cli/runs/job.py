"""What a run is to do, from the options of the command line or a record."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ...errors import InputError

__all__ = ["Job"]


@dataclass(frozen=True)
class Job:
    """What is to be done.

    Attributes:
        model: Name of the model.
        input: Source of the graph, see :func:`graphembed_ext.readers.read_graph`.
        output: File for the embeddings, ``.parquet``, ``.npz`` or ``.safetensors``.
        host: Host to build the graph for; None takes DGL where it is installed.
        reading: Arguments of ``read_graph``.
        labels: Files of labels, each perhaps with ``TYPE=`` before it.
        label_column: Title of the column with the class.
        features: Files of features, likewise, or ``one-hot``.
        metapath: Metapaths, see :func:`graphembed_ext.cli.runs.inputs.metapath_of`.
        split: Parts of the labelled nodes for training, validation and test; None takes the masks of the input.
        validation: Edge list of held-out pairs, for a recommender.
        settings: Arguments of the model's constructor and of :func:`graphembed_ext.fit`. A name that both have means
            the constructor's; ``fit.NAME`` means the other.
        seed: Fixes initial weights, walks, noise and splits.
        threads: Threads to train on; None leaves their number to torch.
        deterministic: Whether the result must be the same each time, bit for bit.
        checkpoint: File to keep the state in; None names one after the output and removes it at the end.
        keep_checkpoints: False keeps no state where ``checkpoint`` is None.
        weights: File to write the model's weights to, see :func:`graphembed_ext.checkpoint.save`.
        tensorboard: Folder to log to.
        evaluate: Whether to classify the nodes.
        command: Command line that was given, for the record.
    """

    model: str
    input: str
    output: Path
    host: str | None = None
    reading: Mapping[str, Any] = field(default_factory=dict)
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
    def of_options(cls, options: Mapping[str, Any]) -> Job:
        """A job from the options of ``graphembed train``; a name that is none of them is a setting of the model, as is
        every name in ``options["set"]``.

        Raises:
            InputError: Model, input or output missing.
        """
        known = {entry.name for entry in fields(cls)} - {"settings", "reading"}
        given: dict[str, Any] = {"reading": {}, "settings": {}}
        for name, value in options.items():
            if name == "set":
                continue
            if name in _READING:
                given["reading"][name] = value
            elif name in known:
                given[name] = value
            else:
                given["settings"][name] = value
        given["settings"] |= options.get("set", {})
        for name in ("model", "input", "output"):
            if not given.get(name):
                place = "the first argument" if name == "model" else f"--{name}"
                raise InputError(name, "nothing", f"a value, by {place} or in the file of --config")
        for name in ("output", "checkpoint", "weights", "tensorboard"):
            if given.get(name) is not None:
                given[name] = Path(given[name])
        for name in ("labels", "features", "metapath"):
            if isinstance(given.get(name), str):
                given[name] = [given[name]]
        if given.get("split") is not None:
            given["split"] = _shares(given["split"])
        return cls(**given)

    def options(self) -> dict[str, Any]:
        """The options of ``graphembed train`` that give this job again, those left at their default left out."""
        own = {
            entry.name: getattr(self, entry.name)
            for entry in fields(self)
            if entry.name not in ("reading", "settings", "command")
            and (getattr(self, entry.name) != entry.default or entry.name == "seed")
        }
        own = {name: value for name, value in own.items() if not (isinstance(value, (list, tuple)) and not value)}
        return _plain({**own, **self.reading}) | ({"set": dict(self.settings)} if self.settings else {})

    def own_checkpoint(self) -> Path | None:
        """The checkpoint of this very job, which a job with other settings or another input does not find."""
        if self.checkpoint is not None or not self.keep_checkpoints:
            return self.checkpoint
        source = Path(self.input)
        state = [source.stat().st_size, source.stat().st_mtime_ns] if source.is_file() else []
        text = json.dumps([self.options(), state], sort_keys=True, default=str)
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        return self.output.with_name(f"{self.output.name}.{digest}.ckpt")


#: Options that are arguments of ``read_graph``.
_READING = ("directed", "root", "mat_key", "header", "bipartite", "input_format")


def _shares(value: Any) -> list[float]:
    words = value.split(",") if isinstance(value, str) else value
    try:
        shares = [float(word) for word in words]
    except (TypeError, ValueError):
        shares = []
    if len(shares) not in (2, 3) or min(shares) < 0 or shares[0] <= 0 or sum(shares) > 1 + 1e-9:
        raise InputError("split", value, "parts for training, validation and test, of 1 at most, such as 0.6,0.2,0.2")
    return [*shares, 0.0][:3]


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Path) else value for name, value in settings.items()}
