"""LightGCN beside PyG's: a training step, the sampler, the evaluation of all users, peak memory; the sums alone.

Gowalla, 64 dimensions, 3 layers, batches of 2,048 triplets. A step is sampling, propagation, loss, gradients and Adam;
PyG's step samples negatives by ``randint``, as its example does. Before timing, PyG's class with the same weights must
give the same loss and gradient on the same triplets, and the same metrics for some users. Memory is that of a process
of its own each, which builds the graph and takes three steps.
"""

from __future__ import annotations

import argparse
import warnings
from functools import cache, partial

import torch

import graphembed_ext as ge

from .. import peers
from ..data import NUM_ITEMS, NUM_USERS, gowalla_graph, gowalla_pairs
from ..harness import Benchmark, Case, measure, medians, peaks

SEED, DIM, LAYERS, BATCH = 0, 64, 3, 2048
NODES = NUM_USERS + NUM_ITEMS

warnings.filterwarnings("ignore", message="Sparse ")  # torch's, of its own CSR matrices


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--part", type=int, default=1, help="take one of so many training pairs, to try it quickly")


def cases(options: argparse.Namespace) -> list[Case]:
    train, test = split(options.part)
    return [
        Case(
            "step",
            {name: partial(make, train) for name, make in STEPS.items()}
            | {"sampler": lambda: sampler(train), "evaluation of all users": lambda: evaluation(train, test)},
            check=lambda: check(train, test),
            repeats=options.repeats,
        ),
        # All kernels of this case are compared while it is set up.
        Case("one sum over neighbours", sums(train), repeats=5 * options.repeats),
        Case(
            "three steps, memory",
            {name: partial(thrice, make, train) for name, make in STEPS.items()},
            repeats=1,
            warm_ups=0,
            rounds=1,
        ),
    ]


