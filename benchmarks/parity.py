"""Parity on real data: five models on both hosts, our classes beside DGL's and PyG's, known differences.

Across hosts everything must be equal bit for bit, on one thread. Beside a class of DGL or PyG with equal weights, sums
are taken in another order: the largest difference in float64 says whether both compute the same, that in float32 how
far rounding drives them apart.
"""

from __future__ import annotations

import argparse

import torch

import graphembed_ext as ge

from . import peer_defects
from .data import acm3025, cora, dblp, dgl_graph, gowalla, pyg_graph
from .harness import Benchmark, Clock
from .peers import PAIRS, gap

SEED = 0
KINDS = ("output", "loss", "gradient")
PARTS = ("hosts", "peers", "differences")
#: Data set and arguments of each model.
MODELS = {
    "deepwalk": ("Cora", cora, {}),
    "metapath2vec": (
        "DBLP",
        dblp,
        {
            "metapath": [
                ("author", "to", "paper"),
                ("paper", "to", "conference"),
                ("conference", "to", "paper"),
                ("paper", "to", "author"),
            ],
            "walk_length": 21,
            "window_size": 5,
        },
    ),
    "graphsage": ("Cora", cora, {"hidden_channels": 64, "dropout": 0.5}),
    "han": ("ACM", acm3025, {"hidden_channels": 64, "heads": 8, "steps": 3}),
    "lightgcn": ("Gowalla", gowalla, {"embedding_dim": 64, "num_layers": 3}),
}


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--only", nargs="*", default=list(PARTS), choices=PARTS)
    parser.add_argument("--models", nargs="*", default=list(MODELS), choices=MODELS)
    parser.add_argument("--no_save", action="store_true", help="print only")


def main(options: argparse.Namespace, recorder):
    results = {}
    with Clock() as clock:
        if "hosts" in options.only:
            results["hosts"] = [across_hosts(name) for name in options.models]
            show_hosts(results["hosts"])
        if "peers" in options.only:
            results["peers"] = [beside_peer(name) for name in PAIRS]
            show_peers(results["peers"])
        if "differences" in options.only:
            results["differences"] = peer_defects.run()
            peer_defects.show(results["differences"])
    print(f"{clock.seconds:.0f} s")
    wrong = [row["model"] for row in results.get("hosts", []) if not row["ok"]]
    wrong += [row["peer"] for row in results.get("peers", []) if not row["same"]]
    wrong += [row["title"] for row in results.get("differences", []) if not row["holds"]]
    if wrong:
        raise AssertionError(wrong)
    return None if options.no_save else recorder.save(results)


def across_hosts(name: str) -> dict:
    data, load, config = MODELS[name]
    view = load()
    report = ge.parity.report(name, dgl_graph(view), pyg_graph(view), seed=SEED, **config)
    stages = {}
    for row in report.rows:
        kept = stages.setdefault(row.stage, {"rows": 0, "equal": 0, "absolute": 0.0, "relative": 0.0})
        kept["rows"] += 1
        kept["equal"] += row.equal
        kept["absolute"] = max(kept["absolute"], row.absolute)
        kept["relative"] = max(kept["relative"], row.relative)
    first = report.first_difference
    return {
        "model": name,
        "data": data,
        "nodes": view.total_nodes,
        "edges": view.total_edges,
        "ok": report.ok,
        "engine": report.engine,
        "first_difference": None if first is None else f"{first.stage}, {first.quantity}: {first.reason}",
        "stages": stages,
    }


def show_hosts(rows: list[dict]) -> None:
    print("DGL graph and PyG graph of the same data, edges and types in another order; comparisons that are equal")
    print(f"{'model':<14}{'data':<10}{'nodes':>8}{'edges':>10}  " + "equal of compared, by stage")
    for row in rows:
        stages = ", ".join(f"{name} {found['equal']}/{found['rows']}" for name, found in row["stages"].items())
        verdict = "identical, bit for bit" if row["ok"] else row["first_difference"]
        print(f"{row['model']:<14}{row['data']:<10}{row['nodes']:>8}{row['edges']:>10}  {stages}: {verdict}")
    print()


def beside_peer(name: str) -> dict:
    data, compute = PAIRS[name]
    found = {}
    for dtype in (torch.float32, torch.float64):
        largest = dict.fromkeys(KINDS)
        for quantity, (ours, peer) in compute(dtype).items():
            kind = quantity.partition(" ")[0]
            before = largest[kind] or {"absolute": 0.0, "relative": 0.0}
            found_now = dict(zip(("absolute", "relative"), gap(ours, peer), strict=True))
            largest[kind] = {measure: max(before[measure], found_now[measure]) for measure in before}
        found[str(dtype).removeprefix("torch.")] = largest
    same = all(part is None or part["relative"] < 1e-9 for part in found["float64"].values())
    return {"peer": name, "data": data, "same": same, **found}


def show_peers(rows: list[dict]) -> None:
    print("Beside DGL's and PyG's classes, equal weights and inputs: largest difference by the tensor's largest number")
    print(f"{'':<28}{'data':<27}" + "".join(f"{kind + ' ' + d:>15}" for d in ("f32", "f64") for kind in KINDS))
    for row in rows:
        cells = [row[dtype][kind] for dtype in ("float32", "float64") for kind in KINDS]
        figures = "".join(f"{'' if cell is None else format(cell['relative'], '.1e'):>15}" for cell in cells)
        print(f"{row['peer']:<28}{row['data']:<27}{figures}")
    print()


BENCHMARKS = [Benchmark("parity", main, options, quick={"models": ["deepwalk", "graphsage"], "only": ["hosts"]})]
