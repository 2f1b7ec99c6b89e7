"""``graphembed update``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from .common import Debug, Embedding, Json, command_line, reporting, setting

__all__ = ["update"]


def update(
    embedding: Embedding,
    input: Annotated[
        list[str], typer.Option("--input", "-i", help="Edge list with new edges, and new nodes; may be repeated.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write, .parquet, .npz or .safetensors.")],
    whole: Annotated[
        bool, typer.Option("--whole/--more", help="Whether --input has the whole graph, or edges that come to the old.")
    ] = False,
    old_weights: Annotated[
        Path | None, typer.Option(help="The old model's weights; those of the old run's --weights where left out.")
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="File for the new model's weights.")] = None,
    features: Annotated[
        list[str] | None, typer.Option(help="graphsage, han: features of all nodes, the new ones included.")
    ] = None,
    labels: Annotated[list[str] | None, typer.Option(help="graphsage, han: labels of nodes.")] = None,
    epochs: Annotated[int, typer.Option(help="Passes over the data.")] = 5,
    lr: Annotated[float | None, typer.Option(help="Learning rate; the old run's where left out.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Any other setting, as for train.")
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Go on from a run when the graph has grown: known nodes keep their vectors by name, new ones find their places.

    The old run needs its record beside its embeddings, its input, and its weights (graphembed train --weights FILE).
    """
    with reporting(debug):
        from ..runs.update import update as updated

        settings = {"epochs": epochs} | ({} if lr is None else {"lr": lr}) | dict(map(setting, set_ or []))
        given = {"set": settings, "weights": weights, "features": features, "labels": labels}
        record = updated(
            embedding,
            input,
            output,
            whole=whole,
            old_weights=old_weights,
            given=given,
            command=command_line(),
            say=lambda text: typer.echo(text, err=as_json),
            progress=sys.stderr.isatty(),
        )
        if as_json:
            typer.echo(json.dumps(record, indent=2, default=str))
