"""``graphembed train``."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from typing import Any

import typer

from ...errors import InputError
from ..option import COMMAND
from ..options import OPTIONS, said, signature
from .common import reporting, setting

__all__ = ["train"]


def train(context: typer.Context, **given: Any) -> None:
    """Train a model on a graph from a file; write embeddings and, beside them, how to repeat the run.

    Options that are left out have the defaults of the model and of graphembed_ext.fit. graphsage, han and lightgcn
    want more than edges: classes and features of nodes, or pairs of a user and an item.

    Examples:

    graphembed train deepwalk -i friends.csv -o emb.parquet --dim 64 --epochs 10

    graphembed train graphsage -i Planetoid/Cora --root data -o cora.parquet

    graphembed train lightgcn -i shop.csv --validation held.csv -o shop.parquet

    graphembed train metapath2vec -i DBLP --root data/DBLP -o dblp.parquet --window-size 3
    --metapath author-paper-author
    """
    with reporting(given["debug"]):
        from ..runs.job import Job, merged
        from ..runs.records import read_settings
        from ..runs.train import run

        if context.args:
            hint = f"the graph has an option of its own: --input {context.args[0]}"
            raise InputError("arguments", shlex.join(context.args), "none after the name of the model", hint)
        of_run = {option.name for option in OPTIONS if option.part != COMMAND}
        options = {name: value for name, value in said(given).items() if name in of_run}
        options["set"] = dict(map(setting, given["set_"] or []))
        file = {} if given["config"] is None else read_settings(given["config"])
        job = Job.of_options(merged(file, options), _command(context))
        as_json = given["as_json"]
        record = run(job, say=lambda text: typer.echo(text, err=as_json), progress=sys.stderr.isatty())
        if as_json and record:
            typer.echo(json.dumps(record, indent=2, default=str))


train.__signature__ = signature(OPTIONS)  # type: ignore[attr-defined]


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
                words += [_long(parameter.opts), str(item)]
    return shlex.join(words)


def _long(flags: Sequence[str]) -> str:
    """The first flag that is a word."""
    return next(flag for flag in flags if flag.startswith("--"))
