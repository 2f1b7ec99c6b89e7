"""One training run from file to file: what ``graphembed train`` does."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ... import checkpoint as checkpoint_files
from ..._core import optional as hosts
from ..._core.threads import threads
from ...embeddings.vectors import Embeddings, embed
from ...errors import InputError
from ...evaluate import classification as evaluate
from ...graph.features import FEATURE_NAMES
from ...graph.view import NODE_TYPE, GraphView
from ...hosts.registry import adapter, builder, create
from ...readers.graphs import GraphFile
from ...training import FitResult, fit, options_of
from .. import doctor
from .inputs import metapath_of, named_metapath, prepared, validation_pairs
from .records import record_path, write_record

__all__ = ["Job", "run"]


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


def run(job: Job, *, say: Callable[[str], object] = print, progress: bool = False) -> dict[str, Any]:
    """Do a job. Whatever can be checked is checked before any work; files appear when they are whole.

    Args:
        job: The job.
        say: Called with each line of the report.
        progress: Whether to show a progress bar.

    Returns:
        The record of the run, as written to ``<output>.json``: job, command, configuration, versions, history,
        seconds, metrics.

    Raises:
        GraphEmbedError: Something is wrong with the input or an argument.
        KeyboardInterrupt: Ctrl-C; the message says what became of the run. The output is not written.
    """
    host = ("dgl" if hosts.installed("dgl") else "pyg") if job.host is None else job.host
    model_class = _model_class(job.model, host)
    task = getattr(model_class, "task", "")
    _check_files(job)
    if job.threads is not None and job.threads < 1:
        raise InputError("threads", job.threads, "an integer of at least 1")
    if job.validation is not None and task != "recommendation":
        raise InputError("validation", job.validation, "no file: it holds out edges for lightgcn alone")
    if job.evaluate:
        hosts.require("sklearn", "--evaluate")
    config, training = _arguments(job, model_class)
    source = prepared(job, task)
    say(_describe(job.input, source))
    if job.evaluate and not source.labels:
        raise InputError(
            "evaluate",
            f"{job.input}, which has no labels",
            "an input with labels: a .mat file with the matrix 'group', or a graph or dataset with y",
            "--labels FILE gives some; leave out --evaluate to train without",
        )
    _fill(job, config, model_class, source)
    graph = source.build(host)
    checkpoint = job.own_checkpoint()
    with threads(job.threads) as count, ExitStack() as stack:
        model = create(job.model, graph, **config)
        trained_on = graph if task != "skip_gram" else None
        if task == "recommendation" and job.validation is not None:
            training["validation"] = validation_pairs(job, source, model.interactions().sides)
        elif task == "nodes":
            training |= _targets(model, source)
        if job.tensorboard is not None:
            from ...callbacks import TensorBoard

            training["on_epoch"] = stack.enter_context(TensorBoard(job.tensorboard))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "fit: interrupted")  # said below, in terms of the command line
            result = fit(model, trained_on, progress=progress, checkpoint=checkpoint, **training)
        settings = {name: value for name, value in training.items() if name in ("seed", "deterministic", "threads")}
        settings |= result.settings
        if result.interrupted:
            raise KeyboardInterrupt(_farewell(job, checkpoint, len(result.history), settings["epochs"]))
        vectors = embed(model, trained_on)
        names = {kind: known for kind, known in (source.names or {}).items() if kind in vectors}
        emb = Embeddings(vectors.tensor, vectors.num_nodes, names)
        emb.save(job.output)
        if job.weights is not None:
            checkpoint_files.save(model, job.weights)
        record = {
            "job": {**job.options(), "host": host},
            "repeat": f"graphembed train --config {record_path(job.output)}",
            "command": job.command,
            "model": job.model.lower(),
            "host": host,
            "input": {"source": job.input, **_plain(job.reading)},
            "graph": {"nodes": dict(source.view.num_nodes), "edges": _edge_counts(source.view)},
            "config": _plain(_settled(builder(model_class), config)),
            "training": _plain(settings),
            "threads": count,
            "versions": doctor.versions(),
            **{name: value for name, value in asdict(result).items() if name not in ("interrupted", "settings")},
            "output": str(job.output),
            "metrics": dict(result.metrics) or None,
            **_findings(model, graph, task),
        }
        write_record(job.output, record)
        if job.checkpoint is None and checkpoint is not None:
            checkpoint.unlink(missing_ok=True)
    say(_summary(job, host, result))
    if job.evaluate:
        found = _evaluate(emb, source.labels)
        record["metrics"] = {**(record["metrics"] or {}), **found}
        write_record(job.output, record)
        for node_type, scores in found.items():
            kind = "" if node_type == NODE_TYPE else f" of {node_type}"
            say(f"classification{kind}, half of the labels for training, 10 splits: {_figures(scores)}")
    say(f"wrote {job.output} ({len(emb)} vectors of {emb.tensor.size(1)} dimensions) and {record_path(job.output)}")
    return record


def _shares(value: Any) -> list[float]:
    words = value.split(",") if isinstance(value, str) else value
    try:
        shares = [float(word) for word in words]
    except (TypeError, ValueError):
        shares = []
    if len(shares) not in (2, 3) or min(shares) < 0 or shares[0] <= 0 or sum(shares) > 1 + 1e-9:
        raise InputError("split", value, "parts for training, validation and test, of 1 at most, such as 0.6,0.2,0.2")
    return [*shares, 0.0][:3]


def _model_class(name: str, host: str) -> type:
    known = adapter(host).models()
    if name.lower() not in known:
        raise InputError("model", name, "one of " + ", ".join(map(repr, sorted(known))))
    return known[name.lower()]


def _check_files(job: Job) -> None:
    if job.output.suffix not in (".parquet", ".npz", ".safetensors"):
        raise InputError("output", str(job.output), "a name ending in .parquet, .npz or .safetensors")
    if job.weights is not None and job.weights.suffix not in (".pt", ".safetensors"):
        raise InputError("weights", str(job.weights), "a name ending in .pt or .safetensors")
    if job.output.resolve() == Path(job.input).resolve():
        raise InputError("output", str(job.output), "another file than the input, which it would replace")
    for argument, path in (("output", job.output), ("checkpoint", job.checkpoint), ("weights", job.weights)):
        if path is None:
            continue
        if path.is_dir():
            raise InputError(argument, str(path), "the name of a file, not of a folder")
        if not path.parent.is_dir():
            raise InputError(argument, str(path), f"a file in a folder that exists; {path.parent} does not")
        if not os.access(path.parent, os.W_OK):
            raise InputError(argument, str(path), f"a file in a folder that can be written to; {path.parent} cannot")


def _arguments(job: Job, model_class: type) -> tuple[dict[str, Any], dict[str, Any]]:
    """Arguments of the constructor and of fit; settings go where they are known."""
    of_model, of_fit = _names(builder(model_class)), [*_names(fit), *options_of(model_class)]
    config: dict[str, Any] = {}
    training: dict[str, Any] = {"seed": job.seed}
    if "seed" in of_model:
        config["seed"] = job.seed
    if job.deterministic and "deterministic" in of_fit:
        training["deterministic"] = True
    for name, value in job.settings.items():
        if name == "walk_engine" and "engine" in of_model:
            config["engine"] = value
        elif name in of_model:
            config[name] = value
        elif name.removeprefix("fit.") in of_fit:
            training[name.removeprefix("fit.")] = value
        else:
            known = dict.fromkeys([*of_model, *of_fit])
            raise InputError(name, value, f"an argument of {model_class.__name__} or of fit: {', '.join(known)}")
    if job.metapath and not {"metapath", "metapaths"} & set(of_model):
        raise InputError("metapath", job.metapath[0], f"no metapath: {model_class.__name__} follows none")
    for name, parameter in inspect.signature(builder(model_class)).parameters.items():
        needed = parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD
        if needed and name in of_model and name not in config and not (name == "metapath" and job.metapath):
            way_out = f"--{name.replace('_', '-')}" if name in _OPTIONS else f"--set {name}=VALUE"
            raise InputError(
                name, "nothing", f"a value, as {model_class.__name__} has no default", f"{way_out} gives one"
            )
    return config, training


#: Arguments without a default that have an option of their own.
_OPTIONS = ("metapath", "window_size")

#: Arguments that are no settings: the graph, and what the run itself supplies.
_OURS = (
    *("g", "graph", "num_nodes", "model", "y", "masks", "validation"),
    *("checkpoint", "progress", "on_epoch", "options"),
)


def _names(function: Callable[..., Any]) -> list[str]:
    """Arguments that are settings."""
    return [name for name in inspect.signature(function).parameters if name not in _OURS]


def _fill(job: Job, config: dict[str, Any], model_class: type, source: GraphFile) -> None:
    """Settings that depend on the graph: metapaths by their words, the input's weights, the number of classes."""
    if config.get("weight") == "weight" and source.weight is not None:
        config["weight"] = source.weight
    of_model = _names(builder(model_class))
    if "metapaths" in of_model and job.metapath:
        named = [named_metapath(text) for text in job.metapath]
        config["metapaths"] = {name: metapath_of(source.view, path) for name, path in named}
    elif "metapath" in of_model and job.metapath:
        paths = [metapath_of(source.view, text) for text in job.metapath]
        config["metapath"] = paths[0] if len(paths) == 1 else paths
    elif isinstance(config.get("metapath"), str):
        config["metapath"] = metapath_of(source.view, config["metapath"])
    if getattr(model_class, "task", "") == "nodes" and len(source.labels) == 1:
        ((kind, y),) = source.labels.items()
        if source.view.is_typed and "target" in of_model:
            config.setdefault("target", kind)
        if config.get("target", kind) == kind:
            config.setdefault("out_channels", y.shape[1] if y.ndim == 2 else int(y.max()) + 1)
    if getattr(model_class, "task", "") == "nodes" and not any(
        name in features for features in source.view.features.values() for name in FEATURE_NAMES
    ):
        raise InputError(
            "features",
            "nothing",
            f"features of nodes, as {model_class.__name__} computes embeddings from them",
            "--features FILE names some; --features one-hot takes the nodes themselves, where the graph has no more",
        )


