"""``graphembed demo``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .common import Debug, console, reporting

if TYPE_CHECKING:
    from ..demo import Outcome

__all__ = ["demo"]


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for pictures and embeddings.")] = Path(
        "demo-output"
    ),
    debug: Debug = False,
) -> None:
    """Train all five models on graphs of networkx, on both hosts, compare bit for bit, and write a page of pictures."""
    with reporting(debug):
        from ..._core.files import made
        from .. import demo as demonstration
        from .. import five_models

        hosts, trouble = demonstration.usable_hosts()
        if trouble:
            typer.echo(f"Running on PyG alone, so nothing is compared. {trouble}", err=True)
        made(output)
        outcomes = []
        for outcome in demonstration.run(output, hosts):
            typer.echo(f"{outcome.example.title}: done", err=True)
            outcomes.append(outcome)
        taught = []
        for one in five_models.teach(demonstration.lessons(), hosts):
            typer.echo(f"{one.lesson.title}: done", err=True)
            taught.append(one)
        _show_outcomes(outcomes, hosts)
        for one in taught:
            typer.echo(f"{one.lesson.title}: {one.verdict}; {one.quality}")
        pictures = [file for outcome in outcomes for file in outcome.files if file.suffix == ".png"]
        typer.echo(
            f"wrote {five_models.write_page(output / 'index.html', taught, hosts, pictures)}, the page to look at"
        )
        if not all(outcome.ok for outcome in outcomes) or any(one.equal is False for one in taught):
            typer.echo("graphembed: the two hosts gave different results.", err=True)
            raise typer.Exit(1)


def _show_outcomes(outcomes: list[Outcome], hosts: list[str]) -> None:
    out = console()
    out.print(_table(outcomes, hosts))
    for outcome in outcomes:
        out.print(f"{outcome.example.title}: quality is {outcome.measure}.")
    for outcome in outcomes:
        if outcome.report is None:
            continue
        if outcome.report.ok:
            stages = ", ".join(dict.fromkeys(row.stage for row in outcome.report.rows))
            out.print(f"{outcome.example.title}: {len(outcome.report.rows)} comparisons equal ({stages}).")
        else:
            out.print(str(outcome.report), markup=False)
    out.print("wrote " + ", ".join(str(path) for outcome in outcomes for path in outcome.files), soft_wrap=True)


def _table(outcomes: list[Outcome], hosts: list[str]) -> Any:
    from rich.table import Table

    names = {"dgl": "DGL", "pyg": "PyG"}
    table = Table(title="DeepWalk on graphs that networkx ships", title_justify="left")
    table.add_column("graph")
    for title in ("nodes", "edges", "quality"):
        table.add_column(title, justify="right")
    table.add_column("walks by")
    for host in hosts:
        table.add_column(f"s on {names[host]}", justify="right")
    table.add_column("embeddings of both hosts")
    for outcome in outcomes:
        view = outcome.example.view
        table.add_row(
            outcome.example.title,
            str(view.total_nodes),
            str(view.total_edges // 2),
            f"{outcome.quality:.3f}",
            outcome.engine,
            *(f"{outcome.seconds[host]:.2f}" for host in hosts),
            _verdict(outcome),
        )
    return table


def _verdict(outcome: Outcome) -> str:
    if outcome.equal is None:
        return "PyG alone, nothing to compare"
    return "[green]identical, bit for bit[/]" if outcome.ok else "[bold red]DIFFERENT[/]"
