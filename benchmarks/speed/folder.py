"""A graph prepared on the disk and walked from there, beside the same graph in memory: time, and memory as it goes.

The graph is an R-MAT one (Chakrabarti, Zhan and Faloutsos 2004; a, b, c, d = .57, .19, .19, .05) in a Parquet file of
edges, read as directed ones. Memory is the process's own, as Linux counts it ("RssAnon"): pages of files are the
system's to take back. Walks are uniform, of 40 nodes; both ways must give the same ones.
"""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path

import numba
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import torch

import graphembed_ext as ge
from graphembed_ext._core.bits import U64, bits
from graphembed_ext.walks.walker import Walker

from ..curve import Curve
from ..harness import MIB, Benchmark, Case, Clock, Run, measure, memory

SEED, LENGTH = 0, 40
A, B, C = 0.57, 0.19, 0.19
CHUNK, POINTS = 1 << 22, 60
#: Where the graph is walked, and whether it is on the disk.
WAYS = {"mapped": True, "in memory": False}


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--nodes", type=int, default=1_000_000)
    parser.add_argument("--edges", type=int, default=20_000_000)
    parser.add_argument("--memory", default="1G", help="what sorting may take")
    parser.add_argument("--walks", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3, help="processes of each way")
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS, help="where the graph is walked")
    parser.add_argument(
        "--folder", default="", help="a folder for the files, on a disk with room; a temporary one else"
    )


def cases(options: argparse.Namespace) -> list[Case]:
    ways = {name: partial(walking, WAYS[name], options) for name in options.ways}
    return [
        Case("walks", ways, unit="tokens/s", repeats=2, warm_ups=1, rounds=options.rounds, ours=tuple(ways)),
    ]  # fmt: skip


def walking(mapped: bool, options: argparse.Namespace) -> Run:
    before = memory("RssAnon")
    with Clock() as opening:
        view = ge.open_graph(Path(options.folder) / "graph")
        if not mapped:
            ends = np.load(Path(options.folder) / "graph" / "edges.npy").astype(np.int64)
            view = ge.view(torch.from_numpy(ends), num_nodes=view.total_nodes)
        walker = Walker(view, engine="torch")
        walker.steps()
    starts = torch.arange(options.walks) % view.total_nodes

    def found(walks) -> dict[str, float]:
        return {
            "rows": int((walks >= 0).sum()), "check": int((walks * torch.arange(1, LENGTH + 1)).sum() % (1 << 52)),
            "open_seconds": opening.seconds, "own_bytes": memory("RssAnon") - before,
        }  # fmt: skip

    return Run(lambda: walker.walk(starts, LENGTH, SEED).nodes, found)


def write_rmat(path: Path, nodes: int, edges: int) -> None:
    """Edges in their order: each bit of both ends is drawn on its own."""
    depth = max(1, (nodes - 1).bit_length())
    with pyarrow.parquet.ParquetWriter(path, pa.schema([("source", pa.int64()), ("target", pa.int64())])) as file:
        for low in range(0, edges, CHUNK):
            ends = np.empty((2, min(CHUNK, edges - low)), np.int64)
            rmat(low, depth, nodes, U64(SEED), ends)
            file.write_table(pa.table(dict(zip(("source", "target"), ends, strict=True))))


@numba.njit
def rmat(first, depth, nodes, seed, ends):
    """Edges from a number on: each has a stream of its own, and 16 random bits for each bit of its ends."""
    for edge in range(ends.shape[1]):
        stream = bits(seed, U64(first + edge))
        source = target = np.int64(0)
        for level in range(depth):
            if level % 4 == 0:
                random = bits(stream, U64(level))
            share = (random & U64(0xFFFF)) / 65536.0
            random >>= U64(16)
            source = 2 * source + (share >= A + B)
            target = 2 * target + ((A <= share < A + B) or share >= A + B + C)
        ends[0, edge], ends[1, edge] = source % nodes, target % nodes


def main(options: argparse.Namespace, recorder):
    with tempfile.TemporaryDirectory(dir=options.folder or None) as folder:
        options.folder = folder
        source, graph = Path(folder) / "edges.parquet", Path(folder) / "graph"
        write_rmat(source, options.nodes, options.edges)
        before = memory("RssAnon")
        with Clock() as preparing, Curve() as curve:
            ge.prepare(source, graph, memory=options.memory, directed=True, say=curve.say)
        points = curve.points
        source.unlink()
        (case,) = cases(options)
        runs = measure(BENCHMARK, case, options)
        checks = {run["check"] for found in runs.values() for run in found}
        if len(checks) != 1:
            raise AssertionError("walks differ")
        view = ge.open_graph(graph)
        size = sum(file.stat().st_size for file in graph.rglob("*") if file.is_file())
        peak = max((held for _, held in points), default=before) - before
        print(
            f"{view.total_nodes} nodes, {view.total_edges} edges prepared in {preparing.seconds:.1f} s, at most "
            f"{peak / MIB:.0f} MiB held beyond the start's {before / MIB:.0f}, {size / MIB:.0f} MiB written"
        )
        for name, found in runs.items():
            best = max(found, key=lambda run: run["rows"] / run["seconds"])
            print(
                f"{name}: opened in {best['open_seconds']:.3f} s, {best['own_bytes'] / MIB:.0f} MiB of its own, "
                f"{best['rows'] / best['seconds']:.0f} tokens/s"
            )
        every = max(1, len(points) // POINTS)
        # One record for graphs of several sizes.
        report = (recorder.read() or {}).get("results", {})
        return recorder.save(
            report | {f"{options.edges} edges drawn": {
                "nodes": view.total_nodes, "edges": view.total_edges, "folder_bytes": size,
                "prepare_seconds": preparing.seconds, "prepare_peak_bytes": peak, "before_bytes": before,
                "steps": [(at, text.replace(f"{folder}/", "")) for at, text in curve.steps],
                "curve": points[::every], "runs": runs,
            }}
        )  # fmt: skip


BENCHMARK = Benchmark(
    "folder", main, options, cases,
    quick={"nodes": 2000, "edges": 30_000, "memory": "1M", "walks": 500, "rounds": 1},
)  # fmt: skip
BENCHMARKS = [BENCHMARK]
