"""Reading an edge list of named nodes: seconds, and memory beside what is kept, ours beside pandas and polars.

Every run is a process of its own, in turns, on one file of lines ``user_0000017,user_0123456``. ``ours`` is
``ge.readers.read_graph`` with ``directed=True``: names, ids, the graph. ``pandas`` is ``read_csv`` and ``factorize``
of both columns; ``polars``, where it is installed, ``read_csv`` with categorical columns. All must find as many names
and edges as there are. Memory is VmHWM less what the process held before.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import tempfile
from pathlib import Path

import numpy as np

import graphembed_ext as ge

from ..harness import MIB, Benchmark, Case, Run, measure, memory, peak_memory

SEED = 0


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--edges", type=int, default=20_000_000)
    parser.add_argument("--nodes", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=1, help="processes of each reader")


def cases(options: argparse.Namespace) -> list[Case]:
    readers = {"ours": ours, "pandas": by_pandas}
    if importlib.util.find_spec("polars") is None:
        print("polars is not installed: left out")
    else:
        readers["polars"] = by_polars
    runs = {name: lambda read=read: reading(read, options.edges, options.nodes) for name, read in readers.items()}
    return [Case("reading", runs, unit="edges/s", repeats=1, warm_ups=0, rounds=options.rounds)]


def file_of(edges: int, nodes: int) -> Path:
    """The edge list, written once and kept for the runs to come."""
    path = Path(tempfile.gettempdir()) / f"graphembed-benchmark-{edges}-{nodes}.csv"
    if not path.exists():
        part, draw = path.with_suffix(".part"), np.random.default_rng(SEED)
        names = np.array([b"user_%07d" % node for node in range(nodes)])
        with part.open("wb") as file:
            file.write(b"source,target\n")
            for start in range(0, edges, 1_000_000):
                pairs = names[draw.integers(nodes, size=(min(1_000_000, edges - start), 2))]
                file.write(b"\n".join(map(b",".join, pairs)) + b"\n")
        part.replace(path)
    return path


def reading(read, edges: int, nodes: int) -> Run:
    path = file_of(edges, nodes)
    small = path.with_name("graphembed-benchmark-small.csv")
    small.write_text("source,target\nuser_a,user_b\n")
    read(small)  # what a first call imports is not memory of this file
    held = memory("VmRSS")

    def found(result) -> dict[str, float]:
        peak = peak_memory() - held
        names, rows, kept = result
        if not (0.5 * nodes < names <= nodes and 0.95 * edges < rows <= edges):
            raise AssertionError(f"{names} names and {rows} edges in a file of {edges} lines")
        return {"rows": edges, "names": names, "edges": rows, "peak_over_start": peak, "kept": kept}

    return Run(lambda: read(path), found)


def ours(path: Path) -> tuple[int, int, int]:
    graph = ge.readers.read_graph(path, directed=True)
    (names,) = graph.names.values()
    ((src, dst),) = graph.view.edges.values()
    kept = 8 * (len(src) + len(dst)) + sum(map(len, names)) + 8 * len(names)
    return len(names), len(src), kept


def by_pandas(path: Path) -> tuple[int, int, int]:
    import pandas

    table = pandas.read_csv(path)
    codes, names = pandas.factorize(np.concatenate([table["source"].to_numpy(), table["target"].to_numpy()]))
    return len(names), len(codes) // 2, codes.nbytes + sum(map(len, names)) + 8 * len(names)


def by_polars(path: Path) -> tuple[int, int, int]:
    import polars

    table = polars.read_csv(path, schema_overrides={"source": polars.Categorical, "target": polars.Categorical})
    names = polars.concat([table["source"].unique(), table["target"].unique()]).cast(polars.String).unique()
    kept = 4 * 2 * len(table) + names.str.len_bytes().sum() + 8 * len(names)
    return len(names), len(table), kept


def main(options: argparse.Namespace, recorder):
    (case,) = cases(options)
    runs = {name: found[0] for name, found in measure(BENCHMARK, case, options).items()}
    for name, run in runs.items():
        print(
            f"{name:>7}: {run['seconds']:.1f} s, {run['peak_over_start'] / MIB:.0f} MiB at most for "
            f"{run['kept'] / MIB:.0f} MiB kept, {run['peak_over_start'] / run['kept']:.2f} times"
        )
    versions = {name: importlib.metadata.version(name) for name in runs if name != "ours"}
    return recorder.save({"runs": runs, "versions": versions})


BENCHMARK = Benchmark("reading", main, options, cases, quick={"edges": 20_000, "nodes": 5_000})
BENCHMARKS = [BENCHMARK]
