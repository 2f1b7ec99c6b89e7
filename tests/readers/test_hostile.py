"""Files made to break a reader: each is refused in one line, before it takes memory or reaches compiled code.

They are read in a process of their own, as what they are made for is to end it.
"""

import bz2
import gzip
import io
import json
import struct
import subprocess
import sys
import tempfile
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.io
import scipy.sparse as sp
import torch
from torch_geometric import EdgeIndex
from torch_geometric.data import Data, HeteroData

from graphembed_ext._core.optional import import_dgl, installed

READ = """
import json, resource, sys, time, warnings
from pathlib import Path
import torch
import scipy.sparse, scipy.io, networkx, torch_geometric.data
import graphembed_ext as ge
from graphembed_ext.errors import GraphEmbedError
from graphembed_ext.readers.node_features import read_features
from graphembed_ext.readers.node_tables import read_labels

def peak():
    if sys.platform != "linux":
        return 0
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])

warnings.simplefilter("ignore")
for path in map(Path, sys.argv[1:]):
    print(json.dumps(["begin", path.parent.name]), flush=True)
    before, begun = peak(), time.perf_counter()
    try:
        if path.name.startswith("y."):
            read_labels(path, None, 3)
        elif path.name.startswith("x."):
            read_features(str(path), None, 3)
        else:
            graph = ge.readers.read_graph(path)
            graph.view.is_typed or graph.view.csr()
        outcome = "read"
    except GraphEmbedError as error:
        outcome = "refused: " + str(error)
    except BaseException as error:
        outcome = f"a bare error: {error!r}"
    print(json.dumps(["end", path.parent.name, outcome, peak() - before, time.perf_counter() - begun]), flush=True)
"""

_HEAD = "%%MatrixMarket matrix coordinate real general\n"


def npy(shape, values=b"", kind="<f8", head=None):
    text = head or f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"
    text = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + values


