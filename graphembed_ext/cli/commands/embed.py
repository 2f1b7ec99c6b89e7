"""``graphembed embed``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from ..options import said, with_reading
from .common import Debug, Json, command_line, reporting, show

__all__ = ["embed"]


@with_reading
def embed(
    input: Annotated[
        list[str],
        typer.Option("--input", "-i", help="Edge list with the nodes to embed and their edges; may be repeated."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write, .parquet, .npz or .safetensors.")],
    embedding: Annotated[
        Path | None,
        typer.Argument(help="Embeddings of the run whose model is taken; found by --weights where left out."),
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="The model's weights; those of the run's --weights where left out.")
    ] = None,
    features: Annotated[
        list[str] | None, typer.Option(help="Features of the nodes, as for train; TYPE=FILE for a typed graph.")
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
    **reading: Any,
) -> None:
    """Give nodes that a model has not seen their vectors: graphsage and han, by features and edges, without training.

    Models that keep a vector for each node have none for new ones: graphembed update trains these.

    Example: graphembed embed --weights sage.pt -i new.csv --features new_features.csv -o new.parquet
    """
    with reporting(debug):
        from ..runs.embed import embedded

        how = {name: value for name, value in said(reading).items() if value is not False}
        how |= {} if features is None else {"features": features}
        say = partial(typer.echo, err=as_json)
        emb = embedded(embedding, input, output, weights=weights, given=how, command=command_line(), say=say)
        show(as_json, {"nodes": dict(emb.num_nodes), "file": str(output)})
