"""``graphembed split``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..options import said, with_reading
from .common import Debug, Json, reporting, show

__all__ = ["split"]


@with_reading
def split(
    source: Annotated[str, typer.Argument(metavar="FILE", help="Edge list, or any other input of train.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Folder for train.csv, valid.csv and test.csv; FILE's name with .split by default."
        ),
    ] = None,
    strategy: Annotated[
        str,
        typer.Option(
            "--strategy",
            "-s",
            help="random; time (the latest test); last (leave the last of each source out); user (the edges of each "
            "source at random); user-time (the edges of each source by time).",
        ),
    ] = "random",
    shares: Annotated[str, typer.Option(help="Parts to train, validate and test on.")] = "8:1:1",
    time: Annotated[
        str | None,
        typer.Option(
            "--time",
            "--time-column",
            help="Column with times, by title or number; the one that looks so by default.",
        ),
    ] = None,
    min_rating: Annotated[float | None, typer.Option(help="Leave out lines with a lower rating, such as 4.")] = None,
    seed: Annotated[int, typer.Option(help="Fixes the draws.")] = 0,
    allow_isolated: Annotated[
        bool,
        typer.Option("--allow-isolated", help="Hold out also what leaves a node without edges in training."),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    as_json: Json = False,
    debug: Debug = False,
    **reading: Any,
) -> None:
    """Part an edge list into files to train, to validate and to test on, which the other commands take as they are.

    All columns are kept. Lines that join the same two nodes stand in one part; every node keeps an edge to train on.

    Example: graphembed split ratings.csv -o parts --strategy time --min-rating 4
    """
    with reporting(debug):
        from ..._core import checks
        from ..runs.split import split_file

        checks.integer("seed", seed, minimum=0)
        folder = output or Path(f"{Path(source).name.partition('.')[0]}.split")
        how = said(reading)
        how["weight"] = not how.pop("no_weight", False)
        found = split_file(
            source,
            folder,
            strategy=strategy,
            shares=_numbers(shares),
            time=time,
            min_rating=min_rating,
            seed=seed,
            allow_isolated=allow_isolated,
            force=force,
            reading=how,
        )
        show(as_json, {"files": {name: str(path) for name, path in found.files.items()}, "lines": found.counts})
        if not as_json:
            for note in found.notes:
                typer.echo(note)
            train, valid, test = found.counts.values()
            typer.echo(f"{folder}: train.csv {train} lines, valid.csv {valid}, test.csv {test}; how: split.json")


def _numbers(shares: str) -> list[float]:
    from ...errors import InputError

    try:
        return [float(word) for word in shares.replace(",", ":").split(":")]
    except ValueError:
        raise InputError("shares", shares, "three numbers, such as 8:1:1 or 0.8,0.1,0.1") from None
