"""Embeddings in the formats of other tools: CSV, safetensors, word2vec, TensorBoard's projector, usearch.

Vectors are written a chunk of rows at a time, so that a file takes no second copy of them in memory.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np

from ._core import checks
from ._core.files import whole
from .embeddings.formats import chunks
from .embeddings.vectors import Embeddings, embeddings_of
from .errors import InputError

__all__ = ["FORMATS", "export", "words"]

#: What each format is, for help and errors.
FORMATS = {
    "parquet": "columns id, type, name, vector",
    "npz": "NumPy arrays vectors, types, counts, names",
    "safetensors": "a tensor for each node type, names as metadata",
    "csv": "a table: type, id, name, and a column for each dimension",
    "word2vec": "word2vec's text format, as gensim reads it",
    "word2vec-binary": "word2vec's binary format, as gensim reads it",
    "projector": "a folder for TensorBoard's projector: tensors.tsv, metadata.tsv, projector_config.pbtxt",
    "usearch": "an index for approximate search, one file for each node type",
}

#: Format of each file name ending.
_SUFFIXES = {
    ".parquet": "parquet",
    ".npz": "npz",
    ".safetensors": "safetensors",
    ".csv": "csv",
    ".txt": "word2vec",
    ".vec": "word2vec",
    ".w2v": "word2vec",
    ".bin": "word2vec-binary",
    ".usearch": "usearch",
}


def export(emb: Embeddings, path: str | Path, format: str | None = None) -> list[Path]:
    """Write embeddings for another tool; old files stay in place until the new ones are whole.

    ``parquet``, ``npz`` and ``safetensors`` can be read by :meth:`graphembed_ext.Embeddings.load` again. In word2vec's
    formats a word is the node's name, or its id where it has none, white space replaced by ``_``; with several node
    types, the type and a slash stand before it. An index (``usearch``) is written for each type, as
    ``stem.TYPE.usearch`` where there are several; :class:`graphembed_ext.index.NeighborIndex` reads them.

    Args:
        emb: The embeddings.
        path: File to write; a folder for ``projector``.
        format: One of :data:`FORMATS`; None tells it by the ending of the name.

    Returns:
        The files written.

    Raises:
        InputError: An unknown format; names that are equal when their white space is replaced.
        MissingDependencyError: ``usearch`` without that package.

    Example:
        >>> import tempfile, torch, graphembed_ext as ge
        >>> emb = ge.Embeddings(torch.eye(2), names={"_N": ["Ada", "Bob"]})
        >>> files = export(emb, Path(tempfile.mkdtemp()) / "emb.txt")
        >>> print(files[0].read_text(), end="")
        2 2
        Ada 1.0 0.0
        Bob 0.0 1.0
    """
    path = checks.path("path", path)
    embeddings_of(emb)
    if format is None:
        format = _SUFFIXES.get(path.suffix)
        if format is None:
            endings = ", ".join(f"{suffix} ({kind})" for suffix, kind in _SUFFIXES.items())
            raise InputError("format", f"nothing, and a name without a known ending, {path.name}", endings)
    checks.choice("format", format, FORMATS)
    if format in ("parquet", "npz", "safetensors"):
        if path.suffix != f".{format}":
            raise InputError("path", str(path), f"a name ending in .{format}")
        return [emb.save(path)]
    if format == "csv":
        return [whole(path, lambda part: _write_csv(emb, part))]
    if format == "projector":
        return _write_projector(emb, path)
    if format == "usearch":
        from .index import write_indexes

        return write_indexes(emb, path)
    from .embeddings.word2vec import write_rows

    names, width, binary = words(emb), emb.tensor.size(1), format == "word2vec-binary"
    return [whole(path, lambda part: write_rows(part, names, width, chunks(emb.tensor), binary))]


def _write_csv(emb: Embeddings, path: Path) -> None:
    with path.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["type", "id", "name", *range(emb.tensor.size(1))])
        for kind in emb.node_types:
            names, start = emb.names.get(kind), 0
            for rows in chunks(emb[kind]):
                for node, row in enumerate(rows.tolist(), start):
                    table.writerow([kind, node, "" if names is None else names[node], *map(_short, row)])
                start += len(rows)


def _short(number: float) -> str:
    """The fewest digits that give the float32 again."""
    return str(np.float32(number))


def words(emb: Embeddings) -> list[str]:
    """One word for each row, without white space, all different.

    Example:
        >>> import torch, graphembed_ext as ge
        >>> words(ge.Embeddings(torch.eye(2), names={"_N": ["Ada Lovelace", "Bob"]}))
        ['Ada_Lovelace', 'Bob']
    """
    several = len(embeddings_of(emb).node_types) > 1
    found = []
    for node_type in emb.node_types:
        prefix = f"{node_type}/" if several else ""
        names = emb.names.get(node_type) or map(str, range(emb.num_nodes[node_type]))
        found += [re.sub(r"\s", "_", prefix + name) for name in names]
    if len(set(found)) < len(found):
        seen: set[str] = set()
        twice = next(word for word in found if word in seen or seen.add(word))  # type: ignore[func-returns-value]
        raise InputError(
            "names", f"two nodes called {twice!r}", "names that differ also when white space is replaced by _"
        )
    return found


def _write_projector(emb: Embeddings, folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)

    def tensors(path: Path) -> None:
        with path.open("w") as file:
            for rows in chunks(emb.tensor):
                file.writelines("\t".join(map(str, row)) + "\n" for row in rows)

    def metadata(path: Path) -> None:
        with path.open("w") as file:
            file.write("name\ttype\tid\n")
            for node_type in emb.node_types:
                names = emb.names.get(node_type) or [str(i) for i in range(emb.num_nodes[node_type])]
                file.writelines(f"{_line(name)}\t{_line(node_type)}\t{i}\n" for i, name in enumerate(names))

    config = 'embeddings {\n  tensor_name: "embeddings"\n  tensor_path: "tensors.tsv"\n'
    config += '  metadata_path: "metadata.tsv"\n}\n'
    return [
        whole(folder / "tensors.tsv", tensors),
        whole(folder / "metadata.tsv", metadata),
        whole(folder / "projector_config.pbtxt", lambda path: path.write_text(config)),
    ]


def _line(name: str) -> str:
    return re.sub(r"[\t\r\n]", " ", name)
