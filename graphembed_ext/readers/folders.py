"""Folders of tables that are one graph: Neo4j's import files, OGB's raw files, part files of one list."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import FileFormatError
from ..graph.simple_edges import simple_edges
from ..graph.view import EDGE_TYPE, NODE_TYPE, EdgeType, GraphView
from .checks import check_count, check_ids
from .edge_lists import read_edges
from .graph_file import GraphFile
from .neo4j import neo4j_folder, table_in
from .numbering import assembled
from .options import Reading
from .sources import PACKED

__all__ = ["read_folder"]

_SPLITS = {"train": "train", "valid": "val", "test": "test"}


def read_folder(path: Path, reading: Reading, directed: bool, bipartite: bool | None) -> GraphFile:
    """Read a folder of Neo4j's import files, of OGB's raw files, or of part files (``part-...``) of one edge list.

    Args:
        path: The folder.
        reading: What a person said of the tables.
        directed: Whether edges have a direction.
        bipartite: As for :func:`graphembed_ext.readers.read_graph`.

    Raises:
        FileFormatError: A folder of other files.
    """
    found = _raw_files(path, directed)
    if found is not None:
        return found
    files = _shown(path)
    if files and all(file.name.startswith("part-") for file in files):
        parts = [read_edges(table_in(file, reading), reading.of_edges(), None, bipartite) for file in files]
        return assembled(parts, directed)
    found = neo4j_folder([file for file in files if re.search(r"\.(csv|tsv)$", _inner(file))], reading, directed)
    if found is not None:
        return found
    raise FileFormatError(
        str(path),
        "a folder",
        "a file; or a folder of Neo4j's tables (with :ID and :START_ID), of OGB's raw files, or of files part-...",
        "-i may be repeated: one file for each relation, as in -i user,buys,item=orders.csv",
    )


def _raw_files(path: Path, directed: bool) -> GraphFile | None:
    """The graph of OGB's raw files; None of other files."""
    raw = path / "raw" if (path / "raw").is_dir() else path
    if _found(raw / "num-node-list.csv") and _found(raw / "edge.csv"):
        return _ogb(raw, directed)
    if _found(raw / "num-node-dict.csv") and (raw / "relations").is_dir():
        return _typed_ogb(raw, directed)
    return None


def _shown(path: Path) -> list[Path]:
    """The files of a folder but for those that are hidden or, as Spark's ``_SUCCESS``, tell of the others."""
    return sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith((".", "_")))


def _inner(file: Path) -> str:
    return file.name.lower().removesuffix(file.suffix.lower()) if file.suffix.lower() in PACKED else file.name.lower()


def _found(path: Path) -> Path | None:
    """A file, packed or not."""
    return next((p for end in ("", *PACKED) if (p := path.with_name(path.name + end)).is_file()), None)


def _ogb(raw: Path, directed: bool) -> GraphFile:
    """A raw folder of an OGB data set of one graph."""
    count = _count(raw / "num-node-list.csv")
    src, dst = _ends(raw / "edge.csv", count, count)
    src, dst, _ = simple_edges(src, dst, None, count, directed)
    features, labels = _of_nodes(raw, "", count)
    view = GraphView({NODE_TYPE: count}, {EDGE_TYPE: _pair(src, dst)}, {NODE_TYPE: features} if features else {})
    found = {NODE_TYPE: labels} if labels is not None else {}
    return GraphFile(view, None, found, None, ("raw files of OGB",), directed)


def _typed_ogb(raw: Path, directed: bool) -> GraphFile:
    """A raw folder of an OGB data set of several types."""
    counts = _counts(raw / "num-node-dict.csv")
    edges: dict[EdgeType, tuple[Tensor, Tensor]] = {}
    for folder in sorted((raw / "relations").iterdir()):
        source, relation, target = _edge_type(folder, counts)
        src, dst = _ends(folder / "edge.csv", counts[source], counts[target])
        within = source == target
        src, dst, _ = simple_edges(src, dst, None, max(counts[source], counts[target]), directed or not within)
        edges[source, relation, target] = _pair(src, dst)
        if not directed and not within:
            edges[target, f"rev_{relation}", source] = _pair(dst, src)
    features, labels = {}, {}
    for kind, count in counts.items():
        features[kind], found = _of_nodes(raw, kind, count)
        if found is not None:
            labels[kind] = found
    view = GraphView(counts, edges, {kind: values for kind, values in features.items() if values})
    return GraphFile(view, None, labels, None, ("raw files of OGB",), directed)