def _targets(model: Any, source: GraphFile) -> dict[str, Any]:
    """Labels of the nodes that a model classifies, as fit takes them; nothing where it can do without."""
    features = source.view.features
    y = {
        kind: next(features[kind][name] for name in ("y", "label", "labels") if name in features[kind])
        for kind in model.targets
        if kind in source.labels
    }
    if not y and getattr(model, "task_without_labels", "nodes") == "nodes":
        raise InputError(
            "labels",
            "nothing",
            f"classes of nodes, as {type(model).__name__} learns from them",
            "--labels FILE names a table with a node and its class on each line",
        )
    return {"y": y} if y else {}


def _findings(model: Any, graph: Any, task: str) -> dict[str, Any]:
    """What else the model can tell, for pictures and recommending."""
    found: dict[str, Any] = {}
    if hasattr(model, "semantic_attention"):
        found["attention"] = model.semantic_attention(graph)
    if task == "recommendation":
        sides = model.sides
        found["sides"] = {"user": sides.user_type, "item": sides.item_type, "num_users": len(sides.users)}
    return found


def _settled(function: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting of a function: the given ones, and defaults for the rest."""
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
        if name not in _OURS and parameter.default is not inspect.Parameter.empty
    }
    return {**defaults, **given}


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Path) else value for name, value in settings.items()}


def _edge_counts(view: GraphView) -> dict[str, int]:
    return {"-".join(edge_type): len(src) for edge_type, (src, _) in view.edges.items()}


def _describe(name: str, source: GraphFile) -> str:
    view = source.view
    if view.is_typed:
        what = ", ".join(f"{count} {node_type}" for node_type, count in view.num_nodes.items())
    else:
        what = f"{view.total_nodes} nodes"
    notes = "".join(f"; {note}" for note in source.notes)
    return f"{name}: {what}, {view.total_edges} directed edges{notes}"


def _summary(job: Job, host: str, result: FitResult) -> str:
    walks = f", walks by {result.walk_engine}" if result.walk_engine else ""
    kept = f", the weights of epoch {result.best_epoch} kept" if result.best_epoch else ""
    figures = f"; {_figures(result.metrics)}" if result.metrics else ""
    epochs = f"{len(result.history)} epochs, loss {result.loss:.4f}, {result.seconds:.1f} s"
    return f"{job.model.lower()} on {host}{walks}: {epochs}{kept}{figures}"


def _figures(scores: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4f}" for name, value in scores.items())


def _evaluate(emb: Embeddings, labels: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    return {kind: evaluate.node_classification(emb[kind], y) for kind, y in labels.items() if kind in emb}


def _farewell(job: Job, checkpoint: Path | None, done: int, epochs: int) -> str:
    text = f"interrupted after epoch {done} of {epochs}; {job.output} was not written."
    if checkpoint is None:
        return f"{text} With --checkpoint FILE a run can be resumed."
    if not checkpoint.exists():
        return f"{text} There is no checkpoint yet."
    return f"{text} The same command resumes from {checkpoint}. It is: {job.command}"
