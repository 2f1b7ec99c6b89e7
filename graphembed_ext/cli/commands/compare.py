"""``graphembed compare``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .common import Debug, Json, reporting, show, table

if TYPE_CHECKING:
    from ..runs.compare import Compared

__all__ = ["compare"]


def compare(
    embeddings: Annotated[
        list[Path], typer.Argument(help="Embeddings written by graphembed train, or their records; two at least.")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Picture of the overlaps to write, .png, .svg or .pdf.")
    ] = None,
    k: Annotated[int, typer.Option("-k", "--k", help="Nearest neighbours of which the overlap is told.")] = 10,
    seed: Annotated[int, typer.Option(help="Fixes which nodes are compared, where there are many.")] = 0,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Set runs side by side: the settings in which they differ, their figures, and how alike their vectors are.

    Runs that differ in the seed alone get the mean and the standard deviation of each figure.

    Example: graphembed compare a.parquet b.parquet -o alike.png
    """
    with reporting(debug):
        from ...plots import overlap_curves, save
        from ..runs.compare import compare as side_by_side

        found = side_by_side(embeddings, k, seed)
        if output is not None:
            lines = {" and ".join(_of(found, pair)): entry.overlap for pair, entry in found.pairs.items()}
            save(overlap_curves(lines, title="How alike the embeddings are"), output)
        show(as_json, _data(found), *_tables(found, k))
        if output is not None and not as_json:
            typer.echo(f"wrote {output}")


def _of(found: Compared, pair: tuple[int, int]) -> list[str]:
    return [found.names[place] for place in pair]


def _data(found: Compared) -> dict[str, Any]:
    pairs = [
        {"first": first, "second": second, "nodes": entry.nodes, "overlap": entry.overlap}
        | {"procrustes": entry.procrustes}
        for pair, entry in found.pairs.items()
        for first, second in [_of(found, pair)]
    ]
    data = {"runs": found.names, "settings": found.settings, "metrics": found.metrics, "pairs": pairs}
    return data if found.seeds is None else data | {"mean": found.seeds, "spread": found.seeds.spread}


def _tables(found: Compared, k: int) -> list[Any]:
    columns = {"": "left", **dict.fromkeys(found.names, "right")}
    tables = [table("settings that differ", columns, _rows(found.settings))] if found.settings else []
    figures = _rows(found.metrics)
    if found.seeds is not None:
        columns |= {"mean": "right", "±": "right"}
        mean, spread = found.seeds, found.seeds.spread
        figures = [(*row, mean.get(row[0], "-"), spread.get(row[0], "-")) for row in figures]
    if figures:
        tables.append(table("figures", columns, figures))
    alike = {"first": "left", "second": "left", "nodes": "right"}
    alike |= {f"overlap of {k} neighbours": "right", "Procrustes": "right"}
    rows = [(*_of(found, pair), entry.nodes, entry.overlap[k], entry.procrustes) for pair, entry in found.pairs.items()]
    return [*tables, table("how alike the vectors are, from 0 to 1", alike, rows)]


def _rows(values: Mapping[str, Sequence[Any]]) -> list[tuple[Any, ...]]:
    return [(name, *map(_shown, row)) for name, row in values.items()]


def _shown(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return "-" if value is None else value
