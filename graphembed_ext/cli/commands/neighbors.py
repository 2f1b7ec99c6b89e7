"""``graphembed neighbors``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from .common import Debug, Embedding, Json, Titled, load, node_of, reporting, say, show, table, write_csv

__all__ = ["neighbors"]


def neighbors(
    embedding: Embedding,
    names: Annotated[
        list[str],
        typer.Argument(metavar="NAME...", help="Names or titles of nodes, or their ids where nodes have no names."),
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
    nodes: Titled = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Table to write beside: node, type, cosine; .csv.")
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """List the nodes whose vectors point the most alike, by cosine similarity."""
    with reporting(debug):
        from ..runs.titles import titles_of

        emb, notes = load(embedding), list[str]()
        titles = titles_of(emb, embedding, nodes or [], notes)
        asked = [node_of(emb, name, type, titles) for name in names]  # all of them are right, or nothing is shown
        search = _searches(emb, index)
        found = [_of_node(node, own, among or own, search(node, k, own, among or own), titles) for node, own in asked]
        if output is not None:
            _write(output, found)
        say(notes)
        tables = (_table(entry, len(emb.node_types) > 1) for entry in found)
        show(as_json, found if len(found) > 1 else found[0], *tables)


def _of_node(
    node: Any, own: str, kind: str, found: list[tuple[int | str, float]], titles: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    """The nearest to a node, as JSON has them; with titles where its type has any."""
    entries = [
        {"node": other}
        | ({"title": titles[kind].get(str(other), "")} if kind in titles else {})
        | {"type": kind, "cosine": cosine}
        for other, cosine in found
    ]
    title = titles.get(own, {}).get(str(node))
    return {"node": node, **({"title": title} if title else {}), "type": own, "neighbors": entries}


def _write(output: Path, found: list[dict[str, Any]]) -> None:
    several = len(found) > 1
    entries = [([each["node"]] if several else [], entry) for each in found for entry in each["neighbors"]]
    titles = list(dict.fromkeys(name for _, entry in entries for name in entry))
    rows = ([*before, *(entry.get(name, "") for name in titles)] for before, entry in entries)
    write_csv(output, [*(["of"] if several else []), *(titles or ["node", "type", "cosine"])], rows)


def _table(found: dict[str, Any], typed: bool) -> Any:
    entries = found["neighbors"]
    kind = entries[0]["type"] if entries else found["type"]
    title = f"nearest to {found['node']}" + (f" ({found['title']})" if "title" in found else "")
    title += (f", {found['type']}" if typed else "") + ("" if kind == found["type"] else f", among {kind}")
    shown = ["node", *(["title"] if entries and "title" in entries[0] else []), "cosine"]
    columns = {"": "right", **dict.fromkeys(shown, "left"), "cosine": "right"}
    rows = [(place, *(entry[name] for name in shown)) for place, entry in enumerate(entries, 1)]
    return table(title, columns, rows)


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
