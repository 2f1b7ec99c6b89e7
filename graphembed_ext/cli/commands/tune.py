"""``graphembed tune``."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..option import COMMAND
from ..options import OPTIONS, said, signature
from .common import Debug, Json, reporting, setting

if TYPE_CHECKING:
    from ..runs.tune import Search

__all__ = ["tune"]

#: Options of train that a search has no use for.
_NOT_HERE = {"evaluate", "checkpoint", "keep_checkpoints", "tensorboard", "weights", "as_json", "debug"}
_TRAINING = [option for option in OPTIONS if option.name not in _NOT_HERE]


def tune(context: typer.Context, **given: Any) -> None:
    """Search for settings within a stated time, judged by held-out validation data; keep the best run.

    The run as given comes first, then as many trials as end in time. Test data are looked at once, at the end. The same
    call goes on where an earlier one ended. Needs the extra tune.

    Example: graphembed tune deepwalk -i parts/train.csv -o best.parquet --evaluate links --valid parts/valid.csv
    --test parts/test.csv --minutes 10 --search lr=0.005..0.2 --search emb_dim=32,64,128
    """
    with reporting(given["debug"]):
        from ...plots import save, search_curve
        from ..runs.job import Job, merged
        from ..runs.records import read_settings
        from ..runs.space import spaces_of
        from ..runs.tune import TASKS, Search, file_of, usual
        from ..runs.tune import tune as searched

        of_run = {option.name for option in _TRAINING if option.part != COMMAND}
        options = {name: value for name, value in said(given).items() if name in of_run}
        options["set"] = dict(map(setting, given["set_"] or []))
        file = {} if given["config"] is None else read_settings(given["config"])
        job = Job.of_options(merged(file, options))
        task, valid = usual(job, given["valid"]) if given["evaluate"] is None else (given["evaluate"], given["valid"])
        search = Search(job, task, spaces_of(job.name, given["search"] or []), valid, given["test"])
        try:
            searched(search, given["minutes"], given["trials"], say=lambda text: typer.echo(text, err=given["as_json"]))
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"interrupted; the same call goes on from {job.output}.tune.log.") from None
        values = [trial["value"] for trial in search.trials]
        save(
            search_curve(values, search.given, title=f"{job.name} on {job.source}", figure_of=TASKS[search.task]),
            file_of(job, "png"),
        )
        _show(search, given["as_json"])


def _show(search: Search, as_json: bool) -> None:
    from ..runs.tune import file_of, listed

    output = search.job.output
    if as_json:
        typer.echo(json.dumps(json.loads(file_of(search.job, "json").read_text()), indent=2))
        return
    best = listed(search.best) or "the settings as given"
    count = f"{len(search.trials)} trial{'s' * (len(search.trials) != 1)}"
    typer.echo(f"best of {count}, {search.value:.4f} against {search.given:.4f} as given: {best}")
    if search.tested:
        typer.echo("on the test data: " + ", ".join(f"{name} {value:.4f}" for name, value in search.tested.items()))
    typer.echo(f"wrote {output}, its record, and {output.name}.tune.json, .tune.log and .tune.png")
    typer.echo("the same call tries more settings")


def _own() -> list[inspect.Parameter]:
    """Options beside those of train."""
    found: dict[str, tuple[Any, Any, Any]] = {
        "evaluate": (
            str | None,
            typer.Option(
                help="What is judged: classification, links or recommendation. [default: recommendation of lightgcn, "
                "links with --valid, else classification]"
            ),
            None,
        ),
        "minutes": (float, typer.Option(help="Time to search for."), 10.0),
        "trials": (int | None, typer.Option(help="Trials at most, beside the run as given."), None),
        "search": (
            list[str] | None,
            typer.Option(
                "--search",
                "-S",
                metavar="NAME=VALUES",
                help="A setting to try: a range such as lr=0.001..0.1, or values such as emb_dim=32,64. May be "
                "repeated; the usual ones of the model by default.",
            ),
            None,
        ),
        "valid": (Path | None, typer.Option(help="links, recommendation: held-out pairs to judge trials by."), None),
        "test": (Path | None, typer.Option(help="links, recommendation: held-out pairs for the best run."), None),
    }
    parameters = []
    for name, (kind, option, default) in found.items():
        option.rich_help_panel = "Search"
        annotation = Annotated[kind, option]  # type: ignore[valid-type]
        parameters.append(
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        )
    for name, annotation in (("as_json", Json), ("debug", Debug)):
        parameters.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=annotation))
    return parameters


_base = signature(_TRAINING)
tune.__signature__ = _base.replace(parameters=[*_base.parameters.values(), *_own()])  # type: ignore[attr-defined]
