"""``graphembed neighbors``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from .common import Debug, Embedding, Json, load, node_of, reporting, show, table, write_csv

__all__ = ["neighbors"]


def neighbors(
    embedding: Embedding,
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="Names of nodes, or their ids where nodes have no names.")
    ],
    k: Annotated[int, typer.Option("-k", "--k", help="How many.")] = 10,
    type: Annotated[
        str | None, typer.Option("--type", "-t", help="Type of the nodes, where their names leave it open.")
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
        nodes = [node_of(emb, name, type) for name in names]  # all of them are right, or nothing is shown
        search = _searches(emb, index)
        data, tables = [], []
        lines: list[list[Any]] = []
        for node, own in nodes:
            kind = own if among is None else among
            found = search(node, k, own, kind)
            entries = [{"node": other, "type": kind, "cosine": cosine} for other, cosine in found]
            data.append({"node": node, "type": own, "neighbors": entries})
            lines += [([node] if len(nodes) > 1 else []) + [other, kind, cosine] for other, cosine in found]
            rows = [(place, other, cosine) for place, (other, cosine) in enumerate(found, 1)]
            title = f"nearest to {node}" + ("" if len(emb.node_types) == 1 else f", {own}")
            title += "" if kind == own else f", among {kind}"
            tables.append(table(title, {"": "right", "node": "left", "cosine": "right"}, rows))
        if output is not None:
            write_csv(output, ["of", "node", "type", "cosine"][len(nodes) == 1 :], lines)
        show(as_json, data if len(data) > 1 else data[0], *tables)


def _searches(emb: Any, index: Path | None) -> Callable[[Any, int, str, str], list[tuple[int | str, float]]]:
    """What lists the nearest of a type to a node: by comparing all, or by an index, which is opened once for a type."""
    if index is None:
        return emb.most_similar
    from ...index import NeighborIndex

    opened: dict[str, Any] = {}

    def search(node: Any, k: int, own: str, kind: str) -> list[tuple[int | str, float]]:
        if kind not in opened:
            opened[kind] = NeighborIndex(emb, index, kind)
            if not opened[kind].approximate:
                typer.echo("usearch is not installed: all nodes are compared. Hint: pip install usearch", err=True)
        return opened[kind].most_similar(node, k, own)

    return search
