"""Matrices and saved graphs: SciPy, NumPy, MATLAB, dense tables, DGL, PyG."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.io
import scipy.sparse as sp
import torch
from torch_geometric.data import Data, HeteroData

from graphembed_ext._core.optional import import_dgl, installed

from .case import Answer, case, edges

NUMBERS = Answer(edges("0 1, 1 2"))
HEAVY = Answer(edges("0 1, 1 2"), (0.5, 2.0))
ONE_WAY = Answer(edges("0 1, 1 2"), (0.5, 2.0), one_way=True)
#: Two users and three items.
SIDES = Answer(edges("0 0, 0 2, 1 1"), (5, 1, 3), rated=True, sides=True)
_PATH = np.array([[0, 0.5, 0], [0.5, 0, 2], [0, 2, 0]])
_ARROW = np.array([[0, 0.5, 0], [0, 0, 2], [0, 0, 0]])
_TASTE = np.array([[5.0, 0, 1], [0, 3, 0]])
_LABELLED = Answer(edges("Ada Bob, Bob Cleo"), (0.5, 2.0))


def _mtx(matrix: Any, packed: bool = False, **options: Any) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        plain = path.with_name("plain.mtx")
        scipy.io.mmwrite(plain, matrix, **options)
        content = plain.read_bytes()
        plain.unlink()
        path.write_bytes(gzip.compress(content) if packed else content)

    return write


def _npz(matrix: Any) -> Callable[[Path], None]:
    return lambda path: sp.save_npz(path, matrix)


def _npy(matrix: Any) -> Callable[[Path], None]:
    return lambda path: np.save(path, matrix)


def _mat(**content: Any) -> Callable[[Path], None]:
    return lambda path: scipy.io.savemat(path, content)


def _parquet(**columns: Any) -> Callable[[Path], None]:
    return lambda path: pq.write_table(pa.table(columns), path)


def _pandas(path: Path) -> None:
    import pandas as pd

    pd.DataFrame({"source": ["Ada", "Bob"], "target": ["Bob", "Cleo"], "weight": [0.5, 2.0]}).to_parquet(path)


def _data(path: Path) -> None:
    torch.save(Data(edge_index=torch.tensor([[0, 1], [1, 2]]), num_nodes=4), path)


def _hetero(path: Path) -> None:
    data = HeteroData()
    data["user"].num_nodes, data["item"].num_nodes = 2, 3
    data["user", "buys", "item"].edge_index = torch.tensor([[0, 0, 1], [0, 2, 1]])
    torch.save(data, path)


def _dgl(path: Path) -> None:
    dgl = import_dgl("the file of a test")
    dgl.save_graphs(str(path), [dgl.graph(([0, 1], [1, 2]), num_nodes=4)])


def _dense(rows: Any, separator: str = ",") -> str:
    return "".join(separator.join(map(str, row)) + "\n" for row in rows)


_NAMES = ["Ada", "Bob", "Cleo"]
_WHOLE = (_PATH > 0).astype(int)

SPARSE = [
    case("mtx", "g.mtx", _mtx(sp.csr_matrix(_PATH)), HEAVY),
    case("mtx, symmetric", "g.mtx", _mtx(sp.csr_matrix(_PATH), symmetry="symmetric"), HEAVY),
    case("mtx, one way", "g.mtx", _mtx(sp.csr_matrix(_ARROW)), ONE_WAY, directed=True),
    case("mtx, pattern", "g.mtx", _mtx(sp.csr_matrix(_WHOLE), field="pattern"), NUMBERS),
    case("mtx, dense", "g.mtx", _mtx(_PATH), HEAVY),
    case("mtx, packed", "g.mtx.gz", _mtx(sp.csr_matrix(_PATH), packed=True), HEAVY),
    case("mtx, large letters", "G.MTX", _mtx(sp.csr_matrix(_PATH)), HEAVY),
    case(
        "mtx with blank lines and comments",
        "g.mtx",
        "%%MatrixMarket matrix coordinate real general\n% SuiteSparse\n\n3 3 2\n1 2 0.5\n\n2 3 2\n",
        HEAVY,
    ),
    case("mtx of users and items", "r.mtx", _mtx(sp.csr_matrix(_TASTE)), SIDES, bipartite=True),
    case("mtx of users and items without a word", "r.mtx", _mtx(sp.csr_matrix(_TASTE)), SIDES, "bipartite"),
    case(
        "mtx, square, of users and items",
        "r.mtx",
        _mtx(sp.csr_matrix(np.vstack([_TASTE, [0, 0, 2]]))),
        Answer(edges("0 0, 0 2, 1 1, 2 2"), (5, 1, 3, 2), rated=True, sides=True),
        bipartite=True,
    ),
    case("mtx, complex", "g.mtx", _mtx(sp.csr_matrix(_PATH * 1j)), None, "complex|real"),
    case("mtx, negative", "g.mtx", _mtx(sp.csr_matrix(-_PATH)), Answer(HEAVY.edges)),
    case("mtx of zeros", "g.mtx", _mtx(sp.csr_matrix((3, 3))), None, "zeros|no edges"),
    case("npz of csr", "g.npz", _npz(sp.csr_matrix(_PATH)), HEAVY),
    case("npz of csc", "g.npz", _npz(sp.csc_matrix(_ARROW)), ONE_WAY, directed=True),
    case("npz of coo", "g.npz", _npz(sp.coo_matrix(_PATH)), HEAVY),
    case("npz of dia", "g.npz", _npz(sp.dia_matrix(_PATH)), HEAVY, "csr|coo"),
    case("npz of bsr", "g.npz", _npz(sp.bsr_matrix(_PATH)), HEAVY, "csr|coo"),
    case("npz of a sparse array", "g.npz", _npz(sp.csr_array(_PATH)), HEAVY),
    case("npz of truth", "g.npz", _npz(sp.csr_matrix(_PATH > 0)), NUMBERS),
    case("npz of users and items", "r.npz", _npz(sp.csr_matrix(_TASTE)), SIDES, bipartite=True),
    case("npz of users and items without a word", "r.npz", _npz(sp.csr_matrix(_TASTE)), SIDES, "bipartite"),
    case(
        "npz of edges",
        "g.npz",
        lambda path: np.savez(path, edge_index=np.array([[0, 1], [1, 2]])),
        Answer(edges("0 1, 1 2"), one_way=True),
    ),
    case("npz of a dense matrix", "g.npz", lambda path: np.savez(path, _PATH), HEAVY, "arrays.*square"),
    case(
        "npz of objects",
        "g.npz",
        lambda path: np.savez(path, a=np.array([{}], dtype=object)),
        None,
        "npz|arrays|objects",
    ),
    case("mat", "g.mat", _mat(network=sp.csc_matrix(_PATH)), HEAVY),
    case("mat of several", "g.mat", _mat(a=sp.csc_matrix(_PATH), b=sp.csc_matrix(_PATH)), None, "mat.key"),
    case("mat of several by hand", "g.mat", _mat(a=sp.csc_matrix(_PATH), b=sp.csc_matrix(_ARROW)), HEAVY, mat_key="a"),
    case(
        "mat of the newest version",
        "g.mat",
        b"MATLAB 7.3 MAT-file".ljust(124, b" ") + b"\x00\x02IM" + b"\0" * 64,
        None,
        "7.3.*-v7",
    ),
]

DENSE = [
    case("npy", "a.npy", _npy(_PATH), HEAVY),
    case("npy, one way", "a.npy", _npy(_ARROW), ONE_WAY, directed=True),
    case("npy of truth", "a.npy", _npy(_PATH > 0), NUMBERS),
    case("npy of small integers", "a.npy", _npy(_WHOLE.astype(np.uint8)), NUMBERS),
    case("npy in Fortran's order", "a.npy", _npy(np.asfortranarray(_ARROW)), ONE_WAY, directed=True),
    case(
        "npy of edges, two rows",
        "e.npy",
        _npy(np.array([[0, 1, 5], [1, 2, 6]])),
        Answer(edges("0 1, 1 2, 5 6"), alone=("3", "4")),
        "edge_index|bipartite|adjacency",
    ),
    case(
        "npy of edges, two columns",
        "e.npy",
        _npy(np.array([[0, 1], [1, 2], [2, 3]])),
        Answer(edges("0 1, 1 2, 2 3")),
        "edge_index|bipartite|adjacency",
    ),
    case("npy of users and items", "r.npy", _npy(_TASTE), SIDES, bipartite=True),
    case("npy of a cube", "a.npy", _npy(np.ones((2, 2, 2))), None, r"shape \(2, 2, 2\)"),
    case("npy of NaN", "a.npy", _npy(np.array([[0, np.nan], [1, 0]])), None, "weight.*nan|nan"),
    case(
        "npy of objects",
        "a.npy",
        lambda path: np.save(path, np.array([[{}]]), allow_pickle=True),
        None,
        "object|could run code|numbers",
    ),
    case("npy of words", "a.npy", _npy(np.array([["a", "b"], ["c", "d"]])), None, "numbers"),
    case(
        "dense CSV with names",
        "a.csv",
        _dense([["", *_NAMES], *([name, *row] for name, row in zip(_NAMES, _PATH, strict=True))]),
        _LABELLED,
        "npy|matrix",
    ),
    case(
        "dense CSV of zeros and ones",
        "a.csv",
        _dense([["", *_NAMES], *([name, *row] for name, row in zip(_NAMES, _WHOLE, strict=True))]),
        Answer(edges("Ada Bob, Bob Cleo")),
        "npy|matrix",
    ),
    case("dense CSV with titles", "a.csv", _dense([_NAMES, *_PATH]), _LABELLED, "npy|matrix"),
    case("dense CSV of numbers alone", "a.csv", _dense(_WHOLE), NUMBERS, "npy|matrix"),
    case(
        "dense CSV of numbers and of pandas",
        "a.csv",
        _dense([["", 0, 1, 2], *([i, *row] for i, row in enumerate(_PATH))]),
        HEAVY,
        "npy|matrix",
    ),
    case(
        "dense text of np.savetxt",
        "a.txt",
        "".join(" ".join(f"{x:.18e}" for x in row) + "\n" for row in _PATH),
        HEAVY,
        "npy|matrix",
    ),
    case(
        "dense semicolons",
        "a.csv",
        _dense([["", *_NAMES], *([name, *row] for name, row in zip(_NAMES, _PATH, strict=True))], ";"),
        _LABELLED,
        "npy|matrix",
    ),
    case(
        "dense CSV of many nodes",
        "a.csv",
        _dense((np.eye(40, k=1) + np.eye(40, k=-1)).astype(int)),
        Answer([(str(i), str(i + 1)) for i in range(39)]),
        "npy|matrix",
    ),
    case("features are no graph", "x.csv", "0.1,0.2,0.3,0.4\n0.5,0.6,0.7,0.8\n", None, "npy|matrix|columns|features"),
    case(
        "word2vec is no graph",
        "v.txt",
        "3 4\nAda 0.1 0.2 0.3 0.4\nBob 0.1 0.2 0.3 0.4\nCleo 0.1 0.2 0.3 0.4\n",
        None,
        "word2vec|line|columns",
    ),
]

SAVED = [
    case(
        "parquet",
        "e.parquet",
        _parquet(source=["Ada", "Bob"], target=["Bob", "Cleo"]),
        Answer(edges("Ada Bob, Bob Cleo")),
    ),
    case("parquet of pandas", "e.parquet", _pandas, _LABELLED),
    case(
        "parquet, target first",
        "e.parquet",
        _parquet(target=["Bob", "Cleo"], source=["Ada", "Bob"]),
        Answer(edges("Ada Bob, Bob Cleo"), one_way=True),
        directed=True,
    ),
    case(
        "parquet with an index",
        "e.parquet",
        _parquet(id=[0, 1], source=["Ada", "Bob"], target=["Bob", "Cleo"]),
        Answer(edges("Ada Bob, Bob Cleo")),
    ),
    case(
        "parquet of a dictionary",
        "e.parquet",
        _parquet(source=pa.array(["Ada", "Bob"]).dictionary_encode(), target=["Bob", "Cleo"]),
        Answer(edges("Ada Bob, Bob Cleo")),
    ),
    case("parquet of floats", "e.parquet", _parquet(source=[1.0, 2.0], target=[2.0, 3.0]), Answer(edges("1 2, 2 3"))),
    case(
        "parquet of users and items",
        "r.parquet",
        _parquet(item_id=[1, 2, 1, 2], user_id=[1, 1, 2, 3]),
        Answer(edges("1 1, 1 2, 2 1, 3 2"), sides=True),
        bipartite=True,
    ),
    case(
        "parquet with timestamps",
        "e.parquet",
        _parquet(source=["Ada", "Bob"], target=["Bob", "Cleo"], timestamp=[1577836800, 1577836801]),
        Answer(edges("Ada Bob, Bob Cleo")),
    ),
    case("Data of PyG", "g.pt", _data, Answer(edges("0 1, 1 2"), alone=("3",), one_way=True)),
    case("HeteroData of PyG", "g.pt", _hetero, Answer(edges("0 0, 0 2, 1 1"), sides=True)),
    case(
        "a table of tensors",
        "g.pt",
        lambda path: torch.save({"edge_index": torch.tensor([[0], [1]])}, path),
        None,
        "Data or HeteroData",
    ),
    case("a tensor", "g.pt", lambda path: torch.save(torch.tensor([[0], [1]]), path), None, "Data or HeteroData"),
    case("not a saved graph", "g.pt", "nothing", None, "torch.save"),
    case("safetensors", "g.safetensors", b"\x08\0\0\0\0\0\0\0{}      ", None, "edge list|graph"),
]
if installed("dgl"):
    SAVED += [
        case("graph of DGL", "g.bin", _dgl, Answer(edges("0 1, 1 2"), alone=("3",), one_way=True)),
        case("graph of DGL, .dgl", "g.dgl", _dgl, Answer(edges("0 1, 1 2"), alone=("3",), one_way=True)),
        case("not a graph of DGL", "g.bin", b"nothing at all" * 20, None, "DGL"),
    ]

CASES = [*SPARSE, *DENSE, *SAVED]
