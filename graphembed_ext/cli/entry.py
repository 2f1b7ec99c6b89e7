"""The command line ``graphembed``: its commands, joined. Exit codes: 0 all went well, 1 an error while working (also a
package that is missing), 2 a call that must be changed, 130 Ctrl-C.
"""

from __future__ import annotations

import importlib.metadata
from typing import Annotated

import typer

from .commands.card import card
from .commands.compare import compare
from .commands.convert import convert
from .commands.demo import demo
from .commands.doctor import doctor
from .commands.embed import embed
from .commands.evaluate import evaluate
from .commands.export import export
from .commands.fetch import fetch
from .commands.neighbors import neighbors
from .commands.parity import parity
from .commands.plot import plot
from .commands.prepare import prepare
from .commands.recommend import recommend
from .commands.split import split
from .commands.train import train
from .commands.tune import tune
from .commands.update import update
from .help import Grouped

__all__ = ["app", "main"]

app = typer.Typer(
    name="graphembed",
    help="Node embeddings for DGL and PyTorch Geometric graphs, with the same answer from either.",
    epilog="Exit codes: 0 all went well, 1 an error while working, 2 a call that must be changed, 130 Ctrl-C.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for command in (
    demo,
    fetch,
    split,
    train,
    update,
    embed,
    evaluate,
    compare,
    card,
    tune,
    neighbors,
    recommend,
    plot,
    export,
    convert,
    prepare,
    parity,
    doctor,
):
    # what stands where an option was meant gets a message of train's own
    app.command(cls=Grouped, context_settings={"allow_extra_args": command is train})(command)


def main() -> None:
    """Run the command line."""
    app(prog_name="graphembed")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"graphembed_ext {importlib.metadata.version('graphembed_ext')}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None: ...
