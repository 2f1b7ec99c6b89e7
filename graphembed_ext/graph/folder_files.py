"""The files of a prepared graph: what stands in its folder, and how its edges get there.

A relation has ``indptr.npy`` (int64) and ``indices.npy``, its edges grouped by source, neighbours ascending;
``edges.npy``, the same edges as ``(2, E)``, sources above; an array for each edge feature; and, for what draws along
edges into nodes, ``in_indptr.npy``, ``in_indices.npy`` and ``in_edge_ids.npy``, the edges grouped by destination (the
first two are left out where they are equal to those by source). Ids are int32 where that is wide enough.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from .._core.external_sort import ExternalSort
from .._core.files import made
from .._core.mapped import ArrayFile, header_of, narrow, slices
from ..errors import InputError

__all__ = ["METADATA", "edge_blocks", "feature_path", "write_rows", "written"]

METADATA = "metadata.yaml"
#: Numbers that are copied or compared at a time.
_SLICE = 1 << 18

#: Sources, destinations and features of some edges.
Block = tuple[np.ndarray, np.ndarray, Mapping[str, np.ndarray]]


def written(
    folder: Path, blocks: Iterable[Block], rows: int, columns: int, features: Mapping[str, tuple[Any, tuple[int, ...]]],
    memory: int,
) -> dict[str, Any]:  # fmt: skip
    """Write the edges of a relation.

    Args:
        folder: Where its arrays go; made where it is not there.
        blocks: Edges in ascending order of source and destination.
        rows: Number of sources.
        columns: Number of destinations.
        features: dtype of each edge feature, and the shape of an edge's own, ``()`` for a number.
        memory: Bytes that may be used, about.

    Returns:
        ``edges``, their number; ``symmetric``, whether groups by source and by destination are equal; and a
        ``fingerprint`` of edges and features.

    Raises:
        InputError: More nodes than pairs of them have numbers.
    """
    if rows * columns >= 1 << 63:
        raise InputError("source", f"{rows} and {columns} nodes", "numbers whose product is below 2**63")
    made(folder)
    by_target = ExternalSort(folder / "sorting", memory, np.int64)
    ids = narrow(max(rows, columns))
    degrees, digest = np.zeros(rows, np.int64), hashlib.blake2b(digest_size=16)
    of_features = {name: hashlib.blake2b(digest_size=16) for name in features}  # each by itself, whatever the blocks
    with ExitStack() as stack:
        indices, sources = (
            stack.enter_context(ArrayFile(folder / f"{name}.npy", ids)) for name in ("indices", "edges")
        )
        stores = {
            name: stack.enter_context(ArrayFile(feature_path(folder, name), kind))
            for name, (kind, _) in features.items()
        }
        for src, dst, values in blocks:
            first = indices.count
            low = int(src[0]) if len(src) else 0
            counts = np.bincount(src - low)
            degrees[low : low + len(counts)] += counts
            sources.append(src)
            indices.append(dst)
            by_target.add(dst * max(rows, 1) + src, np.arange(first, first + len(src)))
            digest.update(np.ascontiguousarray(dst, ids).data)
            for name, store in stores.items():
                store.append(values[name])
                of_features[name].update(np.ascontiguousarray(values[name]).data)
        count = indices.count
        indices.close()
        for name, store in stores.items():
            store.close((count, *features[name][1]))
        for part in _pieces(folder / "indices.npy"):
            sources.append(part)
        sources.close((2, count))
    for found in of_features.values():
        digest.update(found.digest())
    digest.update(_write_bounds(folder / "indptr.npy", degrees).data)
    _write_by_target(folder, by_target.blocks(), rows, columns, narrow(rows), narrow(max(count, 1)))
    (folder / "sorting").rmdir()
    return {"edges": count, "symmetric": rows == columns and _symmetric(folder), "fingerprint": digest.hexdigest()}


def edge_blocks(folder: Path, features: Iterable[str]) -> Iterator[Block]:
    """The edges of a relation that is written, in their order, some at a time; features of a number each."""
    count = header_of(folder / "edges.npy")[0][1]
    for part in slices(count, _SLICE):
        src, dst = (_read(folder / "edges.npy", row + part.start, row + part.stop) for row in (0, count))
        columns = {name: _read(feature_path(folder, name), part.start, part.stop) for name in features}
        yield src.astype(np.int64), dst.astype(np.int64), columns


def write_rows(path: Path, values: Any) -> None:
    """Write an array to a ``.npy`` file, some rows at a time."""
    with ArrayFile(path, values.dtype) as file:
        each = max(1, _SLICE // max(1, int(np.prod(values.shape[1:]))))
        for low in range(0, len(values), each):
            file.append(np.asarray(values[low : low + each]))
        file.close(tuple(values.shape))


def feature_path(folder: Path, name: str) -> Path:
    """File of an edge feature; the weights of edges have the name that files of graphs commonly give them."""
    return folder / ("weight.npy" if name == "edge_weight" else f"feature_{name}.npy")


def _pieces(path: Path) -> Iterator[np.ndarray]:
    for part in slices(header_of(path)[0][0], _SLICE):
        yield _read(path, part.start, part.stop)


def _read(path: Path, low: int, high: int) -> np.ndarray:
    """Numbers of an array's file, not through a map: pages of a file that is read once would count as the process's."""
    _, dtype, start = header_of(path)
    return np.fromfile(path, dtype, high - low, offset=start + low * dtype.itemsize)


def _write_bounds(path: Path, degrees: np.ndarray) -> np.ndarray:
    bounds = np.zeros(len(degrees) + 1, np.int64)
    np.cumsum(degrees, out=bounds[1:])
    with ArrayFile(path, np.int64) as file:
        file.append(bounds)
    return bounds


def _write_by_target(
    folder: Path, blocks: Iterable[tuple[np.ndarray, Any]], rows: int, columns: int, ids: Any, numbers: Any
) -> None:
    degrees = np.zeros(columns, np.int64)
    with (
        ArrayFile(folder / "in_indices.npy", ids) as indices,
        ArrayFile(folder / "in_edge_ids.npy", numbers) as edge_ids,
    ):
        for keys, order in blocks:
            if not len(keys):
                continue
            dst, src = np.divmod(keys, max(rows, 1))
            counts = np.bincount(dst - dst[0])
            degrees[dst[0] : dst[0] + len(counts)] += counts
            indices.append(src)
            edge_ids.append(order)
    _write_bounds(folder / "in_indptr.npy", degrees)


def _symmetric(folder: Path) -> bool:
    """Whether both groupings are equal; the second is then removed."""
    for name in ("indptr.npy", "indices.npy"):
        pairs = zip(_pieces(folder / name), _pieces(folder / f"in_{name}"), strict=True)
        if not all(np.array_equal(*pair) for pair in pairs):
            return False
    for name in ("in_indptr.npy", "in_indices.npy"):
        (folder / name).unlink()
    return True
