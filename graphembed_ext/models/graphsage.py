"""GraphSAGE: embeddings computed from the features of a node's neighbourhood, for nodes never seen in training, too."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, List, cast  # noqa: UP035

import torch
from torch import Tensor, nn

from .._core.near import spelt
from ..errors import InputError
from ..graph.features import features_of
from ..graph.in_edges import entry_values, message_edges
from ..graph.view import EDGE_TYPE, NODE_TYPE, GraphView
from ..hosts import registry
from ..nn import parts
from ..nn.arguments import check_hops, check_width, features_given
from ..nn.ops.rows import Rows
from ..nn.parts import Adj, BasicGNN
from ..nn.sage import SAGEConv, convolve, convolve_in_parts
from ..sampling.neighbor_loader import NeighborBatch, SeededBatches
from ..sampling.neighbor_sampler import check_fanouts
from .graphsage_base import FANOUT, ROWS, GraphSAGEBase
from .graphsage_inputs import Inputs, _untyped, kept_features
from .own_forward import by_forward

__all__ = ["GraphSAGE"]


class GraphSAGE(GraphSAGEBase, BasicGNN):
    """Layers of :class:`~graphembed_ext.nn.sage.SAGEConv`, one after the other.

    A drop-in for ``torch_geometric.nn.GraphSAGE``: the same arguments, the same ``state_dict``, and with equal weights
    the same output. It differs in two ways: ``edge_weight`` is used, not ignored, and ``aggr`` may be one of DGL's
    ``"gcn"``, ``"pool"`` and ``"dgl_lstm"``, too.

    :func:`graphembed_ext.fit` trains it on labelled nodes, or without labels; :func:`graphembed_ext.embed` computes the
    output for the nodes of any graph with the same features. Both read the graph of either host in one order of edges,
    so that the answer is the same, bit for bit.

    Args:
        in_channels: Number of features; -1 takes it from the first input.
        hidden_channels: Size of the layers before the last.
        num_layers: Number of layers: how many steps away a neighbour may be.
        out_channels: Size of the output, such as the number of classes; None for ``hidden_channels``.
        dropout: Share of numbers set to 0 between layers in training.
        act: Activation between layers, by name or callable; None for none.
        act_first: Whether the activation comes before the normalisation.
        act_kwargs: Arguments of the activation.
        norm: Normalisation between layers, as PyG names them.
        norm_kwargs: Arguments of the normalisation.
        jk: Jumping knowledge: ``"last"``, ``"cat"``, ``"max"`` or ``"lstm"``, followed by a linear layer.
        weight: Name of the edge feature that weighs messages, where the model is given a graph; None for none.
        unit_norm: Whether :func:`graphembed_ext.embed` returns vectors of length 1; training without labels sets it.
        seed: Fixes the initial weights and leaves torch's default generator alone; None draws them from it.
        **kwargs: Arguments of :class:`~graphembed_ext.nn.sage.SAGEConv`: ``aggr``, ``normalize``,
            ``root_weight``, ``project``, ``bias``.

    Raises:
        InputError: Sizes below 1; a seed that is none.

    Reference:
        Hamilton, Ying and Leskovec 2017, "Inductive Representation Learning on Large Graphs", arXiv:1706.02216,
        Algorithm 1. ``jk``: Xu et al. 2018, "Representation Learning on Graphs with Jumping Knowledge Networks",
        arXiv:1806.03536.

    Example:
        >>> import graphembed_ext as ge
        >>> from torch_geometric.datasets import KarateClub
        >>> data, model = KarateClub()[0], GraphSAGE(34, 16, num_layers=2, out_channels=4, seed=0)
        >>> model(data.x, data.edge_index).shape, model.inference(data).shape
        (torch.Size([34, 4]), torch.Size([34, 4]))
        >>> view, nodes = ge.view(data), torch.arange(34)
        >>> result = ge.fit(model, data, masks={"train": nodes[::2], "test": nodes[1::2]}, epochs=50, progress=False)
        >>> result.history[-1]["loss"] < result.history[0]["loss"], ge.embed(model, data)
        (True, Embeddings(34 nodes, 4 dimensions))
        >>> batch, seeds = next(iter(model.loader(view, {"_N": nodes}, batch_size=8, seed=0)))  # in a loop of your own
        >>> model.logits(model.inputs(view))["_N"].shape, model.logits(batch)["_N"].shape
        (torch.Size([34, 4]), torch.Size([8, 4]))
    """

    targets = (NODE_TYPE,)

    @spelt(SAGEConv)
    def __init__(
        self,
        in_channels: int | tuple[int, int],
        hidden_channels: int,
        num_layers: int,
        out_channels: int | None = None,
        dropout: float = 0.0,
        act: Any = "relu",
        act_first: bool = False,
        act_kwargs: Mapping[str, Any] | None = None,
        norm: Any = None,
        norm_kwargs: Mapping[str, Any] | None = None,
        jk: str | None = None,
        *,
        weight: str | None = None,
        unit_norm: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        shape = hidden_channels, num_layers, out_channels, dropout, act, act_first, act_kwargs, jk
        super().__init__(*shape, weight=weight, unit_norm=unit_norm, seed=seed)
        self.in_channels = in_channels
        with self._drawing():
            self._build(norm, norm_kwargs, self.out_channels if jk is None else self.hidden_channels, kwargs)

    #: By which TorchScript leaves out the branches that are not taken.
    __constants__: ClassVar[list[str]] = ["supports_edge_weight", "supports_edge_attr", "supports_norm_batch"]
    #: PyG's loop over the layers, for what reads a program instead of running it.
    _as_written = parts.renamed(BasicGNN.forward, "_as_written")

    def _build(self, norm: Any, norm_kwargs: Mapping[str, Any] | None, last: int, kwargs: dict[str, Any]) -> None:
        hidden, layers = self.hidden_channels, self.num_layers
        between: Any = hidden if isinstance(self.in_channels, int) else (hidden, hidden)
        sizes = zip([self.in_channels] + [between] * (layers - 1), [hidden] * (layers - 1) + [last], strict=True)
        self.convs = nn.ModuleList(self.init_conv(source, target, **kwargs) for source, target in sizes)
        module = parts.normalisation(norm, hidden, norm_kwargs)
        self.norm, self.norm_kwargs = norm if isinstance(norm, str) else None, norm_kwargs
        self.supports_norm_batch = parts.takes_batch(module)
        self.supports_edge_attr = False
        self.supports_edge_weight = all(isinstance(conv, SAGEConv) for conv in self.convs)
        self._trim = parts.TrimToLayer()
        self.norms = nn.ModuleList(copy.deepcopy(module) for _ in range(layers - 1))
        self.norms.append(nn.Identity() if self.jk_mode is None else copy.deepcopy(module))
        if self.jk_mode is not None:
            if self.jk_mode != "last":
                self.jk = parts.jumping_knowledge(self.jk_mode, hidden, layers)
            self.lin = nn.Linear(layers * hidden if self.jk_mode == "cat" else hidden, self.out_channels)

    def init_conv(self, in_channels: int | tuple[int, int], out_channels: int, **kwargs: Any) -> nn.Module:
        """A layer; a subclass may make another, as with PyG's models."""
        return SAGEConv(in_channels, out_channels, **kwargs)

    @classmethod
    @spelt()
    def for_graph(
        cls,
        graph: Any,
        hidden_channels: int = 64,
        num_layers: int = 2,
        out_channels: int | None = None,
        dropout: float = 0.0,
        act: Any = "relu",
        act_first: bool = False,
        act_kwargs: Mapping[str, Any] | None = None,
        norm: Any = None,
        norm_kwargs: Mapping[str, Any] | None = None,
        jk: str | None = None,
        *,
        aggr: Any = "mean",
        normalize: bool = False,
        root_weight: bool = True,
        project: bool = False,
        bias: bool = True,
        weight: str | None = None,
        target: str | Sequence[str] | None = None,
        seed: int | None = None,
    ) -> Any:
        """A model whose ``in_channels`` is the number of a graph's features.

        Args:
            graph: Graph of either host, with node features ``x`` or ``feat``.
            hidden_channels: As for the class, like all that follow.
            target: Of a typed graph, the node type or types to compute an output for; None for all that can have one.

        Returns:
            A model of this class; for a typed graph a
            :class:`~graphembed_ext.models.typed_graphsage.TypedGraphSAGE`.

        Raises:
            InputError: No features; a target without a typed graph.

        Example:
            >>> from torch_geometric.datasets import KarateClub
            >>> GraphSAGE.for_graph(KarateClub()[0], out_channels=4)
            GraphSAGE(34, 4, num_layers=2)
        """
        view = registry.view(graph)
        shape = hidden_channels, num_layers, out_channels, dropout, act, act_first, act_kwargs, norm, norm_kwargs, jk
        config = {"weight": weight, "seed": seed, "aggr": aggr, "normalize": normalize}
        config |= {"root_weight": root_weight, "project": project, "bias": bias}
        if view.is_typed:
            return cls._for_typed(view, shape, target, config)
        if target is not None:
            raise InputError("target", target, "None for a graph without types")
        return cls(features_of(view, NODE_TYPE, dense=False).size(1), *shape, **config)

    @classmethod
    def _for_typed(cls, view: GraphView, shape: tuple[Any, ...], target: Any, config: dict[str, Any]) -> Any:
        from .typed_graphsage import TypedGraphSAGE

        return TypedGraphSAGE.of_view(view, *shape, target=target, **config)

    def reset_parameters(self) -> None:
        """Draw the weights anew."""
        for module in (*self.convs, *self.norms, getattr(self, "jk", None), getattr(self, "lin", None)):
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()

    def forward(
        self,
        x: Tensor,
        edge_index: Adj,
        edge_weight: Tensor | None = None,
        edge_attr: Tensor | None = None,
        batch: Tensor | None = None,
        batch_size: int | None = None,
        num_sampled_nodes_per_hop: List[int] | None = None,  # noqa: UP006  as PyG writes it, TorchScript tells them apart
        num_sampled_edges_per_hop: List[int] | None = None,  # noqa: UP006
    ) -> Tensor:
        """All layers.

        Args:
            x: Features, ``(N, in_channels)``, dense or sparse.
            edge_index: Edges, ``(2, E)``; or ``SparseTensor``; or
                :class:`~graphembed_ext.graph.adjacency.Adjacency`; or a list with these edges of each layer, first
                layer first, whose targets are the first of their sources: the blocks of a mini-batch.
            edge_weight: Weight of each edge, ``(E,)``; with a list of edges, a list.
            edge_attr: Not used, as in PyG's class.
            batch: Graph of each node, for normalisations that ask for it.
            batch_size: Number of graphs in ``batch``.
            num_sampled_nodes_per_hop: As PyG's ``NeighborLoader`` counts them: layers then leave out what no later
                layer needs.
            num_sampled_edges_per_hop: Edges, likewise.

        Returns:
            ``(N, out_channels)``; with a list of edges, a row for each target of the last.

        Raises:
            InputError: Features of another width; edges of nodes that have no row in ``x``; lists that have not an
                entry for each layer.
        """
        if not torch.jit.is_scripting():  # type: ignore[attr-defined]
            hops = num_sampled_nodes_per_hop, num_sampled_edges_per_hop
            return self._called(x, edge_index, edge_weight, edge_attr, batch, batch_size, hops)
        return self._as_written(x, edge_index, edge_weight, edge_attr, batch, batch_size)

    def _called(self, x: Any, edges: Any, weight: Any, attr: Any, batch: Any, batch_size: Any, hops: Any) -> Tensor:
        """:meth:`forward`, as it is run and as it is traced by ``torch.fx``."""
        if not parts.is_symbolic(x):
            return self._layers(x, edges, weight, batch, batch_size, check_hops(*hops))
        return cast("Tensor", self._as_written(x, edges, weight, attr, batch, batch_size, *hops))

    def _layers(
        self, x: Any, edges: Any, weight: Any, batch: Any = None, batch_size: int | None = None, trim: Any = None
    ) -> Tensor:
        x = check_width(features_given(x), self.in_channels)
        blocks = self._blocks(edges, weight) if isinstance(edges, (list, tuple)) else None
        outputs: list[Any] = []
        for number, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            if blocks is not None:
                edges, weight = blocks[number]
            if trim is not None:
                x, edges, weight = parts.trim_to_layer(number, *trim, x, edges, weight)
            if number == self.num_layers - 1 and self.jk_mode is None:
                found: Tensor = convolve(conv, x, edges, weight)
                return found
            x = self.dropout(self._layer(conv, norm, x, edges, weight, batch, batch_size))
            outputs.append(x)
        # Of a batch's blocks, those of later layers have fewer nodes, which come first.
        return self._joined([out[: len(x)] for out in outputs] if blocks is not None else outputs)

    def _blocks(self, edges: Any, weight: Any) -> list[tuple[Any, Any]]:
        """Edges and weights of each layer."""
        weights = [None] * self.num_layers if weight is None else self._of_layers("edge_weight", weight)
        return list(zip(self._of_layers("edge_index", edges), weights, strict=True))

    def _layer(
        self, conv: nn.Module, norm: nn.Module, x: Any, edges: Any, weight: Any, batch: Any, batch_size: int | None
    ) -> Tensor:
        """A layer that another follows, but for dropout."""
        if isinstance(x, Rows) and parts.may_overwrite(conv, norm, self.act):
            return cast("SAGEConv", conv).from_rows(x, edges, weight, relu=True)
        return self._activated(convolve(conv, x, edges, weight), conv, norm, batch, batch_size)

    def _joined(self, outputs: list[Tensor]) -> Tensor:
        """The outputs of all layers brought together by jumping knowledge."""
        return cast("Tensor", self.lin(self.jk(outputs) if hasattr(self, "jk") else outputs[-1]))

    def _activated(
        self, x: Tensor, conv: nn.Module, norm: nn.Module, batch: Any = None, batch_size: int | None = None
    ) -> Tensor:
        """A layer's output after activation and normalisation."""
        if self.act is not None and self.act_first:
            x = self.act(x)
        x = norm(x, batch, batch_size) if self.supports_norm_batch else norm(x)
        if self.act is None or self.act_first:
            return x
        return x.relu_() if parts.may_overwrite(conv, norm, self.act) else self.act(x)

    def inputs(self, view: GraphView) -> Inputs:
        """What :meth:`logits` needs of a graph: features, edges in canonical order, weights.

        Raises:
            InputError: A typed graph; features that are missing or of another width; weights that are missing,
                negative or not finite.
        """
        like = next(self.parameters())
        x = self._features(view, [self.convs[0]])
        graph = message_edges(view, EDGE_TYPE, like.device)
        weight = None if self.weight is None else entry_values(view, EDGE_TYPE, self.weight).to(like)
        return Inputs(x, graph, weight)

    def _features(self, view: GraphView, readers: Any = None) -> Any:
        channels = self.in_channels if isinstance(self.in_channels, int) else None
        return kept_features(_untyped(view), NODE_TYPE, channels, next(self.parameters()), readers)

    def logits(self, inputs: Inputs | NeighborBatch) -> dict[str, Tensor]:
        """The output for all nodes of a graph, or for the seeds of a batch, under the one node type."""
        own = by_forward(self, inputs, None) if isinstance(inputs, Inputs) else by_forward(self, None, inputs)
        if own is not None:
            return {NODE_TYPE: own}
        if isinstance(inputs, Inputs):
            return {NODE_TYPE: self._layers(*inputs)}
        like, first = next(self.parameters()), cast("Any", self.convs[0])
        inputs = inputs.beside(like)
        blocks, x = self._of_layers("fanouts", inputs.blocks), None
        whole = inputs.features
        in_place = whole is not None and whole.dtype == like.dtype and isinstance(first, SAGEConv)
        if in_place and first.reads_in_place(blocks[0], whole):
            x = Rows(whole, inputs.nodes)
        elif inputs.x is None:
            raise InputError("x", None, "node features, in the graph that the batch was sampled from")
        return {NODE_TYPE: self._layers(inputs.x.to(like) if x is None else x, blocks, inputs.edge_weights)}

    def loader(
        self,
        view: GraphView,
        nodes: dict[str, Tensor],
        *,
        batch_size: int,
        seed: int,
        epoch: int = 0,
        shuffle: bool = True,
        fanouts: Any = None,
    ) -> SeededBatches:
        """Mini-batches over some nodes, as :func:`graphembed_ext.neighbor_loader` makes them, for :meth:`logits`.

        Args:
            view: The graph.
            nodes: Node ids by type.
            batch_size: Nodes in a batch.
            seed: Seed of order and draws.
            epoch: Number of the epoch.
            shuffle: Whether to take the nodes in random order.
            fanouts: Neighbours to draw, first hop first; None for 10 in each.
        """
        features = {NODE_TYPE: self._features(view)}
        given = [FANOUT] * self.num_layers if fanouts is None else fanouts
        numbers = check_fanouts(given, view.edge_types, self.num_layers)
        return self._batches(view, nodes, numbers, features, batch_size, shuffle=shuffle, seed=seed, epoch=epoch)

    def inference(
        self,
        graph: Any,
        device: Any = None,
        embedding_device: Any = "cpu",
        progress_bar: bool = False,
        cache: bool = False,
        *,
        chunk: int = ROWS,
    ) -> Tensor:
        """The output for all nodes of a graph with all their neighbours, layer by layer and without dropout.

        A layer is worked out for ``chunk`` nodes at a time: beside its input and its output, memory does not grow with
        the graph. Jumping knowledge keeps the outputs of all layers; aggregations that PyG runs, but for ``dgl_lstm``,
        see all nodes at once, as some of them depend on all.

        Args:
            graph: Graph of either host, with the features that the model was trained on; or, as PyG's models take it,
                a ``NeighborLoader`` of all neighbours of one hop.
            device, embedding_device, progress_bar, cache: As PyG's models take them, with a loader.
            chunk: Nodes at a time.

        Returns:
            ``(N, out_channels)``, what :meth:`forward` gives but for rounding.
        """
        if isinstance(graph, parts.NeighborLoader):
            return cast("Tensor", BasicGNN.inference(self, graph, device, embedding_device, progress_bar, cache))
        return self._inferred(graph, chunk)[NODE_TYPE]

    def _layer_by_layer(self, inputs: Inputs, rows: int) -> dict[str, Tensor]:
        x, graph, weight = inputs
        outputs = []
        for number, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            x = convolve_in_parts(conv, x, graph, weight, rows)
            if number == self.num_layers - 1 and self.jk_mode is None:
                return {NODE_TYPE: x}
            x = self._activated(x, conv, norm)
            outputs.append(x)
        found = [self._joined([out[low : low + rows] for out in outputs]) for low in range(0, len(x), rows)]
        return {NODE_TYPE: torch.cat(found)}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.in_channels}, {self.out_channels}, num_layers={self.num_layers})"
