"""The files of the corpus through the readers of others: networkx, pandas, DGL's CSVDataset, GRAPE and RecBole.

Each is asked as its manual says for a file of this ending, with what the case's options say. A file counts as right
if the graph is that of the case, as wrong if another one came without a word, else as refused. GRAPE and RecBole do not
share an environment with this package: ``--grape`` and ``--recbole`` name a Python that has them.

    python -m tests.readers.compare --grape /path/to/python --recbole /path/to/python --record tests/readers/peers.json
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib.metadata
import io
import json
import subprocess
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import scipy.io
import scipy.sparse as sp
import torch

import graphembed_ext as ge
from graphembed_ext._core.optional import import_dgl

from .corpus import CASES, Case

_PACKED = (".gz", ".bz2", ".xz", ".zst")
_TEXT = (".csv", ".tsv", ".txt", ".edgelist", ".data", ".dat", ".edges", ".inter", ".link", ".kg", ".base", ".ncol", "")
_TABS = (".tsv", ".inter", ".kg", ".link")
Reader = Callable[[Path, dict[str, Any]], Any]


def kind_of(path: Path) -> str:
    name = path.name.lower()
    for ending in _PACKED:
        name = name.removesuffix(ending)
    return Path(name).suffix


def shaped(graph: Any) -> Any:
    """A graph of networkx as a case compares it."""
    names, place = [str(node) for node in graph.nodes], {node: i for i, node in enumerate(graph.nodes)}
    weighted = any("weight" in values for *_, values in graph.edges(data=True))
    found: dict[tuple[int, int], float] = {}
    for u, v, values in graph.edges(data=True):
        for a, b in ((u, v),) if graph.is_directed() else {(u, v), (v, u)}:
            weight, pair = float(values.get("weight", 1)), (place[a], place[b])
            found[pair] = found.get(pair, 0) + weight if graph.is_multigraph() else weight
    return _view({"_N": names}, ("_N", "_E", "_N"), found, weighted)


def _view(names: dict[str, list[str]], kind: Any, found: dict[tuple[int, int], float], weighted: bool) -> Any:
    src, dst = (torch.tensor([pair[side] for pair in found]) for side in (0, 1))
    features = {"weight": torch.tensor(list(found.values()))} if weighted else {}
    counts = {node_type: len(of) for node_type, of in names.items()}
    view = SimpleNamespace(num_nodes=counts, edges={kind: (src, dst)}, edge_features={kind: features})
    return SimpleNamespace(view=view, names=names, weight="weight" if weighted else None, notes=())


def by_networkx(path: Path, options: dict[str, Any]) -> Any:
    kind, directed = kind_of(path), options.get("directed")
    readers = {".graphml": nx.read_graphml, ".gexf": nx.read_gexf, ".gml": nx.read_gml, ".net": nx.read_pajek}
    readers[".adjlist"] = nx.read_adjlist
    readers[".json"] = lambda file: nx.node_link_graph(json.loads(file.read_text()))
    readers[".mtx"] = lambda file: nx.from_scipy_sparse_array(scipy.io.mmread(file))
    readers[".npz"] = lambda file: nx.from_scipy_sparse_array(sp.load_npz(file))
    readers[".npy"] = lambda file: nx.from_numpy_array(np.load(file))
    graph = readers[kind](path) if kind in readers else _edge_list(path, kind, options)
    if directed and not graph.is_directed():
        return graph.to_directed()
    return graph.to_undirected() if graph.is_directed() and not directed else graph


def _edge_list(path: Path, kind: str, options: dict[str, Any]) -> Any:
    how = {
        "delimiter": options.get("delimiter") or {".csv": ",", ".tsv": "\t"}.get(kind),
        "encoding": options.get("encoding", "utf-8"),
        "comments": options.get("comment", "#") or None,
        "create_using": nx.DiGraph if options.get("directed") else nx.Graph,
    }
    try:
        graph = nx.read_edgelist(path, **how)
    except (TypeError, IndexError, SyntaxError):
        graph = nx.read_weighted_edgelist(path, **how)
    if not graph.number_of_edges():
        raise ValueError("no edges")
    return graph


def by_pandas(path: Path, options: dict[str, Any], sniff: bool = False) -> Any:
    kind = kind_of(path)
    if kind not in (*_TEXT, ".parquet"):
        raise ValueError("no table")
    table = pd.read_parquet(path) if kind == ".parquet" else pd.read_csv(path, **_of_pandas(kind, options, sniff))
    if not len(table):
        raise ValueError("no rows")
    columns, low = options.get("columns") or {}, {str(title).lower(): title for title in table.columns}
    ends = [columns.get(role, low.get(role, place)) for place, role in enumerate(("source", "target"), 1)]
    source, target = (table.columns[end - 1] if isinstance(end, int) else end for end in ends)
    weight = None if options.get("weight") is False else low.get("weight")
    kind_of_graph = nx.MultiDiGraph if options.get("directed") else nx.MultiGraph
    graph = nx.from_pandas_edgelist(table, source, target, None if weight is None else [weight], kind_of_graph)
    if weight is not None:
        for *_, values in graph.edges(data=True):
            values["weight"] = values.pop(weight)
    return graph


def _of_pandas(kind: str, options: dict[str, Any], sniff: bool) -> dict[str, Any]:
    how = {name: options[name] for name in ("encoding", "comment") if options.get(name)}
    if options.get("header") is False:
        how["header"] = None
    if options.get("delimiter") or sniff:
        return how | {"sep": options.get("delimiter"), "engine": "python"}
    return how | ({} if kind == ".csv" else {"sep": "\t" if kind in _TABS else r"\s+"})


def by_dgl(path: Path, options: dict[str, Any]) -> Any:
    """DGL's CSVDataset, which takes plain .csv alone, beside a description of its columns."""
    if path.suffix.lower() != ".csv":
        raise ValueError("no .csv")
    folder = path.parent / "dataset"
    folder.mkdir()
    (folder / path.name).write_bytes(path.read_bytes())
    edges = f"edge_data:\n- file_name: {path.name}\nnode_data: []\n"
    (folder / "meta.yaml").write_text(f"dataset_name: x\n{edges}")
    dgl = import_dgl("DGL's CSVDataset")
    with contextlib.redirect_stdout(io.StringIO()):
        return dgl.to_networkx(dgl.data.CSVDataset(str(folder), force_reload=True)[0])


