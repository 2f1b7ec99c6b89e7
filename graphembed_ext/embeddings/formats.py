"""Embeddings in files, a format a pair of functions; and row by row for the formats of other tools.

A format knows vectors, how many of them each node type has, and the names of nodes by type. A new one is a line in
:data:`FORMATS`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from .._core.arrays import read_archive
from .._core.files import made, whole
from .._core.optional import optional
from ..errors import FileFormatError

__all__ = ["FORMATS", "Table", "chunks", "is_folder", "read", "write", "write_index", "write_part"]


#: File of a folder that names its parts.
_INDEX = "index.json"
#: Rows written at once.
_ROWS = 1 << 16


class Table(NamedTuple):
    """Embeddings without their methods.

    Attributes:
        vectors: Those of all nodes, types one after the other, ``(N, d)``.
        counts: Number of nodes of each type.
        names: Names of the nodes of each type; nothing for types whose nodes have ids alone.
    """

    vectors: Tensor
    counts: Mapping[str, int]
    names: Mapping[str, list[str]]

    def labels(self) -> list[str]:
        """A label for each row, the name or else the id; none where no type has names."""
        if not self.names:
            return []
        return [
            label for t, count in self.counts.items() for label in self.names.get(t) or [str(i) for i in range(count)]
        ]


def chunks(vectors: Tensor, dtype: torch.dtype = torch.float32) -> Iterator[np.ndarray]:
    """The vectors as float32, or as another type, some rows at a time."""
    for start in range(0, len(vectors), _ROWS):
        yield vectors[start : start + _ROWS].detach().cpu().to(dtype).contiguous().numpy()


def write(table: Table, path: Path) -> Path:
    """Write a file; an old one stays in place until the new one is whole.

    Raises:
        FileFormatError: A name without the ending of one of :data:`FORMATS`.
    """
    if not path.suffix:
        write_part(table, path, 0, 1)
        return write_index(path, table.counts, 1)
    fill = _of(path)[0]
    return whole(path, lambda part: fill(table, part))


def read(path: Path) -> Table:
    """Read what :func:`write` wrote; no code is run from the file.

    Raises:
        FileFormatError: Not such a file.
    """
    load = _read_folder if path.is_dir() else _of(path)[1]
    if not path.exists():
        raise FileFormatError("path", str(path), "an existing file")
    try:
        return load(path)
    except Exception as error:  # what a damaged file makes Arrow, NumPy and json stumble over has no end
        why = " ".join(str(error).split()) or type(error).__name__  # Arrow's run over lines
        raise FileFormatError("path", f"{path} ({why})", "a file written by Embeddings.save") from error


def _of(path: Path) -> tuple[Any, Any]:
    if path.suffix not in FORMATS:
        *others, last = FORMATS
        raise FileFormatError("path", str(path), f"a name ending in {', '.join(others)} or {last}, or a folder")
    return FORMATS[path.suffix]


def _write_parquet(table: Table, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    width, labels = table.vectors.size(1), table.labels()
    double = table.vectors.dtype == torch.float64
    number, dtype = (pa.float64(), torch.float64) if double else (pa.float32(), torch.float32)
    columns = [("id", pa.int64()), ("type", pa.string()), ("vector", pa.list_(number, width))]
    schema = pa.schema(columns + ([("name", pa.string())] if labels else []))
    types = np.repeat(list(table.counts), list(table.counts.values()))
    ids = np.concatenate([np.arange(count) for count in table.counts.values()])
    start = 0
    with pq.ParquetWriter(path, schema) as writer:
        for rows in chunks(table.vectors, dtype):
            part = slice(start, start + len(rows))
            arrays = [pa.array(ids[part]), pa.array(types[part])]
            arrays.append(pa.FixedSizeListArray.from_arrays(pa.array(rows.reshape(-1)), width))
            if labels:
                arrays.append(pa.array(labels[part]))
            writer.write_table(pa.table(arrays, schema=schema))
            start += len(rows)


def _read_parquet(path: Path) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    vector = table["vector"].combine_chunks()
    fixed = pa.types.is_fixed_size_list(vector.type)  # pandas and others write lists of any length
    widths = [vector.type.list_size] if fixed else vector.value_lengths().unique().to_pylist()
    if len(widths) != 1 or widths[0] is None:
        raise ValueError(f"vectors of {len(widths)} lengths")
    vectors = torch.from_numpy(vector.flatten().to_numpy(zero_copy_only=False).copy())
    types = table["type"].to_numpy()
    kinds, counts = np.unique(types, return_counts=True)
    names = {}
    if "name" in table.column_names:
        labels = table["name"].to_numpy()
        names = {str(kind): labels[types == kind].tolist() for kind in kinds}
    num_nodes = {str(kind): int(count) for kind, count in zip(kinds, counts, strict=True)}
    return Table(vectors.view(len(table), widths[0]), num_nodes, names)


def _write_npz(table: Table, path: Path) -> None:
    with path.open("wb") as file:
        np.savez(
            file,
            vectors=table.vectors.detach().cpu().numpy(),
            types=np.array(list(table.counts)),
            counts=np.array(list(table.counts.values())),
            names=np.array(table.labels(), dtype=str),
        )


def _read_npz(path: Path) -> Table:
    file = read_archive(path)
    num_nodes = {str(kind): int(count) for kind, count in zip(file["types"], file["counts"], strict=True)}
    names, start = {}, 0
    if len(file["names"]):
        for kind, count in num_nodes.items():
            names[kind] = file["names"][start : start + count].tolist()
            start += count
    return Table(torch.from_numpy(file["vectors"]), num_nodes, names)


def _write_safetensors(table: Table, path: Path) -> None:
    optional("safetensors", "a .safetensors file")
    from safetensors.torch import save_file

    parts = torch.split(table.vectors.detach().cpu(), list(table.counts.values()))
    tensors = {node_type: rows.contiguous() for node_type, rows in zip(table.counts, parts, strict=True)}
    save_file(tensors, path, {"format": "pt", "names": json.dumps(table.names)})


def _read_safetensors(path: Path) -> Table:
    optional("safetensors", "a .safetensors file")
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            tensors = {node_type: file.get_tensor(node_type) for node_type in sorted(file.keys())}
            names = json.loads((file.metadata() or {}).get("names", "{}"))
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    counts = {node_type: len(rows) for node_type, rows in tensors.items()}
    return Table(torch.cat(list(tensors.values())), counts, names)


def write_part(table: Table, folder: Path, number: int, parts: int) -> Path:
    """Write one of several parts of a folder, the next so many rows of every type that it has."""
    return whole(made(folder) / _part(number, parts), lambda file: _write_safetensors(table, file))


def write_index(folder: Path, counts: Mapping[str, int], parts: int) -> Path:
    """Say which parts a folder has, once they are there; other ones go."""
    names = [_part(number, parts) for number in range(parts)]
    index = {"parts": names, "nodes": dict(counts)}
    whole(folder / _INDEX, lambda file: file.write_text(json.dumps(index, indent=2) + "\n"))
    for other in folder.glob(_part("*", "*")):
        if other.name not in names:
            other.unlink()
    return folder


def is_folder(path: Path) -> bool:
    """Whether there is a folder of embeddings, or an empty one."""
    return path.is_dir() and ((path / _INDEX).exists() or not any(path.iterdir()))


def _part(number: Any, parts: Any) -> str:
    return f"part-{number:0>5}-of-{parts:0>5}.safetensors" if parts != "*" else "part-*-of-*.safetensors"


def _read_folder(path: Path) -> Table:
    index = json.loads((path / _INDEX).read_text(encoding="utf-8"))
    tables = [_read_safetensors(path / name) for name in index["parts"]]
    rows: dict[str, list[Tensor]] = {kind: [] for kind in index["nodes"]}
    names: dict[str, list[str]] = {}
    for table in tables:
        for kind, part in zip(table.counts, torch.split(table.vectors, list(table.counts.values())), strict=True):
            rows[kind].append(part)
            if kind in table.names:
                names.setdefault(kind, []).extend(table.names[kind])
    width = tables[0].vectors.size(1)
    vectors = torch.cat([part for parts in rows.values() for part in (parts or [torch.empty(0, width)])])
    return Table(vectors, index["nodes"], names)


#: How a file is written and read, by the ending of its name.
FORMATS = {
    ".parquet": (_write_parquet, _read_parquet),
    ".npz": (_write_npz, _read_npz),
    ".safetensors": (_write_safetensors, _read_safetensors),
}
