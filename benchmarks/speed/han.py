"""HANConv beside PyG's class and DGL's GATConv: forward and backward on ACM, time and memory.

Usage: python benchmarks/han.py [--rounds R] [--repeats N] [--share S]

4,019 papers with 1,902 features, the metapath adjacencies PAP and PSP (4.4 million edges), 8 heads of 8. A step is
the layer's output, the sum of its squares, and the gradients of all parameters. Each class runs in processes of its
own, which take turns; a process builds the graph, makes one step to warm up, and times ``--repeats`` more. Memory is
what a process held at most, and how much of it came after the graph and features were there. Before timing, outputs
and gradients must be the peers' to eight digits.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import subprocess
import sys
import time

import psutil
import torch

import graphembed_ext as ge
from benchmarks.data import heco_acm
from benchmarks.harness import peak_memory, save
from graphembed_ext._core.optional import import_dgl

SEED = 0
HEADS, DIM = 8, 8
NAMES = ("ours", "pyg", "ours, DGL's example", "dgl, 2 GATConv")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3, help="processes of each class")
    parser.add_argument("--repeats", type=int, default=3, help="timed steps of each process")
    parser.add_argument("--share", type=float, default=1.0, help="share of the edges to keep, for a quick try")
    parser.add_argument("--run", choices=NAMES, help="time one class and print its figures")
    args = parser.parse_args()
    if args.run:
        print(json.dumps(timed(args.run, args.repeats, args.share)))
        return
    differences = check()
    found: dict[str, list[dict]] = {name: [] for name in NAMES}
    for _ in range(args.rounds):
        for name in NAMES:
            command = [sys.executable, __file__, "--run", name, "--repeats", str(args.repeats)]
            done = subprocess.run([*command, "--share", str(args.share)], capture_output=True, text=True, check=True)
            found[name].append(json.loads(done.stdout.splitlines()[-1]))
    results = {
        name: {key: statistics.median(run[key] for run in runs) for key in runs[0]} for name, runs in found.items()
    }
    print(f"{'':<22}{'step, s':>10}{'forward, s':>12}{'peak, MiB':>12}{'of the step':>13}")
    for name, row in results.items():
        print(f"{name:<22}{row['step']:>10.3f}{row['forward']:>12.3f}{row['peak']:>12.0f}{row['growth']:>13.0f}")
    for ours, peer in ((NAMES[0], NAMES[1]), (NAMES[2], NAMES[3]), (NAMES[0], NAMES[3])):
        a, b = results[ours], results[peer]
        print(
            f"{peer} / {ours}: time {b['step'] / a['step']:.1f}x, peak memory {b['peak'] / a['peak']:.1f}x, "
            f"memory of the step {b['growth'] / a['growth']:.1f}x"
        )
    print(save("han", SEED, {"medians": results, "runs": found, "largest_difference": differences}, **vars(args)))


def graph_and_features(share):
    x, edges = heco_acm()
    if share < 1:
        draw = torch.Generator().manual_seed(SEED)
        edges = {t: e[:, torch.rand(e.size(1), generator=draw) < share] for t, e in edges.items()}
    return x, edges


def layer(name, x, edges):
    """A module, and what one call of it takes."""
    torch.manual_seed(SEED)
    metadata = ["paper"], list(edges)
    if name == "ours":
        return ge.HANConv(x.size(1), HEADS * DIM, metadata, heads=HEADS), ({"paper": x}, edges)
    if name == "ours, DGL's example":
        conv = ge.HANConv(x.size(1), HEADS * DIM, metadata, heads=HEADS, architecture="dgl")
        return conv, ({"paper": x}, edges)
    if name == "pyg":
        from torch_geometric.nn import HANConv

        return HANConv(x.size(1), HEADS * DIM, metadata, heads=HEADS), ({"paper": x}, edges)
    return TwoGATConv(x.size(1)), ([dgl_graph(e, len(x)) for e in edges.values()], x)


def dgl_graph(edge_index, num_nodes):
    return import_dgl("this benchmark").graph(tuple(edge_index), num_nodes=num_nodes)


class TwoGATConv(torch.nn.Module):
    """What DGL's example computes before its semantic attention."""

    def __init__(self, channels):
        from dgl.nn.pytorch import GATConv

        super().__init__()
        layers = (
            GATConv(channels, DIM, HEADS, activation=torch.nn.functional.elu, allow_zero_in_degree=True)
            for _ in range(2)
        )
        self.gat_layers = torch.nn.ModuleList(layers)

    def forward(self, graphs, x):
        """Outputs of either metapath."""
        pairs = zip(self.gat_layers, graphs, strict=True)
        return {number: conv(graph, x).flatten(1) for number, (conv, graph) in enumerate(pairs)}


def step(model, inputs):
    for parameter in model.parameters():
        parameter.grad = None
    began = time.perf_counter()
    outs = model(*inputs)
    forward = time.perf_counter() - began
    sum(out.square().sum() for out in outs.values()).backward()
    return forward, time.perf_counter() - began, outs


def timed(name, repeats, share):
    x, edges = graph_and_features(share)
    model, inputs = layer(name, x, edges)
    gc.collect()
    before = psutil.Process().memory_info().rss
    seconds = [step(model, inputs)[:2] for _ in range(repeats + 1)][1:]
    peak = peak_memory()
    forward, whole = (statistics.median(times) for times in zip(*seconds, strict=True))
    return {"step": whole, "forward": forward, "peak": peak / 2**20, "growth": (peak - before) / 2**20}


def check():
    """Largest differences of outputs and gradients from the peers', relative to the largest entry; they must be small.

    In float64 and on a tenth of the edges: in float32 the peers' gradients lose all digits where they nearly cancel.
    """
    x, edges = graph_and_features(0.1)
    x, found = x.double(), {}
    ours, inputs = layer("ours", x, edges)
    peer, _ = layer("pyg", x, edges)
    peer.load_state_dict(ours.state_dict())
    found["pyg"] = difference(ours.double(), inputs, peer.double(), inputs)
    peer, theirs = layer(NAMES[3], x, edges)
    own, inputs = layer(NAMES[2], x, edges)
    own.gat_layers.load_state_dict(peer.gat_layers.state_dict())
    # Both metapaths' outputs, which the layer adds up by semantic attention.
    own.semantic_attention.requires_grad_(False)
    own._fused = lambda outs: (torch.stack(outs), None)
    found["dgl"] = difference(own.double(), inputs, peer.double(), theirs)
    if max(found.values()) > 1e-8:
        raise AssertionError(f"answers differ: {found}")
    return found


def difference(ours, inputs, peer, theirs):
    outs = [step(model, given)[2] for model, given in ((ours, inputs), (peer, theirs))]
    rows = [torch.cat([out.reshape(-1, HEADS * DIM) for out in found.values()]) for found in outs]
    pairs = [tuple(rows)]
    named = dict(peer.named_parameters())
    pairs += [(p.grad, named[key].grad) for key, p in ours.named_parameters() if p.requires_grad]
    return max(
        float((one - other).detach().abs().max() / other.detach().abs().max().clamp(min=1e-6))
        for one, other in pairs
        if other is not None
    )


if __name__ == "__main__":
    main()
