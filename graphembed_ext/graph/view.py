"""GraphView: the one form in which models see a graph. Imports no host.

A view borrows the host's tensors: building one copies no edges. Whatever depends on the order of edges works on
the canonical CSR instead, whose rows are sorted by neighbour and then by edge id, so that two hosts that store
the same edges in another order give the same answer.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar, cast

import torch
from torch import Tensor

from .._core import checks, doors, memory
from ..errors import InputError

if TYPE_CHECKING:
    from .csr import CSR

__all__ = ["EDGE_TYPE", "NODE_TYPE", "EdgeType", "GraphView"]

EdgeType = tuple[str, str, str]
Made = TypeVar("Made")

#: Names that an untyped graph gets: DGL's own, so that both hosts agree.
NODE_TYPE = "_N"
EDGE_TYPE: EdgeType = ("_N", "_E", "_N")


#: Names under which PyG and DGL data sets keep node features; the first that is there is taken.
FEATURE_NAMES = ("x", "feat", "features", "feature")


class Same:
    """Equal to another Same when both hold the very same object; keeps it alive, so that no id is reused."""

    __slots__ = ("thing",)

    def __init__(self, thing: Any) -> None:
        self.thing = thing

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.thing is self.thing

    def __hash__(self) -> int:
        return id(self.thing)


def tensor_token(tensor: Tensor) -> Hashable:
    """Changes when a tensor is replaced or written to; writes through NumPy or ``.data`` go unseen."""
    return Same(tensor), -1 if tensor.is_inference() else tensor._version


@dataclass(frozen=True, eq=False)
class GraphView:
    """A graph as models see it; made by :func:`graphembed_ext.view`.

    Attributes:
        num_nodes: Number of nodes per node type, types in alphabetical order; isolated nodes count.
        edges: Source and destination ids per canonical edge type ``(source type, relation, destination type)``,
            in the host's edge order: the tensors of the host itself, or the rows of its ``edge_index``.
        features: Tensors per node type and name, first dimension = nodes.
        edge_features: Tensors per edge type and name, first dimension = edges.
        names: Names of the nodes per node type, in the order of their ids, where the graph has such.
        host: Name of the adapter that made the view.
        source: The host's graph object.
        options: What was told to the adapter beside the graph, such as ``num_nodes``.
        token: Changes when the host graph is changed in place; see :func:`graphembed_ext.hosts.registry.refreshed`.

    Example:
        >>> import torch, graphembed_ext as ge
        >>> view = ge.view(torch.tensor([[0, 1], [1, 2]]), num_nodes=4)
        >>> view
        GraphView(pyg: 4 nodes, 2 edges)
        >>> view.has_csr(), view.csr().indptr, view.edge_index().tolist(), view.names_of(["_N"])
        (False, tensor([0, 1, 2, 2, 2]), [[0, 1], [1, 2]], {})
        >>> view.total_nodes, view.total_edges, view.is_typed, view.node_types, view.edge_types
        (4, 2, False, ['_N'], [('_N', '_E', '_N')])
        >>> view.device, view.mapped, ge.view({("user", "buys", "item"): torch.tensor([[0, 1], [0, 0]])}).offsets
        (device(type='cpu'), False, {'item': 0, 'user': 1})
    """

    num_nodes: Mapping[str, int]
    edges: Mapping[EdgeType, tuple[Tensor, Tensor]]
    features: Mapping[str, Mapping[str, Tensor]] = field(default_factory=dict)
    edge_features: Mapping[EdgeType, Mapping[str, Tensor]] = field(default_factory=dict)
    host: str = "none"
    source: Any = None
    token: Hashable = None
    options: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    _cache: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        given = checks.mapping("num_nodes", self.num_nodes, "a dict: the number of nodes of each type")
        for node_type in given:
            checks.text("num_nodes", node_type, "node types that are strings")
        counts = {t: checks.integer("num_nodes", given[t], minimum=0) for t in sorted(given)}
        if sum(counts.values()) >= 2**63:
            raise InputError("num_nodes", sum(counts.values()), "fewer than 2**63 nodes together")
        edges = _sorted_edges(self.edges)
        self._check(edges, counts)
        for name in ("features", "edge_features", "options"):
            _check_columns(name, getattr(self, name))
        checks.text("host", self.host)
        _check_names(self.names, counts)
        freeze = object.__setattr__
        freeze(self, "num_nodes", MappingProxyType(counts))
        freeze(self, "edges", MappingProxyType(edges))
        freeze(self, "features", MappingProxyType({t: dict(self.features.get(t, {})) for t in counts}))
        freeze(self, "edge_features", MappingProxyType({t: dict(self.edge_features.get(t, {})) for t in edges}))
        freeze(self, "names", MappingProxyType(dict(self.names)))

    def _check(self, edges: Mapping[EdgeType, tuple[Tensor, Tensor]], counts: Mapping[str, int]) -> None:
        """Raise for edges that the nodes do not fit."""
        for edge_type, (src, dst) in edges.items():
            _check_edges(edge_type, src, dst, counts)

    @property
    def mapped(self) -> bool:
        """Whether edges are read from the disk as they are needed; see :func:`graphembed_ext.open_graph`."""
        return False

    def room(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """An empty tensor for what is made for every edge: in memory, or on the disk where the edges are there."""
        return torch.empty(shape, dtype=dtype)

    @property
    def node_types(self) -> list[str]:
        """Node types, alphabetical."""
        return list(self.num_nodes)

    @property
    def edge_types(self) -> list[EdgeType]:
        """Canonical edge types, sorted."""
        return list(self.edges)

    @property
    def is_typed(self) -> bool:
        """Whether the graph has named types: more than one node or edge type, or names of its own."""
        return self.node_types != [NODE_TYPE] or self.edge_types not in ([], [EDGE_TYPE])

    @property
    def total_nodes(self) -> int:
        """Number of nodes of all types together."""
        return sum(self.num_nodes.values())

    @property
    def total_edges(self) -> int:
        """Number of edges of all types together."""
        return sum(src.numel() for src, _ in self.edges.values())

    @property
    def offsets(self) -> dict[str, int]:
        """First global id of each node type; global ids count through the types in alphabetical order."""
        offsets, start = {}, 0
        for node_type, count in self.num_nodes.items():
            offsets[node_type] = start
            start += count
        return offsets

    @property
    def device(self) -> torch.device:
        """Device of the edges; the CPU for a graph without edge types."""
        return next((src.device for src, _ in self.edges.values()), torch.device("cpu"))

    def names_of(self, node_types: Iterable[str]) -> dict[str, Sequence[str]]:
        """Names of the nodes of those of some types that have such."""
        return {node_type: self.names[node_type] for node_type in node_types if node_type in self.names}

    def edge_index(self, edge_type: EdgeType | None = None) -> Tensor:
        """The edges of one type stacked as int64 ``(2, num_edges)``: a copy, in the host's order.

        Args:
            edge_type: May be left out when there is one edge type only.

        Raises:
            InputError: An edge type that the graph lacks.
        """
        src, dst = self.edges[self._known(self.edge_types[0] if edge_type is None and self.edges else edge_type)]
        return torch.stack([src, dst]).long()

    def cached(self, key: Hashable, make: Callable[[], Made], token: Hashable = None) -> Made:
        """What ``make`` makes of this view, once; kept for as long as the view lives.

        A view whose host graph has changed is replaced by another one, which starts with nothing (see
        :func:`~graphembed_ext.hosts.registry.refreshed`).

        Args:
            key: Names what is made, and with which arguments.
            make: Makes it.
            token: Of what else it is made of, such as :func:`tensor_token` of a feature: where it is another than
                before, the thing is made anew and takes the old one's place.

        Example:
            >>> import torch, graphembed_ext as ge
            >>> view = ge.view(torch.tensor([[0, 1], [1, 2]]))
            >>> view.cached("a list", list) is view.cached("a list", list)
            True
        """
        found = self._cache.get(key)
        if found is None or found[0] != token:
            found = self._cache[key] = token, make()
        return cast(Made, found[1])

    def csr(self, edge_type: EdgeType | None = None) -> CSR:
        """Canonical CSR of one edge type, or of the union of all of them; built once, then kept. It is a copy: edges
        that are written to later change nothing in it.

        Args:
            edge_type: Canonical type, rows and columns numbered within their node types. None joins all edge
                types over global node ids (see :attr:`offsets`), edge ids counting through the sorted types.

        Raises:
            InputError: Edges that have been written to since the view was made and name nodes that it lacks, or more
                nodes than memory has room for.
        """

        if edge_type is not None:
            self._known(edge_type)

        def wide() -> CSR:
            from .csr import CSR

            indptr, indices, edge_ids = self.narrow_csr(edge_type, keep=False)
            return CSR(indptr, indices.long(), edge_ids.long())

        return self.cached(("csr", edge_type), wide)

    def narrow_csr(self, edge_type: EdgeType | None = None, keep: bool = True) -> CSR:
        """:meth:`csr` with ids as int32 where that is wide enough, which walks read: half the memory.

        Args:
            edge_type: As there.
            keep: Whether to keep it.

        Raises:
            InputError: As there.

        Example:
            >>> import torch, graphembed_ext as ge
            >>> ge.view(torch.tensor([[1, 0], [0, 1]])).narrow_csr().indices
            tensor([1, 0], dtype=torch.int32)
        """
        if edge_type is not None:
            self._known(edge_type)
        key = "narrow csr", edge_type
        if not keep and key not in self._cache:
            return self._csr(edge_type)
        return self.cached(key, lambda: self._csr(edge_type))

    def _known(self, edge_type: Any) -> EdgeType:
        if not isinstance(edge_type, tuple) or edge_type not in self.edges:
            raise InputError("edge_type", edge_type, f"one of {self.edge_types}")
        return edge_type

    def with_features(
        self,
        features: Mapping[str, Mapping[str, Tensor]] | None = None,
        edge_features: Mapping[EdgeType, Mapping[str, Tensor]] | None = None,
    ) -> GraphView:
        """The same nodes and edges with other features; those that are None stay as they are.

        Example:
            >>> import torch, graphembed_ext as ge
            >>> view = ge.view(torch.tensor([[0], [1]])).with_features({"_N": {"x": torch.zeros(2, 3)}})
            >>> view.features["_N"]["x"].shape
            torch.Size([2, 3])
        """
        return GraphView(
            self.num_nodes,
            self.edges,
            self.features if features is None else features,
            self.edge_features if edge_features is None else edge_features,
            names=self.names,
        )

    def has_csr(self, edge_type: EdgeType | None = None) -> bool:
        """Whether :meth:`narrow_csr` has been built already."""
        return ("narrow csr", edge_type) in self._cache

    def _csr(self, edge_type: EdgeType | None) -> CSR:
        # The edges are the host's and may have been written to since they were checked.
        for name in self.edges if edge_type is None else (edge_type,):
            _check_edges(name, *self.edges[name], self.num_nodes)
        if edge_type is None:
            src, dst = self._union()
            rows = columns = self.total_nodes
        else:
            src, dst = self.edges[edge_type]
            rows, columns = self.num_nodes[edge_type[0]], self.num_nodes[edge_type[2]]
        from .csr import canonical_csr  # what a graph that is only looked at does without

        memory.check_room("num_nodes", f"{rows}", 8 * (rows + 1), "the bounds of their rows")
        return canonical_csr(src, dst, rows, columns)

    def _union(self) -> tuple[Tensor, Tensor]:
        start = self.offsets
        if list(self.edges) == [EDGE_TYPE]:
            return self.edges[EDGE_TYPE]
        sources = [src.long() + start[edge_type[0]] for edge_type, (src, _) in self.edges.items()]
        destinations = [dst.long() + start[edge_type[2]] for edge_type, (_, dst) in self.edges.items()]
        if not sources:
            return torch.empty(0, dtype=torch.int64), torch.empty(0, dtype=torch.int64)
        return torch.cat(sources), torch.cat(destinations)

    def __repr__(self) -> str:
        if not self.is_typed:
            return f"GraphView({self.host}: {self.total_nodes} nodes, {self.total_edges} edges)"
        nodes = ", ".join(f"{name} {count}" for name, count in self.num_nodes.items())
        edges = ", ".join(f"{'-'.join(name)} {src.numel()}" for name, (src, _) in self.edges.items())
        return f"GraphView({self.host}: nodes {nodes}; edges {edges})"

    def _repr_html_(self) -> str:
        """What a notebook shows: nodes and edges by type, with their features."""
        from .._core import html

        rows: list[tuple[Any, ...]] = []
        for kind, count in self.num_nodes.items():
            rows.append(("nodes" if kind == NODE_TYPE else kind, count, _shapes(self.features[kind])))
        for relation, (src, _) in self.edges.items():
            name = "edges" if relation == EDGE_TYPE else " - ".join(relation)
            rows.append((name, src.numel(), _shapes(self.edge_features[relation])))
        return html.table(f"GraphView ({self.host})", ["type", "count", "features"], rows)

    def __deepcopy__(self, memo: dict[int, Any]) -> GraphView:
        # A view is immutable and its graph may be huge: copies of a model share both.
        return self

    def __getstate__(self) -> dict[str, Any]:
        # Addresses in the token mean nothing elsewhere, and the CSR is cheaper to rebuild than to send.
        state = {name: getattr(self, name) for name in ("host", "source")}
        for name in ("num_nodes", "edges", "features", "edge_features", "options", "names"):
            state[name] = dict(getattr(self, name))
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, MappingProxyType(value) if isinstance(value, dict) else value)
        object.__setattr__(self, "token", None)
        object.__setattr__(self, "_cache", {})


def _shapes(features: Mapping[str, Tensor]) -> str:
    return ", ".join(f"{name} {tuple(value.shape)}" for name, value in features.items())


def _sorted_edges(edges: Any) -> dict[EdgeType, tuple[Tensor, Tensor]]:
    """Edges by canonical type, sorted, when they have the form of such."""
    given = checks.mapping("edges", edges, "a dict: a pair of source and destination ids by canonical edge type")
    for edge_type, ends in given.items():
        if not (isinstance(edge_type, tuple) and len(edge_type) == 3 and all(isinstance(t, str) for t in edge_type)):
            raise InputError("edges", f"key {edge_type!r}", "triples (source type, relation, destination type)")
        if not (isinstance(ends, (tuple, list, Tensor)) and len(ends) == 2 and all(map(torch.is_tensor, ends))):
            raise InputError("edges", f"a {type(ends).__name__} for {edge_type}", "a pair of tensors of ids")
    return dict(sorted(given.items()))


def _check_columns(argument: str, columns: Any) -> None:
    for kind, named in checks.mapping(argument, columns, "a dict of dicts by type and name").items():
        if argument != "options":
            checks.mapping(f"{argument}[{kind!r}]", named, "a dict of tensors by name")


def _check_edges(edge_type: EdgeType, src: Tensor, dst: Tensor, num_nodes: Mapping[str, int]) -> None:
    name = "edge_index" if edge_type == EDGE_TYPE else f"edge_index of {edge_type}"
    if src.shape != dst.shape or src.dim() != 1:
        raise InputError(name, f"shapes {tuple(src.shape)} and {tuple(dst.shape)}", "two vectors of equal length")
    for node_type, ids, side in ((edge_type[0], src, "source"), (edge_type[2], dst, "destination")):
        if node_type not in num_nodes:
            raise InputError(name, f"{side} type {node_type!r}", f"one of the node types {list(num_nodes)}")
        _check_ends(name, side, ids, node_type, num_nodes[node_type])


def _check_names(names: Mapping[str, Sequence[str]], num_nodes: Mapping[str, int]) -> None:
    for node_type, given in checks.mapping("names", names, "a dict: names of the nodes of each type").items():
        checks.choice("names", node_type, num_nodes)
        if (found := len(checks.several(f"names[{node_type!r}]", given, "a list of names"))) != num_nodes[node_type]:
            raise InputError("names", f"{found} names", f"{num_nodes[node_type]}, one for each node of {node_type!r}")


def _check_ends(name: str, side: str, ids: Tensor, node_type: str, count: int) -> None:
    if ids.dtype not in (torch.int64, torch.int32):
        way_out = "convert with .long() if every id is a whole number" if ids.is_floating_point() else ""
        raise InputError(name, f"{side} ids of dtype {ids.dtype}", "int64 or int32 node ids", way_out)
    if ids.is_meta:
        raise InputError(name, f"{side} ids on the device meta", "ids that are there", "meta tensors hold none")
    wrong = doors.outside(ids, 0, count)
    if wrong is None:
        return
    if wrong < 0:
        raise InputError(name, f"{side} id {wrong}", "ids of at least 0")
    kind = "" if node_type == NODE_TYPE else f" of type {node_type!r}"
    expected = f"ids below {count}, the number of nodes{kind}"
    raise InputError(name, f"{side} id {wrong}", expected, "raise num_nodes or correct the edges")
