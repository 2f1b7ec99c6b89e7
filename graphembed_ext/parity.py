"""Proof that two host graphs give the same answer: :func:`report` compares them stage by stage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from . import _checks, rng
from ._threads import threads
from .graph import GraphView
from .registry import create
from .registry import view as view_of

__all__ = ["ParityReport", "Row", "report"]


@dataclass(frozen=True)
class Row:
    """One comparison: a stage, a quantity, and how far apart its two values are.

    Attributes:
        stage: ``view``, ``walks``, ``loss``, ``gradients`` or ``embeddings``.
        quantity: What was compared.
        equal: Whether the two are the same bit for bit.
        absolute: Largest absolute difference; infinite when the shapes differ.
        relative: Largest difference relative to the larger value.
        reason: For a difference, its likely cause.
    """

    stage: str
    quantity: str
    equal: bool
    absolute: float = 0.0
    relative: float = 0.0
    reason: str = ""


@dataclass(frozen=True)
class ParityReport:
    """The stages compared, in the order in which data flows. Prints as a table.

    Attributes:
        model: Name of the model.
        hosts: Names of the two hosts.
        engine: Walk engine that both used.
        rows: All comparisons.
    """

    model: str
    hosts: tuple[str, str]
    engine: str
    rows: tuple[Row, ...]

    @property
    def ok(self) -> bool:
        """Whether everything is equal, bit for bit."""
        return all(row.equal for row in self.rows)

    @property
    def first_difference(self) -> Row | None:
        """The first comparison that failed; later ones usually follow from it."""
        return next((row for row in self.rows if not row.equal), None)

    def __str__(self) -> str:
        lines = [f"parity of {self.model}: {self.hosts[0]} and {self.hosts[1]}, walk engine {self.engine}"]
        lines.append(f"{'stage':<12}{'quantity':<34}{'equal':<7}{'max abs':>10}{'max rel':>10}")
        for row in self.rows:
            equal = "yes" if row.equal else "NO"
            lines.append(f"{row.stage:<12}{row.quantity:<34}{equal:<7}{row.absolute:>10.3g}{row.relative:>10.3g}")
        first = self.first_difference
        if first is None:
            lines.append("identical, bit for bit")
        else:
            lines.append(f"first difference: {first.stage}, {first.quantity}. Likely reason: {first.reason}")
        return "\n".join(lines)


def report(
    name: str, first: Any, second: Any, *, steps: int = 5, batch_size: int = 128, seed: int = 0, **config: Any
) -> ParityReport:
    """Run one model on two graphs that should be the same, and compare every stage on one thread.

    Args:
        name: Model, as :func:`graphembed_ext.create` takes it.
        first: A host graph, such as a DGLGraph.
        second: The same graph on the other host.
        steps: Optimiser steps before the embeddings are compared.
        batch_size: Walks in a batch.
        seed: Seed of weights, walks and noise.
        **config: Further arguments of the model's constructor.

    Returns:
        The table of stages; ``.ok`` and ``.first_difference`` sum it up. Different numbers of nodes end the
        comparison after the first stage.

    Example:
        >>> import graphembed_ext as ge
        >>> ring = torch.tensor([[0, 1, 2, 3], [1, 2, 3, 0]])
        >>> ge.parity.report("deepwalk", ring, ring.flip(1), emb_dim=4, walk_length=8).ok
        True
    """
    _checks.integer("steps", steps)
    views = view_of(first), view_of(second)
    rows = list(_compare_views(*views))
    engine = "none"
    if views[0].num_nodes == views[1].num_nodes:
        with threads(1):
            runs = [
                _run(create(name, graph, seed=seed, **config), steps, batch_size, seed) for graph in (first, second)
            ]
        engine = runs[0].pop("engine")
        runs[1].pop("engine")
        rows += [
            _compare(stage, quantity, runs[0][stage, quantity], runs[1][stage, quantity], _STAGE_REASONS[stage])
            for stage, quantity in runs[0]
        ]
    return ParityReport(name, (views[0].host, views[1].host), engine, tuple(rows))


_STAGE_REASONS = {
    "walks": "other edges, or another walk engine",
    "loss": "other walks, or another floating-point type",
    "gradients": "other walks, or another floating-point type",
    "embeddings": "other batches or gradients before",
}


def _run(model: Any, steps: int, batch_size: int, seed: int) -> dict[Any, Any]:
    """What one model does, stage by stage."""
    key = rng.key(seed, "parity")
    loader = model.loader(seed=key >> 1, batch_size=batch_size)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    found: dict[Any, Any] = {"engine": model.walker.serving}
    step = 0
    while step < steps:
        for walks in loader:
            loss = model.loss(walks, stream=rng.key(key, step))
            optimizer.zero_grad()
            loss.backward()
            if step < 2:  # the first gradient of the contexts is that of zero contexts; the second is not
                found["walks", f"batch {step + 1}"] = walks
                found["loss", f"step {step + 1}"] = loss.detach()
                for name, parameter in model.named_parameters():
                    gradient = parameter.grad
                    dense = gradient.to_dense() if gradient.is_sparse else gradient.clone()
                    found["gradients", f"step {step + 1}, {name}"] = dense
            optimizer.step()
            step += 1
            if step == steps:
                break
    for name, value in model.state_dict().items():
        found["embeddings", f"step {steps}, {name}"] = value.detach()
    return found


def _compare_views(first: GraphView, second: GraphView) -> Iterator[Row]:
    counts = dict(first.num_nodes), dict(second.num_nodes)
    reason = f"the graphs have different nodes: {counts[0]} and {counts[1]}"
    if set(counts[0]) == set(counts[1]):
        reason += "; isolated nodes may have been lost on the way" if counts[0] != counts[1] else ""
    difference = float(abs(first.total_nodes - second.total_nodes))
    yield Row("view", "number of nodes", counts[0] == counts[1], difference, 0.0, reason)
    types = first.edge_types, second.edge_types
    if types[0] != types[1]:
        yield Row("view", "edge types", False, reason=f"the edge types are {types[0]} and {types[1]}")
        return
    yield Row("view", "edge types", True)
    if counts[0] != counts[1]:
        return
    for edge_type in types[0]:
        name = "edges" if not first.is_typed else "edges " + "-".join(edge_type)
        graphs = first.csr(edge_type), second.csr(edge_type)
        equal = all(torch.equal(graphs[0][part].cpu(), graphs[1][part].cpu()) for part in (0, 1))
        reason = "" if equal else _edge_reason(*(_pairs(view, edge_type) for view in (first, second)))
        missing = float(abs(len(graphs[0].indices) - len(graphs[1].indices)))
        yield Row("view", name, equal, missing, 0.0, reason)


def _pairs(view: GraphView, edge_type: tuple[str, str, str]) -> Tensor:
    return view.edge_index(edge_type).cpu()


def _edge_reason(first: Tensor, second: Tensor) -> str:
    """Names an edge that one graph has more often than the other."""
    if first.size(1) == second.size(1) and torch.equal(_sorted(first.flip(0)), _sorted(second)):
        return "one graph has every edge the other way round"
    pairs, origin = torch.unique(torch.cat([first, second], 1), dim=1, return_inverse=True)
    count = torch.bincount(origin[: first.size(1)], minlength=pairs.size(1))
    count -= torch.bincount(origin[first.size(1) :], minlength=pairs.size(1))
    different = count.nonzero().squeeze(1)
    source, destination = pairs[:, different[0]].tolist()
    where = "first" if count[different[0]] > 0 else "second"
    return (
        f"{len(different)} node pairs differ in their number of edges; ({source}, {destination}) "
        f"is there more often in the {where} graph"
    )


def _sorted(edges: Tensor) -> Tensor:
    return edges[:, torch.argsort(edges[0] * (int(edges.max()) + 1) + edges[1])]


def _compare(stage: str, quantity: str, first: Tensor, second: Tensor, reason: str) -> Row:
    first, second = first.cpu(), second.cpu()
    if first.shape != second.shape or first.dtype != second.dtype:
        kinds = f"{tuple(first.shape)} {first.dtype} and {tuple(second.shape)} {second.dtype}"
        return Row(stage, quantity, False, float("inf"), float("inf"), f"the tensors are {kinds}")
    if torch.equal(first, second):
        return Row(stage, quantity, True)
    gap = (first.double() - second.double()).abs()
    size = torch.maximum(first.double().abs(), second.double().abs()).clamp(min=1e-300)
    return Row(stage, quantity, False, float(gap.max()), float((gap / size).max()), reason)
