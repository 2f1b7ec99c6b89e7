"""The command line ``graphembed``. Only what every command needs is imported up here, so that help comes at once."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import cli_parity
from .errors import GraphEmbedError, InputError

if TYPE_CHECKING:
    from .demo import Outcome
    from .doctor import Diagnosis

__all__ = ["app", "main"]

app = typer.Typer(
    name="graphembed",
    help="Node embeddings for DGL and PyTorch Geometric graphs, with the same answer from either.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
_GRAPH, _MODEL, _TRAINING, _RESULT = "Graph", "Model", "Training", "Result"


def main() -> None:
    """Run the command line."""
    app(prog_name="graphembed")


def _version(wanted: bool) -> None:
    if wanted:
        from . import __version__

        typer.echo(f"graphembed_ext {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None: ...


@contextmanager
def _reporting(debug: bool) -> Iterator[None]:
    """Print an expected error as one message and end with exit code 2."""
    try:
        yield
    except (GraphEmbedError, OSError) as error:
        if debug:
            raise
        typer.echo(f"graphembed: {error}", err=True)
        raise typer.Exit(2) from error
    except KeyboardInterrupt as interrupt:
        typer.echo(f"graphembed: {interrupt or 'interrupted.'}", err=True)
        raise typer.Exit(130) from None


@app.command()
def train(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="Name of the model, such as deepwalk.")],
    input: Annotated[
        str,
        typer.Option(
            "--input",
            "-i",
            rich_help_panel=_GRAPH,
            help="Edge list (.csv, .tsv, .txt, .edgelist, .parquet), .mat, saved DGL graph (.bin), saved PyG graph "
            "(.pt), or a PyG dataset such as Planetoid/Cora.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", rich_help_panel=_RESULT, help="File to write, .parquet or .npz.")
    ],
    host: Annotated[
        str | None,
        typer.Option(rich_help_panel=_GRAPH, help="Build the graph for dgl or pyg; dgl where it is installed."),
    ] = None,
    directed: Annotated[
        bool, typer.Option("--directed", rich_help_panel=_GRAPH, help="Edges of a list or matrix lead one way.")
    ] = False,
    root: Annotated[Path | None, typer.Option(rich_help_panel=_GRAPH, help="Folder of a PyG dataset.")] = None,
    mat_key: Annotated[
        str | None, typer.Option(rich_help_panel=_GRAPH, help="Key of the adjacency matrix in a .mat file.")
    ] = None,
    header: Annotated[
        bool | None,
        typer.Option("--header/--no-header", rich_help_panel=_GRAPH, help="Whether an edge list has column titles."),
    ] = None,
    emb_dim: Annotated[int | None, typer.Option(rich_help_panel=_MODEL, help="Size of each vector.")] = None,
    walk_length: Annotated[int | None, typer.Option(rich_help_panel=_MODEL, help="Nodes in a walk.")] = None,
    window_size: Annotated[int | None, typer.Option(rich_help_panel=_MODEL, help="Reach of a context.")] = None,
    negative_size: Annotated[
        int | None, typer.Option(rich_help_panel=_MODEL, help="Noise nodes for each pair.")
    ] = None,
    neg_weight: Annotated[
        float | None, typer.Option(rich_help_panel=_MODEL, help="Weight of the noise in the loss.")
    ] = None,
    fast_neg: Annotated[
        bool | None,
        typer.Option("--fast-neg/--no-fast-neg", rich_help_panel=_MODEL, help="Noise from the batch, not the graph."),
    ] = None,
    p: Annotated[
        float | None, typer.Option("--p", rich_help_panel=_MODEL, help="node2vec: a small p turns back.")
    ] = None,
    q: Annotated[
        float | None, typer.Option("--q", rich_help_panel=_MODEL, help="node2vec: a small q drives outward.")
    ] = None,
    weight: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=_MODEL, help="Edge feature that walks follow; 'weight' means the weights of the input."
        ),
    ] = None,
    walk_engine: Annotated[
        str | None, typer.Option(rich_help_panel=_MODEL, help="What makes the walks: auto, dgl or torch.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            rich_help_panel=_MODEL,
            help="Any other argument of the model, or of graphembed_ext.fit (also as fit.NAME); the value as JSON "
            "or plain text. May be repeated.",
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(rich_help_panel=_TRAINING, help="Passes, each with a walk from every node.")
    ] = None,
    lr: Annotated[float | None, typer.Option(rich_help_panel=_TRAINING, help="First learning rate.")] = None,
    batch_size: Annotated[int | None, typer.Option(rich_help_panel=_TRAINING, help="Walks in a batch.")] = None,
    seed: Annotated[int, typer.Option(rich_help_panel=_TRAINING, help="Fixes weights, walks and noise.")] = 0,
    threads: Annotated[
        int | None,
        typer.Option(
            rich_help_panel=_TRAINING, help="Threads; with 1 the result is the same on any host, bit for bit."
        ),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            rich_help_panel=_TRAINING, help="File to keep the state in after every epoch, and to resume from."
        ),
    ] = None,
    evaluate: Annotated[
        bool, typer.Option("--evaluate", rich_help_panel=_RESULT, help="Classify the nodes, if the input has labels.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", rich_help_panel=_RESULT, help="Print the record of the run as JSON.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Train a model on a graph from a file; write embeddings and, beside them, how to repeat the run.

    Options that are left out have the defaults of the model and of graphembed_ext.fit.
    """
    with _reporting(debug):
        from .runs import Job, run

        chosen = {
            "emb_dim": emb_dim,
            "walk_length": walk_length,
            "window_size": window_size,
            "negative_size": negative_size,
            "neg_weight": neg_weight,
            "fast_neg": fast_neg,
            "p": p,
            "q": q,
            "weight": weight,
            "engine": walk_engine,
        }
        training = {"epochs": epochs, "lr": lr, "batch_size": batch_size}
        job = Job(
            model=model,
            input=input,
            output=output,
            host=host,
            reading={"directed": directed, "root": root, "mat_key": mat_key, "header": header},
            config={name: value for name, value in chosen.items() if value is not None},
            training={name: value for name, value in training.items() if value is not None},
            extra=dict(map(_setting, set_ or [])),
            seed=seed,
            threads=threads,
            checkpoint=checkpoint,
            evaluate=evaluate,
            command=_command(context),
        )
        record = run(job, say=lambda text: typer.echo(text, err=as_json), progress=sys.stderr.isatty())
        if as_json:
            typer.echo(json.dumps(record, indent=2))


