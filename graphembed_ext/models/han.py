"""HAN: attention over metapath neighbours and over metapaths, as a whole model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from .._core import checks, rng
from .._core.near import spelt
from .._core.overrides import overridden, warn_overridden
from ..embeddings.vectors import Embeddings
from ..errors import InputError
from ..graph.features import features_of
from ..graph.metapaths import Metapath
from ..graph.view import EdgeType, GraphView
from ..hosts import registry
from ..nn.arguments import check_each_like
from ..nn.han import HANConv, attended
from ..sampling.metapath_edges import named_metapaths
from ..sampling.metapath_loader import Block, MetapathLoader
from ._modes import evaluating
from .han_inputs import (
    HANInputs,
    check_classes,
    check_edge_types,
    check_returns,
    classes_of,
    forward_of_han,
    head_counts_of,
    metapaths_given,
    reached,
    sizes_of,
    types_of_layers,
    whole_graph,
)
from .learned_features import LearnedFeatures, sizes_of_features
from .typed_layers import layered, metadata_of, targets_of

__all__ = ["HAN", "HANInputs"]

#: Walks from a node along each metapath, where fanouts are not given: DGL's example draws as many neighbours.
_FANOUT = 20


class HAN(LearnedFeatures, nn.Module):
    """The heterogeneous graph attention network: layers of :class:`graphembed_ext.HANConv` and a classifier.

    :meth:`for_graph` reads sizes, and metapaths as lists of edge types, off a graph; so does ``ge.create("han", ...)``.
    Train it by :func:`graphembed_ext.fit` on a graph that has the metapaths as edge types
    (:func:`graphembed_ext.metapath_edges`), or on the typed graph itself with ``metapaths``: with a ``batch_size``,
    neighbours are then sampled by walking along them, and no metapath's edges are ever made.

    With ``architecture="dgl"`` and one target type, the model is that of DGL's HAN example and has its ``state_dict``
    (``hidden_channels`` is the example's hidden size times its heads).

    Args:
        in_channels: Size of the features of every node type, or a dict by node type; -1 to take it from the first
            input.
        hidden_channels: Size of the layers' outputs, all heads together.
        out_channels: Number of classes; a dict by target type where they differ.
        metadata: Node types, and edge types as triples; each edge type is a metapath.
        num_layers: Number of layers.
        heads: Heads of every layer, or of each; must divide ``hidden_channels``.
        dropout: See :class:`graphembed_ext.HANConv`.
        target: Node type to classify, or several of them; None for the only one that edges lead to.
        architecture: ``"pyg"`` or ``"dgl"``, see :class:`graphembed_ext.HANConv`.
        negative_slope: Slope of the attention scores below 0.
        feature_dropout: Dropout of the features; None for that of the architecture.
        metapaths: Edge types that a graph need not have, each with the edge types it stands for.
        max_neighbors: At most so many neighbours of a node along each metapath, when these are made of ``metapaths``
            for training without ``batch_size``; drawn by a seed of 0.
        feature: Name of the node feature to read; None for ``"x"`` or ``"feat"``.
        seed: Seed of the initial weights; None draws them from torch's default generator.
        learned: Node types without features, with their numbers of nodes: a vector of ``in_channels`` numbers is
            learned for each node. :meth:`for_graph` finds them, and takes ``hidden_channels`` numbers.

    Attributes:
        targets: Node types that are classified.
        layers: The layers. A layer has only edge types whose ends have features or outputs there, and that lead
            towards a target.

    Raises:
        InputError: Heads that do not divide ``hidden_channels``; a target into which no edge type leads.

    Reference:
        Wang et al. 2019, "Heterogeneous Graph Attention Network", arXiv:1903.07293.

    Example:
        >>> import graphembed_ext as ge
        >>> writes = torch.tensor([[0, 1, 1, 2], [0, 0, 1, 1]])
        >>> data = ge.to_host({("author", "writes", "paper"): writes, ("paper", "by", "author"): writes.flip(0)}, "pyg")
        >>> data["author"].x, data["author"].y = torch.eye(3), torch.tensor([0, 1, 1])
        >>> model = HAN.for_graph(data, hidden_channels=8, heads=2, metapaths={"APA": ["writes", "by"]}, seed=0)
        >>> result = ge.fit(model, data, masks={"train": torch.tensor([0, 2])}, epochs=5, progress=False)
        >>> ge.embed(model, data), model.semantic_attention(data)
        (Embeddings(author 3; 8 dimensions), {'author': {'APA': 1.0}})
        >>> inputs = model.inputs(ge.view(data))
        >>> model(inputs.features, inputs.blocks[0].edges)["author"].shape, model.logits(inputs)["author"].shape
        (torch.Size([3, 2]), torch.Size([3, 2]))
    """

    task = "nodes"

    @spelt()
    def __init__(
        self,
        in_channels: int | Mapping[str, int],
        hidden_channels: int,
        out_channels: int | Mapping[str, int],
        metadata: tuple[list[str], list[EdgeType]],
        num_layers: int = 1,
        heads: int | Sequence[int] = 8,
        dropout: float = 0.6,
        target: str | Sequence[str] | None = None,
        *,
        architecture: str = "pyg",
        negative_slope: float = 0.2,
        feature_dropout: float | None = None,
        metapaths: Mapping[EdgeType, Metapath] | None = None,
        max_neighbors: int | None = None,
        feature: str | None = None,
        seed: int | None = None,
        learned: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__()
        num_layers, metadata = checks.layers(num_layers), metadata_of(metadata)
        self.hidden_channels = checks.integer("hidden_channels", hidden_channels)
        self.targets = _targets(target, metadata[1])
        self.out_channels, self.seed = out_channels, checks.seed(seed)
        self.architecture, self.feature, self.max_neighbors = architecture, feature, max_neighbors
        self.metapaths = metapaths_given(metapaths)
        counts = head_counts_of(heads, num_layers, self.hidden_channels)
        options: dict[str, Any] = {"negative_slope": negative_slope, "dropout": dropout, "architecture": architecture}
        options["feature_dropout"] = feature_dropout
        with rng.torch_seeded(self.seed):
            self.layers, self._parts = nn.ModuleList(), []
            for number, edge_types in enumerate(layered(metadata[1], self.targets, num_layers)):
                ends = {end for src, _, dst in edge_types for end in (src, dst)}
                part = [name for name in metadata[0] if name in ends], edge_types
                sizes = hidden_channels if number else sizes_of(in_channels, part[0])
                self._parts.append(part)
                self.layers.append(HANConv(sizes, hidden_channels, part, counts[number], **options))
            self.predict = self._classifier()
            self._make_learned(learned, self.layers[0].in_channels)  # type: ignore[arg-type]

    def _classifier(self) -> nn.Module:
        """A linear layer, or one for each of several targets."""
        classes = check_classes(self._classes(), self.hidden_channels)
        made = {name: nn.Linear(self.hidden_channels, classes[name]) for name in self.targets}
        return made[self.targets[0]] if len(made) == 1 else nn.ModuleDict(made)

    @classmethod
    @spelt()
    def for_graph(
        cls,
        graph: Any,
        hidden_channels: int = 64,
        out_channels: int | Mapping[str, int] | None = None,
        *,
        metapaths: Any = None,
        target: str | Sequence[str] | None = None,
        num_layers: int = 1,
        heads: int | Sequence[int] = 8,
        dropout: float = 0.6,
        architecture: str = "pyg",
        negative_slope: float = 0.2,
        feature_dropout: float | None = None,
        max_neighbors: int | None = None,
        feature: str | None = None,
        seed: int | None = None,
    ) -> HAN:
        """A model with the sizes of a graph.

        Args:
            graph: Anything that :func:`graphembed_ext.view` takes, with node features.
            hidden_channels: As for the class.
            out_channels: Number of classes; None counts those of the labels ``y`` or ``label``.
            metapaths: As for :func:`graphembed_ext.metapath_edges`; each must start from a target type and return
                to it. None takes the edge types of the graph as they are.
            target: As for the class; with ``metapaths``, None for the types they return to.
            num_layers, heads, dropout, architecture, negative_slope, feature_dropout: As for the class.
            max_neighbors, feature, seed: As for the class.

        Raises:
            MetapathError: A metapath that this graph does not have, or that does not return to a target type.
            InputError: No labels to count classes of; features missing for a type; what the class refuses.
        """
        view = registry.view(graph)
        paths = {} if metapaths is None else named_metapaths(view, metapaths)
        edge_types = list(paths) if paths else view.edge_types
        check_returns(paths, target)
        targets = _targets(target, edge_types)
        first = layered(edge_types, targets, checks.layers(num_layers))[0]
        ends = {end for src, _, dst in first for end in (src, dst)}
        sizes, learned = sizes_of_features(view, sorted(ends), hidden_channels, feature)
        if out_channels is None:
            out_channels = {name: classes_of(view, name) for name in targets}
            if len(targets) == 1:
                out_channels = out_channels[targets[0]]
        shape = sizes, hidden_channels, out_channels, (view.node_types, edge_types), num_layers, heads, dropout, targets
        more: dict[str, Any] = {"negative_slope": negative_slope, "feature_dropout": feature_dropout}
        more |= {"metapaths": paths, "max_neighbors": max_neighbors, "feature": feature}
        return cls(*shape, architecture=architecture, seed=seed, learned=learned, **more)

    def reset_parameters(self) -> None:
        """Draw new parameters."""
        linear = [m for m in self.predict.modules() if isinstance(m, nn.Linear)]
        for module in [*self.layers, *linear, *getattr(self, "learned", {}).values()]:
            module.reset_parameters()

    def forward(
        self,
        x_dict: Mapping[str, Tensor],
        edge_index_dict: Mapping[EdgeType, Any],
        *,
        edge_weight_dict: Mapping[EdgeType, Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """Class scores of the nodes of each target type.

        Args:
            x_dict: Features by node type, ``(num_nodes, in_channels)``.
            edge_index_dict: Edges by edge type, as :meth:`graphembed_ext.HANConv.forward` takes them.
            edge_weight_dict: As there.

        Returns:
            ``{target type: (num_nodes, out_channels)}``.
        """
        x = dict(checks.mapping("x_dict", x_dict, "features by node type"))
        edges = dict(checks.mapping("edge_index_dict", edge_index_dict, "edges by edge type"))
        check_each_like(x, self.layers)
        return self._scores(self._hidden(x, [Block(edges, None)] * len(self.layers), edge_weight_dict)[0])

    def inputs(self, view: GraphView) -> HANInputs:
        """Features and edges of a whole graph; edge types it lacks are made of :attr:`metapaths`.

        Raises:
            InputError: Features missing, of another size, NaN or infinite; an edge type that the graph lacks.
        """
        features = self._features(view)
        edges = whole_graph(view, self._edge_types(), self.metapaths, self.max_neighbors, self._device)
        return HANInputs(features, [Block(edges, None)] * len(self.layers))

    def logits(self, inputs: HANInputs) -> dict[str, Tensor]:
        """Class scores of the nodes of each target type, of a graph or of a mini-batch."""
        if overridden(self, "forward"):
            return forward_of_han(self, inputs)
        return self._scores(self._hidden(inputs.features, inputs.blocks)[0])

    def loader(
        self,
        view: GraphView,
        nodes: dict[str, Tensor],
        *,
        batch_size: int,
        seed: int,
        epoch: int = 0,
        shuffle: bool = True,
        fanouts: Sequence[int] | None = None,
    ) -> MetapathLoader:
        """Mini-batches over some nodes, with neighbours sampled by walking along metapaths.

        Args:
            view: The graph.
            nodes: Node ids by target type.
            batch_size: Nodes in a batch.
            seed: Seed of order and walks.
            epoch: Number of the epoch.
            shuffle: Whether to take the nodes in random order.
            fanouts: Walks from each node along each metapath, for each hop, first hop first; None for 20.

        Returns:
            An iterable of :class:`HANInputs` and the nodes their scores belong to.
        """
        check_edge_types(view, [t for t in self._edge_types() if t not in self.metapaths])
        features = self._features(view)
        layers = [
            {t: self.metapaths.get(t, (t,)) for t in known[1]} for known in types_of_layers(self.layers, self._parts)
        ]
        fanouts = [_FANOUT] * len(layers) if fanouts is None else fanouts

        def make(found: dict[str, Tensor], blocks: list[Block]) -> HANInputs:
            part = {name: features[name][ids.to(features[name].device)] for name, ids in found.items()}
            return HANInputs(part, [block.to(self._device) for block in blocks])

        return MetapathLoader(
            view, nodes, layers, fanouts, batch_size, seed=seed, epoch=epoch, shuffle=shuffle, make=make
        )

    @torch.no_grad()
    def embeddings(self, graph: Any = None, *, batch_size: int | None = None, seed: int = 0) -> Embeddings:
        """The last layer's outputs for the nodes of the target types, as :func:`graphembed_ext.embed` returns them.

        Args:
            graph: The graph, of either host.
            batch_size: None for the whole graph at once; or as many nodes at a time, with sampled neighbours.
            seed: Seed of the sampling.
        """
        view = self._view(graph)
        what = "embed returns the last layer's outputs, which it has no part in"
        warn_overridden(self, ("forward", "logits"), what, "override embeddings(graph) as well")
        with evaluating(self):
            if batch_size is None:
                inputs = self.inputs(view)
                found = self._hidden(inputs.features, inputs.blocks)[0]
            else:
                every = {name: torch.arange(view.num_nodes[name]) for name in self.targets}
                parts: dict[str, list[Tensor]] = {name: [] for name in self.targets}
                for inputs, _ in self.loader(view, every, batch_size=batch_size, seed=seed, shuffle=False):
                    hidden = self._hidden(inputs.features, inputs.blocks)[0]
                    for name in set(hidden) & set(parts):
                        parts[name].append(hidden[name])
                found = {name: torch.cat(rows) for name, rows in parts.items()}
        counts = {name: view.num_nodes[name] for name in sorted(self.targets)}
        return Embeddings(torch.cat([found[name] for name in counts]), counts, view.names_of(counts))

    @torch.no_grad()
    def semantic_attention(self, graph: Any) -> dict[str, dict[str, float]]:
        """How much the last layer attends to each metapath: by target type and name of the edge type, summing to 1.

        Args:
            graph: The graph, of either host.
        """
        with evaluating(self):
            inputs = self.inputs(self._view(graph))
            weights = self._hidden(inputs.features, inputs.blocks)[1]
        there = types_of_layers(self.layers, self._parts)[-1][1]
        return {
            name: dict(zip([t[1] for t in there if t[2] == name], weights[name].tolist(), strict=True))
            for name in self.targets
        }

    def _hidden(
        self, features: dict[str, Tensor], blocks: Sequence[Block], weights: Mapping[EdgeType, Tensor] | None = None
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Outputs of the last layer, and its attention over metapaths."""
        hidden, semantic = features, cast("dict[str, Tensor]", {})
        for conv, known, block in zip(self.layers, types_of_layers(self.layers, self._parts), blocks, strict=True):
            inputs = {name: x for name, x in hidden.items() if name in known[0]}
            edges = {t: block.edges[t] for t in known[1] if t in block.edges}
            out, semantic = attended(conv, inputs, edges, weights, block.num_dst, block.mean_over)
            hidden = {name: x for name, x in out.items() if x is not None}
        return hidden, semantic

    def _scores(self, hidden: Mapping[str, Tensor]) -> dict[str, Tensor]:
        if isinstance(self.predict, nn.ModuleDict):
            return {name: self.predict[name](hidden[name]) for name in self.targets if name in hidden}
        return {name: self.predict(reached(hidden, name)) for name in self.targets}

    def _features(self, view: GraphView) -> dict[str, Tensor]:
        like, own = next(self.parameters()), self._learned_types()
        return {
            name: self._learned_features(view, name)
            if name in own
            else features_of(view, name, name=self.feature, channels=size).to(like.device, like.dtype)
            for name, size in self.layers[0].in_channels.items()  # type: ignore[union-attr, operator]
        }

    def _edge_types(self) -> list[EdgeType]:
        """Edge types of all layers, each once."""
        return list(dict.fromkeys(t for known in types_of_layers(self.layers, self._parts) for t in known[1]))

    def _known(self) -> list[EdgeType]:
        return self._edge_types()

    def _wanted(self, view: GraphView) -> list[EdgeType]:
        return [] if self.metapaths else layered(view.edge_types, self.targets, len(self.layers))[0]

    def _view(self, graph: Any) -> GraphView:
        if graph is None:
            raise InputError("graph", None, "a graph of either host, with node features: HAN embeds any such graph")
        return registry.view(graph)

    def _classes(self) -> dict[str, int]:
        given = self.out_channels
        classes = dict(given) if isinstance(given, Mapping) else dict.fromkeys(self.targets, given)
        for name in self.targets:
            if name not in classes:
                raise InputError("out_channels", given, f"a number of classes for {name!r}, too")
            checks.integer("out_channels", classes[name])
        return classes

    @property
    def _device(self) -> torch.device:
        return next(self.parameters()).device

    def __repr__(self) -> str:
        widths = [conv.heads for conv in self.layers]
        return f"HAN({self.hidden_channels}, heads={widths}, targets={self.targets}, {self.architecture!r})"


def _targets(target: str | Sequence[str] | None, edge_types: Sequence[EdgeType]) -> list[str]:
    there = sorted({edge_type[2] for edge_type in edge_types})
    if target is not None:
        return targets_of(target, there, "a node type that an edge type of the metadata leads to")
    if len(there) != 1:
        raise InputError("target", None, f"a node type, or several of them, that edge types lead to: {there}")
    return there
