"""GraphSAGE beside DGL's and PyG's own: an epoch of mini-batches, a step on a whole graph, peak memory.

Mini-batches: a random graph with 128 features, two layers of 256 and 40 outputs, fan-out 15 then 10, batches of 1,024,
Adam, 1 epoch of 20 batches. PyG: its NeighborLoader and its GraphSAGE class; DGL: NeighborSampler with its DataLoader
and two dgl.nn.SAGEConv; ours: ge.neighbor_loader and ge.GraphSAGE. The loader's case draws batches and slices features,
and trains nothing. Whole graph: Coauthor CS, two layers of 256, one step of Adam on all training nodes. Before timing,
the three must give the same output for the same weights: on the whole graph, and for batches with all neighbours. Runs
take turns; memory is that of a process of its own each, which builds the graph and trains an epoch of three batches.
"""

from __future__ import annotations

import argparse
import warnings
from functools import cache, partial

import torch
import torch.nn.functional as F

import graphembed_ext as ge

from ..data import MissingData, of_pyg
from ..harness import Benchmark, Case, measure, medians, ratios

SEED, CHANNELS, HIDDEN, CLASSES, BATCH = 0, 128, 256, 40, 1024
FANOUTS = [15, 10]

warnings.filterwarnings("ignore")  # NeighborLoader without pyg-lib, DGL's CPU affinity


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--nodes", type=int, default=100_000)
    parser.add_argument("--edges", type=int, default=2_000_000)
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--skip", nargs="*", default=[], choices=["pyg", "whole", "memory"])


def cases(options: argparse.Namespace) -> list[Case]:
    data = random_graph(options.nodes, options.edges)
    seeds = torch.arange(min(options.batches * BATCH, options.nodes))
    names = [name for name in EPOCHS if not (name == "PyG" and "pyg" in options.skip)]

    def of(makers, nodes):
        return {name: partial(makers[name], data, nodes) for name in names}

    made = [
        Case("epoch", of(EPOCHS, seeds), check=lambda: check(data), repeats=options.repeats),
        Case("loader", of(LOADERS, seeds), repeats=options.repeats),
    ]
    if "whole" not in options.skip:
        steps = {name: lambda name=name: whole_graph()[name] for name in ("ours", "PyG")}
        made.append(Case("step on all of Coauthor CS", steps, repeats=2 * options.repeats + 1))
    if "memory" not in options.skip:
        three = torch.arange(min(3 * BATCH, options.nodes))
        made.append(Case("memory of three batches", of(EPOCHS, three), repeats=1, warm_ups=0, rounds=1))
    return made


@cache
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
    import dgl

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
    import dgl

    seeds = torch.arange(64)
    ours, pyg, dgls = model_of_ours(), model_of_pyg(), DGLModel()
    pyg.load_state_dict(ours.state_dict(), strict=True)
    dgls.take(ours.state_dict())
    with torch.no_grad():
        wanted = pyg(data.x, data.edge_index)[seeds]
        (batch,) = ge.neighbor_loader(data, [-1, -1], nodes=seeds)
        torch.testing.assert_close(ours.logits(batch)["_N"], wanted, rtol=1e-4, atol=1e-4)
        sampler = dgl.dataloading.MultiLayerFullNeighborSampler(2)
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


@cache
def whole_graph():
    """A step on Coauthor CS of either class, which must give the same scores for the same weights."""
    data = of_pyg("Coauthor", "CS")
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

    return {
        "ours": step(ours, lambda: ours.logits(inputs)["_N"]),
        "PyG": step(pyg, lambda: pyg(data.x, data.edge_index)),
    }


def main(options: argparse.Namespace, recorder):
    results: dict = {"seconds": {}, "ratios": {}}
    for case in cases(options):
        try:
            samples = measure(GRAPHSAGE, case, options)
        except MissingData as error:
            print(f"{case.name}: left out: {error}")
            continue
        seconds = medians(samples)
        if case.rounds:
            peaks, before = medians(samples, "peak_mib"), medians(samples, "before_mib")
            results["memory_mib"] = {name: {"peak": peaks[name], "before training": before[name]} for name in peaks}
        elif case.name.startswith("step"):
            results["whole"] = {"seconds": seconds, "ratios": ratios(seconds)}
        else:
            end = ", loader" if case.name == "loader" else ""
            results["seconds"] |= {name + end: value for name, value in seconds.items()}
            results["ratios"] |= {name + end: value for name, value in ratios(seconds).items()}
    return recorder.save(results, **vars(options), channels=CHANNELS, hidden=HIDDEN, fanouts=FANOUTS)


QUICK = {"nodes": 5_000, "edges": 50_000, "batches": 2, "repeats": 1, "skip": ["whole"]}
GRAPHSAGE = Benchmark("graphsage", main, options, cases, quick=QUICK)
BENCHMARKS = [GRAPHSAGE]