@app.command()
def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for pictures and embeddings.")] = Path(
        "demo-output"
    ),
    debug: Debug = False,
) -> None:
    """Train DeepWalk on real graphs that come with networkx, on both hosts, and compare the results bit for bit."""
    with _reporting(debug):
        from . import demo as demonstration

        hosts, trouble = demonstration.usable_hosts()
        if trouble:
            typer.echo(f"Running on PyG alone, so nothing is compared. {trouble}", err=True)
        output.mkdir(parents=True, exist_ok=True)
        outcomes = []
        for outcome in demonstration.run(output, hosts):
            typer.echo(f"{outcome.example.title}: done", err=True)
            outcomes.append(outcome)
        _show_outcomes(outcomes, hosts)
        if not all(outcome.ok for outcome in outcomes):
            typer.echo("graphembed: the two hosts gave different results.", err=True)
            raise typer.Exit(1)


@app.command()
def doctor(as_json: Json = False, debug: Debug = False) -> None:
    """Show versions, which hosts and engines work, and how to get what is missing."""
    with _reporting(debug):
        from dataclasses import asdict

        from .doctor import diagnose

        found = diagnose()
        if as_json:
            typer.echo(json.dumps({**asdict(found), "ok": found.ok}, indent=2))
        else:
            _show_diagnosis(found)
        if not found.ok:
            typer.echo("graphembed: neither DGL nor PyG works here.", err=True)
            raise typer.Exit(1)


