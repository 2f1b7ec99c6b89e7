"""Damaged files by the thousand, for every reader: each is read or refused in one line, in bounded time and memory.

Real files are changed at random, each change repeatable by its number. They are read in a process of its own, which
goes on behind a file that ends it. The tests run a few of each kind; ``make fuzz SECONDS=3600`` spends an hour of one
processor on them, however busy the machine is, tells each minute what it has read, and keeps each file that is neither
read nor refused.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import os
import random
import signal
import struct
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.io
import scipy.sparse as sp
import torch
from torch_geometric.data import Data, HeteroData

import graphembed_ext as ge
from graphembed_ext._core.memory import peak
from graphembed_ext._core.optional import import_dgl, installed
from graphembed_ext.errors import GraphEmbedError
from graphembed_ext.readers.node_features import read_features
from graphembed_ext.readers.node_tables import read_labels

#: Seconds of a processor and bytes that a file of a few kilobytes may take.
MOST_SECONDS, MOST_BYTES = 20, 300_000_000
_TABLE = "source,target,weight,note\n" + "".join(f'n{i % 7},"m, {i % 5}",{i / 4},x{i}\n' for i in range(30))
_RATINGS = "".join(f"{i % 9 + 1}::{i % 4 + 1}::{i % 5 + 1}::97830{i:04}\n" for i in range(40))
_MATRIX = sp.csr_matrix((np.arange(1.0, 7), ([0, 1, 2, 3, 4, 0], [1, 2, 3, 4, 0, 2])), (5, 5))
_EDGES = torch.tensor([[0, 1, 2], [1, 2, 0]])
_PATH = torch.tensor([[0, 1], [1, 0]])


def _by(write: Callable[[Any], Any]) -> bytes:
    file = io.BytesIO()
    write(file)
    return file.getvalue()


def _named(ending: str, write: Callable[[Path], Any]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / f"g{ending}")
        return (Path(folder) / f"g{ending}").read_bytes()


def _data() -> Data:
    return Data(edge_index=_EDGES, x=torch.ones(3, 2), y=torch.tensor([0, 1, 0]), num_nodes=3)


def _typed() -> HeteroData:
    graph = HeteroData()
    graph["a"].x, graph["b"].num_nodes = torch.ones(3, 2), 3
    graph["a", "to", "b"].edge_index = _EDGES
    return graph


def _legacy(graph: Any) -> bytes:
    return _by(lambda file: torch.save(graph, file, _use_new_zipfile_serialization=False))


def _dgl(kind: str) -> bytes:
    dgl = import_dgl("the file of a test")
    if kind == "typed":
        edges = {("a", "to", "b"): ([0, 1], [1, 1]), ("b", "back", "a"): ([1], [0])}
        graph = dgl.heterograph(edges, num_nodes_dict={"a": 3, "b": 2})
        graph.nodes["a"].data["x"] = torch.ones(3, 2)
    else:
        graph = dgl.graph((torch.arange(30) % 10, torch.arange(30) % 7), num_nodes=10, idtype=torch.int32)
        if kind == "features":
            graph.ndata["x"], graph.ndata["y"], graph.edata["w"] = torch.ones(10, 3), torch.arange(10), torch.ones(30)
        graph = graph.formats(["csr"]) if kind == "rows" else graph
    labels = {"glabel": torch.tensor([1])} if kind == "features" else None
    return _named(".bin", lambda path: dgl.save_graphs(str(path), [graph], labels))


def _karate(writer: str) -> Callable[[], bytes]:
    return lambda: _named(".x", lambda path: getattr(nx, f"write_{writer}")(nx.karate_club_graph(), path))


def _parquet() -> bytes:
    table = pa.table({"source": ["a", "b", "c"], "target": ["b", "c", "a"], "weight": [1.0, 2.0, 3.0]})
    return _by(lambda file: pq.write_table(table, file))


def _embeddings(ending: str) -> Callable[[], bytes]:
    model = ge.DeepWalk(_PATH, emb_dim=4, seed=0)
    return lambda: _named(ending, ge.embed(model).save)


def _checkpoint(ending: str) -> Callable[[], bytes]:
    return lambda: _named(ending, lambda path: ge.checkpoint.save(ge.DeepWalk(_PATH, emb_dim=4, seed=0), path))


def _graph(path: Path) -> None:
    graph = ge.readers.read_graph(path)
    if not graph.view.is_typed:
        graph.view.csr()


def _features(path: Path) -> None:
    read_features(str(path), None, 5)


def _labels(path: Path) -> None:
    read_labels(path, None, 5)


def _load(path: Path) -> None:
    ge.checkpoint.load(ge.DeepWalk(_PATH, emb_dim=4, seed=0), path)


def _vectors(path: Path) -> None:
    from graphembed_ext import pyg

    ge.checkpoint.load(pyg.Node2Vec(_PATH, 4, 2, 2), path)


#: Name of a target: ending of its file, the file, and what reads it.
TARGETS: dict[str, tuple[str, Callable[[], bytes], Callable[[Path], Any]]] = {
    "csv": (".csv", _TABLE.encode, _graph),
    "csv of several lines": (".csv", lambda: _TABLE.replace("m, ", "m\n ").encode(), _graph),
    "tsv": (".tsv", _TABLE.replace(",", "\t").encode, _graph),
    "packed csv": (".csv.gz", lambda: gzip.compress(_TABLE.encode(), mtime=0), _graph),
    "ratings": (".dat", _RATINGS.encode, _graph),
    "adjacency lists": (".adjlist", _karate("adjlist"), _graph),
    "Cytoscape": (".sif", lambda: b"Ada pp Bob Cleo\nBob pd Dan\nEve\n" * 9, _graph),
    "JSON": (".json", lambda: json.dumps(nx.node_link_data(nx.karate_club_graph())).encode(), _graph),
    "JSON lines": (".jsonl", lambda: b'{"source": "Ada", "target": 7, "weight": 0.5}\n' * 9, _graph),
    "Parquet": (".parquet", _parquet, _graph),
    "MatrixMarket": (".mtx", lambda: _by(lambda file: scipy.io.mmwrite(file, _MATRIX)), _graph),
    "MATLAB": (".mat", lambda: _by(lambda file: scipy.io.savemat(file, {"network": _MATRIX.tocsc()})), _graph),
    "npy": (".npy", lambda: _by(lambda file: np.save(file, _MATRIX.toarray())), _graph),
    "npz of SciPy": (".npz", lambda: _by(lambda file: sp.save_npz(file, _MATRIX)), _graph),
    "npz of arrays": (".npz", lambda: _by(lambda file: np.savez(file, edge_index=_EDGES.numpy())), _graph),
    "pt": (".pt", lambda: _by(lambda file: torch.save(_data(), file)), _graph),
    "typed pt": (".pt", lambda: _by(lambda file: torch.save(_typed(), file)), _graph),
    "legacy pt": (".pt", lambda: _legacy(_data()), _graph),
    "GraphML": (".graphml", _karate("graphml"), _graph),
    "GEXF": (".gexf", _karate("gexf"), _graph),
    "GML": (".gml", _karate("gml"), _graph),
    "Pajek": (".net", _karate("pajek"), _graph),
    "features": (".csv", lambda: b"node,a,b\n0,1,2\n1,3,4\n2,5,6\n3,7,8\n4,9,0\n", _features),
    "features in npy": (".npy", lambda: _by(lambda file: np.save(file, np.ones((5, 3)))), _features),
    "labels": (".csv", lambda: b"node,label\n0,x\n1,y\n2,x\n3,y\n4,x\n", _labels),
    "labels in npy": (".npy", lambda: _by(lambda file: np.save(file, np.arange(5))), _labels),
    "embeddings": (".npz", _embeddings(".npz"), ge.Embeddings.load),
    "embeddings in Parquet": (".parquet", _embeddings(".parquet"), ge.Embeddings.load),
    "checkpoint": (".pt", _checkpoint(".pt"), _load),
    "checkpoint in safetensors": (".safetensors", _checkpoint(".safetensors"), _load),
    "checkpoint, legacy": (".pt", lambda: _legacy(ge.DeepWalk(_PATH, emb_dim=4, seed=0).state_dict()), _load),
    "word2vec": (".txt", lambda: b"2 4\n0 1 2 3 4\n1 5 6 7 8\n", _vectors),
    "word2vec, binary": (".bin", lambda: b"2 4\n0 " + bytes(range(16)) + b"\n1 " + bytes(range(16)) + b"\n", _vectors),
}
if installed("dgl"):
    for _kind in ("plain", "rows", "features", "typed"):
        TARGETS[f"DGL, {_kind}"] = (".bin", lambda kind=_kind: _dgl(kind), _graph)

_INSERTED = (b"9" * 20, b"9" * 5000, b"-", b"\xff" * 8, b"\0" * 8, b"1e400", b"<", b"[", b'"', b"{", b"\n", b",", b"\r")
_NUMBERS = (-1, 0, 1, 3, 7, 100, 2**31, 2**40, 2**62, 2**63 - 1)


def damaged(content: bytes, number: int) -> bytes:
    """The file of a number: bytes changed, left out, put in, turned into other counts, cut or doubled."""
    draw, found = random.Random(number), bytearray(content)
    for _ in range(draw.choice((1, 1, 1, 2, 4, 16))):
        kind, place = draw.randrange(8), draw.randrange(max(len(found), 1))
        if kind == 0:
            found[place : place + 1] = bytes([draw.randrange(256)])
        elif kind == 1:
            del found[place : place + draw.randrange(1, 9)]
        elif kind == 2:
            found[place:place] = draw.choice(_INSERTED)
        elif kind == 3 and found:
            found[place] ^= 1 << draw.randrange(8)
        elif kind == 4:
            found[place // 8 * 8 : place // 8 * 8 + 8] = struct.pack("<q", draw.choice(_NUMBERS))
        elif kind == 5:
            found[place : place + 4] = struct.pack("<i", draw.choice(_NUMBERS) % 2**32 - 2**31)
        elif kind == 6 and draw.random() < 0.2:
            del found[place:]
        elif kind == 7:
            found[place:place] = found[place : place + draw.randrange(1, 40)]
    return bytes(found)


def outcome(read: Callable[[Path], Any], path: Path) -> str:
    """``"read"``, ``"refused"``, or what is wrong."""
    before, begun = peak(), time.process_time()  # others' work on the same machine does not count
    try:
        read(path)
        found = "read"
    except GraphEmbedError as error:
        found = "refused" if "\n" not in str(error) else f"several lines: {error!s:.200}"
    except BaseException as error:
        found = f"a bare {type(error).__name__}: {error!s:.200}"
    if (took := time.process_time() - begun) > MOST_SECONDS:
        found = f"{took:.0f} seconds ({found})"
    return found if peak() - before < MOST_BYTES else f"{(peak() - before) >> 20} MB ({found})"


def child(todo: dict[str, int], count: int, seconds: float, folder: Path) -> None:
    """Read damaged files of targets from a number on, and say of each what became of it."""
    warnings.simplefilter("ignore")
    begun = time.process_time()
    for place, (name, start) in enumerate(todo.items(), 1):
        ending, make, read = TARGETS[name]
        content, path = make(), folder / f"g{ending}"
        path.write_bytes(content)
        print(json.dumps(["begin", name, -1]), flush=True)
        read(path)
        for number in range(start, count):
            if time.process_time() - begun > seconds * place / len(todo):
                break
            path.write_bytes(damaged(content, number))
            print(json.dumps(["begin", name, number]), flush=True)
            signal.setitimer(signal.ITIMER_PROF, 5 * MOST_SECONDS)  # ends the process, compiled loops included
            print(json.dumps(["end", name, number, outcome(read, path)]), flush=True)
            signal.setitimer(signal.ITIMER_PROF, 0)


def _spent() -> float:
    """Seconds that processors have spent on the processes begun here, those of now left out."""
    times = os.times()
    return times.children_user + times.children_system


def run(todo: dict[str, int], count: int, seconds: float) -> Iterator[tuple[str, int, str]]:
    """Target, number and outcome of each file as it comes, as far as the time reaches.

    Args:
        todo: The number of the first file of each target.
        count: The number behind the last one.
        seconds: Of a processor, for all together.
    """
    until = _spent() + seconds
    while todo and (left := until - _spent()) > 0:
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as errors:
            words = ["-m", "tests.readers.fuzz", "--child", json.dumps(todo), str(count), str(left), folder]
            with subprocess.Popen(
                [sys.executable, *words], stdout=subprocess.PIPE, stderr=errors, text=True
            ) as running:
                line = ["", "", -1]
                try:
                    for text in running.stdout or ():
                        if text.startswith('["'):
                            line = json.loads(text)
                            if line[0] == "end":
                                yield line[1], line[2], line[3]
                except BaseException:
                    running.kill()
                    raise
            errors.seek(0)
            said = errors.read()
        if running.returncode == 0:
            return
        kind, name, number = line[:3]
        if kind != "begin" or number < 0:
            raise AssertionError(said[-2000:])
        yield name, number, f"the end of the process, {running.returncode}: {said[-300:]}"
        names = list(todo)
        todo = {name: number + 1} | {other: todo[other] for other in names[names.index(name) + 1 :]}


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


def _keep(name: str, number: int, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    ending, make, _ = TARGETS[name]
    path = folder / f"{name.replace(', ', '-').replace(' ', '-')}-{number}{ending}"
    path.write_bytes(damaged(make(), number))
    return path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="of a processor, for all targets together")
    parser.add_argument("--count", type=int, default=10**9, help="files of each target")
    parser.add_argument("--start", type=int, default=0, help="number of the first file of each")
    parser.add_argument("--target", nargs="*", default=list(TARGETS), choices=list(TARGETS))
    parser.add_argument("--keep", type=Path, default=Path("fuzz-failures"))
    parser.add_argument("--every", type=float, default=60, help="seconds between two lines of what has been read")
    options = parser.parse_args()
    counts: dict[str, Counter[str]] = {name: Counter() for name in options.target}
    begun, told = time.monotonic(), time.monotonic()

    def tell() -> None:
        total = sum(counts.values(), Counter())
        targets = {name: dict(found) for name, found in counts.items() if found}
        print(
            json.dumps({"minutes": round((time.monotonic() - begun) / 60, 1), **total, "targets": targets}), flush=True
        )

    signal.signal(signal.SIGTERM, _stop)
    try:
        for name, number, found in run(
            dict.fromkeys(options.target, options.start), options.start + options.count, options.seconds
        ):
            failed = found not in ("read", "refused")
            counts[name]["failed" if failed else found] += 1
            if failed:
                print(f"{name} {number}: {found}\n    kept as {_keep(name, number, options.keep)}", flush=True)
            if time.monotonic() - told > options.every:
                told = time.monotonic()
                tell()
    except KeyboardInterrupt:
        print("stopped", flush=True)
    finally:
        tell()
    total = sum(counts.values(), Counter())
    print(f"{total.total()} files in {_spent():.0f} seconds of a processor, {total['failed']} neither read nor refused")
    return int(total["failed"] > 0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(json.loads(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), Path(sys.argv[5]))
    else:
        sys.exit(main())
