"""``graphembed train``."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from .common import Debug, reporting, setting

__all__ = ["train"]

_GRAPH, _MODEL, _TRAINING, _RESULT = "Graph", "Model", "Training", "Result"


def _option(group: str, help: str, *names: str, **more: Any) -> Any:
    return typer.Option(*names, rich_help_panel=group, help=help, **more)


def train(
    context: typer.Context,
    model: Annotated[
        str | None, typer.Argument(help="deepwalk, metapath2vec, graphsage, han or lightgcn.", show_default=False)
    ] = None,
    input: Annotated[
        str | None,
        _option(
            _GRAPH,
            "Edge list (.csv, .tsv, .txt, .edgelist, .parquet), adjacency lists (.adjlist), matrix (.mtx, .mat, "
            ".npz), saved DGL graph (.bin), saved PyG graph (.pt), or a PyG dataset such as Planetoid/Cora.",
            "--input",
            "-i",
        ),
    ] = None,
    output: Annotated[
        Path | None, _option(_RESULT, "File to write, .parquet, .npz or .safetensors.", "--output", "-o")
    ] = None,
    config: Annotated[
        Path | None,
        _option(
            _RESULT,
            "YAML, TOML or JSON file with options by name, or the record OUTPUT.json of an earlier run, which this "
            "repeats. Options given here as well go first.",
            "--config",
            "-c",
        ),
    ] = None,
    host: Annotated[str | None, _option(_GRAPH, "Build the graph for dgl or pyg; dgl where it is installed.")] = None,
    directed: Annotated[
        bool | None, _option(_GRAPH, "Edges of a list or matrix lead one way.", "--directed/--undirected")
    ] = None,
    bipartite: Annotated[
        bool | None,
        _option(_GRAPH, "The columns of an edge list name users and items; usual for lightgcn.", "--bipartite/--joint"),
    ] = None,
    input_format: Annotated[
        str | None, _option(_GRAPH, "Read the input as if its name ended so, such as adjlist.")
    ] = None,
    root: Annotated[Path | None, _option(_GRAPH, "Folder of a PyG dataset.")] = None,
    mat_key: Annotated[str | None, _option(_GRAPH, "Key of the adjacency matrix in a .mat file.")] = None,
    header: Annotated[
        bool | None, _option(_GRAPH, "Whether an edge list has column titles.", "--header/--no-header")
    ] = None,
    labels: Annotated[
        list[str] | None,
        _option(
            _GRAPH,
            "Table with a node and its class on each line (a column split may say train, val, test), or .npy; "
            "TYPE=FILE for a typed graph. May be repeated.",
        ),
    ] = None,
    label_column: Annotated[str | None, _option(_GRAPH, "Title of the column with the class.")] = None,
    features: Annotated[
        list[str] | None,
        _option(
            _GRAPH,
            "Features: .npy, .npz, or a table with a node and numbers on each line; or one-hot, for graphs without. "
            "TYPE=FILE for a typed graph. May be repeated.",
        ),
    ] = None,
    split: Annotated[
        str | None,
        _option(_GRAPH, "Parts of the labelled nodes to train, validate and test on, such as 0.6,0.2,0.2."),
    ] = None,
    validation: Annotated[
        str | None, _option(_GRAPH, "lightgcn: edge list of held-out pairs, on which recall is watched.")
    ] = None,
    emb_dim: Annotated[int | None, _option(_MODEL, "deepwalk, metapath2vec: size of each vector.")] = None,
    walk_length: Annotated[int | None, _option(_MODEL, "deepwalk, metapath2vec: nodes in a walk.")] = None,
    window_size: Annotated[int | None, _option(_MODEL, "deepwalk, metapath2vec: reach of a context.")] = None,
    negative_size: Annotated[int | None, _option(_MODEL, "deepwalk, metapath2vec: noise nodes for each pair.")] = None,
    neg_weight: Annotated[float | None, _option(_MODEL, "deepwalk: weight of the noise in the loss.")] = None,
    fast_neg: Annotated[
        bool | None, _option(_MODEL, "deepwalk: noise from the batch, not the graph.", "--fast-neg/--no-fast-neg")
    ] = None,
    p: Annotated[float | None, _option(_MODEL, "deepwalk: node2vec's p; a small one turns back.", "--p")] = None,
    q: Annotated[float | None, _option(_MODEL, "deepwalk: node2vec's q; a small one drives outward.", "--q")] = None,
    weight: Annotated[
        str | None, _option(_MODEL, "Edge feature to go by; 'weight' means the weights of the input.")
    ] = None,
    walk_engine: Annotated[str | None, _option(_MODEL, "What makes the walks: auto, dgl or torch.")] = None,
    metapath: Annotated[
        list[str] | None,
        _option(
            _MODEL,
            "metapath2vec, han: node types joined by -, such as author-paper-author, or relations joined by commas; "
            "NAME=PATH gives one a name. May be repeated.",
        ),
    ] = None,
    embedding_dim: Annotated[int | None, _option(_MODEL, "lightgcn: size of each vector.")] = None,
    hidden_channels: Annotated[int | None, _option(_MODEL, "graphsage, han: size of the hidden layers.")] = None,
    num_layers: Annotated[int | None, _option(_MODEL, "graphsage, han, lightgcn: number of layers.")] = None,
    heads: Annotated[int | None, _option(_MODEL, "han: heads of attention.")] = None,
    dropout: Annotated[float | None, _option(_MODEL, "graphsage, han: share of numbers set to 0 in training.")] = None,
    aggr: Annotated[str | None, _option(_MODEL, "graphsage: mean, max, sum, lstm, gcn, pool, ...")] = None,
    target: Annotated[str | None, _option(_MODEL, "han: node type to classify.")] = None,
    set_: Annotated[
        list[str] | None,
        _option(
            _MODEL,
            "Any other argument of the model, or of graphembed_ext.fit (also as fit.NAME); the value as JSON or plain "
            "text. May be repeated.",
            "--set",
            metavar="NAME=VALUE",
        ),
    ] = None,
    epochs: Annotated[int | None, _option(_TRAINING, "Passes over the data.")] = None,
    lr: Annotated[float | None, _option(_TRAINING, "Learning rate; of walk models the first one.")] = None,
    batch_size: Annotated[int | None, _option(_TRAINING, "Walks, nodes or interactions in a batch.")] = None,
    patience: Annotated[
        int | None, _option(_TRAINING, "Validations without improvement after which training ends.")
    ] = None,
    seed: Annotated[int | None, _option(_TRAINING, "Fixes weights, walks, noise and splits; 0 by default.")] = None,
    threads: Annotated[int | None, _option(_TRAINING, "Threads to train on.")] = None,
    deterministic: Annotated[
        bool | None,
        _option(
            _TRAINING,
            "The same result each time and on any host, bit for bit; walk models then train on one thread.",
            "--deterministic/--fast",
        ),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        _option(
            _TRAINING,
            "File to keep the state in after every epoch, and to resume from. Without it, OUTPUT.*.ckpt, which is "
            "removed at the end.",
        ),
    ] = None,
    keep_checkpoints: Annotated[
        bool | None, _option(_TRAINING, "Keep a state to resume from.", "--keep-checkpoints/--no-checkpoint")
    ] = None,
    tensorboard: Annotated[Path | None, _option(_RESULT, "Folder to log to, for TensorBoard.")] = None,
    weights: Annotated[
        Path | None, _option(_RESULT, "File for the model's weights, as its peer loads them, .pt or .safetensors.")
    ] = None,
    evaluate: Annotated[
        bool | None, _option(_RESULT, "Classify the nodes, if the input has labels.", "--evaluate/--no-evaluate")
    ] = None,
    as_json: Annotated[bool, _option(_RESULT, "Print the record of the run as JSON.", "--json")] = False,
    debug: Debug = False,
) -> None:
    """Train a model on a graph from a file; write embeddings and, beside them, how to repeat the run.

    Options that are left out have the defaults of the model and of graphembed_ext.fit. graphsage, han and lightgcn
    want more than edges: classes and features of nodes, or who touched what.
    """
    with reporting(debug):
        from ..runs.job import Job
        from ..runs.records import read_settings
        from ..runs.train import run

        options = {} if config is None else read_settings(config)
        own = ("context", "config", "set_", "as_json", "debug")
        given = {name: value for name, value in context.params.items() if name not in own}
        options |= {name: value for name, value in given.items() if value is not None and value != ()}
        options["set"] = {**options.get("set", {}), **dict(map(setting, set_ or []))}
        job = Job.of_options({**options, "command": _command(context)})
        record = run(job, say=lambda text: typer.echo(text, err=as_json), progress=sys.stderr.isatty())
        if as_json:
            typer.echo(json.dumps(record, indent=2, default=str))


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
