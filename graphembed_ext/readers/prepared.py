"""Prepared graphs as files hold them: the view, the names of its nodes, and their classes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from ..errors import FileFormatError, InputError
from ..graph.folder import PreparedWriter, description_of, open_graph
from .graph_file import GraphFile, from_host

__all__ = ["names_in", "read_prepared", "write_names"]

_NAME = "name"


def read_prepared(folder: Path, directed: bool = False, bipartite: bool | None = None) -> GraphFile:
    """A graph that :func:`graphembed_ext.prepare` wrote. Edges stay on the disk; names are read.

    Raises:
        FileFormatError: As for :func:`graphembed_ext.open_graph`.
        InputError: Edges that are to lead one way, or nodes of two types, where they were prepared otherwise.
    """
    view = open_graph(folder)
    found, said = from_host(view), view.description
    hint = "graphembed prepare has the options of reading, and writes the graph anew"
    if directed and said.get("directed") is False:
        raise InputError("directed", f"{folder}, whose edges were prepared in both directions", "--undirected", hint)
    if bipartite and not view.is_typed:
        raise InputError("bipartite", f"{folder}, whose nodes were prepared as of one type", "--joint", hint)
    trouble = said.get("trouble")
    return replace(
        found,
        names=names_in(folder) or None,
        notes=tuple(said.get("notes", ())),
        directed=said.get("directed"),
        classes=said.get("classes", {}),
        trouble=None if trouble is None else FileFormatError(*trouble),
    )


def names_in(folder: Path) -> dict[str, list[str]]:
    """Names of the nodes of each type in a prepared graph, in the order of their ids; empty where they have none.

    Raises:
        FileFormatError: A file that is missing or damaged.
    """
    names = {}
    for kind, file in description_of(folder).get("names", {}).items():
        try:
            names[kind] = pyarrow.parquet.read_table(folder / file).column(_NAME).to_pylist()
        except (OSError, pa.ArrowException, KeyError) as error:
            expected = "names of nodes, as graphembed prepare wrote them"
            raise FileFormatError(str(folder / file), f"a file that cannot be read ({error})", expected) from error
    return names


def write_names(writer: PreparedWriter, kind: str, names: Any) -> None:
    """Write the names of the nodes of a type: words, or an Arrow array of them."""
    files = writer.more.setdefault("names", {})
    file = f"nodes/{len(files)}_names.parquet"
    (writer.part / "nodes").mkdir(exist_ok=True)
    column = names if isinstance(names, pa.Array) else pa.array(names, pa.large_string())
    pyarrow.parquet.write_table(pa.table({_NAME: column}), writer.part / file)
    files[kind] = file
