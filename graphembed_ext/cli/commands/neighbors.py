"""``graphembed neighbors``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .common import Debug, Embedding, Json, load, node_of, reporting, show, table, write_csv

__all__ = ["neighbors"]


def neighbors(
    embedding: Embedding,
    name: Annotated[str, typer.Argument(help="Name of a node, or its id where nodes have no names.")],
    k: Annotated[int, typer.Option("-k", "--k", help="How many.")] = 10,
    type: Annotated[
        str | None, typer.Option("--type", "-t", help="Type of the node, where its name leaves it open.")
    ] = None,
    among: Annotated[str | None, typer.Option(help="Type to search; that of the node by default.")] = None,
    index: Annotated[
        Path | None,
        typer.Option(help="Index written by graphembed export, searched instead of all nodes; approximate."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Table to write beside: node, type, cosine; .csv.")
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """List the nodes whose vectors point the most alike, by cosine similarity."""
    with reporting(debug):
        emb = load(embedding)
        node, own = node_of(emb, name, type)
        kind = own if among is None else among
        if index is None:
            found = emb.most_similar(node, k, own, among)
        else:
            from ...index import NeighborIndex

            searched = NeighborIndex(emb, index, kind)
            if not searched.approximate:
                typer.echo("usearch is not installed: all nodes are compared. Hint: pip install usearch", err=True)
            found = searched.most_similar(node, k, own)
        data = {
            "node": node,
            "type": own,
            "neighbors": [{"node": other, "type": kind, "cosine": cosine} for other, cosine in found],
        }
        if output is not None:
            write_csv(output, ["node", "type", "cosine"], [(other, kind, cosine) for other, cosine in found])
        rows = [(place, other, cosine) for place, (other, cosine) in enumerate(found, 1)]
        title = f"nearest to {node}" + ("" if len(emb.node_types) == 1 else f", {own}")
        title += "" if kind == own else f", among {kind}"
        show(as_json, data, table(title, {"": "right", "node": "left", "cosine": "right"}, rows))
