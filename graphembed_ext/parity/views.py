"""Whether two graphs are the same graph, and where they are not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from .._core import memory
from ..graph.features import FEATURE_NAMES, LABEL_NAMES, dense_features
from ..graph.view import NODE_TYPE, EdgeType, GraphView
from .table import Row, compare

__all__ = ["compare_views"]

#: How many edges or nodes a reason names.
_NAMED = 3


def compare_views(first: GraphView, second: GraphView, features: bool = False) -> Iterator[Row]:
    """Node types, counts, edges and features; stops after counts or edge types that differ.

    Args:
        first, second: The graphs.
        features: Whether features or labels that one graph has and the other lacks are a difference.
    """
    yield _node_types(first, second)
    if first.node_types != second.node_types:
        return
    yield _counts(first, second)
    yield _edge_types(first, second)
    if dict(first.num_nodes) != dict(second.num_nodes) or first.edge_types != second.edge_types:
        return
    for edge_type in first.edge_types:
        yield _edges(first, second, edge_type)
    for edge_type in first.edge_types:
        yield from _edge_features(first, second, edge_type)
    for node_type in first.node_types:
        yield from _node_features(first, second, node_type, features)


def _node_types(first: GraphView, second: GraphView) -> Row:
    reason = _only(first.node_types, second.node_types)
    if sorted(first.num_nodes.values()) == sorted(second.num_nodes.values()):
        reason += "; the numbers of nodes are the same, so the types may only be called otherwise"
    elif first.is_typed != second.is_typed:
        reason += "; one graph is typed, the other not"
    return Row("view", "node types", first.node_types == second.node_types, reason=reason)


def _edge_types(first: GraphView, second: GraphView) -> Row:
    here, there = (["-".join(edge_type) for edge_type in view.edge_types] for view in (first, second))
    return Row("view", "edge types", here == there, reason=_only(here, there))


def _only(first: list[str], second: list[str]) -> str:
    parts = [
        f"only the {place} graph has {', '.join(map(repr, names))}"
        for place, names in (
            ("first", [name for name in first if name not in second]),
            ("second", [name for name in second if name not in first]),
        )
        if names
    ]
    return "; ".join(parts)


def _counts(first: GraphView, second: GraphView) -> Row:
    gaps = {t: count - second.num_nodes[t] for t, count in first.num_nodes.items()}
    reasons = [_count_reason(t, first, second) for t, gap in gaps.items() if gap]
    largest = float(max(map(abs, gaps.values()), default=0))
    return Row("view", "number of nodes", not reasons, largest, 0.0, "; ".join(reasons))


def _count_reason(node_type: str, first: GraphView, second: GraphView) -> str:
    counts = first.num_nodes[node_type], second.num_nodes[node_type]
    kind = "" if node_type == NODE_TYPE else f" of type {node_type!r}"
    text = f"the first graph has {counts[0]} nodes{kind}, the second {counts[1]}"
    larger, place = (first, "first") if counts[0] > counts[1] else (second, "second")
    lonely = [_isolated(view, node_type) for view in (first, second)]
    extra = torch.arange(min(counts), max(counts))
    mine = lonely[0] if larger is first else lonely[1]
    if bool(torch.isin(extra, mine).all()):
        return f"{text}: {_listed(extra, place, 'no edges')}, so isolated nodes were lost; state num_nodes"
    if abs(len(lonely[0]) - len(lonely[1])) == abs(counts[0] - counts[1]):
        return f"{text}: {_listed(mine, place, 'no edges')}; isolated nodes were lost and the others renumbered"
    busy = extra[~torch.isin(extra, mine)]
    return f"{text}: {_listed(busy, place, 'edges')}, so nodes are missing that are not isolated"


def _isolated(view: GraphView, node_type: str) -> Tensor:
    memory.check_nodes(view.num_nodes[node_type], 8, "ids")
    alone = torch.ones(view.num_nodes[node_type], dtype=torch.bool)
    for (source, _, destination), ends in view.edges.items():
        for end, ids in zip((source, destination), ends, strict=True):
            if end == node_type:
                alone[ids.cpu().long()] = False
    return alone.nonzero().squeeze(1)


def _listed(ids: Tensor, place: str, what: str) -> str:
    """``node 7 of the first graph has no edges``, with the first few of several nodes."""
    names = ", ".join(map(str, ids[:_NAMED].tolist())) + (", ..." if len(ids) > _NAMED else "")
    return f"node{'s' if len(ids) > 1 else ''} {names} of the {place} graph {'have' if len(ids) > 1 else 'has'} {what}"


def _edges(first: GraphView, second: GraphView, edge_type: EdgeType) -> Row:
    name = "edges" if not first.is_typed else "edges " + "-".join(edge_type)
    graphs = first.csr(edge_type), second.csr(edge_type)
    if all(torch.equal(graphs[0][part].cpu(), graphs[1][part].cpu()) for part in (0, 1)):
        return Row("view", name, True)
    columns = max(first.num_nodes[edge_type[2]], 1)
    keys = [_keys(view, edge_type, columns) for view in (first, second)]
    pairs, counts = _multiplicities(*keys)
    gap = counts[0] - counts[1]
    return Row("view", name, False, float(gap.abs().sum()), 0.0, _edge_reason(first, second, edge_type, pairs, counts))


def _keys(view: GraphView, edge_type: EdgeType, columns: int) -> Tensor:
    src, dst = view.edges[edge_type]
    return (src.long() * columns + dst.long()).cpu()


def _multiplicities(first: Tensor, second: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """All pairs of nodes, and how often each is an edge of either graph."""
    pairs, origin = torch.unique(torch.cat([first, second]), return_inverse=True)
    counts = [torch.bincount(part, minlength=len(pairs)) for part in origin.split([len(first), len(second)])]
    return pairs, (counts[0], counts[1])


def _edge_reason(
    first: GraphView, second: GraphView, edge_type: EdgeType, pairs: Tensor, counts: tuple[Tensor, Tensor]
) -> str:
    columns = max(first.num_nodes[edge_type[2]], 1)
    turned = _turned(first, second, edge_type)
    if turned:
        return turned
    gap = counts[0] - counts[1]
    different = gap.nonzero().squeeze(1)
    if bool(((counts[0] > 0) == (counts[1] > 0)).all()):
        place = "first" if int(gap.sum()) > 0 else "second"
        text = f"the same pairs of nodes, but the {place} graph has some several times"
    elif _same_degrees(first, second, edge_type):
        text = (
            "the same degrees at other nodes, so nodes may be numbered in another order (a typed graph made "
            "homogeneous numbers types alphabetically in DGL, in order of insertion in PyG)"
        )
    else:
        text = f"{len(different)} node pair{'s differ' if len(different) > 1 else ' differs'}"
    named = [
        f"{int(pairs[i]) // columns} -> {int(pairs[i]) % columns} is there {int(counts[0][i])} and "
        f"{int(counts[1][i])} times"
        for i in different[:_NAMED].tolist()
    ]
    return f"{text}: in the first and the second graph, edge {', '.join(named)}"


def _turned(first: GraphView, second: GraphView, edge_type: EdgeType) -> str:
    """Whether one graph has the other's edges the other way round, or both ways; empty where it has not."""
    columns = first.num_nodes[edge_type[2]]
    if first.num_nodes[edge_type[0]] != columns:
        return ""
    ends = [view.edge_index(edge_type).cpu() for view in (first, second)]
    back = [torch.sort(dst * columns + src).values for src, dst in ends]
    forth = [torch.sort(src * columns + dst).values for src, dst in ends]
    if torch.equal(back[0], forth[1]):
        return "one graph has every edge the other way round"
    for large, small, place in ((1, 0, "second"), (0, 1, "first")):
        if torch.equal(forth[large], torch.sort(torch.cat([forth[small], back[small]])).values):
            return f"the {place} graph has every edge in both directions, the other in one"
    return ""


