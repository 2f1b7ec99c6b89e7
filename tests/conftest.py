"""Fixtures shared by all tests: graphs as plain specifications, built on either host, and the real data."""

from __future__ import annotations

import os
import random
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch

import graphembed_ext as ge
from graphembed_ext.graph.view import EDGE_TYPE, NODE_TYPE

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("GRAPHEMBED_DATA", ROOT.parent / "shared" / "data"))


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
    import dgl

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


@pytest.fixture(params=BUILDERS)
def build(request):
    """Builds a host graph from a specification; each test runs once for each host."""
    return BUILDERS[request.param]


@pytest.fixture
def camps():
    """Two camps of users and items with no edge between them, and one item that nobody touched."""
    pairs = [(u, i) for u in range(6) for i in range(6) if u % 2 == i % 2]
    users, items = map(list, zip(*pairs, strict=True))
    return Spec(
        {"user": 6, "item": 7},
        {("user", "likes", "item"): (users, items), ("item", "liked_by", "user"): (items, users)},
    )


@pytest.fixture
def chain():
    """0 -> 1 -> 2 -> 3, an isolated node 4: every walk ends, and node 4 has none."""
    return Spec.untyped(5, [(0, 1), (1, 2), (2, 3)])


@pytest.fixture
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def global_state_untouched():
    """Fails the test when torch's, NumPy's or Python's global generator moved."""

    def state():
        return torch.get_rng_state().tolist(), repr(np.random.get_state()), random.getstate()  # noqa: NPY002

    before = state()
    yield
    assert state() == before


@pytest.fixture(scope="session")
def data_root():
    """Folder with the real data sets."""
    if not DATA.is_dir():
        pytest.skip(f"no real data: {DATA} does not exist; name their folder in GRAPHEMBED_DATA")
    return DATA


@pytest.fixture(scope="session")
def cora(data_root, tmp_path_factory):
    """Cora as PyG's Data; the dataset class writes beside the raw files, so it gets a copy of them."""
    from torch_geometric.datasets import Planetoid

    root = tmp_path_factory.mktemp("planetoid")
    shutil.copytree(data_root / "Planetoid" / "Cora" / "raw", root / "Cora" / "raw")
    return Planetoid(root, "Cora")[0]


@pytest.fixture
def karate():
    from torch_geometric.datasets import KarateClub

    return KarateClub()[0]


def agree(first, second):
    """Whether two models hold the same parameters, bit for bit."""
    pairs = zip(first.state_dict().items(), second.state_dict().items(), strict=True)
    return all(a == b and torch.equal(x, y) for (a, x), (b, y) in pairs)


def view_spec(spec):
    return ge.view(build_pyg(spec))
