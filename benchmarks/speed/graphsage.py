"""GraphSAGE beside DGL's and PyG's own: an epoch of mini-batches, a step on a whole graph, peak memory.

Usage: python benchmarks/graphsage.py [--nodes N] [--edges E] [--batches B] [--repeats R] [--skip ROW ...]

Mini-batches: a random graph with 128 features, two layers of 256 and 40 outputs, fan-out 15 then 10, batches of 1,024,
Adam, 1 epoch of 20 batches. PyG: its NeighborLoader and its GraphSAGE class; DGL: NeighborSampler with its DataLoader
and two dgl.nn.SAGEConv; ours: ge.neighbor_loader and ge.GraphSAGE. "loader" rows draw batches and slice features, and
train nothing. Whole graph: Coauthor CS, two layers of 256, one step of Adam on all training nodes. Before timing, the
three must give the same output for the same weights: on the whole graph, and for batches with all neighbours. Runs take
turns; memory is that of a process of its own each, which builds the graph and trains an epoch of three batches.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import torch
import torch.nn.functional as F

import graphembed_ext as ge
from benchmarks.harness import alternating, data_root, peak_memory, save
from graphembed_ext._core.optional import import_dgl

SEED, CHANNELS, HIDDEN, CLASSES, BATCH = 0, 128, 256, 40, 1024
FANOUTS = [15, 10]

warnings.filterwarnings("ignore")  # NeighborLoader without pyg-lib, DGL's CPU affinity


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--nodes", type=int, default=100_000)
    parser.add_argument("--edges", type=int, default=2_000_000)
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--skip", nargs="*", default=[], choices=["pyg", "whole", "memory"])
    parser.add_argument("--memory_of", choices=list(EPOCHS), help=argparse.SUPPRESS)
    args = parser.parse_args()
    data = random_graph(args.nodes, args.edges)
    if args.memory_of:
        epoch = EPOCHS[args.memory_of](data, torch.arange(3 * BATCH))
        before = peak_memory() / 2**20
        epoch()
        print(json.dumps({"peak": peak_memory() / 2**20, "before training": before}))
        return
    check(data)
    seeds = torch.arange(min(args.batches * BATCH, args.nodes))
    names = [name for name in EPOCHS if not (name == "PyG" and "pyg" in args.skip)]
    runs = {name: EPOCHS[name](data, seeds) for name in names}
    runs |= {f"{name}, loader": LOADERS[name](data, seeds) for name in names}
    for run in runs.values():
        run()
    seconds = alternating(runs, args.repeats)
    results = {"seconds": seconds, "ratios": ratios(seconds)}
    show("an epoch", seconds, "s")
    if "whole" not in args.skip:
        results["whole"] = whole_graph(2 * args.repeats + 1)
    if "memory" not in args.skip:
        command = [sys.executable, __file__, "--nodes", str(args.nodes), "--edges", str(args.edges), "--memory_of"]
        results["memory_mib"] = {
            name: json.loads(subprocess.run([*command, name], capture_output=True, text=True, check=True).stdout)
            for name in names
        }
        show("peak memory", {name: found["peak"] for name, found in results["memory_mib"].items()}, "MiB")
    show("ratio to ours", results["ratios"], "x")
    print(save("graphsage", SEED, results, **vars(args), channels=CHANNELS, hidden=HIDDEN, fanouts=FANOUTS))


def random_graph(nodes, edges):
    from torch_geometric.data import Data

    draw = torch.Generator().manual_seed(SEED)
    return Data(
        x=torch.randn(nodes, CHANNELS, generator=draw),
        edge_index=torch.randint(nodes, (2, edges), generator=draw),
        y=torch.randint(CLASSES, (nodes,), generator=draw),
    )


def model_of_ours():
    return ge.GraphSAGE(CHANNELS, HIDDEN, 2, CLASSES, seed=SEED)


def model_of_pyg(channels=CHANNELS, classes=CLASSES):
    from torch_geometric.nn import GraphSAGE

    return GraphSAGE(channels, HIDDEN, 2, classes)


class DGLModel(torch.nn.Module):
    """Two of DGL's layers."""

    def __init__(self) -> None:
        from dgl.nn import SAGEConv

        super().__init__()
        self.first, self.second = SAGEConv(CHANNELS, HIDDEN, "mean"), SAGEConv(HIDDEN, CLASSES, "mean")

    def forward(self, blocks, x):
        """Scores of the last block's destinations."""
        return self.second(blocks[1], self.first(blocks[0], x).relu())

    def take(self, weights):
        """Weights of PyG's class."""
        for number, conv in enumerate((self.first, self.second)):
            source = {
                name: weights[f"convs.{number}.{name}"] for name in ("lin_l.weight", "lin_l.bias", "lin_r.weight")
            }
            state = {"fc_neigh.weight": source["lin_l.weight"], "fc_self.weight": source["lin_r.weight"]}
            conv.load_state_dict(state | {"fc_self.bias": source["lin_l.bias"]})


def trained(model, batches, scores):
    """An epoch: a step of Adam for each batch; ``scores`` gives scores and labels of a batch."""
    adam = torch.optim.Adam(model.parameters(), lr=0.003)

    def epoch():
        for batch in batches:
            adam.zero_grad()
            F.cross_entropy(*scores(batch)).backward()
            adam.step()

    return epoch


def loader_of_ours(data, seeds):
    return ge.neighbor_loader(data, FANOUTS, BATCH, nodes=seeds, shuffle=True, seed=SEED)