def _same_degrees(first: GraphView, second: GraphView, edge_type: EdgeType) -> bool:
    """Whether as many nodes have each degree in both graphs, on either side of the edges."""
    here, there = (view.edge_index(edge_type).cpu() for view in (first, second))
    sizes = [first.num_nodes[node_type] for node_type in (edge_type[0], edge_type[2])]
    return here.shape == there.shape and all(
        torch.equal(*(torch.sort(torch.bincount(ends[side], minlength=size)).values for ends in (here, there)))
        for side, size in enumerate(sizes)
    )


def _edge_features(first: GraphView, second: GraphView, edge_type: EdgeType) -> Iterator[Row]:
    here, there = first.edge_features[edge_type], second.edge_features[edge_type]
    prefix = "edge feature" if not first.is_typed else "edge feature " + "-".join(edge_type)
    for name in here:
        if name not in there:
            continue
        mine, its = (_in_order(view, edge_type, name) for view in (first, second))
        if mine is None or its is None:
            continue
        moved = mine.shape == its.shape and torch.equal(torch.sort(mine, 0).values, torch.sort(its, 0).values)
        reason = "other values"
        if moved:
            reason = "edge order: the same values at other edges, or parallel edges in another order"
        yield compare("view", f"{prefix}, {name}", mine, its, reason)


