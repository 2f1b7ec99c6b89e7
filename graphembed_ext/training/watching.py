"""When a training has done enough: held-out edges on which vectors are judged, or a loss that falls no more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .._core import checks
from .._core.doors import as_pairs, within
from .._core.optional import optional
from ..distributed.group import ALONE
from ..embeddings.vectors import embed
from ..errors import InputError
from ..evaluate.absent import draw_pairs, known_pairs
from ..evaluate.links import ranked
from ..graph.view import EdgeType, GraphView
from .fingerprint import multiset, of_type
from .run import Early, Plan

__all__ = ["MONITORS", "Watch"]

MONITORS = ("loss", "val_auc", "val_ap")
#: Part of a loss that a fall must be, to count as one.
_FALL = 1e-3


class Watch:
    """What is looked at after an epoch of a training without labels.

    Args:
        model: What is trained.
        graph: As :func:`graphembed_ext.embed` takes it.
        view: The graph that it is trained on.
        plan: What :func:`graphembed_ext.fit` was told.
        validation: Edges that are not in the graph, ``(2, V)``, ids within their types; of graphs with several edge
            types a dict by edge type. The weights that tell them best from other pairs are kept. None keeps the last.
        monitor: ``"val_auc"`` or ``"val_ap"``, area under the ROC curve and average precision by which the cosines of
            the vectors tell them from as many drawn pairs that are no edges; or ``"loss"``. None for ``"val_auc"``
            where there are such edges, else for ``"loss"``.
        validate_every: Epochs from one validation to the next.
        patience: Validations without improvement after which training ends; of ``"loss"`` epochs without a fall by a
            thousandth, and the last weights are kept. None for none.

    Attributes:
        early: Which weights are kept, and when training ends; None where nothing is watched.

    Raises:
        InputError: Pairs that are edges of the graph, or do not fit; a strategy of several processes.
    """

    def __init__(
        self,
        model: Any,
        graph: Any,
        view: GraphView,
        plan: Plan,
        *,
        validation: Any = None,
        monitor: str | None = None,
        validate_every: int = 1,
        patience: int | None = None,
    ) -> None:
        self._model, self._graph = model, graph
        self._every = checks.integer("validate_every", validate_every)
        patience = None if patience is None else checks.integer("patience", patience)
        self._pairs = {} if validation is None else _held_out(view, validation, getattr(model, "targets", None), plan)
        usual = "val_auc" if self._pairs else "loss"
        self._monitor = usual if monitor is None else checks.choice("monitor", monitor, MONITORS)
        if self._monitor != "loss" and not self._pairs:
            raise InputError("monitor", self._monitor, "'loss' without held-out edges", "validation=EDGES gives some")
        if self._monitor == "loss":
            self.early = None if patience is None else Early("loss", patience, larger=False, keep=False, least=_FALL)
        else:
            self.early = Early(self._monitor, patience, larger=True)

    def figures(self, number: int, epochs: int) -> dict[str, float]:
        """What comes of epoch ``number``, from 0, of so many: nothing where no validation is due."""
        if not self._pairs or ((number + 1) % self._every and number + 1 < epochs):
            return {}
        vectors, scores = embed(self._model, self._graph), ([], [])  # type: Any, tuple[list[Any], list[Any]]
        for (source, _, target), sides in self._pairs.items():
            for found, pairs in zip(scores, sides, strict=True):
                first, second = vectors[source][pairs[0]], vectors[target][pairs[1]]
                found.append(F.cosine_similarity(first.float(), second.float()).cpu().numpy())
        if not all(np.isfinite(part).all() for side in scores for part in side):
            return {"val_auc": float("nan"), "val_ap": float("nan")}
        return {f"val_{name}": figure for name, figure in ranked(*map(np.concatenate, scores)).items()}

    def fingerprint(self) -> dict[str, Any]:
        """What a state must have been trained with."""
        if self.early is None:
            return {}
        found = {of_type("validation", kind): multiset(*pairs[0]) for kind, pairs in self._pairs.items()}
        return found | {"monitor": self._monitor, "patience": self.early.patience, "validate_every": self._every}


def _held_out(view: GraphView, validation: Any, targets: Any, plan: Plan) -> dict[EdgeType, tuple[Tensor, Tensor]]:
    """Held-out edges by edge type, and as many pairs that are none."""
    optional("sklearn", "validation on held-out edges")
    if plan.group is not ALONE:
        raise InputError("validation", "held-out edges", "None under a strategy, as each process has a part alone")
    if isinstance(validation, Mapping):
        given = dict(validation)
    elif len(view.edge_types) == 1:
        given = {view.edge_types[0]: validation}
    else:
        raise InputError("validation", "edges of no type", "a dict by edge type, as this graph has several")
    found = {}
    for edge_type, pairs in given.items():
        if edge_type not in view.edge_types:
            raise InputError("validation", f"the edge type {edge_type}", f"some of {view.edge_types}")
        kinds = edge_type[0], edge_type[2]
        if targets is not None and not set(kinds) <= set(targets):
            raise InputError(
                "validation", f"edges {edge_type}", f"edges between nodes that get vectors: {list(targets)}"
            )
        positive = _checked(view, edge_type, pairs)
        if positive.size(1):
            found[edge_type] = positive, _absent(view, kinds, positive, plan.seed)
    if not found:
        raise InputError("validation", "no edges", "at least one")
    return found


def _checked(view: GraphView, edge_type: EdgeType, given: Any) -> Tensor:
    """Held-out edges of a type, ids that there are and none of the graph's edges."""
    pairs = as_pairs(given, "validation", "edges, node ids of shape (2, V)").cpu()
    for side, kind in zip(pairs, (edge_type[0], edge_type[2]), strict=True):
        within("validation", side.contiguous(), view.num_nodes[kind], got="node", expected=f"ids of {kind!r}")
    return pairs


def _absent(view: GraphView, kinds: tuple[str, str], positive: Tensor, seed: int) -> Tensor:
    """As many pairs that are no edges.

    Raises:
        InputError: Some of the held-out ones are edges of the graph.
    """
    known = known_pairs(view, kinds).cpu()
    width, one_kind = view.num_nodes[kinds[1]], kinds[0] == kinds[1]
    ends = [torch.sort(pairs, 0).values if one_kind else pairs for pairs in (positive, known)]
    again = int(torch.isin(*(pairs[0] * width + pairs[1] for pairs in ends)).sum())
    if again:
        got = f"{again} of {positive.size(1)} pairs that are edges of the graph"
        raise InputError("validation", got, "pairs that training does not see", "ge.split(graph).train lacks them")
    counts = [view.num_nodes[kind] for kind in kinds]
    return draw_pairs(counts, one_kind, [known, positive], positive.size(1), seed, "validation", argument="validation")
