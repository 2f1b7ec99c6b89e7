"""The most memory beyond the start's that work on a prepared graph takes, as JSON; the argument is its folder.

Memory is the process's own ("RssAnon"), read every few milliseconds; pages of files are the system's to take back.
"""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

import torch

import graphembed_ext as ge
from graphembed_ext.walks.walker import Walker


def walks(view, **how):
    Walker(view, engine="torch", **how).walk(torch.arange(50), 20, 0)


def sampled(view):
    next(iter(ge.neighbor_loader(view, [3, 3], 32, seed=0, prefetch=0, weight="edge_weight")))


def embedded(view):
    ge.embed(ge.GraphSAGE(8, 4, 2, 3, seed=0), view)


def trained(view):
    nodes = view.total_nodes
    labels = view.with_features({"_N": {**view.features["_N"], "y": torch.arange(nodes) % 3}})
    model = ge.GraphSAGE(8, 4, 2, 3, seed=0)
    ge.fit(model, labels, masks={"train": torch.arange(nodes // 2)}, epochs=1, seed=0, progress=False)


WORK = {
    "p and q": lambda view: walks(view, p=0.25, q=4.0),
    "weights": lambda view: walks(view, weight="edge_weight"),
    "weights, p and q": lambda view: walks(view, weight="edge_weight", p=0.25, q=4.0),
    "a metapath": lambda view: walks(view, metapath=["_E"]),
    "weighted neighbours": sampled,
    "GraphSAGE's inference": embedded,
    "GraphSAGE's training": trained,
}


def held():
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))


def peak(work, view):
    before, most, ended = held(), [0], threading.Event()

    def watch():
        while not ended.wait(0.003):
            most[0] = max(most[0], held())

    watcher = threading.Thread(target=watch)
    watcher.start()
    work(view)
    ended.set()
    watcher.join()
    return max(most[0], held()) - before


def main():
    torch.set_num_threads(1)
    small = ge.view(torch.randint(100, (2, 1000))).with_features(
        {"_N": {"x": torch.randn(100, 8)}}, {("_N", "_E", "_N"): {"edge_weight": torch.rand(1000)}}
    )
    for work in WORK.values():
        work(small)  # loads what is compiled
    print(json.dumps({kind: peak(work, ge.open_graph(sys.argv[1])) for kind, work in WORK.items()}))


if __name__ == "__main__":
    main()
