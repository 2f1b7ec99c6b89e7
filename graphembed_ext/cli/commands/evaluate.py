"""``graphembed evaluate``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from .common import (
    Columns,
    Comment,
    Debug,
    Delimiter,
    Embedding,
    Encoding,
    Header,
    Json,
    Nodes,
    NoWeight,
    check_word,
    load,
    reporting,
    say,
    show,
    table,
)

__all__ = ["evaluate"]

Repeats = Annotated[
    int | None,
    typer.Option(
        "--repeats",
        "--splits",
        help="classification: random splits, 10 by default; links: draws of pairs that are none, 1 by default. From 2 "
        "on, figures come with their standard deviation.",
    ),
]
PublicSplit = Annotated[
    bool, typer.Option("--public-split", help="classification: judge on the masks of the run's input, not at random.")
]
References = Annotated[
    bool,
    typer.Option(
        "--references/--no-references",
        help="Judge beside it what is trivial: the majority class, degrees, features; common neighbours; popularity, "
        "item-kNN and EASE.",
    ),
]


def evaluate(
    embedding: Embedding,
    task: Annotated[
        str, typer.Argument(help="classification, links (link prediction) or recommendation.")
    ] = "classification",
    labels: Annotated[
        list[str] | None,
        typer.Option(
            help="classification: table with a node and its class on each line, or .npy; TYPE=FILE for a typed graph. "
            "Those of the run's input where left out."
        ),
    ] = None,
    label_column: Annotated[str | None, typer.Option(help="Title of the column with the class.")] = None,
    train_ratio: Annotated[float, typer.Option(help="classification: part of the labels to train on.")] = 0.5,
    repeats: Repeats = None,
    public_split: PublicSplit = False,
    references: References = True,
    test: Annotated[
        Path | None, typer.Option(help="links, recommendation: edge list of pairs that were held out of training.")
    ] = None,
    negative: Annotated[
        Path | None,
        typer.Option(help="links: edge list of pairs that are no edges; as many as in --test drawn where left out."),
    ] = None,
    score: Annotated[
        str,
        typer.Option(
            help="links: dot, cosine, hadamard (node2vec's protocol: a logistic regression on products of vectors, "
            "learned from the run's edges), or auto, which goes by the model: hadamard for walks and for vectors "
            "trained on labels, dot otherwise."
        ),
    ] = "auto",
    k: Annotated[
        int | None,
        typer.Option("-k", "--k", help="recommendation: length of the lists. [default: 20, or all where fewer]"),
    ] = None,
    input_format: Annotated[
        str | None, typer.Option(help="Read pairs as if the name of their file ended so, such as adjlist.")
    ] = None,
    columns: Columns = None,
    delimiter: Delimiter = None,
    comment: Comment = None,
    encoding: Encoding = None,
    header: Header = None,
    no_weight: NoWeight = False,
    nodes: Nodes = None,
    seed: Annotated[int, typer.Option(help="Fixes splits and drawn pairs.")] = 0,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Tell how good embeddings are, by the field's usual protocols.

    classification: logistic regression on random splits of the labelled nodes; where labels were trained on, on the
    test part of the run. links: how well scores of pairs tell held-out edges from pairs that are none. recommendation:
    how many held-out items stand in the lists of their users.
    """
    with reporting(debug):
        from ..._core import checks

        check_word(embedding, "task", task, _PROTOCOLS)
        if repeats is not None:
            checks.integer("repeats", repeats)
        how = {"columns": columns, "delimiter": delimiter, "comment": comment, "encoding": encoding, "header": header}
        if task != "classification" and test is None:
            raise _missing_test(task)
        notes: list[str] = []
        if task != "classification":
            _check_needless(task, {"nodes": nodes, "labels": labels, "label_column": label_column})
        if task == "classification":
            asked: dict[str, Any] = {"train_ratio": train_ratio, "repeats": repeats or 10, "seed": seed}
            asked |= {"references": references, "given_masks": public_split}
            found = _classification(embedding, [*(labels or []), *(nodes or [])], label_column, asked, how, notes)
        elif task == "links":
            asked = {"score": score, "seed": seed, "repeats": repeats or 1, "references": references, "notes": notes}
            found = _links(embedding, test, negative, {"input_format": input_format, **how}, asked)
        else:
            found = _recommendation(embedding, test, k, {"input_format": input_format, **how}, notes, references)
        say(notes)
        _show(task, found, as_json)


