"""``graphembed parity``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..options import said, with_reading
from .common import Debug, Json, reporting, setting

if TYPE_CHECKING:
    from ...graph.view import GraphView
    from ...readers.graph_file import GraphFile

__all__ = ["parity"]


@with_reading
def parity(
    model: Annotated[str, typer.Argument(help="Name of the model, such as metapath2vec.")],
    first: Annotated[str, typer.Argument(help="Saved DGL graph (.bin), saved PyG graph (.pt), or any other input.")],
    second: Annotated[
        str | None, typer.Argument(help="The same graph of the other host; left out, FIRST is built for both hosts.")
    ] = None,
    metapath: Annotated[
        list[str] | None,
        typer.Option(
            help="metapath2vec, han: node types joined by -, such as author-paper-author, or relations joined by "
            "commas; NAME=PATH gives one a name. May be repeated."
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="An argument of the model, such as window_size=3."),
    ] = None,
    steps: Annotated[int, typer.Option(help="Optimiser steps before the embeddings are compared.")] = 5,
    batch_size: Annotated[int | None, typer.Option(help="Walks, triplets or nodes in a batch.")] = None,
    seed: Annotated[int, typer.Option(help="Fixes weights, walks and negatives.")] = 0,
    as_json: Json = False,
    debug: Debug = False,
    **reading: Any,
) -> None:
    """Compare what a model does with two graphs, stage by stage; the exit code is 1 if anything differs."""
    with reporting(debug):
        from ... import parity as parity_module

        given = said(reading)
        given["weight"] = not given.pop("no_weight", False)
        config = dict(map(setting, set_ or []))
        graphs = _both(first, second, given, config.get("weight") is not None)
        config |= _metapaths(model, graphs[0], metapath or [])
        found = parity_module.report(model, *graphs, steps=steps, batch_size=batch_size, seed=seed, **config)
        typer.echo(json.dumps(found.to_dict(), indent=2) if as_json else str(found))
        if not found.ok:
            raise typer.Exit(1)


def _both(first: str, second: str | None, reading: dict[str, Any], weighted: bool) -> list[GraphView]:
    """Both graphs; what is of no host is built for DGL in the first place, for PyG in the second.

    ``weighted`` graphs are refused where their weights are none.
    """
    from ...hosts.registry import view
    from ...readers.graphs import read_graph

    read = [read_graph(source, **reading) for source in (first, second or first)]
    if weighted:
        _check_weights(read)
    hosts = [graph.view.host for graph in read]
    if hosts[0] == "none":
        hosts[0] = "dgl"
    if second is None:
        hosts[1] = "pyg" if hosts[0] == "dgl" else "dgl"
    elif hosts[1] == "none":
        hosts[1] = "pyg"
    return [
        graph.view if graph.view.host == host else view(graph.build(host))
        for graph, host in zip(read, hosts, strict=True)
    ]


def _check_weights(graphs: list[GraphFile]) -> None:
    """Raise for the first weight that is none."""
    for graph in graphs:
        if graph.trouble is not None:
            raise graph.trouble


def _metapaths(model: str, view: GraphView, words: list[str]) -> dict[str, Any]:
    """Metapaths as the model takes them: HAN by name, MetaPath2Vec one or a list."""
    from ...graph.metapaths import metapath_of, named_metapath

    if not words:
        return {}
    if model.lower() == "han":
        return {"metapaths": {name: metapath_of(view, path) for name, path in map(named_metapath, words)}}
    paths = [metapath_of(view, path) for path in words]
    return {"metapath": paths[0] if len(paths) == 1 else paths}
