"""One training run from file to file: what ``graphembed train`` does."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ... import checkpoint as checkpoint_files
from ... import distributed
from ..._core import optional as hosts
from ..._core.files import LONGEST, previous_of, remove
from ..._core.locks import held
from ..._core.parallel import threads
from ..._core.shared import is_shared
from ...distributed.group import ALONE, Group
from ...distributed.joining import join
from ...embeddings.formats import is_folder
from ...embeddings.vectors import Embeddings, embed
from ...errors import InputError
from ...graph.folder import is_prepared
from ...graph.view import NODE_TYPE, GraphView
from ...models.catalogue import builder, create
from ...readers.graph_file import GraphFile
from ...readers.graphs import relation_of
from ...training import FitResult
from ...training.fitting import fit
from ...training.placing import device_of
from ...training.strategies import named
from .. import doctor
from .arguments import arguments, asked_task, class_of, fill, settled, supervised, targets, weights_note
from .evaluate import classify
from .inputs import held_out, prepared, validation_pairs
from .job import Job, plain
from .paths import same
from .records import record_path, write_record

__all__ = ["asked", "check_files", "describe", "findings", "run"]


def run(
    job: Job,
    *,
    say: Callable[[str], object] = print,
    progress: bool = False,
    begin: Callable[[Any, GraphFile, str], Any] | None = None,
    about: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:
    """Do a job. Whatever can be checked is checked before any work; files appear when they are whole.

    Args:
        job: The job.
        say: Called with each line of the report.
        progress: Whether to show a progress bar.
        begin: Makes the model to train, of the graph, its file and the host; None makes a new one.
        about: What else its record says.

    Returns:
        The record of the run, as written to ``<output>.json``: job, command, configuration, versions, history,
        seconds, metrics.

    Raises:
        GraphEmbedError: Something is wrong with the input or an argument; another run writes the output.
        KeyboardInterrupt: Ctrl-C; the message says what became of the run. The output is not written.
    """
    host = _host_of(job)
    model_class = class_of(job, host)
    task = getattr(model_class, "task", "")
    _check(job, task)
    config, training = arguments(job, model_class)
    strategy = named(training.get("strategy"), task, model_class.__name__)
    group = ALONE if strategy is None else join()
    if strategy == "sharded":
        config["device"] = "meta"  # every process makes its own rows
    with group.watched(), held(job.output, say) if group.first else nullcontext():
        parts = host, model_class, config, training, group
        return _run(job, *parts, say if group.first else _silent, progress, begin, about)


def _silent(text: str) -> None:
    """What processes but the first have to say."""


def _run(
    job: Job,
    host: str,
    model_class: type,
    config: dict[str, Any],
    training: dict[str, Any],
    group: Group,
    say: Callable[[str], object],
    progress: bool,
    begin: Callable[[Any, GraphFile, str], Any] | None,
    about: Mapping[str, Any],
) -> dict[str, Any]:
    """:func:`run`, by arguments that are known to be right; nothing from processes but the first."""
    task = getattr(model_class, "task", "")
    source = prepared(job, task)
    say(describe(job, source, weights_note(job, config, model_class, source)))
    _check_labels(job, source)
    fill(job, config, model_class, source)
    graph = source.view if source.view.mapped else source.build(host)
    checkpoint = job.own_checkpoint()
    with threads(job.threads) as count:
        model = create(job.name, graph, **config) if begin is None else begin(graph, source, host)
        result = _fitted(job, model, graph, source, training, checkpoint, progress, say)
        emb = _written(job, model, graph if task != "skip_gram" else None, source, group)
        if not group.first:
            return {}
        told = findings(model, graph, task)
    settings = plain(settled(builder(model_class), config))
    record = _record(asked(job, host, source), job, settings, training, count, result) | told | dict(about)
    write_record(job.output, record)
    if job.checkpoint is None and checkpoint is not None:
        for state in (checkpoint, previous_of(checkpoint)):
            remove(state)
    say(_summary(job, host, result))
    if result.advice and not progress:  # which fit tells beside its bar
        say(result.advice)
    if job.evaluate:
        vectors = Embeddings.load(job.output) if emb is None else emb
        record["metrics"] = {**(record["metrics"] or {}), **_evaluated(job, vectors, source, task, say)}
        write_record(job.output, record)
    rows, width = model.node_embed.weight.shape if emb is None else emb.shape
    say(f"wrote {job.output} ({rows} vectors of {width} dimensions) and {record_path(job.output)}")
    return record


def _record(
    given: dict[str, Any],
    job: Job,
    config: dict[str, Any],
    training: Mapping[str, Any],
    threads_used: int,
    result: FitResult,
) -> dict[str, Any]:
    """What a run says of itself: what it was given, its settings, and what came of it."""
    known = {name: value for name, value in asdict(result).items() if name not in ("interrupted", "settings")}
    return {
        **given,
        "config": config,
        "training": plain({name: training[name] for name in _KEPT if name in training} | result.settings),
        "threads": threads_used,
        "versions": doctor.versions(),
        **known,
        "output": str(job.output),
        "metrics": dict(result.metrics) or None,
    }


def _host_of(job: Job) -> str:
    """The host for whose objects the graph is built, or whose conventions its models follow."""
    if not (len(job.files) == 1 and is_prepared(Path(job.files[0]).expanduser())):
        return job.host or ("dgl" if hosts.installed("dgl") else "pyg")
    if job.host not in (None, "pyg"):
        hint = "leave out --host; graphembed train -i EDGES reads the edges into memory"
        raise InputError("host", job.host, "pyg, as a prepared graph is read from the disk and DGL would copy it", hint)
    return "pyg"


#: Arguments of fit that a record has even where the trainer does not tell of them.
_KEPT = ("seed", "deterministic", "threads")


def asked(job: Job, host: str, source: GraphFile) -> dict[str, Any]:
    """What the record of a run says of what was asked for and read."""
    return {
        "job": {**job.options(), "host": host},
        "repeat": f"graphembed train --config {record_path(job.output)}",
        "command": job.command,
        "model": job.name,
        "host": host,
        "input": {"source": job.input, **plain(job.reading)},
        "graph": {"nodes": dict(source.view.num_nodes), "edges": _edge_counts(source.view)},
    }


def _evaluated(
    job: Job, emb: Embeddings, source: GraphFile, task: str, say: Callable[[str], object]
) -> dict[str, dict[str, float]]:
    """Classify the nodes by their vectors, and say how well that goes."""
    judged = classify(emb, source.labels, source.view if supervised(job, task) else None)
    for kind, (scores, protocol) in judged.items():
        of_kind = "" if kind == NODE_TYPE else f" of {kind}"
        say(f"classification{of_kind}, {protocol}: {_figures(scores)}")
    return {kind: scores for kind, (scores, _) in judged.items()}


def _check(job: Job, task: str) -> None:
    """Raise for what is wrong whatever the input holds."""
    check_files(job)
    device = job.settings.get("device", job.settings.get("fit.device"))
    if device not in (None, "meta"):  # "meta" is for models whose rows each process makes
        device_of(device)
    if job.threads is not None and job.threads < 1:
        raise InputError("threads", job.threads, "an integer of at least 1")
    if job.evaluate:
        if asked_task(job) == "regression":
            expected = "--no-evaluate with --task regression: the test part's errors stand in the record"
            raise InputError("evaluate", True, expected)
        hosts.require("sklearn", "--evaluate")


def check_files(job: Job) -> None:
    """Raise for files that could not be written, or would replace the input."""
    if job.output.suffix not in ("", ".parquet", ".npz", ".safetensors"):
        raise InputError("output", str(job.output), "a name ending in .parquet, .npz or .safetensors, or a folder")
    folders = {"checkpoint"} if job.output.suffix or not is_folder(job.output) else {"checkpoint", "output"}
    if job.weights is not None and job.weights.suffix not in (".pt", ".safetensors"):
        raise InputError("weights", str(job.weights), "a name ending in .pt or .safetensors")
    if any(same(job.output, Path(relation_of(name)[1])) for name in job.files):
        raise InputError("output", str(job.output), "another file than the input, which it would replace")
    for argument, path in (("output", job.output), ("checkpoint", job.checkpoint), ("weights", job.weights)):
        if path is None:
            continue
        if path.is_dir() and argument not in folders:
            raise InputError(argument, str(path), "the name of a file, not of a folder")
        if len(os.fsencode(path.name)) > LONGEST:
            raise InputError(argument, str(path), f"a name of at most {LONGEST} bytes: others are made of it")
        if not path.parent.is_dir():
            raise InputError(argument, str(path), f"a file in a folder that exists; {path.parent} does not")
        if not os.access(path.parent, os.W_OK):
            raise InputError(argument, str(path), f"a file in a folder that can be written to; {path.parent} cannot")


def _check_labels(job: Job, source: GraphFile) -> None:
    if job.evaluate and not source.labels:
        raise InputError(
            "evaluate",
            f"{job.source}, which has no labels",
            "an input with labels: a .mat file with the matrix 'group', or a graph or dataset with y",
            "--labels FILE gives some; leave out --evaluate to train without",
        )


def _fitted(
    job: Job,
    model: Any,
    graph: Any,
    source: GraphFile,
    training: Mapping[str, Any],
    checkpoint: Path | None,
    progress: bool,
    say: Callable[[str], object],
) -> FitResult:
    """Train the model.

    Raises:
        KeyboardInterrupt: Ctrl-C, with what became of the run.
    """
    task = getattr(model, "task", "")
    more: dict[str, Any] = targets(model, source) if supervised(job, task) else {}
    if job.validation is not None:
        more["validation"] = _validation(job, model, source, task, say)

    def tell(message: Warning | str, *_: Any, **__: Any) -> None:
        say(str(message))

    with _logging(job) as on_epoch, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "fit: interrupted")  # said below, in terms of the command line
        warnings.showwarning = tell
        trained_on = None if task == "skip_gram" else graph
        result = fit(model, trained_on, progress=progress, checkpoint=checkpoint, **training, **more, **on_epoch)
    if result.interrupted:
        raise KeyboardInterrupt(_farewell(job, checkpoint, len(result.history), result.settings["epochs"]))
    return result


def _validation(job: Job, model: Any, source: GraphFile, task: str, say: Callable[[str], object]) -> Any:
    """What ``--validation`` holds out, as fit takes it."""
    notes: list[str] = []
    if task == "recommendation":
        sides = model.interactions().sides
        kinds = sides.user_type or NODE_TYPE, sides.item_type or NODE_TYPE
        found: Any = validation_pairs(job, source, kinds, notes)
    else:
        found = held_out(job, source, notes)
    for note in notes:
        say(note)
    return found


@contextmanager
def _logging(job: Job) -> Iterator[dict[str, Any]]:
    """What fit is to call after each epoch."""
    with ExitStack() as stack:
        if job.tensorboard is None:
            yield {}
        else:
            from ...callbacks import TensorBoard

            yield {"on_epoch": stack.enter_context(TensorBoard(job.tensorboard))}


def _written(job: Job, model: Any, graph: Any, source: GraphFile, group: Group) -> Embeddings | None:
    """The embeddings, and the model's weights where they are wanted, as they stand in their files now; None where this
    process has not all of them.
    """
    known = source.names or {}
    by_rank = any(map(is_shared, model.parameters()))
    if by_rank and not job.output.suffix:
        distributed.save(model, job.output, known)
        emb = None
    else:
        vectors = distributed.collected(model) if by_rank else embed(model, graph) if group.first else None
        emb = None
        if vectors is not None:
            names = {kind: given for kind, given in known.items() if kind in vectors}
            emb = Embeddings(vectors.tensor, vectors.num_nodes, names)
            emb.save(job.output)
    if job.weights is not None:
        distributed.gather(model)
        if group.first:
            checkpoint_files.save(model, job.weights)
    return emb


def findings(model: Any, graph: Any, task: str) -> dict[str, Any]:
    """What else the model can tell, for pictures and recommending."""
    found: dict[str, Any] = {}
    if hasattr(model, "unit_norm"):
        found["unit_norm"] = model.unit_norm
    if hasattr(model, "semantic_attention"):
        found["attention"] = model.semantic_attention(graph)
    if task == "recommendation":
        sides = model.sides
        found["sides"] = {"user": sides.user_type, "item": sides.item_type, "num_users": len(sides.users)}
    return found


def _edge_counts(view: GraphView) -> dict[str, int]:
    return {"-".join(edge_type): len(src) for edge_type, (src, _) in view.edges.items()}


def describe(job: Job, source: GraphFile, weights: str) -> str:
    """The graph in a line, and how it was understood."""
    view = source.view
    if view.is_typed:
        what = ", ".join(f"{count} {node_type}" for node_type, count in view.num_nodes.items())
    else:
        what = f"{view.total_nodes} nodes"
    called = ""
    if job.model.lower() != job.name:
        called = f"{job.model.lower()} is {job.name} with p {job.settings.get('p', 1)} and q {job.settings.get('q', 1)}"
    notes = "".join(f"; {note}" for note in (*source.notes, weights, called) if note)
    return f"{job.source}: {what}, {source.edges_in_words}{notes}"


def _summary(job: Job, host: str, result: FitResult) -> str:
    walks = f", walks by {result.walk_engine}" if result.walk_engine else ""
    kept = f", the weights of epoch {result.best_epoch} kept" if result.best_epoch else ""
    figures = f"; {_figures(result.metrics)}" if result.metrics else ""
    count = len(result.history)
    epochs = f"{count} epoch{'s' * (count != 1)}, loss {result.loss:.4f}, {result.seconds:.1f} s"
    return f"{job.name} on {host}{walks}: {epochs}{kept}{figures}"


def _figures(scores: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4f}" for name, value in scores.items())


def _farewell(job: Job, checkpoint: Path | None, done: int, epochs: int) -> str:
    text = f"interrupted after epoch {done} of {epochs}; {job.output} was not written."
    if checkpoint is None:
        return f"{text} With --checkpoint FILE a run can be resumed."
    if not checkpoint.exists():
        return f"{text} There is no checkpoint yet."
    return f"{text} The same command resumes from {checkpoint}. It is: {job.command}"
