"""A graph as a file holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from ..errors import FileFormatError
from ..graph.features import LABEL_NAMES, find
from ..graph.simple_edges import simple_edges
from ..graph.view import EDGE_TYPE, NODE_TYPE, GraphView
from ..hosts import registry
from ..hosts.registry import to_host

__all__ = ["GraphFile", "WEIGHT", "simple_view"]


#: Edge feature that holds the weights of edge lists and matrices; PyG's own name for it.
WEIGHT = "edge_weight"


def simple_view(src: Any, dst: Any, weight: Any, num_nodes: int, directed: bool) -> GraphView:
    """A graph of one node and one edge type, each edge once; see :mod:`graphembed_ext.graph.simple_edges`."""
    src, dst, weight = simple_edges(src, dst, weight, num_nodes, directed)
    features = {} if weight is None else {EDGE_TYPE: {WEIGHT: torch.from_numpy(weight).float()}}
    edges = {EDGE_TYPE: (torch.from_numpy(src), torch.from_numpy(dst))}
    return GraphView({NODE_TYPE: num_nodes}, edges, edge_features=features)


KINDS = (
    "an edge list (.csv, .tsv, .txt, .edgelist, also with .gz, or .parquet, .jsonl), adjacency lists (.adjlist, .sif), "
    "a matrix (.mtx, .mat, .npy, .npz), a network (.graphml, .gexf, .gml, .net, .json), a saved graph (.bin or .dgl "
    "from DGL, .pt from PyG), or a PyG dataset such as Planetoid/Cora"
)


@dataclass(frozen=True)
class GraphFile:
    """A graph as a file holds it.

    Attributes:
        view: Nodes, edges and features.
        names: Names of the nodes of each type, in the order of their ids; None where they have ids only.
        labels: Classes of the nodes by node type: integers ``(N,)``, negative for none, or a scipy sparse 0/1
            matrix ``(N, classes)`` for several labels a node. Empty where the source has none.
        weight: Name of the edge feature with the weights; None where the source has none.
        notes: How the source was understood, one sentence each.
        directed: Whether each edge stands as the source lists it; False where each stands in both directions, None
            where the source is a graph already.
        classes: Names of the classes of ``labels`` by node type, where the source has such.
        trouble: Why the weights of the source were not read, to be raised where they are needed: the first that is
            negative or blank. None where nothing is wrong with them.

    Example:
        >>> import pathlib, tempfile, graphembed_ext as ge
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "friends.csv"
        >>> _ = path.write_text("source,target,weight\\nAda,Bob,2\\nBob,Cleo,1\\n")
        >>> found = ge.readers.read_graph(path)
        >>> found.edges_in_words, found.names, found.weight
        ('2 edges in both directions', {'_N': ['Ada', 'Bob', 'Cleo']}, 'edge_weight')
        >>> found.build("pyg")
        Data(...)
    """

    view: GraphView
    names: Mapping[str, list[str]] | None = None
    labels: Mapping[str, Any] = field(default_factory=dict)
    weight: str | None = None
    notes: tuple[str, ...] = ()
    directed: bool | None = None
    classes: Mapping[str, list[str]] = field(default_factory=dict)
    trouble: FileFormatError | None = None

    @property
    def named_view(self) -> GraphView:
        """The view, which knows the names: models made of it give vectors by name.

        Example:
            >>> import pathlib, tempfile, graphembed_ext as ge
            >>> path = pathlib.Path(tempfile.mkdtemp()) / "friends.csv"
            >>> _ = path.write_text("source,target\\nAda,Bob\\nBob,Cleo\\n")
            >>> model = ge.DeepWalk(ge.readers.read_graph(path).named_view, emb_dim=4, walk_length=4, window_size=2)
            >>> ge.embed(model)["Ada"].shape
            torch.Size([4])
        """
        view = self.view
        return GraphView(
            view.num_nodes, view.edges, view.features, view.edge_features, host=view.host, names=self.names or {}
        )

    @property
    def edges_in_words(self) -> str:
        """How many edges there are, and which way they lead."""
        view = self.view
        if self.directed is not False:
            return f"{view.total_edges} directed edges"
        once = 0
        for (source, relation, target), (src, dst) in view.edges.items():
            if source == target:
                once += (len(src) + int((src == dst).sum())) // 2
            elif not relation.startswith("rev_"):
                once += len(src)
        return f"{once} edges in both directions"

    def build(self, host: str) -> Any:
        """The graph as an object of a host, ``"dgl"`` or ``"pyg"``."""
        return to_host(self.view, host)


def without_weights(graph: GraphFile) -> GraphFile:
    """A graph without the weights that its source has."""
    if graph.weight is None and graph.trouble is None:
        return graph
    view = graph.view
    features = {
        edge_type: {name: values for name, values in of_type.items() if name != graph.weight}
        for edge_type, of_type in view.edge_features.items()
    }
    view = view.with_features(edge_features=features)
    return replace(graph, view=view, weight=None, trouble=None)


def from_host(graph: Any) -> GraphFile:
    view = registry.view(graph)
    labels = {}
    for node_type in view.features:
        found = find(view, node_type, LABEL_NAMES)
        classes = None if found is None else _classes(found)
        if classes is not None:
            labels[node_type] = classes
    weighted = view.edges and all(WEIGHT in features for features in view.edge_features.values())
    return GraphFile(view, None, labels, WEIGHT if weighted else None)


def _classes(values: Tensor) -> Any:
    """Labels as ``ge.evaluate`` takes them, or None for values that are no classes."""
    import scipy.sparse

    if values.dim() == 2 and values.size(1) == 1:
        values = values.squeeze(1)
    if values.dim() == 1 and not values.is_floating_point():
        return values.long()
    if values.dim() == 2 and bool(((values == 0) | (values == 1)).all()):
        return scipy.sparse.csr_matrix(values.to(torch.int8).numpy())
    return None
