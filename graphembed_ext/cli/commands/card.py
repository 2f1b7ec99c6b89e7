"""``graphembed card``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .common import Debug, reporting

__all__ = ["card"]


def card(
    run: Annotated[Path, typer.Argument(help="Embeddings written by graphembed train, or their record.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write, .md; printed where left out.")
    ] = None,
    test: Annotated[
        Path | None,
        typer.Option(help="Edge list of pairs that were held out, to judge walks and lightgcn by, as for evaluate."),
    ] = None,
    debug: Debug = False,
) -> None:
    """Write a model card: data, settings, figures beside those of what is trivial, versions; licence left to you.

    Example: graphembed card shop.parquet --test held_out.csv -o README.md
    """
    with reporting(debug):
        from ..runs.card import card as text_of
        from ..runs.card import write

        text = text_of(run, test)
        typer.echo(text if output is None else f"wrote {write(output, text)}")
