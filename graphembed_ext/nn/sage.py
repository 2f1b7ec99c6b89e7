"""The GraphSAGE layer: PyG's SAGEConv with fused aggregation, edge weights, and DGL's aggregators beside PyG's."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor
from torch_geometric.nn import MessagePassing
from torch_geometric.nn.aggr import LSTMAggregation, MultiAggregation
from torch_geometric.nn.dense.linear import Linear
from torch_geometric.typing import Adj, SparseTensor
from torch_geometric.utils import spmm

from .._core import checks
from .._core.overrides import remembered
from ..errors import InputError
from ..graph.adjacency import Adjacency
from ..graph.edges import is_sparse, read_edges
from . import sage_paths as paths
from .arguments import check_aggregation, check_room, features_given, sides_of, weights_given
from .lstm import NeighborLSTM, wants_sorted
from .ops.rows import Rows
from .ops.sparse import SparseRows
from .unchanged import STEPS, aggregates, asked_as_pygs, own_propagate, plainly, unchanged

__all__ = ["SAGEConv", "convolve", "convolve_in_parts", "is_native"]

_LINEAR = ("mean", "sum", "add", "gcn")


@remembered(*STEPS)
class SAGEConv(MessagePassing):
    """The GraphSAGE layer: ``W_l · aggregate of the neighbours + b + W_r · the node itself``.

    A drop-in for PyG's ``SAGEConv``: the same arguments, the same ``state_dict``, and with equal weights the same
    output. Mean, sum, max, min and gcn run fused over edges grouped by destination, forward and backward, without a
    tensor of the size of the edges times features; where the output is narrower than the input and it saves work,
    mean, sum and gcn run after the projection, which is the same but for rounding. Other aggregations take PyG's path;
    so does everything once a step of the message passing was overridden, hooked or explained, or is traced: see
    :mod:`graphembed_ext.nn.unchanged`.

    Beyond PyG: edges need not be sorted by destination for ``lstm`` and its kin; ``edge_weight``; and the aggregators
    of DGL:

    ============  ==================================================================================================
    ``gcn``       mean of the neighbours and the node itself; no ``W_r``
    ``pool``      ``aggr="max", project=True``
    ``dgl_lstm``  LSTM whose sequences end with the last neighbour; ``lstm`` is PyG's, which runs on over the zeros
                  that pad every sequence to the longest one
    ============  ==================================================================================================

    With ``edge_weight`` every message is multiplied by its edge's weight. ``mean`` and ``gcn`` then divide by the sum
    of the weights (gcn: plus 1, the node's own), so that a weight of 0 is as good as no edge; weights must be at least
    0. DGL divides by the number of edges: :class:`graphembed_ext.dgl.SAGEConv` does.

    Args:
        in_channels: Size of the input, or of source and target; -1 takes it from the first call.
        out_channels: Size of the output.
        aggr: ``"mean"``, ``"sum"``, ``"max"``, ``"min"``, ``"lstm"``, any other aggregation of PyG; or ``"gcn"``,
            ``"pool"``, ``"dgl_lstm"``.
        normalize: Whether outputs get length 1.
        root_weight: Whether the node itself is added, through ``W_r``.
        project: Whether sources first go through a linear layer and ReLU.
        bias: Whether there is a bias.
        **kwargs: Further arguments of PyG's ``MessagePassing``.

    Reference:
        Hamilton, Ying and Leskovec 2017, "Inductive Representation Learning on Large Graphs", arXiv:1706.02216,
        Algorithm 1 and section 3.3.

    Example:
        >>> conv = SAGEConv(2, 1, bias=False)
        >>> with torch.no_grad():
        ...     _ = [parameter.fill_(1.0) for parameter in conv.parameters()]
        >>> x = torch.tensor([[1.0, 0.0], [3.0, 0.0], [5.0, 1.0]])
        >>> conv(x, torch.tensor([[0, 1], [2, 2]])).tolist()  # node 2: (1 + 3) / 2 + 5 + 1
        [[1.0], [3.0], [8.0]]
        >>> conv.is_fused, conv.is_linear
        (True, True)
    """

    #: What ``torch.jit.script`` leaves out.
    __jit_unused_properties__: ClassVar[list[str]] = ["is_fused", "is_linear"]

    def __init__(
        self,
        in_channels: int | tuple[int, int],
        out_channels: int,
        aggr: Any = "mean",
        normalize: bool = False,
        root_weight: bool = True,
        project: bool = False,
        bias: bool = True,
        **kwargs: Any,
    ) -> None:
        self.in_channels, self.out_channels = in_channels, checks.integer("out_channels", out_channels)
        self.normalize = checks.switch("normalize", normalize)
        source, target = sides_of("in_channels", in_channels)
        check_room(("in_channels", "out_channels"), max(source, target), self.out_channels)
        check_aggregation(aggr)
        root_weight, project = checks.switch("root_weight", root_weight), checks.switch("project", project)
        bias = checks.switch("bias", bias)
        #: What ``aggr`` was called, where it has a name.
        self.aggregator = aggr if isinstance(aggr, str) else None
        if aggr == "gcn" and source != target:
            raise InputError("in_channels", in_channels, "one size for source and target with aggr='gcn'")
        self.root_weight, self.project = root_weight and aggr != "gcn", project or aggr == "pool"
        if aggr == "lstm":
            sizes = dict.fromkeys(("in_channels", "out_channels"), _known(source, "aggr='lstm'"))
            kwargs["aggr_kwargs"] = sizes | (kwargs.get("aggr_kwargs") or {})
        super().__init__(_pygs(aggr, source), **kwargs)
        own_propagate(self)
        if self.project:
            self.lin = Linear(_known(source, "project=True"), source, bias=True)
        several = isinstance(self.aggr_module, MultiAggregation)
        self.lin_l = Linear(self.aggr_module.get_out_channels(source) if several else source, out_channels, bias=bias)
        if self.root_weight:
            self.lin_r = Linear(target, out_channels, bias=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights anew."""
        super().reset_parameters()
        for name in ("lin", "lin_l", "lin_r"):
            if hasattr(self, name):
                getattr(self, name).reset_parameters()

    @property
    def is_fused(self) -> bool:
        """Whether the aggregation is one of those that run fused."""
        return self.is_linear or (self.aggregator is not None and self.aggr in ("max", "min"))

    @property
    def is_linear(self) -> bool:
        """Whether the aggregation is linear, so that it may as well come after ``W_l``, and inputs be sparse."""
        return (self.aggregator in _LINEAR) or (self.aggr in _LINEAR and self.aggregator is not None)

    def is_as_written(self) -> bool:
        """Whether messages are passed as this class is written to, and nobody watches them."""
        return unchanged(self, SAGEConv)

    def serves(self) -> bool:
        """Whether the fast paths may serve this layer, as it is now."""
        forwards = self.flow == "source_to_target" and self.node_dim in (-2, 0)
        return self.is_fused and forwards and aggregates(self) and self.is_as_written()

    def reads_in_place(self, graph: Adjacency, x: Tensor) -> bool:
        """Whether this layer runs best on the rows of ``x`` where they are, of which ``graph`` needs some: nothing but
        the aggregation reads them, and it gathers them anyway.
        """
        if self.project or x.device.type != "cpu" or not is_native(self) or not self.serves():
            return False
        return not paths.projects_first(self, graph, x)

    def forward(
        self,
        x: Tensor | tuple[Tensor, Tensor | None],
        edge_index: Adj,
        size: tuple[int, int] | None = None,
        edge_weight: Tensor | None = None,
    ) -> Tensor:
        """One layer.

        Args:
            x: Features ``(N, F)``, dense or sparse, or those of sources and targets, ``(N_s, F_s)`` and ``(N_t, F_t)``
                or None; or :class:`~graphembed_ext.nn.ops.rows.Rows` of a matrix, with an Adjacency.
            edge_index: Edges from sources to targets, ``(2, E)``, or in another form that
                :func:`~graphembed_ext.graph.edges.read_edges` takes; or
                :class:`~graphembed_ext.graph.adjacency.Adjacency`, whose targets are the first of the sources
                where ``x`` is one tensor.
            size: Numbers of sources and targets, where ``x`` cannot tell.
            edge_weight: Weight of each edge, ``(E,)``.

        Returns:
            ``(N_t, out_channels)``.

        Raises:
            InputError: Rows or weights whose number does not match the edges.
        """
        if not torch.jit.is_scripting():  # type: ignore[attr-defined]
            return self._called(x, edge_index, size, edge_weight)
        if isinstance(x, Tensor):
            x = (x, x)
        return self._plainly(x[0], x[1], edge_index, size, edge_weight)

    def _called(self, x: Any, edge_index: Any, size: Any, edge_weight: Tensor | None) -> Tensor:
        """:meth:`forward`, by a fast path where one serves."""
        if isinstance(x, Rows):
            return self.from_rows(x, edge_index, edge_weight)
        x, edge_weight = paths.readable(self, features_given(x)), weights_given(edge_weight, like=x)
        edge_weight = None if edge_weight is None else edge_weight.reshape(-1)
        out = paths.fused(self, x, edge_index, size, edge_weight) if self.serves() else None
        if out is not None:
            return out
        source, target = _sides(x, edge_index)
        if edge_weight is not None and "edge_weight" not in self._user_args:
            raise InputError("edge_weight", "weights", f"None, as {type(self).__name__}.message takes none")
        if edge_weight is not None and isinstance(edge_index, Tensor) and edge_weight.size(0) != edge_index.size(-1):
            raise InputError("edge_weight", f"{len(edge_weight)} weights", f"{edge_index.size(-1)}, one for each edge")
        with asked_as_pygs(self, *(["edge_weight"] if edge_weight is None else [])):
            return self._plainly(source, target, edge_index, size, edge_weight)

    def _plainly(
        self,
        source: Tensor,
        target: Tensor | None,
        edge_index: Adj,
        size: tuple[int, int] | None,
        edge_weight: Tensor | None,
    ) -> Tensor:
        """PyG's own path: a message for each edge, in the order of the edges."""
        if self.project and hasattr(self, "lin"):
            source = self.lin(source).relu()
        return self.finished(self.lin_l(self.arrived(source, target, edge_index, size, edge_weight)), target)

    def arrived(
        self,
        source: Tensor,
        target: Tensor | None,
        edge_index: Adj,
        size: tuple[int, int] | None,
        edge_weight: Tensor | None,
    ) -> Tensor:
        """What arrives at each target on the plain path, ``(N_t, F)``."""
        if not torch.jit.is_scripting():  # type: ignore[attr-defined]
            edge_index, size = self._as_pygs(edge_index, size, edge_weight)
        end = 0 if self.flow == "target_to_source" else 1
        if edge_weight is not None and isinstance(self.aggr, str) and self.aggr == "mean":
            assert isinstance(edge_index, Tensor)
            count = source.shape[self.node_dim] if size is None else size[1]
            edge_weight = _by_total(edge_weight, edge_index[end], count)
        # propagate_type: (x: tuple[Tensor, Tensor | None], edge_weight: Tensor | None)
        out = self.propagate(edge_index, x=(source, target), edge_weight=edge_weight, size=size)
        if isinstance(self.aggregator, str) and self.aggregator == "gcn" and target is not None:
            assert isinstance(edge_index, Tensor)
            return _with_itself(out, target, edge_index[end], edge_weight)
        return out

    def _as_pygs(self, edge_index: Any, size: Any, weight: Tensor | None) -> tuple[Any, Any]:
        """Edges as PyG's ``propagate`` reads them."""
        matrix = is_sparse(edge_index) and (weight is not None or self.aggregator == "gcn" or not self._takes_matrix())
        if not isinstance(edge_index, Adjacency) and not matrix:
            return edge_index, size
        found = read_edges(edge_index)
        return torch.stack(found[:2]), (found.num_src, found.num_dst)

    def _takes_matrix(self) -> bool:
        """Whether PyG's ``propagate`` reads no more of a sparse matrix than for PyG's layer, whose messages know no
        weights.
        """
        return (self.fuse and not self.explain) or type(self).message is not SAGEConv.message

    def finished(self, out: Tensor, root: Tensor | None) -> Tensor:
        """What arrived, projected, and the node itself, projected by ``W_r``; of length 1 where asked for."""
        if self.root_weight and root is not None and hasattr(self, "lin_r"):
            out = out + self.lin_r(root)
        return F.normalize(out, p=2.0, dim=-1) if self.normalize else out

    def from_rows(
        self, rows: Rows, graph: Adjacency, edge_weight: Tensor | None = None, *, relu: bool = False
    ) -> Tensor:
        """:meth:`forward` on rows of a matrix where they are, then ReLU where asked for.

        Args:
            rows: The rows; targets are the first of them.
            graph: Edges between them.
            edge_weight: Weight of each edge, ``(E,)``.
            relu: Whether ReLU follows, which is then done along with the rest.
        """
        return paths.from_rows(self, rows, graph, edge_weight, relu=relu)

    def in_parts(self, x: Any, graph: Adjacency, edge_weight: Tensor | None = None, *, rows: int) -> Tensor:
        """:meth:`forward` on a whole graph, for so many targets at a time: what passes in between stays small.

        Args:
            x: Features, ``(N, F)``, or those of sources and targets.
            graph: Edges, whose ``edge_ids`` count their entries.
            edge_weight: Weight of each entry.
            rows: Targets at a time.
        """
        return paths.in_parts(self, x, graph, edge_weight, rows)

    def message(self, x_j: Tensor, edge_weight: Tensor | None = None) -> Tensor:
        """What an edge carries, on the plain path."""
        return x_j if edge_weight is None else x_j * edge_weight.to(x_j.dtype).unsqueeze(-1)

    def aggregate(
        self, inputs: Tensor, index: Tensor, ptr: Tensor | None = None, dim_size: int | None = None
    ) -> Tensor:
        """What arrives at each target, on the plain path. Messages are sorted by target here, where an aggregation
        wants it, and no earlier: hooks and explainers see edges in the order in which they were given.
        """
        if not torch.jit.is_scripting():  # type: ignore[attr-defined]
            return self._sorted_first(inputs, index, ptr, dim_size)
        return self.aggr_module(inputs, index, ptr=ptr, dim_size=dim_size, dim=self.node_dim)

    def _sorted_first(self, inputs: Tensor, index: Tensor, ptr: Tensor | None, dim_size: int | None) -> Tensor:
        aggregation = self.aggr_module
        if isinstance(aggregation, LSTMAggregation) and dim_size is not None and not len(index):
            return inputs.new_zeros(dim_size, inputs.size(-1))  # torch's LSTM takes no empty sequence
        if wants_sorted(aggregation) and not torch.compiler.is_compiling() and bool((index[1:] < index[:-1]).any()):
            order = torch.argsort(index, stable=True)
            inputs, index, ptr = inputs.index_select(self.node_dim, order), index[order], None
        out: Tensor = aggregation(inputs, index, ptr=ptr, dim_size=dim_size, dim=self.node_dim)
        return out

    def message_and_aggregate(self, adj_t: Adj, x: tuple[Tensor, Tensor | None]) -> Tensor:
        """PyG's way with sparse matrices, on the plain path."""
        if isinstance(adj_t, SparseTensor):
            adj_t = adj_t.set_value(None, layout=None)
        return spmm(adj_t, x[0], reduce=self.aggr)

    def __repr__(self) -> str:
        name = self.aggregator or self.aggr
        return f"{type(self).__name__}({self.in_channels}, {self.out_channels}, aggr={name})"


def is_native(conv: Any) -> bool:
    """Whether calling a layer is :meth:`SAGEConv.forward` and no more, so that a model may go round the call."""
    return isinstance(conv, SAGEConv) and type(conv).forward is SAGEConv.forward and plainly(conv, type(conv))


def convolve(conv: Any, x: Any, edges: Any, weight: Tensor | None = None) -> Tensor:
    """Call a layer of a model: one of ours with what is fastest for it, any other as PyG's models call theirs."""
    if isinstance(conv, SAGEConv) and type(conv).forward is SAGEConv.forward:
        found: Tensor = conv(x, edges, edge_weight=weight)
        return found
    if isinstance(x, Rows):
        x = x.x[x.nodes]
    elif isinstance(x, SparseRows):
        x = x.dense()
    if isinstance(edges, Adjacency):
        if not _pair(x) and edges.num_dst < len(x):
            x = x, x[: edges.num_dst]
        edges = edges.edge_index()
    return conv(x, edges) if weight is None else conv(x, edges, edge_weight=weight)


def convolve_in_parts(conv: Any, x: Any, graph: Adjacency, weight: Tensor | None, rows: int) -> Tensor:
    """The same on a whole graph, for so many targets at a time where the layer allows it."""
    return conv.in_parts(x, graph, weight, rows=rows) if is_native(conv) else convolve(conv, x, graph, weight)


def _pair(x: Any) -> bool:
    return isinstance(x, (tuple, list)) and not isinstance(x, Rows)


def _sides(x: Any, edges: Any) -> Any:
    """Dense features of sources and targets."""
    source, target = (part.dense() if isinstance(part, SparseRows) else part for part in (x if _pair(x) else (x, x)))
    nested = isinstance(edges, Adjacency) and not _pair(x)
    return source, target[: edges.num_dst] if nested else target


def _pygs(aggr: Any, size: int) -> Any:
    """An aggregation as PyG's ``MessagePassing`` takes it."""
    if aggr == "dgl_lstm":
        return NeighborLSTM(_known(size, "aggr='dgl_lstm'"), size)
    return {"gcn": "sum", "pool": "max"}.get(aggr, aggr) if isinstance(aggr, str) else aggr


def _by_total(weight: Tensor, arriving: Tensor, count: int) -> Tensor:
    """Weights by which PyG's mean, which divides by the number of edges, is the one by the sum of the weights."""
    total, degree = _totals(weight, arriving, count), _totals(torch.ones_like(weight), arriving, count)
    return weight * (degree / torch.where(total == 0, torch.ones_like(total), total))[arriving]


def _with_itself(out: Tensor, itself: Tensor, arriving: Tensor, weight: Tensor | None) -> Tensor:
    """The mean of what arrived and the node itself, of the sum of what arrived."""
    ones = torch.ones_like(arriving, dtype=out.dtype) if weight is None else weight.to(out.dtype)
    return (out + itself) / (_totals(ones, arriving, out.size(0)) + 1).unsqueeze(-1)


def _totals(values: Tensor, arriving: Tensor, count: int) -> Tensor:
    """Sums of the values that arrive at each target."""
    # not index_add, of which a traced ONNX file adds one value a place
    return values.new_zeros(count).scatter_add(0, arriving, values)


def _known(size: int, what: str) -> int:
    if size <= 0:
        hint = "SAGEConv does not support lazy initialisation there: give the number of features"
        raise InputError("in_channels", size, f"a size above 0 with {what}", hint)
    return size
