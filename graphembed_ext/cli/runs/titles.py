"""What people call the nodes of a run, for ``graphembed neighbors`` and ``graphembed recommend``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ...embeddings.vectors import Embeddings
from ...errors import InputError
from ...graph.view import GraphView
from ...readers.declared import read_table
from ...readers.graph_file import GraphFile
from ...readers.node_titles import titles_in
from ...readers.options import Reading, files_given
from .inputs import of_nodes
from .records import Run

__all__ = ["titles_of"]


def titles_of(emb: Embeddings, path: Path, files: Sequence[str], notes: list[str]) -> dict[str, dict[str, str]]:
    """The title of each node that has one, by node type and name.

    Args:
        emb: The embeddings.
        path: Their file; tables of nodes of the run's record are looked at.
        files: Further tables of nodes, each perhaps with ``TYPE=`` before its name.
        notes: Told where a table of the record is no longer there.

    Raises:
        FileFormatError: A file that is no table.
    """
    graph = GraphFile(GraphView(dict(emb.num_nodes), {}), emb.names)
    run = Run.found(path)
    found: dict[str, dict[str, str]] = {}

    def add(tables: Iterable[str | Path], reading: Reading) -> None:
        for text in tables:
            (kind, titles), _ = read_table(graph, str(text), reading, lambda table: (table.kind, titles_in(table.rows)))
            found.setdefault(kind, {}).update(titles)

    try:
        if run is not None:
            add(files_given("nodes", run.job.reading.get("nodes", ())), of_nodes(run.job))
    except InputError as error:
        notes.append(f"without the titles of the run's nodes: {error}")
    add(files, Reading())
    return {kind: titles for kind, titles in found.items() if titles}