def _in_order(view: GraphView, edge_type: EdgeType, name: str) -> Tensor | None:
    """An edge feature in the canonical order of edges; None where it has not a row for each."""
    values = view.edge_features[edge_type][name]
    if len(values) != len(view.edges[edge_type][0]):
        return None
    return values.cpu()[view.csr(edge_type).edge_ids.cpu()] if len(values) else values


def _node_features(first: GraphView, second: GraphView, node_type: str, needed: bool) -> Iterator[Row]:
    """Features by name, but what is read as features or as labels by what it is: the hosts call it otherwise."""
    here, there = dense_features(first, node_type), dense_features(second, node_type)
    pairs = {name: name for name in here if name in there}
    prefix = "" if node_type == NODE_TYPE else f"{node_type}, "
    for what, names in (("features", FEATURE_NAMES), ("labels", LABEL_NAMES)):
        mine, its = _first(names, here), _first(names, there)
        if mine and its:
            pairs = {name: other for name, other in pairs.items() if name not in names} | {mine: its}
        elif needed and mine != its:
            place = "second" if its else "first"
            yield Row("view", f"{prefix}{what}", False, reason=f"only the {place} graph has {what}, {mine or its!r}")
    for mine, its in pairs.items():
        name = mine if mine == its else f"{mine} and {its}"
        values = _masks(here[mine].cpu(), there[its].cpu())
        yield compare("view", f"{prefix}{name}", *values, _node_reason(*values))


def _first(names: Sequence[str], features: Mapping[str, Tensor]) -> str:
    """The first of some names that a feature has; empty for none."""
    return next((name for name in names if name in features), "")


def _node_reason(first: Tensor, second: Tensor) -> str:
    if first.shape == second.shape and first.dtype == second.dtype and len(first):
        sums = [value.reshape(len(value), -1).double().sum(1) for value in (first, second)]
        if torch.equal(*(torch.sort(value).values for value in sums)):
            return "node order: the same rows at other nodes, which are numbered otherwise"
    return "other values"


def _masks(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Both as they are; but DGL writes boolean masks to files as bytes."""
    if {first.dtype, second.dtype} == {torch.bool, torch.uint8} and all(
        value.dtype == torch.bool or not value.numel() or int(value.max()) <= 1 for value in (first, second)
    ):
        return first.bool(), second.bool()
    return first, second
