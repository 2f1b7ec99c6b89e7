"""Nearest neighbours by an index on disk, approximate and fast; exact where the package for it is absent."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import numpy as np

from ._core import checks
from ._core.files import whole
from ._core.optional import installed, optional
from .embeddings.formats import chunks
from .embeddings.vectors import Embeddings, embeddings_of
from .errors import FileFormatError

__all__ = ["NeighborIndex", "index_path", "write_indexes"]

_SUFFIX = ".usearch"


def index_path(path: str | Path, emb: Embeddings, node_type: str) -> Path:
    """File of a node type's index: ``path`` itself where there is one type, otherwise ``stem.TYPE.usearch``.

    Example:
        >>> import torch, graphembed_ext as ge
        >>> index_path("emb.usearch", ge.Embeddings(torch.eye(2), {"user": 1, "item": 1}), "item").name
        'emb.item.usearch'
    """
    path = checks.path("path", path)
    embeddings_of(emb).start_of(node_type)
    return path if len(emb.node_types) == 1 else path.with_name(f"{path.stem}.{node_type}{path.suffix}")


def write_indexes(emb: Embeddings, path: str | Path) -> list[Path]:
    """Write an index of cosine similarity for each node type; see :func:`graphembed_ext.exports.export`.

    Raises:
        FileFormatError: A name that does not end in ``.usearch``.
        MissingDependencyError: usearch is not installed.

    Example:
        >>> import tempfile, torch, graphembed_ext as ge
        >>> emb = ge.Embeddings(torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]]), names={"_N": ["a", "b", "c"]})
        >>> (path,) = write_indexes(emb, f"{tempfile.mkdtemp()}/emb.usearch")
        >>> NeighborIndex(emb, path).most_similar("a", k=1)[0][0]
        'b'
    """
    path = checks.path("path", path)
    embeddings_of(emb)
    if path.suffix != _SUFFIX:
        raise FileFormatError("path", str(path), f"a name ending in {_SUFFIX}")
    optional("usearch", "an index for approximate search")
    from usearch.index import Index

    files = []
    for node_type in emb.node_types:
        made = Index(ndim=emb.tensor.size(1), metric="cos", dtype="f32")
        start = 0
        for rows in chunks(emb[node_type]):
            # one thread: with several, the links of the index depend on who comes first
            made.add(np.arange(start, start + len(rows), dtype=np.uint64), rows, threads=1)
            start += len(rows)
        file = index_path(path, emb, node_type)
        files.append(whole(file, lambda part, made=made: _fill(made, part)))  # type: ignore[misc]
    return files


def _fill(made: Any, part: Path) -> None:
    made.save(str(part))
    missing = made.serialized_length - part.stat().st_size  # usearch says nothing of a disk that is full
    if missing > 0:
        raise OSError(errno.ENOSPC, f"the last {missing} bytes did not go in")


class NeighborIndex:
    """The nodes of one type, searched by cosine similarity.

    With usearch installed and a file given, the index in that file is searched: approximate, in logarithmic time. Its
    answers are scored exactly anew. Otherwise all nodes are compared: exact, in linear time.

    Args:
        emb: The embeddings that the index was written for.
        path: File or files as :func:`graphembed_ext.exports.export` wrote them; None searches exactly.
        node_type: Type to search; None for the only one.

    Attributes:
        approximate: Whether an index is searched.

    Raises:
        FileFormatError: A file that is missing, damaged, or made for other embeddings.

    Example:
        >>> import torch, graphembed_ext as ge
        >>> emb = ge.Embeddings(torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]]), names={"_N": ["a", "b", "c"]})
        >>> index = NeighborIndex(emb)
        >>> index.most_similar("a", k=1)[0][0], index.approximate
        ('b', False)
    """

    def __init__(self, emb: Embeddings, path: str | Path | None = None, node_type: str | None = None) -> None:
        self._emb = embeddings_of(emb)
        self.node_type = emb.type_of(node_type=node_type)
        self._index: Any = None
        if path is not None:
            file = index_path(path, emb, self.node_type)
            if not file.exists():
                raise FileFormatError("index", str(file), "an existing file", "graphembed export writes one")
            if installed("usearch"):
                self._index = _open(file, len(emb[self.node_type]), emb.tensor.size(1))

    @property
    def approximate(self) -> bool:
        """Whether an index is searched."""
        return self._index is not None

    def most_similar(self, node: int | str, k: int = 10, node_type: str | None = None) -> list[tuple[int | str, float]]:
        """The nodes of this type whose vectors point the most alike; see :meth:`Embeddings.most_similar`.

        Args:
            node: Id within its type, or name.
            k: How many.
            node_type: Type of ``node``; None for the type searched.
        """
        checks.integer("k", k)
        own = self.node_type if node_type is None else node_type
        if self._index is None:
            return self._emb.most_similar(node, k, own, among=self.node_type)
        row = self._emb.id_of(node, own)
        vector = self._emb[own][row].detach().cpu().float().numpy()
        found = self._index.search(vector, min(k + 1, len(self._index))).keys
        ids = [int(i) for i in found if own != self.node_type or int(i) != row]
        return self._emb.scored(node, ids, own, self.node_type)[:k]


def _open(file: Path, count: int, dimensions: int) -> Any:
    from usearch.index import Index

    try:
        opened = Index.restore(str(file), view=False)
    except Exception as error:  # usearch raises RuntimeError, and whatever its bindings do
        raise FileFormatError("index", f"{file} ({error})", "a file written by graphembed export") from error
    if opened is None or len(opened) != count or opened.ndim != dimensions:
        what = "no index" if opened is None else f"an index of {len(opened)} vectors of {opened.ndim} dimensions"
        raise FileFormatError(
            "index", f"{file}, {what}", f"one of {count} vectors of {dimensions} dimensions", "export it again"
        )
    return opened