#: Scores and protocol, by node type.
_Found = Mapping[str, tuple[dict[str, float], str]]

_PROTOCOLS = ("classification", "links", "recommendation")


def _classification(
    embedding: Path,
    labels: list[str],
    column: str | None,
    asked: dict[str, Any],
    how: dict[str, Any],
    notes: list[str],
) -> _Found:
    from ...readers.options import Reading
    from ..runs.evaluate import classification

    return classification(load(embedding), embedding, labels, column, Reading.of(**how, skip_bad=None), notes, **asked)


def _links(embedding: Path, test: Any, negative: Path | None, how: dict[str, Any], asked: dict[str, Any]) -> _Found:
    from ..._core import checks
    from ..runs.links import SCORES, links

    checks.choice("score", asked["score"], ("auto", *SCORES))
    checks.integer("repeats", asked["repeats"])
    return {"": links(load(embedding), embedding, test, negative, reading=how, **asked)}


def _recommendation(
    embedding: Path, test: Any, k: int | None, how: dict[str, Any], notes: list[str], references: bool
) -> _Found:
    from ..runs.recommend import SavedRecommender

    scores = SavedRecommender(load(embedding), embedding).evaluate(test, k, how, notes, references=references)
    return {"": (scores, "all items ranked for each user, but those of the training")}


def _show(task: str, found: _Found, as_json: bool) -> None:
    """Scores with the protocol that gave them; of one node type without its name."""
    tables = []
    for kind, (scores, protocol) in found.items():
        columns, rows = _beside(scores)
        tables.append(table(f"{task}{f' of {kind}' if kind else ''}: {protocol}", columns, rows))
    data = {"task": task, "protocol": _of_kinds({kind: protocol for kind, (_, protocol) in found.items()})}
    data["metrics"] = _of_kinds({kind: scores for kind, (scores, _) in found.items()})
    spread = {kind: getattr(scores, "spread", {}) for kind, (scores, _) in found.items()}
    beside = {kind: getattr(scores, "references", {}) for kind, (scores, _) in found.items()}
    data |= {"spread": _of_kinds(spread)} if any(spread.values()) else {}
    data |= {"references": _of_kinds(beside)} if any(beside.values()) else {}
    show(as_json, data, *tables)


def _of_kinds(values: dict[str, Any]) -> Any:
    return values.get("", values)


def _beside(scores: dict[str, float]) -> tuple[dict[str, str], list[tuple[Any, ...]]]:
    """Columns and rows of a table of figures, their spread, and those of what is trivial."""
    spread, beside = getattr(scores, "spread", {}), getattr(scores, "references", {})
    columns = {"measure": "left", "value": "right", **({"±": "right"} if spread else {})}
    columns |= dict.fromkeys(beside, "right")
    rows = []
    for name, value in scores.items():
        others = [of.get(name, "") for of in beside.values()]
        rows.append((name, value, *([spread[name]] if spread else []), *others))
    return columns, rows


def _missing_test(task: str) -> Exception:
    from ...errors import InputError

    return InputError("test", "nothing", f"an edge list of held-out pairs, which {task} is judged by", "--test FILE")


def _check_needless(task: str, given: Mapping[str, Any]) -> None:
    from ...errors import InputError

    for name, value in given.items():
        if value:
            got = value if isinstance(value, str) else ", ".join(value)
            raise InputError(name, got, f"no table of nodes, as {task} is judged by pairs", "--test FILE")