def _counts(path: Path) -> dict[str, int]:
    """The number of nodes of each type."""
    table = table_in(_there(path), Reading(header=True))
    table.decide()
    kinds = [title.strip() for title in table.titles or ()]
    return {kind: check_count(int(cell), table.name) for kind, cell in zip(kinds, table.rows[0], strict=True)}


def _edge_type(folder: Path, counts: Mapping[str, int]) -> EdgeType:
    words = folder.name.split("___")
    if len(words) != 3 or words[0] not in counts or words[2] not in counts:
        raise FileFormatError(str(folder), "a folder", "one named source___relation___target, of types of nodes")
    return words[0], words[1], words[2]


def _there(path: Path) -> Path:
    found = _found(path)
    if found is None:
        raise FileFormatError(str(path), "no file", "the raw files of OGB, perhaps with .gz")
    return found


def _numbers(path: Path, kind: Any) -> np.ndarray:
    """A table of numbers without titles."""
    table = table_in(_there(path), Reading(header=False))
    table.decide()
    blocks = []
    start = 0
    for chunk in table.chunks(range(table.width)):
        columns = [column.to_pylist() for column in chunk]
        try:
            blocks.append(
                np.array([[kind(float(cell or "nan")) for cell in row] for row in zip(*columns, strict=True)])
            )
        except (ValueError, OverflowError) as error:
            raise FileFormatError(table.where(start), "a cell that is no number", "numbers alone") from error
        start += len(columns[0])
    return np.concatenate(blocks)


def _count(path: Path) -> int:
    values = _numbers(path, int)
    if values.size != 1:
        raise FileFormatError(str(path), f"{values.size} graphs", "a data set of one graph")
    return check_count(int(values[0, 0]), str(path))


def _ends(path: Path, sources: int, targets: int) -> tuple[np.ndarray, np.ndarray]:
    values = _numbers(path, int)
    if values.shape[1] != 2:
        raise FileFormatError(str(path), f"{values.shape[1]} columns", "2, the ends of edges")
    src, dst = np.ascontiguousarray(values.T)
    check_ids(src, sources, str(path))
    check_ids(dst, targets, str(path))
    return src, dst


def _pair(src: np.ndarray, dst: np.ndarray) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(src), torch.from_numpy(dst)


def _of_nodes(raw: Path, kind: str, count: int) -> tuple[dict[str, Tensor], Any]:
    """Features, labels and masks of the nodes of a type, and the labels once more, as a graph file has them."""
    import scipy.sparse

    features: dict[str, Tensor] = {}
    labels: Any = None
    folder = (raw / "node-feat" / kind, raw / "node-label" / kind) if kind else (raw, raw)
    if _found(folder[0] / "node-feat.csv"):
        x = _numbers(folder[0] / "node-feat.csv", float)
        _check_rows(folder[0] / "node-feat.csv", x, count)
        features["x"] = torch.from_numpy(x.astype(np.float32))
    if _found(folder[1] / "node-label.csv"):
        values = _numbers(folder[1] / "node-label.csv", float)
        _check_rows(folder[1] / "node-label.csv", values, count)
        y = torch.from_numpy(np.nan_to_num(values, nan=-1).astype(np.int64))
        labels = y.squeeze(1) if y.size(1) == 1 else scipy.sparse.csr_matrix((y > 0).numpy().astype(np.int8))
        features["y"] = y.squeeze(1) if y.size(1) == 1 else (y > 0).float()
        for split in sorted(raw.parent.glob("split/*"))[:1]:
            for name, part in _SPLITS.items():
                if _found(split / kind / f"{name}.csv"):
                    ids = _numbers(split / kind / f"{name}.csv", int)[:, 0]
                    check_ids(ids, count, str(split / kind / f"{name}.csv"))
                    features[f"{part}_mask"] = torch.zeros(count, dtype=torch.bool)
                    features[f"{part}_mask"][torch.from_numpy(ids)] = True
    return features, labels


def _check_rows(path: Path, values: np.ndarray, count: int) -> None:
    if len(values) != count:
        raise FileFormatError(str(path), f"{len(values)} rows", f"{count}, one for each node")