def loader_of_pyg(data, seeds, fanouts=FANOUTS):
    from torch_geometric.loader import NeighborLoader

    return NeighborLoader(data, fanouts, input_nodes=seeds, batch_size=BATCH, shuffle=True)


def loader_of_dgl(data, seeds):
    dgl = import_dgl("the benchmark")
    graph = ge.to_host(ge.view(data), "dgl")
    graph.create_formats_()
    more = {"prefetch_node_feats": ["x"], "prefetch_labels": ["y"]}
    sampler = dgl.dataloading.NeighborSampler(FANOUTS[::-1], **more)  # first layer first
    return dgl.dataloading.DataLoader(graph, seeds, sampler, batch_size=BATCH, shuffle=True)


def epoch_of_ours(data, seeds):
    model = model_of_ours()
    return trained(model, loader_of_ours(data, seeds), lambda batch: (model.logits(batch)["_N"], batch.y))


def epoch_of_pyg(data, seeds):
    model = model_of_pyg()

    def scores(batch):
        size = batch.batch_size
        return model(batch.x, batch.edge_index)[:size], batch.y[:size]

    return trained(model, loader_of_pyg(data, seeds), scores)


def epoch_of_dgl(data, seeds):
    model = DGLModel()

    def scores(batch):
        blocks = batch[2]
        return model(blocks, blocks[0].srcdata["x"]), blocks[-1].dstdata["y"]

    return trained(model, loader_of_dgl(data, seeds), scores)


EPOCHS = {"ours": epoch_of_ours, "DGL": epoch_of_dgl, "PyG": epoch_of_pyg}


def drawn(make, features):
    def prepare(data, seeds):
        loader = make(data, seeds)
        return lambda: sum(len(features(batch)) for batch in loader)

    return prepare


LOADERS = {
    "ours": drawn(loader_of_ours, lambda batch: batch.x),
    "DGL": drawn(loader_of_dgl, lambda batch: batch[2][0].srcdata["x"]),
    "PyG": drawn(loader_of_pyg, lambda batch: batch.x),
}


def check(data):
    """The same output from all three for the same weights, for batches with all neighbours; batches that are true."""
    seeds = torch.arange(64)
    ours, pyg, dgls = model_of_ours(), model_of_pyg(), DGLModel()
    pyg.load_state_dict(ours.state_dict(), strict=True)
    dgls.take(ours.state_dict())
    with torch.no_grad():
        wanted = pyg(data.x, data.edge_index)[seeds]
        (batch,) = ge.neighbor_loader(data, [-1, -1], nodes=seeds)
        torch.testing.assert_close(ours.logits(batch)["_N"], wanted, rtol=1e-4, atol=1e-4)
        sampler = ge.hosts.import_dgl("the check").dataloading.MultiLayerFullNeighborSampler(2)
        graph = ge.to_host(ge.view(data), "dgl")
        inputs, _, blocks = sampler.sample_blocks(graph, seeds)
        torch.testing.assert_close(dgls(blocks, data.x[inputs]), wanted, rtol=1e-4, atol=1e-4)
    batch = next(iter(loader_of_ours(data, torch.arange(BATCH))))
    src, dst = data.edge_index
    degree = torch.bincount(dst, minlength=data.num_nodes)
    for block, ids, fanout in zip(batch.blocks, batch.edge_ids, FANOUTS[::-1], strict=True):
        assert torch.equal(src[ids], batch.nodes[block.indices])
        assert torch.equal(dst[ids], batch.nodes[block.destinations()])
        assert torch.equal(block.degrees, degree[batch.nodes[: block.num_dst]].clamp(max=fanout))
        assert len(ids.unique()) == len(ids)


def whole_graph(repeats):
    from torch_geometric.datasets import Coauthor

    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(data_root() / "Coauthor" / "CS" / "raw", Path(folder) / "CS" / "raw")
        data = Coauthor(folder, "CS")[0]
    ours, pyg = ge.GraphSAGE.for_graph(data, HIDDEN, 2, 15, seed=SEED), model_of_pyg(data.num_features, 15)
    pyg.load_state_dict(ours.state_dict(), strict=True)
    inputs = ours.inputs(ge.view(data))
    with torch.no_grad():
        torch.testing.assert_close(ours.logits(inputs)["_N"], pyg(data.x, data.edge_index), rtol=1e-3, atol=1e-3)
    nodes = torch.randperm(data.num_nodes, generator=torch.Generator().manual_seed(SEED))[:300]

    def step(model, forward):
        adam = torch.optim.Adam(model.parameters(), lr=0.01)

        def run():
            adam.zero_grad()
            F.cross_entropy(forward()[nodes], data.y[nodes]).backward()
            adam.step()

        return run

    runs = {
        "ours": step(ours, lambda: ours.logits(inputs)["_N"]),
        "PyG": step(pyg, lambda: pyg(data.x, data.edge_index)),
    }
    for run in runs.values():
        run()
    seconds = alternating(runs, repeats)
    show("a step on all of Coauthor CS", seconds, "s")
    return {"seconds": seconds, "ratios": ratios(seconds)}


def ratios(seconds):
    found = {name: figure / seconds["ours"] for name, figure in seconds.items() if "," not in name}
    if "ours, loader" in seconds:
        for name, figure in seconds.items():
            if name.endswith(", loader"):
                found[name] = figure / seconds["ours, loader"]
    return found


def show(title, figures, unit):
    print(title)
    for name, figure in figures.items():
        print(f"  {name:<24}{figure:>10.4g} {unit}", flush=True)


if __name__ == "__main__":
    main()
