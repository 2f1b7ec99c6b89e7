"""One training run from file to file: what ``graphembed train`` does."""

from __future__ import annotations

import inspect
import os
import warnings
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ... import checkpoint as checkpoint_files
from ... import evaluate
from ..._core import optional as hosts
from ..._core.parallel import threads
from ...embeddings.vectors import Embeddings, embed
from ...errors import InputError
from ...graph.features import FEATURE_NAMES
from ...graph.metapaths import metapath_of, named_metapath
from ...graph.view import NODE_TYPE, GraphView
from ...models.catalogue import builder, create, models_of
from ...readers.graph_file import GraphFile
from ...training import FitResult
from ...training.fitting import fit, options_of
from .. import doctor
from .inputs import prepared, validation_pairs
from .job import Job, _plain
from .records import record_path, write_record

__all__ = ["run"]


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


def _model_class(name: str, host: str) -> type:
    known = models_of(host)
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
