"""LightGCN on Gowalla: recall@20 and ndcg@20 over CPU time and clock, written as it goes, resumed where it stopped.

Usage: python benchmarks/lightgcn_gowalla.py reference|fast [--cpu_hours H] [--checkpoint FILE]

``reference`` has the settings of LightGCN-PyTorch's log: decay 1e-4, learning rate 1e-3, batches of 2,048 triplets
(a uniform user, a uniform item of its own, a uniform other one), 3 layers, weights from N(0, 0.1). ``fast`` is for an
hour of CPU time: large batches, and a learning rate that falls to 0 over the hour. Batch size and rate were chosen on a
tenth of the training pairs held out (``--holdout``), never on the test pairs; the schedule was not tried there.

CPU time is the process's, all threads together, without evaluation. Settings that end by a schedule state their
epochs; the others go on until the CPU time is used up.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch

import graphembed_ext as ge
from benchmarks._gowalla import graph, pairs
from benchmarks.harness import RESULTS, save

SEED = 2020
COMMON = {"loss": "lightgcn-pytorch", "sampling": "users"}
PARTS = {
    "reference": {"fit": COMMON | {"lr": 1e-3, "batch_size": 2048, "weight_decay": 1e-4, "epochs": 1000}, "every": 5},
    "fast": {
        "fit": {
            "loss": "lightgcn-pytorch",
            "sampling": "interactions",
            "schedule": "linear",
            "lr": 3e-2,
            "batch_size": 65536,
            "weight_decay": 1e-4,
            "epochs": 850,
        },
        "every": 25,
    },
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--cpu_hours", type=float, default=1.0)
    parser.add_argument("--checkpoint", type=Path, help="by default beside the results")
    parser.add_argument("--holdout", action="store_true", help="evaluate on a tenth of the training pairs instead")
    parser.add_argument("--lr", type=float)
    parser.add_argument("--batch_size", type=int)
    parser.add_argument("--weight_decay", type=float)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--every", type=int)
    parser.add_argument("--sampling")
    parser.add_argument("--schedule")
    parser.add_argument("--name", help="of the record; by default that of the part")
    args = parser.parse_args()
    settings = dict(PARTS[args.part]["fit"])
    for option in ("lr", "batch_size", "weight_decay", "epochs", "sampling", "schedule"):
        if getattr(args, option) is not None:
            settings[option] = getattr(args, option)
    every = args.every or PARTS[args.part]["every"]
    train, test = pairs("train"), pairs("test")
    if args.holdout:
        held = torch.rand(train.size(1), generator=torch.Generator().manual_seed(SEED)) < 0.1
        train, test = train[:, ~held], train[:, held]
    name = args.name or f"lightgcn_gowalla_{args.part}"
    checkpoint = args.checkpoint or RESULTS / f"{name}.pt"
    known = graph(train)
    model = ge.LightGCN.for_graph(known, 64, 3, init="lightgcn-pytorch", seed=SEED)
    curve, spent = [], {"cpu": 0.0, "clock": 0.0}
    record = RESULTS / f"{name}.json"
    if checkpoint.exists() and record.exists():
        curve = json.loads(record.read_text())["results"]["curve"]
        spent = {"cpu": curve[-1]["cpu_seconds"], "clock": curve[-1]["clock_seconds"]}
    else:
        checkpoint.unlink(missing_ok=True)
    began = {"cpu": time.process_time(), "clock": time.perf_counter()}

    def on_epoch(entry) -> None:
        now = {"cpu": time.process_time(), "clock": time.perf_counter()}
        for key in now:
            spent[key] += now[key] - began[key]
        point = {"epoch": int(entry["epoch"]), "loss": entry["loss"]}
        point |= {f"{key}_seconds": round(value, 1) for key, value in spent.items()}
        over = spent["cpu"] > args.cpu_hours * 3600
        if point["epoch"] % every == 0 or point["epoch"] == settings["epochs"] or over:
            point |= ge.evaluate.recommendation(model, known, test, k=20)
        curve.append(point)
        print(json.dumps(point), flush=True)
        results = {"curve": curve, "best": max((p for p in curve if "recall@20" in p), key=recall, default=None)}
        save(name, SEED, results, **settings, holdout=args.holdout, dim=64, layers=3)
        began.update(cpu=time.process_time(), clock=time.perf_counter())
        if over:
            raise KeyboardInterrupt

    ge.fit(model, known, **settings, seed=SEED, checkpoint=checkpoint, on_epoch=on_epoch, progress=False)


def recall(point) -> float:
    return point["recall@20"]


if __name__ == "__main__":
    main()
