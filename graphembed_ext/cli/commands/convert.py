"""``graphembed convert``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .common import Debug, reporting

__all__ = ["convert"]


def convert(
    source: Annotated[Path, typer.Argument(help="Checkpoint to read: torch's, safetensors, word2vec.")],
    target: Annotated[Path, typer.Argument(help="File to write: .pt, .safetensors, or any name for word2vec.")],
    to: Annotated[str, typer.Option("--to", help="Layout to write, such as openhgnn or recbole.")],
    from_: Annotated[str | None, typer.Option("--from", help="Layout of the source; recognised when left out.")] = None,
    num_users: Annotated[int | None, typer.Option(help="Users, where a joint table is to be split.")] = None,
    num_layers: Annotated[int | None, typer.Option(help="LightGCN's layers, where tables are to be joined.")] = None,
    debug: Debug = False,
) -> None:
    """Convert a checkpoint from one library's layout to another's, or to another file format."""
    with reporting(debug):
        from ... import checkpoint

        layouts = checkpoint.convert(source, target, to, from_, num_users=num_users, num_layers=num_layers)
        typer.echo(f"{source} ({layouts[0]}) -> {target} ({layouts[1]})")
