"""Propagation against PyG's layer and plain loops: any width, any edges, in any order, on any number of threads."""

from __future__ import annotations

import pytest
import torch
from torch_geometric.nn import LGConv as PeerConv

from graphembed_ext.errors import InputError
from graphembed_ext.graph.adjacency import Adjacency, adjacency
from graphembed_ext.nn.lgconv import LGConv
from graphembed_ext.nn.ops.propagation import propagate, propagate_rows
from graphembed_ext.nn.ops.sums import neighbor_sum

NODES, ALPHA = 31, [0.4, 0.3, 0.2, 0.1]


def random(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def edges(count=150, top=NODES - 3, seed=0):
    """Directed, with self-loops and repeated edges; the last nodes are isolated."""
    return torch.randint(0, top, (2, count), generator=torch.Generator().manual_seed(seed))


EDGES = edges()


def peers(x, alpha, edge_index=EDGES, weight=None, **config):
    conv, out = PeerConv(**config), x * alpha[0]
    for factor in alpha[1:]:
        x = conv(x, edge_index, weight)
        out = out + factor * x
    return out


@pytest.mark.parametrize("width", [1, 7, 16, 64, 90])
def test_sums_of_every_width_equal_plain_loops(width):
    x, weight = random(NODES, width), random(150, seed=1)
    graph = adjacency(EDGES, NODES, NODES)
    for factors in (None, weight):
        expected = torch.zeros(NODES, width, dtype=torch.float64)
        for edge, (source, target) in enumerate(EDGES.t().tolist()):
            expected[target] += x[source] * (1 if factors is None else factors[edge])
        torch.testing.assert_close(neighbor_sum(graph, x, factors), expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("layers", [0, 1, 2, 3])
@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("width", [5, 64])
def test_polynomial_and_its_gradient_are_the_peers(layers, normalize, width):
    x, upstream, alpha = random(NODES, width).requires_grad_(), random(NODES, width, seed=1), ALPHA[: layers + 1]
    ours = propagate(adjacency(EDGES, NODES, NODES), x, alpha, normalize=normalize)
    theirs = peers(x, alpha, normalize=normalize)
    grads = [torch.autograd.grad((out * upstream).sum(), x)[0] for out in (ours, theirs)]
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(*grads, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("layers", [0, 1, 2, 3])
def test_some_rows_are_those_of_the_whole(layers):
    x, graph, alpha = random(NODES, 20).requires_grad_(), adjacency(EDGES, NODES, NODES), ALPHA[: layers + 1]
    rows = torch.tensor([30, 4, 17, 0, 9])
    upstream = random(2, 5, 20, seed=2)
    final, initial = propagate_rows(graph, x, rows, alpha)
    whole = propagate(graph, x, alpha)
    assert torch.equal(final, whole[rows])
    assert torch.equal(initial, x[rows])
    pairs = [(final, initial), (whole[rows], x[rows])]
    grads = [torch.autograd.grad((a * upstream[0]).sum() + (b * upstream[1]).sum(), x)[0] for a, b in pairs]
    torch.testing.assert_close(*grads, rtol=1e-12, atol=1e-12)


def test_gradcheck():
    x, weight = random(NODES, 2).requires_grad_(), random(150, seed=1).abs().requires_grad_()
    alpha = torch.tensor(ALPHA, dtype=torch.float64).requires_grad_()
    graph, rows = adjacency(EDGES, NODES, NODES), torch.tensor([3, 1])
    check = torch.autograd.gradcheck
    assert check(lambda x: propagate(graph, x, ALPHA), (x,))
    assert check(lambda x: propagate_rows(graph, x, rows, ALPHA), (x,))
    assert check(lambda x, w, a: propagate(graph, x, a, w), (x, weight, alpha))


def test_two_propagations_may_wait_for_their_backward_pass():
    """Buffers are lent by the graph, so none may hold what a later backward pass needs."""
    graph = adjacency(EDGES, NODES, NODES)
    xs = [random(NODES, 8, seed=seed).requires_grad_() for seed in (0, 1)]
    outs = [propagate(graph, x, ALPHA) for x in xs]
    kept = [out.clone() for out in outs]
    (outs[0].square().sum() + outs[1].square().sum()).backward()
    for x, out, before in zip(xs, outs, kept, strict=True):
        assert torch.equal(out, before)
        alone = x.detach().clone().requires_grad_()
        propagate(graph, alone, ALPHA).square().sum().backward()
        assert torch.equal(alone.grad, x.grad)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_order_of_edges_and_threads_change_no_bit(dtype):
    big, x = edges(30_000, 497), random(500, 33, dtype=dtype).requires_grad_()
    rows, before, found = torch.arange(0, 500, 7), torch.get_num_threads(), []
    for threads, order in ((1, torch.arange(30_000)), (2, torch.randperm(30_000)), (3, torch.randperm(30_000))):
        torch.set_num_threads(threads)
        graph = adjacency(big[:, order], 500, 500)
        out = propagate(graph, x, ALPHA)
        part = propagate_rows(graph, x, rows, ALPHA)[0]
        found.append((out, part, *torch.autograd.grad(part.square().sum() + out.sum(), x)))
    torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("flow", ["source_to_target", "target_to_source"])
@pytest.mark.parametrize("weighted", [True, False])
def test_the_layer_is_the_peers(normalize, flow, weighted):
    x, weight = random(NODES, 4), random(150, seed=1).abs() if weighted else None
    ours, theirs = (kind(normalize=normalize, flow=flow) for kind in (LGConv, PeerConv))
    torch.testing.assert_close(ours(x, EDGES, weight), theirs(x, EDGES, weight), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("aggr", ["mean", "max"])
def test_other_aggregations_take_the_plain_path(aggr):
    x = random(NODES, 4)
    torch.testing.assert_close(LGConv(aggr=aggr)(x, EDGES), PeerConv(aggr=aggr)(x, EDGES))


def test_hooks_on_messages_are_called():
    x, conv, seen = random(NODES, 4), LGConv(), []
    expected = conv(x, EDGES)
    conv.register_message_forward_hook(lambda *args: seen.append(args[-1].shape))
    torch.testing.assert_close(conv(x, EDGES), expected)
    assert seen == [(150, 4)]


@pytest.mark.filterwarnings("ignore:Sparse:UserWarning")
@pytest.mark.parametrize("weighted", [True, False])
def test_sparse_matrices(weighted):
    SparseTensor = pytest.importorskip("torch_sparse").SparseTensor
    x, weight = random(NODES, 4), random(150, seed=1).abs() if weighted else None
    matrix = SparseTensor(row=EDGES[1], col=EDGES[0], value=weight, sparse_sizes=(NODES, NODES))
    expected = PeerConv()(x, EDGES, weight)
    torch.testing.assert_close(LGConv()(x, matrix), expected, rtol=1e-12, atol=1e-12)
    values = torch.ones(150, dtype=torch.float64) if weight is None else weight
    plain = torch.sparse_coo_tensor(EDGES.flip(0), values, (NODES, NODES)).to_sparse_csr()
    torch.testing.assert_close(LGConv()(x, plain), expected, rtol=1e-12, atol=1e-12)
    if weighted:
        with pytest.raises(InputError, match="edge_weight: got a tensor; expected None with a sparse matrix"):
            LGConv()(x, matrix, weight)


def test_an_edge_index_changed_in_place_meets_no_stale_cache():
    x, changing = random(NODES, 4), EDGES.clone()
    LGConv()(x, changing)
    changing[1, :20] = 5
    torch.testing.assert_close(LGConv()(x, changing), PeerConv()(x, changing))


def test_half_precision_and_bad_weights():
    x = random(NODES, 4, dtype=torch.bfloat16)
    torch.testing.assert_close(LGConv()(x, EDGES).float(), PeerConv()(x.float(), EDGES), rtol=0.05, atol=0.05)
    with pytest.raises(InputError, match=r"edge_weight: got shape \(3,\); expected shape \(150,\)"):
        LGConv()(x, EDGES, torch.ones(3))


def test_no_edges():
    graph = Adjacency.from_edges(torch.empty(0).long(), torch.empty(0).long(), 3, 3)
    x = torch.ones(3, 16, requires_grad=True)
    final, _ = propagate_rows(graph, x, torch.tensor([2]), ALPHA)
    final.sum().backward()
    assert torch.equal(propagate(graph, x, ALPHA), x * ALPHA[0])
    assert x.grad[:2].count_nonzero() == 0
