"""Edges grouped by destination: what the fused kernels walk along.

Rows are sorted by source, then by edge id, so that the order in which a host stores its edges changes no bit of a
sum. Grouping is a counting sort, and is kept for as long as the tensor of edges lives and stays as it is.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack

from .._core.checks import as_tensor
from .._core.grouping import gathered, grouped, taken
from .._core.mapped import narrow_dtype
from ..errors import GraphChangedError, InputError
from .csr import bounds_of
from .edges import EdgeList, read_edges

__all__ = ["Adjacency", "adjacency", "outside"]


def outside() -> contextlib.AbstractContextManager[Any]:
    """In this block, tensors are plain ones, to be kept, though a transform of ``torch.func`` is at work around it."""
    if torch.compiler.is_compiling() or torch._C._functorch.peek_interpreter_stack() is None:
        return contextlib.nullcontext()
    return temporarily_clear_interpreter_stack()


class Adjacency:
    """Edges grouped by destination, immutable.

    Attributes:
        indptr: Bounds of the rows, one row for each destination, int64, ``(num_dst + 1,)``.
        indices: Source of each entry, ascending within a row, int64, ``(num_edges,)``; int32 where it is of a view.
        edge_ids: Place of each entry in the list of edges it was made from, likewise: given; made by a function when it
            is asked for; or None, the entries are that list.
        num_src: Number of source nodes.
        num_dst: Number of destination nodes.

    Example:
        >>> graph = Adjacency.from_edges(torch.tensor([2, 0, 1]), torch.tensor([0, 0, 1]), 3, 2)
        >>> graph.indptr, graph.indices, graph.edge_ids
        (tensor([0, 2, 3]), tensor([0, 2, 1]), tensor([1, 0, 2]))
        >>> graph.transposed().indices
        tensor([0, 1, 0])
    """

    def __init__(
        self, indptr: Tensor, indices: Tensor, edge_ids: Tensor | Callable[[], Tensor] | None, num_src: int
    ) -> None:
        self.indptr, self.indices, self._edge_ids = indptr, indices, edge_ids
        self.num_src, self.num_dst = num_src, len(indptr) - 1
        self._transposed: Adjacency | None = None
        #: See :meth:`keep`.
        self.kept: dict[Any, Any] = {}

    @classmethod
    @torch.inference_mode(False)
    def from_edges(cls, src: Tensor, dst: Tensor, num_src: int, num_dst: int, *, narrow: bool = False) -> Adjacency:
        """Group edges given by two vectors of ids, int64 or int32; never as tensors of inference mode.

        Args:
            src, dst: The ids, ``(num_edges,)``.
            num_src, num_dst: How many sources and destinations there are.
            narrow: Whether the ids of the result are int32 where that is wide enough, and those of the edges are made
                when they are asked for: a third of the memory, for who keeps ``src`` and ``dst`` anyway.

        Raises:
            InputError: Ids out of range, or vectors of unequal length.
        """
        if src.shape != dst.shape or src.dim() != 1:
            raise InputError(
                "edge_index", f"shapes {tuple(src.shape)} and {tuple(dst.shape)}", "two vectors of equal length"
            )
        for side, ids, count in (("source", src, num_src), ("destination", dst, num_dst)):
            if ids.numel():
                low, high = (int(end) for end in torch.aminmax(ids))
                if low < 0 or high >= count:
                    raise InputError(
                        "edge_index",
                        f"{side} id {low if low < 0 else high}",
                        f"ids from 0 to {count - 1}, as there are {count} {side} nodes",
                    )
        if src.device.type != "cpu":
            src, dst = src.long(), dst.long()
            order = torch.argsort(dst * max(num_src, 1) + src, stable=True)
            return cls(bounds_of(dst, num_dst), src[order], order, num_src)
        if narrow:
            indptr, indices = gathered(dst, num_dst, src, narrow_dtype(num_src))
            return cls(indptr, indices, partial(_edge_ids, src, dst, num_src, num_dst, _versions(src, dst)), num_src)
        indptr, edge_ids = grouped(dst, num_dst, grouped(src, num_src)[1])
        return cls(indptr, taken(src, edge_ids, torch.int64), edge_ids.long(), num_src)

    def to(self, device: Any, **options: Any) -> Adjacency:
        """The same edges on a device; the very same where they are there already.

        Args:
            device: Where to, as for :meth:`torch.Tensor.to`.
            **options: Of that method, such as ``non_blocking``.
        """
        if self.indptr.device == torch.device(device):
            return self
        ids = self._edge_ids if self._edge_ids is None else self.edge_ids.to(device, **options)
        indptr, indices = (part.to(device, **options) for part in (self.indptr, self.indices))
        return Adjacency(indptr, indices, ids, self.num_src)

    @property
    def edge_ids(self) -> Tensor:
        """See above."""
        if isinstance(self._edge_ids, Tensor):
            return self._edge_ids
        make = partial(torch.arange, self.num_edges, device=self.indices.device)
        return self.keep("edge_ids", make if self._edge_ids is None else self._edge_ids)

    @property
    def num_edges(self) -> int:
        """Number of edges."""
        return len(self.indices)

    def keep(self, name: Any, make: Callable[[], Tensor]) -> Tensor:
        """What depends on the edges alone, such as degrees: made at first, kept with them under a name.

        It is made outside of inference mode and of the transforms of ``torch.func``, so that what scoring made serves
        training, too.
        """
        if name not in self.kept:
            with torch.inference_mode(False), outside():
                self.kept[name] = make()
        found: Tensor = self.kept[name]
        return found

    @property
    def narrow_indices(self) -> Tensor:
        """:attr:`indices` as int32 where that is wide enough: half the memory for kernels to read. Made once."""
        return self.keep("narrow_indices", lambda: self.indices.to(narrow_dtype(self.num_src)))

    @property
    def degrees(self) -> Tensor:
        """Number of edges into each destination, int64, ``(num_dst,)``."""
        return self.keep("degrees", lambda: self.indptr[1:] - self.indptr[:-1])

    def destinations(self) -> Tensor:
        """Destination of each entry, int64, ``(num_edges,)``."""
        return torch.repeat_interleave(torch.arange(self.num_dst, device=self.indptr.device), self.degrees)

    def edge_index(self) -> Tensor:
        """The list of edges that it was made from, int64, ``(2, num_edges)``."""
        edges = torch.empty(2, self.num_edges, dtype=torch.int64, device=self.indptr.device)
        edges[0, self.edge_ids], edges[1, self.edge_ids] = self.indices.long(), self.destinations()
        return edges

    def edge_list(self) -> EdgeList:
        """The same, as :func:`~graphembed_ext.graph.edges.read_edges` returns edges of any form."""
        src, dst = self.edge_index()
        return EdgeList(src, dst, None, self.num_src, self.num_dst)

    def rows(self, first: int, last: int) -> tuple[Adjacency, slice]:
        """The edges into the destinations from ``first`` to ``last``, and which entries they are. ``edge_ids`` count
        these entries.
        """
        bounds = self.indptr[first : last + 1]
        part = slice(int(bounds[0]), int(bounds[-1]))
        return Adjacency(bounds - bounds[0], self.indices[part], None, self.num_src), part

    def transposed(self) -> Adjacency:
        """The same edges grouped by source; ``edge_ids`` are of the same list of edges. Built once."""
        if self._transposed is None:
            # By way of the list they came from, so that equal pairs keep the order of their ids.
            src, dst = self.edge_index()
            self.turn(Adjacency.from_edges(dst, src, self.num_dst, self.num_src))
        assert self._transposed is not None
        return self._transposed

    def turn(self, other: Adjacency) -> None:
        """Take the same edges grouped by source, which are there already."""
        self._transposed, other._transposed = other, self

    def __repr__(self) -> str:
        return f"Adjacency({self.num_src} sources, {self.num_dst} destinations, {self.num_edges} edges)"


def _versions(*ids: Tensor) -> list[int]:
    """How often tensors have been written to; those of inference mode do not count that."""
    return [0 if each.is_inference() else each._version for each in ids]


def _edge_ids(src: Tensor, dst: Tensor, num_src: int, num_dst: int, versions: list[int]) -> Tensor:
    """Place of each entry of grouped edges in the list they were made from, which has not been written to."""
    if _versions(src, dst) != versions:
        raise GraphChangedError(
            "the edges were changed in place after they were read. Hint: make what reads them, such as a loader, anew."
        )
    return grouped(dst, num_dst, grouped(src, num_src)[1])[1]


#: By id of a tensor of edges: a weak reference to it, its version, the sizes, and its grouping.
_kept: dict[int, tuple[Any, int, tuple[int, int], Adjacency]] = {}


def adjacency(edges: Any, num_src: int, num_dst: int) -> Adjacency:
    """The edges of any of PyG's forms grouped by destination; kept while ``edges`` lives and is not written to.

    Args:
        edges: Edges in any form that :func:`~graphembed_ext.graph.edges.read_edges` takes, the values of a sparse
            matrix are not looked at; or an Adjacency, returned as it is. Writes through NumPy or ``.data`` cannot be
            noticed.
        num_src: Number of source nodes.
        num_dst: Number of destination nodes.

    Raises:
        InputError: Ids out of range, or a shape that is not (2, num_edges).

    Example:
        >>> edges = torch.tensor([[0, 1], [1, 1]])
        >>> adjacency(edges, 2, 2) is adjacency(edges, 2, 2)
        True
    """
    if isinstance(edges, Adjacency):
        return edges
    owner = edges if isinstance(edges, Tensor) else getattr(edges, "storage", None)
    if owner is None or (isinstance(owner, Tensor) and owner.is_inference()):
        # Tensors made in inference mode count no versions: they are grouped anew each time.
        return _grouping(edges, num_src, num_dst)
    state = (owner._version if isinstance(owner, Tensor) else 0), (num_src, num_dst)
    found = _kept.get(id(owner))
    if found is not None and found[0]() is owner and found[1:3] == state:
        return found[3]
    made = _grouping(edges, num_src, num_dst)
    name = id(owner)
    _kept[name] = (weakref.ref(owner, lambda _: _kept.pop(name, None)), *state, made)
    return made


def _grouping(edges: Any, num_src: int, num_dst: int) -> Adjacency:
    if isinstance(edges, Tensor) and edges.layout == torch.strided and edges.is_floating_point():
        raise InputError("edge_index", f"shape {tuple(edges.shape)}, {edges.dtype}", "integers of shape (2, num_edges)")
    if isinstance(edges, Tensor) and edges.layout == torch.strided:
        edges = as_tensor("edge_index", edges, "integers of shape (2, num_edges)")
    found = read_edges(edges)
    return Adjacency.from_edges(found.src, found.dst, num_src, num_dst)
