"""DeepWalk beside dgl.nn.DeepWalk: the same training loop, the same settings, Cora.

Checks first that both classes give the same loss for equal weights, walks and negatives. Then trains both, in turns,
over some seeds, and reports accuracy (logistic regression, Cora's public split) and tokens a second.
"""

from __future__ import annotations

import argparse
import random
import statistics

import torch
from torch.utils.data import DataLoader

import graphembed_ext as ge

from ..data import of_pyg
from ..harness import Benchmark, Clock

LENGTH, BATCH, RATE = 40, 128, 0.01


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(5)))
    parser.add_argument("--epochs", type=int, default=5)


def check(graph):
    """Equal weights, walks and negatives: equal loss. DGL's negatives are read off its shuffled positions."""
    from dgl.nn import DeepWalk
    from dgl.nn.pytorch import network_emb

    theirs, ours = DeepWalk(graph), ge.DeepWalk(graph, seed=0)
    torch.nn.init.normal_(theirs.context_embed.weight, std=0.1)
    torch.nn.init.normal_(theirs.node_embed.weight, std=0.1)
    ours.load_state_dict(theirs.state_dict())
    walks, plain, drawn = ours.sample(torch.arange(32)), random.shuffle, []

    def shuffle(positions):
        plain(positions)
        drawn.extend(positions)

    network_emb.random.shuffle = shuffle
    try:
        expected = theirs(walks)
    finally:
        network_emb.random.shuffle = plain
    pairs = 32 * (2 * 5 * 40 - 5 * 6)
    negatives = walks.view(-1)[torch.tensor(drawn[: pairs * 5])].view(pairs, 5)
    torch.testing.assert_close(ours(walks, negatives), expected)


def train(model, data, epochs):
    """The loop of the model's own documentation; accuracy and tokens a second."""
    from sklearn.linear_model import LogisticRegression

    starts = torch.arange(data.num_nodes)
    loader = DataLoader(starts, batch_size=BATCH, shuffle=True, collate_fn=model.sample)
    optimizer = torch.optim.SparseAdam(model.parameters(), lr=RATE)
    with Clock() as clock:
        for _ in range(epochs):
            for walks in loader:
                loss = model(walks)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    x, y = model.node_embed.weight.detach().numpy(), data.y.numpy()
    train, test = data.train_mask.numpy(), data.test_mask.numpy()
    classifier = LogisticRegression(max_iter=1000).fit(x[train], y[train])
    return classifier.score(x[test], y[test]), epochs * data.num_nodes * LENGTH / clock.seconds


def main(options: argparse.Namespace, recorder):
    import dgl
    import numpy as np

    data = of_pyg("Planetoid", "Cora")
    graph = ge.to_host(data, "dgl")
    check(graph)
    makers = {
        "graphembed_ext": lambda: ge.DeepWalk(graph),
        "graphembed_ext, fast_neg=False": lambda: ge.DeepWalk(graph, fast_neg=False),
        "dgl.nn.DeepWalk": lambda: dgl.nn.DeepWalk(graph),
    }
    runs = {name: [] for name in makers}
    for seed in options.seeds:
        for name, make in makers.items():
            torch.manual_seed(seed)
            random.seed(seed)
            np.random.seed(seed)  # noqa: NPY002
            dgl.seed(seed)
            runs[name].append(train(make(), data, options.epochs))
            print(f"seed {seed}  {name:<32} accuracy {runs[name][-1][0]:.3f}  {runs[name][-1][1]:>9,.0f} tokens/s")
    results = {
        name: {
            "accuracy": [accuracy for accuracy, _ in found],
            "mean_accuracy": statistics.mean(accuracy for accuracy, _ in found),
            "median_tokens_per_second": statistics.median(rate for _, rate in found),
        }
        for name, found in runs.items()
    }
    slowest = results["dgl.nn.DeepWalk"]["median_tokens_per_second"]
    for name, result in results.items():
        result["speed_ratio"] = result["median_tokens_per_second"] / slowest
        print(f"{name:<32} mean accuracy {result['mean_accuracy']:.4f}  speed {result['speed_ratio']:.1f} x DGL's")
    return recorder.save(results, **vars(options), batch_size=BATCH, lr=RATE)


BENCHMARKS = [Benchmark("deepwalk", main, options, quick={"seeds": [0], "epochs": 1})]
