"""The fast paths of SAGEConv: ways to the same output, each a small function that says when it serves.

A path takes the layer and one call of it, and returns None where it does not serve; :data:`_PATHS` lists them, best
first. The layer itself says by ``serves`` whether any of them may.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch_geometric.nn.dense.linear import Linear

from ..errors import InputError
from ..graph.adjacency import Adjacency, adjacency
from ..graph.edges import is_sparse, read_edges
from .lstm import NeighborLSTM
from .ops.maxima import neighbor_max
from .ops.means import neighbor_mean, neighbor_mean_with_self
from .ops.projections import projections
from .ops.rows import Rows, projected
from .ops.sparse import SparseRows, linear
from .ops.sums import neighbor_sum
from .unchanged import eager, plainly

__all__ = ["from_rows", "fused", "in_parts", "projects_first", "readable"]

_COMPILED = (torch.float32, torch.float64)
#: Multiply-adds that a matrix product does in the time in which a sum over neighbours takes in one number.
_GATHER = 16


class _Call(NamedTuple):
    """One call of a layer.

    Attributes:
        source: Features of the sources, after ``project``.
        target: Features of the targets; None for none.
        graph: The edges.
        weight: Weight of each edge; None for 1.
        nested: Whether the targets are the first of the sources.
    """

    source: Any
    target: Any
    graph: Adjacency
    weight: Tensor | None
    nested: bool


def readable(conv: Any, x: Any) -> Any:
    """Features, or those of sources and targets: of sparse tensors the nonzeros, where the layer reads those alone, or
    else the dense form.

    Raises:
        InputError: Nonzeros, where the layer reads all.
    """
    return type(x)(_readable(conv, part) for part in x) if type(x) in (tuple, list) else _readable(conv, x)


def _readable(conv: Any, x: Any) -> Any:
    if getattr(x, "layout", None) == torch.strided:
        return x
    nonzeros = conv.is_linear or conv.project
    if isinstance(x, Tensor):
        return SparseRows.of(x) if nonzeros and conv.serves() and not x.requires_grad else x.to_dense()
    if isinstance(x, SparseRows) and not nonzeros:
        raise InputError("x", "sparse features", f"a dense tensor, as aggr={conv.aggregator!r} reads it whole")
    return x


def fused(conv: Any, x: Any, edges: Any, size: Any, weight: Tensor | None) -> Tensor | None:
    """The output of a layer by the best of the paths; None where only the plain one serves."""
    source, target = x if isinstance(x, (tuple, list)) else (x, x)
    if not _takes(conv, source, target, edges) or not eager(weight):
        return None
    nested = source is target
    if isinstance(edges, Adjacency) and nested and edges.num_dst < len(source):
        target = source[: edges.num_dst]
    call = _Call(_projected(conv, source), target, _grouped(source, target, edges, size), weight, nested)
    for path in _PATHS:
        out = path(conv, call)
        if out is not None:
            return out
    return None


def _takes(conv: Any, source: Any, target: Any, edges: Any) -> bool:
    """Whether the paths take such features and edges."""
    if isinstance(source, SparseRows) or isinstance(target, SparseRows):
        return all(_is_plain(getattr(conv, name)) for name in ("lin", "lin_l", "lin_r") if hasattr(conv, name))
    if not eager(source, target) or source.dim() != 2:
        return False
    # PyG multiplies by what stands in torch's matrices.
    return not (isinstance(edges, Tensor) and is_sparse(edges) and read_edges(edges).weight is not None)


def _is_plain(layer: nn.Module) -> bool:
    return plainly(layer, Linear, nn.Linear)


def _projected(conv: Any, source: Any) -> Any:
    if conv.project:
        lin = conv.lin
        return (lin(source) if isinstance(source, Tensor) else linear(source, lin.weight, lin.bias)).relu()
    return source


def _sparse_once(conv: Any, call: _Call) -> Tensor | None:
    """Sparse features, targets and sources alike: both projections are one product with them."""
    if not isinstance(call.source, SparseRows) or call.source is not call.target or not conv.root_weight:
        return None
    both = linear(call.source, torch.cat([conv.lin_l.weight, conv.lin_r.weight]))
    source, own = both.tensor_split([conv.out_channels], dim=1)
    return conv.finished(_with_bias(conv, _gathered(conv, call.graph, source, None, call.weight)) + own, None)


def _projected_once(conv: Any, call: _Call) -> Tensor | None:
    """Targets are the first sources, projections come first: both are one operation, with one gradient of ``x``."""
    x = call.source
    if not call.nested or not conv.root_weight or conv.project or not isinstance(x, Tensor) or not x.requires_grad:
        return None
    if torch.is_autocast_enabled(x.device.type) or not _is_plain(conv.lin_r):
        return None
    if not projects_first(conv, call.graph, x):
        return None
    source, own = projections(x, conv.lin_l.weight, conv.lin_r.weight, call.graph.num_dst)
    return conv.finished(_with_bias(conv, _gathered(conv, call.graph, source, None, call.weight)) + own, None)


def _projected_first(conv: Any, call: _Call) -> Tensor | None:
    """The sources are projected, then gathered."""
    if not projects_first(conv, call.graph, call.source):
        return None
    projected = call._replace(source=linear(call.source, conv.lin_l.weight))
    return _with_root(conv, _arrived(conv, projected, True, True), call.target)


def _gathered_first(conv: Any, call: _Call) -> Tensor | None:
    """The sources are gathered, then projected."""
    return _with_root(conv, _arrived(conv, call, True, False), call.target)


_PATHS = (_sparse_once, _projected_once, _projected_first, _gathered_first)


def projects_first(conv: Any, graph: Adjacency, source: Any) -> bool:
    """Whether projecting the sources before they are gathered is possible and saves work."""
    if isinstance(source, SparseRows):
        return True
    wide, narrow = source.size(1), conv.out_channels
    if not conv.is_linear or wide <= narrow or not _is_plain(conv.lin_l):
        return False
    saved = graph.num_edges * (wide - narrow) * _GATHER
    return saved > (graph.num_src - graph.num_dst) * wide * narrow


def _gathered(conv: Any, graph: Adjacency, x: Tensor, target: Tensor | None, weight: Tensor | None) -> Tensor:
    """What arrives at each target, ``(N_t, F)``."""
    if conv.aggregator == "gcn":
        assert target is not None
        return neighbor_mean_with_self(graph, x, target, weight)
    if conv.aggr == "mean":
        return neighbor_mean(graph, x, weight)
    if conv.aggr == "max":
        return neighbor_max(graph, x, weight)
    if conv.aggr == "min":
        return -neighbor_max(graph, -x, weight)
    return neighbor_sum(graph, x, weight)


def _with_bias(conv: Any, out: Tensor) -> Tensor:
    bias = conv.lin_l.bias
    return out if bias is None else out + bias


def _with_root(conv: Any, out: Tensor, root: Any) -> Tensor:
    if isinstance(root, SparseRows) and conv.root_weight:
        return conv.finished(out + linear(root, conv.lin_r.weight, conv.lin_r.bias), None)
    found: Tensor = conv.finished(out, root)
    return found


def from_rows(conv: Any, rows: Rows, graph: Adjacency, weight: Tensor | None, *, relu: bool) -> Tensor:
    """See ``SAGEConv.from_rows``."""
    if weight is not None or not _reads_rows(conv, rows):
        x = rows.x, rows.x[rows.nodes[: graph.num_dst]]
        out: Tensor = conv(x, rows.sources_of(graph), edge_weight=weight)
        return out.relu() if relu else out
    weights = conv.lin_l.weight, conv.lin_r.weight, conv.lin_l.bias
    early = relu and not conv.normalize
    out = conv.finished(projected(rows, graph, *weights, mean=conv.aggr == "mean", relu=early), None)
    return out.relu() if relu and not early else out


def _reads_rows(conv: Any, rows: Rows) -> bool:
    x = rows.x
    if not conv.root_weight or conv.aggr not in ("mean", "sum", "add") or not conv.serves():
        return False
    if x.requires_grad or x.dtype not in _COMPILED or not eager(x) or torch.is_autocast_enabled("cpu"):
        return False
    return _is_plain(conv.lin_l) and _is_plain(conv.lin_r) and x.dtype == conv.lin_l.weight.dtype


def in_parts(conv: Any, x: Any, graph: Adjacency, weight: Tensor | None, rows: int) -> Tensor:
    """See ``SAGEConv.in_parts``."""
    source, targets = x if isinstance(x, tuple) else (x, x)
    dense = isinstance(source, Tensor) and isinstance(targets, Tensor) and source.dim() == 2
    fuses = conv.serves() and eager(source, targets, weight)
    if not dense or not (fuses or _is_dgls_lstm(conv)):
        found: Tensor = conv(x, graph, edge_weight=weight)
        return found
    if conv.project:
        source = torch.cat([conv.lin(part).relu() for part in source.split(rows)])
    first = fuses and projects_first(conv, graph, source)
    if first:
        source = torch.cat([linear(part, conv.lin_l.weight) for part in source.split(rows)])
    out = source.new_empty(graph.num_dst, conv.out_channels)
    for low in range(0, graph.num_dst, rows):
        target = targets[low : low + rows]
        part, entries = graph.rows(low, low + len(target))
        call = _Call(source, target, part, None if weight is None else weight[entries], False)
        out[low : low + rows] = conv.finished(_arrived(conv, call, fuses, first), target)
    return out


def _arrived(conv: Any, call: _Call, fuses: bool, first: bool) -> Tensor:
    """What arrives from the neighbours, projected; ``first`` where the sources are so already."""
    source, target, graph, weight, _ = call
    if first:
        mine = linear(target, conv.lin_l.weight) if conv.aggregator == "gcn" else None
        return _with_bias(conv, _gathered(conv, graph, source, mine, weight))
    found: Tensor
    if fuses:
        found = conv.lin_l(_gathered(conv, graph, source, target, weight))
    else:
        found = conv.lin_l(conv.arrived(source, target, graph, None, weight))
    return found


def _is_dgls_lstm(conv: Any) -> bool:
    """Whether each target can be worked out by itself on the plain path; PyG's lstm pads to the longest sequence."""
    own = type(conv.aggr_module) is NeighborLSTM and plainly(conv.aggr_module, NeighborLSTM)
    return conv.aggregator == "dgl_lstm" and own and conv.is_as_written()


def _grouped(source: Any, target: Any, edges: Any, size: Any) -> Adjacency:
    there = len(source)
    if size is not None and not (isinstance(size, (tuple, list)) and len(size) == 2):
        raise InputError("size", size, "numbers of sources and targets, a pair")
    if isinstance(edges, Adjacency):
        targets = edges.num_dst
    elif target is not None:
        targets = len(target)
    else:
        targets = there if size is None or size[1] is None else size[1]
    for name, stated, found in zip(("sources", "targets"), size or (None, None), (there, targets), strict=True):
        if stated is not None and stated != found:
            raise InputError("size", f"{stated} {name}", f"{found}, the number of rows of x")
    if target is not None and len(target) != targets:
        raise InputError("x", f"{len(target)} rows of targets", f"{targets}, the number of targets of the edges")
    return adjacency(edges, there, targets)
