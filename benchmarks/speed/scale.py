"""Training from 10^4 to 10^6 nodes: tokens per second, and the most memory held beside what was foretold.

    python benchmarks/scale.py [--nodes 10000 100000 1000000]

Every size runs in a process of its own, on a random graph with 20 edges a node (20 M at the top), both directions
counted; window 5, 128 dimensions, 5 noise nodes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
DEGREE, SEED = 20, 0
#: Nodes that the walks of one timed training visit.
TOKENS = 16_000_000


def run(nodes: int) -> dict[str, float]:
    import numpy as np
    import torch

    import graphembed_ext as ge
    from graphembed_ext._core import memory

    draw = torch.Generator().manual_seed(SEED)
    half = torch.randint(nodes, (2, nodes * DEGREE // 2), generator=draw)
    edges = torch.cat([half, half.flip(0)], 1)
    del half
    imported = memory.resident()
    began = time.perf_counter()
    model = ge.DeepWalk(edges, num_nodes=nodes, fast_neg=False, seed=SEED)
    built = time.perf_counter() - began
    before = model.node_embed.weight[:1000].detach().clone()
    ring = torch.stack([torch.arange(100), (torch.arange(100) + 1) % 100])
    ge.fit(ge.DeepWalk(ring, fast_neg=False, seed=SEED), progress=False)  # compiles, or reads what was compiled
    passes = max(1, TOKENS // (40 * nodes))
    began = time.process_time()
    result = ge.fit(model, epochs=passes, lr=0.025, progress=False)
    cpu = time.process_time() - began
    peak = result.peak_memory
    began = time.perf_counter()
    ge.view(edges, num_nodes=nodes).csr()
    canonical = time.perf_counter() - began
    moved = float((model.node_embed.weight[:1000].detach() - before).abs().mean())
    if not np.isfinite(result.loss) or moved == 0:
        raise SystemExit(f"training failed: loss {result.loss}, moved {moved}")
    return {
        "nodes": nodes, "edges": edges.size(1), "built_seconds": built, "canonical_seconds": canonical,
        "tokens": result.tokens, "seconds": result.seconds, "tokens_per_second": result.tokens / result.seconds,
        "tokens_per_cpu_second": result.tokens / cpu, "graph_and_imports": imported,
        "predicted_memory": result.predicted_memory, "peak_memory": peak, "loss": result.loss,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=Path, default=RESULTS / "scale.json")
    parser.add_argument("--run", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        print(json.dumps(run(options.run)))
        return
    report = {
        "cores": os.cpu_count(), "seed": SEED, "load_before": os.getloadavg()[0], "runs": [],
        "versions": {name: metadata.version(name) for name in ("torch", "numba", "numpy")},
    }  # fmt: skip
    print(
        f"{'nodes':>8} {'edges':>9} {'k tokens/s':>10} {'by cpu time':>11} {'CSR s':>6} {'foretold':>8} {'peak GiB':>8}"
    )
    for _ in range(options.rounds):
        for nodes in options.nodes:
            command = [sys.executable, __file__, "--run", str(nodes)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=3600)
            if done.returncode:
                raise SystemExit(done.stderr)
            found = json.loads(done.stdout.strip().splitlines()[-1])
            report["runs"].append(found)
            print(f"{nodes:8} {found['edges']:9} {found['tokens_per_second'] / 1e3:10.0f} "
                  f"{found['tokens_per_cpu_second'] / 1e3:11.0f} "
                  f"{found['canonical_seconds']:6.2f} {found['predicted_memory'] / 2**30:8.2f} "
                  f"{found['peak_memory'] / 2**30:8.2f}", flush=True)  # fmt: skip
    options.output.parent.mkdir(exist_ok=True)
    options.output.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
