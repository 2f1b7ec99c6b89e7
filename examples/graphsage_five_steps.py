"""GraphSAGE in five steps, on a DGL graph and on a PyG graph: the same losses, digit by digit.

python examples/graphsage_five_steps.py
python examples/graphsage_five_steps.py --cora FOLDER

FOLDER has Cora's raw files as PyG's Planetoid keeps them, in Planetoid/Cora/raw; GRAPHEMBED_DATA names it, too.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch_geometric.datasets import KarateClub, Planetoid

import graphembed_ext as ge


def train(graph: Any, labels: torch.Tensor, masks: dict[str, torch.Tensor], epochs: int) -> ge.FitResult:
    # Step 3: define the model. Its layers average the features of a node's neighbours (step 2) and add the node's own.
    classes = int(labels.max()) + 1
    model = ge.create("graphsage", graph, hidden_channels=16, num_layers=2, out_channels=classes, dropout=0.5, seed=0)
    # Step 4: train by Adam on the cross-entropy of the training nodes. Step 5: evaluate on the test nodes.
    return ge.fit(model, graph, y=labels, masks=masks, epochs=epochs, lr=0.01, seed=0, progress=False)


def cora(folder: str) -> Any:
    with tempfile.TemporaryDirectory() as copy:  # the class writes beside the raw files
        shutil.copytree(Path(folder) / "Planetoid" / "Cora" / "raw", Path(copy) / "Cora" / "raw")
        data = Planetoid(copy, "Cora")[0]
    data.x = data.x / data.x.sum(1, keepdim=True).clamp(min=1)
    return data


def main(epochs: int = 60, folder: str | None = None) -> dict[str, ge.FitResult]:
    # Step 1: build the graph for each library: Cora with its public split, or Zachary's karate club with its four
    # communities, half of the members for training.
    data = KarateClub()[0] if folder is None else cora(folder)
    nodes = torch.arange(data.num_nodes)
    masks = {"train": nodes[nodes % 2 == 0], "test": nodes[nodes % 2 == 1]}
    if folder is not None:
        masks = {part: data[f"{part}_mask"] for part in ("train", "val", "test")}
    results = {}
    for host in ("dgl", "pyg"):
        results[host] = train(ge.to_host(data, host), data.y, masks, epochs)
        entries = results[host].history
        for entry in entries[:: max(1, epochs // 3)] + entries[-1:]:
            print(f"{host}: epoch {entry['epoch']:>3}  loss {entry['loss']!r}")
        figures = {
            name: results[host].metrics[f"test_{name}"] for name in ("accuracy", "precision", "recall", "macro_f1")
        }
        print(f"{host}: " + ", ".join(f"{name} {value:.3f}" for name, value in figures.items()))
    losses = [[entry["loss"] for entry in result.history] for result in results.values()]
    print("identical losses:", losses[0] == losses[1])
    return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--cora", metavar="FOLDER", nargs="?", const=os.environ.get("GRAPHEMBED_DATA"))
    folder = parser.parse_args().cora
    main(60 if folder is None else 200, folder)
