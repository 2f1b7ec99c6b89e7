"""``graphembed prepare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..options import with_reading
from .common import Debug, reporting

__all__ = ["prepare"]


@with_reading
def prepare(
    edges: Annotated[list[str], typer.Argument(help="Files of the graph, as --input of train takes them.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write.")],
    memory: Annotated[
        str | None,
        typer.Option(help="Memory that may be taken, such as 4G; a quarter of what is free by default."),
    ] = None,
    labels: Annotated[
        list[str] | None, typer.Option(help="Classes of nodes, as for train; TYPE=FILE for a typed graph.")
    ] = None,
    features: Annotated[
        list[str] | None, typer.Option(help="Features of nodes, as for train; TYPE=FILE for a typed graph.")
    ] = None,
    debug: Debug = False,
    **reading: Any,
) -> None:
    """Write a graph, however large, as a folder that every command opens at once and reads from the disk as it needs.

    Edge lists are sorted on the disk in bounded memory. A call that was interrupted goes on where it was when it is
    repeated.
    """
    with reporting(debug):
        from ...readers.preparation import prepare as write

        how = {name: value for name, value in reading.items() if value is not None and name != "no_weight"}
        how["weight"] = not reading.get("no_weight")
        more: dict[str, Any] = {"labels": labels or (), "features": features or (), "memory": memory}
        path = write(edges if len(edges) > 1 else edges[0], output, **more, **how, say=typer.echo)
        typer.echo(f"wrote {path}")
