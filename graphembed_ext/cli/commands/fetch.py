"""``graphembed fetch``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .common import Debug, Json, reporting, show

__all__ = ["fetch"]


def fetch(
    name: Annotated[str, typer.Argument(help="A data set of PyG with one graph, such as Planetoid/Cora or DBLP.")],
    root: Annotated[Path, typer.Option(help="Folder to download it into.")] = Path("data"),
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Download a data set, by PyG's own class, for --input and --root of the other commands.

    Example: graphembed fetch Planetoid/Cora, then graphembed train graphsage -i Planetoid/Cora --root data/Planetoid
    -o cora.parquet
    """
    with reporting(debug):
        from ...readers.datasets import fetch_dataset

        folder = root / name.partition("/")[0]
        graph = fetch_dataset(name, folder)
        nodes = dict(graph.view.num_nodes)
        show(as_json, {"name": name, "root": str(folder), "nodes": nodes, "labels": list(graph.labels)})
        if not as_json:
            typer.echo(f"{name}: {graph.view.total_nodes} nodes, {graph.edges_in_words}")
            typer.echo(f"next: graphembed train MODEL -i {name} --root {folder} -o emb.parquet")