def _setting(text: str) -> tuple[str, Any]:
    """``NAME=VALUE`` as a pair; the value as JSON where it is JSON."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InputError("set", text, "NAME=VALUE")
    try:
        return name.replace("-", "_"), json.loads(value)
    except json.JSONDecodeError:
        return name.replace("-", "_"), value


def _command(context: typer.Context) -> str:
    """The command line that was given, rebuilt from what was understood of it."""
    words = ["graphembed", str(context.info_name)]
    for parameter in context.command.params:
        value = context.params.get(str(parameter.name))
        source = context.get_parameter_source(str(parameter.name))
        if source is None or source.name != "COMMANDLINE":
            continue
        if parameter.param_type_name == "argument":
            words.append(str(value))
        elif isinstance(value, bool):
            words.append((parameter.opts if value else parameter.secondary_opts)[0])
        else:
            for item in value if isinstance(value, (list, tuple)) else [value]:
                words += [max(parameter.opts, key=len), str(item)]
    return shlex.join(words)


def _console() -> Any:
    from rich.console import Console

    # Where the output is no terminal rich assumes 80 columns and folds the tables.
    return Console(width=None if sys.stdout.isatty() else 120, highlight=False)


def _show_outcomes(outcomes: list[Outcome], hosts: list[str]) -> None:
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
        verdict = "PyG alone, nothing to compare"
        if outcome.equal is not None:
            verdict = "[green]identical, bit for bit[/]" if outcome.ok else "[bold red]DIFFERENT[/]"
        table.add_row(
            outcome.example.title,
            str(view.total_nodes),
            str(view.total_edges // 2),
            f"{outcome.quality:.3f}",
            outcome.engine,
            *(f"{outcome.seconds[host]:.2f}" for host in hosts),
            verdict,
        )
    console = _console()
    console.print(table)
    for outcome in outcomes:
        console.print(f"{outcome.example.title}: quality is {outcome.measure}.")
    for outcome in outcomes:
        if outcome.report is None:
            continue
        if outcome.report.ok:
            stages = ", ".join(dict.fromkeys(row.stage for row in outcome.report.rows))
            console.print(f"{outcome.example.title}: {len(outcome.report.rows)} comparisons equal ({stages}).")
        else:
            console.print(str(outcome.report), markup=False)
    console.print("wrote " + ", ".join(str(path) for outcome in outcomes for path in outcome.files), soft_wrap=True)


def _show_diagnosis(found: Diagnosis) -> None:
    from rich.markup import escape
    from rich.table import Table

    console = _console()
    table = Table(title="versions", title_justify="left", show_header=False)
    for name, version in found.versions.items():
        table.add_row(name, version or "[yellow]absent[/]")
    console.print(table)
    state = Table(title="state", title_justify="left", show_header=False)
    state.add_column(no_wrap=True)
    state.add_column(overflow="fold")
    for host, trouble in found.hosts.items():
        title = {"dgl": "DGL graphs", "pyg": "PyG graphs"}[host]
        state.add_row(title, "[green]work[/]" if trouble is None else f"[red]do not work[/]: {escape(trouble)}")
    reason = f": {escape(found.graphbolt_reason)}" if found.graphbolt_reason else ""
    state.add_row("dgl.graphbolt", found.graphbolt + reason)
    state.add_row("walk engine of auto", found.walk_engine)
    state.add_row("CUDA", "yes" if found.cuda else "no")
    state.add_row("threads", str(found.threads))
    console.print(state)
    if found.missing:
        missing = Table(title="missing", title_justify="left")
        for title in ("package", "what for", "how to get it"):
            missing.add_column(title, overflow="fold")
        for entry in found.missing:
            missing.add_row(entry["package"], entry["purpose"], escape(entry["install"]))
        console.print(missing)


cli_parity.add_to(app)
