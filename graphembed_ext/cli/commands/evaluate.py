"""``graphembed evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .common import Debug, Embedding, Json, load, reporting, show, table

__all__ = ["evaluate"]


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
    repeats: Annotated[int, typer.Option(help="classification: number of random splits.")] = 10,
    test: Annotated[
        Path | None, typer.Option(help="links, recommendation: edge list of pairs that were held out of training.")
    ] = None,
    negative: Annotated[
        Path | None,
        typer.Option(help="links: edge list of pairs that are no edges; as many as in --test drawn where left out."),
    ] = None,
    k: Annotated[int, typer.Option("-k", "--k", help="recommendation: length of the lists.")] = 20,
    input_format: Annotated[
        str | None, typer.Option(help="Read pairs as if the name of their file ended so, such as adjlist.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Fixes splits and drawn pairs.")] = 0,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Tell how good embeddings are, by the field's usual protocols.

    classification: logistic regression on random splits of the labelled nodes. links: how well dot products tell
    held-out edges from pairs that are none. recommendation: how many held-out items stand in the lists of their users.
    """
    with reporting(debug):
        from ..._core import checks as _checks
        from ..runs.evaluate import classification, links
        from ..runs.recommend import SavedRecommender

        _checks.choice("task", task, ("classification", "links", "recommendation"))
        emb = load(embedding)
        if task == "classification":
            found = classification(
                emb, embedding, labels or [], label_column, train_ratio=train_ratio, repeats=repeats, seed=seed
            )
        elif test is None:
            raise _missing_test(task)
        elif task == "links":
            found = {"": links(emb, embedding, test, negative, input_format=input_format, seed=seed)}
        else:
            found = {"": SavedRecommender(emb, embedding).evaluate(test, k, input_format)}
        data = found.get("", found)
        rows = [(kind, name, value) for kind, scores in found.items() for name, value in scores.items()]
        columns = {"type": "left", "measure": "left", "value": "right"}
        if len(found) == 1:
            del columns["type"]
            rows = [row[1:] for row in rows]  # type: ignore[misc]
        show(as_json, {"task": task, "metrics": data}, table(task, columns, rows))


def _missing_test(task: str) -> Exception:
    from ...errors import InputError

    return InputError("test", "nothing", f"an edge list of held-out pairs, which {task} is judged by", "--test FILE")