#: What another Python is told; it answers with a line for each file: names of edges' ends, weights, whether typed.
_GRAPE = """
import json, sys
from ensmallen import Graph
for line in sys.stdin:
    file = json.loads(line)
    try:
        with open(file["path"], encoding="utf-8") as lines:
            titles = [title.strip().lower() for title in lines.readline().split(file["separator"])]
        more = {"weights_column_number": titles.index("weight")} if "weight" in titles else {}
        graph = Graph.from_csv(
            edge_path=file["path"], directed=file["directed"], edge_list_separator=file["separator"],
            edge_list_header=file["header"], sources_column_number=0, destinations_column_number=1,
            verbose=False, **more)
        pairs = [list(pair) for pair in graph.get_directed_edge_node_names()]
        weights = [float(w) for w in graph.get_directed_edge_weights()] if more else None
        answer = {"names": list(graph.get_node_names()), "pairs": pairs, "weights": weights}
    except BaseException as error:
        answer = {"error": str(error)[:200]}
    print("ANSWER" + json.dumps(answer), flush=True)
"""
_RECBOLE = """
import json, logging, pathlib, shutil, sys, tempfile
import numpy
numpy.float_, numpy.complex_, numpy.unicode_, numpy.bool8 = numpy.float64, numpy.complex128, numpy.str_, numpy.bool_
from recbole.config import Config
from recbole.data.dataset import Dataset
logging.disable(logging.CRITICAL)
sys.argv = sys.argv[:1]
for line in sys.stdin:
    file = json.loads(line)
    try:
        root = pathlib.Path(tempfile.mkdtemp())
        (root / "x").mkdir()
        shutil.copy(file["path"], root / "x" / "x.inter")
        config = Config(model="BPR", dataset="x", config_dict={
            "data_path": str(root), "field_separator": file["separator"], "use_gpu": False, "load_col": None,
            "benchmark_filename": None})
        data = Dataset(config)
        users, items = data.inter_feat[data.uid_field], data.inter_feat[data.iid_field]
        pairs = [[str(data.id2token(data.uid_field, int(u))), str(data.id2token(data.iid_field, int(i)))]
                 for u, i in zip(users, items)]
        answer = {"pairs": pairs, "weights": None, "sides": True}
    except BaseException as error:
        answer = {"error": str(error)[:200]}
    print("ANSWER" + json.dumps(answer), flush=True)
"""


