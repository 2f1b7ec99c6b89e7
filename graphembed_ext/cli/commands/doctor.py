"""``graphembed doctor``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from .common import Debug, Json, console, reporting

if TYPE_CHECKING:
    from ..doctor import Diagnosis

__all__ = ["doctor"]


def doctor(
    hook: Annotated[
        bool | None,
        typer.Option(
            "--hook/--no-hook",
            help="Write, or remove, a file in this environment by which `import dgl` works before graphembed_ext, too.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show versions, which hosts and engines work, and how to get what is missing."""
    with reporting(debug):
        from dataclasses import asdict

        from ...hosts import import_hook
        from ..doctor import diagnose

        if hook is not None:
            for file in [import_hook.install_hook()] if hook else import_hook.remove_hook():
                typer.echo(f"{'wrote' if hook else 'removed'} {file}", err=True)
        found = diagnose()
        if as_json:
            typer.echo(json.dumps({**asdict(found), "ok": found.ok}, indent=2))
        else:
            _show_diagnosis(found)
        if not found.ok:
            typer.echo("graphembed: neither DGL nor PyG works here.", err=True)
            raise typer.Exit(1)


def _show_diagnosis(found: Diagnosis) -> None:
    from rich.markup import escape
    from rich.table import Table

    out = console()
    table = Table(title="versions", title_justify="left", show_header=False)
    for name, version in found.versions.items():
        table.add_row(name, version or "[yellow]absent[/]")
    out.print(table)
    state = Table(title="state", title_justify="left", show_header=False)
    state.add_column(no_wrap=True)
    state.add_column(overflow="fold")
    for host, trouble in found.hosts.items():
        title = {"dgl": "DGL graphs", "pyg": "PyG graphs"}[host]
        state.add_row(title, "[green]work[/]" if trouble is None else f"[red]do not work[/]: {escape(trouble)}")
    reason = f": {escape(found.graphbolt_reason)}" if found.graphbolt_reason else ""
    state.add_row("dgl.graphbolt", found.graphbolt + reason)
    state.add_row("import dgl first", escape(found.import_dgl_first))
    state.add_row("walk engine of auto", found.walk_engine)
    state.add_row("CUDA", "yes" if found.cuda else "no")
    state.add_row("threads", str(found.threads))
    out.print(state)
    if found.missing:
        missing = Table(title="missing", title_justify="left")
        for title in ("package", "what for", "how to get it"):
            missing.add_column(title, overflow="fold")
        for entry in found.missing:
            missing.add_row(entry["package"], entry["purpose"], escape(entry["install"]))
        out.print(missing)
