"""What is asked of the parts of a graph that PyG saved, before any compiled code of PyG or torch goes by them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .._core.memory import check_file_room
from ..errors import FileFormatError
from .checks import check_compressed, check_count, check_ids

__all__ = ["checked"]


def checked(graph: Any, place: str) -> Any:
    """A Data or HeteroData whose edges, sizes and counts do not contradict each other.

    Sparse forms of edges are made anew out of their ends, as the orders and counts that they keep beside these may be
    wrong ones.

    Raises:
        FileFormatError: Parts that contradict each other, or need memory that there is not.
    """
    for store in graph.stores:
        name = place if store._key is None else f"{place}, {store._key}"
        if store.get("num_nodes") is not None:
            store["num_nodes"] = _count(store["num_nodes"], f"{name}, num_nodes")
        for key, value in list(store.items()):
            new = _checked(value, f"{name}, {key}")
            if new is not value:
                store[key] = new
    return graph


def _count(value: Any, place: str) -> int:
    if isinstance(value, Tensor) and value.numel() == 1 and not value.is_meta:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int):
        raise FileFormatError(place, f"an object of type {type(value).__name__}", "a whole number")
    return check_count(value, place)


def _checked(value: Any, place: str) -> Any:
    if type(value).__name__ == "SparseTensor" and hasattr(value, "storage"):
        return _sparse_tensor(value, place)
    if not isinstance(value, Tensor):
        return value
    if hasattr(value, "sparse_size") and hasattr(value, "as_tensor"):
        return _edge_index(value, place)
    _check_tensor(value, place)
    return value


def _check_tensor(value: Tensor, place: str) -> None:
    if value.is_meta:
        raise FileFormatError(place, "a tensor without its values", "a tensor of numbers")
    if value.layout == torch.strided and not value.is_nested:
        check_file_room(value.numel() * value.element_size(), place, f"a tensor of shape {tuple(value.shape)}")
    elif value.layout != torch.strided:
        for size in value.shape:
            check_count(size, place, "rows or columns")


def _edge_index(value: Any, place: str) -> Any:
    """An EdgeIndex without what it keeps of an order."""
    edges = value.as_tensor()
    sizes = [None if size is None else check_count(size, place) for size in value.sparse_size()]
    if edges.dim() != 2 or edges.size(0) != 2 or edges.dtype not in (torch.int32, torch.int64):
        raise FileFormatError(place, f"{edges.dtype} of shape {tuple(edges.shape)}", "whole numbers of shape (2, E)")
    for row, size in zip(edges, sizes, strict=True):
        most = int(row.max()) + 1 if row.numel() else 0
        check_ids(row.numpy(), most if size is None else size, place)
    return type(value)(edges, sparse_size=tuple(sizes))


def _sparse_tensor(value: Any, place: str) -> Any:
    """A SparseTensor of torch_sparse out of the ends of its edges alone."""
    storage = value.storage
    try:
        rows, columns = (check_count(size, place, "rows or columns") for size in storage._sparse_sizes)
        row, rowptr, col, weight = storage._row, storage._rowptr, storage._col, storage._value
    except (AttributeError, TypeError, ValueError) as error:
        raise FileFormatError(place, "a SparseTensor that lacks parts", "what torch_sparse saves") from error
    if not (_is_plain(col) and col.dim() == 1 and _all_plain(row, rowptr, weight)):
        raise FileFormatError(place, "a SparseTensor that lacks parts", "what torch_sparse saves")
    row = _rows(row, rowptr, col, (rows, columns), place)
    check_ids(row.numpy(), rows, place, "row")
    check_ids(col.numpy(), columns, place, "column")
    if row.shape != col.shape or (weight is not None and weight.shape[:1] != col.shape):
        values = "no" if weight is None else str(tuple(weight.shape))
        raise FileFormatError(place, f"{row.numel()} rows, {col.numel()} columns, {values} values", "as many of each")
    return type(value)(row=row, col=col, value=weight, sparse_sizes=(rows, columns))


def _is_plain(part: Any) -> bool:
    return isinstance(part, Tensor) and part.layout == torch.strided and not part.is_meta


def _all_plain(*parts: Any) -> bool:
    """Whether all parts that are there are plain tensors."""
    return all(part is None or _is_plain(part) for part in parts)


def _rows(row: Any, rowptr: Any, col: Tensor, shape: tuple[int, int], place: str) -> Tensor:
    """The row of each entry, which ``row`` says, or ``rowptr``, or both."""
    if rowptr is None and row is None:
        raise FileFormatError(place, "a SparseTensor that lacks its rows", "what torch_sparse saves")
    if rowptr is None:
        return row
    check_compressed(rowptr.numpy(), col.numpy(), *shape, place)
    told = torch.repeat_interleave(torch.arange(shape[0]), rowptr[1:] - rowptr[:-1])
    if row is not None and not torch.equal(row, told):
        raise FileFormatError(place, "rows and rowptr that contradict each other", "what torch_sparse saves")
    return told