class Elsewhere:
    """A reader in another environment."""

    def __init__(self, python: str, script: str) -> None:
        self._words = [python, "-W", "ignore", "-c", script]
        self._process: Any = None

    def __call__(self, path: Path, options: dict[str, Any]) -> Any:
        kind = kind_of(path)
        if kind not in _TEXT:
            raise ValueError("no table")
        if self._process is None or self._process.poll() is not None:
            streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
            self._process = subprocess.Popen(self._words, text=True, **streams)
        separator = options.get("delimiter") or ("," if kind == ".csv" else "\t" if kind in _TABS else " ")
        asked = {"path": str(path), "separator": separator, "directed": bool(options.get("directed"))}
        self._process.stdin.write(json.dumps(asked | {"header": options.get("header") is not False}) + "\n")
        self._process.stdin.flush()
        lines: Iterable[str] = iter(self._process.stdout.readline, "")
        answer = next((json.loads(line[6:]) for line in lines if line.startswith("ANSWER")), {"error": "ended"})
        if "error" in answer:
            raise ValueError(answer["error"])
        return self._shaped(**answer)

    def _shaped(self, pairs: Any, weights: Any, names: Any = None, sides: bool = False) -> Any:
        if not pairs:
            raise ValueError("no edges")
        first, second = (dict.fromkeys(ends) for ends in zip(*pairs, strict=True))
        both = [list(first), list(second)] if sides else [list(names)] * 2
        places = [{name: i for i, name in enumerate(of)} for of in both]
        found: dict[tuple[int, int], float] = {}
        for number, (a, b) in enumerate(pairs):
            found[places[0][a], places[1][b]] = 1.0 if weights is None else weights[number]
        if sides:
            return _view({"user": both[0], "item": both[1]}, ("user", "to", "item"), found, weights is not None)
        return _view({"_N": both[0]}, ("_N", "_E", "_N"), found, weights is not None)


def outcome(case: Case, read: Reader) -> str:
    """``"right"``, ``"wrong"`` or ``"refused"``."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = case.write(Path(folder))
        try:
            graph = read(path, dict(case.options))
            graph = shaped(graph) if isinstance(graph, nx.Graph) else graph
        except (Exception, SystemExit):
            return "refused, as it should" if case.answer is None else "refused, though it can be read"
        return "right" if case.difference(graph) is None else "wrong"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grape", help="a Python that has ensmallen")
    parser.add_argument("--recbole", help="a Python that has RecBole")
    parser.add_argument("--record", type=Path, help="file for the counts")
    options = parser.parse_args()
    versions = {name: importlib.metadata.version(name) for name in ("networkx", "pandas", "dgl")}
    readers: dict[str, Reader] = {
        "graphembed_ext": lambda path, given: ge.readers.read_graph(path, **given),
        f"networkx {versions['networkx']}": by_networkx,
        f"pandas {versions['pandas']} to networkx": by_pandas,
        f"pandas {versions['pandas']}, its sniffer, to networkx": functools.partial(by_pandas, sniff=True),
        f"DGL {versions['dgl']}, CSVDataset": by_dgl,
    }
    for name, python, script in (("GRAPE", options.grape, _GRAPE), ("RecBole", options.recbole, _RECBOLE)):
        if python:
            readers[name] = Elsewhere(python, script)
    record: dict[str, Any] = {"files": len(CASES), "readers": {}}
    for name, read in readers.items():
        counts = Counter(outcome(case, read) for case in CASES)
        record["readers"][name] = dict(sorted(counts.items()))
        print(name, record["readers"][name], flush=True)
    if options.record:
        options.record.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
