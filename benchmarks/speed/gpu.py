"""On a GPU: an epoch of skip-gram on a graph of the size of YouTube, and steps of LightGCN, HAN and GraphSAGE beside
PyG's on the same GPU.

The graphs are drawn: an R-MAT one (as in :mod:`.folder`) of 1,138,499 nodes and 2,990,443 undirected edges, as many as
YouTube's has in GraphVite (Zhu et al. 2019, arXiv:1903.00757); users and items as many, and as many pairs, as Gowalla
has; papers and metapath edges as in ACM; nodes, edges and features as in ogbn-arxiv. Before timing, outputs, losses and
gradients must be those of PyG's class with the same weights; walks must be those of the CPU, bit for bit.
"""

from __future__ import annotations

import argparse
from functools import cache, partial

import torch

import graphembed_ext as ge
from graphembed_ext.walks.walker import Walker

from ..data import MissingData
from ..harness import Benchmark, Case, Run, measure, medians, rates
from .folder import U64, np, rmat

SEED = 0
YOUTUBE = 1_138_499, 2_990_443
DIM, LENGTH, WINDOW = 128, 40, 5
USERS, ITEMS, PAIRS = 29_858, 40_981, 810_128
PAPERS, CHANNELS, BY_AUTHORS, BY_SUBJECTS = 4019, 1902, 57_853, 4_338_213
NODES, EDGES, FEATURES, CLASSES = 169_343, 1_166_243, 128, 40


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--part", type=int, default=1, help="take one of so many nodes and edges, to try it quickly")
    parser.add_argument("--device", default="cuda")


