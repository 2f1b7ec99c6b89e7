"""Real data of the benchmarks, from the folder that GRAPHEMBED_DATA names, as views, as DGL's graphs and as PyG's."""

from __future__ import annotations

import csv
import json
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from .harness import ROOT


class MissingData(SystemExit):
    """The data set is not in the folder."""


def data_root() -> Path:
    """Where the data sets are."""
    return Path(os.environ.get("GRAPHEMBED_DATA", ROOT.parent / "shared" / "data"))


def folder_of(*parts: str) -> Path:
    """A data set's folder or file.

    Raises:
        MissingData: It is not there.
    """
    path = data_root().joinpath(*parts)
    if not path.exists():
        raise MissingData(f"{'/'.join(parts)} is not in {data_root()}, the folder that GRAPHEMBED_DATA names")
    return path


def of_pyg(family: str, title: str | None = None):
    """A data set of PyG, from a copy of its raw files: its class writes beside them."""
    from torch_geometric import datasets

    parts = (family,) if title is None or family == "HGB" else (family, title)
    make = getattr(datasets, {"HGB": "HGBDataset"}.get(family, family))
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder).joinpath(*parts)
        shutil.copytree(folder_of(*parts), copy, ignore=shutil.ignore_patterns("processed"))
        return make(str(Path(folder) / family), *(() if title is None else (title,)))[0]


@cache
def cora():
    """Cora, as a view."""
    import graphembed_ext as ge

    return ge.view(of_pyg("Planetoid", "Cora"))


@cache
def dblp():
    """DBLP's edges, as a view."""
    import graphembed_ext as ge

    data = of_pyg("DBLP")
    return ge.view(
        {t: data[t].edge_index for t in data.edge_types}, num_nodes={t: data[t].num_nodes for t in data.node_types}
    )


def dblp_metapaths(max_neighbors):
    """MAGNN's DBLP: authors by APA, APCPA and APTPA."""
    import graphembed_ext as ge

    forth, back = ("author", "to", "paper"), ("paper", "to", "author")
    paths = {"APA": [forth, back]}
    for name, middle in (("APCPA", "conference"), ("APTPA", "term")):
        paths[name] = [forth, ("paper", "to", middle), (middle, "to", "paper"), back]
    return ge.metapath_edges(of_pyg("DBLP"), paths, max_neighbors=max_neighbors, seed=0)


def heco_acm():
    """4,019 papers with features and both metapath adjacencies as the files have them."""
    import scipy.sparse as sp
    import torch

    root = folder_of("heco", "acm")
    x = torch.from_numpy(sp.load_npz(root / "p_feat.npz").toarray()).float()
    edges = {}
    for name in ("pap", "psp"):
        matrix = sp.load_npz(root / f"{name}.npz").tocoo()
        ends = [torch.from_numpy(side.astype(np.int64)) for side in (matrix.row, matrix.col)]
        edges["paper", name.upper(), "paper"] = torch.stack(ends)
    return x, edges


def acm3025():
    """The HAN paper's ACM: PAP and PLP, with its split."""
    import scipy.io
    import scipy.sparse as sp
    import torch

    import graphembed_ext as ge

    mat = scipy.io.loadmat(folder_of("han", "ACM3025.mat"))
    edges = {}
    for name in ("PAP", "PLP"):
        rows, columns = np.nonzero(mat[name].toarray() if sp.issparse(mat[name]) else mat[name])
        edges["paper", name, "paper"] = torch.from_numpy(rows), torch.from_numpy(columns)
    feature = mat["feature"]
    x = torch.from_numpy(feature.toarray() if sp.issparse(feature) else np.asarray(feature)).float()
    features = {"x": x, "y": torch.from_numpy(np.asarray(mat["label"].argmax(1)).reshape(-1))}
    for part in ("train", "val", "test"):
        features[f"{part}_mask"] = torch.zeros(len(x), dtype=torch.bool)
        features[f"{part}_mask"][mat[f"{part}_idx"].reshape(-1).astype(np.int64)] = True
    return ge.GraphView(num_nodes={"paper": len(x)}, edges=edges, features={"paper": features})


