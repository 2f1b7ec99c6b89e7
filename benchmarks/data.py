"""Metapath graphs of the HAN benchmarks, from the files in the data folder."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
import scipy.io
import scipy.sparse as sp
import torch

import graphembed_ext as ge
from benchmarks.harness import data_root


def heco_acm():
    """4,019 papers with features and both metapath adjacencies as the files have them."""
    root = data_root() / "heco" / "acm"
    x = torch.from_numpy(sp.load_npz(root / "p_feat.npz").toarray()).float()
    edges = {}
    for name in ("pap", "psp"):
        matrix = sp.load_npz(root / f"{name}.npz").tocoo()
        ends = [torch.from_numpy(side.astype(np.int64)) for side in (matrix.row, matrix.col)]
        edges["paper", name.upper(), "paper"] = torch.stack(ends)
    return x, edges


def acm3025():
    """The HAN paper's ACM: PAP and PLP, with its split."""
    mat = scipy.io.loadmat(data_root() / "han" / "ACM3025.mat")
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
    from torch_geometric.datasets import HGBDataset

    data = _loaded(lambda root: HGBDataset(root, "ACM"), "HGB")
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


def dblp(max_neighbors):
    """MAGNN's DBLP: authors by APA, APCPA and APTPA."""
    from torch_geometric.datasets import DBLP

    data = _loaded(DBLP, "DBLP")
    forth, back = ("author", "to", "paper"), ("paper", "to", "author")
    paths = {"APA": [forth, back]}
    for name, middle in (("APCPA", "conference"), ("APTPA", "term")):
        paths[name] = [forth, ("paper", "to", middle), (middle, "to", "paper"), back]
    return ge.metapath_edges(data, paths, max_neighbors=max_neighbors, seed=0)


def _loaded(dataset, name):
    """A data set of PyG, from a copy of its raw files: the class writes beside them."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / name
        shutil.copytree(data_root() / name, root, ignore=shutil.ignore_patterns("processed"))
        return dataset(str(root))[0]
