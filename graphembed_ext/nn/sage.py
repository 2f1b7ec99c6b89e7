"""The GraphSAGE layer: PyG's SAGEConv with fused aggregation, edge weights, and DGL's aggregators beside PyG's."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.nn import MessagePassing
from torch_geometric.nn.aggr import MultiAggregation
from torch_geometric.nn.dense.linear import Linear

from ..errors import InputError
from ..graph.adjacency import Adjacency, adjacency
from .lstm import NeighborLSTM
from .ops.maxima import neighbor_max
from .ops.means import neighbor_mean, neighbor_mean_with_self
from .ops.projections import projections
from .ops.rows import Rows, projected
from .ops.sparse import SparseRows, linear
from .ops.sums import neighbor_sum

__all__ = ["SAGEConv"]

_COMPILED = (torch.float32, torch.float64)
_LINEAR = ("mean", "sum", "add", "gcn")
#: Multiply-adds that a matrix product does in the time in which a sum over neighbours takes in one number.
_GATHER = 16


class SAGEConv(MessagePassing):
    """The GraphSAGE layer: ``W_l · aggregate of the neighbours + b + W_r · the node itself``.

    A drop-in for PyG's ``SAGEConv``: the same arguments, the same ``state_dict``, and with equal weights the same
    output. Mean, sum, max, min and gcn run fused over edges grouped by destination, forward and backward, without a
    tensor of the size of the edges times features; where the output is narrower than the input and it saves work,
    mean, sum and gcn run after the projection, which is the same but for rounding. Other aggregations take PyG's path.

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
    """

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
        self.in_channels, self.out_channels = in_channels, out_channels
        self.normalize = normalize
        source, target = (in_channels, in_channels) if isinstance(in_channels, int) else in_channels
        #: What ``aggr`` was called, where it has a name.
        self.aggregator = aggr if isinstance(aggr, str) else None
        if aggr == "gcn":
            aggr, root_weight = "sum", False
            if source != target:
                raise InputError("in_channels", in_channels, "one size for source and target with aggr='gcn'")
        elif aggr == "pool":
            aggr, project = "max", True
        elif aggr == "dgl_lstm":
            aggr = NeighborLSTM(_known(source, "aggr='dgl_lstm'"), source)
        elif aggr == "lstm":
            sizes = dict.fromkeys(("in_channels", "out_channels"), _known(source, "aggr='lstm'"))
            kwargs["aggr_kwargs"] = sizes | (kwargs.get("aggr_kwargs") or {})
        self.root_weight, self.project = root_weight, project
        super().__init__(aggr, **kwargs)
        if project:
            self.lin = Linear(_known(source, "project=True"), source, bias=True)
        several = isinstance(self.aggr_module, MultiAggregation)
        self.lin_l = Linear(self.aggr_module.get_out_channels(source) if several else source, out_channels, bias=bias)
        if root_weight:
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

    def reads_in_place(self, graph: Adjacency, x: Tensor) -> bool:
        """Whether this layer runs best on the rows of ``x`` where they are, of which ``graph`` needs some: nothing but
        the aggregation reads them, and it gathers them anyway.
        """
        return self.is_fused and not self.project and x.device.type == "cpu" and not self._projects_first(graph, x)

    def forward(
        self,
        x: Tensor | SparseRows | tuple[Any, Any],
        edge_index: Any,
        size: tuple[int, int] | None = None,
        *,
        edge_weight: Tensor | None = None,
    ) -> Tensor:
        """One layer.

        Args:
            x: Features ``(N, F)``, or those of sources and targets, ``(N_s, F_s)`` and ``(N_t, F_t)`` or None; or
                :class:`~graphembed_ext.nn.ops.rows.Rows` of a matrix, with an Adjacency.
            edge_index: Edges from sources to targets, ``(2, E)``; or ``SparseTensor``; or
                :class:`~graphembed_ext.graph.adjacency.Adjacency`, whose targets are the first of the sources
                where ``x`` is one tensor.
            size: Numbers of sources and targets, where ``x`` cannot tell.
            edge_weight: Weight of each edge, ``(E,)``.

        Returns:
            ``(N_t, out_channels)``.

        Raises:
            InputError: Rows or weights whose number does not match the edges.
        """
        if isinstance(x, Rows):
            return self.from_rows(x, edge_index, edge_weight)
        source: Any
        target: Any
        source, target = x if isinstance(x, (tuple, list)) else (x, x)
        nested = source is target  # the targets are the first of the sources
        if isinstance(edge_index, Adjacency) and nested and edge_index.num_dst < len(source):
            target = source[: edge_index.num_dst]
        if edge_weight is not None:
            edge_weight = edge_weight.reshape(-1)
        root = target
        if self.project:
            source = (self.lin(source) if isinstance(source, Tensor) else _through(self.lin, source)).relu()
        if isinstance(source, SparseRows) and not self.is_linear:
            raise InputError("x", "sparse features", f"a dense tensor, as aggr={self.aggregator!r} reads it whole")
        graph = self._grouped(source, target, edge_index, size)
        if graph is None:
            out = self.lin_l(self._aggregate_plainly(source, target, edge_index, size, edge_weight))
            return self._with_root(out, root)
        first = self._projects_first(graph, source)
        if first and source is root and self.root_weight and isinstance(source, SparseRows):
            both = linear(source, torch.cat([self.lin_l.weight, self.lin_r.weight]))
            source, root = both.tensor_split([self.out_channels], dim=1)
            return self._with_root(self._arrived(graph, source, None, edge_weight, first) + root, None)
        if first and nested and self._projects_both(source):
            source, own = projections(source, self.lin_l.weight, self.lin_r.weight, graph.num_dst)
            return self._with_root(self._arrived(graph, source, None, edge_weight, first) + own, None)
        if first:
            source = linear(source, self.lin_l.weight)
        return self._with_root(self._arrived(graph, source, target, edge_weight, first), root)

    def _projects_both(self, x: Any) -> bool:
        """Whether both projections can be one operation, with one gradient of ``x``."""
        if not self.root_weight or self.project or not isinstance(x, Tensor) or not x.requires_grad:
            return False
        cast = torch.is_autocast_enabled(x.device.type)
        return not cast and not _hooked(self.lin_r)

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
        plain = edge_weight is None and self.root_weight and not rows.x.requires_grad
        plain = plain and not torch.is_autocast_enabled("cpu") and rows.x.dtype == self.lin_l.weight.dtype
        plain = plain and not _hooked(self.lin_l) and not _hooked(self.lin_r)
        if not plain or self.aggr not in ("mean", "sum", "add") or rows.x.dtype not in _COMPILED:
            x = rows.x, rows.x[rows.nodes[: graph.num_dst]]
            out = self(x, rows.sources_of(graph), edge_weight=edge_weight)
            return out.relu() if relu else out
        weights = self.lin_l.weight, self.lin_r.weight, self.lin_l.bias
        early = relu and not self.normalize
        out = self._with_root(projected(rows, graph, *weights, mean=self.aggr == "mean", relu=early), None)
        return out.relu() if relu and not early else out

    def in_parts(self, x: Any, graph: Adjacency, edge_weight: Tensor | None = None, *, rows: int) -> Tensor:
        """:meth:`forward` on a whole graph, for so many targets at a time: what passes in between stays small.

        Args:
            x: Features, ``(N, F)``, or those of sources and targets.
            graph: Edges, whose ``edge_ids`` count their entries.
            edge_weight: Weight of each entry.
            rows: Targets at a time.
        """
        source, targets = x if isinstance(x, tuple) else (x, x)
        fused = self._grouped(source, targets, graph, None) is not None
        sparse = isinstance(source, SparseRows) or isinstance(targets, SparseRows)
        if sparse or not (fused or self.aggregator == "dgl_lstm"):
            return self(x, graph, edge_weight=edge_weight)  # PyG's lstm pads to the longest sequence of all
        if self.project:
            source = torch.cat([self.lin(part).relu() for part in source.split(rows)])
        first = fused and self._projects_first(graph, source)
        if first:
            source = torch.cat([linear(part, self.lin_l.weight) for part in source.split(rows)])
        out = source.new_empty(graph.num_dst, self.out_channels)
        for low in range(0, graph.num_dst, rows):
            target = targets[low : low + rows]
            part, entries = graph.rows(low, low + len(target))
            weight = None if edge_weight is None else edge_weight[entries]
            if fused:
                arrived = self._arrived(part, source, target, weight, first)
            else:
                arrived = self.lin_l(self._aggregate_plainly(source, target, part, None, weight))
            out[low : low + rows] = self._with_root(arrived, target)
        return out

    def _arrived(self, graph: Adjacency, source: Tensor, target: Any, weight: Tensor | None, first: bool) -> Tensor:
        """What comes from the neighbours, projected; ``first`` where ``source`` is so already."""
        if not first:
            return self.lin_l(self.message_and_aggregate(graph, source, target, weight))
        target = linear(target, self.lin_l.weight) if self.aggregator == "gcn" else None
        out = self.message_and_aggregate(graph, source, target, weight)
        return out if self.lin_l.bias is None else out + self.lin_l.bias

    def _with_root(self, out: Tensor, root: Any) -> Tensor:
        if self.root_weight and root is not None:
            out = out + (self.lin_r(root) if isinstance(root, Tensor) else _through(self.lin_r, root))
        return F.normalize(out, p=2.0, dim=-1) if self.normalize else out

    def message(self, x_j: Tensor, edge_weight: Tensor | None) -> Tensor:
        """What an edge carries, on the plain path."""
        return x_j if edge_weight is None else x_j * edge_weight.to(x_j.dtype).unsqueeze(-1)

    def message_and_aggregate(
        self, edge_index: Adjacency, x: Tensor, target: Tensor | None = None, edge_weight: Tensor | None = None
    ) -> Tensor:
        """The fused path: what arrives at each target, ``(N_t, F)``."""
        if self.aggregator == "gcn":
            assert target is not None
            return neighbor_mean_with_self(edge_index, x, target, edge_weight)
        if self.aggr == "mean":
            return neighbor_mean(edge_index, x, edge_weight)
        if self.aggr == "max":
            return neighbor_max(edge_index, x, edge_weight)
        if self.aggr == "min":
            return -neighbor_max(edge_index, -x, edge_weight)
        return neighbor_sum(edge_index, x, edge_weight)

    def _grouped(self, source: Any, target: Any, edge_index: Any, size: Any) -> Adjacency | None:
        """The edges for the fused path; None where the plain one has to serve."""
        hooked = any(value for name, value in vars(self).items() if name.endswith("_hooks") and _of_messages(name))
        plain = hooked or self.explain or self.flow != "source_to_target" or self.decomposed_layers > 1
        if not self.is_fused or plain or source.dim() != 2 or torch.compiler.is_compiling():
            return None
        return adjacency(edge_index, len(source), _targets(source, target, edge_index, size))

    def _projects_first(self, graph: Adjacency, source: Any) -> bool:
        if isinstance(source, SparseRows):
            return True
        if not self.is_linear or _hooked(self.lin_l):
            return False
        wide, narrow = source.size(1), self.out_channels
        saved = graph.num_edges * (wide - narrow) * _GATHER
        return wide > narrow and saved > (graph.num_src - graph.num_dst) * wide * narrow

    def _aggregate_plainly(
        self, source: Tensor, target: Tensor | None, edge_index: Any, size: Any, weight: Tensor | None
    ) -> Tensor:
        """PyG's own path: a message for each edge. Edges are sorted by target, as some aggregations require."""
        forwards = self.flow == "source_to_target"
        if forwards and not torch.compiler.is_compiling():
            targets = _targets(source, target, edge_index, size)
            edge_index, order = _by_target(edge_index)
            weight = weight if weight is None or order is None else weight[order]
            size = source.size(self.node_dim), targets
            if edge_index.size(1) == 0 and self.aggregator == "lstm":  # torch's LSTM takes no empty sequence
                return source.new_zeros(targets, source.size(-1))
        if weight is not None and self.aggr == "mean" and self.aggregator != "gcn":
            # PyG divides by the number of edges: scaled so, its mean is the one by the sum of the weights.
            arriving = edge_index[1 if forwards else 0]
            count: int = source.shape[self.node_dim] if size is None else size[1]
            total = weight.new_zeros(count).index_add(0, arriving, weight)
            degree = torch.bincount(arriving, minlength=count).to(weight.dtype)
            weight = weight * (degree / torch.where(total == 0, torch.ones_like(total), total))[arriving]
        out = self.propagate(edge_index, x=(source, target), edge_weight=weight, size=size)
        if self.aggregator != "gcn":
            return out
        arriving = edge_index[1 if forwards else 0]
        ones = torch.ones_like(arriving, dtype=out.dtype) if weight is None else weight.to(out.dtype)
        total = out.new_zeros(out.size(self.node_dim)).index_add(0, arriving, ones)
        return (out + target) / (total + 1).unsqueeze(-1)

    def __repr__(self) -> str:
        name = self.aggregator or self.aggr
        return f"{type(self).__name__}({self.in_channels}, {self.out_channels}, aggr={name})"


