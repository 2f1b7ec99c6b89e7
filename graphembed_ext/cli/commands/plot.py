"""``graphembed plot``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
    check_word,
    kind_in,
    load,
    reporting,
    say,
    show,
)

__all__ = ["plot"]


def plot(
    embedding: Embedding,
    kind: Annotated[
        str,
        typer.Argument(
            help="loss; map (2-D); degree (norm of vectors against neighbours); attention (han, over metapaths); "
            "recall (lightgcn trained with --validation)."
        ),
    ] = "loss",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Picture to write, .png, .svg or .pdf, or .csv with the places of a map, or .html to explore it; "
            "EMBEDDING.KIND.png by default.",
        ),
    ] = None,
    interactive: Annotated[
        bool,
        typer.Option(
            "--interactive",
            help="map: a page to zoom, search by name and hover for nearest neighbours, EMBEDDING.map.html.",
        ),
    ] = False,
    labels: Annotated[
        list[str] | None,
        typer.Option(help="map: table of classes to colour by, those of the run's input where left out."),
    ] = None,
    label_column: Annotated[str | None, typer.Option(help="map: title of the column with the class.")] = None,
    columns: Columns = None,
    delimiter: Delimiter = None,
    comment: Comment = None,
    encoding: Encoding = None,
    header: Header = None,
    nodes: Nodes = None,
    type: Annotated[str | None, typer.Option("--type", "-t", help="map: draw nodes of this type only.")] = None,
    method: Annotated[
        str, typer.Option(help="map: tsne, umap, pca, or auto, which goes by the number of nodes.")
    ] = "auto",
    seed: Annotated[int, typer.Option(help="map: fixes the places.")] = 0,
    mark: Annotated[
        list[str] | None, typer.Option(help="map: name of a node to ring and to write; may be given several times.")
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Draw a picture of a run: its loss, its embeddings, or what its model has learned."""
    with reporting(debug):
        from ...errors import InputError
        from ...readers.options import Reading
        from ..runs.plot import KINDS, draw

        if interactive and (kind != "map" or (output is not None and output.suffix not in (".html", ".htm"))):
            what = f"a picture of {kind}" if kind != "map" else str(output)
            raise InputError("interactive", what, "kind map, and an output ending in .html where one is named")
        check_word(embedding, "kind", kind, KINDS)
        path = output or embedding.with_name(f"{embedding.stem}.{kind}.{'html' if interactive else 'png'}")
        notes: list[str] = []
        emb = load(embedding)
        draw(
            emb,
            embedding,
            kind,
            path,
            labels=[*(labels or []), *(nodes or [])],
            label_column=label_column,
            reading=Reading.of(columns, delimiter, comment, encoding, header, skip_bad=None),
            node_type=None if type is None else kind_in(emb, type),
            method=method,
            seed=seed,
            mark=mark or [],
            notes=notes,
        )
        say(notes)
        show(as_json, {"file": str(path)})
        if not as_json:
            typer.echo(f"wrote {path}")
