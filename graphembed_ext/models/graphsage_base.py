"""What GraphSAGE on untyped and on typed graphs share: settings, mini-batches, inference layer by layer."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn

from .._core import checks, rng
from ..embeddings.vectors import Embeddings
from ..errors import InputError
from ..graph.view import NODE_TYPE, EdgeType, GraphView
from ..hosts import registry
from ..nn import parts
from ..sampling.neighbor_loader import SeededBatches
from ..sampling.neighbor_sampler import NeighborSampler
from ._inductive import Inductive
from ._modes import evaluating
from .own_forward import has_own

__all__ = ["FANOUT", "ROWS", "GraphSAGEBase"]

#: Neighbours drawn in each hop, where fan-outs are not given.
FANOUT = 10
#: Nodes that layer-wise inference works on at a time.
ROWS = 1 << 16


class GraphSAGEBase(Inductive, nn.Module, abc.ABC):
    """Base of both classes; the arguments are those of :class:`graphembed_ext.GraphSAGE`, checked here."""

    task = "nodes"
    task_without_labels = "links"

    def __init__(
        self,
        hidden_channels: int,
        num_layers: int,
        out_channels: int | None,
        dropout: float,
        act: Any,
        act_first: bool,
        act_kwargs: Mapping[str, Any] | None,
        jk: str | None,
        *,
        weight: str | None,
        unit_norm: bool,
        seed: int | None,
    ) -> None:
        nn.Module.__init__(self)  # the untyped class is one of PyG's, too, which would build its layers here
        #: Whether ge.embed returns vectors of length 1. Training without labels sets it.
        self.unit_norm = checks.flag("unit_norm", unit_norm)
        self.hidden_channels = checks.integer("hidden_channels", hidden_channels)
        self.num_layers = checks.layers(num_layers)
        self.out_channels = self.hidden_channels
        if out_channels is not None:
            self.out_channels = checks.integer("out_channels", out_channels)
        if jk is not None:
            checks.choice("jk", jk, ("last", "cat", "max", "lstm"))
        if weight is not None:
            checks.text("weight", weight, "the name of an edge feature")
        self.jk_mode, self.act_first, self.weight = jk, checks.switch("act_first", act_first), weight
        self.dropout = nn.Dropout(checks.share("dropout", dropout))
        self.act = parts.activation(act, act_kwargs)
        self.seed = checks.seed(seed)

    def _drawing(self) -> AbstractContextManager[None]:
        """Initial weights drawn in this block follow the seed."""
        return rng.torch_seeded(None if self.seed is None else rng.key(self.seed, "weights") >> 1)

    @abc.abstractmethod
    def inputs(self, view: GraphView) -> Any:
        """What :meth:`logits` needs of a graph."""

    @abc.abstractmethod
    def logits(self, inputs: Any) -> dict[str, Tensor]:
        """The output for the nodes of a graph, or for the seeds of a batch, by node type."""

    @abc.abstractmethod
    def _layer_by_layer(self, inputs: Any, rows: int) -> dict[str, Tensor]:
        """The output for all nodes by node type, worked out for so many nodes at a time."""

    def _batches(
        self,
        view: GraphView,
        nodes: dict[str, Tensor],
        fanouts: dict[EdgeType, list[int]],
        features: dict[str, Tensor],
        batch_size: int,
        **order: Any,
    ) -> SeededBatches:
        """Batches for :meth:`logits`; ``order`` is shuffle, seed and epoch."""
        sampler = NeighborSampler(view, fanouts)
        more: dict[str, Any] = {"features": features, "labels": {}, "edge_weight": self.weight}
        return SeededBatches(view, sampler, nodes, batch_size, **more, **order)

    def _of_layers(self, argument: str, given: Any) -> list[Any]:
        """What is given for each layer, as many as the layers."""
        if not isinstance(given, (list, tuple)) or len(given) != self.num_layers:
            got = f"{len(given)} blocks" if isinstance(given, (list, tuple)) else f"a {type(given).__name__}"
            hint = "a sampler's fan-outs are as many as the layers"
            raise InputError(argument, got, f"a list of {self.num_layers}, one for each layer", hint)
        return list(given)

    def full_logits(self, view: GraphView) -> dict[str, Tensor]:
        """:meth:`logits` of a whole graph, layer by layer, in bounded memory: see :meth:`inference`."""
        return self._of_whole(view, ROWS)

    def _of_whole(self, view: GraphView, rows: int) -> dict[str, Tensor]:
        """The output layer by layer; at once, where ``forward`` or ``logits`` is a subclass's own."""
        inputs = self.inputs(view)
        return self.logits(inputs) if has_own(self) else self._layer_by_layer(inputs, rows)

    @torch.no_grad()
    def _inferred(self, graph: Any, chunk: int) -> dict[str, Tensor]:
        with evaluating(self):
            return self._of_whole(registry.view(graph), checks.integer("chunk", chunk))

    @abc.abstractmethod
    def inference(self, graph: Any) -> Any:
        """The output for all nodes of a graph; a dict by node type where it is typed."""

    @torch.no_grad()
    def embeddings(self, graph: Any) -> Embeddings:
        """The output of the last layer, without dropout, for the nodes of a graph, trained on it or not.

        Args:
            graph: Graph of either host, with the features that the model was trained on.
        """
        if graph is None:
            raise InputError("graph", None, "a graph with node features", "GraphSAGE keeps no graph: pass one")
        view = registry.view(graph)
        computed = self.inference(view if view.names else graph)  # a graph that has names was copied: once is enough
        found = computed if isinstance(computed, dict) else {NODE_TYPE: computed}
        if self.unit_norm:
            found = {name: nn.functional.normalize(rows, dim=1) for name, rows in found.items()}
        counts = {name: len(found[name]) for name in sorted(found)}
        return Embeddings(torch.cat([found[name] for name in counts]), counts, view.names_of(counts))
