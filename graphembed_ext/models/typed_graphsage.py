"""GraphSAGE on typed graphs: one set of weights for each edge type."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor, nn

from .._core import checks
from .._core.near import spelt
from ..errors import InputError
from ..graph.adjacency import Adjacency
from ..graph.in_edges import entry_values, message_edges
from ..graph.view import EdgeType, GraphView
from ..nn import parts
from ..nn.ops.sparse import SparseRows
from ..nn.sage import SAGEConv, convolve, convolve_in_parts
from ..sampling.neighbor_loader import NeighborBatch, SeededBatches
from ..sampling.neighbor_sampler import check_fanouts
from .graphsage_base import FANOUT, ROWS, GraphSAGEBase
from .graphsage_inputs import kept_features
from .learned_features import LearnedFeatures, sizes_of_features
from .own_forward import edges_as_tensors, has_own
from .typed_layers import layered, metadata_of, reached, targets_of

__all__ = ["TypedGraphSAGE", "TypedInputs"]


class TypedInputs(NamedTuple):
    """What the layers need of a typed graph; everything by type.

    Attributes:
        x: Features, ``(num_nodes, in_channels)``.
        graphs: Edges, in an order that does not depend on the host's.
        edge_weight: Weight of each edge; or None.
    """

    x: dict[str, Any]
    graphs: dict[EdgeType, Adjacency]
    edge_weight: dict[EdgeType, Tensor] | None


class TypedGraphSAGE(LearnedFeatures, GraphSAGEBase):
    """Layers of SAGEConv, one for each edge type, whose results are added up for each node type.

    What PyG makes of its ``GraphSAGE`` by ``to_hetero(model, metadata, aggr="sum")``: the same ``state_dict``, and with
    equal weights the same output. Only edge types that lead towards a target are kept, in each layer.
    :meth:`graphembed_ext.GraphSAGE.for_graph`, or ``ge.create("graphsage", graph)``, makes one for a typed graph.

    Args:
        in_channels: Number of features of every node type, or a dict by node type.
        hidden_channels, num_layers, out_channels, dropout, act, act_first, act_kwargs, norm, norm_kwargs, jk: As for
            :class:`graphembed_ext.GraphSAGE`.
        metadata: Node types, and edge types as triples.
        target: Node type or types to compute an output for; None for all that can have one.
        weight: Name of the edge feature that weighs messages, of every edge type, where the model is given a graph.
        unit_norm: Whether :func:`graphembed_ext.embed` returns vectors of length 1; training without labels sets it.
        seed: Fixes the initial weights.
        learned: Node types without features, with their numbers of nodes: a vector of ``in_channels`` numbers is
            learned for each node. ``for_graph`` finds them, and takes ``hidden_channels`` numbers.
        **kwargs: Arguments of :class:`~graphembed_ext.nn.sage.SAGEConv`.

    Attributes:
        targets: Node types with an output.
        edge_types: For each layer, the edge types it has weights for.

    Raises:
        InputError: A target that no edges lead to in the last layer.

    Reference:
        Hamilton, Ying and Leskovec 2017, arXiv:1706.02216; weights by edge type: Schlichtkrull et al. 2018, "Modeling
        Relational Data with Graph Convolutional Networks", arXiv:1703.06103.

    Example:
        >>> import torch, graphembed_ext as ge
        >>> writes = torch.tensor([[0, 1, 1, 2], [0, 0, 1, 1]])
        >>> data = ge.to_host({("author", "writes", "paper"): writes, ("paper", "by", "author"): writes.flip(0)}, "pyg")
        >>> data["author"].x, data["paper"].x, data["author"].y = torch.eye(3), torch.eye(2), torch.tensor([0, 1, 1])
        >>> model = ge.GraphSAGE.for_graph(data, 8, out_channels=2, target="author", seed=0)
        >>> masks = {"train": {"author": torch.tensor([0, 2])}}
        >>> result = ge.fit(model, data, masks=masks, epochs=5, progress=False)
        >>> ge.embed(model, data)
        Embeddings(author 3; 2 dimensions)
        >>> inputs = model.inputs(ge.view(data))
        >>> model(*inputs)["author"].shape, model.logits(inputs)["author"].shape, model.inference(data)["author"].shape
        (torch.Size([3, 2]), torch.Size([3, 2]), torch.Size([3, 2]))
        >>> len(model.loader(ge.view(data), {"author": torch.arange(3)}, batch_size=2, seed=0))
        2
    """

    @spelt(SAGEConv)
    def __init__(
        self,
        in_channels: int | Mapping[str, int],
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
        metadata: tuple[Sequence[str], Sequence[EdgeType]],
        target: str | Sequence[str] | None = None,
        weight: str | None = None,
        unit_norm: bool = False,
        seed: int | None = None,
        learned: Mapping[str, int] | None = None,
        **kwargs: Any,
    ) -> None:
        shape = hidden_channels, num_layers, out_channels, dropout, act, act_first, act_kwargs, jk
        super().__init__(*shape, weight=weight, unit_norm=unit_norm, seed=seed)
        edge_types = metadata_of(metadata)[1]
        self.targets = _targets(target, edge_types, num_layers)
        self.edge_types = layered(edge_types, self.targets, num_layers)
        ends = sorted({end for src, _, dst in self.edge_types[0] for end in (src, dst)})
        expected = "a number of features, or a dict of them by node type"
        if not isinstance(in_channels, int):
            checks.mapping("in_channels", in_channels, expected)
        sizes = in_channels if isinstance(in_channels, Mapping) else dict.fromkeys(ends, in_channels)
        for name in ends:
            if name not in sizes:
                raise InputError("in_channels", dict(sizes), f"a number of features for {name!r}, too")
        self.in_channels = {name: sizes[name] for name in ends}
        with self._drawing():
            self._build(norm, norm_kwargs, kwargs)
            self._make_learned(learned, self.in_channels)

    def _build(self, norm: Any, norm_kwargs: Mapping[str, Any] | None, kwargs: dict[str, Any]) -> None:
        hidden, sizes = self.hidden_channels, dict(self.in_channels)
        self.convs, self.norms = nn.ModuleList(), nn.ModuleList()
        module = parts.normalisation(norm, hidden, norm_kwargs)
        for number, edge_types in enumerate(self.edge_types):
            last = number == self.num_layers - 1 and self.jk_mode is None
            out = self.out_channels if last else hidden
            convs = {_key(t): SAGEConv((sizes[t[0]], sizes[t[2]]), out, **kwargs) for t in edge_types}
            names = sorted({t[2] for t in edge_types})
            self.convs.append(nn.ModuleDict(convs))
            self.norms.append(nn.ModuleDict({name: nn.Identity() if last else copy.deepcopy(module) for name in names}))
            sizes = dict.fromkeys(names, hidden)
        if self.jk_mode is not None:
            self._build_jumps(self.jk_mode)

    def _build_jumps(self, mode: str) -> None:
        """Jumping knowledge and a linear layer for each target."""
        hidden, layers = self.hidden_channels, self.num_layers
        if mode != "last":
            self.jk = nn.ModuleDict({name: parts.jumping_knowledge(mode, hidden, layers) for name in self.targets})
        wide = layers * hidden if mode == "cat" else hidden
        self.lin = nn.ModuleDict({name: nn.Linear(wide, self.out_channels) for name in self.targets})

    @classmethod
    def of_view(cls, view: GraphView, hidden_channels: int, num_layers: int, *args: Any, **config: Any) -> Any:
        """A model with the sizes of a typed graph's features; the arguments are those of the class."""
        targets = _targets(config.get("target"), view.edge_types, checks.layers(num_layers))
        first = layered(view.edge_types, targets, num_layers)[0]
        ends = sorted({end for src, _, dst in first for end in (src, dst)})
        sizes, learned = sizes_of_features(view, ends, hidden_channels)
        metadata = view.node_types, view.edge_types
        return cls(sizes, hidden_channels, num_layers, *args, metadata=metadata, learned=learned, **config)

    def reset_parameters(self) -> None:
        """Draw the weights anew."""
        parts_of_types = (getattr(self, name, {}) for name in ("jk", "lin", "learned"))
        for group in (*self.convs, *self.norms, *parts_of_types):
            for module in group.values():
                if hasattr(module, "reset_parameters"):
                    module.reset_parameters()

    def forward(
        self,
        x_dict: Mapping[str, Any],
        edge_index_dict: Any,
        edge_weight_dict: Any = None,
    ) -> dict[str, Tensor]:
        """All layers.

        Args:
            x_dict: Features by node type, ``(num_nodes, in_channels)``.
            edge_index_dict: Edges by edge type, each as :class:`graphembed_ext.GraphSAGE` takes them; or a list of such
                dicts, one for each layer: the blocks of a mini-batch.
            edge_weight_dict: Weights by edge type, or a list of such dicts.

        Returns:
            ``{target type: (num_nodes, out_channels)}``.

        Raises:
            InputError: Features of another width, or missing for a type; edge types that are missing.
        """
        self._check_widths(x_dict)
        blocks, weights = edge_index_dict, edge_weight_dict
        if isinstance(blocks, Mapping):
            self._check_whole(x_dict, blocks)
            blocks, weights = [blocks] * self.num_layers, [weights] * self.num_layers
        elif len(blocks) != self.num_layers:
            expected = f"a list of {self.num_layers}, one for each layer"
            raise InputError("fanouts", f"{len(blocks)} blocks", expected)

        def call(conv: Any, x: tuple[Any, Any], edges: Any, weight: Tensor | None) -> Tensor:
            if isinstance(edges, Adjacency) and edges.num_dst < len(x[1]):
                x = x[0], x[1][: edges.num_dst]
            return convolve(conv, x, edges, weight)

        return self._layers(dict(x_dict), blocks, weights, call)

    def _check_widths(self, x_dict: Mapping[str, Any]) -> None:
        for name, wide in self.in_channels.items():
            if name in x_dict and wide > 0 and (x_dict[name].dim() != 2 or x_dict[name].size(1) != wide):
                raise InputError(f"x_dict[{name!r}]", f"shape {tuple(x_dict[name].shape)}", f"shape (N, {wide})")

    def _check_whole(self, x_dict: Mapping[str, Any], edges: Mapping[EdgeType, Any]) -> None:
        """A batch need not reach every type; a whole graph has them all."""
        missing = [t for t in self.edge_types[0] if t not in edges]
        lost = [name for name in self.in_channels if name not in x_dict]
        if missing:
            raise InputError("edge_index_dict", f"edges of {list(edges)}", f"edges of {missing[0]}, too")
        if lost:
            raise InputError("x_dict", f"features of {list(x_dict)}", f"features of {lost[0]!r}, too")

    def _layers(self, x: dict[str, Any], blocks: Any, weights: Any, convolve: Any) -> dict[str, Tensor]:
        weights = [None] * self.num_layers if weights is None else weights
        outputs: list[dict[str, Tensor]] = []
        for number in range(self.num_layers):
            x = self._summed(number, x, blocks[number], weights[number], convolve)
            if number == self.num_layers - 1 and self.jk_mode is None:
                break
            norms: Any = self.norms[number]
            x = {name: self.dropout(self._activated(rows, norms[name])) for name, rows in x.items()}
            outputs.append(x)
        there = [name for name in self.targets if name in x]
        return {name: x[name] if self.jk_mode is None else self._joined(name, outputs) for name in there}

    def _summed(self, number: int, x: dict[str, Any], edges: Any, weights: Any, convolve: Any) -> dict[str, Tensor]:
        """For each node type the sum of what the edge types that lead to it bring."""
        convs: Any = self.convs[number]
        found: dict[str, Tensor] = {}
        for edge_type in self.edge_types[number]:
            source, _, target = edge_type
            if edge_type not in edges or target not in x:
                continue
            weight = None if weights is None else weights[edge_type]
            rows = x[source] if source in x else self._nothing(x[target], source, number)
            out = convolve(convs[_key(edge_type)], (rows, x[target]), edges[edge_type], weight)
            found[target] = found[target] + out if target in found else out
        return found

    def _activated(self, x: Tensor, norm: nn.Module) -> Tensor:
        if self.act is None:
            activated: Tensor = norm(x)
            return activated
        return norm(self.act(x)) if self.act_first else self.act(norm(x))

    def _joined(self, node_type: str, outputs: list[dict[str, Tensor]]) -> Tensor:
        """A type's outputs of all layers brought together by jumping knowledge."""
        lin: Any = self.lin
        jk: Any = getattr(self, "jk", None)
        x = outputs[-1][node_type]
        if jk is not None:
            x = jk[node_type]([layer[node_type][: len(x)] for layer in outputs])
        found: Tensor = lin[node_type](x)
        return found

    def _nothing(self, like: Any, node_type: str, layer: int) -> Tensor:
        """Features of no nodes: a batch need not reach a type."""
        wide = self.in_channels[node_type] if layer == 0 else self.hidden_channels
        return next(self.parameters()).new_empty(0, wide, dtype=like.dtype)

    def _known(self) -> list[EdgeType]:
        return self.edge_types[0]

    def _wanted(self, view: GraphView) -> list[EdgeType]:
        return layered(view.edge_types, self.targets, self.num_layers)[0]

    def inputs(self, view: GraphView) -> TypedInputs:
        """What :meth:`logits` needs of a graph.

        Raises:
            InputError: Edge types that the graph lacks; features that are missing or of another width; weights that
                are missing, negative or not finite.
        """
        like = next(self.parameters())
        x = self._features(view, self._readers)
        graphs = {t: message_edges(view, t, like.device) for t in self.edge_types[0]}
        if self.weight is None:
            return TypedInputs(x, graphs, None)
        return TypedInputs(x, graphs, {t: entry_values(view, t, self.weight).to(like) for t in graphs})

    def _features(self, view: GraphView, readers: Callable[[str], Any] = lambda _: None) -> dict[str, Any]:
        for edge_type in self.edge_types[0]:
            if edge_type not in view.edges:
                expected = f"the edge types that the model has weights for, {edge_type} among them"
                raise InputError("graph", f"a graph with the edge types {view.edge_types}", expected)
        like = next(self.parameters())
        own = self._learned_types()
        return {
            name: self._learned_features(view, name)
            if name in own
            else kept_features(view, name, wide, like, readers(name))
            for name, wide in self.in_channels.items()
        }

    def _readers(self, node_type: str) -> list[Any]:
        """Layers that read the features of a type."""
        first: Any = self.convs[0]
        return [first[_key(t)] for t in self.edge_types[0] if node_type in (t[0], t[2])]

    def logits(self, inputs: TypedInputs | NeighborBatch) -> dict[str, Tensor]:
        """The output for all nodes of the target types of a graph, or for the seeds of a batch."""
        return self._logits(inputs, self.forward)

    def _logits(self, inputs: Any, forward: Any) -> dict[str, Tensor]:
        if isinstance(inputs, TypedInputs):
            return forward(*self._plain(inputs) if has_own(self) else inputs)
        like = next(self.parameters())
        inputs = inputs.beside(like)
        x = {name: rows.to(like) for name, rows in inputs.x.items()}
        found = forward(x, inputs.blocks, inputs.edge_weights)
        return {name: rows for name, rows in found.items() if name in inputs.counts[-1]}

    def _plain(self, inputs: TypedInputs) -> list[Any]:
        """The arguments of a ``forward`` that a subclass overrides: tensors alone."""
        x = {name: rows.dense() if isinstance(rows, SparseRows) else rows for name, rows in inputs.x.items()}
        given = [x, edges_as_tensors(inputs.graphs)]
        return given if inputs.edge_weight is None else [*given, inputs.edge_weight]

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
        """Mini-batches over some nodes of the target types; the arguments are those of GraphSAGE's ``loader``.

        ``fanouts`` is one list for all edge types, or a dict with a list for each.
        """
        given = [FANOUT] * self.num_layers if fanouts is None else fanouts
        features = self._features(view)
        numbers = check_fanouts(given, view.edge_types, self.num_layers)
        # What a layer has no weights for is not drawn. The first hop is the last layer's.
        drawn = {
            t: [n if t in self.edge_types[-1 - hop] else 0 for hop, n in enumerate(numbers[t])]
            for t in self.edge_types[0]
        }
        return self._batches(view, nodes, drawn, features, batch_size, shuffle=shuffle, seed=seed, epoch=epoch)

    def inference(self, graph: Any, *, chunk: int = ROWS) -> dict[str, Tensor]:
        """The output for all nodes of the target types, with all their neighbours and without dropout.

        Args:
            graph: Graph of either host, with the features that the model was trained on.
            chunk: Nodes that a layer is worked out for at a time.

        Returns:
            ``{target type: (num_nodes, out_channels)}``.
        """
        return self._inferred(graph, chunk)

    def _layer_by_layer(self, inputs: TypedInputs, rows: int) -> dict[str, Tensor]:
        def call(conv: Any, x: tuple[Any, Any], graph: Adjacency, weight: Tensor | None) -> Tensor:
            return convolve_in_parts(conv, x, graph, weight, rows)

        x, graphs, weight = inputs
        return self._layers(dict(x), [graphs] * self.num_layers, [weight] * self.num_layers, call)

    def __repr__(self) -> str:
        sizes = f"{self.in_channels}, {self.out_channels}, num_layers={self.num_layers}"
        return f"{type(self).__name__}({sizes}, targets={self.targets})"


def _key(edge_type: EdgeType) -> str:
    return "__".join(edge_type)


def _targets(target: str | Sequence[str] | None, edge_types: Sequence[EdgeType], num_layers: int) -> list[str]:
    there = reached(edge_types, num_layers)
    if target is None:
        if not there:
            raise InputError("num_layers", num_layers, "fewer layers: no type has messages in the last one")
        return there
    return targets_of(target, there, "a node type that edges lead to in every layer")