def npz(**arrays):
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def archive(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(f"{name}.npy", content)
    return file.getvalue()


def csr(indices=(1, 2), indptr=(0, 1, 2, 2), data=(1.0, 1.0), shape=(3, 3), kind="csr"):
    return {
        "format": np.array(kind.encode()),
        "indices": np.array(indices),
        "indptr": np.array(indptr),
        "data": np.array(data),
        "shape": np.array(shape),
    }


def coo(row=(0, 1), col=(1, 2)):
    return csr(kind="coo") | {"row": np.array(row), "col": np.array(col)}


def named(prefix, arrays):
    return {prefix + name: array for name, array in arrays.items()}


def edges(**arrays):
    return npz(edge_index=np.array([[0], [1]]), **arrays)


def damaged(content, method=None):
    """The archive with its bytes in the middle turned round, or with another method of compression."""
    changed = bytearray(content)
    if method is not None:
        changed[8:10] = method
        place = changed.rfind(b"PK\x01\x02")
        changed[place + 10 : place + 12] = method
    else:
        for i in range(len(changed) // 3, len(changed) // 3 + 20):
            changed[i] ^= 0xFF
    return bytes(changed)


def saved(graph):
    file = io.BytesIO()
    torch.save(graph, file)
    return file.getvalue()


def data(**parts):
    graph = Data(edge_index=torch.tensor([[0, 1], [1, 2]]))
    for name, value in parts.items():
        graph[name] = value
    return saved(graph)


def hetero(**parts):
    graph = HeteroData()
    graph["a"].num_nodes, graph["b"].num_nodes = 2, 2
    graph["a", "to", "b"].edge_index = torch.tensor([[0, 1], [1, 1]])
    graph["a"].update(parts)
    return saved(graph)


def sparse(**parts):
    from torch_sparse import SparseTensor

    value = SparseTensor(row=torch.tensor([0, 1]), col=torch.tensor([1, 2]), sparse_sizes=(3, 3))
    value.storage.rowptr()
    for name, part in parts.items():
        setattr(value.storage, name, part)
    graph = Data(num_nodes=3)
    graph.adj_t = value
    return saved(graph)


def rows(crow, col, values=2, shape=(3, 3)):
    graph = Data(num_nodes=3)
    with torch.sparse.check_sparse_tensor_invariants(False), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch says that it is new
        graph.adj_t = torch.sparse_csr_tensor(torch.tensor(crow), torch.tensor(col), torch.ones(values), shape)
        return saved(graph)


def edge_index(edges, size, **parts):
    value = EdgeIndex(torch.tensor(edges), sparse_size=size)
    for name, part in parts.items():
        setattr(value, name, part)
    return saved(Data(edge_index=value, num_nodes=3))


def bomb(head, letters=60_000_000):
    """A gzip file of a few hundred kilobytes that swells."""
    file = io.BytesIO()
    with gzip.open(file, "wb", 1) as packed:
        packed.write(head)
        for _ in range(letters // 10_000_000):
            packed.write(b"0" * 10_000_000)
    return file.getvalue()


def laughs(levels=12):
    """Entities of entities, which would be 10 ** 12 words."""
    lines = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10 if i else "ha"}">' for i in range(levels))
    return f'<?xml version="1.0"?><!DOCTYPE g [{lines}]><graphml><graph id="&e{levels - 1};"/></graphml>'


def parquet():
    file = io.BytesIO()
    table = pa.table({"source": ["Ada", "Grace"], "target": ["Grace", "Bob"], "weight": [1.0, 2.0]})
    pq.write_table(table, file, compression="none", use_dictionary=False, write_statistics=False)
    return file.getvalue()


def matlab(indices=(1, 2), indptr=(0, 1, 2, 2)):
    """A MATLAB file whose sparse matrix contradicts itself."""
    file = io.BytesIO()
    scipy.io.savemat(file, {"network": sp.csc_matrix((np.ones(2), np.array([1, 2]), np.array([0, 1, 2, 2])), (3, 3))})
    content = file.getvalue()
    for old, new in (((1, 2), indices), ((0, 1, 2, 2), indptr)):
        before, after = struct.pack(f"<{len(old)}i", *old), struct.pack(f"<{len(new)}i", *new)
        assert before in content
        content = content.replace(before, after, 1)
    return content


#: The head of an array of one dimension of int64 in a file of DGL.
_ONE_ROW = struct.pack("<iBBH", 1, 0, 64, 1)


def dgl_graph(old=b"", new=b""):
    """A graph as DGL saves it, with bytes of its arrays replaced."""
    dgl = import_dgl("the file of a test")
    with tempfile.NamedTemporaryFile(suffix=".bin") as file:
        dgl.save_graphs(file.name, [dgl.graph(([0, 1], [1, 2]), num_nodes=4)])
        content = Path(file.name).read_bytes()
    head = content.index(struct.pack("<Q", 0xDD5E40F096B4A13F))
    assert old in content[head:]
    return content[:head] + content[head:].replace(old, new) if old else content


#: The head of a list of edges of 4 nodes and targets, and the name of the one type of nodes.
_PAIRS = struct.pack("<QQQ", 0xDD61FFD305DFF127, 4, 4)
_NAME = struct.pack("<QQ", 1, 2) + b"_N"


def dgl_file(place, number):
    """A graph as DGL saves it, with another number in its head."""
    content = dgl_graph()
    return content[:place] + struct.pack("<Q", number) + content[place + 8 :]


_DEEP = "[" * 400 + "]" * 400

FILES = {
    "mtx: more entries than a file has letters": ("g.mtx", _HEAD + "3 3 99999999999999\n1 2 1\n"),
    "mtx: 2^63 rows": ("g.mtx", _HEAD + f"{2**63 - 1} {2**63 - 1} 1\n1 2 1\n"),
    "mtx: 2^62 rows": ("g.mtx", _HEAD + f"{2**62} {2**62} 1\n1 2 1\n"),
    "mtx: 10^12 rows": ("g.mtx", _HEAD + "1000000000000 1000000000000 1\n1 2 1\n"),
    "mtx: rows below 0": ("g.mtx", _HEAD + "-3 -3 1\n1 2 1\n"),
    "mtx: 5,000 digits": ("g.mtx", _HEAD + f"{'9' * 5000} 3 1\n1 2 1\n"),
    "mtx: place beyond the matrix": ("g.mtx", _HEAD + "3 3 2\n1 2 1\n9 9 1\n"),
    "mtx: place 0": ("g.mtx", _HEAD + "3 3 1\n0 1 1\n"),
    "mtx: place of 2^63": ("g.mtx", _HEAD + f"3 3 1\n{2**63} 1 1\n"),
    "mtx: place of 5,000 digits": ("g.mtx", _HEAD + f"3 3 1\n{'1' * 5000} 1 1\n"),
    "mtx: half a place": ("g.mtx", _HEAD + "3 3 1\n1.5 1 1\n"),
    "mtx: words": ("g.mtx", _HEAD + "3 3 2\n1 2 1\na b c\n"),
    "mtx: too few lines": ("g.mtx", _HEAD + "3 3 5\n1 2 1\n"),
    "mtx: too many lines": ("g.mtx", _HEAD + "3 3 1\n1 2 1\n2 3 1\n"),
    "mtx: dense and huge": ("g.mtx", "%%MatrixMarket matrix array real general\n1000000 1000000\n1\n"),
    "mtx: symmetric and not square": ("g.mtx", "%%MatrixMarket matrix coordinate real symmetric\n3 2 1\n3 1 1\n"),
    "mtx: a vector": ("g.mtx", "%%MatrixMarket vector coordinate real general\n3 1\n1 2\n"),
    "mtx: head alone": ("g.mtx", _HEAD),
    "mtx: nothing": ("g.mtx", ""),
    "mtx: weight beyond float32": ("g.mtx", _HEAD + "3 3 1\n1 2 1e39\n"),
    "mtx: weight that is none": ("g.mtx", _HEAD + "3 3 1\n1 2 nan\n"),
    "mtx: bomb": ("g.mtx.gz", lambda: bomb(_HEAD.encode() + b"3 3 1\n1 2 ")),
    "mtx: cut gzip": ("g.mtx.gz", gzip.compress((_HEAD + "3 3 1\n1 2 1\n").encode())[:-10]),
    "npz: indices of 2 * 10^9": ("g.npz", npz(**csr(indices=(1, 2_000_000_000)))),
    "npz: indices below 0": ("g.npz", npz(**csr(indices=(1, -5)))),
    "npz: indptr that does not ascend": ("g.npz", npz(**csr(indptr=(0, 2_000_000_000, 2, 2)))),
    "npz: indptr below 0": ("g.npz", npz(**csr(indptr=(0, -7, 2, 2)))),
    "npz: indptr too short": ("g.npz", npz(**csr(indptr=(0, 2)))),
    "npz: indptr that ends too far": ("g.npz", npz(**csr(indptr=(0, 1, 2, 9)))),
    "npz: fewer values than indices": ("g.npz", npz(**csr(data=(1.0,)))),
    "npz: shape of 2^62": ("g.npz", npz(**csr(shape=(2**62, 2**62)))),
    "npz: shape below 0": ("g.npz", npz(**csr(shape=(-3, 3)))),
    "npz: shape of three": ("g.npz", npz(**csr(shape=(3, 3, 3)))),
    "npz: floats for indices": ("g.npz", npz(**csr(indices=(1.0, 2.0)))),
    "npz: a form that is none": ("g.npz", npz(**csr(kind="xyz"))),
    "npz: coo beyond its shape": (
        "g.npz",
        npz(**coo(row=(0, 2**40))),
    ),
    "npz: blocks that do not fit": ("g.npz", npz(**csr(kind="bsr", data=np.ones((2, 2, 2))))),
    "npz: diagonals without offsets": ("g.npz", npz(**csr(kind="dia", data=np.ones((1, 3))))),
    "npz: num_nodes of -5": ("g.npz", edges(num_nodes=np.array(-5))),
    "npz: num_nodes of 10^15": ("g.npz", edges(num_nodes=np.array(10**15))),
    "npz: num_nodes of 2^62": ("g.npz", edges(num_nodes=np.array(2**62))),
    "npz: num_nodes below the ids": ("g.npz", npz(edge_index=np.array([[0], [7]]), num_nodes=np.array(3))),
    "npz: num_nodes in words": ("g.npz", edges(num_nodes=np.array("many"))),
    "npz: ids of 2^63 - 1": ("g.npz", npz(edge_index=np.array([[0], [2**63 - 1]]))),
    "npz: ids below 0": ("g.npz", npz(edge_index=np.array([[0], [-1]]))),
    "npz: ids without a sign": ("g.npz", npz(edge_index=np.array([[0], [2**64 - 1]], dtype=np.uint64))),
    "npz: fewer weights than edges": ("g.npz", edges(edge_weight=np.ones(2))),
    "npz: weight beyond float32": ("g.npz", edges(edge_weight=np.array([1e39]))),
    "npz: labels of fewer nodes": ("g.npz", edges(y=np.zeros(1, int), num_nodes=np.array(5))),
    "npz: labels in words": ("g.npz", edges(y=np.array(["a", "b"]))),
    "npz: attributes of another size": (
        "g.npz",
        npz(**named("adj_", csr()), **named("attr_", csr(indices=(1, 2 * 10**9)))),
    ),
    "npz: an array of 3 GB in 1 kB": ("g.npz", archive(edge_index=npy((2, 200_000_000), kind="<i8"))),
    "npz: damaged": ("g.npz", damaged(npz(**csr()))),
    "npz: damaged stream": ("g.npz", damaged(npz(edge_index=np.random.default_rng(0).integers(0, 99, (2, 5000))))),
    "npz: unknown compression": ("g.npz", damaged(archive(edge_index=npy((2, 0), kind="<i8")), b"\x63\x00")),
    "npz: compressed by LZMA that is none": ("g.npz", damaged(edges(), b"\x0e\x00")),
    "npz: damaged from the start": ("g.npz", damaged(edges()).replace(b"PK", b"PQ", 1)),
    "npz: a head of brackets": ("g.npz", archive(edge_index=npy((), head=_DEEP))),
    "npz: not a zip": ("g.npz", b"PK\x03\x04" + b"\0" * 50),
    "npy: 3 GB in 128 bytes": ("g.npy", npy((20_000, 20_000))),
    "npy: a shape of 2^62": ("g.npy", npy((2**62, 2**62))),
    "npy: a shape below 0": ("g.npy", npy((-1, -1))),
    "npy: a shape of 5,000 digits": ("g.npy", npy(f"({'9' * 5000}, 1)")),
    "npy: a head of brackets": ("g.npy", npy((), head=_DEEP)),
    "npy: a head in code": ("g.npy", npy((), head="__import__('os').abort()")),
    "npy: objects": ("g.npy", npy((2, 2), b"\0" * 32, kind="|O")),
    "npy: texts of no letters": ("g.npy", npy((10**9, 10**9), kind="<U0")),
    "npy: head alone": ("g.npy", b"\x93NUMPY"),
    "npy: nothing": ("g.npy", b""),
    "mat: indices beyond": ("g.mat", matlab(indices=(1, 2_000_000_000))),
    "mat: indices below 0": ("g.mat", matlab(indices=(1, -9))),
    "mat: indptr that does not ascend": ("g.mat", matlab(indptr=(0, 2_000_000_000, 2, 2))),
    "features: indices of 2 * 10^9": ("x.npz", npz(**csr(indices=(1, 2_000_000_000)))),
    "features: indptr that does not ascend": ("x.npz", npz(**csr(indptr=(0, 2_000_000_000, 2, 2)))),
    "features: a shape that no memory holds": ("x.npz", npz(**csr(shape=(3, 2**40)))),
    "features: 3 GB in 128 bytes": ("x.npy", npy((3, 10**9))),
    "features: damaged": ("x.npz", damaged(npz(**csr()))),
    "labels: a class of 2^62": ("y.npy", npy((3,), struct.pack("<3q", 0, 1, 2**62), "<i8")),
    "labels: a class of 2^25": ("y.npy", npy((3,), struct.pack("<3q", 0, 1, 2**25), "<i8")),
    "labels: 3 GB in 128 bytes": ("y.npy", npy((3, 10**9))),
    "pt: num_nodes of -5": ("g.pt", data(num_nodes=-5)),
    "pt: num_nodes of 10^15": ("g.pt", data(num_nodes=10**15)),
    "pt: num_nodes of 2^62": ("g.pt", data(num_nodes=2**62)),
    "pt: num_nodes of 2^80": ("g.pt", data(num_nodes=2**80)),
    "pt: num_nodes in words": ("g.pt", data(num_nodes="many")),
    "pt: num_nodes below the ids": ("g.pt", data(num_nodes=2)),
    "pt: ids of 2^63 - 1": ("g.pt", data(edge_index=torch.tensor([[0], [2**63 - 1]]))),
    "pt: ids below 0": ("g.pt", data(edge_index=torch.tensor([[0], [-1]]))),
    "pt: ids that are no numbers": ("g.pt", data(edge_index=torch.tensor([[0.0], [float("nan")]]))),
    "pt: complex ids": ("g.pt", data(edge_index=torch.ones(2, 3, dtype=torch.complex64))),
    "pt: ids in words": ("g.pt", data(edge_index="none")),
    "pt: ids of three rows": ("g.pt", data(edge_index=torch.zeros(3, 4, dtype=torch.int64))),
    "pt: ids of no dimension": ("g.pt", data(edge_index=torch.tensor(1))),
    "pt: a tensor of 4 TB over one number": ("g.pt", data(x=torch.ones(1).expand(10**12))),
    "pt: ids without values": ("g.pt", data(edge_index=torch.zeros(2, 3, dtype=torch.int64, device="meta"))),
    "pt: typed num_nodes of 2^62": ("g.pt", hetero(num_nodes=2**62)),
    "pt: typed num_nodes below the ids": ("g.pt", hetero(num_nodes=1)),
    "pt: crow that does not ascend": ("g.pt", lambda: rows([0, 2_000_000_000, 2, 2], [1, 2])),
    "pt: crow below 0": ("g.pt", lambda: rows([0, -4, 2, 2], [1, 2])),
    "pt: col beyond": ("g.pt", lambda: rows([0, 1, 2, 2], [1, 2_000_000_000])),
    "pt: EdgeIndex beyond its size": ("g.pt", edge_index([[0, 1], [1, 2]], (2, 2))),
    "pt: EdgeIndex of 2^62": ("g.pt", edge_index([[0, 1], [1, 2]], (2**62, 2**62))),
    "pt: cut": ("g.pt", data()[:-200]),
    "pt: damaged": ("g.pt", data().replace(b"torch_geometric", b"torch_geometrie")),
    "pickle": ("g.pickle", b"cos\nabort\n(tR."),
    "graphml: a billion laughs": ("g.graphml", laughs()),
    "graphml: bomb": ("g.graphml.gz", lambda: bomb(b"<graphml><graph>")),
    "graphml: deep": ("g.graphml", "<graphml>" + "<graph>" * 20_000),
    "graphml: weight beyond float32": (
        "g.graphml",
        '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">'
        '<key id="w" for="edge" attr.name="weight" attr.type="double"/>'
        '<graph edgedefault="undirected"><node id="a"/><node id="b"/>'
        '<edge source="a" target="b"><data key="w">1e39</data></edge></graph></graphml>',
    ),
    "gml: 5,000 digits": ("g.gml", f"graph [ node [ id {'9' * 5000} ] ]"),
    "gml: brackets": ("g.gml", "graph [ " + "a [ " * 20_000),
    "gml: nothing": ("g.gml", ""),
    "gexf: nothing": ("g.gexf", ""),
    "pajek: 10^12 vertices": ("g.net", "*Vertices 1000000000000\n*Edges\n1 2\n"),
    "pajek: vertices below 0": ("g.net", "*Vertices -1\n*Edges\n1 2\n"),
    "pajek: a vertex beyond": ("g.net", "*Vertices 2\n*Edges\n1 9\n"),
    "pajek: 5,000 digits": ("g.net", f"*Vertices {'9' * 5000}\n*Edges\n1 2\n"),
    "parquet: names that are no UTF-8": ("g.parquet", parquet().replace(b"Grace", b"Gr\xe1ce")),
    "parquet: a title that is no UTF-8": ("g.parquet", parquet().replace(b"weight", b"weigh\xf4")),
    "parquet: damaged": ("g.parquet", damaged(parquet())),
    "parquet: cut": ("g.parquet", parquet()[:-30]),
    "csv: cut bzip2": ("g.csv.bz2", bz2.compress(b"a,b\n" * 1000)[:-10]),
    "csv: wrong checksum": ("g.csv.gz", gzip.compress(b"a,b\nb,c\n")[:-8] + b"\0" * 8),
    "csv: weight beyond float32": ("g.csv", "source,target,weight\na,b,1e39\nb,c,1\n"),
    "csv: a quoted cell of 100 MB": ("g.csv", lambda: "source,target,note\na,b,\"" + "x" * 100_000_000 + "\"\nb,c,y\n"),
    "csv: a quote without an end before 30 MB": ("g.csv", lambda: 'source,target,note\na,b,"' + "x\n" * 15_000_000),
    "json: 100,000 brackets": ("g.json", "[" * 100_000),
    "json: a link beyond the nodes": (
        "g.json",
        '{"nodes": [{"name": "a"}, {"name": "b"}], "links": [{"source": 0, "target": 9}]}',
    ),
    "json: a place of 5,000 digits": (
        "g.json",
        f'{{"nodes": [{{"name": "a"}}], "links": [{{"source": 0, "target": {"9" * 5000}}}]}}',
    ),
    "json: half a letter": ("g.jsonl", '{"source": "\\ud800", "target": "b"}\n{"source": "b", "target": "c"}\n'),
    "csv: raw deflate": ("g.csv.gz", zlib.compress(b"a,b\nb,c\n")),
}  # fmt: skip
if installed("torch_sparse"):
    FILES |= {
        "pt: rowptr that does not ascend": ("g.pt", sparse(_rowptr=torch.tensor([0, 2_000_000_000, 2, 2]), _row=None)),
        "pt: rowptr against rows": ("g.pt", sparse(_rowptr=torch.tensor([0, 0, 0, 2]))),
        "pt: rowptr too short": ("g.pt", sparse(_rowptr=torch.tensor([0, 2]), _row=None)),
        "pt: columns beyond": ("g.pt", sparse(_col=torch.tensor([1, 2_000_000_000]))),
        "pt: more columns than rows": ("g.pt", sparse(_col=torch.tensor([1, 2, 0]), _rowptr=None)),
        "pt: sizes below the ids": ("g.pt", sparse(_sparse_sizes=(1, 1), _rowptr=None)),
        "pt: sizes of 2^62": ("g.pt", sparse(_sparse_sizes=(2**62, 2**62), _rowptr=None)),
        "pt: sizes in words": ("g.pt", sparse(_sparse_sizes=("a", "b"))),
        "pt: no columns": ("g.pt", sparse(_col=None)),
        "pt: fewer values than columns": ("g.pt", sparse(_value=torch.ones(1))),
    }
if installed("dgl"):
    FILES |= {
        "bin: an array of 2^40 numbers": ("g.bin", lambda: dgl_graph(struct.pack("<q", 2), struct.pack("<q", 2**40))),
        "bin: an array of 10^9 dimensions": (
            "g.bin",
            lambda: dgl_graph(_ONE_ROW, struct.pack("<i", 10**9) + _ONE_ROW[4:]),
        ),
        "bin: an array on a GPU": ("g.bin", lambda: dgl_graph(struct.pack("<ii", 1, 0), struct.pack("<ii", 2, 0))),
        "bin: numbers of 7 bits": ("g.bin", lambda: dgl_graph(_ONE_ROW, struct.pack("<iBBH", 1, 0, 7, 1))),
        "bin: another kind of edges": ("g.bin", lambda: dgl_graph(_PAIRS, _PAIRS[:8] + b"\x01" * 8)),
        "bin: 2^60 nodes": ("g.bin", lambda: dgl_graph(_PAIRS, _PAIRS[:16] + struct.pack("<q", 2**60))),
        "bin: fewer nodes than ids": ("g.bin", lambda: dgl_graph(_PAIRS, _PAIRS[:16] + struct.pack("<q", 2))),
        "bin: a list of 2^61 names": ("g.bin", lambda: dgl_graph(_NAME, struct.pack("<QQ", 2**61, 2) + b"_N")),
        "bin: a name of 2^61 letters": ("g.bin", lambda: dgl_graph(_NAME, struct.pack("<QQ", 1, 2**61) + b"_N")),
        "bin: a name that is no UTF-8": ("g.bin", lambda: dgl_graph(_NAME, _NAME[:-2] + b"\xff\xff")),
        "bin: 2^40 graphs": ("g.bin", lambda: dgl_file(24, 2**40)),
        "bin: version 1": ("g.bin", lambda: dgl_file(8, 1)),
        "bin: cut": ("g.bin", lambda: dgl_graph()[:-700]),
        "bin: nothing": ("g.bin", b""),
        "bin: head alone": ("g.bin", b"\x3f\xa1\xb4\x46\xf0\x4f\x2e\xdd" + b"\0" * 90),
    }
#: Contradictions in what is not needed to read the edges, which is made anew.
HARMLESS = {}
if installed("torch_sparse"):
    HARMLESS = {
        "pt: a permutation of 2 * 10^9": ("g.pt", sparse(_csr2csc=torch.tensor([2_000_000_000, -1]))),
        "pt: counts below 0": ("g.pt", sparse(_rowcount=torch.tensor([-1, 7, 9]))),
    }


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """What became of each file, in a process of its own, which goes on with the next file if one kills it."""
    folder = tmp_path_factory.mktemp("hostile")
    paths = []
    for number, (name, content) in enumerate({**FILES, **HARMLESS}.values()):
        (folder / str(number)).mkdir()
        paths.append(folder / str(number) / name)
        content = content() if callable(content) else content
        paths[-1].write_bytes(content if isinstance(content, bytes) else content.encode())
    ids = [*FILES, *HARMLESS]
    found = {}
    while len(found) < len(ids):
        words = [sys.executable, "-c", READ, *map(str, paths[len(found) :])]
        done = subprocess.run(words, capture_output=True, text=True, timeout=600, check=False)
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
        for line in lines:
            if line[0] == "end":
                found[ids[int(line[1])]] = line[2:]
        if len(found) < len(ids):
            assert lines, done.stderr
            found[ids[int(lines[-1][1])]] = [f"the end of the process, {done.returncode}: {done.stderr[-300:]}", 0, 0]
    return found


@pytest.mark.parametrize("id", FILES)
def test_refused_in_one_line_before_it_takes_memory(id, outcomes):
    outcome, grown, seconds = outcomes[id]
    assert outcome.startswith("refused: "), outcome
    assert "\n" not in outcome
    assert len(outcome) < 700
    assert seconds < 20
    if "bomb" not in id:
        assert grown < 100_000, f"{grown} kB"


@pytest.mark.parametrize("id", HARMLESS)
def test_what_contradicts_but_is_not_needed_is_made_anew(id, outcomes):
    assert outcomes[id][0] == "read"
