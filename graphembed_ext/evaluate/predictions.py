"""Classes of nodes, as a trained model predicts them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .._core import checks
from .._core.checks import as_tensor, described
from .._core.doors import as_ids
from ..errors import InputError
from ..hosts import registry

__all__ = ["predict", "predict_proba"]

_NODES = "ids (M,), or a boolean mask (N,)"


def predict(
    model: Any, graph: Any, nodes: Any = None, *, node_type: str | None = None, several: bool = False
) -> Tensor:
    """The class of each node, by a GraphSAGE or HAN that was trained on labels; alike for both.

    Args:
        model: The model. It is evaluated without dropout and left in the mode in which it was.
        graph: The graph, of either host: the one trained on or another one with the same features.
        nodes: Ids, or a boolean mask ``(N,)``, of the nodes that are wanted; None for all of the type.
        node_type: Which of the model's target types; may be left out where it has one.
        several: Whether a node has several labels: each of a probability above 0.5 is predicted.

    Returns:
        Classes, int64 ``(len(nodes),)``; with ``several`` 0 and 1, int64 ``(len(nodes), C)``.

    Raises:
        InputError: A model that classifies nothing, a type that it does not classify.

    Example:
        >>> import graphembed_ext as ge
        >>> ring = ge.view(torch.stack([torch.arange(6), (torch.arange(6) + 1) % 6]))
        >>> graph = ge.GraphView(ring.num_nodes, ring.edges, {"_N": {"x": torch.eye(6)}})
        >>> model = ge.GraphSAGE(6, 8, num_layers=1, out_channels=2)
        >>> ge.predict(model, graph).shape, ge.predict_proba(model, graph, [0, 3]).shape
        (torch.Size([6]), torch.Size([2, 2]))
    """
    several = checks.switch("several", several)
    scores = _scores(model, graph, nodes, node_type)
    return (scores > 0).long() if several else scores.argmax(1)


def predict_proba(
    model: Any, graph: Any, nodes: Any = None, *, node_type: str | None = None, several: bool = False
) -> Tensor:
    """The probability of each class, softmax of the model's scores; with ``several`` labels a node the sigmoid.

    Args:
        model, graph, nodes, node_type, several: As for :func:`predict`.

    Returns:
        ``(len(nodes), C)``; rows sum to 1 unless ``several``.

    Example:
        >>> import graphembed_ext as ge
        >>> graph = ge.GraphView({"_N": 3}, {("_N", "_E", "_N"): (torch.tensor([0]), torch.tensor([1]))},
        ...                      {"_N": {"x": torch.eye(3)}})
        >>> ge.predict_proba(ge.GraphSAGE(3, 4, num_layers=1, out_channels=2), graph).sum(1).round(decimals=4)
        tensor([1., 1., 1.])
    """
    several = checks.switch("several", several)
    scores = _scores(model, graph, nodes, node_type)
    return scores.sigmoid() if several else scores.softmax(1)


@torch.no_grad()
def _scores(model: Any, graph: Any, nodes: Any, node_type: str | None) -> Tensor:
    """Scores of the classes, ``(len(nodes), C)``."""
    node_type = _target(model, node_type)
    view, mode = registry.view(graph), model.training
    model.eval()
    try:
        found: Tensor = model.logits(model.inputs(view))[node_type]
    finally:
        model.train(mode)
    if nodes is None:
        return found
    chosen = as_tensor("nodes", nodes, _NODES).to(found.device)
    if chosen.dtype is torch.bool:
        if chosen.shape != found.shape[:1]:
            raise InputError("nodes", described(chosen), f"a mask of shape ({len(found)},), or ids")
        return found[chosen]
    chosen = as_ids(chosen, "nodes", _NODES)
    if chosen.numel() and not 0 <= int(chosen.min()) <= int(chosen.max()) < len(found):
        raise InputError("nodes", f"ids from {int(chosen.min())} to {int(chosen.max())}", f"from 0 to {len(found) - 1}")
    return found[chosen]


def _target(model: Any, node_type: str | None) -> str:
    """The type that is classified: the one given, or the model's only one."""
    targets = list(getattr(model, "targets", ())) if getattr(model, "task", "") == "nodes" else []
    if not targets:
        raise InputError("model", f"a {type(model).__name__}", "a model that classifies nodes, GraphSAGE or HAN")
    if node_type is None and len(targets) == 1:
        return str(targets[0])
    return checks.choice("node_type", "nothing" if node_type is None else node_type, targets)
