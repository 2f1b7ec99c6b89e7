"""``graphembed recommend``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from .common import Debug, Embedding, Json, load, reporting, show, table, write_csv

__all__ = ["recommend"]


def recommend(
    embedding: Embedding,
    users: Annotated[
        list[str] | None, typer.Argument(help="Names of users, or ids where users have no names; none with --all.")
    ] = None,
    k: Annotated[int, typer.Option("-k", "--k", help="How many items for each.")] = 10,
    known: Annotated[
        bool, typer.Option("--known/--new", help="Whether items that a user has already may come out.")
    ] = False,
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

        _check(users or [], every, output)
        recommender = SavedRecommender(load(embedding), embedding)
        asked = recommender.users if every else users or []
        if output is not None:
            _write(output, len(asked), recommender.lists(asked, k, known=known), as_json)
            return
        found = dict(recommender.lists(asked, k, known=known))
        data = [
            {"user": user, "items": [{"item": item, "score": score} for item, score in items]}
            for user, items in found.items()
        ]
        columns = {"": "right", "item": "left", "score": "right"}
        show(as_json, data, *(table(f"for {user}", columns, _ranked(items)) for user, items in found.items()))


def _write(output: Path, users: int, lists: Iterable[tuple[str, list[tuple[Any, float]]]], as_json: bool) -> None:
    rows = ((user, *row) for user, items in lists for row in _ranked(items))
    count = write_csv(output, ["user", "rank", "item", "score"], rows)
    show(as_json, {"users": users, "rows": count, "file": str(output)})
    if not as_json:
        typer.echo(f"wrote {output}: {count} rows, the items of {users} users")


def _ranked(items: list[tuple[Any, float]]) -> list[tuple[Any, ...]]:
    return [(place, *entry) for place, entry in enumerate(items, 1)]


def _check(users: list[str], every: bool, output: Path | None) -> None:
    from ...errors import InputError

    if every and users:
        raise InputError("users", " ".join(users), "none with --all")
    if every and output is None:
        raise InputError("output", "nothing", "a file for the lists of all users", "--output FILE.csv")
    if not every and not users:
        raise InputError("users", "nothing", "names of users", "--all --output FILE.csv lists the items of every user")
