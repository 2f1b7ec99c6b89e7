"""The options of ``graphembed train``, as data: an entry for each.

The command's signature and help are made of this table, and :class:`graphembed_ext.cli.runs.job.Job` reads a command
line, a file of ``--config`` and a record by it. A new option is an entry here: with the part ``READING`` it is a
keyword of :func:`graphembed_ext.readers.read_graph`, with ``SETTING`` an argument of a model or of
:func:`graphembed_ext.fit`, with ``JOB`` a field of the job.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import typer

from ..errors import InputError
from .option import COMMAND, READING, SETTING, Option

__all__ = [
    *("COLUMNS", "COMMENT", "DELIMITER", "ENCODING", "OPTIONS", "signature", "with_reading"),
]

_GRAPH, _MODEL, _TRAINING, _RESULT = "Graph", "Model", "Training", "Result"


def _shares(value: Any) -> list[float]:
    """``--split``: parts for training, validation and test."""
    words = value.split(",") if isinstance(value, str) else value
    try:
        shares = [float(word) for word in words]
    except (TypeError, ValueError):
        shares = []
    if len(shares) not in (2, 3) or min(shares) < 0 or shares[0] <= 0 or sum(shares) > 1 + 1e-9:
        raise InputError("split", value, "parts for training, validation and test, of 1 at most, such as 0.6,0.2,0.2")
    return [*shares, 0.0][:3]


def _inputs(value: Any) -> Any:
    """``--input``: the name of a file, or names of several."""
    names = [value] if isinstance(value, (str, Path)) else list(value)
    return str(names[0]) if len(names) == 1 else [str(name) for name in names]


#: What the options of reading a table say, on each command that reads one.
COLUMNS = (
    "Which columns are what, by title or number from 1: source, target, weight, relation, source-type, target-type; in "
    "tables of nodes node, label, split."
)
DELIMITER = "Between the cells of a table: ; or tab or space."
COMMENT = "What lines to pass over begin with, '' for none; # and % before the first row by default."
ENCODING = "Encoding of text tables; UTF-8 by default."


#: In the order of the help.
OPTIONS: tuple[Option, ...] = (
    Option(
        "model",
        str,
        "deepwalk (or node2vec), metapath2vec, graphsage, han or lightgcn.",
        argument=True,
        values=("deepwalk", "node2vec", "metapath2vec", "graphsage", "han", "lightgcn"),
    ),
    Option(
        "input",
        str,
        "Edge list (.csv, .txt, .parquet, ...), .adjlist, matrix (.mtx, .mat, .npz), GraphML, GEXF, GML, Pajek, saved "
        "graph of DGL (.bin) or PyG (.pt), folder of graphembed prepare, or PyG dataset such as Planetoid/Cora; - for "
        "standard input. May be repeated; user,buys,item=FILE says the types.",
        _GRAPH,
        flags=("--input", "-i"),
        many=True,
        reader=_inputs,
    ),
    Option(
        "output",
        Path,
        "File to write, .parquet, .npz or .safetensors; or a folder, for the rows of each process of a --strategy.",
        _RESULT,
        flags=("--output", "-o"),
    ),
    Option(
        "config",
        Path,
        "YAML, TOML or JSON file of options, or the record OUTPUT.json of a run to repeat. Options given here as well "
        "go first.",
        _RESULT,
        COMMAND,
        flags=("--config", "-c"),
    ),
    Option("host", str, "Build for dgl or pyg.", _GRAPH, values=("dgl", "pyg"), default="dgl if here"),
    Option(
        "directed", bool, "Edges of a list or matrix lead one way.", _GRAPH, READING, flags=("--directed/--undirected",)
    ),
    Option(
        "bipartite",
        bool,
        "Columns name users and items; usual for lightgcn.",
        _GRAPH,
        READING,
        flags=("--bipartite/--joint",),
    ),
    Option(
        "input_format",
        str,
        "Read the input as if its name ended so: adjlist.",
        _GRAPH,
        READING,
        values=("csv", "tsv", "txt", "parquet", "adjlist", "graphml", "gexf", "gml", "net", "mtx", "mat", "npz"),
    ),
    Option("root", Path, "Folder of a PyG dataset.", _GRAPH, READING),
    Option("mat_key", str, "Key of the adjacency matrix in a .mat file.", _GRAPH, READING),
    Option("header", bool, "Whether an edge list has column titles.", _GRAPH, READING, flags=("--header/--no-header",)),
    Option("columns", str, COLUMNS, _GRAPH, READING, metavar="ROLE=COLUMN,..."),
    Option("delimiter", str, DELIMITER, _GRAPH, READING),
    Option("comment", str, COMMENT, _GRAPH, READING),
    Option("encoding", str, ENCODING, _GRAPH, READING),
    Option("skip_bad", int, "Wrong lines of each table to leave out; they are told.", _GRAPH, READING, default="0"),
    Option("no_weight", bool, "Read no weights of edges.", _GRAPH, READING, flags=("--no-weight",)),
    Option("min_rating", float, "Leave out edges with a lower rating, such as 4.", _GRAPH),
    Option(
        "time_column", str, "deepwalk, metapath2vec: column of times, in whose order walks follow the edges.", _GRAPH
    ),
    Option(
        "nodes",
        str,
        "Table of nodes, which may have no edges, a node on each line; columns of numbers are features, titles such as "
        "class and split say the others. TYPE=FILE for a typed graph. May be repeated.",
        _GRAPH,
        READING,
        many=True,
    ),
    Option(
        "labels",
        str,
        "Table with a node and its class on each line (a column split may say train, val, test), or .npy; TYPE=FILE "
        "for a typed graph. May be repeated.",
        _GRAPH,
        many=True,
    ),
    Option("label_column", str, "Title of the column with the class.", _GRAPH),
    Option(
        "features",
        str,
        "Features: .npy, .npz, or a table with a node and numbers on each line; or one-hot. "
        "TYPE=FILE for a typed graph. May be repeated.",
        _GRAPH,
        many=True,
    ),
    Option("split", str, "Parts to train, validate, test on: 0.6,0.2,0.2.", _GRAPH, reader=_shares),
    Option("validation", str, "Edge list of held-out pairs that watch training.", _GRAPH),
    Option(
        "dim",
        int,
        "Size of each vector; of graphsage and han that of the hidden layers.",
        _MODEL,
        SETTING,
        flags=("--dim", "--emb-dim", "--embedding-dim"),
        default="128 of walks, else 64",
    ),
    Option(
        "walk_length",
        int,
        "deepwalk, metapath2vec: nodes in a walk.",
        _MODEL,
        SETTING,
        default="40; of metapath2vec one round",
    ),
    Option(
        "window_size",
        int,
        "deepwalk, metapath2vec: reach of a context.",
        _MODEL,
        SETTING,
        default="5; none of metapath2vec",
    ),
    Option("negative_size", int, "deepwalk, metapath2vec: negatives for each pair.", _MODEL, SETTING, default="5"),
    Option("neg_weight", float, "deepwalk: weight of the negatives in the loss.", _MODEL, SETTING, default="1"),
    Option(
        "fast_neg",
        bool,
        "deepwalk: negatives from the batch, not the graph.",
        _MODEL,
        SETTING,
        flags=("--fast-neg/--no-fast-neg",),
        default="fast-neg",
    ),
    Option("p", float, "deepwalk: node2vec's p; a small one turns back.", _MODEL, SETTING, flags=("--p",), default="1"),
    Option(
        "q", float, "deepwalk: node2vec's q; a small one drives outward.", _MODEL, SETTING, flags=("--q",), default="1"
    ),
    Option("weight", str, "Edge feature to go by; 'weight' means the weights of the input.", _MODEL, SETTING),
    Option(
        "walk_engine",
        str,
        "What makes the walks: auto, dgl or torch.",
        _MODEL,
        SETTING,
        default="auto",
        values=("auto", "dgl", "torch"),
    ),
    Option(
        "metapath",
        str,
        "metapath2vec, han: node types joined by -, such as author-paper-author, or relations joined by commas; "
        "NAME=PATH gives one a name. May be repeated.",
        _MODEL,
        many=True,
    ),
    Option("hidden_channels", int, "graphsage, han: size of the hidden layers.", _MODEL, SETTING, default="64"),
    Option(
        "num_layers",
        int,
        "graphsage, han, lightgcn: number of layers.",
        _MODEL,
        SETTING,
        default="2 of graphsage, 1 of han, 3 of lightgcn",
    ),
    Option("heads", int, "han: heads of attention.", _MODEL, SETTING, default="8"),
    Option(
        "dropout",
        float,
        "graphsage, han: share of numbers set to 0 in training.",
        _MODEL,
        SETTING,
        default="0 of graphsage, 0.6 of han",
    ),
    Option(
        "aggr",
        str,
        "graphsage: mean, max, sum, lstm, gcn, pool, ...",
        _MODEL,
        SETTING,
        default="mean",
        values=("mean", "max", "sum", "lstm", "gcn", "pool"),
    ),
    Option("target", str, "han: node type to classify.", _MODEL, SETTING),
    Option(
        "task",
        str,
        "graphsage: nodes (by --labels) or links (without); graphsage, han: regression, where --labels are numbers.",
        _TRAINING,
        SETTING,
    ),
    Option(
        "set_",
        str,
        "Any other argument of the model, or of graphembed_ext.fit (also as fit.NAME); the value as JSON or plain "
        "text. May be repeated.",
        _MODEL,
        COMMAND,
        flags=("--set",),
        many=True,
        metavar="NAME=VALUE",
    ),
    Option(
        "epochs",
        int,
        "Passes over the data.",
        _TRAINING,
        SETTING,
        default="20 or more of walks, 20 of graphsage without labels, 200 with labels, 60 or more of lightgcn",
    ),
    Option(
        "lr",
        float,
        "Learning rate; of walk models the first one.",
        _TRAINING,
        SETTING,
        default="0.025 of walks (0.05 along metapaths), 0.01 with labels, 0.003 of graphsage without, 0.02 of lightgcn",
    ),
    Option(
        "batch_size",
        int,
        "Walks, nodes, users or interactions in a batch.",
        _TRAINING,
        SETTING,
        default="512 walks or nodes, the whole graph with labels, an eighth of the users",
    ),
    Option(
        "loss",
        str,
        "lightgcn: softmax, or as other packages train it: pyg, lightgcn-pytorch, recbole. deepwalk, metapath2vec: "
        "stable, dgl, pyg.",
        _TRAINING,
        SETTING,
        default="softmax of lightgcn, stable of walks",
    ),
    Option("temperature", float, "lightgcn: of the softmax.", _TRAINING, SETTING, default="0.1"),
    Option(
        "weight_decay",
        float,
        "graphsage, han, lightgcn: how small weights are held.",
        _TRAINING,
        SETTING,
        default="5e-4 with labels, by the number of interactions of lightgcn",
    ),
    Option(
        "schedule",
        str,
        "lightgcn: course of the learning rate: constant, linear or cosine.",
        _TRAINING,
        SETTING,
        default="linear",
    ),
    Option(
        "patience",
        int,
        "Validations without improvement, or epochs whose loss falls no more, after which training ends.",
        _TRAINING,
        SETTING,
        default="100 with labels",
    ),
    Option("device", str, "Where to train, such as cuda.", _TRAINING, SETTING, default="cpu"),
    Option("precision", str, "bf16 or fp32, of products of matrices.", _TRAINING, SETTING, values=("fp32", "bf16")),
    Option("seed", int, "Fixes weights, walks, negatives and splits.", _TRAINING, default="0"),
    Option("threads", int, "Threads to train on.", _TRAINING, default="all"),
    Option(
        "strategy",
        str,
        "How processes that torchrun has started train together: sharded (walks), ddp (graphsage, han), columns "
        "(lightgcn); auto takes the model's own.",
        _TRAINING,
        SETTING,
    ),
    Option(
        "deterministic",
        bool,
        "The same result each time, bit for bit; walk models then take one thread.",
        _TRAINING,
        flags=("--deterministic/--fast",),
        default="fast",
    ),
    Option(
        "checkpoint",
        Path,
        "File (of a --strategy a folder) for the state after every epoch, to resume from. Without it OUTPUT.*.ckpt, "
        "removed at the end.",
        _TRAINING,
    ),
    Option(
        "checkpoint_every",
        int,
        "deepwalk, metapath2vec with a --strategy: batches of an epoch after which the state is kept, too.",
        _TRAINING,
        SETTING,
    ),
    Option(
        "keep_checkpoints",
        bool,
        "Keep a state to resume from.",
        _TRAINING,
        flags=("--keep-checkpoints/--no-checkpoint",),
    ),
    Option("tensorboard", Path, "Folder to log to, for TensorBoard.", _RESULT),
    Option("weights", Path, "The model's weights, .pt or .safetensors.", _RESULT),
    Option(
        "evaluate",
        bool,
        "Classify the nodes, if the input has labels.",
        _RESULT,
        flags=("--evaluate/--no-evaluate",),
    ),
    Option("as_json", bool, "Print the record of the run as JSON.", _RESULT, COMMAND, flags=("--json",)),
    Option("debug", bool, "Show the traceback of an error.", "", COMMAND, flags=("--debug",)),
)


def said(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options that a person has given."""
    return {name: value for name, value in given.items() if value not in (None, [], ())}


def with_reading(command: Callable[..., None]) -> Callable[..., None]:
    """The command with all options of reading a graph where it has ``**reading``; those not given are None."""
    own = inspect.signature(command, eval_str=True)
    kept = [entry.replace(kind=entry.KEYWORD_ONLY) for name, entry in own.parameters.items() if name != "reading"]
    reading = [option.parameter() for option in OPTIONS if option.part == READING and option.name not in own.parameters]
    command.__signature__ = inspect.Signature([*kept, *reading])  # type: ignore[attr-defined]
    return command


def signature(options: Iterable[Option]) -> inspect.Signature:
    """The signature of a command that has these options, its context first."""
    context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    return inspect.Signature([context, *(option.parameter() for option in options)])
