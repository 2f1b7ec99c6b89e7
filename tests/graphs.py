"""Graphs as plain specifications, built on either host."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import torch

from graphembed_ext.graph.view import EDGE_TYPE, NODE_TYPE


@dataclass
class Spec:
    """A graph in plain Python: node counts, edges, features."""

    num_nodes: dict = field(default_factory=dict)
    edges: dict = field(default_factory=dict)
    features: dict = field(default_factory=dict)
    edge_features: dict = field(default_factory=dict)

    @classmethod
    def untyped(cls, num_nodes, pairs, **edge_features):
        return cls(
            {NODE_TYPE: num_nodes},
            {EDGE_TYPE: tuple(map(list, zip(*pairs, strict=True))) if pairs else ([], [])},
            edge_features={EDGE_TYPE: edge_features},
        )


def build_dgl(spec):
    dgl = pytest.importorskip("dgl")

    if list(spec.num_nodes) == [NODE_TYPE]:
        src, dst = spec.edges[EDGE_TYPE]
        graph = dgl.graph((torch.tensor(src).long(), torch.tensor(dst).long()), num_nodes=spec.num_nodes[NODE_TYPE])
    else:
        edges = {t: (torch.tensor(s).long(), torch.tensor(d).long()) for t, (s, d) in spec.edges.items()}
        graph = dgl.heterograph(edges, num_nodes_dict=spec.num_nodes)
    for node_type, features in spec.features.items():
        for name, value in features.items():
            graph.nodes[node_type].data[name] = torch.tensor(value)
    for edge_type, features in spec.edge_features.items():
        for name, value in features.items():
            graph.edges[edge_type].data[name] = torch.tensor(value)
    return graph


def build_pyg(spec):
    from torch_geometric.data import Data, HeteroData

    if list(spec.num_nodes) == [NODE_TYPE]:
        graph = Data(edge_index=torch.tensor(spec.edges[EDGE_TYPE]).long(), num_nodes=spec.num_nodes[NODE_TYPE])
        stores = {NODE_TYPE: graph, EDGE_TYPE: graph}
    else:
        graph = HeteroData()
        for node_type, count in spec.num_nodes.items():
            graph[node_type].num_nodes = count
        for edge_type, edges in spec.edges.items():
            graph[edge_type].edge_index = torch.tensor(edges).long()
        stores = graph
    for group in (spec.features, spec.edge_features):
        for key, features in group.items():
            for name, value in features.items():
                stores[key][name] = torch.tensor(value)
    return graph


BUILDERS = {"dgl": build_dgl, "pyg": build_pyg}


def agree(first, second):
    """Whether two models hold the same parameters, bit for bit."""
    pairs = zip(first.state_dict().items(), second.state_dict().items(), strict=True)
    return all(a == b and torch.equal(x, y) for (a, x), (b, y) in pairs)


def shuffled(spec, seed=0):
    """The same graph, its edges (with their features) and its types in another order."""
    edges, features = {}, {}
    for edge_type, (src, dst) in reversed(spec.edges.items()):
        order = torch.randperm(len(src), generator=torch.Generator().manual_seed(seed)).tolist()
        edges[edge_type] = [src[i] for i in order], [dst[i] for i in order]
        columns = spec.edge_features.get(edge_type, {})
        features[edge_type] = {name: [values[i] for i in order] for name, values in columns.items()}
    return Spec(dict(reversed(spec.num_nodes.items())), edges, spec.features, features)


def camps():
    """Two camps of users and items with no edge between them, and one item that nobody touched."""
    pairs = [(u, i) for u in range(6) for i in range(6) if u % 2 == i % 2]
    users, items = map(list, zip(*pairs, strict=True))
    return Spec(
        {"user": 6, "item": 7},
        {("user", "likes", "item"): (users, items), ("item", "liked_by", "user"): (items, users)},
    )


#: Ten people who know each other.
PAIRS = [(i, (i + k) % 10) for i in range(10) for k in (1, 3, 9)]


def people():
    """Ten people with features and classes that have nothing to do with who knows whom."""
    draw = torch.Generator().manual_seed(0)
    spec = Spec.untyped(10, PAIRS)
    spec.features = {"_N": {"x": torch.randn(10, 4, generator=draw).tolist(), "y": [i % 3 for i in range(10)]}}
    return spec


def rings(nodes=20, order=None, wide=4):
    """Two rings; one feature tells a node's ring, the others are noise. Edges in any order."""
    half = nodes // 2
    pairs = [(i + s, (i + k) % half + s) for s in (0, half) for i in range(half) for k in (1, half - 1)]
    pairs += pairs[:3]  # parallel edges
    weights = [1.0 + (7 * k) % 5 / 3 for k in range(len(pairs))]
    if order is not None:
        shuffled = torch.randperm(len(pairs), generator=torch.Generator().manual_seed(order)).tolist()
        pairs, weights = [pairs[k] for k in shuffled], [weights[k] for k in shuffled]
    label = [node // half for node in range(nodes)]
    x = torch.randn(nodes, wide, generator=torch.Generator().manual_seed(nodes))
    if wide > 64:
        x = (x > 2.2).float()
    x[:, 0] += torch.tensor(label) * 2 - 1
    spec = Spec.untyped(nodes, pairs, edge_weight=weights)
    spec.features = {"_N": {"x": x.tolist(), "label": label}}
    for number, part in enumerate(("train", "val", "test")):
        spec.features["_N"][f"{part}_mask"] = [node % 3 == number for node in range(nodes)]
    return spec


#: Metapaths of :func:`world`.
PATHS = {"PAP": ["by", "writes"], "PVP": ["in", "shows"]}


def world(order=None, papers=24):
    """Papers of two fields, each with authors of its own; features say little, venues nothing."""
    draw = torch.Generator().manual_seed(0)
    field = torch.arange(papers) % 2
    writers = torch.randint(4, (papers, 3), generator=draw) * 2 + field.unsqueeze(1)
    paper, author = torch.arange(papers).repeat_interleave(3), writers.flatten()
    venue = torch.randint(3, (papers,), generator=draw)
    edges = {
        ("paper", "by", "author"): (paper, author),
        ("author", "writes", "paper"): (author, paper),
        ("paper", "in", "venue"): (torch.arange(papers), venue),
        ("venue", "shows", "paper"): (venue, torch.arange(papers)),
    }
    if order is not None:
        for t, (src, dst) in edges.items():
            shuffled = torch.randperm(len(src), generator=order)
            edges[t] = src[shuffled], dst[shuffled]
    noise = torch.randn(papers, 4, generator=draw)
    noise[:, 0] += field - 0.5
    masks = {
        f"{part}_mask": (torch.arange(papers) // 2 % 3 == k).tolist() for k, part in enumerate(("train", "val", "test"))
    }
    return Spec(
        {"author": 8, "paper": papers, "venue": 3},
        {t: (src.tolist(), dst.tolist()) for t, (src, dst) in edges.items()},
        {
            "paper": {"x": noise.tolist(), "y": field.tolist(), **masks},
            "author": {"x": torch.eye(8).tolist()},
        },
    )


LIKES, LIKED_BY, OF, KNOWS = (
    ("user", "likes", "item"),
    ("item", "liked_by", "user"),
    ("tag", "of", "item"),
    ("user", "knows", "user"),
)


def tagged_camps(order=None, wide=3, users=12):
    """Users and items of two camps that keep to themselves; a user's camp shows in the items' first feature."""
    draw = torch.Generator().manual_seed(0)
    likes = [(u, i) for u in range(users) for i in range(8) if u % 2 == i % 2 and (u + i) % 3] + [(0, 2)] * 2
    knows = [(u, (u + 2) % users) for u in range(users - 1)]
    tags = [(i % 2, i) for i in range(0, 8, 3)]
    if order is not None:
        likes = [likes[k] for k in torch.randperm(len(likes), generator=torch.Generator().manual_seed(order)).tolist()]
    pairs = {LIKES: likes, LIKED_BY: [(i, u) for u, i in likes], OF: tags, KNOWS: knows}
    edges = {t: tuple(map(list, zip(*given, strict=True))) for t, given in pairs.items()}
    weights = {t: {"edge_weight": [1.0 + (3 * s + d) % 4 for s, d in given]} for t, given in pairs.items()}
    features = {name: torch.randn(count, wide, generator=draw) for name, count in (("item", 8), ("tag", 2))}
    features["user"] = torch.randn(users, 2 * wide, generator=draw) / 10
    if wide > 64:
        features = {name: (x > x.std() * 2).float() for name, x in features.items()}
    features["item"][:, 0] += 2 * (torch.arange(8) % 2) - 1
    columns = {name: {"x": x.tolist()} for name, x in features.items()}
    columns["user"]["label"] = [u % 2 for u in range(users)]
    for number, part in enumerate(("train", "val", "test")):
        columns["user"][f"{part}_mask"] = [(u // 2) % 3 == number for u in range(users)]
    return Spec({"item": 8, "tag": 2, "user": users}, edges, columns, weights)


#: Node and edge types, widths of features and numbers of nodes of a graph for layers. No edge leads to a venue.
METADATA = (
    ["author", "paper", "term", "venue"],
    [
        ("paper", "cites", "paper"),
        ("paper", "by", "author"),
        ("author", "writes", "paper"),
        ("venue", "shows", "paper"),
    ],
)
SIZES = {"author": 3, "paper": 4, "term": 2, "venue": 5}
COUNTS = {"author": 5, "paper": 7, "term": 2, "venue": 3}
#: Papers joined by two metapaths.
PAPERS = ["paper"], [("paper", "PAP", "paper"), ("paper", "PSP", "paper")]


def typed_features(counts=COUNTS, sizes=SIZES, dtype=torch.float64):
    """Features by node type."""
    draw = torch.Generator().manual_seed(0)
    return {t: torch.randn(n, sizes[t], generator=draw, dtype=dtype) for t, n in counts.items()}


def typed_edges(metadata=METADATA, counts=COUNTS, number=18):
    """Edges by edge type, as many of each."""
    draw = torch.Generator().manual_seed(1)
    return {
        t: torch.stack([torch.randint(counts[end], (number,), generator=draw) for end in (t[0], t[2])])
        for t in metadata[1]
    }


def paper_graphs():
    """Edges of :data:`PAPERS`, and the same as a list of DGL graphs."""
    import dgl

    counts = {"paper": 9}
    given = typed_edges(PAPERS, counts, 30)
    return given, [dgl.graph(tuple(e), num_nodes=9) for e in given.values()]


#: Two cliques of six.
CLIQUES = Spec.untyped(
    12, [(i, j) for side in (0, 6) for i in range(side, side + 6) for j in range(side, side + 6) if i != j]
)

#: Two rings of ten; features are noise, but for one number that tells the ring of a node's neighbours.
RING_NODES = 20
RING_CLASSES = [0] * 10 + [1] * 10


def labelled_rings():
    pairs = [(i + s, (i + k) % 10 + s) for s in (0, 10) for i in range(10) for k in (1, 9)]
    noise = torch.randn(RING_NODES, 3, generator=torch.Generator().manual_seed(0))
    noise[:, 0] += torch.tensor(RING_CLASSES) * 2 - 1
    spec = Spec.untyped(RING_NODES, pairs)
    spec.features = {"_N": {"x": noise.tolist(), "label": RING_CLASSES}}
    for number, part in enumerate(("train", "val", "test")):
        spec.features["_N"][f"{part}_mask"] = [node % 3 == number for node in range(RING_NODES)]
    return spec


def cliques(order=None, size=7, labels=False):
    """Two cliques joined by one edge, and an isolated node; features are noise, but for a hint of the clique."""
    pairs = [(a + s, b + s) for s in (0, size) for a in range(size) for b in range(size) if a != b]
    pairs += [(0, size), (size, 0)]
    if order is not None:
        pairs = [pairs[k] for k in torch.randperm(len(pairs), generator=torch.Generator().manual_seed(order)).tolist()]
    spec = Spec.untyped(2 * size + 1, pairs)
    x = torch.randn(2 * size + 1, 6, generator=torch.Generator().manual_seed(0))
    x[:size, 0] += 1
    spec.features = {"_N": {"x": x.tolist()}}
    if labels:
        spec.features["_N"] |= {"y": [k // size for k in range(2 * size + 1)], "train_mask": [True] * (2 * size + 1)}
    return spec
