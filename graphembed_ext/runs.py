"""One training run from file to file: what ``graphembed train`` does."""

from __future__ import annotations

import inspect
import json
import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from . import doctor, evaluate, hosts
from ._threads import threads
from .embeddings import Embeddings, embed
from .errors import InputError
from .graph import NODE_TYPE, GraphView
from .readers import GraphFile, read_graph
from .registry import adapter, builder, create
from .training import fit, options_of

__all__ = ["Job", "run"]


@dataclass(frozen=True)
class Job:
    """What is to be done.

    Attributes:
        model: Name of the model.
        input: Source of the graph, see :func:`graphembed_ext.readers.read_graph`.
        output: File for the embeddings, ``.parquet`` or ``.npz``.
        host: Host to build the graph for; None takes DGL where it is installed.
        reading: Arguments of ``read_graph``.
        config: Arguments of the model's constructor.
        training: Arguments of :func:`graphembed_ext.fit`.
        extra: Further arguments of either of the two. A name that both have means the constructor's; ``fit.NAME``
            means the other.
        seed: Fixes initial weights, walks and noise.
        threads: Threads to train on; None leaves their number to torch.
        checkpoint: File to keep the state in.
        evaluate: Whether to classify the nodes.
        command: Command line that repeats the job, for the record.
    """

    model: str
    input: str
    output: Path
    host: str | None = None
    reading: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    threads: int | None = None
    checkpoint: Path | None = None
    evaluate: bool = False
    command: str = ""


def run(job: Job, *, say: Callable[[str], object] = print, progress: bool = False) -> dict[str, Any]:
    """Do a job. Whatever can be checked is checked before any work; files appear when they are whole.

    Args:
        job: The job.
        say: Called with each line of the report.
        progress: Whether to show a progress bar.

    Returns:
        The record of the run, as written to ``<output>.json``: command, configuration, versions, history,
        seconds, metrics.

    Raises:
        GraphEmbedError: Something is wrong with the input or an argument.
        KeyboardInterrupt: Ctrl-C; the message says what became of the run. The output is not written.
    """
    host = ("dgl" if hosts.installed("dgl") else "pyg") if job.host is None else job.host
    model_class = _model_class(job.model, host)
    _check_files(job)
    if job.threads is not None and job.threads < 1:
        raise InputError("threads", job.threads, "an integer of at least 1")
    if job.evaluate:
        hosts.require("sklearn", "--evaluate")
    config, training = _split(job, model_class)
    source = read_graph(job.input, **job.reading)
    say(_describe(job.input, source))
    if job.evaluate and not source.labels:
        raise InputError(
            "evaluate",
            f"{job.input}, which has no labels",
            "an input with labels: a .mat file with the matrix 'group', or a graph or dataset with y",
            "leave out --evaluate to train without",
        )
    if config.get("weight") == "weight" and source.weight is not None:
        config["weight"] = source.weight
    graph = source.build(host)
    with threads(job.threads) as count:
        model = create(job.model, graph, **config)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "fit: interrupted")  # said below, in terms of the command line
            result = fit(model, progress=progress, checkpoint=job.checkpoint, **training)
        settings = training | result.settings
        if result.interrupted:
            raise KeyboardInterrupt(_farewell(job, len(result.history), settings["epochs"]))
        vectors = embed(model)
        emb = Embeddings(vectors.tensor, vectors.num_nodes, source.names)
        emb.save(job.output)
        record = {
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
            "metrics": None,
        }
        _write_record(job.output, record)
        say(
            f"{job.model.lower()} on {host}, walks by {result.walk_engine}: {len(result.history)} epochs, "
            f"loss {result.loss:.4f}, {result.seconds:.1f} s"
        )
        if job.evaluate:
            record["metrics"] = metrics = _evaluate(emb, source.labels)
            _write_record(job.output, record)
            for node_type, scores in metrics.items():
                kind = "" if node_type == NODE_TYPE else f" of {node_type}"
                shown = ", ".join(f"{name} {value:.4f}" for name, value in scores.items())
                say(f"classification{kind}, half of the labels for training, 10 splits: {shown}")
    say(f"wrote {job.output} ({len(emb)} vectors of {emb.tensor.size(1)} dimensions) and {_record_path(job.output)}")
    return record


def _model_class(name: str, host: str) -> type:
    known = adapter(host).models()
    if name.lower() not in known:
        raise InputError("model", name, "one of " + ", ".join(map(repr, sorted(known))))
    return known[name.lower()]


def _check_files(job: Job) -> None:
    if job.output.suffix not in (".parquet", ".npz"):
        raise InputError("output", str(job.output), "a name ending in .parquet or .npz")
    if job.output.resolve() == Path(job.input).resolve():
        raise InputError("output", str(job.output), "another file than the input, which it would replace")
    for argument, path in (("output", job.output), ("checkpoint", job.checkpoint)):
        if path is None:
            continue
        if path.is_dir():
            raise InputError(argument, str(path), "the name of a file, not of a folder")
        if not path.parent.is_dir():
            raise InputError(argument, str(path), f"a file in a folder that exists; {path.parent} does not")
        if not os.access(path.parent, os.W_OK):
            raise InputError(argument, str(path), f"a file in a folder that can be written to; {path.parent} cannot")


def _split(job: Job, model_class: type) -> tuple[dict[str, Any], dict[str, Any]]:
    """Arguments of the constructor and of fit; extra ones go where they are known."""
    of_model, of_fit = _names(builder(model_class)), [*_names(fit), *options_of(model_class)]
    config, training = dict(job.config), {**job.training, "seed": job.seed}
    if "seed" in of_model:
        config["seed"] = job.seed
    for name, value in job.extra.items():
        if name in of_model:
            config[name] = value
        elif name.removeprefix("fit.") in of_fit:
            training[name.removeprefix("fit.")] = value
        else:
            known = dict.fromkeys([*of_model, *of_fit])
            raise InputError(name, value, f"an argument of {model_class.__name__} or of fit: {', '.join(known)}")
    for name, parameter in inspect.signature(builder(model_class)).parameters.items():
        needed = parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD
        if needed and name in of_model and name not in config:
            raise InputError(
                name, "nothing", f"a value, as {model_class.__name__} has no default", f"--set {name}=VALUE gives one"
            )
    return config, training


#: Arguments that are no settings: the graph, and what the run itself supplies.
_OURS = ("g", "graph", "model", "y", "masks", "checkpoint", "progress", "on_epoch", "num_nodes", "options")


def _names(function: Callable[..., Any]) -> list[str]:
    """Arguments that are settings."""
    return [name for name in inspect.signature(function).parameters if name not in _OURS]


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


def _evaluate(emb: Embeddings, labels: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    metrics = {}
    for node_type, y in labels.items():
        metrics[node_type] = evaluate.node_classification(emb[node_type], y)
    return metrics


def _write_record(output: Path, record: Mapping[str, Any]) -> None:
    path = _record_path(output)
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(json.dumps(record, indent=2, default=str) + "\n")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _record_path(output: Path) -> Path:
    return output.with_name(output.name + ".json")


def _farewell(job: Job, done: int, epochs: int) -> str:
    text = f"interrupted after epoch {done} of {epochs}; {job.output} was not written."
    if job.checkpoint is None:
        return f"{text} With --checkpoint FILE a run can be resumed."
    if not job.checkpoint.exists():
        return f"{text} There is no checkpoint yet."
    return f"{text} The same command resumes from {job.checkpoint}."
