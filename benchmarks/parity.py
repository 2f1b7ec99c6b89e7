"""Parity on real data: five models across hosts, our classes beside the peers' with equal weights, known differences.

Usage: python benchmarks/parity.py [--only hosts peers differences] [--models deepwalk ...]

Across hosts everything must be equal bit for bit, on one thread. Beside a peer, sums are taken in another order: the
largest difference in float64 says whether both compute the same, that in float32 how far rounding drives them apart.
"""

from __future__ import annotations

import argparse
import time

import torch

import graphembed_ext as ge
from benchmarks import peer_defects
from benchmarks._both_hosts import MODELS, dgl_graph, pyg_graph
from benchmarks.harness import save
from benchmarks.peers import PAIRS

SEED = 0
KINDS = ("output", "loss", "gradient")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="*", default=["hosts", "peers", "differences"])
    parser.add_argument("--models", nargs="*", default=list(MODELS))
    parser.add_argument("--no_save", action="store_true", help="print only")
    args = parser.parse_args()
    began = time.perf_counter()
    results = {}
    if "hosts" in args.only:
        results["hosts"] = [across_hosts(name) for name in args.models]
        show_hosts(results["hosts"])
    if "peers" in args.only:
        results["peers"] = [beside_peer(name) for name in PAIRS]
        show_peers(results["peers"])
    if "differences" in args.only:
        results["differences"] = peer_defects.run()
        peer_defects.show(results["differences"])
    print(f"{time.perf_counter() - began:.0f} s")
    wrong = [row["model"] for row in results.get("hosts", []) if not row["ok"]]
    wrong += [row["peer"] for row in results.get("peers", []) if not row["same"]]
    wrong += [row["title"] for row in results.get("differences", []) if not row["holds"]]
    assert not wrong, wrong
    if not args.no_save:
        print(save("parity", SEED, results, only=args.only, models=args.models))


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
            gap = float((ours - peer).abs().max())
            size = float(peer.abs().max())
            before = largest[kind] or {"absolute": 0.0, "relative": 0.0}
            largest[kind] = {
                "absolute": max(before["absolute"], gap),
                "relative": max(before["relative"], gap / size if size else gap),
            }
        found[str(dtype).removeprefix("torch.")] = largest
    same = all(part is None or part["relative"] < 1e-9 for part in found["float64"].values())
    return {"peer": name, "data": data, "same": same, **found}


def show_peers(rows: list[dict]) -> None:
    print(
        "Beside the peers, equal weights and inputs: largest difference, relative to the largest number of the tensor"
    )
    print(f"{'':<28}{'data':<27}" + "".join(f"{kind + ' ' + d:>15}" for d in ("f32", "f64") for kind in KINDS))
    for row in rows:
        cells = [row[dtype][kind] for dtype in ("float32", "float64") for kind in KINDS]
        figures = "".join(f"{'' if cell is None else format(cell['relative'], '.1e'):>15}" for cell in cells)
        print(f"{row['peer']:<28}{row['data']:<27}{figures}")
    print()


if __name__ == "__main__":
    main()
