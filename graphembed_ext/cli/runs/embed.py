"""Vectors of nodes that a trained model has not seen: what ``graphembed embed`` does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ... import checkpoint as checkpoint_files
from ...embeddings.vectors import Embeddings, embed
from ...errors import InputError
from ...exports import export_model
from ...models.catalogue import create
from ...readers.graph_file import GraphFile
from .. import doctor
from .arguments import arguments, class_of, fill
from .inputs import prepared
from .job import Job
from .records import Run, record_path, write_record
from .train import asked, check_files, describe, findings

__all__ = ["embedded", "exported"]

#: Options of the run that hold for any graph that its model serves.
_KEPT = ("model", "host", "metapath", "directed", "bipartite", "seed")
#: Settings that the labels of the run's input have made.
_BY_LABELS = ("out_channels", "target")


def embedded(
    old: Path | None,
    inputs: Sequence[str],
    output: Path,
    *,
    weights: Path | None = None,
    given: Mapping[str, Any],
    command: str = "",
    say: Callable[[str], object] = print,
) -> Embeddings:
    """Write the vectors of a graph's nodes by the weights of a run, without training, and a record beside them.

    Args:
        old: Embeddings of the run, beside which its record stands; None finds the run that wrote the weights.
        inputs: Files of the graph.
        output: File to write.
        weights: The model's weights; None for the file that the run wrote.
        given: Options of reading, and files of features, as for ``graphembed train``.
        command: The command line, for the record.
        say: Called with each line of the report.

    Returns:
        What was written.

    Raises:
        InputError: A model that keeps a vector for each node; features other than those it was trained on.
    """
    run = _run(old, weights)
    _check_serves(run, run.task == "nodes" and "one-hot" not in "=".join(run.job.features))
    path = run.weights(weights)
    kept = {name: value for name, value in run.record["job"].items() if name in _KEPT}
    settings = {name: value for name, value in run.job.settings.items() if name.removeprefix("fit.") != "task"}
    job = Job.of_options({**kept, "input": inputs, "output": output, "set": settings, **given}, command)
    check_files(job)
    source = prepared(job, run.task)
    say(describe(job, source, ""))
    host = job.host or "pyg"
    graph = source.build(host)
    model = _model(run, job, source, graph, path)
    vectors = embed(model, graph)
    names = {kind: known for kind, known in (source.names or {}).items() if kind in vectors}
    found = Embeddings(vectors.tensor, vectors.num_nodes, names)
    found.save(job.output)
    about = {"repeat": command, "embedded_by": str(run.output), "weights": str(path), "config": run.record["config"]}
    about |= {"versions": doctor.versions(), "history": [], "metrics": None} | findings(model, graph, run.task)
    write_record(job.output, asked(job, host, source) | about)
    said = f"{len(found)} vectors of {found.shape[1]} dimensions, by {path}; nothing was trained"
    say(f"wrote {job.output} ({said}) and {record_path(job.output)}")
    return found


def exported(old: Path, output: Path, weights: Path | None = None) -> Path:
    """Write the model of a run as a program, see :func:`graphembed_ext.exports.export_model`."""
    run = Run.of(old)
    _check_serves(run, run.task == "nodes")
    job = replace(run.job, host="pyg")
    graph = run.graph.build("pyg")
    return export_model(_model(run, job, run.graph, graph, run.weights(weights)), graph, output)


def _run(old: Path | None, weights: Path | None) -> Run:
    if old is not None:
        return Run.of(old)
    if weights is None:
        expected = "the embeddings of a run of graphsage or han, or its weights"
        raise InputError("embedding", "nothing", expected, "graphembed embed EMBEDDINGS -i FILE, or --weights FILE")
    return Run.of_weights(weights)


def _check_serves(run: Run, serves: bool) -> None:
    """Raise for a model that has something of its own of each node."""
    if not serves:
        what = f"{run.output}, of {run.job.name}" + (" on one-hot features" if run.task == "nodes" else "")
        expected = "a run of graphsage or han on features, whose weights serve nodes that it has not seen"
        hint = f"graphembed update {run.output} -i FILE trains vectors of new nodes, and keeps those of the others"
        raise InputError("embedding", what, expected, hint)


def _model(run: Run, job: Job, source: GraphFile, graph: Any, weights: Path) -> Any:
    """The model of a run, for another graph."""
    model_class = class_of(job, job.host or "pyg")
    config, _ = arguments(job, model_class)
    config |= {name: value for name in _BY_LABELS if (value := run.record["config"].get(name)) is not None}
    fill(job, config, model_class, source)
    model = create(job.name, graph, **config)
    _check_serves(run, model.node_counts() is None)
    try:
        checkpoint_files.load(model, weights)
    except InputError as error:
        expected = f"features and types of nodes as in {run.job.source}, which the model was trained on"
        raise InputError("features", f"those of {job.source} ({error})", expected) from error
    if hasattr(model, "unit_norm"):
        model.unit_norm = run.record["unit_norm"]
    return model
