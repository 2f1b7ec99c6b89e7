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
            ".usearch; a folder for the projector; .onnx or .pt2 (torch.export) for the model itself, of graphsage or "
            "han."
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
    weights: Annotated[
        Path | None, typer.Option(help=".onnx, .pt2: the model's weights; those of the run's --weights where left out.")
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write embeddings for another tool: gensim, TensorBoard's projector, usearch, anything that reads Parquet.

    graphsage and han can be written as programs, which run elsewhere: their answers are compared with the model's.
    """
    with reporting(debug):
        from ...errors import InputError
        from ...exports import PROGRAMS
        from ...exports import export as write
        from ..runs.paths import same

        if output.suffix in PROGRAMS and format is None:
            from ..runs.embed import exported

            file = exported(embedding, output, weights)
            show(as_json, {"files": [str(file)]})
            if not as_json:
                typer.echo(f"wrote {file}, {PROGRAMS[output.suffix]}; it answers as the model does")
            return
        emb = load(embedding)
        if same(output, embedding):
            raise InputError("output", str(output), "another file than the embeddings, which it would replace")
        files = write(emb, output, format)
        show(as_json, {"nodes": len(emb), "files": [str(path) for path in files]})
        if not as_json:
            typer.echo(f"wrote {len(emb)} vectors of {emb.tensor.size(1)} dimensions: {', '.join(map(str, files))}")
