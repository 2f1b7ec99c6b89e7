"""The kernels in Triton against torch and plain loops: on a GPU, or by Triton's interpreter where there is none."""

from __future__ import annotations

import importlib
import importlib.util
import itertools
from contextlib import contextmanager

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import graphembed_ext as ge
from graphembed_ext.errors import InputError
from graphembed_ext.graph.adjacency import Adjacency
from graphembed_ext.nn.ops.attention_plain import attend_plainly, threshold_of
from graphembed_ext.walks.walker import Walker
from tests.splitmix import MASK, below, splitmix

N, D = 40, 16


@pytest.fixture
def place():
    """Where the kernels work: a GPU, or the CPU's memory, interpreted."""
    if importlib.util.find_spec("triton") is None:
        pytest.skip("Triton is not installed: pip install triton, which interprets its kernels where there is no GPU")
    return torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")


def drawn(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def edges(count, sources, destinations):
    generator = torch.Generator().manual_seed(1)
    return (
        torch.randint(0, sources, (count,), generator=generator),
        torch.randint(0, destinations, (count,), generator=generator),
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("width", [1, 5, 64, 130])
@pytest.mark.parametrize("weighted", [False, True])
def test_sums_of_rows(weighted, width, dtype, place):
    from graphembed_ext.nn.ops.gpu_sums import sum_rows

    src, dst = edges(140, 23, 15)  # the last two destinations have no edge
    graph = Adjacency.from_edges(src, dst, 23, 17)
    x, weight = drawn(23, width, dtype=dtype), drawn(140, seed=1, dtype=dtype) if weighted else None
    carried = x[src].double() if weight is None else x[src].double() * weight.double().unsqueeze(1)
    wanted = torch.zeros(17, width, dtype=torch.float64).index_add(0, dst, carried)
    entries = None if weight is None else weight[graph.edge_ids].to(place)
    found = sum_rows(graph.to(place), entries, x.to(place))
    assert found.dtype == dtype
    exact = {torch.float32: 1e-5, torch.float64: 1e-12, torch.bfloat16: 0.05}[dtype]
    torch.testing.assert_close(found.cpu().double(), wanted, rtol=exact, atol=exact)


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("alpha", [(0.5, 0.5), (0.25, 0.25, 0.3, 0.2)])
def test_propagation_is_that_of_the_cpu(alpha, normalize, place):
    from graphembed_ext.nn.ops import propagation

    src, dst = edges(160, 23, 23)
    graph, x = Adjacency.from_edges(src, dst, 23, 23), drawn(23, 10, dtype=torch.float64)
    scale = propagation._scale(graph, x.dtype, normalize)
    wanted = propagation.propagate(graph, x, alpha, normalize=normalize)
    found = propagation._polynomial_on_gpu(graph.to(place), scale.to(place), x.to(place), list(alpha))
    torch.testing.assert_close(found.cpu(), wanted)


def test_sums_of_long_rows_and_short_ones(place):
    from graphembed_ext.nn.ops.gpu_sums import sum_rows

    dst = torch.tensor([300, 0, 256, 3, 255, 700]).repeat_interleave(torch.tensor([300, 0, 256, 3, 255, 700])) % 7
    src = edges(len(dst), 50, 1)[0]
    x = drawn(50, 20, dtype=torch.float64)
    found = sum_rows(Adjacency.from_edges(src, dst, 50, 7).to(place), None, x.to(place))
    torch.testing.assert_close(found.cpu(), torch.zeros(7, 20, dtype=torch.float64).index_add(0, dst, x[src]))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_attention_and_its_gradients(dropout, weighted, place):
    from graphembed_ext.nn.ops.gpu_attention import attention, attention_gradients

    src, dst = edges(140, 23, 15)
    graph = Adjacency.from_edges(src, dst, 23, 17)
    given = [drawn(*shape, seed=k, dtype=torch.float64) for k, shape in enumerate([(23, 3, 6), (23, 3), (17, 3)])]
    given = [part.requires_grad_() for part in given]
    weight = drawn(140, seed=4, dtype=torch.float64) if weighted else None
    draws = threshold_of(dropout) if dropout else 0, (1 << 63) + 99
    wanted = attend_plainly(graph, (*given, weight), 0.2, *draws)
    grad = drawn(*wanted.shape, seed=5, dtype=torch.float64)
    gradients = torch.autograd.grad(wanted, given, grad)

    there = graph.to(place)
    moved = [part.detach().to(place) for part in given]
    factors = [None if weight is None else weight[g.edge_ids].to(place) for g in (graph, graph.transposed())]
    found, total = attention(there, *moved, factors[0], 0.2, draws)
    torch.testing.assert_close(found.cpu(), wanted.detach())
    mean = (grad.to(place) * found).sum(2)
    both = None if weight is None else tuple(factors)
    for ours, theirs in zip(
        attention_gradients(there, *moved, both, 0.2, draws, total, mean, grad.to(place)), gradients, strict=True
    ):
        torch.testing.assert_close(ours.cpu(), theirs)


def attended(place, learned=True):
    """A layer's attention, what it is made of, and a gradient of it that does not lie as it does."""
    from graphembed_ext.nn.ops.gpu_attention import attend_on_gpu

    src, dst = edges(140, 23, 15)
    graph = Adjacency.from_edges(src, dst, 23, 17).to(place)
    shapes = (23, 3, 6), (23, 3), (17, 3), (140,)
    given = [drawn(*shape, seed=k, dtype=torch.float64).to(place).requires_grad_() for k, shape in enumerate(shapes)]
    given[3].requires_grad_(learned)
    return attend_on_gpu(*given, graph, 0.2, 0, 0), graph, given, drawn(6, 3, 17, seed=5, dtype=torch.float64).to(place)


@pytest.mark.parametrize("weight", [False, True])
def test_gradients_of_attention_are_plain_numbers(weight, place):
    """Whether the weights have gradients, too, or not."""
    found, graph, given, grad = attended(place, weight)
    plainly = attend_plainly(graph, given, 0.2, 0, 0)
    given = given if weight else given[:3]
    wanted = torch.autograd.grad(plainly, given, grad.permute(2, 1, 0))
    for ours, theirs in zip(torch.autograd.grad(found, given, grad.permute(2, 1, 0)), wanted, strict=True):
        assert not ours.requires_grad
        torch.testing.assert_close(ours, theirs)


def test_gradients_of_attention_can_be_differentiated(place):
    found, graph, given, grad = attended(place)
    wanted = attend_plainly(graph, given, 0.2, 0, 0)
    seconds = []
    for out in (found, wanted):
        first = torch.autograd.grad(out, given, grad.permute(2, 1, 0), create_graph=True)
        seconds.append(torch.autograd.grad(sum(part.square().sum() for part in first), given))
    for ours, theirs in zip(*seconds, strict=True):
        torch.testing.assert_close(ours, theirs)


WALKS = [{}, {"weight": True}, {"restart": 0.3}, {"weight": True, "restart": 0.2}]


@pytest.mark.parametrize("kind", WALKS)
def test_walks_are_those_of_the_cpu_bit_for_bit(kind, place):
    from graphembed_ext.walks.compiled import table_of
    from graphembed_ext.walks.gpu import walk

    src, dst = edges(200, N - 2, N)  # walks end at the last two nodes
    weight = {"weight": torch.rand(200, generator=torch.Generator().manual_seed(2))} if "weight" in kind else {}
    walker = Walker(ge.view(torch.stack([src, dst])), engine="torch", **kind | weight)
    starts, stream = torch.arange(N).repeat(3), (1 << 63) + 12345
    wanted = walker.walk(starts, 9, stream, 7).nodes
    assert (wanted < 0).any()
    csr, entries = walker.steps()[0], walker.entry_weights()
    table = None if entries is None else torch.from_numpy(table_of(csr, entries, torch.empty).view(np.int32)).to(place)
    rows = csr.indptr.to(place), csr.indices.to(place)
    found = walk(*rows, table, int(walker.restart * (1 << 32)), starts.to(place), 9, stream, 7, None, N)
    assert torch.equal(found.cpu(), wanted)


def test_walks_along_metapaths_are_those_of_the_cpu_bit_for_bit(place):
    from graphembed_ext.walks.gpu import walk

    one, other = edges(30, 9, 7)
    view = ge.view({("a", "to", "b"): torch.stack([one, other]), ("b", "of", "a"): torch.stack([other, one])})
    walker = Walker(view, metapath=[["to", "of"], ["of", "to"]], engine="torch")
    starts = walker.starts.repeat(5)
    wanted, csr = walker.walk(starts, 8, 77).nodes, walker.steps()[0]
    rows = csr.indptr.to(place), csr.indices.to(place)
    found = walk(*rows, None, 0, starts.to(place), 8, 77, 0, walker.plan(8).to(place), view.total_nodes)
    assert torch.equal(found.cpu(), wanted)


def trained(place, walks, *, window=2, shrink=False, negatives=3, alias, groups, programs=1, size=D, rows=N):
    """Both tables after a batch, with the loss and pairs that were found."""
    from graphembed_ext.training.engines.gpu_kernel import train_walks

    nodes, contexts = drawn(rows, size, seed=1) * 0.3, drawn(rows, size, seed=2) * 0.3
    tables = nodes.clone().to(place), contexts.clone().to(place)
    noise = torch.from_numpy(alias.view(np.int32).copy()).to(place), torch.tensor(groups).to(place)
    means = window, shrink, negatives, *noise, 0.05, 0.7, (1 << 63) + 5, 3, programs
    found = train_walks(*tables, walks.to(place), *means).cpu()
    return nodes, contexts, *(table.cpu() for table in tables), found


def alias_of(groups, rows=N):
    generator = np.random.default_rng(0)
    others = np.concatenate([generator.integers(*ends, ends[1] - ends[0]) for ends in itertools.pairwise(groups)])
    kept = generator.integers(0, 1 << 32, rows)
    return np.stack([kept, others], 1).astype(np.uint32)


WALKED = torch.randint(0, N, (6, 9), generator=torch.Generator().manual_seed(3))
WALKED[1, 4:] = WALKED[2, 1:] = -1
WALKED[3] = WALKED[3, 0].clone()


def negative(walks, alias, low, high, stream, counter):
    """A node from an alias table, or a node of the batch, drawn again where a walk has ended."""
    random = splitmix(stream, counter)
    if len(alias):
        slot = low + below(high - low, random)
        return slot if random % (1 << 32) < alias[slot, 0] else int(alias[slot, 1])
    while (node := int(walks.flatten()[below(walks.numel(), random)])) < 0:
        random = splitmix(random, 0)
    return node


@pytest.mark.parametrize(
    "options",
    [
        {"alias": np.empty((0, 2), np.uint32), "groups": [0, N]},
        {"alias": alias_of([0, N]), "groups": [0, N]},
        {"alias": alias_of([0, 10, 20, N]), "groups": [0, 10, 20, N], "window": 5, "negatives": 5, "size": 20},
        {"alias": alias_of([0, 15, N]), "groups": [0, 15, N], "shrink": True, "window": 3},
        {"alias": alias_of([0, N]), "groups": [0, N], "window": 9, "negatives": 20},
    ],
)
def test_each_window_is_a_step_of_sgd(options, place):
    """Against automatic differentiation, window after window, with the negatives that the CPU's kernel draws."""
    nodes, contexts, *tables, found = trained(place, WALKED, **options)
    nodes, contexts = nodes.double().requires_grad_(), contexts.double().requires_grad_()
    window, negatives = options.get("window", 2), options.get("negatives", 3)
    total = pairs = 0
    for row, walk in enumerate(WALKED.tolist()):
        stream = splitmix((1 << 63) + 5, 3 + row)
        for i, centre in enumerate(walk):
            reach = 1 + below(window, splitmix(~stream & MASK, i)) if options.get("shrink") else window
            near = [walk[j] for j in range(max(0, i - reach), min(9, i + reach + 1)) if j != i and walk[j] >= 0]
            if centre < 0 or not near:
                continue
            groups = options["groups"]
            low, high = next(ends for ends in itertools.pairwise(groups) if ends[0] <= centre < ends[1])
            others = [
                negative(WALKED, options["alias"], low, high, stream, i * negatives + k) for k in range(negatives)
            ]
            x, y = nodes[near], contexts[[centre, *others]]
            score = x @ y.T
            lost = -F.logsigmoid(score[:, 0]).sum() - 0.7 * F.logsigmoid(-score[:, 1:]).sum()
            gradients = torch.autograd.grad(lost, (nodes, contexts))
            with torch.no_grad():
                for table, gradient in zip((nodes, contexts), gradients, strict=True):
                    table -= 0.05 * gradient
            total, pairs = total + float(lost.detach()), pairs + len(near)
    assert found[0].tolist() == pytest.approx([total, pairs], rel=1e-5)
    for ours, theirs in zip(tables, (nodes, contexts), strict=True):
        torch.testing.assert_close(ours.double(), theirs.detach(), rtol=1e-4, atol=1e-5)


def test_walks_that_share_no_node_are_trained_alike_by_any_number_of_programs(place):
    rows = 4000
    walks = torch.arange(200).view(20, 10)
    options = {"alias": alias_of([0, rows], rows=rows), "groups": [0, rows], "rows": rows, "negatives": 0}
    one, many = (trained(place, walks, programs=count, **options) for count in (1, 20))
    torch.testing.assert_close(one[2], many[2], rtol=1e-4, atol=1e-5)
    assert one[4].sum(0).tolist() == pytest.approx(many[4].sum(0).tolist(), rel=1e-4)


def test_more_walks_than_the_kernel_can_count_are_refused(place):
    from graphembed_ext.training.engines.gpu_kernel import train_walks

    walks, table = torch.zeros(1, 1, dtype=torch.int64, device=place), torch.zeros(1, 4, device=place)
    noise = torch.empty(0, 2, dtype=torch.int32, device=place), torch.tensor([0, 1], device=place)
    with pytest.raises(InputError, match=r"batch_size: got 67108864; expected at most 67108863, of walks of 32 nodes"):
        train_walks(table, table, walks.expand(1 << 26, 32), 1, False, 1, *noise, 0.1, 1.0, 0, 0, 1)


def test_kernels_are_launched_on_the_device_of_their_tensors(place, monkeypatch):
    """Triton launches on the current device, which may be another."""
    launched, current = [], []

    @contextmanager
    def device_of(tensor):
        current.append(tensor.device)
        yield
        current.pop()

    class Watched:
        """In the place of a kernel, which need not run for this."""

        def __init__(self, name):
            self.name = name

        def __getitem__(self, grid):
            launched.append((self.name, [there.type for there in current]))
            return lambda *args, **kwargs: None

    from graphembed_ext.nn.ops import gpu_attention, gpu_sums
    from graphembed_ext.training.engines import gpu_kernel
    from graphembed_ext.walks import gpu

    homes = {
        "_attend": gpu_attention,
        "_to_destinations": gpu_attention,
        "_to_sources": gpu_attention,
        "_sum_rows": gpu_sums,
        "_walk": gpu,
        "_train": gpu_kernel,
    }
    for name, home in homes.items():
        monkeypatch.setattr(home, name, Watched(name))
    monkeypatch.setattr(torch.cuda, "device_of", device_of)
    found, graph, given, grad = attended(place, learned=False)
    torch.autograd.grad(found, given[:3], grad.permute(2, 1, 0))
    gpu_sums.sum_rows(graph, None, given[1].detach())
    gpu.walk(graph.indptr, graph.indices, None, 0, graph.indices[:3], 4, 0, 0, None, 17)
    trained(place, WALKED, alias=alias_of([0, N]), groups=[0, N])
    assert launched == [(name, [place.type]) for name in homes]


def test_the_gpu_engine_learns_two_cliques():
    if not torch.cuda.is_available():
        pytest.skip("no GPU here")
    clique = torch.combinations(torch.arange(20)).T
    graph = torch.cat([clique, clique + 20, torch.tensor([[0], [20]])], 1)
    model = ge.DeepWalk(torch.cat([graph, graph.flip(0)], 1), emb_dim=16, walk_length=10, window_size=2, seed=0)
    result = ge.fit(model, device="cuda", progress=False)
    assert (result.engine, result.walk_engine, result.fallback) == ("triton", "torch", "")
    z = F.normalize(torch.from_numpy(ge.embed(model).numpy()))
    same = (z[:20] @ z[:20].T).mean() + (z[20:] @ z[20:].T).mean()
    assert same / 2 > 0.2 + (z[:20] @ z[20:].T).mean()
    assert result.loss < 0.9 * result.history[0]["loss"]
