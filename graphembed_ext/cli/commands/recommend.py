"""``graphembed recommend``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from .common import Debug, Embedding, Json, Titled, load, reporting, say, show, table, write_csv

__all__ = ["recommend"]


def recommend(
    embedding: Embedding,
    users: Annotated[
        list[str] | None, typer.Argument(help="Names of users, or ids where users have no names; none with --all.")
    ] = None,
    k: Annotated[
        int | None, typer.Option("-k", "--k", help="How many items for each.", show_default="10, or all there are")
    ] = None,
    known: Annotated[
        bool, typer.Option("--known/--new", help="Whether items that a user has already may come out.")
    ] = False,
    nodes: Titled = None,
    every: Annotated[bool, typer.Option("--all", help="For every user; with --output.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Table to write: user, rank, item, score; .csv.")
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """List the items with the highest scores for each user, from embeddings of lightgcn; new ones, unless --known.

    What a user has already is read from the input of the run, which stands in the record beside the embeddings.

    Example: graphembed recommend shop.parquet --all -k 20 -o lists.csv
    """
    with reporting(debug):
        from ..runs.recommend import SavedRecommender
        from ..runs.titles import titles_of

        _check(users or [], every, output)
        emb, notes = load(embedding), list[str]()
        recommender = SavedRecommender(emb, embedding)
        asked = recommender.users if every else users or []
        titles = titles_of(emb, embedding, nodes or [], notes).get(recommender.item_type)
        say(notes)
        columns = ["item", *(["title"] if titles else []), "score"]
        lists = ((user, _ranked(items, titles)) for user, items in recommender.lists(asked, k, known=known))
        if output is not None:
            _write(output, len(asked), columns, lists, as_json)
            return
        found = dict(lists)
        data = [
            {"user": user, "items": [dict(zip(columns, row[1:], strict=True)) for row in rows]}
            for user, rows in found.items()
        ]
        sides = {"": "right", **dict.fromkeys(columns, "left"), "score": "right"}
        show(as_json, data, *(table(f"for {user}", sides, rows) for user, rows in found.items()))


def _write(
    output: Path, users: int, columns: list[str], lists: Iterable[tuple[str, list[tuple[Any, ...]]]], as_json: bool
) -> None:
    count = write_csv(output, ["user", "rank", *columns], ((user, *row) for user, rows in lists for row in rows))
    show(as_json, {"users": users, "rows": count, "file": str(output)})
    if not as_json:
        typer.echo(f"wrote {output}: {count} rows, the items of {users} users")


def _ranked(items: list[tuple[Any, float]], titles: Mapping[str, str] | None) -> list[tuple[Any, ...]]:
    """Place, item, its title where any has one, and score."""
    return [
        (place, item, *([titles.get(str(item), "")] if titles else []), score)
        for place, (item, score) in enumerate(items, 1)
    ]


def _check(users: list[str], every: bool, output: Path | None) -> None:
    from ...errors import InputError

    if every and users:
        raise InputError("users", " ".join(users), "none with --all")
    if every and output is None:
        raise InputError("output", "nothing", "a file for the lists of all users", "--output FILE.csv")
    if not every and not users:
        raise InputError("users", "nothing", "names of users", "--all --output FILE.csv lists the items of every user")