def cases(options: argparse.Namespace) -> list[Case]:
    if options.device == "cuda" and not torch.cuda.is_available():
        raise MissingData("no GPU is here")
    made = partial(partial, options=argparse.Namespace(**vars(options) | {"dtype": torch.float32}))
    few = max(1, options.repeats // 2)
    return [
        Case(
            "skip-gram, an epoch",
            {"ours, GPU": made(epoch, "auto"), "ours, CPU": made(epoch, "numba")},
            check=made(check_walks), unit="tokens/s", repeats=few, ours=("ours, GPU", "ours, CPU"),
        ),
        Case(
            "skip-gram, a batch",
            {"ours, GPU": made(batch, "auto"), "torch, GPU": made(batch, "torch")},
            unit="tokens/s", repeats=few, ours=("ours, GPU",),
        ),
        Case("LightGCN, a step", {name: made(lightgcn, name) for name in LIGHTGCN}, made(check, lightgcn, LIGHTGCN)),
        Case("HAN, a step", {name: made(han, name) for name in HAN}, made(check, han, HAN)),
        Case("GraphSAGE, a step", {name: made(sage, name) for name in SAGE}, made(check, sage, SAGE)),
    ]  # fmt: skip


LIGHTGCN = SAGE = ("ours", "PyG, edge_index", "PyG, torch CSR")
HAN = ("ours", "PyG")


@cache
def youtube(part: int):
    """Undirected edges, each once."""
    nodes, edges = (number // part for number in YOUTUBE)
    ends = np.empty((2, edges), np.int64)
    rmat(0, (nodes - 1).bit_length(), nodes, U64(SEED), ends)
    return ge.view(torch.from_numpy(np.concatenate([ends, ends[::-1]], 1)), num_nodes=nodes)


def model_of(options) -> ge.DeepWalk:
    return ge.DeepWalk(
        youtube(options.part), emb_dim=DIM, walk_length=LENGTH, window_size=WINDOW, negative_size=5, engine="torch",
        sparse=True, seed=SEED,
    )  # fmt: skip


def finished(options) -> None:
    if options.device == "cuda":
        torch.cuda.synchronize()


def epoch(engine: str, options) -> Run:
    """All of ``ge.fit`` for one pass: walks, training, and the loss that it found."""
    device = options.device if engine == "auto" else "cpu"
    model = model_of(options).to(device)
    model.walker.steps()

    def go():
        result = ge.fit(model, epochs=1, lr=0.025, device=device, engine=engine, progress=False)
        finished(options)
        return result

    return Run(go, lambda result: {"rows": result.history[0]["tokens"], "loss": result.loss, "engine": result.engine})


def batch(engine: str, options) -> Run:
    """Training alone, on walks that are there."""
    from graphembed_ext.training.engines.base import Batch
    from graphembed_ext.training.engines.choose import choose

    model = model_of(options).to(options.device)
    walks = model.walker.walk(torch.arange(8192) % model.view.total_nodes, LENGTH, SEED).nodes.to(options.device)
    chosen, _ = choose(model, engine, lr=0.025, loss="stable", key=1, threads=1, deterministic=False)
    count = 8192 if engine == "auto" else 128
    given = [Batch(walks[:count], 0, number, number * count, 0.025) for number in range(4)]

    def go():
        found = list(chosen.train(given))
        finished(options)
        return found

    return Run(go, lambda found: {"rows": sum(one.tokens for one in found)})


def check_walks(options) -> None:
    view = youtube(options.part)
    walker, starts = Walker(view, engine="torch"), torch.arange(5000)
    wanted = walker.walk(starts, LENGTH, SEED).nodes
    found = walker.on(torch.device(options.device)).walk(starts, LENGTH, SEED).nodes
    assert torch.equal(found.cpu(), wanted)


@cache
def drawn(device: str, part: int, sources: int, targets: int, edges: int):
    """Edges whose ends are drawn by a falling popularity."""
    generator = torch.Generator().manual_seed(SEED)
    ends = [
        ((1 - torch.rand(edges // part, generator=generator, dtype=torch.float64)).pow(2) * (count // part)).long()
        for count in (sources, targets)
    ]
    return torch.unique(torch.stack(ends), dim=1).to(device)


def csr_of(edges, nodes: int, dtype):
    """The transposed matrix as PyG takes it: a row for each destination."""
    ones = torch.ones(edges.size(1), device=edges.device, dtype=dtype)
    return torch.sparse_coo_tensor(edges.flip(0), ones, (nodes, nodes)).coalesce().to_sparse_csr()


def lightgcn(name: str, options):
    """A batch of 2,048 pairs with a negative each: propagation, loss and gradient."""
    from torch_geometric.nn import LightGCN

    users, items = USERS // options.part, ITEMS // options.part
    pairs = drawn(options.device, options.part, USERS, ITEMS, PAIRS) + torch.tensor(
        [[0], [users]], device=options.device
    )
    edges = torch.cat([pairs, pairs.flip(0)], 1)
    graph = csr_of(edges, users + items, options.dtype) if name == "PyG, torch CSR" else edges
    known = pairs[:, :: max(1, pairs.size(1) // 2048)][:, :2048]
    both = torch.cat([known, torch.stack([known[0], known[1].flip(0)])], 1)
    model = seeded(lambda: (ge.LightGCN if name == "ours" else LightGCN)(users + items, 64, 3), options)

    def go():
        pos, neg = model(graph, both).chunk(2)
        return model.recommendation_loss(pos, neg, node_id=both.unique(), lambda_reg=1e-4)

    return stepped(model, go, options)


def han(name: str, options):
    """ACM's sizes: outputs, the sum of their squares, gradients."""
    from torch_geometric.nn import HANConv

    papers, kinds = PAPERS // options.part, {"PAP": BY_AUTHORS, "PSP": BY_SUBJECTS}
    edges = {
        ("paper", kind, "paper"): drawn(options.device, options.part, PAPERS, PAPERS, count)
        for kind, count in kinds.items()
    }
    x = torch.rand(papers, CHANNELS, generator=torch.Generator().manual_seed(SEED)).to(options.device, options.dtype)
    metadata = ["paper"], list(edges)
    model = seeded(lambda: (ge.HANConv if name == "ours" else HANConv)(CHANNELS, 64, metadata, heads=8), options)
    return stepped(model, lambda: model({"paper": x}, edges)["paper"].square().sum(), options)


def sage(name: str, options):
    """Two layers over the whole of a graph of ogbn-arxiv's size, cross-entropy, gradients."""
    from torch_geometric.nn import GraphSAGE

    nodes = NODES // options.part
    one_way = drawn(options.device, options.part, NODES, NODES, EDGES)
    edges = torch.unique(torch.cat([one_way, one_way.flip(0)], 1), dim=1)
    graph = csr_of(edges, nodes, options.dtype) if name == "PyG, torch CSR" else edges
    generator = torch.Generator().manual_seed(SEED)
    x = torch.rand(nodes, FEATURES, generator=generator).to(options.device, options.dtype)
    y = torch.randint(0, CLASSES, (nodes,), generator=generator).to(options.device)
    model = seeded(lambda: (ge.GraphSAGE if name == "ours" else GraphSAGE)(FEATURES, 256, 2, CLASSES), options)
    return stepped(model, lambda: torch.nn.functional.cross_entropy(model(x, graph), y), options)


def seeded(make, options):
    """A class's model; weights are made equal by :func:`check`."""
    torch.manual_seed(SEED)
    return make().to(options.device, options.dtype)


def stepped(model, loss_of, options) -> Run:
    def go():
        model.zero_grad()
        loss = loss_of()
        loss.backward()
        finished(options)
        return model, loss

    return Run(go, lambda found: {"loss": float(found[1])})


def check(make, names, options) -> None:
    """The loss and all gradients, from the same weights; in float64, as gradients nearly cancel."""
    exact = argparse.Namespace(**vars(options) | {"dtype": torch.float64})
    runs = [make(name, exact) for name in names]
    wanted = None
    for run in runs:
        model, _ = run.go()
        if wanted is None:
            state = {name: value.clone() for name, value in model.state_dict().items()}
        model.load_state_dict(state)
        model, loss = run.go()
        found = [loss.detach(), *(p.grad.clone() for p in model.parameters())]
        wanted = wanted or found
        for ours, theirs in zip(wanted, found, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-7, atol=1e-7 * float(theirs.abs().max()))


def main(options: argparse.Namespace, recorder):
    results = {}
    for case in cases(options):
        samples = measure(BENCHMARK, case, options)
        results[case.name] = {
            "seconds": medians(samples), "rates": rates(case, samples), "runs": samples,
        }  # fmt: skip
        path = recorder.save(results, **vars(options), gpu=gpu(options))
    return path


def gpu(options) -> dict:
    """What the GPU is, and the most of its memory that was taken."""
    if options.device != "cuda":
        return {}
    taken = torch.cuda.max_memory_allocated() / 2**20
    return {"name": torch.cuda.get_device_name(), "peak_mib": round(taken), "cuda": torch.version.cuda}


BENCHMARK = Benchmark("gpu", main, options, cases, quick={"repeats": 1, "part": 100})
BENCHMARKS = [BENCHMARK]
