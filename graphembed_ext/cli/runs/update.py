"""A run that goes on from an earlier one on a graph that has grown: what ``graphembed update`` does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ... import checkpoint as checkpoint_files
from ...errors import InputError
from ...graph.view import NODE_TYPE
from ...models.catalogue import create
from ...readers.graph_file import GraphFile
from ...training import grow
from ..options import said
from .arguments import arguments, class_of, fill
from .job import Job
from .paths import same
from .records import Run
from .train import run

__all__ = ["update"]

#: Epochs of an update, where nobody says so: old nodes know their places, and new ones have theirs to find.
_EPOCHS = 5
#: Options of the old run that mean files of its own.
_OWN_FILES = ("output", "weights", "checkpoint", "tensorboard")


def update(
    old: Path,
    inputs: Sequence[str],
    output: Path,
    *,
    whole: bool = False,
    old_weights: Path | None = None,
    given: dict[str, Any],
    command: str = "",
    say: Callable[[str], object] = print,
    progress: bool = False,
) -> dict[str, Any]:
    """Go on from a run on a grown graph; nodes that it knew keep their vectors, by name.

    Args:
        old: The old run's embeddings; its record stands beside them.
        inputs: Files with the new edges.
        output: File to write.
        whole: Whether the files have the whole graph; otherwise the old run's edges stay, and these come to them.
        old_weights: The old model's weights; None for the file that the old run wrote.
        given: Options of ``graphembed train`` that are others now.
        command: The command line, for the record.
        say: Called with each line of the report.
        progress: Whether to show a progress bar.

    Returns:
        The record of the run.

    Raises:
        InputError: A run whose weights were not kept; what :func:`graphembed_ext.grow` refuses.
    """
    before = Run.of(old)
    weights = before.weights(old_weights, "old_weights")
    if same(output, old):
        raise InputError("output", str(output), "another file than the old embeddings", "move it when it is done")
    options = {name: value for name, value in before.record["job"].items() if name not in _OWN_FILES}
    options |= {"input": [*([] if whole else before.job.files), *inputs], "output": str(output)}
    job = Job.of_options(_with_given(options, given), command)
    start = _Start(before, job, weights, say)
    about = {"updated_from": str(old), "repeat": command}
    return run(job, say=say, progress=progress, begin=start.model, about=about)


def _with_given(options: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The old run's options with those that are others now."""
    own = said(given)
    settings = {**options.get("set", {}), "epochs": _EPOCHS, **own.pop("set", {})}
    settings.pop("fit.epochs", None)
    return {**options, **own, "set": settings}


class _Start:
    """The old model, grown."""

    def __init__(self, before: Run, job: Job, weights: Path, say: Callable[[str], object]) -> None:
        self._before, self._job, self._weights, self._say = before, job, weights, say

    def model(self, graph: Any, source: GraphFile, host: str) -> Any:
        """The model to train, on the new graph."""
        job, known = self._before.job, self._before.graph
        model_class = class_of(job, host)
        config, _ = arguments(job, model_class)
        fill(job, config, model_class, known)
        old = create(job.name, known.build(host), **config)
        checkpoint_files.load(old, self._weights)
        old_names, new_names = _names_of(old.node_counts(), known, source)
        found = grow(old, graph, old_names=old_names, new_names=new_names)
        before = known.view.num_nodes
        new = {kind: count - before.get(kind, 0) for kind, count in source.view.num_nodes.items()}
        kinds = ", ".join(f"{count} new {'nodes' if kind == NODE_TYPE else kind}" for kind, count in new.items())
        self._say(f"from {self._before.output}: {sum(before.values())} nodes known, {kinds}")
        return found


def _names_of(kinds: Mapping[str, int] | None, known: GraphFile, source: GraphFile) -> tuple[Any, Any]:
    """Names of the nodes that a model keeps, before and after; None where there are none, or it keeps no nodes.

    Raises:
        InputError: Names of some nodes only: others would be taken for each other.
    """
    if kinds is None or not (known.names or source.names):
        return None, None
    before, after = ({kind: (file.names or {}).get(kind) for kind in kinds} for file in (known, source))
    if None in (*before.values(), *after.values()):
        got = f"names of {list(known.names or {})} and of {list(source.names or {})}"
        raise InputError("input", got, f"names of the nodes of {list(kinds)} in both graphs, or in neither")
    return before, after