def _known(size: int, what: str) -> int:
    if size <= 0:
        raise InputError("in_channels", size, f"a size above 0 with {what}")
    return size


def _of_messages(name: str) -> bool:
    return name.startswith(("_propagate", "_message", "_aggregate", "_edge_update"))


def _hooked(layer: nn.Module) -> bool:
    """Whether a layer must be called as a module; a lazy one has a hook, too."""
    return bool(layer._forward_hooks or layer._forward_pre_hooks)


def _through(layer: Any, x: SparseRows) -> Tensor:
    return linear(x, layer.weight, layer.bias)


def _targets(source: Any, target: Any, edge_index: Any, size: Any) -> int:
    """Number of targets."""
    if isinstance(edge_index, Adjacency):
        found = edge_index.num_dst
    elif target is not None:
        found = target.size(-2)
    else:
        found = size[1] if size is not None and size[1] is not None else source.size(-2)
    if size is not None:
        for name, stated, there in (("sources", size[0], source.size(-2)), ("targets", size[1], found)):
            if stated is not None and stated != there:
                raise InputError("size", f"{stated} {name}", f"{there}, the number of rows of x")
    if target is not None and target.size(-2) != found:
        raise InputError("x", f"{target.size(-2)} rows of targets", f"{found}, the number of targets of the edges")
    return int(found)


def _by_target(edge_index: Any) -> tuple[Tensor, Tensor | None]:
    """Edges sorted by target, those of a target in their given order, and what sorts them; None for nothing."""
    if isinstance(edge_index, Adjacency):
        return torch.stack([edge_index.indices, edge_index.destinations()]), edge_index.edge_ids
    if not isinstance(edge_index, Tensor):
        target, source, _ = edge_index.coo()
        return torch.stack([source, target]), None
    plain = edge_index.as_tensor() if hasattr(edge_index, "as_tensor") else edge_index
    if plain.size(1) < 2 or bool((plain[1, 1:] >= plain[1, :-1]).all()):
        return plain, None
    order = torch.argsort(plain[1], stable=True)
    return plain[:, order], order