def hgb_acm(max_neighbors):
    """HGB's ACM: papers by PAP and PSP; a fifth of the training papers validates."""
    import torch

    import graphembed_ext as ge

    data = of_pyg("HGB", "ACM")
    paths = {"PAP": ["paper-author", "author-paper"], "PSP": ["paper-subject", "subject-paper"]}
    names = {edge_type[1]: edge_type for edge_type in data.edge_types}
    if "paper-author" not in names:
        by_ends = {(t[0], t[2]): t for t in data.edge_types if t[0] != t[2]}
        paths = {
            name: [by_ends["paper", middle], by_ends[middle, "paper"]]
            for name, middle in (("PAP", "author"), ("PSP", "subject"))
        }
    train = data["paper"].train_mask.nonzero().squeeze(1)
    held = train[torch.randperm(len(train), generator=torch.Generator().manual_seed(0))[: len(train) // 5]]
    data["paper"].val_mask = torch.zeros_like(data["paper"].train_mask)
    data["paper"].val_mask[held] = True
    data["paper"].train_mask[held] = False
    return ge.metapath_edges(data, paths, max_neighbors=max_neighbors, seed=0)


NUM_USERS, NUM_ITEMS = 29_858, 40_981


def gowalla_pairs(part: str):
    """``train`` or ``test`` of Gowalla as LightGCN-PyTorch splits it, ``(2, E)``: user ids above item ids."""
    import torch

    users, items = [], []
    for line in folder_of("lightgcn", "gowalla", f"{part}.txt").read_text().splitlines():
        user, *bought = map(int, line.split())
        users += [user] * len(bought)
        items += bought
    return torch.from_numpy(np.array([users, items]))


def gowalla_graph(pairs):
    """The typed graph of some pairs."""
    return _bought(pairs, NUM_USERS, NUM_ITEMS)


def _bought(pairs, users: int, items: int):
    import graphembed_ext as ge

    return ge.view({("user", "buys", "item"): pairs}, num_nodes={"user": users, "item": items})


def gowalla():
    """The typed graph of the training pairs."""
    return gowalla_graph(gowalla_pairs("train"))


def lastfm_pairs(part: str):
    """``train`` or ``test`` of LastFM as LightGCN-PyTorch splits it, ``(2, E)``: user ids above item ids, from 0."""
    import torch

    path = folder_of("lightgcn", "lastfm", {"train": "data1.txt", "test": "test1.txt"}[part])
    return torch.from_numpy(np.loadtxt(path)[:, :2].T.astype(np.int64) - 1)


def lastfm_graph(pairs):
    """The typed graph of some pairs."""
    return _bought(pairs, 1892, 4489)


def movielens_pairs(part: str):
    """``train`` or ``test`` of MovieLens-100k, every rating a pair: a fifth of them, drawn at random, is the test.

    ``(2, E)``: user ids above item ids, from 0. ``movielens/ml-100k/u.data`` is GroupLens' own file.
    """
    import torch

    table = np.loadtxt(folder_of("movielens", "ml-100k", "u.data"), dtype=np.int64)
    held = torch.rand(len(table), generator=torch.Generator().manual_seed(0)) < 0.2
    return torch.from_numpy(table[:, :2].T - 1)[:, held if part == "test" else ~held]


def movielens_graph(pairs):
    """The typed graph of some pairs."""
    return _bought(pairs, 943, 1682)


def blogcatalog(root: Path | None = None):
    """Its adjacency and labels, as scipy's matrices."""
    import scipy.io

    parts = "deepwalk", "blogcatalog.mat"
    mat = scipy.io.loadmat(folder_of(*parts) if root is None else Path(root).joinpath(*parts))
    return mat["network"].tocoo(), mat["group"].tocsr()


@cache
def twitch(country: str):
    """A Twitch graph as Data, edges in both directions."""
    import torch
    from torch_geometric.data import Data

    root = folder_of("twitch", country)
    edges = torch.from_numpy(np.loadtxt(root / "edges.csv", delimiter=",", skiprows=1, dtype=np.int64)).t()
    listed = {int(key): ids for key, ids in json.loads((root / "features.json").read_text()).items()}
    x, y = torch.zeros(len(listed), 3170), torch.zeros(len(listed), dtype=torch.int64)
    for node, ids in listed.items():
        x[node, ids] = 1
    with (root / "target.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            y[int(row["new_id"])] = row["mature"] == "True"
    return Data(x=x, y=y, edge_index=torch.cat([edges, edges.flip(0)], 1))


def dgl_graph(view):
    """A view's graph by DGL's constructors, its edges shuffled and its types in reverse order."""
    import dgl
    import torch

    draw = torch.Generator().manual_seed(0)
    edges, orders = {}, {}
    for edge_type, (src, dst) in reversed(view.edges.items()):
        orders[edge_type] = torch.randperm(len(src), generator=draw)
        edges[edge_type] = src[orders[edge_type]], dst[orders[edge_type]]
    if view.is_typed:
        graph = dgl.heterograph(edges, num_nodes_dict=dict(reversed(view.num_nodes.items())))
    else:
        graph = dgl.graph(next(iter(edges.values())), num_nodes=view.total_nodes)
    for node_type, features in view.features.items():
        for name, value in features.items():
            graph.nodes[node_type].data[{"x": "feat", "y": "label"}.get(name, name)] = value
    for edge_type, features in view.edge_features.items():
        for name, value in features.items():
            graph.edges[edge_type].data[name] = value[orders[edge_type]]
    return graph


def pyg_graph(view):
    """A view's graph by PyG's constructors, its edges in the order of the data set."""
    from torch_geometric.data import Data, HeteroData

    if not view.is_typed:
        return Data(edge_index=view.edge_index(), num_nodes=view.total_nodes, **view.features.get("_N", {}))
    graph = HeteroData()
    for node_type, count in view.num_nodes.items():
        graph[node_type].num_nodes = count
        for name, value in view.features[node_type].items():
            graph[node_type][name] = value
    for edge_type in view.edges:
        graph[edge_type].edge_index = view.edge_index(edge_type)
    return graph
