"""DeepWalk beside dgl.nn.DeepWalk: the same training loop, the same settings, Cora.

Checks first that both classes give the same loss for equal weights, walks and noise. Then trains both, in turns,
over five seeds, and reports accuracy (logistic regression, Cora's public split) and tokens a second.

    python benchmarks/deepwalk.py
"""

from __future__ import annotations

import random
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import torch
from torch.utils.data import DataLoader

import graphembed_ext as ge
from benchmarks.harness import data_root, save

SEEDS, EPOCHS, BATCH, RATE = range(5), 5, 128, 0.01


def cora():
    from torch_geometric.datasets import Planetoid

    with tempfile.TemporaryDirectory() as root:
        shutil.copytree(data_root() / "Planetoid" / "Cora" / "raw", Path(root) / "Cora" / "raw")
        return Planetoid(root, "Cora")[0]


def check(graph):
    """Equal weights, walks and noise: equal loss. The peer's noise is read off its shuffled positions."""
    from dgl.nn import DeepWalk
    from dgl.nn.pytorch import network_emb

    peer, ours = DeepWalk(graph), ge.DeepWalk(graph, seed=0)
    torch.nn.init.normal_(peer.context_embed.weight, std=0.1)
    torch.nn.init.normal_(peer.node_embed.weight, std=0.1)
    ours.load_state_dict(peer.state_dict())
    walks, plain, drawn = ours.sample(torch.arange(32)), random.shuffle, []

    def shuffle(positions):
        plain(positions)
        drawn.extend(positions)

    network_emb.random.shuffle = shuffle
    try:
        expected = peer(walks)
    finally:
        network_emb.random.shuffle = plain
    pairs = 32 * (2 * 5 * 40 - 5 * 6)
    negatives = walks.view(-1)[torch.tensor(drawn[: pairs * 5])].view(pairs, 5)
    torch.testing.assert_close(ours(walks, negatives), expected)


def train(model, data):
    """The loop of the model's own documentation; accuracy and tokens a second."""
    from sklearn.linear_model import LogisticRegression

    starts = torch.arange(data.num_nodes)
    loader = DataLoader(starts, batch_size=BATCH, shuffle=True, collate_fn=model.sample)
    optimizer = torch.optim.SparseAdam(model.parameters(), lr=RATE)
    start = time.perf_counter()
    for _ in range(EPOCHS):
        for walks in loader:
            loss = model(walks)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    seconds = time.perf_counter() - start
    x, y = model.node_embed.weight.detach().numpy(), data.y.numpy()
    train, test = data.train_mask.numpy(), data.test_mask.numpy()
    classifier = LogisticRegression(max_iter=1000).fit(x[train], y[train])
    return classifier.score(x[test], y[test]), EPOCHS * data.num_nodes * 40 / seconds


def main():
    import numpy as np

    data = cora()
    graph = ge.to_host(data, "dgl")
    import dgl

    check(graph)
    makers = {
        "graphembed_ext": lambda: ge.DeepWalk(graph),
        "graphembed_ext, fast_neg=False": lambda: ge.DeepWalk(graph, fast_neg=False),
        "dgl.nn.DeepWalk": lambda: dgl.nn.DeepWalk(graph),
    }
    runs = {name: [] for name in makers}
    for seed in SEEDS:
        for name, make in makers.items():
            torch.manual_seed(seed)
            random.seed(seed)
            np.random.seed(seed)  # noqa: NPY002
            dgl.seed(seed)
            runs[name].append(train(make(), data))
            print(f"seed {seed}  {name:<32} accuracy {runs[name][-1][0]:.3f}  {runs[name][-1][1]:>9,.0f} tokens/s")
    results = {
        name: {
            "accuracy": [accuracy for accuracy, _ in found],
            "mean_accuracy": statistics.mean(accuracy for accuracy, _ in found),
            "median_tokens_per_second": statistics.median(rate for _, rate in found),
        }
        for name, found in runs.items()
    }
    peer = results["dgl.nn.DeepWalk"]["median_tokens_per_second"]
    for name, result in results.items():
        result["speed_ratio"] = result["median_tokens_per_second"] / peer
        print(f"{name:<32} mean accuracy {result['mean_accuracy']:.4f}  speed {result['speed_ratio']:.1f} x the peer's")
    print(save("deepwalk", 0, results, seeds=list(SEEDS), epochs=EPOCHS, batch_size=BATCH, lr=RATE))


if __name__ == "__main__":
    main()
