"""Two host graphs, one model: what each stage gives, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from .._core import checks
from .._core.parallel import threads
from ..errors import GraphEmbedError, InputError
from ..graph.features import count_classes
from ..graph.view import NODE_TYPE, GraphView
from ..hosts import registry
from ..models.catalogue import create
from .stages import REASONS, Found, stages_of
from .table import ParityReport, Row, compare
from .views import compare_views

__all__ = ["report"]


def report(
    name: str,
    first: Any,
    second: Any,
    *,
    steps: int = 5,
    batch_size: int | None = None,
    seed: int = 0,
    **config: Any,
) -> ParityReport:
    """Run one model on two graphs that should be the same, and compare every stage on one thread.

    The stages: the graph as models see it (node types, counts, edges, features); the batches, which are walks,
    triplets or what the layers read; the loss and the gradients of the first two steps; weights and embeddings after
    all of them. GraphSAGE and HAN are trained on the graph's labels (``y`` or ``label``, on the nodes of
    ``train_mask`` if there is one) and without labels on the mean square of their outputs.

    Args:
        name: Model, as :func:`graphembed_ext.create` takes it.
        first: A host graph, such as a DGLGraph.
        second: The same graph on the other host.
        steps: Optimiser steps before the embeddings are compared.
        batch_size: Walks, triplets or nodes in a batch; None for 128 walks, 2,048 triplets, the whole graph.
        seed: Seed of weights, walks and negatives.
        **config: Further arguments of :func:`graphembed_ext.create`, such as ``metapath``.

    Returns:
        The table of stages; ``.ok`` and ``.first_difference`` sum it up. Different nodes or edge types end the
        comparison after the first stage, as the model would not be the same one.

    Example:
        >>> import torch, graphembed_ext as ge
        >>> ring = torch.tensor([[0, 1, 2, 3], [1, 2, 3, 0]])
        >>> report("deepwalk", ring, ring.flip(1), emb_dim=4, walk_length=8).ok
        True
        >>> found = report("deepwalk", ring, ring[:, 1:], emb_dim=4, walk_length=8)
        >>> found.first_difference.reason
        '1 node pair differs: in the first and the second graph, edge 0 -> 1 is there 1 and 0 times'
    """
    checks.text("name", name, "the name of a model")
    checks.integer("steps", steps)
    number = checks.seed(seed)
    if number is None:
        raise InputError("seed", None, "an integer from 0 to 2**63 - 1")
    if batch_size is not None:
        checks.integer("batch_size", batch_size)
    views = registry.view(first), registry.view(second)
    rows = list(compare_views(*views, features=name.lower() in _READ_FEATURES))
    engine = "none"
    same_nodes = dict(views[0].num_nodes) == dict(views[1].num_nodes)
    if same_nodes and views[0].edge_types == views[1].edge_types:
        try:
            with threads(1):
                models = [create(name, graph, seed=number, **_completed(name, views[0], config)) for graph in views]
                pairs = zip(models, views, strict=True)
                rows += _compare_runs(*(stages_of(model, view, steps, batch_size, number) for model, view in pairs))
            engine = getattr(getattr(models[0], "walker", None), "serving", "none")
        except GraphEmbedError:
            if all(row.equal for row in rows):
                raise  # not the graphs' fault
    return ParityReport(name, (views[0].host, views[1].host), engine, tuple(rows))


#: Models that read node features and labels.
_READ_FEATURES = ("graphsage", "han")


def _compare_runs(first: Found, second: Found) -> Iterator[Row]:
    """A row for each thing that both runs yield, until one yields what the other does not."""
    for mine, its in zip_longest(first, second):
        if mine is None or its is None or mine[:2] != its[:2]:
            stage, quantity, _ = mine or its
            yield Row(stage, quantity, False, float("inf"), float("inf"), "only one of the runs has it")
            return
        stage, quantity, value = mine
        yield compare(stage, quantity, value, its[2], REASONS[stage])


def _completed(name: str, view: GraphView, config: dict[str, Any]) -> dict[str, Any]:
    """GraphSAGE does not count classes by itself, as HAN does."""
    if name.lower() == "graphsage" and "out_channels" not in config and not view.is_typed:
        return config | {"out_channels": count_classes(view, NODE_TYPE)}
    return config
