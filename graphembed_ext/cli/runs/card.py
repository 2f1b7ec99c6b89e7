"""A run on a page, for people who are to use its vectors: what ``graphembed card`` does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..._core.files import whole
from ...embeddings.vectors import Embeddings
from ...errors import InputError
from ...graph.view import NODE_TYPE
from .evaluate import classification
from .links import links
from .recommend import SavedRecommender
from .records import Run

__all__ = ["card", "write"]

_LEFT = "*to be filled in*"


def card(path: Path, test: Path | None = None) -> str:
    """A model card in Markdown.

    Args:
        path: Embeddings, or the record beside them.
        test: Edge list of pairs that were held out; None judges by the labels of the run's input, where it has some.

    Raises:
        FileFormatError: No record, or files that it names and that are gone.
    """
    run = Run.of(path.with_suffix("") if path.suffix == ".json" else path)
    emb, record = Embeddings.load(run.output), run.record
    settings = {**record.get("config", {}), **record.get("training", {})}
    parts = [
        f"# {run.title}",
        f"{len(emb):,} vectors of {emb.shape[1]} dimensions in `{run.output.name}`.",
        "## Data",
        _table(("what", "value"), _data(run)),
        "## Training",
        _table(("what", "value"), _training(record)),
        _table(("setting", "value"), _there(settings)),
        "## How good the vectors are",
        *_judged(run, emb, test),
        "## Made with",
        _table(("package", "version"), _there(record["versions"])),
        f"To repeat: `{record['repeat']}`",
        "## Licence and use",
        f"Licence of the data: {_LEFT}. Licence of the vectors: {_LEFT}. What they are for, and are not: {_LEFT}.",
    ]
    return "\n\n".join(parts) + "\n"


def write(path: Path, text: str) -> Path:
    """Write a card; an old one stays in place until the new one is whole."""
    if path.suffix != ".md":
        raise InputError("output", str(path), "a name ending in .md")
    return whole(path, lambda part: part.write_text(text, encoding="utf-8"))


def _there(values: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """Names and values, but for those that are none."""
    return ((name, value) for name, value in values.items() if value is not None)


def _data(run: Run) -> Iterable[tuple[str, Any]]:
    yield "input", run.job.source
    for name, called in {"nodes": "tables of nodes", "labels": "labels", "features": "features"}.items():
        if run.record["job"].get(name):
            yield called, ", ".join(run.record["job"][name])
    for kind, count in run.record["graph"]["nodes"].items():
        yield "nodes" if kind == NODE_TYPE else f"nodes of {kind}", f"{count:,}"
    for kind, count in run.record["graph"]["edges"].items():
        yield "edges" if NODE_TYPE in kind else f"edges {kind}", f"{count:,}"


def _training(record: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    history = record.get("history") or []
    yield "model", f"{record['model']}, for {record['host']}"
    if "embedded_by" in record:
        yield "trained", f"no: by the weights of {record['embedded_by']}"
        return
    yield "epochs", len(history)
    if history:
        yield "last loss", f"{history[-1]['loss']:.4f}"
    if record.get("best_epoch"):
        yield "weights kept of epoch", record["best_epoch"]
    yield "seconds", f"{record['seconds']:.1f} on {record['threads']} thread{'s' * (record['threads'] != 1)}"


def _judged(run: Run, emb: Embeddings, test: Path | None) -> Iterable[str]:
    """Figures beside those of what is trivial, and how they came about."""
    own = {name: value for name, value in (run.record["metrics"] or {}).items() if not isinstance(value, Mapping)}
    if own:
        yield "By the training itself:"
        yield _table(("measure", "value"), own.items())
    found: Mapping[str, Any] = {}
    if test is not None:
        found = {"": _by_pairs(run, emb, test)}
    elif set(run.graph.labels) & set(emb.node_types):
        found = classification(emb, run.output, [], references=True)
    for kind, (scores, protocol) in found.items():
        yield f"{kind}: {protocol}." if kind else f"{protocol[0].upper()}{protocol[1:]}."
        titles = ["measure", "these vectors", *(["±"] if scores.spread else []), *scores.references]
        yield _table(titles, (_row(name, scores) for name in scores))
    if not own and not found:
        yield "Not judged: graphembed card --test FILE does, by pairs that were held out."


def _by_pairs(run: Run, emb: Embeddings, test: Path) -> tuple[Any, str]:
    if run.task != "recommendation":
        return links(emb, run.output, test, references=True, notes=[])
    scores = SavedRecommender(emb, run.output).evaluate(test, notes=[], references=True)
    length = next(iter(scores)).partition("@")[2]
    return scores, f"the {length} best of all items for each user, but those of the training"


def _row(name: str, scores: Any) -> list[Any]:
    spread = [scores.spread[name]] if scores.spread else []
    return [name, scores[name], *spread, *(figures.get(name, "") for figures in scores.references.values())]


def _table(titles: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in [titles, ["---"] * len(titles), *rows])


def _cell(value: Any) -> str:
    return str(round(value, 4) if isinstance(value, float) else value).replace("|", "\\|")
