"""LightGCN beside PyG's: a training step, the sampler, the evaluation of all users, peak memory; the sums alone.

Usage: python benchmarks/lightgcn.py [--repeats R] [--part N]

Gowalla, 64 dimensions, 3 layers, batches of 2,048 triplets. A step is sampling, propagation, loss, gradients and Adam;
PyG's step samples negatives by ``randint``, as its example does. Before timing, PyG's class with the same weights must
give the same loss and gradient on the same triplets, and the same metrics for some users. Memory is that of a process
of its own each, which builds the graph and takes three steps.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

import torch

import graphembed_ext as ge
from benchmarks._gowalla import NUM_ITEMS, NUM_USERS, graph, pairs
from benchmarks.harness import alternating, peak_memory, save
from graphembed_ext._core.optional import import_dgl
from graphembed_ext._core.parallel import threads_to_ourselves
from graphembed_ext.graph.adjacency import adjacency
from graphembed_ext.losses import bpr_loss
from graphembed_ext.nn.ops.sums import neighbor_sum
from graphembed_ext.sampling.triplets import Triplets
from graphembed_ext.training.recommendation import RankingTrainer

SEED, DIM, LAYERS, BATCH = 0, 64, 3, 2048
NODES = NUM_USERS + NUM_ITEMS


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--part", type=int, default=1, help="take one of so many training pairs, to try it quickly")
    parser.add_argument("--memory_of", choices=RUNS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    train, test = (pairs(name)[:, :: args.part] for name in ("train", "test"))
    if args.memory_of:
        step = RUNS[args.memory_of](train)
        for _ in range(3):
            step()
        print(json.dumps(peak_memory() / 2**20))
        return
    known = graph(train)
    check(train, test)

    steps = {name: make(train) for name, make in RUNS.items()}
    triplets = Triplets(model_for(train).interactions(known), seed=SEED)
    model = model_for(train)
    work = steps | {
        "sampler": lambda: triplets.draw(0, 0, min(BATCH, len(triplets))),
        "evaluation of all users": lambda: ge.evaluate.recommendation(model, known, test, k=20),
    }
    for run in work.values():
        run()
    seconds = alternating(work, args.repeats)
    sums = alternating(sums_of(model.interactions(known).edge_index), 5 * args.repeats)
    command = [sys.executable, __file__, "--part", str(args.part), "--memory_of"]
    memory = {
        name: json.loads(subprocess.run([*command, name], capture_output=True, text=True, check=True).stdout)
        for name in RUNS
    }
    ours = seconds["ours"]
    ratios = {
        "step, PyG with edge_index": seconds["PyG, edge_index"] / ours,
        "step, PyG with SparseTensor": seconds["PyG, SparseTensor"] / ours,
        "step / sampler": ours / seconds["sampler"],
        "evaluation / step": seconds["evaluation of all users"] / ours,
    }
    for title, figures, unit in (
        ("median", seconds, "s"),
        ("one sum over neighbours, median", sums, "s"),
        ("peak memory", memory, "MiB"),
        ("ratio", ratios, "x"),
    ):
        print(title)
        for name, figure in figures.items():
            print(f"  {name:<34}{figure:>10.4g} {unit}")
    results = {"seconds": seconds, "sum_seconds": sums, "peak_memory_mib": memory, "ratios": ratios}
    print(save("lightgcn", SEED, results, **vars(args), dim=DIM, layers=LAYERS, batch=BATCH))


def model_for(train):
    return ge.LightGCN.for_graph(graph(train), DIM, LAYERS, init="lightgcn-pytorch", seed=SEED)


def step_of_ours(train):
    model = model_for(train)
    known = model.interactions()
    triplets = Triplets(known, seed=SEED)
    trainer = RankingTrainer(model, known, triplets, 1, 1e-3, BATCH, "pyg", 1e-4, "constant")

    def step():
        with threads_to_ourselves():
            trainer.step(*triplets.draw(0, 0, min(BATCH, len(triplets))))

    return step


def step_of_pyg(train, sparse):
    from torch_geometric.nn import LightGCN

    known = model_for(train).interactions()
    edges = known.edge_index
    if sparse:
        from torch_sparse import SparseTensor

        edges = SparseTensor.from_edge_index(edges, sparse_sizes=(NODES, NODES)).t()
    model = LightGCN(NODES, DIM, LAYERS)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def step():
        chosen = torch.randint(0, len(known), (BATCH,))
        positive = known.labels[:, chosen]
        negative = torch.stack([positive[0], torch.randint(0, NUM_ITEMS, (BATCH,))])
        labels = torch.cat([positive, negative], 1)
        optimizer.zero_grad()
        pos, neg = model(edges, labels).chunk(2)
        model.recommendation_loss(pos, neg, labels.unique(), 1e-4).backward()
        optimizer.step()

    return step


RUNS = {
    "ours": step_of_ours,
    "PyG, edge_index": lambda train: step_of_pyg(train, sparse=False),
    "PyG, SparseTensor": lambda train: step_of_pyg(train, sparse=True),
}


def sums_of(edge_index):
    """The sum over all neighbours of a table, by every kernel at hand; all must agree."""
    from torch_sparse import SparseTensor

    x = torch.randn(NODES, DIM, generator=torch.Generator().manual_seed(SEED))
    grouped = adjacency(edge_index, NODES, NODES)
    matrix = SparseTensor.from_edge_index(edge_index, sparse_sizes=(NODES, NODES)).t()
    csr = matrix.to_torch_sparse_csr_tensor(dtype=x.dtype)
    dgl = import_dgl("the sums")
    native = dgl.graph(tuple(edge_index), num_nodes=NODES).int()
    native.create_formats_()

    def ours():
        with threads_to_ourselves():
            return neighbor_sum(grouped, x)

    runs = {
        "ours": ours,
        "dgl.ops.copy_u_sum": lambda: dgl.ops.copy_u_sum(native, x),
        "torch CSR": lambda: csr @ x,
        "torch_sparse": lambda: matrix @ x,
    }
    for name, run in runs.items():
        torch.testing.assert_close(run(), ours(), rtol=1e-4, atol=1e-4, msg=name)
    return runs


def check(train, test) -> None:
    """PyG's class with the same weights: the same loss and gradient of a batch, the same metrics of 200 users."""
    from torch_geometric.metrics import LinkPredNDCG, LinkPredRecall
    from torch_geometric.nn import LightGCN

    model = model_for(train)
    known = model.interactions()
    peer = LightGCN(NODES, DIM, LAYERS)
    peer.load_state_dict(model.state_dict(), strict=True)
    users, touched, others = Triplets(known, seed=SEED).draw(0, 0, 512)
    nodes = torch.cat([users, touched, others]).unique()
    pos, neg = peer(known.edge_index, torch.stack([users.repeat(2), torch.cat([touched, others])])).chunk(2)
    peer.recommendation_loss(pos, neg, nodes, 1e-4).backward()
    final, initial = model.rows(known, nodes)
    user, positive, negative = (final[torch.searchsorted(nodes, ids)] for ids in (users, touched, others))
    scores = ((user * items).sum(1) for items in (positive, negative))
    bpr_loss(*scores, initial=(initial,), weight_decay=1e-4).backward()
    torch.testing.assert_close(model.embedding.weight.grad, peer.embedding.weight.grad, rtol=1e-4, atol=1e-8)

    some = test[:, test[0] < 200]
    ours = ge.evaluate.recommendation(model, graph(train), some, k=20)
    with torch.no_grad():
        out = peer.get_embedding(known.edge_index)
    asked, row = some[0].unique(return_inverse=True)
    scores = out[asked + NUM_ITEMS] @ out[:NUM_ITEMS].t()
    place = torch.full((NUM_USERS,), -1)
    place[asked] = torch.arange(len(asked))
    seen = train[:, place[train[0]] >= 0]
    scores[place[seen[0]], seen[1]] = -torch.inf
    found = scores.topk(20).indices
    for name, metric in (("recall@20", LinkPredRecall(20)), ("ndcg@20", LinkPredNDCG(20))):
        metric.update(found, torch.stack([row, some[1]]))
        assert abs(ours[name] - float(metric.compute())) < 1e-4, name


if __name__ == "__main__":
    main()