def public(options: argparse.Namespace) -> list[Case]:
    """An epoch of ``ge.fit``, a step of PyG's loop and the evaluation, by public names alone."""
    train, test = split(options.part)
    few = max(1, options.repeats // 3)
    return [
        Case(
            "step of PyG's loop",
            {"ours": partial(step_of_loop, train)},
            check=lambda: peers.check_same(peers.lightgcn(torch.float64, train)),
            repeats=options.repeats,
        ),
        Case("epoch of fit", {"ours": partial(epoch_of_fit, train)}, repeats=few),
        Case("evaluation of all users", {"ours": partial(evaluation, train, test)}, repeats=few),
    ]


@cache
def split(part: int):
    return tuple(gowalla_pairs(name)[:, ::part] for name in ("train", "test"))


def model_for(train):
    return ge.LightGCN.for_graph(gowalla_graph(train), DIM, LAYERS, init="lightgcn-pytorch", seed=SEED)


def epoch_of_fit(train):
    """Batches eight times as large as those of the steps, so that an epoch takes seconds."""
    known = gowalla_graph(train)
    model = model_for(train)
    settings = {"loss": "lightgcn-pytorch", "batch_size": 8 * BATCH, "weight_decay": 1e-4, "seed": SEED}
    return lambda: ge.fit(model, known, epochs=1, lr=1e-3, progress=False, **settings)


def step_of_loop(train):
    """The loop of PyG's users with our class: ids of items first, then of users."""
    rows = torch.stack([train[0] + NUM_ITEMS, train[1]])
    edges = torch.cat([rows, rows.flip(0)], 1)
    return loop(ge.LightGCN(NODES, DIM, LAYERS), edges, rows)


def step_of_ours(train):
    from graphembed_ext._core.parallel import threads_to_ourselves
    from graphembed_ext.sampling.triplets import Triplets
    from graphembed_ext.training.ranking import RankingTrainer
    from graphembed_ext.training.splitting import Whole

    model = model_for(train)
    known = model.interactions()
    triplets = Triplets(known, seed=SEED)
    trainer = RankingTrainer(Whole(model), known, triplets, 1, 1e-3, BATCH, "pyg", 1e-4, "constant")

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
    return loop(LightGCN(NODES, DIM, LAYERS), edges, known.labels)


def loop(model, edges, labels):
    """A step of PyG's example: a batch of known pairs, an item by chance for each, the loss, Adam."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def step():
        positive = labels[:, torch.randint(0, labels.size(1), (BATCH,))]
        negative = torch.stack([positive[0], torch.randint(0, NUM_ITEMS, (BATCH,))])
        both = torch.cat([positive, negative], 1)
        optimizer.zero_grad()
        pos, neg = model(edges, both).chunk(2)
        model.recommendation_loss(pos, neg, node_id=both.unique(), lambda_reg=1e-4).backward()
        optimizer.step()

    return step


STEPS = {
    "ours": step_of_ours,
    "PyG, edge_index": lambda train: step_of_pyg(train, sparse=False),
    "PyG, SparseTensor": lambda train: step_of_pyg(train, sparse=True),
}


def thrice(make, train):
    step = make(train)
    return lambda: [step() for _ in range(3)]


def sampler(train):
    from graphembed_ext.sampling.triplets import Triplets

    triplets = Triplets(model_for(train).interactions(), seed=SEED)
    return lambda: triplets.draw(0, 0, min(BATCH, len(triplets)))


def evaluation(train, test):
    known, model = gowalla_graph(train), model_for(train)
    return lambda: ge.evaluate.recommendation(model, known, test, k=20)


def sums(train):
    """The sum over all neighbours of a table, by every kernel at hand."""
    made = cache(lambda: sums_of(model_for(train).interactions().edge_index))
    return {
        name: lambda name=name: made()[name] for name in ("ours", "dgl.ops.copy_u_sum", "torch CSR", "torch_sparse")
    }


def sums_of(edge_index):
    """Each kernel's work; all must agree."""
    import dgl
    from torch_sparse import SparseTensor

    from graphembed_ext._core.parallel import threads_to_ourselves
    from graphembed_ext.graph.adjacency import adjacency
    from graphembed_ext.nn.ops.sums import neighbor_sum

    x = torch.randn(NODES, DIM, generator=torch.Generator().manual_seed(SEED))
    grouped = adjacency(edge_index, NODES, NODES)
    matrix = SparseTensor.from_edge_index(edge_index, sparse_sizes=(NODES, NODES)).t()
    csr = matrix.to_torch_sparse_csr_tensor(dtype=x.dtype)
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

    from graphembed_ext.sampling.triplets import Triplets

    model = model_for(train)
    known = model.interactions()
    peer = LightGCN(NODES, DIM, LAYERS)
    peer.load_state_dict(model.state_dict(), strict=True)
    users, bought, others = Triplets(known, seed=SEED).draw(0, 0, 512)
    nodes = torch.cat([users, bought, others]).unique()
    pos, neg = peer(known.edge_index, torch.stack([users.repeat(2), torch.cat([bought, others])])).chunk(2)
    peer.recommendation_loss(pos, neg, nodes, 1e-4).backward()
    final, initial = model.rows(known, nodes)
    user, positive, negative = (final[torch.searchsorted(nodes, ids)] for ids in (users, bought, others))
    scores = ((user * items).sum(1) for items in (positive, negative))
    ge.losses.bpr_loss(*scores, initial=(initial,), weight_decay=1e-4).backward()
    torch.testing.assert_close(model.embedding.weight.grad, peer.embedding.weight.grad, rtol=1e-4, atol=1e-8)

    some = test[:, test[0] < 200]
    ours = ge.evaluate.recommendation(model, gowalla_graph(train), some, k=20)
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


def main(options: argparse.Namespace, recorder):
    steps, sum_case, memory = cases(options)
    seconds = medians(measure(LIGHTGCN, steps, options))
    sum_seconds = medians(measure(LIGHTGCN, sum_case, options))
    peak = peaks(measure(LIGHTGCN, memory, options))
    ratios = {
        "step, PyG with edge_index": seconds["PyG, edge_index"] / seconds["ours"],
        "step, PyG with SparseTensor": seconds["PyG, SparseTensor"] / seconds["ours"],
        "step / sampler": seconds["ours"] / seconds["sampler"],
        "evaluation / step": seconds["evaluation of all users"] / seconds["ours"],
    }
    results = {"seconds": seconds, "sum_seconds": sum_seconds, "peak_memory_mib": peak, "ratios": ratios}
    return recorder.save(results, **vars(options), dim=DIM, layers=LAYERS, batch=BATCH)


LIGHTGCN = Benchmark("lightgcn", main, options, cases, public, quick={"repeats": 1, "part": 20})
BENCHMARKS = [LIGHTGCN]
