"""``graphembed export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .common import Debug, Embedding, Json, load, reporting, show

__all__ = ["export"]


def export(
    embedding: Embedding,
    output: Annotated[
        Path,
        typer.Argument(
            help="File to write, .csv, .parquet, .npz, .safetensors, .txt (word2vec), .bin (word2vec, binary) or "
            ".usearch; a folder for the projector."
        ),
    ],
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            help="csv, parquet, npz, safetensors, word2vec, word2vec-binary, projector or usearch; told by the ending "
            "of the name where left out.",
        ),
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write embeddings for another tool: gensim, TensorBoard's projector, usearch, anything that reads Parquet."""
    with reporting(debug):
        from ...errors import InputError
        from ...exports import export as write

        emb = load(embedding)
        if output.resolve() == embedding.resolve():
            raise InputError("output", str(output), "another file than the embeddings, which it would replace")
        files = write(emb, output, format)
        show(as_json, {"nodes": len(emb), "files": [str(path) for path in files]})
        if not as_json:
            typer.echo(f"wrote {len(emb)} vectors of {emb.tensor.size(1)} dimensions: {', '.join(map(str, files))}")
