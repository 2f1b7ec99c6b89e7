"""``graphembed recommend``."""

from __future__ import annotations

from typing import Annotated

import typer

from .common import Debug, Embedding, Json, load, reporting, show, table

__all__ = ["recommend"]


def recommend(
    embedding: Embedding,
    users: Annotated[list[str], typer.Argument(help="Names of users, or ids where users have no names.")],
    k: Annotated[int, typer.Option("-k", "--k", help="How many items for each.")] = 10,
    known: Annotated[
        bool, typer.Option("--known/--new", help="Whether items that a user has already may come out.")
    ] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """List the items with the highest scores for each user, from embeddings of lightgcn; new ones, unless --known.

    What a user has already is read from the input of the run, which stands in the record beside the embeddings.
    """
    with reporting(debug):
        from ..runs.recommend import SavedRecommender

        found = SavedRecommender(load(embedding), embedding).recommend(users, k, known=known)
        data = [
            {"user": user, "items": [{"item": item, "score": score} for item, score in items]}
            for user, items in found.items()
        ]
        columns = {"": "right", "item": "left", "score": "right"}
        tables = [
            table(f"for {user}", columns, [(place, *entry) for place, entry in enumerate(items, 1)])
            for user, items in found.items()
        ]
        show(as_json, data, *tables)
